#include "gradus/tensor/kernels/losses.h"

#include <cmath>
#include <limits>

#include "gradus/tensor/kernels/copy.h"
#include "tests/testing.h"

namespace gradus {
namespace losses_test {

using kernels::Loss;
using kernels::LossArguments;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Closed forms in long double.
struct Expected {
  long double value, prediction_slope, target_slope;
};
struct LossCase {
  const char* name;
  Loss loss;
  LossArguments arguments;
  Expected (*expected)(long double p, long double t);
  bool of_labels = false;  // targets are 0, 1 or between
};

long double sigmoid_of(long double x) { return 1 / (1 + std::exp(-x)); }
long double softplus_of(long double x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x))); }
long double sign_of(long double x) { return static_cast<long double>((x > 0) - (x < 0)); }

Expected hinge_of(long double p, long double t, bool square) {
  const long double missing = std::max(0.0L, 1 - p * t), slope = square ? 2 * missing : missing > 0;
  return {square ? missing * missing : missing, -slope * t, -slope * p};
}

Expected logistic_of(long double p, long double t, long double weight) {
  return {weight * t * softplus_of(-p) + (1 - t) * softplus_of(p),
          (1 - t) * sigmoid_of(p) - weight * t * sigmoid_of(-p), weight * softplus_of(-p) - softplus_of(p)};
}

Expected focal_of(long double p, long double t, long double gamma, long double alpha) {
  const Expected cost = logistic_of(p, t, 1);
  const long double yes = sigmoid_of(p), no = sigmoid_of(-p), missed = t * no + (1 - t) * yes;
  const long double weight = alpha * t + (1 - alpha) * (1 - t), factor = std::pow(missed, gamma);
  const long double rise = gamma == 0 ? 0 : gamma * std::pow(missed, gamma - 1);
  return {
      weight * factor * cost.value,
      weight * (rise * yes * no * (1 - 2 * t) * cost.value + factor * cost.prediction_slope),
      (2 * alpha - 1) * factor * cost.value + weight * (rise * (no - yes) * cost.value + factor * cost.target_slope)};
}

const LossCase kCases[] = {
    {"squared",
     Loss::kSquared,
     {},
     [](long double p, long double t) -> Expected {
       return {(p - t) * (p - t), 2 * (p - t), 2 * (t - p)};
     }},
    {"absolute",
     Loss::kAbsolute,
     {},
     [](long double p, long double t) -> Expected {
       return {std::abs(p - t), sign_of(p - t), sign_of(t - p)};
     }},
    {"huber",
     Loss::kHuber,
     {0.75},
     [](long double p, long double t) -> Expected {
       const long double d = p - t, size = std::abs(d), slope = size > 0.75L ? 0.75L * sign_of(d) : d;
       return {size > 0.75L ? 0.75L * (size - 0.375L) : d * d / 2, slope, -slope};
     }},
    {"log_cosh",
     Loss::kLogCosh,
     {},
     [](long double p, long double t) -> Expected {
       const long double d = p - t, half = std::sinh(d / 2);  // cosh d = 1 + 2·sinh²(d/2)
       return {std::log1p(2 * half * half), std::tanh(d), -std::tanh(d)};
     }},
    {"quantile",
     Loss::kQuantile,
     {0.3},
     [](long double p, long double t) -> Expected {
       const long double d = p - t, q = 0.3, slope = d > 0 ? 1 - q : d < 0 ? -q : 0.5L - q;
       return {d > 0 ? (1 - q) * d : -q * d, slope, -slope};
     }},
    {"poisson",
     Loss::kPoisson,
     {},
     [](long double p, long double t) -> Expected {
       return {std::exp(p) - t * p, std::exp(p) - t, -p};
     }},
    {"hinge", Loss::kHinge, {}, [](long double p, long double t) { return hinge_of(p, t, false); }},
    {"squared_hinge", Loss::kSquaredHinge, {}, [](long double p, long double t) { return hinge_of(p, t, true); }},
    {"logistic", Loss::kLogistic, {1.0}, [](long double p, long double t) { return logistic_of(p, t, 1); }, true},
    {"weighted", Loss::kLogistic, {2.5}, [](long double p, long double t) { return logistic_of(p, t, 2.5L); }, true},
    {"focal", Loss::kFocal, {2.0, 0.25}, [](long double p, long double t) { return focal_of(p, t, 2, 0.25L); }, true},
    {"focal_real",
     Loss::kFocal,
     {1.5, 0.5},
     [](long double p, long double t) { return focal_of(p, t, 1.5L, 0.5L); },
     true},
    {"focal_none",
     Loss::kFocal,
     {0.0, 0.5},
     [](long double p, long double t) { return focal_of(p, t, 0, 0.5L); },
     true},
    {"divergence",
     Loss::kDivergence,
     {},
     [](long double p, long double t) -> Expected {
       return {t == 0 ? 0 : t * (std::log(t) - p), -t, (t == 0 ? 0 : std::log(t) + 1) - p};
     },
     true},
};

void PrintTo(const LossCase& test, std::ostream* out) { *out << test.name; }

