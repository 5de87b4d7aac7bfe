// Linear problems made by formula.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gradus/classic/linear_objective.h"
#include "gradus/classic/linear_solver.h"
#include "tests/random_tensor.h"
#include "tests/testing.h"

namespace gradus {

/// The same rows, sparse; what is 0 is left out.
inline SparseMatrix sparse_of(const Tensor& dense) {
  SparseMatrix sparse;
  sparse.rows = dense.size(0);
  sparse.columns = dense.size(1);
  for (int64_t i = 0; i < sparse.rows; ++i) {
    for (int64_t j = 0; j < sparse.columns; ++j) {
      const float value = dense.data<float>()[i * sparse.columns + j];
      if (value == 0.0F) continue;
      sparse.indices.push_back(static_cast<int32_t>(j));
      sparse.values.push_back(value);
    }
    sparse.offsets.push_back(static_cast<int64_t>(sparse.values.size()));
  }
  return sparse;
}

/// Rows of normal numbers and targets that follow a linear model of them: numbers, counts or classes, as the loss
/// needs, with some noise.
inline LinearProblem random_problem(LinearLoss loss, int64_t rows, int64_t features, int64_t outputs = 1,
                                    uint64_t key = 1) {
  LinearProblem p;
  p.loss = loss;
  p.inputs = random_tensor({rows, features}, key);
  const Tensor w = random_tensor({outputs, features}, key + 1, 1.0 / std::sqrt(static_cast<double>(features)));
  const Tensor noise = random_tensor({rows, outputs}, key + 2);
  const auto z = [&](int64_t i, int64_t k) {
    double sum = 0.3 + noise.data<float>()[i * outputs + k];
    for (int64_t j = 0; j < features; ++j) {
      sum += double{p.inputs.dense.data<float>()[i * features + j]} * double{w.data<float>()[k * features + j]};
    }
    return sum;
  };
  if (is_classification(loss)) {
    p.classes = std::max<int64_t>(2, outputs);
    std::vector<int64_t> classes;
    for (int64_t i = 0; i < rows; ++i) {
      int64_t best = 0;
      for (int64_t k = 1; k < outputs; ++k) best = z(i, k) > z(i, best) ? k : best;
      classes.push_back(outputs == 1 ? z(i, 0) > 0.0 : best);
    }
    p.targets = Tensor::from(classes, {rows});
    return p;
  }
  std::vector<float> targets;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = 0; k < outputs; ++k) {
      targets.push_back(static_cast<float>(loss == LinearLoss::kPoisson ? std::floor(std::exp(z(i, k))) : z(i, k)));
    }
  }
  p.targets = Tensor::from(targets, outputs == 1 ? Shape{rows} : Shape{rows, outputs});
  return p;
}

/// A solver's coefficients as one vector: weights, then bias.
inline std::vector<double> coefficients_of(const LinearSolver& solver) {
  std::vector<double> all = solver.weights().values<double>();
  const std::vector<double> bias = solver.bias().values<double>();
  all.insert(all.end(), bias.begin(), bias.end());
  return all;
}

}  // namespace gradus
