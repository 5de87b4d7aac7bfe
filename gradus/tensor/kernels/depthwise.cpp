#include "gradus/tensor/kernels/depthwise.h"

#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/depthwise_simd.h"
#include "gradus/tensor/kernels/reduce.h"

namespace gradus::kernels {
namespace {

// A grid of results, cut into parts of lines that are worked on one by one.
template <class T>
struct DepthwiseGrid {
  GridAxis down, across;
  int64_t images, channels;
  std::array<int64_t, 2> result;  // height and width of what it is a part of
  int64_t kernel_width;
  const T* source;
  int64_t count_of_kinds = 0;
  std::vector<int64_t> kinds = across.kinds(count_of_kinds);  // of a line's results

  // What so many results take stays in the first-level cache from one vector of channels to the next.
  static constexpr int64_t kPart = 64;
  int64_t parts_of_line() const { return (across.results + kPart - 1) / kPart; }
  int64_t parts() const { return images * down.results * parts_of_line(); }
  int64_t work_of_part() const {
    return std::max<int64_t>(
        1, std::min(across.results, kPart) * channels * static_cast<int64_t>(down.taps.size() * across.taps.size()));
  }
};

// Calls `body(run, place)` for the results of the parts [begin, end), those that have the same taps at once; place is
// where the first of them lies.
template <class T, class Body>
void for_runs(const DepthwiseGrid<T>& grid, int64_t begin, int64_t end, Body&& body) {
  std::vector<DepthwiseTap<T>> taps;
  DepthwiseRun<T> run;
  run.channels = grid.channels;
  run.source_step = grid.across.step * grid.channels;
  run.result_step = grid.across.distance * grid.channels;
  const auto inside = [](int64_t at, const GridAxis& axis) { return at >= 0 && at < axis.length; };
  for (int64_t part = begin; part < end; ++part) {
    const int64_t line = part / grid.parts_of_line(), image = line / grid.down.results, y = line % grid.down.results;
    const int64_t y_place = image * grid.result[0] + grid.down.first + y * grid.down.distance;
    int64_t x = part % grid.parts_of_line() * grid.kPart;
    for (const int64_t until = std::min(x + grid.kPart, grid.across.results); x < until; x += run.results) {
      taps.clear();
      for (const auto& [a, down] : grid.down.taps) {
        const int64_t from_y = y * grid.down.step + down;
        if (!inside(from_y, grid.down)) continue;
        for (const auto& [b, across] : grid.across.taps) {
          const int64_t from_x = x * grid.across.step + across;
          if (!inside(from_x, grid.across)) continue;
          const int64_t from = (image * grid.down.length + from_y) * grid.across.length + from_x;
          taps.push_back({grid.source + from * grid.channels, (a * grid.kernel_width + b) * grid.channels});
        }
      }
      run.taps = taps.data();
      run.count = static_cast<int64_t>(taps.size());
      const auto kind = grid.kinds.begin() + x;
      run.results = std::find_if(kind, grid.kinds.begin() + until, [&](int64_t k) { return k != *kind; }) - kind;
      body(run, (y_place * grid.result[1] + grid.across.first + x * grid.across.distance) * grid.channels);
    }
  }
}

template <class T>
DepthwiseGrid<T> forward_grid(const ConvolutionSizes& s, const Convolution2dOptions& options, const Tensor& source) {
  return {.down = forward_axis(s, options, 0),
          .across = forward_axis(s, options, 1),
          .images = s.images,
          .channels = s.out,
          .result = s.result,
          .kernel_width = s.kernel[1],
          .source = source.data<T>()};
}

template <class T>
DepthwiseGrid<T> backward_grid(const ConvolutionSizes& s, const Convolution2dOptions& options, int64_t phase,
                               const Tensor& grad) {
  return {.down = backward_axis(s, options, 0, phase / options.stride[1]),
          .across = backward_axis(s, options, 1, phase % options.stride[1]),
          .images = s.images,
          .channels = s.out,
          .result = s.image,
          .kernel_width = s.kernel[1],
          .source = grad.data<T>()};
}

// All results of a grid.
template <class T>
void run_grid(const DepthwiseGrid<T>& grid, const T* weight, const T* bias, const T* residual, bool relu, T* result) {
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 17) / grid.work_of_part());
  parallel_for(grid.parts(), grain, [&](int64_t begin, int64_t end) {
    for_runs(grid, begin, end, [&](DepthwiseRun<T>& run, int64_t place) {
      run.weight = weight;
      run.bias = bias;
      run.residual = residual == nullptr ? nullptr : residual + place;
      run.relu = relu;
      run.result = result + place;
      depthwise_run(run);
    });
  });
}

