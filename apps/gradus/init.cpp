// `gradus init`: a configuration to start from, of a recipe or for data.
#include <filesystem>

#include "apps/gradus/config_file.h"
#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/train/suggested_config.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

void write_new(const std::string& path, const std::string& text) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error))) {
    fail_usage(path, "exists already, and is left as it is; name another file");
  }
  check_output(path);
  write_file(path, text);
}

std::string recipe_text(const std::string& name) {
  const ConfigFile file = config_file(name, "init");
  if (!file.is_recipe) fail_usage(name, "is a file, and no recipe's name; `gradus recipes` lists them");
  return read_file(file.path, 1 << 20);
}

}  // namespace

int init(const InitOptions& o) {
  const bool from_data = !o.data.empty();
  const size_t expected = from_data ? 1 : 2;
  if (o.names.size() != expected) {
    fail_usage(
        "gradus init", "{}; see `gradus init --help`",
        from_data ? "expected one FILE to write beside --data" : "expected RECIPE and FILE, or --data PATH and FILE");
  }
  if (!o.target.empty() && !from_data) fail_usage("--target", "is for --data");
  const std::string text = from_data ? suggested_config(o.data, o.target) : recipe_text(o.names[0]);
  const std::string& path = o.names.back();
  write_new(path, text);
  if (from_data) print(text + "\n");
  print(fmt::format("written to {}; next:\n  {} train {} --dry-run\n", path, shell_quoted(o.program),
                    shell_quoted(path)));
  return 0;
}

}  // namespace gradus::command
