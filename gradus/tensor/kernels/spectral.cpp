#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/spectral.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/spectral.h"
#include "gradus/tensor/kernels/update-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// Σ w[i]·x[i] over two chains of vectors and a rest.
template <class T>
double Dot(const T* w, const double* x, int64_t count) {
  const hn::ScalableTag<double> d;
  const OneLane<double> one;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d), odd = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    even = hn::MulAdd(LoadAsDouble(d, w + i), hn::LoadU(d, x + i), even);
    odd = hn::MulAdd(LoadAsDouble(d, w + i + lanes), hn::LoadU(d, x + i + lanes), odd);
  }
  auto rest = hn::Zero(one);
  for (; i < count; ++i) rest = hn::MulAdd(LoadAsDouble(one, w + i), hn::LoadU(one, x + i), rest);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd))) + hn::GetLane(rest);
}

// to[j] += w[j]·factor.
template <class T>
void AddScaled(const T* w, double factor, double* to, int64_t count) {
  const hn::ScalableTag<double> d;
  const OneLane<double> one;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    hn::StoreU(hn::MulAdd(LoadAsDouble(d, w + j), hn::Set(d, factor), hn::LoadU(d, to + j)), d, to + j);
  }
  for (; j < count; ++j) {
    hn::StoreU(hn::MulAdd(LoadAsDouble(one, w + j), hn::Set(one, factor), hn::LoadU(one, to + j)), one, to + j);
  }
}

// y = W·x of rows [begin, end).
template <class T>
void ProductTyped(const T* w, int64_t columns, const double* x, double* y, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) y[i] = Dot(w + i * columns, x, columns);
}

// x = Wᵀ·y of columns [begin, end).
template <class T>
void TransposedTyped(const T* w, int64_t rows, int64_t columns, const double* y, double* x, int64_t begin,
                     int64_t end) {
  std::fill(x + begin, x + end, 0.0);
  for (int64_t i = 0; i < rows; ++i) AddScaled(w + i * columns + begin, y[i], x + begin, end - begin);
}

void RunProduct(DType dtype, const std::byte* w, int64_t columns, const double* x, double* y, int64_t begin,
                int64_t end) {
  dtype == DType::kF32 ? ProductTyped(reinterpret_cast<const float*>(w), columns, x, y, begin, end)
                       : ProductTyped(reinterpret_cast<const double*>(w), columns, x, y, begin, end);
}

void RunTransposed(DType dtype, const std::byte* w, int64_t rows, int64_t columns, const double* y, double* x,
                   int64_t begin, int64_t end) {
  dtype == DType::kF32 ? TransposedTyped(reinterpret_cast<const float*>(w), rows, columns, y, x, begin, end)
                       : TransposedTyped(reinterpret_cast<const double*>(w), rows, columns, y, x, begin, end);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>

#include "gradus/base/random.h"
#include "gradus/tensor/kernels/random.h"

namespace gradus::kernels {
namespace {
HWY_EXPORT(RunProduct);
HWY_EXPORT(RunTransposed);

constexpr int kMostIterations = 1000;
constexpr int64_t kColumns = 64;  // the fewest that a thread goes down the rows for

// y = W·x.
void product(const Tensor& w, const Tensor& x, Tensor& y) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunProduct);
  const int64_t columns = w.size(1);
  const double* const from = x.data<double>();
  double* const to = y.mutable_data<double>();
  parallel_for(w.size(0), std::max<int64_t>(1, kGrain / std::max<int64_t>(1, columns)),
               [&](int64_t begin, int64_t end) { run(w.dtype(), w.bytes(), columns, from, to, begin, end); });
}

// x = Wᵀ·y.
void transposed_product(const Tensor& w, const Tensor& y, Tensor& x) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunTransposed);
  const int64_t rows = w.size(0), columns = w.size(1);
  const double* const from = y.data<double>();
  double* const to = x.mutable_data<double>();
  parallel_for(columns, std::max(kColumns, kGrain / std::max<int64_t>(1, rows)),
               [&](int64_t begin, int64_t end) { run(w.dtype(), w.bytes(), rows, columns, from, to, begin, end); });
}

// Scales to length 1 and returns the length before; what has none stays 0.
double normalize(Tensor& x) {
  double* const values = x.mutable_data<double>();
  double squares = 0.0;
  for (int64_t i = 0; i < x.numel(); ++i) squares += values[i] * values[i];
  const double length = std::sqrt(squares);
  if (length == 0.0) return 0.0;
  for (int64_t i = 0; i < x.numel(); ++i) values[i] /= length;
  return length;
}

double distance(const Tensor& x, const Tensor& y) {
  double squares = 0.0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double change = x.data<double>()[i] - y.data<double>()[i];
    squares += change * change;
  }
  return std::sqrt(squares);
}

}  // namespace

Spectral largest_singular(const Tensor& w) {
  const double smallest_change = w.dtype() == DType::kF32 ? 0x1p-22 : 0x1p-50;
  Spectral s;
  s.u = Tensor::zeros({w.size(0)}, DType::kF64);
  s.v = random_normal({w.size(1)}, 0.0, 1.0, hash_name("spectral norm"), DType::kF64);
  normalize(s.v);
  product(w, s.v, s.u);
  s.sigma = normalize(s.u);
  Tensor next = Tensor::zeros({w.size(1)}, DType::kF64);
  for (int i = 0; i < kMostIterations && s.sigma > 0.0; ++i) {
    transposed_product(w, s.u, next);
    normalize(next);
    const double change = distance(next, s.v);
    std::swap(s.v, next);
    product(w, s.v, s.u);
    s.sigma = normalize(s.u);
    if (!(change > smallest_change)) break;
  }
  return s;
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
