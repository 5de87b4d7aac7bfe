#include "gradus/data/table_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/number.h"

namespace gradus {
namespace {

void check_none_missing(const Table& table, const TableColumn& column) {
  const int64_t row = column.first_missing();
  if (row < 0) return;
  fail_usage(table.place(row),
             "the value of column \"{}\", which is to be learned, is missing; fill it, or set data.unlabelled = "
             "\"leave_out\"",
             column.name);
}

const TableColumn& target_of_numbers(const Table& table, std::string_view name) {
  const TableColumn& column = table.columns[table.column(name)];
  check_none_missing(table, column);
  if (column.is_number) return column;
  // One of its fields at least is none.
  int64_t row = 0;
  while (parse_number(column.text(row))) ++row;
  fail_usage(table.place(row),
             "column \"{}\" holds text, \"{}\"; a target that is not a class must be a number: name the column that is "
             "with data.target, or learn classes with loss.name = \"cross_entropy\"",
             name, column.text(row));
}

const TableColumn& target_of_classes(const Table& table, std::string_view name) {
  const TableColumn& column = table.columns[table.column(name)];
  check_none_missing(table, column);
  return column;
}

TableEncoder::Target fit_target(const Table& table, const std::string& name, std::span<const int64_t> rows,
                                bool standardize) {
  target_of_numbers(table, name);
  const Feature feature =
      fit_feature(table, name, rows, {.scaling = standardize ? Scaling::kStandardize : Scaling::kNone});
  return {name, feature.mean, feature.scale};
}

// A number of the target as the model sees it.
float seen(const Table& table, const TableColumn& column, const TableEncoder::Target& as, int64_t row) {
  const double number = column.numbers[static_cast<size_t>(row)];
  const auto result = static_cast<float>((number - as.mean) / as.scale);
  if (std::isfinite(result)) return result;
  fail(table.place(row), "{} in column \"{}\" is beyond what 32 bits hold; give the column in another unit", number,
       column.name);
}

// What a row's class is called.
std::string class_name(const TableColumn& column, int64_t row) {
  return column.is_number ? fmt::format("{}", column.numbers[static_cast<size_t>(row)]) : column.text(row);
}

std::vector<std::string> classes_of(const TableColumn& column) {
  std::vector<std::string> names;
  if (column.is_number) {
    std::vector<double> numbers = column.numbers;
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    for (const double number : numbers) names.push_back(fmt::format("{}", number));
    return names;
  }
  names = column.dictionary;
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> names_of_features(const Table& table, const std::string& target,
                                           const TableEncoderOptions& options) {
  if (options.features.empty()) {
    std::vector<std::string> names;
    for (const TableColumn& column : table.columns) {
      if (column.name != target && column.name != options.weight) names.push_back(column.name);
    }
    if (names.empty())
      fail_usage(table.source(), "the only column is the target, \"{}\"; expected features beside it", target);
    return names;
  }
  for (size_t i = 0; i < options.features.size(); ++i) {
    const std::string& name = options.features[i];
    const auto end = options.features.begin() + static_cast<int64_t>(i);
    if (name == target) fail_usage(table.source(), "column \"{}\" is the target, and named as a feature too", name);
    if (std::find(options.features.begin(), end, name) != end) {
      fail_usage(table.source(), "column \"{}\" is named twice as a feature", name);
    }
  }
  return options.features;
}

// What is asked for the feature of this name.
FeatureOptions options_of(const std::string& name, const TableEncoderOptions& o) {
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  FeatureOptions feature = o.feature;
  feature.log1p = has(o.log1p);
  feature.is_category = has(o.categories);
  return feature;
}

// Names that stand in a list of features.
void check_named(const Table& table, const std::vector<std::string>& features, const std::vector<std::string>& names,
                 const char* key) {
  for (const std::string& name : names) {
    if (std::find(features.begin(), features.end(), name) != features.end()) continue;
    fail_usage(table.source(), "{} names \"{}\", which is no feature; those are: {}", key, name,
               fmt::join(features, ", "));
  }
}

// One-hot columns beyond this are a mistake more often than a wish.
constexpr int64_t kMostInputs = 1 << 16;

void check_width(const Table& table, const std::vector<Feature>& features, int64_t width) {
  if (width <= kMostInputs) return;
  const Feature& widest = *std::max_element(features.begin(), features.end(),
                                            [](const Feature& a, const Feature& b) { return a.width() < b.width(); });
  fail_usage(table.source(),
             "the features give {} inputs, {} of them by column \"{}\"; at most {} are possible: leave it out of "
             "data.features, or set data.categories = \"hash\"",
             width, widest.width(), widest.name, kMostInputs);
}

[[noreturn]] void fail_json(const std::string& file, const char* what) {
  fail(file, "{}; expected the columns of a table as gradus writes them", what);
}

const JsonValue& field(const JsonValue& value, const char* key, const std::string& file) {
  const JsonValue* const found = value.find(key);
  if (found == nullptr) fail_json(file, fmt::format("there is no \"{}\"", key).c_str());
  return *found;
}

double number(const JsonValue& value, const std::string& file) {
  if (const auto* real = value.get<double>()) return *real;
  if (const auto* integer = value.get<int64_t>()) return static_cast<double>(*integer);
  fail_json(file, "a mean or a scale is no number");
}

TableEncoder::Target target_from(const JsonValue& value, const std::string& file) {
  const auto* name = field(value, "name", file).get<std::string>();
  if (name == nullptr) fail_json(file, "a column's name is no text");
  TableEncoder::Target target{*name, number(field(value, "mean", file), file),
                              number(field(value, "scale", file), file)};
  if (!(target.scale > 0.0)) fail_json(file, "a scale is not above 0");
  return target;
}

SparseColumns sparse_from(const JsonValue& value, const std::string& file) {
  const auto* count = field(value, "columns", file).get<int64_t>();
  const auto* first = field(value, "first", file).get<int64_t>();
  if (count == nullptr || *count < 1 || *count > (int64_t{1} << 31) - 1) {
    fail_json(file, "the number of sparse columns is none from 1 to 2^31 - 1");
  }
  if (first == nullptr || *first < 0 || *first > 1) fail_json(file, "the first sparse column is not 0 or 1");
  return {*count, *first};
}

}  // namespace

TableEncoder TableEncoder::fit(const Table& table, std::span<const int64_t> rows, const TableEncoderOptions& options) {
  TableEncoder encoder;
  const std::string target = options.target.empty() ? table.columns.back().name : options.target;
  if (options.classes) {
    encoder.classes_ = classes_of(target_of_classes(table, target));
    encoder.target_.name = target;
    if (encoder.classes_.size() < 2) {
      fail_usage(table.source(),
                 "column \"{}\" is the class to learn, and it is \"{}\" in every row; expected two or more", target,
                 encoder.classes_[0]);
    }
  } else {
    encoder.target_ = fit_target(table, target, rows, options.standardize_target);
  }
  encoder.sparse_ = options.sparse;
  if (encoder.is_sparse()) return encoder;
  const std::vector<std::string> names = names_of_features(table, target, options);
  check_named(table, names, options.log1p, "data.log1p");
  check_named(table, names, options.categories, "data.category_columns");
  for (const std::string& name : names) {
    encoder.features_.push_back(fit_feature(table, name, rows, options_of(name, options)));
  }
  check_width(table, encoder.features_, encoder.width());
  return encoder;
}

std::string TableEncoder::to_json() const {
  JsonText target;
  target.add("name", target_.name).add("mean", target_.mean).add("scale", target_.scale).add("classes", classes_);
  std::string text = "{\"features\": [";
  for (size_t i = 0; i < features_.size(); ++i) text += (i > 0 ? ",\n  " : "\n  ") + features_[i].to_json().line();
  text += "]";
  if (is_sparse()) {
    text = "{\"sparse\": " + JsonText().add("columns", sparse_.count).add("first", sparse_.first).line();
  }
  return text + ",\n \"target\": " + target.line() + "}\n";
}

TableEncoder TableEncoder::from_json(std::string_view text, const std::string& file) {
  const JsonValue json = parse_json(text, file);
  TableEncoder encoder;
  if (const JsonValue* sparse = json.find("sparse")) {
    encoder.sparse_ = sparse_from(*sparse, file);
  } else {
    const auto* features = field(json, "features", file).get<JsonValue::List>();
    if (features == nullptr || features->empty()) fail_json(file, "\"features\" is no list of at least one column");
    for (const JsonValue& feature : *features) encoder.features_.push_back(feature_from_json(feature, file));
  }
  const JsonValue& target = field(json, "target", file);
  encoder.target_ = target_from(target, file);
  const auto* classes = field(target, "classes", file).get<JsonValue::List>();
  if (classes == nullptr) fail_json(file, "\"classes\" is no list");
  for (const JsonValue& name : *classes) {
    if (name.get<std::string>() == nullptr) fail_json(file, "the name of a class is no text");
    encoder.classes_.push_back(*name.get<std::string>());
  }
  if (encoder.classes_.size() == 1) fail_json(file, "there is one class");
  return encoder;
}

int64_t TableEncoder::width() const {
  if (is_sparse()) return sparse_.count;
  return std::accumulate(features_.begin(), features_.end(), int64_t{0},
                         [](int64_t sum, const Feature& feature) { return sum + feature.width(); });
}

std::vector<std::string> TableEncoder::input_names() const {
  std::vector<std::string> names;
  for (const Feature& feature : features_) {
    for (std::string& name : feature.input_names()) names.push_back(std::move(name));
  }
  return names;
}

Tensor TableEncoder::inputs(const Table& table) const {
  const int64_t all = width();
  Tensor inputs = Tensor::empty({table.rows, all});
  float* to = inputs.mutable_data<float>();
  for (const Feature& feature : features_) {
    write_feature(feature, table, to, all);
    to += feature.width();
  }
  return inputs;
}

Tensor TableEncoder::targets(const Table& table) const {
  if (classes_.empty()) {
    const TableColumn& column = target_of_numbers(table, target_.name);
    Tensor targets = Tensor::empty({table.rows, 1});
    float* const to = targets.mutable_data<float>();
    for (int64_t row = 0; row < table.rows; ++row) to[row] = seen(table, column, target_, row);
    return targets;
  }
  const TableColumn& column = target_of_classes(table, target_.name);
  std::map<std::string, int64_t, std::less<>> ids;
  for (const std::string& name : classes_) ids.emplace(name, static_cast<int64_t>(ids.size()));
  Tensor targets = Tensor::empty({table.rows}, DType::kI64);
  int64_t* const to = targets.mutable_data<int64_t>();
  for (int64_t row = 0; row < table.rows; ++row) {
    const std::string name = class_name(column, row);
    const auto found = ids.find(name);
    if (found == ids.end()) {
      fail(table.place(row), "\"{}\" in column \"{}\" is a class that the model does not know; it was made for: {}",
           name, target_.name, fmt::join(classes_, ", "));
    }
    to[row] = found->second;
  }
  return targets;
}

}  // namespace gradus
