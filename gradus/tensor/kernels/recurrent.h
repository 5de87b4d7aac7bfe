// Recurrent layers over time, f32 and f64: the part of a step that depends on the one before it.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// Its gates, in PyTorch's order, and its equations are with `lstm` and `gru` in gradus/autograd/ops.h.
enum class RecurrentCell : uint8_t { kLstm, kGru };
constexpr int64_t gates_of(RecurrentCell cell) { return cell == RecurrentCell::kLstm ? 4 : 3; }

struct RecurrentStates {
  Tensor h;      ///< (B, T, H)
  Tensor gates;  ///< (B, T, gates · H): their values.
  Tensor kept;   ///< (B, T, H): c of an LSTM; of a GRU what its new gate gets of h, before it is reset.
};
/// From h = c = 0 on. `of_x` (B, T, gates · H), contiguous, is what x gives the gates; its memory is taken. weight
/// (gates · H, H); bias (gates · H), or undefined.
RecurrentStates recurrent(RecurrentCell cell, Tensor of_x, const Tensor& weight, const Tensor& bias);

/// Of what x gives the gates, and of the products with h (one tensor for an LSTM): (B, T, gates · H).
struct RecurrentGradients {
  Tensor of_x, of_products;
};
RecurrentGradients recurrent_backward(RecurrentCell cell, const Tensor& grad, const RecurrentStates& states,
                                      const Tensor& weight);

}  // namespace gradus::kernels
