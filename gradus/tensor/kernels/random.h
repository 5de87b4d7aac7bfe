// Random tensors: each element is a pure function of the key and of its place (see base/random.h).
#pragma once

#include <span>

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// Uniform in [low, high).
Tensor random_uniform(const Shape& shape, double low, double high, uint64_t key, DType dtype = DType::kF32);
Tensor random_normal(const Shape& shape, double mean, double deviation, uint64_t key, DType dtype = DType::kF32);
/// x · mask / (1 − rate), where the mask keeps an element with probability 1 − rate. Dimension 0 is the example:
/// element j of example e depends on (key, e, j) alone. `example_ids` has x.size(0) entries. The same call on a
/// gradient is its backward. `rate` in [0, 1).
Tensor dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids);
/// The smallest random word that keeps an element: words are 32 bits, so a rate within 2⁻³² of 1 keeps one word.
uint32_t keep_threshold(double rate);

}  // namespace gradus::kernels
