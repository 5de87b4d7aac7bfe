// Sounds in files as examples, read when they are asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gradus/data/audio_augment.h"
#include "gradus/data/audio_encoder.h"
#include "gradus/data/audio_file.h"
#include "gradus/data/dataset.h"

namespace gradus {

/// A file as it was when it was first looked at.
struct AudioFile {
  std::string path = {};
  AudioInfo info = {};       ///< Its number of frames is known.
  uint64_t hash = 0;         ///< XXH3 of its bytes.
  std::string problem = {};  ///< What is wrong with it, without its name; empty for nothing.
};

/// Looks at each file: its beginning, or with `whole` at all of its samples.
std::vector<AudioFile> look_at_audio_files(std::span<const std::string> paths, bool whole);

/// Files of sounds by number, read as a format says.
class AudioFiles {
 public:
  /// None of them has a problem.
  AudioFiles(std::vector<AudioFile> files, int64_t rate);

  int64_t size() const { return static_cast<int64_t>(files_.size()); }
  const AudioFile& file(int64_t i) const { return files_[static_cast<size_t>(i)]; }
  /// The samples that a file has at the format's rate.
  int64_t samples(int64_t i) const;
  /// f32 (span.count) at the format's rate, of one channel; only what is needed of the file is read. Errors are those
  /// of `read_audio`, and that the file is another by now. Several threads may call it at once.
  Tensor read(int64_t i, const AudioSpan& span) const;

 private:
  std::vector<AudioFile> files_;
  std::map<int64_t, Resampler> resamplers_;  // by the rate of the files
};

/// Some sounds of files with their targets. Inputs are f32 (B, frames, columns).
class AudioDataset : public Dataset {
 public:
  /// Examples are `rows` of the files, at least one. `targets`, one for each of them, may be undefined.
  AudioDataset(std::shared_ptr<const AudioFiles> files, std::shared_ptr<const AudioExtractor> extractor,
               std::vector<int64_t> rows, Tensor targets, const AudioAugmentOptions& augment = {});

  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  /// The middle of each sound.
  Batch batch(std::span<const int64_t> ids) const override;
  /// Any stretch of those that are longer, and with what `augment` does.
  Batch training_batch(std::span<const int64_t> ids, uint64_t key) const override;
  bool is_costly() const override { return true; }
  std::string name(int64_t id) const override { return files_->file(rows_[static_cast<size_t>(id)]).path; }

  const AudioFormat& format() const { return extractor_->format(); }
  Tensor all_targets() const override { return targets_; }
  const Tensor& targets() const { return targets_; }
  /// The samples that `batch` makes features of, and those of `training_batch`: f32 (format.length).
  Tensor samples(int64_t id) const;
  Tensor training_samples(int64_t id, uint64_t key) const;

 private:
  template <class Write>
  Batch make(std::span<const int64_t> ids, Write&& write) const;

  std::shared_ptr<const AudioFiles> files_;
  std::shared_ptr<const AudioExtractor> extractor_;
  std::vector<int64_t> rows_;
  Tensor targets_;
  AudioAugmentOptions augment_;
};

}  // namespace gradus
