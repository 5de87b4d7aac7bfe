#include "gradus/data/image_resize.h"

#include <algorithm>
#include <cmath>

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

struct Taps {
  std::vector<int32_t> first;
  std::vector<float> weights;
  std::vector<int32_t> counts;  // of the weights that are in use
  int64_t width = 0;

  detail::ResizeTaps view() const {
    return {first.data(), weights.data(), width, static_cast<int64_t>(first.size())};
  }
};

// Of `out` samples in the place of `in`: each is a mean over what the filter, centred on it, sees.
Taps make_taps(int64_t in, int64_t out, Resampling resampling) {
  const bool is_cubic = resampling == Resampling::kBicubic;
  const double scale = static_cast<double>(in) / static_cast<double>(out), filter_scale = std::max(scale, 1.0);
  const double support = (is_cubic ? 2.0 : 1.0) * filter_scale;
  Taps taps;
  taps.width = (2 * static_cast<int64_t>(std::ceil(support)) + 1 + 3) / 4 * 4;
  taps.weights.assign(static_cast<size_t>(out * taps.width), 0.0F);
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
      taps.weights[static_cast<size_t>(i * taps.width) + k] = static_cast<float>(weights[k] / sum);
    }
    taps.first.push_back(static_cast<int32_t>(begin));
    taps.counts.push_back(static_cast<int32_t>(end - begin));
  }
  return taps;
}

void check(const Image& image, const ImageBox& part, int64_t height, int64_t width) {
  if (image.channels != 1 && image.channels != 3 && image.channels != 4) {
    fail("resize", "{} channels; expected 1, 3 or 4", image.channels);
  }
  if (part.top < 0 || part.left < 0 || part.height < 1 || part.width < 1 || part.top + part.height > image.height ||
      part.left + part.width > image.width) {
    fail("resize", "{}×{} pixels from column {}, row {} on of a picture of {}×{}; expected a part of it", part.width,
         part.height, part.left, part.top, image.width, image.height);
  }
  if (height < 1 || width < 1) fail("resize", "to {}×{} pixels; expected at least one", width, height);
}

// The part's rows, each with its columns made `width` of. They stay as they are until this thread asks again.
template <class T>
const float* resize_rows(const Image& image, const std::vector<T>& samples, const ImageBox& part, int64_t width,
                         Resampling resampling, float most) {
  static thread_local std::vector<float> all, wide;  // new pages for each picture would take longer than it does
  const int64_t channels = image.channels, row = width * channels;
  // What is beyond a row's end is read with a weight of 0, and written before the next row is: both have room.
  all.resize(std::max(all.size(), static_cast<size_t>(part.height * row + 1)));
  const bool is_same = part.width == width;
  const Taps taps = is_same ? Taps() : make_taps(part.width, width, resampling);
  wide.assign(static_cast<size_t>((part.width + taps.width) * channels + 4), 0.0F);
  for (int64_t y = 0; y < part.height; ++y) {
    const T* from = samples.data() + ((part.top + y) * image.width + part.left) * channels;
    float* const to = all.data() + y * row;
    detail::run_widen(from, part.width * channels, is_same ? to : wide.data());
    if (!is_same) detail::run_resize_row(wide.data(), channels, taps.view(), most, to);
  }
  return all.data();
}

template <class T>
void resize(const Image& image, const std::vector<T>& samples, const ImageBox& part, int64_t height, int64_t width,
            Resampling resampling, float* to) {
  constexpr auto kMost = static_cast<float>(static_cast<T>(~T{0}));
  const float* const rows = resize_rows(image, samples, part, width, resampling, kMost);
  const int64_t stride = width * image.channels;
  if (part.height == height) {
    constexpr float kWhole = 1.0F;
    return detail::run_resize_column(rows, 0, &kWhole, 1, height * stride, kMost, kMost, to);
  }
  const Taps taps = make_taps(part.height, height, resampling);
  for (int64_t y = 0; y < height; ++y) {
    const auto i = static_cast<size_t>(y);
    detail::run_resize_column(rows + taps.first[i] * stride, stride, taps.weights.data() + y * taps.width,
                              taps.counts[i], stride, kMost, kMost, to + y * stride);
  }
}

template <class T>
std::vector<T> levels_of(const std::vector<float>& samples) {
  constexpr auto kMost = static_cast<float>(static_cast<T>(~T{0}));
  std::vector<T> levels(samples.size());
  std::transform(samples.begin(), samples.end(), levels.begin(),
                 [](float x) { return static_cast<T>(std::lround(x * kMost)); });
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
