#include "gradus/train/text_stream.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/utf8.h"
#include "gradus/data/bpe_trainer.h"
#include "gradus/data/file_contents.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/text_parts.h"

namespace gradus::internal {
namespace {

constexpr size_t kPartBytes = size_t{16} << 20;
constexpr size_t kPieceBytes = size_t{16} << 10;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_cut(std::string_view text, size_t at) {
  return is_letter(text[at - 1]) && (text[at] == ' ' || text[at] == '\n');
}

// Between a letter and a space every tokenizer's words end. Both find such a place, the first from `at` on, and the
// last; 0 if there is none.
size_t first_cut(std::string_view text, size_t at) {
  for (at = std::max<size_t>(at, 1); at < text.size(); ++at) {
    if (is_cut(text, at)) return at;
  }
  return 0;
}
size_t last_cut(std::string_view text) {
  for (size_t at = text.size(); at-- > 1;) {
    if (is_cut(text, at)) return at;
  }
  return 0;
}

std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t cut = first_cut(text, kPieceBytes), end = cut == 0 ? text.size() : cut;
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return pieces;
}

// A token that is found as it is may hold a space.
bool may_be_cut(const TextTokenizer& tokenizer) {
  const auto* bpe = std::get_if<BpeTokenizer>(&tokenizer.kind());
  return bpe == nullptr || std::none_of(bpe->parts().special.begin(), bpe->parts().special.end(), [&](int32_t id) {
           return tokenizer.token(id).find_first_of(" \n") != std::string::npos;
         });
}

void check_utf8(const TextPart& part) {
  for (size_t i = 0; i < part.texts.size(); ++i) {
    const std::string_view text = part.texts[i];
    const auto invalid = first_invalid_utf8(text);
    if (!invalid) continue;
    fail(part.place(i),
         "the text is not valid UTF-8 at byte {}: {}; set data.tokens = \"bytes\" or \"bpe\", or convert the file to "
         "UTF-8 with iconv",
         part.bytes_before(i) + static_cast<int64_t>(*invalid), utf8_at(text, *invalid).error);
  }
}

// A text of the characters, or the bytes, of all texts.
std::string units_of(const Config& config, const TextStream& texts) {
  const bool are_bytes = config.text("data.tokens") == "bytes";
  std::string seen = texts.has_documents() ? "\n" : "";  // which stands between them
  texts.for_each(true, [&](const TextPart& part) {
    if (!are_bytes) check_utf8(part);
    for (const std::string_view text : part.texts) seen += text;
    const auto units = CharacterTokenizer::train(
        seen, are_bytes ? CharacterTokenizer::Unit::kBytes : CharacterTokenizer::Unit::kCharacters);
    seen.clear();
    for (int32_t id = 0; id < units.vocabulary_size(); ++id) seen += units.token(id);
    return true;
  });
  return seen;
}

// How many documents, or bytes of the one text, are trained on; see `read_text` of train/text_data.cpp.
int64_t training_end(const Config& config, const TextStream& texts) {
  std::vector<int64_t> sizes;
  int64_t bytes = 0;
  texts.for_each(true, [&](const TextPart& part) {
    for (const std::string_view text : part.texts) {
      bytes += static_cast<int64_t>(text.size());
      if (texts.has_documents()) sizes.push_back(static_cast<int64_t>(text.size()));
    }
    return true;
  });
  const int64_t held = held_out(config, bytes);
  check_held_out(config, held, bytes, "bytes");
  if (texts.has_documents()) {
    for (int64_t taken = 0; taken < held && sizes.size() > 1; sizes.pop_back()) taken += sizes.back();
    return static_cast<int64_t>(sizes.size());
  }
  int64_t end = bytes - held, at = 0;
  if (held == 0) return end;
  texts.for_each(true, [&](const TextPart& part) {  // to the line's end
    for (const std::string_view text : part.texts) {
      const auto size = static_cast<int64_t>(text.size());
      const size_t feed = at + size > end ? text.find('\n', static_cast<size_t>(std::max<int64_t>(0, end - at)))
                                          : std::string_view::npos;
      if (feed != std::string_view::npos) {
        const int64_t behind = at + static_cast<int64_t>(feed) + 1;
        if (behind < bytes) end = behind;
        return false;
      }
      at += size;
    }
    return true;
  });
  return end;
}

// Calls `visit` for the part of the texts that is trained on.
void for_each_of_training(const Config& config, const TextStream& texts,
                          const std::function<void(const TextPart& part)>& visit) {
  int64_t left = training_end(config, texts);
  texts.for_each(true, [&](const TextPart& part) {
    TextPart own = part;
    for (size_t i = 0; i < own.texts.size(); ++i) {
      if (left == 0) {
        own.texts.resize(i);
        break;
      }
      if (!texts.has_documents()) own.texts[i] = own.texts[i].substr(0, static_cast<size_t>(left));
      left -= texts.has_documents() ? 1 : static_cast<int64_t>(own.texts[i].size());
    }
    if (!own.texts.empty()) visit(own);
    return left > 0;
  });
}

// Which of the texts cannot be encoded, and why.
[[noreturn]] void fail_of_part(const TextTokenizer& tokenizer, const TextPart& part, const Error& error) {
  for (size_t i = 0; i < part.texts.size(); ++i) {
    try {
      tokenizer.encode(part.texts[i]);
    } catch (const Error& own) {
      const int64_t before = part.bytes_before(i);
      fail(part.place(i), "{} (the vocabulary is that of data.tokenizer{})", own.message(),
           before > 0 ? fmt::format("; bytes are counted from {} of the text on", before) : "");
    }
  }
  throw error;
}

}  // namespace

