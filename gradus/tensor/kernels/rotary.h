// Rotary position embedding (Su et al., "RoFormer", 2021), f32 and f64.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// Which elements of a head turn together: i and i + D/2 (GPT-NeoX, Llama), or 2i and 2i + 1 (the paper, GPT-J).
enum class RotaryPairs : uint8_t { kHalves, kNeighbours };

struct RotaryOptions {
  double base = 10000.0;
  int64_t first_position = 0;  ///< Of the first token.
  RotaryPairs pairs = RotaryPairs::kHalves;
};

/// x (B, T, H, D), D even: pair i of the token at position p is turned by p · base^(−2i/D), or back with `backwards`.
Tensor rotary(const Tensor& x, const RotaryOptions& options, bool backwards);

}  // namespace gradus::kernels
