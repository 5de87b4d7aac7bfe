#include "gradus/tensor/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/attention.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "gradus/tensor/kernels/product-inl.h"
#include "gradus/tensor/kernels/simd-inl.h"

#ifndef GRADUS_TENSOR_KERNELS_ATTENTION_TYPES_
#define GRADUS_TENSOR_KERNELS_ATTENTION_TYPES_
namespace gradus::kernels {
namespace {

// Queries that are worked on together; a multiple of every strip width.
constexpr int64_t kBlock = 32;

int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

// One head of one example. Rows of q, k, v, y and their gradients are `stride`/`y_stride` apart.
template <class T>
struct Head {
  int64_t time, depth, stride, y_stride;
  const T *q, *k, *v;
  T* y;             // forward: written
  T* logsumexp;     // forward: written
  const T* grad_y;  // backward, and the two below
  const T* saved_y;
  const T* saved_logsumexp;
  T *grad_q, *grad_k, *grad_v;
  T* scratch;

  int64_t padded_time() const { return round_up(time, kBlock); }
  int64_t padded_depth() const { return round_up(depth, 32); }
};

// Elements of scratch that a head needs.
template <class T>
int64_t forward_scratch(const Head<T>& h) {
  return h.padded_time() * (h.depth + h.padded_depth()) + kBlock * (h.padded_time() + h.padded_depth());
}
template <class T>
int64_t backward_scratch(const Head<T>& h) {
  return h.padded_time() * (2 * h.depth + 5 * h.padded_depth()) + kBlock * (2 * h.padded_time() + h.padded_depth());
}

}  // namespace
}  // namespace gradus::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// C (m, n) (+)= A (m, k) · B (k, n), n a multiple of the strip width.
template <class D, class T>
void Multiply(D d, int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row,
              T* c, int64_t c_row, bool accumulate) {
  const int64_t strip = 2 * static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < n; j += strip) {
    ProductStrip(d, m, k, a, a_row, a_col, b + j, b_row, c + j, c_row, accumulate);
  }
}

// Rows (time, depth) as (depth, padded time), zeros behind: 4 × 4 at a time in registers. A gather would read one
// element after the other.
template <class T>
void PackTransposed(const T* rows, int64_t stride, int64_t time, int64_t depth, int64_t padded_time, T* out) {
  int64_t t = 0;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) == 4) {
    const hn::Full128<T> d;
    const hn::RepartitionToWide<decltype(d)> pairs;
    for (; t + 4 <= time; t += 4) {
      int64_t i = 0;
      for (; i + 4 <= depth; i += 4) {
        const T* from = rows + t * stride + i;
        const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + stride);
        const auto c = hn::LoadU(d, from + 2 * stride), e = hn::LoadU(d, from + 3 * stride);
        const auto ab0 = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
        const auto ce0 = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
        const auto ab2 = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
        const auto ce2 = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
        T* to = out + i * padded_time + t;
        hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab0, ce0)), d, to);
        hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab0, ce0)), d, to + padded_time);
        hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab2, ce2)), d, to + 2 * padded_time);
        hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab2, ce2)), d, to + 3 * padded_time);
      }
      for (; i < depth; ++i) {
        for (int64_t j = 0; j < 4; ++j) out[i * padded_time + t + j] = rows[(t + j) * stride + i];
      }
    }
  }
#endif
  for (; t < time; ++t) {
    for (int64_t i = 0; i < depth; ++i) out[i * padded_time + t] = rows[t * stride + i];
  }
  for (int64_t i = 0; i < depth; ++i) std::fill(out + i * padded_time + time, out + (i + 1) * padded_time, T{0});
}

// Rows (time, depth) as (time, padded depth), zeros behind.
template <class T>
void PackRows(const T* rows, int64_t stride, int64_t time, int64_t depth, int64_t padded_depth, T* out) {
  for (int64_t t = 0; t < time; ++t) {
    std::copy(rows + t * stride, rows + t * stride + depth, out + t * padded_depth);
    std::fill(out + t * padded_depth + depth, out + (t + 1) * padded_depth, T{0});
  }
}

