// Models that group examples: what k-means or a Gaussian mixture has found, as the trainer and the command see it.
#pragma once

#include <memory>

#include "gradus/classic/gaussian_mixture.h"
#include "gradus/nn/models/model.h"
#include "gradus/tensor/safetensors.h"
#include "gradus/train/config.h"
#include "gradus/train/experiment.h"

namespace gradus {

/// A model of examples f32 (B, D). Its parameters are f64, as the solver left them; targets are not looked at, and no
/// gradient is there.
class ClusteringModel : public Model {
 public:
  virtual int64_t clusters() const = 0;
  /// The cluster of each example, i64 (B).
  virtual Tensor labels(const Tensor& inputs) const = 0;
  /// How likely each cluster is to have made each example, f64 (B, clusters); undefined for k-means, which has none.
  virtual Tensor probabilities(const Tensor& inputs) const = 0;
  /// What the loss is the mean of, added up: the squared distance from the cluster's centre, or −ln p of the example.
  virtual double loss_sum(const Tensor& inputs) const = 0;

  /// The probabilities where there are any, else the labels.
  Tensor forward(const Tensor& inputs, Context& context) const override;
  Loss loss(const Batch& batch, Context& context) const override;
};

/// Parameter "centers" (k, D).
class KMeansModel : public ClusteringModel {
 public:
  /// Centres of 0, until a solver or a file sets them.
  KMeansModel(int64_t clusters, int64_t columns);

  const Tensor& centers() const { return parameters_[0].tensor; }
  int64_t clusters() const override { return centers().size(0); }
  Tensor labels(const Tensor& inputs) const override;
  Tensor probabilities(const Tensor& inputs) const override;
  double loss_sum(const Tensor& inputs) const override;
};

/// Parameters "weights" (K), "means" (K, D) and "covariances" (K, D, D), or (K, D) if they are diagonal.
class MixtureModel : public ClusteringModel {
 public:
  /// The standard normal distribution, K times, until a solver or a file sets them.
  MixtureModel(int64_t components, int64_t columns, Covariance covariance);

  /// Shares the parameters.
  GaussianMixture mixture() const;
  int64_t clusters() const override { return parameters_[0].tensor.size(0); }
  Tensor labels(const Tensor& inputs) const override;
  Tensor probabilities(const Tensor& inputs) const override;
  double loss_sum(const Tensor& inputs) const override;

 private:
  Covariance covariance_;
};

/// How many clusters the weights of a checkpoint are for; 0 for those of a model of anything else.
int64_t clusters_of(const NamedTensors& weights);

/// The model of `[model]` for data of that shape, whose `outputs` are the clusters.
std::unique_ptr<ClusteringModel> make_clustering_model(const Config& config, const DataShape& shape);

}  // namespace gradus
