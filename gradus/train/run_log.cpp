#include "gradus/train/run_log.h"

#include <nlohmann/json.hpp>

namespace gradus {
namespace {

using Json = nlohmann::json;

Json parsed(std::string_view line) {
  Json row = Json::parse(line, nullptr, false);
  const bool good = row.is_object() && row.contains("step") && row["step"].is_number_integer();
  if (!good) row = Json();
  return row;  // moved: a copy of values within values recurses, and a broken line may have any number
}

// A last line without its newline was torn by a crash, and is a line like any other here: readable or not.
void for_each_line(std::string_view text, const std::function<void(std::string_view line, bool whole)>& call) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    call(text.substr(0, end), end != std::string_view::npos);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace

LogCut cut_log(const std::filesystem::path& path, const LogEnd& end) {
  LogCut cut;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return cut;
  const std::string text = read_file(path);
  std::string kept;
  for_each_line(text, [&](std::string_view line, bool whole) {
    const Json row = whole ? parsed(line) : Json();
    if (row.is_null()) {
      ++cut.unreadable;
      return;
    }
    const auto step = row["step"].get<int64_t>();
    const bool is_event = row.contains("event");
    const bool belongs = is_event || step % end.every == 0 || row.contains("val_loss");
    if (belongs && step < (is_event ? end.event : end.row)) {
      kept.append(line).push_back('\n');
    } else {
      ++cut.rows;
    }
  });
  if (kept.size() != text.size()) write_file(path, kept);
  return cut;
}

int64_t read_log(const std::filesystem::path& path,
                 const std::function<void(int64_t step, std::string_view line)>& row) {
  int64_t unreadable = 0;
  const std::string text = read_file(path);
  for_each_line(text, [&](std::string_view line, bool whole) {
    const Json json = whole ? parsed(line) : Json();
    if (json.is_null()) {
      ++unreadable;
    } else {
      row(json["step"].get<int64_t>(), line);
    }
  });
  return unreadable;
}

}  // namespace gradus
