#include "gradus/train/run_summary.h"

#include <algorithm>

#include "gradus/base/files.h"
#include "gradus/base/json.h"
#include "gradus/train/json_object.h"
#include "gradus/train/run_files.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

void add_number(Measures& to, const std::string& name, const JsonValue* value) {
  if (value == nullptr) return;
  if (const auto* real = value->get<double>()) to.emplace_back(name, *real);
  if (const auto* integer = value->get<int64_t>()) to.emplace_back(name, static_cast<double>(*integer));
}

}  // namespace

std::optional<RunSummary> read_summary(const fs::path& run) {
  const fs::path path = run / run_files::kSummary;
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  const std::string text = read_file(path);
  const JsonObject object = JsonObject::parse(text, path.string());
  RunSummary summary{object.text("stop_reason"), object.has("seen") ? object.text("seen") : "", {}};
  const JsonValue json = parse_json(text, path.string());
  for (const char* name : {"steps", "final_loss", "best_val_loss"}) {
    add_number(summary.measures, name, json.find(name));
  }
  const JsonValue* const metrics = json.find("metrics");
  const auto* const fields = metrics == nullptr ? nullptr : metrics->get<JsonValue::Object>();
  if (fields == nullptr) return summary;
  for (const JsonValue::Field& field : *fields) add_number(summary.measures, field.key, &field.value);
  return summary;
}

std::optional<double> find_measure(const Measures& measures, std::string_view name) {
  const auto found = std::ranges::find(measures, name, &std::pair<std::string, double>::first);
  return found == measures.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace gradus
