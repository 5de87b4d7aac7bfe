#include "gradus/data/tokenizer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/json.h"
#include "gradus/base/utf8.h"

namespace gradus {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{64} << 20;  // all of Unicode takes less than half of it

Utf8Piece piece_at(std::string_view text, size_t offset, CharacterTokenizer::Unit unit) {
  if (unit == CharacterTokenizer::Unit::kBytes) return {static_cast<unsigned char>(text[offset]), 1, nullptr};
  const Utf8Piece piece = utf8_at(text, offset);
  if (piece.error != nullptr) {
    fail("tokenizer", "the text is not valid UTF-8 at byte {}: {}; use the bytes tokenizer for such texts", offset,
         piece.error);
  }
  return piece;
}

/// A unit for messages: `character "é" (U+00E9)`, `byte 0xE9`.
std::string show(uint32_t code, CharacterTokenizer::Unit unit) {
  if (unit == CharacterTokenizer::Unit::kBytes) return fmt::format("byte 0x{:02X}", code);
  if (code < 0x20 || code == 0x7F) return fmt::format("character U+{:04X}", code);
  return fmt::format("character \"{}\" (U+{:04X})", to_utf8(code), code);
}

std::string_view type_name(CharacterTokenizer::Unit unit) {
  return unit == CharacterTokenizer::Unit::kBytes ? "bytes" : "characters";
}

void check_keys(const std::string& file, const JsonValue& json) {
  const auto* fields = json.get<JsonValue::Object>();
  if (fields == nullptr) fail(file, "holds {}; expected an object with type and tokens", json.shown());
  for (const auto& [key, value] : *fields) {
    if (key != "type" && key != "tokens") fail(file, "unknown key \"{}\"; expected type and tokens", key);
  }
  for (const char* key : {"type", "tokens"}) {
    if (json.find(key) == nullptr) fail(file, "has no \"{}\"", key);
  }
}

CharacterTokenizer::Unit unit_of(const std::string& file, const JsonValue& type) {
  const auto* name = type.get<std::string>();
  for (const auto unit : {CharacterTokenizer::Unit::kCharacters, CharacterTokenizer::Unit::kBytes}) {
    if (name != nullptr && *name == type_name(unit)) return unit;
  }
  fail(file, "type is {}; expected \"characters\" or \"bytes\"", type.shown());
}

/// The code of one element of "tokens".
uint32_t code_of(const std::string& file, const JsonValue& token, size_t id, CharacterTokenizer::Unit unit) {
  if (unit == CharacterTokenizer::Unit::kBytes) {
    const auto* number = token.get<int64_t>();
    if (number != nullptr && *number >= 0 && *number <= 255) return static_cast<uint32_t>(*number);
    fail(file, "token {} is {}; expected an integer from 0 to 255", id, token.shown());
  }
  if (const auto* text = token.get<std::string>(); text != nullptr && !text->empty()) {
    const Utf8Piece piece = utf8_at(*text, 0);
    if (piece.length == text->size()) return piece.code;
  }
  fail(file, "token {} is {}; expected a string of one character", id, token.shown());
}

}  // namespace

CharacterTokenizer::CharacterTokenizer(Unit unit, std::span<const uint32_t> codes) : unit_(unit) {
  ids_.assign(codes.empty() ? 0 : *std::max_element(codes.begin(), codes.end()) + 1, -1);
  for (const uint32_t code : codes) {
    ids_[code] = static_cast<int32_t>(tokens_.size());
    tokens_.push_back(unit == Unit::kBytes ? std::string{static_cast<char>(code)} : to_utf8(code));
  }
}

CharacterTokenizer CharacterTokenizer::train(std::string_view text, Unit unit) {
  if (text.empty()) fail("tokenizer", "the text is empty; a vocabulary needs at least one character");
  std::vector<bool> present(kLastCodePoint + 1);
  uint32_t last = 0;
  for (size_t offset = 0; offset < text.size();) {
    const Utf8Piece piece = piece_at(text, offset, unit);
    present[piece.code] = true;
    last = std::max(last, piece.code);
    offset += piece.length;
  }
  std::vector<uint32_t> codes;
  for (uint32_t code = 0; code <= last; ++code) {
    if (present[code]) codes.push_back(code);
  }
  return {unit, codes};
}

CharacterTokenizer CharacterTokenizer::load(const std::filesystem::path& path) {
  return from_json(read_file(path, kMaxFileBytes), path.string());
}

CharacterTokenizer CharacterTokenizer::from_json(std::string_view text, const std::string& file) {
  return from_json(parse_json(text, file), file);
}

CharacterTokenizer CharacterTokenizer::from_json(const JsonValue& json, const std::string& file) {
  check_keys(file, json);
  const Unit unit = unit_of(file, *json.find("type"));
  const auto* tokens = json.find("tokens")->get<JsonValue::List>();
  if (tokens == nullptr || tokens->empty()) fail(file, "tokens is no array of at least one token");
  std::vector<uint32_t> codes;
  std::vector<bool> present(kLastCodePoint + 1);
  for (const JsonValue& token : *tokens) {
    const uint32_t code = code_of(file, token, codes.size(), unit);
    if (present[code]) fail(file, "token {} repeats {}", codes.size(), show(code, unit));
    present[code] = true;
    codes.push_back(code);
  }
  return {unit, codes};
}

std::string CharacterTokenizer::to_json() const {
  std::string text = fmt::format("{{\"type\": \"{}\", \"tokens\": [", type_name(unit_));
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (i > 0) text += ", ";
    text += unit_ == Unit::kBytes ? std::to_string(static_cast<unsigned char>(tokens_[i][0])) : json_quoted(tokens_[i]);
  }
  return text + "]}\n";
}

void CharacterTokenizer::save(const std::filesystem::path& path) const { write_file(path, to_json()); }

std::vector<int32_t> CharacterTokenizer::encode(std::string_view text) const {
  const auto id_of = [this](uint32_t code) { return code < ids_.size() ? ids_[code] : -1; };
  const int32_t unknown = id_of(kReplacement);
  std::vector<int32_t> ids;
  ids.reserve(text.size());
  for (size_t offset = 0; offset < text.size();) {
    const Utf8Piece piece = piece_at(text, offset, unit_);
    const int32_t known = id_of(piece.code), id = known >= 0 ? known : unknown;
    if (id < 0) {
      fail("tokenizer",
           "{} at byte {} of the text is not among the {} tokens; bytes (data.tokens = \"bytes\") and pieces of words "
           "(\"bpe\") are tokens of any text: train with those, or use what stands in the text it was trained on",
           show(piece.code, unit_), offset, tokens_.size());
    }
    ids.push_back(id);
    offset += piece.length;
  }
  return ids;
}

std::string CharacterTokenizer::decode(const std::vector<int32_t>& ids) const {
  std::string text;
  text.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocabulary_size()) {
      fail("tokenizer", "id {} at position {}; expected 0 to {}", ids[i], i, vocabulary_size() - 1);
    }
    text += token(ids[i]);
  }
  return text;
}

}  // namespace gradus
