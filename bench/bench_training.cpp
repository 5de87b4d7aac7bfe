// Times whole training steps through the ordinary trainer and prints one JSON object: what bench/peers compares.
//
//     bench_training line                    1,000 whole-batch steps on 100 points, several times
//     bench_training gpt [--batch 12] ...    steps of a GPT with AdamW on made-up tokens
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/nn/models/gpt.h"
#include "gradus/nn/models/regression.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/run.h"

namespace gradus {
namespace {

using Clock = std::chrono::steady_clock;
using Sizes = std::map<std::string, int64_t>;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print(const std::string& fields) {
  std::printf("{%s, \"threads\": %d, \"isa\": \"%s\", \"peak_rss_bytes\": %lld}\n", fields.c_str(), threads(),
              std::string(name_of(active_isa())).c_str(), static_cast<long long>(peak_rss_bytes()));
}

void bench_line(const Sizes& sizes) {
  std::vector<double> runs;
  double loss = 0.0;
  for (int64_t i = 0; i < sizes.at("rounds"); ++i) {
    const TensorDataset data = make_line({}, 1);
    const LinearModel model({}, 1);
    const auto optimizer = make_sgd(model.parameters(), {});
    Trainer trainer({.steps = sizes.at("steps"), .log_every = 1 << 30}, model.parameters(), loss_of(model), data,
                    *optimizer, ConstantSchedule{0.01});
    const TrainingSummary summary = trainer.run();
    runs.push_back(summary.elapsed_s * 1e3);
    loss = summary.final_loss;
  }
  print(fmt::format("\"work\": \"line\", \"run_ms_median\": {}, \"loss\": {}", median(runs), loss));
}

void bench_gpt(const Sizes& sizes) {
  const int64_t batch = sizes.at("batch"), context = sizes.at("context"), vocabulary = sizes.at("vocabulary");
  const RandomStream random(1);
  std::vector<int32_t> tokens(static_cast<size_t>(batch * context * 64 + 1));
  for (size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<int32_t>(random.bits(0, i) % static_cast<uint64_t>(vocabulary));
  }
  const TokenDataset data(std::move(tokens), context);
  const Gpt model({.vocabulary = vocabulary,
                   .layers = sizes.at("layers"),
                   .width = sizes.at("width"),
                   .heads = sizes.at("heads"),
                   .context = context},
                  1);
  const auto optimizer = make_adamw(model.parameters(), {});
  Trainer trainer({.steps = sizes.at("steps"), .batch_size = batch, .log_every = 1 << 30}, model.parameters(),
                  loss_of(model), data, *optimizer, ConstantSchedule{1e-3});
  std::vector<double> steps;
  Clock::time_point last = Clock::now();
  trainer.set_callback([&](const StepRecord&) {
    const Clock::time_point now = Clock::now();
    steps.push_back(std::chrono::duration<double>(now - last).count());
    last = now;
  });
  const TrainingSummary summary = trainer.run();
  const double step = median(steps);
  print(fmt::format("\"work\": \"gpt\", \"step_ms_median\": {}, \"tokens_per_s\": {}, \"loss\": {}, \"parameters\": {}",
                    step * 1e3, static_cast<double>(batch * context) / step, summary.final_loss,
                    count_elements(model.parameters())));
}

int run(int argc, char** argv) {
  const std::string work = argc > 1 ? argv[1] : "";
  Sizes sizes = work == "line" ? Sizes{{"steps", 1000}, {"rounds", 20}, {"threads", 0}}
                               : Sizes{{"steps", 100}, {"batch", 12}, {"context", 64},    {"layers", 4},
                                       {"width", 128}, {"heads", 4},  {"vocabulary", 65}, {"threads", 0}};
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = std::string(argv[i]).substr(2);
    if (!sizes.contains(name)) fail_usage("bench_training", "unknown option {}", argv[i]);
    sizes[name] = std::atoll(argv[i + 1]);
  }
  set_threads(static_cast<int>(sizes.at("threads")));
  if (work == "line") {
    bench_line(sizes);
  } else if (work == "gpt") {
    bench_gpt(sizes);
  } else {
    fail_usage("bench_training", "say what to time: line or gpt");
  }
  return 0;
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  try {
    return gradus::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
