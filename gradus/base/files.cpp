#include "gradus/base/files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/system.h"

namespace gradus {
namespace {

using detail::fail_system;
using detail::flush_folder;
using detail::open_retrying;
using detail::retry;
using detail::write_all;

/// A descriptor for reading; closed with the object.
class ReadDescriptor {
 public:
  explicit ReadDescriptor(const std::filesystem::path& path, int more_flags = 0)
      : number_(open_retrying(path, O_RDONLY | more_flags)) {
    if (number_ < 0) fail_system(path, "open it for reading", errno);
  }
  ~ReadDescriptor() { ::close(number_); }
  ReadDescriptor(const ReadDescriptor&) = delete;
  ReadDescriptor& operator=(const ReadDescriptor&) = delete;

  int number() const { return number_; }

  struct stat status(const std::filesystem::path& path) const {
    struct stat result {};
    if (::fstat(number_, &result) != 0) fail_system(path, "ask for its size", errno);
    if (S_ISDIR(result.st_mode)) fail(path.string(), "is a folder; a file is needed");
    return result;
  }

 private:
  int number_;
};

}  // namespace

std::string read_file(const std::filesystem::path& path, int64_t max_bytes) {
  return read_file_from(path, 0, max_bytes);
}

std::string read_file_from(const std::filesystem::path& path, int64_t offset, int64_t max_bytes) {
  const ReadDescriptor file(path);
  // 0 for pipes and /proc: what counts is the end of file.
  const int64_t size = std::max<int64_t>(0, file.status(path).st_size - offset);
  if (offset > 0 && ::lseek(file.number(), offset, SEEK_SET) < 0) fail_system(path, "go to a place in it", errno);
  const auto check_size = [&](int64_t bytes, std::string_view least) {
    if (bytes > max_bytes) fail(path.string(), "has {}{} bytes; at most {} are read", least, bytes, max_bytes);
  };
  check_size(size, "");
  std::string text;
  int64_t used = 0;
  for (;;) {
    const int64_t room = used < size ? size + 1 : std::max<int64_t>(2 * used, 4096);  // one more, to see the end
    if (used == static_cast<int64_t>(text.size())) text.resize(static_cast<size_t>(room));
    const ssize_t count =
        retry([&] { return ::read(file.number(), text.data() + used, text.size() - static_cast<size_t>(used)); });
    if (count < 0) fail_system(path, "read it", errno);
    if (count == 0) break;
    used += count;
    check_size(used, "at least ");
  }
  text.resize(static_cast<size_t>(used));
  return text;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const ReadDescriptor file(path, O_NONBLOCK);  // a pipe would wait for one that writes
  const struct stat status = file.status(path);
  if (!S_ISREG(status.st_mode)) fail(path.string(), "is not a regular file; only those can be mapped");
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;  // the system maps no empty range
  void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number(), 0);
  if (memory == MAP_FAILED) fail_system(path, "map it", errno);
  data_ = static_cast<const std::byte*>(memory);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = open_retrying(path_, O_WRONLY | O_CREAT | O_EXCL);
  if (descriptor_ < 0) fail_system(path_, "create it", errno);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::write(const void* data, size_t bytes) {
  if (descriptor_ < 0) fail(path_.string(), "written to after its end");
  if (const int error = write_all(descriptor_, static_cast<const char*>(data), bytes)) {
    fail_system(path_, "write it", error);
  }
}

void OutputFile::finish() {
  if (retry([&] { return ::fsync(descriptor_); }) != 0) fail_system(path_, "flush it to disk", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) fail_system(path_, "close it", errno);
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  if (std::filesystem::is_symlink(path_, error)) path_ = std::filesystem::weakly_canonical(path_, error);
  const std::filesystem::file_status status = std::filesystem::status(path_, error);
  if (std::filesystem::is_directory(status)) fail(path_.string(), "is a folder; a file can not be written over it");
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    fail(path_.string(), "is not a regular file; it can not be replaced");
  }
  temporary_ = detail::temporary_name(path_);
  descriptor_ = open_retrying(temporary_, O_WRONLY | O_CREAT | O_EXCL);
  if (descriptor_ < 0) fail_system(path_, "create a temporary file beside it", errno);
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::fail_and_discard(std::string_view what, int error) {
  discard();
  fail_system(path_, what, error);
}

void AtomicFile::write(const void* data, size_t bytes) {
  if (descriptor_ < 0) fail(path_.string(), "written to after commit or an error");
  if (const int error = write_all(descriptor_, static_cast<const char*>(data), bytes)) {
    fail_and_discard("write it", error);
  }
}

void AtomicFile::commit() {
  if (descriptor_ < 0) fail(path_.string(), "committed after commit or an error");
  if (retry([&] { return ::fsync(descriptor_); }) != 0) fail_and_discard("flush it to disk", errno);
  // Not repeated: Linux has closed the descriptor even where it reports an error.
  if (::close(std::exchange(descriptor_, -1)) != 0) fail_and_discard("close it", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_and_discard("rename its temporary file", errno);
  temporary_.clear();
  if (const int error = flush_folder(path_.parent_path())) fail_system(path_, "flush its folder to disk", error);
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

std::vector<std::filesystem::path> matching_paths(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_ERR, nullptr, &found);
  std::vector<std::filesystem::path> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (result != 0 && result != GLOB_NOMATCH) fail(pattern, "a folder of the pattern cannot be read");
  return paths;
}

void truncate_file(const std::filesystem::path& path, int64_t bytes) {
  const int descriptor = open_retrying(path, O_WRONLY);
  if (descriptor < 0) fail_system(path, "open it for writing", errno);
  const bool done =
      retry([&] { return ::ftruncate(descriptor, bytes); }) == 0 && retry([&] { return ::fsync(descriptor); }) == 0;
  const int reason = errno;
  ::close(descriptor);
  if (!done) fail_system(path, fmt::format("cut it to {} bytes", bytes), reason);
}

LineLog::LineLog(const std::filesystem::path& path, Start start) : path_(path) {
  descriptor_ = open_retrying(path_, O_WRONLY | O_CREAT | O_APPEND | (start == Start::kEmpty ? O_TRUNC : 0));
  if (descriptor_ < 0) fail_system(path_, "open it for writing", errno);
}

LineLog::~LineLog() { ::close(descriptor_); }

void LineLog::append(std::string_view line) {
  buffer_.assign(line);
  buffer_ += '\n';
  if (const int error = write_all(descriptor_, buffer_.data(), buffer_.size())) fail_system(path_, "write it", error);
}

void LineLog::flush() const {
  if (retry([&] { return ::fsync(descriptor_); }) != 0) fail_system(path_, "flush it to disk", errno);
}

}  // namespace gradus
