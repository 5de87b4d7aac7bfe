#include "gradus/tensor/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/attention.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "gradus/tensor/kernels/product-inl.h"
#include "gradus/tensor/kernels/random-inl.h"
#include "gradus/tensor/kernels/simd-inl.h"

#ifndef GRADUS_TENSOR_KERNELS_ATTENTION_TYPES_
#define GRADUS_TENSOR_KERNELS_ATTENTION_TYPES_
namespace gradus::kernels {
namespace {

// Queries that are worked on together; a multiple of every strip width.
constexpr int64_t kBlock = 32;

int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

// The query heads of one example that share a head of keys and values. Rows of a tensor are `…_row` apart, the
// heads of the queries, and of what belongs to them, `…_head`.
template <class T>
struct Group {
  int64_t queries, keys, depth, heads;
  bool causal;
  int64_t window;             // 0: none
  const int64_t* first_keys;  // of each query, never falling; nullptr: 0
  const T *q, *k, *v;
  int64_t q_row, q_head, k_row, v_row;
  const T* mask;  // added to the scaled scores; nullptr: none
  int64_t mask_row, mask_head;
  uint32_t keep_threshold;  // a probability whose random word is below it is dropped; 0: none is
  T keep_scale;
  uint64_t dropout_key, example;
  int64_t first_head;  // among the heads of the example's queries
  T* y;             // forward: written
  T* logsumexp;     // forward: written, (heads, queries)
  const T* grad_y;  // backward, and the two below; laid out as y
  const T* saved_y;
  const T* saved_logsumexp;
  int64_t y_row, y_head;
  T *grad_q, *grad_k, *grad_v;
  int64_t grad_q_row, grad_q_head, grad_k_row, grad_v_row;
  T* scratch;

  int64_t padded_queries() const { return round_up(queries, kBlock); }
  int64_t padded_keys() const { return round_up(keys, kBlock); }
  int64_t padded_depth() const { return round_up(depth, 32); }
  // The last key, and the first, that query t sees.
  int64_t last(int64_t t) const { return causal ? t + keys - queries : keys - 1; }
  int64_t first(int64_t t) const {
    const int64_t in_window = window > 0 ? std::max<int64_t>(0, t + keys - queries - window + 1) : 0;
    return first_keys != nullptr ? std::max(in_window, first_keys[t]) : in_window;
  }
};

// What a block of queries from `begin` on works with: keys [first, last), first a multiple of the block.
struct Block {
  int64_t begin, rows, first, last;
  int64_t columns() const { return round_up(last - first, kBlock); }
};
template <class T>
Block block_at(const Group<T>& g, int64_t begin) {
  const int64_t rows = std::min(kBlock, g.queries - begin);
  return {begin, rows, g.first(begin) / kBlock * kBlock, g.last(begin + rows - 1) + 1};
}

// Elements of scratch that a group needs.
template <class T>
int64_t forward_scratch(const Group<T>& g) {
  return g.padded_keys() * (g.depth + g.padded_depth() + 1) + kBlock * (g.padded_keys() + g.padded_depth());
}
template <class T>
int64_t backward_scratch(const Group<T>& g) {
  return g.padded_keys() * (2 * g.depth + 3 * g.padded_depth() + 1) + 2 * g.padded_queries() * g.padded_depth() +
         kBlock * (2 * g.padded_keys() + g.padded_depth());
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

#if HWY_TARGET != HWY_SCALAR
// Four numbers from each of the rows b, b + 4, b + 8 … as the 128-bit blocks of a vector.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadEveryFourth(D d, const T* row, int64_t stride) {
  constexpr int64_t lanes = static_cast<int64_t>(hn::MaxLanes(D()));
  if constexpr (lanes > 4) {
    const hn::Half<D> half;
    const auto lower = LoadEveryFourth(half, row, stride);
    return hn::Combine(d, LoadEveryFourth(half, row + lanes / 2 * stride, stride), lower);
  } else {
    return hn::LoadU(d, row);
  }
}

// Rows t … of (time, depth), as many as a vector has lanes, as columns of `out`: 4 × 4 in each 128-bit block.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void TransposeLanes(D d, const T* rows, int64_t stride, int64_t depth, T* out, int64_t out_stride) {
  const hn::RepartitionToWide<D> pairs;
  int64_t i = 0;
  for (; i + 4 <= depth; i += 4) {
    const T* from = rows + i;
    const auto a = LoadEveryFourth(d, from, stride), b = LoadEveryFourth(d, from + stride, stride);
    const auto c = LoadEveryFourth(d, from + 2 * stride, stride), e = LoadEveryFourth(d, from + 3 * stride, stride);
    const auto ab0 = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
    const auto ce0 = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
    const auto ab2 = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
    const auto ce2 = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
    T* to = out + i * out_stride;
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab0, ce0)), d, to);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab0, ce0)), d, to + out_stride);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab2, ce2)), d, to + 2 * out_stride);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab2, ce2)), d, to + 3 * out_stride);
  }
  for (; i < depth; ++i) {
    for (int64_t t = 0; t < static_cast<int64_t>(hn::Lanes(d)); ++t) out[i * out_stride + t] = rows[t * stride + i];
  }
}
#endif

