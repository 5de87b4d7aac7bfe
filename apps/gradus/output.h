// Standard output and standard error, and words as a shell takes them.
#pragma once

#include <string>
#include <string_view>

namespace gradus::command {

/// Writes to standard output at once; a failure where that is closed or full.
void print(std::string_view text);

/// Writes to standard error; that it cannot be written is nobody's business.
void print_error(std::string_view text);

/// The word as one can type it in a shell.
std::string shell_quoted(std::string_view word);

}  // namespace gradus::command
