// The table of configuration keys.
#include "gradus/train/config_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/train/config_key_kinds.h"

namespace gradus {
namespace {

using namespace keys;

constexpr KeyTable kKeyTables[] = {
    {"data", "The data set and the part of it that is held out for validation."},
    {"augment",
     "How pictures and sounds are varied in training, each anew in each pass: what happens to one is a function of the "
     "seed, the pass and the example. The order is that of the keys, but that erasing and masks come behind the "
     "scaling, "
     "then mixing. Validation, `gradus eval` and `gradus predict` see examples as they are."},
    {"model",
     "The model. `gpt` is for text and learns to say the next token; the others tell classes or numbers of examples, "
     "but for `kmeans` and `gmm`, which make clusters, and `autoencoder`, which finds codes."},
    {"loss",
     "What models that learn a target minimise; `gradus/autograd/ops.h` has the formulas. A linear model is linear "
     "regression "
     "with a loss of numbers, logistic regression with `binary_cross_entropy`, softmax regression with "
     "`cross_entropy`."},
    {"solver", "Linear models without an optimizer, and clusters; `docs/classic.md` has the methods."},
    {"optimizer",
     "The update rule θ ← θ − α·(…), where α is the learning rate of the step. `gradus/optim/optimizer.h` has each "
     "rule's "
     "formula and source."},
    {"optimizer.groups",
     "A group of parameters for which something else holds; any number of them. Where several fit a parameter, the "
     "last "
     "that gives a key holds.",
     true},
    {"schedule",
     "The learning rate as a function of the step t = 0 … steps − 1. All schedules but `dynamic` multiply "
     "`optimizer.learning_rate` by a factor; s is the number of steps after the warm-up. `gradus schedule NAME --plot` "
     "draws them."},
    {"schedule.parts",
     "A part of `schedule.name = \"sequence\"`; any number of them, one after the other in the order in which they "
     "stand.",
     true},
    {"regularization",
     "Penalties, which enter the gradient or are proximal steps; limits; noise. The loss that is logged, compared with "
     "`train.stop_loss` and validated is without penalties. What changes weights after their update, by the learning "
     "rate α of the parameter, is done in this order: l1, group_lasso, l2, max_norm. A moving average "
     "(`optimizer.ema`, `asgd`) is of the weights after it: zeros and limits are exact in the weights, and in the "
     "average only come near (`model.safetensors` leads to the average)."},
    {"train",
     "Length of the run, batches and stopping rules. A step is one update; the loss of step n, counted from 0, is that "
     "of its batch before update n. The run ends at the first limit that it reaches."},
    {"validation", "Loss on the held-out examples, without dropout."},
    {"checkpoint",
     "What a run can go on from with `--resume`, or be used from while it trains. One is always written at the end, "
     "when the "
     "run is interrupted, and where a validation is the best so far."},
    {"health",
     "What is watched while training. A step with a loss or a gradient that is not finite never changes the weights."},
    {"log", "What is written while training."},
    {"sweep",
     "What `gradus sweep` tries, with the keys in `[sweep.keys]`; `docs/sweep.md` has their form. `gradus train` "
     "leaves "
     "it aside."},
};

std::vector<Key> optimizer_keys() {
  const Condition has_betas =
      optimizer_is({"adam", "adamw", "adamax", "nadam", "radam", "lion", "schedule_free", "muon"});
  const Condition has_epsilon = optimizer_is({"adagrad", "adadelta", "rmsprop", "adam", "adamw", "adamax", "nadam",
                                              "radam", "adafactor", "schedule_free", "muon"});
  const Condition is_elementwise = optimizer_is_not({"asgd", "adafactor", "schedule_free", "lbfgs"});
  const Condition has_no_average = optimizer_is_not({"asgd", "schedule_free", "lbfgs"});
  const Condition is_no_search = optimizer_is_not({"lbfgs"}), decays = optimizer_is_not({"rprop", "lbfgs"});
  return {
      {"optimizer.name",
       choice({"sgd", "asgd", "rprop", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "adamax", "nadam", "radam",
               "lion", "adafactor", "schedule_free", "muon", "lbfgs"}),
       "sgd", always(),
       "`sgd`: stochastic gradient descent, plain or with momentum. `asgd`: averaged. `rprop`: a step size for each "
       "weight, by the signs of gradients; for `train.batch_size = \"all\"`, as signs of mini-batches are too often "
       "those of chance. `adamw`: Adam with decoupled weight decay. `schedule_free`: Schedule-Free AdamW, for a "
       "constant rate after a warm-up. `muon`: Muon for matrices, AdamW for all other parameters."},
      {"optimizer.learning_rate", real(kAbove0), 0.01, schedule_is_not({"dynamic"}),
       "The learning rate, which the schedule multiplies: the peak of a schedule with warm-up. `asgd` uses that of the "
       "step before, as in PyTorch. `lbfgs`: where its line search looks first. `rprop`: the first step size.",
       "the dynamic expression is the learning rate itself; scale it by schedule.scale",
       by_optimizer({{"adadelta", 1.0}, {"lbfgs", 1.0}})},
      {"optimizer.weight_decay", real(kFrom0), 0.0, decays,
       "λ. `adamw`, `lion`, `adafactor`, `muon`: decoupled, θ ← θ·(1 − α·λ). `schedule_free`: decoupled, but where "
       "gradients are taken: z ← z − α·λ·y for the weights y that are trained on and the point z behind them. The "
       "others: the gradient of λ·½‖θ‖² is added to the gradient; of `radam` as the next key says."},
      {"optimizer.decoupled_weight_decay", boolean(), false, optimizer_is({"radam"}),
       "Whether weight decay is that of `adamw`, θ ← θ·(1 − α·λ)."},
      {"optimizer.momentum",
       real(kFrom0Below1),
       0.0,
       optimizer_is({"sgd", "rmsprop", "muon"}),
       "`sgd`: μ of v ← μ·v + g and θ ← θ − α·v; the first v is g. `rmsprop`: the same for the scaled gradient. "
       "`muon`: "
       "decay rate of the mean of the gradients. 0 is off.",
       {},
       by_optimizer({{"muon", 0.95}})},
      {"optimizer.dampening", real(kFrom0Below1), 0.0, optimizer_is({"sgd"}),
       "d of v ← μ·v + (1 − d)·g. It needs `optimizer.momentum` above 0, and no Nesterov momentum."},
      {"optimizer.nesterov",
       boolean(),
       false,
       optimizer_is({"sgd", "muon"}),
       "Nesterov momentum: `sgd` uses g + μ·v, and needs `optimizer.momentum` above 0; `muon` (1 − μ)·g + μ·m.",
       {},
       by_optimizer({{"muon", true}})},
      {"optimizer.step_decrease", real(kAbove0Below1), 0.5, optimizer_is({"rprop"}),
       "What a weight's step size is multiplied by where the sign of its gradient has changed."},
      {"optimizer.step_increase", real(kAbove1), 1.2, optimizer_is({"rprop"}), "The same where it has not."},
      {"optimizer.smallest_step", real(kFrom0), 1e-6, optimizer_is({"rprop"}), "The smallest step size."},
      {"optimizer.largest_step", real(kAbove0), 50.0, optimizer_is({"rprop"}), "The largest step size."},
      {"optimizer.rho", real(kFrom0Below1), 0.9, optimizer_is({"adadelta"}),
       "Decay rate of the means of the squared gradients and of the squared changes."},
      {"optimizer.alpha", real(kFrom0Below1), 0.99, optimizer_is({"rmsprop"}),
       "Decay rate of the mean of the squared gradients."},
      {"optimizer.centered", boolean(), false, optimizer_is({"rmsprop"}),
       "Whether the squared mean of the gradients is subtracted from the mean of their squares. It needs state in "
       "f32."},
      {"optimizer.beta1", real(kFrom0Below1), 0.9, has_betas,
       "Decay rate of the mean of the gradients; `schedule_free`: how near to the average gradients are taken, "
       "from 0.01."},
      {"optimizer.beta2",
       real(kFrom0Below1),
       0.999,
       has_betas,
       "Decay rate of the mean of the squared gradients; `lion`: of the mean that is kept; `adamax`: of the largest "
       "size of a gradient.",
       {},
       by_optimizer({{"lion", 0.99}})},
      {"optimizer.epsilon",
       real(kAbove0),
       1e-8,
       has_epsilon,
       "Added to the root of the (bias-corrected) mean of the squared gradients, or of their sum; `adadelta`: to both "
       "means, under their roots; `adamax`: to the size of a gradient; `adafactor`: the least root of its mean of the "
       "squared gradients, by default the spacing of f32 at 1.",
       {},
       by_optimizer({{"adagrad", 1e-10}, {"adadelta", 1e-6}, {"adafactor", std::numeric_limits<float>::epsilon()}})},
      {"optimizer.amsgrad", boolean(), false, optimizer_is({"adam", "adamw"}),
       "Whether the largest mean of the squared gradients so far takes the place of the last."},
      {"optimizer.momentum_decay", real(kFrom0), 4e-3, optimizer_is({"nadam"}), "ψ of μ = β₁·(1 − ½·0.96^(t·ψ))."},
      {"optimizer.rate_decay", real(kFrom0), 0.0, optimizer_is({"adagrad"}),
       "The learning rate is divided by 1 + (t − 1)·rate_decay, for a parameter's t-th update."},
      {"optimizer.initial_sum", real(kFrom0), 0.0, optimizer_is({"adagrad"}),
       "What the sum of the squared gradients begins with."},
      {"optimizer.asgd_decay", real(kFrom0), 1e-4, optimizer_is({"asgd"}),
       "Decay, of the parameters and of the learning rate: α / (1 + asgd_decay·α·(t − 1))^power, for the rate α of the "
       "step before."},
      {"optimizer.power", real(kFrom0), 0.75, optimizer_is({"asgd"}), "The exponent of that."},
      {"optimizer.start", real(kFrom0), 1e6, optimizer_is({"asgd"}),
       "The update from which on parameters are averaged. The average is what is validated and used."},
      {"optimizer.beta2_decay", real(kUpTo0), -0.8, optimizer_is({"adafactor"}),
       "The means of the squared gradients move by t^beta2_decay of their distance."},
      {"optimizer.update_clip", real(kFrom1), 1.0, optimizer_is({"adafactor"}),
       "The largest root mean square of a parameter's scaled gradient."},
      {"optimizer.smallest_scale", real(kFrom0), 1e-3, optimizer_is({"adafactor"}),
       "Updates are relative to the root mean square of a parameter, or to this where that is smaller."},
      {"optimizer.match_adamw", boolean(), false, optimizer_is({"muon"}),
       "Whether matrices move by 0.2·√(longer side) times the learning rate, as far as AdamW would, in place of "
       "√max(1, rows/columns) times."},
      {"optimizer.adamw_factor", real(kFrom0), 1.0, optimizer_is({"muon"}),
       "Multiplies the learning rate of the parameters that AdamW updates."},
      {"optimizer.history", integer(kHistory), 10, optimizer_is({"lbfgs"}),
       "The changes of the gradient that are remembered; each takes two copies of the parameters."},
      {"optimizer.state", choice({"f32", "bf16"}), "f32", is_elementwise,
       "How momentum and the means of gradients are stored. `bf16` halves their memory, on any processor; each is "
       "rounded up or down at random, so that small changes are not lost."},
      {"optimizer.clip_norm", real(kFrom0), 0.0, is_no_search,
       "Largest L2 norm of the gradient of all parameters together; a longer one is scaled down. 0 is off."},
      {"optimizer.clip_value", real(kFrom0), 0.0, is_no_search,
       "Largest size of an element of the gradient; larger ones are cut off, before `clip_norm` looks. 0 is off."},
      {"optimizer.ema", real(kFrom0Below1), 0.0, has_no_average,
       "Decay of an exponential moving average of the weights, e.g. 0.999: average ← average + (1 − ema)·(θ − average) "
       "after each update, from the start of training. The average is what is validated, and what "
       "`model.safetensors` and `best.safetensors` lead to; training goes on from the weights themselves. 0 is off."},
      {"optimizer.groups.pattern", text(), Required{}, always(),
       "The names of its parameters: `*` stands for any text, `?` for any one character, e.g. `*.bias`."},
      {"optimizer.groups.learning_rate_factor", real(kFrom0), Unset{"1.0"}, is_no_search,
       "Multiplies the learning rate."},
      {"optimizer.groups.weight_decay", real(kFrom0), Unset{"`optimizer.weight_decay`"}, decays,
       "Takes the place of `optimizer.weight_decay`."},
      {"optimizer.groups.freeze", boolean(), Unset{"`false`"}, always(),
       "Whether they stay as they are; they need no gradient then."},
      {"optimizer.groups.muon", boolean(), Unset{"`true` for matrices"}, optimizer_is({"muon"}),
       "Whether Muon updates these matrices, or AdamW, which is better for embeddings and the output layer."},
  };
}

// The keys of one schedule: of the run's, or of the parts of a sequence.
class ScheduleKeys {
 public:
  ScheduleKeys(std::string table, bool part) : table_(std::move(table)), part_(part) {}

