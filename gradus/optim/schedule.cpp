#include "gradus/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gradus/base/error.h"
#include "gradus/optim/option.h"

namespace gradus {
namespace {

constexpr std::string_view kSchedule = "schedule";

void check_size(std::string_view name, int64_t value, int64_t low = 0) {
  if (value < low) fail_usage(kSchedule, "{} is {}; expected {} or more", name, value, low);
}

void check_part(std::string_view name, double value) {
  detail::check_option(value >= 0.0 && value <= 1.0, kSchedule, name, value, "a number from 0 to 1");
}

void check_above_0(std::string_view name, double value) {
  detail::check_option(value > 0.0 && std::isfinite(value), kSchedule, name, value, "a finite number above 0");
}

template <class S>
void check_peak_and_warmup(const S& s) {
  detail::check_from_0(kSchedule, "learning_rate", s.learning_rate);
  check_size("warmup_steps", s.warmup_steps);
  check_part("warmup_from", s.warmup_from.factor);
}

// Of those that end at total_steps.
template <class S>
void check_length(const S& s) {
  check_peak_and_warmup(s);
  check_size("total_steps", s.total_steps, 1);
  detail::check_from_0(kSchedule, "final_factor", s.final_factor);
  if (s.warmup_steps > s.total_steps) {
    fail_usage(kSchedule, "warmup_steps is {}, more than total_steps, {}; warm up for fewer steps", s.warmup_steps,
               s.total_steps);
  }
}

void check(const ConstantSchedule& s) { check_peak_and_warmup(s); }
void check(const LinearSchedule& s) { check_length(s); }
void check(const CosineSchedule& s) { check_length(s); }

void check(const DynamicSchedule& s) {
  detail::check_from_0(kSchedule, "warmup_steps", s.warmup_steps);
  detail::check_from_0(kSchedule, "decay_steps", s.decay_steps);
  check_above_0("total_steps", s.total_steps);
  detail::check_from_0(kSchedule, "scale", s.scale);
}

void check(const PolynomialSchedule& s) {
  check_length(s);
  check_above_0("power", s.power);
}

void check(const CosineRestartsSchedule& s) {
  check_peak_and_warmup(s);
  check_size("cycle_steps", s.cycle_steps, 1);
  check_size("cycle_multiplier", s.cycle_multiplier, 1);
  detail::check_from_0(kSchedule, "final_factor", s.final_factor);
}

void check(const CosineCyclesSchedule& s) {
  check_length(s);
  check_size("cycles", s.cycles, 1);
}

void check(const ExponentialSchedule& s) {
  check_peak_and_warmup(s);
  check_above_0("decay_rate", s.decay_rate);
}

void check(const StepSchedule& s) {
  check_peak_and_warmup(s);
  check_size("drop_every", s.drop_every, 1);
  detail::check_from_0(kSchedule, "decay_factor", s.decay_factor);
}

void check(const MultiStepSchedule& s) {
  check_peak_and_warmup(s);
  detail::check_from_0(kSchedule, "decay_factor", s.decay_factor);
  int64_t before = s.warmup_steps;
  for (const int64_t milestone : s.milestones) {
    if (milestone <= before) {
      fail_usage(kSchedule, "milestones has {} after {}; they must ascend, and lie after warmup_steps, {}", milestone,
                 before, s.warmup_steps);
    }
    before = milestone;
  }
}

void check(const InverseSqrtSchedule& s) {
  check_peak_and_warmup(s);
  check_size("timescale", s.timescale, 1);
}

void check(const WsdSchedule& s) {
  check_length(s);
  check_size("decay_steps", s.decay_steps);
  if (s.decay_steps <= s.total_steps - s.warmup_steps) return;
  fail_usage(kSchedule, "warmup_steps and decay_steps are {} and {}, together more than total_steps, {}",
             s.warmup_steps, s.decay_steps, s.total_steps);
}

void check(const OneCycleSchedule& s) {
  check_length(s);
  check_part("rise_fraction", s.rise_fraction);
  detail::check_from_0(kSchedule, "initial_factor", s.initial_factor);
  if (s.shape == DecayShape::kOneMinusSqrt)
    fail_usage(kSchedule, "a one-cycle is linear or cosine, not one_minus_sqrt");
  if (s.three_phase && s.rise_fraction > 0.5) {
    fail_usage(kSchedule, "rise_fraction is {}; expected up to 0.5 with three_phase, whose way back takes as long",
               s.rise_fraction);
  }
}

void check(const CyclicSchedule& s) {
  check_peak_and_warmup(s);
  check_size("cycle_steps", s.cycle_steps, 1);
  check_part("rise_fraction", s.rise_fraction);
  detail::check_from_0(kSchedule, "initial_factor", s.initial_factor);
  detail::check_from_0(kSchedule, "cycle_decay", s.cycle_decay);
  detail::check_from_0(kSchedule, "step_decay", s.step_decay);
}

void check(const SequenceSchedule& s) {
  if (s.parts.empty()) fail_usage(kSchedule, "the sequence has no parts; give at least one");
  for (const SequenceSchedule::Part& part : s.parts) {
    if (&part != &s.parts.back()) check_size("steps of a part of the sequence", part.steps, 1);
    std::visit([](const auto& own) { check(own); }, part.schedule);
  }
}

double shaped(DecayShape shape, double part) {
  switch (shape) {
    case DecayShape::kLinear:
      return 1.0 - part;
    case DecayShape::kCosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * part));
    case DecayShape::kOneMinusSqrt:
      return 1.0 - std::sqrt(part);
  }
  fail("schedule", "a shape of unknown kind");
}

