#include "gradus/data/feature_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/data/feature_errors.h"

namespace gradus {
namespace {

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2.0;
}

}  // namespace

void FeatureFitter::Moments::add(double x, int64_t times) {
  if (times == 0) return;
  const double before = static_cast<double>(count), more = static_cast<double>(times), delta = x - mean;
  count += times;
  mean += delta * (more / (before + more));
  squares += delta * delta * (before * more / (before + more));
}

FeatureFitter::FeatureFitter(std::string name, const FeatureOptions& options)
    : name_(std::move(name)), options_(options) {}

void FeatureFitter::add(const Table& table, std::span<const int64_t> rows) {
  const TableColumn& column = table.columns[table.column(name_)];
  if (source_ != table.source()) source_ += (source_.empty() ? "" : ", ") + table.source();
  is_text_ = is_text_ || (!column.is_number && !column.dictionary.empty());  // else all values are missing
  look_for_wrong(table, column);
  rows_ += static_cast<int64_t>(rows.size());
  missing_rows_ += std::count_if(rows.begin(), rows.end(), [&](int64_t row) { return column.is_missing(row); });
  count_numbers(column, rows);
  if (!column.is_number || options_.is_category) return add_categories(column, rows);
  if (options_.impute == Impute::kMedian) take_median(column, rows);
  for (const int64_t row : rows) {
    const double number = column.number(row);
    if (!std::isnan(number)) add_number(number);
  }
}

void FeatureFitter::look_for_wrong(const Table& table, const TableColumn& column) {
  if (!missing_.is_there()) {
    if (const int64_t row = column.first_missing(); row >= 0) missing_.place = table.place(row);
  }
  if (!text_.is_there() && !column.is_number) {
    const int64_t row = detail::first_text(column, table.rows);
    if (row < table.rows) text_ = {table.place(row), column.text(row)};
  }
  if (options_.log1p && !logarithm_.is_there()) {
    const int64_t row = detail::first_without_logarithm(column, table.rows);
    if (row < table.rows) logarithm_ = {table.place(row), fmt::format("{}", column.number(row))};
  }
}

void FeatureFitter::add_number(double number) {
  const double seen = options_.log1p ? std::log1p(number) : number;
  if (options_.impute == Impute::kMean) raw_.add(number);
  if (options_.scaling == Scaling::kStandardize) transformed_.add(seen);
  low_ = std::min(low_, seen);
  high_ = std::max(high_, seen);
}

// At once, so that the numbers of no more columns than there are threads are there twice.
void FeatureFitter::take_median(const TableColumn& column, std::span<const int64_t> rows) {
  if (median_) fail(source_, "column \"{}\" comes in several tables, and its median needs all of it at once", name_);
  std::vector<double> numbers;
  numbers.reserve(rows.size());
  for (const int64_t row : rows) {
    if (!column.is_missing(row)) numbers.push_back(column.number(row));
  }
  median_ = numbers.empty() ? std::nan("") : median(numbers);
}

// How many of the column's values are numbers.
void FeatureFitter::count_numbers(const TableColumn& column, std::span<const int64_t> rows) {
  std::vector<bool> is_number;
  for (const std::string& text : column.dictionary) is_number.push_back(parse_number(text).has_value());
  for (const int64_t row : rows) {
    if (column.is_missing(row)) continue;
    const bool number = column.is_number || is_number[static_cast<size_t>(column.codes[static_cast<size_t>(row)])];
    ++(number ? number_rows_ : text_rows_);
  }
}

void FeatureFitter::add_categories(const TableColumn& column, std::span<const int64_t> rows) {
  if (!wants_categories()) return;
  if (column.is_number) {
    for (const int64_t row : rows) {
      const double number = column.number(row);
      if (!std::isnan(number)) category_numbers_.insert(std::bit_cast<uint64_t>(number));
    }
    return;
  }
  std::vector<bool> is_used(column.dictionary.size());
  for (const int64_t row : rows) {
    if (!column.is_missing(row)) is_used[static_cast<size_t>(column.codes[static_cast<size_t>(row)])] = true;
  }
  for (size_t code = 0; code < is_used.size(); ++code) {
    if (is_used[code]) texts_.insert(column.dictionary[code]);
  }
}