  void add_all() {
    add_warmup();
    add_lengths();
    add_factors();
    add_cycles();
  }
  void append_to(std::vector<Key>& keys) const { keys.insert(keys.end(), keys_.begin(), keys_.end()); }
  // Under the condition that the schedule is one of these.
  void add(std::string_view key, ValueType type, Default fallback, std::vector<std::string_view> schedules,
           std::string_view text) {
    keys_.push_back(
        {name(key), std::move(type), std::move(fallback), Condition{name("name"), std::move(schedules)}, text});
  }

 private:
  std::string name(std::string_view key) const { return fmt::format("{}.{}", table_, key); }
  void add_warmup() {
    const Condition in_sequence{"schedule.name", {"sequence"}};
    const Condition warms_up = part_ ? in_sequence : schedule_is_not({"dynamic", "sequence"});
    keys_.push_back(
        {name("warmup_steps"), integer(kFrom0), 0, part_ ? in_sequence : schedule_is_not({"sequence"}),
         part_ ? "The steps over which the factor rises to 1, before the schedule begins; no more than the part has."
               : "The steps over which the factor rises to 1, before the schedule begins; no more than "
                 "there are up to `total_steps`, or in the run. `dynamic`: the term of its expression."});
    keys_.push_back(
        {name("warmup_from"), real_or(kFrom0To1, {"zero", "one_nth"}), "zero", warms_up,
         "Where the warm-up over n steps begins: at `\"zero\"`, step t has t/n, as in transformers; at "
         "`\"one_nth\"`, (t + 1)/n, as PyTorch's `LinearLR` with `start_factor` 1/n and `total_iters` n − 1. "
         "A number f: f + (1 − f)·t/n, as `LinearLR` with `start_factor` f and `total_iters` n. transformers' `wsd` "
         "begins at its `min_lr_ratio`: f = `final_factor`."});
    keys_.push_back({name("warmup_shape"), choice({"linear", "cosine", "one_minus_sqrt"}), "linear", warms_up,
                     "The way up, p the part of it that is done: p, ½·(1 − cos πp), or 1 − √(1 − p). These are the "
                     "`warmup_type` of transformers' `wsd`."});
  }
  void add_lengths() {
    if (!part_) {
      add("total_steps", integer(kFrom1),
          Unset{"the steps of the run: `train.steps`, or those of `train.epochs`, the fewer of both"},
          {"dynamic", "linear", "cosine", "polynomial", "cosine_restarts", "wsd", "one_cycle"},
          "The step at which the schedule ends, the warm-up included. `cosine_restarts`: with `cycles` only. "
          "`dynamic`: "
          "the term of its expression.");
      add("decay_steps", integer(kFrom0), Required{}, {"dynamic", "wsd"},
          "`wsd`: the steps of its decay. `dynamic`: the term of its expression.");
      add("scale", real(kAbove0), 1.0, {"dynamic"}, "The factor of the expression of `dynamic`.");
    } else {
      add("decay_steps", integer(kFrom0), Required{}, {"wsd"}, "The steps of its decay.");
    }
    add("timescale", integer(kFrom1), Unset{"`warmup_steps`, or 10000 without warm-up"}, {"inverse_sqrt"},
        "Steps after which the factor is 1/√2.");
    add("milestones", integers(kFrom1), Required{}, {"multi_step"},
        "The steps, from 0 and the warm-up included, at which the factor drops; ascending.");
    add("drop_every", integer(kFrom1), Required{}, {"step"}, "Steps between the drops of the factor.");
  }
  void add_factors() {
    std::vector<std::string_view> ending = {"linear", "cosine", "polynomial", "cosine_restarts", "wsd", "one_cycle"};
    if (!part_) ending.push_back("plateau");
    add("final_factor", real(kFrom0To1), 0.0, std::move(ending),
        "The lowest factor: the learning rate at the end of the decay, as a fraction of the peak.");
    add("power", real(kAbove0), 1.0, {"polynomial"}, "The exponent; 1 is `linear`.");
    add("shape", choice({"cosine", "linear", "one_minus_sqrt"}), "cosine", {"wsd", "one_cycle"},
        "The way down, and up: half a cosine, a straight line, or (`wsd` only) 1 − √p.");
    add("decay_rate", real(kAbove0To1), Required{}, {"exponential"}, "What the factor is multiplied by at each step.");
    std::vector<std::string_view> dropping = {"step", "multi_step"};
    if (!part_) dropping.push_back("plateau");
    add("decay_factor", real(kFrom0Below1), 0.1, std::move(dropping),
        "What the factor is multiplied by where it drops.");
  }
  void add_cycles() {
    add("cycle_steps", integer(kFrom1), Unset{"required but where `cycles` is given"}, {"cosine_restarts", "cyclic"},
        "Steps of the first cycle.");
    add("cycle_multiplier", integer(kFrom1), 1, {"cosine_restarts"}, "How many times as long each later cycle is.");
    add("cycles", integer(kFrom1), Unset{}, {"cosine_restarts"},
        part_ ? "In the place of `cycle_steps`: so many cycles of one length up to the end of the part."
              : "In the place of `cycle_steps`: so many cycles of one length up to `total_steps`, as transformers' "
                "`num_cycles`; the length need not be a number of steps.");
    add("rise_fraction", real(kFrom0To1), 0.5, {"one_cycle", "cyclic"}, "The part of a cycle that leads up.");
    keys_.back().by_choice = {{name("name"), {{"one_cycle", 0.3}}}};
    add("initial_factor", real(kFrom0To1), 0.04, {"one_cycle", "cyclic"},
        "The factor at the start of a cycle. PyTorch's `OneCycleLR` starts at 0.04 and ends at 0.000004.");
    add("three_phase", boolean(), false, {"one_cycle"},
        "Whether the way down goes to `initial_factor` first, in as many steps as the way up, and then to "
        "`final_factor`, as PyTorch's `three_phase=True`; `rise_fraction` is up to 0.5 then.");
    add("cycle_decay", real(kAbove0To1), 1.0, {"cyclic"},
        "How high each later cycle is, compared with the one before; 1 is PyTorch's `triangular`, 0.5 its "
        "`triangular2`.");
    add("step_decay", real(kAbove0To1), 1.0, {"cyclic"},
        "What the height above `initial_factor` is multiplied by at each step: the `gamma` of PyTorch's `exp_range`.");
  }

