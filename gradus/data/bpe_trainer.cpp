#include "gradus/data/bpe_trainer.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

constexpr size_t kPieceBytes = size_t{4} << 20;  // of text that a thread counts at a time

/// Words and how often each is there.
struct Counted {
  WordTable words;
  std::vector<int64_t> counts;

  void add(std::string_view word) {
    const size_t number = words.find_or_add(word);
    if (number == counts.size()) counts.push_back(0);
    ++counts[number];
  }
};

[[noreturn]] void fail_of_word(const std::string& place, int64_t byte, size_t size) {
  fail(place, "the {} bytes from byte {} on are one word; expected {} at most: is this text?", size, byte,
       kLongestBpeWord);
}

// Calls `fail_of(byte, size)` for a word that is too long.
template <class FailOf>
void count(std::string_view text, const WordSplitter& splitter, bool by_lines, Counted& into, const FailOf& fail_of) {
  for (size_t at = 0; at < text.size();) {
    const size_t feed = by_lines ? text.find('\n', at) : std::string_view::npos;
    const size_t end = feed == std::string_view::npos ? text.size() : feed + 1;
    splitter.for_each(text.substr(at, end - at), [&](std::string_view word) {
      if (word.size() > kLongestBpeWord) fail_of(static_cast<size_t>(word.data() - text.data()), word.size());
      into.add(word);
    });
    at = end;
  }
}

/// Words as symbols, whose most frequent pairs become symbols themselves. What is counted, queued and renamed when is
/// that of `tokenizers` to the letter: a token can be made in two ways, and its pairs are then queued twice.
class Learner {
 public:
  Learner(const BpeTrainingOptions& options) : options_(options) {
    for (const std::string& special : options.special) name(special);
    special_ = static_cast<int64_t>(names_.size());
    for (const unsigned char byte : bytes_by_level()) {
      bytes_[byte] = name(byte_level_text({reinterpret_cast<const char*>(&byte), 1}));
    }
  }

  void add_words(const WordTable& words, const std::vector<int64_t>& counts) {
    size_t symbols = 0;
    for (size_t i = 0; i < words.size(); ++i) symbols += words[i].size();
    symbols_.reserve(symbols);
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string_view word = words[i];
      words_.push_back({symbols_.size(), static_cast<uint32_t>(word.size()), counts[i]});
      for (const char byte : word) symbols_.push_back(bytes_[static_cast<unsigned char>(byte)]);
    }
    for (size_t i = 0; i < words_.size(); ++i) {
      const int32_t* symbol = symbols_.data() + words_[i].begin;
      for (uint32_t j = 0; j + 1 < words_[i].length; ++j) change(symbol[j], symbol[j + 1], 1, i);
    }
    queue_changed();
  }

  BpeTokenizer learn() {
    std::vector<BpeMerge> merges;
    while (static_cast<int64_t>(names_.size()) < options_.vocabulary && !queue_.empty()) {
      Candidate best = std::move(const_cast<Candidate&>(queue_.top()));
      queue_.pop();
      if (best.count != pairs_[best.pair].count) {  // it changed meanwhile
        best.count = pairs_[best.pair].count;
        queue_.push(std::move(best));
        continue;
      }
      if (best.count < std::max<int64_t>(1, options_.min_frequency)) break;
      const int32_t left = best.left, right = best.right;
      const int32_t result = name(names_[static_cast<size_t>(left)] + names_[static_cast<size_t>(right)]);
      merges.push_back({left, right, result});
      for (const uint32_t word : best.words) merge(word, left, right, result);
      queue_changed();
    }
    return finish(std::move(merges));
  }

 private:
  struct Word {
    size_t begin;
    uint32_t length;
    int64_t count;
  };
  struct Pair {
    int64_t count = 0;
    int32_t left = 0, right = 0;
    std::vector<uint32_t> words = {};  // where it is new since the last queueing
  };
  struct Candidate {
    int64_t count;
    int32_t left, right;
    uint32_t pair;
    std::vector<uint32_t> words;
    bool operator<(const Candidate& other) const {  // the best is the largest
      if (count != other.count) return count < other.count;
      return std::tie(left, right) > std::tie(other.left, other.right);
    }
  };

  int32_t name(const std::string& text) {
    const auto [found, is_new] = ids_.emplace(text, static_cast<int32_t>(names_.size()));
    if (is_new) names_.push_back(text);
    return found->second;
  }

  void change(int32_t left, int32_t right, int64_t by, size_t word) {
    const uint32_t number = table_.find_or_add(left, right);
    if (number == pairs_.size()) pairs_.push_back({.left = left, .right = right});
    Pair& pair = pairs_[number];
    pair.count += by * words_[word].count;
    if (by < 0) return;
    if (pair.words.empty()) changed_.push_back(number);
    if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(static_cast<uint32_t>(word));
  }

  void queue_changed() {
    for (const uint32_t number : changed_) {
      Pair& pair = pairs_[number];
      std::vector<uint32_t> words = std::exchange(pair.words, {});
      if (pair.count > 0) queue_.push({pair.count, pair.left, pair.right, number, std::move(words)});
    }
    changed_.clear();
  }

  // In one word, from its beginning on. The count of the merged pair itself stays.
  void merge(uint32_t number, int32_t left, int32_t right, int32_t result) {
    Word& word = words_[number];
    int32_t* const symbols = symbols_.data() + word.begin;
    uint32_t to = 0;
    for (uint32_t from = 0; from < word.length; ++from) {
      if (symbols[from] != left || from + 1 == word.length || symbols[from + 1] != right) {
        symbols[to++] = symbols[from];
        continue;
      }
      ++from;
      if (to > 0) {
        change(symbols[to - 1], left, -1, number);
        change(symbols[to - 1], result, 1, number);
      }
      symbols[to++] = result;
      if (from + 1 < word.length) {
        change(right, symbols[from + 1], -1, number);
        change(result, symbols[from + 1], 1, number);
      }
    }
    word.length = to;
  }

  BpeTokenizer finish(std::vector<BpeMerge> merges) const {
    BpeParts parts{.pattern = options_.pattern};
    for (size_t id = 0; id < names_.size(); ++id) {
      const bool is_special = static_cast<int64_t>(id) < special_;
      parts.tokens.push_back(is_special ? names_[id] : *bytes_of_level_text(names_[id]));
      if (is_special) parts.special.push_back(static_cast<int32_t>(id));
    }
    // A pair that was merged twice has the place of the second time.
    std::unordered_map<uint64_t, size_t> last;
    const auto key = [](const BpeMerge& m) {
      return static_cast<uint64_t>(m.left) << 32 | static_cast<uint32_t>(m.right);
    };
    for (size_t i = 0; i < merges.size(); ++i) last[key(merges[i])] = i;
    for (size_t i = 0; i < merges.size(); ++i) {
      if (last[key(merges[i])] == i) parts.merges.push_back(merges[i]);
    }
    return {std::move(parts), "tokenizer"};
  }

  const BpeTrainingOptions& options_;
  std::vector<std::string> names_;  // tokens as tokenizer.json writes them
  std::unordered_map<std::string, int32_t> ids_;
  int64_t special_ = 0;
  int32_t bytes_[256];
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  PairTable table_;
  std::vector<Pair> pairs_;
  std::vector<uint32_t> changed_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

