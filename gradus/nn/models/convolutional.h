// Convolutional networks of stages: convolutions, then pooling, then linear layers.
#pragma once

#include <optional>
#include <vector>

#include "gradus/nn/models/feedforward.h"

namespace gradus {

/// Convolutions of one width, and the halving of the picture behind them.
struct ConvolutionStage {
  int64_t channels = 32;
  int64_t convolutions = 1;
};

struct ConvolutionalOptions {
  Shape example = {28, 28, 1};  ///< (H, W, C); or (T, C), of one channel with two dimensions, of C with one.
  int64_t dimensions = 2;       ///< That the convolutions move in: 1 along T, 2.
  std::vector<ConvolutionStage> stages = {{32, 1}, {64, 1}};
  int64_t kernel = 3;
  /// Where zeros around the picture keep its size: in all stages, in the first alone, or in none.
  enum class Padding : uint8_t { kSame, kFirstOnly, kValid };
  Padding padding = Padding::kSame;
  enum class Pool : uint8_t { kMax, kAverage };
  Pool pool = Pool::kMax;          ///< Of 2 × 2, or 2.
  bool global_pool = false;        ///< The mean over all places in place of all of them, before the linear layers.
  bool batch_norm = false;         ///< Behind each convolution, which has no bias then.
  std::vector<int64_t> hidden = {128};
  Activation activation = Activation::kRelu;
  double dropout = 0.0;          ///< Behind each hidden linear layer.
  bool alpha_dropout = false;    ///< As in `Dropout`.
  double channel_dropout = 0.0;  ///< Of whole channels, behind each stage.
  bool spectral_norm = false;    ///< Of the weights of all convolutions and linear layers.
  int64_t outputs = 10;
  Objective objective = {};
  Start start = {};  ///< Of convolutions and linear layers.
};

/// LeNet-5 for pictures of any size: 5 × 5 convolutions of 6 and 16 channels, mean pooling, tanh, layers of 120 and 84.
/// LeCun et al., 1998 (with full connections between its convolutions).
ConvolutionalOptions lenet_options(const Shape& example);
/// VGG of depth 11, 13, 16 or 19 with batch norm (Simonyan, Zisserman, 2015), its linear layers replaced by one of 512 behind
/// a mean over all places, so that it fits small pictures; a usage error for another depth.
ConvolutionalOptions vgg_options(const Shape& example, int64_t depth);

/// Parameters "features.0", "features.1", … for the convolutions, "features.0_norm", … for their norms, and "layers.0",
/// … for the linear layers. A usage error if the picture is too small for so many stages.
class ConvolutionalModel : public FeatureModel {
 public:
  ConvolutionalModel(const ConvolutionalOptions& options, uint64_t seed);
  Tensor outputs(const Batch& batch, Context& context) const override;

 private:
  struct Block {
    std::optional<Conv1d> along;
    std::optional<Conv2d> across;
    std::optional<BatchNorm> norm;
    bool pools = false, pool_relu = false;
  };
  Tensor convolve(const Block& block, const Tensor& x, Context& context) const;

  ConvolutionalOptions options_;
  std::vector<Block> blocks_;
  std::vector<Linear> layers_;
  Dropout dropout_;
  ChannelDropout channel_dropout_;
};

}  // namespace gradus
