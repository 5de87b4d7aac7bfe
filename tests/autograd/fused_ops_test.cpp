// Ops that do several things at once give what those things give one after the other.
#include <vector>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/recompute.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/random.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "tests/testing.h"

namespace gradus {
namespace fused_ops_test {

Tensor numbers(const Shape& shape, uint64_t key, double scale = 1.0) {
  const RandomStream random(key);
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(scale * (static_cast<double>(random.bits(0, i) % 2001) / 1000.0 - 1.0));
  }
  return Tensor::from(values, shape);
}

Tensor classes(int64_t count, int64_t below) {
  const RandomStream random(9);
  std::vector<int64_t> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<int64_t>(random.bits(0, i) % static_cast<uint64_t>(below));
  }
  return Tensor::from(values, {count});
}

// The largest |a − b|, and the largest |b| to compare it with.
void expect_close(const Tensor& a, const Tensor& b, double relative) {
  ASSERT_EQ(a.shape(), b.shape());
  const std::vector<double> ours = a.values<double>(), theirs = b.values<double>();
  double worst = 0.0, largest = 0.0;
  for (size_t i = 0; i < ours.size(); ++i) {
    worst = std::max(worst, std::abs(ours[i] - theirs[i]));
    largest = std::max(largest, std::abs(theirs[i]));
  }
  EXPECT_LE(worst, relative * largest);
  EXPECT_GT(largest, 0.0);
}

struct HeadGradients {
  double loss;
  Tensor x, weight;
};

HeadGradients head(bool fused, const Tensor& x_values, const Tensor& weight_values, const Tensor& targets,
                   double label_smoothing = 0.0) {
  Tensor x = x_values.clone().set_requires_grad(), weight = weight_values.clone().set_requires_grad();
  Tape tape;
  const Tensor loss = fused ? linear_cross_entropy(x, weight, targets, Reduction::kMean, {}, label_smoothing)
                            : cross_entropy(linear(x, weight, {}), targets, {.label_smoothing = label_smoothing});
  tape.backward(loss);
  return {loss.item(), x.grad(), weight.grad()};
}

// So many tokens that their logits are made in several groups; the last is smaller.
void expect_equals_its_parts(double label_smoothing) {
  const int64_t rows = 555, vocabulary = 50'257;
  const Tensor x = numbers({rows, 8}, 1), weight = numbers({vocabulary, 8}, 2, 0.3),
               targets = classes(rows, vocabulary);
  const HeadGradients fused = head(true, x, weight, targets, label_smoothing);
  const HeadGradients parts = head(false, x, weight, targets, label_smoothing);
  // Sums of 8 products and of 50,257 exponentials, in another order: some roundings of 6e-8.
  EXPECT_NEAR(fused.loss, parts.loss, 1e-6 * parts.loss);
  expect_close(fused.x, parts.x, 1e-5);
  expect_close(fused.weight, parts.weight, 1e-5);
}

TEST(LinearCrossEntropy, EqualsItsPartsOverSeveralGroupsOfRows) { expect_equals_its_parts(0.0); }

TEST(LinearCrossEntropy, SmoothsAsItsPartsDoOverSeveralGroupsOfRows) { expect_equals_its_parts(0.3); }

TEST(LinearCrossEntropy, TakesNoMemoryForAllLogits) {
  const int64_t rows = 1024, vocabulary = 50'257;
  const Tensor x = numbers({rows, 8}, 1), weight = numbers({vocabulary, 8}, 2), targets = classes(rows, vocabulary);
  const int64_t before = memory_statistics().in_use;
  reset_memory_peak();
  head(true, x, weight, targets);
  const int64_t logits = rows * vocabulary * 4;
  EXPECT_LT(memory_statistics().peak - before, logits / 3);
}

// What was made with the loss is scaled by the loss's own gradient, every time anew on a tape that is kept.
TEST(LinearCrossEntropy, ScalesItsGradientsAndKeepsThemForARetainedTape) {
  const Tensor targets = classes(6, 5);
  Tensor x = numbers({6, 3}, 1).set_requires_grad(), weight = numbers({5, 3}, 2).set_requires_grad();
  const HeadGradients once = head(true, x, weight, targets);
  Tape tape;
  const Tensor loss = linear_cross_entropy(x, weight, targets) * 3.0;
  tape.backward(loss, {.retain = true});
  expect_close(x.grad(), kernels::binary(kernels::Binary::kMultiply, once.x, 3.0), 1e-6);
  tape.backward(loss, {.retain = true});
  tape.backward(loss);
  expect_close(x.grad(), kernels::binary(kernels::Binary::kMultiply, once.x, 9.0), 1e-6);
  expect_close(weight.grad(), kernels::binary(kernels::Binary::kMultiply, once.weight, 9.0), 1e-6);
}

