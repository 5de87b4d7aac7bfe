#include "gradus/nn/embedding_objective.h"

#include <algorithm>

#include "gradus/autograd/loss_terms.h"
#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

// Who is of whose class, nobody of his own: each (B, B), by anchor.
struct Pairs {
  Tensor is_positive, is_negative;  // bool
  Tensor share;                     // f64: 1 over the number of an anchor's positives at each of them, else 0
  double anchors = 0.0;             // those that have a positive
  double triplets = 0.0;            // of an anchor, a positive and a negative
};

Pairs pairs_of(const Tensor& classes) {
  const int64_t n = classes.numel();
  Pairs pairs{.is_positive = Tensor::zeros({n, n}, DType::kBool),
              .is_negative = Tensor::zeros({n, n}, DType::kBool),
              .share = Tensor::zeros({n, n}, DType::kF64)};
  if (DryRun::is_on()) return pairs;  // there are no classes to look at
  const Tensor own = kernels::contiguous(classes);
  const int64_t* const id = own.data<int64_t>();
  for (int64_t a = 0; a < n; ++a) {
    const int64_t positives = std::count(id, id + n, id[a]) - 1, negatives = n - 1 - positives;
    for (int64_t b = 0; b < n; ++b) {
      const bool same = id[a] == id[b], positive = same && a != b;
      pairs.is_positive.mutable_data<bool>()[a * n + b] = positive;
      pairs.is_negative.mutable_data<bool>()[a * n + b] = !same;
      if (positive) pairs.share.mutable_data<double>()[a * n + b] = 1.0 / static_cast<double>(positives);
    }
    pairs.anchors += positives > 0 ? 1.0 : 0.0;
    pairs.triplets += static_cast<double>(positives) * static_cast<double>(negatives);
  }
  return pairs;
}

// Beyond any distance: what stands in the place of those that do not count leaves relu nothing.
constexpr double kFar = 1e30;

Loss all_triplets(const Objective& o, const Tensor& x, const Pairs& pairs) {
  const int64_t n = x.size(0), width = x.size(1);
  const Tensor difference = reshape(x, {n, 1, width}) - reshape(x, {1, n, width}) + 1e-6;  // as in triplet_loss
  const Tensor distance = sqrt(sum(difference * difference, -1));
  const Tensor far = Tensor::full({}, kFar, x.dtype());
  const Tensor positive = where(pairs.is_positive, distance, -far), negative = where(pairs.is_negative, distance, far);
  const Tensor missing = reshape(positive + o.margin, {n, n, 1}) - reshape(negative, {n, 1, n});
  return {sum(relu(missing)), std::max(1.0, pairs.triplets)};
}

Loss contrasts(const Objective& o, const Tensor& x, const Pairs& pairs) {
  const Tensor far = Tensor::full({}, -kFar, x.dtype()), unit = detail::unit_rows(x);
  const Tensor scores = matmul(unit, transpose(unit, 0, 1)) / o.temperature;
  const Tensor is_other =
      greater(kernels::cast(pairs.is_positive, x.dtype()) + kernels::cast(pairs.is_negative, x.dtype()), 0.0);
  const Tensor logarithms = log_softmax(where(is_other, scores, far));
  const Tensor terms =
      where(pairs.is_positive, logarithms * kernels::cast(pairs.share, x.dtype()), Tensor::zeros({}, x.dtype()));
  return {-sum(terms), std::max(1.0, pairs.anchors)};
}

}  // namespace

Loss embedding_loss(const Objective& o, const Tensor& outputs, const Tensor& classes) {
  if (outputs.rank() != 2 || classes.dtype() != DType::kI64 || !(classes.shape() == Shape{outputs.size(0)})) {
    fail("objective", "embeddings {} for classes {}; expected (B, C) and i64 (B,)", outputs.describe(),
         classes.describe());
  }
  const Pairs pairs = pairs_of(classes);
  return o.kind == ObjectiveKind::kTriplet ? all_triplets(o, outputs, pairs) : contrasts(o, outputs, pairs);
}

}  // namespace gradus