  std::string table_;
  bool part_;
  std::vector<Key> keys_;
};

void add_plateau(ScheduleKeys& keys) {
  keys.add("patience", integer(kFrom0), 10, {"plateau"},
           "Validations in a row without an improvement that are waited through; the next such one lowers the rate. "
           "Only validations that `validation.every` asks for count.");
  keys.add("threshold", real(kFrom0), 1e-4, {"plateau"},
           "How much lower than the lowest the validation loss must be to count as an improvement.");
  keys.add("threshold_mode", choice({"relative", "absolute"}), "relative", {"plateau"},
           "Whether `threshold` is a part of the lowest loss, or a loss.");
  keys.add("cooldown", integer(kFrom0), 0, {"plateau"}, "Validations after a drop that are not counted.");
}

std::vector<Key> schedule_keys() {
  std::vector<Key> keys = {
      {"schedule.name",
       choice({"constant", "dynamic", "linear", "cosine", "polynomial", "cosine_restarts", "exponential", "step",
               "multi_step", "inverse_sqrt", "wsd", "one_cycle", "cyclic", "plateau", "sequence"}),
       "constant", always(),
       "The factor after the warm-up. "
       "`constant`: 1. `linear`: straight to `final_factor`. `cosine`: half a cosine to it. `polynomial`: "
       "(1 − p)^`power`, p the part of the way that is done. `cosine_restarts`: half a cosine again and again. "
       "`exponential`: `decay_rate`^s. `step`: times `decay_factor` every `drop_every` steps. `multi_step`: the same "
       "at "
       "`milestones`. `inverse_sqrt`: √(`timescale` / (`timescale` + s)). `wsd`: 1, then `decay_steps` down to "
       "`final_factor` at the end. `one_cycle`: once up from `initial_factor` and down to `final_factor`. `cyclic`: "
       "straight up from `initial_factor` and back, again and again. Neither moves the momentum, as PyTorch's do "
       "unless "
       "`cycle_momentum=False`. `plateau`: times `decay_factor` when the validation loss does not improve. `sequence`: "
       "its parts, "
       "`[[schedule.parts]]`, one after the other. `dynamic`: the learning rate itself is scale·t / (warmup_steps + "
       "decay_steps·(1 − t/total_steps)); it is 0 at step 0 and rises towards scale·total_steps/warmup_steps."}};
  ScheduleKeys own("schedule", false);
  own.add_all();
  add_plateau(own);
  own.append_to(keys);
  return keys;
}

std::vector<Key> schedule_part_keys() {
  const Condition in_sequence{"schedule.name", {"sequence"}};
  std::vector<Key> keys = {{"schedule.parts.name",
                            choice({"constant", "linear", "cosine", "polynomial", "cosine_restarts", "exponential",
                                    "step", "multi_step", "inverse_sqrt", "wsd", "one_cycle", "cyclic"}),
                            Required{}, in_sequence, "What the part is, as in `[schedule]`; its steps count from 0."},
                           {"schedule.parts.steps", integer(kFrom1), Unset{"for the last part, the rest of the run"},
                            in_sequence, "The length of the part, at whose end a schedule with an end ends."},
                           {"schedule.parts.peak", real(kAbove0), 1.0, in_sequence,
                            "What `optimizer.learning_rate` is multiplied by in this part."}};
  ScheduleKeys own("schedule.parts", true);
  own.add_all();
  own.append_to(keys);
  return keys;
}

std::vector<Key> regularization_keys() {
  const Condition may_change_after = optimizer_is_not({"rprop", "schedule_free", "lbfgs"});
  constexpr std::string_view kHint =
      "weights of lbfgs, rprop and schedule_free may not change after their update; remove it, or change "
      "optimizer.name";
  return {
      {"regularization.l1", penalty(), 0.0, always(),
       "L1: the penalty l1·‖θ‖₁ is added to what is minimised. With l2: elastic net. `\"path\"`, with `solver.name = "
       "\"coordinate_descent\"` or `\"lbfgs\"` (more losses, and several classes): each of a series in turn, a "
       "step each, from the one where all weights become 0 down; each begins where the one before ended. Hold rows "
       "out, "
       "validate each step and set `train.restore_best` to keep the best."},
      {"regularization.l2", real(kFrom0), 0.0, always(), "L2: the penalty ½·l2·‖θ‖² is added to what is minimised."},
      {"regularization.l1_ratio", real(kAbove0To1), 1.0, is_path(),
       "The share r of L1 in the penalty a·(r·‖θ‖₁ + (1 − r)·½‖θ‖²) of each point: 1 is the lasso, less an elastic "
       "net. The l1 that is logged is a·r; its l2 is l1·(1 − r)/r, beside `regularization.l2`."},
      {"regularization.method", choice({"penalty", "proximal"}), "penalty", may_change_after,
       "How L1 and L2 act. `penalty`: by their gradient, in which a weight of 0 has the slope 0, so that weights come "
       "near "
       "0. `proximal`: after each update each weight comes nearer to 0 by α·l1, and stays there, then θ ← θ/(1 + "
       "α·l2), so that weights become "
       "exactly 0. Behind `sgd` this finds the minimum (α is learning_rate·(1 − dampening)/(1 − momentum) there). "
       "Rules that scale "
       "each gradient, as `adamw`, find another point: the penalty is compared with the scaled gradient, whose size is "
       "about 1, not with the gradient; `penalty` is scaled with it.",
       kHint},
      {"regularization.all", boolean(), false, always(),
       "Whether L1 and L2 also hold for biases and the weights of norms; otherwise they hold for matrices only."},
      {"regularization.group_lasso", real(kFrom0), Unset{}, may_change_after,
       "Group lasso: the penalty group_lasso·Σ‖g‖ over the groups g of each matrix, by a proximal step after each "
       "update: g ← g·max(1 − α·group_lasso/‖g‖, 0), so that whole groups become exactly 0.",
       kHint},
      {"regularization.groups_of", choice({"inputs", "outputs"}), "inputs", is_given("regularization.group_lasso"),
       "What a group is: the weights of a matrix (out, in) that belong to one input, a column, or to one output, a "
       "row; of a convolution's (out, kh, kw, in), to one channel. "
       "An embedding's rows are its tokens."},
      {"regularization.max_norm", real(kAbove0), Unset{}, may_change_after,
       "Max-norm: after each update each row of a matrix (the weights into one unit) that is longer than this is "
       "scaled "
       "to this length.",
       kHint},
      {"regularization.gradient_noise", real(kFrom0), Unset{}, optimizer_is_not({"lbfgs"}),
       "Gradient noise: normal noise of variance gradient_noise/(1 + t)^gradient_noise_decay is added to each element "
       "of the gradient at step t, before clipping."},
      {"regularization.gradient_noise_decay", real(kFrom0), 0.55, is_given("regularization.gradient_noise"),
       "γ of that."},
  };
}

std::vector<Key> train_keys() {
  return {
      {"train.steps", integer(kFrom1), Unset{}, always(),
       "Number of updates. This or `train.epochs` must be given; with both, the shorter one ends the run, and the "
       "schedule with it."},
      {"train.epochs", integer(kFrom1), Unset{}, always(), "Number of passes over the training data."},
      {"train.batch_size", batch_size(), "all", always(),
       "Examples in a step: a number, or `\"all\"` for the whole training set (batch gradient descent)."},
      {"train.micro_batch_size", integer(kFrom1), Unset{"the whole batch"}, always(),
       "Examples in one pass of the tape. A batch in several passes is the same update but for rounding, in less "
       "memory. With batch norm it is another one: each pass has a mean and a variance of its own."},
      {"train.sampling", choice({"shuffle", "replacement", "in_order"}), "shuffle", always(),
       "How batches are drawn. `shuffle`: in a new random order each epoch. `replacement`: each example at random. "
       "`in_order`: as the data stands."},
      {"train.seed", integer(kFrom0), 0, always(),
       "Seed of all random numbers: data, initial parameters, sampling and dropout."},
      {"train.threads", integer(kThreads), 0, always(),
       "Number of threads; 0 is one for each core. It does not change the result."},
      {"train.workers", integer({.low = 0, .high = 256}), Unset{"one for every four threads, at least 1"}, always(),
       "Threads beside those that make batches ahead of the step that needs them, where that takes long: decoding and "
       "varying examples. 0: the step makes its own. It does not change the result. The log's `data_wait` is the part "
       "of the time that steps waited."},
      {"train.precision", choice({"f32", "bf16"}), "f32", always(),
       "What the factors of a layer's matrix products are rounded to, gradients that are multiplied among them; sums, "
       "weights, their gradients and attention's own products are f32 in any case. `bf16` is faster on processors with "
       "AVX512_BF16 or AMX; others refuse it."},
      {"train.activations", choice({"f32", "bf16"}), "f32", always(),
       "How the values that a step keeps for its backward pass are stored. `bf16` saves about half their memory in "
       "a GPT (nothing in an `mlp`), on any processor."},
      {"train.stop_loss", real(kAny), Unset{}, always(),
       "The run ends as soon as the mean loss over `train.stop_window` steps is at or below this."},
      {"train.stop_window", integer(kWindow), Unset{"1 for the whole batch, else 100"}, always(),
       "Number of steps whose mean loss is compared with `train.stop_loss`."},
      {"train.stop_on", choice({"training", "validation"}), "training", always(),
       "The loss that is compared with `train.stop_loss`: of the steps, or of each validation (which has no window)."},
      {"train.patience", integer(kFrom1), Unset{}, always(),
       "Early stopping: the run ends after so many validations in a row that have not improved on the lowest loss. "
       "Only "
       "validations that `validation.every` asks for count."},
      {"train.min_delta", real(kFrom0), 0.0, is_given("train.patience"),
       "How much lower than the lowest validation loss the next must be to count as an improvement."},
      {"train.restore_best", boolean(), false, always(),
       "Whether `model.safetensors` is, at the end, the weights with the lowest validation loss instead of the last. "
       "An "
       "interrupted run keeps its last weights, and so does one that ends in an error."},
      {"train.max_time_s", real(kAbove0), Unset{}, always(), "Longest time of the run, in seconds."},
  };
}

std::vector<Key> watching_keys() {
  return {
      {"validation.every", integer(kFrom0), 0, always(),
       "Steps between validations. If data is held out, there is always one at the end, but of a run that is interrupted or "
       "whose loss is no longer finite or a spike; 0 is that one alone."},
      {"validation.batch_size", integer(kFrom1), Unset{"64; of a text no more than a pass of training has"}, always(),
       "Examples in one pass of validation; it bounds the memory. The loss of `triplet` and `info_nce` depends on it, "
       "as it compares the examples of a pass, which are drawn in an order shuffled by `train.seed`: compare such "
       "losses of one size alone. `recall_at_1` does not depend on it."},
      {"validation.report", boolean(), false, model_has_loss(),
       "Whether `metrics` in `summary.json` also has the measures of `gradus eval --report` on the validation part, as "
       "`val_f1`, `val_roc_auc` and so on, of the weights that the run ends with."},
      {"checkpoint.every", integer(kFrom0), 0, always(), "Steps between checkpoints; 0 is off."},
      {"checkpoint.every_s", real(kFrom0), 600.0, always(),
       "Seconds after which a checkpoint is due, whatever the number of steps; 0 is off."},
      {"checkpoint.keep", integer(kFrom0), 1, always(),
       "How many checkpoints are kept besides the last and the best, the newest first."},
      {"health.on_spike", choice({"stop", "rewind", "warn"}), "stop", always(),
       "What happens when a loss or a gradient is not finite, or the loss spikes. `stop`: the run ends before the "
       "weights "
       "change, and says what it saw. `rewind`: it goes back to the last checkpoint and leaves that batch out. `warn`: "
       "a spike is "
       "trained on and counted; what is not finite ends the run all the same."},
      {"health.spike_deviations", real(kFrom0), 50.0, always(),
       "A loss that lies more than so many mean absolute deviations above the mean of the last 100 or so, above twice "
       "that mean, and above a "
       "tenth of the highest mean so far, is a spike; 0 looks for none."},
      {"log.every", integer(kFrom1), 10, always(), "Steps between the rows of the log; step 0 is the first."},
  };
}

std::vector<Key> sweep_keys() {
  return {
      {"sweep.method", choice({"grid", "random"}), "grid", always(),
       "`grid`: every combination of the keys' values. `random`: `sweep.trials` times a value of each key by chance."},
      {"sweep.trials", integer({.low = 1, .high = 10000}), 20, sweep_is_random(),
       "How many combinations are tried; more of them later go on with a sweep."},
      {"sweep.metric", text(), "val_loss", always(),
       "What the trials are compared by: a number in `summary.json` (`final_loss`, `best_val_loss`) or in its "
       "`metrics` (`val_loss`, `val_accuracy`), or a measure of `gradus eval --report` on the validation part (`f1`, "
       "`roc_auc`, `r2`, `log_loss`, …), for which `validation.report` is set. With `data.folds` and no `data.fold`, "
       "its "
       "mean over all folds."},
      {"sweep.direction", choice({"minimize", "maximize"}),
       Unset{
           "`maximize` for accuracy, f1, r2 and other measures that are better when they are higher, else `minimize`"},
       always(), "Which values of `sweep.metric` are good ones."},
  };
}

std::vector<Key> all_keys() {
  std::vector<Key> keys;
  for (auto part :
       {data_keys, augment_keys, audio_augment_keys, model_keys, network_keys, loss_keys, solver_keys, optimizer_keys,
        schedule_keys, schedule_part_keys, regularization_keys, train_keys, watching_keys, sweep_keys}) {
    for (Key& key : part()) keys.push_back(std::move(key));
  }
  return keys;
}

std::string range_text(const Range& range) {
  if (range.low == -kInfinity) return range.high == kInfinity ? "" : fmt::format(" of at most {}", range.high);
  if (range.high == kInfinity) return fmt::format(" {} {}", range.low_open ? "above" : "of at least", range.low);
  return fmt::format(" {} {} {}to {}{}", range.low_open ? "above" : "from", range.low, range.low_open ? "up " : "",
                     range.high_open ? "below " : "", range.high);
}

}  // namespace

bool Range::contains(double number) const {
  if (!std::isfinite(number)) return false;
  return (low_open ? number > low : number >= low) && (high_open ? number < high : number <= high);
}

std::string ValueType::requirement() const {
  switch (kind) {
    case ValueKind::kInteger:
      return "an integer" + range_text(range);
    case ValueKind::kReal:
      return range.low == -kInfinity && range.high == kInfinity ? "a finite real number"
                                                                : "a real number" + range_text(range);
    case ValueKind::kBoolean:
      return "true or false";
    case ValueKind::kText:
      return "text, not empty";
    case ValueKind::kChoice:
      return quoted_list(choices);
    case ValueKind::kBatchSize:
      return fmt::format("an integer{} or \"all\"", range_text(range));
    case ValueKind::kRealOrWord:
      return fmt::format("a real number{} or {}", range_text(range), quoted_list(choices));
    case ValueKind::kIntegers:
      return "a list of one or more integers" + range_text(range);
    case ValueKind::kCounts:
      return "an integer" + range_text(range) + ", or a list of such";
    case ValueKind::kReals:
      return "a list of one or more real numbers" + range_text(range);
    case ValueKind::kTexts:
      return "text, not empty, or a list of such texts";
  }
  fail("config", "a key of unknown kind");
}

std::string Condition::text() const {
  if (key.empty()) return "";
  if (choices.empty()) return fmt::format("{} {}", except ? "no" : "a given", key);
  return fmt::format("{} {} {}", key, except ? "other than" : "=", quoted_list(choices));
}

Value DefaultsByChoice::One::held() const {
  return std::visit([](const auto& own) { return Value(own); }, value);
}

std::optional<Value> Key::default_value(const std::function<std::string(const std::string& key)>& choice_of) const {
  for (const DefaultsByChoice& others : by_choice) {
    const std::string choice = choice_of(others.key);
    for (const DefaultsByChoice::One& other : others.values) {
      if (other.choice == choice) return other.held();
    }
  }
  return usual_value();
}

std::optional<Value> Key::usual_value() const {
  return std::visit(
      [](const auto& held) -> std::optional<Value> {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, Required> || std::is_same_v<Held, Unset>) {
          return std::nullopt;
        } else {
          return Value(held);
        }
      },
      fallback);
}

