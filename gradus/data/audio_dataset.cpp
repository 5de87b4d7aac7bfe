#include "gradus/data/audio_dataset.h"

#include <algorithm>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/hash.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

AudioFile looked_at(const std::string& path, bool whole) {
  AudioFile file{.path = path};
  try {
    const MappedFile mapped(path);
    const std::string_view bytes = mapped.text();
    file.hash = xxh3(bytes.data(), bytes.size());
    file.info = parse_audio_info(bytes, path);
    if (!whole && file.info.frames > 0) return file;
    file.info.frames = parse_audio(bytes, path).samples.size(0);
  } catch (const Error& error) {
    file.problem = error.message();
  }
  return file;
}

}  // namespace

std::vector<AudioFile> look_at_audio_files(std::span<const std::string> paths, bool whole) {
  std::vector<AudioFile> files(paths.size());
  parallel_for(static_cast<int64_t>(paths.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) files[i] = looked_at(paths[i], whole);
  });
  return files;
}

AudioFiles::AudioFiles(std::vector<AudioFile> files, int64_t rate) : files_(std::move(files)) {
  for (const AudioFile& file : files_) {
    if (!file.problem.empty()) fail(file.path, "{}", file.problem);
    if (!resamplers_.contains(file.info.rate)) resamplers_.emplace(file.info.rate, Resampler(file.info.rate, rate));
  }
}

int64_t AudioFiles::samples(int64_t i) const {
  const AudioInfo& info = file(i).info;
  return resamplers_.at(info.rate).size(info.frames);
}

Tensor AudioFiles::read(int64_t i, const AudioSpan& span) const {
  const auto& [path, info, hash, problem] = file(i);
  const Resampler& resampler = resamplers_.at(info.rate);
  const AudioSpan needed = resampler.inputs(span);
  const int64_t first = std::clamp<int64_t>(needed.first, 0, info.frames);
  const int64_t end = std::clamp<int64_t>(needed.first + needed.count, first, info.frames);
  if (first == end) return Tensor::zeros({span.count});
  const Audio audio = read_audio(path, {.first_frame = first, .frames = end - first});
  if (audio.rate != info.rate || audio.samples.size(0) != end - first || audio.samples.size(1) != info.channels) {
    fail(path, "is another sound than when it was first read; leave it as it is while it is used");
  }
  return resampler.part(mix_to_mono(audio.samples), first, span);
}

AudioDataset::AudioDataset(std::shared_ptr<const AudioFiles> files, std::shared_ptr<const AudioExtractor> extractor,
                           std::vector<int64_t> rows, Tensor targets, const AudioAugmentOptions& augment)
    : files_(std::move(files)),
      extractor_(std::move(extractor)),
      rows_(std::move(rows)),
      targets_(std::move(targets)),
      augment_(augment) {
  detail::check_ids(rows_, files_->size());
  if (targets_.defined() && targets_.size(0) != size()) {
    fail("dataset", "{} targets for {} sounds; expected one for each", targets_.size(0), size());
  }
}

Tensor AudioDataset::samples(int64_t id) const {
  const int64_t row = rows_[static_cast<size_t>(id)];
  return files_->read(row, middle_span(files_->samples(row), format().length));
}

Tensor AudioDataset::training_samples(int64_t id, uint64_t key) const {
  const int64_t row = rows_[static_cast<size_t>(id)];
  const AudioAugmentDraw draw(key, id);
  Tensor samples = files_->read(row, draw.span(augment_, files_->samples(row), format().length));
  draw.change(augment_, samples);
  return samples;
}

template <class Write>
Batch AudioDataset::make(std::span<const int64_t> ids, Write&& write) const {
  detail::check_ids(ids, size());
  const Shape shape = format().shape();
  const auto count = static_cast<int64_t>(ids.size());
  Tensor inputs = Tensor::empty({count, shape[0], shape[1]});
  float* const to = inputs.mutable_data<float>();
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) write(ids[static_cast<size_t>(i)], to + i * shape.numel());
  });
  return {.inputs = std::move(inputs), .targets = detail::rows_of(targets_, ids)};
}

Batch AudioDataset::batch(std::span<const int64_t> ids) const {
  return make(ids, [this](int64_t id, float* to) {
    extractor_->extract(samples(id), to);
    extractor_->normalize(to);
  });
}

Batch AudioDataset::training_batch(std::span<const int64_t> ids, uint64_t key) const {
  const Shape shape = format().shape();
  return make(ids, [this, key, shape](int64_t id, float* to) {
    extractor_->extract(training_samples(id, key), to);
    extractor_->normalize(to);
    if (format().features != AudioFeatures::kSamples) {
      AudioAugmentDraw(key, id).mask(augment_, to, shape[0], shape[1]);
    }
  });
}

}  // namespace gradus
