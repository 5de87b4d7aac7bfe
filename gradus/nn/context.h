// What a forward pass knows beside its input.
#pragma once

#include <cstdint>
#include <span>

#include "gradus/autograd/precision.h"
#include "gradus/base/random.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// Made anew for every micro-batch. Random layers draw from `next_key` and `example_ids` alone, so what they do depends
/// on the seed, the step, the example and the place in the model, and on nothing else.
struct Context {
  bool training = false;                      ///< Random layers do nothing when false.
  uint64_t key = 0;                           ///< Of this step: `mix(seed, step)`.
  std::span<const int64_t> example_ids = {};  ///< Of dimension 0 of the batch.
  Precision precision = {};                   ///< Of products, and of what is kept for backward.
  uint64_t uses = 0;                          ///< How many keys were drawn; layers draw in the order of the model.

  uint64_t next_key() { return mix(key, ++uses); }
};

/// A loss as its sum and the weight of what was summed (elements, tokens), so that micro-batches add up exactly:
/// the mean is Σ sum / Σ weight.
struct Loss {
  Tensor sum;           ///< Rank 0, recorded.
  double weight = 0.0;  ///< More than 0.
};

}  // namespace gradus
