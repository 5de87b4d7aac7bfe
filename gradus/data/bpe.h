// Byte-level BPE (Sennrich et al., 2016; Radford et al., 2019): texts to token ids and back, as GPT-2 does it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/json.h"
#include "gradus/data/word_splitter.h"

namespace gradus {

/// Bytes of a word at most, to learn from or to encode: merging takes a hundred times its memory, and no text has such.
inline constexpr size_t kLongestBpeWord = size_t{4} << 20;

/// Two tokens that stand side by side become one.
struct BpeMerge {
  int32_t left = 0, right = 0, result = 0;
};

/// Everything that a tokenizer is.
struct BpeParts {
  std::vector<std::string> tokens = {};  ///< The bytes of each token, by id.
  std::vector<BpeMerge> merges = {};     ///< The first is done first.
  /// Ids of tokens that stand for themselves wherever their text is found, before it is cut into words.
  std::vector<int32_t> special = {};
  WordPattern pattern = WordPattern::kGpt2;
  bool nfc = false;            ///< Whether texts are brought to Unicode's normal form C first.
  bool ignore_merges = false;  ///< Whether a word that is a token is that token, whatever merges give.
};

/// Ids are the same as Hugging Face's `tokenizers` gives. Any bytes are encoded; those that are no UTF-8 come back from
/// decoding as they were. A copy is a handle to the same.
class BpeTokenizer {
 public:
  /// Throws `subject`'s error unless ids, merges and special tokens fit together.
  BpeTokenizer(BpeParts parts, const std::string& subject);

  /// Hugging Face's tokenizer.json. An error names `file` and what in it is not supported: other models than BPE, other
  /// normalizers than NFC, other pre-tokenizers than ByteLevel with or without a pattern of `WordPattern`, ….
  static BpeTokenizer load(const std::filesystem::path& path);
  static BpeTokenizer from_json(const JsonValue& json, const std::string& file);
  /// GPT-2's vocab.json and merges.txt. "<|endoftext|>" is special where it is in the vocabulary.
  static BpeTokenizer load_gpt2(const std::filesystem::path& vocabulary, const std::filesystem::path& merges);
  /// The same of their texts, which messages call by these names.
  static BpeTokenizer from_gpt2(std::string_view vocabulary, std::string_view merges,
                                const std::string& vocabulary_name, const std::string& merges_name);
  /// tokenizer.json, which `tokenizers` reads too.
  std::string to_json() const;

  const BpeParts& parts() const { return *parts_; }
  int64_t vocabulary_size() const { return static_cast<int64_t>(parts_->tokens.size()); }
  /// The bytes that a token stands for, which need not be whole characters; of a special token its name.
  const std::string& token(int32_t id) const { return parts_->tokens[static_cast<size_t>(id)]; }
  /// The id of a special token of this name.
  std::optional<int32_t> special(std::string_view name) const;

  /// A byte without a token, which only a vocabulary of other makers can lack, is an error with its place.
  std::vector<int32_t> encode(std::string_view text) const;
  /// The text of these tokens, special ones by their name; an id outside [0, vocabulary_size()) is an error with its
  /// position.
  std::string decode(const std::vector<int32_t>& ids) const;

 private:
  friend class BpeEncoder;
  struct Tables;

  std::shared_ptr<const BpeParts> parts_;
  std::shared_ptr<const Tables> tables_;
};

/// Encodes many texts with one tokenizer: it remembers words. Not for several threads at once.
class BpeEncoder {
 public:
  /// `tokenizer` must outlive it.
  explicit BpeEncoder(const BpeTokenizer& tokenizer);
  ~BpeEncoder();
  BpeEncoder(const BpeEncoder&) = delete;
  BpeEncoder& operator=(const BpeEncoder&) = delete;

  /// Adds the ids of `text` behind `ids`.
  void encode(std::string_view text, std::vector<int32_t>& ids);

 private:
  struct Cache;
  void check_bytes(std::string_view text) const;
  void encode_words(std::string_view text, std::vector<int32_t>& ids);
  void encode_word(std::string_view word, std::vector<int32_t>& ids);
  void merge_short(std::string_view word, std::vector<int32_t>& ids) const;
  void merge_long(std::string_view word, std::vector<int32_t>& ids) const;

  const BpeTokenizer& tokenizer_;
  WordSplitter splitter_;
  std::unique_ptr<Cache> cache_;
};

/// What stands for bytes in tokenizer.json: of printable ones the character itself, of the others U+0100 and on, in
/// their order, as GPT-2 has it.
std::string byte_level_text(std::string_view bytes);
/// The bytes that such a text stands for; nothing if a character of it stands for no byte.
std::optional<std::string> bytes_of_level_text(std::string_view text);
/// The 256 bytes in the order of the characters that stand for them: that of their ids in a new vocabulary.
std::vector<unsigned char> bytes_by_level();

}  // namespace gradus
