// Arbitrary bytes as a cache of rows: refused, or rows as gradus/data/row_cache.h promises them. Once as they are, and
// once with the sums put right, so that what is behind them is reached.
#include "gradus/data/row_cache.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "gradus/base/hash.h"
#include "gradus/data/row_cache_format.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using gradus::detail::RowCacheEntry;
using gradus::detail::RowCacheTrailer;
using gradus::fuzz::require;

void check(const gradus::RowCache& cache, const gradus::CachedRows& rows, size_t blocks) {
  const gradus::RowLayout& layout = cache.layout();
  const auto count = static_cast<size_t>(rows.rows);
  require(count >= blocks, "a block has a row");
  require(rows.targets.size() == count * static_cast<size_t>(layout.targets), "each row has its targets");
  require(rows.weights.size() == (layout.has_weights ? count : 0), "each row has a weight, or none has");
  const gradus::SparseMatrix& x = rows.sparse;
  if (!layout.is_sparse) {
    require(rows.dense.size(0) == rows.rows && rows.dense.size(1) == layout.columns, "dense rows are of one width");
    return;
  }
  require(x.rows == rows.rows && x.offsets.size() == count + 1 && x.offsets[0] == 0, "each row begins and ends");
  require(x.offsets[count] == static_cast<int64_t>(x.indices.size()) && x.indices.size() == x.values.size(),
          "each value has an index");
  for (size_t i = 0; i < count; ++i) require(x.offsets[i] <= x.offsets[i + 1], "offsets ascend");
  for (const int32_t index : x.indices) require(index >= 0 && index < x.columns, "an index is a column");
}

void read(const std::string& bytes) {
  const int file = ::memfd_create("cache", 0);
  require(file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "memory");
  gradus::fuzz::unless_refused([&] {
    const gradus::RowCache cache("/proc/self/fd/" + std::to_string(file));
    for (const gradus::RowPart part : {gradus::RowPart::kTraining, gradus::RowPart::kHeldOut}) {
      const std::vector<int64_t> blocks = cache.blocks_of(part);
      gradus::CachedRows rows;
      cache.read(blocks, rows);
      require(rows.rows == cache.rows_of(part), "the index knows the rows");
      check(cache, rows, blocks.size());
    }
    return true;
  });
  ::close(file);
}

// With the sums that its blocks and its index would have.
std::string summed(std::string bytes) {
  RowCacheTrailer trailer{};
  if (bytes.size() < sizeof trailer) return bytes;
  const size_t end = bytes.size() - sizeof trailer;
  std::memcpy(&trailer, bytes.data() + end, sizeof trailer);
  if (trailer.index_offset > end || trailer.blocks > (end - trailer.index_offset) / sizeof(RowCacheEntry)) return bytes;
  for (uint64_t i = 0; i < trailer.blocks; ++i) {
    char* const at = bytes.data() + trailer.index_offset + i * sizeof(RowCacheEntry);
    RowCacheEntry entry{};
    std::memcpy(&entry, at, sizeof entry);
    if (entry.offset > end || entry.bytes > end - entry.offset) continue;
    entry.xxh3 = gradus::xxh3(bytes.data() + entry.offset, entry.bytes);
    std::memcpy(at, &entry, sizeof entry);
  }
  gradus::Xxh3 sum;
  sum.add(bytes.data() + trailer.index_offset, end - trailer.index_offset);
  sum.add(&trailer, offsetof(RowCacheTrailer, xxh3));
  trailer.xxh3 = sum.value();
  std::memcpy(bytes.data() + end, &trailer, sizeof trailer);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(gradus::fuzz::as_text(data, size));
  read(bytes);
  read(summed(bytes));
  return 0;
}
