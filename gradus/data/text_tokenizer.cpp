#include "gradus/data/text_tokenizer.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/json.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

constexpr int64_t kMostTokenizerBytes = int64_t{256} << 20;
constexpr int64_t kTextsOfAThread = 256;  // texts that a thread takes at a time

}  // namespace

TextTokenizer TextTokenizer::load(const std::filesystem::path& path) {
  return from_json(read_file(path, kMostTokenizerBytes), path.string());
}

TextTokenizer TextTokenizer::from_json(std::string_view text, const std::string& file) {
  return from_json(parse_json(text, file), file);
}

TextTokenizer TextTokenizer::from_json(const JsonValue& json, const std::string& file) {
  if (json.find("model") != nullptr) return Kind(BpeTokenizer::from_json(json, file));
  const JsonValue* type = json.find("type");
  const auto* name = type != nullptr ? type->get<std::string>() : nullptr;
  if (name != nullptr && *name == "words") return Kind(WordTokenizer::from_json(json, file));
  return Kind(CharacterTokenizer::from_json(json, file));
}

std::string TextTokenizer::to_json() const {
  return std::visit([](const auto& tokenizer) { return tokenizer.to_json(); }, *kind_);
}

int64_t TextTokenizer::vocabulary_size() const {
  return std::visit([](const auto& tokenizer) { return tokenizer.vocabulary_size(); }, *kind_);
}

const std::string& TextTokenizer::token(int32_t id) const {
  return std::visit([id](const auto& tokenizer) -> const std::string& { return tokenizer.token(id); }, *kind_);
}

std::optional<int64_t> TextTokenizer::bytes_of(int32_t id) const {
  if (std::holds_alternative<WordTokenizer>(*kind_)) return std::nullopt;
  if (const auto* bpe = std::get_if<BpeTokenizer>(kind_.get())) {
    const std::vector<int32_t>& special = bpe->parts().special;
    if (std::find(special.begin(), special.end(), id) != special.end()) return 0;
  }
  return static_cast<int64_t>(token(id).size());
}

std::optional<int32_t> TextTokenizer::end_of_text() const {
  if (const auto* words = std::get_if<WordTokenizer>(kind_.get())) return words->end_of_text();
  const auto* bpe = std::get_if<BpeTokenizer>(kind_.get());
  return bpe != nullptr ? bpe->special(kEndOfText) : std::nullopt;
}

std::vector<int32_t> TextTokenizer::encode(std::string_view text) const {
  return std::visit([text](const auto& tokenizer) { return tokenizer.encode(text); }, *kind_);
}

std::vector<std::vector<int32_t>> TextTokenizer::encode_all(std::span<const std::string_view> texts) const {
  std::vector<std::vector<int32_t>> all(texts.size());
  const auto* bpe = std::get_if<BpeTokenizer>(kind_.get());
  parallel_for(static_cast<int64_t>(texts.size()), kTextsOfAThread, [&](int64_t begin, int64_t end) {
    std::optional<BpeEncoder> encoder;
    if (bpe != nullptr) encoder.emplace(*bpe);
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      if (encoder) {
        encoder->encode(texts[i], all[i]);
      } else {
        all[i] = encode(texts[i]);
      }
    }
  });
  return all;
}

std::string TextTokenizer::decode(const std::vector<int32_t>& ids) const {
  return std::visit([&](const auto& tokenizer) { return tokenizer.decode(ids); }, *kind_);
}

std::string TextTokenizer::piece(int32_t id, bool is_first) const {
  const bool has_space = !is_first && std::holds_alternative<WordTokenizer>(*kind_);
  return (has_space ? " " : "") + token(id);
}

}  // namespace gradus
