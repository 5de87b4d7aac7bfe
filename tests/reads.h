// A matcher for texts by a pattern.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "tests/pattern.h"

namespace gradus {

MATCHER_P(Reads, pattern, "reads \"" + std::string(pattern) + "\"") { return reads(arg, pattern); }

}  // namespace gradus
