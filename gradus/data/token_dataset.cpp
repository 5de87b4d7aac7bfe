#include <algorithm>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/data/dataset.h"

namespace gradus {

TokenDataset::TokenDataset(std::vector<int32_t> tokens, int64_t context, int64_t stride)
    : TokenDataset(TokenSequence(std::move(tokens)), {}, context, stride) {}

TokenDataset::TokenDataset(TokenSequence tokens, std::vector<int64_t> documents, int64_t context, int64_t stride)
    : tokens_(std::move(tokens)),
      documents_(std::move(documents)),
      context_(context),
      stride_(stride == 0 ? context : stride) {
  if (context < 1) fail_usage("dataset", "context is {}; expected at least 1", context);
  if (stride < 0) fail_usage("dataset", "stride is {}; expected 0 (the context) or more", stride);
  if (tokens_.size() <= context) {
    fail("dataset", "{} tokens for a context of {}; expected at least {}; use a longer text or a shorter context",
         tokens_.size(), context, context + 1);
  }
  for (size_t i = 0; i < documents_.size(); ++i) {
    const int64_t least = i == 0 ? 0 : documents_[i - 1] + 1;
    if (documents_[i] >= least && (i > 0 || documents_[i] == 0)) continue;
    fail("dataset", "document {} begins at token {}; expected the first at 0, and each behind the one before", i,
         documents_[i]);
  }
}

int64_t TokenDataset::size() const { return (tokens_.size() - context_ - 1) / stride_ + 1; }

int64_t TokenDataset::unused_tokens() const { return tokens_.size() - ((size() - 1) * stride_ + context_ + 1); }

// The place in the window from `begin` on where the document of each token begins, 0 for one that began before.
void TokenDataset::write_starts(int64_t begin, int64_t* starts) const {
  auto next = std::upper_bound(documents_.begin(), documents_.end(), begin);
  int64_t start = 0;
  for (int64_t t = 0; t < context_; ++t) {
    if (next != documents_.end() && *next == begin + t) {
      start = t;
      ++next;
    }
    starts[t] = start;
  }
}

Batch TokenDataset::batch(std::span<const int64_t> ids) const {
  detail::check_ids(ids, size());
  const Shape shape{static_cast<int64_t>(ids.size()), context_};
  Batch batch{.inputs = Tensor::empty(shape, DType::kI64), .targets = Tensor::empty(shape, DType::kI64)};
  if (!documents_.empty()) batch.document_starts = Tensor::empty(shape, DType::kI64);
  int64_t* inputs = batch.inputs.mutable_data<int64_t>();
  int64_t* targets = batch.targets.mutable_data<int64_t>();
  for (size_t i = 0; i < ids.size(); ++i, inputs += context_, targets += context_) {
    const int64_t begin = ids[i] * stride_;
    tokens_.copy(begin, context_, inputs);
    std::copy_n(inputs + 1, context_ - 1, targets);
    tokens_.copy(begin + context_, 1, targets + context_ - 1);
    if (!documents_.empty()) {
      write_starts(begin, batch.document_starts.mutable_data<int64_t>() + static_cast<int64_t>(i) * context_);
    }
  }
  return batch;
}

TokenSequence TokenDataset::targets() const { return tokens_.part(1, 1 + (size() - 1) * stride_ + context_); }

}  // namespace gradus
