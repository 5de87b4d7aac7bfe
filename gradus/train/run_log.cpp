#include "gradus/train/run_log.h"

#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/json.h"

namespace gradus {
namespace {

struct Row {
  int64_t step;
  std::string event;  // empty for a step's row
  bool end_only;      // written because the run ended there
};

std::optional<Row> parsed(std::string_view line) {
  try {
    const JsonValue row = parse_json(line, "log");
    const JsonValue* step = row.find("step");
    const auto* number = step == nullptr ? nullptr : step->get<int64_t>();
    if (number == nullptr) return std::nullopt;
    const JsonValue* event = row.find("event");
    const auto* name = event == nullptr ? nullptr : event->get<std::string>();
    return Row{*number, name == nullptr ? "" : *name, row.find("end") != nullptr};
  } catch (const Error&) {
    return std::nullopt;
  }
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
    const std::optional<Row> row = whole ? parsed(line) : std::nullopt;
    if (!row) {
      ++cut.unreadable;
      return;
    }
    const int64_t first = row->event.empty() ? end.row : row->event == "rewind" ? end.rewind : end.warning;
    if (row->step < first && !row->end_only) {
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
    const std::optional<Row> read = whole ? parsed(line) : std::nullopt;
    if (read) {
      row(read->step, line);
    } else {
      ++unreadable;
    }
  });
  return unreadable;
}

}  // namespace gradus
