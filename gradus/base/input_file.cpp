#include "gradus/base/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/system.h"

namespace gradus {

using detail::fail_system;
using detail::open_retrying;
using detail::retry;

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)), descriptor_(open_retrying(path_, O_RDONLY)) {
  if (descriptor_ < 0) fail_system(path_, "open it for reading", errno);
}

InputFile::~InputFile() { ::close(descriptor_); }

size_t InputFile::read(void* to, size_t bytes) {
  size_t used = 0;
  while (used < bytes) {
    const ssize_t got = retry([&] { return ::read(descriptor_, static_cast<char*>(to) + used, bytes - used); });
    if (got < 0) fail_system(path_, "read it", errno);
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  return used;
}

size_t InputFile::read_at(int64_t offset, void* to, size_t bytes) const {
  size_t used = 0;
  while (used < bytes) {
    const ssize_t got = retry([&] {
      return ::pread(descriptor_, static_cast<char*>(to) + used, bytes - used, offset + static_cast<int64_t>(used));
    });
    if (got < 0) fail_system(path_, "read it", errno);
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  return used;
}

FileStamp InputFile::stamp() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail_system(path_, "ask for its size", errno);
  constexpr int64_t kNanoseconds = 1'000'000'000;
  return {status.st_size, int64_t{status.st_ctim.tv_sec} * kNanoseconds + status.st_ctim.tv_nsec};
}

}  // namespace gradus
