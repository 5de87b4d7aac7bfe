#include "gradus/data/csv.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/number.h"
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
  Reader(std::string_view text, const std::string& source, const CsvOptions& options, char separator)
      : rest_(text), source_(source), comment_(options.comment), separator_(separator) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  // The next row that is not empty; false at the end.
  bool next(std::vector<Field>& row) {
    while (!rest_.empty() && (skip_line_end() || skip_comment())) {
    }
    if (rest_.empty()) return false;
    row.clear();
    row_line_ = line_;
    do {
      row.push_back(field(row.size() + 1));
    } while (take_separator());
    return true;  // still before the line's end
  }
  int64_t row_line() const { return row_line_; }

  void skip_line() {
    while (!at_end_of_line()) rest_.remove_prefix(1);
  }
  bool is_unclosed() const { return is_unclosed_; }

 private:
  bool at_end_of_line() const { return rest_.empty() || rest_.front() == '\n' || rest_.front() == '\r'; }

  bool skip_line_end() {
    if (!at_end_of_line()) return false;
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
    ++line_;
    return true;
  }

  bool skip_comment() {
    if (!comment_ || rest_.front() != *comment_) return false;
    skip_line();
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
        is_unclosed_ = true;
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
  std::optional<char> comment_;
  char separator_;
  int64_t line_ = 1, row_line_ = 1;
  bool is_unclosed_ = false;
};

struct Rows {
  std::vector<std::vector<Field>> fields;
  std::vector<int64_t> lines;
  int64_t skipped = 0;
  std::string first_skipped;
};

// One row more, if there is one; false at the end.
bool read_row(Reader& reader, const std::string& source, Rows& rows) {
  std::vector<Field> row;
  if (!reader.next(row)) return false;
  if (!rows.fields.empty() && row.size() != rows.fields[0].size()) {
    fail(fmt::format("{}:{}", source, reader.row_line()), "{} fields; expected {}, as in line {}", row.size(),
         rows.fields[0].size(), rows.lines[0]);
  }
  rows.fields.push_back(std::move(row));
  rows.lines.push_back(reader.row_line());
  return true;
}

Rows read_rows(Reader& reader, const std::string& source, CsvOptions::BadRow on_bad_row) {
  Rows rows;
  for (bool more = true; more;) {
    try {
      more = read_row(reader, source, rows);
    } catch (const Error& error) {
      if (on_bad_row == CsvOptions::BadRow::kError || rows.fields.empty() || reader.is_unclosed()) throw;
      if (rows.skipped++ == 0) rows.first_skipped = error.what();
      reader.skip_line();
    }
  }
  if (rows.fields.empty()) fail(source, "there is no row in it; expected a line of fields for each example");
  return rows;
}

bool is_number(const Field& field) { return parse_number(field.text).has_value(); }

using Missing = std::unordered_set<std::string>;

// Whether the first value of the column is a number, of the first rows below the names.
bool begins_with_number(const Rows& rows, size_t column, const Missing& missing) {
  constexpr size_t kRows = 100;
  for (size_t row = 1; row < std::min(rows.fields.size(), kRows + 1); ++row) {
    const Field& field = rows.fields[row][column];
    if (!missing.contains(field.text)) return is_number(field);
  }
  return false;
}

bool has_header(const Rows& rows, CsvOptions::Header header, const Missing& missing) {
  if (header != CsvOptions::Header::kAuto) return header == CsvOptions::Header::kYes;
  if (std::any_of(rows.fields[0].begin(), rows.fields[0].end(), is_number)) return false;
  for (size_t column = 0; column < rows.fields[0].size(); ++column) {
    if (begins_with_number(rows, column, missing)) return true;
  }
  return false;
}

std::vector<std::string> names_of_columns(const Rows& rows, bool header, const std::string& source) {
  std::vector<std::string> names;
  std::unordered_map<std::string, size_t> places;
  for (size_t column = 0; column < rows.fields[0].size(); ++column) {
    names.push_back(header ? rows.fields[0][column].text : std::to_string(column + 1));
    const std::string& name = names.back();
    const auto place = [&] { return fmt::format("{}:{}, column {}", source, rows.lines[0], column + 1); };
    if (name.empty()) fail(place(), "the column has no name; expected one");
    const auto [other, is_new] = places.emplace(name, column + 1);
    if (!is_new) fail(place(), "the name {} is that of column {} too; each needs its own", shown(name), other->second);
  }
  return names;
}

TableColumn read_column(const Rows& rows, size_t column, size_t first, const Missing& missing) {
  TableColumn result;
  for (size_t row = first; row < rows.fields.size() && result.is_number; ++row) {
    const Field& field = rows.fields[row][column];
    result.is_number = missing.contains(field.text) || is_number(field);
  }
  std::unordered_map<std::string, int32_t> codes;
  for (size_t row = first; row < rows.fields.size(); ++row) {
    const Field& field = rows.fields[row][column];
    const bool is_missing = missing.contains(field.text) && (result.is_number || !field.quoted);
    if (result.is_number) {
      result.numbers.push_back(is_missing ? std::numeric_limits<double>::quiet_NaN() : *parse_number(field.text));
    } else if (is_missing) {
      result.codes.push_back(-1);
    } else {
      const auto [code, is_new] = codes.emplace(field.text, static_cast<int32_t>(codes.size()));
      if (is_new) result.dictionary.push_back(field.text);
      result.codes.push_back(code->second);
    }
  }
  return result;
}

}  // namespace

Table parse_csv(std::string_view text, const std::string& source, const CsvOptions& options) {
  if (const std::optional<size_t> wrong = first_invalid_utf8(text)) {
    fail(source, "byte {} is no UTF-8; convert the file with iconv", *wrong);
  }
  const char separator = options.separator.value_or(source.ends_with(".tsv") ? '\t' : ',');
  Reader reader(text, source, options, separator);
  Rows rows = read_rows(reader, source, options.on_bad_row);
  const Missing missing(options.missing.begin(), options.missing.end());
  const bool header = has_header(rows, options.header, missing);
  const size_t first = header ? 1 : 0;
  Table table;
  table.parts = {{source, 0}};
  table.rows = static_cast<int64_t>(rows.fields.size() - first);
  if (table.rows == 0) fail(source, "there is a line of names and no row below it");
  table.lines.assign(rows.lines.begin() + static_cast<int64_t>(first), rows.lines.end());
  table.skipped = rows.skipped;
  table.first_skipped = std::move(rows.first_skipped);
  const std::vector<std::string> names = names_of_columns(rows, header, source);
  for (size_t column = 0; column < names.size(); ++column) {
    table.columns.push_back(read_column(rows, column, first, missing));
    table.columns.back().name = names[column];
  }
  return table;
}

Table read_csv(const std::string& path, const CsvOptions& options) { return parse_csv(read_file(path), path, options); }

}  // namespace gradus
