#include "gradus/train/clustering_model.h"

#include <algorithm>
#include <numeric>

#include "gradus/classic/kmeans.h"

namespace gradus {

Tensor ClusteringModel::forward(const Tensor& inputs, Context& /*context*/) const {
  Tensor result = probabilities(inputs);
  return result.defined() ? result : labels(inputs);
}

Loss ClusteringModel::loss(const Batch& batch, Context& /*context*/) const {
  return {Tensor::scalar(loss_sum(batch.inputs), DType::kF64), static_cast<double>(batch.inputs.size(0))};
}

KMeansModel::KMeansModel(int64_t clusters, int64_t columns) {
  const ParameterBuilder builder(parameters_, 0, DType::kF64);
  builder.add("centers", {clusters, columns}, Initializer::constant(0.0));
}

Tensor KMeansModel::labels(const Tensor& inputs) const { return nearest_centers(inputs, centers()); }

Tensor KMeansModel::probabilities(const Tensor& /*inputs*/) const { return {}; }

double KMeansModel::loss_sum(const Tensor& inputs) const { return inertia_of(inputs, labels(inputs), centers()); }

MixtureModel::MixtureModel(int64_t components, int64_t columns, Covariance covariance) : covariance_(covariance) {
  const ParameterBuilder builder(parameters_, 0, DType::kF64);
  builder.add("weights", {components}, Initializer::constant(1.0 / static_cast<double>(components)));
  builder.add("means", {components, columns}, Initializer::constant(0.0));
  if (covariance == Covariance::kDiagonal) {
    builder.add("covariances", {components, columns}, Initializer::constant(1.0));
    return;
  }
  Tensor matrices = builder.add("covariances", {components, columns, columns}, Initializer::constant(0.0));
  double* const to = matrices.mutable_data<double>();
  for (int64_t row = 0; row < components * columns; ++row) to[row * columns + row % columns] = 1.0;
}

GaussianMixture MixtureModel::mixture() const {
  return {.covariance = covariance_,
          .weights = parameters_[0].tensor,
          .means = parameters_[1].tensor,
          .covariances = parameters_[2].tensor};
}

Tensor MixtureModel::labels(const Tensor& inputs) const { return mixture().predict(inputs); }

Tensor MixtureModel::probabilities(const Tensor& inputs) const { return mixture().probabilities(inputs); }

double MixtureModel::loss_sum(const Tensor& inputs) const {
  return -mixture().score(inputs) * static_cast<double>(inputs.size(0));
}

int64_t clusters_of(const NamedTensors& weights) {
  for (const auto& [name, tensor] : weights) {
    if ((name == "centers" || name == "means") && tensor.rank() == 2) return tensor.size(0);
  }
  return 0;
}

std::unique_ptr<ClusteringModel> make_clustering_model(const Config& config, const DataShape& shape) {
  if (config.text("model.kind") == "kmeans") return std::make_unique<KMeansModel>(shape.outputs, shape.inputs);
  const bool full = config.text("model.covariance") == "full";
  return std::make_unique<MixtureModel>(shape.outputs, shape.inputs, full ? Covariance::kFull : Covariance::kDiagonal);
}

}  // namespace gradus
