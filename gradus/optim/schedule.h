// Learning-rate schedules: closed forms of the step index, so that resuming needs no history.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "gradus/base/variant.h"

namespace gradus {

/// The way from the factor 1 down to 0, as a function of the part p of it that is done: 1 − p, ½·(1 + cos πp), 1 − √p.
enum class DecayShape : uint8_t { kLinear, kCosine, kOneMinusSqrt };

/// How the warm-up over n steps begins, and the way it takes: from `factor` at step 0 to 1 at step n, the first after
/// it, by a `shape` that is gone upwards. 0, as in transformers: step 0 trains nothing. Straight from f it is PyTorch's
/// LinearLR(start_factor = f, total_iters = n).
struct WarmupFrom {
  double factor = 0.0;  ///< From 0 to 1.
  /// In the place of `factor`: the part that is done at step t is (t + 1)/n, as LinearLR(start_factor = 1/n,
  /// total_iters = n − 1) has it.
  bool one_nth = false;
  DecayShape shape = DecayShape::kLinear;

  static const WarmupFrom kZero, kOneNth;
};
inline constexpr WarmupFrom WarmupFrom::kZero{};
inline constexpr WarmupFrom WarmupFrom::kOneNth{.one_nth = true};

// All schedules but `dynamic` and a sequence have `learning_rate`, the peak, and the warm-up: `warmup_steps` of it,
// which start at `warmup_from`. Steps are counted from 0; s is the number of steps after the warm-up, and a factor is
// what learning_rate is multiplied by. Sizes in steps must not be negative; factors are finite and from 0.

/// learning_rate at every step after the warm-up.
struct ConstantSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// The textbook's expression, literally, with its own argument names:
///     α(t) = scale · t / (warmup_steps + decay_steps · (1 − t / total_steps)),  t = global_step
/// It *is* the learning rate. As written it does not decay: it is 0 at step 0 and rises to scale · total_steps /
/// warmup_steps at t = total_steps. Undefined (an error) where the denominator is 0 and for t > total_steps.
struct DynamicSchedule {
  double warmup_steps = 0.0;
  double decay_steps = 0.0;
  double total_steps = 0.0;
  double scale = 1.0;
};

/// A straight line to final_factor at total_steps (which the warm-up is a part of), constant from there.
struct LinearSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  ///< At least 1, and not below warmup_steps.
  double final_factor = 0.0;
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// Half a cosine to final_factor at total_steps, constant from there (Loshchilov, Hutter, 2017).
struct CosineSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;
  double final_factor = 0.0;
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// final_factor + (1 − final_factor)·(1 − p)^power, where p is the part of the way to total_steps; constant from there.
struct PolynomialSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;
  double final_factor = 0.0;
  double power = 1.0;  ///< Above 0.
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// Half a cosine to final_factor again and again (warm restarts; Loshchilov, Hutter, 2017): the first takes
/// cycle_steps, each later one cycle_multiplier times as many as the one before.
struct CosineRestartsSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t cycle_steps = 0;       ///< At least 1.
  int64_t cycle_multiplier = 1;  ///< At least 1.
  double final_factor = 0.0;
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// The same in `cycles` of one length, which need not be a number of steps, up to total_steps; constant from there.
struct CosineCyclesSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;
  int64_t cycles = 1;  ///< At least 1.
  double final_factor = 0.0;
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// decay_rate^s.
struct ExponentialSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  double decay_rate = 1.0;  ///< Above 0; above 1 it grows, and a rate that is too large for a number is an error.
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// decay_factor^⌊s / drop_every⌋.
struct StepSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t drop_every = 0;  ///< At least 1.
  double decay_factor = 0.1;
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// decay_factor^(number of milestones up to the step), where milestones count from step 0, the warm-up included.
struct MultiStepSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  std::vector<int64_t> milestones = {};  ///< Ascending, each above warmup_steps.
  double decay_factor = 0.1;
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// √(timescale / (timescale + s)) (Zhai et al., 2022). With timescale = warmup_steps it is √(warmup_steps / step), that
/// of Vaswani et al., 2017.
struct InverseSqrtSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t timescale = 0;  ///< At least 1.
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// Warm-up, stable, decay: 1 until the last decay_steps of total_steps, over which `shape` leads to final_factor;
/// constant from there (Hu et al., 2024).
struct WsdSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  ///< At least warmup_steps + decay_steps.
  int64_t decay_steps = 0;
  double final_factor = 0.0;
  DecayShape shape = DecayShape::kCosine;
  WarmupFrom warmup_from = WarmupFrom::kZero;
};

/// From initial_factor up to 1 and down to final_factor, once (Smith, Topin, 2017), over the n = total_steps −
/// warmup_steps steps after the warm-up: the peak is at s = rise_fraction·n − 1, the end at s = n − 1, as in PyTorch.
/// In three phases it is back at initial_factor at s = 2·rise_fraction·n − 2, and goes down from there. Only the
/// learning rate moves, not the momentum.
struct OneCycleSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;
  double rise_fraction = 0.3;              ///< From 0 to 1, in three phases to 1/2.
  double initial_factor = 0.04;            ///< PyTorch's 1/div_factor.
  double final_factor = 4e-6;              ///< PyTorch's 1/(div_factor·final_div_factor).
  DecayShape shape = DecayShape::kCosine;  ///< Of all ways; not kOneMinusSqrt.
  WarmupFrom warmup_from = WarmupFrom::kZero;
  bool three_phase = false;
};

/// Straight from initial_factor to 1 and back, again and again (Smith, 2015): cycles of cycle_steps, of which
/// rise_fraction lead up. The n-th cycle, from 0, is cycle_decay^n as high above initial_factor as the first, and each
/// step s is step_decay^s as high as without it. Only the learning rate moves, not the momentum.
struct CyclicSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t cycle_steps = 0;     ///< At least 1.
  double rise_fraction = 0.5;  ///< From 0 to 1.
  double initial_factor = 0.04;
  double cycle_decay = 1.0;
  WarmupFrom warmup_from = WarmupFrom::kZero;
  double step_decay = 1.0;  ///< From 0.
};

/// The schedules, and what more there is.
template <class... More>
using ScheduleVariant =
    Variant<ConstantSchedule, DynamicSchedule, LinearSchedule, CosineSchedule, PolynomialSchedule,
            CosineRestartsSchedule, CosineCyclesSchedule, ExponentialSchedule, StepSchedule, MultiStepSchedule,
            InverseSqrtSchedule, WsdSchedule, OneCycleSchedule, CyclicSchedule, More...>;

/// Schedules one after the other, each counting its steps from 0; the last goes on for ever.
struct SequenceSchedule {
  struct Part {
    ScheduleVariant<> schedule;
    int64_t steps = 0;  ///< At least 1; that of the last does not matter.
  };
  std::vector<Part> parts = {};  ///< At least one.
};

using Schedule = ScheduleVariant<SequenceSchedule>;

/// The rate of update `step`, counted from 0. Undefined places of `dynamic`, and options out of range, are usage
/// errors.
double learning_rate_at(const Schedule& schedule, int64_t step);

/// A usage error, before training starts, if any of the steps 0 … steps − 1 is undefined or an option is out of range.
void check_schedule(const Schedule& schedule, int64_t steps);

}  // namespace gradus
