#include "gradus/tensor/kernels/losses.h"

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/losses_simd.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {

double loss_sum(std::string_view name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
                const Tensor& target) {
  const DType dtype = prediction.dtype();
  if (!is_float(dtype)) fail_not_float(name, dtype);
  if (dtype != target.dtype()) {
    fail(name, "{} and {} do not mix; convert one with cast", name_of(dtype), name_of(target.dtype()));
  }
  const Tensor p = contiguous(prediction), t = contiguous(target);
  const int64_t count = p.numel(), blocks = (count + kSumBlock - 1) / kSumBlock;
  Tensor sums = Tensor::empty({blocks}, DType::kF64);
  double* out = sums.mutable_data<double>();
  parallel_for(blocks, kCostlyGrain / kSumBlock, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kSumBlock, offset = first * size_of(dtype);
    run_loss_sums(loss, arguments, dtype,
                  {.count = std::min(end * kSumBlock, count) - first,
                   .prediction = p.bytes() + offset,
                   .target = t.bytes() + offset},
                  kSumBlock, out + begin);
  });
  return sum_all(sums).item();
}

Tensor loss_backward(Loss loss, const LossArguments& arguments, LossInput input, const Tensor& prediction,
                     const Tensor& target, double scale) {
  const Tensor p = contiguous(prediction), t = contiguous(target);
  Tensor result = Tensor::empty(p.shape(), p.dtype());
  std::byte* out = result.mutable_bytes();
  parallel_for(p.numel(), kCostlyGrain, [&, dtype = p.dtype()](int64_t begin, int64_t end) {
    const int64_t offset = begin * size_of(dtype);
    run_loss_backward(loss, arguments, input, dtype,
                      {.count = end - begin, .prediction = p.bytes() + offset, .target = t.bytes() + offset}, scale,
                      out + offset);
  });
  return result;
}

}  // namespace gradus::kernels
