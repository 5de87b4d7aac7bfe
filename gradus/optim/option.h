// The check of one number among options.
#pragma once

#include <limits>
#include <string_view>

#include "gradus/base/error.h"

namespace gradus::detail {

/// A usage error "[subject] name is value; expected …" unless `valid`. Comparisons with NaN are false: write the range
/// that is wanted, not the one that is not.
inline void check_option(bool valid, std::string_view subject, std::string_view name, double value,
                         std::string_view expected) {
  if (!valid) [[unlikely]] {
    fail_usage(subject, "{} is {}; expected {}", name, value, expected);
  }
}

/// Finite and not negative.
inline void check_from_0(std::string_view subject, std::string_view name, double value) {
  check_option(value >= 0.0 && value < std::numeric_limits<double>::infinity(), subject, name, value,
               "a finite number from 0");
}

/// A decay rate.
inline void check_rate(std::string_view subject, std::string_view name, double value) {
  check_option(value >= 0.0 && value < 1.0, subject, name, value, "a number from 0, below 1");
}

/// What keeps a divisor from 0. `example` is a usual value.
inline void check_epsilon(std::string_view subject, std::string_view name, double value, std::string_view example) {
  if (!(value > 0.0 && value < std::numeric_limits<double>::infinity())) [[unlikely]] {
    fail_usage(subject, "{} is {}; expected a finite number above 0, e.g. {}", name, value, example);
  }
}

}  // namespace gradus::detail
