#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/classic/kernels/linear_sgd_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/classic/kernels/linear_sgd_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Slopes of one number. A chain waits for each, so what counts is how long one takes.

// 1 / (1 + 2^x), to some 1e-7; 2^x = 2^round(x)·2^f by the polynomial of `Exp2Any`, added up in pairs. NaN becomes 1:
// the predictions show it.
HWY_INLINE float LogisticOfPower(float x) {
  const hn::CappedTag<float, 4> d;
  const auto cut = hn::Min(hn::Max(hn::Set(d, x), hn::Set(d, -126.0F)), hn::Set(d, 126.0F));
  const auto whole = hn::Round(cut), f = hn::Sub(cut, whole), f2 = hn::Mul(f, f);
  const auto p01 = hn::MulAdd(f, hn::Set(d, 0.6931471824645996F), hn::Set(d, 1.0F));
  const auto p23 = hn::MulAdd(f, hn::Set(d, 5.5503323674201965e-2F), hn::Set(d, 0.24022647738456726F));
  const auto p45 = hn::MulAdd(f, hn::Set(d, 1.3398873852565885e-3F), hn::Set(d, 9.61843691766262e-3F));
  const auto p456 = hn::MulAdd(f2, hn::Set(d, 1.535336341476068e-4F), p45);
  const auto p = hn::MulAdd(hn::Mul(f2, f2), p456, hn::MulAdd(f2, p23, p01));
  const hn::RebindToSigned<decltype(d)> i;
  const auto power = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(i, whole), hn::Set(i, 127))));
  const auto one = hn::Set(d, 1.0F);
  return hn::GetLane(hn::Div(one, hn::MulAdd(power, p, one)));
}
HWY_INLINE float Exp(float x) {
  const hn::CappedTag<float, 4> d;
  return hn::GetLane(Exp2Any(d, hn::Set(d, x * static_cast<float>(kLog2E))));
}
struct Squared {
  static HWY_INLINE float Slope(float z, float y, float /*parameter*/) { return z - y; }
};
struct Absolute {
  static HWY_INLINE float Slope(float z, float y, float /*parameter*/) { return z > y ? 1.0F : z < y ? -1.0F : 0.0F; }
};
struct Quantile {
  static HWY_INLINE float Slope(float z, float y, float tau) { return z > y ? 1.0F - tau : z < y ? -tau : 0.0F; }
};
struct Huber {
  static HWY_INLINE float Slope(float z, float y, float delta) { return HWY_MIN(HWY_MAX(z - y, -delta), delta); }
};
struct Poisson {
  static HWY_INLINE float Slope(float z, float y, float /*parameter*/) { return Exp(z) - y; }
};
struct Logistic {
  static HWY_INLINE float Slope(float z, float s, float /*parameter*/) {
    return -s * LogisticOfPower(z * (s * static_cast<float>(kLog2E)));
  }
};
struct Hinge {
  static HWY_INLINE float Slope(float z, float s, float /*parameter*/) { return s * z < 1.0F ? -s : 0.0F; }
};
struct SquaredHinge {
  static HWY_INLINE float Slope(float z, float s, float /*parameter*/) {
    return -2.0F * s * HWY_MAX(1.0F - s * z, 0.0F);
  }
};

// The link of the chain that an example is: its slope, once its prediction is known.
template <class Loss>
HWY_INLINE float Link(const SgdChain& c, int64_t i, float z) {
  const float slope = Loss::Slope(z, c.y[i], c.parameter);
  c.z[i] = z;
  c.steps[i] = c.gains[i] * slope;
  return slope;
}

// a·b + c, rounded once where the processor can.
HWY_INLINE float MulAdd(float a, float b, float c) {
#if HWY_TARGET == HWY_SCALAR
  return a * b + c;
#else
  return __builtin_fmaf(a, b, c);
#endif
}

// The sums over the lanes of four vectors, each added up in the same order.
HWY_INLINE void SumsOfFour(V a, V b, V c, V e, float* sums) {
  const D d;
  sums[0] = hn::GetLane(hn::SumOfLanes(d, a));
  sums[1] = hn::GetLane(hn::SumOfLanes(d, b));
  sums[2] = hn::GetLane(hn::SumOfLanes(d, c));
  sums[3] = hn::GetLane(hn::SumOfLanes(d, e));
}

constexpr int64_t kTogether = 4;
constexpr int64_t kAhead = 12;  // rows

// Asks for the lines of 64 bytes from `begin` to `end` to be brought into the second cache.
template <class T>
HWY_INLINE void PrefetchAll(const T* begin, const T* end) {
  constexpr uintptr_t kLine = 64;
  for (uintptr_t at = reinterpret_cast<uintptr_t>(begin) & ~(kLine - 1); at < reinterpret_cast<uintptr_t>(end);
       at += kLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(at), 0, 2);
  }
}

