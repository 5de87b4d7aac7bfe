#include "gradus/train/state_file.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/train/json_object.h"

namespace gradus {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "gradus state 1";

Json optional_number(const std::optional<double>& value) { return value ? json_number(*value) : Json(nullptr); }

Json to_json(const MovingBand& band) {
  return {{"mean", band.mean}, {"deviation", band.deviation}, {"count", band.count}};
}

MovingBand band_from(const JsonObject& json) {
  return {json.real("mean"), json.real("deviation"), json.integer("count")};
}

Json to_json(const HealthState& h) {
  return {{"loss", to_json(h.loss)},          {"gradient_norm", to_json(h.gradient_norm)},
          {"clipped_steps", h.clipped_steps}, {"spikes", h.spikes},
          {"large_updates", h.large_updates}, {"small_updates", h.small_updates},
          {"dead_looks", h.dead_looks},       {"warned", h.warned}};
}

HealthState health_from(const JsonObject& json) {
  HealthState h;
  h.loss = band_from(json.object("loss"));
  h.gradient_norm = band_from(json.object("gradient_norm"));
  h.clipped_steps = json.integer("clipped_steps");
  h.spikes = json.integer("spikes");
  h.large_updates = json.integer("large_updates");
  h.small_updates = json.integer("small_updates");
  h.dead_looks = json.integer("dead_looks");
  h.warned = json.texts("warned");
  return h;
}

Json to_json(const StepRecord& r) {
  return {{"step", r.step},
          {"batch", r.batch},
          {"epoch", r.epoch},
          {"loss", r.loss},
          {"learning_rate", r.learning_rate},
          {"gradient_norm", json_number(r.gradient_norm)},
          {"penalty", json_number(r.penalty)},
          {"update_ratio", optional_number(r.update_ratio)},
          {"dead_units", optional_number(r.dead_units)}};
}

StepRecord record_from(const JsonObject& json) {
  StepRecord r;
  r.step = json.integer("step");
  r.batch = json.integer("batch");
  r.epoch = json.real("epoch");
  r.loss = json.real("loss");
  r.learning_rate = json.real("learning_rate");
  r.gradient_norm = json.real_or_null("gradient_norm").value_or(std::nan(""));
  r.penalty = json.real_or_null("penalty").value_or(std::nan(""));
  r.update_ratio = json.real_or_null("update_ratio");
  r.dead_units = json.real_or_null("dead_units");
  return r;
}

Json data_json(const TrainingState& t, const RunFacts& f) {
  return {{"sampling", f.sampling},           {"examples", f.examples},  {"batch_size", f.batch_size},
          {"next_batch", t.batch_of(t.step)}, {"skipped", t.skipped},    {"examples_seen", t.examples},
          {"weight_seen", t.weight},          {"xxh3", hex(f.data_hash)}};
}

void read_data(const JsonObject& json, TrainingState& t, RunFacts& f) {
  f.sampling = json.text("sampling");
  f.examples = json.integer("examples", 1);
  f.batch_size = json.integer("batch_size", 1);
  f.data_hash = json.sum("xxh3");
  t.skipped = json.integers("skipped");
  if (!std::is_sorted(t.skipped.begin(), t.skipped.end())) json.fail_at("skipped", "out of order", "ascending numbers");
  t.examples = json.integer("examples_seen");
  t.weight = json.real("weight_seen");
  const int64_t next = json.integer("next_batch");
  if (next != t.batch_of(t.step)) json.fail_at("next_batch", std::to_string(next), std::to_string(t.batch_of(t.step)));
}

}  // namespace

std::string StateFile::to_json() const {
  const TrainingState& t = training;
  Json json;
  json["format"] = kFormat;
  json["step"] = t.step;
  json["data"] = data_json(t, facts);
  json["random"] = {{"generator", "philox4x32-10"}, {"seed", hex(facts.seed)}};
  json["schedule"] = {{"name", facts.schedule}, {"next_learning_rate", optional_number(facts.next_learning_rate)}};
  json["optimizer_steps"] = facts.optimizer_steps;
  json["last_loss"] = json_number(t.last_loss);
  json["loss_hash"] = hex(t.loss_hash);
  json["best"] = t.best_validation_loss ? Json{{"validation_loss", *t.best_validation_loss}, {"step", t.best_step}}
                                        : Json(nullptr);
  json["last_validation_loss"] = optional_number(t.last_validation_loss);
  json["stop_window"] = t.window;
  json["rewinds"] = t.rewinds;
  json["elapsed_s"] = t.elapsed_s;
  json["health"] = gradus::to_json(t.health);
  json["unvalidated"] = t.unvalidated ? gradus::to_json(*t.unvalidated) : Json(nullptr);
  json["config_xxh3"] = hex(facts.config_hash);
  json["versions"] = {{"gradus", facts.version}, {"isa", facts.isa}, {"matrix_products", facts.matmul_library}};
  return json.dump(1) + "\n";
}

StateFile StateFile::parse(std::string_view text, const std::string& file) {
  const JsonObject json = JsonObject::parse(text, file);
  if (json.text("format") != kFormat) json.fail_at("format", '"' + json.text("format") + '"', kFormat);
  StateFile state;
  TrainingState& t = state.training;
  RunFacts& f = state.facts;
  t.step = json.integer("step", 0, INT64_MAX / 2);  // room for the batches left out, which are added to it
  read_data(json.object("data"), t, f);
  f.seed = json.object("random").sum("seed");
  f.schedule = json.object("schedule").text("name");
  f.next_learning_rate = json.object("schedule").real_or_null("next_learning_rate");
  f.optimizer_steps = json.integer("optimizer_steps");
  t.last_loss = json.real_or_null("last_loss").value_or(std::nan(""));
  t.loss_hash = json.sum("loss_hash");
  if (const std::optional<JsonObject> best = json.object_or_null("best")) {
    t.best_validation_loss = best->real("validation_loss");
    t.best_step = best->integer("step", 0, t.step);
  }
  t.last_validation_loss = json.real_or_null("last_validation_loss");
  t.window = json.reals("stop_window");
  t.rewinds = json.integer("rewinds");
  t.elapsed_s = json.real("elapsed_s");
  t.health = health_from(json.object("health"));
  if (const std::optional<JsonObject> record = json.object_or_null("unvalidated")) t.unvalidated = record_from(*record);
  f.config_hash = json.sum("config_xxh3");
  const JsonObject versions = json.object("versions");
  f.version = versions.text("gradus");
  f.isa = versions.text("isa");
  f.matmul_library = versions.text("matrix_products");
  return state;
}

}  // namespace gradus
