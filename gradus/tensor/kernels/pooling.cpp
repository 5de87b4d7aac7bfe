#include "gradus/tensor/kernels/pooling.h"

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/convolution_grid.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/pooling_simd.h"

namespace gradus::kernels {
namespace {

// A pooling is read as a convolution whose kernel has no weights.
Convolution2dOptions moves(const Pool2dOptions& o) {
  Convolution2dOptions result{.padding = o.padding};
  for (size_t i = 0; i < 2; ++i) result.stride[i] = o.stride[i] == 0 ? o.kernel[i] : o.stride[i];
  return result;
}

ConvolutionSizes sizes_of(const Shape& x, const Pool2dOptions& o) {
  return {x, {x[3], o.kernel[0], o.kernel[1], x[3]}, moves(o)};
}

void check(std::string_view op, Pool kind, const Tensor& x, const Pool2dOptions& o) {
  if (x.rank() != 4) fail(op, "input {}: expected (N, H, W, C)", x.describe());
  if (!is_float(x.dtype())) fail_not_float(op, x.dtype());
  if (o.relu && kind == Pool::kAverage) fail(op, "relu goes with the largest number of a window, not with an average");
  for (size_t i = 0; i < 2; ++i) {
    const int64_t size = x.size(static_cast<int>(i) + 1);
    if (o.kernel[i] < 1 || o.stride[i] < 0 || o.padding[i] < 0 || 2 * o.padding[i] > o.kernel[i]) {
      fail(op, "kernel {}, stride {}, padding {}: expected at least 1, at least 0, and from 0 to half of the kernel",
           o.kernel[i], o.stride[i], o.padding[i]);
    }
    if (size + 2 * o.padding[i] < o.kernel[i]) {
      fail(op, "a kernel of {} does not fit into {} with padding {}", o.kernel[i], x.describe(), o.padding[i]);
    }
  }
}

// Whether each place of an image is in one window.
bool windows_cover(const ConvolutionSizes& s, const Pool2dOptions& o) {
  const Convolution2dOptions m = moves(o);
  const auto along = [&](size_t i) {
    return m.stride[i] == o.kernel[i] && o.padding[i] == 0 && s.image[i] % o.kernel[i] == 0;
  };
  return along(0) && along(1);
}

// Calls `body(line, image, result)` for the lines [begin, end) of results: where its image begins, and its first
// result.
template <class T, class Body>
void for_lines(const ConvolutionSizes& s, const Pool2dOptions& o, int64_t begin, int64_t end, Body&& body) {
  const GridAxis down = forward_axis(s, moves(o), 0), across = forward_axis(s, moves(o), 1);
  const std::vector<int64_t> lines = down.places(s.image[1] * s.in), columns = across.places(s.in);
  const auto [tall, wide] = s.kernel;
  std::vector<int64_t> places(static_cast<size_t>(s.result[1] * tall * wide));
  PoolLine<T> line{.channels = s.in,
                   .windows = s.result[1],
                   .taps = s.taps(),
                   .places = places.data(),
                   .scale = T{1} / static_cast<T>(s.taps())};
  for (int64_t y = begin; y < end; ++y) {
    const int64_t* const of_line = lines.data() + y % s.result[0] * tall;
    auto place = places.begin();
    for (int64_t x = 0; x < s.result[1]; ++x) {
      for (int64_t a = 0; a < tall; ++a) {
        for (int64_t b = 0; b < wide; ++b) *place++ = of_line[a] + columns[static_cast<size_t>(x * wide + b)];
      }
    }
    body(line, y / s.result[0] * s.image[0] * s.image[1] * s.in, y * s.result[1] * s.in);
  }
}

}  // namespace

Pooled pool(std::string_view op, Pool kind, const Tensor& x, const Pool2dOptions& options, bool wants_taps) {
  check(op, kind, x, options);
  const ConvolutionSizes s = sizes_of(x.shape(), options);
  const Tensor source = contiguous(x);
  Pooled pooled{Tensor::empty({s.images, s.result[0], s.result[1], s.in}, x.dtype()), Tensor()};
  if (wants_taps && kind == Pool::kMax) pooled.taps = Tensor::empty(pooled.result.shape(), x.dtype());
  if (pooled.result.numel() == 0) return pooled;
  dispatch_float(op, x.dtype(), [&]<class T>(T) {
    const T* from = source.data<T>();
    T *to = pooled.result.mutable_data<T>(), *taps = pooled.taps.defined() ? pooled.taps.mutable_data<T>() : nullptr;
    const int64_t work = s.result[1] * s.taps() * s.in;
    parallel_for(s.images * s.result[0], std::max<int64_t>(1, 65536 / work), [&](int64_t begin, int64_t end) {
      for_lines<T>(s, options, begin, end, [&](PoolLine<T>& line, int64_t image, int64_t place) {
        line.x = from + image;
        line.y = to + place;
        if (kind == Pool::kAverage) return average_pool_line(line);
        line.relu = options.relu;
        line.found = taps == nullptr ? nullptr : taps + place;
        max_pool_line(line);
      });
    });
  });
  return pooled;
}

Tensor pool_backward(Pool kind, const Tensor& grad, const Shape& shape, const Tensor& taps,
                     const Pool2dOptions& options) {
  const ConvolutionSizes s = sizes_of(shape, options);
  const Tensor g = contiguous(grad);
  const bool covers = windows_cover(s, options);
  if (grad.numel() == 0) return Tensor::zeros(shape, grad.dtype());
  Tensor result = Tensor::empty(shape, grad.dtype());
  dispatch_float("pool", grad.dtype(), [&]<class T>(T) {
    const T *of_y = g.data<T>(), *of_taps = kind == Pool::kMax ? taps.data<T>() : nullptr;
    T* to = result.mutable_data<T>();
    // Lines are zeroed as windows reach them; the last ones take those behind, too.
    const int64_t of_line = s.result[1] * s.in, step = moves(options).stride[0];
    const auto reached = [&, step](int64_t y) {
      const int64_t line = (y - 1) * step - options.padding[0] + options.kernel[0];
      return y == 0 ? 0 : y == s.result[0] ? s.image[0] : std::min(line, s.image[0]);
    };
    // Windows of one image may share places; those of two do not.
    const int64_t work = s.result[0] * s.result[1] * s.taps() * s.in;
    parallel_for(s.images, std::max<int64_t>(1, 65536 / work), [&](int64_t begin, int64_t end) {
      for_lines<T>(s, options, begin * s.result[0], end * s.result[0],
                   [&](PoolLine<T>& line, int64_t image, int64_t place) {
                     line.x_grad = to + image;
                     line.adds = !covers;
                     if (line.adds) {
                       const int64_t y = place / of_line % s.result[0], width = s.image[1] * s.in;
                       std::fill(line.x_grad + reached(y) * width, line.x_grad + reached(y + 1) * width, T{0});
                     }
                     line.grad = of_y + place;
                     if (kind == Pool::kAverage) return average_pool_line_backward(line);
                     line.largest = of_taps + place;
                     max_pool_line_backward(line);
                   });
    });
  });
  return result;
}

}  // namespace gradus::kernels
