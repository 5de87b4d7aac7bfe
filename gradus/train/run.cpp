#include "gradus/train/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/safetensors.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kConfig = "config.toml";
constexpr const char* kTokenizer = "tokenizer.json";
constexpr const char* kLog = "log.jsonl";
constexpr const char* kBest = "best.safetensors";
constexpr const char* kModel = "model.safetensors";
constexpr const char* kSummary = "summary.json";

fs::path opened_folder(const fs::path& folder, bool overwrite) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    fail_usage(folder.string(), "is a file; a run needs a folder: choose another --out");
  }
  if (fs::is_directory(folder, error) && !fs::is_empty(folder, error)) {
    if (!overwrite) {
      fail_usage(folder.string(),
                 "exists and is not empty; choose another --out, or give --overwrite to replace the run");
    }
    const bool is_run = fs::exists(folder / kLog, error);
    for (const char* name : {kSummary, kModel, kBest, kTokenizer, kConfig, kLog}) {
      if (!is_run && fs::exists(folder / name, error)) {
        fail_usage(folder.string(),
                   "has a {} but no {}, so it is not a run; --overwrite would remove a file that gradus may not have "
                   "written: move it, or choose another --out",
                   name, kLog);
      }
      fs::remove(folder / name, error);
    }
  }
  fs::create_directories(folder, error);
  if (error) fail(folder.string(), "the folder cannot be made: {}", error.message());
  return folder;
}

// JSON has no NaN or infinity.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// A size in the metadata; none can be above the number of weights, so that it asks for no absurd memory.
int64_t metadata_number(const Safetensors& file, const fs::path& path, const std::string& key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) {
    fail(path.string(), "the metadata has no \"{}\"; expected a file that gradus wrote", key);
  }
  int64_t weights = 0;
  for (const auto& [name, tensor] : file.tensors) weights += tensor.numel();
  const std::string& text = found->second;
  int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > weights) {
    fail(path.string(), "metadata \"{}\" is \"{}\"; expected a whole number from 0 to {}, the number of weights", key,
         text, weights);
  }
  return number;
}

}  // namespace

int64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

Run::Run(Config config, const fs::path& folder, bool overwrite) : config_(std::move(config)) {
  set_threads(static_cast<int>(config_.integer("train.threads")));
  data_ = make_data(config_);
  model_ = make_model(config_, data_.shape);
  optimizer_ = make_optimizer(config_, model_->parameters());
  const TrainerOptions options = trainer_options(config_);
  const Schedule schedule = make_schedule(config_, planned_steps(options, *data_.training));
  trainer_ = std::make_unique<Trainer>(options, model_->parameters(), loss_of(*model_), *data_.training, *optimizer_,
                                       schedule);
  if (data_.validation) trainer_->set_validation(*data_.validation);
  trainer_->set_callback([this](const StepRecord& record) { on_step(record); });
  folder_ = opened_folder(folder, overwrite);
  write_file(folder_ / kConfig, config_.to_toml());
  if (data_.tokenizer) data_.tokenizer->save(folder_ / kTokenizer);
  log_ = std::make_unique<LineLog>(folder_ / kLog);
}

Run::~Run() = default;

void Run::on_step(const StepRecord& record) {
  examples_since_log_ += record.examples;
  weight_since_log_ += record.weight;
  if (record.best) save_model(kBest);
  if (record.logged) log(record);
  if (on_step_) on_step_(record);
}

void Run::log(const StepRecord& record) {
  const double seconds = std::max(record.elapsed_s - last_log_s_, 1e-9);
  const bool text = data_.shape.vocabulary > 0;
  const Progress progress{record, static_cast<double>(examples_since_log_) / seconds,
                          text ? weight_since_log_ / seconds : 0.0};
  Json row;
  row["step"] = record.step;
  row["epoch"] = record.epoch;
  row["loss"] = number(record.loss);
  row["learning_rate"] = record.learning_rate;
  row["grad_norm"] = number(record.gradient_norm);
  if (config_.real("regularization.l1") > 0 || config_.real("regularization.l2") > 0) {
    row["penalty"] = number(record.penalty);
  }
  row["examples_per_s"] = progress.examples_per_s;
  if (text) row["tokens_per_s"] = progress.tokens_per_s;
  row["elapsed_s"] = record.elapsed_s;
  if (record.validation_loss) {
    row["val_loss"] = number(*record.validation_loss);
    metrics_["val_loss"] = *record.validation_loss;
    if (text) {
      metrics_["val_perplexity"] = std::exp(*record.validation_loss);
      row["val_perplexity"] = number(metrics_["val_perplexity"]);
    }
  }
  log_->append(row.dump());
  examples_since_log_ = 0;
  weight_since_log_ = 0.0;
  last_log_s_ = record.elapsed_s;
  if (on_logged_) on_logged_(progress);
}

