#include "gradus/data/image_dataset.h"

#include <algorithm>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

int64_t bytes_of(const Image& image) { return image.samples() * (image.is_wide() ? 2 : 1); }

}  // namespace

ImageDataset::ImageDataset(std::shared_ptr<const ImageSource> source, std::vector<int64_t> rows, Tensor targets,
                           int64_t classes, ImageDatasetOptions options)
    : source_(std::move(source)),
      rows_(std::move(rows)),
      targets_(std::move(targets)),
      classes_(classes),
      options_(std::move(options)),
      kept_(rows_.size()) {
  detail::check_ids(rows_, source_->count);
  if (targets_.defined() && targets_.size(0) != size()) {
    fail("dataset", "{} targets for {} pictures; expected one for each", targets_.size(0), size());
  }
  if (options_.augment.mixes() && (!targets_.defined() || (targets_.dtype() == DType::kI64 && classes_ < 2))) {
    fail("dataset", "pictures that are mixed need targets, which are mixed too");
  }
}

PictureView ImageDataset::view(float* samples) const {
  return {samples, options_.format.height, options_.format.width, options_.format.channels};
}

// A picture as far as it is the same in each pass: whole where a part of it is drawn, else of the model's size.
std::shared_ptr<const Image> ImageDataset::prepared(int64_t id) const {
  const auto i = static_cast<size_t>(id);
  {
    const std::lock_guard lock(mutex_);
    if (kept_[i] != nullptr) return kept_[i];
  }
  Image image = with_channels(source_->decode(rows_[i]), options_.format.channels);
  if (!options_.augment.random_crop) image = fitted_image(options_.format, std::move(image));
  auto whole = std::make_shared<const Image>(std::move(image));
  if (options_.budget == nullptr) return whole;
  const int64_t bytes = bytes_of(*whole);
  if (options_.budget->fetch_sub(bytes) < bytes) {
    options_.budget->fetch_add(bytes);
    return whole;
  }
  const std::lock_guard lock(mutex_);
  if (kept_[i] != nullptr) {
    options_.budget->fetch_add(bytes);  // another thread was faster
  } else {
    kept_[i] = whole;
  }
  return whole;
}

void ImageDataset::write(int64_t id, float* to) const {
  const ImageFormat& f = options_.format;
  const std::shared_ptr<const Image> image = prepared(id);
  if (options_.augment.random_crop) {
    const Image fitted = fitted_image(f, *image);
    resize_image(fitted, {0, 0, f.height, f.width}, f.height, f.width, f.resampling, to);
  } else {
    resize_image(*image, {0, 0, f.height, f.width}, f.height, f.width, f.resampling, to);
  }
  normalize(view(to), f.mean, f.scale);
}

void ImageDataset::write_alone(int64_t id, uint64_t key, float* to) const {
  const ImageFormat& f = options_.format;
  const AugmentDraw draw(key, id);
  const std::shared_ptr<const Image> image = prepared(id);
  resize_image(*image, draw.crop(options_.augment, image->height, image->width), f.height, f.width, f.resampling, to);
  draw.change(options_.augment, view(to));
  normalize(view(to), f.mean, f.scale);
  draw.erase(options_.augment, view(to));
}

void ImageDataset::write_training(int64_t id, uint64_t key, float* to) const {
  write_alone(id, key, to);
  if (!options_.augment.mixes()) return;
  const ImageFormat& f = options_.format;
  const AugmentDraw::Partner partner = AugmentDraw(key, id).partner(options_.augment, size(), f.height, f.width);
  std::vector<float> other(static_cast<size_t>(f.samples()));
  write_alone(partner.id, key, other.data());
  if (partner.part) {
    paste(view(to), view(other.data()), *partner.part);
  } else {
    mix_pictures(view(to), view(other.data()), static_cast<float>(partner.share));
  }
}

Batch ImageDataset::make(std::span<const int64_t> ids,
                         const std::function<void(int64_t id, float* to)>& write_one) const {
  detail::check_ids(ids, size());
  const ImageFormat& f = options_.format;
  const auto count = static_cast<int64_t>(ids.size());
  Tensor inputs = Tensor::empty({count, f.height, f.width, f.channels});
  float* const to = inputs.mutable_data<float>();
  // So many samples take as long as a thread needs to begin.
  constexpr int64_t kGrain = 1 << 14;
  const int64_t grain = source_->is_costly ? 1 : std::max<int64_t>(1, kGrain / f.samples());
  parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) write_one(ids[static_cast<size_t>(i)], to + i * f.samples());
  });
  return {.inputs = std::move(inputs)};
}

Batch ImageDataset::batch(std::span<const int64_t> ids) const {
  Batch batch = make(ids, [this](int64_t id, float* to) { write(id, to); });
  batch.targets = detail::rows_of(targets_, ids);
  return batch;
}

Batch ImageDataset::training_batch(std::span<const int64_t> ids, uint64_t key) const {
  if (options_.augment.is_off()) return batch(ids);
  Batch batch = make(ids, [this, key](int64_t id, float* to) { write_training(id, key, to); });
  batch.targets = options_.augment.mixes() ? mixed_targets(ids, key) : detail::rows_of(targets_, ids);
  return batch;
}

// Also in a dry run: losses look at their targets.
Tensor ImageDataset::mixed_targets(std::span<const int64_t> ids, uint64_t key) const {
  const ImageFormat& f = options_.format;
  const bool has_classes = targets_.dtype() == DType::kI64;
  const int64_t width = has_classes ? classes_ : targets_.numel() / targets_.size(0);
  Tensor mixed = Tensor::zeros({static_cast<int64_t>(ids.size()), width});
  float* to = mixed.mutable_data<float>();
  const auto add = [&](int64_t id, double share) {
    if (has_classes) {
      to[targets_.data<int64_t>()[id]] += static_cast<float>(share);
      return;
    }
    const float* const from = targets_.data<float>() + id * width;
    for (int64_t j = 0; j < width; ++j) to[j] += static_cast<float>(share) * from[j];
  };
  for (const int64_t id : ids) {
    const AugmentDraw::Partner partner = AugmentDraw(key, id).partner(options_.augment, size(), f.height, f.width);
    add(id, 1.0 - partner.share);
    add(partner.id, partner.share);
    to += width;
  }
  return mixed;
}

int64_t ImageDataset::bytes_to_keep() const {
  if (options_.budget == nullptr) return 0;
  const int64_t budget = std::max<int64_t>(0, options_.budget->load());
  if (!options_.augment.random_crop) return std::min(budget, size() * options_.format.samples());
  return source_->pixels > 0 ? std::min(budget, source_->pixels * options_.format.channels) : budget;
}

}  // namespace gradus
