// A configuration for data that nobody has described yet.
#pragma once

#include <string>
#include <vector>

namespace gradus {

/// Looks at files, which are read as one and named as in `data.path`, and writes a configuration that can learn from
/// them, with the reasons as comments. A table (by its
/// name, .csv or .tsv, or because its lines have the same number of fields, numbers among them) gets a linear model or
/// an MLP; anything else is text, for a GPT, of JSON lines (.jsonl) their fields that hold texts. `target` is the
/// column to learn; empty for the last. Errors are those of reading the files, and name what a table lacks.
std::string suggested_config(const std::vector<std::string>& paths, const std::string& target = {});

}  // namespace gradus
