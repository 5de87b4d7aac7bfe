// Arbitrary bytes as CSV: refused, or a table whose columns all have a value for each row.
#include "gradus/data/csv.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const std::string_view text = fuzz::as_text(data, size);
  for (const auto header : {CsvOptions::Header::kAuto, CsvOptions::Header::kYes, CsvOptions::Header::kNo}) {
    for (const char separator : {',', '\t', ';'}) {
      CsvOptions options{.separator = separator, .header = header};
      if (size % 2 == 1) options.on_bad_row = CsvOptions::BadRow::kSkip;
      if (size % 3 == 1) options.comment = '#';
      const auto table = fuzz::unless_refused([&] { return parse_csv(text, "input", options); });
      options.block_bytes = 1 + size / 5;
      const auto in_blocks = fuzz::unless_refused([&] { return parse_csv(text, "input", options); });
      fuzz::require(table.has_value() == in_blocks.has_value(), "blocks make no difference");
      if (!table) continue;
      fuzz::require(table->rows == in_blocks->rows && table->lines == in_blocks->lines, "blocks make no difference");
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
