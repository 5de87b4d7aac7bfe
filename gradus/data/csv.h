// Comma-separated values and their kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/table.h"
#include "gradus/data/text_pieces.h"

namespace gradus {

/// What may stand between fields, and what `data.separator` calls it.
struct CsvSeparator {
  char character;
  std::string_view name;
};
inline constexpr CsvSeparator kCsvSeparators[] = {
    {',', "comma"}, {';', "semicolon"}, {'\t', "tab"}, {'|', "pipe"}, {' ', "space"}};

/// The separator of a file for which none is given.
char usual_separator(std::string_view path);

/// What to do about a line, or a part of one, that was taken for one field: ". If a semicolon stands between fields,
/// set data.separator = …" of the first separator that is in it, other than this; empty if there is none.
std::string advice_on_separator(std::string_view text, char separator = '\0');

/// A field as a file has it: in quotes where it has a separator, a quote or a line's end, or is empty.
std::string csv_field(const std::string& text);

/// What text among the numbers of a column means, where bad rows are left out.
enum class CsvNumbers : uint8_t {
  kIfAll,   ///< The column holds text.
  kIfMost,  ///< Where more of its values are numbers than are none, a row with text in it is a bad one; else as above.
  kAlways,  ///< A row with text in it is a bad one.
};

/// Says it of the column of this name.
using CsvNumbersOf = std::function<CsvNumbers(std::string_view name, bool is_last)>;

struct CsvOptions {
  /// What stands between fields. Unset: a tab if the file's name ends in .tsv (or .tsv.gz, .tsv.zst), else a comma.
  std::optional<char> separator = {};
  enum class Header : uint8_t { kAuto, kYes, kNo };
  /// Whether the first line has the columns' names. kAuto: if none of its fields is a number, and in one of the columns
  /// the first value that is not missing, within 100 rows, is one, or looks like one (data/number_advice.h). Without
  /// names columns are "1", "2", ….
  Header header = Header::kAuto;
  /// Fields that mean that there is no value. In quotes they do so only in a column of numbers.
  std::vector<std::string> missing = {"", "NA", "N/A", "NaN", "nan", "null", "?"};
  /// Lines that begin with this character are skipped.
  std::optional<char> comment = {};
  enum class BadRow : uint8_t { kError, kSkip, kRefuse };
  /// What becomes of a row with another number of fields than the first, with a quote where none may be, or with bytes
  /// that are no UTF-8. kSkip leaves it out and counts it (`Table::skipped`). What is wrong with the first row is an
  /// error all the same, and a quote that never ends. kRefuse: an error that does not offer to leave rows out.
  BadRow on_bad_row = BadRow::kError;
  /// With kSkip; unset: kIfAll of each column.
  CsvNumbersOf numbers = {};
  /// How much of the text a thread takes at a time; 1 or more. The table does not depend on it.
  size_t block_bytes = size_t{1} << 20;
};

/// Reads RFC 4180's CSV: fields in quotes may hold separators, line ends and quotes written twice; any line ending;
/// empty lines are skipped, and so is a byte order mark. Spaces around fields without quotes are dropped. A column
/// holds numbers (decimal, finite) if all of its values are, or are missing; else text. Where the first of several
/// columns has no name, as pandas writes the numbers of rows, it is called kRowNumbers. Errors name `source`, line,
/// column, what was found and what was expected: a row of another length, a quote that does not end or has text behind
/// it, another column without a name or with another's, invalid UTF-8, no row at all.
Table parse_csv(std::string_view text, const std::string& source, const CsvOptions& options = {});
/// The same of a file, which may be compressed (data/file_contents.h): then it is read in `pieces`, so that its text
/// does not stand beside the table, and a second time where a column turns out to be text.
Table read_csv(const std::string& path, const CsvOptions& options = {}, const TextPieceOptions& pieces = {});

enum class CsvKind : uint8_t {
  kNumbers,
  kTexts,
  kLeft,         ///< Not wanted.
  kOnlyNumbers,  ///< Numbers; a row with text there is a bad one.
};

/// Reads a file of any size, which may be compressed, a piece at a time: the same rows, and the same errors but that of
/// several the first of a piece ends the reading. Whether the first line has names is seen from the first rows of the
/// first piece.
class CsvStream {
 public:
  explicit CsvStream(const std::string& path, const CsvOptions& options = {}, const TextPieceOptions& pieces = {});
  ~CsvStream();

  const std::vector<std::string>& names() const { return names_; }
  /// The next rows, at least one; false at the end. `lines` are those of the file, dictionaries those of these rows,
  /// and columns that are not wanted have no values.
  bool next(Table& table);
  const TextPieces& text() const { return pieces_; }
  /// So far, those of pieces without another row too.
  const SkippedRows& skipped() const { return skipped_; }

  /// A column is taken for numbers until a field is none, and for text from that piece on. After the last piece the
  /// kinds are those of all rows; `has_changed` says whether earlier pieces took a column for something else, so that
  /// another pass, which is given these kinds before its first piece, tells more of it. So it does where rows of them
  /// seemed to be bad ones by CsvNumbers::kIfMost.
  const std::vector<CsvKind>& kinds() const;
  bool has_changed() const { return has_changed_; }
  void set_kinds(const std::vector<CsvKind>& kinds);
  /// Before the first piece: the values of other columns are not wanted.
  void leave_out_all_but(const std::vector<std::string>& wanted);

 private:
  struct Plan;
  void note_kinds(const Table& table);

  size_t block_bytes_;
  TextPieces pieces_;
  std::vector<std::string> names_;
  std::string first_row_;
  std::unique_ptr<Plan> plan_;
  size_t used_ = 0;
  int64_t rows_ = 0;
  SkippedRows skipped_;
  bool is_started_ = false, has_changed_ = false;
};

}  // namespace gradus
