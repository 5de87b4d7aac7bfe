#include "gradus/data/csv_scanner.h"

#include <algorithm>
#include <cstring>

#include "gradus/base/error.h"
#include "gradus/data/csv.h"
#include "gradus/data/text_lines.h"

namespace gradus {
namespace {

// Of type size_t where memchr takes it.
const char* find_quote(const char* begin, const char* end) {
  return static_cast<const char*>(std::memchr(begin, '"', static_cast<size_t>(end - begin)));
}

// What to do if another separator stands beside the quotes of a text.
std::string other_separator(std::string_view text) {
  for (const char separator : {',', ';', '\t', '|'}) {
    const char before[] = {separator, '"'}, behind[] = {'"', separator};
    if (text.find({before, 2}) == std::string_view::npos && text.find({behind, 2}) == std::string_view::npos) continue;
    return detail::advice_on_separator(separator);
  }
  return "";
}

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

}  // namespace

std::string detail::advice_on_separator(char separator) {
  for (const auto& [character, name] : kCsvSeparators) {
    if (character != separator) continue;
    return fmt::format(". If a {} stands between fields, set data.separator = \"{}\"", name, name);
  }
  return "";
}

std::string CsvField::text() const {
  if (!has_quotes) return std::string(raw);
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    text += raw[i];
    if (raw[i] == '"') ++i;
  }
  return text;
}

std::string CsvProblem::what(const std::string& source, int64_t first_line) const {
  const std::string place = fmt::format("{}:{}", source, first_line + line);
  return fmt::format("[{}{}] {}", place, column == 0 ? "" : fmt::format(", column {}", column), message);
}

void CsvProblem::raise(const std::string& source, int64_t first_line) const {
  const std::string place = fmt::format("{}:{}", source, first_line + line);
  fail(column == 0 ? place : fmt::format("{}, column {}", place, column), "{}", message);
}

std::string shown_field(std::string_view text) {
  constexpr size_t kMost = 40;
  return text.size() <= kMost ? fmt::format("\"{}\"", text) : fmt::format("\"{}…\"", text.substr(0, kMost));
}

bool CsvScanner::is_too_long(size_t column, const CsvField& field) {
  if (field.raw.size() <= kLongestLine) return false;
  wrong(column,
        fmt::format("the field has {} bytes; expected {} at most: is this a table, and is each quote in it closed?",
                    field.raw.size(), kLongestLine));
  return true;
}

bool CsvScanner::field(size_t column, CsvField& field) {
  while (at_ != end_ && is_space(at_)) ++at_;
  if (at_ != end_ && *at_ == '"') return quoted_field(column, field);
  const char* const begin = at_;
  const char* stop = at_;
  bool has_quote = false;
  for (; !ends_field(stop); ++stop) has_quote = has_quote || *stop == '"';
  const char* last = stop;
  while (last != begin && (last[-1] == ' ' || last[-1] == '\t')) --last;
  field = {between(begin, last)};
  if (is_too_long(column, field)) return false;
  if (has_quote) {
    return wrong(column,
                 fmt::format("{} has a quote inside; a field with quotes has to be in quotes itself, with each written "
                             "twice{}",
                             shown_field(field.raw), other_separator(field.raw)));
  }
  at_ = stop;
  return true;
}

bool CsvScanner::quoted_field(size_t column, CsvField& field) {
  const char* const begin = ++at_;
  field = {{}, true};
  const char* quote = find_quote(begin, end_);
  while (quote != nullptr && quote + 1 != end_ && quote[1] == '"') {
    field.has_quotes = true;
    quote = find_quote(quote + 2, end_);
  }
  if (quote == nullptr) {
    wrong(column, "a quote is opened and never closed");
    problem_.is_unclosed = true;
    at_ = end_;
    return false;
  }
  field.raw = between(begin, quote);
  if (is_too_long(column, field)) return false;
  line_ += std::count(begin, quote, '\n');
  at_ = quote + 1;
  while (at_ != end_ && is_space(at_)) ++at_;
  if (ends_field(at_)) return true;
  return wrong(column, fmt::format("text behind the closing quote of {}; expected a separator or the end of the line{}",
                                   shown_field(field.text()), other_separator(between(quote, quote + 2))));
}

}  // namespace gradus
