// What is wrong with a command line, in the form of all other errors.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace gradus::command {

/// Throws a usage error for what CLI11 found: `[verb] what; what was meant, if that can be told; where to read more`.
/// `app` is the one that was parsing, `words` the whole command line.
[[noreturn]] void fail_parse(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& words);

/// Throws one for what CLI11 takes and gradus does not: a value behind a flag, and an empty one behind
/// an option.
void check_words(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace gradus::command
