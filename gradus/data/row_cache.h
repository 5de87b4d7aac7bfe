// Encoded rows in a file, in blocks that are read one at a time: what passes over data larger than memory go through.
// docs/file_formats.md has the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "gradus/base/files.h"
#include "gradus/base/hash.h"
#include "gradus/base/input_file.h"
#include "gradus/base/unnamed_file.h"
#include "gradus/data/table.h"
#include "gradus/tensor/sparse.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// How rows lie in a cache.
struct RowLayout {
  bool is_sparse = false;
  int64_t columns = 0;  ///< Of each row, 1 to 2^31 − 1; of sparse rows known at the end.
  int64_t base = 0;     ///< What the indices of sparse rows are above their columns.
  int64_t targets = 1;  ///< Numbers to learn of each row, 1 to 2^20.
  bool has_weights = false;
};

/// A file that rows were made of, as it was then.
struct RowSource {
  std::string path;
  FileStamp stamp;
  uint64_t xxh3 = 0;  ///< Of its bytes.
};

/// Rows to learn from, and rows that are held out.
enum class RowPart : uint8_t { kTraining, kHeldOut };
constexpr int kRowParts = 2;

struct RowCacheDescription {
  RowLayout layout = {};
  std::vector<RowSource> sources = {};
  std::string options = {};   ///< How the rows were made of the sources: with other options the cache is another.
  std::string encoder = {};   ///< What the training part told of the columns, for whoever reads the rows.
  LeftOutRows left_out = {};  ///< Rows of the sources that are in neither part.
  double total_weights[kRowParts] = {0.0, 0.0};  ///< Of the rows of each part; their number without weights.
  /// The different numbers to learn of each part, ascending, if the writer lists them.
  std::vector<double> target_values[kRowParts] = {};
};

/// A block's place in the file.
struct RowBlock {
  int64_t offset = 0, bytes = 0;
  int64_t rows = 0;
  int64_t stored = 0;  ///< Numbers of features.
  RowPart part = RowPart::kTraining;
  uint64_t xxh3 = 0;
};

/// Rows that were read.
struct CachedRows {
  int64_t rows = 0;
  SparseMatrix sparse;          ///< Where the layout is sparse; else empty.
  Tensor dense;                 ///< Else f32 (rows, columns).
  std::vector<double> targets;  ///< (rows, targets)
  std::vector<float> weights;   ///< (rows), or none.
};

struct RowCacheWriterOptions {
  int64_t block_bytes = int64_t{1} << 20;
  /// Writing ends with an error rather than leave less than this free.
  int64_t reserve_bytes = int64_t{256} << 20;
  /// Of numbers that are classes: the description lists those that each part has.
  bool lists_targets = false;
  UnnamedFile* unnamed = nullptr;  ///< Given: it is written there, and nothing to its path.
};

/// Writes a cache, which appears whole or not at all.
class RowCacheWriter {
 public:
  RowCacheWriter(const std::string& path, const RowLayout& layout, const RowCacheWriterOptions& options = {});

  /// A row: `targets` as many numbers as the layout says, features dense, or those that are not 0 and their indices,
  /// ascending. `weight` counts where the layout has weights.
  void add(RowPart part, std::span<const float> features, std::span<const double> targets, float weight = 1.0F);
  void add(RowPart part, std::span<const int32_t> indices, std::span<const float> values,
           std::span<const double> targets, float weight = 1.0F);

  /// Ends the file. Of the description's layout, columns and base are taken; its weights and lists of targets are made
  /// here.
  void finish(RowCacheDescription description);

 private:
  struct Buffer {
    std::vector<uint32_t> lengths;
    std::vector<double> targets;
    std::vector<float> weights, values;
    std::vector<int32_t> indices;
  };
  void add_common(RowPart part, std::span<const float> values, std::span<const double> targets, float weight);
  void flush(RowPart part);
  template <class T>
  void write_all(Xxh3& sum, const std::vector<T>& values);
  void write(const void* data, size_t bytes);
  void check_space();

  std::string path_;
  RowLayout layout_;
  RowCacheWriterOptions options_;
  std::optional<AtomicFile> file_;  // none if there is an unnamed one
  Buffer buffers_[kRowParts];
  double total_weights_[kRowParts] = {0.0, 0.0};
  std::set<double> target_values_[kRowParts];
  std::vector<RowBlock> blocks_;
  int64_t offset_ = 0, checked_until_ = 0;
};

/// Whether the file begins as a cache of rows does, whole or not.
bool is_row_cache(const std::string& path);

/// A cache open for reading; safe on several threads.
class RowCache {
 public:
  /// An error if the file is none, was cut or damaged, by what its index says; blocks are checked when they are read.
  explicit RowCache(const std::string& path);
  /// What was written to a file without a name in the place of `path`.
  RowCache(const std::string& path, const UnnamedFile& file);

  const std::string& path() const { return path_; }
  const RowCacheDescription& description() const { return description_; }
  const RowLayout& layout() const { return description_.layout; }
  std::span<const RowBlock> blocks() const { return blocks_; }
  /// The numbers of a part's blocks, in their order, and how many rows these have.
  std::vector<int64_t> blocks_of(RowPart part) const;
  int64_t rows_of(RowPart part) const;
  double total_weight(RowPart part) const { return description_.total_weights[static_cast<size_t>(part)]; }

  /// What blocks take as `CachedRows`, in bytes.
  int64_t memory_of(std::span<const int64_t> blocks) const;
  /// The rows of these blocks, one behind the other. A block that is not as it was written is an error.
  void read(std::span<const int64_t> blocks, CachedRows& rows) const;

 private:
  void read_index();
  void check_index(int64_t end) const;
  void read_block(const RowBlock& block, std::vector<std::byte>& bytes, CachedRows& rows) const;

  std::string path_;
  InputFile file_;
  RowCacheDescription description_;
  std::vector<RowBlock> blocks_;
};

}  // namespace gradus
