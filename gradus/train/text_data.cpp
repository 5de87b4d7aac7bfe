// The tokens of texts, as a configuration asks for them.
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/hash.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

// A byte order mark would be a character like any other, or a hint at what is no UTF-8 at all.
void check_byte_order_mark(const std::string& path, const std::string& text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    fail(path,
         "begins with the byte order mark of UTF-16; convert it with `iconv -f UTF-16 -t UTF-8 FILE > NEW`, or set "
         "data.tokens = "
         "\"bytes\"");
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    fail(path,
         "begins with a UTF-8 byte order mark, which is no part of the text; remove it with `sed -i "
         "'1s/^\\xEF\\xBB\\xBF//' FILE`, or set data.tokens = \"bytes\"");
  }
}

// The files of a key, one after the other, and what messages call them.
struct Text {
  std::string source, text;
};

Text read_texts(const Config& config, const std::vector<std::string>& paths) {
  Text all;
  for (const std::string& path : files_of(paths, "data.path")) {
    const std::string text = read_file(path);
    if (text.empty()) fail(path, "the file is empty; expected text");
    if (config.text("data.tokens") == "characters") check_byte_order_mark(path, text);
    all.source += (all.source.empty() ? "" : ", ") + path;
    all.text += text;
  }
  return all;
}

CharacterTokenizer make_tokenizer(const Config& config, const Text& text) {
  const bool bytes = config.text("data.tokens") == "bytes";
  using Unit = CharacterTokenizer::Unit;
  try {
    return CharacterTokenizer::train(text.text, bytes ? Unit::kBytes : Unit::kCharacters);
  } catch (const Error& error) {
    // The tokenizer knows the place in the text, but not whose text it is.
    fail(text.source, "{}: set data.tokens = \"bytes\", or convert the file to UTF-8 with iconv", error.message());
  }
}

std::vector<int32_t> encode(const CharacterTokenizer& tokenizer, const Text& text, const char* whose) {
  try {
    return tokenizer.encode(text.text);
  } catch (const Error& error) {
    fail(text.source, "{} (the vocabulary is that of {})", error.message(), whose);
  }
}

void check_length(const Config& config, const std::string& source, int64_t total, int64_t held) {
  const int64_t context = config.integer("model.context");
  if (total - held >= context + 1 && (held == 0 || held >= context + 1)) return;
  fail(source,
       "{} tokens, of which {} are held out for validation; each part needs at least model.context + 1 = {} (give "
       "more text, or set data.validation_fraction or model.context lower)",
       total, held, context + 1);
}

std::unique_ptr<TokenDataset> whole_text(const Config& config, const CharacterTokenizer& tokenizer,
                                         const std::vector<std::string>& paths, const char* whose) {
  const Text text = read_texts(config, paths);
  std::vector<int32_t> tokens = encode(tokenizer, text, whose);
  check_length(config, text.source, static_cast<int64_t>(tokens.size()), 0);
  return std::make_unique<TokenDataset>(std::move(tokens), config.integer("model.context"));
}

}  // namespace

std::unique_ptr<Dataset> read_text(const Config& config, const CharacterTokenizer& tokenizer,
                                   const std::vector<std::string>& paths) {
  return whole_text(config, tokenizer, paths, "the model");
}

ExperimentData make_text_data(const Config& config, const DataEncoder& given) {
  const Text text = read_texts(config, config.texts("data.path"));
  const auto* known = std::get_if<CharacterTokenizer>(&given);
  const CharacterTokenizer tokenizer = known != nullptr ? *known : make_tokenizer(config, text);
  std::vector<int32_t> tokens = encode(tokenizer, text, "the run that this one goes on from");
  ExperimentData data;
  data.hash = xxh3(tokens.data(), tokens.size() * sizeof(int32_t));
  data.shape.vocabulary = tokenizer.vocabulary_size();
  const int64_t context = config.integer("model.context"), stride = config.integer("data.stride");
  const int64_t total = static_cast<int64_t>(tokens.size()), held = held_out(config, total);
  check_length(config, text.source, total, held);
  check_held_out(config, held, total, "tokens");
  const int64_t trained = trained_on(config, total - held, "tokens");
  if (trained < context + 1) {
    fail_usage(config.where("data.training_size"),
               "data.training_size = {} tokens; an example needs model.context + 1 = {}", trained, context + 1);
  }
  const auto split = tokens.begin() + (total - held);
  if (held > 0) {
    data.validation = std::make_unique<TokenDataset>(std::vector<int32_t>(split, tokens.end()), context);
  }
  if (config.has("data.validation_path")) {
    auto validation = whole_text(config, tokenizer, config.texts("data.validation_path"), "the training text");
    data.hash = mix(data.hash, xxh3(validation->tokens().data(), validation->tokens().size_bytes()));
    data.validation = std::move(validation);
  }
  tokens.resize(static_cast<size_t>(trained));
  auto training = std::make_unique<TokenDataset>(std::move(tokens), context, stride);
  data.unused_tokens = training->unused_tokens();
  data.training = std::move(training);
  data.encoder = tokenizer;
  return data;
}

}  // namespace gradus::internal
