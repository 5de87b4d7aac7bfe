#include "apps/gradus/config_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/train/checkpoint.h"
#include "gradus/train/config_keys.h"
#include "gradus/train/own_config.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

// A key of a recipe that no longer applies has to be taken out.
Config load_config(const TrainOptions& options, const ConfigFile& file, const std::vector<std::string>& overrides,
                   const Config::Typed& typed) {
  try {
    return Config::load(file.path, overrides, typed);
  } catch (const Error& error) {
    const fs::path run = fs::path(file.path).parent_path();
    if (options.own_configuration && !is_as_written(file.path) && !list_checkpoints(run).empty()) {
      throw Error(error.kind(), error.subject(),
                  fmt::format("{} (the file was changed since gradus wrote it; --resume {} goes on with the "
                              "configuration of the last checkpoint)",
                              error.message(), (run / "checkpoints/last").string()));
    }
    if (!file.is_recipe || !error.subject().starts_with(file.path + ":")) throw;
    throw Error(
        error.kind(), error.subject(),
        fmt::format("{} (--unset KEY takes a key out; a copy of the recipe to edit: `gradus recipes {} > my.toml`)",
                    error.message(), options.config));
  }
}

}  // namespace

ConfigFile config_file(const std::string& config, std::string_view verb) {
  if (config.empty()) fail_usage(fmt::format("gradus {}", verb), "CONFIG is required; see `gradus {} --help`", verb);
  std::error_code error;
  if (fs::exists(config, error)) return {config};
  if (const std::optional<std::string> recipe = recipe_path(config)) return {*recipe, true};
  const std::vector<std::string> names = recipe_names();
  const std::string nearest = did_you_mean(config, std::vector<std::string_view>(names.begin(), names.end()));
  fail_usage(config, "no such file or recipe{}",
             nearest.empty() ? "; give the path of a TOML file, or a name that `gradus recipes` lists" : nearest);
}

std::string run_folder(const TrainOptions& options, const ConfigFile& file) {
  return options.out ? *options.out : (fs::path("runs") / fs::path(file.path).stem()).string();
}

Config make_config(const TrainOptions& options, const ConfigFile& file) {
  std::vector<std::string> overrides;
  Config::Typed typed = options.typed;
  for (const std::string& key : options.unset) overrides.push_back("~" + key);
  overrides.insert(overrides.end(), options.set.begin(), options.set.end());
  const auto add = [&](const std::string& changed, std::string option) {
    typed.emplace(changed, std::move(option));
    overrides.push_back(changed);
  };
  if (options.data.size() == 1) add(Config::text_override("data.path", options.data[0]), "--data " + options.data[0]);
  if (options.data.size() > 1) {
    add("data.path=" + to_toml(Value(options.data)), fmt::format("--data {}", fmt::join(options.data, " --data ")));
  }
  if (!options.on_bad_row.empty()) {
    add(Config::text_override("data.on_bad_row", options.on_bad_row), "--on-bad-row " + options.on_bad_row);
  }
  Config config = load_config(options, file, overrides, typed);
  if (options.machine.threads) config.set("train.threads", *options.machine.threads, "--threads");
  if (options.seed) config.set("train.seed", *options.seed, "--seed");
  return config;
}

}  // namespace gradus::command
