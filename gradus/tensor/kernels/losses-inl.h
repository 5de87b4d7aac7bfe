// The losses of one prediction and one target: each with its value and, beside it, its slopes in both. For use inside
// one Highway target; include guards are per target.
#if defined(GRADUS_TENSOR_KERNELS_LOSSES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TENSOR_KERNELS_LOSSES_INL_H_
#undef GRADUS_TENSOR_KERNELS_LOSSES_INL_H_
#else
#define GRADUS_TENSOR_KERNELS_LOSSES_INL_H_
#endif

#include "gradus/tensor/kernels/functions-inl.h"
#include "gradus/tensor/kernels/losses.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

enum class LossInput : uint8_t { kPrediction, kTarget };

// A loss: Value(d, p, t), and Slope<input>(d, p, t), its derivative in the prediction or in the target. Its parameters
// are of the elements' type T.

// Functions of the difference p − t: Of(d, x) and Slope(d, x).
template <class Function>
struct OfDifference {
  Function function;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> p, hn::Vec<D> t) const {
    return function.Of(d, hn::Sub(p, t));
  }
  template <LossInput kInput, class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> p, hn::Vec<D> t) const {
    const auto slope = function.Slope(d, hn::Sub(p, t));
    return kInput == LossInput::kPrediction ? slope : hn::Neg(slope);
  }
};

struct SquareOf {
  template <class D>
  HWY_INLINE hn::Vec<D> Of(D, hn::Vec<D> x) const {
    return hn::Mul(x, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Slope(D, hn::Vec<D> x) const {
    return hn::Add(x, x);
  }
};
struct SizeOf {
  template <class D>
  HWY_INLINE hn::Vec<D> Of(D, hn::Vec<D> x) const {
    return hn::Abs(x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x) const {
    return SignOp().Value(d, x);
  }
};
// ½·x² up to delta, then a line: with c = clamp(x, ±delta) it is c·(x − c/2), and c its slope.
template <class T>
struct HuberOf {
  T delta;
  template <class D>
  HWY_INLINE hn::Vec<D> Of(D d, hn::Vec<D> x) const {
    const auto c = Slope(d, x);
    return hn::Mul(c, hn::NegMulAdd(c, SetTo(d, 0.5), x));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x) const {
    return ClampOp<T>{.low = -delta, .high = delta}.Value(d, x);
  }
};
// With m = exp(−|x|) − 1, cosh x = 1 + m²/(2·exp(−|x|)), which keeps small x exact; and far out, where that overflows,
// log cosh x = |x| + log(½ + ½·exp(−2|x|)).
struct LogCoshOf {
  template <class D>
  HWY_INLINE hn::Vec<D> Of(D d, hn::Vec<D> x) const {
    const auto size = hn::Abs(x), one = SetTo(d, 1), half = SetTo(d, 0.5);
    const auto m = hn::Expm1(d, hn::Neg(size)), e = hn::Add(m, one);
    const auto is_near = hn::Lt(size, one);
    const auto near = hn::Div(hn::Mul(hn::Mul(m, m), half), e), far = hn::Mul(hn::MulSub(e, e, one), half);
    const auto rest = hn::Log1p(d, hn::IfThenElse(is_near, near, far));
    return IfNaNThenElse(d, x, x, hn::Add(rest, hn::IfThenZeroElse(is_near, size)));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x) const {
    return TanhAny(d, x);
  }
};
// Slopes below 0 and above it; at 0, where both lines meet, it is half of each.
template <class T>
struct QuantileOf {
  T below, middle, above;
  explicit QuantileOf(double quantile)
      : below(static_cast<T>(-quantile)), middle(static_cast<T>(0.5 - quantile)), above(static_cast<T>(1 - quantile)) {}
  template <class D>
  HWY_INLINE hn::Vec<D> Of(D d, hn::Vec<D> x) const {
    return hn::Mul(x, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, below), hn::Set(d, above)));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x) const {
    const auto zero = hn::Zero(d);
    const auto not_below = hn::IfThenElse(hn::Gt(x, zero), hn::Set(d, above), hn::Set(d, middle));
    return hn::IfThenElse(hn::Lt(x, zero), hn::Set(d, below), not_below);
  }
};

struct PoissonLoss {
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> log_rate, hn::Vec<D> n) const {
    return hn::NegMulAdd(n, log_rate, ExpAny(d, log_rate));
  }
  template <LossInput kInput, class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> log_rate, hn::Vec<D> n) const {
    if constexpr (kInput == LossInput::kTarget) return hn::Neg(log_rate);
    return hn::Sub(ExpAny(d, log_rate), n);
  }
};

