// The chain of updates of stochastic gradient descent, one example at a time, of one output.
#pragma once

#include <cstdint>

#include "gradus/classic/linear_loss.h"
#include "gradus/tensor/sparse.h"

namespace gradus::kernels {

constexpr int64_t kSgdPadding = 64;

/// Some examples, one after the other. The weights are scale·v: before example i the scale is `scales[i]`, and
///
///     z[i] = scales[i]·(v·x) + bias,  g = loss'(z[i], y[i]),  v −= gains[i]·g·x,  bias −= bias_gains[i]·g
///
/// where x is the row `rows[i]`. The other arrays have `count` elements.
struct SgdChain {
  LinearLoss loss;
  float parameter;
  int64_t count;
  const int32_t* rows;  ///< `known_rows`, at least `count`: those behind are brought nearer.
  int64_t known_rows;
  const float* y;
  const float* scales;
  const float* gains;
  const float* bias_gains;
  float* v;      ///< (F)
  float* bias;   ///< One.
  float* z;      ///< Written.
  float* steps;  ///< Written: gains[i]·g, what v lost of x.
};

/// Of dense rows x (·, features). Four examples at a time, which is the same chain: the products of v before the four,
/// less what the steps between take from them, which the products of the rows with each other say.
void sgd_chain(const SgdChain& chain, const float* x, int64_t features);
/// Of sparse rows: a step touches what the row has.
void sgd_chain(const SgdChain& chain, const SparseMatrix& x);

}  // namespace gradus::kernels
