// A configuration for data that nobody has described yet.
#pragma once

#include <string>
#include <vector>

namespace gradus {

/// Looks at files, which are read as one and named as in `data.path`, or at folders, and writes a configuration that can
/// learn from them, with the reasons as comments. Folders of pictures or sounds get a network that tells their classes.
/// A table (of arrays, or by a file's name, .csv or .tsv, or because its lines have the same number of fields, numbers
/// among them) gets a linear model or an MLP, or of texts and their classes a model of words; so do JSON lines with
/// such fields. Any other text is for a GPT, of JSON lines their fields that hold texts. `target` is the column, or
/// field, to learn; empty for the last, or what is called a label. Errors are those of reading the files, name what a
/// table lacks, and say of what nothing can be learned as it is what to do with it.
std::string suggested_config(const std::vector<std::string>& paths, const std::string& target = {});

}  // namespace gradus
