// The text of every error that an op of ops.h gives for wrong arguments: the op, what was found, what was expected.
#include <array>
#include <cmath>
#include <functional>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "tests/testing.h"

namespace gradus {
namespace ops_errors_test {

Tensor f32(const Shape& shape) { return Tensor::zeros(shape); }
Tensor f64(const Shape& shape) { return Tensor::zeros(shape, DType::kF64); }
Tensor i64(const Shape& shape, double value = 0) { return Tensor::full(shape, value, DType::kI64); }

TEST(OpErrors, Arithmetic) {
  EXPECT_EQ(error_text([] {
              add(f32({2, 3}), f32({2, 4}));
            }),
            "[add] shapes (2, 3) and (2, 4) do not broadcast: 3 against 4 in dimension 1 from the end; sizes must be "
            "equal or 1");
  EXPECT_EQ(error_text([] { subtract(f32({2}), f64({2})); }),
            "[subtract] f32 and f64 do not mix; convert one with cast");
  EXPECT_EQ(error_text([] { multiply(i64({2}), i64({2})); }),
            "[multiply] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] { multiply(i64({2}), 2.0); }),
            "[multiply] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              divide(f32({3, 1, 2}), f32({3, 4, 3}));
            }),
            "[divide] shapes (3, 1, 2) and (3, 4, 3) do not broadcast: 2 against 3 in dimension 1 from the end; sizes "
            "must be equal or 1");
  EXPECT_EQ(error_text([] { negate(i64({2})); }), "[negate] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] { gelu(i64({2})); }), "[gelu] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] { add(f32({1, 1, 1, 1, 1, 1, 1, 1, 1}), 2.0); }), "[shape] more than 8 dimensions");
}

TEST(OpErrors, Reductions) {
  EXPECT_EQ(error_text([] { sum(f32({2, 3}), 2); }), "[sum] axis 2 of a tensor with 2 dimensions; expected -2 to 1");
  EXPECT_EQ(error_text([] {
              mean(f32({2, 3}), -3);
            }),
            "[mean] axis -3 of a tensor with 2 dimensions; expected -2 to 1");
  EXPECT_EQ(error_text([] { sum(f32({}), 0); }), "[sum] axis 0 of a tensor that has no dimension; expected one of at least one");
  EXPECT_EQ(error_text([] { sum(i64({2})); }), "[sum] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] { logsumexp(f32({})); }), "[logsumexp] a tensor of no dimensions; expected at least one");
  EXPECT_EQ(error_text([] { softmax(f32({})); }), "[softmax] a tensor of no dimensions; expected at least one");
  EXPECT_EQ(error_text([] { softmax(i64({2})); }), "[softmax] works on f32 and f64, not on i64; convert with cast");
}

TEST(OpErrors, Convolutions) {
  const auto conv = [](const Tensor& x, const Tensor& weight, const Convolution2dOptions& options = {}) {
    return error_text([&] { conv2d(x, weight, {}, options); });
  };
  EXPECT_EQ(conv(f32({2, 8, 8}), f32({4, 3, 3, 2})),
            "[conv2d] input f32 (2, 8, 8) and weight f32 (4, 3, 3, 2): expected (N, H, W, C) and (out, kh, kw, "
            "C/groups)");
  EXPECT_EQ(conv(i64({1, 8, 8, 2}), f32({4, 3, 3, 2})), "[conv2d] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(conv(f64({1, 8, 8, 2}), f32({4, 3, 3, 2})),
            "[conv2d] f64 (1, 8, 8, 2) and f32 (4, 3, 3, 2) do not mix; convert one with cast");
  EXPECT_EQ(conv(f32({1, 8, 8, 3}), f32({4, 3, 3, 2})),
            "[conv2d] input f32 (1, 8, 8, 3) and weight f32 (4, 3, 3, 2) with 1 groups: the weight's last size must be "
            "3");
  EXPECT_EQ(conv(f32({1, 8, 8, 3}), f32({4, 3, 3, 1}), {.groups = 2}),
            "[conv2d] 2 groups for input f32 (1, 8, 8, 3) and weight f32 (4, 3, 3, 1): expected a divisor of both "
            "numbers of channels");
  EXPECT_EQ(conv(f32({1, 8, 8, 2}), f32({4, 3, 3, 2}), {.stride = {0, 1}}),
            "[conv2d] stride 0, dilation 1 and padding 0: expected at least 1, 1 and 0");
  EXPECT_EQ(conv(f32({1, 4, 8, 2}), f32({4, 3, 3, 2}), {.padding = {1, 0}, .dilation = {3, 1}}),
            "[conv2d] a kernel of 3 with dilation 3 does not fit into f32 (1, 4, 8, 2) with padding 1");
  EXPECT_EQ(error_text([] {
              conv2d(f32({1, 8, 8, 2}), f32({4, 3, 3, 2}), f32({3}));
            }),
            "[conv2d] bias f32 (3,) for weight f32 (4, 3, 3, 2): expected f32 (4,)");
  EXPECT_EQ(error_text([] {
              conv2d(f32({1, 8, 8, 2}), f32({4, 3, 3, 2}), {}, {}, f32({1, 6, 6, 2}));
            }),
            "[conv2d] residual f32 (1, 6, 6, 2): expected f32 (1, 6, 6, 4)");
  EXPECT_EQ(error_text([] {
              conv1d(f32({1, 8}), f32({4, 3, 2}), {});
            }),
            "[conv1d] input f32 (1, 8) and weight f32 (4, 3, 2): expected (N, T, C) and (out, k, C/groups)");
  EXPECT_EQ(error_text([] { max_pool2d(f32({8, 8, 2})); }), "[max_pool2d] input f32 (8, 8, 2): expected (N, H, W, C)");
  EXPECT_EQ(error_text([] {
              avg_pool2d(f32({1, 8, 8, 2}), {.padding = {2, 0}});
            }),
            "[avg_pool2d] kernel 2, stride 0, padding 2: expected at least 1, at least 0, and from 0 to half of the "
            "kernel");
  EXPECT_EQ(error_text([] {
              max_pool1d(f32({1, 2, 2}), {.kernel = 3});
            }),
            "[max_pool1d] a kernel of 3 does not fit into f32 (1, 1, 2, 2) with padding 0");
  EXPECT_EQ(error_text([] { global_avg_pool(f32({1, 2})); }), "[global_avg_pool] input f32 (1, 2): expected (N, …, C)");
}

TEST(OpErrors, BatchNorm) {
  EXPECT_EQ(error_text([] { batch_norm(f32({2}), {}, {}); }),
            "[batch_norm] f32 (2,) has nothing to normalise; expected rows of at least one channel");
  EXPECT_EQ(error_text([] {
              batch_norm(f32({0, 2}), {}, {});
            }),
            "[batch_norm] f32 (0, 2) has nothing to normalise; expected rows of at least one channel");
  EXPECT_EQ(error_text([] {
              batch_norm(i64({3, 2}), {}, {});
            }),
            "[batch_norm] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              batch_norm(f32({3, 2}), f32({3}), {});
            }),
            "[batch_norm] weight f32 (3,) for f32 (3, 2); expected f32 (2,)");
  EXPECT_EQ(error_text([] {
              batch_norm(f32({3, 2}), {}, {}, BatchNormOptions{}, f32({2}));
            }),
            "[batch_norm] residual f32 (2,) for f32 (3, 2); shape and dtype must be equal");
}

