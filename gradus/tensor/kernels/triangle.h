// Halves of matrices.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

enum class Triangle : uint8_t { kLower, kUpper };

/// x (…, N, M) with zeros outside the lower or upper triangle: what stays has column − row ≤ (or ≥) `diagonal`.
Tensor triangle(Triangle which, const Tensor& x, int64_t diagonal);

}  // namespace gradus::kernels
