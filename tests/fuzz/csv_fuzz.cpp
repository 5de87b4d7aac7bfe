// Arbitrary bytes as CSV: refused, or a table whose columns all have a value for each row.
#include "gradus/data/csv.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const std::string_view text = fuzz::as_text(data, size);
  for (const auto header : {CsvOptions::Header::kAuto, CsvOptions::Header::kYes, CsvOptions::Header::kNo}) {
    for (const char separator : {',', '\t', ';'}) {
      const CsvOptions options{.separator = separator, .header = header};
      const auto table = fuzz::unless_refused([&] { return parse_csv(text, "input", options); });
      if (!table) continue;
      fuzz::require(!table->columns.empty() && table->rows > 0, "a table has a column and a row");
      fuzz::require(table->lines.size() == static_cast<size_t>(table->rows), "each row has a line");
      for (const TableColumn& column : table->columns) {
        const size_t values = column.is_number ? column.numbers.size() : column.codes.size();
        fuzz::require(values == static_cast<size_t>(table->rows), "each row has a value");
      }
    }
  }
  return 0;
}
