#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/update_adafactor.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/update-inl.h"
#include "gradus/tensor/kernels/update_adafactor.h"
#include "gradus/tensor/tensor.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

template <class D, class T>
HWY_INLINE void StoreFromDouble(D d, hn::Vec<D> x, T* to) {
  if constexpr (sizeof(T) == 4) {
    hn::StoreU(hn::DemoteTo(hn::Rebind<T, D>(), x), hn::Rebind<T, D>(), to);
  } else {
    hn::StoreU(x, d, to);
  }
}

// Calls `body(d, i)` for vectors of doubles that cover [begin, end).
template <class Body>
HWY_INLINE void ForDoubles(int64_t begin, int64_t end, Body&& body) {
  const hn::ScalableTag<double> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) body(d, i);
  for (; i < end; ++i) body(OneLane<double>(), i);
}

// A sum whose full vectors are joined at its end.
struct Sum {
  hn::Vec<hn::ScalableTag<double>> lanes = hn::Zero(hn::ScalableTag<double>());
  double rest = 0.0;

  template <class D>
  HWY_INLINE void Add(D /*d*/, hn::Vec<D> x) {
    if constexpr (std::is_same_v<D, hn::ScalableTag<double>>) {
      lanes = hn::Add(lanes, x);
    } else {
      rest += hn::GetLane(x);
    }
  }
  HWY_INLINE double Total() const { return hn::GetLane(hn::SumOfLanes(hn::ScalableTag<double>(), lanes)) + rest; }
};

template <class T>
struct Loader {
  const T* value;
  const T* gradient;
  Mix<double> mix;
  bool reads_value;

  Loader(const UpdateArrays& a, const GradientMix& m)
      : value(reinterpret_cast<const T*>(a.value)),
        gradient(reinterpret_cast<const T*>(a.gradient)),
        mix(m),
        reads_value(m.sign != 0.0 || m.value != 0.0 || m.decay != 0.0) {}
  template <class D>
  HWY_INLINE hn::Vec<D> Gradient(D d, int64_t i) const {
    const auto g = LoadAsDouble(d, gradient + i);
    return reads_value ? mix(d, g, LoadAsDouble(d, value + i)) : mix.OfGradient(d, g);
  }
};

// Rows [begin, end) of all matrices' rows, which lie in one matrix; adds to its columns.
template <class T>
void Sums(const Loader<T> load, int64_t length, int64_t begin, int64_t end, double* rows, double* columns) {
  for (int64_t row = begin; row < end; ++row) {
    Sum sum{};
    ForDoubles(0, length, [&](auto d, int64_t j) {
      const auto g = load.Gradient(d, row * length + j);
      const auto square = hn::Mul(g, g);
      sum.Add(d, square);
      hn::StoreU(hn::Add(hn::LoadU(d, columns + j), square), d, columns + j);
    });
    rows[row] = sum.Total();
  }
}

// Elements [begin, end) through `body(d, u, i)`; a row's factor is constant along its part.
template <class T, class Body>
HWY_INLINE void ForDirections(const UpdateArrays& a, const AdafactorUpdate& u, int64_t begin, int64_t end,
                              Body&& body) {
  const Loader<T> load(a, u.mix);
  if (u.variance != nullptr) {
    const T* variance = reinterpret_cast<const T*>(u.variance);
    ForDoubles(begin, end, [&](auto d, int64_t i) {
      const auto v = hn::Max(LoadAsDouble(d, variance + i), hn::Set(d, u.floor));
      body(d, hn::Div(load.Gradient(d, i), hn::Sqrt(v)), i);
    });
    return;
  }
  const int64_t length = u.shape.columns;
  const double largest = 1.0 / std::sqrt(u.floor);
  for (int64_t i = begin; i < end;) {
    const int64_t row = i / length, first = row * length, stop = std::min(end, first + length);
    const double* const columns = u.columns + row / u.shape.rows * length;
    const double factor = u.rows[row];
    ForDoubles(i, stop, [&](auto d, int64_t j) {
      const auto root = hn::Mul(hn::Set(d, factor), hn::LoadU(d, columns + (j - first)));
      body(d, hn::Mul(load.Gradient(d, j), hn::Min(root, hn::Set(d, largest))), j);
    });
    i = stop;
  }
}

template <class T>
double SquaresTyped(const UpdateArrays& a, const AdafactorUpdate& rule, int64_t begin, int64_t end) {
  Sum sum{};
  ForDirections<T>(a, rule, begin, end, [&](auto d, auto u, int64_t) { sum.Add(d, hn::Mul(u, u)); });
  return sum.Total();
}

template <class T>
void UpdateTyped(const UpdateArrays& a, const AdafactorUpdate& u, int64_t begin, int64_t end) {
  T* const value = reinterpret_cast<T*>(a.value);
  ForDirections<T>(a, u, begin, end, [&](auto d, auto direction, int64_t i) {
    const auto x = LoadAsDouble(d, value + i);
    const auto change = hn::MulAdd(hn::Set(d, u.step), direction, hn::Mul(hn::Set(d, u.decay), x));
    StoreFromDouble(d, hn::Sub(x, change), value + i);
  });
}