double between(double low, double high, double part) { return low + (high - low) * part; }

double ratio(int64_t a, int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

// The part of the way from the end of the warm-up to total_steps.
template <class S>
double part_done(const S& s, int64_t step) {
  if (step >= s.total_steps) return 1.0;
  return ratio(step - s.warmup_steps, std::max<int64_t>(1, s.total_steps - s.warmup_steps));
}

// The factor at a step after the warm-up.
double factor_at(const ConstantSchedule& /*s*/, int64_t /*step*/) { return 1.0; }

double factor_at(const LinearSchedule& s, int64_t step) {
  return between(s.final_factor, 1.0, shaped(DecayShape::kLinear, part_done(s, step)));
}

double factor_at(const CosineSchedule& s, int64_t step) {
  return between(s.final_factor, 1.0, shaped(DecayShape::kCosine, part_done(s, step)));
}

double factor_at(const PolynomialSchedule& s, int64_t step) {
  return between(s.final_factor, 1.0, std::pow(1.0 - part_done(s, step), s.power));
}

double factor_at(const CosineRestartsSchedule& s, int64_t step) {
  // In floating point, where a late cycle's length has room; exact up to 2^53 steps.
  double at = static_cast<double>(step - s.warmup_steps), length = static_cast<double>(s.cycle_steps);
  if (s.cycle_multiplier == 1) at = std::fmod(at, length);
  while (at >= length) {
    at -= length;
    length *= static_cast<double>(s.cycle_multiplier);
  }
  return between(s.final_factor, 1.0, shaped(DecayShape::kCosine, at / length));
}

double factor_at(const CosineCyclesSchedule& s, int64_t step) {
  if (step >= s.total_steps) return s.final_factor;
  // The remainder first, whose numerator is whole: a cycle begins at its step, whatever 1/cycles rounds to.
  const double length = static_cast<double>(s.total_steps - s.warmup_steps);
  const double done = static_cast<double>(s.cycles) * static_cast<double>(step - s.warmup_steps);
  return between(s.final_factor, 1.0, shaped(DecayShape::kCosine, std::fmod(done, length) / length));
}

double factor_at(const ExponentialSchedule& s, int64_t step) {
  return std::pow(s.decay_rate, static_cast<double>(step - s.warmup_steps));
}

double factor_at(const StepSchedule& s, int64_t step) {
  return std::pow(s.decay_factor, static_cast<double>((step - s.warmup_steps) / s.drop_every));
}

double factor_at(const MultiStepSchedule& s, int64_t step) {
  const auto passed = std::upper_bound(s.milestones.begin(), s.milestones.end(), step) - s.milestones.begin();
  return std::pow(s.decay_factor, static_cast<double>(passed));
}

double factor_at(const InverseSqrtSchedule& s, int64_t step) {
  const double scale = static_cast<double>(s.timescale);
  return std::sqrt(scale / (scale + static_cast<double>(step - s.warmup_steps)));
}

double factor_at(const WsdSchedule& s, int64_t step) {
  const int64_t decaying = step - (s.total_steps - s.decay_steps);
  if (decaying < 0) return 1.0;
  const double part = step >= s.total_steps ? 1.0 : ratio(decaying, s.decay_steps);
  return between(s.final_factor, 1.0, shaped(s.shape, part));
}

double factor_at(const OneCycleSchedule& s, int64_t step) {
  const double length = static_cast<double>(s.total_steps - s.warmup_steps), last = length - 1.0;
  const double peak = s.rise_fraction * length - 1.0;
  const double at = static_cast<double>(step - s.warmup_steps);
  if (at >= last) return s.rise_fraction < 1.0 ? s.final_factor : 1.0;
  if (at <= peak && peak > 0.0) return between(s.initial_factor, 1.0, 1.0 - shaped(s.shape, at / peak));
  if (!s.three_phase) return between(s.final_factor, 1.0, shaped(s.shape, (at - peak) / (last - peak)));
  const double back = 2.0 * s.rise_fraction * length - 2.0;
  if (at <= back) {
    const double down = back > peak ? (at - peak) / (back - peak) : 0.0;  // of one step, at the peak
    return between(s.initial_factor, 1.0, shaped(s.shape, down));
  }
  return between(s.final_factor, s.initial_factor, shaped(s.shape, (at - back) / (last - back)));
}

double factor_at(const CyclicSchedule& s, int64_t step) {
  const int64_t after = step - s.warmup_steps;
  const double part = ratio(after % s.cycle_steps, s.cycle_steps);
  const double height = part < s.rise_fraction ? part / s.rise_fraction : (1.0 - part) / (1.0 - s.rise_fraction);
  const double scale = std::pow(s.cycle_decay, static_cast<double>(after / s.cycle_steps)) *
                       std::pow(s.step_decay, static_cast<double>(after));
  return between(s.initial_factor, 1.0, height * scale);
}

template <class S>
double rate_at(const S& s, int64_t step) {
  if (step >= s.warmup_steps) return s.learning_rate * factor_at(s, step);
  const WarmupFrom& from = s.warmup_from;
  const double done = ratio(step + (from.one_nth ? 1 : 0), s.warmup_steps);
  const double risen = from.shape == DecayShape::kLinear ? done : shaped(from.shape, 1.0 - done);
  return s.learning_rate * (from.one_nth ? risen : between(from.factor, 1.0, risen));
}

double rate_at(const DynamicSchedule& s, int64_t step) {
  const double t = static_cast<double>(step);
  if (t > s.total_steps) {
    fail_usage(kSchedule, "dynamic ends at total_steps = {}, before step {}; set total_steps to {} or more",
               s.total_steps, step, step);
  }
  const double denominator = s.warmup_steps + s.decay_steps * (1.0 - t / s.total_steps);
  if (denominator == 0.0) {
    fail_usage(kSchedule,
               "dynamic is undefined at step {}: its denominator warmup_steps + decay_steps·(1 − step/total_steps) is "
               "{} + {}·(1 − {}/{}) = 0; set warmup_steps above 0",
               step, s.warmup_steps, s.decay_steps, step, s.total_steps);
  }
  return s.scale * t / denominator;
}

double rate_at(const SequenceSchedule& s, int64_t step) {
  size_t n = 0;
  while (n + 1 < s.parts.size() && step >= s.parts[n].steps) step -= s.parts[n++].steps;
  return std::visit([step](const auto& own) { return rate_at(own, step); }, s.parts[n].schedule);
}

// With sizes that are not negative, `dynamic` can be undefined only at step 0, at total_steps, and beyond.
void check_steps(const DynamicSchedule& s, int64_t steps) {
  rate_at(s, 0);
  if (s.total_steps > static_cast<double>(steps - 1)) return;
  rate_at(s, static_cast<int64_t>(s.total_steps));
  rate_at(s, steps - 1);
}

void check_steps(const SequenceSchedule& s, int64_t steps) {
  for (const SequenceSchedule::Part& part : s.parts) {
    const int64_t own = &part == &s.parts.back() ? steps : std::min(steps, part.steps);
    const auto* dynamic = std::get_if<DynamicSchedule>(&part.schedule);
    if (dynamic != nullptr && own > 0) check_steps(*dynamic, own);
    steps -= own;
  }
}

}  // namespace

double learning_rate_at(const Schedule& schedule, int64_t step) {
  check_size("step", step);
  const double rate = std::visit(
      [step](const auto& s) {
        check(s);
        return rate_at(s, step);
      },
      schedule);
  if (std::isfinite(rate)) return rate;
  fail_usage(kSchedule, "the learning rate of step {} is {}; expected a finite number: let it grow less", step, rate);
}

void check_schedule(const Schedule& schedule, int64_t steps) {
  check_size("steps", steps);
  std::visit([](const auto& s) { check(s); }, schedule);
  if (steps == 0) return;
  if (const auto* dynamic = std::get_if<DynamicSchedule>(&schedule)) check_steps(*dynamic, steps);
  if (const auto* sequence = std::get_if<SequenceSchedule>(&schedule)) check_steps(*sequence, steps);
  // What grows is largest at the end.
  learning_rate_at(schedule, steps - 1);
}

}  // namespace gradus
