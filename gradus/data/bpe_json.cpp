// tokenizer.json as Hugging Face's library has it, and GPT-2's two files.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/data/bpe.h"

namespace gradus {
namespace {

constexpr int64_t kMostVocabularyBytes = int64_t{256} << 20;
constexpr int64_t kMostTokens = int64_t{1} << 24;

struct NamedPattern {
  WordPattern pattern;
  std::string_view regex;
};

constexpr NamedPattern kPatterns[] = {
    {WordPattern::kGpt2, R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {WordPattern::kThreeDigits,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {WordPattern::kOneDigit,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

/// One object of a file: its place in it, for messages, and its fields.
class Part {
 public:
  Part(const std::string& file, std::string where, const JsonValue& json) : file_(file), where_(std::move(where)) {
    fields_ = json.get<JsonValue::Object>();
    if (fields_ == nullptr) fail(file_, "{} is {}; expected an object", where_, json.shown());
  }

  /// The field; null where it is not there.
  const JsonValue& operator[](std::string_view key) const {
    static const JsonValue null;
    for (const auto& [name, value] : *fields_) {
      if (name == key) return value;
    }
    return null;
  }
  Part part(std::string_view key) const { return {file_, path(key), (*this)[key]}; }
  const JsonValue::List& list(std::string_view key) const {
    const auto* list = (*this)[key].get<JsonValue::List>();
    if (list == nullptr) fail(file_, "{} is {}; expected a list", path(key), (*this)[key].shown());
    return *list;
  }
  const JsonValue::Object& fields() const { return *fields_; }
  std::string type() const {
    const auto* type = (*this)["type"].get<std::string>();
    return type != nullptr ? *type : (*this)["type"].shown();
  }
  std::string path(std::string_view key) const {
    return where_ == "the file" ? std::string(key) : fmt::format("{}.{}", where_, key);
  }
  const std::string& where() const { return where_; }

  /// Null, "" and false all ask for nothing.
  void expect_off(std::initializer_list<std::string_view> keys) const {
    for (const std::string_view key : keys) {
      const JsonValue& value = (*this)[key];
      const auto* boolean = value.get<bool>();
      const auto* text = value.get<std::string>();
      const bool is_off = value.get<std::nullptr_t>() != nullptr || (boolean != nullptr && !*boolean) ||
                          (text != nullptr && text->empty());
      if (!is_off) fail(file_, "{} is {}, which gradus has not; expected null or false", path(key), value.shown());
    }
  }
  void expect_keys(std::initializer_list<std::string_view> known) const {
    for (const auto& [name, value] : *fields_) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        fail(file_, "{} has the unknown key \"{}\"", where_, name);
      }
    }
  }
  bool boolean(std::string_view key, bool usual) const {
    if ((*this)[key].get<std::nullptr_t>() != nullptr) return usual;
    const auto* value = (*this)[key].get<bool>();
    if (value == nullptr) fail(file_, "{} is {}; expected true or false", path(key), (*this)[key].shown());
    return *value;
  }

 private:
  const std::string& file_;
  std::string where_;
  const JsonValue::Object* fields_ = nullptr;
};

/// The tokens of a file while they are read.
struct Vocabulary {
  const std::string& file;
  std::vector<std::string> texts = {};  // by id, as they are written
  std::unordered_map<std::string, int32_t> ids = {};

  int64_t checked_id(std::string_view what, const JsonValue& value) const {
    const auto* id = value.get<int64_t>();
    if (id != nullptr && *id >= 0 && *id < kMostTokens) return *id;
    fail(file, "the id of {} is {}; expected a whole number from 0 to {}", what, value.shown(), kMostTokens - 1);
  }

  void add(const std::string& text, const JsonValue& value, size_t most) {
    if (text.empty()) fail(file, "a token has no text");
    const int64_t id = checked_id(fmt::format("the token \"{}\"", text), value);
    if (const auto known = ids.find(text); known != ids.end()) {
      if (known->second != id) fail(file, "the token \"{}\" has two ids, {} and {}", text, known->second, id);
      return;
    }
    if (static_cast<size_t>(id) >= most) {
      fail(file, "the token \"{}\" has the id {}, and there are {} tokens; expected each id below that once", text, id,
           most);
    }
    if (texts.size() <= static_cast<size_t>(id)) texts.resize(static_cast<size_t>(id) + 1);
    std::string& place = texts[static_cast<size_t>(id)];
    if (!place.empty()) fail(file, "the tokens \"{}\" and \"{}\" both have the id {}", place, text, id);
    place = text;
    ids.emplace(text, static_cast<int32_t>(id));
  }

  int32_t find(const std::string& text, size_t merge) const {
    const auto found = ids.find(text);
    if (found == ids.end()) fail(file, "merge {} needs the token \"{}\", which is not in the vocabulary", merge, text);
    return found->second;
  }

  // The tokens as bytes.
  std::vector<std::string> tokens(const std::vector<int32_t>& special) const {
    std::vector<std::string> all(texts.size());
    for (size_t id = 0; id < texts.size(); ++id) {
      if (texts[id].empty()) fail(file, "no token has the id {}; expected all from 0 to {}", id, texts.size() - 1);
      if (std::find(special.begin(), special.end(), static_cast<int32_t>(id)) != special.end()) {
        all[id] = texts[id];
        continue;
      }
      std::optional<std::string> bytes = bytes_of_level_text(texts[id]);
      if (!bytes) {
        fail(file, "token {}, \"{}\", has a character that stands for no byte; expected a byte-level vocabulary", id,
             texts[id]);
      }
      all[id] = std::move(*bytes);
    }
    return all;
  }

  BpeMerge merge(const std::string& left, const std::string& right, size_t number) const {
    return {find(left, number), find(right, number), find(left + right, number)};
  }
};

WordPattern pattern_of(const std::string& file, const Part& split) {
  split.expect_keys({"type", "pattern", "behavior", "invert"});
  split.expect_off({"invert"});
  const auto* behavior = split["behavior"].get<std::string>();
  if (behavior == nullptr || *behavior != "Isolated") {
    fail(file, "{} is {}; expected \"Isolated\"", split.path("behavior"), split["behavior"].shown());
  }
  const Part pattern = split.part("pattern");
  const auto* regex = pattern["Regex"].get<std::string>();
  for (const NamedPattern& known : kPatterns) {
    if (regex != nullptr && *regex == known.regex) return known.pattern;
  }
  fail(file, "{} is {}; gradus knows those of GPT-2, GPT-4 (and Llama 3) and Qwen 2", pattern.path("Regex"),
       pattern["Regex"].shown());
}

void check_byte_level(const std::string& file, const Part& part) {
  if (part.type() != "ByteLevel") fail(file, "{} is of type {}; expected ByteLevel", part.where(), part.type());
  part.expect_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

WordPattern read_pre_tokenizer(const std::string& file, const Part& part) {
  if (part.type() != "Sequence") {
    check_byte_level(file, part);
    part.expect_off({"add_prefix_space"});
    if (part.boolean("use_regex", true)) return WordPattern::kGpt2;
    fail(file, "{} is false, so that the whole text is one word; expected true", part.path("use_regex"));
  }
  const JsonValue::List& all = part.list("pretokenizers");
  if (all.size() != 2)
    fail(file, "{} has {} items; expected Split and ByteLevel", part.path("pretokenizers"), all.size());
  const Part split(file, part.path("pretokenizers[0]"), all[0]), bytes(file, part.path("pretokenizers[1]"), all[1]);
  if (split.type() != "Split") fail(file, "{} is of type {}; expected Split", split.where(), split.type());
  check_byte_level(file, bytes);
  bytes.expect_off({"add_prefix_space", "use_regex"});
  if (bytes.boolean("use_regex", true)) fail(file, "{} is not false; expected false", bytes.path("use_regex"));
  return pattern_of(file, split);
}

std::vector<int32_t> read_added(const std::string& file, const Part& root, Vocabulary& vocabulary, size_t most) {
  std::vector<int32_t> special;
  if (root["added_tokens"].get<std::nullptr_t>() != nullptr) return special;
  for (const JsonValue& item : root.list("added_tokens")) {
    const Part token(file, fmt::format("added_tokens[{}]", special.size()), item);
    token.expect_keys({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    token.expect_off({"single_word", "lstrip", "rstrip"});
    const auto* content = token["content"].get<std::string>();
    if (content == nullptr) fail(file, "{} is {}; expected text", token.path("content"), token["content"].shown());
    vocabulary.add(*content, token["id"], most);
    special.push_back(vocabulary.ids[*content]);
  }
  return special;
}

std::vector<BpeMerge> read_merges(const std::string& file, const Part& model, const Vocabulary& vocabulary) {
  std::vector<BpeMerge> merges;
  for (const JsonValue& item : model.list("merges")) {
    if (const auto* line = item.get<std::string>()) {
      const size_t space = line->find(' ');
      if (space == std::string::npos || line->find(' ', space + 1) != std::string::npos) {
        fail(file, "merge {} is {}; expected two tokens with a space between", merges.size(), item.shown());
      }
      merges.push_back(vocabulary.merge(line->substr(0, space), line->substr(space + 1), merges.size()));
      continue;
    }
    const auto* pair = item.get<JsonValue::List>();
    const bool is_pair = pair != nullptr && pair->size() == 2 && (*pair)[0].get<std::string>() != nullptr &&
                         (*pair)[1].get<std::string>() != nullptr;
    if (!is_pair) fail(file, "merge {} is {}; expected two tokens", merges.size(), item.shown());
    merges.push_back(vocabulary.merge(*(*pair)[0].get<std::string>(), *(*pair)[1].get<std::string>(), merges.size()));
  }
  return merges;
}

std::string quoted_regex(WordPattern pattern) {
  for (const NamedPattern& known : kPatterns) {
    if (known.pattern == pattern) return json_quoted(known.regex);
  }
  return "";
}

}  // namespace

BpeTokenizer BpeTokenizer::load(const std::filesystem::path& path) {
  return from_json(parse_json(read_file(path, kMostVocabularyBytes), path.string()), path.string());
}

BpeTokenizer BpeTokenizer::from_json(const JsonValue& json, const std::string& file) {
  const Part root(file, "the file", json), model = root.part("model");
  root.expect_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                    "decoder", "model"});
  root.expect_off({"truncation", "padding"});
  if (model.type() != "BPE") fail(file, "model is of type {}; gradus reads BPE", model.type());
  model.expect_keys({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                     "byte_fallback", "ignore_merges", "vocab", "merges"});
  model.expect_off({"dropout", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback"});
  BpeParts parts{.pattern = read_pre_tokenizer(file, root.part("pre_tokenizer")),
                 .ignore_merges = model.boolean("ignore_merges", false)};
  if (root["normalizer"].get<std::nullptr_t>() == nullptr) {
    const Part normalizer = root.part("normalizer");
    if (normalizer.type() != "NFC") fail(file, "normalizer is of type {}; gradus has NFC, or none", normalizer.type());
    parts.nfc = true;
  }
  if (root["post_processor"].get<std::nullptr_t>() == nullptr) check_byte_level(file, root.part("post_processor"));
  check_byte_level(file, root.part("decoder"));
  const JsonValue::Object& entries = model.part("vocab").fields();
  const auto* added = root["added_tokens"].get<JsonValue::List>();
  const size_t most = entries.size() + (added != nullptr ? added->size() : 0);
  Vocabulary vocabulary{file};
  for (const auto& [text, id] : entries) vocabulary.add(text, id, most);
  parts.special = read_added(file, root, vocabulary, most);
  parts.merges = read_merges(file, model, vocabulary);
  parts.tokens = vocabulary.tokens(parts.special);
  return {std::move(parts), file};
}

BpeTokenizer BpeTokenizer::load_gpt2(const std::filesystem::path& vocabulary, const std::filesystem::path& merges) {
  return from_gpt2(read_file(vocabulary, kMostVocabularyBytes), read_file(merges, kMostVocabularyBytes),
                   vocabulary.string(), merges.string());
}

BpeTokenizer BpeTokenizer::from_gpt2(std::string_view vocabulary, std::string_view merges,
                                     const std::string& vocabulary_name, const std::string& merges_name) {
  const JsonValue json = parse_json(vocabulary, vocabulary_name);
  const Part root(vocabulary_name, "the file", json);
  Vocabulary all{vocabulary_name};
  for (const auto& [text, id] : root.fields()) all.add(text, id, root.fields().size());
  BpeParts parts;
  if (const auto end = all.ids.find("<|endoftext|>"); end != all.ids.end()) parts.special.push_back(end->second);
  for (size_t at = 0, number = 1; at < merges.size(); ++number) {
    const size_t end = std::min(merges.find('\n', at), merges.size());
    std::string_view line = merges.substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      fail(merges_name, "line {} is {}; expected two tokens with a space between", number,
           json_quoted(line.substr(0, 60)));
    }
    parts.merges.push_back(
        all.merge(std::string(line.substr(0, space)), std::string(line.substr(space + 1)), parts.merges.size()));
  }
  parts.tokens = all.tokens(parts.special);
  return {std::move(parts), vocabulary_name};
}

std::string BpeTokenizer::to_json() const {
  const auto byte_level = [](bool use_regex) {
    return fmt::format(R"({{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":{}}})",
                       use_regex);
  };
  const auto written = [&](size_t id) {
    const auto& special = parts_->special;
    const bool is_special = std::find(special.begin(), special.end(), static_cast<int32_t>(id)) != special.end();
    return json_quoted(is_special ? parts_->tokens[id] : byte_level_text(parts_->tokens[id]));
  };
  std::string text = R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)";
  for (size_t i = 0; i < parts_->special.size(); ++i) {
    text += fmt::format(R"({}{{"id":{},"content":{},"single_word":false,"lstrip":false,"rstrip":false,)"
                        R"("normalized":false,"special":true}})",
                        i > 0 ? "," : "", parts_->special[i], json_quoted(token(parts_->special[i])));
  }
  text += fmt::format(R"(],"normalizer":{},"pre_tokenizer":)", parts_->nfc ? R"({"type":"NFC"})" : "null");
  text += parts_->pattern == WordPattern::kGpt2
              ? byte_level(true)
              : fmt::format(R"({{"type":"Sequence","pretokenizers":[{{"type":"Split","pattern":{{"Regex":{}}},)"
                            R"("behavior":"Isolated","invert":false}},{}]}})",
                            quoted_regex(parts_->pattern), byte_level(false));
  text += fmt::format(R"(,"post_processor":{},"decoder":{},)", byte_level(true), byte_level(true));
  text +=
      fmt::format(R"("model":{{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,)"
                  R"("end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":{},"vocab":{{)",
                  parts_->ignore_merges);
  for (size_t id = 0; id < parts_->tokens.size(); ++id) {
    text += fmt::format("{}\n{}:{}", id > 0 ? "," : "", written(id), id);
  }
  text += "},\"merges\":[";
  for (size_t i = 0; i < parts_->merges.size(); ++i) {
    const BpeMerge& merge = parts_->merges[i];
    text += fmt::format("{}\n[{},{}]", i > 0 ? "," : "", written(static_cast<size_t>(merge.left)),
                        written(static_cast<size_t>(merge.right)));
  }
  return text + "]}}\n";
}

}  // namespace gradus