template <class T>
void VarianceTyped(const UpdateArrays& a, const GradientMix& mix, std::byte* variance, double part, int64_t begin,
                   int64_t end) {
  const Loader<T> load(a, mix);
  T* const v = reinterpret_cast<T*>(variance);
  ForDoubles(begin, end, [&](auto d, int64_t i) {
    StoreFromDouble(d, MovedToSquare(d, LoadAsDouble(d, v + i), load.Gradient(d, i), part), v + i);
  });
}

void RunSums(const UpdateArrays& a, const GradientMix& mix, int64_t length, int64_t begin, int64_t end, double* rows,
             double* columns) {
  a.dtype == DType::kF32 ? Sums(Loader<float>(a, mix), length, begin, end, rows, columns)
                         : Sums(Loader<double>(a, mix), length, begin, end, rows, columns);
}

double RunSquares(const UpdateArrays& a, const AdafactorUpdate& u, int64_t begin, int64_t end) {
  return a.dtype == DType::kF32 ? SquaresTyped<float>(a, u, begin, end) : SquaresTyped<double>(a, u, begin, end);
}

void RunUpdate(const UpdateArrays& a, const AdafactorUpdate& u, int64_t begin, int64_t end) {
  a.dtype == DType::kF32 ? UpdateTyped<float>(a, u, begin, end) : UpdateTyped<double>(a, u, begin, end);
}

void RunVariance(const UpdateArrays& a, const GradientMix& mix, std::byte* variance, double part, int64_t begin,
                 int64_t end) {
  a.dtype == DType::kF32 ? VarianceTyped<float>(a, mix, variance, part, begin, end)
                         : VarianceTyped<double>(a, mix, variance, part, begin, end);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunSums);
HWY_EXPORT(RunSquares);
HWY_EXPORT(RunUpdate);
HWY_EXPORT(RunVariance);

// One matrix is cut into at most so many blocks of rows, each with column sums of its own.
constexpr int64_t kMostBlocks = 64;

// The sums of one matrix, whose rows begin at `first`.
void sums_of_one(const UpdateArrays& arrays, const GradientMix& mix, const FactoredShape& shape, int64_t first,
                 double* rows, double* columns) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunSums);
  const int64_t length = shape.columns;
  const int64_t grain = std::max({int64_t{1}, kGrain / length, (shape.rows + kMostBlocks - 1) / kMostBlocks});
  if (shape.rows <= grain) {
    std::fill_n(columns, length, 0.0);
    return run(arrays, mix, length, first, first + shape.rows, rows, columns);
  }
  const int64_t blocks = (shape.rows + grain - 1) / grain;
  Tensor parts = Tensor::empty({blocks, length}, DType::kF64);
  double* const part = parts.mutable_data<double>();
  parallel_for(shape.rows, grain, [&](int64_t begin, int64_t end) {
    double* const sums = std::fill_n(part + begin / grain * length, length, 0.0) - length;
    run(arrays, mix, length, first + begin, first + end, rows, sums);
  });
  parallel_for(length, kCostlyGrain / kMostBlocks, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      double sum = 0.0;
      for (int64_t block = 0; block < blocks; ++block) sum += part[block * length + j];
      columns[j] = sum;
    }
  });
}

}  // namespace

void factored_sums(const UpdateArrays& arrays, const GradientMix& mix, const FactoredShape& shape, double* rows,
                   double* columns) {
  const int64_t elements = shape.rows * shape.columns;
  if (elements == 0) return;
  parallel_for(shape.matrices, std::max<int64_t>(1, kGrain / elements), [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      sums_of_one(arrays, mix, shape, m * shape.rows, rows, columns + m * shape.columns);
    }
  });
}

double adafactor_squares(const UpdateArrays& arrays, const AdafactorUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunSquares);
  if (arrays.count <= kGrain) return run(arrays, update, 0, arrays.count);
  const int64_t blocks = (arrays.count + kGrain - 1) / kGrain;
  Tensor parts = Tensor::zeros({blocks}, DType::kF64);
  double* const part = parts.mutable_data<double>();
  parallel_for(arrays.count, kGrain,
               [&](int64_t begin, int64_t end) { part[begin / kGrain] = run(arrays, update, begin, end); });
  double sum = 0.0;
  for (int64_t i = 0; i < blocks; ++i) sum += part[i];
  return sum;
}

void update_adafactor(const UpdateArrays& arrays, const AdafactorUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunUpdate);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, update, begin, end); });
}

void update_variance(const UpdateArrays& arrays, const GradientMix& mix, std::byte* variance, double part) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunVariance);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, mix, variance, part, begin, end); });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
