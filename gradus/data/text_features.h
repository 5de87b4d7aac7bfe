// Texts that a model tells apart: as token ids, or as counts of tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/dataset.h"
#include "gradus/data/text_tokenizer.h"

namespace gradus {

/// How a text becomes what a model sees.
struct TextFeatures {
  TextTokenizer tokenizer;
  int64_t longest = 256;  ///< Tokens that are used of a text: the first.

  /// {"longest": …, "tokenizer": {…}}
  std::string to_json() const;
  static TextFeatures from_json(const JsonValue& json, const std::string& file);
};

/// The ids of texts, of each the first.
struct TokenizedTexts {
  std::vector<std::vector<int32_t>> ids;
  int64_t cut = 0;  ///< Texts that had more.
};
/// On several threads. An error names `place(i)` where a text gives no token at all, or is refused by the tokenizer.
TokenizedTexts tokenize(const TextFeatures& features, std::span<const std::string_view> texts,
                        const std::function<std::string(int64_t)>& place);

/// How often each token is in each text, f32 (texts, vocabulary): a bag of words.
std::shared_ptr<const SparseMatrix> token_counts(std::span<const std::vector<int32_t>> texts, int64_t vocabulary);

/// Texts as examples, their ids padded to those of the longest in a batch, with lengths (`Batch::lengths`).
class TextDataset : public Dataset {
 public:
  /// Each text has a token at least. `targets`, i64 (N), may be undefined. Throws otherwise.
  TextDataset(std::vector<std::vector<int32_t>> texts, Tensor targets = {});
  int64_t size() const override { return static_cast<int64_t>(texts_.size()); }
  Batch batch(std::span<const int64_t> ids) const override;

  const std::vector<std::vector<int32_t>>& texts() const { return texts_; }
  Tensor all_targets() const override { return targets_; }
  const Tensor& targets() const { return targets_; }

 private:
  std::vector<std::vector<int32_t>> texts_;
  Tensor targets_;
  int64_t longest_ = 0;
};

}  // namespace gradus
