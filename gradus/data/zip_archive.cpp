#include "gradus/data/zip_archive.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/data/compression.h"

namespace gradus {
namespace {

constexpr uint32_t kEndMark = 0x06054B50, kEnd64Mark = 0x06064B50, kLocatorMark = 0x07064B50;
constexpr uint32_t kEntryMark = 0x02014B50, kLocalMark = 0x04034B50;
constexpr size_t kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20, kEntrySize = 46, kLocalSize = 30;
constexpr uint64_t kInZip64 = 0xFFFFFFFF;  // instead of a size or an offset that 32 bits do not hold

[[noreturn]] void fail_archive(const std::string& source, const char* what) {
  fail(source, "damaged archive: {}; make or fetch it again", what);
}

// Little-endian numbers at places that are checked.
class ZipBytes {
 public:
  ZipBytes(std::string_view bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  std::string_view at(uint64_t offset, uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      fail_archive(source_, "it points behind the file's end");
    }
    return bytes_.substr(offset, size);
  }
  uint64_t number(uint64_t offset, size_t size) const {
    uint64_t value = 0;
    const std::string_view text = at(offset, size);
    for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(text[i]);
    return value;
  }
  bool has_mark(uint64_t offset, uint32_t mark) const { return number(offset, 4) == mark; }
  size_t size() const { return bytes_.size(); }
  const std::string& source() const { return source_; }

 private:
  std::string_view bytes_;
  const std::string& source_;
};

struct Directory {
  uint64_t offset = 0, entries = 0;
};

// The record at the end says where the list of members is.
Directory find_directory(const ZipBytes& bytes) {
  constexpr size_t kMostComment = 0xFFFF;
  if (bytes.size() < kEndSize) fail_archive(bytes.source(), "it is shorter than an empty one");
  const size_t last = bytes.size() - kEndSize;
  const size_t first = last > kMostComment ? last - kMostComment : 0;
  size_t end = last;
  while (!bytes.has_mark(end, kEndMark)) {
    if (end-- == first) fail_archive(bytes.source(), "there is no list of members at its end; was it cut short?");
  }
  if (end < kLocatorSize || !bytes.has_mark(end - kLocatorSize, kLocatorMark)) {
    return {bytes.number(end + 16, 4), bytes.number(end + 10, 2)};
  }
  const uint64_t end64 = bytes.number(end - kLocatorSize + 8, 8);
  if (!ZipBytes(bytes.at(end64, kEnd64Size), bytes.source()).has_mark(0, kEnd64Mark)) {
    fail_archive(bytes.source(), "its zip64 record is not where it should be");
  }
  return {bytes.number(end64 + 48, 8), bytes.number(end64 + 32, 8)};
}

// Sizes and offset of an entry, which its zip64 field has where 32 bits do not.
struct Extent {
  uint64_t size = 0, stored = 0, offset = 0;
};

Extent extent_of(const ZipBytes& bytes, uint64_t entry, std::string_view extra) {
  constexpr uint64_t kZip64 = 1;
  Extent extent{bytes.number(entry + 24, 4), bytes.number(entry + 20, 4), bytes.number(entry + 42, 4)};
  const ZipBytes fields(extra, bytes.source());
  for (uint64_t at = 0; at + 4 <= extra.size();) {
    const uint64_t id = fields.number(at, 2), size = fields.number(at + 2, 2);
    uint64_t next = at + 4;
    for (uint64_t* number : {&extent.size, &extent.stored, &extent.offset}) {
      if (id != kZip64 || *number != kInZip64) continue;
      *number = fields.number(next, 8);
      next += 8;
    }
    at += 4 + size;
  }
  return extent;
}

ZipArchive::Member member_at(const ZipBytes& bytes, uint64_t entry, uint64_t& next) {
  constexpr uint64_t kStored = 0, kDeflated = 8, kEncrypted = 1;
  if (!bytes.has_mark(entry, kEntryMark)) fail_archive(bytes.source(), "its list of members ends too early");
  const uint64_t name_size = bytes.number(entry + 28, 2), extra_size = bytes.number(entry + 30, 2);
  next = entry + kEntrySize + name_size + extra_size + bytes.number(entry + 32, 2);
  ZipArchive::Member member{.name = std::string(bytes.at(entry + kEntrySize, name_size))};
  const uint64_t method = bytes.number(entry + 10, 2);
  if ((bytes.number(entry + 8, 2) & kEncrypted) != 0 || (method != kStored && method != kDeflated)) {
    fail(bytes.source(),
         "member \"{}\" is encrypted, or compressed by another method than deflate; save it again with "
         "numpy.savez or numpy.savez_compressed",
         member.name);
  }
  const Extent extent = extent_of(bytes, entry, bytes.at(entry + kEntrySize + name_size, extra_size));
  if (!bytes.has_mark(extent.offset, kLocalMark)) fail_archive(bytes.source(), "a member is not where it should be");
  const uint64_t local = bytes.number(extent.offset + 26, 2) + bytes.number(extent.offset + 28, 2) + kLocalSize;
  member.is_deflated = method == kDeflated;
  member.sum = static_cast<uint32_t>(bytes.number(entry + 16, 4));
  member.size = static_cast<int64_t>(extent.size);
  member.data = bytes.at(extent.offset + local, extent.stored);
  if (member.size < 0 || (!member.is_deflated && extent.size != extent.stored)) {
    fail_archive(bytes.source(), "the sizes of a member differ");
  }
  return member;
}

}  // namespace

ZipArchive::ZipArchive(std::string_view bytes, std::string source) : source_(std::move(source)) {
  const ZipBytes all(bytes, source_);
  const Directory directory = find_directory(all);
  std::unordered_set<std::string> names;
  uint64_t entry = directory.offset;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    members_.push_back(member_at(all, entry, entry));
    if (!names.insert(members_.back().name).second) fail_archive(source_, "it has a member twice");
  }
}

ZipArchive::Contents ZipArchive::contents(const Member& member, int64_t most_bytes) const {
  if (member.size > most_bytes) {
    fail(source_, "member \"{}\" holds {} bytes; at most {} are read", member.name, member.size, most_bytes);
  }
  Contents text{.bytes = member.data};
  if (member.is_deflated) {
    text.own = inflated(member.data, member.size);
    text.bytes = text.own.view();
  }
  if (static_cast<int64_t>(text.bytes.size()) != member.size || crc32_of(text.bytes) != member.sum) {
    fail(source_, "member \"{}\" is damaged; make or fetch it again", member.name);
  }
  return text;
}

}  // namespace gradus
