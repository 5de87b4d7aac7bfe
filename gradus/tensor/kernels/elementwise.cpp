#include "gradus/tensor/kernels/elementwise.h"

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise_simd.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

std::string_view name_of(Unary op) {
  constexpr std::string_view kNames[] = {"negate",     "abs",      "sign",       "floor", "sqrt", "rsqrt",
                                         "exp",        "log",      "sin",        "cos",   "tanh", "sigmoid",
                                         "silu",       "relu",     "leaky_relu", "elu",   "selu", "gelu",
                                         "gelu_exact", "softplus", "mish",       "clamp", "pow"};
  return kNames[static_cast<size_t>(op)];
}

std::string_view name_of(Binary op) {
  constexpr std::string_view kNames[] = {"add",     "subtract", "multiply", "divide",
                                         "maximum", "minimum",  "pow",      "swiglu"};
  return kNames[static_cast<size_t>(op)];
}

void check_float(std::string_view name, DType dtype) {
  if (!is_float(dtype)) fail_not_float(name, dtype);
}

int64_t grain_of(Unary op) {
  switch (op) {
    case Unary::kNegate:
    case Unary::kAbs:
    case Unary::kSign:
    case Unary::kFloor:
    case Unary::kSqrt:
    case Unary::kRelu:
    case Unary::kLeakyRelu:
    case Unary::kClamp:
      return kGrain;
    default:
      return kCostlyGrain;
  }
}
int64_t grain_of(Binary op) { return op == Binary::kPower || op == Binary::kSwiglu ? kCostlyGrain : kGrain; }

// All operands contiguous, or one element that repeats; `run(plane)` does a piece.
template <class Run>
void for_pieces(DType dtype, int64_t grain, const BinaryPlane& all, Run&& run) {
  const int64_t bytes = size_of(dtype);
  parallel_for(all.width, grain, [&](int64_t begin, int64_t end) {
    BinaryPlane piece = all;
    piece.width = end - begin;
    if (!all.a_repeats) piece.a += begin * bytes;
    if (!all.b_repeats) piece.b += begin * bytes;
    piece.out += begin * bytes;
    run(piece);
  });
}

void run_flat(Binary op, DType dtype, const BinaryPlane& all) {
  for_pieces(dtype, grain_of(op), all, [=](const BinaryPlane& piece) { run_binary(op, dtype, piece); });
}

using BinaryWalk = Walk<3>;  // out, a, b

// The plane of up to `count` rows from `row` on that lie at equal distances.
BinaryPlane plane_at(const BinaryWalk& walk, const BinaryPlane& base, int64_t bytes, int64_t row, int64_t count) {
  BinaryPlane plane = base;
  const auto [out, a, b] = walk.row_offsets(row);
  plane.out += out * bytes;
  plane.a += a * bytes;
  plane.b += b * bytes;
  if (walk.rank > 1) {
    const int64_t height = walk.size[walk.last() - 1];
    plane.height = std::min(count, height - row % height);
    plane.out_down = walk.stride[walk.last() - 1][0];
    plane.a_down = walk.stride[walk.last() - 1][1];
    plane.b_down = walk.stride[walk.last() - 1][2];
  }
  return plane;
}

void run_rows(Binary op, DType dtype, const BinaryWalk& walk, BinaryPlane base) {
  const int64_t inner = walk.inner(), bytes = size_of(dtype), grain = grain_of(op);
  base.width = inner;
  base.a_repeats = walk.inner_stride()[1] == 0;
  base.b_repeats = walk.inner_stride()[2] == 0;
  if (inner > grain) {  // few long rows
    for (int64_t row = 0; row < walk.rows(); ++row) run_flat(op, dtype, plane_at(walk, base, bytes, row, 1));
    return;
  }
  parallel_for(walk.rows(), std::max<int64_t>(1, grain / inner), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end;) {
      const BinaryPlane plane = plane_at(walk, base, bytes, row, end - row);
      run_binary(op, dtype, plane);
      row += plane.height;
    }
  });
}

Tensor broadcast_binary(std::string_view name, Binary op, const Tensor& a, const Tensor& b) {
  Tensor result = Tensor::empty(broadcast_shapes(name, a.shape(), b.shape()), a.dtype());
  if (result.numel() == 0) return result;
  const Shape a_strides = broadcast_strides(a, result.shape()), b_strides = broadcast_strides(b, result.shape());
  const BinaryWalk walk(result.shape(), {&result.strides(), &a_strides, &b_strides});
  const auto [out_stride, a_stride, b_stride] = walk.inner_stride();
  const bool simple = (a_stride == 1 && (b_stride == 0 || b_stride == 1)) || (a_stride == 0 && b_stride == 1);
  if (!simple && walk.inner() > 1 && !(a.is_contiguous() && b.is_contiguous())) {
    return binary(name, op, contiguous(a), contiguous(b));
  }
  run_rows(op, a.dtype(), walk, {.a = a.bytes(), .b = b.bytes(), .out = result.mutable_bytes()});
  return result;
}

}  // namespace

