// The gradient of a convolution's weight: for each tap, the products of all results' gradients with what they took.
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/convolution.h"
#include "gradus/tensor/kernels/convolution_patches.h"
#include "gradus/tensor/kernels/convolution_simd.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/depthwise.h"
#include "gradus/tensor/kernels/packed_columns.h"
#include "gradus/tensor/kernels/sum_of_ranges.h"
#include "gradus/tensor/kernels/winograd.h"

namespace gradus::kernels {
namespace {

// Results whose products are added up at once: so many rows of a strip stay in the first-level cache.
constexpr int64_t kRowsAtOnce = 128;

// What is multiplied, and how it is cut: the results into ranges, each with a sum of its own, and the weight's columns
// (tap by channel, in strips) into parts.
struct Cut {
  int64_t strips_of_tap, strips;  // of a group
  int64_t range, ranges, part, parts;
};

template <class T>
struct WeightGradient {
  ConvolutionSizes sizes;
  GridAxis down, across;
  const T *x, *grad;
  std::vector<PatchPiece> patch_pieces;  // of which patches are copied; none where they are not

  int64_t rows() const { return sizes.images * sizes.result[0] * sizes.result[1]; }
  int64_t patch() const { return sizes.taps() * sizes.group_in(); }
  bool copies_patches() const { return !patch_pieces.empty(); }
  int64_t depth() const { return copies_patches() ? patch() : sizes.group_in(); }
  int64_t line() const { return across.length * sizes.in; }

  Cut cut(const BlockSize& size) const {
    Cut c;
    const int64_t strip = 2 * size.lanes;
    c.strips_of_tap = (depth() + strip - 1) / strip;
    c.strips = c.strips_of_tap * (copies_patches() ? 1 : sizes.taps());
    // Some 20 µs are worth a piece; the sums of ranges take no more memory than what they are made from.
    const int64_t weight = sizes.out * patch();
    const int64_t pieces = std::clamp<int64_t>(rows() * weight >> 20, 1, 16);
    const int64_t read = rows() * sizes.out + sizes.images * sizes.image[0] * sizes.image[1] * sizes.in;
    c.range = even_part(rows(), (rows() + pieces - 1) / std::clamp<int64_t>(read / weight, 1, pieces), kRowsAtOnce);
    c.ranges = (rows() + c.range - 1) / c.range;
    const int64_t wanted = std::clamp<int64_t>(pieces / c.ranges, 1, c.strips);
    c.part = (c.strips + wanted - 1) / wanted;
    c.parts = (c.strips + c.part - 1) / c.part;
    return c;
  }
};

// Adds the products of some results at a time to a gradient of the weight.
template <class T>
class Adder {
 public:
  Adder(const WeightGradient<T>& p, const Cut& cut, const BlockSize& size)
      : p_(p),
        cut_(cut),
        size_(size),
        down_(p.down.places(p.line())),
        across_(p.across.places(p.sizes.in)),
        panels_((p.sizes.group_out() + size.rows - 1) / size.rows) {
    a_ = Tensor::empty({panels_ * kRowsAtOnce * size.panel}, dtype_of<T>());
    b_ = Tensor::empty({kRowsAtOnce * 2 * size.lanes}, dtype_of<T>());
  }

  // Sets strips [first, last) of a group to 0.
  void clear(int64_t group, int64_t first, int64_t last, T* weight) const {
    const int64_t strip = 2 * size_.lanes, rows = p_.sizes.group_out();
    const auto column = [&](int64_t s) {
      return s / cut_.strips_of_tap * p_.depth() + std::min(s % cut_.strips_of_tap * strip, p_.depth());
    };
    for (int64_t r = group * rows; r < (group + 1) * rows; ++r) {
      std::fill(weight + r * p_.patch() + column(first), weight + r * p_.patch() + column(last), T{0});
    }
  }
  // Results [begin, end), at most `kRowsAtOnce`; strips [first, last) of a group.
  void add(int64_t begin, int64_t end, int64_t group, int64_t first, int64_t last, T* weight) {
    locate(begin, end, group);
    if (!reads_in_place()) pack_gradient(begin, end, group);
    const int64_t strip = 2 * size_.lanes, depth = p_.depth();
    for (int64_t s = first; s < last; ++s) {
      const int64_t tap = s / cut_.strips_of_tap, column = s % cut_.strips_of_tap * strip;
      if (s == first || column == 0) find_sources(tap);
      OuterTile<T> t;
      t.columns = std::min(strip, depth - column);
      pack_strip(column, t.columns);
      t.count = static_cast<int64_t>(sources_.size());
      t.places = places_.data();
      t.a = reads_in_place() ? p_.grad + begin * p_.sizes.out + group * p_.sizes.group_out() : a_.template data<T>();
      t.panel = reads_in_place() ? size_.rows : kRowsAtOnce * size_.panel;
      t.b = b_.template data<T>();
      t.rows = p_.sizes.group_out();
      t.c = weight + group * t.rows * p_.patch() + tap * depth + column;
      t.c_row = p_.patch();
      outer_product(t);
    }
  }

 private:
  struct Row {
    const T* image;
    const int64_t *down, *across;  // where its taps lie
  };

  void locate(int64_t begin, int64_t end, int64_t group) {
    const ConvolutionSizes& s = p_.sizes;
    const int64_t an_image = s.result[0] * s.result[1];
    int64_t n = begin / an_image, y = begin % an_image / s.result[1], x = begin % s.result[1];
    rows_.clear();
    for (int64_t row = begin; row < end; ++row) {
      const T* image = p_.x + n * p_.down.length * p_.line() + group * s.group_in();
      rows_.push_back({image, down_.data() + y * s.kernel[0], across_.data() + x * s.kernel[1]});
      if (++x < s.result[1]) continue;
      x = 0;
      if (++y < s.result[0]) continue;
      y = 0, ++n;
    }
  }

