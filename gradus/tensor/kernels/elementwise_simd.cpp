#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/elementwise_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/elementwise_simd.h"
#include "gradus/tensor/kernels/functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

template <class T, class Op>
void UnaryLoop(const Op& op, const std::byte* x_bytes, std::byte* out_bytes, size_t count) {
  const hn::ScalableTag<T> d;
  const T* x = reinterpret_cast<const T*>(x_bytes);
  T* out = reinterpret_cast<T*>(out_bytes);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) hn::StoreU(op.Value(d, hn::LoadU(d, x + i)), d, out + i);
  if (i < count) StoreTail(d, op.Value(d, LoadTail(d, x + i, count - i, T{1})), out + i, count - i);
}

template <bool kARepeats, bool kBRepeats, class T, class Op>
HWY_INLINE void BinaryRow(Op op, const T* a, const T* b, T* out, size_t count) {
  const hn::ScalableTag<T> d;
  const auto a_all = hn::Set(d, *a), b_all = hn::Set(d, *b);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const auto va = kARepeats ? a_all : hn::LoadU(d, a + i);
    const auto vb = kBRepeats ? b_all : hn::LoadU(d, b + i);
    hn::StoreU(op(d, va, vb), d, out + i);
  }
  if (i == count) return;
  const auto va = kARepeats ? a_all : LoadTail(d, a + i, count - i, T{1});
  const auto vb = kBRepeats ? b_all : LoadTail(d, b + i, count - i, T{1});
  StoreTail(d, op(d, va, vb), out + i, count - i);
}

template <class T, class Op>
void BinaryLoop(Op op, const BinaryPlane& p) {
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

template <class Op>
void BinaryTyped(Op op, DType dtype, const BinaryPlane& plane) {
  dtype == DType::kF32 ? BinaryLoop<float>(op, plane) : BinaryLoop<double>(op, plane);
}

void RunUnary(Unary op, const UnaryArguments& arguments, DType dtype, const std::byte* x, std::byte* out,
              int64_t count) {
  WithFunction(op, arguments, [=](const auto& function) {
    dtype == DType::kF32 ? UnaryLoop<float>(function, x, out, static_cast<size_t>(count))
                         : UnaryLoop<double>(function, x, out, static_cast<size_t>(count));
  });
}

void RunUnaryBackward(Unary op, const UnaryArguments& arguments, DType dtype, const BinaryPlane& plane) {
  WithFunction(op, arguments, [&]<class Function>(const Function& function) {
    BinaryTyped(BackwardOf<Function>{function}, dtype, plane);
  });
}

void RunBinary(Binary op, DType dtype, const BinaryPlane& plane) {
  WithFunction(op, [&](const auto& function) { BinaryTyped(function, dtype, plane); });
}

bool TakesResult(Unary op) {
  bool takes = false;
  WithFunction(op, {}, [&]<class Function>(const Function&) { takes = Function::kFromResult; });
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