Feature FeatureFitter::finish() const {
  if (is_text_ && options_.categories == CategoryEncoding::kNone) {
    detail::fail_text(text_.place, name_, text_.text);
  }
  if (is_text_ && !options_.is_category && number_rows_ > text_rows_) {
    detail::fail_odd_text(text_.place, name_, text_.text);
  }
  if (missing_.is_there() && options_.impute == Impute::kNone) detail::fail_missing(missing_.place, name_);
  return is_text_ || options_.is_category ? finish_category() : finish_number();
}

double FeatureFitter::fill() const {
  if (options_.impute == Impute::kConstant || options_.impute == Impute::kNone) return options_.fill;
  if (rows_ == missing_rows_) {
    fail_usage(source_,
               "column \"{}\" has no value in the training part, and data.impute asks for their {}; leave it out of "
               "data.features",
               name_, options_.impute == Impute::kMean ? "mean" : "median");
  }
  return options_.impute == Impute::kMedian ? median_.value() : raw_.mean;
}

Feature FeatureFitter::finish_number() const {
  if (logarithm_.is_there()) detail::fail_logarithm(logarithm_.place, name_, logarithm_.text);
  Feature f{.name = name_, .log1p = options_.log1p, .fills = options_.impute != Impute::kNone};
  f.missing = missing_rows_;
  f.fill = fill();
  if (f.log1p && f.fills && f.fill <= -1.0) {
    fail_usage("data.impute_value", "{} has no log(1 + x), which data.log1p asks for in column \"{}\"", f.fill, name_);
  }
  f.indicator = options_.indicator && missing_rows_ > 0;
  const double filled = f.log1p ? std::log1p(f.fill) : f.fill;
  if (options_.scaling == Scaling::kStandardize) {
    Moments all = transformed_;
    all.add(filled, missing_rows_);
    f.mean = all.mean;
    const double deviation = std::sqrt(all.squares / static_cast<double>(all.count));
    // What rounding leaves of a constant column is no deviation.
    if (deviation > 1e-12 * std::abs(f.mean)) f.scale = deviation;
  }
  if (options_.scaling == Scaling::kMinMax) {
    const double low = missing_rows_ > 0 ? std::min(low_, filled) : low_;
    const double high = missing_rows_ > 0 ? std::max(high_, filled) : high_;
    f.mean = low;
    if (high > low) f.scale = high - low;
  }
  if (!std::isfinite(f.mean) || !std::isfinite(f.scale)) {
    fail_usage(source_, "column \"{}\" has numbers too large to be scaled; give it in another unit", name_);
  }
  return f;
}

Feature FeatureFitter::finish_category() const {
  Feature f{.name = name_,
            .kind = wants_categories() ? Feature::Kind::kOneHot : Feature::Kind::kHash,
            .fills = options_.impute != Impute::kNone,
            .is_embedded = options_.categories == CategoryEncoding::kEmbedding,
            .refuse_unseen = options_.refuse_unseen,
            .missing = missing_rows_};
  if (f.kind == Feature::Kind::kHash) {
    f.buckets = options_.buckets;
    return f;
  }
  f.missing_is_category = missing_rows_ > 0;
  f.categories.assign(texts_.begin(), texts_.end());
  for (const uint64_t bits : category_numbers_) f.categories.push_back(fmt::format("{}", std::bit_cast<double>(bits)));
  std::sort(f.categories.begin(), f.categories.end());
  f.categories.erase(std::unique(f.categories.begin(), f.categories.end()), f.categories.end());
  return f;
}

Feature fit_feature(const Table& table, std::string_view name, std::span<const int64_t> rows,
                    const FeatureOptions& options) {
  FeatureFitter fitter(std::string(name), options);
  fitter.add(table, rows);
  return fitter.finish();
}

}  // namespace gradus
