#include "gradus/train/checkpoint.h"

#include <algorithm>
#include <charconv>

#include "gradus/base/error.h"
#include "gradus/base/folders.h"
#include "gradus/train/manifest.h"
#include "gradus/train/run_files.h"

namespace gradus {
namespace fs = std::filesystem;
using namespace run_files;
namespace {

constexpr std::string_view kPrefix = "step-", kLeft = ".left";
constexpr int64_t kMostTextBytes = int64_t{1} << 28;

int64_t bytes_of(const NamedTensors& tensors) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += tensor.numel() * size_of(tensor.dtype());
  return bytes;
}

ManifestFile write_text(const fs::path& folder, std::string_view name, const std::string& text) {
  SummedFile file(folder, std::string(name));
  file.write(text.data(), text.size());
  return file.finish();
}

ManifestFile write_tensors(const fs::path& folder, const char* name, const NamedTensors& tensors,
                           const std::map<std::string, std::string>& metadata) {
  SummedFile file(folder, name);
  size_t part = 0;
  write_safetensors(
      [&](const void* data, size_t bytes) {
        file.write_part(part == 0 ? "" : tensors[part - 1].first, data, bytes);
        ++part;
      },
      (folder / name).string(), tensors, metadata);
  return file.finish();
}

void check_space(const fs::path& folder, int64_t needed) {
  const int64_t free = free_bytes(folder.parent_path());
  if (free >= needed) return;
  fail(folder.string(),
       "the checkpoint needs {:.1f} MB, and {:.1f} MB are free on its disk; the checkpoints before it are whole. Make "
       "room (checkpoint.keep = 0 keeps the fewest), then continue with --resume",
       static_cast<double>(needed) / 1e6, static_cast<double>(free) / 1e6);
}

// The damage of one file, with its path.
std::string damage_of(const ManifestFile& file, const fs::path& folder) {
  std::string damage;
  try {
    damage = file.damage(folder);
  } catch (const Error& error) {
    return error.what();
  }
  return damage.empty() ? "" : fmt::format("[{}] {}", (folder / file.name).string(), damage);
}

Manifest whole_manifest(const fs::path& folder) {
  Manifest manifest = Manifest::read(folder);
  for (const ManifestFile& file : manifest.files) {
    if (const std::string damage = file.damage(folder); !damage.empty())
      fail((folder / file.name).string(), "{}", damage);
  }
  for (const char* name : {kConfig, kModel, kOptimizer, kState}) {
    if (manifest.find(name) == nullptr) fail((folder / Manifest::kName).string(), "does not list {}", name);
  }
  return manifest;
}

// Only of the name that we would give it: not of "step-007".
std::optional<int64_t> step_in(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int64_t step = -1;
  const char* const end = name.data() + name.size();
  const auto [stop, problem] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (problem != std::errc() || stop != end || step < 0 || checkpoint_name(step) != name) return std::nullopt;
  return step;
}

}  // namespace

int64_t Checkpoint::tensor_bytes() const { return bytes_of(model) + bytes_of(average) + bytes_of(optimizer); }

namespace {

template <class Weights>
uint64_t hash_of(const Weights& weights) {
  Xxh3 hash;
  for (const auto& [name, tensor] : weights) {
    hash.add(name);
    hash.add(tensor.bytes(), static_cast<size_t>(tensor.numel() * size_of(tensor.dtype())));
  }
  return hash.value();
}

}  // namespace

uint64_t weights_hash(const NamedTensors& weights) { return hash_of(weights); }
uint64_t weights_hash(const Parameters& weights) { return hash_of(weights); }