// A channel for each of the results: (…, C) becomes (…, out).
Tensor repeated(const Tensor& x, const ConvolutionSizes& s) {
  if (s.group_out() == 1) return x;
  const int64_t places = x.numel() / s.in;
  const Tensor each = x.view({places, s.in, s.group_out()}, {s.in, 1, 0});
  return contiguous(each).view({x.size(0), x.size(1), x.size(2), s.out},
                               {x.size(1) * x.size(2) * s.out, x.size(2) * s.out, s.out, 1});
}

// (out, kh, kw, 1) becomes (kh·kw, out).
Tensor taps_first(const Tensor& weight, const ConvolutionSizes& s) {
  return contiguous(contiguous(weight).view({s.taps(), s.out}, {1, s.taps()}));
}

}  // namespace

bool is_depthwise(const ConvolutionSizes& sizes) {
  constexpr int64_t kMostResults = 8;
  return sizes.groups > 1 && sizes.group_in() == 1 && sizes.group_out() <= kMostResults;
}

Tensor depthwise(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                 const Convolution2dOptions& options) {
  const ConvolutionSizes s(x.shape(), weight.shape(), options);
  Tensor result = Tensor::empty({s.images, s.result[0], s.result[1], s.out}, x.dtype());
  if (result.numel() == 0) return result;
  const Tensor source = repeated(x, s), w = taps_first(weight, s);
  dispatch_float("convolution", x.dtype(), [&]<class T>(T) {
    run_grid<T>(forward_grid<T>(s, options, source), w.data<T>(), bias.defined() ? bias.data<T>() : nullptr,
                residual.defined() ? residual.data<T>() : nullptr, options.relu, result.mutable_data<T>());
  });
  return result;
}

Tensor depthwise_backward_input(const Tensor& grad, const Tensor& weight, const Shape& shape,
                                const Convolution2dOptions& options) {
  const ConvolutionSizes s(shape, weight.shape(), options);
  Tensor result = Tensor::empty({s.images, s.image[0], s.image[1], s.out}, grad.dtype());
  if (result.numel() == 0) return Tensor::zeros(shape, grad.dtype());
  const Tensor w = taps_first(weight, s);
  dispatch_float("convolution", grad.dtype(), [&]<class T>(T) {
    for (int64_t phase = 0; phase < options.stride[0] * options.stride[1]; ++phase) {
      run_grid<T>(backward_grid<T>(s, options, phase, grad), w.data<T>(), nullptr, nullptr, false,
                  result.mutable_data<T>());
    }
  });
  if (s.group_out() == 1) return result;
  const Tensor each = result.view({result.numel() / s.group_out(), s.group_out()}, {s.group_out(), 1});
  return sum_axis(each, 1, false).view(shape, {s.image[0] * s.image[1] * s.in, s.image[1] * s.in, s.in, 1});
}

Tensor depthwise_backward_weight(const Tensor& grad, const Tensor& x, const Shape& shape,
                                 const Convolution2dOptions& options) {
  const ConvolutionSizes s(x.shape(), shape, options);
  const Tensor source = repeated(x, s);
  Tensor result = Tensor::empty(shape, x.dtype());
  dispatch_float("convolution", x.dtype(), [&]<class T>(T) {
    const DepthwiseGrid<T> grid = forward_grid<T>(s, options, source);
    // Ranges of parts, each with a sum of its own: cut by size alone, and added in their order.
    const int64_t pieces = std::clamp<int64_t>(grid.parts() * grid.work_of_part() >> 17, 1, 16);
    const int64_t range = (grid.parts() + pieces - 1) / pieces, ranges = (grid.parts() + range - 1) / range;
    const int64_t size = result.numel(), taps = s.taps();
    Tensor sums = Tensor::empty({ranges, size}, x.dtype());
    T* const into = sums.mutable_data<T>();
    parallel_for(ranges, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        std::fill(into + i * size, into + (i + 1) * size, T{0});
        for_runs(grid, i * range, std::min((i + 1) * range, grid.parts()), [&](DepthwiseRun<T>& run, int64_t place) {
          run.grad = grad.data<T>() + place;
          run.weight_grad = into + i * size;
          depthwise_run_weight(run);
        });
      }
    });
    T* const to = result.mutable_data<T>();
    parallel_for(s.out, std::max<int64_t>(1, 16384 / (ranges * taps)), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * taps; i < end * taps; ++i) {
        const T* from = into + i % taps * s.out + i / taps;
        T sum = from[0];
        for (int64_t r = 1; r < ranges; ++r) sum += from[r * size];
        to[i] = sum;
      }
    });
  });
  return result;
}

}  // namespace gradus::kernels
