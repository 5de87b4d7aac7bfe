// A configuration brought to life: data, model, optimizer, schedule and trainer, and all of it into a checkpoint and
// back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gradus/train/checkpoint.h"
#include "gradus/train/experiment.h"
#include "gradus/train/memory.h"
#include "gradus/train/solver.h"
#include "gradus/train/trained_run.h"

namespace gradus {

struct SessionOptions {
  /// Of a run that goes on: its vocabulary or columns, whatever the data's own would be.
  DataEncoder encoder = {};
  int64_t clusters = 0;   ///< Of a run that goes on, if its model makes clusters: how many.
  int64_t last_step = 0;  ///< Trains no further than this number of updates; 0 for the configuration's own limits.
  bool resumes = false;   ///< The weights come from a checkpoint: `model.from` is not read.
  /// Only says what memory it would need, and may need more than there is; its weights are not made, nor to be used.
  bool plan_only = false;
  RowCaches row_caches = RowCaches::kKept;
};

class Session {
 public:
  /// Builds everything. Errors in the configuration or the data, and a model that memory is too small for, are thrown
  /// before anything is written anywhere, and before that memory is taken.
  explicit Session(Config config, const SessionOptions& options = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Config& config() const { return config_; }
  const ExperimentData& data() const { return data_; }
  const Model& model() const { return *model_; }
  Optimizer& optimizer() { return *optimizer_; }
  Trainer& trainer() { return *trainer_; }
  const Trainer& trainer() const { return *trainer_; }
  const Schedule& schedule() const { return schedule_; }

  /// All that a checkpoint holds, as it is now; copies.
  Checkpoint snapshot() const;
  /// Puts back the weights and the optimizer's state, and gives the trainer its place.
  void restore(const Checkpoint& checkpoint, std::string_view source);
  /// The same for `Trainer::set_recovery`: leaves out the batch of `anomaly`.
  void rewind(const Checkpoint& checkpoint, std::string_view source, const Anomaly& anomaly);
  /// Puts other weights in the place of the model's, at the end of a run; training does not go on from them.
  void use_weights(const NamedTensors& weights, std::string_view source);
  /// How the number of clusters was chosen, if there was a choice; else "".
  const std::string& choice() const { return choice_; }
  /// What training will need.
  const MemoryPrediction& memory() const { return memory_; }
  /// A sum over the names and the bits of all weights.
  uint64_t weights_hash() const;
  /// What a checkpoint made now would say of the run.
  RunFacts facts() const;

 private:
  void clear();
  void set_clusters(const SessionOptions& options, const TrainedRun* source);
  void build(const SessionOptions& options);
  void plan_memory(const SessionOptions& options);
  MemoryUse streamed_use() const;
  void restore_tensors(const Checkpoint& checkpoint, std::string_view source);

  Config config_;
  ExperimentData data_;
  std::string choice_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<Solver> solver_;  // null unless solver.name asks for one
  MemoryPrediction memory_;
};

}  // namespace gradus
