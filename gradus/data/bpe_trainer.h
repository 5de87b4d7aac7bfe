// Learns a byte-level BPE from texts: the same merges as Hugging Face's `tokenizers` for the same texts and settings.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/bpe.h"
#include "gradus/data/word_table.h"

namespace gradus {

struct BpeTrainingOptions {
  int64_t vocabulary = 30000;             ///< Tokens at most, special ones and the 256 bytes included.
  int64_t min_frequency = 2;              ///< A pair that is there less often is not merged.
  std::vector<std::string> special = {};  ///< Special tokens, whose ids are the first.
  WordPattern pattern = WordPattern::kGpt2;
};

/// Counts the words of texts, and then learns from the counts. Memory grows with distinct words, not with the text.
class BpeTrainer {
 public:
  /// A usage error unless the vocabulary has room for special tokens and bytes.
  explicit BpeTrainer(const BpeTrainingOptions& options);

  /// Each line, with its line end, is a text of its own, as when `tokenizers` trains from files. An error of a word
  /// that is too long names `source` and the byte, counted from `before` on.
  void add_lines(std::string_view text, const std::string& source = "tokenizer", int64_t before = 0);
  /// Whole texts; an error names `place(i)` and the byte of that text.
  using Place = std::function<std::string(size_t text)>;
  void add_texts(std::span<const std::string_view> texts, const Place& place = {});

  /// Merges pairs, each time the most frequent, and of several such that whose ids are the lowest, until the vocabulary
  /// is full or no pair is frequent enough.
  BpeTokenizer learn() const;

 private:
  // `fail_of(piece, byte, size)` throws for a word that is too long.
  using FailOfWord = std::function<void(size_t piece, size_t byte, size_t size)>;
  void add_pieces(std::span<const std::string_view> pieces, bool are_lines, const FailOfWord& fail_of);

  BpeTrainingOptions options_;
  WordTable words_;
  std::vector<int64_t> counts_;  // of each word
};

}  // namespace gradus
