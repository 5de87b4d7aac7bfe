// A matcher for texts by a pattern.
#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>
#include <utility>

#include "tests/pattern.h"

namespace gradus {

/// Matches what `reads` the pattern. By hand: MATCHER_P needs the library of GoogleMock, which tests do without.
class Reads {
 public:
  using is_gtest_matcher = void;

  explicit Reads(std::string pattern) : pattern_(std::move(pattern)) {}
  bool MatchAndExplain(const std::string& text, std::ostream* /*listener*/) const { return reads(text, pattern_); }
  void DescribeTo(std::ostream* out) const { *out << "reads \"" << pattern_ << '"'; }
  void DescribeNegationTo(std::ostream* out) const { *out << "does not read \"" << pattern_ << '"'; }

 private:
  std::string pattern_;
};

}  // namespace gradus
