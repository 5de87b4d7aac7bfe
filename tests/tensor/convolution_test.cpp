#include "gradus/tensor/kernels/convolution.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random.h"
#include "tests/testing.h"

namespace gradus {
namespace convolution_test {

struct Case {
  Shape x, weight;
  Convolution2dOptions options;
};

// Many tiles, ranges of results with sums of their own, parts of strips; sizes that are multiples of nothing.
const Case kCases[] = {
    {{3, 17, 23, 19}, {37, 3, 3, 19}, {.padding = {1, 1}}},
    {{2, 31, 29, 3}, {18, 5, 5, 3}, {.stride = {2, 2}, .padding = {2, 2}}},
    {{9, 4, 4, 67}, {131, 3, 3, 67}, {.padding = {1, 1}}},
    {{8, 7, 9, 67}, {150, 3, 3, 67}, {.padding = {1, 1}}},
    {{4, 12, 10, 150}, {33, 3, 3, 150}, {.padding = {0, 2}}},
    {{5, 14, 14, 32}, {64, 3, 3, 32}, {.padding = {2, 0}}},
    {{2, 19, 21, 48}, {51, 3, 3, 16}, {.stride = {2, 1}, .padding = {0, 2}, .dilation = {2, 3}, .groups = 3}},
    {{4, 15, 16, 33}, {65, 1, 1, 33}, {.stride = {2, 2}}},
    {{1, 1, 1500, 1}, {20, 1, 9, 1}, {.stride = {1, 3}, .padding = {0, 4}}},
    {{2, 13, 11, 21}, {21, 3, 3, 1}, {.padding = {1, 1}, .groups = 21}},
    {{1, 9, 8, 1024}, {35, 1, 1, 1024}, {.stride = {1, 2}}},
    {{2, 7, 7, 20}, {5, 7, 7, 20}, {.stride = {5, 6}, .padding = {3, 3}}},
    // Few channels: taps apart, and whole lines; one place, outside for some results.
    {{2, 12, 14, 3}, {9, 3, 3, 3}, {.padding = {1, 2}, .dilation = {2, 3}}},
    {{3, 9, 5, 2}, {7, 3, 5, 2}, {}},
    {{1, 3, 4, 1024}, {6, 1, 1, 1024}, {.padding = {1, 1}}},
    // Channels for themselves: parts of lines, strides with places that nothing takes from, some results a channel.
    {{3, 12, 151, 35}, {35, 3, 3, 1}, {.padding = {1, 1}, .groups = 35}},
    {{2, 19, 23, 24}, {24, 3, 5, 1}, {.stride = {2, 3}, .padding = {0, 2}, .dilation = {2, 3}, .groups = 24}},
    {{5, 11, 9, 18}, {18, 1, 1, 1}, {.stride = {2, 3}, .groups = 18}},
    {{4, 13, 14, 17}, {51, 5, 4, 1}, {.stride = {1, 2}, .padding = {2, 1}, .groups = 17}},
    {{2, 1, 700, 5}, {40, 1, 31, 1}, {.padding = {0, 15}, .groups = 5}},
    // Few channels a group: whole vectors of groups, parts of vectors, blocks of channels; fewer or more results.
    {{3, 12, 75, 128}, {128, 3, 3, 4}, {.padding = {1, 1}, .groups = 32}},
    {{2, 13, 14, 72}, {72, 3, 3, 8}, {.stride = {2, 2}, .padding = {1, 1}, .groups = 9}},
    {{2, 9, 17, 39}, {39, 3, 3, 3}, {.padding = {1, 1}, .groups = 13}},
    {{3, 10, 11, 14}, {14, 3, 2, 2}, {.stride = {1, 3}, .padding = {0, 1}, .dilation = {2, 1}, .groups = 7}},
    {{4, 9, 8, 20}, {20, 1, 1, 4}, {.stride = {2, 1}, .groups = 5}},
    {{2, 5, 6, 300}, {300, 5, 7, 5}, {.padding = {2, 3}, .groups = 60}},
    {{2, 11, 9, 42}, {14, 5, 3, 6}, {.stride = {2, 3}, .padding = {2, 1}, .groups = 7}},
    {{1, 1, 300, 12}, {18, 1, 9, 2}, {.padding = {0, 4}, .groups = 6}},
};

// Calls `body(place in x, in the weight, in the result, count)` for all products of the definition: of `count` channels
// that lie side by side in x and in the weight.
template <class Body>
void for_products(const Case& c, const Shape& y, Body&& body) {
  const Convolution2dOptions& o = c.options;
  const int64_t group_out = c.weight[0] / o.groups, in = c.weight[3];
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t i = 0; i < y[1]; ++i)
      for (int64_t j = 0; j < y[2]; ++j)
        for (int64_t out = 0; out < y[3]; ++out)
          for (int64_t a = 0; a < c.weight[1]; ++a)
            for (int64_t b = 0; b < c.weight[2]; ++b) {
              const int64_t h = i * o.stride[0] + a * o.dilation[0] - o.padding[0];
              const int64_t w = j * o.stride[1] + b * o.dilation[1] - o.padding[1];
              if (h < 0 || h >= c.x[1] || w < 0 || w >= c.x[2]) continue;
              body(((n * c.x[1] + h) * c.x[2] + w) * c.x[3] + out / group_out * in,
                   ((out * c.weight[1] + a) * c.weight[2] + b) * in, ((n * y[1] + i) * y[2] + j) * y[3] + out, in);
            }
}

double largest_difference(const Tensor& actual, const std::vector<double>& expected) {
  double largest = 0, size = 0;
  const std::vector<double> values = actual.values<double>();
  EXPECT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(values[i] - expected[i]));
    size = std::max(size, std::abs(expected[i]));
    if (std::isnan(values[i])) return INFINITY;
  }
  return largest / size;
}

