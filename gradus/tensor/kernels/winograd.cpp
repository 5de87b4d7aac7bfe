#include "gradus/tensor/kernels/winograd.h"

#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/convolution_simd.h"
#include "gradus/tensor/kernels/packed_columns.h"
#include "gradus/tensor/kernels/sum_of_ranges.h"
#include "gradus/tensor/kernels/winograd_simd.h"

namespace gradus::kernels {
namespace {

constexpr int64_t kNumbers = 16;  // of a transformed tile, and of a transformed kernel

// 16 planes of so many numbers, so far apart that the same place of each is in a cache line of its own.
struct Planes {
  explicit Planes(int64_t size) : stride((size + kPage - 1) / kPage * kPage + kPage / kNumbers) {
    memory = Tensor::empty({kNumbers, stride}, DType::kF32);
    data = memory.mutable_data<float>();
  }

  static constexpr int64_t kPage = 1024;
  int64_t stride;
  Tensor memory;
  float* data;
};

// The results in tiles of 2 × 2, the last of a line or column perhaps with less, each made from 4 × 4 of the source.
struct Tiles {
  int64_t images;
  std::array<int64_t, 2> source, result, padding;

  int64_t down() const { return (result[0] + 1) / 2; }
  int64_t across() const { return (result[1] + 1) / 2; }
  int64_t count() const { return images * down() * across(); }

  // Calls `body(image, y, x)` with the first result of each of the tiles [begin, end).
  template <class Body>
  void each(int64_t begin, int64_t end, Body&& body) const {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t line = t / across();
      body(line / down(), line % down() * 2, t % across() * 2);
    }
  }
  // Where the 16 places of each tile are in a source of so many channels; `zeros` outside.
  void sources(int64_t begin, int64_t end, const float* from, int64_t channels, const float* zeros,
               std::vector<const float*>& places) const {
    gather(begin, end, 4, padding, source, from, channels, zeros, places);
  }
  // The same of the gradients of its 4 results.
  void gradients(int64_t begin, int64_t end, const float* from, int64_t channels, const float* zeros,
                 std::vector<const float*>& places) const {
    gather(begin, end, 2, {0, 0}, result, from, channels, zeros, places);
  }
  // Where the 4 results of each tile begin; −1 outside.
  void results(int64_t begin, int64_t end, int64_t channels, std::vector<int64_t>& places) const {
    places.resize(static_cast<size_t>((end - begin) * 4));
    int64_t* place = places.data();
    const auto [height, width] = result;
    each(begin, end, [&, height = height, width = width](int64_t n, int64_t y, int64_t x) {
      for (int64_t i = 0; i < 4; ++i) {
        const int64_t line = y + i / 2, column = x + i % 2;
        *place++ = line < height && column < width ? ((n * height + line) * width + column) * channels : -1;
      }
    });
  }

 private:
  void gather(int64_t begin, int64_t end, int64_t side, std::array<int64_t, 2> before, std::array<int64_t, 2> size,
              const float* from, int64_t channels, const float* zeros, std::vector<const float*>& places) const {
    places.resize(static_cast<size_t>((end - begin) * side * side));
    const float** place = places.data();
    const auto [height, width] = size;
    each(begin, end, [&, height = height, width = width](int64_t n, int64_t y, int64_t x) {
      const int64_t left = x - before[1];
      for (int64_t line = y - before[0]; line < y - before[0] + side; ++line) {
        const float* const first = from + ((n * height + line) * width + left) * channels;
        const bool has_line = line >= 0 && line < height;
        for (int64_t i = 0; i < side; ++i) {
          *place++ = has_line && left + i >= 0 && left + i < width ? first + i * channels : zeros;
        }
      }
    });
  }
};

Tensor zeros_for(int64_t channels) { return Tensor::zeros({channels}, DType::kF32); }

// What results of 3 × 3 are made from, forward or backward.
struct Product {
  Tiles tiles;
  int64_t depth, columns;  // channels of the source, and of the result
  const float* source;
  // A tap of a kernel, from the last one on if it is turned, a number of the depth and a column is at the sum of these.
  const float* weight;
  int64_t tap_stride, depth_stride, column_stride;
  bool turned;
  const float *bias, *residual;
  bool relu;
  float* result;
};

// The transformed kernels in strips of columns, each (16, depth, strip).
Tensor pack(const Product& p, const BlockSize& size) {
  const int64_t strip = 2 * size.lanes, strips = (p.columns + strip - 1) / strip, work = kNumbers * p.depth * strip;
  Tensor packed = Tensor::empty({strips, work}, DType::kF32);
  float* const out = packed.mutable_data<float>();
  parallel_for(strips, std::max<int64_t>(1, 16384 / work), [&](int64_t begin, int64_t end) {
    const Planes transformed(p.depth * strip);
    for (int64_t s = begin; s < end; ++s) {
      const int64_t columns = std::min(strip, p.columns - s * strip), width = width_of_strip(columns, size.lanes);
      const float* const from = p.weight + s * strip * p.column_stride;
      const bool by_column = p.depth_stride == 1;  // else columns lie side by side
      for (int64_t i = 0; i < (by_column ? columns : p.depth); ++i) {
        winograd_kernel(from + i * (by_column ? p.column_stride : p.depth_stride), p.tap_stride, p.turned,
                        by_column ? p.depth : columns, transformed.data + i * (by_column ? p.depth : strip),
                        transformed.stride);
      }
      for (int64_t n = 0; n < kNumbers; ++n) {
        pack_columns(transformed.data + n * transformed.stride, by_column ? 1 : strip, by_column ? p.depth : 1, p.depth,
                     columns, width, out + s * work + n * p.depth * width);
      }
    }
  });
  return packed;
}

// Makes the results of some tiles at a time.
class Multiplier {
 public:
  Multiplier(const Product& p, const BlockSize& size, int64_t most_tiles, int64_t most_strips, const float* packed,
             const float* zeros)
      : p_(p),
        size_(size),
        packed_(packed),
        zeros_(zeros),
        row_(row_of_copies<float>(p.depth, size.lanes)),
        width_(most_strips * 2 * size.lanes),
        image_(most_tiles * row_),
        products_(most_tiles * width_) {
    for (int64_t n = 0; n < kNumbers; ++n) {
      for (int64_t t = 0; t < most_tiles; ++t) rows_.push_back(image_.data + n * image_.stride + t * row_);
    }
    for (int64_t t = 0; t < most_tiles; ++t) places_.push_back(t * width_);
  }

