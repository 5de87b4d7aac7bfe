// System calls on files, for this layer's own files: repeated when a signal interrupts them, and their errors in words.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string_view>

namespace gradus::detail {

/// Throws "[path] cannot <what>: <the system's reason>".
[[noreturn]] void fail_system(const std::filesystem::path& path, std::string_view what, int error);

/// Repeats a system call for as long as a signal interrupts it.
template <class Call>
auto retry(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// `open`, closed on exec; the descriptor, or -1 and errno.
int open_retrying(const std::filesystem::path& path, int flags);

/// Writes all bytes, however many calls that takes; the error's number, or 0.
int write_all(int descriptor, const char* data, size_t bytes);

/// A name beside `path`, hidden and of this process alone, for what is on its way to that place. It is not there yet.
std::filesystem::path temporary_name(const std::filesystem::path& path);
constexpr std::string_view kTemporaryMark = ".gradus-tmp-";

/// Makes the entries of `folder` survive a power cut; the error's number, or 0.
int flush_folder(const std::filesystem::path& folder);

}  // namespace gradus::detail
