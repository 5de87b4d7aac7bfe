#include "gradus/data/bpe.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <queue>
#include <tuple>

#include "gradus/base/error.h"
#include "gradus/base/utf8.h"
#include "gradus/data/word_table.h"

namespace gradus {
namespace {

constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();
constexpr size_t kShort = 48;            // bytes of a word whose pairs are looked through one by one
constexpr size_t kMostCached = 1 << 18;  // words

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// In Unicode's normal form C.
std::string composed(std::string_view text) {
  utf8proc_uint8_t* result = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &result, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (length < 0) {
    fail("tokenizer", "the text is not valid UTF-8 at byte {}, and this tokenizer's normalizer, NFC, needs such",
         first_invalid_utf8(text).value_or(0));
  }
  std::string all(reinterpret_cast<const char*>(result), static_cast<size_t>(length));
  std::free(result);
  return all;
}

void check_ids(const BpeParts& parts, const std::string& subject) {
  const auto size = static_cast<int64_t>(parts.tokens.size());
  const auto check = [&](int32_t id, std::string_view what) {
    if (id < 0 || id >= size) fail(subject, "{} has the id {}; expected one below {}", what, id, size);
  };
  for (const int32_t id : parts.special) {
    check(id, "a special token");
    if (parts.tokens[static_cast<size_t>(id)].empty()) fail(subject, "the special token {} has no text", id);
  }
  for (size_t rank = 0; rank < parts.merges.size(); ++rank) {
    const auto& [left, right, result] = parts.merges[rank];
    for (const int32_t id : {left, right, result}) check(id, fmt::format("merge {}", rank));
    const auto& tokens = parts.tokens;
    if (tokens[static_cast<size_t>(left)] + tokens[static_cast<size_t>(right)] == tokens[static_cast<size_t>(result)]) {
      continue;
    }
    fail(subject, "merge {} makes token {} of {} and {}, which are not its two parts", rank, result, left, right);
  }
}

}  // namespace

struct BpeTokenizer::Tables {
  // What the pair of this number becomes, and when.
  struct Merge {
    uint32_t rank;
    int32_t result;
  };

  std::array<int32_t, 256> bytes;  // −1 where there is no token
  bool has_all_bytes = true;
  PairTable pairs;
  std::vector<Merge> merges;
  WordTable words;  // the tokens, where they are looked up as wholes
  std::vector<int32_t> ids_of_words;
  std::vector<int32_t> special;  // the longest first
  std::array<bool, 256> begins_special{};

  Merge merge(int32_t left, int32_t right) const {
    const int64_t number = pairs.find(left, right);
    return number < 0 ? Merge{kNoRank, 0} : merges[static_cast<size_t>(number)];
  }
  explicit Tables(const BpeParts& parts);
};

BpeTokenizer::Tables::Tables(const BpeParts& parts) {
  bytes.fill(-1);
  std::vector<bool> is_special(parts.tokens.size());
  for (const int32_t id : parts.special) is_special[static_cast<size_t>(id)] = true;
  for (size_t id = 0; id < parts.tokens.size(); ++id) {
    const std::string& token = parts.tokens[id];
    if (token.size() == 1 && !is_special[id]) bytes[static_cast<unsigned char>(token[0])] = static_cast<int32_t>(id);
    if (!parts.ignore_merges || is_special[id]) continue;
    const size_t number = words.find_or_add(token);
    ids_of_words.resize(words.size());
    ids_of_words[number] = static_cast<int32_t>(id);
  }
  has_all_bytes = std::find(bytes.begin(), bytes.end(), -1) == bytes.end();
  // Of a pair that is there twice the last counts, as in Hugging Face's library.
  for (size_t rank = 0; rank < parts.merges.size(); ++rank) {
    const BpeMerge& merge = parts.merges[rank];
    const uint32_t number = pairs.find_or_add(merge.left, merge.right);
    merges.resize(pairs.size());
    merges[number] = {static_cast<uint32_t>(rank), merge.result};
  }
  special = parts.special;
  const auto length = [&](int32_t id) { return parts.tokens[static_cast<size_t>(id)].size(); };
  std::stable_sort(special.begin(), special.end(), [&](int32_t a, int32_t b) { return length(a) > length(b); });
  for (const int32_t id : special) {
    begins_special[static_cast<unsigned char>(parts.tokens[static_cast<size_t>(id)][0])] = true;
  }
}

BpeTokenizer::BpeTokenizer(BpeParts parts, const std::string& subject) {
  check_ids(parts, subject);
  tables_ = std::make_shared<const Tables>(parts);
  parts_ = std::make_shared<const BpeParts>(std::move(parts));
}

std::optional<int32_t> BpeTokenizer::special(std::string_view name) const {
  for (const int32_t id : parts_->special) {
    if (token(id) == name) return id;
  }
  return std::nullopt;
}

std::vector<int32_t> BpeTokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  BpeEncoder(*this).encode(text, ids);
  return ids;
}

