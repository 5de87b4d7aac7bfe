#include "gradus/classic/linear_problem.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"

namespace gradus {
namespace {

void check_number(bool valid, const char* name, double value, const char* expected) {
  if (!valid) fail_usage("linear", "{} is {}; expected {}", name, value, expected);
}

void check_classes(const LinearProblem& p, int64_t rows) {
  const bool is_logistic = p.loss == LinearLoss::kLogistic;
  constexpr int64_t kMost = 1 << 20;
  if (p.classes < 2 || p.classes > (is_logistic ? 2 : kMost)) {
    fail_usage("linear", "classes is {}; expected {} for the {} loss", p.classes, is_logistic ? "2" : "at least 2",
               name_of(p.loss));
  }
  if (p.targets.dtype() != DType::kI64 || p.targets.shape() != Shape{rows} || !p.targets.is_contiguous()) {
    fail_usage("linear", "the targets are {}; expected i64 ({}), the class of each row", p.targets.describe(), rows);
  }
  const int64_t* const classes = p.targets.data<int64_t>();
  const auto at = std::find_if(classes, classes + rows, [&](int64_t k) { return k < 0 || k >= p.classes; });
  if (at != classes + rows) {
    fail_usage("linear", "the class of row {} is {}; expected 0 to {}", at - classes, *at, p.classes - 1);
  }
}

void check_numbers(const LinearProblem& p, int64_t rows) {
  const Tensor& y = p.targets;
  if (y.dtype() != DType::kF32 || y.rank() < 1 || y.rank() > 2 || y.size(0) != rows || y.numel() == 0 ||
      !y.is_contiguous()) {
    fail_usage("linear", "the targets are {}; expected f32 ({}) or ({}, outputs)", y.describe(), rows, rows);
  }
  const float* const numbers = y.data<float>();
  const bool from_0 = p.loss == LinearLoss::kPoisson;
  const auto at =
      std::find_if(numbers, numbers + y.numel(), [&](float v) { return !std::isfinite(v) || (from_0 && v < 0.0F); });
  if (at != numbers + y.numel()) {
    fail_usage("linear", "a target of row {} is {}; expected finite numbers{}", (at - numbers) / (y.numel() / rows),
               *at, from_0 ? " from 0 for the poisson loss" : "");
  }
}

void check_example_weights(const Tensor& weights, int64_t rows) {
  if (weights.dtype() != DType::kF32 || weights.shape() != Shape{rows} || !weights.is_contiguous()) {
    fail_usage("linear", "the example weights are {}; expected f32 ({})", weights.describe(), rows);
  }
  double sum = 0.0;
  for (int64_t i = 0; i < rows; ++i) {
    const float weight = weights.data<float>()[i];
    if (!(weight >= 0.0F && std::isfinite(weight))) {
      fail_usage("linear", "the weight of row {} is {}; expected finite numbers from 0", i, weight);
    }
    sum += weight;
  }
  if (sum == 0.0) fail_usage("linear", "the example weights are all 0; expected one above it");
}

}  // namespace

int64_t outputs_of(const LinearProblem& problem) {
  if (!is_classification(problem.loss)) return problem.targets.rank() == 2 ? problem.targets.size(1) : 1;
  return problem.loss != LinearLoss::kSoftmax && problem.classes == 2 ? 1 : problem.classes;
}

double loss_parameter(const LinearProblem& problem) {
  return problem.loss == LinearLoss::kHuber ? problem.delta : problem.quantile;
}

void check_problem(const LinearProblem& p) {
  constexpr const char* kPenalty = "a finite number from 0";
  check_number(p.l1 >= 0.0 && std::isfinite(p.l1), "l1", p.l1, kPenalty);
  check_number(p.l2 >= 0.0 && std::isfinite(p.l2), "l2", p.l2, kPenalty);
  check_number(p.quantile > 0.0 && p.quantile < 1.0, "quantile", p.quantile, "a number above 0 and below 1");
  check_number(p.delta > 0.0 && std::isfinite(p.delta), "delta", p.delta, "a finite number above 0");
  check_inputs(p.inputs);
  if (!p.targets.defined()) fail_usage("linear", "there are no targets; give one for each row");
  const int64_t rows = p.inputs.rows();
  is_classification(p.loss) ? check_classes(p, rows) : check_numbers(p, rows);
  if (p.example_weights.defined()) check_example_weights(p.example_weights, rows);
}

LinearProblem take_rows(const LinearProblem& problem, std::span<const int64_t> rows) {
  LinearProblem taken = problem;
  taken.inputs = take_rows(problem.inputs, rows);
  const int64_t count = static_cast<int64_t>(rows.size());
  const auto take = [&](const Tensor& from, auto zero) {
    using T = decltype(zero);
    const int64_t width = from.numel() / from.size(0);
    Tensor to = Tensor::empty(from.rank() == 2 ? Shape{count, width} : Shape{count}, from.dtype());
    T* out = to.mutable_data<T>();
    for (const int64_t i : rows) out = std::copy_n(from.data<T>() + i * width, width, out);
    return to;
  };
  taken.targets = is_classification(problem.loss) ? take(problem.targets, int64_t{0}) : take(problem.targets, 0.0F);
  if (problem.example_weights.defined()) taken.example_weights = take(problem.example_weights, 0.0F);
  return taken;
}

}  // namespace gradus
