#include "gradus/data/feature.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/data/feature_errors.h"

namespace gradus {
namespace {

double transformed(const Feature& f, double number) {
  const double filled = std::isnan(number) ? f.fill : number;
  return f.log1p ? std::log1p(filled) : filled;
}

// Throws unless a column holds what a feature of numbers needs.
void check_numbers(const Feature& f, const Table& table, const TableColumn& column) {
  const int64_t missing = column.first_missing();
  const bool is_empty = !column.is_number && column.dictionary.empty();  // all values are missing
  if (!column.is_number && !is_empty) {
    const int64_t row = detail::first_text(column, table.rows);
    detail::fail_text(table.place(row), f.name, column.text(row));
  }
  if (missing >= 0 && !f.fills) detail::fail_missing(table.place(missing), f.name);
  const int64_t row = f.log1p ? detail::first_without_logarithm(column, table.rows) : table.rows;
  if (row < table.rows) detail::fail_logarithm(table.place(row), f.name, fmt::format("{}", column.number(row)));
}

double number_in(const TableColumn& column, int64_t row) {
  return column.is_number ? column.number(row) : std::nan("");
}

std::string category_in(const TableColumn& column, int64_t row) {
  return column.is_number ? fmt::format("{}", column.number(row)) : column.text(row);
}

}  // namespace

FeatureWriter::FeatureWriter(const Feature& feature, const Table& table)
    : feature_(feature), table_(table), column_(table.columns[table.column(feature.name)]) {
  if (feature.kind == Feature::Kind::kNumber) {
    check_numbers(feature, table, column_);
    return;
  }
  for (const std::string& name : feature.categories) places_.emplace(name, static_cast<int64_t>(places_.size()));
  for (const std::string& text : column_.dictionary) code_places_.push_back(place_of(text));
}

void FeatureWriter::write(int64_t begin, int64_t end, float* to, int64_t stride) const {
  feature_.kind == Feature::Kind::kNumber ? write_numbers(begin, end, to, stride)
                                          : write_categories(begin, end, to, stride);
}

void FeatureWriter::write_numbers(int64_t begin, int64_t end, float* to, int64_t stride) const {
  for (int64_t row = begin; row < end; ++row, to += stride) {
    const double number = number_in(column_, row);
    to[0] = static_cast<float>((transformed(feature_, number) - feature_.mean) / feature_.scale);
    if (!std::isfinite(to[0])) {
      fail(table_.place(row), "{} in column \"{}\" is beyond what 32 bits hold; give the column in another unit",
           number, feature_.name);
    }
    if (feature_.indicator) to[1] = std::isnan(number) ? 1.0F : 0.0F;
  }
}

// Which of a category's columns is 1; −1 for none.
int64_t FeatureWriter::place_of(const std::string& category) const {
  if (feature_.kind == Feature::Kind::kHash) {
    return static_cast<int64_t>(xxh3(category) % static_cast<uint64_t>(feature_.buckets));
  }
  const auto found = places_.find(category);
  return found == places_.end() ? -1 : found->second;
}

int64_t FeatureWriter::place_of_row(int64_t row) const {
  if (column_.is_missing(row)) {
    return feature_.missing_is_category ? static_cast<int64_t>(feature_.categories.size()) : -1;
  }
  return column_.is_number ? place_of(category_in(column_, row))
                           : code_places_[static_cast<size_t>(column_.codes[static_cast<size_t>(row)])];
}

void FeatureWriter::write_categories(int64_t begin, int64_t end, float* to, int64_t stride) const {
  const int64_t width = feature_.width();
  for (int64_t row = begin; row < end; ++row, to += stride) {
    const bool missing = column_.is_missing(row);
    if (missing && !feature_.fills) detail::fail_missing(table_.place(row), feature_.name);
    const int64_t place = place_of_row(row);
    if (place < 0 && feature_.refuse_unseen && !missing) {
      fail(table_.place(row),
           "\"{}\" in column \"{}\" is a category that the training part has not; it has: {}; leave the row out, or "
           "train with data.unseen = \"zeros\"",
           category_in(column_, row), feature_.name, fmt::join(feature_.categories, ", "));
    }
    if (feature_.is_embedded) {
      to[0] = static_cast<float>(place < 0 ? feature_.embedding_rows() - 1 : place);
      continue;
    }
    std::fill_n(to, width, 0.0F);
    if (place >= 0) to[place] = 1.0F;
  }
}

int64_t Feature::width() const {
  if (kind == Kind::kNumber) return indicator ? 2 : 1;
  if (kind == Kind::kHash) return buckets;
  if (is_embedded) return 1;
  return static_cast<int64_t>(categories.size()) + (missing_is_category ? 1 : 0);
}

std::vector<std::string> Feature::input_names() const {
  std::vector<std::string> names;
  if (kind == Kind::kNumber || is_embedded) names.push_back(name);
  if (is_embedded) return names;
  for (const std::string& category : categories) names.push_back(fmt::format("{} = {}", name, category));
  for (int64_t i = 0; i < buckets; ++i) names.push_back(fmt::format("{} #{}", name, i));
  if (indicator || missing_is_category) names.push_back(name + " is missing");
  return names;
}

namespace {

[[noreturn]] void fail_column(const std::string& file, std::string_view what) {
  fail(file, "{}; expected the columns of a table as gradus writes them", what);
}

double number_or(const JsonValue& value, std::string_view key, double fallback, const std::string& file) {
  const JsonValue* const found = value.find(key);
  if (found == nullptr) return fallback;
  double number = 0.0;
  if (const auto* real = found->get<double>()) {
    number = *real;
  } else if (const auto* integer = found->get<int64_t>()) {
    number = static_cast<double>(*integer);
  } else {
    fail_column(file, "a mean, a scale, a fill or a number of buckets is no number");
  }
  return number;
}

bool flag(const JsonValue& value, std::string_view key, const std::string& file) {
  const JsonValue* const found = value.find(key);
  if (found == nullptr) return false;
  if (found->get<bool>() == nullptr) fail_column(file, fmt::format("the \"{}\" of a column is not true or false", key));
  return *found->get<bool>();
}

// From 0; none is 0.
int64_t count_of(const JsonValue& value, std::string_view key, const std::string& file) {
  const JsonValue* const found = value.find(key);
  if (found == nullptr) return 0;
  const auto* count = found->get<int64_t>();
  if (count == nullptr || *count < 0)
    fail_column(file, fmt::format("the \"{}\" of a column is no number of rows", key));
  return *count;
}

std::vector<std::string> texts(const JsonValue& value, std::string_view key, const std::string& file) {
  const JsonValue* const found = value.find(key);
  const auto* list = found == nullptr ? nullptr : found->get<JsonValue::List>();
  if (list == nullptr) fail_column(file, fmt::format("the \"{}\" of a column is no list", key));
  std::vector<std::string> names;
  for (const JsonValue& one : *list) {
    if (one.get<std::string>() == nullptr)
      fail_column(file, fmt::format("one of the \"{}\" of a column is no text", key));
    names.push_back(*one.get<std::string>());
  }
  return names;
}

}  // namespace

JsonText Feature::to_json() const {
  JsonText text;
  text.add("name", name);
  if (kind == Kind::kNumber) {
    text.add("mean", mean).add("scale", scale);
    if (log1p) text.add("log1p", true);
    if (fills) text.add("fill", fill);
    if (indicator) text.add("indicator", true);
    if (missing > 0) text.add("missing", missing);
    return text;
  }
  if (kind == Kind::kHash) text.add("buckets", buckets);
  if (kind == Kind::kOneHot) text.add("categories", categories);
  if (is_embedded) text.add("embedded", true);
  if (missing_is_category) text.add("missing_is_category", true);
  if (fills) text.add("may_miss", true);
  if (refuse_unseen) text.add("refuse_unseen", true);
  if (missing > 0) text.add("missing", missing);
  return text;
}

Feature feature_from_json(const JsonValue& value, const std::string& file) {
  constexpr double kMostBuckets = 1 << 24;
  const JsonValue* const name = value.find("name");
  if (name == nullptr || name->get<std::string>() == nullptr) fail_column(file, "a column's name is no text");
  Feature f{.name = *name->get<std::string>()};
  f.missing = count_of(value, "missing", file);
  if (value.find("buckets") != nullptr) {
    const double buckets = number_or(value, "buckets", 0.0, file);
    if (!(buckets >= 1.0 && buckets <= kMostBuckets && buckets == std::floor(buckets))) {
      fail_column(file, "a number of buckets is no whole number from 1 to 2^24");
    }
    f.kind = Feature::Kind::kHash;
    f.buckets = static_cast<int64_t>(buckets);
  } else if (value.find("categories") != nullptr) {
    f.kind = Feature::Kind::kOneHot;
    f.categories = texts(value, "categories", file);
    f.missing_is_category = flag(value, "missing_is_category", file);
    f.is_embedded = flag(value, "embedded", file);
    if (f.width() == 0) fail_column(file, "a column has no category");
  }
  if (f.kind != Feature::Kind::kNumber) {
    f.fills = flag(value, "may_miss", file);
    f.refuse_unseen = flag(value, "refuse_unseen", file);
    return f;
  }
  if (value.find("mean") == nullptr || value.find("scale") == nullptr) {
    fail_column(file, "a column has neither a mean and a scale, nor categories, nor buckets");
  }
  f.mean = number_or(value, "mean", 0.0, file);
  f.scale = number_or(value, "scale", 1.0, file);
  if (!(f.scale > 0.0)) fail_column(file, "a scale is not above 0");
  f.log1p = flag(value, "log1p", file);
  f.fills = value.find("fill") != nullptr;
  f.fill = number_or(value, "fill", 0.0, file);
  f.indicator = flag(value, "indicator", file);
  return f;
}

}  // namespace gradus