// v has room for whole vectors: what a part of one wrote would have to reach the cache before the next example could
// read it.

template <class Loss>
HWY_INLINE void DenseOne(const SgdChain& c, int64_t i, const float* row, size_t features, float& bias) {
  const D d;
  auto sum = hn::Zero(d);
  ForLanes<float>(features, [&](auto lanes, size_t j)
                                HWY_ATTR { sum = hn::MulAdd(lanes.Load(row + j), hn::LoadU(d, c.v + j), sum); });
  const float slope = Link<Loss>(c, i, MulAdd(c.scales[i], hn::GetLane(hn::SumOfLanes(d, sum)), bias));
  bias -= c.bias_gains[i] * slope;
  const auto step = hn::Set(d, -c.gains[i] * slope);
  ForLanes<float>(features, [&](auto lanes, size_t j) HWY_ATTR {
    hn::StoreU(hn::MulAdd(step, lanes.Load(row + j), hn::LoadU(d, c.v + j)), d, c.v + j);
  });
}

template <class Loss>
HWY_INLINE void DenseFour(const SgdChain& c, int64_t i, const float* r0, const float* r1, const float* r2,
                          const float* r3, size_t features, float& bias) {
  const D d;
  auto p0 = hn::Zero(d), p1 = hn::Zero(d), p2 = hn::Zero(d), p3 = hn::Zero(d);
  auto g10 = hn::Zero(d), g20 = hn::Zero(d), g21 = hn::Zero(d);
  auto g30 = hn::Zero(d), g31 = hn::Zero(d), g32 = hn::Zero(d);
  ForLanes<float>(features, [&](auto lanes, size_t j) HWY_ATTR {
    const auto v = hn::LoadU(d, c.v + j);
    const auto x0 = lanes.Load(r0 + j), x1 = lanes.Load(r1 + j), x2 = lanes.Load(r2 + j), x3 = lanes.Load(r3 + j);
    p0 = hn::MulAdd(v, x0, p0);
    p1 = hn::MulAdd(v, x1, p1);
    p2 = hn::MulAdd(v, x2, p2);
    p3 = hn::MulAdd(v, x3, p3);
    g10 = hn::MulAdd(x1, x0, g10);
    g20 = hn::MulAdd(x2, x0, g20);
    g21 = hn::MulAdd(x2, x1, g21);
    g30 = hn::MulAdd(x3, x0, g30);
    g31 = hn::MulAdd(x3, x1, g31);
    g32 = hn::MulAdd(x3, x2, g32);
  });
  // z of each example is `at` less the slopes before it times `by`. Only the last of these is on the chain, so the
  // others come first.
  float at[4], by[8];
  SumsOfFour(p0, p1, p2, p3, at);
  SumsOfFour(g10, g20, g21, g30, by);
  SumsOfFour(g31, g32, g31, g32, by + 4);
  const float* const scales = c.scales + i;
  const float* const gains = c.gains + i;
  const float* const bias_gains = c.bias_gains + i;
  for (int k = 0; k < 4; ++k) at[k] = MulAdd(scales[k], at[k], bias);
  const auto pull = [&](int k, int before, float product)
                        HWY_ATTR { return -MulAdd(scales[k] * gains[before], product, bias_gains[before]); };
  const float b10 = pull(1, 0, by[0]), b20 = pull(2, 0, by[1]), b21 = pull(2, 1, by[2]);
  const float b30 = pull(3, 0, by[3]), b31 = pull(3, 1, by[4]), b32 = pull(3, 2, by[5]);
  const float s0 = Link<Loss>(c, i, at[0]);
  const float s1 = Link<Loss>(c, i + 1, MulAdd(s0, b10, at[1]));
  const float s2 = Link<Loss>(c, i + 2, MulAdd(s1, b21, MulAdd(s0, b20, at[2])));
  const float s3 = Link<Loss>(c, i + 3, MulAdd(s2, b32, MulAdd(s1, b31, MulAdd(s0, b30, at[3]))));
  bias -= (bias_gains[0] * s0 + bias_gains[1] * s1) + (bias_gains[2] * s2 + bias_gains[3] * s3);
  const auto f0 = hn::Set(d, -gains[0] * s0), f1 = hn::Set(d, -gains[1] * s1);
  const auto f2 = hn::Set(d, -gains[2] * s2), f3 = hn::Set(d, -gains[3] * s3);
  ForLanes<float>(features, [&](auto lanes, size_t j) HWY_ATTR {
    auto v = hn::MulAdd(f0, lanes.Load(r0 + j), hn::LoadU(d, c.v + j));
    v = hn::MulAdd(f1, lanes.Load(r1 + j), v);
    v = hn::MulAdd(f2, lanes.Load(r2 + j), v);
    hn::StoreU(hn::MulAdd(f3, lanes.Load(r3 + j), v), d, c.v + j);
  });
}

