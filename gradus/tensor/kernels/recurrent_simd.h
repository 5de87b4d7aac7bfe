// The inner loops of recurrent.cpp, on the instruction set of this processor. T is float or double.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// Some units of a recurrent layer at one time step, for all rows. Pointers are to the first of the units.
template <class T>
struct RecurrentCells {
  int64_t rows = 0, units = 0;
  int64_t gate = 0, products_gate = 0;  ///< From one gate's part of a row to the next.
  int64_t gates_row = 0, products_row = 0, state_row = 0, carried_row = 0;  ///< From row to row.
  T* gates = nullptr;           ///< What x gives each gate; the gates' values afterwards. `gates_row`.
  const T* products = nullptr;  ///< What the step before gives each gate. `products_row`.
  const T *h_before = nullptr, *c_before = nullptr;  ///< `state_row`; nullptr before the first step.
  T *h = nullptr, *c = nullptr, *kept = nullptr;     ///< `state_row`; of a GRU, `kept` is what the new gate gets of h.
  /// A copy of what the next step multiplies: h, or backward `of_products`. `next_row`.
  T* next = nullptr;
  int64_t next_row = 0;
  // Backward:
  const T* grad = nullptr;   ///< Of h, from outside. `state_row`.
  const T* later = nullptr;  ///< Of h, from the products of the step behind; nullptr at the last. `products_row`.
  T* carried = nullptr;      ///< Of c (LSTM) or h (GRU), past the products; read, and written for the step before.
  T *of_gates = nullptr, *of_products = nullptr;  ///< Gradients of both sums, `gates_row`; an LSTM's are one.
};

/// Gates i, f, g, o: c = σ(f)·c_before + σ(i)·tanh(g), h = σ(o)·tanh(c).
template <class T>
void lstm_cells(const RecurrentCells<T>& cells);
template <class T>
void lstm_cells_backward(const RecurrentCells<T>& cells);
/// Gates r, z, n: n = tanh(x's part + σ(r)·the part of h_before), h = (1 − σ(z))·n + σ(z)·h_before.
template <class T>
void gru_cells(const RecurrentCells<T>& cells);
template <class T>
void gru_cells_backward(const RecurrentCells<T>& cells);

}  // namespace gradus::kernels
