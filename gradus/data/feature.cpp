#include "gradus/data/feature.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/base/number.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

constexpr int64_t kGrain = 4096;  // rows that are worth a thread

double transformed(const Feature& f, double number) {
  const double filled = std::isnan(number) ? f.fill : number;
  return f.log1p ? std::log1p(filled) : filled;
}

[[noreturn]] void fail_missing(const Table& table, int64_t row, const std::string& name) {
  fail_usage(
      table.place(row),
      "the value of column \"{}\" is missing; fill it, or train with data.impute, which says what takes its place",
      name);
}

[[noreturn]] void fail_text(const Table& table, int64_t row, const TableColumn& column) {
  fail_usage(table.place(row),
             "column \"{}\" holds text, \"{}\", where the model takes a number; mend the file, or name the columns to "
             "learn from with data.features",
             column.name, column.text(row));
}

// The row of the first text that is no number.
int64_t first_text(const TableColumn& column) {
  int64_t row = 0;
  while (column.is_missing(row) || parse_number(column.text(row))) ++row;
  return row;
}

// The column, if it holds what a feature of numbers needs.
const TableColumn& numbers_of(const Feature& f, const Table& table) {
  const TableColumn& column = table.columns[table.column(f.name)];
  const int64_t missing = column.first_missing();
  const bool is_empty = !column.is_number && column.dictionary.empty();  // all values are missing
  if (!column.is_number && !is_empty) fail_text(table, first_text(column), column);
  if (missing >= 0 && !f.fills) fail_missing(table, missing, f.name);
  if (!f.log1p) return column;
  for (int64_t row = 0; column.is_number && row < table.rows; ++row) {
    const double number = column.numbers[static_cast<size_t>(row)];
    if (number <= -1.0) {
      fail_usage(table.place(row), "{} in column \"{}\" has no log(1 + x); take it out of data.log1p", number, f.name);
    }
  }
  return column;
}

double number_in(const TableColumn& column, int64_t row) {
  return column.is_number ? column.numbers[static_cast<size_t>(row)] : std::nan("");
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2.0;
}

double fill_of(const Table& table, const TableColumn& column, std::span<const int64_t> rows, const FeatureOptions& o) {
  if (o.impute == Impute::kConstant || o.impute == Impute::kNone) return o.fill;
  std::vector<double> known;
  for (const int64_t row : rows) {
    if (!column.is_missing(row)) known.push_back(column.numbers[static_cast<size_t>(row)]);
  }
  if (known.empty()) {
    fail_usage(table.source(),
               "column \"{}\" has no value in the training part, and data.impute asks for their {}; leave it out of "
               "data.features",
               column.name, o.impute == Impute::kMean ? "mean" : "median");
  }
  if (o.impute == Impute::kMedian) return median(std::move(known));
  double mean = 0.0;
  for (const double number : known) mean += number / static_cast<double>(known.size());
  return mean;
}

void fit_mean(Feature& f, const TableColumn& column, std::span<const int64_t> rows) {
  const double count = static_cast<double>(rows.size());
  double squares = 0.0;
  for (const int64_t row : rows) f.mean += transformed(f, number_in(column, row)) / count;
  for (const int64_t row : rows) squares += std::pow(transformed(f, number_in(column, row)) - f.mean, 2) / count;
  const double deviation = std::sqrt(squares);
  // What rounding leaves of a constant column is no deviation.
  if (deviation > 1e-12 * std::abs(f.mean)) f.scale = deviation;
}

void fit_range(Feature& f, const TableColumn& column, std::span<const int64_t> rows) {
  double low = transformed(f, number_in(column, rows[0])), high = low;
  for (const int64_t row : rows) {
    const double number = transformed(f, number_in(column, row));
    low = std::min(low, number);
    high = std::max(high, number);
  }
  f.mean = low;
  if (high > low) f.scale = high - low;
}

Feature fit_number(const Table& table, std::string_view name, std::span<const int64_t> rows, const FeatureOptions& o) {
  Feature f{.name = std::string(name), .log1p = o.log1p, .fills = o.impute != Impute::kNone};
  const TableColumn& column = numbers_of(f, table);
  f.fill = fill_of(table, column, rows, o);
  if (f.log1p && f.fills && f.fill <= -1.0) {
    fail_usage("data.impute_value", "{} has no log(1 + x), which data.log1p asks for in column \"{}\"", f.fill, name);
  }
  f.indicator =
      o.indicator && std::any_of(rows.begin(), rows.end(), [&](int64_t row) { return column.is_missing(row); });
  if (o.scaling == Scaling::kStandardize) fit_mean(f, column, rows);
  if (o.scaling == Scaling::kMinMax) fit_range(f, column, rows);
  if (!std::isfinite(f.mean) || !std::isfinite(f.scale)) {
    fail_usage(table.source(), "column \"{}\" has numbers too large to be scaled; give it in another unit", name);
  }
  return f;
}

std::string category_in(const TableColumn& column, int64_t row) {
  return column.is_number ? fmt::format("{}", column.numbers[static_cast<size_t>(row)]) : column.text(row);
}

Feature fit_category(const Table& table, std::string_view name, std::span<const int64_t> rows,
                     const FeatureOptions& o) {
  const TableColumn& column = table.columns[table.column(name)];
  Feature f{.name = std::string(name),
            .kind = o.categories == CategoryEncoding::kHash ? Feature::Kind::kHash : Feature::Kind::kOneHot,
            .fills = o.impute != Impute::kNone,
            .refuse_unseen = o.refuse_unseen};
  if (const int64_t missing = column.first_missing(); missing >= 0 && !f.fills) fail_missing(table, missing, f.name);
  if (f.kind == Feature::Kind::kHash) {
    f.buckets = o.buckets;
    return f;
  }
  for (const int64_t row : rows) {
    if (column.is_missing(row)) {
      f.missing_is_category = true;
    } else {
      f.categories.push_back(category_in(column, row));
    }
  }
  std::sort(f.categories.begin(), f.categories.end());
  f.categories.erase(std::unique(f.categories.begin(), f.categories.end()), f.categories.end());
  return f;
}

