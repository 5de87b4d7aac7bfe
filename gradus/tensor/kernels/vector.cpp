#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/vector.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/update-inl.h"
#include "gradus/tensor/kernels/vector.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

template <class T>
void AddScaled(T* y, double factor, const T* x, int64_t count) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const T constant = static_cast<T>(factor);
  const auto add = [&](auto tag, int64_t i) {
    hn::StoreU(hn::MulAdd(hn::Set(tag, constant), hn::LoadU(tag, x + i), hn::LoadU(tag, y + i)), tag, y + i);
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) add(d, i);
  for (; i < count; ++i) add(OneLane<T>(), i);
}

void RunAddScaled(DType dtype, std::byte* y, double factor, const std::byte* x, int64_t begin, int64_t end) {
  if (dtype == DType::kF32) {
    return AddScaled(reinterpret_cast<float*>(y) + begin, factor, reinterpret_cast<const float*>(x) + begin,
                     end - begin);
  }
  AddScaled(reinterpret_cast<double*>(y) + begin, factor, reinterpret_cast<const double*>(x) + begin, end - begin);
}

template <class T>
double Dot(const T* x, const T* y, int64_t count) {
  const hn::ScalableTag<double> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d), odd = hn::Zero(d);  // two chains hide much of the adder's latency
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    even = hn::MulAdd(LoadAsDouble(d, x + i), LoadAsDouble(d, y + i), even);
    odd = hn::MulAdd(LoadAsDouble(d, x + i + lanes), LoadAsDouble(d, y + i + lanes), odd);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; i < count; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return sum;
}

double RunDot(DType dtype, const std::byte* x, const std::byte* y, int64_t begin, int64_t end) {
  if (dtype == DType::kF32) {
    return Dot(reinterpret_cast<const float*>(x) + begin, reinterpret_cast<const float*>(y) + begin, end - begin);
  }
  return Dot(reinterpret_cast<const double*>(x) + begin, reinterpret_cast<const double*>(y) + begin, end - begin);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunAddScaled);
HWY_EXPORT(RunDot);

void check(std::string_view name, const Tensor& x, const Tensor& y) {
  if (is_float(x.dtype()) && x.dtype() == y.dtype() && x.numel() == y.numel() && x.is_contiguous() &&
      y.is_contiguous()) {
    return;
  }
  fail(name, "{} and {}; expected contiguous tensors of one size, f32 or f64", x.describe(), y.describe());
}

// `join` of the blocks' results, in order, from 0.
template <class Block, class Join>
double joined(int64_t count, Block&& block, Join&& join) {
  if (count <= kGrain) return join(0.0, block(int64_t{0}, count));
  const int64_t blocks = (count + kGrain - 1) / kGrain;
  Tensor parts = Tensor::zeros({blocks}, DType::kF64);
  double* const part = parts.mutable_data<double>();
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) { part[begin / kGrain] = block(begin, end); });
  double result = 0.0;
  for (int64_t i = 0; i < blocks; ++i) result = join(result, part[i]);
  return result;
}

// Of |x|, by `join`.
template <class Join>
double sizes(const Tensor& x, Join&& join) {
  check("sizes", x, x);
  const auto of = [&]<class T>(const T* elements) {
    const auto block = [&](int64_t begin, int64_t end) {
      double result = 0.0;
      for (int64_t i = begin; i < end; ++i) result = join(result, std::abs(static_cast<double>(elements[i])));
      return result;
    };
    return joined(x.numel(), block, join);
  };
  return x.dtype() == DType::kF32 ? of(x.data<float>()) : of(x.data<double>());
}

}  // namespace

void add_scaled(Tensor& y, double factor, const Tensor& x) {
  check("add_scaled", y, x);
  const auto run = HWY_DYNAMIC_DISPATCH(RunAddScaled);
  std::byte* const to = y.mutable_bytes();
  parallel_for(y.numel(), kGrain,
               [&](int64_t begin, int64_t end) { run(y.dtype(), to, factor, x.bytes(), begin, end); });
}

double dot(const Tensor& x, const Tensor& y) {
  check("dot", x, y);
  const auto run = HWY_DYNAMIC_DISPATCH(RunDot);
  return joined(
      x.numel(), [&](int64_t begin, int64_t end) { return run(x.dtype(), x.bytes(), y.bytes(), begin, end); },
      [](double a, double b) { return a + b; });
}

double sum_of_sizes(const Tensor& x) {
  return sizes(x, [](double a, double b) { return a + b; });
}

double largest_size(const Tensor& x) {
  return sizes(
      x, [](double a, double b) { return std::isnan(b) ? std::numeric_limits<double>::infinity() : std::max(a, b); });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
