#include "gradus/data/row_cache_format.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/base/json.h"

namespace gradus::detail {
namespace {

[[noreturn]] void fail_description(const std::string& file, std::string_view what) {
  fail(file, "the description in it has no {}; it was written by another program or version: remove it", what);
}

template <class T>
const T& field(const JsonValue& value, const char* key, const std::string& file) {
  const JsonValue* const found = value.find(key);
  const T* const content = found == nullptr ? nullptr : found->get<T>();
  if (content == nullptr) fail_description(file, fmt::format("\"{}\" as expected", key));
  return *content;
}

int64_t integer(const JsonValue& value, const char* key, int64_t low, int64_t high, const std::string& file) {
  const int64_t number = field<int64_t>(value, key, file);
  if (number < low || number > high) fail_description(file, fmt::format("\"{}\" from {} to {}", key, low, high));
  return number;
}

double real(const JsonValue& value, const char* key, const std::string& file) {
  const JsonValue* const found = value.find(key);
  if (found != nullptr && found->get<int64_t>() != nullptr) return static_cast<double>(*found->get<int64_t>());
  return field<double>(value, key, file);
}

// Older caches have no such list.
std::vector<double> reals(const JsonValue& value, const char* key, const std::string& file) {
  std::vector<double> numbers;
  if (value.find(key) == nullptr) return numbers;
  for (const JsonValue& item : field<JsonValue::List>(value, key, file)) {
    const int64_t* const whole = item.get<int64_t>();
    const double* const number = item.get<double>();
    if (whole == nullptr && number == nullptr) fail_description(file, fmt::format("numbers in \"{}\"", key));
    numbers.push_back(whole != nullptr ? static_cast<double>(*whole) : *number);
  }
  return numbers;
}

RowSource source_of(const JsonValue& value, const std::string& file) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  RowSource source{.path = field<std::string>(value, "path", file),
                   .stamp = {.bytes = integer(value, "bytes", 0, kMost, file),
                             .modified_ns = integer(value, "modified_ns", -kMost, kMost, file)}};
  if (!from_hex(field<std::string>(value, "xxh3", file), source.xxh3)) fail_description(file, "sum of a source");
  return source;
}

// Older caches say how many rows are left out in all.
LeftOutRows left_out_of(const JsonValue& value, const std::string& file) {
  LeftOutRows rows;
  int64_t rest = integer(value, "left_out", 0, std::numeric_limits<int64_t>::max(), file);
  if (value.find("skipped") != nullptr) {
    rows.skipped = {integer(value, "skipped", 0, rest, file), field<std::string>(value, "first_skipped", file)};
    rest -= rows.skipped.count;
  }
  if (value.find("ignored") != nullptr) {
    rows.ignored = integer(value, "ignored", 0, rest, file);
    rest -= rows.ignored;
  }
  rows.unlabelled = rest;
  return rows;
}

}  // namespace

int64_t row_block_bytes(const RowLayout& layout, int64_t rows, int64_t stored) {
  constexpr int64_t kMostRows = int64_t{1} << 38, kMostStored = int64_t{1} << 50;  // no product below overflows
  if (rows < 1 || rows > kMostRows || stored < 0 || stored > kMostStored) return -1;
  if (!layout.is_sparse && (stored % rows != 0 || stored / rows != layout.columns)) return -1;
  const int64_t a_row = 8 * layout.targets + (layout.has_weights ? 4 : 0) + (layout.is_sparse ? 4 : 0);
  return a_row * rows + (layout.is_sparse ? 8 : 4) * stored;
}

std::string to_json(const RowCacheDescription& d) {
  std::vector<JsonText> sources;
  for (const RowSource& source : d.sources) {
    sources.emplace_back()
        .add("path", source.path)
        .add("bytes", source.stamp.bytes)
        .add("modified_ns", source.stamp.modified_ns)
        .add("xxh3", hex(source.xxh3));
  }
  JsonText text;
  text.add("sparse", d.layout.is_sparse)
      .add("columns", d.layout.columns)
      .add("base", d.layout.base)
      .add("targets", d.layout.targets)
      .add("weights", d.layout.has_weights)
      .add("sources", sources)
      .add("options", d.options)
      .add("encoder", d.encoder)
      .add("left_out", d.left_out.count())
      .add("ignored", d.left_out.ignored)
      .add("skipped", d.left_out.skipped.count)
      .add("first_skipped", d.left_out.skipped.first)
      .add("training_weight", d.total_weights[0])
      .add("held_out_weight", d.total_weights[1])
      .add("training_targets", d.target_values[0])
      .add("held_out_targets", d.target_values[1]);
  return text.line();
}

RowCacheDescription row_cache_description(std::string_view json, const std::string& file) {
  constexpr int64_t kMostColumns = std::numeric_limits<int32_t>::max(), kMostTargets = 1 << 20;
  const JsonValue value = parse_json(json, file);
  RowCacheDescription d;
  d.layout = {.is_sparse = field<bool>(value, "sparse", file),
              .columns = integer(value, "columns", 1, kMostColumns, file),
              .base = integer(value, "base", 0, 1, file),
              .targets = integer(value, "targets", 1, kMostTargets, file),
              .has_weights = field<bool>(value, "weights", file)};
  for (const JsonValue& source : field<JsonValue::List>(value, "sources", file)) {
    d.sources.push_back(source_of(source, file));
  }
  d.options = field<std::string>(value, "options", file);
  d.encoder = field<std::string>(value, "encoder", file);
  d.left_out = left_out_of(value, file);
  d.total_weights[0] = real(value, "training_weight", file);
  d.total_weights[1] = real(value, "held_out_weight", file);
  d.target_values[0] = reals(value, "training_targets", file);
  d.target_values[1] = reals(value, "held_out_targets", file);
  return d;
}

}  // namespace gradus::detail
