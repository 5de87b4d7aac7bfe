#include "gradus/train/run_log.h"

#include <algorithm>
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

// The end of a log from the byte `begin` on: whole lines, of which the first is the first that may have to go.
struct Tail {
  int64_t begin = 0;
  std::string text;
};

// Steps never go back in a log, so that only its end has to be looked at: a run of days has a long one.
Tail tail_of(const std::filesystem::path& path, const LogEnd& end) {
  constexpr int64_t kBlock = 1 << 16;
  const int64_t least = std::min({end.row, end.warning, end.rewind});
  const int64_t size = static_cast<int64_t>(std::filesystem::file_size(path));
  for (int64_t bytes = kBlock;; bytes *= 4) {
    Tail tail{std::max<int64_t>(0, size - bytes), ""};
    tail.text = read_file_from(path, tail.begin);
    if (tail.begin > 0) {  // the first line may be half of one
      const size_t first = tail.text.find('\n');
      if (first == std::string::npos) continue;
      tail.text.erase(0, first + 1);
      tail.begin += static_cast<int64_t>(first) + 1;
    }
    const size_t length = tail.text.find('\n');
    const std::optional<Row> row =
        length == std::string::npos ? std::nullopt : parsed(std::string_view(tail.text).substr(0, length));
    if (tail.begin == 0 || (row && row->step < least && !row->end_only)) return tail;
  }
}

}  // namespace

LogCut cut_log(const std::filesystem::path& path, const LogEnd& end) {
  LogCut cut;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return cut;
  const Tail tail = tail_of(path, end);
  std::string kept;
  size_t same = 0;  // bytes of the tail that stay where they are
  for_each_line(tail.text, [&](std::string_view line, bool whole) {
    const std::optional<Row> row = whole ? parsed(line) : std::nullopt;
    if (!row) {
      ++cut.unreadable;
      return;
    }
    const int64_t first = row->event.empty() ? end.row : row->event == "rewind" ? end.rewind : end.warning;
    if (row->step < first && !(row->end_only && end.end_rows)) {
      if (cut.rows + cut.unreadable == 0) same += line.size() + 1;
      kept.append(line).push_back('\n');
    } else {
      ++cut.rows;
    }
  });
  if (cut.rows + cut.unreadable == 0) return cut;
  if (kept.size() == same) {  // what goes is at the very end
    truncate_file(path, tail.begin + static_cast<int64_t>(same));
  } else {
    write_file(path, read_file(path).substr(0, static_cast<size_t>(tail.begin)) + kept);
  }
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