// Rows (time, depth) as (depth, padded time), zeros behind. A gather would read one element after the other.
template <class T>
void PackTransposed(const T* rows, int64_t stride, int64_t time, int64_t depth, int64_t padded_time, T* out) {
  int64_t t = 0;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) == 4) {
    const hn::ScalableTag<T> d;
    const hn::Full128<T> block;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    for (; t + lanes <= time; t += lanes) TransposeLanes(d, rows + t * stride, stride, depth, out + t, padded_time);
    for (; t + 4 <= time; t += 4) TransposeLanes(block, rows + t * stride, stride, depth, out + t, padded_time);
  }
#endif
  for (; t < time; ++t) {
    for (int64_t i = 0; i < depth; ++i) out[i * padded_time + t] = rows[t * stride + i];
  }
  for (int64_t i = 0; i < depth; ++i) std::fill(out + i * padded_time + time, out + (i + 1) * padded_time, T{0});
}

// A head's row is short: a call of memcpy takes longer than it copies.
template <class T>
HWY_INLINE void CopyRow(const T* from, int64_t count, T* to) {
  ForLanes<T>(static_cast<size_t>(count),
              [=](auto lanes, size_t i) HWY_ATTR { lanes.Store(lanes.Load(from + i), to + i); });
}

// Rows (time, depth) as (time, padded depth), zeros behind.
template <class T>
void PackRows(const T* rows, int64_t stride, int64_t time, int64_t depth, int64_t padded_depth, T* out) {
  for (int64_t t = 0; t < time; ++t) {
    CopyRow(rows + t * stride, depth, out + t * padded_depth);
    for (int64_t c = depth; c < padded_depth; ++c) out[t * padded_depth + c] = T{0};
  }
}

// Which of a row's lanes from j on are seen: keys first … last, where no mask of −∞ hides them.
template <class D, class T>
HWY_INLINE hn::Mask<D> Visible(D d, int64_t j, int64_t first, int64_t last, hn::Vec<D> score) {
  const auto place = hn::Iota(d, static_cast<T>(j));
  const auto inside =
      hn::And(hn::Le(place, hn::Set(d, static_cast<T>(last))), hn::Ge(place, hn::Set(d, static_cast<T>(first))));
  return hn::AndNot(hn::Eq(score, hn::Set(d, -std::numeric_limits<T>::infinity())), inside);  // NaN is seen
}

// Adds the mask, which belongs to scaled scores, to `count` raw ones.
template <class T>
void AddMask(T* row, const T* mask, int64_t count, T root) {
  const hn::ScalableTag<T> d;
  const auto factor = hn::Set(d, root);
  ForLanes<T>(static_cast<size_t>(count), [&](auto lanes, size_t j) HWY_ATTR {
    lanes.Store(hn::MulAdd(lanes.Load(mask + j), factor, lanes.Load(row + j)), row + j);
  });
}

