#include "apps/gradus/output.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "gradus/base/error.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

// The error's number, or 0.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

void print(std::string_view text) {
  if (const int error = write_all(STDOUT_FILENO, text)) {
    fail("standard output", "cannot be written: {}", std::generic_category().message(error));
  }
}

void print_error(std::string_view text) { write_all(STDERR_FILENO, text); }

void check_output(const std::string& path, const std::vector<std::string>& inputs) {
  std::error_code error;
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty() && !fs::exists(folder, error)) {
    fail_usage(path, "the folder {} does not exist; make it, or name another", folder.string());
  }
  for (const std::string& input : inputs) {
    if (!fs::equivalent(input, path, error)) continue;
    fail_usage("--out", "{} would replace {}, which is read; name another file", path, input);
  }
}

std::string shell_quoted(std::string_view word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:-+,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace gradus::command
