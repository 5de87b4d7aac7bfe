#include "gradus/data/spectrogram.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/data/spectrogram_simd.h"
#include "gradus/tensor/matmul.h"

namespace gradus {
namespace {

constexpr int64_t kMostSamples = 1 << 16;  // of a transform and of a hop
constexpr double kFloor = 1e-6, kPowerFloor = 1e-10, kRange = 80.0;

double mel_of(double hz, MelScale scale) {
  if (scale == MelScale::kHtk) return 2595.0 * std::log10(1.0 + hz / 700.0);
  return hz < 1000.0 ? 3.0 * hz / 200.0 : 15.0 + 27.0 * std::log(hz / 1000.0) / std::log(6.4);
}

double hz_of(double mel, MelScale scale) {
  if (scale == MelScale::kHtk) return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0);
  return mel < 15.0 ? 200.0 * mel / 3.0 : 1000.0 * std::exp((mel - 15.0) * std::log(6.4) / 27.0);
}

// Where the bands begin, peak and end, in Hz.
std::vector<double> band_points(const SpectrogramOptions& o) {
  const double low = mel_of(o.low, o.scale), high = mel_of(o.high, o.scale);
  std::vector<double> points;
  for (int64_t i = 0; i < o.mels + 2; ++i) {
    points.push_back(hz_of(low + (high - low) * static_cast<double>(i) / static_cast<double>(o.mels + 1), o.scale));
  }
  return points;
}

// The sound with its mirror images on both sides.
Tensor mirrored(const Tensor& samples, int64_t margin) {
  const int64_t count = samples.numel();
  Tensor result = Tensor::empty({count + 2 * margin});
  const float* const from = samples.data<float>();
  float* const to = result.mutable_data<float>() + margin;
  std::copy_n(from, count, to);
  for (int64_t i = 1; i <= margin; ++i) {
    to[-i] = from[i];
    to[count - 1 + i] = from[count - 1 - i];
  }
  return result;
}

// What is too far below the largest is as far as may be.
void limit_range(Tensor& decibels) {
  float* const values = decibels.mutable_data<float>();
  const int64_t count = decibels.numel();
  const float least = *std::max_element(values, values + count) - static_cast<float>(kRange);
  for (int64_t i = 0; i < count; ++i) values[i] = std::max(values[i], least);
}

void check(const SpectrogramOptions& o) {
  const auto require = [](bool kept, const char* what, auto value, const char* expected) {
    if (!kept) fail_usage("spectrogram", "{} is {}; expected {}", what, value, expected);
  };
  require(o.rate >= 1, "the rate", o.rate, "at least 1");
  require(o.fft >= 2 && o.fft <= kMostSamples, "fft", o.fft, "2 to 65536");
  require(o.window >= 1 && o.window <= o.fft, "the window", o.window, "1 to fft samples");
  require(o.hop >= 1 && o.hop <= kMostSamples, "the hop", o.hop, "1 to 65536");
  require(o.mels >= 1 && o.mels <= 4096, "the number of bands", o.mels, "1 to 4096");
  require(o.coefficients >= 0 && o.coefficients <= o.mels, "the number of coefficients", o.coefficients,
          "at most the number of bands");
  require(o.high <= static_cast<double>(o.rate) / 2.0, "the highest frequency", o.high, "at most half the rate");
  require(o.low >= 0.0 && o.low < o.high, "the lowest frequency", o.low, "from 0, below the highest");
}

}  // namespace

bool is_transform_size(int64_t samples) {
  if (samples < 2 || samples % 2 != 0) return false;
  for (const int64_t factor : {2, 3, 5}) {
    while (samples % factor == 0) samples /= factor;
  }
  return samples == 1;
}

