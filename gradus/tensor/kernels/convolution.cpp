#include "gradus/tensor/kernels/convolution.h"

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/convolution_patches.h"
#include "gradus/tensor/kernels/convolution_simd.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/depthwise.h"
#include "gradus/tensor/kernels/packed_columns.h"
#include "gradus/tensor/kernels/winograd.h"

namespace gradus::kernels {
namespace {

// What a grid of results is made from.
template <class T>
struct GridProduct {
  GridAxis down, across;
  int64_t images, groups;
  int64_t source_width, source_channels, result_width, result_height, result_channels;
  int64_t depth, columns;  // of a group: channels of the source, and of the result
  const T* source;
  // The weight of a tap, a number of the depth, a column and a group lies at the sum of these.
  const T* weight;
  int64_t kernel_width, tap_stride, depth_stride, column_stride, group_stride;
  const T *bias, *residual;
  bool relu;
  T* result;

  int64_t taps() const { return static_cast<int64_t>(down.taps.size() * across.taps.size()); }
  int64_t rows_of_image() const { return down.results * across.results; }
  int64_t rows() const { return images * rows_of_image(); }
};

// Columns of the weight in strips, each (taps, depth, strip) with zeros behind the last column; all groups.
template <class T>
Tensor pack(const GridProduct<T>& p, const BlockSize& size) {
  const int64_t strip = 2 * size.lanes, strips = (p.columns + strip - 1) / strip, taps = p.taps();
  Tensor packed = Tensor::empty({p.groups, strips, taps * p.depth * strip}, dtype_of<T>());
  T* const out = packed.mutable_data<T>();
  const int64_t work = taps * p.depth * strip;
  parallel_for(p.groups * strips, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, work)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t first = i % strips * strip, columns = std::min(strip, p.columns - first);
                   const int64_t width = width_of_strip(columns, size.lanes);
                   T* to = out + i * work;
                   for (const auto& [y, unused_y] : p.down.taps) {
                     for (const auto& [x, unused_x] : p.across.taps) {
                       const T* from = p.weight + i / strips * p.group_stride +
                                       (y * p.kernel_width + x) * p.tap_stride + first * p.column_stride;
                       pack_columns(from, p.depth_stride, p.column_stride, p.depth, columns, width, to);
                       to += p.depth * width;
                     }
                   }
                 }
               });
  return packed;
}

// Where the taps of a grid's results lie, and the kinds of results by which taps are inside.
template <class T>
struct GridPlaces {
  explicit GridPlaces(const GridProduct<T>& p)
      : down(p.down.places(p.source_width * p.source_channels)),
        across(p.across.places(p.source_channels)),
        down_kinds(p.down.kinds(down_count)),
        across_kinds(p.across.kinds(across_count)) {}

  int64_t down_count = 0, across_count = 0;
  std::vector<int64_t> down, across, down_kinds, across_kinds;
};

// The rows of a tile, those with the same taps side by side, in blocks that leave out taps which are outside for all.
template <class T>
class TileRows {
 public:
  // With pieces, all of one size, no tap may be outside.
  TileRows(const GridProduct<T>& p, const GridPlaces<T>& grid, const BlockSize& size, const T* zeros,
           const std::vector<PatchPiece>& pieces)
      : p_(p), grid_(grid), size_(size), zeros_(zeros), pieces_(pieces) {}

  void fill(int64_t begin, int64_t end, int64_t group) {
    sort(begin, end, group);
    const int64_t count = end - begin;
    blocks_.clear();
    if (!pieces_.empty()) {
      p_.taps() == 1 ? copy_rows_apart(count) : add_pieces(count);
      return;
    }
    sources_.resize(static_cast<size_t>(count * p_.taps()));
    taps_.resize(static_cast<size_t>((count / size_.rows + 1) * p_.taps()));
    int64_t source = 0, tap = 0;
    for (int64_t i = 0; i < count; i += size_.rows) {
      const TapBlock block = add_block(i, std::min(size_.rows, count - i), source, tap);
      source += block.taps * block.rows;
      tap += block.taps;
      blocks_.push_back(block);
    }
  }
  void set(TapTile<T>& tile) const {
    tile.blocks = blocks_.data();
    tile.count = static_cast<int64_t>(blocks_.size());
    tile.sources = sources_.data();
    tile.taps = taps_.data();
    tile.places = places_.data();
  }

 private:
  struct Row {
    const T* image;                // where it begins in the source
    const int64_t *down, *across;  // where its taps lie, a line and a column each
  };

