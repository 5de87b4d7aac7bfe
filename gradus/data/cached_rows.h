// Caches of rows that are made of files of text, and made anew when those have changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gradus/data/libsvm.h"
#include "gradus/data/row_cache.h"
#include "gradus/data/text_pieces.h"

namespace gradus {

/// Which rows of a stream are held out: each by itself, by its number, counted from 0 over all files without the rows
/// that are left out, so that no table of rows is needed: those whose hash, as a number in [0, 1), is in [low, high).
/// So it is about that share of them, and what is held out of other intervals are other rows.
struct HeldOutRows {
  uint64_t key = 0;
  double low = 0.0, high = 0.0;

  bool contains(int64_t row) const;
};

/// What a cache is made of, and where it lies.
struct CacheRequest {
  std::string path;
  std::vector<std::string> files;           ///< At least one.
  std::vector<std::string> held_out_files;  ///< Files all rows of which are held out.
  HeldOutRows held_out = {};                ///< Of the rows of `files`.
  /// All that the rows depend on beside the files, the two fields above included: a cache made with another text is
  /// made again.
  std::string options;
  std::optional<std::string> encoder = {};  ///< Given: that of the cache has to be this.
  TextPieceOptions pieces = {};
  RowCacheWriterOptions writer = {};
  /// Otherwise a cache that has to be made is there for this process alone, and no file of it stays.
  bool is_kept = true;
};

/// Why rows of a cache are not what was asked for, for people; nothing if they are. A source whose size or time of
/// change is another is read, and is the same if its sum is.
std::optional<std::string> stale_reason(const RowCacheDescription& description, const CacheRequest& request);

/// The cache at `request.path`, if it is what was asked for. Else `say` is told why it is not, if it is there and to be
/// replaced, and `make` has to write the one of the request that it is given.
std::shared_ptr<const RowCache> cached_rows(const CacheRequest& request,
                                            const std::function<void(const CacheRequest& request)>& make,
                                            const std::function<void(const std::string& line)>& say);

/// The file as `text` found it, all of which was read; an error if somebody has written it meanwhile.
RowSource source_of(const TextPieces& text);

/// Some rows of a file in LIBSVM's format, and which of them are of the training part; of files that are held out,
/// which come last, none is.
using LibsvmVisit =
    std::function<void(const SparseExamples& rows, const std::vector<int64_t>& training, bool of_held_out_file)>;
/// Writes a cache of rows in LIBSVM's format, with their labels as numbers to learn. `visit` sees all rows; after the
/// last, `encoder` gives the text that is kept with them, for so many columns, whose indices begin at `base`.
void write_libsvm_cache(const CacheRequest& request, const LibsvmOptions& options, const LibsvmVisit& visit,
                        const std::function<std::string(int64_t columns, int32_t base)>& encoder);

}  // namespace gradus
