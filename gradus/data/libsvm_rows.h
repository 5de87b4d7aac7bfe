// The rows of a text in LIBSVM's format, for those who read it as a whole and those who read it in pieces.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/libsvm.h"
#include "gradus/data/text_blocks.h"

namespace gradus::detail {

/// The highest index that a text may have.
constexpr int64_t kMostLibsvmIndex = std::numeric_limits<int32_t>::max() - 1;

/// The rows of a block of text; lines and offsets count from its beginning, indices are those of the text.
struct LibsvmBlock {
  std::vector<double> targets;
  std::vector<int64_t> lines, ends;  ///< Of each row: its line, and how many values there are up to its end.
  std::vector<int32_t> indices;
  std::vector<float> values;
  int64_t line_ends = 0, lowest = std::numeric_limits<int64_t>::max(), highest = -1;
  int64_t error_line = -1;  ///< From here on nothing was read, or of the first row that was skipped.
  std::string error;        ///< What is wrong there.
  int64_t skipped = 0;
};

/// Reads what is behind `begin` in blocks of `options.block_bytes`, on several threads. `place` is that of `text` in
/// `source`, for the error of what is no UTF-8; other errors stand in their blocks. Pages of a mapped file are given
/// back as they were read.
std::vector<LibsvmBlock> read_libsvm_blocks(std::string_view text, size_t begin, const std::string& source,
                                            const LibsvmOptions& options, const TextPlace& place,
                                            bool is_mapped = false);

/// What is known of all rows so far.
class LibsvmSummary {
 public:
  /// Throws a usage error for a number of columns that cannot be.
  LibsvmSummary(std::string source, const LibsvmOptions& options);

  /// Takes the next blocks in, and throws the first error in them, unless such rows are skipped.
  void add(const std::vector<LibsvmBlock>& blocks);
  /// Of all that was added: throws if there is no row, or an index beyond the last column.
  void finish() const;
  /// The latter alone, at once where the base is set.
  void check_columns() const;

  int64_t rows() const { return rows_; }
  const SkippedRows& skipped() const { return skipped_; }
  /// The line behind what was added.
  int64_t line() const { return line_; }
  /// What an index of the text is above its column.
  int32_t base() const;
  int64_t columns() const;

 private:
  // An index that is no column, if those begin at 0, or at 1.
  struct Beyond {
    int64_t index = -1, line = 0;
  };
  void look_for_beyond(const LibsvmBlock& block);

  std::string source_;
  LibsvmOptions options_;
  int64_t rows_ = 0, line_ = 1, lowest_ = std::numeric_limits<int64_t>::max(), highest_ = -1;
  SkippedRows skipped_;
  Beyond beyond_[2];
};

/// Puts blocks that begin in line `line` together; `base` is taken from their indices. They are empty afterwards.
SparseExamples join_libsvm_blocks(std::vector<LibsvmBlock>& blocks, int64_t line, int32_t base);

}  // namespace gradus::detail
