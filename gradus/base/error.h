// Errors: one exception type that carries its subject, what was found and what to do next.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace gradus {

/// What a caller can do about an error; `gradus` exits with 2 for `kUsage` and with 1 for `kFailure`.
enum class ErrorKind {
  kFailure,  ///< The data, the machine or the computation failed.
  kUsage,    ///< A wrong argument, option or configuration: the caller has to change what was asked.
};

/// The one exception that gradus throws. `what()` reads `[subject] message`.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string_view subject, std::string_view message)
      : std::runtime_error(shown(fmt::format("[{}] {}", subject, message))),
        kind_(kind),
        prefix_(shown(std::string(subject)).size() + 3) {}

  ErrorKind kind() const { return kind_; }
  /// What stands in the brackets.
  std::string_view subject() const { return std::string_view(what()).substr(1, prefix_ - 3); }
  /// The message without its subject: for a caller that knows a better one, such as the path of a file.
  std::string_view message() const { return std::string_view(what()).substr(prefix_); }

 private:
  // A zero byte, of a file that is quoted, would end the text.
  static std::string shown(std::string text) {
    for (size_t at = 0; (at = text.find('\0', at)) != std::string::npos; at += 2) text.replace(at, 1, "\\0");
    return text;
  }

  ErrorKind kind_;
  size_t prefix_;
};

/// Throws a `kFailure`. `subject` is the op, file or key at fault; the message states both values and the next step,
/// e.g. `fail("matmul", "inner sizes differ: {} × {}", a, b)`.
template <class... Args>
[[noreturn]] void fail(std::string_view subject, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::kFailure, subject, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws a `kUsage`; otherwise as `fail`.
template <class... Args>
[[noreturn]] void fail_usage(std::string_view subject, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::kUsage, subject, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gradus
