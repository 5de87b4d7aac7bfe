#include "gradus/data/table_fitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/data/csv.h"
#include "gradus/data/feature_errors.h"

namespace gradus {
namespace {

// One-hot columns beyond this are a mistake more often than a wish.
constexpr int64_t kMostInputs = 1 << 16;

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Where another separator stands in what was taken for one column.
std::string advice_on_one_column(const Table& table) {
  if (table.columns.size() > 1) return "";
  const TableColumn& column = table.columns[0];
  const std::string named = advice_on_separator(column.name);
  return named.empty() && !column.dictionary.empty() ? advice_on_separator(column.dictionary[0]) : named;
}

// `targets` are none if nothing is learned.
std::vector<std::string> names_of_features(const Table& table, const std::vector<std::string>& targets,
                                           const TableEncoderOptions& options) {
  if (options.features.empty()) {
    std::vector<std::string> names;
    for (const TableColumn& column : table.columns) {
      const bool is_moment = !column.is_number && column.name == options.moment;
      const bool is_other = column.name == options.weight || column.name == options.group || column.name == kRowNumbers;
      if (has(targets, column.name) || is_other || is_moment) continue;
      names.push_back(column.name);
    }
    if (names.empty()) {
      fail_usage(table.source(), "the only column is the target, \"{}\"; expected features beside it{}",
                 fmt::join(targets, "\", \""), advice_on_one_column(table));
    }
    return names;
  }
  for (size_t i = 0; i < options.features.size(); ++i) {
    const std::string& name = options.features[i];
    const auto end = options.features.begin() + static_cast<int64_t>(i);
    if (has(targets, name)) fail_usage(table.source(), "column \"{}\" is the target, and named as a feature too", name);
    if (std::find(options.features.begin(), end, name) != end) {
      fail_usage(table.source(), "column \"{}\" is named twice as a feature", name);
    }
  }
  return options.features;
}

// What is asked for the feature of this name.
FeatureOptions options_of(const std::string& name, const TableEncoderOptions& o) {
  FeatureOptions feature = o.feature;
  feature.log1p = has(o.log1p, name);
  feature.is_category = has(o.categories, name);
  return feature;
}

// Names that stand in a list of features.
void check_named(const Table& table, const std::vector<std::string>& features, const std::vector<std::string>& names,
                 const char* key) {
  for (const std::string& name : names) {
    if (has(features, name)) continue;
    fail_usage(table.source(), "{} names \"{}\", which is no feature; those are: {}", key, name,
               fmt::join(features, ", "));
  }
}

}  // namespace

void TableFitter::begin(const Table& table) {
  std::vector<std::string> targets = options_.soft_classes.empty() ? options_.number_targets : options_.soft_classes;
  if (options_.has_target && targets.empty()) {
    target_ = options_.target.empty() ? table.columns.back().name : options_.target;
    targets = {target_};
  }
  for (const std::string& target : targets) table.column(target);
  if (options_.has_target && !options_.classes) {
    const Scaling scaling = options_.standardize_target ? Scaling::kStandardize : Scaling::kNone;
    for (const std::string& target : targets) target_numbers_.emplace_back(target, FeatureOptions{.scaling = scaling});
  }
  if (options_.sparse.count == 0 && !options_.array && !options_.text) {
    columns_ = names_of_features(table, targets, options_);
    check_named(table, columns_, options_.log1p, "data.log1p");
    check_named(table, columns_, options_.categories, "data.category_columns");
    for (const std::string& name : columns_) {
      table.column(name);
      features_.emplace_back(name, options_of(name, options_));
    }
  }
  columns_.insert(columns_.end(), targets.begin(), targets.end());
  for (const TableColumn& column : table.columns) {
    if (!has(columns_, column.name)) others_.push_back(column.name);
  }
}

void TableFitter::add(const Table& table, std::span<const int64_t> rows) {
  if (columns_.empty()) begin(table);
  if (source_ != table.source()) source_ += (source_.empty() ? "" : ", ") + table.source();
  add_target(table);
  for (FeatureFitter& target : target_numbers_) target.add(table, rows);
  parallel_for(static_cast<int64_t>(features_.size()), 1,
               [&](int64_t i, int64_t) { features_[static_cast<size_t>(i)].add(table, rows); });
}

void TableFitter::add_target(const Table& table) {
  if (!options_.has_target) return;
  for (const std::string& name : options_.soft_classes) detail::column_of_probabilities(table, name);
  if (options_.soft_target) detail::column_of_probabilities(table, target_);
  if (!options_.soft_classes.empty() || options_.soft_target) return;
  rows_ += table.rows;
  for (const FeatureFitter& target : target_numbers_) check_target(table, target.name());
  if (!options_.classes) return;
  check_target(table, target_);
  const TableColumn& column = table.columns[table.column(target_)];
  for (int64_t row = 0; column.is_number && row < table.rows; ++row) {
    class_numbers_.insert(std::bit_cast<uint64_t>(column.number(row)));
  }
  add_texts(column);
}

// Notes what is wrong with it, and where first.
void TableFitter::check_target(const Table& table, const std::string& name) {
  const TableColumn& column = table.columns[table.column(name)];
  if (missing_.place.empty()) {
    if (const int64_t row = column.first_missing(); row >= 0) missing_ = {table.place(row), name, ""};
  }
  if (options_.classes || !odd_text_.place.empty() || column.is_number) return;
  const int64_t row = detail::first_text(column, table.rows);
  if (row < table.rows) odd_text_ = {table.place(row), name, column.text(row)};
}

// The dictionary may have texts that no row has any more.
void TableFitter::add_texts(const TableColumn& column) {
  std::vector<bool> is_there(column.dictionary.size());
  for (const int32_t code : column.codes) {
    if (code >= 0) is_there[static_cast<size_t>(code)] = true;
  }
  for (size_t i = 0; i < is_there.size(); ++i) {
    if (is_there[i]) class_texts_.insert(column.dictionary[i]);
  }
}

std::vector<std::string> TableFitter::classes() const {
  std::vector<std::string> names(class_texts_.begin(), class_texts_.end());
  std::sort(names.begin(), names.end());
  std::vector<double> numbers;
  for (const uint64_t bits : class_numbers_) numbers.push_back(std::bit_cast<double>(bits));
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  for (const double number : numbers) names.push_back(fmt::format("{}", number));
  return names;
}

void TableFitter::check_size() const {
  const auto check = [&](const std::string& name, int64_t count) {
    if (count <= kMostInputs) return;
    fail_usage(source_,
               "column \"{}\" has more than {} different values, where classes or categories are learned; leave it out "
               "of data.features, set data.categories = \"hash\", or learn numbers",
               name, kMostInputs);
  };
  for (const FeatureFitter& feature : features_) check(feature.name(), feature.categories());
  check(target_, static_cast<int64_t>(class_texts_.size() + class_numbers_.size()));
}

void TableFitter::check_width(const TableEncoder& encoder) const {
  const int64_t width = encoder.width();
  if (width <= kMostInputs) return;
  const std::vector<Feature>& features = encoder.features();
  const Feature& widest = *std::max_element(features.begin(), features.end(),
                                            [](const Feature& a, const Feature& b) { return a.width() < b.width(); });
  fail_usage(source_,
             "the features give {} inputs, {} of them by column \"{}\"; at most {} are possible: leave it out of "
             "data.features, or set data.categories = \"hash\"",
             width, widest.width(), widest.name, kMostInputs);
}

// Of what is different in almost every row nothing can be learned as classes.
void TableFitter::check_classes(const std::vector<std::string>& classes) const {
  constexpr int64_t kMany = 20;
  const auto count = static_cast<int64_t>(classes.size());
  if (count < 2) {
    fail_usage(source_, "column \"{}\" is the class to learn, and it is \"{}\" in every row; expected two or more",
               target_, classes[0]);
  }
  if (count < kMany || 2 * count <= rows_) return;
  const bool is_number = class_texts_.empty();
  fail_usage(source_,
             "column \"{}\" has {} different {} in {} rows, \"{}\", \"{}\", …, which are no classes to learn; {}",
             target_, count, is_number ? "numbers" : "texts", rows_, classes[0], classes[1],
             is_number ? "learn numbers with loss.name = \"mse\", or name another column with data.target"
                       : "name another column with data.target");
}

TableEncoder TableFitter::finish(const SparseColumns& sparse) const {
  if (!missing_.place.empty()) detail::fail_missing_target(missing_.place, missing_.column);
  if (!odd_text_.place.empty()) detail::fail_target_of_text(odd_text_.place, odd_text_.column, odd_text_.text);
  TableEncoder encoder;
  encoder.has_target_ = options_.has_target;
  encoder.targets_[0].name = target_;
  if (!options_.has_target) {
    // There is nothing to learn.
  } else if (!options_.soft_classes.empty()) {
    encoder.classes_ = options_.soft_classes;
    encoder.is_soft_ = true;
  } else if (options_.soft_target) {
    encoder.classes_ = {"0", "1"};
    encoder.is_soft_ = true;
  } else if (options_.classes) {
    encoder.classes_ = classes();
    check_classes(encoder.classes_);
  } else {
    encoder.targets_.clear();
    for (const FeatureFitter& target : target_numbers_) {
      const Feature feature = target.finish();
      encoder.targets_.push_back({target.name(), feature.mean, feature.scale});
    }
  }
  encoder.sparse_ = sparse;
  encoder.array_ = options_.array;
  encoder.text_ = options_.text;
  if (encoder.is_sparse() || encoder.array_ || encoder.text_) return encoder;
  encoder.others_ = others_;
  for (const FeatureFitter& feature : features_) encoder.features_.push_back(feature.finish());
  check_width(encoder);
  return encoder;
}

TableEncoder TableEncoder::fit(const Table& table, std::span<const int64_t> rows, const TableEncoderOptions& options) {
  TableFitter fitter(options);
  fitter.add(table, rows);
  return fitter.finish();
}

}  // namespace gradus
