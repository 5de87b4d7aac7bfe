#include "gradus/tensor/kernels/compare.h"

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/select_simd.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

std::string_view name_of(Comparison op) {
  constexpr std::string_view kNames[] = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"};
  return kNames[static_cast<size_t>(op)];
}

// Calls `body(holds)` with the function of two numbers that `op` names.
template <class Body>
void with_comparison(Comparison op, Body&& body) {
  switch (op) {
    case Comparison::kEqual:
      return body([](auto a, auto b) { return a == b; });
    case Comparison::kNotEqual:
      return body([](auto a, auto b) { return a != b; });
    case Comparison::kLess:
      return body([](auto a, auto b) { return a < b; });
    case Comparison::kLessEqual:
      return body([](auto a, auto b) { return a <= b; });
    case Comparison::kGreater:
      return body([](auto a, auto b) { return a > b; });
    case Comparison::kGreaterEqual:
      return body([](auto a, auto b) { return a >= b; });
  }
}

// As `dispatch_all`, but for bf16, which is stored and multiplied only.
template <class Body>
void dispatch_comparable(std::string_view op, DType dtype, Body&& body) {
  dispatch_all(dtype, [&]<class T>(T value) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      fail(op, "bf16 tensors; convert them to f32 with cast");
    } else {
      body(value);
    }
  });
}

void check_pair(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) fail(op, "{} and {} do not mix; convert one with cast", a.describe(), b.describe());
}

// Strides of 1, or 0 for the last of N operands: known to the compiler, so that it can use vectors.
template <size_t N, bool kLastRepeats>
struct DenseStrides {
  constexpr int64_t operator[](size_t i) const { return kLastRepeats && i + 1 == N ? 0 : 1; }
};

// Calls `row(offsets, count, strides)` for rows, or pieces of long ones, of a walk over broadcast operands.
template <size_t N, class Row>
void for_broadcast_rows(const Walk<N>& walk, Row&& row) {
  const auto& strides = walk.inner_stride();
  const bool dense = std::all_of(strides.begin(), strides.end() - 1, [](int64_t s) { return s == 1; });
  const auto run = [&](const auto& offsets, int64_t count) {
    if (dense && strides.back() == 1) return row(offsets, count, DenseStrides<N, false>());
    if (dense && strides.back() == 0) return row(offsets, count, DenseStrides<N, true>());
    row(offsets, count, strides);
  };
  const int64_t inner = walk.inner();
  if (inner > kGrain) {
    return parallel_rows(walk.rows(), inner, kGrain, [&](int64_t index, int64_t begin, int64_t end) {
      auto offsets = walk.row_offsets(index);
      for (size_t n = 0; n < N; ++n) offsets[n] += begin * strides[n];
      run(offsets, end - begin);
    });
  }
  parallel_for(walk.rows(), std::max<int64_t>(1, kGrain / inner), [&](int64_t begin, int64_t end) {
    walk.for_rows(begin, end, [&](const auto& offsets) { run(offsets, inner); });
  });
}

}  // namespace

Tensor compare(Comparison op, const Tensor& a, const Tensor& b) {
  check_pair(name_of(op), a, b);
  Tensor result = Tensor::empty(broadcast_shapes(name_of(op), a.shape(), b.shape()), DType::kBool);
  if (result.numel() == 0) return result;
  const Shape a_strides = broadcast_strides(a, result.shape()), b_strides = broadcast_strides(b, result.shape());
  const Walk<3> walk(result.shape(), {&result.strides(), &a_strides, &b_strides});
  bool* const out = result.mutable_data<bool>();
  dispatch_comparable(name_of(op), a.dtype(), [&]<class T>(T) {
    const T *x = a.data<T>(), *y = b.data<T>();
    with_comparison(op, [&](auto holds) {
      for_broadcast_rows(walk, [=](const auto& at, int64_t count, const auto& stride) {
        for (int64_t i = 0; i < count; ++i) {
          out[at[0] + i] = holds(x[at[1] + i * stride[1]], y[at[2] + i * stride[2]]);
        }
      });
    });
  });
  return result;
}

Tensor compare(Comparison op, const Tensor& x, double scalar) {
  Tensor result = Tensor::empty(x.shape(), DType::kBool);
  if (result.numel() == 0) return result;
  const Walk<2> walk(result.shape(), {&result.strides(), &x.strides()});
  bool* const out = result.mutable_data<bool>();
  dispatch_comparable(name_of(op), x.dtype(), [&]<class T>(T) {
    const T* from = x.data<T>();
    // In T where that can hold the number, else in double.
    const auto with_value = [&](auto value) {
      with_comparison(op, [&](auto holds) {
        for_broadcast_rows(walk, [=](const auto& at, int64_t count, const auto& stride) {
          for (int64_t i = 0; i < count; ++i) {
            out[at[0] + i] = holds(static_cast<decltype(value)>(from[at[1] + i * stride[1]]), value);
          }
        });
      });
    };
    if (std::is_same_v<T, float> && static_cast<double>(static_cast<float>(scalar)) == scalar) {
      with_value(static_cast<float>(scalar));
    } else {
      with_value(scalar);
    }
  });
  return result;
}

namespace {

void check_condition(const Tensor& condition) {
  if (condition.dtype() != DType::kBool) {
    fail("where", "a condition of {}; expected bool, as a comparison gives", condition.describe());
  }
}

}  // namespace

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check_condition(condition);
  check_pair("where", a, b);
  Tensor result = Tensor::empty(
      broadcast_shapes("where", broadcast_shapes("where", a.shape(), b.shape()), condition.shape()), a.dtype());
  if (result.numel() == 0) return result;
  const Shape &shape = result.shape(), c_strides = broadcast_strides(condition, shape);
  const Shape a_strides = broadcast_strides(a, shape), b_strides = broadcast_strides(b, shape);
  const Walk<4> walk(shape, {&result.strides(), &c_strides, &a_strides, &b_strides});
  const bool* chosen = condition.data<bool>();
  dispatch_all(a.dtype(), [&]<class T>(T) {
    const T *x = a.data<T>(), *y = b.data<T>();
    T* out = result.mutable_data<T>();
    const auto bytes_at = [](const T* element) { return reinterpret_cast<const std::byte*>(element); };
    for_broadcast_rows(walk, [=](const auto& at, int64_t count, const auto& stride) {
      if (stride[1] == 1 && stride[2] >= 0 && stride[2] <= 1 && stride[3] >= 0 && stride[3] <= 1) {
        return run_select(sizeof(T), {.chosen = chosen + at[1],
                                      .x = bytes_at(x + at[2]),
                                      .y = bytes_at(y + at[3]),
                                      .out = reinterpret_cast<std::byte*>(out + at[0]),
                                      .count = count,
                                      .x_repeats = stride[2] == 0,
                                      .y_repeats = stride[3] == 0});
      }
      for (int64_t i = 0; i < count; ++i) {
        out[at[0] + i] = chosen[at[1] + i * stride[1]] ? x[at[2] + i * stride[2]] : y[at[3] + i * stride[3]];
      }
    });
  });
  return result;
}

Tensor where(const Tensor& condition, const Tensor& x, double otherwise) {
  return where(condition, x, Tensor::full({}, otherwise, x.dtype()));
}

}  // namespace gradus::kernels
