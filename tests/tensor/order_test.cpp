// Extremes, the best k and running sums, against the standard library's, over the lengths at which the kernels change
// their way.
#include "gradus/tensor/kernels/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/base/random.h"

namespace gradus {
namespace order_test {

using kernels::Extreme;

// Whole numbers of a few values, so that there are equal ones; some are NaN.
std::vector<float> numbers(int64_t count, uint64_t seed, bool with_nan) {
  const RandomStream stream(seed);
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    const double u = stream.uniform(0, static_cast<uint64_t>(i));
    values.push_back(with_nan && u > 0.999 ? std::nanf("") : static_cast<float>(std::floor(u * 5000.0)));
  }
  return values;
}

// As the kernels' order: NaN counts as the largest, equal elements by their place.
std::vector<int64_t> order_of(const float* x, int64_t length, int64_t stride, bool descending) {
  std::vector<int64_t> places(static_cast<size_t>(length));
  std::iota(places.begin(), places.end(), 0);
  const auto key = [&](int64_t i) { return std::isnan(x[i * stride]) ? INFINITY : x[i * stride]; };
  std::stable_sort(places.begin(), places.end(),
                   [&](int64_t a, int64_t b) { return descending ? key(a) > key(b) : key(a) < key(b); });
  return places;
}

TEST(Extremes, AreThoseOfTheStandardLibraryInRowsOfAnyLength) {
  for (const int64_t length : {1, 2, 15, 16, 17, 63, 64, 65, 2047, 2048, 2049, 131071, 131072, 200001}) {
    for (const bool with_nan : {false, true}) {
      const std::vector<float> values = numbers(length, static_cast<uint64_t>(length), with_nan);
      const Tensor x = Tensor::from(values, {length});
      const auto nan = std::find_if(values.begin(), values.end(), [](float v) { return std::isnan(v); });
      const bool has_nan = nan != values.end();
      const int64_t largest = (has_nan ? nan : std::max_element(values.begin(), values.end())) - values.begin();
      const int64_t smallest = (has_nan ? nan : std::min_element(values.begin(), values.end())) - values.begin();
      EXPECT_EQ(kernels::index_of("max", Extreme::kLargest, x, 0, false).values<double>()[0], largest) << length;
      EXPECT_EQ(kernels::index_of("min", Extreme::kSmallest, x, 0, false).values<double>()[0], smallest) << length;
    }
  }
}

TEST(Extremes, AreThoseOfTheStandardLibraryDownColumns) {
  for (const int64_t width : {1, 3, 16, 17, 100}) {
    const int64_t length = 700;
    const std::vector<float> values = numbers(length * width, static_cast<uint64_t>(width), true);
    const Tensor x = Tensor::from(values, {length, width});
    const std::vector<double> found = kernels::index_of("max", Extreme::kLargest, x, 0, false).values<double>();
    const std::vector<double> least = kernels::index_of("min", Extreme::kSmallest, x, 0, false).values<double>();
    for (int64_t j = 0; j < width; ++j) {
      int64_t largest = 0, smallest = 0;
      for (int64_t i = 1; i < length; ++i) {
        const float v = values[static_cast<size_t>(i * width + j)];
        const float high = values[static_cast<size_t>(largest * width + j)];
        const float low = values[static_cast<size_t>(smallest * width + j)];
        if (v > high || (std::isnan(v) && !std::isnan(high))) largest = i;
        if (v < low || (std::isnan(v) && !std::isnan(low))) smallest = i;
      }
      EXPECT_EQ(found[static_cast<size_t>(j)], static_cast<double>(largest));
      EXPECT_EQ(least[static_cast<size_t>(j)], static_cast<double>(smallest));
    }
  }
}

TEST(TopK, IsTheStartOfTheSortedRow) {
  for (const int64_t length : {1, 40, 3000}) {
    for (const int64_t k : {int64_t{0}, int64_t{1}, int64_t{3}, int64_t{16}, int64_t{17}, int64_t{700}, length}) {
      if (k > length) continue;
      for (const bool largest : {true, false}) {
        const std::vector<float> values = numbers(2 * length, static_cast<uint64_t>(length), true);
        for (const int64_t stride : {1, 2}) {
          const Shape shape = stride == 1 ? Shape{2, length} : Shape{length, 2};
          const Tensor index = kernels::top_k_indices(Tensor::from(values, shape), stride == 1 ? 1 : 0, k, largest);
          const std::vector<double> found = index.values<double>();
          const std::vector<int64_t> expected = order_of(values.data(), length, stride, largest);
          for (int64_t i = 0; i < k; ++i) {
            ASSERT_EQ(found[static_cast<size_t>(i * stride)], static_cast<double>(expected[static_cast<size_t>(i)]))
                << length << " " << k << " " << largest << " " << stride << " " << i;
          }
        }
      }
    }
  }
}

TEST(CumulativeSum, OfManyRowsIsThatOfEach) {
  for (const int64_t rows : {1, 7, 8, 9, 20}) {
    const int64_t length = 333;
    const std::vector<float> values = numbers(rows * length, 5, false);
    for (const bool reverse : {false, true}) {
      const std::vector<double> sums =
          kernels::cumulative_sum(Tensor::from(values, {rows, length}), 1, reverse).values<double>();
      for (int64_t row = 0; row < rows; ++row) {
        double sum = 0.0;
        for (int64_t i = 0; i < length; ++i) {
          const auto at = static_cast<size_t>(row * length + (reverse ? length - 1 - i : i));
          sum += static_cast<double>(values[at]);
          ASSERT_EQ(sums[at], static_cast<double>(static_cast<float>(sum)));
        }
      }
    }
  }
}

}  // namespace order_test
}  // namespace gradus
