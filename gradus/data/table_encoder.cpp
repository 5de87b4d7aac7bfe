#include "gradus/data/table_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/data/feature_errors.h"
#include "gradus/data/table_inputs.h"

namespace gradus {
namespace {

void check_none_missing(const Table& table, const TableColumn& column) {
  const int64_t row = column.first_missing();
  if (row >= 0) detail::fail_missing_target(table.place(row), column.name);
}

const TableColumn& target_of_numbers(const Table& table, std::string_view name) {
  const TableColumn& column = table.columns[table.column(name)];
  check_none_missing(table, column);
  if (column.is_number) return column;
  const int64_t row = detail::first_text(column, table.rows);  // one of its fields at least is none
  detail::fail_target_of_text(table.place(row), name, column.text(row));
}

const TableColumn& target_of_classes(const Table& table, std::string_view name) {
  const TableColumn& column = table.columns[table.column(name)];
  check_none_missing(table, column);
  return column;
}

// A number of the target as the model sees it.
float seen(const Table& table, const TableColumn& column, const TableEncoder::Target& as, int64_t row) {
  const double number = column.number(row);
  const auto result = static_cast<float>((number - as.mean) / as.scale);
  if (std::isfinite(result)) return result;
  fail(table.place(row), "{} in column \"{}\" is beyond what 32 bits hold; give the column in another unit", number,
       column.name);
}

// What a row's class is called.
std::string class_name(const TableColumn& column, int64_t row) {
  return column.is_number ? fmt::format("{}", column.number(row)) : column.text(row);
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

std::vector<std::string> names_from(const JsonValue& value, const char* key, const std::string& file) {
  const auto* list = value.get<JsonValue::List>();
  if (list == nullptr) fail_json(file, fmt::format("\"{}\" is no list", key).c_str());
  std::vector<std::string> names;
  for (const JsonValue& name : *list) {
    if (name.get<std::string>() == nullptr) fail_json(file, fmt::format("one of \"{}\" is no text", key).c_str());
    names.push_back(*name.get<std::string>());
  }
  return names;
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

std::string TableEncoder::to_json() const {
  const auto shown = [&](const Target& one) {
    JsonText target;
    target.add("name", one.name).add("mean", one.mean).add("scale", one.scale).add("classes", classes_);
    if (is_soft_) target.add("soft", true);
    return target.line();
  };
  std::string target = shown(targets_[0]);
  for (size_t i = 1; i < targets_.size(); ++i) target += ",\n  " + shown(targets_[i]);
  if (targets_.size() > 1) target = "[" + target + "]";
  std::string text = "{\"features\": [";
  for (size_t i = 0; i < features_.size(); ++i) text += (i > 0 ? ",\n  " : "\n  ") + features_[i].to_json().line();
  text += "]";
  if (is_sparse()) {
    text = "{\"sparse\": " + JsonText().add("columns", sparse_.count).add("first", sparse_.first).line();
  }
  if (array_) text = "{\"array\": " + array_->to_json().line();
  if (text_) text = "{\"text\": " + text_->to_json();
  if (others_) {
    const std::string others = JsonText().add("others", *others_).line();
    text += ",\n " + others.substr(1, others.size() - 2);
  }
  return text + ",\n \"target\": " + (has_target() ? target : "null") + "}\n";
}

TableEncoder TableEncoder::from_json(std::string_view text, const std::string& file) {
  const JsonValue json = parse_json(text, file);
  TableEncoder encoder;
  if (const JsonValue* sparse = json.find("sparse")) {
    encoder.sparse_ = sparse_from(*sparse, file);
  } else if (const JsonValue* array = json.find("array")) {
    encoder.array_ = array_from_json(*array, file);
  } else if (const JsonValue* texts = json.find("text")) {
    encoder.text_ = TextFeatures::from_json(*texts, file);
  } else {
    const auto* features = field(json, "features", file).get<JsonValue::List>();
    if (features == nullptr || features->empty()) fail_json(file, "\"features\" is no list of at least one column");
    for (const JsonValue& feature : *features) encoder.features_.push_back(feature_from_json(feature, file));
    if (const JsonValue* others = json.find("others")) encoder.others_ = names_from(*others, "others", file);
  }
  const JsonValue& target = field(json, "target", file);
  if (target.get<std::nullptr_t>() != nullptr) {
    encoder.has_target_ = false;
    return encoder;
  }
  if (const auto* several = target.get<JsonValue::List>()) {
    if (several->size() < 2) fail_json(file, "the list of targets has less than two");
    encoder.targets_.clear();
    for (const JsonValue& one : *several) encoder.targets_.push_back(target_from(one, file));
    return encoder;
  }
  encoder.targets_ = {target_from(target, file)};
  encoder.classes_ = names_from(field(target, "classes", file), "classes", file);
  if (encoder.classes_.size() == 1) fail_json(file, "there is one class");
  if (const JsonValue* soft = target.find("soft")) {
    const bool* const is_soft = soft->get<bool>();
    if (is_soft == nullptr || (*is_soft && encoder.classes_.empty())) fail_json(file, "\"soft\" is not of classes");
    encoder.is_soft_ = *is_soft;
  }
  return encoder;
}

int64_t TableEncoder::width() const {
  if (is_sparse()) return sparse_.count;
  if (array_) return array_->width();
  if (text_) return text_->tokenizer.vocabulary_size();
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

std::vector<std::pair<int64_t, int64_t>> TableEncoder::embedded_inputs() const {
  std::vector<std::pair<int64_t, int64_t>> embedded;
  int64_t input = 0;
  for (const Feature& feature : features_) {
    if (feature.is_embedded) embedded.emplace_back(input, feature.embedding_rows());
    input += feature.width();
  }
  return embedded;
}

void TableEncoder::check_columns(const Table& table) const {
  if (!others_) return;  // of a file that gradus wrote before it kept them
  std::set<std::string_view> known(others_->begin(), others_->end());
  const std::vector<std::string> targets = target_columns();
  known.insert(targets.begin(), targets.end());
  for (const Feature& feature : features_) known.insert(feature.name);
  for (const TableColumn& column : table.columns) {
    if (known.contains(column.name) || column.name == kRowNumbers) continue;
    fail_usage(table.source(),
               "column \"{}\" is new: the file that the model learned from had none of that name; take it out",
               column.name);
  }
}

Tensor TableEncoder::inputs(const Table& table) const {
  const TableInputs rows(*this, table);  // before memory is taken for what may not fit the table
  Tensor inputs = Tensor::empty({table.rows, width()});
  rows.write(0, table.rows, inputs.mutable_data<float>());
  return inputs;
}

std::vector<std::string> TableEncoder::target_columns() const {
  if (!has_target()) return {};
  if (is_soft_ && targets_[0].name.empty()) return classes_;
  std::vector<std::string> names;
  for (const Target& target : targets_) names.push_back(target.name);
  return names;
}

Tensor TableEncoder::number_targets(const Table& table) const {
  const auto width = static_cast<int64_t>(targets_.size());
  Tensor targets = Tensor::empty({table.rows, width});
  for (int64_t i = 0; i < width; ++i) {
    const Target& target = targets_[static_cast<size_t>(i)];
    const TableColumn& column = target_of_numbers(table, target.name);
    float* const to = targets.mutable_data<float>() + i;
    for (int64_t row = 0; row < table.rows; ++row) to[row * width] = seen(table, column, target, row);
  }
  return targets;
}

namespace {

void check_probability(const Table& table, const TableColumn& column, int64_t row, double most) {
  const double p = column.number(row);
  if (p >= 0.0 && p <= most) return;
  fail(table.place(row), "{} in column \"{}\" is no probability of the class; expected a number from 0 to 1", p,
       column.name);
}

// Of the second of two classes, the first of which has the rest.
Tensor targets_of_two(const Table& table, const TableColumn& column) {
  Tensor targets = Tensor::empty({table.rows, 2});
  float* to = targets.mutable_data<float>();
  for (int64_t row = 0; row < table.rows; ++row) {
    check_probability(table, column, row, 1.0);
    const double p = column.number(row);
    *to++ = static_cast<float>(1.0 - p);
    *to++ = static_cast<float>(p);
  }
  return targets;
}

}  // namespace

Tensor TableEncoder::soft_targets(const Table& table) const {
  if (!targets_[0].name.empty()) {
    return targets_of_two(table, detail::column_of_probabilities(table, targets_[0].name));
  }
  constexpr double kTolerance = 1e-3;  // probabilities are written with some three digits
  const auto width = static_cast<int64_t>(classes_.size());
  std::vector<const TableColumn*> columns;
  for (const std::string& name : classes_) columns.push_back(&detail::column_of_probabilities(table, name));
  Tensor targets = Tensor::empty({table.rows, width});
  float* to = targets.mutable_data<float>();
  for (int64_t row = 0; row < table.rows; ++row) {
    double sum = 0.0;
    for (const TableColumn* column : columns) {
      check_probability(table, *column, row, 1.0 + kTolerance);
      const double p = column->number(row);
      sum += p;
      *to++ = static_cast<float>(p);
    }
    if (std::abs(sum - 1.0) > kTolerance) {
      fail(table.place(row), "the probabilities in columns \"{}\" add up to {:.6g}; expected 1, within {}",
           fmt::join(classes_, "\", \""), sum, kTolerance);
    }
  }
  return targets;
}

Tensor TableEncoder::targets(const Table& table) const {
  if (!has_target()) return {};
  if (is_soft_) return soft_targets(table);
  if (classes_.empty()) return number_targets(table);
  const TableColumn& column = target_of_classes(table, target().name);
  std::map<std::string, int64_t, std::less<>> ids;
  for (const std::string& name : classes_) ids.emplace(name, static_cast<int64_t>(ids.size()));
  Tensor targets = Tensor::empty({table.rows}, DType::kI64);
  int64_t* const to = targets.mutable_data<int64_t>();
  for (int64_t row = 0; row < table.rows; ++row) {
    const std::string name = class_name(column, row);
    const auto found = ids.find(name);
    if (found == ids.end()) {
      fail(table.place(row), "\"{}\" in column \"{}\" is a class that the model does not know; it was made for: {}",
           name, target().name, fmt::join(classes_, ", "));
    }
    to[row] = found->second;
  }
  return targets;
}

}  // namespace gradus