void write_numbers(const Feature& f, const Table& table, float* to, int64_t stride) {
  const TableColumn& column = numbers_of(f, table);
  parallel_for(table.rows, kGrain, [&](int64_t begin, int64_t end) {
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
  parallel_for(table.rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      std::fill_n(to + row * stride, width, 0.0F);
      const bool missing = column.is_missing(row);
      if (missing && !f.fills) fail_missing(table, row, f.name);
      const int64_t place = missing            ? places.of_missing()
                            : column.is_number ? places.of(category_in(column, row))
                                               : of_code[static_cast<size_t>(column.codes[static_cast<size_t>(row)])];
      if (place >= 0) {
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
  return static_cast<int64_t>(categories.size()) + (missing_is_category ? 1 : 0);
}

std::vector<std::string> Feature::input_names() const {
  std::vector<std::string> names;
  if (kind == Kind::kNumber) names.push_back(name);
  for (const std::string& category : categories) names.push_back(fmt::format("{} = {}", name, category));
  for (int64_t i = 0; i < buckets; ++i) names.push_back(fmt::format("{} #{}", name, i));
  if (indicator || missing_is_category) names.push_back(name + " is missing");
  return names;
}

Feature fit_feature(const Table& table, std::string_view name, std::span<const int64_t> rows,
                    const FeatureOptions& options) {
  const TableColumn& column = table.columns[table.column(name)];
  const bool is_text = !column.is_number && !column.dictionary.empty();
  if (is_text && options.categories == CategoryEncoding::kNone) fail_text(table, first_text(column), column);
  return is_text || options.is_category ? fit_category(table, name, rows, options)
                                        : fit_number(table, name, rows, options);
}

void write_feature(const Feature& feature, const Table& table, float* to, int64_t stride) {
  feature.kind == Feature::Kind::kNumber ? write_numbers(feature, table, to, stride)
                                         : write_categories(feature, table, to, stride);
}

namespace {

[[noreturn]] void fail_json(const std::string& file, std::string_view what) {
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
    fail_json(file, "a mean, a scale, a fill or a number of buckets is no number");
  }
  return number;
}

bool flag(const JsonValue& value, std::string_view key, const std::string& file) {
  const JsonValue* const found = value.find(key);
  if (found == nullptr) return false;
  if (found->get<bool>() == nullptr) fail_json(file, fmt::format("the \"{}\" of a column is not true or false", key));
  return *found->get<bool>();
}

std::vector<std::string> texts(const JsonValue& value, std::string_view key, const std::string& file) {
  const JsonValue* const found = value.find(key);
  const auto* list = found == nullptr ? nullptr : found->get<JsonValue::List>();
  if (list == nullptr) fail_json(file, fmt::format("the \"{}\" of a column is no list", key));
  std::vector<std::string> names;
  for (const JsonValue& one : *list) {
    if (one.get<std::string>() == nullptr)
      fail_json(file, fmt::format("one of the \"{}\" of a column is no text", key));
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
    return text;
  }
  if (kind == Kind::kHash) text.add("buckets", buckets);
  if (kind == Kind::kOneHot) text.add("categories", categories);
  if (missing_is_category) text.add("missing_is_category", true);
  if (fills) text.add("may_miss", true);
  if (refuse_unseen) text.add("refuse_unseen", true);
  return text;
}

Feature feature_from_json(const JsonValue& value, const std::string& file) {
  constexpr double kMostBuckets = 1 << 24;
  const JsonValue* const name = value.find("name");
  if (name == nullptr || name->get<std::string>() == nullptr) fail_json(file, "a column's name is no text");
  Feature f{.name = *name->get<std::string>()};
  if (value.find("buckets") != nullptr) {
    const double buckets = number_or(value, "buckets", 0.0, file);
    if (!(buckets >= 1.0 && buckets <= kMostBuckets && buckets == std::floor(buckets))) {
      fail_json(file, "a number of buckets is no whole number from 1 to 2^24");
    }
    f.kind = Feature::Kind::kHash;
    f.buckets = static_cast<int64_t>(buckets);
  } else if (value.find("categories") != nullptr) {
    f.kind = Feature::Kind::kOneHot;
    f.categories = texts(value, "categories", file);
    f.missing_is_category = flag(value, "missing_is_category", file);
    if (f.width() == 0) fail_json(file, "a column has no category");
  }
  if (f.kind != Feature::Kind::kNumber) {
    f.fills = flag(value, "may_miss", file);
    f.refuse_unseen = flag(value, "refuse_unseen", file);
    return f;
  }
  if (value.find("mean") == nullptr || value.find("scale") == nullptr) {
    fail_json(file, "a column has neither a mean and a scale, nor categories, nor buckets");
  }
  f.mean = number_or(value, "mean", 0.0, file);
  f.scale = number_or(value, "scale", 1.0, file);
  if (!(f.scale > 0.0)) fail_json(file, "a scale is not above 0");
  f.log1p = flag(value, "log1p", file);
  f.fills = value.find("fill") != nullptr;
  f.fill = number_or(value, "fill", 0.0, file);
  f.indicator = flag(value, "indicator", file);
  return f;
}

}  // namespace gradus