// Row of n scores to exp(score·scale − maximum) for what is seen, 0 elsewhere. Returns the sum; sets the maximum.
template <class D, class T>
T SoftmaxRow(D d, T* row, int64_t n, int64_t first, int64_t last, T scale, T* maximum) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto lowest = hn::Set(d, std::numeric_limits<T>::lowest());
  auto best = lowest;
  for (int64_t j = 0; j <= last; j += lanes) {
    const auto score = hn::LoadU(d, row + j);
    best = hn::Max(best, hn::IfThenElse(Visible<D, T>(d, j, first, last, score), score, lowest));
  }
  *maximum = hn::GetLane(hn::MaxOfLanes(d, best)) * scale;
  const auto shift = hn::Set(d, *maximum * static_cast<T>(kLog2E)), factor = hn::Set(d, scale * static_cast<T>(kLog2E));
  auto sum = hn::Zero(d);
  int64_t j = 0;
  for (; j <= last; j += lanes) {
    const auto score = hn::LoadU(d, row + j);
    const auto z = hn::MulSub(score, factor, shift);
    const auto p = hn::IfThenElseZero(Visible<D, T>(d, j, first, last, score), Exp2Any(d, z));
    sum = hn::Add(sum, p);
    hn::StoreU(p, d, row + j);
  }
  for (; j < n; j += lanes) hn::StoreU(hn::Zero(d), d, row + j);
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// The products of a block leave out what none of the rows, or keys, of one call of the micro-kernel has to do with.

// Calls `body(i, n, first, last)` for the rows [i, i + n) of a block, which see keys [first, last) at most.
template <class T, class Body>
HWY_INLINE void ForRowsOfBlock(const Group<T>& g, const Block& b, Body&& body) {
  for (int64_t i = 0; i < b.rows; i += kMaxRows) {
    const int64_t n = std::min<int64_t>(kMaxRows, b.rows - i);
    body(i, n, g.first(b.begin + i), g.last(b.begin + i + n - 1) + 1);
  }
}

// `out` (rows, padded depth) = weights (rows, seen keys) · rows of keys or values.
template <class T>
void WeighedRows(const Group<T>& g, const Block& b, const T* weights, const T* rows, T* out) {
  const int64_t width = g.padded_keys(), depth = g.padded_depth();
  ForRowsOfBlock(g, b, [&](int64_t i, int64_t n, int64_t first, int64_t last) HWY_ATTR {
    Multiply(hn::ScalableTag<T>(), n, depth, last - first, weights + i * width + first - b.first, width, 1,
             rows + first * depth, depth, out + i * depth, depth, false);
  });
}

// `sums` (all keys, padded depth) += weightsᵀ (seen keys, rows) · rows of queries, the block's own.
template <class T>
void AddToSeen(const Group<T>& g, const Block& b, const T* weights, const T* rows, T* sums) {
  const int64_t width = g.padded_keys(), depth = g.padded_depth(), alone = g.last(b.begin);
  for (int64_t key = b.first; key < b.last; key += kMaxRows) {
    const int64_t n = std::min<int64_t>(kMaxRows, b.last - key);
    const int64_t before = std::max<int64_t>(0, key - alone);  // queries that see none of these keys
    Multiply(hn::ScalableTag<T>(), n, depth, b.rows - before, weights + before * width + key - b.first, 1, width,
             rows + before * depth, depth, sums + key * depth, depth, true);
  }
}

// (rows, columns that are seen) of `out` = rows of queries · transposed rows of keys or values.
template <class T>
void SeenProducts(const Group<T>& g, const Block& b, const T* rows, int64_t row, const T* transposed, T* out) {
  const hn::ScalableTag<T> d;
  const int64_t width = g.padded_keys(), strip = 2 * static_cast<int64_t>(hn::Lanes(d));
  ForRowsOfBlock(g, b, [&](int64_t i, int64_t n, int64_t /*first*/, int64_t last) HWY_ATTR {
    Multiply(d, n, round_up(last - b.first, strip), g.depth, rows + i * row, row, 1, transposed + b.first, width,
             out + i * width, width, false);
  });
}

// The raw scores of a block, masks added.
template <class T>
void Scores(const Group<T>& g, int64_t head, const Block& b, const T* k_transposed, T* scores) {
  const int64_t width = g.padded_keys();
  SeenProducts(g, b, g.q + head * g.q_head + b.begin * g.q_row, g.q_row, k_transposed, scores);
  if (g.mask == nullptr) return;
  const T root = static_cast<T>(std::sqrt(static_cast<double>(g.depth)));
  const T* mask = g.mask + head * g.mask_head + b.begin * g.mask_row + b.first;
  for (int64_t i = 0; i < b.rows; ++i) AddMask(scores + i * width, mask + i * g.mask_row, b.last - b.first, root);
}

