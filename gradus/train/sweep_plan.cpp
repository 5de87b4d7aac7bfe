#include "gradus/train/sweep_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "gradus/base/error.h"
#include "gradus/base/memory.h"
#include "gradus/tensor/pool.h"
#include "gradus/train/session.h"

namespace gradus {
namespace {

// Trials that differ in no more than this need the same memory: of most real numbers only whether they are 0 counts.
std::string memory_class(const Config& config) {
  std::string text;
  for (const Key& key : configuration_keys()) {
    const bool is_of_data = key.name.starts_with("data.");
    if (key.name == "train.seed" || !config.has(key.name)) continue;
    for (const std::string& name : config.names_of(key.name)) {
      if (!config.has(name)) continue;
      const bool is_real =
          key.type.kind == ValueKind::kReal || (key.type.kind == ValueKind::kRealOrWord && config.number(name));
      const bool is_size = !is_real || is_of_data;
      text += name + "=" + (is_size ? config.shown(name) : config.real(name) == 0.0 ? "0" : "1") + "\n";
    }
  }
  return text;
}

int64_t memory_of(const Trial& trial, int64_t limit, RowCaches caches) {
  try {
    const Session session(trial.config, {.plan_only = true, .row_caches = caches});
    check_memory(session.memory(), limit);
    return session.memory().most();
  } catch (const Error& error) {
    throw Error(error.kind(), error.subject(),
                fmt::format("trial {} ({}): {}", trial.number, values_text(trial), error.message()));
  }
}

}  // namespace

std::vector<int64_t> plan_memory(const Sweep& sweep, int64_t limit, RowCaches caches) {
  const int64_t peak_before = peak_resident_bytes();
  std::map<std::string, int64_t> known;
  std::vector<int64_t> bytes;
  for (const Trial& trial : sweep.trials) {
    const auto [found, is_new] = known.try_emplace(memory_class(trial.config), 0);
    if (is_new) {
      found->second = memory_of(trial, limit, caches);
      release_unused_memory();
    }
    bytes.push_back(found->second);
  }
  // What reading took is seen of the trial that took the most; it stands for all.
  const int64_t peak = peak_resident_bytes();
  if (peak == peak_before) return bytes;
  for (int64_t& own : bytes) own = std::max(own, peak);
  return bytes;
}

SweepShare share_out(int64_t wanted, int64_t cores, std::vector<int64_t> bytes, int64_t limit) {
  std::ranges::sort(bytes, std::greater());
  const int64_t most = std::min({wanted > 0 ? wanted : cores, cores, static_cast<int64_t>(bytes.size())});
  SweepShare share;
  int64_t taken = bytes[0];
  while (share.jobs < most) {
    taken += bytes[static_cast<size_t>(share.jobs)];
    if (taken > limit) break;
    ++share.jobs;
  }
  share.threads = std::max<int64_t>(1, cores / share.jobs);
  return share;
}

}  // namespace gradus
