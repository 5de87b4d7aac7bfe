#include "gradus/autograd/sink.h"

#include <cmath>
#include <functional>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/random.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/reduce.h"
#include "tests/testing.h"

namespace gradus {
namespace sink_test {

Tensor random_tensor(const Shape& shape, uint64_t key, DType dtype) {
  const RandomStream random(key);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = random.normal(0, i);
  return kernels::cast(Tensor::from(values, shape), dtype);
}
Tensor parameter(const Shape& shape, uint64_t key, DType dtype) {
  return random_tensor(shape, key, dtype).set_requires_grad();
}
Tensor ids(const std::vector<int64_t>& values, const Shape& shape) { return Tensor::from(values, shape); }

Tensor example(const Tensor& batch, int64_t i) { return slice(batch, 0, i, i + 1); }

// The loss must be a sum over examples. Each example alone, through the default sink, against the sink of norms.
void expect_norms_of_examples(const std::vector<Tensor>& parameters, const Tensor& batch,
                              const std::function<Tensor(const Tensor& batch)>& loss) {
  const int64_t examples = batch.size(0);
  ExampleNormSink sink(examples);
  Tape tape;
  tape.backward(loss(batch), {.sink = &sink});
  for (const Tensor& p : parameters) EXPECT_FALSE(p.grad().defined()) << "the sink leaves grad() alone";
  ASSERT_EQ(sink.squared_norms().size(), static_cast<size_t>(examples));
  for (int64_t i = 0; i < examples; ++i) {
    tape.clear();
    tape.backward(loss(example(batch, i)));
    double expected = 0;
    for (Tensor p : parameters) {
      expected += kernels::squared_norm(p.grad());
      p.set_grad({});
    }
    const double tolerance = parameters[0].dtype() == DType::kF64 ? 1e-12 : 1e-5;
    EXPECT_GT(expected, 0);
    EXPECT_NEAR(sink.squared_norms()[static_cast<size_t>(i)], expected, tolerance * expected) << "example " << i;
  }
}

class ExampleNorms : public testing::TestWithParam<DType> {
 protected:
  Tensor weight(const Shape& shape, uint64_t key) const { return parameter(shape, key, GetParam()); }
  Tensor data(const Shape& shape) const { return random_tensor(shape, 99, GetParam()); }
};

TEST_P(ExampleNorms, OfLinear) {
  const Tensor w = weight({4, 6}, 1), b = weight({4}, 2);
  expect_norms_of_examples({w}, data({5, 6}), [&](const Tensor& x) { return sum(tanh(linear(x, w, {}))); });
  expect_norms_of_examples({w, b}, data({5, 6}), [&](const Tensor& x) { return sum(tanh(linear(x, w, b))); });
  expect_norms_of_examples({w, b}, data({3, 7, 6}), [&](const Tensor& x) { return sum(tanh(linear(x, w, b))); });
  expect_norms_of_examples({w, b}, data({3, 2, 2, 6}), [&](const Tensor& x) { return sum(linear(x, w, b)); });
  expect_norms_of_examples({w, b}, transpose(data({7, 3, 6}), 0, 1),
                           [&](const Tensor& x) { return sum(tanh(linear(x, w, b))); });
}

TEST_P(ExampleNorms, OfLayerNorm) {
  const Tensor scale = weight({6}, 1), bias = weight({6}, 2);
  expect_norms_of_examples({scale, bias}, data({5, 6}),
                           [&](const Tensor& x) { return sum(tanh(layer_norm(x, scale, bias))); });
  expect_norms_of_examples({scale, bias}, data({3, 4, 6}),
                           [&](const Tensor& x) { return sum(tanh(layer_norm(x, scale, bias))); });
}

TEST_P(ExampleNorms, OfGroupNorm) {
  const Tensor scale = weight({6}, 1), bias = weight({6}, 2);
  expect_norms_of_examples({scale, bias}, data({5, 6}),
                           [&](const Tensor& x) { return sum(tanh(group_norm(x, 3, scale, bias))); });
  expect_norms_of_examples({scale, bias}, data({3, 4, 2, 6}),
                           [&](const Tensor& x) { return sum(tanh(group_norm(x, 2, scale, bias))); });
}

TEST_P(ExampleNorms, OfEmbeddingWithRepeatedIds) {
  const Tensor table = weight({5, 3}, 1);
  expect_norms_of_examples({table}, ids({1, 1, 1, 4, 0, 2, 0, 2, 3, 3, 3, 3}, {3, 4}),
                           [&](const Tensor& x) { return sum(exp(embedding(table, x))); });
  expect_norms_of_examples({table}, ids({1, 1, 4}, {3}),
                           [&](const Tensor& x) { return sum(exp(embedding(table, x))); });
}

TEST_P(ExampleNorms, OfASmallNetwork) {
  const Tensor table = weight({5, 6}, 1), scale = weight({6}, 2), bias = weight({6}, 3), qkv = weight({18, 6}, 4),
               out = weight({8, 6}, 5), out_bias = weight({8}, 6), head = weight({5, 8}, 7);
  expect_norms_of_examples({table, scale, bias, qkv, out, out_bias, head},
                           ids({1, 1, 1, 4, 0, 2, 0, 2, 3, 3, 2, 3}, {3, 4}), [&](const Tensor& x) {
                             const Tensor hidden = layer_norm(embedding(table, x), scale, bias);
                             const Tensor mixed = causal_attention(linear(hidden, qkv, {}), 2);
                             return cross_entropy(linear(gelu(linear(mixed, out, out_bias)), head, {}), x,
                                                  Reduction::kSum);
                           });
}

INSTANTIATE_TEST_SUITE_P(Types, ExampleNorms, testing::Values(DType::kF32, DType::kF64),
                         [](const auto& type) { return std::string(name_of(type.param)); });

TEST(ExampleNormSink, RefusesWhatDoesNotFollowFromOnePair) {
  const Tensor w = parameter({2, 2}, 1, DType::kF32), x = random_tensor({3, 2}, 2, DType::kF32);
  Tape tape;
  const auto run = [&](const Tensor& loss, int64_t examples) {
    ExampleNormSink sink(examples);
    const std::string text = error_text([&] { tape.backward(loss, {.sink = &sink}); });
    tape.clear();
    return text;
  };
  EXPECT_EQ(run(sum(matmul(x, w)), 3),
            "[example_norms] a parameter of f32 (2, 2) is used by an op that gives no per-example pair");
  EXPECT_EQ(run(sum(linear(linear(x, w, {}), w, {})), 3),
            "[example_norms] a parameter of f32 (2, 2) is used twice in one pass: its norms need both uses together");
  EXPECT_EQ(run(sum(linear(x, w, {})), 4), "[example_norms] dimension 0 of f32 (3, 2) is not the 4 examples");
  EXPECT_EQ(run(sum(linear(x, w, {})), 3), "no error");
}

// What each op hands to a sink, and in which order.
TEST(GradientSink, SeesPairsLastLayerFirst) {
  class Recorder : public GradientSink {
   public:
    void accept(const ParameterGradient& g) override {
      seen += fmt::format("{} {} {} {}\n", name_of(g.kind), g.parameter.describe(),
                          g.input.defined() ? g.input.describe() : "-", g.output_gradient.describe());
    }
    std::string seen;
  };
  const DType f32 = DType::kF32;
  const Tensor table = parameter({5, 6}, 1, f32), scale = parameter({6}, 2, f32), bias = parameter({6}, 3, f32),
               w = parameter({4, 6}, 4, f32), b = parameter({4}, 5, f32), gain = parameter({4}, 6, f32);
  Recorder recorder;
  Tape tape;
  const Tensor h = layer_norm(embedding(table, ids({1, 2, 3, 4}, {2, 2})), scale, bias);
  tape.backward(sum(linear(h, w, b) * gain), {.sink = &recorder});
  EXPECT_EQ(recorder.seen,
            "dense f32 (4,) - f32 (4,)\n"
            "linear f32 (4, 6) f32 (2, 2, 6) f32 (2, 2, 4)\n"
            "bias f32 (4,) - f32 (2, 2, 4)\n"
            "scale f32 (6,) f32 (2, 2, 6) f32 (2, 2, 6)\n"
            "bias f32 (6,) - f32 (2, 2, 6)\n"
            "lookup f32 (5, 6) i64 (2, 2) f32 (2, 2, 6)\n");
}

TEST(AccumulatingSink, AddsInPlaceOnlyWhatNoOneElseSees) {
  Tensor w = Tensor::from(std::vector<double>{1, 2}, {2}).set_requires_grad();
  const auto backward = [&] {
    Tape tape;
    tape.backward(sum(w * w));
  };
  backward();
  const std::byte* place = w.grad().bytes();
  backward();
  EXPECT_EQ(w.grad().bytes(), place);
  const Tensor kept = w.grad();
  backward();
  EXPECT_EQ(kept.values<double>(), (std::vector<double>{4, 8}));
  EXPECT_EQ(w.grad().values<double>(), (std::vector<double>{6, 12}));
  Tensor view;
  backward();
  view = w.grad().view({1}, {1}, 1);
  backward();
  EXPECT_EQ(view.item(), 16);
  EXPECT_EQ(w.grad().values<double>(), (std::vector<double>{10, 20}));
}

}  // namespace sink_test
}  // namespace gradus
