#include "gradus/data/text_features.h"

#include <algorithm>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {

std::string TextFeatures::to_json() const {
  return fmt::format("{{\"longest\": {}, \"tokenizer\": {}}}", longest, tokenizer.to_json());
}

TextFeatures TextFeatures::from_json(const JsonValue& json, const std::string& file) {
  const JsonValue *longest = json.find("longest"), *tokenizer = json.find("tokenizer");
  const auto* number = longest != nullptr ? longest->get<int64_t>() : nullptr;
  if (number == nullptr || *number < 1 || tokenizer == nullptr) {
    fail(file, "\"text\" has no \"longest\" from 1 on, or no \"tokenizer\"; expected what gradus writes");
  }
  return {TextTokenizer::from_json(*tokenizer, file), *number};
}

TokenizedTexts tokenize(const TextFeatures& features, std::span<const std::string_view> texts,
                        const std::function<std::string(int64_t)>& place) {
  TokenizedTexts result;
  try {
    result.ids = features.tokenizer.encode_all(texts);
  } catch (const Error&) {
    for (size_t i = 0; i < texts.size(); ++i) {  // which of them it is
      try {
        features.tokenizer.encode(texts[i]);
      } catch (const Error& error) {
        fail(place(static_cast<int64_t>(i)), "{}", error.message());
      }
    }
    throw;
  }
  const auto longest = static_cast<size_t>(features.longest);
  for (size_t i = 0; i < texts.size(); ++i) {
    std::vector<int32_t>& ids = result.ids[i];
    if (ids.empty()) fail(place(static_cast<int64_t>(i)), "the text has no token; leave it out");
    if (ids.size() <= longest) continue;
    ids.resize(longest);
    ++result.cut;
  }
  return result;
}

std::shared_ptr<const SparseMatrix> token_counts(std::span<const std::vector<int32_t>> texts, int64_t vocabulary) {
  SparseMatrix all;
  all.rows = static_cast<int64_t>(texts.size());
  all.columns = vocabulary;
  for (const std::vector<int32_t>& text : texts) {
    std::vector<int32_t> ids = text;
    std::sort(ids.begin(), ids.end());
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i > 0 && ids[i] == ids[i - 1]) {
        all.values.back() += 1.0F;
        continue;
      }
      all.indices.push_back(ids[i]);
      all.values.push_back(1.0F);
    }
    all.offsets.push_back(static_cast<int64_t>(all.indices.size()));
  }
  return std::make_shared<const SparseMatrix>(std::move(all));
}

TextDataset::TextDataset(std::vector<std::vector<int32_t>> texts, Tensor targets) : texts_(std::move(texts)) {
  if (texts_.empty()) fail("dataset", "there are no texts; expected at least one");
  for (size_t i = 0; i < texts_.size(); ++i) {
    if (texts_[i].empty()) fail("dataset", "text {} has no token; expected one at least", i);
    longest_ = std::max(longest_, static_cast<int64_t>(texts_[i].size()));
  }
  if (!targets.defined()) return;
  if (!(targets.shape() == Shape{size()}) || targets.dtype() != DType::kI64) {
    fail("dataset", "targets are {} for {} texts; expected i64 ({},)", targets.describe(), size(), size());
  }
  targets_ = kernels::contiguous(targets);
}

Batch TextDataset::batch(std::span<const int64_t> ids) const {
  detail::check_ids(ids, size());
  const auto rows = static_cast<int64_t>(ids.size());
  // A dry run counts the memory of the largest batch that there can be.
  int64_t width = DryRun::is_on() ? longest_ : 0;
  for (const int64_t id : ids) width = std::max(width, static_cast<int64_t>(texts_[static_cast<size_t>(id)].size()));
  Batch batch{.inputs = Tensor::empty({rows, width}, DType::kI64)};
  batch.lengths = Tensor::empty({rows}, DType::kI64);
  if (targets_.defined()) batch.targets = Tensor::empty({rows}, DType::kI64);
  int64_t* to = batch.inputs.mutable_data<int64_t>();
  for (int64_t row = 0; row < rows; ++row, to += width) {
    const int64_t id = ids[static_cast<size_t>(row)];
    const std::vector<int32_t>& text = texts_[static_cast<size_t>(id)];
    std::fill(std::copy(text.begin(), text.end(), to), to + width, int64_t{0});
    batch.lengths.mutable_data<int64_t>()[row] = static_cast<int64_t>(text.size());
    if (targets_.defined()) batch.targets.mutable_data<int64_t>()[row] = targets_.data<int64_t>()[id];
  }
  return batch;
}

}  // namespace gradus
