#include "gradus/train/suggested_config.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "gradus/base/error.h"
#include "gradus/train/experiment.h"
#include "gradus/train/suggestion.h"

namespace gradus {
namespace {

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

}  // namespace

std::string suggested_config(const std::vector<std::string>& paths, const std::string& target) {
  using namespace suggestion;
  const std::vector<std::string> found = files_of(paths, "--data");
  if (std::ranges::all_of(found, is_folder)) {
    if (!target.empty())
      fail_usage("--target", "is for files; the classes of a folder are those of its folders' names");
    return folder_config(found, paths);
  }
  const Sources sources = read_sources(paths);
  if (sources.is_numpy) return table_config(sources, read_arrays(sources), target);
  if (has_json_lines(sources)) return json_lines_config(sources, target);
  if (is_libsvm(sources.files[0].text)) {
    if (!target.empty() && target != "label") {
      fail_usage("--target", "is for tables; {} has rows of LIBSVM, whose label is what is learned", sources.title);
    }
    return libsvm_config(sources);
  }
  refuse_aligned(sources);
  const bool is_named = sources.is_table || !target.empty();
  const std::optional<FoundTable> table = find_table(sources);
  if (table && (is_named || has_number(table->table))) return table_config(sources, *table, target);
  if (!is_named) return text_config(sources);
  fail_no_table(sources);
}

}  // namespace gradus
