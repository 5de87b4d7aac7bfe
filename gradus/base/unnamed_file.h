// Files that are in no folder.
#pragma once

#include <cstddef>
#include <filesystem>

#include "gradus/base/input_file.h"

namespace gradus {

/// A file without a name on the disk of a folder: whatever ends the process, nothing of it stays. Written from its
/// start, and there for as long as somebody has it open.
class UnnamedFile {
 public:
  /// Where nothing can be written to `folder`, it is in the system's folder for temporary files.
  explicit UnnamedFile(std::filesystem::path folder);
  ~UnnamedFile();
  UnnamedFile(const UnnamedFile&) = delete;
  UnnamedFile& operator=(const UnnamedFile&) = delete;

  /// On whose disk it is.
  const std::filesystem::path& folder() const { return folder_; }
  void write(const void* data, size_t bytes);
  /// What was written so far, to be read by `read_at`.
  InputFile reader() const;

 private:
  std::filesystem::path folder_;
  int descriptor_ = -1;
};

}  // namespace gradus
