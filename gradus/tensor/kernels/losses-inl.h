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

// A loss: Value(d, p, t), and Slope<input>(d, p, t), its derivative in the prediction or in the target.

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
struct HuberOf {
  double delta;
  template <class D>
  HWY_INLINE hn::Vec<D> Of(D d, hn::Vec<D> x) const {
    const auto c = Slope(d, x);
    return hn::Mul(c, hn::NegMulAdd(c, SetTo(d, 0.5), x));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x) const {
    return ClampOp{.low = -delta, .high = delta}.Value(d, x);
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
// Where both lines meet, the slope is half of each.
struct QuantileOf {
  double quantile;
  template <class D>
  HWY_INLINE hn::Vec<D> Of(D d, hn::Vec<D> x) const {
    const auto below = hn::Lt(x, hn::Zero(d));
    return hn::Mul(x, hn::IfThenElse(below, SetTo(d, -quantile), SetTo(d, 1 - quantile)));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x) const {
    const auto zero = hn::Zero(d);
    const auto above = hn::IfThenElse(hn::Gt(x, zero), SetTo(d, 1 - quantile), SetTo(d, 0.5 - quantile));
    return hn::IfThenElse(hn::Lt(x, zero), SetTo(d, -quantile), above);
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
  HWY_INLINE Logistic(D d, hn::Vec<D> logit) : x(logit), e(ExpAny(d, hn::Neg(hn::Abs(logit)))) {}
  HWY_INLINE hn::Vec<D> Yes(D d) const { return Share(d, hn::Lt(x, hn::Zero(d))); }
  HWY_INLINE hn::Vec<D> No(D d) const { return Share(d, hn::Ge(x, hn::Zero(d))); }
  HWY_INLINE hn::Vec<D> Share(D d, hn::Mask<D> is_smaller) const {
    const auto one = SetTo(d, 1);
    return hn::Div(hn::IfThenElse(is_smaller, e, one), hn::Add(one, e));
  }
  // weight·log(1 + exp(−x)) + other_weight·log(1 + exp(x)): small losses stay exact, where log(1 + exp(x)) − x·t
  // cancels.
  HWY_INLINE hn::Vec<D> Cost(D d, hn::Vec<D> weight, hn::Vec<D> other_weight) const {
    const auto zero = hn::Zero(d), rest = hn::Log1p(d, e);
    const auto yes = hn::Add(rest, hn::Max(hn::Neg(x), zero)), no = hn::Add(rest, hn::Max(x, zero));
    return IfNaNThenElse(d, x, x, hn::MulAdd(weight, yes, hn::Mul(other_weight, no)));
  }
  hn::Vec<D> x, e;
};

struct LogisticLoss {
  double positive_weight;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x, hn::Vec<D> t) const {
    return Logistic<D>(d, x).Cost(d, hn::Mul(t, SetTo(d, positive_weight)), hn::Sub(SetTo(d, 1), t));
  }
  template <LossInput kInput, class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x, hn::Vec<D> t) const {
    const Logistic<D> of_x(d, x);
    const auto weight = SetTo(d, positive_weight), one = SetTo(d, 1);
    if constexpr (kInput == LossInput::kTarget) return of_x.Cost(d, weight, hn::Neg(one));
    return hn::NegMulAdd(hn::Mul(t, weight), of_x.No(d), hn::Mul(hn::Sub(one, t), of_x.Yes(d)));
  }
};

// weight · missed^gamma · cost, where weight = (2·alpha − 1)·t + 1 − alpha, and missed = t·σ(−x) + (1 − t)·σ(x) is 1
// less the label's probability.
struct FocalLoss {
  double gamma, alpha;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x, hn::Vec<D> t) const {
    const Parts<D> parts(d, x, t);
    return hn::Mul(hn::Mul(Weight(d, t), PowOp{.exponent = gamma}.Value(d, parts.missed)), parts.cost);
  }
  template <LossInput kInput, class D>
  HWY_INLINE hn::Vec<D> Slope(D d, hn::Vec<D> x, hn::Vec<D> t) const {
    const Parts<D> parts(d, x, t);
    const PowOp power{.exponent = gamma};
    const auto factor = power.Value(d, parts.missed);
    const auto one = SetTo(d, 1), difference = hn::Sub(parts.no, parts.yes);
    auto missed_slope = difference;
    auto cost_slope = parts.of_x.Cost(d, one, hn::Neg(one));
    if constexpr (kInput == LossInput::kPrediction) {
      missed_slope = hn::Mul(hn::Mul(parts.yes, parts.no), hn::NegMulAdd(t, SetTo(d, 2), one));
      cost_slope = hn::NegMulAdd(t, parts.no, hn::Mul(hn::Sub(one, t), parts.yes));
    }
    const auto factor_slope = power.Backward(d, parts.missed, missed_slope);
    const auto slope = hn::Mul(Weight(d, t), hn::MulAdd(factor_slope, parts.cost, hn::Mul(factor, cost_slope)));
    if constexpr (kInput == LossInput::kPrediction) return slope;
    return hn::MulAdd(SetTo(d, 2 * alpha - 1), hn::Mul(factor, parts.cost), slope);
  }

 private:
  template <class D>
  struct Parts {
    HWY_INLINE Parts(D d, hn::Vec<D> x, hn::Vec<D> t) : of_x(d, x), yes(of_x.Yes(d)), no(of_x.No(d)) {
      const auto rest = hn::Sub(SetTo(d, 1), t);
      missed = hn::MulAdd(t, no, hn::Mul(rest, yes));
      cost = of_x.Cost(d, t, rest);
    }
    Logistic<D> of_x;
    hn::Vec<D> yes, no, missed, cost;
  };
  template <class D>
  HWY_INLINE hn::Vec<D> Weight(D d, hn::Vec<D> t) const {
    return hn::MulAdd(t, SetTo(d, 2 * alpha - 1), SetTo(d, 1 - alpha));
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

// Calls `body(function)` with the loss.
template <class Body>
HWY_INLINE void WithLoss(Loss loss, const LossArguments& arguments, Body&& body) {
  switch (loss) {
    case Loss::kSquared:
      return body(OfDifference<SquareOf>{});
    case Loss::kAbsolute:
      return body(OfDifference<SizeOf>{});
    case Loss::kHuber:
      return body(OfDifference<HuberOf>{{.delta = arguments.a}});
    case Loss::kLogCosh:
      return body(OfDifference<LogCoshOf>{});
    case Loss::kQuantile:
      return body(OfDifference<QuantileOf>{{.quantile = arguments.a}});
    case Loss::kPoisson:
      return body(PoissonLoss());
    case Loss::kHinge:
      return body(HingeLoss<false>());
    case Loss::kSquaredHinge:
      return body(HingeLoss<true>());
    case Loss::kLogistic:
      return body(LogisticLoss{.positive_weight = arguments.a});
    case Loss::kFocal:
      return body(FocalLoss{.gamma = arguments.a, .alpha = arguments.b});
    case Loss::kDivergence:
      return body(DivergenceLoss());
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
