// What the files of the table of ops have in common.
#pragma once

#include "tests/op_cases/op_cases.h"

namespace gradus {

// GPT-2's sizes with 1,024 tokens, where it matters.
inline constexpr int64_t kTokens = 1024, kChannels = 768, kVocabulary = 50257;
inline const std::vector<OpInput> kOne = {{{kTokens, kChannels}}};
inline const std::vector<OpInput> kTwo = {{{kTokens, kChannels}}, {{kTokens, kChannels}}};

// Roundings. Arithmetic is IEEE's: 1, and 1 for each factor of its gradient; a broadcast input's gradient is a sum,
// which may cancel. exp, log and tanh of Highway are within 3 units; their gradients multiply that by the other
// factors. gelu is a sigmoid of a cubic, its error counted beside x, not beside a result close to 0. Sums and products
// of n terms have at most n roundings of the largest term; n < 70 here.

/// Rows of the table: products, convolutions and what goes with them, layers' ops, losses.
std::vector<OpCase> product_cases();
std::vector<OpCase> convolution_cases();
std::vector<OpCase> layer_cases();
std::vector<OpCase> loss_cases();

}  // namespace gradus