  void transform(int64_t begin, int64_t end) {
    tiles_ = end - begin;
    p_.tiles.sources(begin, end, p_.source, p_.depth, zeros_, sources_);
    winograd_image({sources_.data(), tiles_, 0, p_.depth, p_.depth}, image_.data, image_.stride, row_);
    p_.tiles.results(begin, end, p_.columns, results_);
    blocks_.clear();
    for (int64_t i = 0; i < tiles_; i += size_.rows) blocks_.push_back({i, std::min(size_.rows, tiles_ - i), i, 0, 1});
  }
  // Strips [first, last) of the results of the tiles that were transformed.
  void multiply(int64_t first, int64_t last) {
    const int64_t strip = 2 * size_.lanes, column = first * strip;
    TapTile<float> t;
    t.depth = p_.depth;
    t.columns = std::min(p_.columns, last * strip) - column;
    t.all_taps = kNumbers;
    t.packed = packed_ + column * kNumbers * p_.depth;
    t.blocks = blocks_.data();
    t.count = static_cast<int64_t>(blocks_.size());
    t.places = places_.data();
    // Each number of the transformed image and kernels is a product of one tap.
    for (int64_t n = 0; n < kNumbers; ++n) {
      t.sources = rows_.data() + n * static_cast<int64_t>(places_.size());
      t.taps = &n;
      t.result = products_.data + n * products_.stride;
      tap_product(t, 0, last - first);
    }
    winograd_results({products_.data, products_.stride, width_, tiles_, t.columns, results_.data(),
                      p_.bias == nullptr ? nullptr : p_.bias + column,
                      p_.residual == nullptr ? nullptr : p_.residual + column, p_.relu, p_.result + column});
  }

 private:
  const Product& p_;
  const BlockSize size_;
  const float *packed_, *zeros_;
  int64_t row_, width_, tiles_ = 0;
  Planes image_, products_;  // transformed: (tiles, row) and (tiles, width)
  std::vector<int64_t> places_, results_;
  std::vector<const float*> rows_, sources_;  // rows: (16, tiles)
  std::vector<TapBlock> blocks_;
};

// All results, cut into tiles by columns.
void run(const Product& p) {
  const BlockSize size = block_size<float>();
  const Tensor packed = pack(p, size), zeros = zeros_for(p.depth);
  const int64_t strip = 2 * size.lanes, strips = (p.columns + strip - 1) / strip;
  // What is made of a block's tiles stays in the second-level cache while it is used.
  constexpr int64_t kLeastTiles = 56, kMostTiles = 112, kBytes = 1 << 19, kPieces = 16, kLeastStrips = 4;
  const int64_t bytes = kNumbers * (p.depth + p.columns) * static_cast<int64_t>(sizeof(float));
  const int64_t tiles = p.tiles.count(),
                block = even_part(tiles, std::clamp(kBytes / bytes, kLeastTiles, kMostTiles), size.rows);
  const int64_t blocks = (tiles + block - 1) / block;
  const int64_t cuts = std::clamp<int64_t>(kPieces / blocks, 1, std::max<int64_t>(1, strips / kLeastStrips));
  const int64_t part = (strips + cuts - 1) / cuts, parts = (strips + part - 1) / part;
  parallel_for(blocks * parts, 1, [&](int64_t begin, int64_t end) {
    Multiplier multiplier(p, size, block, part, packed.data<float>(), zeros.data<float>());
    int64_t transformed = -1;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / parts * block, s = i % parts * part;
      if (transformed != first) multiplier.transform(first, std::min(first + block, tiles));
      transformed = first;
      multiplier.multiply(s, std::min(s + part, strips));
    }
  });
}

