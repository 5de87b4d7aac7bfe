#include "gradus/tensor/kernels/order.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/order_simd.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

// A contiguous tensor around one axis: (outer, length, inner).
struct Around {
  int64_t outer = 1, length, inner = 1;

  Around(const Shape& shape, int axis) : length(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

// A number's place in the order, NaN last: bits that compare as unsigned integers.
uint32_t key_of(float x) {
  if (std::isnan(x)) return UINT32_MAX;
  const uint32_t bits = std::bit_cast<uint32_t>(x + 0.0F);  // −0 is 0
  return bits ^ (bits >> 31 != 0 ? UINT32_MAX : uint32_t{1} << 31);
}
uint64_t key_of(double x) {
  if (std::isnan(x)) return UINT64_MAX;
  const uint64_t bits = std::bit_cast<uint64_t>(x + 0.0);
  return bits ^ (bits >> 63 != 0 ? UINT64_MAX : uint64_t{1} << 63);
}

template <class T>
bool goes_before(Extreme which, T a, T b) {
  if (std::isnan(b)) return false;  // the first NaN stays
  if (std::isnan(a)) return true;
  return which == Extreme::kLargest ? a > b : a < b;
}

// Elements that one piece of a long row has; by itself, so that the place does not depend on how many there are.
constexpr int64_t kPiece = 1 << 16;

// Rows that are long enough to be cut: the extreme of each piece, and then of those.
template <class T>
int64_t extreme_of_long_row(Extreme which, const T* row, int64_t length) {
  const int64_t pieces = (length + kPiece - 1) / kPiece;
  std::vector<int64_t> places(static_cast<size_t>(pieces));
  parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * kPiece;
      places[static_cast<size_t>(i)] =
          first + run_extreme_of_row(which, dtype_of<T>(), reinterpret_cast<const std::byte*>(row + first),
                                     std::min(kPiece, length - first));
    }
  });
  int64_t best = places[0];
  for (const int64_t place : places) best = goes_before(which, row[place], row[best]) ? place : best;
  return best;
}

}  // namespace

Tensor index_of(const char* name, Extreme which, const Tensor& x, int axis, bool keep_dims) {
  const Tensor source = contiguous(x);
  const Around a(x.shape(), axis);
  if (a.length == 0) fail(name, "axis {} of {} is empty and has no extreme", axis, x.describe());
  Tensor result = Tensor::empty(reduced_shape(x.shape(), axis, keep_dims), DType::kI64);
  dispatch_float(name, x.dtype(), [&]<class T>(T) {
    const T* from = source.data<T>();
    int64_t* to = result.mutable_data<int64_t>();
    const int64_t grain = std::max<int64_t>(1, kGrain / a.length);
    const auto bytes_at = [=](int64_t i) { return reinterpret_cast<const std::byte*>(from + i); };
    if (a.inner == 1 && a.length >= 2 * kPiece) {
      for (int64_t row = 0; row < a.outer; ++row) to[row] = extreme_of_long_row(which, from + row * a.length, a.length);
    } else if (a.inner == 1) {
      parallel_for(a.outer, grain, [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          to[row] = run_extreme_of_row(which, dtype_of<T>(), bytes_at(row * a.length), a.length);
        }
      });
    } else {
      // Columns that fill some cache lines at a time.
      parallel_rows(a.outer, a.inner, std::max<int64_t>(64, grain), [=](int64_t outer, int64_t begin, int64_t end) {
        run_extreme_of_columns(which, dtype_of<T>(), bytes_at(outer * a.length * a.inner + begin), a.length, a.inner,
                               end - begin, to + outer * a.inner + begin);
      });
    }
  });
  return result;
}