TEST(OpErrors, RecurrentLayersAndGroupNorm) {
  const auto run = [](const Tensor& x, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_hh = {}) {
    return error_text([&] { lstm(x, {w_ih, w_hh, {}, b_hh}); });
  };
  EXPECT_EQ(run(f32({2, 3}), f32({8, 3}), f32({8, 2})),
            "[lstm] input f32 (2, 3) and weight_ih f32 (8, 3): expected (B, T, C) and (4·H, C)");
  EXPECT_EQ(run(f32({2, 5, 3}), f32({6, 3}), f32({8, 2})),
            "[lstm] input f32 (2, 5, 3) and weight_ih f32 (6, 3): expected (B, T, C) and (4·H, C)");
  EXPECT_EQ(run(f32({2, 5, 3}), f32({8, 3}), f32({8, 3})),
            "[lstm] weight_hh f32 (8, 3) for weight_ih f32 (8, 3): expected f32 (8, 2)");
  EXPECT_EQ(run(f32({2, 5, 3}), f32({8, 3}), f32({8, 2}), f32({2})),
            "[lstm] bias_hh f32 (2,) for weight_hh f32 (8, 2): expected f32 (8,)");
  EXPECT_EQ(error_text([] {
              gru(i64({2, 5, 3}), {f32({6, 3}), f32({6, 2}), {}, {}});
            }),
            "[gru] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              group_norm(f32({2, 5, 3}), 2, {}, {});
            }),
            "[group_norm] 2 groups of the channels of f32 (2, 5, 3); expected a divisor");
  EXPECT_EQ(error_text([] {
              group_norm(f32({2, 5, 4}), 2, f32({2}), {});
            }),
            "[group_norm] weight f32 (2,) for f32 (2, 5, 4); expected f32 (4,)");
  EXPECT_EQ(error_text([] {
              group_norm(f32({2, 0, 4}), 2, {}, {});
            }),
            "[group_norm] f32 (2, 0, 4) has nothing to normalise; expected (N, …, C), none of them 0");
}