// How the gradient of a weight is cut: tiles into ranges with a sum of their own each, channels into parts.
struct Cut {
  int64_t range, ranges, block;
  int64_t row_part, row_parts, column_part, column_parts;  // channels of the result, and of the image
};

Cut cut(const ConvolutionSizes& s, int64_t tiles, const BlockSize& size) {
  // The sums of a part, and what is made of a block's tiles, share the second-level cache.
  constexpr int64_t kTiles = 96, kRows = 70, kColumns = 128, kPieces = 16;
  Cut c;
  c.row_part = even_part(s.out, std::max(kRows, size.rows), size.rows);
  c.row_parts = (s.out + c.row_part - 1) / c.row_part;
  c.column_part = even_part(s.in, kColumns, 2 * size.lanes);
  c.column_parts = (s.in + c.column_part - 1) / c.column_part;
  // The sums of ranges take no more memory than what they are made from.
  const int64_t wanted = std::max<int64_t>(1, kPieces / (c.row_parts * c.column_parts));
  const int64_t ranges = std::clamp<int64_t>(4 * tiles * (s.in + s.out) / (9 * s.in * s.out), 1, wanted);
  c.block = kTiles;
  c.range = even_part(tiles, (tiles + ranges - 1) / ranges, c.block);
  c.ranges = (tiles + c.range - 1) / c.range;
  return c;
}

// Adds up a part of a weight's gradient.
class Adder {
 public:
  Adder(const ConvolutionSizes& s, const Tiles& tiles, const Cut& cut, const BlockSize& size, const float* grad,
        const float* x, const float* zeros)
      : s_(s),
        tiles_(tiles),
        cut_(cut),
        size_(size),
        grad_(grad),
        x_(x),
        zeros_(zeros),
        a_((cut.row_part + size.rows - 1) / size.rows * cut.block * size.panel),
        b_(cut.block * cut.column_part),
        sums_(cut.row_part * cut.column_part) {
    for (int64_t t = 0; t < cut.block; ++t) places_.push_back(t * size.panel);
  }

  // The tiles [begin, end); channels of the result and of the image from `row` and `column` on.
  void add(int64_t begin, int64_t end, int64_t row, int64_t column, float* weight) {
    const int64_t rows = std::min(cut_.row_part, s_.out - row), columns = std::min(cut_.column_part, s_.in - column);
    std::fill_n(sums_.data, kNumbers * sums_.stride, 0.0F);
    for (int64_t t = begin; t < end; t += cut_.block)
      add_block(t, std::min(t + cut_.block, end), row, rows, column, columns);
    for (int64_t r = 0; r < rows; ++r) {
      winograd_kernel_gradient(sums_.data + r * cut_.column_part, sums_.stride, columns,
                               weight + (row + r) * s_.taps() * s_.in + column, s_.in);
    }
  }

 private:
  void add_block(int64_t begin, int64_t end, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    const int64_t count = end - begin, panel = cut_.block * size_.panel, strip = 2 * size_.lanes;
    tiles_.gradients(begin, end, grad_, s_.out, zeros_, sources_);
    for (int64_t r = 0; r < rows; r += size_.rows) {
      winograd_gradient({sources_.data(), count, row + r, row + std::min(r + size_.rows, rows), s_.out},
                        a_.data + r / size_.rows * panel, a_.stride, size_.panel);
    }
    tiles_.sources(begin, end, x_, s_.in, zeros_, sources_);
    for (int64_t c = 0; c < columns; c += strip) {
      const int64_t wide = std::min(strip, columns - c);
      winograd_image({sources_.data(), count, column + c, column + c + wide, s_.in}, b_.data + c * cut_.block,
                     b_.stride, width_of_strip(wide, size_.lanes));
    }
    OuterTile<float> t;
    t.count = count;
    t.places = places_.data();
    t.panel = panel;
    t.rows = rows;
    t.c_row = cut_.column_part;
    for (int64_t n = 0; n < kNumbers; ++n) {
      t.a = a_.data + n * a_.stride;
      for (int64_t c = 0; c < columns; c += strip) {
        t.b = b_.data + n * b_.stride + c * cut_.block;
        t.columns = std::min(strip, columns - c);
        t.c = sums_.data + n * sums_.stride + c;
        outer_product(t);
      }
    }
  }

