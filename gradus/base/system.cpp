#include "gradus/base/system.h"

#include <unistd.h>

#include <atomic>
#include <system_error>

#include "gradus/base/error.h"

namespace gradus::detail {

void fail_system(const std::filesystem::path& path, std::string_view what, int error) {
  fail(path.string(), "cannot {}: {}", what, std::generic_category().message(error));
}

int open_retrying(const std::filesystem::path& path, int flags) {
  return retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); });
}

int write_all(int descriptor, const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = retry([&] { return ::write(descriptor, data, bytes); });
    if (written < 0) return errno;
    if (written == 0) return EIO;
    data += written;
    bytes -= static_cast<size_t>(written);
  }
  return 0;
}

std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<uint64_t> counter{0};
  const std::string name = path.filename().string().substr(0, 200);  // room for the rest in a name's 255 bytes
  std::filesystem::path temporary;
  std::error_code error;
  do {  // unique in this process by the counter; a killed one of the same id may have left its own
    temporary = path.parent_path() / fmt::format(".{}{}{}-{}", name, kTemporaryMark, ::getpid(), counter++);
  } while (std::filesystem::exists(std::filesystem::symlink_status(temporary, error)));
  return temporary;
}

int flush_folder(const std::filesystem::path& folder) {
  const int descriptor = open_retrying(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return errno;
  const int error = retry([&] { return ::fsync(descriptor); }) == 0 ? 0 : errno;
  ::close(descriptor);
  return error == EINVAL ? 0 : error;  // some file systems have nothing to flush for a folder, and say so like this
}

}  // namespace gradus::detail
