#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/classic/kernels/linear_rows_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using Wide = hn::ScalableTag<double>;
using Narrow = hn::Rebind<float, Wide>;

// Vectors of f32 that are widened as they are loaded: whole ones, and the part at a row's end.
struct WholeWide {
  HWY_INLINE hn::Vec<Wide> Load(const float* x) const { return hn::PromoteTo(Wide(), hn::LoadU(Narrow(), x)); }
  HWY_INLINE hn::Vec<Wide> Load(const double* x) const { return hn::LoadU(Wide(), x); }
  HWY_INLINE void Store(hn::Vec<Wide> v, double* to) const { hn::StoreU(v, Wide(), to); }
};
struct PartWide {
  size_t count;
  HWY_INLINE hn::Vec<Wide> Load(const float* x) const {
    return hn::PromoteTo(Wide(), LoadTail(Narrow(), x, count, 0.0F));
  }
  HWY_INLINE hn::Vec<Wide> Load(const double* x) const { return LoadTail(Wide(), x, count, 0.0); }
  HWY_INLINE void Store(hn::Vec<Wide> v, double* to) const { StoreTail(Wide(), v, to, count); }
};

template <class Body>
HWY_INLINE void ForWide(size_t length, Body&& body) {
  const size_t lanes = hn::Lanes(Wide());
  size_t j = 0;
  for (; j + lanes <= length; j += lanes) body(WholeWide(), j);
  if (j < length) body(PartWide{length - j}, j);
}

HWY_INLINE void FourProducts(const float* x, size_t columns, const double* w, double bias, double* out) {
  const Wide d;
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  ForWide(columns, [&](auto lanes, size_t j) HWY_ATTR {
    const auto weights = lanes.Load(w + j);
    s0 = hn::MulAdd(lanes.Load(x + j), weights, s0);
    s1 = hn::MulAdd(lanes.Load(x + columns + j), weights, s1);
    s2 = hn::MulAdd(lanes.Load(x + 2 * columns + j), weights, s2);
    s3 = hn::MulAdd(lanes.Load(x + 3 * columns + j), weights, s3);
  });
  out[0] = bias + hn::GetLane(hn::SumOfLanes(d, s0));
  out[1] = bias + hn::GetLane(hn::SumOfLanes(d, s1));
  out[2] = bias + hn::GetLane(hn::SumOfLanes(d, s2));
  out[3] = bias + hn::GetLane(hn::SumOfLanes(d, s3));
}

constexpr size_t kAhead = 16384;  // bytes

void RunRowProducts(const float* x, int64_t rows, int64_t columns, const double* w, double bias, double* out) {
  const size_t width = static_cast<size_t>(columns);
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    // The processor looks no further than a page ahead, which is less than memory needs to answer.
    const char* const ahead = reinterpret_cast<const char*>(x + i * columns) + kAhead;
    for (size_t line = 0; line < 4 * width * sizeof(float); line += 64) __builtin_prefetch(ahead + line, 0, 2);
    FourProducts(x + i * columns, width, w, bias, out + i);
  }
  for (; i < rows; ++i) {
    const float* const row = x + i * columns;
    auto sum = hn::Zero(Wide());
    ForWide(width,
            [&](auto lanes, size_t j) HWY_ATTR { sum = hn::MulAdd(lanes.Load(row + j), lanes.Load(w + j), sum); });
    out[i] = bias + hn::GetLane(hn::SumOfLanes(Wide(), sum));
  }
}