template <class Loss>
void Dense(const SgdChain& c, const float* x, size_t features) {
  const auto row = [&](int64_t i) { return x + static_cast<size_t>(c.rows[i]) * features; };
  // A masked load waits for all that it spans, so the whole of a row's last vector is asked for.
  const size_t lanes = hn::Lanes(D()), loaded = (features + lanes - 1) / lanes * lanes;
  float bias = *c.bias;
  int64_t i = 0;
  for (; i + kTogether <= c.count; i += kTogether) {
    for (int64_t k = i + kAhead; k < HWY_MIN(i + kAhead + kTogether, c.known_rows); ++k) {
      PrefetchAll(row(k), row(k) + loaded);
    }
    DenseFour<Loss>(c, i, row(i), row(i + 1), row(i + 2), row(i + 3), features, bias);
  }
  for (; i < c.count; ++i) DenseOne<Loss>(c, i, row(i), features, bias);
  *c.bias = bias;
}

template <class Loss>
void Sparse(const SgdChain& c, const int64_t* offsets, const int32_t* indices, const float* values) {
  float bias = *c.bias;
  for (int64_t i = 0; i < c.count; ++i) {
    if (i + 2 * kAhead < c.known_rows)
      PrefetchAll(offsets + c.rows[i + 2 * kAhead], offsets + c.rows[i + 2 * kAhead] + 2);
    if (i + kAhead < c.known_rows) {
      const int64_t first = offsets[c.rows[i + kAhead]], last = offsets[c.rows[i + kAhead] + 1];
      PrefetchAll(indices + first, indices + last);
      PrefetchAll(values + first, values + last);
    }
    const int64_t begin = offsets[c.rows[i]], end = offsets[c.rows[i] + 1];
    float s0 = 0.0F, s1 = 0.0F, s2 = 0.0F, s3 = 0.0F;
    int64_t at = begin;
    for (; at + 4 <= end; at += 4) {
      s0 = MulAdd(values[at], c.v[indices[at]], s0);
      s1 = MulAdd(values[at + 1], c.v[indices[at + 1]], s1);
      s2 = MulAdd(values[at + 2], c.v[indices[at + 2]], s2);
      s3 = MulAdd(values[at + 3], c.v[indices[at + 3]], s3);
    }
    for (; at < end; ++at) s0 = MulAdd(values[at], c.v[indices[at]], s0);
    const float slope = Link<Loss>(c, i, MulAdd(c.scales[i], (s0 + s1) + (s2 + s3), bias));
    if (slope == 0.0F) continue;
    bias -= c.bias_gains[i] * slope;
    const float step = -c.gains[i] * slope;
    for (at = begin; at < end; ++at) c.v[indices[at]] = MulAdd(step, values[at], c.v[indices[at]]);
  }
  *c.bias = bias;
}

// Calls `run(Loss())` with the loss's slopes.
template <class Run>
HWY_INLINE void WithLoss(LinearLoss loss, Run&& run) {
  switch (loss) {
    case LinearLoss::kSquared:
      return run(Squared());
    case LinearLoss::kAbsolute:
      return run(Absolute());
    case LinearLoss::kQuantile:
      return run(Quantile());
    case LinearLoss::kHuber:
      return run(Huber());
    case LinearLoss::kPoisson:
      return run(Poisson());
    case LinearLoss::kLogistic:
    case LinearLoss::kSoftmax:  // has more outputs than one
      return run(Logistic());
    case LinearLoss::kHinge:
      return run(Hinge());
    case LinearLoss::kSquaredHinge:
      return run(SquaredHinge());
  }
}

void RunDense(const SgdChain& chain, const float* x, int64_t features) {
  WithLoss(chain.loss, [&](auto loss) HWY_ATTR { Dense<decltype(loss)>(chain, x, static_cast<size_t>(features)); });
}

void RunSparse(const SgdChain& chain, const int64_t* offsets, const int32_t* indices, const float* values) {
  WithLoss(chain.loss, [&](auto loss) HWY_ATTR { Sparse<decltype(loss)>(chain, offsets, indices, values); });
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunDense);
HWY_EXPORT(RunSparse);
}  // namespace

void sgd_chain(const SgdChain& chain, const float* x, int64_t features) {
  HWY_DYNAMIC_DISPATCH(RunDense)(chain, x, features);
}

void sgd_chain(const SgdChain& chain, const SparseMatrix& x) {
  HWY_DYNAMIC_DISPATCH(RunSparse)(chain, x.offsets.data(), x.indices.data(), x.values.data());
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
