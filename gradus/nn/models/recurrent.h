// Recurrent networks that read an example from its start to its end, and classify it or tell numbers of it.
#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "gradus/nn/models/feedforward.h"

namespace gradus {

struct RecurrentOptions {
  enum class Cell : uint8_t { kLstm, kGru };
  Cell cell = Cell::kLstm;
  int64_t layers = 1;
  int64_t width = 128;         ///< Of a layer's state.
  bool bidirectional = false;  ///< Each layer also reads from the end, with weights of its own.
  double dropout = 0.0;        ///< Behind each layer.
  bool spectral_norm = false;  ///< Of the weights of all layers and of the head.
  int64_t outputs = 1;
  /// Tokens: their number, whose vectors of `width` are the rows of "wte.weight"; 0 for numbers.
  int64_t vocabulary = 0;
  int64_t inputs = 1;  ///< Of numbers (B, T, inputs).
  Objective objective = {};
  Start start = {};  ///< Of the layers and the head, each gate by itself.
};

/// LSTM (Hochreiter, Schmidhuber, 1997) or GRU (Cho et al., 2014) layers "rnn.weight_ih_l0", …, and "reverse.…"; the mean
/// of the last one's outputs over the places; and a linear layer "head".
class RecurrentModel : public FeatureModel {
 public:
  RecurrentModel(const RecurrentOptions& options, uint64_t seed);
  Tensor outputs(const Batch& batch, Context& context) const override;

 private:
  using Layer = std::variant<Lstm, Gru>;
  Tensor inputs_of(const Batch& batch) const;

  std::optional<Embedding> wte_;
  int64_t inputs_;
  std::vector<Layer> forward_, backward_;
  Dropout dropout_;
  std::optional<Linear> head_;
};

}  // namespace gradus
