#include "gradus/data/generated.h"
#include "gradus/train/experiment.h"

#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/hash.h"
#include "gradus/base/random.h"
#include "gradus/nn/models/gpt.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/tensor/isa.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

DType dtype_of(const Config& config, std::string_view key) { return dtype_from_name(config.text(key)); }

uint64_t seed_of(const Config& config) { return static_cast<uint64_t>(config.integer("train.seed")); }

// The last part of the examples or tokens is held out.
int64_t held_out(const Config& config, int64_t size) {
  return static_cast<int64_t>(std::floor(config.real("data.validation_fraction") * static_cast<double>(size)));
}

// Validation that was asked for needs something to validate on.
void check_held_out(const Config& config, int64_t held, int64_t size, const char* unit) {
  const int64_t every = config.integer("validation.every");
  if (every == 0 || held > 0) return;
  const bool fraction_is_set = config.is_set("data.validation_fraction");
  fail_usage(config.where(fraction_is_set ? "data.validation_fraction" : "validation.every"),
             "data.validation_fraction = {} of {} {} holds out none, but validation.every = {} needs some; raise "
             "data.validation_fraction above 1/{}, or set validation.every = 0",
             config.real("data.validation_fraction"), size, unit, every, size);
}

uint64_t hash_of(const TensorDataset& data) {
  uint64_t hash = 0;
  for (const Tensor* tensor : {&data.inputs(), &data.targets()}) {
    hash = mix(hash, xxh3(tensor->bytes(), static_cast<size_t>(tensor->numel() * size_of(tensor->dtype()))));
  }
  return hash;
}

ExperimentData make_line_data(const Config& config) {
  const TensorDataset all = make_line({.points = config.integer("data.points"),
                                       .slope = config.real("data.slope"),
                                       .intercept = config.real("data.intercept"),
                                       .noise = config.real("data.noise"),
                                       .x_min = config.real("data.x_min"),
                                       .x_max = config.real("data.x_max")},
                                      seed_of(config));
  ExperimentData data;
  data.hash = hash_of(all);
  const int64_t held = held_out(config, all.size());
  check_held_out(config, held, all.size(), "examples");
  if (held == 0) {
    data.training = std::make_unique<TensorDataset>(all);
    return data;
  }
  // Every k-th point is held out, so that both parts cover the whole line.
  std::vector<int64_t> training, validation;
  for (int64_t i = 0; i < all.size(); ++i) {
    const bool hold = (i + 1) * held / all.size() > i * held / all.size();
    (hold ? validation : training).push_back(i);
  }
  const auto part = [&](const std::vector<int64_t>& ids) {
    Batch batch = all.batch(ids);
    return std::make_unique<TensorDataset>(batch.inputs, batch.targets);
  };
  data.training = part(training);
  data.validation = part(validation);
  return data;
}

// A byte order mark would be a character like any other, or a hint at what is no UTF-8 at all.
void check_byte_order_mark(const std::string& path, const std::string& text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    fail(path,
         "begins with the byte order mark of UTF-16; convert it with `iconv -f UTF-16 -t UTF-8 FILE > NEW`, or set "
         "data.tokens = "
         "\"bytes\"");
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    fail(path,
         "begins with a UTF-8 byte order mark, which is no part of the text; remove it with `sed -i "
         "'1s/^\\xEF\\xBB\\xBF//' FILE`, or set data.tokens = \"bytes\"");
  }
}

CharacterTokenizer make_tokenizer(const Config& config, const std::string& path, const std::string& text) {
  if (config.text("data.tokens") == "bytes") return CharacterTokenizer::train(text, CharacterTokenizer::Unit::kBytes);
  check_byte_order_mark(path, text);
  try {
    return CharacterTokenizer::train(text, CharacterTokenizer::Unit::kCharacters);
  } catch (const Error& error) {
    // The tokenizer knows the place in the text, but not whose text it is.
    fail(path, "{}: set data.tokens = \"bytes\", or convert the file to UTF-8 with iconv", error.message());
  }
}

std::vector<int32_t> encode(const CharacterTokenizer& tokenizer, const std::string& path, const std::string& text) {
  try {
    return tokenizer.encode(text);
  } catch (const Error& error) {
    fail(path, "{} (the vocabulary is that of the run that this one goes on from)", error.message());
  }
}

std::string read_text(const std::string& path) {
  std::error_code error;
  if (fs::path(path).is_relative() && !fs::exists(path, error)) {
    fail(path,
         "there is no such file in {}; a data.path that does not begin with / counts from the folder that the command "
         "runs in: run it there, or name the file with --data PATH",
         fs::current_path(error).string());
  }
  return read_file(path);
}

