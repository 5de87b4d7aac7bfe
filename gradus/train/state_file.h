// state.json of a checkpoint: where the run was, and what it was a run of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gradus/train/training_state.h"

namespace gradus {

/// What has to be the same for a run to go on as if it had never stopped, and what a person wants to know.
struct RunFacts {
  uint64_t config_hash = 0;  ///< XXH3 of the resolved configuration.
  uint64_t data_hash = 0;    ///< XXH3 of the data as the model sees it.
  uint64_t seed = 0;         ///< Of all random numbers.
  std::string sampling;      ///< "shuffle", "replacement" or "in_order".
  int64_t examples = 0;      ///< In the training data.
  int64_t batch_size = 0;
  std::string schedule;                      ///< Its name.
  std::optional<double> next_learning_rate;  ///< Of step `TrainingState::step`; nothing at the end of the run.
  int64_t optimizer_steps = 0;
  std::string version;         ///< Of gradus.
  std::string isa;             ///< "avx2", …: another one rounds differently.
  std::string matmul_library;  ///< "oneDNN 2.6.3"; with what multiplies bf16 numbers, if the run does.

  /// The two that decide how sums are rounded: "avx512 with oneDNN 2.6.3".
  std::string arithmetic() const { return isa + " with " + matmul_library; }
};

struct StateFile {
  TrainingState training;
  RunFacts facts;

  std::string to_json() const;
  /// Every field is checked; messages call the text `file`.
  static StateFile parse(std::string_view json, const std::string& file);
};

}  // namespace gradus
