// A file of text from its beginning to its end, in pieces of bounded size that end where a line ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/hash.h"
#include "gradus/base/input_file.h"
#include "gradus/data/compression.h"

namespace gradus {

struct TextPieceOptions {
  /// How much text is read at a time; 1 or more.
  size_t piece_bytes = size_t{16} << 20;
  /// The longest row there may be; `piece_bytes` or more. A piece takes no more memory than this and `piece_bytes`.
  size_t most_bytes = size_t{128} << 20;
  /// How much text at least the first piece of a table has, from which its names are seen.
  size_t first_bytes = size_t{1} << 20;
};

/// Reads a file, which may be compressed (data/compression.h): the rules for its name are those of
/// data/file_contents.h.
class TextPieces {
 public:
  explicit TextPieces(const std::string& path, const TextPieceOptions& options = {});

  /// Goes on: leaves out the first `used` bytes of the piece, and reads more behind what is left of it. Where there is
  /// no line end in that, it reads on. False if nothing is left and nothing follows. An error if a line, or what was
  /// left, is longer than a row may be.
  bool next(size_t used);

  /// The piece: empty before the first `next`. It ends behind a line end, or where the file ends; never between the two
  /// bytes of "\r\n".
  std::string_view text() const { return {buffer_.data(), length_}; }
  bool is_last() const { return is_last_; }
  /// How much text is before the piece.
  int64_t offset() const { return offset_; }
  /// How the first piece begins: behind a byte order mark. 0 in later pieces.
  size_t begin() const { return offset_ == 0 && text().starts_with("\xEF\xBB\xBF") ? 3 : 0; }
  const std::string& source() const { return path_; }

  /// The file as it was when it was opened.
  const FileStamp& stamp() const { return stamp_; }
  /// XXH3 of the file's bytes, as they are in it, that were read so far: after the last piece, of all.
  uint64_t hash() const { return hash_.value(); }

 private:
  size_t read(char* to, size_t bytes);
  std::string_view read_raw();

  std::string path_;
  TextPieceOptions options_;
  InputFile file_;
  FileStamp stamp_;
  Xxh3 hash_;
  std::vector<char> raw_;       // of compressed files
  std::string_view first_raw_;  // read to see what the file is
  std::unique_ptr<Decompressor> decompressor_;
  std::string buffer_;
  size_t length_ = 0;
  int64_t offset_ = 0;
  bool is_last_ = false;
};

}  // namespace gradus
