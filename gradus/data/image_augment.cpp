#include "gradus/data/image_augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "gradus/data/image_colour_simd.h"

namespace gradus {
namespace {

int64_t pixels_of(const PictureView& p) { return p.height * p.width; }
int64_t samples_of(const PictureView& p) { return pixels_of(p) * p.channels; }

// Copies of pictures that are moved within themselves; kept by each thread.
std::vector<float>& scratch_of(const PictureView& p) {
  static thread_local std::vector<float> scratch;
  scratch.assign(p.samples, p.samples + samples_of(p));
  return scratch;
}

// The mean of the four pixels around a place, by how near each is; those outside are black.
void sample(const PictureView& p, const float* from, double row, double column, float* to) {
  const double top = std::floor(row), left = std::floor(column);
  const auto down = static_cast<float>(row - top), right = static_cast<float>(column - left);
  const auto y = static_cast<int64_t>(top), x = static_cast<int64_t>(left);
  std::fill_n(to, p.channels, 0.0F);
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t at_y = y + i / 2, at_x = x + i % 2;
    if (at_y < 0 || at_y >= p.height || at_x < 0 || at_x >= p.width) continue;
    const float weight = (i / 2 == 0 ? 1.0F - down : down) * (i % 2 == 0 ? 1.0F - right : right);
    const float* const pixel = from + (at_y * p.width + at_x) * p.channels;
    for (int64_t c = 0; c < p.channels; ++c) to[c] += weight * pixel[c];
  }
}

// A rectangle whose area is within these parts of the whole's and whose shape (width over height) between these, at any
// place; nothing if ten tries did not fit. `uniform(i)` is the i-th number in [0, 1).
template <class Uniform>
std::optional<ImageBox> random_part(int64_t height, int64_t width, double least_area, double most_area,
                                    double least_aspect, double most_aspect, Uniform&& uniform) {
  const double low = std::log(least_aspect), high = std::log(most_aspect);
  const auto whole = static_cast<double>(height * width);
  for (uint64_t attempt = 0; attempt < 10; ++attempt) {
    const double area = whole * (least_area + (most_area - least_area) * uniform(4 * attempt));
    const double aspect = std::exp(low + (high - low) * uniform(4 * attempt + 1));
    const auto w = static_cast<int64_t>(std::llround(std::sqrt(area * aspect)));
    const auto h = static_cast<int64_t>(std::llround(std::sqrt(area / aspect)));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return ImageBox{static_cast<int64_t>(uniform(4 * attempt + 2) * static_cast<double>(height - h + 1)),
                    static_cast<int64_t>(uniform(4 * attempt + 3) * static_cast<double>(width - w + 1)), h, w};
  }
  return std::nullopt;
}

ImageBox middle(int64_t height, int64_t width, int64_t h, int64_t w) {
  return {(height - h) / 2, (width - w) / 2, h, w};
}

}  // namespace

void flip_columns(PictureView p) {
  for (int64_t y = 0; y < p.height; ++y) {
    float* const row = p.samples + y * p.width * p.channels;
    for (int64_t x = 0; x < p.width / 2; ++x) {
      std::swap_ranges(row + x * p.channels, row + (x + 1) * p.channels, row + (p.width - 1 - x) * p.channels);
    }
  }
}

void flip_rows(PictureView p) {
  const int64_t row = p.width * p.channels;
  for (int64_t y = 0; y < p.height / 2; ++y) {
    std::swap_ranges(p.samples + y * row, p.samples + (y + 1) * row, p.samples + (p.height - 1 - y) * row);
  }
}

void shift(PictureView p, int64_t down, int64_t right) {
  if (down == 0 && right == 0) return;
  const std::vector<float>& from = scratch_of(p);
  std::fill_n(p.samples, samples_of(p), 0.0F);
  const int64_t wide = p.width - std::abs(right);
  if (wide <= 0) return;
  for (int64_t y = std::max<int64_t>(0, down); y < std::min(p.height, p.height + down); ++y) {
    const int64_t source = (y - down) * p.width + std::max<int64_t>(0, -right);
    const int64_t target = y * p.width + std::max<int64_t>(0, right);
    std::copy_n(from.data() + source * p.channels, wide * p.channels, p.samples + target * p.channels);
  }
}

