// What is wrong with a column that is to be a feature or a target, for those who fit encoders and those who encode.
#pragma once

#include <string>
#include <string_view>

#include "gradus/base/error.h"
#include "gradus/base/number.h"
#include "gradus/data/number_advice.h"
#include "gradus/data/table.h"

namespace gradus::detail {

[[noreturn]] inline void fail_missing(std::string_view place, std::string_view column) {
  fail_usage(
      place,
      "the value of column \"{}\" is missing; fill it, or train with data.impute, which says what takes its place",
      column);
}

[[noreturn]] inline void fail_text(std::string_view place, std::string_view column, std::string_view text) {
  fail_usage(place,
             "column \"{}\" holds text, \"{}\", where the model takes a number; mend the file, or name the columns to "
             "learn from with data.features{}",
             column, text, advice_on_number(text));
}

[[noreturn]] inline void fail_odd_text(std::string_view place, std::string_view column, std::string_view text) {
  fail_usage(place,
             "\"{}\" in column \"{}\" is no number, and most of the column's values are; mend the file, name it in "
             "data.missing if it stands for a missing value, or name the column in data.category_columns{}",
             text, column, advice_on_number(text));
}

[[noreturn]] inline void fail_logarithm(std::string_view place, std::string_view column, std::string_view number) {
  fail_usage(place, "{} in column \"{}\" has no log(1 + x); take it out of data.log1p", number, column);
}

[[noreturn]] inline void fail_missing_target(std::string_view place, std::string_view column) {
  fail_usage(place,
             "the value of column \"{}\", which is to be learned, is missing; fill it, or remove the row (of "
             "tables and arrays data.unlabelled = \"leave_out\" does)",
             column);
}

[[noreturn]] inline void fail_target_of_text(std::string_view place, std::string_view column, std::string_view text) {
  fail_usage(place,
             "column \"{}\" holds text, \"{}\"; a target that is not a class must be a number: name the column that is "
             "with data.target, or learn classes with loss.name = \"cross_entropy\"{}",
             column, text, advice_on_number(text));
}

[[noreturn]] inline void fail_probability_of_text(std::string_view place, std::string_view column,
                                                  std::string_view text) {
  fail_usage(
      place,
      "column \"{}\" holds text, \"{}\"; expected the probabilities of a class, as data.target names several columns "
      "or loss.soft_labels is true: name one column, without that, if its texts are the classes",
      column, text);
}

/// The row of the first text that is no number; the number of rows if there is none.
inline int64_t first_text(const TableColumn& column, int64_t rows) {
  int64_t row = 0;
  while (row < rows && (column.is_missing(row) || parse_number(column.text(row)))) ++row;
  return row;
}

/// The column of this name, of numbers none of which is missing: the probabilities of a class. Throws otherwise.
inline const TableColumn& column_of_probabilities(const Table& table, std::string_view name) {
  const TableColumn& column = table.columns[table.column(name)];
  if (const int64_t row = column.first_missing(); row >= 0) fail_missing_target(table.place(row), name);
  if (column.is_number) return column;
  const int64_t row = first_text(column, table.rows);  // one of its fields at least is none
  fail_probability_of_text(table.place(row), name, column.text(row));
}

/// The first row whose number has no log(1 + x); the number of rows if there is none.
inline int64_t first_without_logarithm(const TableColumn& column, int64_t rows) {
  if (!column.is_number) return rows;
  int64_t row = 0;
  while (row < rows && !(column.number(row) <= -1.0)) ++row;
  return row;
}

}  // namespace gradus::detail
