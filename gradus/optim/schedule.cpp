#include "gradus/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gradus/base/error.h"
#include "gradus/optim/option.h"

namespace gradus {
namespace {

constexpr std::string_view kSubject = "schedule";

void check_size(std::string_view name, int64_t value) {
  if (value < 0) fail_usage(kSubject, "{} is {}; expected 0 or more", name, value);
}

void check(const ConstantSchedule& s) { detail::check_from_0(kSubject, "learning_rate", s.learning_rate); }

void check(const DynamicSchedule& s) {
  detail::check_from_0(kSubject, "warmup_steps", s.warmup_steps);
  detail::check_from_0(kSubject, "decay_steps", s.decay_steps);
  detail::check_option(s.total_steps > 0.0 && std::isfinite(s.total_steps), kSubject, "total_steps", s.total_steps,
                       "a finite number above 0");
  detail::check_from_0(kSubject, "scale", s.scale);
}

// LinearSchedule and CosineSchedule have the same fields.
template <class Warmup>
void check(const Warmup& s) {
  detail::check_from_0(kSubject, "learning_rate", s.learning_rate);
  check_size("warmup_steps", s.warmup_steps);
  if (s.total_steps < 1) fail_usage(kSubject, "total_steps is {}; expected 1 or more", s.total_steps);
  detail::check_from_0(kSubject, "final_factor", s.final_factor);
  if (s.warmup_steps > s.total_steps) {
    fail_usage(kSubject, "warmup_steps is {}, more than total_steps, {}; warm up for fewer steps", s.warmup_steps,
               s.total_steps);
  }
}

double rate_at(const ConstantSchedule& s, int64_t /*step*/) { return s.learning_rate; }

double rate_at(const DynamicSchedule& s, int64_t step) {
  const double t = static_cast<double>(step);
  if (t > s.total_steps) {
    fail_usage(kSubject, "dynamic ends at total_steps = {}, before step {}; set total_steps to {} or more",
               s.total_steps, step, step);
  }
  const double denominator = s.warmup_steps + s.decay_steps * (1.0 - t / s.total_steps);
  if (denominator == 0.0) {
    fail_usage(kSubject,
               "dynamic is undefined at step {}: its denominator warmup_steps + decay_steps·(1 − step/total_steps) is "
               "{} + {}·(1 − {}/{}) = 0; set warmup_steps above 0",
               step, s.warmup_steps, s.decay_steps, step, s.total_steps);
  }
  return s.scale * t / denominator;
}

// `shape` takes the part of the way from the end of the warm-up to total_steps, 0 … 1, to the factor 1 … 0.
template <class Warmup, class Shape>
double rate_after_warmup(const Warmup& s, int64_t step, Shape shape) {
  if (step < s.warmup_steps) {
    return s.learning_rate * (static_cast<double>(step) / static_cast<double>(s.warmup_steps));
  }
  const double way = static_cast<double>(std::max<int64_t>(1, s.total_steps - s.warmup_steps));
  const double part = step >= s.total_steps ? 1.0 : static_cast<double>(step - s.warmup_steps) / way;
  return s.learning_rate * (s.final_factor + (1.0 - s.final_factor) * shape(part));
}

double rate_at(const LinearSchedule& s, int64_t step) {
  return rate_after_warmup(s, step, [](double part) { return 1.0 - part; });
}

double rate_at(const CosineSchedule& s, int64_t step) {
  return rate_after_warmup(s, step, [](double part) { return 0.5 * (1.0 + std::cos(std::numbers::pi * part)); });
}

}  // namespace

double learning_rate_at(const Schedule& schedule, int64_t step) {
  check_size("step", step);
  return std::visit(
      [step](const auto& s) {
        check(s);
        return rate_at(s, step);
      },
      schedule);
}

void check_schedule(const Schedule& schedule, int64_t steps) {
  check_size("steps", steps);
  std::visit([](const auto& s) { check(s); }, schedule);
  if (steps == 0) return;
  learning_rate_at(schedule, 0);
  // With sizes that are not negative, `dynamic` can be undefined only at step 0, at total_steps, and beyond.
  const DynamicSchedule* dynamic = std::get_if<DynamicSchedule>(&schedule);
  if (dynamic == nullptr || dynamic->total_steps > static_cast<double>(steps - 1)) return;
  learning_rate_at(schedule, static_cast<int64_t>(dynamic->total_steps));
  learning_rate_at(schedule, steps - 1);
}

}  // namespace gradus
