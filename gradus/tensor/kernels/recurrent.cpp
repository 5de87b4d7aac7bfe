#include "gradus/tensor/kernels/recurrent.h"

#include <array>
#include <utility>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/convolution_simd.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/packed_columns.h"
#include "gradus/tensor/kernels/recurrent_simd.h"

namespace gradus::kernels {
namespace {

// The products of all rows of a step with a part of a packed weight. Units are shared out in strips, and a strip's
// weights meet the same gates at every step.
template <class T>
class Step {
 public:
  // Columns are units, `parts` of them behind one another (the gates).
  Step(const Tensor& weight, int64_t parts, int64_t depth, int64_t units, int64_t depth_stride, int64_t column_stride,
       int64_t rows)
      : parts_(parts), depth_(depth), units_(units), size_(block_size<T>()) {
    strips_ = (units + strip() - 1) / strip();
    packed_ = Tensor::empty({parts, strips_, depth * strip()}, dtype_of<T>());
    T* const to = packed_.template mutable_data<T>();
    const T* const from = weight.data<T>();
    parallel_for(parts * strips_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i % strips_ * strip(), columns = std::min(strip(), units_ - first);
        pack_columns(from + (i / strips_ * units_ + first) * column_stride, depth_stride, column_stride, depth_,
                     columns, width_of_strip(columns, size_.lanes), to + i * depth_ * strip());
      }
    });
    for (int64_t i = 0; i < rows; i += size_.rows) blocks_.push_back({i, std::min(size_.rows, rows - i), i, 0, 1});
    for (auto& [numbers, places] : sources_) {
      numbers.resize(static_cast<size_t>(rows * source_row()));
      for (int64_t i = 0; i < rows; ++i) places.push_back(numbers.data() + i * source_row());
    }
    for (int64_t i = 0; i < rows; ++i) places_.push_back(i * products_row());
    products_ = Tensor::empty({strips_, rows, products_row()}, dtype_of<T>());
  }

  int64_t strip() const { return 2 * size_.lanes; }
  int64_t strips() const { return strips_; }
  int64_t products_row() const { return parts_ * strip(); }
  // Where the rows that the next step multiplies are written, `source_row` apart; the first step's are zeros. They lie
  // apart from the results: a sequence apart, as those are, they often meet in the same lines of the first-level cache.
  T* next_sources() { return sources_[1 - now_].numbers.data(); }
  int64_t source_row() const { return row_of_copies<T>(depth_, size_.lanes); }
  void advance() { now_ = 1 - now_; }
  // The products of a strip of units with every part, (rows, parts, strip).
  T* multiply(int64_t s, const T* bias) {
    static constexpr int64_t kFirstTap = 0;
    TapTile<T> t;
    t.depth = depth_;
    t.columns = units_;
    t.blocks = blocks_.data();
    t.count = static_cast<int64_t>(blocks_.size());
    t.sources = sources_[now_].places.data();
    t.taps = &kFirstTap;
    t.places = places_.data();
    t.all_taps = 1;
    const auto rows = static_cast<int64_t>(places_.size());
    T* const products = products_.template mutable_data<T>() + s * rows * products_row();
    for (int64_t part = 0; part < parts_; ++part) {
      t.packed = packed_.template data<T>() + part * strips_ * depth_ * strip();
      t.bias = bias == nullptr ? nullptr : bias + part * units_;
      t.result = products + part * strip() - s * strip();  // to which the strip's column is added
      tap_product(t, s, s + 1);
    }
    return products;
  }

 private:
  int64_t parts_, depth_, units_, strips_ = 0;
  BlockSize size_;
  Tensor packed_, products_;
  std::vector<TapBlock> blocks_;
  struct Sources {
    std::vector<T> numbers;
    std::vector<const T*> places;
  };
  std::array<Sources, 2> sources_;  // of this step and of the next
  size_t now_ = 0;
  std::vector<int64_t> places_;
};

// Moves every pointer of a step to its unit and time.
template <class T>
RecurrentCells<T> cells_at(RecurrentCells<T> a, int64_t t, int64_t unit, int64_t units, int64_t gates) {
  a.units = units;
  const int64_t state = t * a.gate + unit, gate = t * gates * a.gate + unit;
  for (T** p : {&a.h, &a.c, &a.kept}) *p = *p == nullptr ? nullptr : *p + state;
  for (T** p : {&a.gates, &a.of_gates, &a.of_products}) *p = *p == nullptr ? nullptr : *p + gate;
  for (const T** p : {&a.h_before, &a.c_before}) *p = *p == nullptr || t == 0 ? nullptr : *p + state - a.gate;
  if (a.grad != nullptr) a.grad += state;
  if (a.carried != nullptr) a.carried += unit;
  a.next += unit;
  return a;
}