void rotate(PictureView p, double degrees) {
  if (degrees == 0.0) return;
  const std::vector<float>& from = scratch_of(p);
  const double angle = degrees * std::numbers::pi / 180.0, cosine = std::cos(angle), sine = std::sin(angle);
  const double middle_y = 0.5 * static_cast<double>(p.height - 1), middle_x = 0.5 * static_cast<double>(p.width - 1);
  float* to = p.samples;
  for (int64_t y = 0; y < p.height; ++y) {
    for (int64_t x = 0; x < p.width; ++x, to += p.channels) {
      const double down = static_cast<double>(y) - middle_y, right = static_cast<double>(x) - middle_x;
      sample(p, from.data(), middle_y + sine * right + cosine * down, middle_x + cosine * right - sine * down, to);
    }
  }
}

void adjust_brightness(PictureView p, float factor) {
  detail::run_blend(p.samples, pixels_of(p), p.channels, factor, 0.0F);
}

void adjust_contrast(PictureView p, float factor) {
  const double mean = detail::run_grey_sum(p.samples, pixels_of(p), p.channels) / static_cast<double>(pixels_of(p));
  detail::run_blend(p.samples, pixels_of(p), p.channels, factor, (1.0F - factor) * static_cast<float>(mean));
}

void adjust_saturation(PictureView p, float factor) {
  if (p.channels >= 3) detail::run_blend_with_grey(p.samples, pixels_of(p), p.channels, factor);
}

void adjust_hue(PictureView p, float shift) {
  if (p.channels >= 3) detail::run_turn_hue(p.samples, pixels_of(p), p.channels, shift);
}

void normalize(PictureView p, std::span<const float> mean, std::span<const float> scale) {
  detail::run_normalize(p.samples, pixels_of(p), p.channels, mean.data(), scale.data());
}

void erase(PictureView p, const ImageBox& part, float value) {
  for (int64_t y = part.top; y < part.top + part.height; ++y) {
    std::fill_n(p.samples + (y * p.width + part.left) * p.channels, part.width * p.channels, value);
  }
}

void mix_pictures(PictureView p, PictureView other, float share) {
  for (int64_t i = 0; i < samples_of(p); ++i) p.samples[i] = p.samples[i] * (1.0F - share) + other.samples[i] * share;
}

void paste(PictureView p, PictureView other, const ImageBox& part) {
  for (int64_t y = part.top; y < part.top + part.height; ++y) {
    const int64_t at = (y * p.width + part.left) * p.channels;
    std::copy_n(other.samples + at, part.width * p.channels, p.samples + at);
  }
}

bool AugmentOptions::is_off() const {
  const double strengths[] = {rotate, brightness, contrast, saturation, hue, erase, mixup, cutmix};
  return !random_crop && pad == 0 && !flip_horizontal && !flip_vertical &&
         std::all_of(std::begin(strengths), std::end(strengths), [](double x) { return x == 0.0; });
}

double AugmentDraw::uniform(Use use, uint64_t index) const {
  constexpr uint64_t kOfAUse = 1 << 12;
  return random_.uniform(id_, use * kOfAUse + index);
}

double AugmentDraw::between(Use use, uint64_t index, double low, double high) const {
  return low + (high - low) * uniform(use, index);
}

ImageBox AugmentDraw::crop(const AugmentOptions& o, int64_t height, int64_t width) const {
  if (!o.random_crop) return {0, 0, height, width};
  const auto part = random_part(height, width, o.least_area, o.most_area, o.least_aspect, o.most_aspect,
                                [this](uint64_t i) { return uniform(kCrop, i); });
  if (part) return *part;
  const double aspect = static_cast<double>(width) / static_cast<double>(height);
  const auto tall = [](double x, int64_t most) { return std::clamp<int64_t>(std::llround(x), 1, most); };
  if (aspect < o.least_aspect) {
    return middle(height, width, tall(static_cast<double>(width) / o.least_aspect, height), width);
  }
  if (aspect > o.most_aspect) {
    return middle(height, width, height, tall(static_cast<double>(height) * o.most_aspect, width));
  }
  return {0, 0, height, width};
}

