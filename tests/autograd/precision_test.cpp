// Ops whose products, or whose values kept for backward, are bf16.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/tensor/isa.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/matmul.h"
#include "tests/random_tensor.h"

namespace gradus {
namespace precision_test {

constexpr Precision kProducts{.products = DType::kBF16};
constexpr Precision kActivations{.activations = DType::kBF16};
constexpr Precision kBoth{.products = DType::kBF16, .activations = DType::kBF16};

Tensor rounded(const Tensor& x) { return kernels::cast(kernels::cast(x, DType::kBF16), DType::kF32); }

struct Result {
  Tensor y;
  std::vector<Tensor> gradients;
};

using Op = std::function<Tensor(const std::vector<Tensor>& x, const Precision& precision)>;

Result run(const Op& op, const std::vector<Tensor>& inputs, const Precision& precision, const Tensor& seed) {
  std::vector<Tensor> x;
  for (const Tensor& input : inputs) {
    x.push_back(input.clone());
    if (is_float(input.dtype())) x.back().set_requires_grad();
  }
  Tape tape;
  Result result{op(x, precision), {}};
  tape.backward(result.y, {.seed = seed});
  for (const Tensor& t : x) {
    if (t.requires_grad()) result.gradients.push_back(t.grad());
  }
  return result;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(kernels::contiguous(a).bytes(), kernels::contiguous(b).bytes(),
                     static_cast<size_t>(a.numel() * size_of(a.dtype()))) == 0;
}

Tensor norm_then_linear(const std::vector<Tensor>& x, const Precision& precision) {
  return norm_linear(x[0], {x[1], x[2]}, {x[3], x[4]}, precision);
}
Tensor feed_forward(const std::vector<Tensor>& x, const Precision& precision) {
  return norm_feed_forward(x[0], {x[1], x[2]}, {x[3], x[4]}, {x[5], x[6]}, true, precision);
}
Tensor plain_linear(const std::vector<Tensor>& x, const Precision& precision) {
  return linear(x[0], x[1], x[2], x[3], precision);
}
Tensor attention(const std::vector<Tensor>& x, const Precision& precision) {
  return causal_attention(x[0], 3, {}, precision);
}

std::vector<Tensor> layer(int64_t rows, int64_t in, int64_t out) {
  return {random_tensor({rows, in}, 1), random_tensor({in}, 2), random_tensor({in}, 3),
          random_tensor({out, in}, 4, 0.1), random_tensor({out}, 5)};
}
std::vector<Tensor> feed_forward_layer() {
  std::vector<Tensor> x = layer(33, 24, 96);
  x.push_back(random_tensor({24, 96}, 6, 0.1));
  x.push_back(random_tensor({24}, 7));
  return x;
}

// Backward sees the input only as it was kept: so its gradients are those of the rounded input, to the bit.
TEST(Precision, ActivationsInBf16GiveTheGradientsOfWhatWasKept) {
  std::vector<Tensor> inputs = layer(33, 24, 40);
  const Tensor seed = random_tensor({33, 40}, 8);
  const Result kept = run(norm_then_linear, inputs, kActivations, seed);
  EXPECT_TRUE(same_bits(kept.y, run(norm_then_linear, inputs, {}, seed).y));  // forward is as ever
  inputs[0] = rounded(inputs[0]);
  const Result of_rounded = run(norm_then_linear, inputs, {}, seed);
  for (size_t i = 0; i < inputs.size(); ++i) EXPECT_TRUE(same_bits(kept.gradients[i], of_rounded.gradients[i])) << i;

  std::vector<Tensor> plain = {random_tensor({33, 24}, 1), random_tensor({40, 24}, 2), random_tensor({40}, 3),
                               random_tensor({33, 40}, 4)};
  const Result linear_kept = run(plain_linear, plain, kActivations, seed);
  plain[0] = rounded(plain[0]);
  const Result linear_rounded = run(plain_linear, plain, {}, seed);
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(same_bits(linear_kept.gradients[i], linear_rounded.gradients[i])) << i;
}

TEST(Precision, AFeedForwardInBf16GivesTheGradientsOfWhatWasKept) {
  // Gelu is applied to a value of its own, which is rounded too; where nothing else is, only its way back differs.
  std::vector<Tensor> inputs = feed_forward_layer();
  inputs[0] = rounded(inputs[0]);
  const Tensor seed = random_tensor({33, 24}, 9);
  const Result kept = run(feed_forward, inputs, kActivations, seed), exact = run(feed_forward, inputs, {}, seed);
  EXPECT_TRUE(same_bits(kept.y, exact.y));
  EXPECT_TRUE(same_bits(kept.gradients[6], exact.gradients[6]));  // of the last bias: nothing kept enters it
  const Tensor before = linear(layer_norm(inputs[0], inputs[1], inputs[2]), inputs[3], inputs[4]);
  const Tensor y = gelu(rounded(before));
  EXPECT_TRUE(same_bits(kept.gradients[5], kernels::linear_backward_weight(seed, y)));
}

// A softmax made again from other scores than those of forward would not add up to 1. With one token it is 1 whatever
// the score, and with large scores a rounded one is off by whole units.
TEST(Precision, AttentionInBf16GivesTheGradientsOfWhatWasKept) {
  for (const double size : {1.0, 4.015, 60.0}) {
    for (const int64_t tokens : {1, 37}) {
      const Tensor qkv = random_tensor({2, tokens, 3 * 24}, 1, size), seed = random_tensor({2, tokens, 24}, 2);
      const Result kept = run(attention, {qkv}, kActivations, seed);
      const Result of_rounded = run(attention, {rounded(qkv)}, {}, seed);
      EXPECT_TRUE(same_bits(kept.y, of_rounded.y));
      EXPECT_TRUE(same_bits(slice(kept.gradients[0], 2, 48, 72), slice(of_rounded.gradients[0], 2, 48, 72)));
      // The one weight of 1 comes from scores of up to some 8·size², whose rounding, of 2⁻²⁴ of them, enters thrice.
      const double most = 3 * 8 * size * size * std::ldexp(1.0, -24);
      const double off = distance(slice(kept.gradients[0], 2, 48, 72), seed);
      EXPECT_LT(tokens == 1 ? off : 0.0, most);
      // The result is kept rounded as well, by up to 2⁻⁹ of itself, and enters the gradients of Q and K.
      EXPECT_LT(distance(kept.gradients[0], of_rounded.gradients[0]), 4 * std::ldexp(1.0, -9)) << size << " " << tokens;
    }
  }
}

TEST(Precision, ALossFromProductsInBf16RoundsItsFactors) {
  if (!has_bf16_products()) GTEST_SKIP() << "no products of bf16 numbers here";
  const Tensor targets = Tensor::from(std::vector<int64_t>{3, 0, 7, 7, 1}, {5});
  const Op loss = [](const std::vector<Tensor>& x, const Precision& precision) {
    return linear_cross_entropy(x[0], x[1], x[2], Reduction::kMean, precision);
  };
  const Tensor x = random_tensor({5, 24}, 1), w = random_tensor({8, 24}, 2);
  const Result got = run(loss, {x, w, targets}, kProducts, {}), f32 = run(loss, {x, w, targets}, {}, {});
  const Result of_rounded = run(loss, {rounded(x), rounded(w), targets}, {}, {});
  EXPECT_NEAR(got.y.item(), of_rounded.y.item(), 1e-5 * of_rounded.y.item());
  EXPECT_GT(std::abs(got.y.item() - f32.y.item()), 1e-5 * f32.y.item());
  for (size_t i = 0; i < 2; ++i) EXPECT_LT(distance(got.gradients[i], f32.gradients[i]), 4 * std::ldexp(1.0, -9)) << i;
}

// Rounding changes a number by 2⁻⁹ of itself at most, by 2⁻⁹/√3 in the mean square; in a gradient that several rounded
// values enter, independently, some such errors add up.
TEST(Precision, GradientsAreNearThoseOfF32) {
  struct Case {
    const char* name;
    Op op;
    std::vector<Tensor> inputs;
    Tensor seed;
  };
  const Case cases[] = {
      {"norm_linear", norm_then_linear, layer(33, 24, 40), random_tensor({33, 40}, 8)},
      {"norm_feed_forward", feed_forward, feed_forward_layer(), random_tensor({33, 24}, 9)},
      {"linear",
       plain_linear,
       {random_tensor({33, 24}, 1), random_tensor({40, 24}, 2), random_tensor({40}, 3), random_tensor({33, 40}, 4)},
       random_tensor({33, 40}, 8)},
      {"attention", attention, {random_tensor({2, 37, 3 * 3 * 8}, 1)}, random_tensor({2, 37, 24}, 2)},
  };
  const double most = 4 * std::ldexp(1.0, -9);
  for (const Case& c : cases) {
    const Result exact = run(c.op, c.inputs, {}, c.seed);
    for (const Precision& precision : {kActivations, kProducts, kBoth}) {
      if (precision.products == DType::kBF16 && !has_bf16_products()) continue;
      const Result got = run(c.op, c.inputs, precision, c.seed);
      EXPECT_EQ(got.y.dtype(), DType::kF32);
      EXPECT_LT(distance(got.y, exact.y), most) << c.name;
      double largest = 0.0;
      for (size_t i = 0; i < exact.gradients.size(); ++i) {
        EXPECT_EQ(got.gradients[i].dtype(), DType::kF32);
        EXPECT_LT(distance(got.gradients[i], exact.gradients[i]), most) << c.name << " " << i;
        largest = std::max(largest, distance(got.gradients[i], exact.gradients[i]));
      }
      const bool rounds = precision.activations == DType::kBF16 || std::string_view(c.name) != "attention";
      EXPECT_EQ(largest > 0.0, rounds) << c.name;
    }
  }
}

TEST(Precision, RoundsTheFactorsOfAProduct) {
  if (!has_bf16_products()) GTEST_SKIP() << "no products of bf16 numbers here";
  const Tensor x = random_tensor({65, 48}, 1), weight = random_tensor({80, 48}, 2);
  const Tensor y = linear(x, weight, {}, {}, kProducts);
  EXPECT_GT(distance(y, linear(x, weight, {})), std::ldexp(1.0, -11));
  // 48 additions in f32, of products that are exact in both.
  EXPECT_LT(distance(y, linear(rounded(x), rounded(weight), {})), 48 * std::ldexp(1.0, -24));
}

TEST(Precision, KeepsWhatIsRetainedForTwoBackwards) {
  for (const Precision& precision : {Precision{}, kActivations, kBoth}) {
    if (precision.products == DType::kBF16 && !has_bf16_products()) continue;
    std::vector<Tensor> x = feed_forward_layer();
    for (Tensor& t : x) t.set_requires_grad();
    const Tensor seed = random_tensor({33, 24}, 9);
    Tape tape;
    const Tensor y = feed_forward(x, precision);
    tape.backward(y, {.seed = seed, .retain = true});
    std::vector<Tensor> first;
    for (Tensor& t : x) {
      first.push_back(t.grad());
      t.set_grad({});
    }
    tape.backward(y, {.seed = seed});
    for (size_t i = 0; i < x.size(); ++i) EXPECT_TRUE(same_bits(x[i].grad(), first[i])) << i;
  }
}

TEST(Precision, LeavesF64AsItIs) {
  const Tensor x = kernels::cast(random_tensor({9, 5}, 1), DType::kF64).set_requires_grad();
  const Tensor w = kernels::cast(random_tensor({4, 5}, 2), DType::kF64).set_requires_grad();
  Tape tape;
  const Tensor y = linear(x, w, {}, {}, kBoth);
  EXPECT_EQ(y.dtype(), DType::kF64);
  EXPECT_TRUE(same_bits(y, linear(x.detach(), w.detach(), {})));
}

}  // namespace precision_test
}  // namespace gradus
