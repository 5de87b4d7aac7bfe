// A trained model, back from its folder.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gradus/data/encoder.h"
#include "gradus/nn/models/gpt.h"
#include "gradus/nn/models/model.h"
#include "gradus/train/config.h"
#include "gradus/train/experiment.h"
#include "gradus/train/state_file.h"

namespace gradus {

/// The weights that the run's model.safetensors is: of the last checkpoint, or what train.restore_best made of it; or
/// those of the checkpoint with the lowest validation loss.
enum class Weights : uint8_t { kLast, kBest };

/// A trained model, ready for use. Calls from several threads at once are safe.
class TrainedRun {
 public:
  /// Predictions for inputs f32 (B, features), or logits for token ids i64 (B, T).
  Tensor predict(const Tensor& inputs) const;
  /// Continues a text. Only for text models; characters that the model never saw are an error. `on_text` gets each
  /// piece as it is made; returning false ends early. Returns the continuation, without the prompt.
  std::string generate(std::string_view prompt, const GenerateOptions& options,
                       const std::function<bool(const std::string&)>& on_text = {}) const;

  const Config& config() const { return config_; }
  const DataEncoder& encoder() const { return encoder_; }
  /// What the model was made for.
  const DataShape& shape() const { return shape_; }
  const Model& model() const { return *model_; }
  /// What the checkpoint of the weights says of the run, or the newest where they lie by themselves; nothing if the run
  /// has none. Read when it is asked for.
  std::optional<RunFacts> facts() const;

 private:
  friend TrainedRun load(const std::filesystem::path& folder, Weights weights);
  explicit TrainedRun(Config config) : config_(std::move(config)) {}

  Config config_;
  std::unique_ptr<Model> model_;
  DataEncoder encoder_;
  DataShape shape_;
  std::filesystem::path state_;  // the file of the facts
};

/// Loads a run's model from its folder, also while the run trains, or a checkpoint's from that. What a checkpoint has
/// is checked against its sums. Errors name the file and what is missing or wrong.
TrainedRun load(const std::filesystem::path& folder, Weights weights = Weights::kLast);

}  // namespace gradus
