#include "gradus/nn/models/convolutional.h"

#include <algorithm>
#include <utility>

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/nn/models/feature_inputs.h"

namespace gradus {
namespace {

// With one dimension (T, C), with two (H, W, C).
Shape moved_in(const ConvolutionalOptions& o) {
  Shape shape = o.example;
  if (o.dimensions == 2 && shape.rank() == 2) shape.push_back(1);
  if (shape.rank() != static_cast<int>(o.dimensions) + 1) {
    fail_usage("model.dimensions", "{} for examples of {}; expected 1 for what goes by time, or 2", o.dimensions,
               to_string(o.example));
  }
  return shape;
}

}  // namespace

ConvolutionalOptions lenet_options(const Shape& example) {
  return {.example = example,
          .stages = {{6, 1}, {16, 1}},
          .kernel = 5,
          .padding = ConvolutionalOptions::Padding::kFirstOnly,
          .pool = ConvolutionalOptions::Pool::kAverage,
          .hidden = {120, 84},
          .activation = Activation::kTanh};
}

ConvolutionalOptions vgg_options(const Shape& example, int64_t depth) {
  const std::pair<int64_t, std::vector<int64_t>> known[] = {
      {11, {1, 1, 2, 2, 2}}, {13, {2, 2, 2, 2, 2}}, {16, {2, 2, 3, 3, 3}}, {19, {2, 2, 4, 4, 4}}};
  const auto* const found =
      std::find_if(std::begin(known), std::end(known), [&](const auto& k) { return k.first == depth; });
  if (found == std::end(known)) fail_usage("model.depth", "{} for a VGG; expected 11, 13, 16 or 19", depth);
  ConvolutionalOptions o{.example = example, .stages = {}, .global_pool = true, .batch_norm = true, .hidden = {512}};
  int64_t channels = 64;
  for (const int64_t convolutions : found->second) {
    o.stages.push_back({channels, convolutions});
    channels = std::min<int64_t>(2 * channels, 512);
  }
  return o;
}

ConvolutionalModel::ConvolutionalModel(const ConvolutionalOptions& o, uint64_t seed)
    : FeatureModel(o.objective),
      options_(o),
      dropout_{o.dropout, o.alpha_dropout},
      channel_dropout_{o.channel_dropout} {
  Shape shape = moved_in(o);
  options_.example = shape;
  const ParameterBuilder p = ParameterBuilder(parameters_, buffers_, seed).starting(o.start), features = p / "features";
  const int spatial = shape.rank() - 1;
  for (size_t stage = 0; stage < o.stages.size(); ++stage) {
    using Padding = ConvolutionalOptions::Padding;
    const bool pads = o.padding == Padding::kSame || (o.padding == Padding::kFirstOnly && stage == 0);
    const int64_t padding = pads ? o.kernel / 2 : 0;
    for (int64_t i = 0; i < o.stages[stage].convolutions; ++i) {
      const int64_t in = shape.back(), out = o.stages[stage].channels;
      const ParameterBuilder here = features / static_cast<int64_t>(blocks_.size());
      Block block;
      block.pools = i + 1 == o.stages[stage].convolutions;
      // Of the largest of a window it is the same as of all of it, and less work.
      block.pool_relu = block.pools && o.pool == ConvolutionalOptions::Pool::kMax && o.activation == Activation::kRelu;
      const bool layer_relu = o.activation == Activation::kRelu && !block.pool_relu;
      const bool relu = layer_relu && !o.batch_norm;
      if (spatial == 1) {
        block.along.emplace(here, in, out, o.kernel, Convolution1dOptions{.padding = padding, .relu = relu},
                            !o.batch_norm);
      } else {
        block.across.emplace(here, in, out, std::array{o.kernel, o.kernel},
                             Convolution2dOptions{.padding = {padding, padding}, .relu = relu}, !o.batch_norm);
      }
      (block.along ? block.along->normalizes_weight : block.across->normalizes_weight) = o.spectral_norm;
      if (o.batch_norm) {
        block.norm.emplace(features / (std::to_string(blocks_.size()) + "_norm"), out,
                           BatchNormSettings{.relu = layer_relu});
      }
      for (int axis = 0; axis < spatial; ++axis) {
        shape[axis] += 2 * padding - o.kernel + 1;
        if (block.pools) shape[axis] /= 2;
        if (shape[axis] < 1) {
          fail_usage("model.channels", "examples of {} are too small for {} stages: stage {} has nothing left to see",
                     to_string(o.example), o.stages.size(), stage + 1);
        }
      }
      shape[spatial] = out;
      blocks_.push_back(std::move(block));
    }
  }
  int64_t width = o.global_pool ? shape.back() : shape.numel();
  const ParameterBuilder layers = p / "layers";
  const LinearOptions layer_options{.spectral_norm = o.spectral_norm};
  for (const int64_t next : o.hidden) {
    layers_.emplace_back(layers / static_cast<int64_t>(layers_.size()), width, next, layer_options);
    width = next;
  }
  layers_.emplace_back(layers / static_cast<int64_t>(layers_.size()), width, o.outputs, layer_options);
}

Tensor ConvolutionalModel::convolve(const Block& block, const Tensor& x, Context& context) const {
  const bool relu = options_.activation == Activation::kRelu;
  Tensor y = block.along ? (*block.along)(x, context.precision) : (*block.across)(x, context.precision);
  if (block.norm) y = (*block.norm)(y, context);
  if (!relu) y = activate(options_.activation, y);
  if (!block.pools) return y;
  const bool is_max = options_.pool == ConvolutionalOptions::Pool::kMax;
  if (block.along) {
    y = is_max ? max_pool1d(y, {.relu = block.pool_relu}) : avg_pool1d(y);
  } else {
    y = is_max ? max_pool2d(y, {.relu = block.pool_relu}) : avg_pool2d(y);
  }
  return channel_dropout_(y, context);
}

Tensor ConvolutionalModel::outputs(const Batch& batch, Context& context) const {
  Tensor x = examples_of(batch, options_.example, "cnn");
  for (const Block& block : blocks_) x = convolve(block, x, context);
  x = options_.global_pool ? global_avg_pool(x) : rows_of(x);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) x = dropout_(activate(options_.activation, x), context);
    x = layers_[i](x, context.precision);
  }
  return x;
}

}  // namespace gradus