void RunAddRows(const float* x, int64_t rows, int64_t columns, const double* factors, double* sum) {
  const Wide d;
  const size_t width = static_cast<size_t>(columns);
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const float* const row = x + i * columns;
    const auto f0 = hn::Set(d, factors[i]), f1 = hn::Set(d, factors[i + 1]);
    const auto f2 = hn::Set(d, factors[i + 2]), f3 = hn::Set(d, factors[i + 3]);
    ForWide(width, [&](auto lanes, size_t j) HWY_ATTR {
      auto s = hn::MulAdd(f0, lanes.Load(row + j), lanes.Load(sum + j));
      auto t = hn::Mul(f1, lanes.Load(row + width + j));
      s = hn::MulAdd(f2, lanes.Load(row + 2 * width + j), s);
      t = hn::MulAdd(f3, lanes.Load(row + 3 * width + j), t);
      lanes.Store(hn::Add(s, t), sum + j);
    });
  }
  for (; i < rows; ++i) {
    const float* const row = x + i * columns;
    const auto f = hn::Set(d, factors[i]);
    ForWide(width, [&](auto lanes, size_t j)
                       HWY_ATTR { lanes.Store(hn::MulAdd(f, lanes.Load(row + j), lanes.Load(sum + j)), sum + j); });
  }
}

template <class T>
HWY_INLINE void AddScaled(double* y, double factor, const T* x, int64_t count) {
  const auto f = hn::Set(Wide(), factor);
  ForWide(static_cast<size_t>(count), [&](auto lanes, size_t j) HWY_ATTR {
    lanes.Store(hn::MulAdd(f, lanes.Load(x + j), lanes.Load(y + j)), y + j);
  });
}
void RunAddScaled(double* y, double factor, const double* x, int64_t count) { AddScaled(y, factor, x, count); }
void RunAddScaledNarrow(double* y, double factor, const float* x, int64_t count) { AddScaled(y, factor, x, count); }

void RunAddWeighted(double* y, double factor, const double* d, const float* x, int64_t count) {
  const auto f = hn::Set(Wide(), factor);
  ForWide(static_cast<size_t>(count), [&](auto lanes, size_t j) HWY_ATTR {
    lanes.Store(hn::MulAdd(hn::Mul(f, lanes.Load(d + j)), lanes.Load(x + j), lanes.Load(y + j)), y + j);
  });
}

double RunDot(const double* x, const double* y, int64_t count) {
  const Wide d;
  const size_t lanes = hn::Lanes(d), length = static_cast<size_t>(count);
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * lanes <= length; i += 4 * lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), s0);
    s1 = hn::MulAdd(hn::LoadU(d, x + i + lanes), hn::LoadU(d, y + i + lanes), s1);
    s2 = hn::MulAdd(hn::LoadU(d, x + i + 2 * lanes), hn::LoadU(d, y + i + 2 * lanes), s2);
    s3 = hn::MulAdd(hn::LoadU(d, x + i + 3 * lanes), hn::LoadU(d, y + i + 3 * lanes), s3);
  }
  ForWide(length - i,
          [&](auto part, size_t j) HWY_ATTR { s0 = hn::MulAdd(part.Load(x + i + j), part.Load(y + i + j), s0); });
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunRowProducts);
HWY_EXPORT(RunAddRows);
HWY_EXPORT(RunAddScaled);
HWY_EXPORT(RunAddScaledNarrow);
HWY_EXPORT(RunAddWeighted);
HWY_EXPORT(RunDot);
}  // namespace

void row_products(const float* x, int64_t rows, int64_t columns, const double* w, double bias, double* out) {
  HWY_DYNAMIC_DISPATCH(RunRowProducts)(x, rows, columns, w, bias, out);
}

void add_rows(const float* x, int64_t rows, int64_t columns, const double* factors, double* sum) {
  HWY_DYNAMIC_DISPATCH(RunAddRows)(x, rows, columns, factors, sum);
}

void add_scaled(double* y, double factor, const double* x, int64_t count) {
  HWY_DYNAMIC_DISPATCH(RunAddScaled)(y, factor, x, count);
}

void add_scaled(double* y, double factor, const float* x, int64_t count) {
  HWY_DYNAMIC_DISPATCH(RunAddScaledNarrow)(y, factor, x, count);
}

void add_weighted(double* y, double factor, const double* d, const float* x, int64_t count) {
  HWY_DYNAMIC_DISPATCH(RunAddWeighted)(y, factor, d, x, count);
}

double dot(const double* x, const double* y, int64_t count) { return HWY_DYNAMIC_DISPATCH(RunDot)(x, y, count); }

}  // namespace gradus::kernels
#endif  // HWY_ONCE
