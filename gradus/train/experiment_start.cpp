// How the weights of a model start, by `model.init`.
#include "gradus/train/experiment_networks.h"

namespace gradus::internal {
namespace {

using Fan = Initializer::Fan;

Fan fan_of(const Config& config) {
  const std::string& mode = config.text("model.init_mode");
  return mode == "fan_in" ? Fan::kIn : mode == "fan_out" ? Fan::kOut : Fan::kMean;
}

// Of the names by fan: the family, and how it is drawn.
Initializer start_by_fan(const Config& config, const std::string& name, double scale) {
  const std::string family = name.substr(0, name.find('_')), drawn = name.substr(name.find('_') + 1);
  const Fan fan = family == "kaiming" ? fan_of(config) : family == "xavier" ? Fan::kMean : Fan::kIn;
  const double gain = family == "kaiming" ? Initializer::kReluGain * scale : scale;
  if (drawn == "normal") return Initializer::fan_normal(fan, gain);
  return drawn == "uniform" ? Initializer::fan_uniform(fan, gain) : Initializer::fan_truncated(fan, gain);
}

}  // namespace

Start start_of(const Config& config) {
  const std::string name = config.has("model.init") ? config.text("model.init") : "default";
  const double scale = config.has("model.init_scale") ? config.real("model.init_scale") : 1.0;
  const Initializer zero = Initializer::constant(0.0);
  if (name == "default") return {};
  if (name == "zeros") return {zero, zero};
  if (name == "constant") return {Initializer::constant(config.real("model.init_value")), zero};
  if (name == "normal") return {Initializer::normal(scale), Initializer::normal(scale)};
  if (name == "uniform") return {Initializer::uniform(scale), Initializer::uniform(scale)};
  if (name == "truncated_normal") return {Initializer::truncated_normal(scale), zero};
  if (name == "orthogonal") return {Initializer::orthogonal(scale), zero};
  if (name == "identity") return {Initializer::identity(scale), zero};
  if (name == "sparse") return {Initializer::sparse(config.real("model.init_sparsity"), scale), zero};
  return {start_by_fan(config, name, scale), zero};
}

}  // namespace gradus::internal
