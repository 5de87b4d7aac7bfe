#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/reduce_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/reduce_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// What is added up: `In` is what lies in memory, `Out` what it is added in.
template <class T>
struct Plain {
  using In = T;
  using Out = T;
  using D = hn::ScalableTag<T>;
  static HWY_INLINE hn::Vec<D> Add(D, hn::Vec<D> sum, hn::Vec<D> x) { return hn::Add(sum, x); }
};
template <class T>
struct Zeros : Plain<T> {
  using D = hn::ScalableTag<T>;
  static HWY_INLINE hn::Vec<D> Add(D d, hn::Vec<D> sum, hn::Vec<D> x) { return hn::MulAdd(x, hn::Zero(d), sum); }
};
template <class T>
struct Squares {
  using In = T;
  using Out = double;
  using D = hn::ScalableTag<double>;
  using Narrow = hn::Rebind<T, D>;
  static HWY_INLINE hn::Vec<D> Add(D d, hn::Vec<D> sum, hn::Vec<Narrow> narrow) {
    if constexpr (sizeof(T) == 4) {
      const auto x = hn::PromoteTo(d, narrow);
      return hn::MulAdd(x, x, sum);
    } else {
      return hn::MulAdd(narrow, narrow, sum);
    }
  }
};

template <class Op, class In = typename Op::In>
HWY_INLINE typename Op::Out OneBlock(const In* x, size_t count) {
  const typename Op::D d;
  const hn::Rebind<In, typename Op::D> from;
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = Op::Add(d, s0, hn::LoadU(from, x + i));
    s1 = Op::Add(d, s1, hn::LoadU(from, x + i + lanes));
    s2 = Op::Add(d, s2, hn::LoadU(from, x + i + 2 * lanes));
    s3 = Op::Add(d, s3, hn::LoadU(from, x + i + 3 * lanes));
  }
  for (; i + lanes <= count; i += lanes) s0 = Op::Add(d, s0, hn::LoadU(from, x + i));
  if (i < count) s1 = Op::Add(d, s1, LoadTail(from, x + i, count - i, In{0}));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

template <class Op>
void Blocks(const std::byte* x_bytes, int64_t count, int64_t block, std::byte* out_bytes) {
  const auto* x = reinterpret_cast<const typename Op::In*>(x_bytes);
  auto* out = reinterpret_cast<typename Op::Out*>(out_bytes);
  for (int64_t i = 0; i < count; i += block) {
    *out++ = OneBlock<Op>(x + i, static_cast<size_t>(count - i < block ? count - i : block));
  }
}

void RunBlockSums(BlockSum what, DType dtype, const std::byte* x, int64_t count, int64_t block, std::byte* out) {
  const bool narrow = dtype == DType::kF32;
  switch (what) {
    case BlockSum::kSum:
      return narrow ? Blocks<Plain<float>>(x, count, block, out) : Blocks<Plain<double>>(x, count, block, out);
    case BlockSum::kSquares:
      return narrow ? Blocks<Squares<float>>(x, count, block, out) : Blocks<Squares<double>>(x, count, block, out);
    case BlockSum::kZeros:
      return narrow ? Blocks<Zeros<float>>(x, count, block, out) : Blocks<Zeros<double>>(x, count, block, out);
  }
}

constexpr int64_t kTogether = 8;  // rows that are read side by side: the sums are loaded and stored once for all

// The rows that are added: those of x, or the products of x and y.
template <class T>
struct PlainRows {
  const T* x;
  int64_t stride;
  template <class Lanes>
  HWY_INLINE auto Load(Lanes lanes, int64_t row, size_t j) const {
    return lanes.Load(x + row * stride + static_cast<int64_t>(j));
  }
};
template <class T>
struct ProductRows {
  PlainRows<T> x, y;
  template <class Lanes>
  HWY_INLINE auto Load(Lanes lanes, int64_t row, size_t j) const {
    return hn::Mul(x.Load(lanes, row, j), y.Load(lanes, row, j));
  }
};

// out = [out +] the sum of eight rows, for one vector of columns.
template <class T, class Lanes, class Rows>
HWY_INLINE void AddEight(Lanes lanes, const Rows& x, int64_t row, size_t j, T* out) {
  const auto s01 = hn::Add(x.Load(lanes, row, j), x.Load(lanes, row + 1, j));
  const auto s23 = hn::Add(x.Load(lanes, row + 2, j), x.Load(lanes, row + 3, j));
  const auto s45 = hn::Add(x.Load(lanes, row + 4, j), x.Load(lanes, row + 5, j));
  const auto s67 = hn::Add(x.Load(lanes, row + 6, j), x.Load(lanes, row + 7, j));
  const auto sum = hn::Add(hn::Add(s01, s23), hn::Add(s45, s67));
  lanes.Store(row == 0 ? sum : hn::Add(lanes.Load(out + j), sum), out + j);
}

template <class T, class Lanes, class Rows>
HWY_INLINE void AddOne(Lanes lanes, const Rows& x, int64_t row, size_t j, T* out) {
  const auto own = x.Load(lanes, row, j);
  lanes.Store(row == 0 ? own : hn::Add(lanes.Load(out + j), own), out + j);
}

template <class T, class Rows>
void ColumnSums(const Rows& x, int64_t rows, size_t columns, T* out) {
  int64_t row = 0;
  for (; row + kTogether <= rows; row += kTogether) {
    ForLanes<T>(columns, [=](auto lanes, size_t j) HWY_ATTR { AddEight(lanes, x, row, j, out); });
  }
  for (; row < rows; ++row) {
    ForLanes<T>(columns, [=](auto lanes, size_t j) HWY_ATTR { AddOne(lanes, x, row, j, out); });
  }
}

template <class T>
void ColumnSumsTyped(const ColumnTerms& terms, int64_t rows, int64_t stride, int64_t width, std::byte* out) {
  const PlainRows<T> x{reinterpret_cast<const T*>(terms.x), stride}, y{reinterpret_cast<const T*>(terms.y), stride};
  const size_t columns = static_cast<size_t>(width);
  T* to = reinterpret_cast<T*>(out);
  terms.y == nullptr ? ColumnSums(x, rows, columns, to) : ColumnSums(ProductRows<T>{x, y}, rows, columns, to);
}

void RunColumnSums(DType dtype, const ColumnTerms& terms, int64_t rows, int64_t stride, int64_t width, std::byte* out) {
  dtype == DType::kF32 ? ColumnSumsTyped<float>(terms, rows, stride, width, out)
                       : ColumnSumsTyped<double>(terms, rows, stride, width, out);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunBlockSums);
HWY_EXPORT(RunColumnSums);
}  // namespace

void run_block_sums(BlockSum what, DType dtype, const std::byte* x, int64_t count, int64_t block, std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunBlockSums)(what, dtype, x, count, block, out);
}

void run_column_sums(DType dtype, const ColumnTerms& terms, int64_t rows, int64_t stride, int64_t width,
                     std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunColumnSums)(dtype, terms, rows, stride, width, out);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
