#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/elementwise_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/elementwise_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

struct Negate {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> x) const {
    return hn::Neg(x);
  }
};
struct ExpOp {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return ExpAny(d, x);
  }
};
struct LogOp {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return LogAny(d, x);
  }
};
struct TanhOp {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return TanhAny(d, x);
  }
};
struct Relu {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);  // unlike a maximum, it keeps NaN
  }
};
struct Gelu {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return hn::Mul(x, GeluGate(d, x));
  }
};

struct AddOp {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Add(a, b);
  }
};
struct SubtractOp {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Sub(a, b);
  }
};
struct MultiplyOp {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Mul(a, b);
  }
};
struct DivideOp {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Div(a, b);
  }
};
struct ReluBackward {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> y, hn::Vec<D> g) const {
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), g);
  }
};
struct TanhBackward {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> y, hn::Vec<D> g) const {
    return hn::Mul(g, hn::NegMulAdd(y, y, hn::Set(d, static_cast<hn::TFromD<D>>(1))));
  }
};
struct GeluBackward {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    return hn::Mul(g, GeluWithSlope(d, x).slope);
  }
};

template <class T, class Op>
void UnaryLoop(Op op, const std::byte* x_bytes, std::byte* out_bytes, size_t count) {
  const hn::ScalableTag<T> d;
  const T* x = reinterpret_cast<const T*>(x_bytes);
  T* out = reinterpret_cast<T*>(out_bytes);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) hn::StoreU(op(d, hn::LoadU(d, x + i)), d, out + i);
  if (i < count) StoreTail(d, op(d, LoadTail(d, x + i, count - i, T{1})), out + i, count - i);
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
void UnaryTyped(Op op, DType dtype, const std::byte* x, std::byte* out, int64_t count) {
  dtype == DType::kF32 ? UnaryLoop<float>(op, x, out, static_cast<size_t>(count))
                       : UnaryLoop<double>(op, x, out, static_cast<size_t>(count));
}

template <class Op>
void BinaryTyped(Op op, DType dtype, const BinaryPlane& plane) {
  dtype == DType::kF32 ? BinaryLoop<float>(op, plane) : BinaryLoop<double>(op, plane);
}

void RunUnary(Unary op, DType dtype, const std::byte* x, std::byte* out, int64_t count) {
  switch (op) {
    case Unary::kNegate:
      return UnaryTyped(Negate(), dtype, x, out, count);
    case Unary::kExp:
      return UnaryTyped(ExpOp(), dtype, x, out, count);
    case Unary::kLog:
      return UnaryTyped(LogOp(), dtype, x, out, count);
    case Unary::kTanh:
      return UnaryTyped(TanhOp(), dtype, x, out, count);
    case Unary::kRelu:
      return UnaryTyped(Relu(), dtype, x, out, count);
    case Unary::kGelu:
      return UnaryTyped(Gelu(), dtype, x, out, count);
  }
}

void RunBinary(Binary op, DType dtype, const BinaryPlane& plane) {
  switch (op) {
    case Binary::kAdd:
      return BinaryTyped(AddOp(), dtype, plane);
    case Binary::kSubtract:
      return BinaryTyped(SubtractOp(), dtype, plane);
    case Binary::kMultiply:
      return BinaryTyped(MultiplyOp(), dtype, plane);
    case Binary::kDivide:
      return BinaryTyped(DivideOp(), dtype, plane);
    case Binary::kReluBackward:
      return BinaryTyped(ReluBackward(), dtype, plane);
    case Binary::kTanhBackward:
      return BinaryTyped(TanhBackward(), dtype, plane);
    case Binary::kGeluBackward:
      return BinaryTyped(GeluBackward(), dtype, plane);
  }
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunUnary);
HWY_EXPORT(RunBinary);
}  // namespace

void run_unary(Unary op, DType dtype, const std::byte* x, std::byte* out, int64_t count) {
  HWY_DYNAMIC_DISPATCH(RunUnary)(op, dtype, x, out, count);
}

void run_binary(Binary op, DType dtype, const BinaryPlane& plane) { HWY_DYNAMIC_DISPATCH(RunBinary)(op, dtype, plane); }

}  // namespace gradus::kernels
#endif  // HWY_ONCE