  // Calls `body(image, y, x)` for the results [begin, end) of the grid.
  template <class Body>
  void for_results(int64_t begin, int64_t end, Body&& body) const {
    const int64_t height = p_.down.results, width = p_.across.results;
    int64_t n = begin / (height * width), y = begin % (height * width) / width, x = begin % width;
    for (int64_t row = begin; row < end; ++row) {
      body(n, y, x);
      if (++x < width) continue;
      x = 0;
      if (++y < height) continue;
      y = 0, ++n;
    }
  }

  void sort(int64_t begin, int64_t end, int64_t group) {
    rows_.resize(static_cast<size_t>(end - begin));
    places_.resize(rows_.size());
    starts_.assign(static_cast<size_t>(grid_.down_count * grid_.across_count + 1), 0);
    const bool one_kind = starts_.size() <= 2;
    const auto kind = [&](int64_t y, int64_t x) {
      return static_cast<size_t>(grid_.down_kinds[static_cast<size_t>(y)] * grid_.across_count +
                                 grid_.across_kinds[static_cast<size_t>(x)]);
    };
    if (!one_kind) {
      for_results(begin, end, [&](int64_t, int64_t y, int64_t x) { ++starts_[kind(y, x) + 1]; });
      for (size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    }
    // Copies, which the compiler knows not to change while rows are written.
    const int64_t tall = static_cast<int64_t>(p_.down.taps.size()), wide = static_cast<int64_t>(p_.across.taps.size());
    const int64_t column = p_.across.distance * p_.result_channels,
                  line = p_.down.distance * p_.result_width * p_.result_channels,
                  image = p_.result_height * p_.result_width * p_.result_channels,
                  of_image = p_.down.length * p_.source_width * p_.source_channels;
    const int64_t first_place =
        (p_.down.first * p_.result_width + p_.across.first) * p_.result_channels + group * p_.columns;
    const T* const first = p_.source + group * p_.depth;
    const int64_t *const down = grid_.down.data(), *const across = grid_.across.data();
    size_t next = 0;
    for_results(begin, end, [&, one_kind](int64_t n, int64_t y, int64_t x) {
      const size_t at = one_kind ? next++ : static_cast<size_t>(starts_[kind(y, x)]++);
      rows_[at] = {first + n * of_image, down + y * tall, across + x * wide};
      places_[at] = first_place + n * image + y * line + x * column;
    });
  }

  TapBlock add_block(int64_t first, int64_t rows, int64_t source, int64_t tap) {
    const int64_t tall = static_cast<int64_t>(p_.down.taps.size()), wide = static_cast<int64_t>(p_.across.taps.size());
    TapBlock block{first, rows, source, tap, 0};
    const T** to = sources_.data() + source;
    const Row* const of = rows_.data() + first;
    for (int64_t a = 0; a < tall; ++a) {
      for (int64_t b = 0; b < wide; ++b) {
        bool any = false;
        for (int64_t r = 0; r < rows; ++r) {
          const int64_t at = of[r].down[a] + of[r].across[b];
          any |= at >= 0;
          to[r] = at >= 0 ? of[r].image + at : zeros_;
        }
        if (!any) continue;
        taps_[static_cast<size_t>(tap + block.taps++)] = a * wide + b;
        to += rows;
      }
    }
    return block;
  }

  const T* first_tap(int64_t r) const {
    const Row& row = rows_[static_cast<size_t>(r)];
    return row.image + row.down[0] + row.across[0];
  }
  // Pieces instead of taps, none of which is outside.
  void add_pieces(int64_t count) {
    const auto taps = static_cast<int64_t>(pieces_.size());
    sources_.resize(static_cast<size_t>(count * taps)), taps_.clear();
    for (int64_t i = 0; i < taps; ++i) taps_.push_back(i);
    for (int64_t i = 0; i < count; i += size_.rows) {
      const int64_t rows = std::min(size_.rows, count - i);
      blocks_.push_back({i, rows, i * taps, 0, taps});
      for (int64_t r = 0; r < rows; ++r) {
        const T* const first = first_tap(i + r);
        const T** to = sources_.data() + i * taps + r;
        for (int64_t t = 0; t < taps; ++t) to[t * rows] = first + pieces_[static_cast<size_t>(t)].offset;
      }
    }
  }
  // The only tap of each row, copied to where they do not meet in the cache.
  void copy_rows_apart(int64_t count) {
    const int64_t row = row_of_copies<T>(p_.depth, size_.lanes);
    copies_.resize(static_cast<size_t>(count * row));
    sources_.clear(), taps_.assign(1, 0);
    for (int64_t r = 0; r < count; ++r) sources_.push_back(first_tap(r));
    copy_rows(count, sources_.data(), 0, p_.depth, copies_.data(), row);
    for (int64_t r = 0; r < count; ++r) sources_[static_cast<size_t>(r)] = copies_.data() + r * row;
    for (int64_t i = 0; i < count; i += size_.rows) blocks_.push_back({i, std::min(size_.rows, count - i), i, 0, 1});
  }

  const GridProduct<T>& p_;
  const GridPlaces<T>& grid_;
  BlockSize size_;
  const T* zeros_;
  const std::vector<PatchPiece>& pieces_;
  std::vector<int64_t> starts_, taps_, places_;
  std::vector<Row> rows_;
  std::vector<TapBlock> blocks_;
  std::vector<const T*> sources_;
  std::vector<T> copies_;
};

// All results of a grid, cut into rows by columns.
template <class T>
void run(GridProduct<T> p) {
  if (p.rows() == 0 || p.columns == 0) return;
  const BlockSize size = block_size<T>();
  const Tensor packed = pack(p, size), zeros = Tensor::zeros({std::max<int64_t>(1, p.depth)}, dtype_of<T>());
  Tensor frame;
  std::vector<PatchPiece> pieces;
  if (p.depth < kNarrow && p.taps() > 1) {
    FramedImages images = framed(p.source, p.images, p.source_channels, p.down, p.across);
    pieces = patch_pieces(images, p.source_channels, p.depth);
    p.down = std::move(images.down), p.across = std::move(images.across);
    frame = std::move(images.numbers);
    p.source = frame.data<T>(), p.source_width = p.across.length;
  } else if (p.taps() == 1 && is_unlucky<T>(p.across.step * p.source_channels) && p.down.is_inside() &&
             p.across.is_inside()) {
    pieces = {{0, p.depth}};
  }
  const GridPlaces<T> grid(p);
  const int64_t strip = 2 * size.lanes, strips = (p.columns + strip - 1) / strip;
  // What a tile reads of the image stays in the second-level cache beside a strip of the weight.
  constexpr int64_t kTileRows = 168, kLeastRows = 56, kTileBytes = 1 << 18, kPieces = 16;
  const int64_t places = std::min(p.taps(), p.down.step * p.across.step);  // that no neighbour reads too
  const int64_t bytes = std::max<int64_t>(1, places * p.depth * static_cast<int64_t>(sizeof(T)));
  const int64_t most = std::clamp(kTileBytes / bytes, kLeastRows, kTileRows);
  const int64_t tile = even_part(p.rows(), most, size.rows), tiles = (p.rows() + tile - 1) / tile;
  const int64_t cuts = std::clamp<int64_t>(kPieces / (tiles * p.groups), 1, strips);
  const int64_t part = (strips + cuts - 1) / cuts, parts = (strips + part - 1) / part;
  const int64_t work = std::max<int64_t>(1, p.taps() * p.depth * tile * part * strip);
  parallel_for(p.groups * tiles * parts, std::max<int64_t>(1, (int64_t{1} << 18) / work),
               [&](int64_t begin, int64_t end) {
                 TileRows<T> rows(p, grid, size, zeros.data<T>(), pieces);
                 int64_t filled = -1;
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t group = i / parts / tiles, first = i / parts % tiles * tile, s = i % parts * part;
                   if (filled != i / parts) rows.fill(first, std::min(first + tile, p.rows()), group);
                   filled = i / parts;
                   TapTile<T> t;
                   rows.set(t);
                   t.depth = pieces.empty() ? p.depth : pieces.front().count;
                   t.all_taps = pieces.empty() ? p.taps() : static_cast<int64_t>(pieces.size());
                   t.columns = p.columns;
                   t.packed = packed.data<T>() + group * packed.size(1) * packed.size(2);
                   t.bias = p.bias == nullptr ? nullptr : p.bias + group * p.columns;
                   t.residual = p.residual;
                   t.relu = p.relu;
                   t.result = p.result;
                   tap_product(t, s, std::min(s + part, strips));
                 }
               });
}

