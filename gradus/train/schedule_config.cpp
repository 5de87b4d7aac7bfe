#include "gradus/train/schedule_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "gradus/base/error.h"
#include "gradus/train/config.h"

namespace gradus {
namespace {

constexpr std::string_view kParts = "schedule.parts";

/// One schedule's keys: those of [schedule], or of a part of a sequence.
class Keys {
 public:
  Keys(const Config& config, std::string table) : config_(config), table_(std::move(table)) {}

  std::string full(std::string_view key) const { return fmt::format("{}.{}", table_, key); }
  bool has(std::string_view key) const { return config_.has(full(key)); }
  int64_t integer(std::string_view key) const { return config_.integer(full(key)); }
  double real(std::string_view key) const { return config_.real(full(key)); }
  bool boolean(std::string_view key) const { return config_.boolean(full(key)); }
  const std::string& text(std::string_view key) const { return config_.text(full(key)); }
  const std::vector<int64_t>& integers(std::string_view key) const { return config_.integers(full(key)); }
  std::string where(std::string_view key) const { return config_.where(full(key)); }
  bool is_set(std::string_view key) const { return config_.is_set(full(key)); }
  bool is_part() const { return table_ != "schedule"; }
  const Config& config() const { return config_; }

  WarmupFrom warmup_from() const {
    const std::optional<double> factor = config_.number(full("warmup_from"));
    return {.factor = factor.value_or(0.0),
            .one_nth = !factor && text("warmup_from") == "one_nth",
            .shape = shape("warmup_shape")};
  }
  DecayShape shape(std::string_view key = "shape") const {
    const std::string& name = text(key);
    return name == "linear" ? DecayShape::kLinear : name == "cosine" ? DecayShape::kCosine : DecayShape::kOneMinusSqrt;
  }

