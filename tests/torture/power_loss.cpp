#include "tests/torture/power_loss.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <stdio.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace gradus {
namespace fs = std::filesystem;
namespace {

using journal::Op;

template <class... Args>
[[noreturn]] void fail_model(fmt::format_string<Args...> format, Args&&... args) {
  throw std::runtime_error("power_loss: " + fmt::format(format, std::forward<Args>(args)...));
}

std::string contents_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_model("cannot read {}", path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<Operation> read_journal(const fs::path& journal) {
  const std::string bytes = contents_of(journal);
  std::vector<Operation> operations;
  size_t used = 0;
  const auto take = [&](size_t count) { return bytes.substr(std::exchange(used, used + count), count); };
  journal::Record record;
  while (bytes.size() - used >= sizeof(record)) {
    std::memcpy(&record, bytes.data() + used, sizeof(record));
    if (record.magic != journal::kMagic) fail_model("no record at byte {} of {}", used, journal.string());
    used += sizeof(record);
    if (bytes.size() - used < record.path_bytes + record.other_bytes + record.data_bytes) break;
    Operation operation{.op = record.op, .call = record.call, .handle = record.handle, .number = record.number};
    operation.path = take(record.path_bytes);
    operation.other = take(record.other_bytes);
    operation.data = take(record.data_bytes);
    operations.push_back(std::move(operation));
  }
  return operations;
}

struct Disk::Node {
  enum class Kind { kFile, kFolder, kLink };

  Kind kind = Kind::kFile;
  std::string data = "", flushed_data = "";  // of a link, where it leads
  Entries entries = {}, flushed_entries = {};

  void flush() {
    flushed_data = data;
    flushed_entries = entries;
  }
};

Disk::Disk(const fs::path& base) : root_(base.empty() ? std::make_shared<Node>() : copy_of(base)) {
  root_->kind = Node::Kind::kFolder;
}

Disk::NodePointer Disk::copy_of(const fs::path& path) {
  const auto node = std::make_shared<Node>();
  if (fs::is_symlink(path)) {
    *node = {.kind = Node::Kind::kLink, .data = fs::read_symlink(path).string()};
  } else if (fs::is_directory(path)) {
    node->kind = Node::Kind::kFolder;
    for (const auto& entry : fs::directory_iterator(path)) {
      node->entries[entry.path().filename().string()] = copy_of(entry.path());
    }
  } else {
    node->data = contents_of(path);
  }
  node->flush();
  return node;
}

Disk::Place Disk::place_of(const std::string& path) {
  const fs::path parts(path);
  Node* folder = root_.get();
  for (const fs::path& part : parts.parent_path()) {
    const auto found = folder->entries.find(part.string());
    if (found == folder->entries.end() || found->second->kind != Node::Kind::kFolder) {
      fail_model("{} is not a folder, on the way to {}", part.string(), path);
    }
    folder = found->second.get();
  }
  return {folder->entries, parts.filename().string()};
}

Disk::NodePointer Disk::node_at(const std::string& path) {
  if (path.empty()) return root_;
  const Place place = place_of(path);
  const auto found = place.entries.find(place.name);
  return found == place.entries.end() ? nullptr : found->second;
}

Disk::NodePointer Disk::node_of(const Operation& operation) {
  const auto found = handles_.find(operation.handle);
  if (found == handles_.end()) fail_model("handle {} was never opened", operation.handle);
  return found->second;
}

void Disk::open(const Operation& operation) {
  NodePointer node = node_at(operation.path);
  if (node == nullptr) {
    if ((operation.number & O_CREAT) == 0) fail_model("{} was opened and does not exist", operation.path);
    node = std::make_shared<Node>();
    make(operation, node);
  }
  if ((operation.number & O_TRUNC) != 0) node->data.clear();
  handles_[operation.handle] = node;
}

void Disk::rename(const Operation& operation) {
  const NodePointer node = node_at(operation.path);
  if (node == nullptr) fail_model("{} was renamed and does not exist", operation.path);
  const Place from = place_of(operation.path), to = place_of(operation.other);
  const NodePointer other = node_at(operation.other);
  if (node == other) return;  // two names of one node stay: POSIX has it so
  if ((operation.number & RENAME_EXCHANGE) != 0) {
    from.entries[from.name] = other;
  } else {
    from.entries.erase(from.name);
  }
  to.entries[to.name] = node;
}

void Disk::make(const Operation& operation, NodePointer node) {
  const Place place = place_of(operation.path);
  place.entries[place.name] = std::move(node);
}

void Disk::apply(const Operation& operation) {
  switch (operation.op) {
    case Op::kOpen:
      return open(operation);
    case Op::kWrite: {
      const NodePointer node = node_of(operation);
      const size_t begin = static_cast<size_t>(operation.number), bytes = operation.data.size();
      node->data.resize(std::max(node->data.size(), begin + bytes));
      node->data.replace(begin, bytes, operation.data);
      return;
    }
    case Op::kTruncate:
      return node_of(operation)->data.resize(static_cast<size_t>(operation.number));
    case Op::kSync:
      return node_of(operation)->flush();
    case Op::kRename:
      return rename(operation);
    case Op::kLink: {
      const Place place = place_of(operation.other);
      place.entries[place.name] = node_at(operation.path);
      return;
    }
    case Op::kSymlink:  // it reaches the disk with its name
      return make(operation, std::make_shared<Node>(Node{
                                 .kind = Node::Kind::kLink, .data = operation.other, .flushed_data = operation.other}));
    case Op::kMkdir:
      return make(operation, std::make_shared<Node>(Node{.kind = Node::Kind::kFolder}));
    case Op::kUnlink:
    case Op::kRmdir: {
      const Place place = place_of(operation.path);
      place.entries.erase(place.name);
      return;
    }
  }
  fail_model("unknown operation {}", static_cast<int>(operation.op));
}

void Disk::write(const Node& node, PowerCut cut, const fs::path& target) {
  switch (node.kind) {
    case Node::Kind::kFolder:
      fs::create_directory(target);
      for (const auto& [name, entry] : cut == PowerCut::kFlushedOnly ? node.flushed_entries : node.entries) {
        write(*entry, cut, target / name);
      }
      return;
    case Node::Kind::kFile: {
      std::ofstream file(target, std::ios::binary);
      file << (cut == PowerCut::kAll ? node.data : node.flushed_data);
      if (!file.flush()) fail_model("cannot write {}", target.string());
      return;
    }
    case Node::Kind::kLink:
      return fs::create_symlink(node.data, target);
  }
}

void Disk::write_after(PowerCut cut, const fs::path& target) const {
  if (fs::exists(target) && !fs::is_empty(target)) fail_model("{} is not empty", target.string());
  write(*root_, cut, target);
}

void write_after_power_cut(const std::vector<Operation>& operations, size_t count, PowerCut cut, const fs::path& target,
                           const fs::path& base) {
  Disk disk(base);
  for (size_t i = 0; i < count; ++i) disk.apply(operations[i]);
  disk.write_after(cut, target);
}

}  // namespace gradus