  // So few channels that all of the results' gradients are in the first-level cache as they lie.
  bool reads_in_place() const { return p_.sizes.out * static_cast<int64_t>(sizeof(T)) <= 128; }
  // From one result's gradient to the next.
  int64_t gradient_row() const { return reads_in_place() ? p_.sizes.out : size_.panel; }
  // Panels of as many channels as a block has rows, each (results, panel width).
  void pack_gradient(int64_t begin, int64_t end, int64_t group) {
    const int64_t out = p_.sizes.group_out();
    copy_panels(end - begin, p_.grad + begin * p_.sizes.out + group * out, p_.sizes.out, out,
                a_.template mutable_data<T>(), kRowsAtOnce * size_.panel);
  }

  // What those results take by one tap that lies inside of the image; with patches, all that they take.
  void find_sources(int64_t tap) {
    sources_.clear(), places_.clear();
    if (p_.copies_patches()) return copy_patches();
    const int64_t a = tap / p_.sizes.kernel[1], b = tap % p_.sizes.kernel[1];
    for (size_t r = 0; r < rows_.size(); ++r) {
      const int64_t at = rows_[r].down[a] + rows_[r].across[b];
      if (at < 0) continue;
      sources_.push_back(rows_[r].image + at);
      places_.push_back(static_cast<int64_t>(r) * gradient_row());
    }
  }

  void copy_patches() {
    const int64_t patch = (p_.patch() + size_.lanes - 1) / size_.lanes * size_.lanes;
    patches_.resize(rows_.size() * static_cast<size_t>(patch) + static_cast<size_t>(size_.lanes));
    first_taps_.clear();
    for (const Row& row : rows_) {
      places_.push_back(static_cast<int64_t>(sources_.size()) * gradient_row());
      sources_.push_back(patches_.data() + static_cast<int64_t>(sources_.size()) * patch);
      first_taps_.push_back(row.image + row.down[0] + row.across[0]);
    }
    kernels::copy_patches(static_cast<int64_t>(rows_.size()), first_taps_.data(), p_.patch_pieces.data(),
                          static_cast<int64_t>(p_.patch_pieces.size()), patches_.data(), patch);
  }

  void pack_strip(int64_t column, int64_t columns) {
    copy_rows(static_cast<int64_t>(sources_.size()), sources_.data(), column, columns, b_.template mutable_data<T>(),
              width_of_strip(columns, size_.lanes));
  }

  const WeightGradient<T>& p_;
  const Cut& cut_;
  const BlockSize size_;
  const std::vector<int64_t> down_, across_;
  const int64_t panels_;
  std::vector<Row> rows_;
  std::vector<const T*> sources_, first_taps_;
  std::vector<int64_t> places_;
  Tensor a_, b_;  // which begin where a vector does
  std::vector<T> patches_;
};

}  // namespace

Tensor convolution_backward_weight(const Tensor& grad, const Tensor& x, const Shape& shape,
                                   const Convolution2dOptions& options) {
  const ConvolutionSizes s(x.shape(), shape, options);
  const Tensor source = contiguous(x), g = contiguous(grad);
  if (grad.numel() == 0 || shape.numel() == 0) return Tensor::zeros(shape, x.dtype());
  if (has_narrow_groups(x.dtype(), s)) return depthwise_backward_weight(g, source, shape, options);
  if (is_winograd(x.dtype(), s, options)) return winograd_backward_weight(g, source, shape, options);
  Tensor result = Tensor::empty(shape, x.dtype());
  dispatch_float("convolution", x.dtype(), [&]<class T>(T) {
    const BlockSize size = block_size<T>();
    WeightGradient<T> p{s, forward_axis(s, options, 0), forward_axis(s, options, 1), source.data<T>(), g.data<T>(), {}};
    Tensor frame;
    if (s.group_in() < kNarrow && s.taps() > 1) {
      FramedImages images = framed(p.x, s.images, s.in, p.down, p.across);
      p.patch_pieces = kernels::patch_pieces(images, s.in, s.group_in());
      p.down = std::move(images.down), p.across = std::move(images.across);
      frame = std::move(images.numbers);
      p.x = frame.data<T>();
    }
    const Cut cut = p.cut(size);
    Tensor sums = cut.ranges == 1 ? result : Tensor::empty({cut.ranges, result.numel()}, x.dtype());
    T* const into = sums.mutable_data<T>();
    // A part's columns are nobody else's; each is set to 0 where its first results are added.
    const int64_t count = cut.ranges * s.groups * cut.parts;
    parallel_for(count, 1, [&](int64_t begin, int64_t end) {
      Adder<T> adder(p, cut, size);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t range = i / (s.groups * cut.parts), group = i / cut.parts % s.groups, part = i % cut.parts;
        T* const own = into + range * result.numel();
        const int64_t first = part * cut.part, last = std::min(first + cut.part, cut.strips);
        const int64_t until = std::min((range + 1) * cut.range, p.rows());
        adder.clear(group, first, last, own);
        for (int64_t row = range * cut.range; row < until; row += kRowsAtOnce) {
          adder.add(row, std::min(row + kRowsAtOnce, until), group, first, last, own);
        }
      }
    });
    if (cut.ranges > 1) sum_of_ranges<T>(sums, result);
  });
  return result;
}

}  // namespace gradus::kernels