 private:
  const Config& config_;
  std::string table_;
};

bool has_end(const Keys& keys) {
  const std::string& name = keys.text("name");
  if (name == "cosine_restarts") return keys.has("cycles");
  return name == "linear" || name == "cosine" || name == "polynomial" || name == "wsd" || name == "one_cycle";
}

std::optional<ScheduleVariant<>> make_with_end(const Keys& keys, double rate, int64_t total) {
  const std::string& name = keys.text("name");
  if (!has_end(keys)) return std::nullopt;
  const int64_t warmup = keys.integer("warmup_steps");
  const double final_factor = keys.real("final_factor");
  const WarmupFrom from = keys.warmup_from();
  if (name == "linear") return LinearSchedule{rate, warmup, total, final_factor, from};
  if (name == "cosine") return CosineSchedule{rate, warmup, total, final_factor, from};
  if (name == "polynomial") return PolynomialSchedule{rate, warmup, total, final_factor, keys.real("power"), from};
  if (name == "wsd") {
    return WsdSchedule{rate, warmup, total, keys.integer("decay_steps"), final_factor, keys.shape(), from};
  }
  if (name == "cosine_restarts") {
    return CosineCyclesSchedule{rate, warmup, total, keys.integer("cycles"), final_factor, from};
  }
  return OneCycleSchedule{.learning_rate = rate,
                          .warmup_steps = warmup,
                          .total_steps = total,
                          .rise_fraction = keys.real("rise_fraction"),
                          .initial_factor = keys.real("initial_factor"),
                          .final_factor = final_factor,
                          .shape = keys.shape(),
                          .warmup_from = from,
                          .three_phase = keys.boolean("three_phase")};
}

/// Any but `dynamic` and `sequence`.
ScheduleVariant<> make_one(const Keys& keys, double rate, int64_t total) {
  if (const auto made = make_with_end(keys, rate, total)) return *made;
  const std::string& name = keys.text("name");
  const int64_t warmup = keys.integer("warmup_steps");
  const WarmupFrom from = keys.warmup_from();
  if (name == "cosine_restarts") {
    return CosineRestartsSchedule{
        rate, warmup, keys.integer("cycle_steps"), keys.integer("cycle_multiplier"), keys.real("final_factor"), from};
  }
  if (name == "exponential") return ExponentialSchedule{rate, warmup, keys.real("decay_rate"), from};
  if (name == "step") return StepSchedule{rate, warmup, keys.integer("drop_every"), keys.real("decay_factor"), from};
  if (name == "multi_step") {
    return MultiStepSchedule{rate, warmup, keys.integers("milestones"), keys.real("decay_factor"), from};
  }
  if (name == "inverse_sqrt") return InverseSqrtSchedule{rate, warmup, keys.integer("timescale"), from};
  if (name == "cyclic") {
    return CyclicSchedule{rate,
                          warmup,
                          keys.integer("cycle_steps"),
                          keys.real("rise_fraction"),
                          keys.real("initial_factor"),
                          keys.real("cycle_decay"),
                          from,
                          keys.real("step_decay")};
  }
  return ConstantSchedule{rate, warmup, from};
}

DynamicSchedule make_dynamic(const Config& config, int64_t total) {
  return {.warmup_steps = static_cast<double>(config.integer("schedule.warmup_steps")),
          .decay_steps = static_cast<double>(config.integer("schedule.decay_steps")),
          .total_steps = static_cast<double>(total),
          .scale = config.real("schedule.scale")};
}

/// "schedule.parts.0" and so on.
Keys part_keys(const Config& config, size_t i) { return {config, fmt::format("{}.{}", kParts, i)}; }

/// What a schedule has to fit into, and how a person would call it and make it longer.
struct Room {
  int64_t steps = 0;
  std::string name, longer;
};

/// The key that ends a run of so many steps.
std::string limit_of(const Config& config, int64_t planned_steps) {
  const bool by_steps = config.has("train.steps") && config.integer("train.steps") == planned_steps;
  return by_steps || !config.has("train.epochs") ? "train.steps" : "train.epochs";
}

Room whole_run(const Config& config, int64_t planned_steps) {
  const std::string limit = limit_of(config, planned_steps);
  const std::string name = fmt::format("{} = {}", limit, config.shown(limit));
  return {planned_steps, limit == "train.steps" ? name : fmt::format("the {} steps of {}", planned_steps, name), limit};
}

Room left_of_run(const Config& config, int64_t left, int64_t planned_steps) {
  return {left, fmt::format("the {} steps that the parts before it leave", left), limit_of(config, planned_steps)};
}

/// Where it ends by its own key: a part ends with its steps.
std::optional<Room> own_room(const Keys& keys) {
  const std::string key = keys.full(keys.is_part() ? "steps" : "total_steps");
  if (!keys.config().is_set(key)) return std::nullopt;
  const int64_t steps = keys.config().integer(key);
  return Room{steps, fmt::format("{} = {}", key, steps), key};
}

/// The warm-up, and the decay of `wsd`.
void check_fits(const Keys& keys, const Room& room) {
  const int64_t warmup = keys.integer("warmup_steps");
  if (warmup > room.steps) {
    fail_usage(keys.where("warmup_steps"), "{0} = {1} is above {2}; lower {0} or raise {3}", keys.full("warmup_steps"),
               warmup, room.name, room.longer);
  }
  if (keys.text("name") != "wsd" || keys.integer("decay_steps") <= room.steps - warmup) return;
  fail_usage(keys.where("decay_steps"), "{} = {} after {} = {} goes beyond {}; lower one of them or raise {}",
             keys.full("decay_steps"), keys.integer("decay_steps"), keys.full("warmup_steps"), warmup, room.name,
             room.longer);
}

/// As far as the configuration alone tells: how many steps epochs have, it does not.
void check_length(const Keys& keys) {
  const Config& config = keys.config();
  if (const std::optional<Room> own = own_room(keys)) return check_fits(keys, *own);
  if (keys.is_part() || !config.has("train.steps") || config.has("train.epochs")) return;
  check_fits(keys, whole_run(config, config.integer("train.steps")));
}

SequenceSchedule make_sequence(const Config& config, int64_t planned_steps) {
  const double rate = config.real("optimizer.learning_rate");
  SequenceSchedule sequence;
  int64_t before = 0;
  for (size_t i = 0; i < config.count(kParts); ++i) {
    const Keys keys = part_keys(config, i);
    if (before >= planned_steps) {
      fail_usage(
          keys.where("name"),
          "the parts before {}.{} end at step {}, and the run has {} steps: nothing is left for it; shorten them or "
          "raise {}",
          kParts, i, before, planned_steps, limit_of(config, planned_steps));
    }
    const int64_t left = planned_steps - before;
    if (!keys.has("steps")) check_fits(keys, left_of_run(config, left, planned_steps));
    const int64_t steps = keys.has("steps") ? keys.integer("steps") : left;
    sequence.parts.push_back({make_one(keys, rate * keys.real("peak"), steps), steps});
    before += std::min(steps, std::numeric_limits<int64_t>::max() - before);
  }
  return sequence;
}

/// The denominator never grows from step to step, so the first and the last step decide. With epochs the last is not
/// known here; the schedule itself checks then.
void check_dynamic(const Config& config) {
  const auto warmup = static_cast<double>(config.integer("schedule.warmup_steps"));
  const auto decay = static_cast<double>(config.integer("schedule.decay_steps"));
  int64_t step = 0;
  double denominator = warmup + decay;
  if (denominator > 0 && config.has("train.steps") && !config.has("train.epochs")) {
    step = config.integer("train.steps") - 1;
    const auto total = static_cast<double>(config.integer("schedule.total_steps"));
    denominator = warmup + decay * (1 - static_cast<double>(step) / total);
  }
  if (denominator > 0) return;
  fail_usage(config.where("schedule.name"),
             "the dynamic learning rate is undefined at step {}: warmup_steps + decay_steps·(1 − t/total_steps) is {} "
             "and must be above 0; raise schedule.warmup_steps{}",
             step, denominator, step == 0 ? " or schedule.decay_steps" : " or schedule.total_steps");
}

void check_milestones(const Keys& keys) {
  if (!keys.has("milestones")) return;
  const int64_t warmup = keys.integer("warmup_steps");
  int64_t before = 0;
  for (const int64_t milestone : keys.integers("milestones")) {
    if (milestone <= before) {
      fail_usage(keys.where("milestones"), "{} has {} after {}; write each step once, in ascending order",
                 keys.full("milestones"), milestone, before);
    }
    if (milestone <= warmup) {
      fail_usage(keys.where("milestones"), "{} has step {}, in the warm-up of {} = {}; they count from step 0",
                 keys.full("milestones"), milestone, keys.full("warmup_steps"), warmup);
    }
    before = milestone;
  }
}

/// One way to say how long a cycle is.
void check_cycles(const Keys& keys) {
  const std::string& name = keys.text("name");
  const std::string steps = keys.full("cycle_steps"), cycles = keys.full("cycles");
  if (name == "cyclic" && !keys.has("cycle_steps")) {
    fail_usage(keys.where("name"), "{} = \"cyclic\" needs {}, the steps of a cycle", keys.full("name"), steps);
  }
  if (name != "cosine_restarts") return;
  if (keys.has("cycle_steps") == keys.has("cycles")) {
    fail_usage(keys.where("name"),
               "{} = \"cosine_restarts\" needs {}, the steps of the first cycle, or {}, how many there are{}",
               keys.full("name"), steps, cycles, keys.has("cycles") ? ", not both" : "");
  }
  if (keys.has("cycles") && keys.integer("cycle_multiplier") != 1) {
    fail_usage(keys.where("cycle_multiplier"), "{} = {} goes with {}; {} are of one length: remove one of them",
               keys.full("cycle_multiplier"), keys.integer("cycle_multiplier"), steps, cycles);
  }
  if (keys.has("cycles") || keys.is_part() || !keys.is_set("total_steps")) return;
  fail_usage(keys.where("total_steps"), "{} goes with {}; cycles of {} go on to the end of the run: remove one of them",
             keys.full("total_steps"), cycles, steps);
}

void check_one_cycle(const Keys& keys) {
  if (keys.shape() == DecayShape::kOneMinusSqrt) {
    fail_usage(keys.where("shape"), "{} = \"one_minus_sqrt\" is for \"wsd\"; \"one_cycle\" is \"cosine\" or \"linear\"",
               keys.full("shape"));
  }
  const double rise = keys.real("rise_fraction");
  if (!keys.boolean("three_phase") || rise <= 0.5) return;
  fail_usage(keys.where("rise_fraction"),
             "{} = {} leaves no room for the way back of {} = true, which takes as long; expected up to 0.5",
             keys.full("rise_fraction"), rise, keys.full("three_phase"));
}

void check_one(const Keys& keys) {
  check_cycles(keys);
  check_length(keys);
  check_milestones(keys);
  if (keys.text("name") == "one_cycle") check_one_cycle(keys);
}

void check_plateau_keys(const Config& config) {
  if (config.integer("validation.every") == 0) {
    fail_usage(config.where("schedule.name"),
               "schedule.name = \"plateau\" needs validation.every above 0: it goes by the validation loss");
  }
  const double threshold = config.real("schedule.threshold");
  if (threshold < 1.0 || config.text("schedule.threshold_mode") == "absolute") return;
  fail_usage(config.where("schedule.threshold"),
             "schedule.threshold = {} is a part of the lowest loss and must be below 1; or set schedule.threshold_mode "
             "= \"absolute\"",
             threshold);
}

void check_sequence(const Config& config) {
  const size_t count = config.count(kParts);
  if (count == 0) {
    fail_usage(config.where("schedule.name"),
               "schedule.name = \"sequence\" needs parts: write [[{}]] with its name and steps, once for each", kParts);
  }
  for (size_t i = 0; i < count; ++i) {
    const Keys keys = part_keys(config, i);
    if (i + 1 < count && !keys.has("steps")) {
      fail_usage(keys.where("steps"), "{} is missing: only the last part, {}.{}, can do without", keys.full("steps"),
                 kParts, count - 1);
    }
    check_one(keys);
  }
}

}  // namespace

bool schedule_has_end(const Config& config) {
  const std::string& name = config.text("schedule.name");
  return name == "dynamic" || (name != "sequence" && has_end({config, "schedule"}));
}

Schedule make_schedule(const Config& config, int64_t planned_steps) {
  const std::string& name = config.text("schedule.name");
  if (name == "sequence") return make_sequence(config, planned_steps);
  const int64_t total = config.has("schedule.total_steps") ? config.integer("schedule.total_steps") : planned_steps;
  if (name == "dynamic") return make_dynamic(config, total);
  const Keys keys(config, "schedule");
  if (!own_room(keys)) check_fits(keys, whole_run(config, planned_steps));
  return std::visit([](const auto& made) { return Schedule(made); },
                    make_one(keys, config.real("optimizer.learning_rate"), total));
}

std::optional<PlateauOptions> plateau_options(const Config& config) {
  if (config.text("schedule.name") != "plateau") return std::nullopt;
  return PlateauOptions{.decay_factor = config.real("schedule.decay_factor"),
                        .patience = config.integer("schedule.patience"),
                        .threshold = config.real("schedule.threshold"),
                        .absolute = config.text("schedule.threshold_mode") == "absolute",
                        .cooldown = config.integer("schedule.cooldown"),
                        .final_factor = config.real("schedule.final_factor")};
}

void check_schedule_keys(const Config& config) {
  const std::string& name = config.text("schedule.name");
  if (name == "dynamic") return check_dynamic(config);
  if (name == "sequence") return check_sequence(config);
  if (name == "plateau") check_plateau_keys(config);
  check_one({config, "schedule"});
}

}  // namespace gradus