ExperimentData make_text_data(const Config& config, const std::optional<CharacterTokenizer>& tokenizer) {
  const std::string& path = config.text("data.path");
  const std::string text = read_text(path);
  if (text.empty()) fail(path, "the file is empty; expected text to train on");
  ExperimentData data;
  data.tokenizer = tokenizer ? *tokenizer : make_tokenizer(config, path, text);
  std::vector<int32_t> tokens = encode(*data.tokenizer, path, text);
  data.hash = xxh3(tokens.data(), tokens.size() * sizeof(int32_t));
  data.shape.vocabulary = data.tokenizer->vocabulary_size();
  const int64_t context = config.integer("model.context"), stride = config.integer("data.stride");
  const int64_t total = static_cast<int64_t>(tokens.size()), held = held_out(config, total);
  if (total - held < context + 1 || (held > 0 && held < context + 1)) {
    fail(path,
         "{} tokens, of which {} are held out for validation; each part needs at least model.context + 1 = {} (give "
         "more text, or set data.validation_fraction or model.context lower)",
         total, held, context + 1);
  }
  check_held_out(config, held, total, "tokens");
  const auto split = tokens.begin() + (total - held);
  if (held > 0) {
    data.validation = std::make_unique<TokenDataset>(std::vector<int32_t>(split, tokens.end()), context);
  }
  tokens.resize(static_cast<size_t>(total - held));
  auto training = std::make_unique<TokenDataset>(std::move(tokens), context, stride);
  data.unused_tokens = training->unused_tokens();
  data.training = std::move(training);
  return data;
}

}  // namespace

ExperimentData make_data(const Config& config, const std::optional<CharacterTokenizer>& tokenizer) {
  return config.text("data.kind") == "text" ? make_text_data(config, tokenizer) : make_line_data(config);
}

