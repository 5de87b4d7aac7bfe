// Adafactor's passes: the sums of squares by row and column, the length of the update, the update. All in double.
#pragma once

#include "gradus/tensor/kernels/update.h"

namespace gradus::kernels {

/// A parameter of rank 2 or more as matrices one behind the other.
struct FactoredShape {
  int64_t matrices, rows, columns;
};

/// Σ g² of the mixed gradient g over each row, into `rows` (matrices · rows numbers), and over each column, into
/// `columns` (matrices · columns). Blocks are cut by the shape alone: threads change no bit.
void factored_sums(const UpdateArrays& arrays, const GradientMix& mix, const FactoredShape& shape, double* rows,
                   double* columns);

/// u = g / √max(v, floor), where 1/√v is rows[i]·columns[j], or v is an array like θ.
struct AdafactorUpdate {
  GradientMix mix = {};
  double floor = 0.0;
  FactoredShape shape = {};
  const double* rows = nullptr;  ///< With `columns`, or else `variance`.
  const double* columns = nullptr;
  const std::byte* variance = nullptr;
  double decay = 0.0;
  double step = 0.0;
};
/// Σ u².
double adafactor_squares(const UpdateArrays& arrays, const AdafactorUpdate& update);
/// θ ← θ − (decay·θ + step·u).
void update_adafactor(const UpdateArrays& arrays, const AdafactorUpdate& update);

/// v ← v + part·(g² − v) for the mixed gradient g.
void update_variance(const UpdateArrays& arrays, const GradientMix& mix, std::byte* variance, double part);

}  // namespace gradus::kernels