TEST(OpErrors, Shapes) {
  EXPECT_EQ(error_text([] {
              reshape(f32({2, 3}), {4, 2});
            }),
            "[reshape] f32 (2, 3) has 6 elements and cannot take the shape (4, 2)");
  EXPECT_EQ(error_text([] {
              reshape(f32({2, 3}), {-1, 4});
            }),
            "[reshape] f32 (2, 3) has 6 elements and cannot take the shape (-1, 4)");
  EXPECT_EQ(error_text([] {
              reshape(f32({2, 3}), {-1, -1});
            }),
            "[reshape] shape (-1, -1): one size at most may be -1, the others 0 or more");
  EXPECT_EQ(error_text([] {
              reshape(f32({2, 3}), {-2, 3});
            }),
            "[reshape] shape (-2, 3): one size at most may be -1, the others 0 or more");
  EXPECT_EQ(error_text([] {
              reshape(f32({0, 3}), {0, -1});
            }),
            "[reshape] f32 (0, 3) has 0 elements and cannot take the shape (0, -1)");
  EXPECT_EQ(error_text([] {
              permute(f32({2, 3}), {0});
            }),
            "[permute] axes (0,) for f32 (2, 3); expected each of its 2 dimensions once");
  EXPECT_EQ(error_text([] { permute(f32({2, 3}), {0, -2}); }), "[permute] axes (0, -2) name dimension 0 twice");
  EXPECT_EQ(error_text([] {
              permute(f32({2, 3}), {0, 2});
            }),
            "[permute] axis 2 of a tensor with 2 dimensions; expected -2 to 1");
  EXPECT_EQ(error_text([] {
              transpose(f32({2, 3}), 0, 2);
            }),
            "[transpose] axis 2 of a tensor with 2 dimensions; expected -2 to 1");
  EXPECT_EQ(error_text([] {
              slice(f32({2, 3}), 1, 2, 4);
            }),
            "[slice] [2, 4) of dimension 1 of f32 (2, 3); expected 0 <= begin <= end <= 3");
  EXPECT_EQ(error_text([] {
              slice(f32({2, 3}), 1, 2, 1);
            }),
            "[slice] [2, 1) of dimension 1 of f32 (2, 3); expected 0 <= begin <= end <= 3");
  EXPECT_EQ(error_text([] {
              slice(f32({2, 3}), 1, -4, 1);
            }),
            "[slice] [-4, 1) of dimension 1 of f32 (2, 3); expected 0 <= begin <= end <= 3");
  EXPECT_EQ(error_text([] {
              slice(f32({2, 3}), 2, 0, 1);
            }),
            "[slice] axis 2 of a tensor with 2 dimensions; expected -2 to 1");
  EXPECT_EQ(error_text([] {
              expand(f32({2, 3}), {2, 4});
            }),
            "[expand] (2, 3) does not repeat to (2, 4); sizes counted from the end must be equal or 1");
  EXPECT_EQ(error_text([] {
              expand(f32({2, 3}), {3});
            }),
            "[expand] (2, 3) does not repeat to (3,); sizes counted from the end must be equal or 1");
  EXPECT_EQ(error_text([] {
              expand(f32({1, 3}), {-2, 3});
            }),
            "[expand] shape (-2, 3) for f32 (1, 3): -2 has no size there to keep; expected sizes from 0, or -1 for one "
            "that stays");
  EXPECT_EQ(error_text([] {
              expand(f32({3}), {-1, 3});
            }),
            "[expand] shape (-1, 3) for f32 (3,): -1 has no size there to keep; expected sizes from 0, or -1 for one "
            "that stays");
  EXPECT_EQ(error_text([] {
              diagonal(f32({2, 3}), 0, 1, -1);
            }),
            "[diagonal] of axis 1 with itself; expected two axes of f32 (2, 3)");
  EXPECT_EQ(error_text([] { concat({}, 0); }), "[concat] no tensors to join");
  EXPECT_EQ(
      error_text([] {
        concat({f32({2, 3}), f32({3, 3})}, 1);
      }),
      "[concat] part 1 is f32 (3, 3), part 0 is f32 (2, 3); dtype and all sizes but that of axis 1 must be equal");
  EXPECT_EQ(
      error_text([] {
        concat({f32({2, 3}), f64({2, 3})}, 1);
      }),
      "[concat] part 1 is f64 (2, 3), part 0 is f32 (2, 3); dtype and all sizes but that of axis 1 must be equal");
  EXPECT_EQ(error_text([] {
              concat({f32({2, 3}), f32({2})}, 0);
            }),
            "[concat] part 1 is f32 (2,), part 0 is f32 (2, 3); dtype and all sizes but that of axis 0 must be equal");
  EXPECT_EQ(error_text([] {
              concat({f32({2, 3})}, 2);
            }),
            "[concat] axis 2 of a tensor with 2 dimensions; expected -2 to 1");
}

