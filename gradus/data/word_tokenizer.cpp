#include "gradus/data/word_tokenizer.h"

#include <algorithm>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/utf8.h"
#include "gradus/data/unicode_classes.h"

namespace gradus {
namespace {

// Calls `visit(word)` for each word; bytes that are no UTF-8 are characters of their own.
template <class Visit>
void for_each_word(std::string_view text, Visit&& visit) {
  const CharacterClass* const classes = character_classes();
  size_t begin = 0, at = 0;  // a word of letters and numbers from `begin` on, if it is before `at`
  const auto end_word = [&] {
    if (begin < at) visit(text.substr(begin, at - begin));
  };
  while (at < text.size()) {
    const Utf8Piece piece = utf8_at(text, at);
    const size_t length = std::max<size_t>(1, piece.length);
    const CharacterClass kind = piece.length == 0 ? CharacterClass::kOther : classes[piece.code];
    if (kind == CharacterClass::kLetter || kind == CharacterClass::kNumber) {
      at += length;
      continue;
    }
    end_word();
    if (kind == CharacterClass::kOther) visit(text.substr(at, length));
    at += length;
    begin = at;
  }
  end_word();
}

}  // namespace

WordTokenizer::WordTokenizer(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  for (size_t id = 1; id < tokens_.size(); ++id) ids_.emplace(tokens_[id], static_cast<int32_t>(id));
}

void WordCounts::add(std::string_view text) {
  if (const auto invalid = first_invalid_utf8(text)) {
    fail("tokenizer", "the text is not valid UTF-8 at byte {}: {}; use the bytes tokenizer for such texts", *invalid,
         utf8_at(text, *invalid).error);
  }
  for_each_word(text, [&](std::string_view word) {
    const size_t number = words_.find_or_add(word);
    if (number == counts_.size()) counts_.push_back(0);
    ++counts_[number];
  });
}

WordTokenizer WordTokenizer::train(const std::vector<std::string_view>& texts, int64_t vocabulary, bool has_end) {
  WordCounts words;
  for (const std::string_view text : texts) words.add(text);
  return train(words, vocabulary, has_end);
}

WordTokenizer WordTokenizer::train(const WordCounts& all, int64_t vocabulary, bool has_end) {
  const int64_t special = has_end ? 2 : 1;
  if (vocabulary <= special) {
    fail_usage("tokenizer", "a vocabulary of {} words; expected {} or more", vocabulary, special + 1);
  }
  const WordTable& words = all.words_;
  const std::vector<int64_t>& counts = all.counts_;
  if (counts.empty()) fail("tokenizer", "the text has no word; a vocabulary needs at least one");
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return counts[a] != counts[b] ? counts[a] > counts[b] : words[a] < words[b]; });
  order.resize(std::min(order.size(), static_cast<size_t>(vocabulary - special)));
  std::vector<std::string> tokens{std::string(kUnknown)};
  if (has_end) tokens.emplace_back(kEndOfText);
  for (const size_t number : order) tokens.emplace_back(words[number]);
  return WordTokenizer(std::move(tokens));
}

WordTokenizer WordTokenizer::from_json(const JsonValue& json, const std::string& file) {
  const JsonValue* list = json.find("tokens");
  const auto* items = list != nullptr ? list->get<JsonValue::List>() : nullptr;
  if (items == nullptr || items->empty()) fail(file, "tokens is no list of words, the first of which is {}", kUnknown);
  std::vector<std::string> tokens;
  for (const JsonValue& item : *items) {
    const auto* text = item.get<std::string>();
    if (text == nullptr || text->empty()) fail(file, "token {} is {}; expected a word", tokens.size(), item.shown());
    tokens.push_back(*text);
  }
  if (tokens[0] != kUnknown) fail(file, "token 0 is {}; expected \"{}\"", (*items)[0].shown(), kUnknown);
  WordTokenizer result(std::move(tokens));
  if (result.ids_.size() + 1 != result.tokens_.size()) fail(file, "a word is there twice; expected each once");
  return result;
}

std::optional<int32_t> WordTokenizer::end_of_text() const {
  const auto found = ids_.find(std::string(kEndOfText));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::string WordTokenizer::to_json() const {
  std::string text = R"({"type": "words", "tokens": [)";
  for (size_t id = 0; id < tokens_.size(); ++id) text += (id > 0 ? ", " : "") + json_quoted(tokens_[id]);
  return text + "]}\n";
}

std::vector<int32_t> WordTokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  std::string key;
  for_each_word(text, [&](std::string_view word) {
    key.assign(word);
    const auto found = ids_.find(key);
    ids.push_back(found == ids_.end() ? 0 : found->second);
  });
  return ids;
}

std::string WordTokenizer::decode(const std::vector<int32_t>& ids) const {
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocabulary_size()) {
      fail("tokenizer", "id {} at position {}; expected 0 to {}", ids[i], i, vocabulary_size() - 1);
    }
    text += (i > 0 ? " " : "") + token(ids[i]);
  }
  return text;
}

}  // namespace gradus
