#include "gradus/tensor/matmul.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/gemm.h"
#include "gradus/tensor/isa.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"

namespace gradus::kernels {
namespace {

// Below this many multiplications a call into the library costs more than it saves.
constexpr int64_t kSmall = 16384;

struct Tile {
  int64_t rows, columns;
};

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A size cut into near-equal parts of at most `most`, each a multiple of `unit`.
int64_t even_cut(int64_t size, int64_t most, int64_t unit) {
  const int64_t parts = divide_up(size, most);
  return divide_up(divide_up(size, parts), unit) * unit;
}

// By shape alone, never by the number of threads. Large tiles feed the library best; but a product of some size should
// leave at least eight pieces for the threads to share, those of `together` products counted. docs/performance.md has
// the measurements.
Tile tile_of(int64_t m, int64_t n, int64_t k, int64_t together) {
  Tile tile{even_cut(m, 512, 16), even_cut(n, k >= 2 * m ? 768 : 384, 16)};
  // Multiplications: some 20 µs of them are worth a tile, and some 2 ms a cut into more than a few.
  constexpr int64_t kWorthATile = int64_t{1} << 20, kWorthMany = int64_t{1} << 27;
  const int64_t wanted = divide_up(m * n * k < kWorthMany ? 4 : 8, together);
  while (divide_up(m, tile.rows) * divide_up(n, tile.columns) < wanted &&
         tile.rows * tile.columns * k >= 2 * kWorthATile) {
    // Each piece with fewer rows packs its columns for less work.
    if (tile.rows >= tile.columns && tile.rows > 64) {
      tile.rows = divide_up(tile.rows / 2, 16) * 16;
    } else if (tile.columns > 32) {
      tile.columns = divide_up(tile.columns / 2, 16) * 16;
    } else {
      break;
    }
  }
  return tile;
}

template <class T>
void tile_product(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, Sum<T>* c, int64_t c_row,
                  bool accumulate) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    if (k == 0) {  // oneDNN divides by it
      for (int64_t i = 0; i < m && !accumulate; ++i) std::fill_n(c + i * c_row, n, 0.0F);
      return;
    }
    gradus::detail::gemm_tile(m, n, k, a, b, c, c_row, accumulate);
  } else {
    if constexpr (std::is_same_v<T, float>) {
      if (m * n * k > kSmall) return gradus::detail::gemm_tile(m, n, k, a, b, c, c_row, accumulate);
    }
    packed_product<T>(m, n, k, a, b, c, c_row, accumulate);
  }
}

thread_local PlannedProducts planned;  // as a dry run is one thread's

// oneDNN's AVX-512 code copies what it multiplies, a part of the inner dimension at a time; the copies were found to be
// no larger than this. Its AVX2 code copies next to nothing. Threads beyond the processor's cores take part only in
// what lasts longer than they need to wake up.
template <class T>
void note_product(int64_t m, int64_t n, int64_t k, const Tile& tile, int64_t pieces) {
  constexpr int64_t kMostCopied = 9'000'000, kOfItsOwn = 1'000'000;
  constexpr double kLong = 2e8;
  const double flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  planned.flops += flops;
  const int64_t rows = std::min(m, tile.rows), columns = std::min(n, tile.columns);
  if (std::is_same_v<T, double> || rows * columns * k <= kSmall) return;
  planned.use_library = true;
  const int64_t cores = std::max(1U, std::thread::hardware_concurrency());
  const int64_t awake = flops > kLong ? threads() : std::min<int64_t>(threads(), 3 * cores);
  planned.threads = std::max(planned.threads, std::min(pieces, awake));
  if (active_isa() != Isa::kAvx512) return;
  planned.bytes_a_thread =
      std::max(planned.bytes_a_thread, std::min(kMostCopied, kOfItsOwn + 4 * (rows + columns) * k));
}

}  // namespace

PlannedProducts take_planned_products() { return std::exchange(planned, {}); }

template <class T>
void product(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, Sum<T>* c, int64_t c_row,
             bool accumulate, const Epilogue<Sum<T>>& epilogue, int64_t together) {
  if (m == 0 || n == 0) return;
  const Tile tile = tile_of(m, n, k, together);
  const int64_t across = divide_up(n, tile.columns), pieces = divide_up(m, tile.rows) * across;
  if (DryRun::is_on()) return note_product<T>(m, n, k, tile, pieces);
  parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i = t / across * tile.rows, j = t % across * tile.columns;
      const int64_t rows = std::min(tile.rows, m - i), columns = std::min(tile.columns, n - j);
      const Matrix<T> a_tile{a.data + i * a.row_stride, a.row_stride, a.column_stride};
      const Matrix<T> b_tile{b.data + j * b.column_stride, b.row_stride, b.column_stride};
      Sum<T>* c_tile = c + i * c_row + j;
      tile_product(rows, columns, k, a_tile, b_tile, c_tile, c_row, accumulate);
      apply_epilogue(rows, columns, epilogue.at(i, j), c_tile, c_row);
    }
  });
}

