// Recurrent layers.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/recurrent.h"
#include "gradus/tensor/matmul.h"

namespace gradus {
namespace {

using kernels::RecurrentCell;

void check(const char* name, const Tensor& x, const RecurrentParameters& p, int64_t gates) {
  if (!is_float(x.dtype())) fail_not_float(name, x.dtype());
  if (x.rank() != 3 || p.weight_ih.rank() != 2 || p.weight_ih.size(1) != x.size(2) ||
      p.weight_ih.size(0) % gates != 0) {
    fail(name, "input {} and weight_ih {}: expected (B, T, C) and ({}·H, C)", x.describe(), p.weight_ih.describe(),
         gates);
  }
  const int64_t rows = p.weight_ih.size(0), units = rows / gates;
  if (!(p.weight_hh.shape() == Shape{rows, units}) || p.weight_hh.dtype() != x.dtype()) {
    fail(name, "weight_hh {} for weight_ih {}: expected {} ({}, {})", p.weight_hh.describe(), p.weight_ih.describe(),
         name_of(x.dtype()), rows, units);
  }
  if (p.bias_hh.defined() && (!(p.bias_hh.shape() == Shape{rows}) || p.bias_hh.dtype() != x.dtype())) {
    fail(name, "bias_hh {} for weight_hh {}: expected {} ({},)", p.bias_hh.describe(), p.weight_hh.describe(),
         name_of(x.dtype()), rows);
  }
}

// h of the step before each, zeros first.
Tensor one_step_later(const Tensor& h) {
  if (h.size(1) == 0) return h;
  const Tensor before = h.view({h.size(0), h.size(1) - 1, h.size(2)}, h.strides());
  return kernels::concat(std::array{Tensor::zeros({h.size(0), 1, h.size(2)}, h.dtype()), before}, 1);
}

// What x gives the gates is one product for all steps, and so are the gradients of both weights.
Tensor recurrent(const char* name, RecurrentCell cell, const Tensor& x, const RecurrentParameters& p) {
  check(name, x, p, kernels::gates_of(cell));
  kernels::RecurrentStates states =
      kernels::recurrent(cell, kernels::linear(x, p.weight_ih, p.bias_ih), p.weight_hh, p.bias_hh);
  if (!needs_gradient(x, p.weight_ih, p.weight_hh, p.bias_ih, p.bias_hh)) return states.h;
  Tensor y = states.h;
  return record(name, std::move(y), std::array{&x, &p.weight_ih, &p.weight_hh, &p.bias_ih, &p.bias_hh},
                [cell, x = Saved(x), of_x = Saved(p.weight_ih), of_h = Saved(p.weight_hh), h = Saved(states.h),
                 gates = states.gates, kept = states.kept](Gradients& g) {
                  const kernels::RecurrentGradients back =
                      kernels::recurrent_backward(cell, g.output(), {h.get(), gates, kept}, of_h.get());
                  if (g.needs(1)) g.add(1, GradientKind::kLinear, x.get(), back.of_x);
                  if (g.needs(2)) g.add(2, GradientKind::kLinear, one_step_later(h.get()), back.of_products);
                  if (g.needs(3)) g.add(3, GradientKind::kBias, Tensor(), back.of_x);
                  if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), back.of_products);
                  if (g.needs(0)) g.add(0, kernels::linear_backward_input(back.of_x, of_x.get()));
                });
}

}  // namespace

Tensor lstm(const Tensor& x, const RecurrentParameters& parameters) {
  return recurrent("lstm", RecurrentCell::kLstm, x, parameters);
}
Tensor gru(const Tensor& x, const RecurrentParameters& parameters) {
  return recurrent("gru", RecurrentCell::kGru, x, parameters);
}

}  // namespace gradus
