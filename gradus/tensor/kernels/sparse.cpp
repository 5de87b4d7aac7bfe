#include "gradus/tensor/kernels/sparse.h"

#include <algorithm>

#include "gradus/base/threads.h"

namespace gradus::kernels {

// Numbers below which a second thread costs more than it adds up.
constexpr int64_t kGrainNumbers = int64_t{1} << 15;

Tensor sparse_product(const SparseMatrix& x, const Tensor& weight) {
  const int64_t outputs = weight.size(0), features = weight.size(1);
  Tensor y = Tensor::empty({x.rows, outputs}, weight.dtype());
  const int64_t stored = static_cast<int64_t>(x.values.size()) * outputs;
  const int64_t grain = std::max<int64_t>(1, kGrainNumbers * x.rows / std::max<int64_t>(1, stored));
  dispatch_float("sparse_linear", weight.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* const w = weight.data<T>();
    T* const to = y.mutable_data<T>();
    parallel_for(x.rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        for (int64_t k = 0; k < outputs; ++k) {
          const T* const own = w + k * features;
          double sum = 0.0;
          for (int64_t at = x.offsets[row]; at < x.offsets[row + 1]; ++at) {
            sum += double{x.values[at]} * double{own[x.indices[at]]};
          }
          to[row * outputs + k] = static_cast<T>(sum);
        }
      }
    });
  });
  return y;
}

Tensor sparse_product_backward(const SparseMatrix& x, const Tensor& gradient) {
  const int64_t outputs = gradient.size(1);
  Tensor result = Tensor::zeros({outputs, x.columns}, gradient.dtype());
  dispatch_float("sparse_linear", gradient.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* const g = gradient.data<T>();
    T* const to = result.mutable_data<T>();
    parallel_for(outputs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        T* const own = to + k * x.columns;
        for (int64_t row = 0; row < x.rows; ++row) {
          const T slope = g[row * outputs + k];
          for (int64_t at = x.offsets[row]; at < x.offsets[row + 1]; ++at) {
            own[x.indices[at]] += slope * static_cast<T>(x.values[at]);
          }
        }
      }
    });
  });
  return result;
}

}  // namespace gradus::kernels
