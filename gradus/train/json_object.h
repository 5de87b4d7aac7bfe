// JSON objects from files, read field by field: what is missing, of another type or out of range is said with its
// place.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

class JsonObject {
 public:
  /// The object that `text` holds; messages call it `file`.
  static JsonObject parse(std::string_view text, const std::string& file);

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
  JsonObject(nlohmann::json json, std::string file, std::string place)
      : json_(std::move(json)), file_(std::move(file)), place_(std::move(place)) {}
  const nlohmann::json& at(const char* key) const;
  const nlohmann::json& list(const char* key) const;
  JsonObject inner(const nlohmann::json& json, std::string place) const;
  int64_t integer(const nlohmann::json& value, const char* key, int64_t low, int64_t high) const;
  double real(const nlohmann::json& value, const char* key) const;

  nlohmann::json json_;
  std::string file_, place_;
};

/// JSON has no NaN or infinity: null stands for them.
nlohmann::ordered_json json_number(double value);

}  // namespace gradus
