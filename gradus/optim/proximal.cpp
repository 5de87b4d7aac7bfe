#include "gradus/optim/proximal.h"

#include <cmath>

#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/proximal.h"
#include "gradus/tensor/kernels/update.h"
#include "gradus/tensor/kernels/vector.h"

namespace gradus {
namespace {

// ‖g‖ of each group. Inputs are the last dimension, so that as a matrix (out, all else) the columns go through them
// again and again.
Tensor group_norms(const Tensor& theta, WeightGroups groups_of) {
  const kernels::SquareSums sums = kernels::square_sums(theta);
  const bool of_inputs = groups_of == WeightGroups::kInputs;
  const Tensor& squares = of_inputs ? sums.columns : sums.rows;
  const int64_t count = of_inputs ? theta.size(-1) : theta.size(0);
  Tensor norms = Tensor::zeros({count}, DType::kF64);
  if (count == 0) return norms;
  const double* const from = squares.data<double>();
  double* const to = norms.mutable_data<double>();
  for (int64_t i = 0; i < squares.numel(); ++i) to[i % count] += from[i];
  for (int64_t i = 0; i < count; ++i) to[i] = std::sqrt(to[i]);
  return norms;
}

void shrink_groups(Tensor& theta, double threshold, WeightGroups groups_of) {
  Tensor factors = group_norms(theta, groups_of);
  double* const factor = factors.mutable_data<double>();
  for (int64_t i = 0; i < factors.numel(); ++i) factor[i] = factor[i] > threshold ? 1.0 - threshold / factor[i] : 0.0;
  if (groups_of == WeightGroups::kOutputs) return kernels::scale_rows(theta, factors);
  const int64_t columns = kernels::matrix_size(theta).columns;
  if (columns == factors.numel()) return kernels::scale_columns(theta, factors);
  Tensor repeated = Tensor::zeros({columns}, DType::kF64);
  for (int64_t i = 0; i < columns; ++i) repeated.mutable_data<double>()[i] = factor[i % factors.numel()];
  kernels::scale_columns(theta, repeated);
}

void limit_rows(Tensor& theta, double limit) {
  Tensor factors = group_norms(theta, WeightGroups::kOutputs);
  double* const factor = factors.mutable_data<double>();
  for (int64_t i = 0; i < factors.numel(); ++i) factor[i] = factor[i] > limit ? limit / factor[i] : 1.0;
  kernels::scale_rows(theta, factors);
}

bool is_matrix(const Tensor& theta) { return theta.rank() >= 2; }

}  // namespace

void check(const ProximalOptions& o) {
  constexpr std::string_view kSubject = "proximal step";
  detail::check_from_0(kSubject, "l1", o.l1);
  detail::check_from_0(kSubject, "l2", o.l2);
  detail::check_from_0(kSubject, "group_lasso", o.group_lasso);
  detail::check_from_0(kSubject, "max_norm", o.max_norm);
}

double proximal_penalty(const Tensor& theta, const ProximalOptions& o) {
  double penalty = 0.0;
  if (is_matrix(theta) || o.all) {
    if (o.l1 > 0.0) penalty += o.l1 * kernels::sum_of_sizes(theta);
    if (o.l2 > 0.0) penalty += 0.5 * o.l2 * kernels::sum_of_squares(theta.dtype(), theta.numel(), theta.bytes());
  }
  if (!is_matrix(theta) || o.group_lasso == 0.0) return penalty;
  const Tensor norms = group_norms(theta, o.groups_of);
  double sum = 0.0;
  for (int64_t i = 0; i < norms.numel(); ++i) sum += norms.data<double>()[i];
  return penalty + o.group_lasso * sum;
}

void proximal_step(Tensor& theta, double learning_rate, const ProximalOptions& o) {
  const bool penalized = is_matrix(theta) || o.all;
  const double threshold = penalized ? learning_rate * o.l1 : 0.0;
  const double shrinkage = penalized ? 1.0 / (1.0 + learning_rate * o.l2) : 1.0;
  const bool groups = is_matrix(theta) && o.group_lasso > 0.0;
  // Without groups between them, threshold and shrinkage are one pass.
  if (threshold > 0.0 || (shrinkage < 1.0 && !groups)) {
    kernels::soft_threshold(theta, threshold, groups ? 1.0 : shrinkage);
  }
  if (groups) {
    shrink_groups(theta, learning_rate * o.group_lasso, o.groups_of);
    if (shrinkage < 1.0) kernels::soft_threshold(theta, 0.0, shrinkage);
  }
  if (is_matrix(theta) && o.max_norm > 0.0) limit_rows(theta, o.max_norm);
}

}  // namespace gradus
