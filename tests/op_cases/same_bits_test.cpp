// Results and gradients do not depend on the number of threads, above the sizes at which threads share the work.
#include <cstring>
#include <functional>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/tensor/kernels/copy.h"
#include "tests/op_cases/op_cases.h"
#include "tests/testing.h"

namespace gradus {
namespace same_bits_test {

using Bits = std::vector<std::byte>;

void append(Bits& bits, const Tensor& x) {
  const Tensor flat = kernels::contiguous(x);
  const std::byte* first = flat.bytes();
  bits.insert(bits.end(), first, first + flat.numel() * size_of(flat.dtype()));
}

struct Sample {
  const char* name;
  std::vector<OpInput> inputs;
  Tensor (*function)(std::span<const Tensor> x);
};

// The result, and the gradients of the inputs under an uneven seed.
Bits run(const Sample& sample, std::vector<Tensor> inputs) {
  Tape tape;
  const Tensor y = sample.function(inputs);
  const OpInput seed_shape{y.shape()};
  const Tensor seed = make_inputs({&seed_shape, 1})[0];
  Bits bits;
  append(bits, y);
  tape.backward(y, {.seed = kernels::cast(seed, y.dtype())});
  for (Tensor& x : inputs) {
    if (!x.requires_grad()) continue;
    append(bits, x.grad());
    x.set_grad({});
  }
  return bits;
}

using X = std::span<const Tensor>;

// What the processor has no products for runs in f32: then these samples are those without a precision once more.
Precision bf16() { return {.products = has_bf16_products() ? DType::kBF16 : DType::kF32, .activations = DType::kBF16}; }

// Sizes are multiples of nothing.
const Sample kSamples[] = {
    {"add_broadcast", {{{301, 517}}, {{517}}}, [](X x) { return add(x[0], x[1]); }},
    {"multiply_column", {{{301, 517}}, {{301, 1}}}, [](X x) { return multiply(x[0], x[1]); }},
    {"divide", {{{100003}}, {{100003}}}, [](X x) { return divide(x[0], x[1]); }},
    {"norm_linear",
     {{{301, 130}}, {{130}}, {{130}}, {{517, 130}}, {{517}}},
     [](X x) {
       return norm_linear(x[0], {x[1], x[2]}, {x[3], x[4]});
     }},
    {"norm_feed_forward",
     {{{301, 130}}, {{130}}, {{130}}, {{517, 130}}, {{517}}, {{130, 517}}, {{130}}},
     [](X x) {
       return norm_feed_forward(x[0], {x[1], x[2]}, {x[3], x[4]}, {x[5], x[6]}, true);
     }},
    {"norm_linear_bf16",
     {{{301, 130}}, {{130}}, {{130}}, {{517, 130}}, {{517}}},
     [](X x) {
       return norm_linear(x[0], {x[1], x[2]}, {x[3], x[4]}, bf16());
     }},
    {"norm_feed_forward_bf16",
     {{{301, 130}}, {{130}}, {{130}}, {{517, 130}}, {{517}}, {{130, 517}}, {{130}}},
     [](X x) {
       return norm_feed_forward(x[0], {x[1], x[2]}, {x[3], x[4]}, {x[5], x[6]}, true, bf16());
     }},
    {"causal_attention_bf16", {{{3, 130, 3 * 5 * 7}}}, [](X x) { return causal_attention(x[0], 5, {}, bf16()); }},
    {"linear_cross_entropy_bf16",
     {{{301, 30}}, {{50257, 30}}, {{301}, 50257}},
     [](X x) { return linear_cross_entropy(x[0], x[1], x[2], Reduction::kMean, bf16()); }},
    {"linear_cross_entropy",
     {{{301, 30}}, {{50257, 30}}, {{301}, 50257}},
     [](X x) { return linear_cross_entropy(x[0], x[1], x[2]); }},
    {"exp", {{{100003}}}, [](X x) { return exp(x[0]); }},
    {"log", {{{100003}}}, [](X x) { return log(x[0] * x[0]); }},
    {"tanh", {{{100003}}}, [](X x) { return tanh(x[0]); }},
    {"relu", {{{100003}}}, [](X x) { return relu(x[0]); }},
    {"gelu", {{{100003}}}, [](X x) { return gelu(x[0]); }},
    {"sum", {{{100003}}}, [](X x) { return sum(x[0]); }},
    {"sum_rows", {{{301, 517}}}, [](X x) { return sum(x[0], 1); }},
    {"sum_columns", {{{1301, 117}}}, [](X x) { return sum(x[0], 0); }},
    {"sum_middle", {{{17, 131, 53}}}, [](X x) { return sum(x[0], 1); }},
    {"mean", {{{100003}}}, [](X x) { return mean(x[0]); }},
    {"logsumexp", {{{301, 517}}}, [](X x) { return logsumexp(x[0]); }},
    {"softmax", {{{301, 517}}}, [](X x) { return softmax(x[0]); }},
    {"transpose", {{{301, 517}}}, [](X x) { return reshape(transpose(x[0], 0, 1), {-1}); }},
    {"slice", {{{301, 517}}}, [](X x) { return exp(slice(x[0], 1, 3, 500)); }},
    {"expand",
     {{{301, 1}}},
     [](X x) {
       return exp(expand(x[0], {301, 517}));
     }},
    {"concat", {{{301, 117}}, {{301, 53}}}, [](X x) { return concat(x, 1); }},
    {"gather", {{{301, 517}}, {{301, 211}, 517}}, [](X x) { return gather(x[0], 1, x[1]); }},
    {"embedding", {{{37, 517}}, {{301, 3}, 37}}, [](X x) { return embedding(x[0], x[1]); }},
    {"matmul", {{{257, 383}}, {{383, 129}}}, [](X x) { return matmul(x[0], x[1]); }},
    {"matmul_batched", {{{71, 13, 17}}, {{71, 17, 11}}}, [](X x) { return matmul(x[0], x[1]); }},
    {"matmul_broadcast", {{{5, 67, 43}}, {{43, 71}}}, [](X x) { return matmul(x[0], x[1]); }},
    {"linear", {{{3, 131, 131}}, {{257, 131}}, {{257}}}, [](X x) { return linear(x[0], x[1], x[2]); }},
    {"layer_norm", {{{301, 517}}, {{517}}, {{517}}}, [](X x) { return layer_norm(x[0], x[1], x[2]); }},
    {"causal_attention", {{{3, 130, 3 * 5 * 7}}}, [](X x) { return causal_attention(x[0], 5); }},
    {"dropout",
     {{{3, 30011}}},
     [](X x) {
       return dropout(x[0], 0.3, 5, std::array<int64_t, 3>{4, 9, 2});
     }},
    {"mse", {{{301, 517}}, {{301, 517}}}, [](X x) { return mse(x[0], x[1]); }},
    {"huber", {{{301, 517}}, {{301, 517}}}, [](X x) { return huber(x[0], x[1]); }},
    {"focal_loss", {{{301, 517}}, {{301, 517}}}, [](X x) { return focal_loss(x[0], x[1]); }},
    {"gelu_exact", {{{100003}}}, [](X x) { return gelu_exact(x[0]); }},
    {"pow", {{{301, 517}}, {{517}}}, [](X x) { return pow(exp(x[0]), x[1]); }},
    {"maximum", {{{301, 517}}, {{301, 1}}}, [](X x) { return maximum(x[0], x[1]); }},
    {"where", {{{301, 517}}, {{517}}}, [](X x) { return where(less(x[0], x[1]), x[0], x[1]); }},
    {"var", {{{301, 517}}}, [](X x) { return var(x[0], 0); }},
    {"stddev", {{{100003}}}, [](X x) { return stddev(x[0]); }},
    {"log_softmax", {{{301, 517}}}, [](X x) { return log_softmax(x[0]); }},
    {"max", {{{100003}}}, [](X x) { return max(x[0]); }},
    {"min_columns", {{{17, 131, 53}}}, [](X x) { return min(x[0], 1); }},
    {"sort", {{{31, 1517}}}, [](X x) { return sort(x[0]).values; }},
    {"top_k_columns", {{{131, 517}}}, [](X x) { return top_k(x[0], 7, 0).values; }},
    {"cumsum", {{{301, 517}}}, [](X x) { return cumsum(x[0], 1); }},
    {"cumsum_columns", {{{301, 517}}}, [](X x) { return cumsum(x[0], 0); }},
    {"tril", {{{301, 517}}}, [](X x) { return tril(x[0], 100); }},
    {"scatter_add",
     {{{301, 517}}, {{301, 211}}, {{301, 211}, 517}},
     [](X x) { return scatter_add(x[0], 1, x[2], x[1]); }},
    {"rms_norm", {{{301, 517}}, {{517}}}, [](X x) { return rms_norm(x[0], x[1]); }},
    {"spectral_norm", {{{301, 217}}}, [](X x) { return spectral_norm(x[0]); }},
    {"swiglu", {{{301, 517}}, {{301, 517}}}, [](X x) { return swiglu(x[0], x[1]); }},
    {"attention_grouped",
     {{{3, 70, 6, 7}}, {{3, 130, 2, 7}}, {{3, 130, 2, 7}}},
     [](X x) { return attention(x[0], x[1], x[2], {.window = 50}); }},
    {"attention_bf16",
     {{{3, 70, 6, 7}}, {{3, 130, 2, 7}}, {{3, 130, 2, 7}}},
     [](X x) { return attention(x[0], x[1], x[2], {.causal = false}, bf16()); }},
    {"attention_dropout",
     {{{3, 70, 6, 7}}, {{3, 130, 2, 7}}, {{3, 130, 2, 7}}},
     [](X x) {
       return attention(x[0], x[1], x[2], {.dropout = {0.3, 5, std::array<int64_t, 3>{4, 9, 2}}});
     }},
    {"rotary", {{{3, 130, 5, 14}}}, [](X x) { return rotary(x[0]); }},
    {"channel_dropout",
     {{{3, 301, 117}}},
     [](X x) {
       return channel_dropout(x[0], 0.3, 5, std::array<int64_t, 3>{4, 9, 2});
     }},
    {"conv2d",
     {{{5, 17, 19, 21}}, {{37, 3, 3, 21}}, {{37}}, {{5, 9, 10, 37}}},
     [](X x) {
       return conv2d(x[0], x[1], x[2], {.stride = {2, 2}, .padding = {1, 1}, .relu = true}, x[3]);
     }},
    {"conv2d_depthwise",
     {{{5, 33, 35, 37}}, {{37, 3, 3, 1}}, {{37}}, {{5, 17, 18, 37}}},
     [](X x) {
       return conv2d(x[0], x[1], x[2], {.stride = {2, 2}, .padding = {1, 1}, .groups = 37, .relu = true}, x[3]);
     }},
    {"conv2d_narrow_groups",
     {{{5, 33, 35, 39}}, {{39, 3, 3, 3}}, {{39}}},
     [](X x) {
       return conv2d(x[0], x[1], x[2], {.stride = {2, 1}, .padding = {1, 1}, .groups = 13});
     }},
    {"conv1d", {{{7, 301, 3}}, {{33, 9, 3}}, {{33}}}, [](X x) { return conv1d(x[0], x[1], x[2], {.stride = 2}); }},
    {"max_pool2d",
     {{{5, 33, 35, 37}}},
     [](X x) {
       return max_pool2d(x[0], {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}});
     }},
    {"avg_pool2d", {{{5, 33, 35, 37}}}, [](X x) { return avg_pool2d(x[0]); }},
    {"batch_norm",
     {{{5, 33, 35, 37}}, {{37}}, {{37}}, {{5, 33, 35, 37}}},
     [](X x) { return batch_norm(x[0], x[1], x[2], {.relu = true}, x[3]); }},
    {"group_norm", {{{5, 33, 35, 38}}, {{38}}, {{38}}}, [](X x) { return group_norm(x[0], 2, x[1], x[2]); }},
    {"lstm",
     {{{19, 7, 21}}, {{4 * 131, 21}}, {{4 * 131, 131}}, {{4 * 131}}, {{4 * 131}}},
     [](X x) {
       return lstm(x[0], {x[1], x[2], x[3], x[4]});
     }},
    {"gru",
     {{{19, 7, 21}}, {{3 * 131, 21}}, {{3 * 131, 131}}, {{3 * 131}}, {{3 * 131}}},
     [](X x) { return gru(x[0], {x[1], x[2], x[3], x[4]}); }},
    {"global_avg_pool", {{{5, 33, 35, 37}}}, [](X x) { return global_avg_pool(x[0]); }},
    {"cross_entropy", {{{513, 97}}, {{513}, 97}}, [](X x) { return cross_entropy(x[0], x[1]); }},
};

void PrintTo(const Sample& sample, std::ostream* out) { *out << sample.name; }

class SameBits : public testing::TestWithParam<Sample> {
 protected:
  void TearDown() override { set_threads(0); }
};

TEST_P(SameBits, ForAnyNumberOfThreads) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    std::vector<Tensor> inputs = make_inputs(GetParam().inputs);
    for (Tensor& x : inputs) {
      if (is_float(x.dtype())) x = kernels::cast(x, dtype).set_requires_grad();
    }
    set_threads(1);
    const Bits expected = run(GetParam(), inputs);
    EXPECT_GT(expected.size(), 0U);
    for (const int count : {2, 3, 4, 8, 1}) {
      set_threads(count);
      EXPECT_TRUE(run(GetParam(), inputs) == expected) << name_of(dtype) << ", " << count << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Op, SameBits, testing::ValuesIn(kSamples),
                         [](const auto& sample) { return std::string(sample.param.name); });

}  // namespace same_bits_test
}  // namespace gradus
