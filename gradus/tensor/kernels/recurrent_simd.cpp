#include "gradus/tensor/kernels/recurrent_simd.h"

#include <hwy/cache_control.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/recurrent_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/functions-inl.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// Calls `body(lanes, row, unit)` for each vector of each row.
template <class T, class Body>
HWY_INLINE void ForCells(const RecurrentCells<T>& a, Body&& body) {
  for (int64_t row = 0; row < a.rows; ++row) {
    ForLanes<T>(static_cast<size_t>(a.units),
                [&](auto lanes, size_t unit) HWY_ATTR { body(lanes, row, static_cast<int64_t>(unit)); });
  }
}

template <class D, class L, class T>
HWY_INLINE hn::Vec<D> LoadOrZero(D d, L lanes, const T* from, int64_t at) {
  return from == nullptr ? hn::Zero(d) : lanes.Load(from + at);
}

// Asks for what another step has of `gates` gates in the same place: rows lie a sequence apart, which no processor
// foresees.
template <class T>
HWY_INLINE void PrefetchGates(const T* at, int64_t gate, int64_t gates) {
  for (int64_t k = 0; k < gates; ++k) hwy::Prefetch(at + k * gate);
}

template <class T>
void Lstm(const RecurrentCells<T>& a) {
  const hn::ScalableTag<T> d;
  ForCells(a, [&](auto lanes, int64_t row, int64_t unit) HWY_ATTR {
    T* gates = a.gates + row * a.gates_row + unit;
    const T* products = a.products + row * a.products_row + unit;
    const auto sum = [&](int64_t k) HWY_ATTR {
      return hn::Add(lanes.Load(gates + k * a.gate), lanes.Load(products + k * a.products_gate));
    };
    PrefetchGates(gates + 4 * a.gate, a.gate, 4);
    const auto i = SigmoidAny(d, sum(0)), f = SigmoidAny(d, sum(1)), g = TanhAny(d, sum(2)), o = SigmoidAny(d, sum(3));
    const int64_t at = row * a.state_row + unit;
    const auto c = hn::MulAdd(f, LoadOrZero(d, lanes, a.c_before, at), hn::Mul(i, g));
    lanes.Store(i, gates);
    lanes.Store(f, gates + a.gate);
    lanes.Store(g, gates + 2 * a.gate);
    lanes.Store(o, gates + 3 * a.gate);
    lanes.Store(c, a.c + at);
    const auto h = hn::Mul(o, TanhAny(d, c));
    lanes.Store(h, a.h + at);
    lanes.Store(h, a.next + row * a.next_row + unit);
  });
}

// The slope of σ by its value, times g.
template <class V>
HWY_INLINE V OfSigmoid(V value, V g) {
  return hn::Mul(g, hn::NegMulAdd(value, value, value));
}
// The same of tanh.
template <class D, class V>
HWY_INLINE V OfTanh(D d, V value, V g) {
  return hn::Mul(g, hn::NegMulAdd(value, value, hn::Set(d, hn::TFromD<D>{1})));
}

template <class T>
void LstmBackward(const RecurrentCells<T>& a) {
  const hn::ScalableTag<T> d;
  ForCells(a, [&](auto lanes, int64_t row, int64_t unit) HWY_ATTR {
    const T* gates = a.gates + row * a.gates_row + unit;
    const int64_t at = row * a.state_row + unit, there = row * a.carried_row + unit;
    PrefetchGates(gates - 4 * a.gate, a.gate, 4);
    hwy::Prefetch(a.grad + at - a.gate);
    const auto i = lanes.Load(gates), f = lanes.Load(gates + a.gate), g = lanes.Load(gates + 2 * a.gate),
               o = lanes.Load(gates + 3 * a.gate), c = TanhAny(d, lanes.Load(a.c + at));
    const auto of_h = hn::Add(lanes.Load(a.grad + at), LoadOrZero(d, lanes, a.later, row * a.products_row + unit));
    const auto of_c = hn::Add(lanes.Load(a.carried + there), OfTanh(d, c, hn::Mul(of_h, o)));
    const auto put = [&](int64_t gate, auto value) HWY_ATTR {
      lanes.Store(value, a.of_gates + row * a.gates_row + gate * a.gate + unit);
      lanes.Store(value, a.next + row * a.next_row + gate * a.gate + unit);
    };
    put(0, OfSigmoid(i, hn::Mul(of_c, g)));
    put(1, OfSigmoid(f, hn::Mul(of_c, LoadOrZero(d, lanes, a.c_before, at))));
    put(2, OfTanh(d, g, hn::Mul(of_c, i)));
    put(3, OfSigmoid(o, hn::Mul(of_h, c)));
    lanes.Store(hn::Mul(of_c, f), a.carried + there);
  });
}