TEST(OpErrors, LookUps) {
  EXPECT_EQ(error_text([] {
              gather(f32({2, 3}), 1, i64({2, 1}, 3));
            }),
            "[gather] index 3 at position 0; expected 0 to 2 (axis 1 of (2, 3))");
  EXPECT_EQ(error_text([] {
              gather(f32({2, 3}), 1, i64({2, 1}, -1));
            }),
            "[gather] index -1 at position 0; expected 0 to 2 (axis 1 of (2, 3))");
  EXPECT_EQ(error_text([] {
              gather(f32({2, 3}), 1, i64({3, 1}));
            }),
            "[gather] an index of shape (3, 1) for (2, 3); expected 2 dimensions, and sizes no larger off axis 1");
  EXPECT_EQ(error_text([] {
              gather(f32({2, 3}), 1, i64({2}));
            }),
            "[gather] an index of shape (2,) for (2, 3); expected 2 dimensions, and sizes no larger off axis 1");
  EXPECT_EQ(error_text([] { gather(f32({2, 3}), 1, f32({2, 1})); }), "[gather] the index is f32 (2, 1); expected i64");
  EXPECT_EQ(error_text([] {
              gather(f32({2, 3}), 2, i64({2, 1}));
            }),
            "[gather] axis 2 of a tensor with 2 dimensions; expected -2 to 1");
  EXPECT_EQ(error_text([] {
              embedding(f32({5, 3}), i64({2}, 5));
            }),
            "[embedding] id 5 at position 0; expected 0 to 4 (the table has 5 rows)");
  EXPECT_EQ(error_text([] {
              embedding(f32({5, 3}), i64({2}, -1));
            }),
            "[embedding] id -1 at position 0; expected 0 to 4 (the table has 5 rows)");
  EXPECT_EQ(error_text([] {
              embedding(f32({0, 3}), i64({2}));
            }),
            "[embedding] id 0 at position 0; expected 0 to -1 (the table has 0 rows)");
  EXPECT_EQ(error_text([] { embedding(f32({5}), i64({2})); }),
            "[embedding] a table of f32 (5,); expected two dimensions (V, C)");
  EXPECT_EQ(error_text([] { embedding(f32({5, 3}), f32({2})); }), "[embedding] ids are f32 (2,); expected i64 or i32");
}

TEST(OpErrors, Products) {
  EXPECT_EQ(error_text([] { matmul(f32({2, 3}), f32({4, 2})); }), "[matmul] inner sizes differ: (2, 3) × (4, 2)");
  EXPECT_EQ(error_text([] {
              matmul(f32({}), f32({3, 2}));
            }),
            "[matmul] f32 () × f32 (3, 2): both need a dimension");
  EXPECT_EQ(error_text([] {
              matmul(f32({2, 3}), f64({3, 2}));
            }),
            "[matmul] f32 (2, 3) and f64 (3, 2) do not mix; convert one with cast");
  EXPECT_EQ(error_text([] {
              matmul(i64({2, 3}), i64({3, 2}));
            }),
            "[matmul] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              matmul(f32({2, 2, 3}), f32({3, 3, 2}));
            }),
            "[matmul] shapes (2,) and (3,) do not broadcast: 2 against 3 in dimension 1 from the end; sizes must be "
            "equal or 1");
  EXPECT_EQ(error_text([] {
              linear(f32({2, 3}), f32({4, 2}), {});
            }),
            "[linear] input f32 (2, 3) and weight f32 (4, 2): the input's last size must be the weight's second");
  EXPECT_EQ(error_text([] {
              linear(f32({}), f32({4, 2}), {});
            }),
            "[linear] input f32 () and weight f32 (4, 2): the input's last size must be the weight's second");
  EXPECT_EQ(error_text([] {
              linear(f32({2, 3}), f32({3}), {});
            }),
            "[linear] input f32 (2, 3) and weight f32 (3,): the input's last size must be the weight's second");
  EXPECT_EQ(error_text([] {
              linear(f32({2, 3}), f64({4, 3}), {});
            }),
            "[linear] f32 (2, 3) and f64 (4, 3) do not mix; convert one with cast");
  EXPECT_EQ(error_text([] {
              linear(f32({2, 3}), f32({4, 3}), f32({3}));
            }),
            "[linear] bias f32 (3,) for weight f32 (4, 3): expected f32 (4,)");
  EXPECT_EQ(error_text([] {
              linear(i64({2, 3}), i64({4, 3}), {});
            }),
            "[linear] works on f32 and f64, not on i64; convert with cast");
}

