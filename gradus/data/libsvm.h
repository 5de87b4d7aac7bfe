// The text format of LIBSVM and svmlight: rows of which few numbers are not zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/table.h"
#include "gradus/data/text_pieces.h"
#include "gradus/tensor/sparse.h"

namespace gradus {

struct LibsvmOptions {
  enum class Base : uint8_t { kAuto, kZero, kOne };
  /// The index of the first column. kAuto: 0 if any index is 0, else 1.
  Base base = Base::kAuto;
  /// How many columns there are, such as those of the file that a model was trained on. Unset: up to the highest index.
  std::optional<int64_t> columns = {};
  /// What becomes of a row with which something is wrong: an error, or it is left out and counted. (An index that is
  /// the first beyond the last column if columns begin at 0, which is known at the end, is an error all the same.)
  /// kRefuse: an error that does not offer to leave it out.
  enum class BadRow : uint8_t { kError, kSkip, kRefuse };
  BadRow on_bad_row = BadRow::kError;
  /// How much of the text a thread takes at a time; 1 or more. The result does not depend on it.
  size_t block_bytes = size_t{1} << 20;
};

struct SparseExamples {
  SparseMatrix features;
  std::vector<double> targets;  ///< Of each row, the label.
  std::vector<int64_t> lines;   ///< Where each row stands in its file, counted from 1.
  std::string source;
  LibsvmOptions::Base base = LibsvmOptions::Base::kOne;  ///< As given or found.
  SkippedRows skipped = {};

  /// "file:line" of a row.
  std::string place(int64_t row) const;
};

/// Reads lines of `label index:value …`, with spaces or tabs between them, in any order of the indices. What follows a
/// # is a comment; empty lines are skipped. Errors name `source`, the line, what was found and what was expected: a
/// label or a value that is no decimal finite number, or a value that 32 bits do not hold; an index that is no whole
/// number, is below the first or above the last column or 2^31 − 2, or comes twice in a row; `qid:`; invalid UTF-8; no
/// row.
SparseExamples parse_libsvm(std::string_view text, const std::string& source, const LibsvmOptions& options = {});
/// The same of a file, which may be compressed (data/file_contents.h).
SparseExamples read_libsvm(const std::string& path, const LibsvmOptions& options = {});

namespace detail {
class LibsvmSummary;
}

/// Reads a file of any size, which may be compressed, a piece at a time: the same rows, and the same errors. Of several
/// errors it is the first of a piece that ends the reading, while `parse_libsvm` looks for invalid UTF-8 first.
class LibsvmStream {
 public:
  explicit LibsvmStream(const std::string& path, const LibsvmOptions& options = {},
                        const TextPieceOptions& pieces = {});
  ~LibsvmStream();

  /// The next rows, at least one; false, once, at the end. Their indices are those of the text.
  bool next(SparseExamples& rows);
  /// What an index of the text is above its column, and how many columns there are; known at the end.
  int32_t base() const;
  int64_t columns() const;
  /// So far, those of pieces without another row too.
  const SkippedRows& skipped() const;
  /// The text, for what it says of the file.
  const TextPieces& text() const { return pieces_; }

 private:
  LibsvmOptions options_;
  TextPieces pieces_;
  std::unique_ptr<detail::LibsvmSummary> summary_;
};

}  // namespace gradus
