// A checkpoint's list of contents: every file, and every tensor in it, with its size and sum; and a sum of itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/files.h"
#include "gradus/base/hash.h"

namespace gradus {

/// A range of a file's bytes: a tensor, or the header before the first.
struct ManifestPart {
  std::string name;
  int64_t begin = 0, end = 0;  ///< Bytes from the file's start; parts follow each other without gaps.
  uint64_t sum = 0;            ///< XXH3 of those bytes.
};

struct ManifestFile {
  std::string name;  ///< In the checkpoint's folder.
  int64_t bytes = 0;
  uint64_t sum = 0;                 ///< XXH3 of the whole file.
  std::vector<ManifestPart> parts;  ///< Empty, or all of the file.

  /// What is wrong with the file of that name in `folder`: which parts and bytes; empty if every byte is as it was.
  std::string damage(const std::filesystem::path& folder) const;
};

struct Manifest {
  static constexpr const char* kName = "manifest.json";

  int64_t step = 0;
  std::vector<ManifestFile> files;

  /// The file's text. It ends with the sum of all bytes before it.
  std::string to_text() const;
  /// Checks the sum first, so that no change of any bit goes unseen, then every field; an error says what is wrong.
  static Manifest parse(std::string_view text, const std::string& file);
  static Manifest read(const std::filesystem::path& folder);

  const ManifestFile* find(std::string_view name) const;
};

/// A file of a checkpoint on its way to disk; it keeps its own sums.
class SummedFile {
 public:
  SummedFile(const std::filesystem::path& folder, std::string name);

  void write(const void* data, size_t bytes);
  /// The same, as a part of its own.
  void write_part(std::string name, const void* data, size_t bytes);
  /// Flushes it to disk.
  ManifestFile finish();

 private:
  OutputFile output_;
  Xxh3 sum_;
  ManifestFile file_;
};

}  // namespace gradus
