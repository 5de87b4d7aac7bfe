// What the trainer and the command need of a model.
#pragma once

#include "gradus/nn/context.h"
#include "gradus/nn/metrics.h"
#include "gradus/nn/parameters.h"
#include "gradus/tensor/batch.h"

namespace gradus {

/// A model with its loss. Derive from it for one's own; or give the trainer parameters and a loss function alone.
class Model {
 public:
  virtual ~Model() = default;
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Parameters& parameters() const { return parameters_; }
  /// What belongs to the model beside: tensors that forward passes change in training (running statistics).
  const Parameters& buffers() const { return buffers_; }
  /// Parameters, then buffers: what the model's file holds.
  Parameters state() const {
    Parameters all = parameters_;
    all.insert(all.end(), buffers_.begin(), buffers_.end());
    return all;
  }
  /// Predictions for a batch; dimension 0 is the example.
  virtual Tensor forward(const Tensor& inputs, Context& context) const = 0;
  /// What training minimises on a batch.
  virtual Loss loss(const Batch& batch, Context& context) const = 0;
  /// Adds a batch to the metrics: its loss, and what else such a model is measured by.
  virtual void evaluate(const Batch& batch, Context& context, Metrics& metrics) const {
    metrics.add(loss(batch, context));
  }

 protected:
  Parameters parameters_, buffers_;
};

}  // namespace gradus
