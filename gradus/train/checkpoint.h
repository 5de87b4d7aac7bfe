// A checkpoint: a folder from which a run goes on, or a model is used.
//
//     config.toml            the resolved configuration
//     tokenizer.json         for text; columns.json for a table, audio.json for sounds
//     model.safetensors      the weights
//     average.safetensors    the weights to use, where the optimizer averages them (optimizer.ema, asgd, schedule_free)
//     optimizer.safetensors  the optimizer's state
//     state.json             where the run was (state_file.h)
//     manifest.json          every file and tensor with its sum, written last
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "gradus/autograd/parameter.h"
#include "gradus/data/encoder.h"
#include "gradus/tensor/safetensors.h"
#include "gradus/train/state_file.h"

namespace gradus {

/// All that a checkpoint holds.
struct Checkpoint {
  StateFile state;
  std::string config;   ///< TOML.
  DataEncoder encoder;  ///< Of the data: a file of its own, if there is one.
  NamedTensors model;
  std::map<std::string, std::string> metadata;  ///< Of model.safetensors and average.safetensors.
  NamedTensors average;                         ///< Empty if the optimizer makes none.
  NamedTensors optimizer;

  /// Of its tensors: what a snapshot takes in memory, and nearly all of what the folder takes on disk.
  int64_t tensor_bytes() const;
};

/// A sum over the names and the bits of a model's weights.
uint64_t weights_hash(const NamedTensors& weights);
uint64_t weights_hash(const Parameters& weights);

/// Writes the folder whole or not at all. `folder` must not exist. The space that it needs is asked for first.
void write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

/// Reads a checkpoint after checking every sum. The first damage is an error that names the file and, in a file of
/// tensors, the tensor and its bytes.
Checkpoint read_checkpoint(const std::filesystem::path& folder);

/// What is wrong with a checkpoint's files, one line each; empty if every byte is as it was written. Files that the
/// manifest does not name are no part of it.
std::vector<std::string> checkpoint_damage(const std::filesystem::path& folder);

/// The name of the file with the weights to use: the average's, if there is one, else the model's.
std::string usable_weights(const std::filesystem::path& checkpoint);

/// Where the checkpoints of a run lie, and their names.
std::filesystem::path checkpoints_of(const std::filesystem::path& run);
std::string checkpoint_name(int64_t step);

struct FoundCheckpoint {
  int64_t step = 0;
  std::filesystem::path folder;
};

/// The checkpoints of a run by their steps, ascending; whole or not. None if the run has no such folder; one that
/// cannot be read is an error.
std::vector<FoundCheckpoint> list_checkpoints(const std::filesystem::path& run);

/// The name for a checkpoint of a future that is left: "step-N.left", or "step-N.left-2" and so on if that is taken.
std::filesystem::path name_to_set_aside(const std::filesystem::path& checkpoint);

/// The checkpoints of a run that were set aside.
std::vector<std::filesystem::path> list_set_aside(const std::filesystem::path& run);

}  // namespace gradus
