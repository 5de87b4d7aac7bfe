// What a disk can hold after a power cut: a journal of `gradus_faults`, replayed on a model of a file system that knows
// what has been flushed.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/torture/journal.h"

namespace gradus {

/// A record of the journal.
struct Operation {
  journal::Op op = journal::Op::kOpen;
  uint64_t call = 0, handle = 0;
  int64_t number = 0;
  std::string path = "", other = "", data = "";
};

/// The records of a journal. A last one that is cut off, by a kill while it was written, is left out.
std::vector<Operation> read_journal(const std::filesystem::path& journal);

enum class PowerCut {
  kAll,               ///< All that was done is there: the same as after a kill.
  kFlushedOnly,       ///< Contents as of the file's last fsync (none before the first), names as of the folder's.
  kNamesWithoutData,  ///< All names are there, contents as of the file's last fsync.
};

/// A folder on a disk. Nodes are inodes: a name is an entry of a folder, so a rename moves the node with what it holds.
class Disk {
 public:
  /// Begins as a copy of the folder `base`, all of it flushed; without it, empty.
  explicit Disk(const std::filesystem::path& base = {});

  /// Throws where the model does not know what the call did, e.g. through a symbolic link to a folder.
  void apply(const Operation& operation);

  /// Writes what is there after a power cut now into the folder `target`, which is made and must be empty.
  void write_after(PowerCut cut, const std::filesystem::path& target) const;

 private:
  struct Node;
  using NodePointer = std::shared_ptr<Node>;
  using Entries = std::map<std::string, NodePointer>;
  struct Place {
    Entries& entries;
    std::string name;
  };

  static NodePointer copy_of(const std::filesystem::path& path);
  static void write(const Node& node, PowerCut cut, const std::filesystem::path& target);
  Place place_of(const std::string& path);
  NodePointer node_at(const std::string& path);
  NodePointer node_of(const Operation& operation);
  void open(const Operation& operation);
  void rename(const Operation& operation);
  void make(const Operation& operation, NodePointer node);

  NodePointer root_;
  std::map<uint64_t, NodePointer> handles_;
};

/// `Disk` after the first `count` operations.
void write_after_power_cut(const std::vector<Operation>& operations, size_t count, PowerCut cut,
                           const std::filesystem::path& target, const std::filesystem::path& base = {});

}  // namespace gradus
