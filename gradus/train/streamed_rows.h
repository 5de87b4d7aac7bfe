// Rows of a cache as a data set, and as what solvers learn from a piece at a time.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "gradus/classic/linear_stream.h"
#include "gradus/data/dataset.h"
#include "gradus/data/row_windows.h"
#include "gradus/data/table_encoder.h"

namespace gradus {

/// From the numbers to learn as a cache has them to what a loss takes.
class CachedTargets {
 public:
  /// Of sparse rows a cache has labels as they are in the file, of tables what `TableEncoder::targets` gave.
  explicit CachedTargets(const TableEncoder& encoder);
  /// f32 (N, 1), or classes, i64 (N). A label that is no class of the encoder is an error of `source`.
  Tensor operator()(std::span<const double> numbers, const std::string& source) const;

 private:
  bool of_classes_, as_labels_;
  std::vector<double> labels_;  // of the classes
  double mean_, scale_;
};

/// One part of a cache. Rows that are asked for one behind the other are read quickly: the blocks last read stay in
/// memory, up to a bound.
class StreamedRows : public Dataset {
 public:
  /// `memory_bytes` is what rows may take while they are learned.
  StreamedRows(std::shared_ptr<const RowCache> cache, RowPart part, const TableEncoder& encoder, int64_t memory_bytes);

  int64_t size() const override { return rows_; }
  /// A usage error for more rows than memory has room for.
  Batch batch(std::span<const int64_t> ids) const override;

  /// For a sampler: a mini-batch is of rows in the blocks that memory has room for.
  ExampleBlocks blocks() const override { return {ends_, kept_}; }

  const std::shared_ptr<const RowCache>& cache() const { return cache_; }
  RowPart part() const { return part_; }
  const CachedTargets& targets() const { return targets_; }
  /// If the cache lists them; else undefined.
  Tensor present_targets() const override;
  int64_t memory_bytes() const { return memory_bytes_; }
  /// What tensors take of the rows that are in memory now.
  int64_t tensor_bytes() const;

 private:
  struct Read {
    size_t block = 0;  // of this part
    CachedRows rows = {};
    uint64_t used = 0;  // when last
  };
  const CachedRows& read(size_t block) const;

  std::shared_ptr<const RowCache> cache_;
  RowPart part_;
  CachedTargets targets_;
  int64_t memory_bytes_, rows_;
  std::vector<int64_t> blocks_, ends_;  // of the part: their numbers in the cache, and the row behind each
  mutable std::mutex mutex_;
  int64_t kept_;                        // how many blocks stay in memory
  mutable std::vector<int32_t> place_;  // of each block in `read_`; −1: it is not there
  mutable std::vector<Read> read_;
  mutable uint64_t uses_ = 0;
};

/// What examples of each class count beside their own weights; empty for 1 each.
using ClassWeights = std::vector<double>;

/// The sum of the examples' own weights, and of those times the weights of their classes. A pass over the rows, if
/// there are any of the latter.
struct TotalWeights {
  double own = 0.0, all = 0.0;
};
TotalWeights total_weights(const StreamedRows& rows, const ClassWeights& of_class);

/// Rows for the solvers of classic/ that take one example at a time. A pass shuffles the blocks of the cache, reads as
/// many as memory has room for, and shuffles their rows: a function of seed and pass. Rows that all have room are
/// shuffled as those in memory are, so that the result is the same to the bit. `terms` are loss and penalties.
std::unique_ptr<LinearStream> linear_stream(const StreamedRows& rows, const LinearProblem& terms,
                                            const ClassWeights& of_class, const TotalWeights& total);

}  // namespace gradus
