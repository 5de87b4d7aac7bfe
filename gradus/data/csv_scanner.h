// The rows and fields of a CSV text, one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// What stands between separators, without the spaces around it; of a field in quotes, what is between them.
struct CsvField {
  std::string_view raw;
  bool is_quoted = false;
  bool has_quotes = false;  ///< Of a quoted field: quotes in it are written twice.

  std::string text() const;
};

/// What is wrong with a row.
struct CsvProblem {
  int64_t line = 0;          ///< Counted as the scanner does.
  size_t column = 0;         ///< From 1; 0: the row as a whole.
  bool is_unclosed = false;  ///< A quote that never ends, so that no later row can be found.
  std::string message = {};

  /// An Error's text: "[source:line, column n] message", for a scanner that began in line `first_line`.
  std::string what(const std::string& source, int64_t first_line) const;
  [[noreturn]] void raise(const std::string& source, int64_t first_line) const;
};

/// What messages show of a field.
std::string shown_field(std::string_view text);

namespace detail {
/// What to do if this stands between fields.
std::string advice_on_separator(char separator);
}  // namespace detail

/// Stands at a place in the text, and counts line ends from where it began: any outside quotes, "\n" in them.
class CsvScanner {
 public:
  /// `begin` is where a row begins, and `text` all that there is behind it as well.
  CsvScanner(std::string_view text, size_t begin, char separator, std::optional<char> comment)
      : begin_(text.data()),
        end_(text.data() + text.size()),
        at_(begin_ + begin),
        separator_(separator),
        comment_(comment) {}

  /// Skips empty lines and comments; whether a row begins before `limit` then.
  bool next_row(size_t limit) {
    const char* const stop = begin_ + limit;
    while (at_ < stop && (skip_line_end() || skip_comment())) {
    }
    return at_ < stop;
  }

  /// The next field, which is the row's `column`-th, from 0; false if something is wrong with it, as `problem` says.
  bool field(size_t column, CsvField& field);

  bool is_separator(const char* place) const { return place != end_ && *place == separator_; }
  bool take_separator() {
    if (!is_separator(at_)) return false;
    ++at_;
    return true;
  }

  /// Goes to the line's end.
  void skip_line() {
    while (!at_line_end()) ++at_;
  }

  /// Goes behind the line's end, if it is there.
  bool skip_line_end() {
    if (!at_line_end() || at_ == end_) return false;
    at_ += *at_ == '\r' && at_ + 1 != end_ && at_[1] == '\n' ? 2 : 1;
    ++line_;
    return true;
  }

  /// For what reads fields by itself.
  const char* at() const { return at_; }
  const char* end() const { return end_; }
  void go_to(const char* place) { at_ = place; }
  void count_line() { ++line_; }
  bool ends_field(const char* place) const {
    return place == end_ || *place == separator_ || *place == '\n' || *place == '\r';
  }
  bool is_space(const char* place) const { return (*place == ' ' || *place == '\t') && *place != separator_; }

  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  int64_t line() const { return line_; }  ///< How many line ends are behind it.
  const CsvProblem& problem() const { return problem_; }

 private:
  bool at_line_end() const { return at_ == end_ || *at_ == '\n' || *at_ == '\r'; }
  bool skip_comment() {
    if (!comment_ || at_ == end_ || *at_ != *comment_) return false;
    skip_line();
    return true;
  }
  bool quoted_field(size_t column, CsvField& field);
  bool is_too_long(size_t column, const CsvField& field);
  bool wrong(size_t column, std::string message) {
    problem_ = {.line = line_, .column = column + 1, .message = std::move(message)};
    return false;
  }

  const char *begin_, *end_, *at_;
  char separator_;
  std::optional<char> comment_;
  int64_t line_ = 0;
  CsvProblem problem_;
};

}  // namespace gradus
