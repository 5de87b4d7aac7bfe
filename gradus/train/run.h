// A run: training by a configuration into a folder, and loading what came out.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "gradus/base/files.h"
#include "gradus/nn/models/gpt.h"
#include "gradus/train/experiment.h"

namespace gradus {

/// A training run with its folder:
///
///     config.toml         the resolved configuration
///     tokenizer.json      for text
///     log.jsonl           an object a logged step
///     best.safetensors    the weights with the lowest validation loss; without validation, the last
///     model.safetensors   the last weights
///     summary.json        how it ended
class Run {
 public:
  /// Builds everything and opens the folder. A folder that exists and is not empty is a usage error unless `overwrite`, which
  /// removes the files listed above and leaves others alone. Sets the number of threads as `train.threads` says.
  Run(Config config, const std::filesystem::path& folder, bool overwrite);
  ~Run();

  Trainer& trainer() { return *trainer_; }
  const Config& config() const { return config_; }
  const ExperimentData& data() const { return data_; }
  const Model& model() const { return *model_; }

  /// Called after every step that is logged, once its row is written.
  struct Progress {
    const StepRecord& record;
    double examples_per_s;
    double tokens_per_s;  ///< 0 unless text.
  };
  void set_on_logged(std::function<void(const Progress&)> on_logged) { on_logged_ = std::move(on_logged); }
  /// Called after every step.
  void set_on_step(std::function<void(const StepRecord&)> on_step) { on_step_ = std::move(on_step); }

  /// Trains to the end and writes the model and the summary, also when interrupted.
  TrainingSummary train();

 private:
  void on_step(const StepRecord& record);
  void log(const StepRecord& record);
  void save_model(const char* file) const;
  void write_summary(const TrainingSummary& summary) const;

  Config config_;
  std::filesystem::path folder_;
  ExperimentData data_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<LineLog> log_;
  std::function<void(const Progress&)> on_logged_;
  std::function<void(const StepRecord&)> on_step_;
  int64_t examples_since_log_ = 0;
  double weight_since_log_ = 0.0, last_log_s_ = 0.0;
  std::map<std::string, double> metrics_;
};

/// The most memory that this process has held so far, in bytes.
int64_t peak_rss_bytes();

enum class Weights : uint8_t { kLast, kBest };

/// A trained model, ready for use. Calls from several threads at once are safe.
class TrainedRun {
 public:
  /// Predictions for inputs f32 (B, features), or logits for token ids i64 (B, T).
  Tensor predict(const Tensor& inputs) const;
  /// Continues a text. Only for text models; characters that the model never saw are an error. `on_text` gets each piece as
  /// it is made; returning false ends early. Returns the continuation, without the prompt.
  std::string generate(std::string_view prompt, const GenerateOptions& options,
                       const std::function<bool(const std::string&)>& on_text = {}) const;

  const Config& config() const { return config_; }
  const Model& model() const { return *model_; }

 private:
  friend TrainedRun load(const std::filesystem::path& folder, Weights weights);
  explicit TrainedRun(Config config) : config_(std::move(config)) {}

  Config config_;
  std::unique_ptr<Model> model_;
  std::optional<CharacterTokenizer> tokenizer_;
};

/// Loads a run's model from its folder. Errors name the file and what is missing or wrong.
TrainedRun load(const std::filesystem::path& folder, Weights weights = Weights::kLast);

}  // namespace gradus
