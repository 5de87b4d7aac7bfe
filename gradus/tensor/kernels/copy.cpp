#include "gradus/tensor/kernels/copy.h"

#include <algorithm>
#include <cstring>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/bf16.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

using CopyWalk = Walk<2>;  // where to, where from

template <class T>
void copy_row(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t count) {
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
  } else if (to_stride == 1 && from_stride == 0) {
    std::fill_n(to, count, *from);
  } else {
    // Several at once: of so short a body, the speed would depend on where the compiler puts it.
    for (; count >= 4; count -= 4, to += 4 * to_stride, from += 4 * from_stride) {
      const T a = from[0], b = from[from_stride], c = from[2 * from_stride], d = from[3 * from_stride];
      to[0] = a;
      to[to_stride] = b;
      to[2 * to_stride] = c;
      to[3 * to_stride] = d;
    }
    for (; count > 0; --count, to += to_stride, from += from_stride) *to = *from;
  }
}

template <class T>
void copy_rows(const CopyWalk& walk, T* to, const T* from) {
  const auto [to_stride, from_stride] = walk.inner_stride();
  const int64_t length = walk.inner();
  if (length > kGrain) {
    return parallel_rows(walk.rows(), length, kGrain, [&](int64_t row, int64_t begin, int64_t end) {
      const auto [o, i] = walk.row_offsets(row);
      copy_row(to + o + begin * to_stride, to_stride, from + i + begin * from_stride, from_stride, end - begin);
    });
  }
  parallel_for(walk.rows(), kGrain / length, [&](int64_t begin, int64_t end) {
    walk.for_rows(begin, end, [&](const CopyWalk::Offsets& at) {
      copy_row(to + at[0], to_stride, from + at[1], from_stride, length);
    });
  });
}

constexpr int64_t kTile = 16;  // a cache line of f32

struct TileStrides {
  int64_t to_down, to_right, from_right;  // from_down is 1
};

// Reads whole cache lines, turns them in a buffer, and writes whole cache lines.
template <class T>
void copy_tile(T* to, const T* from, const TileStrides& strides, int64_t height, int64_t width) {
  T tile[kTile][kTile];
  if (height == kTile && width == kTile) {  // sizes that the compiler knows
    for (int64_t x = 0; x < kTile; ++x) {
      for (int64_t y = 0; y < kTile; ++y) tile[y][x] = from[x * strides.from_right + y];
    }
  } else {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t y = 0; y < height; ++y) tile[y][x] = from[x * strides.from_right + y];
    }
  }
  for (int64_t y = 0; y < height; ++y) copy_row(to + y * strides.to_down, strides.to_right, tile[y], 1, width);
}

// A row by row copy of a transposed matrix would read a whole cache line for each element.
template <class T>
void copy_transposed(CopyWalk walk, size_t axis, T* to, const T* from) {
  const int64_t height = walk.size[axis], width = walk.inner();
  const TileStrides strides{walk.stride[axis][0], walk.inner_stride()[0], walk.inner_stride()[1]};
  walk.size[axis] = 1;
  const int64_t bands = (height + kTile - 1) / kTile;
  const int64_t grain = std::max<int64_t>(1, kGrain / (width * kTile));
  parallel_for(walk.rows() * bands, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t top = i % bands * kTile;
      const auto [to_offset, from_offset] = walk.row_offsets(i / bands);
      for (int64_t left = 0; left < width; left += kTile) {
        copy_tile(to + to_offset + top * strides.to_down + left * strides.to_right,
                  from + from_offset + top + left * strides.from_right, strides, std::min(kTile, height - top),
                  std::min(kTile, width - left));
      }
    }
  });
}

