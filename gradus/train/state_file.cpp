#include "gradus/train/state_file.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/train/json_object.h"

namespace gradus {
namespace {

constexpr const char* kStateFormat = "gradus state 1";

// Null for a number that there is none of.
double or_nan(const std::optional<double>& value) { return value.value_or(std::nan("")); }

JsonText to_json(const MovingBand& band) {
  return JsonText()
      .add("mean", band.mean)
      .add("deviation", band.deviation)
      .add("count", band.count)
      .add("peak", band.peak);
}

MovingBand band_from(const JsonObject& json) {
  return {json.real("mean"), json.real("deviation"), json.integer("count"), json.real("peak")};
}

JsonText to_json(const HealthState& h) {
  return JsonText()
      .add("loss", to_json(h.loss))
      .add("gradient_norm", to_json(h.gradient_norm))
      .add("clipped_steps", h.clipped_steps)
      .add("spikes", h.spikes)
      .add("large_updates", h.large_updates)
      .add("small_updates", h.small_updates)
      .add("dead_looks", h.dead_looks)
      .add("warned", h.warned);
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

JsonText to_json(const PatienceState& p) { return JsonText().add("best", or_nan(p.best)).add("waited", p.waited); }

PatienceState patience_from(const JsonObject& json) {
  return {.best = json.real_or_null("best"), .waited = json.integer("waited")};
}

JsonText to_json(const PlateauState& p) {
  return JsonText()
      .add("factor", p.factor)
      .add("best", or_nan(p.best))
      .add("waited", p.waited)
      .add("cooldown_left", p.cooldown_left);
}

PlateauState plateau_from(const JsonObject& json) {
  return {.factor = json.real("factor"),
          .best = json.real_or_null("best"),
          .waited = json.integer("waited"),
          .cooldown_left = json.integer("cooldown_left")};
}

JsonText to_json(const StepRecord& r) {
  JsonText json;
  json.add("step", r.step)
      .add("batch", r.batch)
      .add("epoch", r.epoch)
      .add("loss", r.loss)
      .add("learning_rate", r.learning_rate)
      .add("gradient_norm", r.gradient_norm)
      .add("penalty", r.penalty)
      .add("update_ratio", or_nan(r.update_ratio))
      .add("dead_units", or_nan(r.dead_units));
  if (r.l1) json.add("l1", *r.l1);
  return json;
}

StepRecord record_from(const JsonObject& json) {
  StepRecord r;
  r.step = json.integer("step");
  r.batch = json.integer("batch");
  r.epoch = json.real("epoch");
  r.loss = json.real_or_null("loss").value_or(std::nan(""));
  r.learning_rate = json.real("learning_rate");
  r.gradient_norm = json.real_or_null("gradient_norm").value_or(std::nan(""));
  r.penalty = json.real_or_null("penalty").value_or(std::nan(""));
  r.update_ratio = json.real_or_null("update_ratio");
  r.dead_units = json.real_or_null("dead_units");
  if (json.has("l1")) r.l1 = json.real("l1");
  return r;
}

JsonText data_json(const TrainingState& t, const RunFacts& f) {
  return JsonText()
      .add("sampling", f.sampling)
      .add("examples", f.examples)
      .add("batch_size", f.batch_size)
      .add("next_batch", t.batch_of(t.step))
      .add("skipped", t.skipped)
      .add("examples_seen", t.examples)
      .add("weight_seen", t.weight)
      .add("xxh3", hex(f.data_hash));
}

JsonText metrics_json(const std::vector<Metric>& metrics) {
  std::vector<std::string> names;
  std::vector<double> values;
  for (const Metric& metric : metrics) {
    names.push_back(metric.name);
    values.push_back(metric.value);
  }
  return JsonText().add("names", names).add("values", values);
}

std::vector<Metric> metrics_from(const JsonObject& json) {
  const std::vector<std::string> names = json.texts("names");
  const std::vector<double> values = json.reals("values");
  if (names.size() != values.size()) {
    json.fail_at("values", fmt::format("{} values", values.size()), fmt::format("{}, one a name", names.size()));
  }
  std::vector<Metric> metrics;
  for (size_t i = 0; i < names.size(); ++i) metrics.push_back({names[i], values[i]});
  return metrics;
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
  JsonText json;
  json.add("format", kStateFormat);
  json.add("step", t.step);
  json.add("data", data_json(t, facts));
  json.add("random", JsonText().add("generator", "philox4x32-10").add("seed", hex(facts.seed)));
  json.add("schedule",
           JsonText().add("name", facts.schedule).add("next_learning_rate", or_nan(facts.next_learning_rate)));
  json.add("optimizer_steps", facts.optimizer_steps);
  json.add("last_loss", t.last_loss);
  json.add("loss_hash", hex(t.loss_hash));
  if (t.best_validation_loss) {
    json.add("best", JsonText().add("validation_loss", *t.best_validation_loss).add("step", t.best_step));
  } else {
    json.add("best", nullptr);
  }
  json.add("last_validation_loss", or_nan(t.last_validation_loss));
  json.add("last_metrics", metrics_json(t.last_metrics)).add("best_metrics", metrics_json(t.best_metrics));
  json.add("stop_window", t.window);
  json.add("rewinds", t.rewinds);
  json.add("undone_steps", t.undone_steps);
  if (t.converged) json.add("converged", true);
  json.add("elapsed_s", t.elapsed_s);
  json.add("patience", gradus::to_json(t.patience));
  json.add("plateau", gradus::to_json(t.plateau));
  json.add("health", gradus::to_json(t.health));
  if (t.unvalidated) {
    json.add("unvalidated", gradus::to_json(*t.unvalidated));
  } else {
    json.add("unvalidated", nullptr);
  }
  json.add("config_xxh3", hex(facts.config_hash));
  json.add("versions",
           JsonText().add("gradus", facts.version).add("isa", facts.isa).add("matrix_products", facts.matmul_library));
  return json.page();
}

StateFile StateFile::parse(std::string_view text, const std::string& file) {
  const JsonObject json = JsonObject::parse(text, file);
  if (json.text("format") != kStateFormat) json.fail_at("format", '"' + json.text("format") + '"', kStateFormat);
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
  t.undone_steps = json.integer("undone_steps");
  t.elapsed_s = json.real("elapsed_s");
  t.converged = json.has("converged");
  // A state of before there were these has none of them.
  if (json.has("patience")) t.patience = patience_from(json.object("patience"));
  if (json.has("last_metrics")) t.last_metrics = metrics_from(json.object("last_metrics"));
  if (json.has("best_metrics")) t.best_metrics = metrics_from(json.object("best_metrics"));
  if (json.has("plateau")) t.plateau = plateau_from(json.object("plateau"));
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