template void product<float>(int64_t, int64_t, int64_t, const Matrix<float>&, const Matrix<float>&, float*, int64_t,
                             bool, const Epilogue<float>&, int64_t);
template void product<double>(int64_t, int64_t, int64_t, const Matrix<double>&, const Matrix<double>&, double*, int64_t,
                              bool, const Epilogue<double>&, int64_t);
template void product<BFloat16>(int64_t, int64_t, int64_t, const Matrix<BFloat16>&, const Matrix<BFloat16>&, float*,
                                int64_t, bool, const Epilogue<float>&, int64_t);

Operands::Operands(std::string_view op, const Tensor& first, const Tensor& second) {
  const bool rounds = first.dtype() == DType::kBF16 || second.dtype() == DType::kBF16;
  const auto fits = [&](const Tensor& t) {
    return rounds ? t.dtype() == DType::kBF16 || t.dtype() == DType::kF32 : t.dtype() == first.dtype();
  };
  if (!fits(first) || !fits(second)) {
    fail(op, "{} and {} do not mix; convert one with cast", first.describe(), second.describe());
  }
  if (rounds && !has_bf16_products()) {
    fail(op, "{} × {}: products of bf16 numbers need AVX512_BF16, which {}; cast to f32", first.describe(),
         second.describe(), GRADUS_ONEDNN ? "this processor has not, or may not use" : "this build does not use");
  }
  result = rounds ? DType::kF32 : first.dtype();
  x = contiguous(rounds ? cast(first, DType::kBF16) : first);
  y = contiguous(rounds ? cast(second, DType::kBF16) : second);
}

namespace {

// The last two dimensions lie so that a product can read them in place: one is dense, and the other's neighbours do not
// overlap (those of an expanded tensor do, and BLAS cannot say so).
bool is_readable(const Tensor& x) {
  const int64_t rows = x.size(-2), columns = x.size(-1);
  const int64_t down = x.strides()[x.rank() - 2], right = x.strides()[x.rank() - 1];
  return (right == 1 && (down >= columns || rows == 1)) || (down == 1 && (right >= rows || columns == 1));
}

// Dense down its columns alone.
bool is_turned(const Tensor& x) { return x.strides()[x.rank() - 1] != 1 && x.size(-1) > 1; }

template <class T>
Matrix<T> last_two(const Tensor& x, const T* data) {
  return {data, x.strides()[x.rank() - 2], x.strides()[x.rank() - 1]};
}

Shape without_last_two(const Shape& shape) {
  return Shape(std::span<const int64_t>(shape.begin(), static_cast<size_t>(shape.rank() - 2)));
}

// The place of the batch-th matrix of x in a batch of shape `batch_shape`, dimensions of size 1 standing still.
int64_t batch_offset(const Tensor& x, const Shape& batch_shape, int64_t batch) {
  int64_t offset = 0;
  for (int i = batch_shape.rank() - 1, axis = x.rank() - 3; i >= 0; --i, --axis) {
    const int64_t index = batch % batch_shape[i];
    batch /= batch_shape[i];
    if (axis >= 0 && x.shape()[axis] != 1) offset += index * x.strides()[axis];
  }
  return offset;
}

int64_t rows_of(const Tensor& x) { return x.shape().back() == 0 ? 0 : x.numel() / x.shape().back(); }

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.rank() < 2 || b.rank() < 2) fail("matmul", "{} × {}: both need a dimension", a.describe(), b.describe());
  if (a.dtype() != b.dtype()) fail("matmul", "{} and {} do not mix; convert one with cast", a.describe(), b.describe());
  const int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  if (b.size(-2) != k) fail("matmul", "inner sizes differ: {} × {}", to_string(a.shape()), to_string(b.shape()));
  if (k == 1) return binary("matmul", Binary::kMultiply, a, b);  // outer products
  const Shape batch = broadcast_shapes("matmul", without_last_two(a.shape()), without_last_two(b.shape()));
  Shape shape = batch;
  shape.push_back(m);
  shape.push_back(n);
  const Tensor right = is_readable(b) ? b : contiguous(b);
  // Of two turned matrices, oneDNN takes half as long again.
  const Tensor left = is_readable(a) && !(is_turned(a) && is_turned(right)) ? a : contiguous(a);
  Tensor result = Tensor::empty(shape, a.dtype());
  dispatch_float("matmul", a.dtype(), [&]<class T>(T) {
    const T *a_data = left.data<T>(), *b_data = right.data<T>();
    T* c = result.mutable_data<T>();
    // Small products are spread over threads as a batch, large ones each by their tiles.
    const int64_t count = batch.numel(), together = count < 8 ? 1 : count;
    const auto one = [&](int64_t i) {
      product<T>(m, n, k, last_two(left, a_data + batch_offset(left, batch, i)),
                 last_two(right, b_data + batch_offset(right, batch, i)), c + i * m * n, n, false, {}, together);
    };
    const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 16) / std::max<int64_t>(1, m * n * k));
    parallel_for(count, together == 1 ? count : grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
  });
  return result;
}

