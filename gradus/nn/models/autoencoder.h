// Autoencoders: what can be told of an example in a few numbers.
#pragma once

#include <vector>

#include "gradus/nn/models/feedforward.h"

namespace gradus {

struct AutoencoderOptions {
  int64_t inputs = 1;
  std::vector<int64_t> hidden = {256};  ///< Widths from input to code; the way back has the same, reversed.
  int64_t code = 32;                    ///< Numbers of a code.
  Activation activation = Activation::kRelu;
  bool spectral_norm = false;  ///< Of all layers' weights.
  Start start = {};            ///< Of all layers.
};

/// Linear layers "encoder.0", … down to a code, and "decoder.0", … back, with an activation between all but around the
/// code. Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006. It minimises the mean
/// squared difference of what comes back from the inputs, and looks at no target.
class Autoencoder : public Model {
 public:
  Autoencoder(const AutoencoderOptions& options, uint64_t seed);
  /// The codes (B, code). Inputs of more than two dimensions are rows.
  Tensor forward(const Tensor& inputs, Context& context) const override;
  Loss loss(const Batch& batch, Context& context) const override;

 private:
  Tensor through(const std::vector<Linear>& layers, Tensor x, const Context& context) const;

  Activation activation_;
  std::vector<Linear> encoder_, decoder_;
};

}  // namespace gradus
