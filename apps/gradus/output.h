// Standard output and standard error, files to write, and words as a shell takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gradus::command {

/// Writes to standard output at once; a failure where that is closed or full.
void print(std::string_view text);

/// Writes to standard error; that it cannot be written is nobody's business.
void print_error(std::string_view text);

/// A usage error where the folder of a file to write is not there, or where the file is one of `inputs`, by whatever
/// name.
void check_output(const std::string& path, const std::vector<std::string>& inputs = {});

/// The word as one can type it in a shell.
std::string shell_quoted(std::string_view word);

}  // namespace gradus::command
