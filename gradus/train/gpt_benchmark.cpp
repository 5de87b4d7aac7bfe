#include "gradus/train/gpt_benchmark.h"

#include <algorithm>
#include <utility>

#include "gradus/autograd/tape.h"
#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/data/dataset.h"
#include "gradus/tensor/kernels/machine_limits.h"
#include "gradus/tensor/pool.h"
#include "gradus/train/checkpoint.h"
#include "gradus/train/memory.h"
#include "gradus/train/run.h"
#include "gradus/train/trainer.h"

namespace gradus {
namespace {

constexpr int64_t kBatches = 64;          // of tokens, for variety; fewer of large ones
constexpr int64_t kMostTokens = 1 << 24;  // in a step

TokenDataset made_up_tokens(const GptOptions& model, int64_t batch) {
  const RandomStream random(1);
  const int64_t step = batch * model.context;
  std::vector<int32_t> tokens(static_cast<size_t>(step * std::clamp<int64_t>(kMostTokens / step, 1, kBatches) + 1));
  for (size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<int32_t>(random.bits(0, i) % static_cast<uint64_t>(model.vocabulary));
  }
  return TokenDataset(std::move(tokens), model.context);
}

void measure_peak(GptBenchmark& result) {
  result.fma_peak_flops = std::max(result.fma_peak_flops, kernels::measure_fma_peak());
}

// What an op has to do at least, by its name: flops where products make it up, passes over its result elsewhere.
struct Work {
  const char* op;
  double forward_passes, backward_passes;
};
constexpr Work kPasses[] = {{"add", 3, 2},       {"layer_norm", 2, 4}, {"gelu", 2, 3},
                            {"embedding", 2, 3}, {"dropout", 2, 2},    {"cross_entropy", 2, 2}};

// Times each op from the end of the one before it.
class Profiler : public TapeObserver {
 public:
  explicit Profiler(const GptBenchmarkOptions& options) : options_(options) {}

  void begin() { last_ = Clock::now(); }
  void on_op(const RecordedOp& op) override {
    const auto [flops, bytes] = work_of(op);
    const bool of_bf16 = is_bf16(op);
    ProfileLine& line = this->line(op.name, " forward");
    line.flops += flops;
    line.bytes += bytes;
    line.is_bf16 = of_bf16;
    if (std::string_view(op.name) == "linear_cross_entropy") {  // makes its gradients at once
      line.flops += 2 * flops;
      return;
    }
    ProfileLine& backward = this->line_without_time(op.name, " backward");
    backward.flops += 2 * flops;
    backward.is_bf16 = of_bf16;
    backward.bytes += backward_bytes(op);
  }
  void on_backward(const char* op) override { line(op, " backward"); }
  bool looks_inside() const override { return true; }
  void on_update(int64_t parameters) {
    // Reads the gradient twice (its norm comes first), and reads and writes the weight and two moments.
    const double bytes = 4.0 * 4 + 4.0 * static_cast<double>(size_of(options_.optimizer_state));
    line("AdamW", "").bytes += bytes * static_cast<double>(parameters);
  }

