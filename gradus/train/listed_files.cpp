// Lists of files that are examples each.
#include <filesystem>
#include <system_error>

#include "gradus/base/error.h"
#include "gradus/data/file_list.h"
#include "gradus/data/json_lines.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace fs = std::filesystem;
namespace {

std::string path_column(const Config& config, const Table& table) {
  if (config.has("data.path_column")) return config.text("data.path_column");
  for (const char* name : {"path", "file", "filename", "file_name", "image", "audio"}) {
    if (table.has_column(name)) return name;
  }
  fail_usage(table.source(), "has no column \"path\"; name the one with the files' paths by data.path_column");
}

// What is wrong in a list is said of its line.
void check_files_exist(const Table& table) {
  const TableColumn& paths = table.columns[table.column(kPathColumn)];
  for (int64_t row = 0; row < table.rows; ++row) {
    std::error_code error;
    if (fs::exists(paths.text(row), error)) continue;
    fail(table.place(row), "there is no file {}; relative paths count from the folder of the list", paths.text(row));
  }
}

}  // namespace

Table read_listed_files(const Config& config, const std::string& path) {
  const bool is_json = path.ends_with(".jsonl") || path.ends_with(".ndjson");
  Table table = is_json ? read_json_lines(path) : read_csv(path, {.header = CsvOptions::Header::kYes});
  resolve_paths(table, path_column(config, table), path);
  if (config.text("data.on_bad_file") == "error") check_files_exist(table);
  return table;
}

}  // namespace gradus::internal
