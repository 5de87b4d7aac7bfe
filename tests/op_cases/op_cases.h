// The table of ops: one row declares an op, and its tests, its gradient check and its benchmark follow from the row.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "gradus/autograd/ops.h"

namespace gradus {

/// An input of a benchmark.
struct OpInput {
  Shape shape;
  int64_t below = 0;  ///< Above 0: i64 in [0, below). 0: f32.
};

struct OpCase {
  std::string_view name;  ///< The row, and its variants' place in tests/references/ops.safetensors.
  std::string_view op;    ///< The function of gradus/autograd/ops.h that it tests.
  Tensor (*function)(std::span<const Tensor> x);
  /// The first so many inputs are differentiable; −1 for all.
  int differentiable = -1;
  /// Errors are counted in roundings: a result may be off by so many units of 2⁻⁵³ (f64) or 2⁻²⁴ (f32) …
  double roundings = 2;
  /// … of its own size, or, where terms of either sign are summed, of the largest result's beside it.
  bool cancels = false;
  /// The same for variants named extreme…, large… or offset…, where PyTorch's result or ours carries more; 0: as above.
  double roundings_at_ends = 0;
  /// Inputs of the benchmark; none: the row has no benchmark.
  std::vector<OpInput> benchmark = {};
  /// Floating-point operations of a forward pass (backward does twice as many); none: the benchmark counts bytes.
  double (*flops)(std::span<const Tensor> x) = nullptr;
  /// Bytes that a forward pass reads and writes; none: all inputs and the result once.
  double (*bytes)(std::span<const Tensor> x) = nullptr;
  /// Where the gradient at an element x is not PyTorch's on purpose; the row says why.
  bool (*own_gradient)(double x, double ours, double theirs) = nullptr;
};

/// All rows, simple ones first.
const std::vector<OpCase>& op_cases();

/// Deterministic inputs for a benchmark or a test of bits: f32 in [−2, 2), or ids.
std::vector<Tensor> make_inputs(std::span<const OpInput> inputs);

}  // namespace gradus