class Losses : public testing::TestWithParam<LossCase> {
 protected:
  double value(double p, double t, DType dtype) const {
    const LossCase& c = GetParam();
    return kernels::loss_sum("loss", c.loss, c.arguments, Tensor::scalar(p, dtype), Tensor::scalar(t, dtype));
  }
  kernels::LossGradients slopes(double p, double t, DType dtype, const kernels::LossNeeds& needs) const {
    const LossCase& c = GetParam();
    return kernels::loss_backward(c.loss, c.arguments, Tensor::scalar(p, dtype), Tensor::scalar(t, dtype), 1.0, needs);
  }
};

// Each term by itself, so that nothing hides behind a larger one; `size` is what the terms of a slope are made of.
TEST_P(Losses, AreWithinSomeRoundingsOfTheirClosedForms) {
  const double targets[] = {-1.0, 0.0, 0.25, 0.75, 1.0};
  for (const double t : targets) {
    if (t < 0 && GetParam().of_labels) continue;
    for (const double p : {-30.0, -8.0, -2.5, -1.0, -0.5, -0x1p-10, 0.0, 0x1p-10, 0.25, 0.75, 1.0, 1.25, 6.0, 30.0}) {
      const Expected expected = GetParam().expected(p, t);
      for (const DType dtype : {DType::kF32, DType::kF64}) {
        const double unit = dtype == DType::kF32 ? 0x1p-24 : 0x1p-53;
        const std::string what = fmt::format("{} of {} and {}", name_of(dtype), p, t);
        const auto near = [&](double actual, long double wanted, double size) {
          EXPECT_LE(std::abs(static_cast<long double>(actual) - wanted), 64 * unit * size) << what << ": " << actual;
        };
        near(value(p, t, dtype), expected.value, std::abs(static_cast<double>(expected.value)));
        const double size = 1 + std::abs(p) + std::abs(static_cast<double>(expected.prediction_slope)) +
                            std::abs(static_cast<double>(expected.target_slope));
        const kernels::LossGradients both = slopes(p, t, dtype, {true, true});
        near(both.prediction.item(), expected.prediction_slope, size);
        near(both.target.item(), expected.target_slope, size);
        EXPECT_EQ(slopes(p, t, dtype, {true, false}).prediction.item(), both.prediction.item()) << what;
        EXPECT_EQ(slopes(p, t, dtype, {false, true}).target.item(), both.target.item()) << what;
      }
    }
  }
}

TEST_P(Losses, KeepNaN) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    EXPECT_TRUE(std::isnan(value(std::nan(""), 1.0, dtype)));
    EXPECT_TRUE(std::isnan(value(0.5, std::nan(""), dtype)));
  }
}

// Sums of blocks and of what is left over, and of other strides. Within a block there are at most 2,048 roundings.
TEST_P(Losses, AddUp) {
  for (const int64_t count : {0, 1, 3, 17, 2047, 2048, 2049, 5003, 70001}) {
    const Tensor p = Tensor::linspace(-2, 2, count, DType::kF64), t = Tensor::linspace(1, 0, count, DType::kF64);
    const std::vector<double> ps = p.values<double>(), ts = t.values<double>();
    long double sum = 0;
    for (size_t i = 0; i < ps.size(); ++i) sum += GetParam().expected(ps[i], ts[i]).value;
    const double expected = static_cast<double>(sum);
    const auto total = [&](const Tensor& a, const Tensor& b) {
      return kernels::loss_sum("loss", GetParam().loss, GetParam().arguments, a, b);
    };
    EXPECT_NEAR(total(p, t), expected, 2048 * 0x1p-53 * std::abs(expected)) << count;
    EXPECT_NEAR(total(kernels::cast(p, DType::kF32), kernels::cast(t, DType::kF32)), expected,
                2e-7 * std::abs(expected) + 1e-7)
        << count;
    if (count == 0) continue;
    Tensor apart = Tensor::full({2 * count}, kInfinity, DType::kF64);
    Tensor view = apart.view({count}, {2}, 1);
    kernels::copy_into(view, p);
    EXPECT_EQ(total(view, t), total(p, t)) << count;
  }
}

INSTANTIATE_TEST_SUITE_P(Loss, Losses, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(LossEnds, AreWhatTheyTendTo) {
  const auto value = [](Loss loss, const LossArguments& arguments, double p, double t) {
    return kernels::loss_sum("loss", loss, arguments, Tensor::scalar(p, DType::kF32), Tensor::scalar(t, DType::kF32));
  };
  EXPECT_EQ(value(Loss::kLogCosh, {}, 1e30, 0), static_cast<double>(1e30F));
  EXPECT_EQ(value(Loss::kLogCosh, {}, -kInfinity, 0), kInfinity);
  EXPECT_EQ(value(Loss::kHuber, {0.5}, kInfinity, 0), kInfinity);
  EXPECT_EQ(value(Loss::kLogistic, {1.0}, 1e30, 1), 0);
  EXPECT_EQ(value(Loss::kLogistic, {1.0}, -1e30, 1), static_cast<double>(1e30F));
  EXPECT_EQ(value(Loss::kFocal, {2.0, 0.25}, 1e30, 1), 0);
}

}  // namespace losses_test
}  // namespace gradus
