#include "tests/op_cases/op_cases.h"

#include <array>
#include <cmath>

#include "gradus/base/random.h"

namespace gradus {
namespace {

using X = std::span<const Tensor>;

// GPT-2's sizes with 1,024 tokens, where it matters.
constexpr int64_t kTokens = 1024, kChannels = 768, kVocabulary = 50257;
const std::vector<OpInput> kOne = {{{kTokens, kChannels}}};
const std::vector<OpInput> kTwo = {{{kTokens, kChannels}}, {{kTokens, kChannels}}};

double product_flops(X x) { return 2.0 * static_cast<double>(x[0].numel()) * static_cast<double>(x[1].size(-1)); }
double linear_flops(X x) { return 2.0 * static_cast<double>(x[0].numel()) * static_cast<double>(x[1].size(0)); }
// Rows or elements of x[0] by the ids x[1]: read, and written.
double embedding_bytes(X x) {
  return static_cast<double>(x[1].numel()) * (8.0 + 8.0 * static_cast<double>(x[0].size(-1)));
}
double gather_bytes(X x) { return static_cast<double>(x[1].numel()) * 16.0; }
// Two products over the visible half of T × T.
double attention_flops(X x) { return 2.0 * static_cast<double>(x[0].numel() / 3) * static_cast<double>(x[0].size(1)); }

double grouped_attention_flops(X x) {
  return 2.0 * static_cast<double>(x[0].numel()) * static_cast<double>(x[0].size(1));
}

constexpr uint64_t kDropKey = 0x0123456789ABCDEF;
constexpr std::array<int64_t, 2> kDropExamples = {7, 3};

// Far out the slope is 1 or 0, where PyTorch's formula gives ∞·0, NaN.
bool far_slope(double x, double ours, double theirs) {
  return std::abs(x) > 1e18 && std::isnan(theirs) && std::isfinite(ours);
}

Tensor operators(X x) {
  const Tensor &a = x[0], &b = x[1];
  return -((a + 0.5) * 2.0 - 0.25) / 4.0 + 1.0 - 3.0 * b / (2.0 + a * a) - 1.0 / (b * b + 1.0) + a / 0.5;
}

Tensor dropout_of(const Tensor& x, double rate) { return dropout(x, rate, kDropKey, kDropExamples); }

// Roundings. Arithmetic is IEEE's: 1, and 1 for each factor of its gradient; a broadcast input's gradient is a sum,
// which may cancel. exp, log and tanh of Highway are within 3 units; their gradients multiply that by the other
// factors. gelu is a sigmoid of a cubic, its error counted beside x, not beside a result close to 0. Sums and products
// of n terms have at most n roundings of the largest term; n < 70 here.
std::vector<OpCase> arithmetic() {
  return {
      {.name = "add",
       .op = "add",
       .function = [](X x) { return add(x[0], x[1]); },
       .roundings = 8,
       .cancels = true,
       .benchmark = kTwo},
      {.name = "subtract",
       .op = "subtract",
       .function = [](X x) { return subtract(x[0], x[1]); },
       .roundings = 8,
       .cancels = true,
       .benchmark = kTwo},
      {.name = "multiply",
       .op = "multiply",
       .function = [](X x) { return multiply(x[0], x[1]); },
       .roundings = 8,
       .cancels = true,
       .benchmark = kTwo},
      {.name = "divide",
       .op = "divide",
       .function = [](X x) { return divide(x[0], x[1]); },
       .roundings = 12,
       .cancels = true,
       .benchmark = kTwo},
      {.name = "add_scalar", .op = "add", .function = [](X x) { return add(x[0], 1.25); }, .benchmark = kOne},
      {.name = "scalar_subtract", .op = "subtract", .function = [](X x) { return subtract(1.25, x[0]); }},
      {.name = "multiply_scalar", .op = "multiply", .function = [](X x) { return multiply(x[0], -0.75); }},
      {.name = "scalar_divide", .op = "divide", .function = [](X x) { return divide(1.25, x[0]); }, .roundings = 4},
      {.name = "operators", .op = "add", .function = operators, .roundings = 24, .cancels = true},
      {.name = "negate", .op = "negate", .function = [](X x) { return negate(x[0]); }, .benchmark = kOne},
      {.name = "maximum",
       .op = "maximum",
       .function = [](X x) { return maximum(x[0], x[1]); },
       .roundings = 8,
       .cancels = true,
       .benchmark = kTwo},
      {.name = "minimum",
       .op = "minimum",
       .function = [](X x) { return minimum(x[0], x[1]); },
       .roundings = 8,
       .cancels = true,
       .benchmark = kTwo},
      {.name = "pow",
       .op = "pow",
       .function = [](X x) { return pow(x[0], x[1]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kTwo},
      {.name = "swiglu",
       .op = "swiglu",
       .function = [](X x) { return swiglu(x[0], x[1]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kTwo},
  };
}

std::vector<OpCase> elementwise() {
  return {
      {.name = "exp", .op = "exp", .function = [](X x) { return exp(x[0]); }, .roundings = 8, .benchmark = kOne},
      {.name = "log", .op = "log", .function = [](X x) { return log(x[0]); }, .roundings = 8, .benchmark = kOne},
      {.name = "tanh",
       .op = "tanh",
       .function = [](X x) { return tanh(x[0]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kOne},
      // A NaN is not above 0: no gradient. PyTorch lets it through.
      {.name = "relu",
       .op = "relu",
       .function = [](X x) { return relu(x[0]); },
       .benchmark = kOne,
       .own_gradient = [](double x, double ours, double) { return std::isnan(x) && ours == 0; }},
      {.name = "gelu",
       .op = "gelu",
       .function = [](X x) { return gelu(x[0]); },
       .roundings = 32,
       .cancels = true,
       .benchmark = kOne,
       .own_gradient = far_slope},
      {.name = "abs", .op = "abs", .function = [](X x) { return abs(x[0]); }, .benchmark = kOne},
      {.name = "sign", .op = "sign", .function = [](X x) { return sign(x[0]); }, .benchmark = kOne},
      {.name = "floor", .op = "floor", .function = [](X x) { return floor(x[0]); }, .benchmark = kOne},
      {.name = "sqrt", .op = "sqrt", .function = [](X x) { return sqrt(x[0]); }, .roundings = 4, .benchmark = kOne},
      {.name = "rsqrt", .op = "rsqrt", .function = [](X x) { return rsqrt(x[0]); }, .roundings = 8, .benchmark = kOne},
      {.name = "sin",
       .op = "sin",
       .function = [](X x) { return sin(x[0]); },
       .roundings = 8,
       .cancels = true,
       .benchmark = kOne},
      {.name = "cos",
       .op = "cos",
       .function = [](X x) { return cos(x[0]); },
       .roundings = 8,
       .cancels = true,
       .benchmark = kOne},
      {.name = "sigmoid",
       .op = "sigmoid",
       .function = [](X x) { return sigmoid(x[0]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kOne},
      {.name = "silu",
       .op = "silu",
       .function = [](X x) { return silu(x[0]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kOne,
       .own_gradient = far_slope},
      {.name = "gelu_exact",
       .op = "gelu_exact",
       .function = [](X x) { return gelu_exact(x[0]); },
       .roundings = 32,
       .cancels = true,
       .benchmark = kOne,
       .own_gradient = far_slope},
      {.name = "softplus",
       .op = "softplus",
       .function = [](X x) { return softplus(x[0]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kOne},
      {.name = "mish",
       .op = "mish",
       .function = [](X x) { return mish(x[0]); },
       .roundings = 32,
       .cancels = true,
       .benchmark = kOne,
       .own_gradient = far_slope},
      {.name = "elu",
       .op = "elu",
       .function = [](X x) { return elu(x[0], 1.5); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kOne},
      {.name = "leaky_relu",
       .op = "leaky_relu",
       .function = [](X x) { return leaky_relu(x[0], 0.125); },
       .benchmark = kOne},
      {.name = "clamp", .op = "clamp", .function = [](X x) { return clamp(x[0], -0.5, 0.75); }, .benchmark = kOne},
      {.name = "pow_cube",
       .op = "pow",
       .function = [](X x) { return pow(x[0], 3.0); },
       .roundings = 16,
       .benchmark = kOne},
      {.name = "pow_inverse", .op = "pow", .function = [](X x) { return pow(x[0], -2.0); }, .roundings = 16},
      {.name = "pow_half", .op = "pow", .function = [](X x) { return pow(x[0], 0.5); }, .roundings = 16},
      // At the ends p·log|x| is up to 160, whose own rounding is that of so many of the result.
      {.name = "pow_real",
       .op = "pow",
       .function = [](X x) { return pow(x[0], 2.3); },
       .roundings = 64,
       .roundings_at_ends = 512,
       .benchmark = kOne},
      {.name = "pow_none", .op = "pow", .function = [](X x) { return pow(x[0], 0.0); }, .roundings = 16},
  };
}

std::vector<OpCase> comparisons() {
  return {
      {.name = "equal",
       .op = "equal",
       .function = [](X x) { return equal(x[0], x[1]); },
       .differentiable = 0,
       .benchmark = kTwo},
      {.name = "equal_value", .op = "equal", .function = [](X x) { return equal(x[0], 0.5); }, .differentiable = 0},
      {.name = "not_equal",
       .op = "not_equal",
       .function = [](X x) { return not_equal(x[0], x[1]); },
       .differentiable = 0,
       .benchmark = kTwo},
      {.name = "not_equal_value",
       .op = "not_equal",
       .function = [](X x) { return not_equal(x[0], 0.5); },
       .differentiable = 0},
      {.name = "less",
       .op = "less",
       .function = [](X x) { return less(x[0], x[1]); },
       .differentiable = 0,
       .benchmark = kTwo},
      {.name = "less_value", .op = "less", .function = [](X x) { return less(x[0], 0.5); }, .differentiable = 0},
      {.name = "less_equal",
       .op = "less_equal",
       .function = [](X x) { return less_equal(x[0], x[1]); },
       .differentiable = 0,
       .benchmark = kTwo},
      {.name = "less_equal_value",
       .op = "less_equal",
       .function = [](X x) { return less_equal(x[0], 0.5); },
       .differentiable = 0},
      {.name = "greater",
       .op = "greater",
       .function = [](X x) { return greater(x[0], x[1]); },
       .differentiable = 0,
       .benchmark = kTwo},
      {.name = "greater_value",
       .op = "greater",
       .function = [](X x) { return greater(x[0], 0.5); },
       .differentiable = 0},
      {.name = "greater_equal",
       .op = "greater_equal",
       .function = [](X x) { return greater_equal(x[0], x[1]); },
       .differentiable = 0,
       .benchmark = kTwo},
      {.name = "greater_equal_value",
       .op = "greater_equal",
       .function = [](X x) { return greater_equal(x[0], 0.5); },
       .differentiable = 0},
      {.name = "where",
       .op = "where",
       .function = [](X x) { return where(greater(x[2], 0.0), x[0], x[1]); },
       .differentiable = 2,
       .roundings = 8,
       .cancels = true,
       .benchmark = {kOne[0], kOne[0], kOne[0]}},
  };
}

std::vector<OpCase> reductions() {
  return {
      {.name = "sum",
       .op = "sum",
       .function = [](X x) { return sum(x[0]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kOne},
      {.name = "sum_axis",
       .op = "sum",
       .function = [](X x) { return sum(x[0], 1); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kOne},
      {.name = "sum_axis_kept",
       .op = "sum",
       .function = [](X x) { return sum(x[0], -2, true); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kOne},
      {.name = "mean", .op = "mean", .function = [](X x) { return mean(x[0]); }, .roundings = 16, .cancels = true},
      {.name = "mean_axis",
       .op = "mean",
       .function = [](X x) { return mean(x[0], -1); },
       .roundings = 16,
       .cancels = true},
      {.name = "mean_axis_kept",
       .op = "mean",
       .function = [](X x) { return mean(x[0], 0, true); },
       .roundings = 16,
       .cancels = true},
      // Our gradient is the softmax, so a row with ∞ has none (NaN); PyTorch's exp(x − result) gives 0 beside the ∞,
      // and for finite rows carries as many roundings as x is large.
      {.name = "logsumexp",
       .op = "logsumexp",
       .function = [](X x) { return logsumexp(x[0]); },
       .roundings = 32,
       .cancels = true,
       .roundings_at_ends = 2000,
       .benchmark = kOne,
       .own_gradient = [](double, double ours, double theirs) { return std::isnan(ours) && theirs == 0; }},
      {.name = "softmax",
       .op = "softmax",
       .function = [](X x) { return softmax(x[0]); },
       .roundings = 32,
       .cancels = true,
       .benchmark = kOne},
      {.name = "log_softmax",
       .op = "log_softmax",
       .function = [](X x) { return log_softmax(x[0]); },
       .roundings = 64,
       .cancels = true,
       .roundings_at_ends = 2000,
       .benchmark = kOne},
      {.name = "var",
       .op = "var",
       .function = [](X x) { return var(x[0]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kOne},
      {.name = "var_axis",
       .op = "var",
       .function = [](X x) { return var(x[0], 1, 0.0); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kOne},
      {.name = "var_axis_kept",
       .op = "var",
       .function = [](X x) { return var(x[0], 0, 1.0, true); },
       .roundings = 64,
       .cancels = true},
      {.name = "stddev",
       .op = "stddev",
       .function = [](X x) { return stddev(x[0]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kOne},
      {.name = "stddev_axis",
       .op = "stddev",
       .function = [](X x) { return stddev(x[0], 1, 0.0); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kOne},
      {.name = "stddev_axis_kept",
       .op = "stddev",
       .function = [](X x) { return stddev(x[0], 0, 1.0, true); },
       .roundings = 64,
       .cancels = true},
      {.name = "max", .op = "max", .function = [](X x) { return max(x[0]); }, .benchmark = kOne},
      {.name = "max_axis", .op = "max", .function = [](X x) { return max(x[0], 1); }, .benchmark = kOne},
      {.name = "max_axis_kept", .op = "max", .function = [](X x) { return max(x[0], -2, true); }, .benchmark = kOne},
      {.name = "min", .op = "min", .function = [](X x) { return min(x[0]); }, .benchmark = kOne},
      {.name = "min_axis", .op = "min", .function = [](X x) { return min(x[0], 1); }, .benchmark = kOne},
      {.name = "min_axis_kept", .op = "min", .function = [](X x) { return min(x[0], -2, true); }, .benchmark = kOne},
      {.name = "argmax",
       .op = "argmax",
       .function = [](X x) { return argmax(x[0], -1); },
       .differentiable = 0,
       .benchmark = kOne},
      {.name = "argmax_rows",
       .op = "argmax",
       .function = [](X x) { return argmax(x[0], 0, true); },
       .differentiable = 0,
       .benchmark = kOne},
      {.name = "argmin",
       .op = "argmin",
       .function = [](X x) { return argmin(x[0], -1); },
       .differentiable = 0,
       .benchmark = kOne},
      {.name = "argmin_rows",
       .op = "argmin",
       .function = [](X x) { return argmin(x[0], 0, true); },
       .differentiable = 0,
       .benchmark = kOne},
      {.name = "sort", .op = "sort", .function = [](X x) { return sort(x[0], -1).values; }, .benchmark = kOne},
      {.name = "sort_descending", .op = "sort", .function = [](X x) { return sort(x[0], 0, true).values; }},
      {.name = "sort_indices",
       .op = "sort",
       .function = [](X x) { return sort(x[0], -1, true).indices; },
       .differentiable = 0},
      {.name = "top_k", .op = "top_k", .function = [](X x) { return top_k(x[0], 3).values; }, .benchmark = kOne},
      {.name = "top_k_smallest", .op = "top_k", .function = [](X x) { return top_k(x[0], 2, 0, false).values; }},
      {.name = "cumsum",
       .op = "cumsum",
       .function = [](X x) { return cumsum(x[0], -1); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kOne},
      {.name = "cumsum_rows",
       .op = "cumsum",
       .function = [](X x) { return cumsum(x[0], 0); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kOne},
  };
}

std::vector<OpCase> shapes() {
  return {
      {.name = "reshape",
       .op = "reshape",
       .function =
           [](X x) {
             return reshape(x[0], {-1, 2});
           }},
      {.name = "permute",
       .op = "permute",
       .function =
           [](X x) {
             return permute(x[0], {2, 0, -2});
           }},
      {.name = "transpose", .op = "transpose", .function = [](X x) { return transpose(x[0], 0, -1); }},
      {.name = "slice", .op = "slice", .function = [](X x) { return slice(x[0], 1, 1, 3); }},
      {.name = "slice_from_end", .op = "slice", .function = [](X x) { return slice(x[0], -1, -3, -1); }},
      {.name = "slice_nothing", .op = "slice", .function = [](X x) { return slice(x[0], 0, 1, 1); }},
      {.name = "expand",
       .op = "expand",
       .function =
           [](X x) {
             return expand(x[0], {2, 3, 4});
           },
       .roundings = 24,
       .cancels = true},
      {.name = "expand_to_none",
       .op = "expand",
       .function =
           [](X x) {
             return expand(x[0], {0, 3});
           }},
      {.name = "concat",
       .op = "concat",
       .function = [](X x) { return concat(x, 1); },
       .benchmark = {{{kTokens, 256}}, {{kTokens, 512}}}},
      {.name = "concat_many", .op = "concat", .function = [](X x) { return concat(x, 0); }},
      {.name = "concat_one", .op = "concat", .function = [](X x) { return concat({x[0]}, 0); }},
      {.name = "stack", .op = "stack", .function = [](X x) { return stack(x, 1); }},
      {.name = "stack_last", .op = "stack", .function = [](X x) { return stack(x, -1); }},
      {.name = "split",
       .op = "split",
       .function =
           [](X x) {
             return concat(std::vector<Tensor>{split(x[0], 2, 1)[1], split(x[0], 2, 1)[0]}, 1);
           }},
      {.name = "tril", .op = "tril", .function = [](X x) { return tril(x[0]); }, .benchmark = kOne},
      {.name = "triu", .op = "triu", .function = [](X x) { return triu(x[0], 1); }},
      {.name = "tril_below", .op = "tril", .function = [](X x) { return tril(x[0], -2); }},
  };
}

std::vector<OpCase> look_ups() {
  return {
      {.name = "gather",
       .op = "gather",
       .function = [](X x) { return gather(x[0], 1, x[1]); },
       .differentiable = 1,
       .roundings = 8,
       .cancels = true,
       .benchmark = {{{kTokens, kChannels}}, {{kTokens, 64}, kChannels}},
       .bytes = gather_bytes},
      {.name = "gather_rows",
       .op = "gather",
       .function = [](X x) { return gather(x[0], 0, x[1]); },
       .differentiable = 1,
       .roundings = 8,
       .cancels = true},
      {.name = "embedding",
       .op = "embedding",
       .function = [](X x) { return embedding(x[0], x[1]); },
       .differentiable = 1,
       .roundings = 16,
       .cancels = true,
       .benchmark = {{{kVocabulary, kChannels}}, {{kTokens}, kVocabulary}},
       .bytes = embedding_bytes},
      {.name = "scatter_add",
       .op = "scatter_add",
       .function = [](X x) { return scatter_add(x[0], 1, x[2], x[1]); },
       .differentiable = 2,
       .roundings = 16,
       .cancels = true},
      {.name = "one_hot",
       .op = "one_hot",
       .function = [](X x) { return one_hot(x[0], 5, DType::kF64); },
       .differentiable = 0},
  };
}

std::vector<OpCase> products() {
  return {
      {.name = "matmul",
       .op = "matmul",
       .function = [](X x) { return matmul(x[0], x[1]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = {{{12, 256, 64}}, {{12, 64, 256}}},
       .flops = product_flops},
      {.name = "matmul_transposed",
       .op = "matmul",
       .function = [](X x) { return matmul(transpose(x[0], -1, -2), transpose(x[1], -1, -2)); },
       .roundings = 16,
       .cancels = true},
      {.name = "matmul_expanded",
       .op = "matmul",
       .function =
           [](X x) {
             return matmul(expand(x[0], {17, 16}), expand(x[1], {16, 17}));
           },
       .roundings = 320,
       .cancels = true},
      {.name = "linear",
       .op = "linear",
       .function = [](X x) { return linear(x[0], x[1], x[2]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = {{{kTokens, kChannels}}, {{4 * kChannels, kChannels}}, {{4 * kChannels}}},
       .flops = linear_flops},
      {.name = "linear_with_residual",
       .op = "linear",
       .function = [](X x) { return linear(x[0], x[1], x[2], x[3]); },
       .roundings = 16,
       .cancels = true},
      {.name = "linear_without_bias",
       .op = "linear",
       .function = [](X x) { return linear(x[0], x[1], {}); },
       .roundings = 16,
       .cancels = true,
       .benchmark = {{{kTokens, kChannels}}, {{kVocabulary, kChannels}}},
       .flops = linear_flops},
      {.name = "einsum_product",
       .op = "einsum",
       .function = [](X x) { return einsum("ij,jk->ik", x[0], x[1]); },
       .roundings = 64,
       .cancels = true},
      {.name = "einsum_batched",
       .op = "einsum",
       .function = [](X x) { return einsum("bij,bkj->bik", x[0], x[1]); },
       .roundings = 64,
       .cancels = true},
      {.name = "einsum_outer",
       .op = "einsum",
       .function = [](X x) { return einsum("i,j->ij", x[0], x[1]); },
       .roundings = 64,
       .cancels = true},
      {.name = "einsum_inner",
       .op = "einsum",
       .function = [](X x) { return einsum("ij,ij", x[0], x[1]); },
       .roundings = 64,
       .cancels = true},
      {.name = "einsum_heads",
       .op = "einsum",
       .function = [](X x) { return einsum("bthd,bshd->bhts", x[0], x[1]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = {{{4, 256, 12, 64}}, {{4, 256, 12, 64}}},
       .flops = [](X x) { return 2.0 * static_cast<double>(x[0].numel() * x[1].size(1)); }},
      {.name = "einsum_bilinear",
       .op = "einsum",
       .function = [](X x) { return einsum("bi,oij->boj", x[0], x[1]); },
       .roundings = 64,
       .cancels = true},
      {.name = "einsum_transpose", .op = "einsum", .function = [](X x) { return einsum("ijk->kij", x[0]); }},
      {.name = "einsum_sum",
       .op = "einsum",
       .function = [](X x) { return einsum("ijk->j", x[0]); },
       .roundings = 64,
       .cancels = true},
  };
}

std::vector<OpCase> layers() {
  return {
      {.name = "norm_linear",
       .op = "norm_linear",
       .function =
           [](X x) {
             return norm_linear(x[0], {x[1], x[2]}, {x[3], x[4]});
           },
       .roundings = 128,
       .cancels = true,
       .benchmark =
           {{{kTokens, kChannels}}, {{kChannels}}, {{kChannels}}, {{3 * kChannels, kChannels}}, {{3 * kChannels}}},
       .flops = [](X x) { return 2.0 * static_cast<double>(x[0].numel()) * static_cast<double>(x[3].size(0)); }},
      {.name = "norm_linear_alone",
       .op = "norm_linear",
       .function =
           [](X x) {
             return norm_linear(x[0], {{}, {}}, {x[1], {}});
           },
       .roundings = 128,
       .cancels = true},
      {.name = "norm_feed_forward",
       .op = "norm_feed_forward",
       .function =
           [](X x) {
             return norm_feed_forward(x[0], {x[1], x[2]}, {x[3], x[4]}, {x[5], x[6]}, true);
           },
       .roundings = 128,
       .cancels = true,
       .benchmark = {{{kTokens, kChannels}},
                     {{kChannels}},
                     {{kChannels}},
                     {{4 * kChannels, kChannels}},
                     {{4 * kChannels}},
                     {{kChannels, 4 * kChannels}},
                     {{kChannels}}},
       .flops = [](X x) { return 4.0 * static_cast<double>(x[0].numel()) * static_cast<double>(x[3].size(0)); }},
      {.name = "norm_feed_forward_alone",
       .op = "norm_feed_forward",
       .function =
           [](X x) {
             return norm_feed_forward(x[0], {{}, {}}, {x[1], {}}, {x[2], {}}, false);
           },
       .roundings = 128,
       .cancels = true},
      {.name = "layer_norm",
       .op = "layer_norm",
       .function = [](X x) { return layer_norm(x[0], x[1], x[2]); },
       .roundings = 64,
       .cancels = true,
       .roundings_at_ends = 256,
       .benchmark = {{{kTokens, kChannels}}, {{kChannels}}, {{kChannels}}}},
      {.name = "layer_norm_without_affine",
       .op = "layer_norm",
       .function = [](X x) { return layer_norm(x[0], {}, {}, 1e-3); },
       .roundings = 64,
       .cancels = true},
      // "large" has scores of up to 1,000: so many roundings in the exponent.
      {.name = "causal_attention",
       .op = "causal_attention",
       .function = [](X x) { return causal_attention(x[0], 2); },
       .roundings = 64,
       .cancels = true,
       .roundings_at_ends = 1000},
      {.name = "causal_attention_one_head",
       .op = "causal_attention",
       .function = [](X x) { return causal_attention(x[0], 1); },
       .roundings = 128,
       .cancels = true},
      {.name = "causal_attention_gpt2",
       .op = "causal_attention",
       .function = [](X x) { return causal_attention(x[0], 12); },
       .roundings = 64,
       .cancels = true,
       .benchmark = {{{4, 256, 3 * kChannels}}},
       .flops = attention_flops},
      {.name = "dropout",
       .op = "dropout",
       .function = [](X x) { return dropout_of(x[0], 0.25); },
       .benchmark = {{{2, kTokens * kChannels / 2}}}},
      {.name = "dropout_none", .op = "dropout", .function = [](X x) { return dropout_of(x[0], 0.0); }},
      {.name = "rms_norm",
       .op = "rms_norm",
       .function = [](X x) { return rms_norm(x[0], x[1]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = {{{kTokens, kChannels}}, {{kChannels}}}},
      {.name = "rms_norm_alone",
       .op = "rms_norm",
       .function = [](X x) { return rms_norm(x[0], {}, 1e-3); },
       .roundings = 64,
       .cancels = true},
      {.name = "rms_norm_linear",
       .op = "norm_linear",
       .function =
           [](X x) {
             return norm_linear(x[0], {x[1], {}, 1e-5, true}, {x[2], {}});
           },
       .roundings = 128,
       .cancels = true},
      {.name = "attention",
       .op = "attention",
       .function = [](X x) { return attention(x[0], x[1], x[2]); },
       .roundings = 128,
       .cancels = true,
       .roundings_at_ends = 1000},
      {.name = "attention_grouped",
       .op = "attention",
       .function = [](X x) { return attention(x[0], x[1], x[2]); },
       .roundings = 128,
       .cancels = true,
       .roundings_at_ends = 1000,
       .benchmark = {{{4, 256, 12, 64}}, {{4, 256, 4, 64}}, {{4, 256, 4, 64}}},
       .flops = grouped_attention_flops},
      {.name = "attention_full",
       .op = "attention",
       .function = [](X x) { return attention(x[0], x[1], x[2], {.causal = false}); },
       .roundings = 128,
       .cancels = true,
       .roundings_at_ends = 1000},
      {.name = "attention_window",
       .op = "attention",
       .function = [](X x) { return attention(x[0], x[1], x[2], {.window = 3}); },
       .roundings = 128,
       .cancels = true,
       .roundings_at_ends = 1000},
      {.name = "attention_masked",
       .op = "attention",
       .function = [](X x) { return attention(x[0], x[1], x[2], {.causal = false, .mask = greater(x[3], 0.0)}); },
       .differentiable = 3,
       .roundings = 128,
       .cancels = true},
      {.name = "attention_biased",
       .op = "attention",
       .function = [](X x) { return attention(x[0], x[1], x[2], {.mask = x[3].detach()}); },
       .differentiable = 3,
       .roundings = 128,
       .cancels = true},
      {.name = "rotary",
       .op = "rotary",
       .function = [](X x) { return rotary(x[0], {.base = 100.0, .first_position = 3}); },
       .roundings = 16,
       .cancels = true,
       .benchmark = {{{4, 256, 12, 64}}}},
      {.name = "rotary_neighbours",
       .op = "rotary",
       .function = [](X x) { return rotary(x[0], {.neighbours = true}); },
       .roundings = 16,
       .cancels = true},
      {.name = "channel_dropout",
       .op = "channel_dropout",
       .function = [](X x) { return channel_dropout(x[0], 0.25, kDropKey, kDropExamples); },
       .roundings = 8},
      {.name = "drop_path",
       .op = "drop_path",
       .function = [](X x) { return drop_path(x[0], 0.25, kDropKey, kDropExamples); },
       .roundings = 8},
      {.name = "alpha_dropout",
       .op = "alpha_dropout",
       .function = [](X x) { return alpha_dropout(x[0], 0.25, kDropKey, kDropExamples); },
       .roundings = 8},
  };
}

std::vector<OpCase> losses() {
  return {
      {.name = "mse",
       .op = "mse",
       .function = [](X x) { return mse(x[0], x[1]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kTwo},
      {.name = "mse_sum",
       .op = "mse",
       .function = [](X x) { return mse(x[0], x[1], Reduction::kSum); },
       .roundings = 16,
       .cancels = true},
      {.name = "cross_entropy",
       .op = "cross_entropy",
       .function = [](X x) { return cross_entropy(x[0], x[1]); },
       .differentiable = 1,
       .roundings = 32,
       .cancels = true,
       .benchmark = {{{kTokens, kVocabulary}}, {{kTokens}, kVocabulary}}},
      {.name = "linear_cross_entropy",
       .op = "linear_cross_entropy",
       .function = [](X x) { return linear_cross_entropy(x[0], x[1], x[2]); },
       .differentiable = 2,
       .roundings = 64,
       .cancels = true,
       .benchmark = {{{kTokens, kChannels}}, {{kVocabulary, kChannels}}, {{kTokens}, kVocabulary}},
       .flops = linear_flops},
      {.name = "linear_cross_entropy_sum",
       .op = "linear_cross_entropy",
       .function = [](X x) { return linear_cross_entropy(x[0], x[1], x[2], Reduction::kSum); },
       .differentiable = 2,
       .roundings = 64,
       .cancels = true},
      {.name = "cross_entropy_sum",
       .op = "cross_entropy",
       .function = [](X x) { return cross_entropy(x[0], x[1], Reduction::kSum); },
       .differentiable = 1,
       .roundings = 32,
       .cancels = true},
  };
}

std::vector<OpCase> all() {
  std::vector<OpCase> rows;
  for (auto group : {arithmetic, elementwise, comparisons, reductions, shapes, look_ups, products, layers, losses}) {
    for (OpCase& row : group()) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> rows = all();
  return rows;
}

std::vector<Tensor> make_inputs(std::span<const OpInput> inputs) {
  std::vector<Tensor> made;
  for (const OpInput& input : inputs) {
    const RandomStream random(mix(1, made.size()));
    Tensor x = Tensor::empty(input.shape, input.below > 0 ? DType::kI64 : DType::kF32);
    for (int64_t i = 0; i < x.numel(); ++i) {
      const uint64_t place = static_cast<uint64_t>(i);
      if (input.below > 0) {
        x.mutable_data<int64_t>()[i] = static_cast<int64_t>(random.bits(0, place) % static_cast<uint64_t>(input.below));
      } else {
        x.mutable_data<float>()[i] = static_cast<float>(random.uniform(0, place) * 4.0 - 2.0);
      }
    }
    made.push_back(std::move(x));
  }
  return made;
}

}  // namespace gradus