TEST(Convolution, AgreesWithItsDefinition) {
  for (const Case& c : kCases) {
    for (const DType dtype : {DType::kF64, DType::kF32}) {
      const Tensor x = kernels::random_normal(c.x, 0, 1, 1, dtype),
                   w = kernels::random_normal(c.weight, 0, 1, 2, dtype);
      const Tensor y = kernels::convolution("conv2d", x, w, {}, {}, c.options);
      const Tensor g = kernels::random_normal(y.shape(), 0, 1, 3, dtype);
      const std::vector<double> xs = x.values<double>(), ws = w.values<double>(), gs = g.values<double>();
      std::vector<double> ys(gs.size()), of_x(xs.size()), of_w(ws.size());
      for_products(c, y.shape(), [&](int64_t at_x, int64_t at_w, int64_t at_y, int64_t count) {
        const double *x_part = xs.data() + at_x, *w_part = ws.data() + at_w, grad = gs.data()[at_y];
        double *to_x = of_x.data() + at_x, *to_w = of_w.data() + at_w, sum = 0;
        for (int64_t k = 0; k < count; ++k) {
          sum += x_part[k] * w_part[k];
          to_x[k] += grad * w_part[k];
          to_w[k] += grad * x_part[k];
        }
        ys.data()[at_y] += sum;
      });
      // Sums of up to 1,200 products: their roundings beside the largest of the results.
      const double tolerance = dtype == DType::kF64 ? 1e-13 : 3e-5;
      const std::string what = to_string(c.x) + " " + to_string(c.weight);
      EXPECT_LE(largest_difference(y, ys), tolerance) << what;
      EXPECT_LE(largest_difference(kernels::convolution_backward_input(g, w, c.x, c.options), of_x), tolerance) << what;
      EXPECT_LE(largest_difference(kernels::convolution_backward_weight(g, x, c.weight, c.options), of_w), tolerance)
          << what;
    }
  }
}

TEST(Convolution, AddsABiasAndAResidualAndTakesNoneBelow0) {
  for (const Case& c : kCases) {
    Convolution2dOptions options = c.options;
    const auto run = [&](DType dtype) {
      const auto drawn = [dtype](const Shape& shape, uint64_t key) {
        return kernels::cast(kernels::random_normal(shape, 0, 1, key), dtype);  // the same numbers in both
      };
      const Tensor x = drawn(c.x, 1), w = drawn(c.weight, 2), bias = drawn({c.weight[0]}, 3);
      const Shape shape = kernels::convolution("conv2d", x, w, {}, {}, options).shape();
      return kernels::convolution("conv2d", x, w, bias, drawn(shape, 4), options);
    };
    for (const bool relu : {false, true}) {
      options.relu = relu;
      // f64 goes the direct way, whose sums the other test checks.
      const std::vector<double> expected = run(DType::kF64).values<double>();
      EXPECT_LE(largest_difference(run(DType::kF32), expected), 3e-5) << to_string(c.x) << to_string(c.weight);
      EXPECT_EQ(*std::min_element(expected.begin(), expected.end()) < 0, !relu);
    }
  }
}

TEST(Convolution, HasTheSameBitsForAnyNumberOfThreads) {
  for (const Case& c : kCases) {
    const Tensor x = kernels::random_normal(c.x, 0, 1, 1), w = kernels::random_normal(c.weight, 0, 1, 2);
    std::vector<float> expected[3];
    for (const int count : {1, 2, 3, 5, 8}) {
      set_threads(count);
      const Tensor y = kernels::convolution("conv2d", x, w, {}, {}, c.options);
      const Tensor results[] = {y, kernels::convolution_backward_input(y, w, c.x, c.options),
                                kernels::convolution_backward_weight(y, x, c.weight, c.options)};
      for (size_t i = 0; i < 3; ++i) {
        if (count == 1) expected[i] = results[i].values<float>();
        EXPECT_EQ(results[i].values<float>(), expected[i]) << count << " threads, " << to_string(c.weight);
      }
    }
    set_threads(0);
  }
}

}  // namespace convolution_test
}  // namespace gradus
