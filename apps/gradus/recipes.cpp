// `gradus recipes`: the configurations that come with the command.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/train/config_keys.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

// Beside the installed command, or in the source tree that it was built from.
fs::path recipe_folder() {
  std::error_code error;
  const fs::path command = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = (command.parent_path() / GRADUS_INSTALLED_RECIPES).lexically_normal();
  if (!error && fs::is_directory(installed, error)) return installed;
  return GRADUS_SOURCE_RECIPES;
}

// The first line, which every recipe spends on saying what it is; of a script, the line behind that of its shell.
std::string first_comment(const fs::path& path) {
  std::string text = read_file(path, 1 << 20);
  if (text.starts_with("#!")) text.erase(0, text.find('\n') + 1);
  const size_t start = text.find_first_not_of("# ");
  return start == std::string::npos ? "" : text.substr(start, text.find('\n', start) - start);
}

std::vector<std::string> names_with_extension(const std::string& extension) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(recipe_folder(), error)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A line for each: its name and what it is.
std::string list_of(const std::vector<std::string>& names, const std::string& extension, size_t width) {
  std::string list;
  for (const std::string& name : names) {
    list += fmt::format("{:<{}}  {}\n", name, width, first_comment(recipe_folder() / (name + extension)));
  }
  return list;
}

}  // namespace

std::vector<std::string> recipe_names() { return names_with_extension(".toml"); }

std::optional<std::string> recipe_path(const std::string& name) {
  const std::vector<std::string> names = recipe_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) return std::nullopt;
  return (recipe_folder() / (name + ".toml")).string();
}

int recipes(const std::string& name) {
  const std::vector<std::string> names = recipe_names();
  if (!name.empty()) {
    const std::optional<std::string> path = recipe_path(name);
    const std::vector<std::string_view> known(names.begin(), names.end());
    if (!path) {
      const std::string nearest = did_you_mean(name, known);
      fail_usage(name, "no such recipe{}", nearest.empty() ? "; `gradus recipes` lists them" : nearest);
    }
    print(read_file(*path, 1 << 20));
    return 0;
  }
  if (names.empty()) fail(recipe_folder().string(), "holds no recipes; is gradus installed as a whole?");
  const std::vector<std::string> scripts = names_with_extension("");
  size_t width = 0;
  for (const std::vector<std::string>* list : {&names, &scripts}) {
    for (const std::string& recipe : *list) width = std::max(width, recipe.size());
  }
  std::string text = list_of(names, ".toml", width);
  if (!scripts.empty()) {
    text += fmt::format("\nScripts, which train many models and compare them:\n{}", list_of(scripts, "", width));
  }
  print(fmt::format("{}\nThey lie in {}\n", text, recipe_folder().string()));
  return 0;
}

}  // namespace gradus::command
