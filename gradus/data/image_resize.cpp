#include "gradus/data/image_resize.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "gradus/base/error.h"
#include "gradus/data/image_resize_simd.h"

namespace gradus {
namespace {

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// Keys, "Cubic convolution interpolation for digital image processing", 1981.
double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * kA : 0.0;
}

template <class Real>
struct Taps {
  std::vector<int32_t> first;
  std::vector<Real> weights;
  std::vector<int32_t> counts;  // of the weights that are in use
  int64_t width = 0;

  detail::ResizeTaps<Real> view() const {
    return {first.data(), weights.data(), width, static_cast<int64_t>(first.size())};
  }
};

// Of `out` samples in the place of `in`: each is a mean over what the filter, centred on it, sees, by weights that are
// whole numbers of `unit`.
template <class Real>
Taps<Real> make_taps(int64_t in, int64_t out, Resampling resampling, double unit) {
  const bool is_cubic = resampling == Resampling::kBicubic;
  const double scale = static_cast<double>(in) / static_cast<double>(out), filter_scale = std::max(scale, 1.0);
  const double support = (is_cubic ? 2.0 : 1.0) * filter_scale;
  Taps<Real> taps;
  taps.width = (2 * static_cast<int64_t>(std::ceil(support)) + 1 + 3) / 4 * 4;
  taps.weights.assign(static_cast<size_t>(out * taps.width), Real{0});
  std::vector<double> weights;
  for (int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int64_t begin = std::max<int64_t>(0, static_cast<int64_t>(centre - support + 0.5));
    const int64_t end = std::min(in, static_cast<int64_t>(centre + support + 0.5));
    weights.clear();
    double sum = 0.0;
    for (int64_t x = begin; x < end; ++x) {
      const double at = (static_cast<double>(x) - centre + 0.5) / filter_scale;
      weights.push_back(is_cubic ? cubic(at) : triangle(at));
      sum += weights.back();
    }
    for (size_t k = 0; k < weights.size(); ++k) {
      taps.weights[static_cast<size_t>(i * taps.width) + k] =
          static_cast<Real>(std::round(weights[k] / sum / unit) * unit);
    }
    taps.first.push_back(static_cast<int32_t>(begin));
    taps.counts.push_back(static_cast<int32_t>(end - begin));
  }
  return taps;
}

void check(const Image& image, const ImageBox& part, int64_t height, int64_t width) {
  if (image.channels < 1 || image.channels > 4) fail("resize", "{} channels; expected 1 to 4", image.channels);
  if (part.top < 0 || part.left < 0 || part.height < 1 || part.width < 1 || part.top + part.height > image.height ||
      part.left + part.width > image.width) {
    fail("resize", "{}×{} pixels from column {}, row {} on of a picture of {}×{}; expected a part of it", part.width,
         part.height, part.left, part.top, image.width, image.height);
  }
  if (height < 1 || width < 1) fail("resize", "to {}×{} pixels; expected at least one", width, height);
}

template <class T>
constexpr T kMostOf = static_cast<T>(~T{0});

template <class T>
void read_row(const T* from, int64_t pixels, int64_t channels, float* to) {
  detail::run_widen(from, pixels * channels, to);
}

// Colours times alpha, so that what is hidden does not show.
template <class T>
void read_row(const T* from, int64_t pixels, int64_t channels, double* to) {
  constexpr uint32_t kMost = kMostOf<T>;
  for (int64_t i = 0; i < pixels; ++i, from += channels, to += channels) {
    const uint32_t alpha = from[channels - 1];
    for (int64_t c = 0; c + 1 < channels; ++c) to[c] = (from[c] * alpha + kMost / 2) / kMost;
    to[channels - 1] = alpha;
  }
}

template <class T>
void write_row(const float* from, int64_t pixels, int64_t channels, float* to) {
  constexpr float kMost = kMostOf<T>;
  for (int64_t i = 0; i < pixels * channels; ++i) to[i] = from[i] / kMost;
}

// The reverse, without a fraction. Filters that go below 0 may make a colour of more than its alpha.
template <class T>
void write_row(const double* from, int64_t pixels, int64_t channels, float* to) {
  constexpr uint32_t kMost = kMostOf<T>;
  for (int64_t i = 0; i < pixels; ++i, from += channels, to += channels) {
    const auto alpha = static_cast<uint32_t>(from[channels - 1]);
    for (int64_t c = 0; c < channels; ++c) {
      auto level = static_cast<uint32_t>(from[c]);
      if (c + 1 < channels && alpha > 0 && alpha < kMost) level = std::min(level * kMost / alpha, kMost);
      to[c] = static_cast<float>(level) / static_cast<float>(kMost);
    }
  }
}

// Makes a part of a picture of another size, with sums in Real: double where alpha weighs colours, as a level may be
// many once it is divided by a small alpha.
template <class T, class Real>
class Resizer {
 public:
  Resizer(const Image& image, const std::vector<T>& samples, const ImageBox& part, int64_t height, int64_t width,
          Resampling resampling)
      : image_(image), samples_(samples), part_(part), height_(height), width_(width), channels_(image.channels) {
    constexpr double kUnit = sizeof(T) == 1 ? 0x1p-22 : 0x1p-52;  // Pillow's, which has 8 bits alone
    if (part.width != width) columns_ = make_taps<Real>(part.width, width, resampling, kUnit);
    if (part.height != height) rows_ = make_taps<Real>(part.height, height, resampling, kUnit);
    // What is beyond a row's end is read with a weight of 0.
    from_.assign(static_cast<size_t>((part.width + columns_.width) * channels_ + 4), Real{0});
  }

