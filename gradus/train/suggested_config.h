// A configuration for data that nobody has described yet.
#pragma once

#include <string>

namespace gradus {

/// Looks at a file and writes a configuration that can learn from it, with the reasons as comments. A table (by its
/// name, .csv or .tsv, or because its lines have the same number of fields, numbers among them) gets a linear model or
/// an MLP; anything else is text, for a GPT. `target` is the column to learn; empty for the last. Errors are those of
/// reading the file, and name what a table lacks.
std::string suggested_config(const std::string& path, const std::string& target = {});

}  // namespace gradus