TEST(OpErrors, Layers) {
  EXPECT_EQ(error_text([] {
              layer_norm(f32({2, 3}), f32({2}), {});
            }),
            "[layer_norm] weight f32 (2,) for f32 (2, 3); expected f32 (3,)");
  EXPECT_EQ(error_text([] {
              layer_norm(f32({2, 3}), f32({3}), f64({3}));
            }),
            "[layer_norm] bias f64 (3,) for f32 (2, 3); expected f32 (3,)");
  EXPECT_EQ(error_text([] { layer_norm(f32({}), {}, {}); }),
            "[layer_norm] f32 () has nothing to normalise; the last dimension must be at least 1");
  EXPECT_EQ(error_text([] {
              layer_norm(i64({2, 3}), {}, {});
            }),
            "[layer_norm] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              causal_attention(f32({2, 12}), 2);
            }),
            "[causal_attention] f32 (2, 12) with 2 heads, 2 of keys and values; expected (B, T, (H + 2·G)·D) with H "
            "heads and G, a divisor of H");
  EXPECT_EQ(error_text([] {
              causal_attention(f32({1, 2, 12}), 3);
            }),
            "[causal_attention] f32 (1, 2, 12) with 3 heads, 3 of keys and values; expected (B, T, (H + 2·G)·D) with H "
            "heads and G, a divisor of H");
  EXPECT_EQ(error_text([] {
              causal_attention(f32({1, 2, 12}), 0);
            }),
            "[causal_attention] f32 (1, 2, 12) with 0 heads, 0 of keys and values; expected (B, T, (H + 2·G)·D) with H "
            "heads and G, a divisor of H");
  EXPECT_EQ(error_text([] {
              causal_attention(i64({1, 2, 12}), 2);
            }),
            "[causal_attention] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              causal_attention(f32({1, 2, 12}), 2, {.document_starts = i64({1, 3})});
            }),
            "[attention] first keys i64 (1, 3) for queries f32 (1, 2, 2, 2) and keys f32 (1, 2, 2, 2); expected i64 "
            "(B, T), causal, as many keys as queries");
  const std::array<int64_t, 2> ids = {1, 2};
  EXPECT_EQ(error_text([&] { dropout(f32({2, 3}), 1.0, 1, ids); }), "[dropout] rate 1; expected 0 <= rate < 1");
  EXPECT_EQ(error_text([&] { dropout(f32({2, 3}), -0.1, 1, ids); }), "[dropout] rate -0.1; expected 0 <= rate < 1");
  EXPECT_EQ(error_text([&] { dropout(f32({2, 3}), NAN, 1, ids); }), "[dropout] rate nan; expected 0 <= rate < 1");
  EXPECT_EQ(error_text([&] {
              dropout(f32({3, 3}), 0.5, 1, ids);
            }),
            "[dropout] 2 example ids for f32 (3, 3); expected one for each index of dimension 0");
  EXPECT_EQ(error_text([&] { dropout(f32({}), 0.5, 1, ids); }),
            "[dropout] 2 example ids for f32 (); expected one for each index of dimension 0");
  EXPECT_EQ(error_text([&] {
              dropout(i64({2, 3}), 0.5, 1, ids);
            }),
            "[dropout] works on f32 and f64, not on i64; convert with cast");
}

TEST(OpErrors, Losses) {
  EXPECT_EQ(error_text([] {
              mse(f32({2, 3}), f32({3}));
            }),
            "[mse] prediction f32 (2, 3) and target f32 (3,) must have one shape");
  EXPECT_EQ(error_text([] { mse(f32({2, 3}), f64({2, 3})); }), "[mse] f32 and f64 do not mix; convert one with cast");
  EXPECT_EQ(error_text([] { mse(i64({2}), i64({2})); }), "[mse] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 3}), i64({3}));
            }),
            "[cross_entropy] logits f32 (2, 3) and targets i64 (3,): targets need the logits' shape without the last "
            "dimension");
  EXPECT_EQ(
      error_text([] { cross_entropy(f32({}), i64({})); }),
      "[cross_entropy] logits f32 () and targets i64 (): targets need the logits' shape without the last dimension");
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 3}), f32({2}));
            }),
            "[cross_entropy] targets f32 (2,); expected i64 (2,), one class a row");
  EXPECT_EQ(error_text([] {
              cross_entropy(i64({2, 3}), i64({2}));
            }),
            "[cross_entropy] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 3}), i64({2}, 3));
            }),
            "[cross_entropy] target 3 in row 0; expected 0 to 2 (there are 3 classes)");
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 3}), i64({2}, -1));
            }),
            "[cross_entropy] target -1 in row 0; expected 0 to 2 (there are 3 classes)");
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 0}), i64({2}));
            }),
            "[cross_entropy] target 0 in row 0; expected 0 to -1 (there are 0 classes)");
}