namespace {

GptOptions gpt_options(const Config& config, const DataShape& shape) {
  GptOptions o{.vocabulary = shape.vocabulary,
               .layers = config.integer("model.layers"),
               .width = config.integer("model.width"),
               .heads = config.integer("model.heads"),
               .context = config.integer("model.context"),
               .dropout = config.real("model.dropout"),
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
  if (config.has("model.kv_heads")) o.kv_heads = config.integer("model.kv_heads");
  return o;
}

}  // namespace

std::unique_ptr<Model> make_model(const Config& config, const DataShape& shape) {
  const std::string& kind = config.text("model.kind");
  if (kind == "gpt") {
    return std::make_unique<Gpt>(gpt_options(config, shape), seed_of(config));
  }
  if (kind == "mlp") {
    const std::string& name = config.text("model.activation");
    return std::make_unique<Mlp>(MlpOptions{.inputs = shape.inputs,
                                            .outputs = shape.outputs,
                                            .hidden = config.integers("model.hidden"),
                                            .activation = name == "relu"   ? Activation::kRelu
                                                          : name == "tanh" ? Activation::kTanh
                                                                           : Activation::kGelu,
                                            .dropout = config.real("model.dropout")},
                                 seed_of(config));
  }
  LinearModelOptions o{.inputs = shape.inputs, .outputs = shape.outputs};
  const std::string& init = config.text("model.init");
  if (init == "zeros") o.weight_init = o.bias_init = Initializer::constant(0.0);
  if (init == "default") {
    o.weight_init = o.bias_init = Initializer::uniform(1.0 / std::sqrt(static_cast<double>(shape.inputs)));
  }
  return std::make_unique<LinearModel>(o, seed_of(config));
}

namespace {

// Adam and its relatives have these in common.
template <class Options>
Options adam_options(const Config& config) {
  Options o;
  o.weight_decay = config.real("optimizer.weight_decay");
  o.beta1 = config.real("optimizer.beta1");
  o.beta2 = config.real("optimizer.beta2");
  o.epsilon = config.real("optimizer.epsilon");
  return o;
}

std::unique_ptr<Optimizer> make_adam_like(const Config& config, const Parameters& parameters, DType state) {
  const std::string& name = config.text("optimizer.name");
  if (name == "adam") {
    auto o = adam_options<AdamOptions>(config);
    o.amsgrad = config.boolean("optimizer.amsgrad");
    o.state = state;
    return make_adam(parameters, o);
  }
  if (name == "nadam") {
    auto o = adam_options<NadamOptions>(config);
    o.momentum_decay = config.real("optimizer.momentum_decay");
    o.state = state;
    return make_nadam(parameters, o);
  }
  if (name == "schedule_free") return make_schedule_free(parameters, adam_options<ScheduleFreeOptions>(config));
  if (name == "muon") {
    auto o = adam_options<MuonOptions>(config);
    o.momentum = config.real("optimizer.momentum");
    o.nesterov = config.boolean("optimizer.nesterov");
    o.match_adamw = config.boolean("optimizer.match_adamw");
    o.adamw_factor = config.real("optimizer.adamw_factor");
    o.state = state;
    return make_muon(parameters, o);
  }
  auto o = adam_options<AdamWOptions>(config);
  o.amsgrad = config.boolean("optimizer.amsgrad");
  o.state = state;
  return make_adamw(parameters, o);
}

std::unique_ptr<Optimizer> make_rule(const Config& config, const Parameters& parameters) {
  const std::string& name = config.text("optimizer.name");
  if (name == "lbfgs") return make_lbfgs(parameters, {config.integer("optimizer.history")});
  const double weight_decay = config.real("optimizer.weight_decay");
  const DType state = config.has("optimizer.state") ? dtype_of(config, "optimizer.state") : DType::kF32;
  const auto real = [&](const char* key) { return config.real(key); };
  if (name == "sgd") {
    return make_sgd(parameters,
                    {weight_decay, real("optimizer.momentum"), config.boolean("optimizer.nesterov"), state});
  }
  if (name == "asgd") {
    return make_asgd(parameters,
                     {weight_decay, real("optimizer.asgd_decay"), real("optimizer.power"), real("optimizer.start")});
  }
  if (name == "adagrad") {
    return make_adagrad(parameters, {weight_decay, real("optimizer.rate_decay"), real("optimizer.initial_sum"),
                                     real("optimizer.epsilon"), state});
  }
  if (name == "rmsprop") {
    return make_rmsprop(parameters, {weight_decay, real("optimizer.alpha"), real("optimizer.momentum"),
                                     config.boolean("optimizer.centered"), real("optimizer.epsilon"), state});
  }
  if (name == "lion") {
    return make_lion(parameters, {weight_decay, real("optimizer.beta1"), real("optimizer.beta2"), state});
  }
  if (name == "adafactor") {
    return make_adafactor(parameters, {.weight_decay = weight_decay,
                                       .beta2_decay = real("optimizer.beta2_decay"),
                                       .update_clip = real("optimizer.update_clip"),
                                       .smallest_scale = real("optimizer.smallest_scale")});
  }
  return make_adam_like(config, parameters, state);
}

std::vector<ParameterGroup> groups_of(const Config& config) {
  std::vector<ParameterGroup> groups;
  for (size_t i = 0; i < config.count("optimizer.groups"); ++i) {
    const auto name = [&](const char* key) { return item_name(std::string("optimizer.groups.") + key, i); };
    const auto real = [&](const char* key) {
      return config.has(name(key)) ? std::optional(config.real(name(key))) : std::nullopt;
    };
    const auto boolean = [&](const char* key) {
      return config.has(name(key)) ? std::optional(config.boolean(name(key))) : std::nullopt;
    };
    groups.push_back({.pattern = config.text(name("pattern")),
                      .learning_rate_factor = real("learning_rate_factor"),
                      .weight_decay = real("weight_decay"),
                      .freeze = boolean("freeze"),
                      .muon = boolean("muon")});
  }
  return groups;
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const Config& config, const Parameters& parameters) {
  std::unique_ptr<Optimizer> optimizer = make_rule(config, parameters);
  optimizer->set_groups(groups_of(config));
  if (config.has("optimizer.ema") && config.real("optimizer.ema") > 0.0) {
    optimizer->set_ema(config.real("optimizer.ema"));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    Tensor x = parameters[i].tensor;
    if (optimizer->is_frozen(i)) x.set_requires_grad(false);
  }
  return optimizer;
}

void check_precision(const Config& config) {
  if (dtype_of(config, "train.precision") != DType::kBF16 || has_bf16_products()) return;
  fail_usage(
      config.where("train.precision"),
      "train.precision = \"bf16\" needs {}. Set train.precision = \"f32\"; train.activations and optimizer.state "
      "may be \"bf16\" on any processor",
      bf16_products_need());
}

TrainerOptions trainer_options(const Config& config) {
  TrainerOptions o;
  if (config.has("train.steps")) o.steps = config.integer("train.steps");
  if (config.has("train.epochs")) o.epochs = static_cast<double>(config.integer("train.epochs"));
  o.batch_size = config.batch_size("train.batch_size").value_or(0);
  if (config.has("train.micro_batch_size")) o.micro_batch_size = config.integer("train.micro_batch_size");
  const std::string& sampling = config.text("train.sampling");
  o.sampling = sampling == "shuffle"       ? Sampling::kShuffle
               : sampling == "replacement" ? Sampling::kReplacement
                                           : Sampling::kInOrder;
  o.seed = seed_of(config);
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
  o.penalty = {.l1 = config.real("regularization.l1"),
               .l2 = config.real("regularization.l2"),
               .all = config.boolean("regularization.all")};
  o.validation_every = config.integer("validation.every");
  o.validation_batch_size = config.integer("validation.batch_size");
  o.log_every = config.integer("log.every");
  o.precision = {dtype_of(config, "train.precision"), dtype_of(config, "train.activations")};
  o.spike_deviations = config.real("health.spike_deviations");
  o.stop_on_spike = config.text("health.on_spike") != "warn";
  return o;
}

}  // namespace gradus
