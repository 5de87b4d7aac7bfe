// The table of ops: convolutions, pooling, and what goes with them.
#include "tests/op_cases/op_case_groups.h"

namespace gradus {
namespace {

using X = std::span<const Tensor>;

double convolution_flops(X x) {  // at stride 1, padding counted
  return 2.0 * static_cast<double>(x[0].numel() / x[0].size(-1)) * static_cast<double>(x[1].numel());
}

template <int Strides>  // those of both axes, multiplied
double strided_convolution_flops(X x) {
  return convolution_flops(x) / Strides;
}

double recurrent_flops(X x) {
  return 2.0 * static_cast<double>(x[0].numel() / x[0].size(-1)) * static_cast<double>(x[1].numel() + x[2].numel());
}

// The layers of a ResNet-18 for images of 32 × 32, 32 of them.
const std::vector<OpInput> kImages = {{{32, 32, 32, 64}}};
const std::vector<OpInput> kLayer = {{{32, 32, 32, 64}}, {{64, 3, 3, 64}}, {{64}}};

}  // namespace

std::vector<OpCase> convolution_cases() {
  return {
      {.name = "conv2d",
       .op = "conv2d",
       .function = [](X x) { return conv2d(x[0], x[1], x[2]); },
       .roundings = 160,
       .cancels = true,
       .benchmark = kLayer,
       .flops = convolution_flops},
      {.name = "conv2d_padded",
       .op = "conv2d",
       .function =
           [](X x) {
             return conv2d(x[0], x[1], {}, {.padding = {1, 1}});
           },
       .roundings = 160,
       .cancels = true,
       .benchmark = {{{32, 4, 4, 512}}, {{512, 3, 3, 512}}},
       .flops = convolution_flops},
      {.name = "conv2d_strided",
       .op = "conv2d",
       .function =
           [](X x) {
             return conv2d(x[0], x[1], x[2], {.stride = {2, 3}, .padding = {2, 1}, .dilation = {1, 2}});
           },
       .roundings = 160,
       .cancels = true,
       .benchmark = kLayer,
       .flops = strided_convolution_flops<6>},
      {.name = "conv2d_grouped",
       .op = "conv2d",
       .function =
           [](X x) {
             return conv2d(x[0], x[1], x[2], {.stride = {2, 2}, .padding = {1, 1}, .groups = 2});
           },
       .roundings = 160,
       .cancels = true,
       .benchmark = {{{32, 32, 32, 64}}, {{64, 3, 3, 32}}, {{64}}},
       .flops = strided_convolution_flops<4>},
      {.name = "conv2d_depthwise",
       .op = "conv2d",
       .function =
           [](X x) {
             return conv2d(x[0], x[1], x[2], {.padding = {1, 1}, .groups = x[0].size(3)});
           },
       .roundings = 160,
       .cancels = true,
       .benchmark = {{{32, 32, 32, 64}}, {{64, 3, 3, 1}}, {{64}}},
       .flops = convolution_flops},
      {.name = "conv2d_narrow_groups",
       .op = "conv2d",
       .function =
           [](X x) {
             return conv2d(x[0], x[1], x[2], {.padding = {1, 1}, .groups = x[0].size(3) / x[1].size(3)});
           },
       .roundings = 160,
       .cancels = true,
       .benchmark = {{{32, 32, 32, 128}}, {{128, 3, 3, 4}}, {{128}}},
       .flops = convolution_flops},
      {.name = "conv2d_with_residual",
       .op = "conv2d",
       .function =
           [](X x) {
             return conv2d(x[0], x[1], x[2], {.padding = {1, 1}, .relu = true}, x[3]);
           },
       .roundings = 160,
       .cancels = true,
       .benchmark = {{{32, 32, 32, 64}}, {{64, 3, 3, 64}}, {{64}}, {{32, 32, 32, 64}}},
       .flops = convolution_flops},
      {.name = "conv1d",
       .op = "conv1d",
       .function = [](X x) { return conv1d(x[0], x[1], x[2]); },
       .roundings = 160,
       .cancels = true,
       .benchmark = {{{32, 1024, 64}}, {{64, 5, 64}}, {{64}}},
       .flops = convolution_flops},
      {.name = "conv1d_strided",
       .op = "conv1d",
       .function =
           [](X x) {
             return conv1d(x[0], x[1], {}, {.stride = 2, .padding = 3, .dilation = 2, .groups = 2, .relu = true});
           },
       .roundings = 160,
       .cancels = true,
       .benchmark = {{{32, 1024, 64}}, {{64, 5, 32}}},
       .flops = strided_convolution_flops<2>},
      {.name = "max_pool2d",
       .op = "max_pool2d",
       .function = [](X x) { return max_pool2d(x[0]); },
       .benchmark = kImages},
      {.name = "max_pool2d_padded",
       .op = "max_pool2d",
       .function =
           [](X x) {
             return max_pool2d(x[0], {.kernel = {3, 3}, .stride = {2, 1}, .padding = {1, 1}});
           },
       .roundings = 16,
       .cancels = true,
       .benchmark = kImages},
      {.name = "avg_pool2d",
       .op = "avg_pool2d",
       .function = [](X x) { return avg_pool2d(x[0]); },
       .roundings = 16,
       .cancels = true,
       .benchmark = kImages},
      {.name = "avg_pool2d_padded",
       .op = "avg_pool2d",
       .function =
           [](X x) {
             return avg_pool2d(x[0], {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}});
           },
       .roundings = 16,
       .cancels = true,
       .benchmark = kImages},
      {.name = "max_pool1d",
       .op = "max_pool1d",
       .function = [](X x) { return max_pool1d(x[0], {.kernel = 3, .stride = 2, .padding = 1}); },
       .roundings = 16,
       .cancels = true,
       .benchmark = {{{32, 1024, 64}}}},
      {.name = "avg_pool1d",
       .op = "avg_pool1d",
       .function = [](X x) { return avg_pool1d(x[0], {.kernel = 4, .padding = 2}); },
       .roundings = 16,
       .cancels = true,
       .benchmark = {{{32, 1024, 64}}}},
      {.name = "batch_norm",
       .op = "batch_norm",
       .function = [](X x) { return batch_norm(x[0], x[1], x[2]); },
       .roundings = 64,
       .cancels = true,
       .roundings_at_ends = 4096,
       .benchmark = {{{32, 32, 32, 64}}, {{64}}, {{64}}}},
      {.name = "batch_norm_alone",
       .op = "batch_norm",
       .function = [](X x) { return batch_norm(x[0], {}, {}, {.epsilon = 1e-3, .relu = true}); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kImages},
      {.name = "batch_norm_relu_residual",
       .op = "batch_norm",
       .function = [](X x) { return batch_norm(x[0], x[1], x[2], {.relu = true}, x[3]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = {{{32, 32, 32, 64}}, {{64}}, {{64}}, {{32, 32, 32, 64}}}},
      {.name = "batch_norm_given",
       .op = "batch_norm",
       .function =
           [](X x) {
             return batch_norm(x[0], x[1], x[2], {x[4], exp(x[5]).detach()}, {.relu = true}, x[3]);
           },
       .differentiable = 4,
       .roundings = 64,
       .cancels = true,
       .benchmark = {{{32, 32, 32, 64}}, {{64}}, {{64}}, {{32, 32, 32, 64}}, {{64}}, {{64}}}},
      {.name = "group_norm",
       .op = "group_norm",
       .function = [](X x) { return group_norm(x[0], 2, x[1], x[2]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = {{{32, 32, 32, 64}}, {{64}}, {{64}}}},
      {.name = "group_norm_alone",
       .op = "group_norm",
       .function = [](X x) { return group_norm(x[0], 1, {}, {}, 1e-3); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kImages},
      {.name = "lstm",
       .op = "lstm",
       .function =
           [](X x) {
             return lstm(x[0], {x[1], x[2], x[3], x[4]});
           },
       .roundings = 256,
       .cancels = true,
       .benchmark = {{{32, 128, 256}}, {{1024, 256}}, {{1024, 256}}, {{1024}}, {{1024}}},
       .flops = recurrent_flops},
      {.name = "lstm_without_bias",
       .op = "lstm",
       .function =
           [](X x) {
             return lstm(x[0], {x[1], x[2], {}, {}});
           },
       .roundings = 256,
       .cancels = true,
       .benchmark = {{{32, 128, 256}}, {{1024, 256}}, {{1024, 256}}},
       .flops = recurrent_flops},
      {.name = "gru",
       .op = "gru",
       .function =
           [](X x) {
             return gru(x[0], {x[1], x[2], x[3], x[4]});
           },
       .roundings = 256,
       .cancels = true,
       .benchmark = {{{32, 128, 256}}, {{768, 256}}, {{768, 256}}, {{768}}, {{768}}},
       .flops = recurrent_flops},
      {.name = "global_avg_pool",
       .op = "global_avg_pool",
       .function = [](X x) { return global_avg_pool(x[0]); },
       .roundings = 64,
       .cancels = true,
       .benchmark = kImages},
  };
}

}  // namespace gradus