TEST(OpErrors, FunctionsOfNumbers) {
  EXPECT_EQ(error_text([] { clamp(f32({2}), 2.0, 1.0); }), "[clamp] from 2 to 1; the first must not exceed the second");
  EXPECT_EQ(error_text([] { pow(f32({2}), NAN); }), "[pow] an exponent of NaN; expected a number");
  EXPECT_EQ(error_text([] { silu(i64({2})); }), "[silu] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] { gelu_exact(i64({2})); }),
            "[gelu_exact] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              swiglu(f32({2, 3}), f32({3}));
            }),
            "[swiglu] gate f32 (2, 3) and input f32 (3,) must have one shape");
  EXPECT_EQ(error_text([] { maximum(f32({2}), f64({2})); }), "[maximum] f32 and f64 do not mix; convert one with cast");
}

TEST(OpErrors, ComparisonsAndOrder) {
  EXPECT_EQ(error_text([] { less(f32({2}), f64({2})); }),
            "[less] f32 (2,) and f64 (2,) do not mix; convert one with cast");
  EXPECT_EQ(error_text([] { equal(f32({2}), f32({3})); }),
            "[equal] shapes (2,) and (3,) do not broadcast: 2 against 3 in dimension 1 from the end; sizes must be "
            "equal or 1");
  EXPECT_EQ(error_text([] { where(f32({2}), f32({2}), f32({2})); }),
            "[where] a condition of f32 (2,); expected bool, as a comparison gives");
  EXPECT_EQ(error_text([] { where(less(f32({2}), 1.0), f32({2}), f64({2})); }),
            "[where] f32 (2,) and f64 (2,) do not mix; convert one with cast");
  EXPECT_EQ(error_text([] { max(f32({2, 0}), 1); }), "[max] axis 1 of f32 (2, 0) is empty and has no extreme");
  EXPECT_EQ(error_text([] { argmin(f32({2}), 1); }), "[argmin] axis 1 of a tensor with 1 dimensions; expected -1 to 0");
  EXPECT_EQ(error_text([] { top_k(f32({2, 3}), 4); }), "[top_k] k = 4 of axis 1 of f32 (2, 3); expected 0 to 3");
  EXPECT_EQ(error_text([] { sort(i64({2})); }), "[sort] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] { cumsum(i64({2}), 0); }), "[cumsum] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] {
              spectral_norm(i64({2, 2}));
            }),
            "[spectral_norm] works on f32 and f64, not on i64; convert with cast");
  EXPECT_EQ(error_text([] { spectral_norm(f32({2})); }), "[spectral_norm] f32 (2,); expected at least 2 dimensions");
}

TEST(OpErrors, Arranging) {
  EXPECT_EQ(error_text([] { stack(std::vector<Tensor>{}, 0); }), "[stack] no tensors to join");
  EXPECT_EQ(error_text([] {
              stack(std::vector<Tensor>{f32({2}), f32({3})}, 0);
            }),
            "[stack] f32 (3,) beside f32 (2,); all need one shape");
  EXPECT_EQ(error_text([] { split(f32({4}), 0, 0); }), "[split] pieces of 0; expected 1 or more");
  EXPECT_EQ(error_text([] { tril(f32({4})); }), "[tril] f32 (4,); expected at least two dimensions");
  EXPECT_EQ(error_text([] { one_hot(i64({2}), 0); }), "[one_hot] 0 classes; expected 1 or more");
  EXPECT_EQ(error_text([] { one_hot(i64({2}, 5), 5); }),
            "[scatter_add] index 5 at position 0; expected 0 to 4 (axis 1 of (2, 5))");
  EXPECT_EQ(error_text([] { scatter_add(f32({2}), 0, i64({2}), f64({2})); }),
            "[scatter_add] f32 (2,) and f64 (2,) do not mix; convert one with cast");
}

