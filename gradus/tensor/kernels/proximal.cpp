#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/proximal.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/proximal.h"
#include "gradus/tensor/kernels/update-inl.h"
#include "gradus/tensor/kernels/update_adafactor.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

template <class T>
struct ThresholdRule {
  T threshold, factor;

  template <class D>
  HWY_INLINE void operator()(D d, const Arrays<T, T>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto rest = hn::Sub(hn::Abs(x), hn::Set(d, threshold));
    const auto shrunk = hn::CopySign(hn::Mul(hn::Set(d, factor), rest), x);
    // NaN stays what it is.
    hn::StoreU(hn::IfThenZeroElse(hn::Le(rest, hn::Zero(d)), shrunk), d, a.value + i);
  }
};

// Adding 0 makes +0 of −0.
template <class T>
struct ScaleRule {
  T factor;

  template <class D>
  HWY_INLINE void operator()(D d, const Arrays<T, T>& a, int64_t i) const {
    hn::StoreU(hn::Add(hn::Mul(hn::Set(d, factor), hn::LoadU(d, a.value + i)), hn::Zero(d)), d, a.value + i);
  }
};

// Element i times factor i, which stands in the place of the gradient.
template <class T>
struct ProductRule {
  template <class D>
  HWY_INLINE void operator()(D d, const Arrays<T, T>& a, int64_t i) const {
    const auto product = hn::Mul(hn::LoadU(d, a.gradient + i), hn::LoadU(d, a.value + i));
    hn::StoreU(hn::Add(product, hn::Zero(d)), d, a.value + i);
  }
};

template <class T>
void ThresholdTyped(const UpdateArrays& a, double threshold, double factor, int64_t begin, int64_t end) {
  ForElements(ThresholdRule<T>{static_cast<T>(threshold), static_cast<T>(factor)}, Arrays<T, T>(a, {}, {}), begin, end);
}

void RunThreshold(const UpdateArrays& a, double threshold, double factor, int64_t begin, int64_t end) {
  a.dtype == DType::kF32 ? ThresholdTyped<float>(a, threshold, factor, begin, end)
                         : ThresholdTyped<double>(a, threshold, factor, begin, end);
}

void RunScale(const UpdateArrays& a, double factor, int64_t begin, int64_t end) {
  if (a.dtype == DType::kF64) {
    return ForElements(ScaleRule<double>{factor}, Arrays<double, double>(a, {}, {}), begin, end);
  }
  ForElements(ScaleRule<float>{static_cast<float>(factor)}, Arrays<float, float>(a, {}, {}), begin, end);
}

void RunProduct(const UpdateArrays& a, int64_t begin, int64_t end) {
  if (a.dtype == DType::kF64) {
    return ForElements(ProductRule<double>{}, Arrays<double, double>(a, {}, {}), begin, end);
  }
  ForElements(ProductRule<float>{}, Arrays<float, float>(a, {}, {}), begin, end);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "gradus/tensor/kernels/copy.h"

namespace gradus::kernels {
namespace {
HWY_EXPORT(RunThreshold);
HWY_EXPORT(RunScale);
HWY_EXPORT(RunProduct);

UpdateArrays arrays_of(Tensor& x, int64_t count) { return {x.dtype(), count, x.mutable_bytes(), nullptr}; }

}  // namespace

MatrixSize matrix_size(const Tensor& x) {
  const int64_t rows = x.size(0);
  return {rows, rows == 0 ? 0 : x.numel() / rows};
}

void soft_threshold(Tensor& x, double threshold, double factor) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunThreshold);
  const UpdateArrays arrays = arrays_of(x, x.numel());
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, threshold, factor, begin, end); });
}

SquareSums square_sums(const Tensor& x) {
  const MatrixSize size = matrix_size(x);
  SquareSums sums{Tensor::zeros({size.rows}, DType::kF64), Tensor::zeros({size.columns}, DType::kF64)};
  if (x.numel() == 0) return sums;
  // θ stands in the place of its gradient, so that the mixed gradient is θ.
  const UpdateArrays arrays{x.dtype(), x.numel(), const_cast<std::byte*>(x.bytes()), x.bytes()};
  factored_sums(arrays, {}, {1, size.rows, size.columns}, sums.rows.mutable_data<double>(),
                sums.columns.mutable_data<double>());
  return sums;
}

void scale_rows(Tensor& x, const Tensor& factors) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunScale);
  const MatrixSize size = matrix_size(x);
  const UpdateArrays arrays = arrays_of(x, x.numel());
  const double* const factor = factors.data<double>();
  parallel_rows(size.rows, size.columns, kGrain, [&](int64_t row, int64_t begin, int64_t end) {
    if (factor[row] != 1.0) run(arrays, factor[row], row * size.columns + begin, row * size.columns + end);
  });
}

void scale_columns(Tensor& x, const Tensor& factors) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunProduct);
  const MatrixSize size = matrix_size(x);
  const Tensor own = x.dtype() == DType::kF64 ? factors : cast(factors, x.dtype());
  const UpdateArrays all = arrays_of(x, x.numel());
  const int64_t width = size_of(x.dtype());
  parallel_rows(size.rows, size.columns, kGrain, [&](int64_t row, int64_t begin, int64_t end) {
    run({all.dtype, size.columns, all.value + row * size.columns * width, own.bytes()}, begin, end);
  });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
