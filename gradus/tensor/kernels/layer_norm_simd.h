// The inner loops of layer_norm.cpp, on the instruction set of this processor.
#pragma once

#include "gradus/tensor/kernels/layer_norm.h"

namespace gradus::kernels {

/// Contiguous rows of `length`; one mean and rstd a row; weight and bias (length) may be null.
struct LayerNormRows {
  int64_t rows = 0, length = 0;
  bool centred = true;
  const std::byte *x = nullptr, *weight = nullptr, *bias = nullptr;
  const std::byte* grad = nullptr;      ///< For the backward pass.
  const std::byte* residual = nullptr;  ///< Added to the gradient, or null.
  std::byte *mean = nullptr, *rstd = nullptr, *out = nullptr;
};

/// Writes mean, rstd and out = x̂·weight + bias.
void run_layer_norm(DType dtype, const LayerNormRows& rows, double epsilon);
/// Reads mean and rstd; out = the gradient with respect to x.
void run_layer_norm_backward(DType dtype, const LayerNormRows& rows);
/// Reads mean and rstd; out = x̂.
void run_normalized(DType dtype, const LayerNormRows& rows);

}  // namespace gradus::kernels
