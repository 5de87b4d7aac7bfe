#include "gradus/train/json_object.h"

#include <cmath>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"

namespace gradus {

JsonObject::JsonObject(std::shared_ptr<const JsonValue> root, const JsonValue* value, std::string file,
                       std::string place)
    : root_(std::move(root)), value_(value), file_(std::move(file)), place_(std::move(place)) {
  if (value_->get<JsonValue::Object>() == nullptr) {
    fail(file_, "{} is {}; expected an object", place_.empty() ? "the file" : place_, value_->shown());
  }
}

JsonObject JsonObject::parse(std::string_view text, const std::string& file) {
  const auto root = std::make_shared<const JsonValue>(parse_json(text, file));
  return {root, root.get(), file, ""};
}

JsonObject JsonObject::inner(const JsonValue& value, std::string place) const {
  return {root_, &value, file_, std::move(place)};
}

void JsonObject::fail_at(std::string_view key, std::string_view found, std::string_view expected) const {
  fail(file_, "\"{}{}{}\" is {}; expected {}", place_, place_.empty() ? "" : ".", key, found, expected);
}

const JsonValue& JsonObject::at(const char* key) const {
  const JsonValue* found = value_->find(key);
  if (found == nullptr) fail_at(key, "missing", "a file that gradus wrote");
  return *found;
}

int64_t JsonObject::integer(const JsonValue& value, const char* key, int64_t low, int64_t high) const {
  const auto* number = value.get<int64_t>();
  if (number == nullptr || *number < low || *number > high) {
    fail_at(key, value.shown(), fmt::format("an integer from {} to {}", low, high));
  }
  return *number;
}

double JsonObject::real(const JsonValue& value, const char* key) const {
  if (const auto* integer = value.get<int64_t>()) return static_cast<double>(*integer);
  const auto* number = value.get<double>();
  if (number == nullptr) fail_at(key, value.shown(), "a finite number");
  return *number;
}

const std::string& JsonObject::text(const JsonValue& value, const char* key) const {
  const auto* found = value.get<std::string>();
  if (found == nullptr) fail_at(key, value.shown(), "text");
  return *found;
}

const JsonValue::List& JsonObject::list(const char* key) const {
  const auto* found = at(key).get<JsonValue::List>();
  if (found == nullptr) fail_at(key, at(key).shown(), "a list");
  return *found;
}

int64_t JsonObject::integer(const char* key, int64_t low, int64_t high) const {
  return integer(at(key), key, low, high);
}

double JsonObject::real(const char* key) const { return real(at(key), key); }

std::optional<double> JsonObject::real_or_null(const char* key) const {
  return at(key).get<std::nullptr_t>() != nullptr ? std::nullopt : std::optional(real(key));
}

std::string JsonObject::text(const char* key) const { return text(at(key), key); }

uint64_t JsonObject::sum(const char* key) const {
  uint64_t value = 0;
  const auto* found = at(key).get<std::string>();
  if (found == nullptr || !from_hex(*found, value)) fail_at(key, at(key).shown(), "16 hexadecimal digits");
  return value;
}

JsonObject JsonObject::object(const char* key) const {
  return inner(at(key), place_.empty() ? key : place_ + "." + key);
}

std::optional<JsonObject> JsonObject::object_or_null(const char* key) const {
  return at(key).get<std::nullptr_t>() != nullptr ? std::nullopt : std::optional(object(key));
}

std::vector<JsonObject> JsonObject::objects(const char* key) const {
  std::vector<JsonObject> all;
  for (const JsonValue& element : list(key)) all.push_back(inner(element, fmt::format("{}[{}]", key, all.size())));
  return all;
}

std::vector<int64_t> JsonObject::integers(const char* key) const {
  std::vector<int64_t> all;
  for (const JsonValue& element : list(key)) all.push_back(integer(element, key, 0, INT64_MAX));
  return all;
}

std::vector<double> JsonObject::reals(const char* key) const {
  std::vector<double> all;
  for (const JsonValue& element : list(key)) all.push_back(real(element, key));
  return all;
}

std::vector<std::string> JsonObject::texts(const char* key) const {
  std::vector<std::string> all;
  for (const JsonValue& element : list(key)) all.push_back(text(element, key));
  return all;
}

}  // namespace gradus