// max(0, 1 − p·t), or its square.
template <bool kSquare>
struct HingeLoss {
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> p, hn::Vec<D> t) const {
    const auto missing = Missing(d, p, t);
    return kSquare ? hn::Mul(missing, missing) : missing;
  }
  template <LossInput kInput, class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> p, hn::Vec<D> t) const {
    const auto missing = Missing(d, p, t), other = hn::Neg(kInput == LossInput::kPrediction ? t : p);
    if (kSquare) return hn::Mul(hn::Add(missing, missing), other);
    return hn::IfThenElseZero(hn::Gt(missing, hn::Zero(d)), other);
  }

 private:
  template <class D>
  static HWY_INLINE hn::Vec<D> Missing(D d, hn::Vec<D> p, hn::Vec<D> t) {
    return ReluOp().Value(d, hn::NegMulAdd(p, t, SetTo(d, 1)));
  }
};

// σ(x) and σ(−x), without cancellation, and the negative logarithms of both.
template <class D>
struct Logistic {
  HWY_INLINE Logistic(D d, hn::Vec<D> logit) : x(logit), e(ExpAny(d, hn::Neg(hn::Abs(logit)))) {
    const auto one = SetTo(d, 1), larger = hn::Div(one, hn::Add(one, e)), smaller = hn::Mul(e, larger);
    const auto is_negative = hn::Lt(x, hn::Zero(d));
    yes = hn::IfThenElse(is_negative, smaller, larger);
    no = hn::IfThenElse(is_negative, larger, smaller);
  }
  // weight·log(1 + exp(−x)) + other_weight·log(1 + exp(x)): small losses stay exact, where log(1 + exp(x)) − x·t
  // cancels.
  HWY_INLINE hn::Vec<D> Cost(D d, hn::Vec<D> weight, hn::Vec<D> other_weight) const {
    const auto zero = hn::Zero(d), rest = hn::Log1p(d, e);
    const auto of_yes = hn::Add(rest, hn::Max(hn::Neg(x), zero)), of_no = hn::Add(rest, hn::Max(x, zero));
    return IfNaNThenElse(d, x, x, hn::MulAdd(weight, of_yes, hn::Mul(other_weight, of_no)));
  }
  // Its slope in x where the weights are w·t and 1 − t.
  HWY_INLINE hn::Vec<D> CostSlope(D d, hn::Vec<D> weighted_t, hn::Vec<D> t) const {
    return hn::NegMulAdd(weighted_t, no, hn::Mul(hn::Sub(SetTo(d, 1), t), yes));
  }
  hn::Vec<D> x, e, yes, no;
};

template <class T>
struct LogisticLoss {
  T positive_weight;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x, hn::Vec<D> t) const {
    return Logistic<D>(d, x).Cost(d, hn::Mul(t, hn::Set(d, positive_weight)), hn::Sub(SetTo(d, 1), t));
  }
  template <LossInput kInput, class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x, hn::Vec<D> t) const {
    const auto weight = hn::Set(d, positive_weight);
    if constexpr (kInput == LossInput::kPrediction) return Logistic<D>(d, x).CostSlope(d, hn::Mul(t, weight), t);
    if (positive_weight == 1) return hn::Neg(x);  // log(1 + exp(−x)) − log(1 + exp(x))
    return Logistic<D>(d, x).Cost(d, weight, SetTo(d, -1));
  }
};