  std::vector<ProfileLine> per_step(int64_t steps) {
    leave_out_what_did_not_go_back();
    for (ProfileLine& line : lines_) {
      line.calls /= steps;
      line.seconds /= static_cast<double>(steps);
      line.flops /= static_cast<double>(steps);
      line.bytes /= static_cast<double>(steps);
    }
    std::sort(lines_.begin(), lines_.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
    return std::move(lines_);
  }

 private:
  // What runs again before it goes back was counted on its way back each time.
  void leave_out_what_did_not_go_back() {
    constexpr std::string_view kForward = " forward";
    for (const ProfileLine& forward : lines_) {
      if (!forward.name.ends_with(kForward)) continue;
      const std::string op = forward.name.substr(0, forward.name.size() - kForward.size());
      const auto back =
          std::find_if(lines_.begin(), lines_.end(), [&](const auto& l) { return l.name == op + " backward"; });
      if (back == lines_.end() || back->calls >= forward.calls) continue;
      const double part = static_cast<double>(back->calls) / static_cast<double>(forward.calls);
      back->flops *= part;
      back->bytes *= part;
    }
  }
  ProfileLine& line_without_time(const std::string& op, const char* direction) {
    const std::string name = op + direction;
    const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const auto& line) { return line.name == name; });
    if (found != lines_.end()) return *found;
    lines_.push_back({.name = name});
    return lines_.back();
  }
  ProfileLine& line(const std::string& op, const char* direction) {
    ProfileLine& line = line_without_time(op, direction);
    const Clock::time_point now = Clock::now();
    line.seconds += std::chrono::duration<double>(now - last_).count();
    ++line.calls;
    last_ = now;
    return line;
  }

  // {flops, bytes} of a forward pass.
  std::pair<double, double> work_of(const RecordedOp& op) const {
    const double rows = static_cast<double>(options_.batch * options_.model.context);
    if (std::string_view(op.name) == "causal_attention") {
      return {2.0 * static_cast<double>(options_.model.context * options_.model.width) * rows, 0.0};
    }
    double weights = 0.0;  // in a product, each is multiplied once a row
    for (const Tensor* parameter : op.parameters) {
      if (parameter != nullptr && parameter->rank() == 2) weights += static_cast<double>(parameter->numel());
    }
    const bool looks_up = std::string_view(op.name) == "embedding" || std::string_view(op.name) == "slice";
    if (weights > 0.0 && !looks_up) return {2.0 * weights * rows, 0.0};
    return {0.0, passes(op, &Work::forward_passes)};
  }
  // Attention's own products are f32 in any case.
  bool is_bf16(const RecordedOp& op) const {
    return options_.precision.products == DType::kBF16 && std::string_view(op.name) != "causal_attention";
  }
  double backward_bytes(const RecordedOp& op) const {
    return work_of(op).first > 0.0 ? 0.0 : passes(op, &Work::backward_passes);
  }
  static double passes(const RecordedOp& op, double Work::*direction) {
    for (const Work& work : kPasses) {
      if (std::string_view(work.op) == op.name) {
        return work.*direction * static_cast<double>(op.result.numel() * size_of(op.result.dtype()));
      }
    }
    return 0.0;
  }

  const GptBenchmarkOptions& options_;
  Clock::time_point last_;
  std::vector<ProfileLine> lines_;
};

std::vector<ProfileLine> profile(const GptBenchmarkOptions& options, const Gpt& model, const TokenDataset& data,
                                 Optimizer& optimizer) {
  const int64_t steps = options.steps;
  Profiler profiler(options);
  std::vector<int64_t> ids(static_cast<size_t>(options.batch));
  for (int64_t step = 0; step < steps; ++step) {
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = (step * options.batch + static_cast<int64_t>(i)) % data.size();
    const Batch batch = data.batch(ids);
    Context context;
    context.training = true;
    context.example_ids = ids;
    context.precision = options.precision;
    Tape tape;
    tape.set_observer(&profiler);
    profiler.begin();
    const Loss loss = model.loss(batch, context);
    tape.backward(loss.sum);
    optimizer.step({.learning_rate = 1e-4, .gradient_divisor = loss.weight});
    profiler.on_update(count_elements(model.parameters()));
  }
  return profiler.per_step(steps);
}

struct Parts {
  Parts(const GptBenchmarkOptions& o, const TokenDataset& data)
      : model(o.model, 1),
        optimizer(make_adamw(model.parameters(), {.state = o.optimizer_state})),
        trainer({.steps = o.warm_up + o.steps, .batch_size = o.batch, .log_every = 1 << 30, .precision = o.precision},
                model.parameters(), loss_of(model), data, *optimizer, ConstantSchedule{1e-4}) {}

