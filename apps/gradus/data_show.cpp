// `gradus data show`: what a model will see.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "apps/gradus/command_line.h"
#include "apps/gradus/config_file.h"
#include "apps/gradus/output.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/folders.h"
#include "gradus/base/threads.h"
#include "gradus/train/shown_data.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

// "003-cat", of a class that may have any name.
std::string file_name(const ShownExample& example, size_t number) {
  std::string name = fmt::format("{:03}", number);
  if (!example.target.empty()) name += "-" + example.target.substr(0, 60);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == '/' || c == ' ' || c == '%' || c == ','; },
      '_');
  return name;
}

std::string heading(const ShownExample& example) {
  return fmt::format("example {}{}{}: ", example.id, example.name.empty() ? "" : " (" + example.name + ")",
                     example.target.empty() ? "" : ", " + example.target);
}

void write_folder(const std::string& folder, const std::vector<ShownExample>& examples) {
  std::error_code error;
  if (fs::exists(folder, error) && !(fs::is_directory(folder, error) && list_folder(folder).empty())) {
    fail_usage("--out", "{} is there already; name a new folder", folder);
  }
  make_folders(folder);
  for (size_t i = 0; i < examples.size(); ++i) {
    for (const ShownExample::File& file : examples[i].files) {
      write_file(fs::path(folder) / (file_name(examples[i], i) + file.ending), file.bytes);
    }
  }
}

}  // namespace

int show_data(const DataShowOptions& options) {
  const TrainOptions& training = options.training;
  const Config config = make_config(training, config_file(training.config, "data show"));
  prepare_machine({.isa = training.machine.isa, .threads = {}});
  set_threads(static_cast<int>(config.integer("train.threads")));
  const ExperimentData data = make_data(config);
  const std::vector<ShownExample> examples = shown_examples(config, data, options.count);
  print(left_out_text(data));
  if (!options.out) {
    for (const ShownExample& example : examples) print(heading(example) + example.text);
    return 0;
  }
  if (examples[0].files.empty()) {
    fail_usage("--out", "data.kind = \"{}\" has nothing to save as files; leave it out", config.text("data.kind"));
  }
  write_folder(*options.out, examples);
  print(fmt::format("{} examples are in {}\n", examples.size(), *options.out));
  return 0;
}

}  // namespace gradus::command