// Row of n scores to exp(score·scale − maximum) for columns up to `last`, 0 behind. Returns the sum; sets the maximum.
template <class D, class T>
T SoftmaxRow(D d, T* row, int64_t n, int64_t last, T scale, T* maximum) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto lowest = hn::Set(d, std::numeric_limits<T>::lowest());
  auto best = lowest;
  for (int64_t j = 0; j <= last; j += lanes) {
    const auto visible = hn::Le(hn::Iota(d, static_cast<T>(j)), hn::Set(d, static_cast<T>(last)));
    best = hn::Max(best, hn::IfThenElse(visible, hn::LoadU(d, row + j), lowest));
  }
  *maximum = hn::GetLane(hn::MaxOfLanes(d, best)) * scale;
  const auto shift = hn::Set(d, *maximum * static_cast<T>(kLog2E)), factor = hn::Set(d, scale * static_cast<T>(kLog2E));
  auto sum = hn::Zero(d);
  int64_t j = 0;
  for (; j <= last; j += lanes) {
    const auto visible = hn::Le(hn::Iota(d, static_cast<T>(j)), hn::Set(d, static_cast<T>(last)));
    const auto z = hn::MulSub(hn::LoadU(d, row + j), factor, shift);
    const auto p = hn::IfThenElseZero(visible, Exp2Any(d, z));
    sum = hn::Add(sum, p);
    hn::StoreU(p, d, row + j);
  }
  for (; j < n; j += lanes) hn::StoreU(hn::Zero(d), d, row + j);
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

template <class T>
void Forward(const Head<T>& h) {
  const hn::ScalableTag<T> d;
  const int64_t padded_time = h.padded_time(), padded_depth = h.padded_depth();
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(h.depth)));
  T* k_transposed = h.scratch;
  T* v_rows = k_transposed + padded_time * h.depth;
  T* scores = v_rows + padded_time * padded_depth;
  T* block_y = scores + kBlock * padded_time;
  PackTransposed(h.k, h.stride, h.time, h.depth, padded_time, k_transposed);
  PackRows(h.v, h.stride, h.time, h.depth, padded_depth, v_rows);
  for (int64_t q = 0; q < h.time; q += kBlock) {
    const int64_t rows = std::min(kBlock, h.time - q), columns = q + kBlock, keys = q + rows;
    Multiply(d, rows, columns, h.depth, h.q + q * h.stride, h.stride, 1, k_transposed, padded_time, scores, padded_time,
             false);
    T sums[kBlock];
    for (int64_t i = 0; i < rows; ++i) {
      T maximum;
      sums[i] = SoftmaxRow(d, scores + i * padded_time, columns, q + i, scale, &maximum);
      h.logsumexp[q + i] = maximum + std::log(sums[i]);
    }
    Multiply(d, rows, padded_depth, keys, scores, padded_time, 1, v_rows, padded_depth, block_y, padded_depth, false);
    for (int64_t i = 0; i < rows; ++i) {
      const T factor = T{1} / sums[i];
      for (int64_t c = 0; c < h.depth; ++c) h.y[(q + i) * h.y_stride + c] = block_y[i * padded_depth + c] * factor;
    }
  }
}

// Scores to probabilities P, and their gradients dP to gradients dS of the scores, a row at a time:
// P = exp(score·scale − logsumexp), dS = P · (dP − delta) · scale.
template <class D, class T>
void BackwardRow(D d, T* p, T* dp, int64_t n, int64_t last, T scale, T logsumexp, T delta) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale), minus = hn::Set(d, delta);
  const T log2e = static_cast<T>(kLog2E);
  const auto shift = hn::Set(d, logsumexp * log2e), power = hn::Set(d, scale * log2e);
  int64_t j = 0;
  for (; j <= last; j += lanes) {
    const auto visible = hn::Le(hn::Iota(d, static_cast<T>(j)), hn::Set(d, static_cast<T>(last)));
    const auto z = hn::MulSub(hn::LoadU(d, p + j), power, shift);
    const auto probability = hn::IfThenElseZero(visible, Exp2Any(d, z));
    const auto slope = hn::Mul(hn::Sub(hn::LoadU(d, dp + j), minus), factor);
    hn::StoreU(probability, d, p + j);
    hn::StoreU(hn::IfThenElseZero(visible, hn::Mul(probability, slope)), d, dp + j);
  }
  for (; j < n; j += lanes) {
    hn::StoreU(hn::Zero(d), d, p + j);
    hn::StoreU(hn::Zero(d), d, dp + j);
  }
}

