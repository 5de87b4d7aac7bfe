#include "gradus/nn/models/recurrent.h"

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/nn/models/feature_inputs.h"

namespace gradus {
namespace {

// Where each place of x (B, T, C) is when an example is read from its own end: (B, T, C), of which padding keeps its
// place.
Tensor reversed_places(const Batch& batch, const Tensor& x) {
  const int64_t examples = x.size(0), places = x.size(1);
  Tensor index = Tensor::empty({examples, places}, DType::kI64);
  const int64_t* const lengths = batch.lengths.defined() ? batch.lengths.data<int64_t>() : nullptr;
  int64_t* to = index.mutable_data<int64_t>();
  for (int64_t b = 0; b < examples; ++b) {
    const int64_t length = lengths != nullptr ? lengths[b] : places;
    for (int64_t t = 0; t < places; ++t) *to++ = t < length ? length - 1 - t : t;
  }
  return expand(reshape(index, {examples, places, 1}), x.shape());
}

Tensor reversed(const Tensor& x, const Batch& batch) { return gather(x, 1, reversed_places(batch, x)); }

}  // namespace

RecurrentModel::RecurrentModel(const RecurrentOptions& o, uint64_t seed)
    : FeatureModel(o.objective), inputs_(o.inputs), dropout_{o.dropout} {
  if (o.layers < 1 || o.width < 1 || o.inputs < 1 || o.vocabulary < 0) {
    fail_usage("rnn", "layers {}, width {}, inputs {}: each must be at least 1", o.layers, o.width, o.inputs);
  }
  const ParameterBuilder p = ParameterBuilder(parameters_, seed).starting(o.start);
  if (o.vocabulary > 0) wte_.emplace(p / "wte", o.vocabulary, o.width);
  int64_t in = o.vocabulary > 0 ? o.width : o.inputs;
  const auto layer = [&](const ParameterBuilder& here, int64_t i) {
    Layer made =
        o.cell == RecurrentOptions::Cell::kLstm ? Layer(Lstm(here, in, o.width, i)) : Layer(Gru(here, in, o.width, i));
    std::visit([&](auto& cell) { cell.normalizes_weights = o.spectral_norm; }, made);
    return made;
  };
  for (int64_t i = 0; i < o.layers; ++i) {
    forward_.push_back(layer(p / "rnn", i));
    if (o.bidirectional) backward_.push_back(layer(p / "reverse", i));
    in = o.bidirectional ? 2 * o.width : o.width;
  }
  head_.emplace(p / "head", in, o.outputs, LinearOptions{.spectral_norm = o.spectral_norm});
}

Tensor RecurrentModel::inputs_of(const Batch& batch) const {
  const Tensor& x = batch.inputs;
  const bool fits = x.defined() && (wte_ ? x.rank() == 2 : x.rank() == 3 && x.size(2) == inputs_);
  if (!fits) {
    fail_usage("rnn", "inputs {}; expected {}", x.defined() ? x.describe() : "of sparse rows",
               wte_ ? "token ids (B, T)" : fmt::format("(B, T, {})", inputs_));
  }
  return wte_ ? (*wte_)(x) : x;
}

Tensor RecurrentModel::outputs(const Batch& batch, Context& context) const {
  const auto run = [&](const Layer& layer, const Tensor& x) {
    return std::visit([&](const auto& cell) { return cell(x); }, layer);
  };
  Tensor x = inputs_of(batch);
  for (size_t i = 0; i < forward_.size(); ++i) {
    Tensor y = run(forward_[i], x);
    if (!backward_.empty()) y = concat({y, reversed(run(backward_[i], reversed(x, batch)), batch)}, 2);
    x = dropout_(y, context);
  }
  return (*head_)(mean_of_own(x, batch), context.precision);
}

}  // namespace gradus