  Gpt model;
  std::unique_ptr<Optimizer> optimizer;
  Trainer trainer;
};

void check_fits(const GptBenchmarkOptions& options, const TokenDataset& data) {
  const int64_t program = resident_bytes(), reserved = memory_statistics().reserved;
  MemoryUse use;
  {
    const DryRun dry;
    Parts parts(options, data);
    use = planned_use(parts.trainer, *parts.optimizer, parts.model.parameters(), reserved);
  }
  release_unused_memory();
  use.program = program;
  // Without the copy of a checkpoint: there is none.
  MemoryPrediction prediction = predict_memory(use, true);
  prediction.parts.back().bytes = 0;
  check_memory(prediction, memory_limit_bytes());
}

}  // namespace

GptBenchmarkOptions gpt_preset(std::string_view name) {
  GptBenchmarkOptions o;
  if (name == "gpt2-124m") {
    o.model = {.vocabulary = 50257, .layers = 12, .width = 768, .heads = 12, .context = 256};
    o.batch = 4;
  } else if (name == "gpt-10m") {
    o.model = {.vocabulary = 65, .layers = 6, .width = 384, .heads = 6, .context = 256};
    o.batch = 16;
  } else if (name == "gpt-1m") {
    o.model = {.vocabulary = 65, .layers = 4, .width = 128, .heads = 4, .context = 64};
    o.batch = 12;
    o.steps = 100;
  } else {
    fail_usage("preset", "\"{}\" is not known; expected gpt2-124m, gpt-10m or gpt-1m", name);
  }
  return o;
}

double gpt_model_flops(const GptOptions& m, int64_t batch) {
  const double width = static_cast<double>(m.width), layers = static_cast<double>(m.layers);
  const double weights = 12.0 * layers * width * width + static_cast<double>(m.vocabulary) * width;
  const double attention = 6.0 * static_cast<double>(m.context) * width * layers;
  return (6.0 * weights + attention) * static_cast<double>(batch * m.context);
}

double GptBenchmark::step_s_median() const {
  std::vector<double> sorted = step_s;
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

GptBenchmark run_gpt_benchmark(const GptBenchmarkOptions& options) {
  if (options.batch < 1 || options.steps < 1 || options.warm_up < 0) {
    fail_usage("bench", "batch {}, steps {}, warm_up {}: expected at least 1, 1 and 0", options.batch, options.steps,
               options.warm_up);
  }
  if (options.batch > kMostTokens || options.batch * options.model.context > kMostTokens) {
    fail_usage("bench", "{} sequences of {} tokens in a step; expected up to {} tokens: take a smaller batch",
               options.batch, options.model.context, kMostTokens);
  }
  const TokenDataset data = made_up_tokens(options.model, options.batch);
  check_fits(options, data);
  Parts parts(options, data);
  const Gpt& model = parts.model;
  Trainer& trainer = parts.trainer;
  GptBenchmark result;
  result.parameters = count_elements(model.parameters());
  result.tokens = options.batch * options.model.context;
  result.model_flops = gpt_model_flops(options.model, options.batch);
  measure_peak(result);
  Clock::time_point last = Clock::now();
  trainer.set_callback([&](const StepRecord& record) {
    if (record.step >= options.warm_up) result.step_s.push_back(seconds_since(last));
    last = Clock::now();
  });
  result.loss = trainer.run().final_loss;
  result.weights_hash = weights_hash(model.parameters());
  if (options.profile) result.profile = profile(options, model, data, *parts.optimizer);
  measure_peak(result);
  result.peak_rss_bytes = peak_rss_bytes();  // before arrays that are not the model's
  result.bytes_per_s = kernels::measure_bandwidth();
  if (options.precision.products == DType::kBF16) result.bf16_peak_flops = kernels::measure_bf16_peak();
  return result;
}

}  // namespace gradus
