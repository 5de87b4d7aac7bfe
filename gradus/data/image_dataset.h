// Pictures as examples: decoded when they are asked for, or kept.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "gradus/data/dataset.h"
#include "gradus/data/image_encoder.h"

namespace gradus {

/// Pictures by number, of any size and channels. `decode` throws where one is broken; several threads may ask at once.
struct ImageSource {
  int64_t count = 0;
  int64_t pixels = 0;  ///< Of all pictures together; 0 if that is not known.
  std::function<Image(int64_t)> decode = {};
  std::function<std::string(int64_t)> name = {};  ///< Of pictures that are files each: their paths.
  bool is_costly = true;  ///< Whether it takes long, as reading a file does.
};

/// How many bytes of pictures may still be kept; shared by the data sets that it is given to.
using ImageBudget = std::atomic<int64_t>;

struct ImageDatasetOptions {
  ImageFormat format;
  AugmentOptions augment = {};                    ///< Of `training_batch`.
  std::shared_ptr<ImageBudget> budget = nullptr;  ///< Null: none is kept.
};

/// Some pictures of a source with their targets. Inputs are f32 (B, height, width, channels). Targets are i64 (B) or f32
/// (B, outputs); where pictures are mixed, a training batch has f32 (B, classes) that say how much of each class there
/// is.
class ImageDataset : public Dataset {
 public:
  /// Examples are the source's `rows`, at least one. `targets`, one for each of them, may be undefined. `classes` is how
  /// many there are, for pictures that are mixed.
  ImageDataset(std::shared_ptr<const ImageSource> source, std::vector<int64_t> rows, Tensor targets, int64_t classes,
               ImageDatasetOptions options);

  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  Batch batch(std::span<const int64_t> ids) const override;
  /// With what `augment` does; the partner that a picture is mixed with is any of the data set.
  Batch training_batch(std::span<const int64_t> ids, uint64_t key) const override;
  bool is_costly() const override { return source_->is_costly || !options_.augment.is_off(); }
  std::string name(int64_t id) const override {
    return source_->name ? source_->name(rows_[static_cast<size_t>(id)]) : "";
  }

  const ImageFormat& format() const { return options_.format; }
  Tensor all_targets() const override { return targets_; }
  const Tensor& targets() const { return targets_; }
  /// The bytes that are kept when all have been seen, as far as the budget goes.
  int64_t bytes_to_keep() const;

 private:
  std::shared_ptr<const Image> prepared(int64_t id) const;
  void write(int64_t id, float* to) const;
  void write_training(int64_t id, uint64_t key, float* to) const;
  void write_alone(int64_t id, uint64_t key, float* to) const;
  PictureView view(float* samples) const;
  Batch make(std::span<const int64_t> ids, const std::function<void(int64_t id, float* to)>& write) const;
  Tensor mixed_targets(std::span<const int64_t> ids, uint64_t key) const;

  std::shared_ptr<const ImageSource> source_;
  std::vector<int64_t> rows_;
  Tensor targets_;
  int64_t classes_;
  ImageDatasetOptions options_;
  mutable std::mutex mutex_;  // of what is kept
  mutable std::vector<std::shared_ptr<const Image>> kept_;
};

}  // namespace gradus
