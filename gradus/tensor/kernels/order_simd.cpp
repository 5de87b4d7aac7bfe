#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/order_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/order_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// −x for the smallest: then the largest is what is looked for.
template <bool kSmallest, class D>
HWY_INLINE hn::Vec<D> Signed(D /*d*/, hn::Vec<D> x) {
  return kSmallest ? hn::Neg(x) : x;
}

// The largest of some elements; NaN if one is.
template <bool kSmallest, class T>
HWY_INLINE T LargestOf(const T* x, size_t count) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto first = Signed<kSmallest>(d, hn::Set(d, x[0]));
  auto m0 = first, m1 = first, m2 = first, m3 = first;
  auto rest = hn::Eq(first, first);  // no NaN so far
  size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const auto a = Signed<kSmallest>(d, hn::LoadU(d, x + i)), b = Signed<kSmallest>(d, hn::LoadU(d, x + i + lanes));
    const auto c = Signed<kSmallest>(d, hn::LoadU(d, x + i + 2 * lanes));
    const auto e = Signed<kSmallest>(d, hn::LoadU(d, x + i + 3 * lanes));
    m0 = hn::Max(m0, a);
    m1 = hn::Max(m1, b);
    m2 = hn::Max(m2, c);
    m3 = hn::Max(m3, e);
    rest = hn::And(hn::And(rest, hn::And(hn::Eq(a, a), hn::Eq(b, b))), hn::And(hn::Eq(c, c), hn::Eq(e, e)));
  }
  for (; i < count; i += lanes) {
    const size_t part = HWY_MIN(lanes, count - i);
    const auto a = Signed<kSmallest>(d, LoadTail(d, x + i, part, x[0]));
    m0 = hn::Max(m0, a);
    rest = hn::And(rest, hn::Eq(a, a));
  }
  if (!hn::AllTrue(d, rest)) return std::numeric_limits<T>::quiet_NaN();
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(m0, m1), hn::Max(m2, m3))));
}

template <bool kSmallest, class T>
int64_t ExtremeOfRow(const T* row, size_t length) {
  constexpr size_t kBlock = 2048;  // stays in the first cache for the second look
  T best = kSmallest ? -row[0] : row[0];
  size_t block = 0;
  for (size_t begin = 0; begin < length; begin += kBlock) {
    const T largest = LargestOf<kSmallest>(row + begin, HWY_MIN(kBlock, length - begin));
    if (std::isnan(largest)) {
      while (!std::isnan(row[begin])) ++begin;
      return static_cast<int64_t>(begin);
    }
    if (!(largest > best)) continue;
    best = largest;
    block = begin;
  }
  const T value = kSmallest ? -best : best;
  while (row[block] != value) ++block;
  return static_cast<int64_t>(block);
}

template <bool kSmallest, class T>
void ExtremeOfColumns(const T* x, size_t length, size_t stride, size_t width, int64_t* out) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<hn::ScalableTag<T>> di;
  using Index = hn::TFromD<decltype(di)>;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN Index places[hn::MaxLanes(di)];
  for (size_t j = 0; j < width; j += lanes) {
    const size_t part = HWY_MIN(lanes, width - j);
    const auto load = [&](size_t i) {
      const T* from = x + i * stride + j;
      return Signed<kSmallest>(d, HWY_LIKELY(part == lanes) ? hn::LoadU(d, from) : LoadTail(d, from, part, T{0}));
    };
    auto best = load(0);
    auto place = hn::Zero(di);
    for (size_t i = 1; i < length; ++i) {
      const auto value = load(i);
      // Larger than the best, or the first NaN.
      const auto is_nan = hn::AndNot(hn::Eq(value, value), hn::Eq(best, best));
      const auto goes_before = hn::Or(hn::Gt(value, best), is_nan);
      best = hn::IfThenElse(goes_before, value, best);
      place = hn::IfThenElse(hn::RebindMask(di, goes_before), hn::Set(di, static_cast<Index>(i)), place);
    }
    hn::Store(place, di, places);
    for (size_t l = 0; l < part; ++l) out[j + l] = static_cast<int64_t>(places[l]);
  }
}

