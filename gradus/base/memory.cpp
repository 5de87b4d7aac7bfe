#include "gradus/base/memory.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "gradus/base/files.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

// Of the whole pages of this size in `memory`. Advice may be refused.
void advise(void* memory, size_t bytes, uintptr_t page, int advice) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t begin = (address + page - 1) / page * page, end = (address + bytes) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, advice);
}

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

std::string content_of(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) ? read_file(path, 1 << 20) : "";
}

// What a limit on the process's addresses leaves; nothing without one.
std::optional<int64_t> free_addresses() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  const int64_t taken = number_after(content_of("/proc/self/status"), "VmSize:").value_or(0) * 1024;
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, INT64_MAX)) - taken;
}

// The path of the group that is behind `name` in a text such as /proc/self/cgroup, "4:memory:/a/b" or "0::/a/b".
std::string group_behind(std::string_view groups, std::string_view name) {
  while (!groups.empty()) {
    const std::string_view line = groups.substr(0, groups.find('\n'));
    groups.remove_prefix(std::min(line.size() + 1, groups.size()));
    const size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos || line.substr(first + 1, second - first - 1) != name) continue;
    return std::string(line.substr(second + 1));
  }
  return "/";
}

}  // namespace

std::optional<int64_t> detail::control_group_free(const fs::path& root, std::string_view groups) {
  struct Version {
    std::string_view controller, folder, most, used;
  };
  constexpr Version kVersions[] = {{"", "", "memory.max", "memory.current"},
                                   {"memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"}};
  std::optional<int64_t> least;
  for (const Version& version : kVersions) {
    // A group is bound by those above it too. Where a container sees its own group as the root, the others are not there.
    for (fs::path group = group_behind(groups, version.controller);; group = group.parent_path()) {
      const fs::path folder = root / version.folder / group.relative_path();
      const std::optional<int64_t> most = number_after(content_of(folder / version.most), "");
      const std::optional<int64_t> used = number_after(content_of(folder / version.used), "");
      if (most && used) least = std::min(least.value_or(*most - *used), *most - *used);
      if (!group.has_relative_path()) break;
    }
  }
  return least;
}

int64_t resident_bytes() { return number_after(content_of("/proc/self/status"), "VmRSS:").value_or(0) * 1024; }

// getrusage would count what the program held that started this one.
int64_t peak_resident_bytes() { return number_after(content_of("/proc/self/status"), "VmHWM:").value_or(0) * 1024; }

int64_t memory_limit_bytes() {
  const std::string system = content_of("/proc/meminfo");
  const int64_t free = 1024 * (number_after(system, "MemAvailable:").value_or(INT64_MAX / 4096) +
                               number_after(system, "SwapFree:").value_or(0));
  const std::optional<int64_t> of_group = detail::control_group_free("/sys/fs/cgroup", content_of("/proc/self/cgroup"));
  return resident_bytes() + std::min({free, of_group.value_or(free), free_addresses().value_or(free)});
}

void prefer_large_pages(void* memory, size_t bytes) { advise(memory, bytes, uintptr_t{2} << 20, MADV_HUGEPAGE); }

void discard_pages(void* memory, size_t bytes) {
  advise(memory, bytes, static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE)), MADV_DONTNEED);
}

}  // namespace gradus