namespace {

// Up to here a comparison sort is quicker than passes over the digits.
constexpr int64_t kFewToSort = 512;

template <class Key>
struct Keyed {
  Key key;
  int64_t index;
};

// Stable: least digit first, 11 bits a pass (Knuth, vol. 3, 5.2.5); a pass whose digit is the same everywhere is left
// out.
template <class Key>
void radix_sort(std::vector<Keyed<Key>>& items, std::vector<Keyed<Key>>& other) {
  constexpr int kBits = 11, kPasses = (8 * static_cast<int>(sizeof(Key)) + kBits - 1) / kBits;
  constexpr size_t kBuckets = size_t{1} << kBits;
  other.resize(items.size());
  for (int pass = 0; pass < kPasses; ++pass) {
    size_t start[kBuckets] = {};
    const auto digit = [pass](Key key) { return static_cast<size_t>(key >> (pass * kBits)) & (kBuckets - 1); };
    for (const auto& item : items) ++start[digit(item.key)];
    if (start[digit(items[0].key)] == items.size()) continue;
    size_t sum = 0;
    for (size_t& s : start) sum += std::exchange(s, sum);
    for (const auto& item : items) other[start[digit(item.key)]++] = item;
    items.swap(other);
  }
}

template <class T>
void argsort_row(const T* x, int64_t length, int64_t stride, bool descending, int64_t* out) {
  using Key = decltype(key_of(T{}));
  static thread_local std::vector<Keyed<Key>> items, other;
  items.resize(static_cast<size_t>(length));
  for (int64_t i = 0; i < length; ++i) {
    const Key key = key_of(x[i * stride]);
    items[static_cast<size_t>(i)] = {descending ? static_cast<Key>(~key) : key, i};
  }
  if (length <= kFewToSort) {
    std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  } else {
    radix_sort(items, other);
  }
  for (int64_t i = 0; i < length; ++i) out[i * stride] = items[static_cast<size_t>(i)].index;
}

}  // namespace

Tensor argsort(const Tensor& x, int axis, bool descending) {
  const Tensor source = contiguous(x);
  const Around a(x.shape(), axis);
  Tensor result = Tensor::empty(x.shape(), DType::kI64);
  dispatch_float("sort", x.dtype(), [&]<class T>(T) {
    const T* from = source.data<T>();
    int64_t* to = result.mutable_data<int64_t>();
    const int64_t grain = std::max<int64_t>(1, kCostlyGrain / std::max<int64_t>(1, a.length));
    parallel_for(a.length > 0 ? a.outer * a.inner : 0, grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = i / a.inner * a.length * a.inner + i % a.inner;
        argsort_row(from + at, a.length, a.inner, descending, to + at);
      }
    });
  });
  return result;
}

namespace {

// Keeps the best k, and what comes later must be better than the worst of them. Few are kept in order; of many, the
// rest goes as soon as there are twice as many. `Key`s are compared, and where they are equal the index.
template <class T>
void top_k_of_row(const T* x, int64_t length, int64_t stride, int64_t k, bool largest, int64_t* out) {
  using Key = decltype(key_of(T{}));
  using Item = Keyed<Key>;
  static thread_local std::vector<Item> best;
  constexpr int64_t kFewKept = 16;
  const auto size = static_cast<size_t>(k);
  const auto before = [](const Item& a, const Item& b) { return a.key != b.key ? a.key < b.key : a.index < b.index; };
  best.clear();
  best.reserve(2 * size + 1);
  Key worst = std::numeric_limits<Key>::max();
  T limit{};
  for (int64_t i = 0; i < length; ++i) {
    if (stride == 1 && best.size() >= size && worst != std::numeric_limits<Key>::max()) {
      i += run_first_better(largest ? Extreme::kLargest : Extreme::kSmallest, dtype_of<T>(),
                            reinterpret_cast<const std::byte*>(x + i), length - i, static_cast<double>(limit));
      if (i == length) break;
    }
    const Key own = key_of(x[i * stride]), key = largest ? static_cast<Key>(~own) : own;
    // What is equal to the worst comes later than it.
    if (key >= worst && best.size() >= size) continue;
    if (k <= kFewKept) {
      best.push_back({key, i});
      // From the worst to its place, which is after what is equal.
      for (size_t j = best.size() - 1; j > 0 && key < best[j - 1].key; --j) std::swap(best[j], best[j - 1]);
      if (best.size() < size) continue;
    } else {
      best.push_back({key, i});
      if (best.size() < 2 * size) continue;
      std::nth_element(best.begin(), best.begin() + k - 1, best.end(), before);
    }
    best.resize(size);
    worst = best.back().key;
    limit = x[best.back().index * stride];
  }
  std::partial_sort(best.begin(), best.begin() + k, best.end(), before);
  for (int64_t i = 0; i < k; ++i) out[i * stride] = best[static_cast<size_t>(i)].index;
}

}  // namespace

