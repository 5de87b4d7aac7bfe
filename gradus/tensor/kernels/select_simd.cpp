#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/select_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/select_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// Bytes of 0 or 1 as numbers of T.
template <class T, class D = hn::ScalableTag<T>>
HWY_INLINE hn::Vec<D> Widened(const uint8_t* from) {
  const D d;
  const auto bytes = hn::LoadU(hn::Rebind<uint8_t, D>(), from);
  if constexpr (sizeof(T) == 1) {
    return bytes;
  } else if constexpr (sizeof(T) == 8) {
    return hn::PromoteTo(d, hn::PromoteTo(hn::Rebind<uint32_t, D>(), bytes));
  } else {
    return hn::PromoteTo(d, bytes);
  }
}

template <class T>
void Select(const SelectRow& row) {
  const hn::ScalableTag<T> d;
  const auto* chosen = reinterpret_cast<const uint8_t*>(row.chosen);
  const auto *x = reinterpret_cast<const T*>(row.x), *y = reinterpret_cast<const T*>(row.y);
  auto* out = reinterpret_cast<T*>(row.out);
  const size_t count = static_cast<size_t>(row.count), lanes = hn::Lanes(d);
  T x_first, y_first;
  hwy::CopyBytes<sizeof(T)>(x, &x_first);
  hwy::CopyBytes<sizeof(T)>(y, &y_first);
  const auto all_x = hn::Set(d, x_first), all_y = hn::Set(d, y_first);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto is_chosen = hn::Ne(Widened<T>(chosen + i), hn::Zero(d));
    const auto own_x = row.x_repeats ? all_x : hn::LoadU(d, x + i), own_y = row.y_repeats ? all_y : hn::LoadU(d, y + i);
    hn::StoreU(hn::IfThenElse(is_chosen, own_x, own_y), d, out + i);
  }
  for (; i < count; ++i) {
    const T* from = chosen[i] != 0 ? x + (row.x_repeats ? 0 : i) : y + (row.y_repeats ? 0 : i);
    hwy::CopyBytes<sizeof(T)>(from, out + i);
  }
}

void RunSelect(int64_t bytes, const SelectRow& row) {
  switch (bytes) {
    case 1:
      return Select<uint8_t>(row);
    case 2:
      return Select<uint16_t>(row);
    case 4:
      return Select<uint32_t>(row);
    default:
      return Select<uint64_t>(row);
  }
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunSelect);
}  // namespace

void run_select(int64_t bytes, const SelectRow& row) { HWY_DYNAMIC_DISPATCH(RunSelect)(bytes, row); }

}  // namespace gradus::kernels
#endif  // HWY_ONCE