std::string BpeTokenizer::decode(const std::vector<int32_t>& ids) const {
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocabulary_size()) {
      fail("tokenizer", "id {} at position {}; expected 0 to {}", ids[i], i, vocabulary_size() - 1);
    }
    text += token(ids[i]);
  }
  return text;
}

struct BpeEncoder::Cache {
  struct Span {
    uint32_t begin, count;
  };
  WordTable words;
  std::vector<Span> spans;  // of each word, in ids
  std::vector<int32_t> ids;
};

BpeEncoder::BpeEncoder(const BpeTokenizer& tokenizer)
    : tokenizer_(tokenizer), splitter_(tokenizer.parts().pattern), cache_(std::make_unique<Cache>()) {}

BpeEncoder::~BpeEncoder() = default;

void BpeEncoder::encode(std::string_view text, std::vector<int32_t>& ids) {
  const BpeTokenizer::Tables& tables = *tokenizer_.tables_;
  size_t begin = 0;
  // Special tokens: the first, and of those that begin there the longest.
  for (size_t at = 0; !tables.special.empty() && at < text.size(); ++at) {
    if (!tables.begins_special[static_cast<unsigned char>(text[at])]) continue;
    const auto found = std::find_if(tables.special.begin(), tables.special.end(),
                                    [&](int32_t id) { return text.substr(at).starts_with(tokenizer_.token(id)); });
    if (found == tables.special.end()) continue;
    encode_words(text.substr(begin, at - begin), ids);
    ids.push_back(*found);
    begin = at + tokenizer_.token(*found).size();
    at = begin - 1;
  }
  encode_words(text.substr(begin), ids);
}

void BpeEncoder::check_bytes(std::string_view text) const {
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (tokenizer_.tables_->bytes[byte] >= 0) continue;
    fail("tokenizer", "byte 0x{:02X} at byte {} of the text has no token: the vocabulary was made without it", byte,
         at);
  }
}

void BpeEncoder::encode_words(std::string_view text, std::vector<int32_t>& ids) {
  std::string normal;
  if (tokenizer_.parts().nfc && !is_ascii(text)) text = normal = composed(text);
  if (!tokenizer_.tables_->has_all_bytes) check_bytes(text);
  Cache& cache = *cache_;
  for (size_t at = 0; at < text.size();) {
    const size_t end = splitter_.end_of_word(text, at);
    const std::string_view word = text.substr(at, end - at);
    if (word.size() > kLongestBpeWord) {
      fail("tokenizer", "the {} bytes from byte {} on are one word; expected {} at most: is this text?", word.size(),
           at, kLongestBpeWord);
    }
    at = end;
    if (word.size() > kShort) {  // rare, and not to be kept
      encode_word(word, ids);
      continue;
    }
    if (cache.spans.size() == kMostCached) cache = Cache();
    const size_t number = cache.words.find_or_add(word);
    if (number == cache.spans.size()) {
      const size_t before = cache.ids.size();
      encode_word(word, cache.ids);
      cache.spans.push_back({static_cast<uint32_t>(before), static_cast<uint32_t>(cache.ids.size() - before)});
    }
    const Cache::Span span = cache.spans[number];
    if (span.count == 1) {
      ids.push_back(cache.ids[span.begin]);
    } else {
      ids.insert(ids.end(), cache.ids.begin() + span.begin, cache.ids.begin() + span.begin + span.count);
    }
  }
}

