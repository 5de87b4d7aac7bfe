// Learning-rate schedules: closed forms of the step index, so that resuming needs no history.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

namespace gradus {

/// learning_rate at every step.
struct ConstantSchedule {
  double learning_rate = 0.0;
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

/// Linear warm-up from 0 (step 0 trains with rate 0, as Hugging Face has it) over warmup_steps, then a straight line to
/// final_factor · learning_rate at total_steps, constant from there.
struct LinearSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  ///< At least 1.
  double final_factor = 0.0;
};

/// The same warm-up, then half a cosine to final_factor · learning_rate at total_steps (Loshchilov, Hutter, 2017).
struct CosineSchedule {
  double learning_rate = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;
  double final_factor = 0.0;
};

using Schedule = std::variant<ConstantSchedule, DynamicSchedule, LinearSchedule, CosineSchedule>;

/// The rate of update `step`, counted from 0. Undefined places of `dynamic` are usage errors that name the step.
double learning_rate_at(const Schedule& schedule, int64_t step);

/// A usage error, before training starts, if any of the steps 0 … steps − 1 is undefined, a size is negative, or
/// warmup_steps exceeds total_steps.
void check_schedule(const Schedule& schedule, int64_t steps);

}  // namespace gradus