Tensor top_k_indices(const Tensor& x, int axis, int64_t k, bool largest) {
  // So many at once are as quick to sort.
  Shape shape = x.shape();
  shape[axis] = k;
  if (4 * k > x.size(axis)) {
    const Tensor all = argsort(x, axis, largest);
    return contiguous(all.view(shape, all.strides()));
  }
  const Tensor source = contiguous(x);
  const Around a(x.shape(), axis);
  Tensor result = Tensor::empty(shape, DType::kI64);
  dispatch_float("top_k", x.dtype(), [&]<class T>(T) {
    const T* from = source.data<T>();
    int64_t* to = result.mutable_data<int64_t>();
    const int64_t grain = std::max<int64_t>(1, kCostlyGrain / std::max<int64_t>(1, a.length));
    parallel_for(k > 0 ? a.outer * a.inner : 0, grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i / a.inner, place = i % a.inner;
        top_k_of_row(from + row * a.length * a.inner + place, a.length, a.inner, k, largest,
                     to + row * k * a.inner + place);
      }
    });
  });
  return result;
}

namespace {

// Of kRows dense rows at once: each sum waits for the one before it, and several together wait for nothing.
constexpr int64_t kRows = 8;
template <class T>
void cumulative_sums_of_rows(const T* from, int64_t rows, int64_t length, bool reverse, T* to) {
  double sums[kRows] = {};
  for (int64_t i = 0; i < length; ++i) {
    const int64_t at = reverse ? length - 1 - i : i;
    for (int64_t row = 0; row < rows; ++row) {
      sums[row] += static_cast<double>(from[row * length + at]);
      to[row * length + at] = static_cast<T>(sums[row]);
    }
  }
}

}  // namespace

Tensor cumulative_sum(const Tensor& x, int axis, bool reverse) {
  const Tensor source = contiguous(x);
  const Around a(x.shape(), axis);
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("cumsum", x.dtype(), [&]<class T>(T) {
    const T* from = source.data<T>();
    T* to = result.mutable_data<T>();
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, a.length));
    if (a.inner == 1) {
      const int64_t groups = (a.outer + kRows - 1) / kRows;
      return parallel_for(groups, std::max<int64_t>(1, grain / kRows), [=](int64_t begin, int64_t end) {
        for (int64_t row = begin * kRows; row < std::min(end * kRows, a.outer); row += kRows) {
          const int64_t rows = std::min(kRows, a.outer - row);
          // Of a number that the compiler knows, the loop over them disappears.
          if (rows == kRows) {
            cumulative_sums_of_rows(from + row * a.length, kRows, a.length, reverse, to + row * a.length);
          } else {
            cumulative_sums_of_rows(from + row * a.length, rows, a.length, reverse, to + row * a.length);
          }
        }
      });
    }
    parallel_rows(a.length > 0 ? a.outer : 0, a.inner, grain, [=](int64_t outer, int64_t begin, int64_t end) {
      std::vector<double> sums(static_cast<size_t>(end - begin));
      for (int64_t i = 0; i < a.length; ++i) {
        const int64_t row = (outer * a.length + (reverse ? a.length - 1 - i : i)) * a.inner;
        for (int64_t j = begin; j < end; ++j) {
          double& sum = sums[static_cast<size_t>(j - begin)];
          sum += static_cast<double>(from[row + j]);
          to[row + j] = static_cast<T>(sum);
        }
      }
    });
  });
  return result;
}

}  // namespace gradus::kernels