  const ConvolutionSizes& s_;
  const Tiles& tiles_;
  const Cut& cut_;
  const BlockSize size_;
  const float *grad_, *x_, *zeros_;
  Planes a_, b_, sums_;  // panels of gradients, strips of the image, (row_part, column_part)
  std::vector<int64_t> places_;
  std::vector<const float*> sources_;
};

}  // namespace

bool is_winograd(DType dtype, const ConvolutionSizes& s, const Convolution2dOptions& o) {
  // Fewer channels do not pay for the transforms of an image, nor fewer tiles for those of the kernels.
  constexpr int64_t kLeastChannels = 16, kLeastTiles = 64;
  const std::array<int64_t, 2> one = {1, 1}, three = {3, 3};
  if (dtype != DType::kF32 || s.kernel != three || o.stride != one || o.dilation != one || o.groups != 1) return false;
  if (o.padding[0] > 2 || o.padding[1] > 2 || s.in < kLeastChannels || s.out < kLeastChannels) return false;
  // Tiles that are mostly outside save nothing.
  const int64_t tiles = Tiles{s.images, s.image, s.result, o.padding}.count();
  return tiles >= kLeastTiles && 5 * kNumbers * tiles <= 4 * 9 * s.images * s.result[0] * s.result[1];
}

Tensor winograd(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                const Convolution2dOptions& options) {
  const ConvolutionSizes s(x.shape(), weight.shape(), options);
  Tensor result = Tensor::empty({s.images, s.result[0], s.result[1], s.out}, x.dtype());
  run({.tiles = {s.images, s.image, s.result, options.padding},
       .depth = s.in,
       .columns = s.out,
       .source = x.data<float>(),
       .weight = weight.data<float>(),
       .tap_stride = s.in,
       .depth_stride = 1,
       .column_stride = s.taps() * s.in,
       .turned = false,
       .bias = bias.defined() ? bias.data<float>() : nullptr,
       .residual = residual.defined() ? residual.data<float>() : nullptr,
       .relu = options.relu,
       .result = result.mutable_data<float>()});
  return result;
}

// A convolution too, of the gradient with turned kernels.
Tensor winograd_backward_input(const Tensor& grad, const Tensor& weight, const Shape& shape,
                               const Convolution2dOptions& options) {
  const ConvolutionSizes s(shape, weight.shape(), options);
  Tensor result = Tensor::empty(shape, grad.dtype());
  run({.tiles = {s.images, s.result, s.image, {2 - options.padding[0], 2 - options.padding[1]}},
       .depth = s.out,
       .columns = s.in,
       .source = grad.data<float>(),
       .weight = weight.data<float>(),
       .tap_stride = s.in,
       .depth_stride = s.taps() * s.in,
       .column_stride = 1,
       .turned = true,
       .bias = nullptr,
       .residual = nullptr,
       .relu = false,
       .result = result.mutable_data<float>()});
  return result;
}

Tensor winograd_backward_weight(const Tensor& grad, const Tensor& x, const Shape& shape,
                                const Convolution2dOptions& options) {
  const ConvolutionSizes s(x.shape(), shape, options);
  const Tiles tiles{s.images, s.image, s.result, options.padding};
  const BlockSize size = block_size<float>();
  const Cut c = cut(s, tiles.count(), size);
  const Tensor zeros = zeros_for(std::max(s.in, s.out));
  Tensor result = Tensor::empty(shape, x.dtype());
  Tensor sums = c.ranges == 1 ? result : Tensor::empty({c.ranges, result.numel()}, x.dtype());
  float* const into = sums.mutable_data<float>();
  parallel_for(c.ranges * c.row_parts * c.column_parts, 1, [&](int64_t begin, int64_t end) {
    Adder adder(s, tiles, c, size, grad.data<float>(), x.data<float>(), zeros.data<float>());
    for (int64_t i = begin; i < end; ++i) {
      const int64_t range = i / (c.row_parts * c.column_parts), row = i / c.column_parts % c.row_parts;
      adder.add(range * c.range, std::min((range + 1) * c.range, tiles.count()), row * c.row_part,
                i % c.column_parts * c.column_part, into + range * result.numel());
    }
  });
  if (c.ranges > 1) sum_of_ranges<float>(sums, result);
  return result;
}

}  // namespace gradus::kernels
