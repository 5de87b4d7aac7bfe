#include "gradus/data/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/utf8.h"

namespace gradus {
namespace {

struct Field {
  std::string text;
  bool quoted = false;
};

bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// What messages show of a field.
std::string shown(std::string_view text) {
  constexpr size_t kMost = 40;
  return text.size() <= kMost ? fmt::format("\"{}\"", text) : fmt::format("\"{}…\"", text.substr(0, kMost));
}

// Splits the text into rows of fields.
class Reader {
 public:
  Reader(std::string_view text, const std::string& source, char separator)
      : rest_(text), source_(source), separator_(separator) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  int64_t line() const { return line_; }

  // The next row that is not empty; false at the end.
  bool next(std::vector<Field>& row) {
    while (!rest_.empty() && skip_line_end()) {
    }
    if (rest_.empty()) return false;
    row.clear();
    row_line_ = line_;
    do {
      row.push_back(field(row.size() + 1));
    } while (take_separator());
    if (!rest_.empty()) skip_line_end();
    return true;
  }
  int64_t row_line() const { return row_line_; }

 private:
  bool at_end_of_line() const { return rest_.empty() || rest_.front() == '\n' || rest_.front() == '\r'; }

  bool skip_line_end() {
    if (!at_end_of_line()) return false;
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
    ++line_;
    return true;
  }

  bool take_separator() {
    if (rest_.empty() || rest_.front() != separator_) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Field field(size_t column) {
    size_t begin = 0;
    while (begin < rest_.size() && is_space(rest_[begin]) && rest_[begin] != separator_) ++begin;
    if (begin < rest_.size() && rest_[begin] == '"') {
      rest_.remove_prefix(begin + 1);
      return quoted(column);
    }
    size_t end = 0;
    while (end < rest_.size() && rest_[end] != separator_ && rest_[end] != '\n' && rest_[end] != '\r') ++end;
    const std::string_view text = trimmed(rest_.substr(0, end));
    if (text.find('"') != std::string_view::npos) {
      fail(place(column),
           "{} has a quote inside; a field with quotes has to be in quotes itself, with each written twice",
           shown(text));
    }
    rest_.remove_prefix(end);
    return {std::string(text), false};
  }

  // Behind the opening quote.
  Field quoted(size_t column) {
    const int64_t first_line = line_;
    Field field{"", true};
    while (true) {
      const size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) {
        line_ = first_line;
        fail(place(column), "a quote is opened and never closed");
      }
      line_ += std::count(rest_.begin(), rest_.begin() + static_cast<int64_t>(quote), '\n');
      field.text += rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      if (rest_.empty() || rest_.front() != '"') break;
      field.text += '"';
      rest_.remove_prefix(1);
    }
    while (!at_end_of_line() && is_space(rest_.front()) && rest_.front() != separator_) rest_.remove_prefix(1);
    if (at_end_of_line() || rest_.front() == separator_) return field;
    fail(place(column), "text behind the closing quote of {}; expected a separator or the end of the line",
         shown(field.text));
  }

  std::string place(size_t column) const { return fmt::format("{}:{}, column {}", source_, line_, column); }