std::string KeyTable::heading() const { return is_list ? fmt::format("[[{}]]", name) : fmt::format("[{}]", name); }

std::span<const KeyTable> configuration_tables() { return kKeyTables; }

std::span<const Key> configuration_keys() {
  static const std::vector<Key> keys = all_keys();
  return keys;
}

bool changes_result(std::string_view key) {
  // The data is compared as such, wherever it lies.
  constexpr std::string_view kFree[] = {"data.path",        "data.validation_path",
                                        "data.labels",      "data.validation_labels",
                                        "data.cache",       "data.keep_megabytes",
                                        "train.threads",    "train.workers",
                                        "train.max_time_s", "log.every",
                                        "checkpoint.every", "checkpoint.every_s",
                                        "checkpoint.keep",  "model.from",
                                        "model.recompute",  "train.restore_best",
                                        "validation.report"};
  return std::find(std::begin(kFree), std::end(kFree), key) == std::end(kFree);
}

std::string_view table_of(std::string_view key) {
  const size_t dot = key.rfind('.');
  return key.substr(0, dot == std::string_view::npos ? 0 : dot);
}

std::string_view last_part(std::string_view key) { return key.substr(key.rfind('.') + 1); }

const KeyTable* find_table(std::string_view name) {
  const auto* const found = std::ranges::find(kKeyTables, name, &KeyTable::name);
  return found == std::end(kKeyTables) ? nullptr : found;
}

