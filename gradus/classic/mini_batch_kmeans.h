// k-means by single steps on a few rows, for data of which one pass is much.
#pragma once

#include "gradus/classic/kmeans.h"

namespace gradus {

struct MiniBatchKMeansOptions {
  int64_t clusters = 8;  ///< k, from 1 to the number of rows.
  KMeansStart start = KMeansStart::kPlusPlus;
  Tensor centers = {};     ///< For `kGiven`: (clusters, D), f32 or f64.
  int64_t trials = 0;      ///< As in `KMeansOptions`.
  int64_t start_rows = 0;  ///< How many rows, drawn at random, a start is chosen from; 0 takes 3 · batch_size, or 3 · k
                           ///< if that is more, as scikit-learn does.
  int64_t batch_size = 1024;     ///< Rows a step, drawn with replacement.
  double reassign_below = 0.01;  ///< Every 10·k rows, and while there are centres without rows: those that have had
                                 ///< fewer rows than this part of what the largest has had are replaced by rows of the
                                 ///< batch, at most half of it, as in scikit-learn. 0 is Sculley's algorithm.
  double tolerance = 0.0;        ///< As in `KMeansOptions`, of one step; 0 turns it off.
  int64_t patience = 10;  ///< Steps without a new least value of the batches' moving average of the inertia (over
                          ///< about an epoch), after which it has converged; 0 turns it off.
  int64_t max_steps = 0;  ///< For `fit_mini_batch_kmeans`; 0 takes 100 epochs.
  uint64_t seed = 0;
};

struct MiniBatchStep {
  int64_t step = 0;      ///< From 1.
  double inertia = 0.0;  ///< The mean of ‖x − its centre‖² of the batch, by the centres before the step.
  bool converged = false;
};

/// Each centre is the mean of all rows that batches have ever given to it. Source: Sculley, "Web-scale k-means
/// clustering", WWW 2010.
class MiniBatchKMeans {
 public:
  /// Keeps `x`, f32 (N, D), and chooses the start; errors are those of `KMeans`.
  MiniBatchKMeans(const Tensor& x, const MiniBatchKMeansOptions& options);

  /// A step on a batch that is drawn; which one is a function of the seed and the number of the step.
  MiniBatchStep step();
  /// A step on these rows (B, D) f32, such as new data.
  MiniBatchStep step_on(const Tensor& rows);
  /// Centres, and labels and inertia of all rows by them; `rounds` counts steps.
  KMeansResult result() const;
  /// As they are now, (k, D) f64.
  const Tensor& centers() const { return centers_; }

  /// What later steps depend on: "centers" (k, D) f64, "counts" (k) f64, the rows that each has had, and "progress" (5)
  /// f64: steps, rows since the last replacement, the average, its least value and the steps since that.
  NamedTensors state() const;
  /// Goes on from there; an error if names, shapes or dtypes are others.
  void restore(const NamedTensors& state);

 private:
  void replace_rare(const Tensor& rows);
  bool has_converged(double inertia, int64_t rows, double shift);

  Tensor x_, centers_, counts_, progress_;
  MiniBatchKMeansOptions options_;
  double tolerance_ = 0.0;  // of Σ ‖shift‖²
};

/// Steps until one has converged or `max_steps` are done.
KMeansResult fit_mini_batch_kmeans(const Tensor& x, const MiniBatchKMeansOptions& options);

}  // namespace gradus
