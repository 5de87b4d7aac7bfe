// Files: read whole, mapped, or written whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// The bytes of a file. Errors name the path and the system's reason. A folder, or a file larger than `max_bytes`, is
/// an error before memory is taken.
std::string read_file(const std::filesystem::path& path, int64_t max_bytes = int64_t{1} << 40);
/// The bytes of a file from `offset` on; none if it ends before.
std::string read_file_from(const std::filesystem::path& path, int64_t offset, int64_t max_bytes = int64_t{1} << 40);

/// The paths that a pattern with `*`, `?` and `[…]` fits (POSIX glob), by name; none if there is none.
std::vector<std::filesystem::path> matching_paths(const std::string& pattern);

/// Cuts a file to its first bytes, flushed to disk.
void truncate_file(const std::filesystem::path& path, int64_t bytes);

/// A file's bytes mapped read-only for as long as the object lives.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// The same as text; none of it is checked to be any encoding.
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// A new file, written from its start. Errors name its path; what was written stays where it is.
class OutputFile {
 public:
  /// Creates the file; one that is there already is an error.
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Flushes the bytes to disk and closes the file. The folder's entry is not flushed.
  void finish();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// A file that appears whole or not at all: written beside `path` under a temporary name, flushed to disk, renamed over
/// it, and the folder flushed. Destroyed without `commit`, it leaves nothing behind and the old file as it was; so does
/// an error, after which the object only throws. A link is followed; a folder or device as `path` is an error.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  void discard();
  [[noreturn]] void fail_and_discard(std::string_view what, int error);

  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

/// `AtomicFile` with one write.
void write_file(const std::filesystem::path& path, std::string_view text);

/// An append-only log: each `append` is one write of one line.
class LineLog {
 public:
  enum class Start : uint8_t { kEmpty, kAppend };

  /// Creates the file if it is not there; `kEmpty` truncates one that is.
  explicit LineLog(const std::filesystem::path& path, Start start = Start::kEmpty);
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  /// Adds `line` and a newline.
  void append(std::string_view line);
  /// Flushes to disk what was added so far; safe beside `append` on another thread.
  void flush() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::string buffer_;
};

}  // namespace gradus
