#include "gradus/base/memory.h"

#include <sys/mman.h>
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

// What the control group's limit leaves to this process; nothing without a limit. Version 2's file, or version 1's.
std::optional<int64_t> control_group_bytes() {
  for (const auto& [limit, used] :
       {std::pair("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"}}) {
    const std::optional<int64_t> most = number_after(content_of(limit), ""), now = number_after(content_of(used), "");
    if (most && now) return *most - *now + resident_bytes();
  }
  return std::nullopt;
}

}  // namespace

int64_t resident_bytes() { return number_after(content_of("/proc/self/status"), "VmRSS:").value_or(0) * 1024; }

// getrusage would count what the program held that started this one.
int64_t peak_resident_bytes() { return number_after(content_of("/proc/self/status"), "VmHWM:").value_or(0) * 1024; }

int64_t memory_limit_bytes() {
  const std::string system = content_of("/proc/meminfo");
  const int64_t free = 1024 * (number_after(system, "MemAvailable:").value_or(INT64_MAX / 4096) +
                               number_after(system, "SwapFree:").value_or(0));
  const int64_t limit = free + resident_bytes();
  return std::min(limit, control_group_bytes().value_or(limit));
}

void prefer_large_pages(void* memory, size_t bytes) { advise(memory, bytes, uintptr_t{2} << 20, MADV_HUGEPAGE); }

void discard_pages(void* memory, size_t bytes) {
  advise(memory, bytes, static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE)), MADV_DONTNEED);
}

}  // namespace gradus
