#include "gradus/data/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/data/audio_file.h"

namespace gradus {
namespace {

constexpr double kZeros = 6.0, kRollOff = 0.99;
constexpr int64_t kLanes = 8;  // partial sums of an output

double window_sinc(double t) {
  if (t <= -kZeros || t >= kZeros) return 0.0;
  const double window = std::cos(t * std::numbers::pi / kZeros / 2.0), angle = t * std::numbers::pi;
  return window * window * (angle == 0.0 ? 1.0 : std::sin(angle) / angle);
}

float dot(const float* x, const float* weights, int64_t taps) {
  float sums[kLanes] = {};
  for (int64_t i = 0; i < taps; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) sums[l] += x[i + l] * weights[i + l];
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

int64_t floor_of(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
size_t place_in(int64_t a, int64_t b) { return static_cast<size_t>(a - floor_of(a, b) * b); }

}  // namespace

Tensor mix_to_mono(const Tensor& samples) {
  const int64_t frames = samples.size(0), channels = samples.size(1);
  if (channels == 1) return samples.view({frames}, {1});
  Tensor mono = Tensor::empty({frames});
  const float* const from = samples.data<float>();
  float* const to = mono.mutable_data<float>();
  for (int64_t i = 0; i < frames; ++i) {
    double sum = 0.0;
    for (int64_t c = 0; c < channels; ++c) sum += static_cast<double>(from[i * channels + c]);
    to[i] = static_cast<float>(sum / static_cast<double>(channels));
  }
  return mono;
}

Resampler::Resampler(int64_t from, int64_t to) {
  for (const int64_t rate : {from, to}) {
    if (rate < kLowestRate || rate > kHighestRate) {
      fail_usage("resample", "{} samples a second; expected {} to {}", rate, kLowestRate, kHighestRate);
    }
  }
  const int64_t common = std::gcd(from, to);
  from_ = from / common;
  to_ = to / common;
  if (from_ == to_) return;
  const double in = static_cast<double>(from_), out = static_cast<double>(to_), f = std::min(in, out) * kRollOff;
  const double reach = kZeros * in / f;  // in samples before and behind
  const auto width = static_cast<int64_t>(std::floor(2.0 * reach)) + 1;
  taps_ = (width + kLanes - 1) / kLanes * kLanes;
  weights_.assign(static_cast<size_t>(to_ * taps_), 0.0F);
  for (int64_t phase = 0; phase < to_; ++phase) {
    const double centre = static_cast<double>(phase) * in / out;
    const auto first = static_cast<int64_t>(std::ceil(centre - reach));
    first_.push_back(first);
    for (int64_t i = 0; i < width; ++i) {
      const double t = f * (static_cast<double>(first + i) / in - static_cast<double>(phase) / out);
      weights_[static_cast<size_t>(phase * taps_ + i)] = static_cast<float>(f / in * window_sinc(t));
    }
  }
}

AudioSpan Resampler::inputs(const AudioSpan& outputs) const {
  if (from_ == to_) return outputs;
  const int64_t last = outputs.first + outputs.count - 1;
  const int64_t begin = floor_of(outputs.first, to_) * from_ + first_[place_in(outputs.first, to_)];
  const int64_t end = floor_of(last, to_) * from_ + first_[place_in(last, to_)] + taps_;
  return {begin, end - begin};
}

Tensor Resampler::operator()(const Tensor& samples) const {
  return from_ == to_ ? samples : part(samples, 0, {0, size(samples.numel())});
}

Tensor Resampler::part(const Tensor& samples, int64_t first, const AudioSpan& outputs) const {
  constexpr int64_t kGrain = 1 << 13;
  const AudioSpan needed = inputs(outputs);
  // So that no output has fewer taps.
  Tensor x = Tensor::zeros({needed.count});
  const int64_t begin = std::max(first, needed.first);
  const int64_t end = std::min(first + samples.numel(), needed.first + needed.count);
  if (begin < end) {
    std::copy_n(samples.data<float>() + (begin - first), end - begin, x.mutable_data<float>() + (begin - needed.first));
  }
  if (from_ == to_) return x;
  Tensor result = Tensor::empty({outputs.count});
  const float* const from = x.data<float>() - needed.first;
  float* const to = result.mutable_data<float>();
  parallel_for(outputs.count, kGrain, [&](int64_t piece, int64_t piece_end) {
    for (int64_t i = piece; i < piece_end; ++i) {
      const int64_t j = outputs.first + i;
      const size_t phase = place_in(j, to_);
      to[i] = dot(from + floor_of(j, to_) * from_ + first_[phase], weights_.data() + phase * static_cast<size_t>(taps_),
                  taps_);
    }
  });
  return result;
}

}  // namespace gradus