const Key* find_key(std::string_view name) {
  const std::string_view list = item_of(name) ? table_of(table_of(name)) : std::string_view();
  for (const Key& key : configuration_keys()) {
    if (key.name == name) return &key;
    if (!list.empty() && table_of(key.name) == list && last_part(key.name) == last_part(name)) return &key;
  }
  return nullptr;
}

std::optional<size_t> item_of(std::string_view name) {
  const std::string_view item = table_of(name), number = last_part(item);
  const KeyTable* const table = find_table(table_of(item));
  if (table == nullptr || !table->is_list) return std::nullopt;
  size_t at = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), at);
  // One way to write it: no zeros before it.
  if (error != std::errc() || fmt::format("{}", at) != number) return std::nullopt;
  return at;
}

std::string item_name(std::string_view key, size_t item) {
  return fmt::format("{}.{}.{}", table_of(key), item, last_part(key));
}

std::string without_item(std::string_view name) {
  return item_of(name) ? fmt::format("{}.{}", table_of(table_of(name)), last_part(name)) : std::string(name);
}

std::string quoted_list(std::span<const std::string_view> names) {
  std::string list;
  for (size_t i = 0; i < names.size(); ++i) {
    const char* separator = i == 0 ? "" : i + 1 == names.size() ? " or " : ", ";
    list += fmt::format("{}\"{}\"", separator, names[i]);
  }
  return list;
}

}  // namespace gradus