void check(std::string_view op, const Tensor& x, const Tensor& weight, const Convolution2dOptions& o) {
  if (x.rank() != 4 || weight.rank() != 4) {
    fail(op, "input {} and weight {}: expected (N, H, W, C) and (out, kh, kw, C/groups)", x.describe(),
         weight.describe());
  }
  if (!is_float(x.dtype())) fail_not_float(op, x.dtype());
  if (x.dtype() != weight.dtype()) {
    fail(op, "{} and {} do not mix; convert one with cast", x.describe(), weight.describe());
  }
  if (o.groups < 1 || x.size(3) % o.groups != 0 || weight.size(0) % o.groups != 0) {
    fail(op, "{} groups for input {} and weight {}: expected a divisor of both numbers of channels", o.groups,
         x.describe(), weight.describe());
  }
  if (weight.size(3) != x.size(3) / o.groups) {
    fail(op, "input {} and weight {} with {} groups: the weight's last size must be {}", x.describe(),
         weight.describe(), o.groups, x.size(3) / o.groups);
  }
  for (size_t i = 0; i < 2; ++i) {
    const int axis = static_cast<int>(i) + 1;
    if (o.stride[i] < 1 || o.dilation[i] < 1 || o.padding[i] < 0) {
      fail(op, "stride {}, dilation {} and padding {}: expected at least 1, 1 and 0", o.stride[i], o.dilation[i],
           o.padding[i]);
    }
    if (weight.size(axis) < 1 || x.size(axis) + 2 * o.padding[i] < o.dilation[i] * (weight.size(axis) - 1) + 1) {
      fail(op, "a kernel of {} with dilation {} does not fit into {} with padding {}", weight.size(axis), o.dilation[i],
           x.describe(), o.padding[i]);
    }
  }
}

}  // namespace

