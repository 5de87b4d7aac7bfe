// Times one update of 124M f32 parameters by each optimizer, or by those that are named, beside the time that the
// machine needs to move as many bytes: `bench_optimizers [NAME …]`, a line each, medians of several updates.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/optim/optimizer.h"
#include "gradus/tensor/kernels/machine_limits.h"

namespace gradus {
namespace {

// 53 matrices as in the feed-forward layers of GPT-2 124M, and a vector for each.
constexpr int kMatrices = 53;
constexpr int64_t kRows = 3072, kColumns = 768;
constexpr int kUpdates = 7;

struct Rule {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(const Parameters& parameters);
  int bytes;  ///< A parameter: weight and state read and written, gradient read twice: for its norm, and for the
              ///< update.
};

const Rule kRules[] = {
    {"sgd", [](const Parameters& p) { return make_sgd(p, {}); }, 16},
    {"sgd_momentum", [](const Parameters& p) { return make_sgd(p, {.momentum = 0.9}); }, 24},
    {"asgd", [](const Parameters& p) { return make_asgd(p, {}); }, 24},
    {"rprop", [](const Parameters& p) { return make_rprop(p, {}); }, 32},
    {"adagrad", [](const Parameters& p) { return make_adagrad(p, {}); }, 24},
    {"adadelta", [](const Parameters& p) { return make_adadelta(p, {}); }, 32},
    {"rmsprop", [](const Parameters& p) { return make_rmsprop(p, {}); }, 24},
    {"adam", [](const Parameters& p) { return make_adam(p, {}); }, 32},
    {"adamw", [](const Parameters& p) { return make_adamw(p, {}); }, 32},
    {"adamw_bf16", [](const Parameters& p) { return make_adamw(p, {.state = DType::kBF16}); }, 24},
    {"adamw_amsgrad", [](const Parameters& p) { return make_adamw(p, {.amsgrad = true}); }, 40},
    {"adamax", [](const Parameters& p) { return make_adamax(p, {}); }, 32},
    {"nadam", [](const Parameters& p) { return make_nadam(p, {}); }, 32},
    {"radam", [](const Parameters& p) { return make_radam(p, {}); }, 32},
    {"lion", [](const Parameters& p) { return make_lion(p, {}); }, 24},
    {"schedule_free", [](const Parameters& p) { return make_schedule_free(p, {}); }, 32},
    {"adafactor", [](const Parameters& p) { return make_adafactor(p, {}); },
     28},                                                               // θ also for its length, g four times
    {"muon", [](const Parameters& p) { return make_muon(p, {}); }, 0},  // products, not memory
};

void time(const Rule& rule) {
  Parameters parameters;
  std::vector<Tensor> gradients;
  for (int i = 0; i < kMatrices; ++i) {
    for (const Shape& shape : {Shape{kRows, kColumns}, Shape{kRows}}) {
      parameters.push_back({"p" + std::to_string(parameters.size()), Tensor::full(shape, 0.5)});
      gradients.push_back(Tensor::full(shape, 1e-3));
    }
  }
  const auto optimizer = rule.make(parameters);
  double bandwidth = kernels::measure_bandwidth();
  std::vector<double> seconds;
  for (int update = -1; update < kUpdates; ++update) {  // the first takes the state's memory
    for (size_t i = 0; i < gradients.size(); ++i) parameters[i].tensor.set_grad(gradients[i]);
    const Clock::time_point begin = Clock::now();
    optimizer->step({.learning_rate = 1e-4, .clip_norm = 1.0});
    if (update >= 0) seconds.push_back(seconds_since(begin));
  }
  bandwidth = std::max(bandwidth, kernels::measure_bandwidth());  // other programs come and go
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[kUpdates / 2];
  const double bytes = static_cast<double>(count_elements(parameters)) * rule.bytes;
  std::printf("%-14s %8.1f ms", rule.name, 1e3 * median);
  if (rule.bytes > 0) {
    std::printf("   %d bytes a parameter: %5.1f GB/s, %3.0f%% of the machine's %.1f", rule.bytes, bytes / median / 1e9,
                100 * bytes / median / bandwidth, bandwidth / 1e9);
  }
  std::printf("\n");
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  const std::vector<std::string> wanted(argv + 1, argv + argc);
  for (const gradus::Rule& rule : gradus::kRules) {
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), rule.name) != wanted.end()) gradus::time(rule);
  }
}
