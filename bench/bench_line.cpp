// Times the textbook's line, 1,000 whole-batch steps on 100 points through the ordinary trainer, several times, and
// prints one JSON object: what bench/peers/compare takes.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "gradus/data/generated.h"
#include "gradus/base/json.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/trainer.h"

namespace gradus {
namespace {

TrainingSummary train_line() {
  const TensorDataset data = make_line({}, 1);
  const LinearModel model({}, 1);
  const auto optimizer = make_sgd(model.parameters(), {});
  Trainer trainer({.steps = 1000, .log_every = 1 << 30}, model.parameters(), loss_of(model), data, *optimizer,
                  ConstantSchedule{0.01});
  return trainer.run();
}

void bench_line() {
  constexpr int kRounds = 20;
  std::vector<double> runs_ms;
  double loss = 0.0;
  for (int i = 0; i < kRounds; ++i) {
    const TrainingSummary summary = train_line();
    runs_ms.push_back(1e3 * summary.elapsed_s);
    loss = summary.final_loss;
  }
  std::sort(runs_ms.begin(), runs_ms.end());
  const JsonText json =
      JsonText().add("run_ms_median", runs_ms[kRounds / 2]).add("loss", loss).add("isa", name_of(active_isa()));
  std::printf("%s\n", json.line().c_str());
}

}  // namespace
}  // namespace gradus

int main() {
  try {
    gradus::bench_line();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
