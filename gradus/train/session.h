// A configuration brought to life: data, model, optimizer, schedule and trainer, and all of it into a checkpoint and
// back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gradus/train/checkpoint.h"
#include "gradus/train/experiment.h"

namespace gradus {

struct SessionOptions {
  /// Of a run that goes on: its vocabulary, whatever the text's own would be.
  std::optional<CharacterTokenizer> tokenizer = std::nullopt;
  int64_t last_step = 0;  ///< Trains no further than this number of updates; 0 for the configuration's own limits.
  bool resumes = false;   ///< The weights come from a checkpoint: `model.from` is not read.
};

class Session {
 public:
  /// Builds everything. Errors in the configuration or the data are thrown before anything is written anywhere.
  explicit Session(Config config, const SessionOptions& options = {});

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
  /// Bytes of weights and of the optimizer's state as they will be: what one snapshot takes.
  int64_t snapshot_bytes() const;
  /// A sum over the names and the bits of all weights.
  uint64_t weights_hash() const;

 private:
  void restore_tensors(const Checkpoint& checkpoint, std::string_view source);
  RunFacts facts() const;

  Config config_;
  ExperimentData data_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  std::unique_ptr<Trainer> trainer_;
  std::string tokenizer_json_;
};

}  // namespace gradus
