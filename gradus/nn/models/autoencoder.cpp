#include "gradus/nn/models/autoencoder.h"

#include "gradus/autograd/ops.h"
#include "gradus/nn/models/feature_inputs.h"

namespace gradus {

Autoencoder::Autoencoder(const AutoencoderOptions& o, uint64_t seed) : activation_(o.activation) {
  const ParameterBuilder p = ParameterBuilder(parameters_, seed).starting(o.start);
  std::vector<int64_t> widths = {o.inputs};
  widths.insert(widths.end(), o.hidden.begin(), o.hidden.end());
  widths.push_back(o.code);
  const LinearOptions layer_options{.spectral_norm = o.spectral_norm};
  const auto layers = static_cast<int64_t>(widths.size()) - 1;
  for (int64_t i = 0; i < layers; ++i) {
    encoder_.emplace_back(p / "encoder" / i, widths[static_cast<size_t>(i)], widths[static_cast<size_t>(i + 1)],
                          layer_options);
  }
  for (int64_t i = 0; i < layers; ++i) {
    const auto from = static_cast<size_t>(layers - i);
    decoder_.emplace_back(p / "decoder" / i, widths[from], widths[from - 1], layer_options);
  }
}

Tensor Autoencoder::through(const std::vector<Linear>& layers, Tensor x, const Context& context) const {
  for (size_t i = 0; i < layers.size(); ++i) {
    if (i > 0) x = activate(activation_, x);
    x = layers[i](x, context.precision);
  }
  return x;
}

Tensor Autoencoder::forward(const Tensor& inputs, Context& context) const {
  return through(encoder_, rows_of(inputs), context);
}

Loss Autoencoder::loss(const Batch& batch, Context& context) const {
  const Tensor inputs = rows_of(batch.inputs);
  const Tensor again = through(decoder_, forward(inputs, context), context);
  return {mse(again, inputs, Reduction::kSum), static_cast<double>(inputs.numel())};
}

}  // namespace gradus
