// In how many bits an op multiplies, and keeps what its backward needs.
#pragma once

#include "gradus/autograd/tape.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {

/// For f32 tensors; f64 ones are used and kept as they are. Each is kF32 or kBF16. Results, sums, norms, softmax,
/// losses and gradients of parameters are f32 all the same.
struct Precision {
  /// kBF16: the factors of matrix products are rounded to bf16 and their products added up in f32. It needs
  /// `has_bf16_products()`. (Micikevicius et al., "Mixed precision training", 2018; Kalamkar et al., "A study of
  /// BFLOAT16 for deep learning training", 2019.)
  DType products = DType::kF32;
  /// kBF16: what is kept for backward is rounded to bf16, which halves its memory; any processor can. Results are those
  /// of f32, but for attention, which rounds its input first.
  DType activations = DType::kF32;

  /// `x` as a factor of a product.
  Tensor factor(const Tensor& x) const { return x.dtype() == DType::kF32 ? kernels::cast(x, products) : x; }
};

/// A value kept for backward in the precision of activations. In bf16 it is a copy, so that the op before it need not
/// keep its own; else as `Saved`.
class Kept {
 public:
  Kept(const Tensor& x, const Precision& precision)
      : dtype_(x.dtype()), saved_(dtype_ == DType::kF32 ? kernels::cast(x, precision.activations) : x) {}
  /// In its first dtype, rounded if it was kept so.
  Tensor get() const { return kernels::cast(saved_.get(), dtype_); }
  /// Whether `get` makes a tensor that nobody else sees.
  bool is_rounded() const { return saved_.get().dtype() != dtype_; }

 private:
  DType dtype_;
  Saved saved_;
};

}  // namespace gradus
