// The textbook's example, step by step: fit W·X + b to noisy points of a line by gradient descent.
#include <gradus/gradus.h>

#include <cstdio>

using namespace gradus;

int main() {
  const uint64_t seed = 1;
  const TensorDataset line = make_line({.points = 100, .slope = 2.0, .noise = 0.3}, seed);
  const Tensor &x = line.inputs(), &y = line.targets();

  Parameters parameters;
  const ParameterBuilder builder(parameters, seed);
  const Tensor w = builder.add("W", {1, 1}, Initializer::normal(1.0));
  const Tensor b = builder.add("b", {1}, Initializer::normal(1.0));
  const auto optimizer = make_sgd(parameters, {});

  for (int step = 0; step < 1000; ++step) {
    Tape tape;  // records the ops below; the loss is made inside the step, or it would have no gradient
    const Tensor loss = mse(linear(x, w, b), y);
    if (step % 100 == 0) std::printf("step %3d  loss %.6f\n", step, loss.item());
    tape.backward(loss);
    optimizer->step({.learning_rate = 0.01});
  }
  std::printf("W %.6f  b %.6f\n", w.item(), b.item());
}
