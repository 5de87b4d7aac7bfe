#include "gradus/tensor/kernels/depthwise.h"

#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/convolution_simd.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/depthwise_simd.h"
#include "gradus/tensor/kernels/reduce.h"

namespace gradus::kernels {
namespace {

// A grid of results, cut into blocks of channels, and parts of lines that are worked on one by one.
template <class T>
struct DepthwiseGrid {
  GridAxis down, across;
  int64_t images, channels, width;  // of groups
  std::array<int64_t, 2> result;    // height and width of what it is a part of
  int64_t kernel_width;
  const T* source;
  int64_t count_of_kinds = 0;
  std::vector<int64_t> kinds = across.kinds(count_of_kinds);  // of a line's results

  // What so many results take stays in the first-level cache from one vector of channels to the next.
  static constexpr int64_t kPart = 64;
  int64_t numbers_of_tap() const { return width * channels; }
  int64_t parts_of_line() const { return (across.results + kPart - 1) / kPart; }
  int64_t parts_of_image() const { return down.results * parts_of_line(); }
  int64_t parts() const { return images * parts_of_image(); }
  int64_t taps() const { return std::max<int64_t>(1, static_cast<int64_t>(down.taps.size() * across.taps.size())); }
  // Channels in groups are read so often that a block's are copied side by side first: they do not meet in the cache.
  bool copies() const { return width > 1 && taps() > 1; }
  int64_t work_of_part() const { return std::min(across.results, kPart) * block * width * taps(); }

  // So does the weight of a block, of whole vectors of groups, from one part to the next.
  static constexpr int64_t kBlockBytes = 16384;
  const int64_t block = even_part(channels, kBlockBytes / (static_cast<int64_t>(sizeof(T)) * width * taps()),
                                  block_size<T>().lanes / width * width);
  int64_t blocks() const { return (channels + block - 1) / block; }
};

// A block's channels in the lines of an image.
template <class T>
struct BlockLines {
  const T* first;
  int64_t line;    // of all images', which one that is
  int64_t column;  // from one place to the next
};

// The lines that the parts [begin, end) take from, all of one image; `copy` holds them where they are copied.
template <class T>
BlockLines<T> block_lines(const DepthwiseGrid<T>& grid, int64_t first_channel, int64_t begin, int64_t end,
                          Tensor& copy) {
  if (!grid.copies()) return {grid.source + first_channel, 0, grid.channels};
  const auto [lowest, highest] = std::minmax_element(grid.down.taps.begin(), grid.down.taps.end(),
                                                     [](const auto& a, const auto& b) { return a.offset < b.offset; });
  const int64_t last_part = (end - 1) % grid.parts_of_image() / grid.parts_of_line();
  const int64_t first = begin % grid.parts_of_image() / grid.parts_of_line() * grid.down.step + lowest->offset;
  const int64_t from = std::clamp<int64_t>(first, 0, grid.down.length);
  const int64_t until = std::clamp<int64_t>(last_part * grid.down.step + highest->offset + 1, from, grid.down.length);
  const int64_t line = begin / grid.parts_of_image() * grid.down.length + from, lanes = block_size<T>().lanes;
  const int64_t places = (until - from) * grid.across.length, column = (grid.block + lanes - 1) / lanes * lanes;
  if (!copy.defined() || copy.numel() < places * column) copy = Tensor::empty({places * column}, dtype_of<T>());
  copy_rows(places, grid.source + line * grid.across.length * grid.channels + first_channel, grid.channels,
            std::min(grid.block, grid.channels - first_channel), copy.mutable_data<T>(), column);
  return {copy.data<T>(), line, column};
}

// Calls `body(run, place)` for a block's channels of the results of the parts [begin, end) of an image, those that
// have the same taps at once; place is where the first of them lies.
template <class T, class Body>
void for_runs(const DepthwiseGrid<T>& grid, int64_t block, int64_t begin, int64_t end, Tensor& copy, Body&& body) {
  std::vector<DepthwiseTap<T>> taps;
  DepthwiseRun<T> run;
  run.channels = grid.channels, run.width = grid.width;
  run.begin = block * grid.block, run.end = std::min(run.begin + grid.block, grid.channels);
  const BlockLines<T> lines = block_lines(grid, run.begin, begin, end, copy);
  run.source_step = grid.across.step * lines.column;
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
          const int64_t from = (image * grid.down.length + from_y - lines.line) * grid.across.length + from_x;
          taps.push_back({lines.first + from * lines.column, (a * grid.kernel_width + b) * grid.numbers_of_tap()});
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
          .width = s.group_in(),
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
          .width = s.group_in(),
          .result = s.image,
          .kernel_width = s.kernel[1],
          .source = grad.data<T>()};
}

// All results of a grid.
template <class T>
void run_grid(const DepthwiseGrid<T>& grid, const T* weight, const T* bias, const T* residual, bool relu, T* result) {
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << (grid.copies() ? 20 : 17)) / grid.work_of_part());
  const int64_t parts = grid.parts_of_image(), blocks = grid.blocks();
  // An image's blocks one after another, while the image is in the cache.
  parallel_for(grid.parts() * blocks, grain, [&](int64_t begin, int64_t end) {
    Tensor copy;
    for (int64_t until; begin < end; begin = until) {
      const int64_t image = begin / parts / blocks, block = begin / parts % blocks, first = begin % parts;
      until = std::min(end, begin - first + parts);
      const int64_t part = image * parts + first;
      for_runs(grid, block, part, part + until - begin, copy, [&](DepthwiseRun<T>& run, int64_t place) {
        run.weight = weight;
        run.bias = bias;
        run.residual = residual == nullptr ? nullptr : residual + place;
        run.relu = relu;
        run.result = result + place;
        depthwise_run(run);
      });
    }
  });
}

