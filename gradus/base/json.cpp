#include "gradus/base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/base/error.h"

namespace gradus {
namespace {

constexpr size_t kDeepest = 32;

std::string number_text(double value) {
  if (!std::isfinite(value)) return "null";
  std::string text = fmt::format("{}", value);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

/// The length of the UTF-8 character at `at`, 0 if there is none (Unicode 15, table 3-7).
size_t character_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const auto is_tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool good = second >= (first == 0xE0 ? 0xA0u : 0x80u) && second <= (first == 0xED ? 0x9Fu : 0xBFu);
    return good && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool good = second >= (first == 0xF0 ? 0x90u : 0x80u) && second <= (first == 0xF4 ? 0x8Fu : 0xBFu);
    return good && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, char c) {
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
  } else {
    out += c;
  }
}

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(int64_t value) { return fmt::format("{}", value); }
std::string text_of(double value) { return number_text(value); }
std::string text_of(const std::string& value) { return json_quoted(value); }
std::string text_of(const JsonText& value) { return value.line(); }
std::string text_of(std::nullptr_t) { return "null"; }
std::string text_of(const JsonValue& value);

template <class Element>
std::string list_text(const std::vector<Element>& list) {
  std::string text = "[";
  for (const auto& element : list) text += (text.size() > 1 ? "," : "") + text_of(element);
  return text + ']';
}

std::string text_of(const JsonValue::List& list) { return list_text(list); }
std::string text_of(const JsonValue::Object& object) {
  std::string text = "{";
  for (const auto& [key, value] : object) {
    text += fmt::format("{}{}:{}", text.size() > 1 ? "," : "", json_quoted(key), text_of(value));
  }
  return text + '}';
}
std::string text_of(const JsonValue& value) {
  return std::visit([](const auto& held) { return text_of(held); }, value.value);
}

/// Builds a value piece by piece.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  Reader(JsonValue& result, const std::string& file) : result_(result), file_(file) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(int64_t value) override { return put(value); }
  bool number_unsigned(uint64_t value) override {
    return value > uint64_t{INT64_MAX} ? put(static_cast<double>(value)) : put(static_cast<int64_t>(value));
  }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) override { return false; }

  bool start_object(size_t) override { return open(JsonValue::Object()); }
  bool start_array(size_t) override { return open(JsonValue::List()); }
  bool end_object() override {
    std::vector<std::string_view> keys;
    for (const auto& [key, value] : std::get<JsonValue::Object>(open_.back()->value)) keys.push_back(key);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) fail(file_, "the key \"{}\" appears twice", *twice);
    return close();
  }
  bool end_array() override { return close(); }
  bool key(std::string& key) override {
    std::get<JsonValue::Object>(open_.back()->value).emplace_back().key = std::move(key);
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) override {
    if (dynamic_cast<const nlohmann::json::out_of_range*>(&error) != nullptr) {
      fail(file_, "has a number beyond the range of 64-bit floating point");
    }
    fail(file_, "is not valid JSON at byte {}", position == 0 ? 0 : position - 1);
  }

 private:
  // Where the next value goes: the root, the end of a list, or behind the key that was just read.
  JsonValue& place() {
    if (open_.empty()) return result_;
    if (auto* list = std::get_if<JsonValue::List>(&open_.back()->value)) return list->emplace_back();
    return std::get<JsonValue::Object>(open_.back()->value).back().value;
  }
  template <class T>
  bool put(T value) {
    place().value = std::move(value);
    return true;
  }
  template <class T>
  bool open(T empty) {
    // What holds values within values is freed, and shown, by recursion.
    if (open_.size() == kDeepest)
      fail(file_, "has values within more than {} others; gradus wrote none such", kDeepest);
    JsonValue& value = place();
    value.value = std::move(empty);
    open_.push_back(&value);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  JsonValue& result_;
  const std::string& file_;
  std::vector<JsonValue*> open_;  // a value moves only when its own list grows, and then it is not open
};

}  // namespace

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const size_t length = character_length(text, at);
    if (length == 1) {
      append_escaped(out, text[at]);
    } else {
      out += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(at, length);
    }
    at += std::max<size_t>(length, 1);
  }
  return out + '"';
}

std::string& JsonText::begin(std::string_view key) {
  if (!fields_.empty()) fields_ += ',';
  starts_.push_back(fields_.size());
  fields_ += json_quoted(key);
  return fields_ += ':';
}

JsonText& JsonText::add(std::string_view key, std::nullptr_t) { return begin(key) += "null", *this; }
JsonText& JsonText::add(std::string_view key, bool value) { return begin(key) += text_of(value), *this; }
JsonText& JsonText::add(std::string_view key, int64_t value) { return begin(key) += text_of(value), *this; }
JsonText& JsonText::add(std::string_view key, double value) { return begin(key) += text_of(value), *this; }
JsonText& JsonText::add(std::string_view key, std::string_view value) {
  return begin(key) += json_quoted(value), *this;
}
JsonText& JsonText::add(std::string_view key, const JsonText& object) { return begin(key) += object.line(), *this; }

template <class T>
JsonText& JsonText::add(std::string_view key, const std::vector<T>& list) {
  return begin(key) += list_text(list), *this;
}
template JsonText& JsonText::add(std::string_view, const std::vector<int64_t>&);
template JsonText& JsonText::add(std::string_view, const std::vector<double>&);
template JsonText& JsonText::add(std::string_view, const std::vector<std::string>&);
template JsonText& JsonText::add(std::string_view, const std::vector<JsonText>&);

std::string JsonText::page() const {
  std::string text = "{";
  for (size_t i = 0; i < starts_.size(); ++i) {
    const size_t end = i + 1 < starts_.size() ? starts_[i + 1] : fields_.size();
    text += "\n " + fields_.substr(starts_[i], end - starts_[i]);
  }
  return text + "\n}\n";
}

JsonValue::JsonValue() = default;
JsonValue::~JsonValue() = default;
JsonValue::JsonValue(JsonValue&& other) noexcept = default;
JsonValue& JsonValue::operator=(JsonValue&& other) noexcept = default;

const JsonValue* JsonValue::find(std::string_view key) const {
  const Object* object = get<Object>();
  if (object == nullptr) return nullptr;
  const auto found = std::find_if(object->begin(), object->end(), [&](const auto& field) { return field.key == key; });
  return found == object->end() ? nullptr : &found->value;
}

std::string JsonValue::shown() const {
  constexpr size_t kLongest = 60;
  const std::string text = text_of(*this);
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // never inside a UTF-8 character
  return text.substr(0, end) + "...";
}

JsonValue parse_json(std::string_view text, const std::string& file) {
  JsonValue result;
  Reader reader(result, file);
  nlohmann::json::sax_parse(text, &reader);
  return result;
}

}  // namespace gradus