template <bool kSmallest, class T>
int64_t FirstBetter(const T* row, size_t length, T limit) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto all_limit = Signed<kSmallest>(d, hn::Set(d, limit));
  for (size_t i = 0; i < length; i += lanes) {
    const size_t part = HWY_MIN(lanes, length - i);
    const auto x = HWY_LIKELY(part == lanes) ? hn::LoadU(d, row + i) : LoadTail(d, row + i, part, limit);
    const auto better = hn::Not(hn::Le(Signed<kSmallest>(d, x), all_limit));  // true of NaN
    if (!hn::AllFalse(d, better)) return static_cast<int64_t>(i + hn::FindKnownFirstTrue(d, better));
  }
  return static_cast<int64_t>(length);
}

template <bool kSmallest>
int64_t FirstBetterOf(DType dtype, const std::byte* row, size_t length, double limit) {
  return dtype == DType::kF32
             ? FirstBetter<kSmallest>(reinterpret_cast<const float*>(row), length, static_cast<float>(limit))
             : FirstBetter<kSmallest>(reinterpret_cast<const double*>(row), length, limit);
}

template <bool kSmallest>
int64_t RowOf(DType dtype, const std::byte* row, size_t length) {
  return dtype == DType::kF32 ? ExtremeOfRow<kSmallest>(reinterpret_cast<const float*>(row), length)
                              : ExtremeOfRow<kSmallest>(reinterpret_cast<const double*>(row), length);
}

template <bool kSmallest>
void ColumnsOf(DType dtype, const std::byte* x, size_t length, size_t stride, size_t width, int64_t* out) {
  dtype == DType::kF32 ? ExtremeOfColumns<kSmallest>(reinterpret_cast<const float*>(x), length, stride, width, out)
                       : ExtremeOfColumns<kSmallest>(reinterpret_cast<const double*>(x), length, stride, width, out);
}

int64_t RunFirstBetter(Extreme which, DType dtype, const std::byte* row, int64_t length, double limit) {
  const auto count = static_cast<size_t>(length);
  return which == Extreme::kSmallest ? FirstBetterOf<true>(dtype, row, count, limit)
                                     : FirstBetterOf<false>(dtype, row, count, limit);
}

int64_t RunRow(Extreme which, DType dtype, const std::byte* row, int64_t length) {
  const auto count = static_cast<size_t>(length);
  return which == Extreme::kSmallest ? RowOf<true>(dtype, row, count) : RowOf<false>(dtype, row, count);
}

void RunColumns(Extreme which, DType dtype, const std::byte* x, int64_t length, int64_t stride, int64_t width,
                int64_t* out) {
  const auto rows = static_cast<size_t>(length), down = static_cast<size_t>(stride),
             columns = static_cast<size_t>(width);
  which == Extreme::kSmallest ? ColumnsOf<true>(dtype, x, rows, down, columns, out)
                              : ColumnsOf<false>(dtype, x, rows, down, columns, out);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunRow);
HWY_EXPORT(RunFirstBetter);
HWY_EXPORT(RunColumns);
}  // namespace

int64_t run_extreme_of_row(Extreme which, DType dtype, const std::byte* row, int64_t length) {
  return HWY_DYNAMIC_DISPATCH(RunRow)(which, dtype, row, length);
}
int64_t run_first_better(Extreme which, DType dtype, const std::byte* row, int64_t length, double limit) {
  return HWY_DYNAMIC_DISPATCH(RunFirstBetter)(which, dtype, row, length, limit);
}

void run_extreme_of_columns(Extreme which, DType dtype, const std::byte* x, int64_t length, int64_t stride,
                            int64_t width, int64_t* out) {
  HWY_DYNAMIC_DISPATCH(RunColumns)(which, dtype, x, length, stride, width, out);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
