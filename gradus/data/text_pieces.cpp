#include "gradus/data/text_pieces.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "gradus/base/error.h"

namespace gradus {
namespace {

constexpr size_t kRawBytes = size_t{1} << 20;

// Behind the last line end that the bytes from `from` on show; 0 if there is none. Of a "\r" at the end it is not known
// yet whether it is one.
size_t behind_last_line_end(std::string_view text, size_t from) {
  const size_t feed = text.rfind('\n');
  const size_t end = feed == std::string_view::npos || feed < from ? 0 : feed + 1;
  for (size_t at = text.size(); at-- > std::max({end, from, size_t{1}});) {
    if (text[at - 1] == '\r') return at;
  }
  return end;
}

// "file:17", of the line that begins behind so many bytes; lines are counted in another pass, for a message alone.
std::string place_of(const std::string& path, int64_t offset, const TextPieceOptions& options) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return path;
  TextPieces again(path, options);
  int64_t line = 1;
  for (size_t used = 0; again.offset() < offset && again.next(used);) {
    used = std::min(again.text().size(), static_cast<size_t>(offset - again.offset()));
    line += std::count(again.text().begin(), again.text().begin() + static_cast<std::ptrdiff_t>(used), '\n');
    if (again.offset() + static_cast<int64_t>(used) == offset) break;
  }
  return fmt::format("{}:{}", path, line);
}

}  // namespace

TextPieces::TextPieces(const std::string& path, const TextPieceOptions& options)
    : path_(path), options_(options), file_(path), stamp_(file_.stamp()), raw_(kRawBytes) {
  first_raw_ = read_raw();
  const Compression kind = compression_of(first_raw_);
  if (kind == Compression::kNone && uncompressed_name(path) == path) return;
  decompressor_ = Decompressor::make(
      kind, path, [this] { return first_raw_.empty() ? read_raw() : std::exchange(first_raw_, {}); });
}

std::string_view TextPieces::read_raw() {
  const size_t got = file_.read(raw_.data(), raw_.size());
  hash_.add(raw_.data(), got);
  return {raw_.data(), got};
}

size_t TextPieces::read(char* to, size_t bytes) {
  if (decompressor_) return decompressor_->read({to, bytes});
  const size_t first = std::min(bytes, first_raw_.size());
  std::copy_n(first_raw_.data(), first, to);
  first_raw_.remove_prefix(first);
  const size_t got = file_.read(to + first, bytes - first);
  hash_.add(to + first, got);
  return first + got;
}

bool TextPieces::next(size_t used) {
  offset_ += static_cast<int64_t>(used);
  buffer_.erase(0, used);
  length_ = 0;
  while (!is_last_ && length_ == 0) {
    const size_t before = buffer_.size();
    if (before >= options_.most_bytes) {
      // What was left may be other rows, of which the last does not end.
      const size_t last = behind_last_line_end(buffer_, 0);
      const int64_t row =
          offset_ + (before - last + options_.piece_bytes >= options_.most_bytes ? static_cast<int64_t>(last) : 0);
      fail(place_of(path_, row, options_),
           "a row from byte {} on is longer than {} bytes; is it text, and is each quote in it closed?", row,
           options_.most_bytes);
    }
    buffer_.resize(before + options_.piece_bytes);
    const size_t got = read(buffer_.data() + before, options_.piece_bytes);
    buffer_.resize(before + got);
    is_last_ = got < options_.piece_bytes;
    length_ = behind_last_line_end(buffer_, before);
  }
  if (is_last_) length_ = buffer_.size();
  return length_ > 0;
}

}  // namespace gradus
