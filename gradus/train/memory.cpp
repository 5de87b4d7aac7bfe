#include "gradus/train/memory.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/tensor/isa.h"
#include "gradus/tensor/pool.h"

namespace gradus {

std::string megabytes(int64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

int64_t MemoryPrediction::total() const {
  int64_t bytes = 0;
  for (const MemoryPart& part : parts) bytes += part.bytes;
  return bytes;
}

namespace {

constexpr const char* kCheckpoint = "a checkpoint on its way to disk";

// A checkpoint's copy lies where the next step's tensors then do not fit: what gaps it leaves, mostly and at most.
int64_t with_gaps(int64_t copy) { return copy + copy / 4; }
int64_t with_most_gaps(int64_t copy) { return copy + copy / 2; }

// Of a checkpoint's copy, what is there at the peak of a step: all of it where steps are short, nothing where it is
// written long before the forward pass ends.
int64_t still_on_its_way(const MemoryUse& use, int64_t copy) {
  constexpr double kFlopsPerSecond = 1e11, kBytesPerSecond = 8e8, kFixed_s = 0.1, kPeakOfStep = 0.2;
  if (!use.saves_while_training) return 0;
  const double write_s = kFixed_s + static_cast<double>(copy) / kBytesPerSecond;
  const double part = 1.0 - kPeakOfStep * use.products.flops / kFlopsPerSecond / write_s;
  return with_gaps(static_cast<int64_t>(std::max(0.0, part) * static_cast<double>(copy)));
}

// oneDNN's own code, and the copies that it makes on each thread; and what the program touches of itself later.
int64_t library_bytes(const kernels::PlannedProducts& products) {
  constexpr int64_t kProgram = 1'600'000, kLibrary = 6'000'000, kLibraryAvx512 = 7'000'000;
  if (!products.use_library) return kProgram;
  const int64_t library = active_isa() == Isa::kAvx512 ? kLibraryAvx512 : kLibrary;
  return kProgram + library + products.bytes_a_thread * products.threads;
}

}  // namespace

MemoryUse planned_use(Trainer& trainer, Optimizer& optimizer, const Parameters& parameters, int64_t reserved) {
  MemoryUse use;
  use.optimizer_state = optimizer.state_bytes();
  kernels::take_planned_products();
  const int64_t counted = trainer.dry_run();
  use.products = kernels::take_planned_products();
  // The first step finds no optimizer state, and the second lies around it: what is reserved then has the gaps that
  // sizes leave which do not fit one another.
  optimizer.plan_state();
  trainer.dry_run();
  const int64_t taken = memory_statistics().reserved - reserved;
  for (const Parameter& p : parameters) use.weights += p.tensor.numel() * size_of(p.tensor.dtype());
  if (optimizer.makes_averages()) use.averages = use.weights;
  // An update begins when all gradients are there.
  const int64_t while_updating = use.weights + optimizer.update_bytes();
  use.step = std::max({counted, taken - use.weights - use.optimizer_state, while_updating}) + optimizer.step_bytes();
  return use;
}

MemoryPrediction predict_memory(const MemoryUse& use, bool is_text) {
  const int64_t gradients = std::min(use.step, use.weights);
  const int64_t copy = use.weights + use.averages + use.optimizer_state;
  // The last checkpoint's copy takes the place of what a step leaves.
  const int64_t waiting = std::max(still_on_its_way(use, copy), copy - (use.step - use.kept));
  return {.parts = {{
              {"the program and its data", use.program + library_bytes(use.products), ""},
              {"weights", use.weights, "a smaller model"},
              {"gradients", gradients, "a smaller model"},
              {"optimizer state", use.optimizer_state,
               "optimizer.state = \"bf16\", or optimizer.name = \"sgd\" without momentum, which has none"},
              {"activations", use.step - gradients,
               is_text ? "a smaller train.micro_batch_size or model.context, train.activations = \"bf16\", or "
                         "model.recompute = true"
                       : "a smaller train.micro_batch_size"},
              {kCheckpoint, std::max<int64_t>(0, waiting),
               "checkpoint.every = 0 and checkpoint.every_s = 0, so that there is one at the end only"},
          }},
          .later = use.saves_while_training ? std::max<int64_t>(0, with_most_gaps(copy) - std::max<int64_t>(0, waiting)) : 0};
}

void add_reading(MemoryPrediction& prediction, int64_t peak) {
  prediction.parts.push_back({"reading the data", std::max<int64_t>(0, peak - prediction.total()),
                              "data.rows = \"streamed\", or a part of the data"});
}

void check_memory(const MemoryPrediction& prediction, int64_t limit) {
  if (prediction.most() <= limit) return;
  std::vector<MemoryPart> parts = prediction.parts;
  if (prediction.later > 0) {
    const auto waiting = std::ranges::find(parts, kCheckpoint, &MemoryPart::name);
    (waiting == parts.end() ? parts.back() : *waiting).bytes += prediction.later;
  }
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  std::string largest;
  for (size_t i = 0; i < 3; ++i) {
    largest += fmt::format("\n  {} for {}{}", megabytes(parts[i].bytes), parts[i].name,
                           parts[i].remedy.empty() ? "" : ": " + parts[i].remedy);
  }
  fail_usage("memory", "the run needs {}, and there are {} for it; the largest parts, and what makes them smaller:{}",
             megabytes(prediction.most()), megabytes(limit), largest);
}

}  // namespace gradus
