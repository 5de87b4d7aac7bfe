#include "gradus/train/config_checks.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/nn/objective.h"
#include "gradus/train/config_clusters.h"
#include "gradus/train/config_images.h"
#include "gradus/train/config_targets.h"
#include "gradus/train/schedule_config.h"

namespace gradus::internal {
namespace {

// The loss of the next token has no classes that a person could name.
void check_gpt_loss(const Config& config) {
  if (config.text("loss.name") != "cross_entropy") {
    fail_usage(config.where("loss.name"),
               "loss.name = \"{}\" is not for model.kind = \"gpt\", which learns the next token by \"cross_entropy\"; "
               "take that, or leave it out",
               config.text("loss.name"));
  }
  for (const char* key : {"loss.ignored_class", "loss.class_weights"}) {
    if (!config.has(key)) continue;
    fail_usage(config.where(key), "{} is of classes, and a gpt learns tokens; remove it", key);
  }
}

void check_gpt(const Config& config) {
  check_gpt_loss(config);
  const std::string& init = config.text("model.init");
  if (init == "zeros" || init == "constant") {
    fail_usage(config.where("model.init"),
               "model.init = \"{}\" gives all weights of a gpt the gradient 0, so that it learns nothing; choose "
               "another",
               init);
  }
  const int64_t width = config.integer("model.width"), heads = config.integer("model.heads");
  const std::string_view key = config.is_set("model.heads") ? "model.heads" : "model.width";
  // Beyond any machine, and far below where sizes no longer fit into 64 bits.
  constexpr double kMost = 1e12;
  const double weights = 12.0 * static_cast<double>(config.integer("model.layers")) * static_cast<double>(width) *
                         static_cast<double>(width);
  if (weights > kMost) {
    fail_usage(
        config.where(config.is_set("model.width") ? "model.width" : "model.layers"),
        "model.layers = {} of model.width = {} are some {:.1e} parameters; expected up to {:.0e}: make it smaller",
        config.integer("model.layers"), width, weights, kMost);
  }
  if (width % heads != 0) {
    fail_usage(config.where(key), "model.width = {} must be a multiple of model.heads = {}", width, heads);
  }
  if (config.text("model.positions") == "rotary" && width / heads % 2 != 0) {
    fail_usage(config.where(key),
               "model.positions = \"rotary\" turns pairs of numbers, and model.width / model.heads = {} / {} is odd",
               width, heads);
  }
  if (config.has("model.kv_heads") && heads % config.integer("model.kv_heads") != 0) {
    fail_usage(config.where("model.kv_heads"), "model.kv_heads = {} must divide model.heads = {}",
               config.integer("model.kv_heads"), heads);
  }
}

void check_categories(const Config& config) {
  if (!config.has("data.categories") || config.text("data.categories") != "embedding") return;
  if (config.text("model.kind") == "mlp") return;
  fail_usage(
      config.where("data.categories"),
      "data.categories = \"embedding\" is for model.kind = \"mlp\", which learns a vector for each text; for \"{}\" "
      "take \"one_hot\" or \"hash\"",
      config.text("model.kind"));
}

void check_comment(const Config& config) {
  if (!config.has("data.comment") || config.text("data.comment").size() == 1) return;
  fail_usage(config.where("data.comment"), "data.comment = \"{}\"; expected one ASCII character, such as \"#\"",
             config.text("data.comment"));
}

// A loss of classes for data that has some, and of numbers for the rest; of a table only its columns know.
void check_loss(const Config& config) {
  const std::string &loss = config.text("loss.name"), &data = config.text("data.kind");
  constexpr std::string_view kKnownLater[] = {"csv", "numpy", "libsvm", "idx", "images", "audio", "labelled_text"};
  if (std::find(std::begin(kKnownLater), std::end(kKnownLater), data) != std::end(kKnownLater)) {
    if (config.boolean("data.standardize_target") && loss == "poisson") {
      fail_usage(config.where("data.standardize_target"),
                 "data.standardize_target = true makes numbers below 0, and loss.name = \"poisson\" is of counts");
    }
    if (config.boolean("data.standardize_target") && loss == "cosine") {
      fail_usage(
          config.where("data.standardize_target"),
          "data.standardize_target = true moves the numbers, and loss.name = \"cosine\" is of their direction from "
          "0; remove it");
    }
    if (!config.boolean("data.standardize_target") || !is_of_classes(objective_kind(loss))) return;
    fail_usage(config.where("data.standardize_target"),
               "data.standardize_target = true is for a target of numbers, and loss.name = \"{}\" learns classes",
               loss);
  }
  const bool has_classes = data == "blobs" || data == "moons" || data == "spirals" || data == "xor";
  const bool wants_classes = is_of_classes(objective_kind(loss));
  if (has_classes != wants_classes) {
    fail_usage(config.where("loss.name"), "loss.name = \"{}\" is for {}, and data.kind = \"{}\" has {}; {}", loss,
               wants_classes ? "classes" : "numbers", data, has_classes ? "classes" : "numbers",
               has_classes ? "take \"cross_entropy\"" : "take \"mse\"");
  }
  const int64_t classes = config.has("data.classes") ? config.integer("data.classes") : 2;
  if (has_classes && is_of_two_classes(objective_kind(loss)) && classes > 2) {
    fail_usage(config.where("loss.name"),
               "loss.name = \"{}\" is for two classes, and data.classes = {}; take \"cross_entropy\"", loss, classes);
  }
}

void check_data_and_model(const Config& config) {
  const bool is_text = config.text("data.kind") == "text";
  const bool is_gpt = config.text("model.kind") == "gpt";
  if (is_text != is_gpt) {
    fail_usage(
        config.where("model.kind"), "model.kind = \"{}\" does not go with data.kind = \"{}\"; {}",
        config.text("model.kind"), config.text("data.kind"),
        is_text ? "text is for \"gpt\"" : "such data is for the other kinds of models, such as \"linear\" and \"mlp\"");
  }
  if (config.has("data.x_min") && !(config.real("data.x_min") < config.real("data.x_max"))) {
    fail_usage(config.where(config.is_set("data.x_max") ? "data.x_max" : "data.x_min"),
               "data.x_min = {} must be below data.x_max = {}", config.real("data.x_min"), config.real("data.x_max"));
  }
  if (config.text("data.kind") == "labelled_text" && makes_clusters(config)) {
    fail_usage(config.where("model.kind"),
               "model.kind = \"{}\" does not go with data.kind = \"labelled_text\", which is "
               "learned by its classes; take \"linear\" or \"mlp\"",
               config.text("model.kind"));
  }
  check_comment(config);
  check_categories(config);
  check_labels(config);
  check_images(config);
  if (is_gpt) return check_gpt(config);
  check_target_keys(config);
  if (learns_target(config)) return check_loss(config);
  if (makes_clusters(config)) check_clusters(config);
}

void check_training(const Config& config) {
  if (!config.has("train.steps") && !config.has("train.epochs")) {
    fail_usage(config.where("train.steps"), "the length of the run is missing; give train.steps, train.epochs or both");
  }
  const std::optional<int64_t> batch = config.batch_size("train.batch_size");
  if (batch && config.has("train.micro_batch_size") && config.integer("train.micro_batch_size") > *batch) {
    fail_usage(config.where("train.micro_batch_size"),
               "train.micro_batch_size = {} is above train.batch_size = {}; a batch is cut into micro-batches",
               config.integer("train.micro_batch_size"), *batch);
  }
  const bool validates = config.integer("validation.every") > 0;
  if (config.text("train.stop_on") == "validation") {
    const bool has_loss = config.has("train.stop_loss");
    if (!has_loss || !validates) {
      fail_usage(config.where("train.stop_on"), "train.stop_on = \"validation\" needs {}",
                 has_loss ? "validation.every above 0" : "train.stop_loss");
    }
  }
  for (const char* key : {"train.patience", "train.restore_best"}) {
    const bool wanted = config.has(key) && config.shown(key) != "false";
    if (!wanted || validates) continue;
    fail_usage(config.where(key), "{} = {} needs validation.every above 0: it goes by the validation loss", key,
               config.shown(key));
  }
  const bool reports = config.has("validation.report") && config.boolean("validation.report");
  if (!holds_none_out(config) || !(validates || reports)) return;
  const char* const asks = validates ? "validation.every" : "validation.report";
  fail_usage(config.where(asks), "{} = {} needs held-out data; set data.validation_fraction above 0, e.g. 0.1", asks,
             config.shown(asks));
}

bool is_default(const Config& config, const Key& key) {
  const std::optional<Value> usual =
      key.default_value([&](const std::string& other) { return config.has(other) ? config.text(other) : ""; });
  return config.shown(key.name) == (usual ? to_toml(*usual) : "none");
}

// What is drawn anew in each pass; by default nothing is.
constexpr std::string_view kRandomKeys[] = {"model.dropout",         "model.attention_dropout",
                                            "model.channel_dropout", "model.drop_path",
                                            "augment.random_crop",   "augment.pad",
                                            "augment.flip",          "augment.rotate",
                                            "augment.brightness",    "augment.contrast",
                                            "augment.saturation",    "augment.hue",
                                            "augment.erase",         "augment.mixup",
                                            "augment.cutmix",        "augment.shift",
                                            "augment.gain",          "augment.noise",
                                            "augment.time_masks",    "augment.frequency_masks"};

// A line search compares losses at several weights, which have to be values of one function.
void check_line_search(const Config& config) {
  if (config.batch_size("train.batch_size")) {
    fail_usage(config.where("train.batch_size"),
               "optimizer.name = \"lbfgs\" needs train.batch_size = \"all\"; train.micro_batch_size bounds the memory");
  }
  if (config.text("train.sampling") == "replacement") {
    fail_usage(config.where("train.sampling"),
               "optimizer.name = \"lbfgs\" needs the same examples in each step; set train.sampling = \"shuffle\" or "
               "\"in_order\"");
  }
  for (const Key& key : configuration_keys()) {
    if (std::ranges::find(kRandomKeys, key.name) == std::end(kRandomKeys)) continue;
    if (!config.has(key.name) || is_default(config, key)) continue;
    fail_usage(config.where(key.name),
               "optimizer.name = \"lbfgs\" needs the same loss at the same weights; set {} = {}", key.name,
               to_toml(*key.usual_value()));
  }
}

void check_dampening(const Config& config) {
  if (config.real("optimizer.dampening") == 0.0) return;
  if (config.boolean("optimizer.nesterov") || config.real("optimizer.momentum") == 0.0) {
    fail_usage(config.where("optimizer.dampening"),
               "optimizer.dampening needs optimizer.momentum above 0 and optimizer.nesterov = false");
  }
}

void check_step_sizes(const Config& config) {
  const double smallest = config.real("optimizer.smallest_step"), largest = config.real("optimizer.largest_step");
  if (smallest > largest) {
    fail_usage(config.where("optimizer.largest_step"),
               "optimizer.largest_step = {} is below optimizer.smallest_step = {}", largest, smallest);
  }
  const bool warms_up = config.has("schedule.warmup_steps") && config.integer("schedule.warmup_steps") > 0;
  if (config.text("schedule.name") == "constant" && !warms_up) return;
  const char* const key = warms_up ? "schedule.warmup_steps" : "schedule.name";
  fail_usage(config.where(key),
             "optimizer.name = \"rprop\" takes the learning rate for its first step alone, so that a schedule would do "
             "nothing; remove {}",
             key);
}

void check_optimizer(const Config& config) {
  const std::string& name = config.text("optimizer.name");
  const bool nesterov = config.has("optimizer.nesterov") && config.boolean("optimizer.nesterov");
  if (name == "sgd" && nesterov && config.real("optimizer.momentum") == 0.0) {
    fail_usage(config.where("optimizer.nesterov"), "optimizer.nesterov needs optimizer.momentum above 0, e.g. 0.9");
  }
  if (name == "sgd") check_dampening(config);
  if (name == "rprop") check_step_sizes(config);
  if (name == "schedule_free" && config.real("optimizer.beta1") < 0.01) {
    fail_usage(
        config.where("optimizer.beta1"),
        "optimizer.beta1 = {} leaves nothing but rounding of schedule_free's average; set it from 0.01, e.g. 0.9",
        config.shown("optimizer.beta1"));
  }
  if (name == "rmsprop" && config.boolean("optimizer.centered") && config.text("optimizer.state") == "bf16") {
    fail_usage(config.where("optimizer.state"), "optimizer.centered = true needs optimizer.state = \"f32\"");
  }
  if (name == "lbfgs") check_line_search(config);
}

void check_solver_fits(const Config& config) {
  const std::string &model = config.text("model.kind"), &solver = config.text("solver.name");
  const std::string_view wanted = solver == "lloyd" || solver == "mini_batch" ? "kmeans"
                                  : solver == "em"                            ? "gmm"
                                                                              : "linear";
  if (wanted == model) return;
  fail_usage(config.where("solver.name"), "solver.name = \"{}\" is for model.kind = \"{}\", not for \"{}\"; {}", solver,
             wanted, model,
             model == "kmeans" ? "take \"lloyd\" or \"mini_batch\""
             : model == "gmm"  ? "take \"em\""
                               : "take another solver, or \"none\"");
}

// Before the data is read, which may take minutes.
void check_solver_rate(const Config& config) {
  if (!config.has("solver.rate") || config.text("solver.rate") != "optimal") return;
  if (config.real("regularization.l2") > 0.0) return;
  fail_usage(config.where("solver.name"),
             "solver.rate = \"optimal\" follows from regularization.l2, which is 0; give one, such as 1 / the rows, or "
             "set solver.rate = \"constant\" or \"inverse_scaling\"");
}

// What a solver has no use for would be left aside without a word. A run's own configuration has all keys, with their
// defaults.
void check_solver(const Config& config) {
  const bool clusters = makes_clusters(config);
  if (!config.has("solver.name")) return;
  if (clusters && config.text("solver.name") == "none") check_solver_fits(config);
  if (config.text("solver.name") == "none") return;
  if (config.count("optimizer.groups") > 0) {
    fail_usage(config.where("solver.name"),
               "[[optimizer.groups]] have no meaning with solver.name = \"{}\"; remove them",
               config.text("solver.name"));
  }
  check_solver_fits(config);
  constexpr std::string_view kUnused[] = {
      "train.batch_size",           "train.micro_batch_size",  "train.precision",
      "train.activations",          "regularization.method",   "regularization.all",
      "regularization.group_lasso", "regularization.max_norm", "regularization.gradient_noise"};
  for (const Key& key : configuration_keys()) {
    const bool is_of_losses = key.name.starts_with("regularization.") || key.name == "data.weight" ||
                              key.name == "data.standardize_target" || key.name == "train.sampling";
    const bool is_unused = key.name.starts_with("optimizer.") || key.name.starts_with("schedule.") ||
                           (clusters && is_of_losses) || std::ranges::find(kUnused, key.name) != std::end(kUnused);
    if (!is_unused || find_table(table_of(key.name))->is_list || !config.is_set(key.name) || is_default(config, key)) {
      continue;
    }
    fail_usage(config.where(key.name), "{} has no meaning with solver.name = \"{}\"; remove it{}", key.name,
               config.text("solver.name"), clusters ? "" : ", or set solver.name = \"none\"");
  }
  check_solver_rate(config);
}

// A series of penalties is gone through by the solvers that go on well from one to the next.
void check_path(const Config& config) {
  if (config.number("regularization.l1")) return;
  const std::string_view solver = config.has("solver.name") ? config.text("solver.name") : std::string_view("none");
  if (solver == "coordinate_descent" || solver == "lbfgs") return;
  fail_usage(config.where("regularization.l1"),
             "regularization.l1 = \"path\" is a series of penalties, which solver.name = \"coordinate_descent\" and "
             "\"lbfgs\" go through; set one of these, with model.kind = \"linear\", or give a number");
}

// A way for L1 and L2 to act, where there is neither.
void check_regularization(const Config& config) {
  const char* const key = "regularization.method";
  if (!config.has(key) || config.text(key) != "proximal") return;
  if (config.number("regularization.l1") != 0.0 || config.real("regularization.l2") > 0.0) return;
  fail_usage(
      config.where(key),
      "regularization.method = \"proximal\" is how regularization.l1 and regularization.l2 act, and both are 0; set "
      "one of them, or leave it out");
}

}  // namespace

void check_combinations(const Config& config) {
  check_solver(config);
  check_path(config);
  check_training(config);
  check_data_and_model(config);
  check_optimizer(config);
  check_schedule_keys(config);
  check_regularization(config);
}

}  // namespace gradus::internal
