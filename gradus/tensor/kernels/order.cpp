#include "gradus/tensor/kernels/order.h"

#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
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

// The first extreme of a dense row: its value with eight chains, then where it is.
template <class T>
int64_t index_in_row(Extreme which, const T* x, int64_t length) {
  constexpr int64_t kChains = 16;
  T best[kChains];
  bool is_nan = false;
  const T sign = which == Extreme::kLargest ? T{1} : T{-1};
  for (int64_t c = 0; c < kChains; ++c) best[c] = sign * x[0];
  int64_t i = 0;
  for (; i + kChains <= length; i += kChains) {
    for (int64_t c = 0; c < kChains; ++c) {
      const T value = sign * x[i + c];
      best[c] = value > best[c] ? value : best[c];
      is_nan |= value != value;
    }
  }
  for (; i < length; ++i) {
    const T value = sign * x[i];
    best[0] = value > best[0] ? value : best[0];
    is_nan |= value != value;
  }
  if (is_nan) {
    for (i = 0; !std::isnan(x[i]);) ++i;
    return i;
  }
  T all = best[0];
  for (const T value : best) all = value > all ? value : all;
  for (i = 0; sign * x[i] != all;) ++i;
  return i;
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
    if (a.inner == 1) {
      return parallel_for(a.outer, grain, [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) to[row] = index_in_row(which, from + row * a.length, a.length);
      });
    }
    parallel_rows(a.outer, a.inner, grain, [=](int64_t outer, int64_t begin, int64_t end) {
      const T* block = from + outer * a.length * a.inner;
      int64_t* out = to + outer * a.inner;
      std::fill(out + begin, out + end, 0);
      std::vector<T> best(block + begin, block + end);
      for (int64_t i = 1; i < a.length; ++i) {
        for (int64_t j = begin; j < end; ++j) {
          const T value = block[i * a.inner + j];
          if (!goes_before(which, value, best[static_cast<size_t>(j - begin)])) continue;
          best[static_cast<size_t>(j - begin)] = value;
          out[j] = i;
        }
      }
    });
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

Tensor cumulative_sum(const Tensor& x, int axis, bool reverse) {
  const Tensor source = contiguous(x);
  const Around a(x.shape(), axis);
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("cumsum", x.dtype(), [&]<class T>(T) {
    const T* from = source.data<T>();
    T* to = result.mutable_data<T>();
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, a.length));
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