// What dropout multiplies the probabilities of query t by, of keys [first, first + count): 0 or 1/(1 − rate).
template <class T>
void KeptRow(const Group<T>& g, int64_t head, int64_t t, int64_t first, int64_t count, T* kept) {
  const RoundKeys keys(g.dropout_key);
  HWY_ALIGN uint32_t words[kWordChunk];
  const int64_t place = ((g.first_head + head) * g.queries + t) * g.keys + first, skip = place % 4;
  for (int64_t j = -skip; j < count; j += kWordChunk) {
    const int64_t part = HWY_MIN(kWordChunk, count - j);
    RandomWordChunk(keys, g.example, static_cast<uint64_t>((place + j) / 4), part, words);
    for (int64_t i = j < 0 ? skip : 0; i < part; ++i) {
      kept[j + i] = words[i] >= g.keep_threshold ? g.keep_scale : T{0};
    }
  }
}

template <class T>
void MultiplyRow(const T* by, int64_t count, T* row) {
  ForLanes<T>(static_cast<size_t>(count), [=](auto lanes, size_t j) HWY_ATTR {
    lanes.Store(hn::Mul(lanes.Load(row + j), lanes.Load(by + j)), row + j);
  });
}

template <class T>
void ForwardHead(const Group<T>& g, int64_t head, const T* k_transposed, const T* v_rows, T* scores, T* block_y,
                 T* kept) {
  const hn::ScalableTag<T> d;
  const int64_t width = g.padded_keys(), padded_depth = g.padded_depth();
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(g.depth)));
  T* y = g.y + head * g.y_head;
  T* logsumexp = g.logsumexp + head * g.queries;
  for (int64_t q = 0; q < g.queries; q += kBlock) {
    const Block b = block_at(g, q);
    Scores(g, head, b, k_transposed, scores);
    T sums[kBlock];
    for (int64_t i = 0; i < b.rows; ++i) {
      T maximum;
      sums[i] = SoftmaxRow(d, scores + i * width, b.columns(), g.first(q + i) - b.first, g.last(q + i) - b.first, scale,
                           &maximum);
      logsumexp[q + i] = sums[i] == T{0} ? T{0} : maximum + std::log(sums[i]);
      if (g.keep_threshold == 0) continue;
      const int64_t seen = g.last(q + i) + 1 - b.first;
      KeptRow(g, head, q + i, b.first, seen, kept);
      MultiplyRow(kept, seen, scores + i * width);
    }
    WeighedRows(g, b, scores, v_rows, block_y);
    for (int64_t i = 0; i < b.rows; ++i) {
      const T factor = sums[i] == T{0} ? T{0} : T{1} / sums[i];  // a query that sees nothing gets 0
      const auto all = hn::Set(d, factor);
      const T* from = block_y + i * padded_depth;
      T* to = y + (q + i) * g.y_row;
      ForLanes<T>(static_cast<size_t>(g.depth),
                  [=](auto lanes, size_t c) HWY_ATTR { lanes.Store(hn::Mul(lanes.Load(from + c), all), to + c); });
    }
  }
}

template <class T>
void Forward(const Group<T>& g) {
  T* k_transposed = g.scratch;
  T* v_rows = k_transposed + g.padded_keys() * g.depth;
  T* scores = v_rows + g.padded_keys() * g.padded_depth();
  T* block_y = scores + kBlock * g.padded_keys();
  T* kept = block_y + kBlock * g.padded_depth();
  PackTransposed(g.k, g.k_row, g.keys, g.depth, g.padded_keys(), k_transposed);
  PackRows(g.v, g.v_row, g.keys, g.depth, g.padded_depth(), v_rows);
  for (int64_t head = 0; head < g.heads; ++head) ForwardHead(g, head, k_transposed, v_rows, scores, block_y, kept);
}

