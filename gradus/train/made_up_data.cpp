// Data that a configuration has made up: curves, and points of classes in a plane.
#include "gradus/data/generated.h"
#include "gradus/nn/objective.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

bool is_curve(const std::string& kind) { return kind == "line" || kind == "polynomial" || kind == "sine"; }

// Both parts of a curve cover the whole of it.
Split split_of(const Config& config, int64_t size) {
  if (!is_curve(config.text("data.kind"))) return random_split(config, size);
  const int64_t held = held_out(config, size);
  check_held_out(config, held, size, "examples");
  Split split = split_evenly(size, held);
  split.training = spaced_rows(split.training, trained_on(config, size - held, "examples"));
  return split;
}

TensorDataset make_classes(const Config& config) {
  const std::string& kind = config.text("data.kind");
  ClassOptions o{.points = config.integer("data.points"), .classes = 2, .noise = config.real("data.noise")};
  if (config.has("data.classes")) o.classes = config.integer("data.classes");
  const uint64_t seed = seed_of(config);
  if (kind == "blobs") return make_blobs(o, config.integer("data.dimensions"), seed);
  if (kind == "moons") return make_moons(o, seed);
  return kind == "xor" ? make_xor(o, seed) : make_spirals(o, config.real("data.turns"), seed);
}

TensorDataset make_curve(const Config& config) {
  const CurveOptions o{.points = config.integer("data.points"),
                       .x_min = config.real("data.x_min"),
                       .x_max = config.real("data.x_max"),
                       .noise = config.real("data.noise")};
  const std::string& kind = config.text("data.kind");
  const uint64_t seed = seed_of(config);
  if (kind == "polynomial") return make_polynomial(o, config.reals("data.coefficients"), seed);
  if (kind == "sine") return make_sine(o, config.real("data.amplitude"), config.real("data.frequency"), seed);
  return make_line({.points = o.points,
                    .slope = config.real("data.slope"),
                    .intercept = config.real("data.intercept"),
                    .noise = o.noise,
                    .x_min = o.x_min,
                    .x_max = o.x_max},
                   seed);
}

int64_t number_of_classes(const Config& config) {
  return config.has("data.classes") ? config.integer("data.classes") : 2;
}

}  // namespace

ExperimentData make_made_up_data(const Config& config) {
  const bool curve = is_curve(config.text("data.kind"));
  const TensorDataset all = curve ? make_curve(config) : make_classes(config);
  ExperimentData data;
  data.hash = hash_of(all);
  data.shape.inputs = all.inputs().size(1);
  if (learns_target(config))
    data.shape.outputs = outputs_for(objective_of(config), curve ? 1 : number_of_classes(config));
  const Split split = split_of(config, all.size());
  const bool whole = static_cast<int64_t>(split.training.size()) == all.size();
  data.training = whole ? std::make_unique<TensorDataset>(all) : part_of(all, split.training);
  data.validation = part_of(all, split.validation);
  return data;
}

}  // namespace gradus::internal
