#include "gradus/train/trained_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/folders.h"
#include "gradus/base/utf8.h"
#include "gradus/nn/models/gpt.h"
#include "gradus/tensor/safetensors.h"
#include "gradus/train/checkpoint.h"
#include "gradus/train/experiment.h"
#include "gradus/train/manifest.h"
#include "gradus/train/run_files.h"

namespace gradus {
namespace fs = std::filesystem;
using namespace run_files;
namespace {

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

// Where a model's configuration and vocabulary lie: with the weights, in their checkpoint, after its sums were checked;
// in the run's folder for weights that lie there by themselves.
fs::path checked_source(const fs::path& folder, const fs::path& weights) {
  const fs::path real = fs::canonical(weights), checkpoint = real.parent_path();
  if (!fs::exists(checkpoint / Manifest::kName)) return folder;
  const Manifest manifest = Manifest::read(checkpoint);
  for (const ManifestFile& file : manifest.files) {
    if (file.name == kOptimizer || file.name == kState) continue;  // not used here
    const std::string damage = file.damage(checkpoint);
    if (damage.empty()) continue;
    fail((checkpoint / file.name).string(), "{}; `gradus verify` says which checkpoints are whole", damage);
  }
  return checkpoint;
}

// The file may be missing.
fs::path state_beside(const fs::path& source, const fs::path& run) {
  if (source != run) return source / kState;
  const std::vector<FoundCheckpoint> found = list_checkpoints(run);
  return (found.empty() ? run : found.back().folder) / kState;
}

// Data that is made up has none.
DataEncoder read_encoder(const fs::path& folder, const Config& config) {
  if (!config.has("data.path")) return {};
  const std::string& kind = config.text("data.kind");
  const std::string_view name = kind == "text"     ? kTokenizer
                                : kind == "images" ? kImages
                                : kind == "audio"  ? kAudio
                                                   : kColumns;
  const fs::path path = folder / name;
  return encoder_from_json(name, read_file(path, 1 << 28), path.string());
}

// The model has as many inputs and outputs as the encoder gives.
void check_encoder(const TrainedRun& run, const fs::path& folder) {
  const DataShape& shape = run.shape();
  if (const auto* tokenizer = std::get_if<TextTokenizer>(&run.encoder())) {
    if (tokenizer->vocabulary_size() == shape.vocabulary) return;
    fail((folder / kTokenizer).string(), "{} tokens; the model has {}", tokenizer->vocabulary_size(), shape.vocabulary);
  }
  if (const TableEncoder* table = target_encoder(run.encoder())) {
    const std::string file = (folder / encoder_file(run.encoder())).string();
    const auto features = table->width();
    if (features != shape.inputs) {
      fail(file, "{} inputs; the model has {}", features, shape.inputs);
    }
    if (table->has_target() || !learns_target(run.config())) return;
    fail(file, "there is no target; the model was made to learn one");
  }
}

// Of a folder that is no run itself: the runs in it, as --seeds and sweeps make them.
std::vector<std::string> runs_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::path& path : list_folder(folder)) {
    if (fs::exists(path / kModel, error)) names.push_back(path.filename().string());
  }
  return names;
}

[[noreturn]] void fail_no_model(const fs::path& folder, const fs::path& path) {
  constexpr size_t kMostShown = 8;
  std::vector<std::string> runs = runs_in(folder);
  if (runs.empty())
    fail_usage(path.string(), "does not exist; the run has no checkpoint yet, or this is not a run's folder");
  const bool is_cut = runs.size() > kMostShown;
  runs.resize(std::min(runs.size(), kMostShown));
  fail_usage(folder.string(), "is a folder of runs; name one of them: {}{}", fmt::join(runs, ", "),
             is_cut ? ", …" : "");
}

}  // namespace

TrainedRun load(const fs::path& folder, Weights weights) {
  const fs::path path = folder / (weights == Weights::kLast ? kModel : kBest);
  std::error_code error;
  if (!fs::is_directory(folder, error))
    fail_usage(folder.string(), "is not a folder; expected the --out of a training run");
  if (!fs::exists(path, error)) fail_no_model(folder, path);
  const fs::path source = checked_source(folder, path);
  TrainedRun run(Config::load((source / kConfig).string()));
  const Safetensors file = read_safetensors(path);
  run.encoder_ = read_encoder(source, run.config_);
  DataShape shape{.inputs = metadata_number(file, path, "gradus.inputs"),
                  .outputs = metadata_number(file, path, "gradus.outputs"),
                  .vocabulary = metadata_number(file, path, "gradus.vocabulary")};
  if (const auto* table = std::get_if<TableEncoder>(&run.encoder_)) shape.embedded = table->embedded_inputs();
  shape.example = example_shape(run.encoder_);
  run.shape_ = shape;
  run.state_ = state_beside(source, folder);
  check_encoder(run, source);
  run.model_ = make_model(run.config_, shape);
  load_parameters(run.model_->state(), file.tensors, path.string());
  return run;
}

std::optional<RunFacts> TrainedRun::facts() const {
  std::error_code error;
  if (!fs::exists(state_, error)) return std::nullopt;
  return StateFile::parse(read_file(state_), state_.string()).facts;
}

Tensor TrainedRun::predict(const Tensor& inputs) const {
  const NoGrad no_grad;
  Context context;
  return model_->forward(inputs, context);
}

std::string TrainedRun::generate(std::string_view prompt, const GenerateOptions& options,
                                 const std::function<bool(const std::string&)>& on_text) const {
  const auto* gpt = dynamic_cast<const Gpt*>(model_.get());
  const auto* tokenizer = std::get_if<TextTokenizer>(&encoder_);
  if (gpt == nullptr || tokenizer == nullptr) {
    fail_usage("generate", "the run's model is \"{}\"; only a text model can generate", config_.text("model.kind"));
  }
  // Tokens need not be whole characters: what is begun waits for its end.
  Utf8Stream characters;
  const auto on_token = [&](int32_t id) {
    if (!on_text) return true;
    const std::string text = characters.add(tokenizer->piece(id, /*is_first=*/false));
    return text.empty() || on_text(text);
  };
  const std::vector<int32_t> ids = gradus::generate(*gpt, tokenizer->encode(prompt), options, on_token);
  if (on_text) {
    if (const std::string rest = characters.rest(); !rest.empty()) on_text(rest);
  }
  std::string all;
  for (const int32_t id : ids) all += tokenizer->piece(id, /*is_first=*/false);
  return all;
}

}  // namespace gradus
