// The rows of a CSV text on several threads, straight into columns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/csv.h"
#include "gradus/data/table.h"
#include "gradus/data/text_blocks.h"

namespace gradus {

/// The fields that mean that there is no value.
class MissingTexts {
 public:
  explicit MissingTexts(std::vector<std::string> texts);
  bool contains(std::string_view text) const;
  /// Whether one of them is a number.
  bool has_number() const { return has_number_; }

 private:
  std::vector<std::string> texts_;
  size_t longest_ = 0;
  bool has_number_ = false;
};

/// Values of a column that are not missing.
struct CsvCounts {
  int64_t numbers = 0, texts = 0;
};

/// What the first rows of a text and the options say of all.
struct CsvPlan {
  std::string_view text;
  std::string source;
  char separator = ',';
  std::optional<char> comment = {};
  MissingTexts missing;
  bool skips_bad_rows = false;
  bool offers_skip = true;          ///< If they are errors.
  bool is_mapped = false;           ///< `text` lies in a mapped file, whose pages are given back as they were read.
  bool checks_utf8 = false;         ///< Rows that are no UTF-8 are bad ones; else there is none.
  size_t begin = 0;                 ///< Where the first row below the names begins,
  int64_t line = 1;                 ///< and its line.
  int64_t width_line = 1;           ///< The line whose number of fields is that of each row.
  std::vector<CsvKind> kinds = {};  ///< Of the columns; kNumbers as long as no field is known to be none.
  std::vector<bool> counted = {};   ///< Of the columns, or empty: those whose values are counted.
  bool goes_on = false;             ///< More text follows. `text` ends where a line ends, which may be inside quotes.
};

/// Reads all rows into `table`: columns without names, rows, lines, and what was skipped. The first row that is wrong
/// is an error, if it is not to be skipped. `blocks` may be wrong guesses, except that the first begins at
/// `plan.begin`. Returns where it ended: the text's end, or the beginning of a row that goes on behind it.
struct CsvEnd {
  size_t offset = 0;
  int64_t line = 1;
  std::vector<CsvCounts> counts = {};  ///< Of the columns, if some are counted.
};
CsvEnd read_csv_blocks(const CsvPlan& plan, const std::vector<TextBlock>& blocks, Table& table);

}  // namespace gradus
