#include "gradus/train/json_object.h"

#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"

namespace gradus {
namespace {

// What stands there, with an end where it gets long.
std::string shown(const nlohmann::json& json) {
  constexpr size_t kLongest = 60;
  const std::string text = json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

}  // namespace

nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

JsonObject JsonObject::parse(std::string_view text, const std::string& file) {
  constexpr int kDeepest = 32;  // copying and printing recurse: the stack has to hold the deepest value
  const auto refuse_deep = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    if (depth > kDeepest) fail(file, "has values within more than {} others; gradus wrote none such", kDeepest);
    return true;
  };
  try {
    return JsonObject(nlohmann::json(), file, "").inner(nlohmann::json::parse(text, refuse_deep), "");
  } catch (const nlohmann::json::parse_error& error) {
    fail(file, "is not valid JSON at byte {}", error.byte == 0 ? 0 : error.byte - 1);
  } catch (const nlohmann::json::out_of_range&) {
    fail(file, "has a number beyond the range of 64-bit floating point");
  }
}

JsonObject JsonObject::inner(const nlohmann::json& json, std::string place) const {
  if (!json.is_object()) fail(file_, "{} is {}; expected an object", place.empty() ? "the file" : place, shown(json));
  return {json, file_, std::move(place)};
}

void JsonObject::fail_at(std::string_view key, std::string_view found, std::string_view expected) const {
  fail(file_, "\"{}{}{}\" is {}; expected {}", place_, place_.empty() ? "" : ".", key, found, expected);
}

const nlohmann::json& JsonObject::at(const char* key) const {
  const auto found = json_.find(key);
  if (found == json_.end()) fail_at(key, "missing", "a file that gradus wrote");
  return *found;
}

int64_t JsonObject::integer(const nlohmann::json& value, const char* key, int64_t low, int64_t high) const {
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX}) &&
                    value.get<int64_t>() >= low && value.get<int64_t>() <= high;
  if (!fits) fail_at(key, shown(value), fmt::format("an integer from {} to {}", low, high));
  return value.get<int64_t>();
}

double JsonObject::real(const nlohmann::json& value, const char* key) const {
  if (!value.is_number() || !std::isfinite(value.get<double>())) fail_at(key, shown(value), "a finite number");
  return value.get<double>();
}

int64_t JsonObject::integer(const char* key, int64_t low, int64_t high) const {
  return integer(at(key), key, low, high);
}

double JsonObject::real(const char* key) const { return real(at(key), key); }

std::optional<double> JsonObject::real_or_null(const char* key) const {
  return at(key).is_null() ? std::nullopt : std::optional(real(key));
}

std::string JsonObject::text(const char* key) const {
  if (!at(key).is_string()) fail_at(key, shown(at(key)), "text");
  return at(key).get<std::string>();
}

uint64_t JsonObject::sum(const char* key) const {
  uint64_t value = 0;
  if (!at(key).is_string() || !from_hex(at(key).get_ref<const std::string&>(), value)) {
    fail_at(key, shown(at(key)), "16 hexadecimal digits");
  }
  return value;
}

JsonObject JsonObject::object(const char* key) const {
  return inner(at(key), place_.empty() ? key : place_ + "." + key);
}

std::optional<JsonObject> JsonObject::object_or_null(const char* key) const {
  return at(key).is_null() ? std::nullopt : std::optional(object(key));
}

const nlohmann::json& JsonObject::list(const char* key) const {
  if (!at(key).is_array()) fail_at(key, shown(at(key)), "a list");
  return at(key);
}

std::vector<JsonObject> JsonObject::objects(const char* key) const {
  std::vector<JsonObject> all;
  for (const nlohmann::json& element : list(key)) all.push_back(inner(element, fmt::format("{}[{}]", key, all.size())));
  return all;
}

std::vector<int64_t> JsonObject::integers(const char* key) const {
  std::vector<int64_t> all;
  for (const nlohmann::json& element : list(key)) all.push_back(integer(element, key, 0, INT64_MAX));
  return all;
}

std::vector<double> JsonObject::reals(const char* key) const {
  std::vector<double> all;
  for (const nlohmann::json& element : list(key)) all.push_back(real(element, key));
  return all;
}

std::vector<std::string> JsonObject::texts(const char* key) const {
  std::vector<std::string> all;
  for (const nlohmann::json& element : list(key)) {
    if (!element.is_string()) fail_at(key, shown(element), "a list of texts");
    all.push_back(element.get<std::string>());
  }
  return all;
}

}  // namespace gradus