BpeTrainer::BpeTrainer(const BpeTrainingOptions& options) : options_(options) {
  const auto least = static_cast<int64_t>(options.special.size()) + 256;
  if (options.vocabulary < least || options.vocabulary > (int64_t{1} << 24)) {
    fail_usage("tokenizer", "a vocabulary of {} tokens; expected {} (256 bytes and the special tokens) to {}",
               options.vocabulary, least, int64_t{1} << 24);
  }
  for (const std::string& special : options.special) {
    if (special.empty()) fail_usage("tokenizer", "a special token without a text; expected one such as <|endoftext|>");
  }
}

void BpeTrainer::add_pieces(std::span<const std::string_view> pieces, bool are_lines, const FailOfWord& fail_of) {
  const WordSplitter splitter(options_.pattern);
  // One table for each thread's share: words are counted where they are, and counts are added up behind.
  const auto shares = std::min<int64_t>(threads(), static_cast<int64_t>(pieces.size()));
  std::vector<Counted> counted(static_cast<size_t>(shares));
  parallel_for(shares, 1, [&](int64_t begin, int64_t end) {
    for (int64_t share = begin; share < end; ++share) {
      for (size_t i = static_cast<size_t>(share); i < pieces.size(); i += static_cast<size_t>(shares)) {
        count(pieces[i], splitter, are_lines, counted[static_cast<size_t>(share)],
              [&](size_t byte, size_t size) { fail_of(i, byte, size); });
      }
    }
  });
  for (const Counted& part : counted) {
    for (size_t i = 0; i < part.words.size(); ++i) {
      const size_t number = words_.find_or_add(part.words[i], part.words.hash(i));
      if (number == counts_.size()) counts_.push_back(0);
      counts_[number] += part.counts[i];
    }
  }
}

void BpeTrainer::add_lines(std::string_view text, const std::string& source, int64_t before) {
  const char* begin = text.data();
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t feed = text.size() <= kPieceBytes ? std::string_view::npos : text.find('\n', kPieceBytes);
    const size_t end = feed == std::string_view::npos ? text.size() : feed + 1;
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  add_pieces(pieces, /*are_lines=*/true, [&](size_t piece, size_t byte, size_t size) {
    fail_of_word(source, before + (pieces[piece].data() - begin) + static_cast<int64_t>(byte), size);
  });
}

void BpeTrainer::add_texts(std::span<const std::string_view> texts, const Place& place) {
  add_pieces(texts, /*are_lines=*/false, [&](size_t text, size_t byte, size_t size) {
    fail_of_word(place ? place(text) : "tokenizer", static_cast<int64_t>(byte), size);
  });
}

BpeTokenizer BpeTrainer::learn() const {
  Learner learner(options_);
  learner.add_words(words_, counts_);
  return learner.learn();
}

}  // namespace gradus