void AugmentDraw::change(const AugmentOptions& o, PictureView p) const {
  if (o.pad > 0) {
    const auto steps = static_cast<double>(2 * o.pad + 1);
    shift(p, static_cast<int64_t>(steps * uniform(kMove, 0)) - o.pad,
          static_cast<int64_t>(steps * uniform(kMove, 1)) - o.pad);
  }
  if (o.flip_horizontal && uniform(kMirror, 0) < 0.5) flip_columns(p);
  if (o.flip_vertical && uniform(kMirror, 1) < 0.5) flip_rows(p);
  if (o.rotate > 0.0) rotate(p, between(kTurn, 0, -o.rotate, o.rotate));
  change_colours(o, p);
}

void AugmentDraw::change_colours(const AugmentOptions& o, PictureView p) const {
  std::array<int, 4> order = {0, 1, 2, 3};
  for (size_t i = 4; i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(uniform(kOrder, i) * static_cast<double>(i))]);
  }
  const auto factor = [this](uint64_t index, double range) {
    return static_cast<float>(between(kColour, index, std::max(0.0, 1.0 - range), 1.0 + range));
  };
  for (const int kind : order) {
    if (kind == 0 && o.brightness > 0.0) adjust_brightness(p, factor(0, o.brightness));
    if (kind == 1 && o.contrast > 0.0) adjust_contrast(p, factor(1, o.contrast));
    if (kind == 2 && o.saturation > 0.0) adjust_saturation(p, factor(2, o.saturation));
    if (kind == 3 && o.hue > 0.0) adjust_hue(p, static_cast<float>(between(kColour, 3, -o.hue, o.hue)));
  }
}

// Zhong et al., "Random erasing data augmentation", 2020.
void AugmentDraw::erase(const AugmentOptions& o, PictureView p) const {
  if (o.erase == 0.0 || uniform(kErase, 0) >= o.erase) return;
  const auto part = random_part(p.height, p.width, 0.02, 0.33, 0.3, 3.3,
                                [this](uint64_t i) { return uniform(kErase, 4 + i); });
  if (part) gradus::erase(p, *part, 0.0F);
}

// A/(A + B) of two gamma variables: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
double AugmentDraw::beta(double alpha) const {
  const auto gamma = [&](uint64_t first) {
    const double shape = alpha < 1.0 ? alpha + 1.0 : alpha, d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
    for (uint64_t i = 0;; i += 4) {
      const double u = 1.0 - uniform(kMix, first + i), v = uniform(kMix, first + i + 1);
      const double normal = std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
      const double cube = std::pow(1.0 + c * normal, 3.0);
      if (cube <= 0.0) continue;
      const double test = 1.0 - uniform(kMix, first + i + 2);
      if (std::log(test) >= 0.5 * normal * normal + d - d * cube + d * std::log(cube)) continue;
      // The logarithm: the power of a small alpha would underflow.
      const double log_gamma = std::log(d * cube);
      return alpha < 1.0 ? log_gamma + std::log(1.0 - uniform(kMix, first + i + 3)) / alpha : log_gamma;
    }
  };
  return 1.0 / (1.0 + std::exp(gamma(2048) - gamma(1024)));
}

AugmentDraw::Partner AugmentDraw::partner(const AugmentOptions& o, int64_t examples, int64_t height,
                                          int64_t width) const {
  const bool both = o.mixup > 0.0 && o.cutmix > 0.0;
  const bool cuts = both ? uniform(kMix, 0) < 0.5 : o.cutmix > 0.0;
  const double kept = beta(cuts ? o.cutmix : o.mixup);
  Partner partner{.id = static_cast<int64_t>(uniform(kMix, 1) * static_cast<double>(examples)), .share = 1.0 - kept};
  if (!cuts) return partner;
  // Around any place, with sides that have the other's share of the area between them; what is outside is left out.
  const double side = std::sqrt(1.0 - kept);
  const auto cut = [&](uint64_t index, int64_t size) {
    const auto half = static_cast<int64_t>(0.5 * side * static_cast<double>(size));
    const auto at = static_cast<int64_t>(uniform(kMix, index) * static_cast<double>(size));
    const int64_t begin = std::max<int64_t>(0, at - half), end = std::min(size, at + half);
    return std::pair(begin, end - begin);
  };
  const auto [top, tall] = cut(2, height);
  const auto [left, wide] = cut(3, width);
  partner.part = ImageBox{top, left, tall, wide};
  partner.share = static_cast<double>(tall * wide) / static_cast<double>(height * width);
  return partner;
}

}  // namespace gradus
