// JSON objects from files, read field by field: what is missing, of another type or out of range is said with its
// place.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/json.h"

namespace gradus {

class JsonObject {
 public:
  /// The object that `text` holds; messages call it `file`.
  static JsonObject parse(std::string_view text, const std::string& file);

  /// Whether there is such a field.
  bool has(const char* key) const { return value_->find(key) != nullptr; }
  int64_t integer(const char* key, int64_t low = 0, int64_t high = std::numeric_limits<int64_t>::max()) const;
  double real(const char* key) const;
  /// Nothing for null.
  std::optional<double> real_or_null(const char* key) const;
  std::string text(const char* key) const;
  /// 16 hexadecimal digits.
  uint64_t sum(const char* key) const;
  JsonObject object(const char* key) const;
  /// Nothing for null.
  std::optional<JsonObject> object_or_null(const char* key) const;
  std::vector<JsonObject> objects(const char* key) const;
  std::vector<int64_t> integers(const char* key) const;
  std::vector<double> reals(const char* key) const;
  std::vector<std::string> texts(const char* key) const;

  [[noreturn]] void fail_at(std::string_view key, std::string_view found, std::string_view expected) const;

 private:
  JsonObject(std::shared_ptr<const JsonValue> root, const JsonValue* value, std::string file, std::string place);
  const JsonValue& at(const char* key) const;
  const JsonValue::List& list(const char* key) const;
  JsonObject inner(const JsonValue& value, std::string place) const;
  int64_t integer(const JsonValue& value, const char* key, int64_t low, int64_t high) const;
  double real(const JsonValue& value, const char* key) const;
  const std::string& text(const JsonValue& value, const char* key) const;

  std::shared_ptr<const JsonValue> root_;  // keeps `value_`, which lies in it
  const JsonValue* value_;
  std::string file_, place_;
};

}  // namespace gradus