// Scores to probabilities P, and their gradients dP to gradients dS of the scores, a row at a time:
// P = exp(score·scale − logsumexp), dS = P · (dP − delta) · scale.
template <class D, class T>
void BackwardRow(D d, T* p, T* dp, int64_t n, int64_t first, int64_t last, T scale, T logsumexp, T delta) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale), minus = hn::Set(d, delta);
  const T log2e = static_cast<T>(kLog2E);
  const auto shift = hn::Set(d, logsumexp * log2e), power = hn::Set(d, scale * log2e);
  int64_t j = 0;
  for (; j <= last; j += lanes) {
    const auto score = hn::LoadU(d, p + j);
    const auto visible = Visible<D, T>(d, j, first, last, score);
    const auto probability = hn::IfThenElseZero(visible, Exp2Any(d, hn::MulSub(score, power, shift)));
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
  for (int64_t i = 0; i < rows; ++i) CopyRow(from + i * padded_depth, depth, to + i * stride);
}

// The packed operands of a group's backward pass, and where its gradients add up.
template <class T>
struct BackwardScratch {
  T *k_transposed, *v_transposed, *k_rows, *grad_k, *grad_v, *q_rows, *grad_rows, *p, *ds, *grad_q, *kept;

  explicit BackwardScratch(const Group<T>& g) {
    const int64_t across = g.padded_keys() * g.depth, along = g.padded_keys() * g.padded_depth();
    const int64_t query = g.padded_queries() * g.padded_depth(), block = kBlock * g.padded_keys();
    T* next = g.scratch;
    for (auto [part, size] : {std::pair{&k_transposed, across},
                              {&v_transposed, across},
                              {&q_rows, query},
                              {&k_rows, along},
                              {&grad_rows, query},
                              {&grad_k, along},
                              {&grad_v, along},
                              {&p, block},
                              {&ds, block},
                              {&grad_q, kBlock * g.padded_depth()},
                              {&kept, g.padded_keys()}}) {
      *part = std::exchange(next, next + size);
    }
  }
};

template <class T>
void BackwardHead(const Group<T>& g, int64_t head, const BackwardScratch<T>& s) {
  const hn::ScalableTag<T> d;
  const int64_t width = g.padded_keys(), padded_depth = g.padded_depth();
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(g.depth)));
  const T *saved_y = g.saved_y + head * g.y_head, *logsumexp = g.saved_logsumexp + head * g.queries;
  PackRows(g.q + head * g.q_head, g.q_row, g.queries, g.depth, padded_depth, s.q_rows);
  PackRows(g.grad_y + head * g.y_head, g.y_row, g.queries, g.depth, padded_depth, s.grad_rows);
  for (int64_t q = 0; q < g.queries; q += kBlock) {
    const Block b = block_at(g, q);
    const T* grad = s.grad_rows + q * padded_depth;
    Scores(g, head, b, s.k_transposed, s.p);
    SeenProducts(g, b, grad, padded_depth, s.v_transposed, s.ds);
    for (int64_t i = 0; i < b.rows; ++i) {
      const int64_t seen = g.last(q + i) + 1 - b.first;
      // Σ of the probabilities and their gradients is grad_y · y with dropout, too.
      const T delta = Delta(grad + i * padded_depth, saved_y + (q + i) * g.y_row, g.depth);
      if (g.keep_threshold > 0) {
        KeptRow(g, head, q + i, b.first, seen, s.kept);
        MultiplyRow(s.kept, seen, s.ds + i * width);
      }
      BackwardRow(d, s.p + i * width, s.ds + i * width, b.columns(), g.first(q + i) - b.first, seen - 1, scale,
                  logsumexp[q + i], delta);
      if (g.keep_threshold > 0) MultiplyRow(s.kept, seen, s.p + i * width);
    }
    WeighedRows(g, b, s.ds, s.k_rows, s.grad_q);
    CopyRows(s.grad_q, padded_depth, b.rows, g.depth, g.grad_q + head * g.grad_q_head + q * g.grad_q_row, g.grad_q_row);
    AddToSeen(g, b, s.ds, s.q_rows + q * padded_depth, s.grad_k);
    AddToSeen(g, b, s.p, grad, s.grad_v);
  }
}

