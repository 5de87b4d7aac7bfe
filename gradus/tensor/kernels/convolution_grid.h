// Which places of an image the results of a convolution are made from.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "gradus/tensor/convolution_options.h"
#include "gradus/tensor/shape.h"

namespace gradus::kernels {

/// Below so many channels, patches of the image are copied side by side before they are multiplied.
inline constexpr int64_t kNarrow = 16;

/// Of a convolution: sizes (down, across).
struct ConvolutionSizes {
  ConvolutionSizes(const Shape& x, const Shape& weight, const Convolution2dOptions& options)
      : images(x[0]),
        image{x[1], x[2]},
        kernel{weight[1], weight[2]},
        in(x[3]),
        out(weight[0]),
        groups(options.groups) {
    for (size_t i = 0; i < 2; ++i) {
      result[i] =
          (image[i] + 2 * options.padding[i] - options.dilation[i] * (kernel[i] - 1) - 1) / options.stride[i] + 1;
    }
  }
  int64_t taps() const { return kernel[0] * kernel[1]; }
  int64_t group_in() const { return in / groups; }
  int64_t group_out() const { return out / groups; }

  int64_t images;
  std::array<int64_t, 2> image, kernel, result{};
  int64_t in, out, groups;
};

/// One dimension of a grid of results. Result i lies at first + i·distance, and takes from the source, for each tap,
/// what is at i·step + offset, if that is within [0, length).
struct GridAxis {
  struct Tap {
    int64_t kernel;  ///< Its place in the weight.
    int64_t offset;
  };
  int64_t results = 0, first = 0, distance = 1;
  int64_t step = 1, length = 0;
  std::vector<Tap> taps = {};

  /// Whether no tap is outside of the source for any result.
  bool is_inside() const {
    return std::all_of(taps.begin(), taps.end(), [this](const Tap& tap) {
      return tap.offset >= 0 && (results - 1) * step + tap.offset < length;
    });
  }
  /// `unit` times the place in the source, or a number so low that no sum with another place is above 0.
  std::vector<int64_t> places(int64_t unit) const {
    std::vector<int64_t> all;
    for (int64_t i = 0; i < results; ++i) {
      for (const Tap& tap : taps) {
        const int64_t at = i * step + tap.offset;
        all.push_back(at >= 0 && at < length ? at * unit : kOutside);
      }
    }
    return all;
  }
  /// Results that have the same taps inside of the source are of one kind; kinds are numbered as they come.
  std::vector<int64_t> kinds(int64_t& count) const {
    std::vector<std::vector<bool>> known;
    std::vector<int64_t> all;
    for (int64_t i = 0; i < results; ++i) {
      std::vector<bool> inside;
      for (const Tap& tap : taps) inside.push_back(i * step + tap.offset >= 0 && i * step + tap.offset < length);
      const auto found = std::find(known.begin(), known.end(), inside);
      all.push_back(found - known.begin());
      if (found == known.end()) known.push_back(inside);
    }
    count = static_cast<int64_t>(known.size());
    return all;
  }

  static constexpr int64_t kOutside = INT64_MIN / 4;
};

/// Axis `i` of the results of a convolution.
inline GridAxis forward_axis(const ConvolutionSizes& s, const Convolution2dOptions& o, size_t i) {
  GridAxis axis{.results = s.result[i], .step = o.stride[i], .length = s.image[i]};
  for (int64_t k = 0; k < s.kernel[i]; ++k) axis.taps.push_back({k, k * o.dilation[i] - o.padding[i]});
  return axis;
}

/// Axis `i` of those places of the image that are `phase` beyond a multiple of the stride: the gradient there is made
/// from every result that has taken from them, and the taps are those of every such place.
inline GridAxis backward_axis(const ConvolutionSizes& s, const Convolution2dOptions& o, size_t i, int64_t phase) {
  GridAxis axis{.results = (s.image[i] - phase + o.stride[i] - 1) / o.stride[i],
                .first = phase,
                .distance = o.stride[i],
                .length = s.result[i]};
  for (int64_t k = 0; k < s.kernel[i]; ++k) {
    const int64_t from = phase + o.padding[i] - k * o.dilation[i];  // stride · offset, where that is whole
    if (from % o.stride[i] == 0) axis.taps.push_back({k, from / o.stride[i]});
  }
  return axis;
}

/// A size cut into near-equal parts of at most `most`, each a multiple of `unit`.
inline int64_t even_part(int64_t size, int64_t most, int64_t unit) {
  const int64_t parts = std::max<int64_t>(1, (size + most - 1) / most), part = (size + parts - 1) / parts;
  return std::max(unit, (part + unit - 1) / unit * unit);
}

}  // namespace gradus::kernels
