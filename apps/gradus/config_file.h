// The configuration that a command line names: a file or a recipe, and what its options change.
#pragma once

#include <string>
#include <string_view>

#include "apps/gradus/verbs.h"
#include "gradus/train/config.h"

namespace gradus::command {

struct ConfigFile {
  std::string path;
  bool is_recipe = false;  ///< Named by its bare name.
};

/// A file, or else a recipe by its bare name; a usage error of `gradus verb` if it is neither.
ConfigFile config_file(const std::string& config, std::string_view verb);

/// Where a run of it goes: --out, or runs/<name of the file>.
std::string run_folder(const TrainOptions& options, const ConfigFile& file);

/// What is in the file, with --set, --data, --threads and --seed.
Config make_config(const TrainOptions& options, const ConfigFile& file);

}  // namespace gradus::command
