#include "gradus/tensor/kernels/losses.h"

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/losses_simd.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {

namespace {

// The sums over blocks of `block` elements, f64.
Tensor block_sums(std::string_view name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
                  const Tensor& target, int64_t block) {
  const DType dtype = prediction.dtype();
  if (!is_float(dtype)) fail_not_float(name, dtype);
  if (dtype != target.dtype()) {
    fail(name, "{} and {} do not mix; convert one with cast", name_of(dtype), name_of(target.dtype()));
  }
  const Tensor p = contiguous(prediction), t = contiguous(target);
  const int64_t count = p.numel(), blocks = (count + block - 1) / block;
  Tensor sums = Tensor::empty({blocks}, DType::kF64);
  double* out = sums.mutable_data<double>();
  parallel_for(blocks, std::max<int64_t>(1, kCostlyGrain / block), [&](int64_t begin, int64_t end) {
    const int64_t first = begin * block, offset = first * size_of(dtype);
    run_loss_sums(loss, arguments, dtype,
                  {.count = std::min(end * block, count) - first,
                   .prediction = p.bytes() + offset,
                   .target = t.bytes() + offset},
                  block, out + begin);
  });
  return sums;
}

}  // namespace

double loss_sum(std::string_view name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
                const Tensor& target) {
  return sum_all(block_sums(name, loss, arguments, prediction, target, kSumBlock)).item();
}

Tensor loss_of_rows(std::string_view name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
                    const Tensor& target) {
  if (prediction.rank() == 0) fail(name, "{} has no rows to give a loss each", prediction.describe());
  const int64_t rows = prediction.size(0), width = rows == 0 ? 0 : prediction.numel() / rows;
  if (width == 0) return Tensor::zeros({rows}, prediction.dtype());
  return cast(block_sums(name, loss, arguments, prediction, target, width), prediction.dtype());
}

LossGradients loss_backward(Loss loss, const LossArguments& arguments, const Tensor& prediction, const Tensor& target,
                            double scale, const LossNeeds& needs) {
  if (!needs.prediction && !needs.target) return {};
  const Tensor p = contiguous(prediction), t = contiguous(target);
  LossGradients result;
  const auto place = [&](bool is_needed, Tensor& gradient) -> std::byte* {
    if (!is_needed) return nullptr;
    gradient = Tensor::empty(p.shape(), p.dtype());
    return gradient.mutable_bytes();
  };
  const LossSlopes all{place(needs.prediction, result.prediction), place(needs.target, result.target)};
  parallel_for(p.numel(), kCostlyGrain, [&, dtype = p.dtype()](int64_t begin, int64_t end) {
    const int64_t offset = begin * size_of(dtype);
    const auto at = [offset](std::byte* bytes) { return bytes == nullptr ? nullptr : bytes + offset; };
    run_loss_slopes(loss, arguments, dtype,
                    {.count = end - begin, .prediction = p.bytes() + offset, .target = t.bytes() + offset}, scale,
                    {.prediction = at(all.prediction), .target = at(all.target)});
  });
  return result;
}

}  // namespace gradus::kernels