// weight · missed^gamma · cost, where weight = (2·alpha − 1)·t + 1 − alpha, and missed = t·σ(−x) + (1 − t)·σ(x) is 1
// less the label's probability.
template <class T, class Power>
struct FocalLoss {
  Power power;
  T weight_slope, weight_at_0;
  FocalLoss(Power gamma, double alpha)
      : power(gamma), weight_slope(static_cast<T>(2 * alpha - 1)), weight_at_0(static_cast<T>(1 - alpha)) {}
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x, hn::Vec<D> t) const {
    const Parts<D> parts(d, x, t);
    return hn::Mul(hn::Mul(Weight(d, t), power.Value(d, parts.missed)), parts.cost);
  }
  template <LossInput kInput, class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x, hn::Vec<D> t) const {
    const Parts<D> parts(d, x, t);
    const auto yes = parts.of_x.yes, no = parts.of_x.no;
    auto missed_slope = hn::Sub(no, yes), cost_slope = hn::Neg(x);
    if constexpr (kInput == LossInput::kPrediction) {
      missed_slope = hn::Mul(hn::Mul(yes, no), hn::NegMulAdd(t, SetTo(d, 2), SetTo(d, 1)));
      cost_slope = parts.of_x.CostSlope(d, t, t);
    }
    const auto factor = power.Value(d, parts.missed), factor_slope = power.Backward(d, parts.missed, missed_slope);
    const auto slope = hn::Mul(Weight(d, t), hn::MulAdd(factor_slope, parts.cost, hn::Mul(factor, cost_slope)));
    if constexpr (kInput == LossInput::kPrediction) return slope;
    return hn::MulAdd(hn::Set(d, weight_slope), hn::Mul(factor, parts.cost), slope);
  }

 private:
  template <class D>
  struct Parts {
    HWY_INLINE Parts(D d, hn::Vec<D> x, hn::Vec<D> t) : of_x(d, x) {
      const auto rest = hn::Sub(SetTo(d, 1), t);
      missed = hn::MulAdd(t, of_x.no, hn::Mul(rest, of_x.yes));
      cost = of_x.Cost(d, t, rest);
    }
    Logistic<D> of_x;
    hn::Vec<D> missed, cost;
  };
  template <class D>
  HWY_INLINE hn::Vec<D> Weight(D d, hn::Vec<D> t) const {
    return hn::MulAdd(t, hn::Set(d, weight_slope), hn::Set(d, weight_at_0));
  }
};

// t·(log t − p); where a probability t is 0, so is its term.
struct DivergenceLoss {
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> p, hn::Vec<D> t) const {
    return hn::Mul(t, hn::Sub(SafeLog(d, t), p));
  }
  template <LossInput kInput, class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> p, hn::Vec<D> t) const {
    if constexpr (kInput == LossInput::kPrediction) return hn::Neg(t);
    const auto one = hn::IfThenElseZero(hn::Gt(t, hn::Zero(d)), SetTo(d, 1));
    return hn::Add(hn::Sub(SafeLog(d, t), p), one);
  }

 private:
  template <class D>
  static HWY_INLINE hn::Vec<D> SafeLog(D d, hn::Vec<D> t) {
    return hn::IfThenElseZero(hn::Gt(t, hn::Zero(d)), LogAny(d, t));
  }
};

// Calls `body(function)` with the loss of elements of type T.
template <class T, class Body>
HWY_INLINE void WithLoss(Loss loss, const LossArguments& arguments, Body&& body) {
  const T a = static_cast<T>(arguments.a);
  switch (loss) {
    case Loss::kSquared:
      return body(OfDifference<SquareOf>());
    case Loss::kAbsolute:
      return body(OfDifference<SizeOf>());
    case Loss::kHuber:
      return body(OfDifference<HuberOf<T>>{{.delta = a}});
    case Loss::kLogCosh:
      return body(OfDifference<LogCoshOf>());
    case Loss::kQuantile:
      return body(OfDifference<QuantileOf<T>>{QuantileOf<T>(arguments.a)});
    case Loss::kPoisson:
      return body(PoissonLoss());
    case Loss::kHinge:
      return body(HingeLoss<false>());
    case Loss::kSquaredHinge:
      return body(HingeLoss<true>());
    case Loss::kLogistic:
      return body(LogisticLoss<T>{.positive_weight = a});
    case Loss::kFocal:
      if (a == 2) return body(FocalLoss<T, PowWhole<2>>({}, arguments.b));
      return body(FocalLoss<T, PowOp<T>>({.exponent = a}, arguments.b));
    case Loss::kDivergence:
      return body(DivergenceLoss());
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
