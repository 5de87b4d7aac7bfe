#include "gradus/classic/linear_objective.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_rows_simd.h"

namespace gradus {
namespace {

// Pieces of the rows that have a gradient of their own: enough for many threads, few enough that those are small.
constexpr int64_t kMostObjectivePieces = 64;
constexpr int64_t kFewestPieces = 4;
constexpr int64_t kNumbersOfPieces = int64_t{1} << 23;

// `size`: how many coefficients there are.
int64_t rows_of_a_piece(const LinearInputs& inputs, int64_t size) {
  const int64_t block = rows_of_a_block(inputs);
  const int64_t most = std::clamp(kNumbersOfPieces / size, kFewestPieces, kMostObjectivePieces);
  const int64_t blocks = (inputs.rows() + block - 1) / block;
  return (blocks + most - 1) / most * block;
}

std::vector<float> prepared_targets(const LinearProblem& problem, int64_t outputs) {
  const int64_t rows = problem.inputs.rows();
  std::vector<float> targets(static_cast<size_t>(outputs * rows));
  parallel_for(rows, int64_t{1} << 14, [&](int64_t begin, int64_t end) {
    for (int64_t k = 0; k < outputs; ++k) {
      float* const to = targets.data() + k * rows;
      if (is_classification(problem.loss)) {
        const int64_t own = problem.classes == 2 ? 1 : k;
        const int64_t* const classes = problem.targets.data<int64_t>();
        for (int64_t i = begin; i < end; ++i) to[i] = classes[i] == own ? 1.0F : -1.0F;
      } else {
        const float* const from = problem.targets.data<float>();
        for (int64_t i = begin; i < end; ++i) to[i] = from[i * outputs + k];
      }
    }
  });
  return targets;
}

}  // namespace

LinearObjective::LinearObjective(const LinearProblem& problem) : problem_(problem) {
  check_problem(problem);
  outputs_ = outputs_of(problem);
  if (problem.loss == LinearLoss::kSoftmax) {
    const int64_t* const classes = problem.targets.data<int64_t>();
    classes_.assign(classes, classes + rows());
  } else {
    targets_ = prepared_targets(problem, outputs_);
  }
  total_weight_ = static_cast<double>(rows());
  if (const float* const weights = example_weights()) {
    total_weight_ = 0.0;
    for (int64_t i = 0; i < rows(); ++i) total_weight_ += double{weights[i]};
  }
}

// The memory of a pass over blocks of rows.
struct LinearObjective::Pass {
  Pass(int64_t outputs, int64_t block) : z(outputs * block), slopes(outputs * block), values(block) {}
  std::vector<double> z, slopes, values;
};

// The sum of the losses of some rows, and of their gradients, not divided by anything.
double LinearObjective::rows_part(const double* coefficients, int64_t begin, int64_t end, double* gradient) const {
  const int64_t block = rows_of_a_block(inputs()), columns = features();
  const double* const bias = coefficients + weights_size();
  const float* const weights = example_weights();
  const bool is_softmax = problem_.loss == LinearLoss::kSoftmax;
  Pass pass(outputs_, std::min(block, end - begin));
  double sum = 0.0;
  for (int64_t at = begin; at < end; at += block) {
    const int64_t count = std::min(block, end - at);
    const auto add_values = [&] {
      for (int64_t i = 0; i < count; ++i) sum += weights == nullptr ? pass.values[i] : weights[at + i] * pass.values[i];
    };
    for (int64_t k = 0; k < outputs_; ++k) {
      row_products(inputs(), at, at + count, coefficients + k * columns, bias[k], pass.z.data() + k * count);
    }
    double* const slopes = gradient == nullptr ? nullptr : pass.slopes.data();
    if (is_softmax) {
      kernels::softmax_terms(pass.z.data(), classes() + at, outputs_, count, pass.values.data(), slopes);
      add_values();
    }
    for (int64_t k = 0; k < outputs_; ++k) {
      double* const own = slopes == nullptr ? nullptr : slopes + k * count;
      if (!is_softmax) {
        kernels::loss_terms(problem_.loss, loss_parameter(), pass.z.data() + k * count, targets(k) + at, count,
                            pass.values.data(), own, nullptr);
        add_values();
      }
      if (own == nullptr) continue;
      if (weights != nullptr) {
        for (int64_t i = 0; i < count; ++i) own[i] *= weights[at + i];
      }
      add_rows(inputs(), at, at + count, own, gradient + k * columns);
      double& bias_gradient = gradient[weights_size() + k];
      for (int64_t i = 0; i < count; ++i) bias_gradient += own[i];
    }
  }
  return sum;
}

double LinearObjective::smooth_part(const double* coefficients, double* gradient) const {
  const int64_t piece = rows_of_a_piece(inputs(), size()), pieces = (rows() + piece - 1) / piece;
  std::vector<double> gradients(gradient == nullptr ? 0 : static_cast<size_t>(pieces * size()));
  std::vector<double> sums(static_cast<size_t>(pieces));
  parallel_for(rows(), piece, [&](int64_t begin, int64_t end) {
    const int64_t at = begin / piece;
    sums[at] = rows_part(coefficients, begin, end, gradient == nullptr ? nullptr : gradients.data() + at * size());
  });
  double sum = 0.0;
  for (const double part : sums) sum += part;
  const double penalty = kernels::dot(coefficients, coefficients, weights_size());
  if (gradient != nullptr) {
    const double factor = 1.0 / total_weight_;
    parallel_for(size(), int64_t{1} << 14, [&](int64_t begin, int64_t end) {
      std::fill(gradient + begin, gradient + end, 0.0);
      for (int64_t p = 0; p < pieces; ++p) {
        kernels::add_scaled(gradient + begin, factor, gradients.data() + p * size() + begin, end - begin);
      }
    });
    kernels::add_scaled(gradient, problem_.l2, coefficients, weights_size());
    if (!problem_.intercept) std::fill(gradient + weights_size(), gradient + size(), 0.0);
  }
  return sum / total_weight_ + 0.5 * problem_.l2 * penalty;
}

double LinearObjective::l1_part(const double* coefficients) const {
  if (problem_.l1 == 0.0) return 0.0;
  double sum = 0.0;
  for (int64_t j = 0; j < weights_size(); ++j) sum += std::abs(coefficients[j]);
  return problem_.l1 * sum;
}

double LinearObjective::largest_slope(const double* coefficients, const double* gradient) const {
  double largest = 0.0;
  for (int64_t j = 0; j < size(); ++j) {
    const double l1 = j < weights_size() ? problem_.l1 : 0.0;
    const double w = coefficients[j], g = gradient[j];
    const double slope = w == 0.0 ? std::max(std::abs(g) - l1, 0.0) : std::abs(g + std::copysign(l1, w));
    // A gradient that is not finite is far from any minimum.
    largest = std::isnan(slope) ? HUGE_VAL : std::max(largest, slope);
  }
  return largest;
}

void LinearObjective::predict(const double* coefficients, double* z) const {
  const int64_t block = rows_of_a_block(inputs());
  parallel_for(rows(), 8 * block, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += block) {
      for (int64_t k = 0; k < outputs_; ++k) {
        row_products(inputs(), at, std::min(at + block, end), coefficients + k * features(),
                     coefficients[weights_size() + k], z + k * rows() + at);
      }
    }
  });
}

void LinearObjective::curvatures(int64_t output, const double* z, double* curvature) const {
  parallel_for(rows(), int64_t{1} << 14, [&](int64_t begin, int64_t end) {
    kernels::loss_terms(problem_.loss, loss_parameter(), z + begin, targets(output) + begin, end - begin, nullptr,
                        nullptr, curvature + begin);
    for (int64_t i = begin; i < end; ++i) {
      curvature[i] *= (example_weights() == nullptr ? 1.0 : double{example_weights()[i]}) / total_weight_;
    }
  });
}

int64_t gradient_bytes(const LinearInputs& inputs, int64_t size) {
  const int64_t piece = rows_of_a_piece(inputs, size), pieces = (inputs.rows() + piece - 1) / piece;
  return static_cast<int64_t>(sizeof(double)) * pieces * size;
}

}  // namespace gradus
