// A file of data as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gradus/base/files.h"
#include "gradus/data/compression.h"

namespace gradus {

/// Half of what this process may still take: what is read from a file may be as large again in memory.
int64_t most_contents_bytes();

/// The bytes of a file for as long as it lives: mapped if they are in the file as they are, else decompressed. Gzip and
/// zstd are known by how they begin; a name that ends in .gz or .zst with other contents is an error.
class FileContents {
 public:
  explicit FileContents(const std::string& path);

  std::string_view bytes() const { return bytes_; }
  bool is_compressed() const { return is_compressed_; }
  /// Whether the bytes lie in the file, and not in memory of our own.
  bool is_mapped() const { return mapped_.has_value(); }

 private:
  std::optional<MappedFile> mapped_;
  std::string own_;         // of a pipe,
  GrownText decompressed_;  // or of compressed data
  std::string_view bytes_;
  bool is_compressed_ = false;
};

/// Whether a regular file begins, or is named, as compressed data does or is.
bool is_compressed_file(const std::string& path);

/// Gives back the memory of a part of a mapped file that was looked at, from `begin` up to `end`, with what the system
/// mapped around it (64 KB). It is read again where it is looked at again.
void release_pages(std::string_view mapped, size_t begin, size_t end);

}  // namespace gradus