// Σ over depth of grad_y · y: what the softmax's gradient subtracts.
template <class T>
T Delta(const T* grad, const T* y, int64_t depth) {
  const hn::ScalableTag<T> d;
  auto sum = hn::Zero(d);
  ForLanes<T>(static_cast<size_t>(depth),
              [&](auto lanes, size_t c) HWY_ATTR { sum = hn::MulAdd(lanes.Load(grad + c), lanes.Load(y + c), sum); });
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

template <class T>
void CopyRows(const T* from, int64_t padded_depth, int64_t rows, int64_t depth, T* to, int64_t stride) {
  for (int64_t i = 0; i < rows; ++i) {
    std::copy(from + i * padded_depth, from + i * padded_depth + depth, to + i * stride);
  }
}

template <class T>
void Backward(const Head<T>& h) {
  const hn::ScalableTag<T> d;
  const int64_t padded_time = h.padded_time(), padded_depth = h.padded_depth();
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(h.depth)));
  const int64_t across = padded_time * h.depth, along = padded_time * padded_depth;
  T *k_transposed = h.scratch, *v_transposed = k_transposed + across;
  T *q_rows = v_transposed + across, *k_rows = q_rows + along, *grad_rows = k_rows + along;
  T *grad_k = grad_rows + along, *grad_v = grad_k + along;
  T *p = grad_v + along, *ds = p + kBlock * padded_time, *grad_q = ds + kBlock * padded_time;
  PackTransposed(h.k, h.stride, h.time, h.depth, padded_time, k_transposed);
  PackTransposed(h.v, h.stride, h.time, h.depth, padded_time, v_transposed);
  PackRows(h.q, h.stride, h.time, h.depth, padded_depth, q_rows);
  PackRows(h.k, h.stride, h.time, h.depth, padded_depth, k_rows);
  PackRows(h.grad_y, h.y_stride, h.time, h.depth, padded_depth, grad_rows);
  std::fill(grad_k, grad_k + 2 * along, T{0});
  for (int64_t q = 0; q < h.time; q += kBlock) {
    const int64_t rows = std::min(kBlock, h.time - q), columns = q + kBlock, keys = q + rows;
    const T* grad = grad_rows + q * padded_depth;
    Multiply(d, rows, columns, h.depth, h.q + q * h.stride, h.stride, 1, k_transposed, padded_time, p, padded_time,
             false);
    Multiply(d, rows, columns, h.depth, grad, padded_depth, 1, v_transposed, padded_time, ds, padded_time, false);
    for (int64_t i = 0; i < rows; ++i) {
      const T delta = Delta(grad + i * padded_depth, h.saved_y + (q + i) * h.y_stride, h.depth);
      BackwardRow(d, p + i * padded_time, ds + i * padded_time, columns, q + i, scale, h.saved_logsumexp[q + i], delta);
    }
    Multiply(d, rows, padded_depth, keys, ds, padded_time, 1, k_rows, padded_depth, grad_q, padded_depth, false);
    CopyRows(grad_q, padded_depth, rows, h.depth, h.grad_q + q * h.stride, h.stride);
    Multiply(d, keys, padded_depth, rows, ds, 1, padded_time, q_rows + q * padded_depth, padded_depth, grad_k,
             padded_depth, true);
    Multiply(d, keys, padded_depth, rows, p, 1, padded_time, grad, padded_depth, grad_v, padded_depth, true);
  }
  CopyRows(grad_k, padded_depth, h.time, h.depth, h.grad_k, h.stride);
  CopyRows(grad_v, padded_depth, h.time, h.depth, h.grad_v, h.stride);
}