  std::string_view rest_;
  const std::string& source_;
  char separator_;
  int64_t line_ = 1, row_line_ = 1;
};

struct Rows {
  std::vector<std::vector<Field>> fields;
  std::vector<int64_t> lines;
};

Rows read_rows(std::string_view text, const std::string& source, char separator) {
  Reader reader(text, source, separator);
  Rows rows;
  std::vector<Field> row;
  while (reader.next(row)) {
    if (!rows.fields.empty() && row.size() != rows.fields[0].size()) {
      fail(fmt::format("{}:{}", source, reader.row_line()), "{} fields; expected {}, as in line {}", row.size(),
           rows.fields[0].size(), rows.lines[0]);
    }
    rows.fields.push_back(std::move(row));
    rows.lines.push_back(reader.row_line());
  }
  if (rows.fields.empty()) fail(source, "there is no row in it; expected a line of fields for each example");
  return rows;
}

bool is_number(const Field& field) { return parse_number(field.text).has_value(); }

bool has_header(const Rows& rows, CsvOptions::Header header) {
  if (header != CsvOptions::Header::kAuto) return header == CsvOptions::Header::kYes;
  if (std::any_of(rows.fields[0].begin(), rows.fields[0].end(), is_number) || rows.fields.size() < 2) return false;
  return std::any_of(rows.fields[1].begin(), rows.fields[1].end(), is_number);
}

std::string name_of_column(const Rows& rows, size_t column, bool header, const std::string& source) {
  if (!header) return std::to_string(column + 1);
  const std::string& name = rows.fields[0][column].text;
  if (name.empty()) {
    fail(fmt::format("{}:{}, column {}", source, rows.lines[0], column + 1), "the column has no name; expected one");
  }
  for (size_t other = 0; other < column; ++other) {
    if (rows.fields[0][other].text == name) {
      fail(fmt::format("{}:{}, column {}", source, rows.lines[0], column + 1),
           "the name {} is that of column {} too; each needs its own", shown(name), other + 1);
    }
  }
  return name;
}

TableColumn read_column(const Rows& rows, size_t column, bool header, const std::string& source) {
  TableColumn result{name_of_column(rows, column, header, source), true, {}, {}};
  for (size_t row = header ? 1 : 0; row < rows.fields.size(); ++row) {
    const Field& field = rows.fields[row][column];
    if (field.text.empty() && !field.quoted) {
      fail(fmt::format("{}:{}, column {}", source, rows.lines[row], column + 1),
           "the field of \"{}\" is empty; missing values are not read yet: fill it, or leave the row out", result.name);
    }
    result.is_number = result.is_number && is_number(field);
  }
  for (size_t row = header ? 1 : 0; row < rows.fields.size(); ++row) {
    const std::string& text = rows.fields[row][column].text;
    if (result.is_number) {
      result.numbers.push_back(*parse_number(text));
    } else {
      result.texts.push_back(text);
    }
  }
  return result;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

size_t Table::column(std::string_view name) const {
  std::string names;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
    names += (i > 0 ? ", " : "") + columns[i].name;
  }
  fail_usage(source(), "there is no column \"{}\"; there are: {}", name, names);
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
    if (here.is_number != there.is_number) {
      fail(other.source(), "column \"{}\" holds {}; in {} it holds {}", there.name,
           there.is_number ? "numbers" : "text", source(), here.is_number ? "numbers" : "text");
    }
  }
  const auto move_behind = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  for (Part& part : other.parts) parts.push_back({std::move(part.source), rows + part.first_row});
  for (size_t i = 0; i < columns.size(); ++i) {
    move_behind(columns[i].numbers, other.columns[i].numbers);
    move_behind(columns[i].texts, other.columns[i].texts);
  }
  move_behind(lines, other.lines);
  rows += other.rows;
}

Table parse_csv(std::string_view text, const std::string& source, const CsvOptions& options) {
  if (const std::optional<size_t> wrong = first_invalid_utf8(text)) {
    fail(source, "byte {} is no UTF-8; convert the file with iconv", *wrong);
  }
  const Rows rows = read_rows(text, source, options.separator);
  const bool header = has_header(rows, options.header);
  Table table;
  table.parts = {{source, 0}};
  table.rows = static_cast<int64_t>(rows.fields.size()) - (header ? 1 : 0);
  if (table.rows == 0) fail(source, "there is a line of names and no row below it");
  table.lines.assign(rows.lines.begin() + (header ? 1 : 0), rows.lines.end());
  for (size_t column = 0; column < rows.fields[0].size(); ++column) {
    table.columns.push_back(read_column(rows, column, header, source));
  }
  return table;
}

Table read_csv(const std::string& path, const CsvOptions& options) { return parse_csv(read_file(path), path, options); }

}  // namespace gradus
