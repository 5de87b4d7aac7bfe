// The rows that linear models learn from, dense or sparse, and what all solvers do with them. Sums are in f64, on one
// thread and in a fixed order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gradus/tensor/sparse.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// N rows of F features: one of the two members is there.
struct LinearInputs {
  Tensor dense;  ///< f32 (N, F), contiguous.
  std::shared_ptr<const SparseMatrix> sparse;

  LinearInputs() = default;
  LinearInputs(Tensor rows) : dense(std::move(rows)) {}
  LinearInputs(std::shared_ptr<const SparseMatrix> rows) : sparse(std::move(rows)) {}
  LinearInputs(SparseMatrix rows) : sparse(std::make_shared<const SparseMatrix>(std::move(rows))) {}

  bool is_sparse() const { return sparse != nullptr; }
  int64_t rows() const { return is_sparse() ? sparse->rows : dense.size(0); }
  int64_t features() const { return is_sparse() ? sparse->columns : dense.size(1); }
  /// How many numbers are stored.
  int64_t stored() const { return is_sparse() ? static_cast<int64_t>(sparse->values.size()) : dense.numel(); }
};

/// Throws a usage error unless there is at least one row and one feature, all numbers are finite and sparse rows are
/// as `SparseMatrix` says.
void check_inputs(const LinearInputs& inputs);

/// out[i − begin] = bias + xᵢ·w for the rows from `begin` to before `end`; w (F).
void row_products(const LinearInputs& inputs, int64_t begin, int64_t end, const double* w, double bias, double* out);
/// sum[j] += Σᵢ factors[i − begin]·xᵢⱼ over the rows from `begin` to before `end`; sum (F).
void add_rows(const LinearInputs& inputs, int64_t begin, int64_t end, const double* factors, double* sum);

/// The rows of these numbers, in their order.
LinearInputs take_rows(const LinearInputs& inputs, std::span<const int64_t> rows);

/// The features as rows: sparse (F, N) of sparse inputs, dense of dense ones.
LinearInputs transpose(const LinearInputs& inputs);

/// How many rows fit a processor core's cache with what is computed of them, for blocks over which sums go.
int64_t rows_of_a_block(const LinearInputs& inputs);

}  // namespace gradus
