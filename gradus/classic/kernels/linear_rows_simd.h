// Products of dense f32 rows with f64 weights, and sums of rows: on one thread, in f64, in a fixed order.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// out[i] = bias + Σⱼ x[i][j]·w[j]; x (rows, columns) contiguous.
void row_products(const float* x, int64_t rows, int64_t columns, const double* w, double bias, double* out);

/// sum[j] += Σᵢ factors[i]·x[i][j].
void add_rows(const float* x, int64_t rows, int64_t columns, const double* factors, double* sum);

/// y += factor·x.
void add_scaled(double* y, double factor, const double* x, int64_t count);
void add_scaled(double* y, double factor, const float* x, int64_t count);
/// y += factor·d·x, element by element.
void add_weighted(double* y, double factor, const double* d, const float* x, int64_t count);
/// Σ xᵢ·yᵢ.
double dot(const double* x, const double* y, int64_t count);

}  // namespace gradus::kernels