template <class T>
void Backward(const Group<T>& g) {
  const int64_t padded_depth = g.padded_depth();
  const BackwardScratch<T> s(g);
  PackTransposed(g.k, g.k_row, g.keys, g.depth, g.padded_keys(), s.k_transposed);
  PackTransposed(g.v, g.v_row, g.keys, g.depth, g.padded_keys(), s.v_transposed);
  PackRows(g.k, g.k_row, g.keys, g.depth, padded_depth, s.k_rows);
  std::fill_n(s.grad_k, g.padded_keys() * padded_depth, T{0});
  std::fill_n(s.grad_v, g.padded_keys() * padded_depth, T{0});
  for (int64_t head = 0; head < g.heads; ++head) BackwardHead(g, head, s);
  CopyRows(s.grad_k, padded_depth, g.keys, g.depth, g.grad_k, g.grad_k_row);
  CopyRows(s.grad_v, padded_depth, g.keys, g.depth, g.grad_v, g.grad_v_row);
}

void ForwardF32(const Group<float>& g) { Forward(g); }
void ForwardF64(const Group<double>& g) { Forward(g); }
void BackwardF32(const Group<float>& g) { Backward(g); }
void BackwardF64(const Group<double>& g) { Backward(g); }

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/compare.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random.h"

namespace gradus::kernels {
HWY_EXPORT(ForwardF32);
HWY_EXPORT(ForwardF64);
HWY_EXPORT(BackwardF32);
HWY_EXPORT(BackwardF64);

namespace {

void run_forward(const Group<float>& g) { HWY_DYNAMIC_DISPATCH(ForwardF32)(g); }
void run_forward(const Group<double>& g) { HWY_DYNAMIC_DISPATCH(ForwardF64)(g); }
void run_backward(const Group<float>& g) { HWY_DYNAMIC_DISPATCH(BackwardF32)(g); }
void run_backward(const Group<double>& g) { HWY_DYNAMIC_DISPATCH(BackwardF64)(g); }

void check(const AttentionInputs& in, const AttentionOptions& o) {
  const Tensor &q = in.q, &k = in.k, &v = in.v;
  if (q.rank() != 4 || k.rank() != 4 || !(k.shape() == v.shape()) || q.size(0) != k.size(0) || q.size(3) != k.size(3) ||
      k.size(2) < 1 || q.size(2) % k.size(2) != 0) {
    fail("attention",
         "queries {}, keys {}, values {}; expected (B, T, H, D), and twice (B, S, G, D) with H a multiple of G",
         q.describe(), k.describe(), v.describe());
  }
  if (q.dtype() != k.dtype() || q.dtype() != v.dtype()) {
    fail("attention", "queries {}, keys {} and values {} do not mix; convert with cast", name_of(q.dtype()),
         name_of(k.dtype()), name_of(v.dtype()));
  }
  if (o.window < 0) fail("attention", "a window of {}; expected 0 for none, or more", o.window);
  if (o.window > 0 && !o.causal) fail("attention", "a window without causal; a window looks back from each query");
  if (o.causal && k.size(1) < q.size(1)) {
    fail("attention", "{} queries and {} keys; a causal one needs a key for each query at least", q.size(1), k.size(1));
  }
}

void check_first_keys(const AttentionInputs& in, const AttentionOptions& o) {
  if (!o.first_keys.defined()) return;
  const int64_t batch = in.q.size(0), time = in.q.size(1);
  if (!o.causal || in.k.size(1) != time || !(o.first_keys.shape() == Shape{batch, time}) ||
      o.first_keys.dtype() != DType::kI64) {
    fail("attention", "first keys {} for queries {} and keys {}; expected i64 (B, T), causal, as many keys as queries",
         o.first_keys.describe(), in.q.describe(), in.k.describe());
  }
  const Tensor all = contiguous(o.first_keys);
  const int64_t* first = all.data<int64_t>();
  for (int64_t i = 0; i < batch * time; ++i) {
    const int64_t t = i % time, least = t == 0 ? 0 : first[i - 1];
    if (first[i] >= least && first[i] <= t) continue;
    fail("attention", "query {} of example {} sees keys from {} on; expected {} to {}", t, i / time, first[i], least,
         t);
  }
}

void check_dropout(const AttentionInputs& in, const AttentionOptions& o) {
  if (!(o.dropout >= 0 && o.dropout < 1)) {
    fail("attention", "a dropout of {}; expected at least 0 and below 1", o.dropout);
  }
  if (o.dropout == 0) return;
  if (o.example_ids.dtype() == DType::kI64 && o.example_ids.shape() == Shape{in.q.size(0)}) return;
  fail("attention", "dropout for {} examples with ids {}; expected an i64 for each", in.q.size(0),
       o.example_ids.describe());
}

// Every head's numbers must lie side by side.
Tensor readable(const Tensor& x) { return x.size(3) == 1 || x.strides()[3] == 1 ? x : contiguous(x); }

// As numbers to add, (B, H, T, S) by strides; keys side by side. A bool mask says what is seen.
Tensor mask_of(const Tensor& mask, const AttentionInputs& in) {
  if (!mask.defined()) return {};
  const Shape full{in.q.size(0), in.q.size(2), in.q.size(1), in.k.size(1)};
  const bool fits = mask.rank() <= 4 && broadcast_shapes("attention", mask.shape(), full) == full;
  if (!fits || (mask.dtype() != DType::kBool && mask.dtype() != in.q.dtype())) {
    fail("attention", "a mask of {}; expected bool or {}, of a shape that broadcasts to (B, H, T, S) = {}",
         mask.describe(), name_of(in.q.dtype()), to_string(full));
  }
  Tensor numbers = mask;
  if (mask.dtype() == DType::kBool) {
    numbers = where(mask, Tensor::zeros({}, in.q.dtype()), -std::numeric_limits<double>::infinity());
  }
  Shape row = mask.shape();
  if (mask.rank() == 0) row = Shape{1};
  row[row.rank() - 1] = full[3];
  return expand(contiguous(expand(numbers, row)), full);
}

// The i-th of B·G groups.
template <class T>
Group<T> group_of(const AttentionInputs& in, const Tensor& mask, const AttentionOptions& o, int64_t i) {
  const int64_t groups = in.k.size(2), b = i / groups, head = i % groups;
  Group<T> g{};
  g.queries = in.q.size(1);
  g.keys = in.k.size(1);
  g.depth = in.q.size(3);
  g.heads = in.q.size(2) / groups;
  g.causal = o.causal;
  g.window = o.window;
  if (o.first_keys.defined()) g.first_keys = o.first_keys.data<int64_t>() + b * g.queries;
  const auto at = [](const Tensor& x, int64_t example, int64_t first_head) {
    return x.data<T>() + example * x.strides()[0] + first_head * x.strides()[2];
  };
  g.q = at(in.q, b, head * g.heads);
  g.k = at(in.k, b, head);
  g.v = at(in.v, b, head);
  g.q_row = in.q.strides()[1];
  g.q_head = in.q.strides()[2];
  g.k_row = in.k.strides()[1];
  g.v_row = in.v.strides()[1];
  if (mask.defined()) {
    g.mask = mask.data<T>() + b * mask.strides()[0] + head * g.heads * mask.strides()[1];
    g.mask_head = mask.strides()[1];
    g.mask_row = mask.strides()[2];
  }
  if (o.dropout > 0) {
    g.keep_threshold = keep_threshold(o.dropout);
    g.keep_scale = static_cast<T>(1.0 / (1.0 - o.dropout));
    g.dropout_key = o.dropout_key;
    g.example = static_cast<uint64_t>(o.example_ids.data<int64_t>()[b]);
    g.first_head = head * g.heads;
  }
  g.y_row = in.q.size(2) * g.depth;
  g.y_head = g.depth;
  return g;
}

// Where group i begins in a contiguous (B, T, H, D), and in (B, H, T).
template <class T>
int64_t y_offset(const Group<T>& g, int64_t groups, int64_t i) {
  return i / groups * g.queries * g.y_row + i % groups * g.heads * g.depth;
}

// Calls `run(group, i)` for each group, with scratch.
template <class T, class Run>
void for_groups(const AttentionInputs& in, const Tensor& mask, const AttentionOptions& o,
                int64_t (*scratch_size)(const Group<T>&), Run&& run) {
  const int64_t count = in.q.numel() > 0 ? in.k.size(0) * in.k.size(2) : 0;
  if (count == 0) return;
  const DType dtype = in.q.dtype();
  note_scratch(scratch_size(group_of<T>(in, mask, o, 0)) * size_of(dtype), count);
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Group<T> g = group_of<T>(in, mask, o, i);
      Tensor scratch = Tensor::empty({scratch_size(g)}, dtype);
      g.scratch = scratch.mutable_data<T>();
      run(g, i);
    }
  });
}

