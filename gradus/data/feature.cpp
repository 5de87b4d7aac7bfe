#include "gradus/data/feature.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/base/threads.h"
#include "gradus/data/feature_errors.h"

namespace gradus {
namespace {

constexpr int64_t kRowsOfAThread = 4096;  // rows that are worth a thread

double transformed(const Feature& f, double number) {
  const double filled = std::isnan(number) ? f.fill : number;
  return f.log1p ? std::log1p(filled) : filled;
}

// The column, if it holds what a feature of numbers needs.
const TableColumn& numbers_of(const Feature& f, const Table& table) {
  const TableColumn& column = table.columns[table.column(f.name)];
  const int64_t missing = column.first_missing();
  const bool is_empty = !column.is_number && column.dictionary.empty();  // all values are missing
  if (!column.is_number && !is_empty) {
    const int64_t row = detail::first_text(column, table.rows);
    detail::fail_text(table.place(row), f.name, column.text(row));
  }
  if (missing >= 0 && !f.fills) detail::fail_missing(table.place(missing), f.name);
  const int64_t row = f.log1p ? detail::first_without_logarithm(column, table.rows) : table.rows;
  if (row < table.rows) {
    detail::fail_logarithm(table.place(row), f.name, fmt::format("{}", column.numbers[static_cast<size_t>(row)]));
  }
  return column;
}

double number_in(const TableColumn& column, int64_t row) {
  return column.is_number ? column.numbers[static_cast<size_t>(row)] : std::nan("");
}

std::string category_in(const TableColumn& column, int64_t row) {
  return column.is_number ? fmt::format("{}", column.numbers[static_cast<size_t>(row)]) : column.text(row);
}

void write_numbers(const Feature& f, const Table& table, float* to, int64_t stride) {
  const TableColumn& column = numbers_of(f, table);
  parallel_for(table.rows, kRowsOfAThread, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const double number = number_in(column, row);
      const auto seen = static_cast<float>((transformed(f, number) - f.mean) / f.scale);
      if (!std::isfinite(seen)) {
        fail(table.place(row), "{} in column \"{}\" is beyond what 32 bits hold; give the column in another unit",
             number, f.name);
      }
      to[row * stride] = seen;
      if (f.indicator) to[row * stride + 1] = std::isnan(number) ? 1.0F : 0.0F;
    }
  });
}

// Which of a category's columns is 1; −1 for none.
class CategoryPlaces {
 public:
  explicit CategoryPlaces(const Feature& f) : feature_(f) {
    for (const std::string& name : f.categories) places_.emplace(name, static_cast<int64_t>(places_.size()));
  }
  int64_t of_missing() const {
    if (feature_.kind == Feature::Kind::kHash) return -1;
    return feature_.missing_is_category ? static_cast<int64_t>(feature_.categories.size()) : -1;
  }
  int64_t of(const std::string& category) const {
    if (feature_.kind == Feature::Kind::kHash) {
      return static_cast<int64_t>(xxh3(category.data(), category.size()) % static_cast<uint64_t>(feature_.buckets));
    }
    const auto found = places_.find(category);
    return found == places_.end() ? -1 : found->second;
  }

 private:
  const Feature& feature_;
  std::map<std::string, int64_t, std::less<>> places_;
};

void write_categories(const Feature& f, const Table& table, float* to, int64_t stride) {
  const TableColumn& column = table.columns[table.column(f.name)];
  const CategoryPlaces places(f);
  std::vector<int64_t> of_code;
  for (const std::string& text : column.dictionary) of_code.push_back(places.of(text));
  const int64_t width = f.width();
  parallel_for(table.rows, kRowsOfAThread, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (f.is_embedded) {
        to[row * stride] = static_cast<float>(f.categories.size());
      } else {
        std::fill_n(to + row * stride, width, 0.0F);
      }
      const bool missing = column.is_missing(row);
      if (missing && !f.fills) detail::fail_missing(table.place(row), f.name);
      const int64_t place = missing            ? places.of_missing()
                            : column.is_number ? places.of(category_in(column, row))
                                               : of_code[static_cast<size_t>(column.codes[static_cast<size_t>(row)])];
      if (f.is_embedded && place >= 0) {
        to[row * stride] = static_cast<float>(place);
      } else if (place >= 0) {
        to[row * stride + place] = 1.0F;
      } else if (f.refuse_unseen && !missing) {
        fail(table.place(row),
             "\"{}\" in column \"{}\" is a category that the training part has not; it has: {}; leave the row out, or "
             "train with data.unseen = \"zeros\"",
             category_in(column, row), f.name, fmt::join(f.categories, ", "));
      }
    }
  });
}

}  // namespace

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

void write_feature(const Feature& feature, const Table& table, float* to, int64_t stride) {
  feature.kind == Feature::Kind::kNumber ? write_numbers(feature, table, to, stride)
                                         : write_categories(feature, table, to, stride);
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
