#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/classic/kernels/linear_sgd_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/classic/kernels/linear_sgd_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"
#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Slopes of one number. A chain waits for each, so what counts is how long one takes.

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
  static HWY_INLINE float Slope(float z, float s, float /*parameter*/) { return -s / (1.0F + Exp(s * z)); }
};
struct Hinge {
  static HWY_INLINE float Slope(float z, float s, float /*parameter*/) { return s * z < 1.0F ? -s : 0.0F; }
};
struct SquaredHinge {
  static HWY_INLINE float Slope(float z, float s, float /*parameter*/) {
    return -2.0F * s * HWY_MAX(1.0F - s * z, 0.0F);
  }
};

// The link of the chain, once v·x is known.
template <class Loss>
HWY_INLINE float Link(const SgdChain& c, int64_t i, float product, float& bias) {
  const float z = c.scales[i] * product + bias;
  const float slope = Loss::Slope(z, c.y[i], c.parameter);
  bias -= c.bias_gains[i] * slope;
  c.z[i] = z;
  return c.steps[i] = c.gains[i] * slope;
}

constexpr int64_t kTogether = 4;
constexpr int64_t kAhead = 12;  // examples whose rows are asked from memory before they are needed

HWY_INLINE void PrefetchRow(const float* row, size_t features) {
  constexpr size_t kLine = 16;
  for (size_t j = 0; j < features; j += kLine) hwy::Prefetch(row + j);
  hwy::Prefetch(row + features - 1);
}

template <class Loss>
HWY_INLINE void DenseOne(const SgdChain& c, int64_t i, const float* row, size_t features, float& bias) {
  auto sum = hn::Zero(D());
  ForLanes<float>(features, [&](auto lanes, size_t j)
                                HWY_ATTR { sum = hn::MulAdd(lanes.Load(row + j), lanes.Load(c.v + j), sum); });
  const auto step = hn::Set(D(), -Link<Loss>(c, i, hn::GetLane(hn::SumOfLanes(D(), sum)), bias));
  ForLanes<float>(features, [&](auto lanes, size_t j) HWY_ATTR {
    lanes.Store(hn::MulAdd(step, lanes.Load(row + j), lanes.Load(c.v + j)), c.v + j);
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
    const auto v = lanes.Load(c.v + j);
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
  const auto sum = [&](V v) HWY_ATTR { return hn::GetLane(hn::SumOfLanes(d, v)); };
  const float s10 = sum(g10), s20 = sum(g20), s21 = sum(g21), s30 = sum(g30), s31 = sum(g31), s32 = sum(g32);
  const float a1 = sum(p1), a2 = sum(p2), a3 = sum(p3);
  // What is known early is taken first: only the last product of each line is on the chain.
  const float t0 = Link<Loss>(c, i, sum(p0), bias);
  const float t1 = Link<Loss>(c, i + 1, a1 - t0 * s10, bias);
  const float t2 = Link<Loss>(c, i + 2, (a2 - t0 * s20) - t1 * s21, bias);
  const float t3 = Link<Loss>(c, i + 3, ((a3 - t0 * s30) - t1 * s31) - t2 * s32, bias);
  const auto f0 = hn::Set(d, -t0), f1 = hn::Set(d, -t1), f2 = hn::Set(d, -t2), f3 = hn::Set(d, -t3);
  ForLanes<float>(features, [&](auto lanes, size_t j) HWY_ATTR {
    auto v = hn::MulAdd(f0, lanes.Load(r0 + j), lanes.Load(c.v + j));
    v = hn::MulAdd(f1, lanes.Load(r1 + j), v);
    v = hn::MulAdd(f2, lanes.Load(r2 + j), v);
    lanes.Store(hn::MulAdd(f3, lanes.Load(r3 + j), v), c.v + j);
  });
}

template <class Loss>
void Dense(const SgdChain& c, const float* x, size_t features) {
  const auto row = [&](int64_t i) { return x + static_cast<size_t>(c.rows[i]) * features; };
  float bias = *c.bias;
  int64_t i = 0;
  for (; i + kTogether <= c.count; i += kTogether) {
    for (int64_t k = i + kAhead; k < HWY_MIN(i + kAhead + kTogether, c.count); ++k) PrefetchRow(row(k), features);
    DenseFour<Loss>(c, i, row(i), row(i + 1), row(i + 2), row(i + 3), features, bias);
  }
  for (; i < c.count; ++i) DenseOne<Loss>(c, i, row(i), features, bias);
  *c.bias = bias;
}

template <class Loss>
void Sparse(const SgdChain& c, const int64_t* offsets, const int32_t* indices, const float* values) {
  float bias = *c.bias;
  for (int64_t i = 0; i < c.count; ++i) {
    if (i + kAhead < c.count) {
      constexpr int64_t kLine = 16;
      const int64_t row = c.rows[i + kAhead];
      for (int64_t at = offsets[row]; at < offsets[row + 1]; at += kLine) {
        hwy::Prefetch(indices + at);
        hwy::Prefetch(values + at);
      }
    }
    const int64_t begin = offsets[c.rows[i]], end = offsets[c.rows[i] + 1];
    float s0 = 0.0F, s1 = 0.0F, s2 = 0.0F, s3 = 0.0F;
    int64_t at = begin;
    for (; at + 4 <= end; at += 4) {
      s0 += values[at] * c.v[indices[at]];
      s1 += values[at + 1] * c.v[indices[at + 1]];
      s2 += values[at + 2] * c.v[indices[at + 2]];
      s3 += values[at + 3] * c.v[indices[at + 3]];
    }
    for (; at < end; ++at) s0 += values[at] * c.v[indices[at]];
    const float step = Link<Loss>(c, i, (s0 + s1) + (s2 + s3), bias);
    if (step == 0.0F) continue;
    for (at = begin; at < end; ++at) c.v[indices[at]] -= step * values[at];
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