void write_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  constexpr int64_t kRest = 1 << 20;  // headers, texts, and the file system's own
  const std::string encoder = encoder_json(checkpoint.encoder);
  check_space(folder, checkpoint.tensor_bytes() + static_cast<int64_t>(encoder.size()) + kRest);
  AtomicFolder atomic(folder);
  const fs::path& staging = atomic.staging();
  Manifest manifest{checkpoint.state.training.step, {}};
  manifest.files.push_back(write_text(staging, kConfig, checkpoint.config));
  if (!encoder.empty()) {
    manifest.files.push_back(write_text(staging, encoder_file(checkpoint.encoder), encoder));
  }
  manifest.files.push_back(write_tensors(staging, kModel, checkpoint.model, checkpoint.metadata));
  if (!checkpoint.average.empty()) {
    manifest.files.push_back(write_tensors(staging, kAverage, checkpoint.average, checkpoint.metadata));
  }
  manifest.files.push_back(write_tensors(staging, kOptimizer, checkpoint.optimizer, {}));
  manifest.files.push_back(write_text(staging, kState, checkpoint.state.to_json()));
  atomic.write(Manifest::kName, manifest.to_text());
  atomic.commit();
}

Checkpoint read_checkpoint(const fs::path& folder) {
  const Manifest manifest = whole_manifest(folder);
  const fs::path state = folder / kState;
  Checkpoint checkpoint;
  checkpoint.state = StateFile::parse(read_file(state, kMostTextBytes), state.string());
  checkpoint.config = read_file(folder / kConfig, kMostTextBytes);
  for (const std::string_view name : kEncoderFiles) {
    if (manifest.find(name) == nullptr) continue;
    const fs::path path = folder / name;
    checkpoint.encoder = encoder_from_json(name, read_file(path, kMostTextBytes), path.string());
  }
  Safetensors model = read_safetensors(folder / kModel);
  checkpoint.model = std::move(model.tensors);
  checkpoint.metadata = std::move(model.metadata);
  if (manifest.find(kAverage) != nullptr) checkpoint.average = read_safetensors(folder / kAverage).tensors;
  checkpoint.optimizer = read_safetensors(folder / kOptimizer).tensors;
  if (checkpoint.state.training.step != manifest.step) {
    fail(state.string(), "is of step {}; the manifest beside it of step {}", checkpoint.state.training.step,
         manifest.step);
  }
  if (xxh3(checkpoint.config) != checkpoint.state.facts.config_hash) {
    fail((folder / kConfig).string(), "is not the configuration that state.json was written with");
  }
  return checkpoint;
}

std::vector<std::string> checkpoint_damage(const fs::path& folder) {
  std::vector<std::string> damage;
  try {
    for (const ManifestFile& file : Manifest::read(folder).files) {
      if (std::string text = damage_of(file, folder); !text.empty()) damage.push_back(std::move(text));
    }
    if (damage.empty()) (void)read_checkpoint(folder);
  } catch (const Error& error) {
    damage.emplace_back(error.what());
  }
  return damage;
}

std::string usable_weights(const fs::path& checkpoint) {
  std::error_code error;
  return fs::exists(checkpoint / kAverage, error) ? kAverage : kModel;
}

fs::path checkpoints_of(const fs::path& run) { return run / kCheckpoints; }

std::string checkpoint_name(int64_t step) { return fmt::format("{}{}", kPrefix, step); }

std::vector<FoundCheckpoint> list_checkpoints(const fs::path& run) {
  std::vector<FoundCheckpoint> found;
  for (const fs::path& path : list_folder(checkpoints_of(run))) {
    std::error_code error;
    const std::optional<int64_t> step = step_in(path.filename().string());
    if (step && fs::is_directory(path, error)) found.push_back({*step, path});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return found;
}

fs::path name_to_set_aside(const fs::path& checkpoint) {
  const std::string first = checkpoint.string() + std::string(kLeft);
  fs::path name = first;
  for (int n = 2; fs::exists(fs::symlink_status(name)); ++n) name = fmt::format("{}-{}", first, n);
  return name;
}

std::vector<fs::path> list_set_aside(const fs::path& run) {
  std::vector<fs::path> found;
  for (const fs::path& path : list_folder(checkpoints_of(run))) {
    const std::string name = path.filename().string();
    const size_t mark = name.find(kLeft);
    if (mark != std::string::npos && step_in(name.substr(0, mark))) found.push_back(path);
  }
  return found;
}

}  // namespace gradus
