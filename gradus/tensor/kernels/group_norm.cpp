#include "gradus/tensor/kernels/group_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/batch_norm_simd.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/reduce.h"

namespace gradus::kernels {
namespace {

void check(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias) {
  if (!is_float(x.dtype())) fail_not_float("group_norm", x.dtype());
  if (x.rank() < 2 || x.numel() == 0) {
    fail("group_norm", "{} has nothing to normalise; expected (N, …, C), none of them 0", x.describe());
  }
  if (groups < 1 || x.size(-1) % groups != 0) {
    fail("group_norm", "{} groups of the channels of {}; expected a divisor", groups, x.describe());
  }
  for (const Tensor* t : {&weight, &bias}) {
    if (t->defined() && (t->dtype() != x.dtype() || !(t->shape() == Shape{x.size(-1)}))) {
      fail("group_norm", "{} {} for {}; expected {} ({},)", t == &weight ? "weight" : "bias", t->describe(),
           x.describe(), name_of(x.dtype()), x.size(-1));
    }
  }
}

// What belongs to the channels of one example.
template <class T>
struct Channels {
  explicit Channels(int64_t count)
      : mean(static_cast<size_t>(count)),
        scale(mean),
        bias(mean),
        sum(mean),
        products(mean),
        centre(mean),
        slope(mean) {}
  std::vector<T> mean, scale, bias, sum, products, centre, slope;

  // The mean and scale of each channel from those of its group; weight and bias may be nullptr.
  void set(int64_t channels, int64_t groups, const T* group_mean, const T* rstd, const T* weight, const T* shift) {
    for (int64_t c = 0; c < channels; ++c) {
      const auto i = static_cast<size_t>(c);
      const int64_t group = c / (channels / groups);
      mean[i] = group_mean[group];
      scale[i] = weight == nullptr ? rstd[group] : rstd[group] * weight[c];
      bias[i] = shift == nullptr ? T{0} : shift[c];
    }
  }
};

// Calls `body(rows of an example, its number, scratch for its channels)` for each example.
template <class T, class Body>
void for_examples(const Tensor& x, Body&& body) {
  const int64_t examples = x.size(0), size = x.numel() / examples, channels = x.size(-1);
  parallel_for(examples, std::max<int64_t>(1, 16384 / size), [&](int64_t begin, int64_t end) {
    Channels<T> own(channels);
    for (int64_t n = begin; n < end; ++n) {
      BatchNormRows<T> rows;
      rows.rows = size / channels;
      rows.channels = channels;
      rows.x = x.data<T>() + n * size;
      rows.mean = own.mean.data();
      rows.scale = own.scale.data();
      rows.bias = own.bias.data();
      rows.sum = own.sum.data();
      rows.products = own.products.data();
      rows.centre = own.centre.data();
      rows.slope = own.slope.data();
      body(rows, n, own);
    }
  });
}

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

Tensor own(const Tensor& t) { return t.defined() ? contiguous(t) : t; }

// Mean and 1/√(variance + epsilon) of each group of one example, from those of its channels.
template <class T>
void join(const BatchNormRows<T>& r, int64_t groups, double epsilon, T* mean, T* rstd) {
  const int64_t width = r.channels / groups;
  const auto rows = static_cast<double>(r.rows), count = rows * static_cast<double>(width);
  for (int64_t group = 0; group < groups; ++group) {
    double total = 0.0, squares = 0.0;
    for (int64_t c = group * width; c < (group + 1) * width; ++c) total += static_cast<double>(r.sum[c]);
    const double centre = total / static_cast<double>(width);
    for (int64_t c = group * width; c < (group + 1) * width; ++c) {
      const double apart = static_cast<double>(r.sum[c]) - centre;
      squares += static_cast<double>(r.products[c]) + rows * apart * apart;
    }
    mean[group] = static_cast<T>(centre);
    rstd[group] = static_cast<T>(1.0 / std::sqrt(squares / count + epsilon));
  }
}

// Of one example: Σ g·(x − mean) and Σ g of each channel, block by block, so that long sums keep their digits.
template <class T>
void sum_blocks(const BatchNormRows<T>& all, T* products, T* sums) {
  std::fill(products, products + all.channels, T{0});
  std::fill(sums, sums + all.channels, T{0});
  BatchNormRows<T> block = all;
  for (int64_t row = 0; row < all.rows; row += kSumBlock) {
    block.rows = std::min(kSumBlock, all.rows - row);
    block.x = all.x + row * all.channels;
    block.grad = all.grad + row * all.channels;
    run_batch_norm_sums(block);
    for (int64_t c = 0; c < all.channels; ++c) products[c] += block.products[c], sums[c] += block.sum[c];
  }
}

// With h = g·weight: dx = rstd·(h − mean(h) − x̂·mean(h·x̂)), the means over a group.
template <class T>
void centre_groups(const BatchNormRows<T>& rows, int64_t groups, const T* rstd, const T* weight, const T* products,
                   const T* sums, Channels<T>& channels) {
  const int64_t width = rows.channels / groups;
  const auto count = static_cast<double>(rows.rows * width);
  for (int64_t group = 0; group < groups; ++group) {
    double sum = 0.0, product = 0.0;
    for (int64_t c = group * width; c < (group + 1) * width; ++c) {
      const double factor = weight == nullptr ? 1.0 : static_cast<double>(weight[c]);
      sum += factor * static_cast<double>(sums[c]);
      product += factor * static_cast<double>(products[c]);
    }
    const auto r = static_cast<double>(rstd[group]);
    for (auto c = static_cast<size_t>(group * width); c < static_cast<size_t>((group + 1) * width); ++c) {
      channels.centre[c] = static_cast<T>(r * sum / count);
      channels.slope[c] = static_cast<T>(r * r * r * product / count);
    }
  }
}

}  // namespace

GroupNorm group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double epsilon) {
  check(x, groups, weight, bias);
  const Tensor source = contiguous(x), w = own(weight), b = own(bias);
  const Shape shape{x.size(0), groups};
  GroupNorm result{Tensor::empty(x.shape(), x.dtype()), Tensor::empty(shape, x.dtype()),
                   Tensor::empty(shape, x.dtype())};
  dispatch_float("group_norm", x.dtype(), [&]<class T>(T) {
    T *mean = result.mean.mutable_data<T>(), *rstd = result.rstd.mutable_data<T>(), *y = result.y.mutable_data<T>();
    for_examples<T>(source, [&](BatchNormRows<T>& rows, int64_t n, Channels<T>& channels) {
      run_moments(rows);
      join(rows, groups, epsilon, mean + n * groups, rstd + n * groups);
      channels.set(rows.channels, groups, mean + n * groups, rstd + n * groups, data_or_null<T>(w), data_or_null<T>(b));
      rows.out = y + n * rows.rows * rows.channels;
      run_batch_norm(rows);
    });
  });
  return result;
}