// Whether a channel has some results: it is repeated for each, and then they have their own.
bool repeats(const ConvolutionSizes& s) { return s.in < s.out; }

// (…, C) becomes (…, out).
Tensor repeated(const Tensor& x, const ConvolutionSizes& s) {
  if (!repeats(s)) return x;
  const int64_t places = x.numel() / s.in;
  const Tensor each = x.view({places, s.in, s.group_out()}, {s.in, 1, 0});
  return contiguous(each).view({x.size(0), x.size(1), x.size(2), s.out},
                               {x.size(1) * x.size(2) * s.out, x.size(2) * s.out, s.out, 1});
}

// Where the weight (out, kh, kw, width) has what a run's has at (tap, i, channel): of the channels of the image, or as
// it is for the gradient, where image and results change places.
struct TurnedWeight {
  explicit TurnedWeight(const ConvolutionSizes& s) : width(s.group_in()), patch(s.taps() * width) {}
  int64_t of_image(int64_t tap, int64_t i, int64_t channel) const {
    const int64_t k = channel % width;
    return (channel - k + (k + i) % width) * patch + tap * width + k;
  }
  int64_t of_results(int64_t tap, int64_t i, int64_t channel) const {
    return channel * patch + tap * width + (channel + i) % width;
  }

  int64_t width, patch;
};

// (kh·kw, width, channels), where `place(tap, i, channel)` is in the weight.
template <class T, class Place>
Tensor turned(const Tensor& weight, const ConvolutionSizes& s, Place&& place) {
  const int64_t width = s.group_in();
  Tensor result = Tensor::empty({s.taps(), width, s.out}, weight.dtype());
  const T* const from = weight.data<T>();
  T* const to = result.mutable_data<T>();
  parallel_for(s.taps() * width, std::max<int64_t>(1, 16384 / s.out), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t c = 0; c < s.out; ++c) to[row * s.out + c] = from[place(row / width, row % width, c)];
    }
  });
  return result;
}

}  // namespace

bool has_narrow_groups(DType dtype, const ConvolutionSizes& s) {
  constexpr int64_t kMostResults = 8;
  if (s.groups == 1) return false;
  if (s.group_in() == 1) return s.group_out() <= kMostResults;
  const int64_t lanes = dtype == DType::kF32 ? block_size<float>().lanes : block_size<double>().lanes;
  return s.group_in() == s.group_out() && 2 * s.group_in() <= lanes;
}

Tensor depthwise(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                 const Convolution2dOptions& options) {
  const ConvolutionSizes s(x.shape(), weight.shape(), options);
  Tensor result = Tensor::empty({s.images, s.result[0], s.result[1], s.out}, x.dtype());
  if (result.numel() == 0) return result;
  const Tensor source = repeated(x, s);
  dispatch_float("convolution", x.dtype(), [&]<class T>(T) {
    const Tensor w = turned<T>(weight, s, [at = TurnedWeight(s)](auto... i) { return at.of_image(i...); });
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
  dispatch_float("convolution", grad.dtype(), [&]<class T>(T) {
    const Tensor w = turned<T>(weight, s, [at = TurnedWeight(s)](auto... i) { return at.of_results(i...); });
    for (int64_t phase = 0; phase < options.stride[0] * options.stride[1]; ++phase) {
      run_grid<T>(backward_grid<T>(s, options, phase, grad), w.data<T>(), nullptr, nullptr, false,
                  result.mutable_data<T>());
    }
  });
  if (!repeats(s)) return result;
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
    // Ranges of parts, each with a sum of its own: cut by size alone, and added in their order. A block is another's
    // affair.
    const int64_t blocks = grid.blocks();
    const int64_t pieces = std::clamp<int64_t>(grid.parts() * grid.work_of_part() >> 17, 1, (16 + blocks - 1) / blocks);
    const int64_t range = (grid.parts() + pieces - 1) / pieces, ranges = (grid.parts() + range - 1) / range;
    const int64_t size = result.numel(), width = s.group_in();
    const TurnedWeight turned_weight(s);
    Tensor sums = Tensor::empty({ranges, size}, x.dtype());
    T* const into = sums.mutable_data<T>();
    parallel_for(ranges * blocks, 1, [&](int64_t begin, int64_t end) {
      Tensor copy;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t block = i % blocks;
        T* const own = into + i / blocks * size;
        const int64_t from = block * grid.block, to = std::min(from + grid.block, s.out);
        for (int64_t row = 0; row < size; row += s.out) std::fill(own + row + from, own + row + to, T{0});
        const int64_t parts = grid.parts_of_image(), last = std::min((i / blocks + 1) * range, grid.parts());
        for (int64_t part = i / blocks * range, until; part < last; part = until) {
          until = std::min(last, (part / parts + 1) * parts);
          for_runs(grid, block, part, until, copy, [&](DepthwiseRun<T>& run, int64_t place) {
            run.grad = grad.data<T>() + place;
            run.weight_grad = own;
            depthwise_run_weight(run);
          });
        }
      }
    });
    T* const to = result.mutable_data<T>();
    parallel_for(size, std::max<int64_t>(1, 16384 / ranges), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T sum = into[i];
        for (int64_t r = 1; r < ranges; ++r) sum += into[r * size + i];
        to[turned_weight.of_image(i / s.out / width, i / s.out % width, i % s.out)] = sum;
      }
    });
  });
  return result;
}

}  // namespace gradus::kernels