std::string TextPart::place(size_t text) const {
  return lines.empty() ? source : fmt::format("{}:{}", source, lines[text]);
}

int64_t TextPart::bytes_before(size_t text) const {
  if (!lines.empty()) return 0;
  return std::accumulate(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(text), begin,
                         [](int64_t sum, std::string_view t) { return sum + static_cast<int64_t>(t.size()); });
}

TextStream::TextStream(const Config& config, const std::vector<std::string>& paths)
    : options_(text_options(config)),
      files_(files_of(paths, "data.path")),
      are_bytes_(config.text("data.tokens") == "bytes") {
  for (const std::string& file : files_) {
    source_ += (source_.empty() ? "" : ", ") + file;
    has_documents_ = has_documents_ || text_format(file, options_) != TextFormat::kPlain;
  }
}

void TextStream::for_each(bool may_be_cut, const std::function<bool(const TextPart& part)>& visit) const {
  if (has_documents_) {
    for_each_document(visit);
  } else {
    for_each_piece(may_be_cut, visit);
  }
}

void TextStream::for_each_piece(bool may_be_cut, const std::function<bool(const TextPart& part)>& visit) const {
  TextPart part{.texts = {}, .source = source_};
  std::string buffer;
  for (const std::string& file : files_) {
    const FileContents contents(file);
    std::string_view text = contents.bytes();
    if (text.empty()) fail(file, "the file is empty; expected text");
    if (!are_bytes_) check_byte_order_mark(file, text);
    while (!text.empty()) {
      const std::string_view some = text.substr(0, kPartBytes);
      buffer += some;
      text.remove_prefix(some.size());
      const size_t used = contents.bytes().size() - text.size();
      if (contents.is_mapped()) release_pages(contents.bytes(), used - some.size(), used);
      const bool is_last = text.empty() && &file == &files_.back();
      const size_t end = is_last ? buffer.size() : may_be_cut ? last_cut(buffer) : 0;
      if (end == 0) continue;
      const std::string_view whole = std::string_view(buffer).substr(0, end);
      part.texts = may_be_cut ? pieces_of(whole) : std::vector{whole};
      if (!visit(part)) return;
      part.begin += static_cast<int64_t>(end);
      buffer.erase(0, end);
    }
  }
}

void TextStream::for_each_document(const std::function<bool(const TextPart& part)>& visit) const {
  bool goes_on = true;
  for (const std::string& file : files_) {
    if (!goes_on) return;
    const bool is_plain = text_format(file, options_) == TextFormat::kPlain;
    for_each_documents(file, options_, [&](const TextDocuments& some) {
      if (!goes_on) return;
      if (is_plain && !are_bytes_) check_byte_order_mark(file, some.texts[0]);
      goes_on = visit({.texts = some.views(), .source = file, .lines = some.lines});
    });
  }
}

TextTokenizer learn_tokenizer(const Config& config, const TextStream& texts) {
  const std::string& tokens = config.text("data.tokens");
  if (config.has("data.tokenizer")) return make_text_tokenizer(config, texts.source(), {}, false);
  if (tokens == "characters" || tokens == "bytes") {
    const std::string units = units_of(config, texts);
    const std::string_view view = units;
    return make_text_tokenizer(config, texts.source(), {&view, 1}, false);
  }
  if (tokens == "bpe") {
    BpeTrainer trainer(bpe_options(config));
    for_each_of_training(config, texts, [&](const TextPart& part) {
      if (texts.has_documents()) return trainer.add_texts(part.texts, [&](size_t text) { return part.place(text); });
      int64_t before = part.begin;
      for (const std::string_view piece : part.texts) {
        trainer.add_lines(piece, part.source, before);
        before += static_cast<int64_t>(piece.size());
      }
    });
    return TextTokenizer::Kind(trainer.learn());
  }
  WordCounts words;
  for_each_of_training(config, texts, [&](const TextPart& part) {
    check_utf8(part);
    for (const std::string_view text : part.texts) words.add(text);
  });
  return TextTokenizer::Kind(WordTokenizer::train(words, config.integer("data.vocabulary"), texts.has_documents()));
}

void encode_stream(const TextTokenizer& tokenizer, const TextStream& texts,
                   const std::function<void(const std::vector<int32_t>& ids)>& visit) {
  texts.for_each(may_be_cut(tokenizer), [&](const TextPart& part) {
    std::vector<std::vector<int32_t>> all;
    try {
      all = tokenizer.encode_all(part.texts);
    } catch (const Error& error) {
      fail_of_part(tokenizer, part, error);
    }
    for (const std::vector<int32_t>& ids : all) visit(ids);
    return true;
  });
}

}  // namespace gradus::internal
