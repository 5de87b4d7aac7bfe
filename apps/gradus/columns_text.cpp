#include "apps/gradus/columns_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace gradus::command {
namespace {

constexpr size_t kMostFeatures = 40, kMostIgnored = 20;

std::string line(const std::string& name, const std::string& type, const std::string& missing, const std::string& role,
                 const std::string& preparation) {
  std::string text =
      fmt::format("  {:<32} {:<20} {:>8}  {:<12} {}", shown_name(name), type, missing, role, preparation);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string type_of(const Feature& f) {
  if (f.kind == Feature::Kind::kNumber) return "number";
  return f.kind == Feature::Kind::kHash ? "category" : fmt::format("category, {} values", f.categories.size());
}

std::string scaled(std::string_view number, double mean, double scale) {
  return fmt::format("({} {} {:.4g}) / {:.4g}", number, mean < 0.0 ? "+" : "−", std::abs(mean), scale);
}

std::string preparation_of_number(const Feature& f, const std::string& scaling) {
  const char* const number = f.log1p ? "log(1 + x)" : "x";
  std::string text = scaling == "none"      ? (f.log1p ? number : "as it is")
                     : scaling == "min_max" ? "to [0, 1]: " + scaled(number, f.mean, f.scale)
                                            : "standardised: " + scaled(number, f.mean, f.scale);
  if (f.fills) text += fmt::format("; missing: x = {:.4g}", f.fill);
  return f.indicator ? text + ", and an input that says so" : text;
}

std::string preparation_of_category(const Feature& f) {
  if (f.is_embedded) return fmt::format("embedding: {} vectors", f.embedding_rows());
  if (f.kind == Feature::Kind::kHash) return fmt::format("hashed into {} inputs", f.buckets);
  return fmt::format("one-hot: {} inputs{}", f.width(), f.missing_is_category ? ", one of them for missing" : "");
}

std::string feature_line(const Feature& f, const Config& config) {
  const bool is_number = f.kind == Feature::Kind::kNumber;
  return line(f.name, type_of(f), fmt::format("{}", f.missing), "feature",
              is_number ? preparation_of_number(f, config.text("data.scaling")) : preparation_of_category(f));
}

std::string target_lines(const TableEncoder& encoder) {
  std::string text;
  if (encoder.is_soft()) {
    for (const std::string& name : encoder.target_columns()) {
      text += line(name, "number", "0", "target", "the probability of its class");
    }
    return text;
  }
  const bool is_class = !encoder.classes().empty();
  for (const TableEncoder::Target& target : encoder.all_targets()) {
    const bool is_scaled = target.mean != 0.0 || target.scale != 1.0;
    text += line(target.name, is_class ? fmt::format("category, {} values", encoder.classes().size()) : "number", "0",
                 "target",
                 is_class    ? "the number of its class"
                 : is_scaled ? "standardised: " + scaled("x", target.mean, target.scale)
                             : "as it is");
  }
  return text;
}

}  // namespace

std::string shown_name(const std::string& name) {
  constexpr size_t kMost = 32;
  const std::string quoted = to_toml(Value(name));
  std::string text = quoted.substr(1, quoted.size() - 2) == name ? name : quoted;
  if (text.size() <= kMost) return text;
  size_t end = kMost - 1;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string columns_text(const TableEncoder& encoder, const Config& config) {
  const std::string weight = config.has("data.weight") ? config.text("data.weight") : "";
  const std::string split = config.has("data.split_column") ? config.text("data.split_column") : "";
  std::string text = line("column", "type", "missing", "role", "what the model gets");
  if (encoder.has_target()) text += target_lines(encoder);
  const std::vector<Feature>& features = encoder.features();
  for (size_t i = 0; i < std::min(features.size(), kMostFeatures); ++i) text += feature_line(features[i], config);
  if (features.size() > kMostFeatures) {
    text += fmt::format("  … and {} more features; columns.json in the run's folder has all of them\n",
                        features.size() - kMostFeatures);
  }
  if (!weight.empty()) text += line(weight, "number", "0", "weight", "what the row counts");
  if (!split.empty()) {
    const bool is_time = config.text("data.split") == "by_time";
    const bool is_feature =
        std::any_of(features.begin(), features.end(), [&](const Feature& f) { return f.name == split; });
    text += line(split, is_time ? "number" : "", "0", is_time ? "time" : "group",
                 is_feature ? "the split goes by it; it is a feature, too" : "the split goes by it");
  }
  std::vector<std::string> ignored;
  for (const std::string& name : encoder.other_columns()) {
    if (name != weight && name != split) ignored.push_back(name);
  }
  for (size_t i = 0; i < std::min(ignored.size(), kMostIgnored); ++i) text += line(ignored[i], "", "", "ignored", "");
  if (ignored.size() <= kMostIgnored) return text;
  return text + fmt::format("  … and {} more ignored columns\n", ignored.size() - kMostIgnored);
}

}  // namespace gradus::command
