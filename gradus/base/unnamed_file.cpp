#include "gradus/base/unnamed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "gradus/base/system.h"

namespace gradus {
namespace {

using detail::fail_system;
using detail::open_retrying;
using detail::retry;

// The descriptor, or −1. Some file systems have no files without a name: there it has one for an instant.
int open_in(const std::filesystem::path& folder) {
  const int descriptor = open_retrying(folder, O_TMPFILE | O_RDWR);
  if (descriptor >= 0 || errno == ENOENT || errno == EACCES || errno == EROFS) return descriptor;
  const std::filesystem::path name = detail::temporary_name(folder / "unnamed");
  const int named = open_retrying(name, O_RDWR | O_CREAT | O_EXCL);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

UnnamedFile::UnnamedFile(std::filesystem::path folder) : folder_(folder.empty() ? "." : std::move(folder)) {
  descriptor_ = open_in(folder_);
  if (descriptor_ >= 0) return;
  const int reason = errno;
  std::error_code error;
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
  if (!error) descriptor_ = open_in(temporary);
  if (descriptor_ < 0) fail_system(folder_, "create a file in it", reason);
  folder_ = temporary;
}

UnnamedFile::~UnnamedFile() { ::close(descriptor_); }

void UnnamedFile::write(const void* data, size_t bytes) {
  if (const int error = detail::write_all(descriptor_, static_cast<const char*>(data), bytes)) {
    fail_system(folder_, "write a file without a name in it", error);
  }
}

InputFile UnnamedFile::reader() const {
  const int descriptor = retry([&] { return ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0); });
  if (descriptor < 0) fail_system(folder_, "open a file without a name in it", errno);
  return InputFile(folder_, descriptor);
}

}  // namespace gradus
