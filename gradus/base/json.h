// JSON, out and in. A value is freed without taking memory, so that running out of it is an error like any other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gradus {

/// The text of an object, built field by field in the order given. Numbers that are not finite become null, since JSON
/// has none; what is not UTF-8 in a text becomes U+FFFD.
class JsonText {
 public:
  JsonText& add(std::string_view key, std::nullptr_t);
  JsonText& add(std::string_view key, bool value);
  JsonText& add(std::string_view key, int64_t value);
  /// The shortest digits that read back to the same bits.
  JsonText& add(std::string_view key, double value);
  JsonText& add(std::string_view key, std::string_view value);
  JsonText& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  JsonText& add(std::string_view key, const std::string& value) { return add(key, std::string_view(value)); }
  JsonText& add(std::string_view key, const JsonText& object);
  template <class T>
  JsonText& add(std::string_view key, const std::vector<T>& list);

  /// {"a":1,"b":{"c":2}}
  std::string line() const { return '{' + fields_ + '}'; }
  /// The same with each field on a line of its own, for people.
  std::string page() const;

 private:
  std::string& begin(std::string_view key);

  std::string fields_;
  std::vector<size_t> starts_;  // of the fields in it
};

/// A text in quotes, escaped.
std::string json_quoted(std::string_view text);

/// A value that was read.
struct JsonValue {
  struct Field;
  using List = std::vector<JsonValue>;
  using Object = std::vector<Field>;
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, List, Object> value;

  // In json.cpp, where fields are complete.
  JsonValue();
  ~JsonValue();
  JsonValue(JsonValue&& other) noexcept;
  JsonValue& operator=(JsonValue&& other) noexcept;

  template <class T>
  const T* get() const {
    return std::get_if<T>(&value);
  }
  /// The field of an object; nullptr if it has none of that name, or is no object.
  const JsonValue* find(std::string_view key) const;
  /// As one would write it, with an end where it gets long: for messages.
  std::string shown() const;
};

struct JsonValue::Field {
  std::string key;
  JsonValue value;
};

/// The value that `text` is. Errors, which call it `file`: no JSON (with the byte), a name twice in an object, values
/// within more than 32 others, a number beyond the range of double. An integer that 64 bits do not hold is read as a
/// double.
JsonValue parse_json(std::string_view text, const std::string& file);

}  // namespace gradus
