// The inner loops of losses.cpp, on the instruction set of this processor.
#pragma once

#include "gradus/tensor/kernels/losses.h"

namespace gradus::kernels {

struct LossRun {
  int64_t count;
  const std::byte *prediction, *target;
};
struct LossSlopes {
  std::byte *prediction, *target;
};

/// `sums[i]` = the sum of the terms [i·block, (i + 1)·block); the last block ends at `count`.
void run_loss_sums(Loss loss, const LossArguments& arguments, DType dtype, const LossRun& run, int64_t block,
                   double* sums);
/// Both slopes times `scale`, or the one that is not null.
void run_loss_slopes(Loss loss, const LossArguments& arguments, DType dtype, const LossRun& run, double scale,
                     const LossSlopes& slopes);

}  // namespace gradus::kernels
