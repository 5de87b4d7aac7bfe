#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/elementwise_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/elementwise_simd.h"
#include "gradus/tensor/kernels/functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// In this loop and the next a function stands once, for whole vectors and for the last part of one: some are long, and
// there are many. Nor are the loops to become one function, over which sanitizing compilers take minutes.
template <class T, class Function>
HWY_NOINLINE void UnaryLoop(const Function& function, const std::byte* x_bytes, std::byte* out_bytes, size_t count) {
  const hn::ScalableTag<T> d;
  const T* x = reinterpret_cast<const T*>(x_bytes);
  T* out = reinterpret_cast<T*>(out_bytes);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const size_t part = HWY_MIN(hn::Lanes(d), count - i);
    StoreSome(d, function.Value(d, LoadSome(d, x + i, part)), out + i, part);
  }
}

template <class T, class Function>
HWY_NOINLINE void BackwardLoop(const Function& function, const BinaryPlane& p) {
  const hn::ScalableTag<T> d;
  const T *saved = reinterpret_cast<const T*>(p.a), *g = reinterpret_cast<const T*>(p.b);
  T* out = reinterpret_cast<T*>(p.out);
  const size_t count = static_cast<size_t>(p.width);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const size_t part = HWY_MIN(hn::Lanes(d), count - i);
    const auto y = function.Backward(d, LoadSome(d, saved + i, part), LoadSome(d, g + i, part));
    StoreSome(d, y, out + i, part);
  }
}

template <bool kARepeats, bool kBRepeats, class T, class Op>
HWY_INLINE void BinaryRow(Op op, const T* a, const T* b, T* out, size_t count) {
  const hn::ScalableTag<T> d;
  const auto a_all = hn::Set(d, *a), b_all = hn::Set(d, *b);
  size_t i = 0;
  if constexpr (!Op::kIsLong) {
    for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
      const auto va = kARepeats ? a_all : hn::LoadU(d, a + i);
      const auto vb = kBRepeats ? b_all : hn::LoadU(d, b + i);
      hn::StoreU(op(d, va, vb), d, out + i);
    }
  }
  for (; i < count; i += hn::Lanes(d)) {
    const size_t part = HWY_MIN(hn::Lanes(d), count - i);
    const auto va = kARepeats ? a_all : LoadSome(d, a + i, part);
    const auto vb = kBRepeats ? b_all : LoadSome(d, b + i, part);
    StoreSome(d, op(d, va, vb), out + i, part);
  }
}

template <class T, class Op>
HWY_NOINLINE void BinaryLoop(Op op, const BinaryPlane& p) {
  const T *a = reinterpret_cast<const T*>(p.a), *b = reinterpret_cast<const T*>(p.b);
  T* out = reinterpret_cast<T*>(p.out);
  const size_t width = static_cast<size_t>(p.width);
  for (int64_t row = 0; row < p.height; ++row, a += p.a_down, b += p.b_down, out += p.out_down) {
    if (p.a_repeats) {
      BinaryRow<true, false>(op, a, b, out, width);
    } else if (p.b_repeats) {
      BinaryRow<false, true>(op, a, b, out, width);
    } else {
      BinaryRow<false, false>(op, a, b, out, width);
    }
  }
}

template <class T>
void UnaryTyped(Unary op, const UnaryArguments& arguments, const std::byte* x, std::byte* out, int64_t count) {
  WithFunction<T>(op, arguments,
                  [=](const auto& function) { UnaryLoop<T>(function, x, out, static_cast<size_t>(count)); });
}

template <class T>
void BackwardTyped(Unary op, const UnaryArguments& arguments, const BinaryPlane& plane) {
  WithFunction<T>(op, arguments, [&](const auto& function) { BackwardLoop<T>(function, plane); });
}

void RunUnary(Unary op, const UnaryArguments& arguments, DType dtype, const std::byte* x, std::byte* out,
              int64_t count) {
  dtype == DType::kF32 ? UnaryTyped<float>(op, arguments, x, out, count)
                       : UnaryTyped<double>(op, arguments, x, out, count);
}

void RunUnaryBackward(Unary op, const UnaryArguments& arguments, DType dtype, const BinaryPlane& plane) {
  dtype == DType::kF32 ? BackwardTyped<float>(op, arguments, plane) : BackwardTyped<double>(op, arguments, plane);
}

void RunBinary(Binary op, DType dtype, const BinaryPlane& plane) {
  WithFunction(op, [&](const auto& function) {
    dtype == DType::kF32 ? BinaryLoop<float>(function, plane) : BinaryLoop<double>(function, plane);
  });
}

bool TakesResult(Unary op) {
  bool takes = false;
  WithFunction<float>(op, {}, [&]<class Function>(const Function&) { takes = Function::kFromResult; });
  return takes;
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunUnary);
HWY_EXPORT(RunUnaryBackward);
HWY_EXPORT(RunBinary);
HWY_EXPORT(TakesResult);
}  // namespace

void run_unary(Unary op, const UnaryArguments& arguments, DType dtype, const std::byte* x, std::byte* out,
               int64_t count) {
  HWY_DYNAMIC_DISPATCH(RunUnary)(op, arguments, dtype, x, out, count);
}
void run_unary_backward(Unary op, const UnaryArguments& arguments, DType dtype, const BinaryPlane& plane) {
  HWY_DYNAMIC_DISPATCH(RunUnaryBackward)(op, arguments, dtype, plane);
}
void run_binary(Binary op, DType dtype, const BinaryPlane& plane) { HWY_DYNAMIC_DISPATCH(RunBinary)(op, dtype, plane); }
bool backward_takes_result(Unary op) { return HWY_DYNAMIC_DISPATCH(TakesResult)(op); }

}  // namespace gradus::kernels
#endif  // HWY_ONCE
