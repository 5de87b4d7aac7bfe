// What is wrong with a command line, in the form of all other errors.
#pragma once

#include <CLI/CLI.hpp>

namespace gradus::command {

/// Throws a usage error for what CLI11 found: `[verb] what; what was meant, if that can be told; where to read more`.
/// `app` is the one that was parsing.
[[noreturn]] void fail_parse(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv);

}  // namespace gradus::command
