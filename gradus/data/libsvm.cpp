#include "gradus/data/libsvm.h"

#include "gradus/base/error.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/libsvm_rows.h"

namespace gradus {

std::string SparseExamples::place(int64_t row) const {
  return fmt::format("{}:{}", source, lines[static_cast<size_t>(row)]);
}

namespace {

SparseExamples parse(std::string_view text, const std::string& source, const LibsvmOptions& options, bool is_mapped) {
  detail::LibsvmSummary summary(source, options);
  const size_t begin = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  std::vector<detail::LibsvmBlock> blocks = detail::read_libsvm_blocks(text, begin, source, options, {}, is_mapped);
  summary.add(blocks);
  summary.finish();
  SparseExamples examples = detail::join_libsvm_blocks(blocks, 1, summary.base());
  examples.source = source;
  examples.features.columns = summary.columns();
  examples.skipped = summary.skipped();
  examples.base = summary.base() == 0 ? LibsvmOptions::Base::kZero : LibsvmOptions::Base::kOne;
  return examples;
}

// What is read of a stream lies once in memory, and its text a piece at a time.
SparseExamples read_compressed(const std::string& path, const LibsvmOptions& options) {
  const int64_t most_bytes = most_contents_bytes();
  LibsvmStream stream(path, options);
  std::vector<SparseExamples> pieces;
  size_t rows = 0, values = 0;
  for (SparseExamples piece; stream.next(piece);) {
    rows += piece.targets.size();
    values += piece.features.values.size();
    constexpr int64_t kOfARow = 24, kOfAValue = 8;
    if (static_cast<int64_t>(rows) * kOfARow + static_cast<int64_t>(values) * kOfAValue > most_bytes) {
      fail(path,
           "its first {} rows take more than {} bytes, which is half of the free memory; stream rows with data.rows = "
           "\"streamed\", take a part of it, or a larger machine",
           rows, most_bytes);
    }
    pieces.push_back(std::move(piece));
  }
  SparseExamples all;
  all.source = path;
  all.targets.reserve(rows);
  all.lines.reserve(rows);
  all.features.offsets.reserve(rows + 1);
  all.features.indices.reserve(values);
  all.features.values.reserve(values);
  for (SparseExamples& piece : pieces) {
    for (int32_t& index : piece.features.indices) index -= stream.base();
    append_rows(all.features, piece.features);
    all.targets.insert(all.targets.end(), piece.targets.begin(), piece.targets.end());
    all.lines.insert(all.lines.end(), piece.lines.begin(), piece.lines.end());
    piece = {};
  }
  all.features.columns = stream.columns();
  all.base = stream.base() == 0 ? LibsvmOptions::Base::kZero : LibsvmOptions::Base::kOne;
  all.skipped = stream.skipped();
  return all;
}

}  // namespace

SparseExamples parse_libsvm(std::string_view text, const std::string& source, const LibsvmOptions& options) {
  return parse(text, source, options, false);
}

SparseExamples read_libsvm(const std::string& path, const LibsvmOptions& options) {
  if (is_compressed_file(path)) return read_compressed(path, options);
  const FileContents file(path);
  return parse(file.bytes(), path, options, file.is_mapped());
}

LibsvmStream::LibsvmStream(const std::string& path, const LibsvmOptions& options, const TextPieceOptions& pieces)
    : options_(options), pieces_(path, pieces), summary_(std::make_unique<detail::LibsvmSummary>(path, options)) {}

LibsvmStream::~LibsvmStream() = default;

bool LibsvmStream::next(SparseExamples& rows) {
  const int64_t before = summary_->rows();
  while (summary_->rows() == before) {
    if (!pieces_.next(pieces_.text().size())) {
      summary_->finish();
      return false;
    }
    const int64_t line = summary_->line();
    std::vector<detail::LibsvmBlock> blocks = detail::read_libsvm_blocks(
        pieces_.text(), pieces_.begin(), pieces_.source(), options_, {pieces_.offset(), line});
    summary_->add(blocks);
    if (options_.base != LibsvmOptions::Base::kAuto) summary_->check_columns();
    rows = detail::join_libsvm_blocks(blocks, line, 0);
  }
  rows.source = pieces_.source();
  rows.features.columns = detail::kMostLibsvmIndex + 1;
  return true;
}

const SkippedRows& LibsvmStream::skipped() const { return summary_->skipped(); }
int32_t LibsvmStream::base() const { return summary_->base(); }
int64_t LibsvmStream::columns() const { return summary_->columns(); }

}  // namespace gradus
