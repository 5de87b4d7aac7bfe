#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/softmax_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/simd-inl.h"
#include "gradus/tensor/kernels/softmax_simd.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

template <class T>
using Tag = hn::ScalableTag<T>;

// If the row holds NaN the result is some element or NaN; the sum of exponentials is NaN all the same.
template <class T>
T RowMax(const T* x, size_t length) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  const T lowest = -std::numeric_limits<T>::infinity();
  auto m0 = hn::Set(d, lowest), m1 = m0;
  size_t i = 0;
  for (; i + 2 * lanes <= length; i += 2 * lanes) {
    m0 = hn::Max(m0, hn::LoadU(d, x + i));
    m1 = hn::Max(m1, hn::LoadU(d, x + i + lanes));
  }
  for (; i + lanes <= length; i += lanes) m0 = hn::Max(m0, hn::LoadU(d, x + i));
  if (i < length) m1 = hn::Max(m1, LoadTail(d, x + i, length - i, lowest));
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(m0, m1)));
}

constexpr size_t kBlock = 1024;  // long rows are added in blocks: less rounding

// Σ exp(x − max); the terms are stored to y unless it is null.
template <class T>
T SumOfExp(const T* x, size_t length, T max, T* y) {
  const Tag<T> d;
  const auto all_max = hn::Set(d, max);
  T total = 0;
  for (size_t begin = 0; begin < length; begin += kBlock) {
    auto sum = hn::Zero(d);
    ForLanes<T>(HWY_MIN(kBlock, length - begin), [&](auto lanes, size_t i) HWY_ATTR {
      const auto e = ExpBelow0(d, hn::Sub(lanes.Load(x + begin + i), all_max));
      if (y != nullptr) lanes.Store(e, y + begin + i);
      sum = hn::Add(sum, lanes.Keep(e));
    });
    total += hn::GetLane(hn::SumOfLanes(d, sum));
  }
  return total;
}

// out = x · factor; out may be x.
template <class T>
void ScaleRow(const T* x, size_t length, T factor, T* out) {
  const auto all = hn::Set(Tag<T>(), factor);
  ForLanes<T>(length, [=](auto lanes, size_t i) HWY_ATTR { lanes.Store(hn::Mul(lanes.Load(x + i), all), out + i); });
}

// The same + shift.
template <class T>
void ScaleAndShiftRow(const T* x, size_t length, T factor, T shift, T* out) {
  const auto all = hn::Set(Tag<T>(), factor), more = hn::Set(Tag<T>(), shift);
  ForLanes<T>(length,
              [=](auto lanes, size_t i) HWY_ATTR { lanes.Store(hn::MulAdd(lanes.Load(x + i), all, more), out + i); });
}

// Σ (x − max), in blocks too.
template <class T>
double SumBelow(const T* x, size_t length, T max) {
  const Tag<T> d;
  const auto all_max = hn::Set(d, max);
  double total = 0.0;
  for (size_t begin = 0; begin < length; begin += kBlock) {
    auto sum = hn::Zero(d);
    ForLanes<T>(HWY_MIN(kBlock, length - begin), [&](auto lanes, size_t i) HWY_ATTR {
      sum = hn::Add(sum, lanes.Keep(hn::Sub(lanes.Load(x + begin + i), all_max)));
    });
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return total;
}

template <class T>
T RowSum(const T* x, size_t length) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0;
  size_t i = 0;
  for (; i + 2 * lanes <= length; i += 2 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, x + i));
    s1 = hn::Add(s1, hn::LoadU(d, x + i + lanes));
  }
  for (; i + lanes <= length; i += lanes) s0 = hn::Add(s0, hn::LoadU(d, x + i));
  if (i < length) s1 = hn::Add(s1, LoadTail(d, x + i, length - i, T{0}));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1)));
}

template <class T>
T RowDot(const T* a, const T* b, size_t length) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0;
  size_t i = 0;
  for (; i + 2 * lanes <= length; i += 2 * lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
    s1 = hn::MulAdd(hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes), s1);
  }
  for (; i + lanes <= length; i += lanes) s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
  if (i < length) {
    s1 = hn::MulAdd(LoadTail(d, a + i, length - i, T{0}), LoadTail(d, b + i, length - i, T{0}), s1);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1)));
}

// Rows of one vector at most stay in a register.
template <class T>
void ShortSoftmaxRow(const T* x, size_t length, T* y, T* max, T* sum) {
  const Tag<T> d;
  const PartLanes<T> lanes{length};
  const auto logits = LoadTail(d, x, length, -std::numeric_limits<T>::infinity());
  const auto all_max = hn::MaxOfLanes(d, logits);
  const auto e = lanes.Keep(ExpBelow0(d, hn::Sub(logits, all_max)));
  const auto all_sum = hn::SumOfLanes(d, e);
  lanes.Store(hn::Div(e, all_sum), y);
  *max = hn::GetLane(all_max);
  *sum = hn::GetLane(all_sum);
}