GroupNormGradients group_norm_backward(const Tensor& grad, const Tensor& x, int64_t groups, const Tensor& mean,
                                       const Tensor& rstd, const Tensor& weight, bool needs_x) {
  const Tensor source = contiguous(x), g = contiguous(grad), w = own(weight);
  const Shape shape{x.size(0), x.size(-1)};
  GroupNormGradients result{needs_x ? Tensor::empty(x.shape(), x.dtype()) : Tensor(), Tensor::empty(shape, x.dtype()),
                            Tensor::empty(shape, x.dtype())};
  dispatch_float("group_norm", x.dtype(), [&]<class T>(T) {
    const T *means = mean.data<T>(), *rstds = rstd.data<T>(), *factors = data_or_null<T>(w);
    T *const of_weight = result.weight.mutable_data<T>(), *const of_bias = result.bias.mutable_data<T>();
    T* const of_x = needs_x ? result.x.mutable_data<T>() : nullptr;
    for_examples<T>(source, [&](BatchNormRows<T>& rows, int64_t n, Channels<T>& channels) {
      const int64_t size = rows.rows * rows.channels;
      channels.set(rows.channels, groups, means + n * groups, rstds + n * groups, factors, nullptr);
      rows.grad = g.data<T>() + n * size;
      T *const products = of_weight + n * rows.channels, *const sums = of_bias + n * rows.channels;
      sum_blocks(rows, products, sums);
      if (needs_x) {
        centre_groups(rows, groups, rstds + n * groups, factors, products, sums, channels);
        rows.out = of_x + n * size;
        run_batch_norm_backward(rows);
      }
      for (int64_t c = 0; c < rows.channels; ++c) products[c] *= rstds[n * groups + c / (rows.channels / groups)];
    });
  });
  return result;
}

}  // namespace gradus::kernels
