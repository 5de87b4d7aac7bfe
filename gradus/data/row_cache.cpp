#include "gradus/data/row_cache.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/data/row_cache_format.h"

namespace gradus {
namespace {

using detail::RowCacheEntry;
using detail::RowCacheHeader;
using detail::RowCacheTrailer;

[[noreturn]] void fail_cache(const std::string& path, std::string_view what) {
  fail(path, "{}; remove it, and it is made again from its source", what);
}

template <class T>
T read_struct(const InputFile& file, const std::string& path, int64_t offset) {
  T value{};
  if (file.read_at(offset, &value, sizeof value) != sizeof value) fail_cache(path, "the cache of rows was cut short");
  return value;
}

bool has_mark(const char (&mark)[8]) { return std::string_view(mark, sizeof mark) == detail::kRowCacheMark; }

// Takes `count` values from the front of some bytes, of which there are enough.
template <class T>
void take(std::span<const std::byte>& bytes, int64_t count, T* to) {
  const size_t size = static_cast<size_t>(count) * sizeof(T);
  std::memcpy(to, bytes.data(), size);
  bytes = bytes.subspan(size);
}

template <class T>
void take_behind(std::span<const std::byte>& bytes, int64_t count, std::vector<T>& to) {
  const size_t before = to.size();
  to.resize(before + static_cast<size_t>(count));
  take(bytes, count, to.data() + before);
}

}  // namespace

bool is_row_cache(const std::string& path) {
  RowCacheHeader header{};
  const InputFile file(path);
  return file.read_at(0, &header.mark, sizeof header.mark) == sizeof header.mark && has_mark(header.mark);
}

RowCache::RowCache(const std::string& path) : path_(path), file_(path) { read_index(); }

RowCache::RowCache(const std::string& path, const UnnamedFile& file) : path_(path), file_(file.reader()) {
  read_index();
}

void RowCache::read_index() {
  const std::string& path = path_;
  const int64_t size = file_.stamp().bytes;
  constexpr int64_t kEnds = sizeof(RowCacheHeader) + sizeof(RowCacheTrailer);
  if (size < kEnds) fail_cache(path, "this is no cache of rows, or what is left of one");
  const auto header = read_struct<RowCacheHeader>(file_, path, 0);
  if (!has_mark(header.mark)) fail_cache(path, "this is no cache of rows");
  if (header.version != detail::kRowCacheVersion) {
    fail_cache(path,
               fmt::format("the cache of rows has version {}; expected {}", header.version, detail::kRowCacheVersion));
  }
  const auto trailer = read_struct<RowCacheTrailer>(file_, path, size - static_cast<int64_t>(sizeof(RowCacheTrailer)));
  if (!has_mark(trailer.mark)) fail_cache(path, "the cache of rows was cut short, or damaged at its end");
  const auto room = static_cast<uint64_t>(size - kEnds);
  const bool fits =
      trailer.index_offset >= sizeof header && trailer.index_offset - sizeof header <= room &&
      trailer.blocks <= room / sizeof(RowCacheEntry) && trailer.description_bytes <= room &&
      trailer.index_offset - sizeof header + trailer.blocks * sizeof(RowCacheEntry) + trailer.description_bytes == room;
  if (!fits) fail_cache(path, "the cache of rows is damaged: its parts are not as long as the file");
  std::vector<RowCacheEntry> entries(trailer.blocks);
  std::string text(trailer.description_bytes, '\0');
  const size_t index_bytes = entries.size() * sizeof(RowCacheEntry);
  const auto index_offset = static_cast<int64_t>(trailer.index_offset);
  file_.read_at(index_offset, entries.data(), index_bytes);
  file_.read_at(index_offset + static_cast<int64_t>(index_bytes), text.data(), text.size());
  Xxh3 sum;
  sum.add(entries.data(), index_bytes);
  sum.add(text);
  sum.add(&trailer, offsetof(RowCacheTrailer, xxh3));
  if (sum.value() != trailer.xxh3) fail_cache(path, "the index of the cache of rows is damaged");
  description_ = detail::row_cache_description(text, path);
  for (const RowCacheEntry& e : entries) {
    blocks_.push_back({static_cast<int64_t>(e.offset), static_cast<int64_t>(e.bytes), static_cast<int64_t>(e.rows),
                       static_cast<int64_t>(e.stored), e.part == 0 ? RowPart::kTraining : RowPart::kHeldOut, e.xxh3});
  }
  check_index(index_offset);
}

void RowCache::check_index(int64_t end) const {
  int64_t offset = sizeof(RowCacheHeader);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const RowBlock& b = blocks_[i];
    const bool is_right = b.offset == offset && b.bytes > 0 && b.bytes <= end - offset && b.rows > 0 &&
                          b.rows <= b.bytes && b.stored >= 0 && b.stored <= b.bytes &&
                          b.bytes == detail::row_block_bytes(layout(), b.rows, b.stored);
    if (!is_right) fail_cache(path_, fmt::format("the index of the cache of rows is wrong of block {}", i));
    offset += b.bytes;
  }
  if (offset != end) fail_cache(path_, "the index of the cache of rows leaves bytes out");
}