template <class T>
void SoftmaxRows(const std::byte* x_bytes, int64_t rows, size_t length, std::byte* y_bytes, const int64_t* targets,
                 double* losses) {
  const T* x = reinterpret_cast<const T*>(x_bytes);
  T* y = reinterpret_cast<T*>(y_bytes);
  for (int64_t row = 0; row < rows; ++row, x += length, y += length) {
    T max, sum;
    if (length <= hn::Lanes(Tag<T>())) {
      ShortSoftmaxRow(x, length, y, &max, &sum);
    } else {
      max = RowMax(x, length);
      sum = SumOfExp(x, length, max, y);
      ScaleRow(y, length, T{1} / sum, y);
    }
    if (losses == nullptr) continue;
    const double logit = static_cast<double>(x[targets[row]]);
    losses[row] = std::log(static_cast<double>(sum)) + (static_cast<double>(max) - logit);
  }
}

template <class T>
void SoftmaxBackwardRows(const std::byte* y_bytes, const std::byte* grad_bytes, int64_t rows, size_t length,
                         std::byte* out_bytes) {
  const T *y = reinterpret_cast<const T*>(y_bytes), *g = reinterpret_cast<const T*>(grad_bytes);
  T* out = reinterpret_cast<T*>(out_bytes);
  for (int64_t row = 0; row < rows; ++row, y += length, g += length, out += length) {
    const auto dot = hn::Set(Tag<T>(), RowDot(y, g, length));
    ForLanes<T>(length, [=](auto lanes, size_t i) HWY_ATTR {
      lanes.Store(hn::Mul(lanes.Load(y + i), hn::Sub(lanes.Load(g + i), dot)), out + i);
    });
  }
}

// log Σ exp(x − max).
template <class T>
double LogOfSum(const T* x, size_t length, T max) {
  return std::log(static_cast<double>(SumOfExp(x, length, max, static_cast<T*>(nullptr))));
}

template <class T>
void LogSumExpRows(const std::byte* x_bytes, int64_t rows, size_t length, std::byte* out_bytes) {
  const T* x = reinterpret_cast<const T*>(x_bytes);
  T* out = reinterpret_cast<T*>(out_bytes);
  for (int64_t row = 0; row < rows; ++row, x += length) {
    const T max = RowMax(x, length);
    if (std::isinf(max)) {  // the limit, which ∞ − ∞ has not
      out[row] =
          std::any_of(x, x + length, [](T v) { return std::isnan(v); }) ? std::numeric_limits<T>::quiet_NaN() : max;
    } else {
      out[row] = static_cast<T>(LogOfSum(x, length, max) + static_cast<double>(max));
    }
  }
}

template <class T>
void LogSoftmaxRows(const std::byte* x_bytes, int64_t rows, size_t length, std::byte* y_bytes) {
  const T* x = reinterpret_cast<const T*>(x_bytes);
  T* y = reinterpret_cast<T*>(y_bytes);
  for (int64_t row = 0; row < rows; ++row, x += length, y += length) {
    const T max = RowMax(x, length);
    const auto all_max = hn::Set(Tag<T>(), max), log = hn::Set(Tag<T>(), static_cast<T>(LogOfSum(x, length, max)));
    ForLanes<T>(length, [=](auto lanes, size_t i)
                            HWY_ATTR { lanes.Store(hn::Sub(hn::Sub(lanes.Load(x + i), all_max), log), y + i); });
  }
}

template <class T>
void LogSoftmaxBackwardRows(const std::byte* y_bytes, const std::byte* grad_bytes, int64_t rows, size_t length,
                            std::byte* out_bytes) {
  const T *y = reinterpret_cast<const T*>(y_bytes), *g = reinterpret_cast<const T*>(grad_bytes);
  T* out = reinterpret_cast<T*>(out_bytes);
  const Tag<T> d;
  for (int64_t row = 0; row < rows; ++row, y += length, g += length, out += length) {
    const auto sum = hn::Set(d, RowSum(g, length));
    ForLanes<T>(length, [=](auto lanes, size_t i) HWY_ATTR {
      lanes.Store(hn::NegMulAdd(ExpBelow0(d, lanes.Load(y + i)), sum, lanes.Load(g + i)), out + i);
    });
  }
}

template <class T>
void CrossEntropyBackwardRows(const std::byte* p_bytes, int64_t rows, size_t length, const int64_t* targets, T scale,
                              std::byte* out_bytes) {
  const T* p = reinterpret_cast<const T*>(p_bytes);
  T* out = reinterpret_cast<T*>(out_bytes);
  for (int64_t row = 0; row < rows; ++row, p += length, out += length) {
    ScaleRow(p, length, scale, out);
    out[targets[row]] = (p[targets[row]] - T{1}) * scale;
  }
}

