// Long texts in pieces that begin where a line begins, for several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// What a first look at a text says of each of its pieces, which are of one length but the last.
struct TextSurvey {
  struct LineBegin {
    size_t at = 0;
    int64_t ends = 0;  ///< Line ends from the piece's beginning to it, in quotes or not.
  };
  struct Piece {
    int64_t line_ends = 0;  ///< "\n", "\r\n" or "\r" that end in it.
    int64_t quotes = 0;     ///< 0 where they mean nothing.
    /// The first line that begins behind the piece's own beginning, if that is outside of quotes, and if inside.
    std::optional<LineBegin> outside = {}, inside = {};
  };
  size_t length = 1;
  std::vector<Piece> pieces;
  std::optional<size_t> not_utf8 = {};  ///< The first byte with which no character begins.
};

/// Looks at all of `text`, in pieces of `length` bytes, which is 1 or more. Between `quotes` line ends are none. Pages
/// of a mapped file are given back.
TextSurvey survey_text(std::string_view text, size_t length, bool quotes, bool is_mapped = false);

/// Where a text stands in its file: how many bytes are before it, and the line that it begins in.
struct TextPlace {
  int64_t bytes = 0, line = 1;
};
/// An error that names file, line and byte if a text is not UTF-8, for readers that do not leave out such rows. It
/// offers that if they can.
void check_utf8(const TextSurvey& survey, std::string_view text, const std::string& source, const TextPlace& place = {},
                bool can_skip = true);

/// A piece that begins where a line begins, and ends where another begins or the text ends.
struct TextBlock {
  size_t begin = 0, end = 0;
  int64_t most_lines = 0;  ///< No more begin in it.
};

/// Cuts what is behind `begin`, a line's beginning, at line ends, into blocks of `pieces` pieces each, roughly. A line
/// end between quotes is none, where quotes are opened and closed in turn from `begin` on. That is a guess if a quote
/// can stand for itself: a reader that comes to a block's end in the middle of a row has to go on. It looks at the text
/// before `begin` only, so that no page of a mapped file comes back.
std::vector<TextBlock> cut_at_lines(std::string_view text, size_t begin, const TextSurvey& survey, size_t pieces);

}  // namespace gradus