Tensor convolution(std::string_view op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const Tensor& residual, const Convolution2dOptions& options) {
  check(op, x, weight, options);
  const ConvolutionSizes s(x.shape(), weight.shape(), options);
  const Shape shape{s.images, s.result[0], s.result[1], s.out};
  if (bias.defined() && (!(bias.shape() == Shape{s.out}) || bias.dtype() != x.dtype())) {
    fail(op, "bias {} for weight {}: expected {} ({},)", bias.describe(), weight.describe(), name_of(x.dtype()), s.out);
  }
  if (residual.defined() && (!(residual.shape() == shape) || residual.dtype() != x.dtype())) {
    fail(op, "residual {}: expected {} {}", residual.describe(), name_of(x.dtype()), to_string(shape));
  }
  const auto own = [](const Tensor& t) { return t.defined() ? contiguous(t) : t; };
  const Tensor source = contiguous(x), w = contiguous(weight), b = own(bias), r = own(residual);
  if (has_narrow_groups(w.dtype(), s)) return depthwise(source, w, b, r, options);
  if (is_winograd(x.dtype(), s, options)) return winograd(source, w, b, r, options);
  Tensor result = Tensor::empty(shape, x.dtype());
  dispatch_float(op, x.dtype(), [&]<class T>(T) {
    const int64_t patch = s.taps() * s.group_in();
    run<T>({.down = forward_axis(s, options, 0),
            .across = forward_axis(s, options, 1),
            .images = s.images,
            .groups = s.groups,
            .source_width = s.image[1],
            .source_channels = s.in,
            .result_width = s.result[1],
            .result_height = s.result[0],
            .result_channels = s.out,
            .depth = s.group_in(),
            .columns = s.group_out(),
            .source = source.data<T>(),
            .weight = w.data<T>(),
            .kernel_width = s.kernel[1],
            .tap_stride = s.group_in(),
            .depth_stride = 1,
            .column_stride = patch,
            .group_stride = s.group_out() * patch,
            .bias = b.defined() ? b.data<T>() : nullptr,
            .residual = r.defined() ? r.data<T>() : nullptr,
            .relu = options.relu,
            .result = result.mutable_data<T>()});
  });
  return result;
}

Tensor convolution_backward_input(const Tensor& grad, const Tensor& weight, const Shape& shape,
                                  const Convolution2dOptions& options) {
  const ConvolutionSizes s(shape, weight.shape(), options);
  const Tensor source = contiguous(grad), w = contiguous(weight);
  if (has_narrow_groups(w.dtype(), s)) return depthwise_backward_input(source, w, shape, options);
  if (is_winograd(grad.dtype(), s, options)) return winograd_backward_input(source, w, shape, options);
  Tensor result = Tensor::empty(shape, grad.dtype());
  dispatch_float("convolution", grad.dtype(), [&]<class T>(T) {
    const int64_t patch = s.taps() * s.group_in();
    for (int64_t phase = 0; phase < options.stride[0] * options.stride[1]; ++phase) {
      run<T>({.down = backward_axis(s, options, 0, phase / options.stride[1]),
              .across = backward_axis(s, options, 1, phase % options.stride[1]),
              .images = s.images,
              .groups = s.groups,
              .source_width = s.result[1],
              .source_channels = s.out,
              .result_width = s.image[1],
              .result_height = s.image[0],
              .result_channels = s.in,
              .depth = s.group_out(),
              .columns = s.group_in(),
              .source = source.data<T>(),
              .weight = w.data<T>(),
              .kernel_width = s.kernel[1],
              .tap_stride = s.group_in(),
              .depth_stride = patch,
              .column_stride = 1,
              .group_stride = s.group_out() * patch,
              .bias = nullptr,
              .residual = nullptr,
              .relu = false,
              .result = result.mutable_data<T>()});
    }
  });
  return result;
}

}  // namespace gradus::kernels