void BpeEncoder::encode_word(std::string_view word, std::vector<int32_t>& ids) {
  const BpeTokenizer::Tables& tables = *tokenizer_.tables_;
  if (tokenizer_.parts().ignore_merges) {
    if (const auto number = tables.words.find(word)) return ids.push_back(tables.ids_of_words[*number]);
  }
  word.size() <= kShort ? merge_short(word, ids) : merge_long(word, ids);
}

// The pair of the lowest rank, and of several such the first, until no pair has a rank.
void BpeEncoder::merge_short(std::string_view word, std::vector<int32_t>& ids) const {
  const BpeTokenizer::Tables& tables = *tokenizer_.tables_;
  using Merge = BpeTokenizer::Tables::Merge;
  std::array<int32_t, kShort> symbols;
  std::array<Merge, kShort> merges;  // of each symbol with the next
  size_t count = word.size();
  for (size_t i = 0; i < count; ++i) symbols[i] = tables.bytes[static_cast<unsigned char>(word[i])];
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = tables.merge(symbols[i], symbols[i + 1]);
  while (count > 1) {
    const auto end = merges.begin() + static_cast<int64_t>(count) - 1;
    const auto best =
        std::min_element(merges.begin(), end, [](const Merge& a, const Merge& b) { return a.rank < b.rank; });
    if (best->rank == kNoRank) break;
    const auto at = static_cast<size_t>(best - merges.begin());
    symbols[at] = best->result;
    std::copy(symbols.begin() + static_cast<int64_t>(at) + 2, symbols.begin() + static_cast<int64_t>(count),
              symbols.begin() + static_cast<int64_t>(at) + 1);
    std::copy(best + 1, end, best);
    --count;
    if (at > 0) merges[at - 1] = tables.merge(symbols[at - 1], symbols[at]);
    if (at + 1 < count) merges[at] = tables.merge(symbols[at], symbols[at + 1]);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.begin() + static_cast<int64_t>(count));
}

// The same with the pairs in a queue, and the symbols in a list: for words of any length.
void BpeEncoder::merge_long(std::string_view word, std::vector<int32_t>& ids) const {
  const BpeTokenizer::Tables& tables = *tokenizer_.tables_;
  struct Symbol {
    int32_t id;
    uint32_t previous, next;  // kNoRank at the ends
  };
  struct Candidate {
    uint32_t rank, at;
    int32_t result;
    bool operator<(const Candidate& other) const {  // the best is the largest
      return std::tie(rank, at) > std::tie(other.rank, other.at);
    }
  };
  std::vector<Symbol> symbols(word.size());
  std::priority_queue<Candidate> queue;
  const auto consider = [&](uint32_t at) {
    if (at == kNoRank || symbols[at].next == kNoRank) return;
    const auto [rank, result] = tables.merge(symbols[at].id, symbols[symbols[at].next].id);
    if (rank != kNoRank) queue.push({rank, at, result});
  };
  for (uint32_t i = 0; i < symbols.size(); ++i) {
    symbols[i] = {tables.bytes[static_cast<unsigned char>(word[i])], i - 1, i + 1};  // 0 − 1 is kNoRank
  }
  symbols.back().next = kNoRank;
  for (uint32_t i = 0; i < symbols.size(); ++i) consider(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.at];
    if (left.id < 0 || left.next == kNoRank) continue;  // merged into another meanwhile
    Symbol& right = symbols[left.next];
    if (const auto now = tables.merge(left.id, right.id); now.rank == kNoRank || now.result != best.result) continue;
    left.id = best.result;
    right.id = -1;
    left.next = right.next;
    if (left.next != kNoRank) symbols[left.next].previous = best.at;
    consider(left.previous);
    consider(best.at);
  }
  for (uint32_t i = 0; i != kNoRank; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace gradus