// The same with first keys and ids that lie side by side.
AttentionOptions with_readable_numbers(AttentionOptions options) {
  for (Tensor* numbers : {&options.first_keys, &options.example_ids}) {
    if (numbers->defined()) *numbers = contiguous(*numbers);
  }
  return options;
}

}  // namespace

Attention attention(const AttentionInputs& inputs, const AttentionOptions& given) {
  check(inputs, given);
  check_first_keys(inputs, given);
  check_dropout(inputs, given);
  const AttentionOptions options = with_readable_numbers(given);
  const AttentionInputs in{readable(inputs.q), readable(inputs.k), readable(inputs.v)};
  const Tensor mask = mask_of(options.mask, in);
  const int64_t groups = in.k.size(2);
  // Without a key there is nothing to see.
  const auto make = [&](const Shape& shape) {
    return in.k.size(1) == 0 ? Tensor::zeros(shape, in.q.dtype()) : Tensor::empty(shape, in.q.dtype());
  };
  Attention result{make(in.q.shape()), make({in.q.size(0), in.q.size(2), in.q.size(1)})};
  if (in.k.size(1) == 0) return result;
  dispatch_float("attention", in.q.dtype(), [&]<class T>(T) {
    T *y = result.y.mutable_data<T>(), *logsumexp = result.logsumexp.mutable_data<T>();
    for_groups<T>(in, mask, options, forward_scratch<T>, [&](Group<T>& g, int64_t i) {
      g.y = y + y_offset(g, groups, i);
      g.logsumexp = logsumexp + i * g.heads * g.queries;
      run_forward(g);
    });
  });
  return result;
}

