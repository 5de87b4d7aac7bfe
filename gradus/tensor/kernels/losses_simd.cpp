#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/losses_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/losses-inl.h"
#include "gradus/tensor/kernels/losses_simd.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// Sums in double of what is computed in T.
template <class T>
class WideSum {
 public:
  using D = hn::ScalableTag<T>;
  HWY_INLINE WideSum() : low_(hn::Zero(Wide())), high_(low_) {}
  HWY_INLINE void Add(hn::Vec<D> x) {
    if constexpr (sizeof(T) == 8) {
      low_ = hn::Add(low_, x);
    } else {
#if HWY_TARGET == HWY_SCALAR  // one lane has no halves
      low_ = hn::Add(low_, hn::PromoteTo(Wide(), x));
#else
      const hn::Half<D> half;
      low_ = hn::Add(low_, hn::PromoteTo(Wide(), hn::LowerHalf(half, x)));
      high_ = hn::Add(high_, hn::PromoteTo(Wide(), hn::UpperHalf(half, x)));
#endif
    }
  }
  HWY_INLINE double Total() const { return hn::GetLane(hn::SumOfLanes(Wide(), hn::Add(low_, high_))); }

 private:
  using Wide = hn::ScalableTag<double>;
  hn::Vec<Wide> low_, high_;
};

// As in elementwise_simd.cpp, a long function stands once, for whole vectors and for the last part of one.
template <class T, class Function>
HWY_NOINLINE double BlockSum(const Function& function, const T* prediction, const T* target, size_t count) {
  const hn::ScalableTag<T> d;
  WideSum<T> sum;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const size_t part = HWY_MIN(hn::Lanes(d), count - i);
    const auto term = function.Value(d, LoadSome(d, prediction + i, part), LoadSome(d, target + i, part));
    sum.Add(HWY_LIKELY(part == hn::Lanes(d)) ? term : hn::IfThenElseZero(hn::FirstN(d, part), term));
  }
  return sum.Total();
}

// Both gradients in one pass, or the one that is not null.
template <bool kPrediction, bool kTarget, class T, class Function>
HWY_NOINLINE void SlopeLoop(const Function& function, const LossRun& run, double scale, const LossSlopes& slopes) {
  const hn::ScalableTag<T> d;
  const T* prediction = reinterpret_cast<const T*>(run.prediction);
  const T* target = reinterpret_cast<const T*>(run.target);
  T* of_prediction = reinterpret_cast<T*>(slopes.prediction);
  T* of_target = reinterpret_cast<T*>(slopes.target);
  const size_t count = static_cast<size_t>(run.count);
  const auto factor = SetTo(d, scale);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const size_t part = HWY_MIN(hn::Lanes(d), count - i);
    const auto p = LoadSome(d, prediction + i, part), t = LoadSome(d, target + i, part);
    const auto store = [&](auto slope, T* out) HWY_ATTR { StoreSome(d, hn::Mul(slope, factor), out + i, part); };
    if constexpr (kPrediction) store(function.template Slope<LossInput::kPrediction>(d, p, t), of_prediction);
    if constexpr (kTarget) store(function.template Slope<LossInput::kTarget>(d, p, t), of_target);
  }
}

template <class T>
void Sums(Loss loss, const LossArguments& arguments, const LossRun& run, int64_t block, double* sums) {
  const T* prediction = reinterpret_cast<const T*>(run.prediction);
  const T* target = reinterpret_cast<const T*>(run.target);
  WithLoss<T>(loss, arguments, [&](const auto& function) {
    for (int64_t i = 0; i < run.count; i += block) {
      *sums++ = BlockSum(function, prediction + i, target + i, static_cast<size_t>(HWY_MIN(block, run.count - i)));
    }
  });
}

template <class T>
void Slopes(Loss loss, const LossArguments& arguments, const LossRun& run, double scale, const LossSlopes& slopes) {
  WithLoss<T>(loss, arguments, [&](const auto& function) {
    if (slopes.target == nullptr) return SlopeLoop<true, false, T>(function, run, scale, slopes);
    if (slopes.prediction == nullptr) return SlopeLoop<false, true, T>(function, run, scale, slopes);
    SlopeLoop<true, true, T>(function, run, scale, slopes);
  });
}

void RunLossSums(Loss loss, const LossArguments& arguments, DType dtype, const LossRun& run, int64_t block,
                 double* sums) {
  dtype == DType::kF32 ? Sums<float>(loss, arguments, run, block, sums)
                       : Sums<double>(loss, arguments, run, block, sums);
}

void RunLossSlopes(Loss loss, const LossArguments& arguments, DType dtype, const LossRun& run, double scale,
                   const LossSlopes& slopes) {
  dtype == DType::kF32 ? Slopes<float>(loss, arguments, run, scale, slopes)
                       : Slopes<double>(loss, arguments, run, scale, slopes);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunLossSums);
HWY_EXPORT(RunLossSlopes);
}  // namespace

void run_loss_sums(Loss loss, const LossArguments& arguments, DType dtype, const LossRun& run, int64_t block,
                   double* sums) {
  HWY_DYNAMIC_DISPATCH(RunLossSums)(loss, arguments, dtype, run, block, sums);
}
void run_loss_slopes(Loss loss, const LossArguments& arguments, DType dtype, const LossRun& run, double scale,
                     const LossSlopes& slopes) {
  HWY_DYNAMIC_DISPATCH(RunLossSlopes)(loss, arguments, dtype, run, scale, slopes);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
