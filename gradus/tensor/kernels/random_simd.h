// The inner loops of random.cpp, on the instruction set of this processor.
#pragma once

#include "gradus/tensor/kernels/random.h"

namespace gradus::kernels {

/// Elements [first, first + count) of the stream, example 0: `scale`·u + `shift`, never above `limit`; u is uniform in
/// [0, 1). `first` is even.
void run_uniform(DType dtype, uint64_t key, int64_t first, int64_t count, double scale, double shift, double limit,
                 std::byte* out);
/// The same with standard normals, and no limit.
void run_normal(DType dtype, uint64_t key, int64_t first, int64_t count, double scale, double shift, std::byte* out);
/// out[i] = x[i]·scale if the random word of element `first + i` is at least `threshold`, else 0. `first` is a multiple
/// of 4; `x` and `out` are where that element lies.
void run_dropout(DType dtype, uint64_t key, uint64_t example, int64_t first, int64_t count, uint32_t threshold,
                 double scale, const std::byte* x, std::byte* out);

}  // namespace gradus::kernels
