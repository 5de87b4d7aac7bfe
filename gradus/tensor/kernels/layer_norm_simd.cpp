#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/layer_norm_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/layer_norm_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

template <class T>
using Tag = hn::ScalableTag<T>;

template <class T>
struct Pointers {
  explicit Pointers(const LayerNormRows& r)
      : x(reinterpret_cast<const T*>(r.x)),
        weight(reinterpret_cast<const T*>(r.weight)),
        bias(reinterpret_cast<const T*>(r.bias)),
        grad(reinterpret_cast<const T*>(r.grad)),
        residual(reinterpret_cast<const T*>(r.residual)),
        mean(reinterpret_cast<T*>(r.mean)),
        rstd(reinterpret_cast<T*>(r.rstd)),
        out(reinterpret_cast<T*>(r.out)) {}
  const T *x, *weight, *bias, *grad, *residual;
  T *mean, *rstd, *out;
};

template <class T>
T RowSum(const T* x, size_t length) {
  auto sum = hn::Zero(Tag<T>());
  ForLanes<T>(length, [&](auto lanes, size_t i) HWY_ATTR { sum = hn::Add(sum, lanes.Load(x + i)); });
  return hn::GetLane(hn::SumOfLanes(Tag<T>(), sum));
}

// Σ (x − mean)²: a second pass, since Σx² − C·mean² cancels.
template <class T>
T RowDeviation(const T* x, size_t length, T mean) {
  auto sum = hn::Zero(Tag<T>());
  const auto all_mean = hn::Set(Tag<T>(), mean);
  ForLanes<T>(length, [&](auto lanes, size_t i) HWY_ATTR {
    const auto centred = lanes.Keep(hn::Sub(lanes.Load(x + i), all_mean));
    sum = hn::MulAdd(centred, centred, sum);
  });
  return hn::GetLane(hn::SumOfLanes(Tag<T>(), sum));
}

template <class T>
void NormalizeRow(const T* x, size_t length, T mean, T rstd, const T* weight, const T* bias, T* out) {
  const auto all_mean = hn::Set(Tag<T>(), mean), all_rstd = hn::Set(Tag<T>(), rstd);
  ForLanes<T>(length, [=](auto lanes, size_t i) HWY_ATTR {
    auto y = hn::Mul(hn::Sub(lanes.Load(x + i), all_mean), all_rstd);
    if (weight != nullptr) y = hn::Mul(y, lanes.Load(weight + i));
    if (bias != nullptr) y = hn::Add(y, lanes.Load(bias + i));
    lanes.Store(y, out + i);
  });
}

template <class T>
void Forward(const LayerNormRows& r, double epsilon) {
  Pointers<T> p(r);
  const size_t length = static_cast<size_t>(r.length);
  for (int64_t row = 0; row < r.rows; ++row, p.x += length, p.out += length) {
    const T mean = r.centred ? RowSum(p.x, length) / static_cast<T>(length) : T{0};
    const T variance = RowDeviation(p.x, length, mean) / static_cast<T>(length);
    const T rstd = T{1} / std::sqrt(variance + static_cast<T>(epsilon));
    p.mean[row] = mean;
    p.rstd[row] = rstd;
    NormalizeRow(p.x, length, mean, rstd, p.weight, p.bias, p.out);
  }
}

template <class T>
void Normalized(const LayerNormRows& r) {
  Pointers<T> p(r);
  const size_t length = static_cast<size_t>(r.length);
  const T* none = nullptr;
  for (int64_t row = 0; row < r.rows; ++row, p.x += length, p.out += length) {
    NormalizeRow(p.x, length, p.mean[row], p.rstd[row], none, none, p.out);
  }
}

// With h = g·weight: dx = rstd·(h − mean(h) − x̂·mean(h·x̂)), without mean(h) where x was not centred; plus the residual.
template <class T>
void Backward(const LayerNormRows& r) {
  Pointers<T> p(r);
  const size_t length = static_cast<size_t>(r.length);
  const Tag<T> d;
  const T *weight = p.weight, *residual = p.residual;
  for (int64_t row = 0; row < r.rows; ++row, p.x += length, p.grad += length, p.out += length) {
    const T *x = p.x, *g = p.grad;
    T* out = p.out;
    const auto mean = hn::Set(d, p.mean[row]), rstd = hn::Set(d, p.rstd[row]);
    auto sum_h = hn::Zero(d), sum_hx = hn::Zero(d);
    ForLanes<T>(length, [&](auto lanes, size_t i) HWY_ATTR {
      auto h = lanes.Load(g + i);
      if (weight != nullptr) h = hn::Mul(h, lanes.Load(weight + i));
      sum_h = hn::Add(sum_h, h);
      sum_hx = hn::MulAdd(h, hn::Mul(hn::Sub(lanes.Load(x + i), mean), rstd), sum_hx);
    });
    const T centre = r.centred ? hn::GetLane(hn::SumOfLanes(d, sum_h)) / static_cast<T>(length) : T{0};
    const auto mean_h = hn::Set(d, centre);
    const auto mean_hx = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum_hx)) / static_cast<T>(length));
    ForLanes<T>(length, [=](auto lanes, size_t i) HWY_ATTR {
      auto h = lanes.Load(g + i);
      if (weight != nullptr) h = hn::Mul(h, lanes.Load(weight + i));
      const auto normal = hn::Mul(hn::Sub(lanes.Load(x + i), mean), rstd);
      auto of_x = hn::Mul(hn::NegMulAdd(normal, mean_hx, hn::Sub(h, mean_h)), rstd);
      if (residual != nullptr) of_x = hn::Add(of_x, lanes.Load(residual + i));
      lanes.Store(of_x, out + i);
    });
    if (residual != nullptr) residual += length;
  }
}

void RunForward(DType dtype, const LayerNormRows& rows, double epsilon) {
  dtype == DType::kF32 ? Forward<float>(rows, epsilon) : Forward<double>(rows, epsilon);
}

void RunBackward(DType dtype, const LayerNormRows& rows) {
  dtype == DType::kF32 ? Backward<float>(rows) : Backward<double>(rows);
}

void RunNormalized(DType dtype, const LayerNormRows& rows) {
  dtype == DType::kF32 ? Normalized<float>(rows) : Normalized<double>(rows);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunForward);
HWY_EXPORT(RunBackward);
HWY_EXPORT(RunNormalized);
}  // namespace

void run_layer_norm(DType dtype, const LayerNormRows& rows, double epsilon) {
  HWY_DYNAMIC_DISPATCH(RunForward)(dtype, rows, epsilon);
}

void run_layer_norm_backward(DType dtype, const LayerNormRows& rows) { HWY_DYNAMIC_DISPATCH(RunBackward)(dtype, rows); }

void run_normalized(DType dtype, const LayerNormRows& rows) { HWY_DYNAMIC_DISPATCH(RunNormalized)(dtype, rows); }

}  // namespace gradus::kernels
#endif  // HWY_ONCE
