// Weighted Gram matrices of the rows of a linear problem.
#pragma once

#include <span>
#include <vector>

#include "gradus/classic/linear_inputs.h"

namespace gradus {

/// What a Gram matrix of dense rows is added up in, some hundred rows at a time, before it goes to f64. Sparse rows are
/// always added in f64.
enum class GramPrecision : uint8_t {
  kF32,  ///< Twice as fast; elements are off by up to some 1e-6 of the diagonal's.
  kF64,
};

/// The lower triangle of Σᵢ factors[i]·(xᵢ − shift, 1)·(xᵢ − shift, 1)ᵀ: (F + 1, F + 1) row-major, with the row of the
/// 1 last. Factors are from 0; all 1 if `factors` is nullptr, the shift (F) is 0 if that is: the features' means make
/// small what is added up. Above the diagonal there is anything. The cuts depend on the sizes alone, so threads change
/// no bit. `sums` are what `weighted_sums` says of the factors, where that is known already.
std::vector<double> weighted_gram(const LinearInputs& inputs, const double* factors, const double* shift,
                                  GramPrecision precision, std::span<const double> sums = {});

/// Σᵢ factors[i]·xᵢ, and last Σᵢ factors[i]: (F + 1).
std::vector<double> weighted_sums(const LinearInputs& inputs, const double* factors);
/// The same for several factors, with one pass over the rows.
std::vector<std::vector<double>> weighted_sums(const LinearInputs& inputs, std::span<const double* const> factors);

/// What `weighted_gram` takes for matrices while it works, of sparse rows: its own and those of parts of the rows.
int64_t sparse_gram_bytes(int64_t rows, int64_t columns);

}  // namespace gradus
