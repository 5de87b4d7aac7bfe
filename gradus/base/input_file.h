// A file that is read piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>

namespace gradus {

/// What changes when somebody writes a file.
struct FileStamp {
  int64_t bytes = 0;
  int64_t modified_ns = 0;  ///< Since 1970: the time of any change (ctime), which nobody can set back.

  bool operator==(const FileStamp&) const = default;
};

/// A file open for reading. Errors name its path and the system's reason.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);
  /// One that is open already: the descriptor is the object's from here on.
  InputFile(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// The next bytes: fewer than `bytes` only at the file's end.
  size_t read(void* to, size_t bytes);
  /// Bytes from `offset` on, likewise; safe on several threads at once.
  size_t read_at(int64_t offset, void* to, size_t bytes) const;
  /// Now.
  FileStamp stamp() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace gradus
