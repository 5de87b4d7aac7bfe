#include "gradus/data/table_numbers.h"

#include <algorithm>

namespace gradus {
namespace {

bool is_one_of(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_target(const TableEncoderOptions& o, std::string_view name, bool is_last) {
  if (!o.soft_classes.empty()) return is_one_of(o.soft_classes, name);
  if (!o.number_targets.empty()) return is_one_of(o.number_targets, name);
  return o.has_target && (o.target.empty() ? is_last : name == o.target);
}

}  // namespace

CsvNumbersOf numbers_of(const TableEncoderOptions& options) {
  return [o = options](std::string_view name, bool is_last) {
    if (is_target(o, name, is_last)) {
      const bool is_class = o.classes && o.soft_classes.empty() && !o.soft_target;
      return is_class ? CsvNumbers::kIfAll : CsvNumbers::kIfMost;
    }
    if (name == o.weight) return CsvNumbers::kIfMost;
    const bool is_feature = o.features.empty() ? name != o.group : is_one_of(o.features, name);
    return is_feature && !is_one_of(o.categories, name) ? CsvNumbers::kIfMost : CsvNumbers::kIfAll;
  };
}

CsvNumbersOf numbers_of(const TableEncoder& encoder, const std::string& weight) {
  std::vector<std::string> numbers;
  for (const Feature& feature : encoder.features()) {
    if (feature.kind == Feature::Kind::kNumber) numbers.push_back(feature.name);
  }
  if (encoder.classes().empty() || encoder.is_soft()) {
    for (std::string& name : encoder.target_columns()) numbers.push_back(std::move(name));
  }
  if (!weight.empty()) numbers.push_back(weight);
  return [numbers](std::string_view name, bool) {
    return is_one_of(numbers, name) ? CsvNumbers::kAlways : CsvNumbers::kIfAll;
  };
}

}  // namespace gradus