TEST(LinearCrossEntropy, MakesOnlyTheGradientsThatAreAskedFor) {
  const Tensor targets = classes(6, 5);
  const Tensor x = numbers({6, 3}, 1), weight = numbers({5, 3}, 2);
  Tensor trained = weight.clone().set_requires_grad();
  const HeadGradients both = head(true, x, weight, targets);
  Tape tape;
  tape.backward(linear_cross_entropy(x, trained, targets));
  expect_close(trained.grad(), both.weight, 0.0);
  EXPECT_EQ(linear_cross_entropy(x, weight, targets).item(), both.loss);
}

TEST(LinearCrossEntropy, Messages) {
  EXPECT_EQ(error_text([] {
              linear_cross_entropy(numbers({2, 3}, 1), numbers({5, 3}, 1), classes(2, 5), Reduction::kSum, {}, 1.0);
            }),
            "[linear_cross_entropy] label_smoothing 1; expected 0 <= label_smoothing < 1");
  EXPECT_EQ(error_text([] {
              linear_cross_entropy(numbers({2, 3}, 1), numbers({5, 4}, 1), classes(2, 5));
            }),
            "[linear_cross_entropy] input f32 (2, 3) and weight f32 (5, 4): the last sizes must agree");
  EXPECT_EQ(error_text([] {
              linear_cross_entropy(numbers({2, 3}, 1), numbers({5, 3}, 1), classes(3, 5));
            }),
            "[linear_cross_entropy] input f32 (2, 3) and targets i64 (3,): targets need the input's shape without the "
            "last dimension");
  EXPECT_EQ(
      error_text([] {
        linear_cross_entropy(numbers({2, 3}, 1), numbers({5, 3}, 1), Tensor::from(std::vector<int64_t>{0, 5}, {2}));
      }),
      "[linear_cross_entropy] target 5 in row 1; expected 0 to 4 (there are 5 classes)");
}

// ---- Recompute.

struct Counter {
  int calls = 0;
};