void Run::save_model(const char* file) const {
  NamedTensors tensors;
  for (const Parameter& parameter : model_->parameters()) tensors.emplace_back(parameter.name, parameter.tensor);
  write_safetensors(folder_ / file, tensors,
                    {{"format", "pt"},
                     {"gradus.inputs", std::to_string(data_.shape.inputs)},
                     {"gradus.outputs", std::to_string(data_.shape.outputs)},
                     {"gradus.vocabulary", std::to_string(data_.shape.vocabulary)}});
}

void Run::write_summary(const TrainingSummary& summary) const {
  Json json;
  json["steps"] = summary.steps;
  json["stop_reason"] = name_of(summary.stop_reason);
  json["final_loss"] = number(summary.final_loss);
  json["best_val_loss"] = summary.best_validation_loss ? number(*summary.best_validation_loss) : Json(nullptr);
  json["parameters"] = count_elements(model_->parameters());
  json["elapsed_s"] = summary.elapsed_s;
  json["peak_rss_bytes"] = peak_rss_bytes();
  json["metrics"] = Json::object();
  for (const auto& [name, value] : metrics_) json["metrics"][name] = number(value);
  write_file(folder_ / kSummary, json.dump(2) + "\n");
}

TrainingSummary Run::train() {
  const TrainingSummary summary = trainer_->run();
  save_model(kModel);
  if (!summary.best_validation_loss) save_model(kBest);
  write_summary(summary);
  return summary;
}

TrainedRun load(const fs::path& folder, Weights weights) {
  const fs::path path = folder / (weights == Weights::kLast ? kModel : kBest);
  std::error_code error;
  if (!fs::is_directory(folder, error)) fail(folder.string(), "is not a folder; expected the --out of a training run");
  if (!fs::exists(path, error))
    fail(path.string(), "does not exist; the run has not ended, or this is not a run's folder");
  TrainedRun run(Config::load((folder / kConfig).string()));
  const Safetensors file = read_safetensors(path);
  const DataShape shape{.inputs = metadata_number(file, path, "gradus.inputs"),
                        .outputs = metadata_number(file, path, "gradus.outputs"),
                        .vocabulary = metadata_number(file, path, "gradus.vocabulary")};
  run.model_ = make_model(run.config_, shape);
  load_parameters(run.model_->parameters(), file.tensors, path.string());
  if (run.config_.text("data.kind") == "text") {
    run.tokenizer_ = CharacterTokenizer::load(folder / kTokenizer);
    if (run.tokenizer_->vocabulary_size() != shape.vocabulary) {
      fail((folder / kTokenizer).string(), "{} tokens; the model has {}", run.tokenizer_->vocabulary_size(),
           shape.vocabulary);
    }
  }
  return run;
}

Tensor TrainedRun::predict(const Tensor& inputs) const {
  const NoGrad no_grad;
  Context context;
  return model_->forward(inputs, context);
}

std::string TrainedRun::generate(std::string_view prompt, const GenerateOptions& options,
                                 const std::function<bool(const std::string&)>& on_text) const {
  const auto* gpt = dynamic_cast<const Gpt*>(model_.get());
  if (gpt == nullptr || !tokenizer_) {
    fail_usage("generate", "the run's model is \"{}\"; only a text model can generate", config_.text("model.kind"));
  }
  const auto on_token = [&](int32_t id) { return !on_text || on_text(tokenizer_->token(id)); };
  return tokenizer_->decode(gradus::generate(*gpt, tokenizer_->encode(prompt), options, on_token));
}

}  // namespace gradus
