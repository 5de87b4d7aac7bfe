// Tables: named columns of numbers or of text, read from CSV.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// A column holds numbers if all of its fields are numbers, else text.
struct TableColumn {
  std::string name;
  bool is_number = true;
  std::vector<double> numbers;
  std::vector<std::string> texts;
};

struct Table {
  /// A file that rows come from.
  struct Part {
    std::string source;
    int64_t first_row = 0;
  };
  std::vector<TableColumn> columns;  ///< At least one.
  int64_t rows = 0;
  std::vector<int64_t> lines;  ///< Where each row begins in its file, counted from 1.
  std::vector<Part> parts;     ///< At least one, by their first rows.

  /// The place of the column of this name; a usage error that lists the names if there is none.
  size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;
  /// The names of the files, for messages.
  std::string source() const;
  /// "file:line" of a row.
  std::string place(int64_t row) const;
  /// Puts the rows of another table behind these; an error unless its columns have the same names and types in the same
  /// order.
  void append(Table&& other);
};

/// A decimal number, finite, or nothing if `text` is anything else.
std::optional<double> parse_number(std::string_view text);

struct CsvOptions {
  char separator = ',';
  enum class Header : uint8_t { kAuto, kYes, kNo };
  /// Whether the first line has the columns' names. kAuto: if none of its fields is a number and a field below one of
  /// them is. Without names columns are "1", "2", ….
  Header header = Header::kAuto;
};

/// Reads RFC 4180's CSV: fields in quotes may hold separators, line ends and quotes written twice; any line ending;
/// empty lines are skipped, and so is a byte order mark. Spaces around fields without quotes are dropped. Numbers are
/// decimal, finite. Errors name `source`, line, column, what was found and what was expected: a row of another length,
/// a quote that does not end or has text behind it, a field that is empty, invalid UTF-8, no row at all.
Table parse_csv(std::string_view text, const std::string& source, const CsvOptions& options = {});
/// The same of a file.
Table read_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace gradus
