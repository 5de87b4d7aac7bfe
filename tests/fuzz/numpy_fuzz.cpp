// Arbitrary bytes as NumPy's arrays and archives: refused, or a table of finite numbers and missing ones.
#include "gradus/data/numpy.h"

#include <cmath>

#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  constexpr int64_t kMost = 1 << 20;
  const std::string_view bytes = fuzz::as_text(data, size);
  const auto table = fuzz::unless_refused([&] { return parse_numpy(bytes, "input", {.most_bytes = kMost}); });
  if (!table) return 0;
  fuzz::require(!table->columns.empty() && table->rows > 0, "a table has a column and a row");
  fuzz::require(table->lines.size() == static_cast<size_t>(table->rows), "each row has a line");
  for (const TableColumn& column : table->columns) {
    fuzz::require(column.rows() == table->rows, "each row has a value");
    for (int64_t row = 0; row < table->rows; ++row) {
      fuzz::require(!std::isinf(column.number(row)), "numbers are finite, or missing");
    }
  }
  return 0;
}
