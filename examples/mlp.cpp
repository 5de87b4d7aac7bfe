// A network that tells two half moons apart: data, model, optimizer, schedule and trainer, put together by hand.
#include <gradus/gradus.h>

#include <cstdio>

using namespace gradus;

// The part of the examples whose class the model names rightly.
double accuracy(const Mlp& model, const TensorDataset& data) {
  Context context;
  const Tensor found = argmax(model.forward(data.inputs(), context), 1);
  const std::vector<int64_t> a = found.values<int64_t>(), b = data.targets().values<int64_t>();
  double right = 0;
  for (size_t i = 0; i < a.size(); ++i) right += a[i] == b[i] ? 1 : 0;
  return right / static_cast<double>(a.size());
}

int main() {
  const TensorDataset training = make_moons({.points = 400, .noise = 0.15}, 1);
  const TensorDataset fresh = make_moons({.points = 1000, .noise = 0.15}, 2);
  const Mlp model({.inputs = 2,
                   .outputs = 2,
                   .hidden = {32, 32},
                   .activation = Activation::kSilu,
                   .objective = {.kind = ObjectiveKind::kCrossEntropy},
                   .weight_init = Initializer::kaiming_normal()},
                  1);
  const auto optimizer = make_adamw(model.parameters(), {.weight_decay = 0.01});
  const TrainerOptions options{.steps = 500, .batch_size = 32, .seed = 1, .log_every = 100};
  Trainer trainer(options, model.parameters(), loss_of(model), training, *optimizer,
                  CosineSchedule{.learning_rate = 0.01, .warmup_steps = 20, .total_steps = 500});
  trainer.set_callback([](const StepRecord& record) {
    if (record.logged) {
      std::printf("step %3lld  loss %.4f\n", static_cast<long long>(record.step), record.loss);
    }
  });
  trainer.run();
  std::printf("accuracy %.3f on the training data, %.3f on fresh data\n", accuracy(model, training),
              accuracy(model, fresh));
}
