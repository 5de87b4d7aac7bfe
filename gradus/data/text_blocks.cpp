#include "gradus/data/text_blocks.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/base/utf8.h"
#include "gradus/data/file_contents.h"

namespace gradus {
namespace {

// Of up to 255 groups of bytes: sums in bytes, which compilers put into vectors.
struct Counts {
  int64_t feeds = 0, returns = 0, quotes = 0;
  bool is_ascii = true;
};

void count_groups(const char* text, size_t groups, Counts& counts) {
  constexpr size_t kGroup = 64;
  uint8_t feeds[kGroup] = {}, returns[kGroup] = {}, quotes[kGroup] = {}, all[kGroup] = {};
  for (size_t group = 0; group < groups; ++group, text += kGroup) {
    for (size_t i = 0; i < kGroup; ++i) {
      feeds[i] = static_cast<uint8_t>(feeds[i] + (text[i] == '\n'));
      returns[i] = static_cast<uint8_t>(returns[i] + (text[i] == '\r'));
      quotes[i] = static_cast<uint8_t>(quotes[i] + (text[i] == '"'));
      all[i] = static_cast<uint8_t>(all[i] | static_cast<uint8_t>(text[i]));
    }
  }
  for (size_t i = 0; i < kGroup; ++i) {
    counts.feeds += feeds[i];
    counts.returns += returns[i];
    counts.quotes += quotes[i];
    counts.is_ascii = counts.is_ascii && all[i] < 0x80;
  }
}

Counts count_bytes(std::string_view text) {
  constexpr size_t kGroup = 64, kMost = 255;
  Counts counts;
  while (text.size() >= kGroup) {
    const size_t groups = std::min(kMost, text.size() / kGroup);
    count_groups(text.data(), groups, counts);
    text.remove_prefix(groups * kGroup);
  }
  char rest[kGroup] = {};
  std::copy(text.begin(), text.end(), rest);
  count_groups(rest, 1, counts);
  return counts;
}

// "\r\n" is one line end.
int64_t count_pairs(std::string_view text, size_t begin, size_t end) {
  int64_t pairs = 0;
  for (size_t i = begin; i < end; ++i) pairs += text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
  return pairs;
}

// Behind the bytes that can only be the rest of the character before.
size_t character_begin(std::string_view text, size_t at) {
  const size_t most = std::min(at + 3, text.size());
  while (at > 0 && at < most && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

bool ends_line(std::string_view text, size_t at) {
  return text[at] == '\n' || (text[at] == '\r' && (at + 1 == text.size() || text[at + 1] != '\n'));
}

using LineBegin = TextSurvey::LineBegin;

// The first beginning of a line in (from, to], or nothing.
std::optional<LineBegin> line_begin(std::string_view text, size_t from, size_t to, bool is_quoted, bool quotes) {
  LineBegin result;
  for (size_t at = from; at < to; ++at) {
    if (quotes && text[at] == '"') is_quoted = !is_quoted;
    if (!ends_line(text, at)) continue;
    ++result.ends;
    result.at = at + 1;
    if (!is_quoted) return result;
  }
  return std::nullopt;
}

}  // namespace

TextSurvey survey_text(std::string_view text, size_t length, bool quotes, bool is_mapped) {
  TextSurvey survey{.length = length, .pieces = std::vector<TextSurvey::Piece>((text.size() + length - 1) / length)};
  std::vector<size_t> wrong(survey.pieces.size(), text.size());
  parallel_for(static_cast<int64_t>(survey.pieces.size()), 1, [&](int64_t i, int64_t) {
    const auto piece = static_cast<size_t>(i);
    const size_t begin = piece * length, end = std::min(begin + length, text.size());
    const Counts counts = count_bytes(text.substr(begin, end - begin));
    const int64_t pairs = counts.returns > 0 ? count_pairs(text, begin, end) : 0;
    const bool has_quotes = quotes && counts.quotes > 0;
    survey.pieces[piece] = {.line_ends = counts.feeds + counts.returns - pairs,
                            .quotes = quotes ? counts.quotes : 0,
                            .outside = line_begin(text, begin, end, false, has_quotes),
                            .inside = has_quotes ? line_begin(text, begin, end, true, true) : std::nullopt};
    const size_t first = character_begin(text, begin), last = character_begin(text, end);
    const bool is_ascii = counts.is_ascii && last == end;
    const auto at = is_ascii ? std::nullopt : first_invalid_utf8(text.substr(first, last - first));
    if (at) wrong[piece] = first + *at;
    if (is_mapped) release_pages(text, begin, end);
  });
  const auto first = std::find_if(wrong.begin(), wrong.end(), [&](size_t at) { return at < text.size(); });
  if (first != wrong.end()) survey.not_utf8 = *first;
  return survey;
}

void check_utf8(const TextSurvey& survey, std::string_view text, const std::string& source, const TextPlace& place,
                bool can_skip) {
  if (!survey.not_utf8) return;
  const size_t at = *survey.not_utf8, piece = at / survey.length;
  int64_t line = place.line;
  for (size_t i = 0; i < piece; ++i) line += survey.pieces[i].line_ends;
  for (size_t i = piece * survey.length; i < at; ++i) line += ends_line(text, i) ? 1 : 0;
  fail(fmt::format("{}:{}", source, line), "byte {} of the file, 0x{:02X}, is no UTF-8; convert the file with iconv{}",
       place.bytes + static_cast<int64_t>(at), static_cast<unsigned char>(text[at]),
       can_skip ? ", or leave such rows out with data.on_bad_row = \"skip\"" : "");
}

std::vector<TextBlock> cut_at_lines(std::string_view text, size_t begin, const TextSurvey& survey, size_t pieces) {
  // What is before `begin` may have quotes of any number.
  const auto quotes_before = std::count(text.begin(), text.begin() + static_cast<int64_t>(begin), '"');
  bool is_quoted = quotes_before % 2 != 0;
  std::vector<TextBlock> blocks{{.begin = begin}};
  for (size_t piece = 0; piece < survey.pieces.size(); ++piece) {
    const TextSurvey::Piece& here = survey.pieces[piece];
    int64_t lines = here.line_ends;
    if (piece * survey.length > begin && piece % pieces == 0) {
      if (const auto& next = is_quoted ? here.inside : here.outside) {
        blocks.back().end = next->at;
        blocks.back().most_lines += next->ends;
        lines -= next->ends;
        blocks.push_back({.begin = next->at});
      }
    }
    blocks.back().most_lines += lines;
    is_quoted = is_quoted != (here.quotes % 2 != 0);
  }
  blocks.back().end = text.size();
  ++blocks.back().most_lines;  // the last line needs no end
  return blocks;
}

}  // namespace gradus
