// The inner loops of elementwise.cpp, on the instruction set of this processor.
#pragma once

#include "gradus/tensor/kernels/elementwise.h"

namespace gradus::kernels {

/// `height` rows of `width` elements. Strides count elements.
struct BinaryPlane {
  int64_t height = 1, width = 0;
  const std::byte *a = nullptr, *b = nullptr;
  std::byte* out = nullptr;
  int64_t a_down = 0, b_down = 0, out_down = 0;
  bool a_repeats = false, b_repeats = false;  ///< One element for the whole row; not both.
};

void run_unary(Unary op, const UnaryArguments& arguments, DType dtype, const std::byte* x, std::byte* out,
               int64_t count);
/// The plane's `a` is what was saved, `b` the gradient of the result, which may be `out`.
void run_unary_backward(Unary op, const UnaryArguments& arguments, DType dtype, const BinaryPlane& plane);
/// `out` may be `a` or `b`.
void run_binary(Binary op, DType dtype, const BinaryPlane& plane);

}  // namespace gradus::kernels
