// Tables whose rows are lines of JSON.
#pragma once

#include <string>
#include <string_view>

#include "gradus/data/table.h"

namespace gradus {

/// Reads an object a line, {"path": "cat/1.png", "label": "cat"}, each with the fields of the first, in any order. A
/// field that holds numbers in all lines is a column of numbers, else of text; true and false are texts; null is
/// missing. Empty lines are skipped. Errors name `source` and the line: no JSON, no object, a field that is missing or
/// new, or one that holds a list or an object; no line at all.
Table parse_json_lines(std::string_view text, const std::string& source);
/// The same of a file, which may be compressed (data/file_contents.h).
Table read_json_lines(const std::string& path);

}  // namespace gradus