void ForwardF32(const Head<float>& h) { Forward(h); }
void ForwardF64(const Head<double>& h) { Forward(h); }
void BackwardF32(const Head<float>& h) { Backward(h); }
void BackwardF64(const Head<double>& h) { Backward(h); }

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus::kernels {
HWY_EXPORT(ForwardF32);
HWY_EXPORT(ForwardF64);
HWY_EXPORT(BackwardF32);
HWY_EXPORT(BackwardF64);

namespace {

void run_forward(const Head<float>& h) { HWY_DYNAMIC_DISPATCH(ForwardF32)(h); }
void run_forward(const Head<double>& h) { HWY_DYNAMIC_DISPATCH(ForwardF64)(h); }
void run_backward(const Head<float>& h) { HWY_DYNAMIC_DISPATCH(BackwardF32)(h); }
void run_backward(const Head<double>& h) { HWY_DYNAMIC_DISPATCH(BackwardF64)(h); }

// The i-th of batch·heads heads.
template <class T>
Head<T> head_of(const T* qkv, int64_t time, int64_t channels, int64_t heads, int64_t i) {
  Head<T> h{};
  h.time = time;
  h.depth = channels / heads;
  h.stride = 3 * channels;
  h.y_stride = channels;
  h.q = qkv + i / heads * time * h.stride + i % heads * h.depth;
  h.k = h.q + channels;
  h.v = h.k + channels;
  return h;
}

void check(const Tensor& qkv, int64_t heads) {
  if (qkv.rank() != 3 || heads < 1 || qkv.size(2) % (3 * heads) != 0) {
    fail("causal_attention", "{} with {} heads; expected (B, T, 3·C) with C divisible by the heads", qkv.describe(),
         heads);
  }
}

}  // namespace

Attention causal_attention(const Tensor& qkv_any, int64_t heads) {
  check(qkv_any, heads);
  const Tensor qkv = contiguous(qkv_any);
  const int64_t batch = qkv.size(0), time = qkv.size(1), channels = qkv.size(2) / 3;
  Attention result{Tensor::empty({batch, time, channels}, qkv.dtype()),
                   Tensor::empty({batch, heads, time}, qkv.dtype())};
  dispatch_float("causal_attention", qkv.dtype(), [&]<class T>(T) {
    const T* from = qkv.data<T>();
    T *y = result.y.mutable_data<T>(), *logsumexp = result.logsumexp.mutable_data<T>();
    note_scratch(forward_scratch(head_of(from, time, channels, heads, 0)) * size_of(qkv.dtype()), batch * heads);
    parallel_for(time > 0 ? batch * heads : 0, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Head<T> h = head_of(from, time, channels, heads, i);
        h.y = y + i / heads * time * channels + i % heads * h.depth;
        h.logsumexp = logsumexp + i * time;
        Tensor scratch = Tensor::empty({forward_scratch(h)}, qkv.dtype());
        h.scratch = scratch.mutable_data<T>();
        run_forward(h);
      }
    });
  });
  return result;
}

Tensor causal_attention_backward(const Tensor& grad_any, const Tensor& qkv_any, const Tensor& y,
                                 const Tensor& logsumexp, int64_t heads) {
  const Tensor qkv = contiguous(qkv_any), grad = contiguous(grad_any);
  const int64_t batch = qkv.size(0), time = qkv.size(1), channels = qkv.size(2) / 3;
  Tensor result = Tensor::empty(qkv.shape(), qkv.dtype());
  dispatch_float("causal_attention", qkv.dtype(), [&]<class T>(T) {
    const T *from = qkv.data<T>(), *grad_data = grad.data<T>(), *y_data = y.data<T>();
    const T* logsumexp_data = logsumexp.data<T>();
    T* to = result.mutable_data<T>();
    note_scratch(backward_scratch(head_of(from, time, channels, heads, 0)) * size_of(qkv.dtype()), batch * heads);
    parallel_for(time > 0 ? batch * heads : 0, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Head<T> h = head_of(from, time, channels, heads, i);
        const int64_t at_y = i / heads * time * channels + i % heads * h.depth;
        h.grad_y = grad_data + at_y;
        h.saved_y = y_data + at_y;
        h.saved_logsumexp = logsumexp_data + i * time;
        h.grad_q = to + (h.q - from);
        h.grad_k = h.grad_q + channels;
        h.grad_v = h.grad_k + channels;
        Tensor scratch = Tensor::empty({backward_scratch(h)}, qkv.dtype());
        h.scratch = scratch.mutable_data<T>();
        run_backward(h);
      }
    });
  });
  return result;
}

}  // namespace gradus::kernels
#endif