template <class T>
void Gru(const RecurrentCells<T>& a) {
  const hn::ScalableTag<T> d;
  ForCells(a, [&](auto lanes, int64_t row, int64_t unit) HWY_ATTR {
    T* gates = a.gates + row * a.gates_row + unit;
    const T* products = a.products + row * a.products_row + unit;
    const auto sum = [&](int64_t k) HWY_ATTR {
      return hn::Add(lanes.Load(gates + k * a.gate), lanes.Load(products + k * a.products_gate));
    };
    PrefetchGates(gates + 3 * a.gate, a.gate, 3);
    const auto r = SigmoidAny(d, sum(0)), z = SigmoidAny(d, sum(1)), of_h = lanes.Load(products + 2 * a.products_gate);
    const auto n = TanhAny(d, hn::MulAdd(r, of_h, lanes.Load(gates + 2 * a.gate)));
    const int64_t at = row * a.state_row + unit;
    lanes.Store(r, gates);
    lanes.Store(z, gates + a.gate);
    lanes.Store(n, gates + 2 * a.gate);
    lanes.Store(of_h, a.kept + at);
    const auto h = hn::MulAdd(z, hn::Sub(LoadOrZero(d, lanes, a.h_before, at), n), n);
    lanes.Store(h, a.h + at);
    lanes.Store(h, a.next + row * a.next_row + unit);
  });
}

template <class T>
void GruBackward(const RecurrentCells<T>& a) {
  const hn::ScalableTag<T> d;
  ForCells(a, [&](auto lanes, int64_t row, int64_t unit) HWY_ATTR {
    const T* gates = a.gates + row * a.gates_row + unit;
    const int64_t at = row * a.state_row + unit, there = row * a.carried_row + unit;
    PrefetchGates(gates - 3 * a.gate, a.gate, 3);
    hwy::Prefetch(a.grad + at - a.gate);
    const auto r = lanes.Load(gates), z = lanes.Load(gates + a.gate), n = lanes.Load(gates + 2 * a.gate);
    const auto outside = hn::Add(lanes.Load(a.grad + at), LoadOrZero(d, lanes, a.later, row * a.products_row + unit));
    const auto of_h = hn::Add(outside, lanes.Load(a.carried + there));
    const auto of_n = OfTanh(d, n, hn::NegMulAdd(of_h, z, of_h));
    const auto of_r = OfSigmoid(r, hn::Mul(of_n, lanes.Load(a.kept + at)));
    const auto of_z = OfSigmoid(z, hn::Mul(of_h, hn::Sub(LoadOrZero(d, lanes, a.h_before, at), n)));
    const auto put = [&](int64_t gate, auto of_x, auto of_product) HWY_ATTR {
      const int64_t there_too = row * a.gates_row + gate * a.gate + unit;
      lanes.Store(of_x, a.of_gates + there_too);
      lanes.Store(of_product, a.of_products + there_too);
      lanes.Store(of_product, a.next + row * a.next_row + gate * a.gate + unit);
    };
    put(0, of_r, of_r);
    put(1, of_z, of_z);
    put(2, of_n, hn::Mul(of_n, r));
    lanes.Store(hn::Mul(of_h, z), a.carried + there);
  });
}

void LstmF32(const RecurrentCells<float>& a) { Lstm(a); }
void LstmF64(const RecurrentCells<double>& a) { Lstm(a); }
void LstmBackwardF32(const RecurrentCells<float>& a) { LstmBackward(a); }
void LstmBackwardF64(const RecurrentCells<double>& a) { LstmBackward(a); }
void GruF32(const RecurrentCells<float>& a) { Gru(a); }
void GruF64(const RecurrentCells<double>& a) { Gru(a); }
void GruBackwardF32(const RecurrentCells<float>& a) { GruBackward(a); }
void GruBackwardF64(const RecurrentCells<double>& a) { GruBackward(a); }

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(LstmF32);
HWY_EXPORT(LstmF64);
HWY_EXPORT(LstmBackwardF32);
HWY_EXPORT(LstmBackwardF64);
HWY_EXPORT(GruF32);
HWY_EXPORT(GruF64);
HWY_EXPORT(GruBackwardF32);
HWY_EXPORT(GruBackwardF64);

template <>
void lstm_cells(const RecurrentCells<float>& cells) {
  HWY_DYNAMIC_DISPATCH(LstmF32)(cells);
}
template <>
void lstm_cells(const RecurrentCells<double>& cells) {
  HWY_DYNAMIC_DISPATCH(LstmF64)(cells);
}
template <>
void lstm_cells_backward(const RecurrentCells<float>& cells) {
  HWY_DYNAMIC_DISPATCH(LstmBackwardF32)(cells);
}
template <>
void lstm_cells_backward(const RecurrentCells<double>& cells) {
  HWY_DYNAMIC_DISPATCH(LstmBackwardF64)(cells);
}
template <>
void gru_cells(const RecurrentCells<float>& cells) {
  HWY_DYNAMIC_DISPATCH(GruF32)(cells);
}
template <>
void gru_cells(const RecurrentCells<double>& cells) {
  HWY_DYNAMIC_DISPATCH(GruF64)(cells);
}
template <>
void gru_cells_backward(const RecurrentCells<float>& cells) {
  HWY_DYNAMIC_DISPATCH(GruBackwardF32)(cells);
}
template <>
void gru_cells_backward(const RecurrentCells<double>& cells) {
  HWY_DYNAMIC_DISPATCH(GruBackwardF64)(cells);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
