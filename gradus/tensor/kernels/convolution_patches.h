// Patches of images of few channels, copied side by side.
#pragma once

#include <vector>

#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/convolution_grid.h"
#include "gradus/tensor/kernels/convolution_simd.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// Images in a frame of zeros so wide that no tap is outside, and the axes as they are in it. A vector may be read
/// behind the last one.
struct FramedImages {
  Tensor numbers;
  GridAxis down, across;
};

/// The source of these axes: `images` of down.length × across.length places, `channels` numbers each.
template <class T>
FramedImages framed(const T* source, int64_t images, int64_t channels, const GridAxis& down, const GridAxis& across) {
  FramedImages result{{}, down, across};
  std::array<int64_t, 2> before{};
  for (size_t i = 0; i < 2; ++i) {
    GridAxis& axis = i == 0 ? result.down : result.across;
    int64_t first = 0, last = axis.length - 1;
    for (const GridAxis::Tap& tap : axis.taps) {
      first = std::min(first, tap.offset);
      last = std::max(last, (axis.results - 1) * axis.step + tap.offset);
    }
    before[i] = -first;
    axis.length = last - first + 1;
    for (GridAxis::Tap& tap : axis.taps) tap.offset -= first;
  }
  const int64_t line = result.across.length * channels, image = result.down.length * line;
  const int64_t from_line = across.length * channels, from_image = down.length * from_line;
  result.numbers = Tensor::empty({images * image + block_size<T>().lanes}, dtype_of<T>());
  T* const to = result.numbers.mutable_data<T>();
  parallel_for(images, std::max<int64_t>(1, 65536 / std::max<int64_t>(1, image)), [&](int64_t begin, int64_t end) {
    std::fill(to + begin * image, to + end * image, T{0});
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t y = 0; y < down.length; ++y) {
        std::copy_n(source + n * from_image + y * from_line, from_line,
                    to + n * image + (y + before[0]) * line + before[1] * channels);
      }
    }
  });
  if (!DryRun::is_on()) std::fill_n(to + images * image, block_size<T>().lanes, T{0});
  return result;
}

/// What a patch is made of, from the place of its first tap on: `depth` numbers a tap; taps that lie side by side are
/// one piece.
inline std::vector<PatchPiece> patch_pieces(const FramedImages& images, int64_t channels, int64_t depth) {
  std::vector<PatchPiece> pieces;
  for (const GridAxis::Tap& y : images.down.taps) {
    for (const GridAxis::Tap& x : images.across.taps) {
      const int64_t line = y.offset - images.down.taps[0].offset, column = x.offset - images.across.taps[0].offset;
      const int64_t offset = (line * images.across.length + column) * channels;
      if (!pieces.empty() && pieces.back().offset + pieces.back().count == offset) {
        pieces.back().count += depth;
      } else {
        pieces.push_back({offset, depth});
      }
    }
  }
  return pieces;
}

}  // namespace gradus::kernels
