#include "gradus/nn/models/resnet.h"

#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/nn/models/feature_inputs.h"

namespace gradus {
namespace {

std::vector<int64_t> blocks_of(int64_t depth) {
  if (depth == 18) return {2, 2, 2, 2};
  if (depth == 34 || depth == 50) return {3, 4, 6, 3};
  fail_usage("model.depth", "{} for a ResNet; expected 18, 34 or 50", depth);
}

ResNet::UnitNames numbered(const ParameterBuilder& p, const char* number) {
  return {p / (std::string("conv") + number), p / (std::string("bn") + number)};
}

constexpr int64_t kExpansion = 4;  // of a bottleneck's last convolution

}  // namespace

ResNet::Unit ResNet::unit(const UnitNames& names, int64_t in, int64_t out, int64_t kernel, int64_t stride,
                          bool relu) const {
  const int64_t padding = kernel / 2;
  const Initializer start = Initializer::normal(std::sqrt(2.0 / static_cast<double>(kernel * kernel * out)));
  Unit unit{Conv2d(names.conv, in, out, {kernel, kernel}, {.stride = {stride, stride}, .padding = {padding, padding}},
                   /*with_bias=*/false, &start),
            BatchNorm(names.norm, out, {.relu = relu})};
  unit.conv.normalizes_weight = options_.spectral_norm;
  return unit;
}

ResNet::Block ResNet::block(const ParameterBuilder& p, int64_t in, int64_t out, int64_t stride) {
  Block block;
  int64_t last = out;
  if (options_.depth < 50) {
    block.units.push_back(unit(numbered(p, "1"), in, out, 3, stride));
    block.units.push_back(unit(numbered(p, "2"), out, out, 3, 1));
  } else {
    last = kExpansion * out;
    block.units.push_back(unit(numbered(p, "1"), in, out, 1, 1));
    block.units.push_back(unit(numbered(p, "2"), out, out, 3, stride));
    block.units.push_back(unit(numbered(p, "3"), out, last, 1, 1));
  }
  if (stride != 1 || in != last) {
    const ParameterBuilder here = p / "downsample";
    block.shortcut = unit({here / 0, here / 1}, in, last, 1, stride, /*relu=*/false);
  }
  return block;
}

ResNet::ResNet(const ResNetOptions& options, uint64_t seed) : FeatureModel(options.objective), options_(options) {
  Shape& shape = options_.example;
  if (shape.rank() == 2) shape.push_back(1);
  if (shape.rank() != 3 || options.width < 1) {
    fail_usage("resnet", "examples of {}, width {}; expected (H, W, C), and a width from 1", to_string(shape),
               options.width);
  }
  const std::vector<int64_t> counts = blocks_of(options.depth);
  const ParameterBuilder p = ParameterBuilder(parameters_, buffers_, seed).starting(options.start);
  const bool large = options.stem == ResNetOptions::Stem::kLarge;
  stem_ = unit(numbered(p, "1"), shape[2], options.width, large ? 7 : 3, large ? 2 : 1);
  int64_t in = options.width;
  for (size_t stage = 0; stage < counts.size(); ++stage) {
    const int64_t out = options.width << stage;
    for (int64_t i = 0; i < counts[stage]; ++i) {
      blocks_.push_back(block(p / ("layer" + std::to_string(stage + 1)) / i, in, out, stage > 0 && i == 0 ? 2 : 1));
      in = options.depth < 50 ? out : kExpansion * out;
    }
    blocks_.back().ends_stage = true;
  }
  const auto all = static_cast<int64_t>(blocks_.size());
  for (int64_t i = 0; i < all; ++i) {
    blocks_[static_cast<size_t>(i)].drop_path.rate = drop_path_rate(options.drop_path, i, all);
  }
  fc_.emplace(p / "fc", in, options.outputs, LinearOptions{.spectral_norm = options.spectral_norm});
}

Tensor ResNet::run(const Block& block, const Tensor& x, Context& context) const {
  Tensor y = x;
  for (size_t i = 0; i + 1 < block.units.size(); ++i) {
    const Unit& unit = block.units[i];
    y = unit.norm(unit.conv(y, context.precision), context);
  }
  const Tensor kept =
      block.shortcut ? block.shortcut->norm(block.shortcut->conv(x, context.precision), context) : x;
  const Unit& last = block.units.back();
  y = last.conv(y, context.precision);
  if (!context.training || block.drop_path.rate == 0.0) return last.norm(y, context, kept);
  BatchNorm alone = last.norm;  // the same parameters
  alone.settings.relu = false;
  return relu(kept + block.drop_path(alone(y, context), context));
}

Tensor ResNet::outputs(const Batch& batch, Context& context) const {
  Tensor x = examples_of(batch, options_.example, "resnet");
  x = stem_->norm(stem_->conv(x, context.precision), context);
  if (options_.stem == ResNetOptions::Stem::kLarge) {
    x = max_pool2d(x, {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}});
  }
  const ChannelDropout channel_dropout{options_.channel_dropout};
  for (const Block& block : blocks_) {
    x = run(block, x, context);
    if (block.ends_stage) x = channel_dropout(x, context);
  }
  return (*fc_)(global_avg_pool(x), context.precision);
}

}  // namespace gradus
