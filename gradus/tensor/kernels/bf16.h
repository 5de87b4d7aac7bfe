// f32 to bf16 and back, for contiguous arrays.
#pragma once

#include <cstdint>

#include "gradus/tensor/dtype.h"

namespace gradus::kernels {

/// Rounds to nearest, ties to even, as `BFloat16(float)` does.
void round_to_bf16(const float* from, BFloat16* to, int64_t count);
/// Exact.
void widen_bf16(const BFloat16* from, float* to, int64_t count);

}  // namespace gradus::kernels
