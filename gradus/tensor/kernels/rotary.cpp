#include "gradus/tensor/kernels/rotary.h"

#include <cmath>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

void check(const Tensor& x, const RotaryOptions& o) {
  if (x.rank() != 4 || x.size(3) % 2 != 0) {
    fail("rotary", "{}; expected (B, T, H, D) with an even D", x.describe());
  }
  if (!(o.base > 0.0 && std::isfinite(o.base)) || o.first_position < 0) {
    fail("rotary", "base {}, first position {}; expected a base above 0 and a position of 0 or more", o.base,
         o.first_position);
  }
}

// (T, 2, D/2): cosines, then sines, of each position's angles.
template <class T>
Tensor angles(int64_t time, int64_t half, const RotaryOptions& o, bool backwards) {
  Tensor table = Tensor::empty({time, 2, half}, dtype_of<T>());
  T* out = table.mutable_data<T>();
  parallel_for(time, std::max<int64_t>(1, 512 / std::max<int64_t>(1, half)), [=](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t i = 0; i < half; ++i) {
        const double turn = static_cast<double>(o.first_position + t) *
                            std::pow(o.base, -static_cast<double>(i) / static_cast<double>(half));
        out[2 * t * half + i] = static_cast<T>(std::cos(turn));
        out[(2 * t + 1) * half + i] = static_cast<T>(backwards ? -std::sin(turn) : std::sin(turn));
      }
    }
  });
  return table;
}

// One head of one token. `step` and `apart`: from one pair to the next, and from its first element to its second.
template <class T>
void turn(const T* x, T* out, int64_t half, int64_t step, int64_t apart, const T* cosine, const T* sine) {
  for (int64_t i = 0; i < half; ++i) {
    const T first = x[i * step], second = x[i * step + apart];
    out[i * step] = first * cosine[i] - second * sine[i];
    out[i * step + apart] = second * cosine[i] + first * sine[i];
  }
}

}  // namespace

Tensor rotary(const Tensor& x, const RotaryOptions& options, bool backwards) {
  check(x, options);
  const Tensor source = contiguous(x);
  const int64_t time = x.size(1), heads = x.size(2), half = x.size(3) / 2;
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("rotary", x.dtype(), [&]<class T>(T) {
    const Tensor table = angles<T>(time, half, options, backwards);
    const T *from = source.data<T>(), *cosines = table.data<T>();
    T* to = result.mutable_data<T>();
    const int64_t token = heads * 2 * half;
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, token));
    parallel_for(token > 0 ? x.size(0) * time : 0, grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T *cosine = cosines + i % time * 2 * half, *sine = cosine + half;
        for (int64_t at = i * token; at < (i + 1) * token; at += 2 * half) {
          if (options.pairs == RotaryPairs::kHalves) {
            turn(from + at, to + at, half, 1, half, cosine, sine);
          } else {
            turn(from + at, to + at, half, 2, 1, cosine, sine);
          }
        }
      }
    });
  });
  return result;
}

}  // namespace gradus::kernels