template <class T>
void copy_strided(const CopyWalk& walk, T* to, const T* from) {
  const auto [to_stride, from_stride] = walk.inner_stride();
  if (from_stride != 1 && from_stride != 0) {
    for (size_t axis = 0; axis < walk.last(); ++axis) {
      if (walk.stride[axis][1] == 1) return copy_transposed(walk, axis, to, from);
    }
  }
  copy_rows(walk, to, from);
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<From, BFloat16>) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return BFloat16(static_cast<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

template <class To, class From>
void convert_all(To* to, const From* from, int64_t count) {
  parallel_for(count, kGrain, [=](int64_t begin, int64_t end) {
    if constexpr (std::is_same_v<To, BFloat16> && std::is_same_v<From, float>) {
      round_to_bf16(from + begin, to + begin, end - begin);
    } else if constexpr (std::is_same_v<To, float> && std::is_same_v<From, BFloat16>) {
      widen_bf16(from + begin, to + begin, end - begin);
    } else {
      for (int64_t i = begin; i < end; ++i) to[i] = convert<To>(from[i]);
    }
  });
}

void check_part(const Tensor& first, const Tensor& part, size_t index, int axis) {
  bool fits = part.dtype() == first.dtype() && part.rank() == first.rank();
  for (int i = 0; fits && i < first.rank(); ++i) fits = i == axis || part.shape()[i] == first.shape()[i];
  if (!fits) {
    fail("concat", "part {} is {}, part 0 is {}; dtype and all sizes but that of axis {} must be equal", index,
         part.describe(), first.describe(), axis);
  }
}

constexpr int64_t kLeastRun = 16;  // shorter runs are quicker part by part

// Dense parts, where the dimensions from the axis on are a row: some rows of the result from all of them at a time.
void concat_rows(std::span<const Tensor> parts, int axis, Tensor& result) {
  const int64_t inner = result.strides()[axis] * size_of(result.dtype()), row_bytes = inner * result.shape()[axis];
  const int64_t width = result.strides()[axis] * result.shape()[axis];
  std::byte* to = result.mutable_bytes();
  parallel_for(result.numel() / width, std::max<int64_t>(1, kGrain / width), [=](int64_t begin, int64_t end) {
    int64_t place = 0;
    for (const Tensor& part : parts) {
      const int64_t piece = inner * part.shape()[axis];
      const std::byte* from = part.bytes();
      for (int64_t row = begin; row < end; ++row) {
        std::memcpy(to + row * row_bytes + place, from + row * piece, static_cast<size_t>(piece));
      }
      place += piece;
    }
  });
}

}  // namespace

Tensor contiguous(const Tensor& x) { return x.is_contiguous() ? x : copy(x); }

Tensor copy(const Tensor& x) {
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  copy_into(result, x);
  return result;
}

void copy_into(Tensor& into, const Tensor& from) {
  if (into.dtype() != from.dtype() || !(into.shape() == from.shape())) {
    fail("copy", "{} into {}; shape and dtype must be equal", from.describe(), into.describe());
  }
  const int64_t count = from.numel();
  if (count == 0) return;
  std::byte* to = into.mutable_bytes();
  if (into.is_contiguous() && from.is_contiguous() && count <= kGrain) {
    std::memcpy(to, from.bytes(), static_cast<size_t>(count * size_of(from.dtype())));
    return;
  }
  const CopyWalk walk(from.shape(), {&into.strides(), &from.strides()});
  dispatch_all(from.dtype(), [&]<class T>(T) { copy_strided(walk, reinterpret_cast<T*>(to), from.data<T>()); });
}

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  const Tensor source = contiguous(x);
  Tensor result = Tensor::empty(x.shape(), dtype);
  dispatch_all(dtype, [&]<class To>(To) {
    dispatch_all(source.dtype(), [&]<class From>(From) {
      convert_all(result.mutable_data<To>(), source.data<From>(), source.numel());
    });
  });
  return result;
}

Tensor expand(const Tensor& x, const Shape& shape) {
  bool fits = shape.rank() >= x.rank();
  for (int i = 1; fits && i <= x.rank(); ++i) {
    const int64_t size = x.shape()[x.rank() - i];
    fits = size == 1 || size == shape[shape.rank() - i];
  }
  if (!fits) {
    fail("expand", "{} does not repeat to {}; sizes counted from the end must be equal or 1", to_string(x.shape()),
         to_string(shape));
  }
  return x.view(shape, broadcast_strides(x, shape));
}

Tensor concat(std::span<const Tensor> parts, int axis) {
  if (parts.empty()) fail("concat", "0 tensors; at least one is needed");
  const Tensor& first = parts.front();
  axis = normalize_axis("concat", axis, first.rank());
  Shape shape = first.shape();
  shape[axis] = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    check_part(first, parts[i], i, axis);
    shape[axis] += parts[i].shape()[axis];
  }
  Tensor result = Tensor::empty(shape, first.dtype());
  const int64_t width = result.strides()[axis] * shape[axis];
  const bool are_dense =
      std::all_of(parts.begin(), parts.end(), [](const Tensor& part) { return part.is_contiguous(); });
  if (are_dense && width <= kGrain && width >= kLeastRun * static_cast<int64_t>(parts.size())) {
    concat_rows(parts, axis, result);
    return result;
  }
  int64_t place = 0;
  for (const Tensor& part : parts) {
    Tensor window = result.view(part.shape(), result.strides(), place * result.strides()[axis]);
    copy_into(window, part);
    place += part.shape()[axis];
  }
  return result;
}

}  // namespace gradus::kernels