TEST(OpErrors, Einsum) {
  const Tensor x23 = f32({2, 3}), x33 = f32({3, 3});
  const auto text = [](const char* formula, std::initializer_list<Tensor> tensors) {
    return error_text([&] { einsum(formula, std::span<const Tensor>(tensors.begin(), tensors.size())); });
  };
  EXPECT_EQ(text("ij", {}), "[einsum] \"ij\": there are no tensors");
  EXPECT_EQ(text("ij,jk->ik", {x23}), "[einsum] \"ij,jk->ik\": letters of 2 tensors, which commas part, for 1");
  EXPECT_EQ(text("ij->ij", {x23, x33}), "[einsum] \"ij->ij\": letters of 1 tensors, which commas part, for 2");
  EXPECT_EQ(text("i2->i", {x23}), "[einsum] \"i2->i\": '2' is no letter; expected a form as ij,jk->ik");
  EXPECT_EQ(text("i..", {x23}),
            "[einsum] \"i..\": \"i..\" for f32 (2, 3); expected a letter for each dimension, or \"...\" for some");
  EXPECT_EQ(text("i.j", {f32({2, 3, 4})}), "[einsum] \"i.j\": '.' is no letter; expected a form as ij,jk->ik");
  EXPECT_EQ(text("ii->i", {x23}), "[einsum] \"ii->i\": 'i' is 2 in one place and 3 in another");
  EXPECT_EQ(text("ii->i", {f32({1, 3})}), "[einsum] \"ii->i\": 'i' is 1 and 3 in one tensor");
  EXPECT_EQ(text("ij->ii", {x33}), "[einsum] \"ij->ii\": 'i' stands twice in the result");
  EXPECT_EQ(text("ij->k", {x33}), "[einsum] \"ij->k\": 'k' of the result is in no tensor");
  EXPECT_EQ(text("ijk->k", {x33}),
            "[einsum] \"ijk->k\": \"ijk\" for f32 (3, 3); expected a letter for each dimension, or \"...\" for some");
  EXPECT_EQ(text("ij,jk->ik", {f32({3, 4}), f32({5, 2})}),
            "[einsum] \"ij,jk->ik\": 'j' is 4 in one place and 5 in another");
}

TEST(OpErrors, Attention) {
  EXPECT_EQ(error_text([] {
              attention(f32({1, 2, 3, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}));
            }),
            "[attention] queries f32 (1, 2, 3, 4), keys f32 (1, 2, 2, 4), values f32 (1, 2, 2, 4); expected (B, T, H, "
            "D), and twice (B, S, G, D) with H a multiple of G");
  EXPECT_EQ(error_text([] {
              attention(f32({1, 2, 2, 4}), f64({1, 2, 2, 4}), f32({1, 2, 2, 4}));
            }),
            "[attention] queries f32, keys f64 and values f32 do not mix; convert with cast");
  EXPECT_EQ(error_text([] {
              attention(f32({1, 3, 2, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}));
            }),
            "[attention] 3 queries and 2 keys; a causal one needs a key for each query at least");
  EXPECT_EQ(error_text([] {
              attention(f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), {.window = -1});
            }),
            "[attention] a window of -1; expected 0 for none, or more");
  const std::array<int64_t, 2> two = {0, 1};
  EXPECT_EQ(error_text([&] {
              attention(f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), {.dropout = {1.0, 0, two}});
            }),
            "[attention] a dropout of 1; expected at least 0 and below 1");
  EXPECT_EQ(error_text([&] {
              attention(f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), {.dropout = {0.5, 0, two}});
            }),
            "[attention] dropout for 1 examples with ids i64 (2,); expected an i64 for each");
  EXPECT_EQ(error_text([] {
              attention(f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), {.causal = false, .window = 1});
            }),
            "[attention] a window without causal; a window looks back from each query");
  EXPECT_EQ(error_text([] {
              attention(f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), {.mask = f64({2, 2})});
            }),
            "[attention] a mask of f64 (2, 2); expected bool or f32, of a shape that broadcasts to (B, H, T, S) = (1, "
            "2, 2, 2)");
  EXPECT_EQ(error_text([] {
              attention(f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), {.mask = f32({1, 2, 2, 2, 2})});
            }),
            "[attention] a mask of f32 (1, 2, 2, 2, 2); expected bool or f32, of a shape that broadcasts to (B, H, T, "
            "S) = (1, 2, 2, 2)");
  EXPECT_EQ(error_text([] {
              Tensor mask = f32({2, 2}).set_requires_grad();
              const Tape tape;
              attention(f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), f32({1, 2, 2, 4}), {.mask = mask});
            }),
            "[attention] the mask asks for a gradient, which is not offered; detach it");
  EXPECT_EQ(error_text([] {
              rotary(f32({1, 2, 2, 3}));
            }),
            "[rotary] f32 (1, 2, 2, 3); expected (B, T, H, D) with an even D");
  EXPECT_EQ(error_text([] {
              rotary(f32({1, 2, 2, 4}), {.base = 0.0});
            }),
            "[rotary] base 0, first position 0; expected a base above 0 and a position of 0 or more");
}

TEST(OpErrors, DropoutOfParts) {
  EXPECT_EQ(error_text([] {
              drop_path(f32({1, 2}), 1.0, 0, std::array<int64_t, 1>{0});
            }),
            "[drop_path] rate 1; expected 0 <= rate < 1");
  EXPECT_EQ(error_text([] { channel_dropout(f32({1}), 0.5, 0, std::array<int64_t, 1>{0}); }),
            "[channel_dropout] f32 (1,); expected at least 2 dimensions");
  EXPECT_EQ(error_text([] { alpha_dropout(f32({1}), -0.5, 0, std::array<int64_t, 1>{0}); }),
            "[alpha_dropout] rate -0.5; expected 0 <= rate < 1");
}

