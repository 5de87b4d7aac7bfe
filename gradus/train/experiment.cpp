#include "gradus/train/experiment.h"

#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/nn/models/gpt.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/clustering_model.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/experiment_networks.h"

namespace gradus {
namespace {

GptOptions gpt_options(const Config& config, const DataShape& shape) {
  GptOptions o{.vocabulary = shape.vocabulary,
               .layers = config.integer("model.layers"),
               .width = config.integer("model.width"),
               .heads = config.integer("model.heads"),
               .context = config.integer("model.context"),
               .dropout = config.real("model.dropout"),
               .attention_dropout = config.real("model.attention_dropout"),
               .bias = config.boolean("model.bias"),
               .window = config.integer("model.window"),
               .tied = config.boolean("model.tied"),
               .recompute = config.boolean("model.recompute")};
  if (config.text("model.positions") == "rotary") {
    o.positions = GptOptions::Positions::kRotary;
    o.rotary_base = config.real("model.rotary_base");
  }
  if (config.text("model.norm") == "rms") o.norm = GptOptions::NormKind::kRms;
  if (config.text("model.feed_forward") == "swiglu") o.feed_forward = GptOptions::FeedForward::kSwiglu;
  if (config.has("model.feed_forward_width")) o.feed_forward_width = config.integer("model.feed_forward_width");
  o.label_smoothing = config.real("loss.label_smoothing");
  o.drop_path = config.real("model.drop_path");
  o.spectral_norm = config.boolean("model.spectral_norm");
  if (config.has("model.kv_heads")) o.kv_heads = config.integer("model.kv_heads");
  o.weight_init = internal::start_of(config).weight.value_or(o.weight_init);
  return o;
}

}  // namespace

Objective objective_of(const Config& config) {
  Objective o;
  o.kind = objective_kind(config.text("loss.name"));
  const auto take = [&](const char* key, double& into) {
    if (config.has(key)) into = config.real(key);
  };
  take("loss.delta", o.delta);
  take("loss.quantile", o.quantile);
  take("loss.label_smoothing", o.label_smoothing);
  if (config.has("loss.class_weights")) o.class_weights = config.reals("loss.class_weights");
  take("loss.positive_weight", o.positive_weight);
  take("loss.gamma", o.gamma);
  take("loss.alpha", o.alpha);
  take("loss.margin", o.margin);
  take("loss.temperature", o.temperature);
  if (config.has("loss.embedding")) o.embedding = config.integer("loss.embedding");
  return o;
}

namespace {

std::unique_ptr<Model> make_mlp(const Config& config, const DataShape& shape) {
  const Start start = internal::start_of(config);
  std::vector<EmbeddedInput> embeddings;
  for (const auto& [input, rows] : shape.embedded) {
    const int64_t usual = std::min<int64_t>(50, (rows + 1) / 2);
    const bool is_given = config.has("model.embedding_width");
    embeddings.push_back({input, rows, is_given ? config.integer("model.embedding_width") : usual});
  }
  return std::make_unique<Mlp>(MlpOptions{.inputs = shape.inputs,
                                          .outputs = shape.outputs,
                                          .hidden = config.integers("model.hidden"),
                                          .activation = activation_from_name(config.text("model.activation")),
                                          .dropout = config.real("model.dropout"),
                                          .alpha_dropout = config.text("model.dropout_kind") == "alpha",
                                          .spectral_norm = config.boolean("model.spectral_norm"),
                                          .embeddings = std::move(embeddings),
                                          .objective = objective_of(config),
                                          .weight_init = start.weight,
                                          .bias_init = start.bias},
                               internal::seed_of(config));
}

// Of focal, two classes have alpha, and more have class weights.
void check_focal(const Config& config, int64_t classes) {
  if (!config.has("loss.name") || config.text("loss.name") != "focal") return;
  if (classes > 2 && config.is_set("loss.alpha")) {
    fail_usage(config.where("loss.alpha"),
               "loss.alpha weighs two classes, and there are {}; give loss.class_weights, a number for each", classes);
  }
  if (classes == 2 && config.has("loss.class_weights")) {
    fail_usage(config.where("loss.class_weights"),
               "loss.name = \"focal\" weighs two classes by loss.alpha; take that in place of loss.class_weights");
  }
}

void check_class_weights(const Config& config, const DataShape& shape) {
  const int64_t classes = std::max<int64_t>(2, shape.outputs);  // one output tells two
  check_focal(config, classes);
  if (!config.has("loss.class_weights")) return;
  const auto given = static_cast<int64_t>(config.reals("loss.class_weights").size());
  if (given == classes) return;
  fail_usage(config.where("loss.class_weights"), "loss.class_weights has {} numbers for {} classes; give one for each",
             given, classes);
}

void check_spectral_norm(const Config& config) {
  if (!config.has("model.spectral_norm") || !config.boolean("model.spectral_norm")) return;
  const bool is_solved = config.has("solver.name") && config.text("solver.name") != "none";  // refuses the norm itself
  const Start start = internal::start_of(config);
  const bool is_zero = start.weight && start.weight->kind == Initializer::Kind::kConstant && start.weight->a == 0.0;
  if (!is_solved && is_zero) {
    fail_usage(config.where("model.init"),
               "weights of zeros have no spectral norm to divide by; choose another "
               "model.init, or set model.spectral_norm to false");
  }
}

std::unique_ptr<Model> make_linear(const Config& config, const DataShape& shape) {
  const Start start = internal::start_of(config);
  const Initializer usual = Initializer::uniform(1.0 / std::sqrt(static_cast<double>(shape.inputs)));
  return std::make_unique<LinearModel>(LinearModelOptions{.inputs = shape.inputs,
                                                          .outputs = shape.outputs,
                                                          .objective = objective_of(config),
                                                          .weight_init = start.weight.value_or(usual),
                                                          .bias_init = start.bias.value_or(usual),
                                                          .spectral_norm = config.boolean("model.spectral_norm")},
                                       internal::seed_of(config));
}

}  // namespace

std::unique_ptr<Model> make_model(const Config& config, const DataShape& shape) {
  check_class_weights(config, shape);
  check_spectral_norm(config);
  const std::string& kind = config.text("model.kind");
  if (makes_clusters(config)) return make_clustering_model(config, shape);
  if (kind == "gpt") return std::make_unique<Gpt>(gpt_options(config, shape), internal::seed_of(config));
  if (kind == "mlp") return make_mlp(config, shape);
  return kind == "linear" ? make_linear(config, shape) : internal::make_network(config, shape);
}

std::optional<uint64_t> evaluation_order(const Config& config) {
  if (!config.has("loss.name") || !is_of_embeddings(objective_kind(config.text("loss.name")))) return std::nullopt;
  return mix(internal::seed_of(config), hash_name("validation"));
}

void check_precision(const Config& config) {
  if (dtype_from_name(config.text("train.precision")) != DType::kBF16 || has_bf16_products()) return;
  fail_usage(
      config.where("train.precision"),
      "train.precision = \"bf16\" needs {}. Set train.precision = \"f32\"; train.activations and optimizer.state "
      "may be \"bf16\" on any processor",
      bf16_products_need());
}

namespace {

void take_regularization(const Config& config, TrainerOptions& o) {
  const double l1 = config.number("regularization.l1").value_or(0.0);  // of a path the solver knows it
  const double l2 = config.real("regularization.l2");
  const bool all = config.boolean("regularization.all");
  if (config.has("regularization.method") && config.text("regularization.method") == "proximal") {
    o.proximal = {.l1 = l1, .l2 = l2, .all = all};
  } else {
    o.penalty = {.l1 = l1, .l2 = l2, .all = all};
  }
  if (config.has("regularization.group_lasso")) {
    o.proximal.group_lasso = config.real("regularization.group_lasso");
    const bool inputs = config.text("regularization.groups_of") == "inputs";
    o.proximal.groups_of = inputs ? WeightGroups::kInputs : WeightGroups::kOutputs;
  }
  if (config.has("regularization.max_norm")) o.proximal.max_norm = config.real("regularization.max_norm");
  if (config.has("regularization.gradient_noise")) {
    o.gradient_noise = {.variance = config.real("regularization.gradient_noise"),
                        .decay = config.real("regularization.gradient_noise_decay")};
  }
}

}  // namespace

TrainerOptions trainer_options(const Config& config) {
  TrainerOptions o;
  if (config.has("train.steps")) o.steps = config.integer("train.steps");
  if (config.has("train.epochs")) o.epochs = static_cast<double>(config.integer("train.epochs"));
  o.batch_size = config.batch_size("train.batch_size").value_or(0);
  o.workers = config.has("train.workers") ? static_cast<int>(config.integer("train.workers")) : (threads() + 3) / 4;
  if (config.has("train.micro_batch_size")) o.micro_batch_size = config.integer("train.micro_batch_size");
  const std::string& sampling = config.text("train.sampling");
  o.sampling = sampling == "shuffle"       ? Sampling::kShuffle
               : sampling == "replacement" ? Sampling::kReplacement
                                           : Sampling::kInOrder;
  o.seed = internal::seed_of(config);
  if (config.has("train.stop_loss")) o.stop_loss = config.real("train.stop_loss");
  if (config.has("train.stop_window")) o.stop_window = config.integer("train.stop_window");
  o.stop_on_validation = config.text("train.stop_on") == "validation";
  if (config.has("train.max_time_s")) o.max_time_s = config.real("train.max_time_s");
  o.plateau = plateau_options(config);
  if (config.has("train.patience")) {
    o.patience = config.integer("train.patience");
    o.min_delta = config.real("train.min_delta");
  }
  if (config.has("optimizer.clip_norm")) o.clip_norm = config.real("optimizer.clip_norm");
  if (config.has("optimizer.clip_value")) o.clip_value = config.real("optimizer.clip_value");
  take_regularization(config, o);
  o.validation_every = config.integer("validation.every");
  o.validation_batch_size = config.integer("validation.batch_size");
  o.validation_order = evaluation_order(config);
  o.log_every = config.integer("log.every");
  o.precision = {dtype_from_name(config.text("train.precision")), dtype_from_name(config.text("train.activations"))};
  o.spike_deviations = config.real("health.spike_deviations");
  o.stop_on_spike = config.text("health.on_spike") != "warn";
  return o;
}

}  // namespace gradus
