#include <algorithm>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/data/dataset.h"

namespace gradus {

TokenDataset::TokenDataset(std::vector<int32_t> tokens, int64_t context, int64_t stride)
    : tokens_(std::move(tokens)), context_(context), stride_(stride == 0 ? context : stride) {
  if (context < 1) fail_usage("dataset", "context is {}; expected at least 1", context);
  if (stride < 0) fail_usage("dataset", "stride is {}; expected 0 (the context) or more", stride);
  if (static_cast<int64_t>(tokens_.size()) <= context) {
    fail("dataset", "{} tokens for a context of {}; expected at least {}; use a longer text or a shorter context",
         tokens_.size(), context, context + 1);
  }
}

int64_t TokenDataset::size() const { return (static_cast<int64_t>(tokens_.size()) - context_ - 1) / stride_ + 1; }

int64_t TokenDataset::unused_tokens() const {
  return static_cast<int64_t>(tokens_.size()) - ((size() - 1) * stride_ + context_ + 1);
}

Batch TokenDataset::batch(std::span<const int64_t> ids) const {
  detail::check_ids(ids, size());
  const Shape shape{static_cast<int64_t>(ids.size()), context_};
  Batch batch{.inputs = Tensor::empty(shape, DType::kI64), .targets = Tensor::empty(shape, DType::kI64)};
  int64_t* inputs = batch.inputs.mutable_data<int64_t>();
  int64_t* targets = batch.targets.mutable_data<int64_t>();
  for (const int64_t id : ids) {
    const int32_t* window = tokens_.data() + id * stride_;
    inputs = std::copy_n(window, context_, inputs);
    targets = std::copy_n(window + 1, context_, targets);
  }
  return batch;
}

std::span<const int32_t> TokenDataset::targets() const {
  return tokens().subspan(1, static_cast<size_t>((size() - 1) * stride_ + context_));
}

}  // namespace gradus