void attention_backward(const Tensor& grad_any, const AttentionInputs& inputs, const Attention& forward,
                        const AttentionOptions& given, AttentionInputs& gradients) {
  const AttentionOptions options = with_readable_numbers(given);
  const AttentionInputs in{readable(inputs.q), readable(inputs.k), readable(inputs.v)};
  const Tensor mask = mask_of(options.mask, in), grad = contiguous(grad_any), y = contiguous(forward.y);
  const int64_t groups = in.k.size(2);
  if (in.q.numel() == 0 || in.k.numel() == 0) {
    for (Tensor* x : {&gradients.q, &gradients.k, &gradients.v}) copy_into(*x, Tensor::zeros(x->shape(), x->dtype()));
    return;
  }
  dispatch_float("attention", in.q.dtype(), [&]<class T>(T) {
    const T *grad_data = grad.data<T>(), *y_data = y.data<T>(), *logsumexp = forward.logsumexp.data<T>();
    T* const grad_q = gradients.q.mutable_data<T>();
    T *const grad_k = gradients.k.mutable_data<T>(), *const grad_v = gradients.v.mutable_data<T>();
    const Shape &q = gradients.q.strides(), &k = gradients.k.strides(), &v = gradients.v.strides();
    for_groups<T>(in, mask, options, backward_scratch<T>, [&](Group<T>& g, int64_t i) {
      const int64_t b = i / groups, head = i % groups;
      g.grad_y = grad_data + y_offset(g, groups, i);
      g.saved_y = y_data + y_offset(g, groups, i);
      g.saved_logsumexp = logsumexp + i * g.heads * g.queries;
      g.grad_q = grad_q + b * q[0] + head * g.heads * q[2];
      g.grad_k = grad_k + b * k[0] + head * k[2];
      g.grad_v = grad_v + b * v[0] + head * v[2];
      g.grad_q_row = q[1];
      g.grad_q_head = q[2];
      g.grad_k_row = k[1];
      g.grad_v_row = v[1];
      run_backward(g);
    });
  });
}

}  // namespace gradus::kernels
#endif
