// Arbitrary bytes as a table of JSON lines: refused, or rows that are there once, each with a value of every column.
#include "gradus/data/json_lines.h"

#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const auto table = fuzz::unless_refused([&] { return parse_json_lines(fuzz::as_text(data, size), "input"); });
  if (!table) return 0;
  const auto rows = static_cast<size_t>(table->rows);
  fuzz::require(rows > 0 && rows <= size && !table->columns.empty(), "there is a row, and a field in it");
  fuzz::require(table->lines.size() == rows && table->lines.front() > 0, "each row has its line");
  for (size_t row = 1; row < rows; ++row) {
    fuzz::require(table->lines[row - 1] < table->lines[row], "rows are in the order of their lines");
  }
  for (const TableColumn& column : table->columns) {
    fuzz::require(column.is_number ? column.numbers.size() == rows : column.codes.size() == rows,
                  "each row has a value");
    for (const int32_t code : column.codes) {
      fuzz::require(code >= -1 && code < static_cast<int64_t>(column.dictionary.size()), "a text has its code");
    }
  }
  return 0;
}
