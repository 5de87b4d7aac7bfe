// Tables: named columns of numbers or of text, whose values may be missing.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// The values of all rows, as numbers or as codes of texts.
struct TableColumn {
  std::string name;
  bool is_number = true;
  std::vector<double> numbers = {};  ///< Of a column of numbers; NaN where the value is missing.
  std::vector<float> floats = {};    ///< In the place of `numbers`, where they are such that f32 holds them.
  std::vector<int32_t> codes = {};   ///< Of a column of text: places in the dictionary; −1 where it is missing.
  std::vector<std::string> dictionary = {};  ///< The texts, each once, in the order of their first appearance.

  /// The row's number, in a column of numbers.
  double number(int64_t row) const {
    const auto i = static_cast<size_t>(row);
    return floats.empty() ? numbers[i] : double{floats[i]};
  }
  bool is_missing(int64_t row) const {
    return is_number ? std::isnan(number(row)) : codes[static_cast<size_t>(row)] < 0;
  }
  /// The row's text, which is not missing, in a column of text.
  const std::string& text(int64_t row) const {
    return dictionary[static_cast<size_t>(codes[static_cast<size_t>(row)])];
  }
  int64_t rows() const {
    return static_cast<int64_t>(!is_number ? codes.size() : floats.empty() ? numbers.size() : floats.size());
  }
  /// The first row whose value is missing, or −1.
  int64_t first_missing() const;
};

/// Tables have no more columns than this: a file that seems to have is none.
constexpr int64_t kMostColumns = int64_t{1} << 18;

/// Rows that were left out because something is wrong with them.
struct SkippedRows {
  int64_t count = 0;
  std::string first = {};  ///< What is wrong with the first of them, and where: "[file:line] …".

  /// Those behind.
  void add(const SkippedRows& more);
};

/// Rows of files that are not used.
struct LeftOutRows {
  int64_t unlabelled = 0;  ///< Those whose target is missing,
  int64_t ignored = 0;     ///< those of a class that is not learned,
  SkippedRows skipped = {};

  int64_t count() const { return unlabelled + ignored + skipped.count; }
  /// Those behind.
  void add(const LeftOutRows& more);
};

/// What a first column without a name is called, as pandas does: the numbers of the rows, which are no feature unless
/// they are named as one.
inline constexpr std::string_view kRowNumbers = "Unnamed: 0";

struct Table {
  /// A file that rows come from.
  struct Part {
    std::string source;
    int64_t first_row = 0;
  };
  std::vector<TableColumn> columns;  ///< At least one.
  int64_t rows = 0;
  std::vector<int64_t> lines;  ///< Where each row begins in its file, counted from 1; empty for rows of a folder.
  std::vector<Part> parts;     ///< At least one, by their first rows.
  SkippedRows skipped = {};
  std::string first_row = {};  ///< Of columns without names: the first row, if it might be their names.

  /// The place of the column of this name; a usage error that lists the names if there is none.
  size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;
  /// The names of the files, for messages.
  std::string source() const;
  /// "file:line" of a row; of one that is a file itself (data/file_list.h), its path.
  std::string place(int64_t row) const;
  /// Puts the rows of another table behind these; an error unless its columns have the same names and types in the same
  /// order. A column whose values are all missing is of either type.
  void append(Table&& other);
  /// Leaves out all rows but these, which ascend.
  void keep(std::span<const int64_t> rows);
  /// Gives back the memory of the values before this row, which nobody may look at again, but for a few of them.
  void give_up_before(int64_t row);
};

}  // namespace gradus
