// What finds clusters in a run: gradus/classic's k-means and mixtures as solvers, and the number of clusters.
#pragma once

#include <memory>
#include <string>

#include "gradus/classic/choose_clusters.h"
#include "gradus/train/clustering_model.h"
#include "gradus/train/memory.h"
#include "gradus/train/solver.h"

namespace gradus {

/// The solver that `[solver]` asks for, of the training part of the data. A step is a round over it, or for
/// "mini_batch" as many batches as it has; its loss is that of the model before the step, which has its centres behind
/// it. Of several starts the best is found before the first step. With `model.from` the model is the start.
std::unique_ptr<Solver> make_clustering_solver(const Config& config, const ExperimentData& data, const Model& model);

/// Tries the numbers of clusters of `model.clusters` on the training part, by `model.choose_by`; of a single one there
/// is no table.
ClusterChoice choose_clusters(const Config& config, const ExperimentData& data);
/// What was tried, for people: "silhouette of 2 clusters 0.53, of 3 clusters 0.61: 3 are taken".
std::string to_text(const ClusterChoice& choice, const Config& config);

/// What a run of `data.shape.outputs` clusters needs, in a process that holds `program` bytes with its data.
MemoryPrediction clustering_memory(const Config& config, const ExperimentData& data, int64_t program);

}  // namespace gradus
