#include "gradus/nn/embedding_objective.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "gradus/autograd/loss_terms.h"
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
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
  if (DryRun::is_on()) {  // there are no classes to look at
    pairs.anchors = pairs.triplets = 1.0;
    return pairs;
  }
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

constexpr double kApart = 1e-6;  // added to each difference, as in triplet_loss
constexpr double kFar = 1e30;    // in the place of scores that do not count: exp leaves nothing of it

// Of each anchor, a row: the distances to all rows, and the slope of the loss by each, the number of triplets that it
// takes part in with a sign. The loss is in their sum.
struct Triplets {
  Tensor distances, slopes;  // (B, B)
  double sum = 0.0;
};

template <class T>
T distance_of(const T* a, const T* b, int64_t width) {
  T squares{0};
  for (int64_t c = 0; c < width; ++c) {
    const T difference = a[c] - b[c] + static_cast<T>(kApart);
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

// The sum over an anchor's triplets; its slopes are zeros before.
template <class T>
double triplets_of_anchor(const T* distance, const bool* is_positive, const bool* is_negative, int64_t n, T margin,
                          T* slope) {
  double sum = 0.0;
  for (int64_t p = 0; p < n; ++p) {
    if (!is_positive[p]) continue;
    for (int64_t other = 0; other < n; ++other) {
      const T missing = distance[p] + margin - distance[other];
      if (!is_negative[other] || missing <= T{0}) continue;  // NaN counts
      sum += static_cast<double>(missing);
      slope[p] += T{1};
      slope[other] -= T{1};
    }
  }
  return sum;
}

template <class T>
Triplets triplets_of(const Tensor& rows, const Pairs& pairs, T margin) {
  const int64_t n = rows.size(0), width = rows.size(1);
  Triplets result{.distances = Tensor::empty({n, n}, rows.dtype()), .slopes = Tensor::zeros({n, n}, rows.dtype())};
  std::vector<double> sums(static_cast<size_t>(n));
  const T* const x = rows.data<T>();
  T *const distances = result.distances.mutable_data<T>(), *const slopes = result.slopes.mutable_data<T>();
  const bool *const is_positive = pairs.is_positive.data<bool>(), *const is_negative = pairs.is_negative.data<bool>();
  parallel_for(n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t a = begin; a < end; ++a) {
      for (int64_t b = 0; b < n; ++b) distances[a * n + b] = distance_of(x + a * width, x + b * width, width);
      sums[static_cast<size_t>(a)] =
          triplets_of_anchor(distances + a * n, is_positive + a * n, is_negative + a * n, n, margin, slopes + a * n);
    }
  });
  result.sum = std::accumulate(sums.begin(), sums.end(), 0.0);
  return result;
}

// Each row is an anchor's end of its distances, and the other end of all others'.
template <class T>
Tensor gradient_of_rows(const Tensor& rows, const Triplets& triplets, T grad) {
  const int64_t n = rows.size(0), width = rows.size(1);
  Tensor result = Tensor::zeros(rows.shape(), rows.dtype());
  const T *const x = rows.data<T>(), *const distances = triplets.distances.data<T>();
  const T* const slopes = triplets.slopes.data<T>();
  T* const to = result.mutable_data<T>();
  parallel_for(n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t a = begin; a < end; ++a) {
      for (int64_t b = 0; b < n; ++b) {
        const T as_anchor = slopes[a * n + b], as_other = slopes[b * n + a];
        const T here = as_anchor == T{0} ? T{0} : grad * as_anchor / distances[a * n + b];
        const T there = as_other == T{0} ? T{0} : grad * as_other / distances[b * n + a];
        for (int64_t c = 0; c < width; ++c) {
          const T difference = x[a * width + c] - x[b * width + c], apart = static_cast<T>(kApart);
          to[a * width + c] += here * (difference + apart) + there * (difference - apart);
        }
      }
    }
  });
  return result;
}

Loss all_triplets(const Objective& o, const Tensor& x, const Pairs& pairs) {
  return dispatch_float("triplets", x.dtype(), [&]<class T>(T) {
    const Tensor rows = kernels::contiguous(x);
    const Triplets triplets = triplets_of<T>(rows, pairs, static_cast<T>(o.margin));
    Loss loss{Tensor::full({}, triplets.sum, x.dtype()), pairs.triplets};
    if (!needs_gradient(x)) return loss;
    loss.sum = record("triplets", loss.sum, std::array{&x}, [rows = Saved(rows), triplets](Gradients& g) {
      g.add(0, gradient_of_rows<T>(rows.get(), triplets, static_cast<T>(g.output().item())));
    });
    return loss;
  });
}

Loss contrasts(const Objective& o, const Tensor& x, const Pairs& pairs) {
  const Tensor far = Tensor::full({}, -kFar, x.dtype()), unit = detail::unit_rows(x);
  const Tensor scores = matmul(unit, transpose(unit, 0, 1)) / o.temperature;
  const Tensor is_other =
      greater(kernels::cast(pairs.is_positive, x.dtype()) + kernels::cast(pairs.is_negative, x.dtype()), 0.0);
  const Tensor logarithms = log_softmax(where(is_other, scores, far));
  const Tensor terms =
      where(pairs.is_positive, logarithms * kernels::cast(pairs.share, x.dtype()), Tensor::zeros({}, x.dtype()));
  return {-sum(terms), pairs.anchors};
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
