// The texts in C++ code, as far as they can be put together without a compiler.
#pragma once

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// Stands in a text for what only the running program knows.
constexpr char kUnknownText = '\0';

/// Collects the literals of code: neighbours are one text, and so are literals that are added up, `"a" + name + "b"`,
/// with constants of the same code in their place.
class CodeTexts {
 public:
  explicit CodeTexts(std::string_view code) : code_(code) {}

  /// From `begin` on up to where the bracket that is open there closes, or to the end.
  std::vector<std::string> from(size_t begin) {
    texts_.clear();
    levels_.assign(1, {});
    for (at_ = begin; at_ < code_.size() && !levels_.empty();) step();
    while (!levels_.empty()) close();
    return std::move(texts_);
  }

  /// Of the whole code.
  std::vector<std::string> all() {
    std::vector<std::string> texts;
    for (size_t begin = 0; begin < code_.size(); begin = at_) {
      for (std::string& text : from(begin)) texts.push_back(std::move(text));
    }
    return texts;
  }

 private:
  // What is open in one pair of brackets.
  struct Level {
    std::string sum;         // so far
    bool has_text = false;   // a literal, or a constant
    bool has_term = false;   // the last thing is a term of the sum
    bool wants_term = true;  // at its start, and behind a +
    std::string name;        // the last identifier
    std::string assigned;    // the name in front of the =
  };

  void step() {
    const char c = code_[at_];
    if (code_.substr(at_, 2) == "//") {
      at_ = std::min(code_.find('\n', at_), code_.size());
    } else if (code_.substr(at_, 3) == "R\"(") {
      const size_t end = code_.find(")\"", at_);
      add_text(code_.substr(at_ + 3, end - at_ - 3));
      at_ = end + 2;
    } else if (c == '"') {
      add_text(literal());
    } else if (c == '\'') {
      const size_t end = at_ + (at_ + 1 < code_.size() && code_[at_ + 1] == '\\' ? 3 : 2);
      at_ = end < code_.size() && code_[end] == '\'' ? end + 1 : at_ + 1;
      add_unknown();
    } else if (is_word(c)) {
      const size_t begin = at_;
      while (at_ < code_.size() && (is_word(code_[at_]) || (code_[at_] == '\'' && is_word(code_[at_ - 1])))) ++at_;
      add_name(std::string(code_.substr(begin, at_ - begin)));
    } else {
      ++at_;
      punctuation(c);
    }
  }

  std::string literal() {
    std::string text;
    for (++at_; at_ < code_.size() && code_[at_] != '"'; ++at_) {
      if (code_[at_] != '\\') {
        text += code_[at_];
      } else {
        const char escaped = code_[++at_];
        text += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
      }
    }
    ++at_;
    return text;
  }

  void add_text(std::string_view text) {
    Level& level = levels_.back();
    if (!level.wants_term && !(level.has_term && level.has_text)) flush();
    level.sum += text;
    level.has_text = level.has_term = true;
    level.wants_term = false;
  }

  void add_unknown() {
    Level& level = levels_.back();
    if (!level.wants_term) return;
    level.sum += kUnknownText;
    level.has_term = true;
    level.wants_term = false;
  }

  void add_name(std::string name) {
    Level& level = levels_.back();
    const auto constant = constants_.find(name);
    if (level.wants_term && constant != constants_.end()) {
      add_text(constant->second);
    } else {
      add_unknown();
    }
    level.name = std::move(name);
  }

  void punctuation(char c) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) return;
    Level& level = levels_.back();
    if (c == '(' || c == '[' || c == '{') {
      if (level.wants_term) add_unknown();
      levels_.emplace_back();
    } else if (c == ')' || c == ']' || c == '}') {
      close();
    } else if (c == '+') {
      level.wants_term = level.has_term;
    } else if (c == ',' || c == ';' || c == '=' || c == '?' || c == '<' || c == '>' || c == '&' || c == '|') {
      const std::string name = level.name;
      flush();
      if (c == '=') levels_.back().assigned = name;
    } else if (c == ':' && (at_ >= code_.size() || code_[at_] != ':') && code_[at_ - 2] != ':') {
      flush();
    }
  }

  // `std::string("a")` is its text.
  void close() {
    Level inner = levels_.back();
    const bool is_text = inner.has_text && levels_.size() > 1 && levels_[levels_.size() - 2].name == "string";
    if (!is_text) flush();
    levels_.pop_back();
    if (!is_text) return;
    Level& level = levels_.back();
    if (level.has_term && level.sum.ends_with(kUnknownText)) level.sum.pop_back();
    level.sum += inner.sum;
    level.has_text = level.has_term = true;
  }

  void flush() {
    Level& level = levels_.back();
    if (level.has_text) {
      if (!level.assigned.empty()) constants_[level.assigned] = level.sum;
      texts_.push_back(level.sum);
    }
    level = {};
  }

  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

  std::string_view code_;
  size_t at_ = 0;
  std::vector<Level> levels_;
  std::vector<std::string> texts_;
  std::map<std::string, std::string> constants_;
};

}  // namespace gradus