// Logits to the gradient of their loss, in place: softmax(x)·scale, less `scale` at the target.
template <class T>
void CrossEntropyInPlaceRows(std::byte* x_bytes, int64_t rows, size_t length, const int64_t* targets, double scale,
                             double smoothing, double* losses) {
  T* x = reinterpret_cast<T*>(x_bytes);
  const double evenly = smoothing / static_cast<double>(length);
  const T of_target = static_cast<T>(scale * (1.0 - smoothing));
  for (int64_t row = 0; row < rows; ++row, x += length) {
    const double logit = static_cast<double>(x[targets[row]]);
    const T max = RowMax(x, length);
    // Of what lies below the largest: x itself may be large, and of one sign.
    const double below = smoothing > 0.0 ? SumBelow(x, length, max) : 0.0;
    const T sum = SumOfExp(x, length, max, x);
    const T factor = static_cast<T>(scale) / sum;
    if (smoothing > 0.0) {
      ScaleAndShiftRow(x, length, factor, static_cast<T>(-scale * evenly), x);
    } else {
      ScaleRow(x, length, factor, x);
    }
    x[targets[row]] -= of_target;
    losses[row] =
        std::log(static_cast<double>(sum)) + (1.0 - smoothing) * (static_cast<double>(max) - logit) - evenly * below;
  }
}

void RunCrossEntropyInPlace(DType dtype, std::byte* x, int64_t rows, int64_t length, const int64_t* targets,
                            double scale, double smoothing, double* losses) {
  const size_t n = static_cast<size_t>(length);
  dtype == DType::kF32 ? CrossEntropyInPlaceRows<float>(x, rows, n, targets, scale, smoothing, losses)
                       : CrossEntropyInPlaceRows<double>(x, rows, n, targets, scale, smoothing, losses);
}

void RunSoftmax(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* y, const int64_t* targets,
                double* losses) {
  const size_t n = static_cast<size_t>(length);
  dtype == DType::kF32 ? SoftmaxRows<float>(x, rows, n, y, targets, losses)
                       : SoftmaxRows<double>(x, rows, n, y, targets, losses);
}

void RunSoftmaxBackward(DType dtype, const std::byte* y, const std::byte* grad, int64_t rows, int64_t length,
                        std::byte* out) {
  const size_t n = static_cast<size_t>(length);
  dtype == DType::kF32 ? SoftmaxBackwardRows<float>(y, grad, rows, n, out)
                       : SoftmaxBackwardRows<double>(y, grad, rows, n, out);
}

void RunLogSumExp(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* out) {
  const size_t n = static_cast<size_t>(length);
  dtype == DType::kF32 ? LogSumExpRows<float>(x, rows, n, out) : LogSumExpRows<double>(x, rows, n, out);
}

void RunLogSoftmax(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* y) {
  const size_t n = static_cast<size_t>(length);
  dtype == DType::kF32 ? LogSoftmaxRows<float>(x, rows, n, y) : LogSoftmaxRows<double>(x, rows, n, y);
}

void RunLogSoftmaxBackward(DType dtype, const std::byte* y, const std::byte* grad, int64_t rows, int64_t length,
                           std::byte* out) {
  const size_t n = static_cast<size_t>(length);
  dtype == DType::kF32 ? LogSoftmaxBackwardRows<float>(y, grad, rows, n, out)
                       : LogSoftmaxBackwardRows<double>(y, grad, rows, n, out);
}

void RunCrossEntropyBackward(DType dtype, const std::byte* p, int64_t rows, int64_t length, const int64_t* targets,
                             double scale, std::byte* out) {
  const size_t n = static_cast<size_t>(length);
  dtype == DType::kF32 ? CrossEntropyBackwardRows(p, rows, n, targets, static_cast<float>(scale), out)
                       : CrossEntropyBackwardRows(p, rows, n, targets, scale, out);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunSoftmax);
HWY_EXPORT(RunSoftmaxBackward);
HWY_EXPORT(RunLogSumExp);
HWY_EXPORT(RunLogSoftmax);
HWY_EXPORT(RunLogSoftmaxBackward);
HWY_EXPORT(RunCrossEntropyBackward);
HWY_EXPORT(RunCrossEntropyInPlace);
}  // namespace

void run_softmax(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* y, const int64_t* targets,
                 double* losses) {
  HWY_DYNAMIC_DISPATCH(RunSoftmax)(dtype, x, rows, length, y, targets, losses);
}

void run_softmax_backward(DType dtype, const std::byte* y, const std::byte* grad, int64_t rows, int64_t length,
                          std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunSoftmaxBackward)(dtype, y, grad, rows, length, out);
}

void run_logsumexp(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunLogSumExp)(dtype, x, rows, length, out);
}

void run_log_softmax(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* y) {
  HWY_DYNAMIC_DISPATCH(RunLogSoftmax)(dtype, x, rows, length, y);
}

void run_log_softmax_backward(DType dtype, const std::byte* y, const std::byte* grad, int64_t rows, int64_t length,
                              std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunLogSoftmaxBackward)(dtype, y, grad, rows, length, out);
}

void run_cross_entropy_backward(DType dtype, const std::byte* p, int64_t rows, int64_t length, const int64_t* targets,
                                double scale, std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunCrossEntropyBackward)(dtype, p, rows, length, targets, scale, out);
}

void run_cross_entropy_in_place(DType dtype, std::byte* x, int64_t rows, int64_t length, const int64_t* targets,
                                double scale, double smoothing, double* losses) {
  HWY_DYNAMIC_DISPATCH(RunCrossEntropyInPlace)(dtype, x, rows, length, targets, scale, smoothing, losses);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
