// Pictures of a configuration, and those that a trained model is asked about.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gradus/data/image_dataset.h"
#include "gradus/train/experiment.h"

namespace gradus::internal {

/// Pictures, and what is known of each: a row of a table.
struct Pictures {
  std::shared_ptr<const ImageSource> source = {};
  Table table = {};                  ///< Column "path", but of arrays, and others; the source's pictures in their order.
  std::string target = {};           ///< The column of the labels; empty if there is none.
  std::optional<ImageFormat> array = {};  ///< Of pictures of an IDX file: their size and channels.
  uint64_t hash = 0;                 ///< Of arrays their bytes; of files names, labels and sizes.
  std::vector<std::string> notes = {};

  /// What errors call a picture.
  std::string place(int64_t row) const;
};

/// The pictures that these paths are: folders of folders named by classes (or as `data.name_pattern` says), CSV or JSONL
/// files of paths, IDX files with `labels` beside them, or files of pictures. They are of one kind.
Pictures read_pictures(const Config& config, const std::vector<std::string>& paths,
                       const std::vector<std::string>& labels);

ExperimentData make_image_data(const Config& config, const DataEncoder& given);

/// The whole of these, as the model sees them, with their labels where `has_targets`.
std::unique_ptr<ImageDataset> read_images(const ImageEncoder& encoder, Pictures pictures, bool has_targets);

}  // namespace gradus::internal
