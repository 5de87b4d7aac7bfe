// Memory of this process and of the machine.
#pragma once

#include <cstdint>

namespace gradus {

/// What this process holds now.
int64_t resident_bytes();

/// What this process may hold in all: what the system has free for it beside what it holds already, or the limit of
/// its control group if that is less.
int64_t memory_limit_bytes();

}  // namespace gradus
