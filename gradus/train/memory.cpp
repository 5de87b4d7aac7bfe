#include "gradus/train/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

// The number behind `name` in a text such as /proc/meminfo; nothing if it is not there.
std::optional<int64_t> number_after(const std::string& text, std::string_view name) {
  size_t at = name.empty() ? 0 : text.find(name);
  if (at == std::string::npos) return std::nullopt;
  at = text.find_first_of("0123456789", at + name.size());
  if (at == std::string::npos) return std::nullopt;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::string text_of(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) ? read_file(path, 1 << 20) : "";
}

// What the control group's limit leaves to this process; nothing without a limit. Version 2's file, or version 1's.
std::optional<int64_t> control_group_bytes() {
  for (const auto& [limit, used] :
       {std::pair("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"}}) {
    const std::optional<int64_t> most = number_after(text_of(limit), ""), now = number_after(text_of(used), "");
    if (most && now) return *most - *now + resident_bytes();
  }
  return std::nullopt;
}

}  // namespace

std::string megabytes(int64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

int64_t resident_bytes() {
  const std::string status = text_of("/proc/self/status");
  return number_after(status, "VmRSS:").value_or(0) * 1024;
}

int64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

int64_t MemoryPrediction::total() const {
  int64_t bytes = 0;
  for (const MemoryPart& part : parts) bytes += part.bytes;
  return bytes;
}

MemoryPrediction predict_memory(const MemoryUse& use, bool is_text) {
  // oneDNN's code and the copies that it makes of what it multiplies, on each thread.
  constexpr int64_t kLibrary = 6'000'000, kPerThread = 4'000'000, kSmall = 1'000'000;
  const int64_t products = use.step < kSmall ? 0 : kLibrary + kPerThread * threads();
  const int64_t gradients = std::min(use.step, use.weights);
  return {{
      {"the program and its data", use.program + products, ""},
      {"weights", use.weights, "a smaller model"},
      {"gradients", gradients, "a smaller model"},
      {"optimizer state", use.optimizer_state,
       "optimizer.state = \"bf16\", or optimizer.name = \"sgd\" without momentum, which has none"},
      {"activations", use.step - gradients,
       is_text ? "a smaller train.micro_batch_size or model.context, train.activations = \"bf16\", or model.recompute "
                 "= true"
               : "a smaller train.micro_batch_size"},
      {"a checkpoint on its way to disk", use.weights + use.averages + use.optimizer_state, "a smaller model"},
  }};
}

int64_t memory_limit_bytes() {
  const std::string system = text_of("/proc/meminfo");
  const int64_t free = 1024 * (number_after(system, "MemAvailable:").value_or(INT64_MAX / 4096) +
                               number_after(system, "SwapFree:").value_or(0));
  const int64_t limit = free + resident_bytes();
  return std::min(limit, control_group_bytes().value_or(limit));
}

void check_memory(const MemoryPrediction& prediction, int64_t limit) {
  if (prediction.total() <= limit) return;
  std::vector<MemoryPart> parts = prediction.parts;
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  std::string largest;
  for (size_t i = 0; i < 3; ++i) {
    largest += fmt::format("\n  {} for {}{}", megabytes(parts[i].bytes), parts[i].name,
                           parts[i].remedy.empty() ? "" : ": " + parts[i].remedy);
  }
  fail_usage("memory", "the run needs {}, and there are {} for it; the largest parts, and what makes them smaller:{}",
             megabytes(prediction.total()), megabytes(limit), largest);
}

}  // namespace gradus
