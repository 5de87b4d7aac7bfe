#include "gradus/data/table.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "gradus/base/error.h"
#include "gradus/base/memory.h"

namespace gradus {
namespace {

bool is_all_missing(const TableColumn& column) {
  if (!column.is_number) return false;
  int64_t row = 0;
  while (row < column.rows() && column.is_missing(row)) ++row;
  return row == column.rows();
}

void make_text(TableColumn& column) {
  column.codes.assign(static_cast<size_t>(column.rows()), -1);
  column.is_number = false;
  column.numbers = {};
  column.floats = {};
}

void make_doubles(TableColumn& column) {
  column.numbers.assign(column.floats.begin(), column.floats.end());
  column.floats = {};
}

template <class T>
void move_behind(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Codes of the other dictionary become codes of this one, which takes in the texts that it has not.
void append_texts(TableColumn& to, TableColumn& from) {
  std::unordered_map<std::string, int32_t> codes;
  for (const std::string& text : to.dictionary) codes.emplace(text, static_cast<int32_t>(codes.size()));
  std::vector<int32_t> code_here;
  for (std::string& text : from.dictionary) {
    const auto [found, is_new] = codes.emplace(text, static_cast<int32_t>(codes.size()));
    if (is_new) to.dictionary.push_back(std::move(text));
    code_here.push_back(found->second);
  }
  for (const int32_t code : from.codes) to.codes.push_back(code < 0 ? -1 : code_here[static_cast<size_t>(code)]);
}

}  // namespace

void SkippedRows::add(const SkippedRows& more) {
  if (count == 0) first = more.first;
  count += more.count;
}

void LeftOutRows::add(const LeftOutRows& more) {
  unlabelled += more.unlabelled;
  ignored += more.ignored;
  skipped.add(more.skipped);
}

int64_t TableColumn::first_missing() const {
  for (int64_t row = 0; row < rows(); ++row) {
    if (is_missing(row)) return row;
  }
  return -1;
}

size_t Table::column(std::string_view name) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const TableColumn& column) { return column.name == name; });
  if (found != columns.end()) return static_cast<size_t>(found - columns.begin());
  std::string names;
  for (const TableColumn& column : columns) names += (names.empty() ? "" : ", ") + column.name;
  if (first_row.empty()) fail_usage(source(), "there is no column \"{}\"; there are: {}", name, names);
  fail_usage(source(),
             "there is no column \"{}\"; there are: {}. The first line, {}, was taken for values, as {}; if it has the "
             "columns' names, set data.header = \"yes\"",
             name, names, first_row, rows == 1 ? "it is the only one" : "no number is below it");
}

bool Table::has_column(std::string_view name) const {
  return std::any_of(columns.begin(), columns.end(), [&](const TableColumn& column) { return column.name == name; });
}

std::string Table::source() const {
  std::string text;
  for (const Part& part : parts) text += (text.empty() ? "" : ", ") + part.source;
  return text;
}

std::string Table::place(int64_t row) const {
  if (lines.empty()) return columns[column("path")].text(row);
  size_t part = 0;
  while (part + 1 < parts.size() && parts[part + 1].first_row <= row) ++part;
  return fmt::format("{}:{}", parts[part].source, lines[static_cast<size_t>(row)]);
}

void Table::append(Table&& other) {
  if (columns.size() != other.columns.size()) {
    fail(other.source(), "{} columns; expected {}, as in {}", other.columns.size(), columns.size(), source());
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    const TableColumn &here = columns[i], &there = other.columns[i];
    if (here.name != there.name) {
      fail(other.source(), "column {} is \"{}\"; expected \"{}\", as in {}", i + 1, there.name, here.name, source());
    }
    if (here.is_number != there.is_number && !is_all_missing(here) && !is_all_missing(there)) {
      fail(other.source(), "column \"{}\" holds {}; in {} it holds {}", there.name,
           there.is_number ? "numbers" : "text", source(), here.is_number ? "numbers" : "text");
    }
  }
  for (Part& part : other.parts) parts.push_back({std::move(part.source), rows + part.first_row});
  for (size_t i = 0; i < columns.size(); ++i) {
    TableColumn &here = columns[i], &there = other.columns[i];
    if (here.is_number != there.is_number) make_text(here.is_number ? here : there);
    if (here.floats.empty() != there.floats.empty()) make_doubles(here.floats.empty() ? there : here);
    move_behind(here.numbers, there.numbers);
    move_behind(here.floats, there.floats);
    append_texts(here, there);
  }
  move_behind(lines, other.lines);
  rows += other.rows;
  skipped.add(other.skipped);
}

namespace {

template <class T>
void keep_places(std::vector<T>& values, std::span<const int64_t> rows) {
  if (values.empty()) return;  // of the other type of column
  size_t to = 0;
  for (const int64_t row : rows) values[to++] = values[static_cast<size_t>(row)];
  values.resize(to);
}

}  // namespace

void Table::keep(std::span<const int64_t> kept) {
  for (TableColumn& column : columns) {
    keep_places(column.numbers, kept);
    keep_places(column.floats, kept);
    keep_places(column.codes, kept);
  }
  keep_places(lines, kept);
  for (Part& part : parts) {
    part.first_row = std::lower_bound(kept.begin(), kept.end(), part.first_row) - kept.begin();
  }
  rows = static_cast<int64_t>(kept.size());
}

void Table::give_up_before(int64_t row) {
  const auto give_up = [row](auto& values) {
    discard_pages(values.data(), std::min(values.size(), static_cast<size_t>(row)) * sizeof(values[0]));
  };
  for (TableColumn& column : columns) {
    give_up(column.numbers);
    give_up(column.floats);
    give_up(column.codes);
  }
}

}  // namespace gradus