namespace {

void check_linear(const Tensor& x, const Tensor& weight, const Tensor& bias, DType result) {
  if (weight.rank() != 2 || x.rank() < 1 || x.size(-1) != weight.size(1)) {
    fail("linear", "input {} and weight {}: the input's last size must be the weight's second", x.describe(),
         weight.describe());
  }
  if (bias.defined() && (bias.rank() != 1 || bias.size(0) != weight.size(0) || bias.dtype() != result)) {
    fail("linear", "bias {} for weight {}: expected {} ({},)", bias.describe(), weight.describe(), name_of(result),
         weight.size(0));
  }
}

Tensor contiguous_or_undefined(const Tensor& x) { return x.defined() ? contiguous(x) : x; }

// The result of x · weightᵀ + bias, with what else `add_to(epilogue)` asks for.
template <class AddTo>
Tensor linear_with(const Tensor& x, const Tensor& weight, const Tensor& bias, AddTo&& add_to) {
  const Operands o("linear", x, weight);
  check_linear(x, weight, bias, o.result);
  const Tensor b = contiguous_or_undefined(bias);
  Shape shape = x.shape();
  shape[x.rank() - 1] = weight.size(0);
  Tensor y = Tensor::empty(shape, o.result);
  dispatch_product("linear", o, [&]<class T>(T) {
    const int64_t in = weight.size(1), out = weight.size(0);
    const int64_t m = in > 0 ? rows_of(o.x) : (out > 0 ? y.numel() / out : 0);
    Epilogue<Sum<T>> epilogue;
    if (b.defined()) epilogue.bias = b.data<Sum<T>>();
    add_to(epilogue, y);
    product<T>(m, out, in, {o.x.data<T>(), in, 1}, {o.y.data<T>(), 1, in}, y.mutable_data<Sum<T>>(), out, false,
               epilogue);
  });
  return y;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual) {
  const Tensor r = contiguous_or_undefined(residual);
  return linear_with(x, weight, bias, [&]<class T>(Epilogue<T>& epilogue, const Tensor& y) {
    if (!r.defined()) return;
    if (!(r.shape() == y.shape()) || r.dtype() != y.dtype()) {
      fail("linear", "residual {} for a result of {}; shape and dtype must be equal", r.describe(), y.describe());
    }
    epilogue.residual = r.data<T>();
    epilogue.residual_row = y.size(-1);
  });
}

LinearGelu linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  LinearGelu result;
  result.before = linear_with(x, weight, bias, [&]<class T>(Epilogue<T>& epilogue, const Tensor& y) {
    result.y = Tensor::empty(y.shape(), y.dtype());
    epilogue.gelu = result.y.mutable_data<T>();
    epilogue.gelu_row = y.size(-1);
  });
  return result;
}

LinearGelu gelu_linear_backward(const Tensor& grad, const Tensor& weight, const Tensor& z, bool overwrite) {
  const Operands o("linear", grad, weight);
  LinearGelu result{Tensor::empty(z.shape(), z.dtype()), overwrite ? z : Tensor::empty(z.shape(), z.dtype())};
  dispatch_product("linear", o, [&]<class T>(T) {
    const int64_t in = weight.size(1), out = weight.size(0);
    const int64_t m = out > 0 ? rows_of(o.x) : (in > 0 ? z.numel() / in : 0);
    Epilogue<Sum<T>> epilogue;
    epilogue.gelu = result.y.mutable_data<Sum<T>>();
    epilogue.gelu_row = in;
    epilogue.gelu_input = z.data<Sum<T>>();
    product<T>(m, in, out, {o.x.data<T>(), out, 1}, {o.y.data<T>(), in, 1}, result.before.mutable_data<Sum<T>>(), in,
               false, epilogue);
  });
  return result;
}

Tensor linear_backward_input(const Tensor& grad, const Tensor& weight) {
  const Operands o("linear", grad, weight);
  Shape shape = grad.shape();
  shape[grad.rank() - 1] = weight.size(1);
  Tensor result = Tensor::empty(shape, o.result);
  dispatch_product("linear", o, [&]<class T>(T) {
    const int64_t in = weight.size(1), out = weight.size(0);
    const int64_t m = out > 0 ? rows_of(o.x) : (in > 0 ? result.numel() / in : 0);
    product<T>(m, in, out, {o.x.data<T>(), out, 1}, {o.y.data<T>(), in, 1}, result.mutable_data<Sum<T>>(), in, false,
               {});
  });
  return result;
}

Tensor linear_backward_weight(const Tensor& grad, const Tensor& x) {
  const Operands o("linear", grad, x);
  const int64_t out = grad.size(-1), in = x.size(-1);
  Tensor result = Tensor::empty({out, in}, o.result);
  dispatch_product("linear", o, [&]<class T>(T) {
    product<T>(out, in, rows_of(o.x), {o.x.data<T>(), 1, out}, {o.y.data<T>(), in, 1}, result.mutable_data<Sum<T>>(),
               in, false, {});
  });
  return result;
}

}  // namespace gradus::kernels