std::vector<int64_t> RowCache::blocks_of(RowPart part) const {
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].part == part) numbers.push_back(static_cast<int64_t>(i));
  }
  return numbers;
}

int64_t RowCache::rows_of(RowPart part) const {
  int64_t rows = 0;
  for (const RowBlock& block : blocks_) rows += block.part == part ? block.rows : 0;
  return rows;
}

int64_t RowCache::memory_of(std::span<const int64_t> blocks) const {
  int64_t bytes = 0;
  for (const int64_t i : blocks) {
    const RowBlock& b = blocks_[static_cast<size_t>(i)];
    bytes += b.rows * (8 * layout().targets + 12) + b.stored * (layout().is_sparse ? 8 : 4);
  }
  return bytes;
}

void RowCache::read(std::span<const int64_t> blocks, CachedRows& rows) const {
  rows.rows = 0;
  rows.targets.clear();
  rows.weights.clear();
  rows.sparse.offsets.assign(1, 0);
  rows.sparse.indices.clear();
  rows.sparse.values.clear();
  rows.sparse.columns = layout().columns;
  int64_t all = 0, stored = 0;
  for (const int64_t i : blocks) {
    all += blocks_[static_cast<size_t>(i)].rows;
    stored += blocks_[static_cast<size_t>(i)].stored;
  }
  rows.targets.reserve(static_cast<size_t>(all * layout().targets));
  if (layout().is_sparse) {
    rows.sparse.offsets.reserve(static_cast<size_t>(all + 1));
    rows.sparse.indices.reserve(static_cast<size_t>(stored));
    rows.sparse.values.reserve(static_cast<size_t>(stored));
  } else if (!rows.dense.defined() || rows.dense.size(0) != all) {
    rows.dense = Tensor::empty({all, layout().columns});
  }
  std::vector<std::byte> bytes;
  for (const int64_t i : blocks) read_block(blocks_[static_cast<size_t>(i)], bytes, rows);
  rows.sparse.rows = layout().is_sparse ? rows.rows : 0;
}

void RowCache::read_block(const RowBlock& block, std::vector<std::byte>& bytes, CachedRows& rows) const {
  const auto check = [&](bool is_right, const char* what) {
    if (!is_right) fail_cache(path_, fmt::format("the block of rows at byte {} {}", block.offset, what));
  };
  bytes.resize(static_cast<size_t>(block.bytes));
  check(file_.read_at(block.offset, bytes.data(), bytes.size()) == bytes.size(), "was cut short");
  check(xxh3(bytes.data(), bytes.size()) == block.xxh3, "is damaged");
  std::span<const std::byte> rest = bytes;
  if (layout().is_sparse) {
    std::vector<uint32_t> lengths;
    take_behind(rest, block.rows, lengths);
    int64_t end = rows.sparse.offsets.back();
    const int64_t last = end + block.stored;
    for (const uint32_t length : lengths) rows.sparse.offsets.push_back(end += length);
    check(end == last, "has rows that are not as long as it");
  }
  take_behind(rest, block.rows * layout().targets, rows.targets);
  if (layout().has_weights) take_behind(rest, block.rows, rows.weights);
  if (layout().is_sparse) {
    take_behind(rest, block.stored, rows.sparse.indices);
    const auto base = static_cast<uint32_t>(layout().base), columns = static_cast<uint32_t>(layout().columns);
    bool is_wrong = false;
    for (int32_t& index : std::span(rows.sparse.indices).last(static_cast<size_t>(block.stored))) {
      const uint32_t column = static_cast<uint32_t>(index) - base;
      is_wrong |= column >= columns;
      index = static_cast<int32_t>(column);
    }
    check(!is_wrong, "has an index that is no column");
    take_behind(rest, block.stored, rows.sparse.values);
  } else {
    take(rest, block.stored, rows.dense.mutable_data<float>() + rows.rows * layout().columns);
  }
  rows.rows += block.rows;
}

}  // namespace gradus
