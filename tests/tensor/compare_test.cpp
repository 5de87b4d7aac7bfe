#include "gradus/tensor/kernels/compare.h"

#include <cmath>

#include "gradus/tensor/kernels/copy.h"
#include "tests/testing.h"

namespace gradus {
namespace compare_test {

using Doubles = std::vector<double>;

Tensor numbers(int64_t count, double first, DType dtype) {
  Doubles values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<double>(i * 7 % 13);
  return kernels::cast(Tensor::from(values, {count}), dtype);
}

// Whole vectors of every instruction set and what is left over, of elements of every size.
TEST(Where, TakesElementsOfEitherOfAnySize) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16, DType::kI64, DType::kI32, DType::kBool}) {
    for (const int64_t count : {0, 1, 3, 15, 16, 33, 64, 129, 40003}) {
      const Tensor x = numbers(count, 1, dtype), y = numbers(count, 20, dtype), z = Tensor::full({1}, 0, dtype);
      const Tensor order = numbers(count, 0, DType::kF32),
                   chosen = kernels::compare(kernels::Comparison::kLess, order, 6);
      const std::vector<float> keys = order.values<float>();
      const auto expect = [&](const Tensor& result, const Tensor& yes, const Tensor& no) {
        const Doubles a = yes.values<double>(), b = no.values<double>(), got = result.values<double>();
        ASSERT_EQ(got.size(), keys.size());
        for (size_t i = 0; i < keys.size(); ++i) {
          const double expected = keys[i] < 6 ? a[a.size() == 1 ? 0 : i] : b[b.size() == 1 ? 0 : i];
          ASSERT_EQ(got[i], expected) << name_of(dtype) << " " << count << " [" << i << "]";
        }
      };
      expect(kernels::where(chosen, x, y), x, y);
      expect(kernels::where(chosen, x, z), x, z);
      expect(kernels::where(chosen, z, y), z, y);
    }
  }
}

TEST(Where, OfConditionsThatRepeatAndOfTurnedTensors) {
  const Tensor x = numbers(12, 0, DType::kF32).view({3, 4}, {4, 1}),
               y = numbers(12, 50, DType::kF32).view({3, 4}, {1, 3});
  const Tensor column =
      kernels::compare(kernels::Comparison::kGreater, numbers(3, 0, DType::kF32), 5).view({3, 1}, {1, 1});
  const Doubles a = x.values<double>(), b = y.values<double>(), result = kernels::where(column, x, y).values<double>();
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(result[i], i / 4 == 1 ? a[i] : b[i]) << i;  // 0, 7 and 1 against 5
}

// A number that f32 does not hold is compared as it is.
TEST(Compare, WithNumbersBetweenThoseOfTheType) {
  const Tensor x = Tensor::from(std::vector<float>{0.1F, 0.5F, NAN}, {3});
  const auto is = [&](kernels::Comparison op, double value) { return kernels::compare(op, x, value).values<double>(); };
  EXPECT_EQ(is(kernels::Comparison::kEqual, 0.1), (Doubles{0, 0, 0}));
  EXPECT_EQ(is(kernels::Comparison::kGreater, 0.1), (Doubles{1, 1, 0}));
  EXPECT_EQ(is(kernels::Comparison::kEqual, 0.5), (Doubles{0, 1, 0}));
  EXPECT_EQ(is(kernels::Comparison::kLess, HUGE_VAL), (Doubles{1, 1, 0}));
  EXPECT_EQ(is(kernels::Comparison::kLess, 1e300), (Doubles{1, 1, 0}));
  EXPECT_EQ(is(kernels::Comparison::kNotEqual, NAN), (Doubles{1, 1, 1}));
}

}  // namespace compare_test
}  // namespace gradus
