#include "gradus/base/folders.h"

#include <dirent.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/system.h"

namespace gradus {
namespace fs = std::filesystem;
using detail::fail_system;
using detail::flush_folder;
using detail::open_retrying;
using detail::retry;

namespace {

void flush_or_fail(const fs::path& folder) {
  if (const int error = flush_folder(folder)) fail_system(folder, "flush the folder to disk", error);
}

// What the holder wrote into its lock file.
std::string process_in(int lock_file) {
  char text[24] = {};
  [[maybe_unused]] const ssize_t count = ::pread(lock_file, text, sizeof(text) - 1, 0);
  std::string process = text;
  process.erase(std::min(process.find('\n'), process.size()));
  return process.empty() ? "?" : process;
}

}  // namespace

AtomicFolder::AtomicFolder(fs::path path) : path_(std::move(path)), temporary_(detail::temporary_name(path_)) {
  if (fs::exists(fs::symlink_status(path_))) fail(path_.string(), "exists already; a folder is not written over");
  if (::mkdir(temporary_.c_str(), 0777) != 0) fail_system(path_, "create a temporary folder beside it", errno);
}

AtomicFolder::~AtomicFolder() {
  if (temporary_.empty()) return;
  try {
    remove_path(temporary_);
  } catch (const std::exception&) {
    // No memory, or the disk fails: what stays has the name of a leftover, and the error on its way says more.
  }
}

void AtomicFolder::write(std::string_view name, std::string_view text) const {
  OutputFile file(temporary_ / name);
  file.write(text);
  file.finish();
}

void AtomicFolder::commit() {
  flush_or_fail(temporary_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_system(path_, "rename its temporary folder", errno);
  temporary_.clear();
  flush_or_fail(path_.parent_path());
}

void remove_abandoned(const fs::path& path) {
  std::string begin = detail::temporary_name(path).filename().string();
  begin.resize(begin.find(detail::kTemporaryMark) + detail::kTemporaryMark.size());
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  for (const fs::path& entry : list_folder(folder)) {
    const std::string name = entry.filename().string();
    if (!name.starts_with(begin)) continue;
    pid_t process = 0;
    const auto [end, error] = std::from_chars(name.data() + begin.size(), name.data() + name.size(), process);
    if (error != std::errc() || end == name.data() + name.size() || *end != '-' || process <= 0) continue;
    if (::kill(process, 0) != 0 && errno == ESRCH) remove_path(entry);
  }
}

bool is_leftover(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with('.') && name.find(detail::kTemporaryMark) != std::string::npos;
}

// By the system's own calls: libstdc++'s directory_iterator ends the process where there is no memory for a name.
std::vector<fs::path> list_folder(const fs::path& folder) {
  std::vector<fs::path> paths;
  DIR* opened = nullptr;
  do {
    opened = ::opendir(folder.c_str());
  } while (opened == nullptr && errno == EINTR);
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opened, &::closedir);
  if (!open && errno == ENOENT) return paths;
  if (!open) fail_system(folder, "list the folder", errno);
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(open.get());
    if (entry == nullptr && errno == EINTR) continue;
    if (entry == nullptr && errno != 0) fail_system(folder, "list the folder", errno);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") paths.push_back(folder / name);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void remove_path(const fs::path& path) {
  std::error_code error;
  const bool folder = fs::is_directory(fs::symlink_status(path, error));
  if (folder) {
    for (const fs::path& inside : list_folder(path)) remove_path(inside);
  }
  const int failed = retry([&] { return folder ? ::rmdir(path.c_str()) : ::unlink(path.c_str()); });
  if (failed != 0 && errno != ENOENT) fail_system(path, "remove it", errno);
}

void remove_folder(const fs::path& path) {
  const fs::path hidden = detail::temporary_name(path);
  if (::rename(path.c_str(), hidden.c_str()) != 0) fail_system(path, "remove it", errno);
  remove_path(hidden);
}

void make_folders(const fs::path& path) {
  std::error_code error;
  if (path.empty() || fs::is_directory(path, error)) return;
  make_folders(path.parent_path());
  if (::mkdir(path.c_str(), 0777) != 0 && !(errno == EEXIST && fs::is_directory(path, error))) {
    fail_system(path, "make the folder", errno);
  }
  flush_or_fail(path.parent_path());
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail_system(from, fmt::format("rename it to {}", to.string()), errno);
  flush_or_fail(to.parent_path());
}

void replace_link(const fs::path& link, const fs::path& target) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(link, error);
  if (fs::exists(status) && !fs::is_symlink(status)) {
    fail(link.string(), "is no link; it would be replaced by a link to {}: move it away", target.string());
  }
  if (fs::is_symlink(status) && fs::read_symlink(link, error) == target) return;
  const fs::path temporary = detail::temporary_name(link);
  if (::symlink(target.c_str(), temporary.c_str()) != 0) fail_system(link, "make the link", errno);
  if (::rename(temporary.c_str(), link.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    fail_system(link, "replace the link", reason);
  }
  flush_or_fail(link.parent_path());
}

int64_t free_bytes(const fs::path& folder) {
  struct statvfs system {};
  if (retry([&] { return ::statvfs(folder.c_str(), &system); }) != 0) {
    fail_system(folder, "ask for the free space of its file system", errno);
  }
  const auto free = static_cast<__uint128_t>(system.f_bavail) * system.f_frsize;
  return free > uint64_t{INT64_MAX} ? INT64_MAX : static_cast<int64_t>(free);
}

FolderLock::FolderLock(const fs::path& folder) {
  const fs::path path = folder / kName;
  descriptor_ = open_retrying(path, O_RDWR | O_CREAT);
  if (descriptor_ < 0) fail_system(path, "open the lock file", errno);
  if (retry([&] { return ::flock(descriptor_, LOCK_EX | LOCK_NB); }) != 0) {
    const int reason = errno;
    const std::string process = process_in(descriptor_);
    ::close(descriptor_);
    if (reason != EWOULDBLOCK) fail_system(path, "lock it", reason);
    fail_usage(folder.string(), "process {} is training into this folder; wait until it ends, or choose another --out",
               process);
  }
  // For the message above only: that it cannot be written (a full disk) harms nothing.
  const std::string own = fmt::format("{}\n", ::getpid());
  if (::ftruncate(descriptor_, 0) == 0) {
    [[maybe_unused]] const ssize_t count = ::pwrite(descriptor_, own.data(), own.size(), 0);
  }
}

std::optional<std::string> FolderLock::holder(const fs::path& folder) {
  const int descriptor = open_retrying(folder / kName, O_RDONLY);
  if (descriptor < 0) return std::nullopt;
  // Shared and for a moment only: a run that starts just then is the one thing that it can be in the way of.
  const bool free = retry([&] { return ::flock(descriptor, LOCK_SH | LOCK_NB); }) == 0 || errno != EWOULDBLOCK;
  std::optional<std::string> process;
  if (!free) process = process_in(descriptor);
  ::close(descriptor);
  return process;
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace gradus
