// Residual networks for pictures.
#pragma once

#include <optional>
#include <vector>

#include "gradus/nn/models/feedforward.h"

namespace gradus {

struct ResNetOptions {
  Shape example = {32, 32, 3};  ///< (H, W, C); or (T, C), a picture of one channel.
  int64_t depth = 18;           ///< 18, 34 or 50.
  /// `kLarge`: a 7 × 7 convolution and pooling, a quarter of the size, for pictures of some 224. `kSmall`: 3 × 3 at full
  /// size, for 32.
  enum class Stem : uint8_t { kSmall, kLarge };
  Stem stem = Stem::kSmall;
  int64_t width = 64;  ///< Channels of the first stage; the later ones have 2, 4 and 8 times as many.
  int64_t outputs = 10;
  /// Stochastic depth: the part of the examples that go past the last block's convolutions; of earlier blocks less
  /// (`drop_path_rate`).
  double drop_path = 0.0;
  double channel_dropout = 0.0;  ///< Of whole channels, behind each stage.
  bool spectral_norm = false;    ///< Of the weights of all convolutions and of "fc".
  Objective objective = {};
  Start start = {};  ///< Of convolutions and linear layers.
};

/// He et al., "Deep residual learning for image recognition", 2016; of depth 50 with the stride in the 3 × 3 convolution.
/// Parameters have the names that torchvision's have ("conv1.weight", "layer1.0.bn1.weight", "fc.weight", …), weights
/// (out, kh, kw, in); those of convolutions start normal with variance 2/(outputs of one input), as there.
class ResNet : public FeatureModel {
 public:
  ResNet(const ResNetOptions& options, uint64_t seed);
  Tensor outputs(const Batch& batch, Context& context) const override;

  /// Where a convolution and its norm get their parameters.
  struct UnitNames {
    ParameterBuilder conv, norm;
  };

 private:
  struct Unit {
    Conv2d conv;
    BatchNorm norm;
  };
  struct Block {
    std::vector<Unit> units;
    std::optional<Unit> shortcut;
    DropPath drop_path = {};
    bool ends_stage = false;
  };
  Unit unit(const UnitNames& names, int64_t in, int64_t out, int64_t kernel, int64_t stride, bool relu = true) const;
  Block block(const ParameterBuilder& p, int64_t in, int64_t out, int64_t stride);
  Tensor run(const Block& block, const Tensor& x, Context& context) const;

  ResNetOptions options_;
  std::optional<Unit> stem_;
  std::vector<Block> blocks_;
  std::optional<Linear> fc_;
};

}  // namespace gradus
