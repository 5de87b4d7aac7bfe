#include "gradus/data/libsvm.h"

#include "gradus/base/error.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/libsvm_rows.h"

namespace gradus {

std::string SparseExamples::place(int64_t row) const {
  return fmt::format("{}:{}", source, lines[static_cast<size_t>(row)]);
}

SparseExamples parse_libsvm(std::string_view text, const std::string& source, const LibsvmOptions& options) {
  detail::LibsvmSummary summary(source, options);
  const size_t begin = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  std::vector<detail::LibsvmBlock> blocks = detail::read_libsvm_blocks(text, begin, source, options, {});
  summary.add(blocks);
  summary.finish();
  SparseExamples examples = detail::join_libsvm_blocks(blocks, 1, summary.base());
  examples.source = source;
  examples.features.columns = summary.columns();
  examples.skipped = summary.skipped();
  examples.base = summary.base() == 0 ? LibsvmOptions::Base::kZero : LibsvmOptions::Base::kOne;
  return examples;
}

SparseExamples read_libsvm(const std::string& path, const LibsvmOptions& options) {
  return parse_libsvm(FileContents(path).bytes(), path, options);
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
    std::vector<detail::LibsvmBlock> blocks =
        detail::read_libsvm_blocks(pieces_.text(), pieces_.begin(), pieces_.source(), options_,
                                   {pieces_.offset(), line});
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