Tensor unary(Unary op, const Tensor& x, const UnaryArguments& arguments) {
  check_float(name_of(op), x.dtype());
  if (!x.is_contiguous()) return unary(op, contiguous(x), arguments);
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  const std::byte* from = x.bytes();
  std::byte* to = result.mutable_bytes();
  const int64_t bytes = size_of(x.dtype());
  parallel_for(x.numel(), grain_of(op), [=, dtype = x.dtype()](int64_t begin, int64_t end) {
    run_unary(op, arguments, dtype, from + begin * bytes, to + begin * bytes, end - begin);
  });
  return result;
}

Tensor unary_backward(Unary op, const Tensor& saved, Tensor grad, const UnaryArguments& arguments) {
  if (saved.dtype() != grad.dtype() || !(saved.shape() == grad.shape())) {
    fail(name_of(op), "a gradient of {} for {}; shape and dtype must be equal", grad.describe(), saved.describe());
  }
  const Tensor a = contiguous(saved), b = contiguous(std::exchange(grad, Tensor()));
  Tensor result = b.is_unique() ? b : Tensor::empty(a.shape(), a.dtype());
  const BinaryPlane all{.width = a.numel(), .a = a.bytes(), .b = b.bytes(), .out = result.mutable_bytes()};
  for_pieces(a.dtype(), grain_of(op), all,
             [&, dtype = a.dtype()](const BinaryPlane& piece) { run_unary_backward(op, arguments, dtype, piece); });
  return result;
}

Tensor binary(std::string_view name, Binary op, const Tensor& a, const Tensor& b) {
  check_float(name, a.dtype());
  if (a.dtype() != b.dtype()) {
    fail(name, "{} and {} do not mix; convert one with cast", gradus::name_of(a.dtype()), gradus::name_of(b.dtype()));
  }
  const bool one_b = b.numel() == 1 && b.rank() <= a.rank();
  const bool one_a = a.numel() == 1 && a.rank() <= b.rank() && !one_b;
  const bool flat = one_b   ? a.is_contiguous()
                    : one_a ? b.is_contiguous()
                            : a.is_contiguous() && b.is_contiguous() && a.shape() == b.shape();
  if (!flat) return broadcast_binary(name, op, a, b);
  const Tensor& larger = one_a ? b : a;
  Tensor result = Tensor::empty(larger.shape(), a.dtype());
  run_flat(op, a.dtype(),
           {.width = result.numel(),
            .a = a.bytes(),
            .b = b.bytes(),
            .out = result.mutable_bytes(),
            .a_repeats = one_a,
            .b_repeats = one_b});
  return result;
}

namespace {

Tensor binary_scalar(Binary op, const Tensor& x, double scalar, bool scalar_first) {
  if (!x.is_contiguous()) return binary_scalar(op, contiguous(x), scalar, scalar_first);
  return dispatch_float(name_of(op), x.dtype(), [&]<class T>(T) {
    const T value = static_cast<T>(scalar);
    const std::byte* repeated = reinterpret_cast<const std::byte*>(&value);
    Tensor result = Tensor::empty(x.shape(), x.dtype());
    run_flat(op, x.dtype(),
             {.width = x.numel(),
              .a = scalar_first ? repeated : x.bytes(),
              .b = scalar_first ? x.bytes() : repeated,
              .out = result.mutable_bytes(),
              .a_repeats = scalar_first,
              .b_repeats = !scalar_first});
    return result;
  });
}

}  // namespace

Tensor binary(Binary op, const Tensor& x, double scalar) { return binary_scalar(op, x, scalar, false); }
Tensor binary(Binary op, double scalar, const Tensor& x) { return binary_scalar(op, x, scalar, true); }

void accumulate(Tensor& into, const Tensor& x) {
  check_float("accumulate", x.dtype());
  if (into.dtype() != x.dtype() || !(into.shape() == x.shape()) || !into.is_contiguous() || !x.is_contiguous()) {
    fail("accumulate", "{} into {}; both must be contiguous, of one shape and dtype", x.describe(), into.describe());
  }
  std::byte* bytes = into.mutable_bytes();
  run_flat(Binary::kAdd, x.dtype(), {.width = x.numel(), .a = bytes, .b = x.bytes(), .out = bytes});
}

void scale_in_place(Tensor& x, double factor) {
  if (!x.is_contiguous()) fail("scale", "{} is not contiguous; scale a contiguous tensor", x.describe());
  dispatch_float("scale", x.dtype(), [&]<class T>(T) {
    const T value = static_cast<T>(factor);
    std::byte* bytes = x.mutable_bytes();
    run_flat(Binary::kMultiply, x.dtype(),
             {.width = x.numel(),
              .a = bytes,
              .b = reinterpret_cast<const std::byte*>(&value),
              .out = bytes,
              .b_repeats = true});
  });
}

}  // namespace gradus::kernels