  // Pillow 13.0's order, found by trying both.
  void run(float* to) {
    const int64_t rows_gone = part_.height - height_, columns_gone = part_.width - width_;
    rows_gone > 0 && columns_gone != 0 && rows_gone > 2 * columns_gone ? rows_first(to) : columns_first(to);
  }

 private:
  void columns_first(float* to) {
    const int64_t row = width_ * channels_;
    lines_.resize(std::max(lines_.size(), static_cast<size_t>(part_.height * row + kBeyond)));
    for (int64_t y = 0; y < part_.height; ++y) {
      Real* const line = lines_.data() + y * row;
      read(y, columns_.width == 0 ? line : from_.data());
      if (columns_.width > 0) detail::run_resize_row(from_.data(), channels_, columns_.view(), kMost, line);
    }
    line_.resize(std::max(line_.size(), static_cast<size_t>(row)));
    for (int64_t y = 0; y < height_; ++y, to += row) {
      if (rows_.width == 0) {
        write_row<T>(lines_.data() + y * row, width_, channels_, to);
        continue;
      }
      const Real* const first = lines_.data() + rows_.first[place(y)] * row;
      if constexpr (std::is_same_v<Real, float>) {
        resize_column(first, y, row, kMost, to);
      } else {
        resize_column(first, y, row, 1, line_.data());
        write_row<T>(line_.data(), width_, channels_, to);
      }
    }
  }

  // Only the rows that the filter sees are in memory at once.
  void rows_first(float* to) {
    const int64_t row = part_.width * channels_;
    lines_.resize(std::max(lines_.size(), static_cast<size_t>(rows_.width * row)));
    line_.resize(std::max(line_.size(), static_cast<size_t>(width_ * channels_ + kBeyond)));
    int64_t begin = 0, end = 0;  // of the rows in `lines_`
    for (int64_t y = 0; y < height_; ++y, to += width_ * channels_) {
      const int64_t first = rows_.first[place(y)], last = first + rows_.counts[place(y)];
      if (begin < first && first < end)
        std::copy(lines_.data() + (first - begin) * row, lines_.data() + (end - begin) * row, lines_.data());
      begin = first;
      for (end = std::max(begin, end); end < last; ++end) read(end, lines_.data() + (end - begin) * row);
      resize_column(lines_.data(), y, row, 1, from_.data());
      detail::run_resize_row(from_.data(), channels_, columns_.view(), kMost, line_.data());
      write_row<T>(line_.data(), width_, channels_, to);
    }
  }

  void read(int64_t y, Real* to) const {
    read_row(samples_.data() + ((part_.top + y) * image_.width + part_.left) * channels_, part_.width, channels_, to);
  }

  void resize_column(const Real* from, int64_t y, int64_t row, Real unit, Real* to) const {
    const Real* const weights = rows_.weights.data() + y * rows_.width;
    detail::run_resize_column(from, row, weights, rows_.counts[place(y)], row, kMost, unit, to);
  }

  static size_t place(int64_t y) { return static_cast<size_t>(y); }

  static constexpr Real kMost = kMostOf<T>;
  static constexpr int64_t kBeyond = 2;  // samples that are written behind a row, before the next is
  // Kept for the next picture of this thread: new pages for each would take longer than it does.
  static inline thread_local std::vector<Real> from_, lines_, line_;

  const Image& image_;
  const std::vector<T>& samples_;
  const ImageBox& part_;
  const int64_t height_, width_, channels_;
  Taps<Real> columns_, rows_;  // of no width where nothing changes
};

template <class T>
void resize(const Image& image, const std::vector<T>& samples, const ImageBox& part, int64_t height, int64_t width,
            Resampling resampling, float* to) {
  const bool is_same = part.height == height && part.width == width, has_alpha = image.channels % 2 == 0;
  if (has_alpha && !is_same) return Resizer<T, double>(image, samples, part, height, width, resampling).run(to);
  Resizer<T, float>(image, samples, part, height, width, resampling).run(to);
}

template <class T>
std::vector<T> levels_of(const std::vector<float>& samples) {
  std::vector<T> levels(samples.size());
  std::transform(samples.begin(), samples.end(), levels.begin(),
                 [](float x) { return static_cast<T>(std::lround(x * kMostOf<T>)); });
  return levels;
}

}  // namespace

void resize_image(const Image& image, const ImageBox& part, int64_t height, int64_t width, Resampling resampling,
                  float* to) {
  check(image, part, height, width);
  image.is_wide() ? resize(image, image.words, part, height, width, resampling, to)
                  : resize(image, image.bytes, part, height, width, resampling, to);
}

Image resized_image(const Image& image, int64_t height, int64_t width, Resampling resampling) {
  std::vector<float> samples(static_cast<size_t>(height * width * image.channels));
  resize_image(image, {0, 0, image.height, image.width}, height, width, resampling, samples.data());
  Image result{.height = height, .width = width, .channels = image.channels};
  if (image.is_wide()) {
    result.words = levels_of<uint16_t>(samples);
  } else {
    result.bytes = levels_of<uint8_t>(samples);
  }
  return result;
}

}  // namespace gradus
