// Lists of files that are examples each.
#include "gradus/base/error.h"
#include "gradus/data/file_list.h"
#include "gradus/data/json_lines.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

std::string path_column(const Config& config, const Table& table) {
  if (config.has("data.path_column")) return config.text("data.path_column");
  for (const char* name : {"path", "file", "filename", "file_name", "image", "audio"}) {
    if (table.has_column(name)) return name;
  }
  fail_usage(table.source(), "has no column \"path\"; name the one with the files' paths by data.path_column");
}

}  // namespace

Table read_listed_files(const Config& config, const std::string& path) {
  const bool is_json = path.ends_with(".jsonl") || path.ends_with(".ndjson");
  Table table = is_json ? read_json_lines(path) : read_csv(path, {.header = CsvOptions::Header::kYes});
  resolve_paths(table, path_column(config, table), path);
  return table;
}

}  // namespace gradus::internal
