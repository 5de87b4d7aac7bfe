// Folders: written whole or not at all, locked, and pointed to by links that are replaced in one step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// A folder that appears whole or not at all: filled beside `path` under a temporary name, flushed to disk, renamed,
/// and the parent folder flushed. Destroyed without `commit`, it leaves nothing behind.
class AtomicFolder {
 public:
  /// `path` must not exist; its parent must.
  explicit AtomicFolder(std::filesystem::path path);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where its files go until it is committed. Each must be flushed by whoever writes it (see `OutputFile`).
  const std::filesystem::path& staging() const { return temporary_; }
  /// Writes one file of it and flushes that.
  void write(std::string_view name, std::string_view text) const;
  void commit();

 private:
  std::filesystem::path path_, temporary_;
};

/// Whether the name is one that a process that was killed may have left: of a file, folder or link on its way, or of a
/// folder that was being removed.
bool is_leftover(const std::filesystem::path& path);

/// Removes what processes that are no more left on its way to `path`, a file: large ones would fill the disk.
void remove_abandoned(const std::filesystem::path& path);

/// What a folder holds, sorted; nothing if there is no such folder. That it cannot be read is an error: an answer that
/// leaves things out would be taken for the truth.
std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder);

/// Removes a file, a link, or a folder with all it holds; nothing there is fine.
void remove_path(const std::filesystem::path& path);

/// Removes a folder with all it holds. It goes out of sight in one step first: nobody sees half of it.
void remove_folder(const std::filesystem::path& path);

/// Makes the directory and those above it, flushed to disk; one that is there already is fine.
void make_folders(const std::filesystem::path& path);

/// Renames a file or folder within its folder, and flushes that.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// Makes `link` a symbolic link to `target` (relative to the link's folder), in one step also where there is one
/// already, and flushes the folder. Anything at `link` that is no link is an error.
void replace_link(const std::filesystem::path& link, const std::filesystem::path& target);

/// Bytes that an ordinary user can still write in the file system of `folder`.
int64_t free_bytes(const std::filesystem::path& folder);

/// Holds a folder for this process: a second one is refused. The lock goes with the process, however it ends; the file
/// `.lock` with the number of the last holder stays.
class FolderLock {
 public:
  /// A usage error that names the holder's process if another one has it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  static constexpr const char* kName = ".lock";
  /// The number of the process that holds the folder, as text ("?" if it is not known); nothing if none does.
  static std::optional<std::string> holder(const std::filesystem::path& folder);

 private:
  int descriptor_ = -1;
};

}  // namespace gradus
