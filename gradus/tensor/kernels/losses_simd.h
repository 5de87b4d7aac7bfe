// The inner loops of losses.cpp, on the instruction set of this processor.
#pragma once

#include "gradus/tensor/kernels/losses.h"

namespace gradus::kernels {

struct LossRun {
  int64_t count;
  const std::byte *prediction, *target;
};

/// `sums[i]` = the sum of the terms [i·block, (i + 1)·block); the last block ends at `count`.
void run_loss_sums(Loss loss, const LossArguments& arguments, DType dtype, const LossRun& run, int64_t block,
                   double* sums);
void run_loss_backward(Loss loss, const LossArguments& arguments, LossInput input, DType dtype, const LossRun& run,
                       double scale, std::byte* out);

}  // namespace gradus::kernels