TEST(Recompute, GivesTheSameGradientsFromTheInputAlone) {
  const Tensor w_values = numbers({6, 6}, 1), x_values = numbers({4, 6}, 2);
  std::vector<float> results[2];
  for (const bool again : {false, true}) {
    Tensor w = w_values.clone().set_requires_grad(), x = x_values.clone().set_requires_grad();
    Counter counter;
    const auto run = [&w](const Tensor& input, Counter& state) {
      ++state.calls;
      return tanh(linear(gelu(linear(input, w, {})), w, {})) * static_cast<double>(state.calls);
    };
    Tape tape;
    Tensor y = x + 0.0;
    for (int i = 0; i < 2; ++i) y = again ? recompute(y, counter, run) : run(y, counter);
    EXPECT_EQ(counter.calls, 2);  // the passes of backward count on a copy of their own
    EXPECT_EQ(tape.size(), again ? 3 : 11);
    tape.backward(y, {.seed = numbers(y.shape(), 7)});
    EXPECT_EQ(counter.calls, 2);
    for (const Tensor& t : {y, x.grad(), w.grad()}) {
      const std::vector<float> values = t.values<float>();
      results[again].insert(results[again].end(), values.begin(), values.end());
    }
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Recompute, OfWhatNeedsNoGradientOnlyRuns) {
  Counter counter;
  const Tensor x = numbers({2, 2}, 1);
  const Tape tape;
  const auto run = [](const Tensor& input, Counter& state) {
    ++state.calls;
    return gelu(input);
  };
  EXPECT_EQ(recompute(x, counter, run).values<float>(), gelu(x).values<float>());
  EXPECT_EQ(counter.calls, 1);
  EXPECT_EQ(tape.size(), 0);
}

// Another sink than the default sees the pairs of the part, and not the part's input.
TEST(Recompute, GivesPairsToTheSinkOfTheBackwardPass) {
  class Names : public GradientSink {
   public:
    void accept(const ParameterGradient& pair) override { kinds.push_back(pair.kind); }
    std::vector<GradientKind> kinds;
  } sink;
  Tensor w = numbers({3, 3}, 1).set_requires_grad(), x = numbers({2, 3}, 2).set_requires_grad();
  Counter counter;
  Tape tape;
  const Tensor y = recompute(x + 0.0, counter, [&w](const Tensor& input, Counter&) { return linear(input, w, {}); });
  tape.backward(sum(y), {.sink = &sink});
  EXPECT_EQ(sink.kinds, (std::vector<GradientKind>{GradientKind::kLinear, GradientKind::kDense}));
  EXPECT_FALSE(w.grad().defined());
}

// At a size that is cut into many tiles; the second time on a tape that is kept, where nothing may be overwritten.
TEST(NormFeedForward, EqualsItsParts) {
  const Tensor values[] = {
      numbers({300, 130}, 1), numbers({130}, 8),           numbers({130}, 9), numbers({500, 130}, 2, 0.1),
      numbers({500}, 3),      numbers({130, 500}, 4, 0.1), numbers({130}, 5)};
  std::vector<Tensor> results[3];
  for (const int variant : {0, 1, 2}) {
    std::vector<Tensor> x;
    for (const Tensor& v : values) x.push_back(v.clone().set_requires_grad());
    Tape tape;
    const Tensor y = variant > 0 ? norm_feed_forward(x[0], {x[1], x[2]}, {x[3], x[4]}, {x[5], x[6]}, true)
                                 : linear(gelu(linear(layer_norm(x[0], x[1], x[2]), x[3], x[4])), x[5], x[6]) + x[0];
    if (variant == 2) {
      tape.backward(y, {.seed = numbers(y.shape(), 7), .retain = true});
      for (Tensor& t : x) t.set_grad({});
    }
    tape.backward(y, {.seed = numbers(y.shape(), 7)});
    results[variant].push_back(y);
    for (const Tensor& t : x) results[variant].push_back(t.grad());
  }
  for (size_t i = 0; i < results[0].size(); ++i) {
    expect_close(results[1][i], results[0][i], 4e-6);
    expect_close(results[2][i], results[1][i], 0.0);
  }
}

TEST(NormFeedForward, KeepsItsInputAndOneHiddenTensor) {
  const int64_t rows = 512, width = 64, hidden = 1024;
  Tensor x = numbers({rows, width}, 1).set_requires_grad();
  const Tensor scale = numbers({width}, 2), in = numbers({hidden, width}, 3), out = numbers({width, hidden}, 4);
  Tape tape;
  const int64_t before = memory_statistics().in_use;
  const Tensor y = norm_feed_forward(x, {scale, {}}, {in, {}}, {out, {}}, true);
  const int64_t kept = memory_statistics().in_use - before, tensor = rows * hidden * 4;
  EXPECT_LT(kept, tensor + rows * width * 4 + 50'000);  // what gelu is applied to, and y
}

TEST(NormFeedForward, Messages) {
  const Tensor x = numbers({2, 3}, 1), in = numbers({8, 3}, 1), out = numbers({4, 8}, 1);
  EXPECT_EQ(error_text([&] {
              norm_feed_forward(x, {{}, {}}, {in, {}}, {in, {}}, false);
            }),
            "[linear] input f32 (2, 8) and weight f32 (8, 3): the input's last size must be the weight's second");
  EXPECT_EQ(error_text([&] {
              norm_feed_forward(x, {{}, {}}, {in, {}}, {out, {}}, true);
            }),
            "[linear] residual f32 (2, 3) for a result of f32 (2, 4); shape and dtype must be equal");
}

// A gradient that is there already gets the rows of a look-up added in place.
TEST(AccumulatingSink, AddsRowsOfALookUpInPlace) {
  Tensor table = numbers({5, 2}, 1).set_requires_grad();
  const Tensor ids = Tensor::from(std::vector<int64_t>{3, 0, 3}, {3});
  Tape tape;
  const Tensor loss = sum(embedding(table, ids)) + sum(table * 10.0);  // the product's gradient comes first
  tape.backward(loss);
  EXPECT_EQ(table.grad().values<float>(), (std::vector<float>{11, 11, 10, 10, 10, 10, 12, 12, 10, 10}));
}

}  // namespace fused_ops_test
}  // namespace gradus
