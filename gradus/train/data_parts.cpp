#include "gradus/train/data_parts.h"

#include <filesystem>
#include <numeric>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"

namespace gradus::internal {
namespace fs = std::filesystem;

uint64_t seed_of(const Config& config) { return static_cast<uint64_t>(config.integer("train.seed")); }

// What is there twice would be trained on twice, or be on both sides of what is held out.
void check_apart(const std::vector<std::string>& files, std::string_view key, const std::vector<std::string>& others,
                 std::string_view other_key) {
  std::error_code error;
  for (const std::string& file : files) {
    for (const std::string& other : others) {
      if (&file != &other && fs::equivalent(file, other, error)) {
        fail_usage(file, "is named twice, by {} and by {}; leave it out of one of them", key, other_key);
      }
    }
  }
}

int64_t held_out(const Config& config, int64_t size) {
  if (!config.has("data.validation_fraction")) return 0;  // there are files for it
  return rows_to_hold(size, config.real("data.validation_fraction"));
}

void check_held_out(const Config& config, int64_t held, int64_t size, const char* unit) {
  const int64_t every = config.integer("validation.every");
  if (every == 0 || held > 0 || config.has("data.validation_path")) return;
  if (size == 1) {
    fail_usage(config.where("validation.every"),
               "the data is one {}, which cannot be split, but validation.every = {} needs some held out; give more "
               "data, or set validation.every = 0",
               std::string_view(unit).substr(0, std::string_view(unit).size() - 1), every);
  }
  const bool fraction_is_set = config.is_set("data.validation_fraction");
  fail_usage(config.where(fraction_is_set ? "data.validation_fraction" : "validation.every"),
             "data.validation_fraction = {} of {} {} holds out none, but validation.every = {} needs some; raise "
             "data.validation_fraction above 1/{}, or set validation.every = 0",
             config.real("data.validation_fraction"), size, unit, every, size);
}

int64_t trained_on(const Config& config, int64_t available, const char* unit) {
  if (!config.has("data.training_size")) return available;
  const int64_t size = config.integer("data.training_size");
  if (size <= available) return size;
  fail_usage(config.where("data.training_size"),
             "data.training_size = {}, but the training part has {} {}; lower it, or give more data", size, available,
             unit);
}

Split random_split(const Config& config, int64_t size) {
  const int64_t held = held_out(config, size);
  check_held_out(config, held, size, "examples");
  const int64_t trained = trained_on(config, size - held, "examples");
  Split split = split_at_random(size, held, seed_of(config));
  split.training = draw_rows(split.training, trained, seed_of(config));
  return split;
}

std::vector<int64_t> all_rows(int64_t count) {
  std::vector<int64_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::unique_ptr<TensorDataset> part_of(const TensorDataset& all, const std::vector<int64_t>& ids) {
  if (ids.empty()) return nullptr;
  Batch batch = all.batch(ids);
  return std::make_unique<TensorDataset>(dataset_of(batch.inputs, batch.targets, batch.weights));
}

TensorDataset dataset_of(Tensor inputs, Tensor targets, Tensor weights) {
  if (!targets.defined()) return TensorDataset(std::move(inputs));
  return TensorDataset(std::move(inputs), std::move(targets), std::move(weights));
}

uint64_t hash_of(const Tensor& tensor, uint64_t hash) {
  if (!tensor.defined()) return hash;
  return mix(hash, xxh3(tensor.bytes(), static_cast<size_t>(tensor.numel() * size_of(tensor.dtype()))));
}

uint64_t hash_of(const TensorDataset& data, uint64_t hash) {
  return hash_of(data.weights(), hash_of(data.targets(), hash_of(data.inputs(), hash)));
}

}  // namespace gradus::internal
