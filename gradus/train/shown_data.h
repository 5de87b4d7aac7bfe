// Examples as a model sees them in training, for people to look at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gradus/train/experiment.h"

namespace gradus {

/// An example in words, and as a file of its own where its kind of data has such.
struct ShownExample {
  int64_t id = 0;          ///< Among those that are trained on.
  std::string name;        ///< Its file, where it is one; else "".
  std::string target;      ///< Its class or number; of mixed ones "cat 70%, dog 30%"; "" if it has none.
  std::string text;        ///< What it is, in one line or several.
  /// A file that it is saved as.
  struct File {
    std::string ending;  ///< Such as ".png".
    std::string bytes;
  };
  std::vector<File> files = {};  ///< Empty where its kind of data has none.
};

/// The first examples of a run of this configuration, up to `count`, in the order in which it trains on them, varied as
/// in its first pass.
std::vector<ShownExample> shown_examples(const Config& config, const ExperimentData& data, int64_t count);

}  // namespace gradus