TEST(OpErrors, LossesOfNumbers) {
  EXPECT_EQ(error_text([] {
              mae(f32({2, 3}), f32({2}));
            }),
            "[mae] prediction f32 (2, 3) and target f32 (2,) must have one shape");
  EXPECT_EQ(error_text([] { huber(f32({2}), f32({2}), 0.0); }), "[huber] delta 0; expected a finite number above 0");
  EXPECT_EQ(error_text([] { log_cosh(f32({2}), f64({2})); }),
            "[log_cosh] f32 and f64 do not mix; convert one with cast");
  EXPECT_EQ(error_text([] { quantile_loss(f32({2}), f32({2}), 1.0); }),
            "[quantile_loss] quantile 1; expected 0 < quantile < 1");
  EXPECT_EQ(error_text([] { poisson_loss(f32({2}), f32({3})); }),
            "[poisson_loss] prediction f32 (2,) and target f32 (3,) must have one shape");
  EXPECT_EQ(error_text([] { hinge(f32({2}), f32({3})); }),
            "[hinge] prediction f32 (2,) and target f32 (3,) must have one shape");
  EXPECT_EQ(error_text([] { squared_hinge(f32({2}), f32({3})); }),
            "[squared_hinge] prediction f32 (2,) and target f32 (3,) must have one shape");
}

TEST(OpErrors, LossesOfClasses) {
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 3}), i64({3}), CrossEntropyOptions{});
            }),
            "[cross_entropy] logits f32 (2, 3) and targets i64 (3,): targets are i64, of the logits' shape without the "
            "last dimension");
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 3}), i64({2}), {.label_smoothing = 1.0});
            }),
            "[cross_entropy] label_smoothing 1; expected 0 <= label_smoothing < 1");
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 3}), i64({2}), {.class_weights = f32({2})});
            }),
            "[cross_entropy] class weights f32 (2,) for logits f32 (2, 3); expected f32 (3,)");
  EXPECT_EQ(error_text([] {
              cross_entropy(f32({2, 3}), i64({2}, 3), CrossEntropyOptions{});
            }),
            "[gather] index 3 at position 0; expected 0 to 2 (axis 1 of (2, 3))");
  EXPECT_EQ(error_text([] {
              soft_cross_entropy(f32({2, 3}), f32({2}));
            }),
            "[soft_cross_entropy] prediction f32 (2, 3) and target f32 (2,) must have one shape");
  EXPECT_EQ(error_text([] { soft_cross_entropy(f32({}), f32({})); }),
            "[soft_cross_entropy] logits f32 (); expected a dimension of classes");
  EXPECT_EQ(error_text([] { binary_cross_entropy(f32({2}), f32({3})); }),
            "[binary_cross_entropy] prediction f32 (2,) and target f32 (3,) must have one shape");
  EXPECT_EQ(error_text([] { binary_cross_entropy(f32({2}), f32({2}), 0.0); }),
            "[binary_cross_entropy] positive_weight 0; expected a finite number above 0");
  EXPECT_EQ(error_text([] { focal_loss(f32({2}), f32({2}), -1.0); }),
            "[focal_loss] gamma -1; expected a number from 0");
  EXPECT_EQ(error_text([] { focal_loss(f32({2}), f32({2}), 2.0, 1.5); }),
            "[focal_loss] alpha 1.5; expected 0 <= alpha <= 1");
  EXPECT_EQ(error_text([] { kl_divergence(f32({2}), f32({3})); }),
            "[kl_divergence] prediction f32 (2,) and target f32 (3,) must have one shape");
}

TEST(OpErrors, LossesOfDistances) {
  EXPECT_EQ(error_text([] { cosine_similarity(f32({2}), f32({3})); }),
            "[cosine_similarity] prediction f32 (2,) and target f32 (3,) must have one shape");
  EXPECT_EQ(error_text([] { cosine_loss(f32({2}), f32({2}), f32({2})); }),
            "[cosine_loss] f32 (2,); expected (N, C), an embedding a row");
  EXPECT_EQ(error_text([] {
              triplet_loss(f32({2, 3}), f32({2, 3}), f32({1, 3}));
            }),
            "[triplet_loss] prediction f32 (2, 3) and target f32 (1, 3) must have one shape");
  EXPECT_EQ(error_text([] {
              info_nce(f32({2, 3}), f32({2, 3}), 0.0);
            }),
            "[info_nce] temperature 0; expected a finite number above 0");
}

}  // namespace ops_errors_test
}  // namespace gradus
