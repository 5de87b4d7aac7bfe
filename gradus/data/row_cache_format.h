// What the writer and the reader of a cache of rows share.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "gradus/data/row_cache.h"

namespace gradus::detail {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

constexpr std::string_view kRowCacheMark = "gradrows";
constexpr uint64_t kRowCacheVersion = 1;

struct RowCacheHeader {
  char mark[8];
  uint64_t version;
};

struct RowCacheEntry {
  uint64_t offset, bytes, rows, stored, part, xxh3;
};

/// The file's end; index and description are just before it.
struct RowCacheTrailer {
  uint64_t index_offset, blocks, description_bytes;
  uint64_t xxh3;  ///< Of index, description and the three numbers above.
  char mark[8];
};

/// The size of a block; −1 if none has so many rows, at least 1, or numbers.
int64_t row_block_bytes(const RowLayout& layout, int64_t rows, int64_t stored);

std::string to_json(const RowCacheDescription& description);
/// Errors call it `file`.
RowCacheDescription row_cache_description(std::string_view json, const std::string& file);

}  // namespace gradus::detail