// Backward reads what forward writes, through the same description; a version that moved would say otherwise.
template <class T>
T* data_of(const Tensor& t) {
  return const_cast<T*>(t.data<T>());
}

template <class T>
RecurrentCells<T> cells_of(RecurrentCell cell, const RecurrentStates& states) {
  const int64_t units = states.h.size(2), steps = states.h.size(1), gates = gates_of(cell);
  RecurrentCells<T> a;
  a.rows = states.h.size(0);
  a.gate = units;
  a.gates_row = steps * gates * units;
  a.state_row = steps * units;
  a.carried_row = units;
  a.gates = data_of<T>(states.gates);
  a.h = data_of<T>(states.h);
  a.h_before = a.h;
  T* kept = data_of<T>(states.kept);
  (cell == RecurrentCell::kLstm ? a.c : a.kept) = kept;
  if (cell == RecurrentCell::kLstm) a.c_before = kept;
  return a;
}

}  // namespace

RecurrentStates recurrent(RecurrentCell cell, Tensor of_x, const Tensor& weight, const Tensor& bias) {
  const int64_t gates = gates_of(cell), rows = of_x.size(0), steps = of_x.size(1), units = of_x.size(2) / gates;
  const Shape shape{rows, steps, units};
  RecurrentStates states{Tensor::empty(shape, of_x.dtype()), std::move(of_x), Tensor()};
  states.kept = Tensor::empty(shape, states.h.dtype());
  if (states.h.numel() == 0) return states;
  const Tensor w = contiguous(weight), b = bias.defined() ? contiguous(bias) : bias;
  dispatch_float("recurrent", w.dtype(), [&]<class T>(T) {
    Step<T> step(w, gates, units, units, 1, units, rows);
    const T* const bias_data = b.defined() ? b.data<T>() : nullptr;
    RecurrentCells<T> all = cells_of<T>(cell, states);
    all.products_row = step.products_row(), all.products_gate = step.strip();
    all.next_row = step.source_row();
    for (int64_t t = 0; t < steps; ++t, step.advance()) {
      all.next = step.next_sources();
      parallel_for(step.strips(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; ++s) {
          const int64_t unit = s * step.strip();
          auto own = cells_at(all, t, unit, std::min(step.strip(), units - unit), gates);
          own.products = step.multiply(s, bias_data);
          cell == RecurrentCell::kLstm ? lstm_cells(own) : gru_cells(own);
        }
      });
    }
  });
  return states;
}

RecurrentGradients recurrent_backward(RecurrentCell cell, const Tensor& grad, const RecurrentStates& states,
                                      const Tensor& weight) {
  const int64_t gates = gates_of(cell), rows = grad.size(0), steps = grad.size(1), units = grad.size(2);
  RecurrentGradients result;
  result.of_x = Tensor::empty(states.gates.shape(), grad.dtype());
  result.of_products = cell == RecurrentCell::kLstm ? result.of_x : Tensor::empty(states.gates.shape(), grad.dtype());
  if (grad.numel() == 0) return result;
  const Tensor w = contiguous(weight), g = contiguous(grad);
  dispatch_float("recurrent", w.dtype(), [&]<class T>(T) {
    Step<T> step(w, 1, gates * units, units, units, 1, rows);
    Tensor carried = Tensor::zeros({rows, units}, w.dtype());
    RecurrentCells<T> all = cells_of<T>(cell, states);
    all.grad = g.data<T>();
    all.products_row = step.products_row();
    all.carried = carried.mutable_data<T>();
    all.of_gates = result.of_x.mutable_data<T>();
    all.of_products = result.of_products.mutable_data<T>();
    all.next_row = step.source_row();
    for (int64_t t = steps - 1; t >= 0; --t, step.advance()) {
      const bool has_later = t + 1 < steps;
      all.next = step.next_sources();
      parallel_for(step.strips(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; ++s) {
          const int64_t unit = s * step.strip();
          auto own = cells_at(all, t, unit, std::min(step.strip(), units - unit), gates);
          if (has_later) own.later = step.multiply(s, nullptr);
          cell == RecurrentCell::kLstm ? lstm_cells_backward(own) : gru_cells_backward(own);
        }
      });
    }
  });
  return result;
}

}  // namespace gradus::kernels