Spectrogram::Spectrogram(const SpectrogramOptions& options)
    : options_(options), plan_(std::make_shared<detail::SpectrogramPlan>()) {
  if (options_.high == 0.0) options_.high = static_cast<double>(options_.rate / 2);
  check(options_);
  if (!is_transform_size(options_.fft)) {
    int64_t next = options_.fft + options_.fft % 2;
    while (!is_transform_size(next)) next += 2;
    fail_usage("spectrogram", "fft is {}; expected an even number without a prime factor above 5, such as {}",
               options_.fft, next);
  }
  detail::plan_transform(options_.fft, *plan_);
  plan_->hop = options_.hop;
  plan_->adds_floor = options_.log == LogScale::kNatural;
  plan_->floor = plan_->adds_floor ? kFloor : kPowerFloor;
  plan_->scale = plan_->adds_floor ? 1.0 : 10.0 / std::numbers::ln10;
  make_window();
  make_bands();
  if (options_.coefficients > 0) make_cosines();
}

void Spectrogram::make_window() {
  plan_->window.assign(static_cast<size_t>(options_.fft), 0.0F);
  const int64_t begin = (options_.fft - options_.window) / 2;
  for (int64_t i = 0; i < options_.window; ++i) {
    const double turn = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(options_.window);
    plan_->window[static_cast<size_t>(begin + i)] = static_cast<float>(0.5 - 0.5 * std::cos(turn));
  }
}

void Spectrogram::make_bands() {
  const SpectrogramOptions& o = options_;
  const std::vector<double> points = band_points(o);
  const double step = static_cast<double>(o.rate / 2) / static_cast<double>(o.fft / 2);
  for (size_t b = 0; b < static_cast<size_t>(o.mels); ++b) {
    const double left = points[b], peak = points[b + 1], right = points[b + 2];
    const double area = o.equal_area ? 2.0 / (right - left) : 1.0;
    detail::MelBand band{.weights = static_cast<int64_t>(plan_->weights.size())};
    for (int64_t k = 0; k <= o.fft / 2; ++k) {
      const double hz = step * static_cast<double>(k);
      const double weight = std::min((hz - left) / (peak - left), (right - hz) / (right - peak));
      if (!(weight > 0.0)) continue;
      if (band.count++ == 0) band.first = k;
      plan_->weights.push_back(static_cast<float>(area * weight));
    }
    plan_->bands.push_back(band);
  }
}

void Spectrogram::make_cosines() {
  const int64_t mels = options_.mels, count = options_.coefficients;
  cosines_ = Tensor::empty({mels, count});
  float* const to = cosines_.mutable_data<float>();
  const auto n = static_cast<double>(mels);
  for (int64_t m = 0; m < mels; ++m) {
    for (int64_t k = 0; k < count; ++k) {
      const double angle = std::numbers::pi / n * (static_cast<double>(m) + 0.5) * static_cast<double>(k);
      to[m * count + k] = static_cast<float>(std::sqrt((k == 0 ? 1.0 : 2.0) / n) * std::cos(angle));
    }
  }
}

int64_t Spectrogram::empty_bands() const {
  return std::count_if(plan_->bands.begin(), plan_->bands.end(), [](const auto& band) { return band.count == 0; });
}

Tensor Spectrogram::operator()(const Tensor& samples) const {
  constexpr int64_t kGrain = 128;  // frames
  const int64_t count = samples.numel(), margin = options_.fft / 2, hop = options_.hop, mels = options_.mels;
  if (count <= margin) {
    fail_usage("spectrogram", "a sound of {} samples; a transform of {} needs more than {}", count, options_.fft,
               margin);
  }
  const Tensor padded = mirrored(samples, margin);
  Tensor result = Tensor::empty({frames(count), mels});
  const float* const from = padded.data<float>();
  float* const to = result.mutable_data<float>();
  parallel_for(frames(count), kGrain, [&](int64_t begin, int64_t end) {
    detail::run_spectrogram(*plan_, from + begin * hop, end - begin, to + begin * mels);
  });
  if (options_.log == LogScale::kDecibel) limit_range(result);
  return options_.coefficients > 0 ? kernels::matmul(result, cosines_) : result;
}

}  // namespace gradus
