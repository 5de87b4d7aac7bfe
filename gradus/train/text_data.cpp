// The tokens of texts, as a configuration asks for them.
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/hash.h"
#include "gradus/base/utf8.h"
#include "gradus/data/bpe_trainer.h"
#include "gradus/data/text_documents.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/packed_text.h"
#include "gradus/train/text_parts.h"

namespace gradus::internal {
namespace {

bool is_of_units(const Config& config) {
  return config.text("data.tokens") == "characters" || config.text("data.tokens") == "bytes";
}

std::string all_bytes() {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  return all;
}

CharacterTokenizer units_of(const Config& config, const std::string& source, std::string text) {
  using Unit = CharacterTokenizer::Unit;
  if (config.text("data.tokens") == "bytes") return CharacterTokenizer::train(all_bytes(), Unit::kBytes);
  // A class has to be told of texts that come later, too: what stands for their characters is in the vocabulary.
  if (config.text("data.kind") == "labelled_text") text += to_utf8(CharacterTokenizer::kReplacement);
  try {
    return CharacterTokenizer::train(text, Unit::kCharacters);
  } catch (const Error& error) {
    // The tokenizer knows the place in the text, but not whose text it is.
    fail(source, "{}: set data.tokens = \"bytes\", or convert the file to UTF-8 with iconv", error.message());
  }
}

std::string joined(std::span<const std::string_view> texts, bool has_documents) {
  std::string all;
  for (const std::string_view text : texts) (all += has_documents ? "\n" : "") += text;
  return has_documents ? all + "\n" : all;
}

std::string_view kind_of(const TextTokenizer& tokenizer) {
  if (std::holds_alternative<BpeTokenizer>(tokenizer.kind())) return "bpe";
  return std::holds_alternative<WordTokenizer>(tokenizer.kind()) ? "words" : "characters or bytes";
}

TextTokenizer given_tokenizer(const Config& config) {
  const std::string& path = config.text("data.tokenizer");
  TextTokenizer tokenizer = TextTokenizer::load(path);
  const std::string_view kind = kind_of(tokenizer);
  if (kind == config.text("data.tokens")) return tokenizer;
  fail_usage(config.where("data.tokenizer"), "{} is a tokenizer of {}, and data.tokens = \"{}\"; make them agree", path,
             kind, config.text("data.tokens"));
}

TextTokenizer learned_bpe(const Config& config, const std::string& source, std::span<const std::string_view> texts,
                          bool has_documents, const BpeTrainer::Place& place) {
  BpeTrainer trainer(bpe_options(config));
  if (has_documents) {
    trainer.add_texts(
        texts, [&](size_t text) { return place ? place(text) : fmt::format("{}, document {}", source, text + 1); });
  } else {
    for (const std::string_view text : texts) trainer.add_lines(text, source);
  }
  return TextTokenizer::Kind(trainer.learn());
}

struct Tokens {
  std::vector<int32_t> ids;
  std::vector<int64_t> documents;  // where they begin; empty for one text
};

Tokens encode(const TextTokenizer& tokenizer, const TextFiles& files, std::span<const std::string_view> texts,
              const char* whose) {
  Tokens tokens;
  try {
    if (!files.has_documents) {
      tokens.ids = tokenizer.encode(texts.size() == 1 ? texts[0] : joined(texts, false));
      return tokens;
    }
    const int32_t between = separator_of(tokenizer, files.source);
    for (const std::vector<int32_t>& ids : tokenizer.encode_all(texts)) {
      tokens.documents.push_back(static_cast<int64_t>(tokens.ids.size()));
      tokens.ids.push_back(between);
      tokens.ids.insert(tokens.ids.end(), ids.begin(), ids.end());
    }
    tokens.ids.push_back(between);
    return tokens;
  } catch (const Error& error) {
    if (error.subject() != "tokenizer") throw;
    fail(files.source, "{} (the vocabulary is that of {})", error.message(), whose);
  }
}

// Of a text that is for one part as a whole.
void check_length(const Config& config, const std::string& source, int64_t total) {
  const int64_t context = config.integer("model.context");
  if (total >= context + 1) return;
  fail(source, "{} tokens; expected at least model.context + 1 = {}: give more text, or set model.context lower", total,
       context + 1);
}

void check_length(const Config& config, const std::string& source, int64_t total, int64_t held) {
  const int64_t context = config.integer("model.context");
  if (total - held >= context + 1 && (held == 0 || held >= context + 1)) return;
  fail(source,
       "{} tokens, of which {} are held out for validation; each part needs at least model.context + 1 = {} (give "
       "more text, or set data.validation_fraction or model.context lower)",
       total, held, context + 1);
}

std::unique_ptr<TokenDataset> token_dataset_of(Tokens&& tokens, int64_t context, int64_t stride = 0) {
  return std::make_unique<TokenDataset>(TokenSequence(std::move(tokens.ids)), std::move(tokens.documents), context,
                                        stride);
}

std::unique_ptr<TokenDataset> whole_text(const Config& config, const TextTokenizer& tokenizer,
                                         const std::vector<std::string>& paths, const char* whose) {
  const TextFiles files = read_text_files(config, paths);
  Tokens tokens = encode(tokenizer, files, files.views(), whose);
  check_length(config, files.source, static_cast<int64_t>(tokens.ids.size()));
  return token_dataset_of(std::move(tokens), config.integer("model.context"));
}

// The texts that are trained on, and those that are held out.
struct Parts {
  std::vector<std::string_view> training, held;
};

// About data.validation_fraction of the bytes are held out at the end: whole documents, or of one text whole lines.
Parts split(const Config& config, const TextFiles& files) {
  Parts parts{files.views(), {}};
  int64_t bytes = 0;
  for (const std::string_view text : parts.training) bytes += static_cast<int64_t>(text.size());
  const int64_t held = held_out(config, bytes);
  check_held_out(config, held, bytes, "bytes");
  if (held == 0) return parts;
  if (!files.has_documents) {
    const std::string_view text = parts.training[0];
    const size_t feed = text.find('\n', static_cast<size_t>(bytes - held));
    const size_t end = feed >= text.size() - 1 ? static_cast<size_t>(bytes - held) : feed + 1;
    return {{text.substr(0, end)}, {text.substr(end)}};
  }
  int64_t taken = 0;
  while (taken < held && parts.training.size() > 1) {
    parts.held.insert(parts.held.begin(), parts.training.back());
    taken += static_cast<int64_t>(parts.training.back().size());
    parts.training.pop_back();
  }
  return parts;
}

// The tokens of both parts. Characters are those of the whole text, whose end is cut off token by token, and of the
// files to validate with; what is learned from a text must not have seen the part that is held out.
struct TokenParts {
  std::optional<TextTokenizer> tokenizer;
  Tokens training, held;
};

TextTokenizer tokenizer_of_units(const Config& config, const TextFiles& files) {
  if (!config.has("data.validation_path")) {
    return make_text_tokenizer(config, files.source, files.views(), files.has_documents);
  }
  const TextFiles validation = read_text_files(config, config.texts("data.validation_path"));
  std::vector<std::string_view> texts = files.views();
  for (const std::string& text : validation.texts) texts.push_back(text);
  try {
    return make_text_tokenizer(config, files.source + ", " + validation.source, texts,
                               files.has_documents || validation.has_documents);
  } catch (const Error&) {
    for (const TextFiles* part : {&files, &validation}) {  // what is wrong with one is said of that one
      make_text_tokenizer(config, part->source, part->views(), part->has_documents);
    }
    throw;
  }
}

TokenParts token_parts(const Config& config, const TextFiles& files, const TextTokenizer* known) {
  constexpr const char* kWhose = "the run that this one goes on from";
  TokenParts all;
  if (is_of_units(config) && !files.has_documents) {
    all.tokenizer = known != nullptr ? *known : tokenizer_of_units(config, files);
    all.training = encode(*all.tokenizer, files, files.views(), kWhose);
    std::vector<int32_t>& ids = all.training.ids;
    const int64_t total = static_cast<int64_t>(ids.size()), held = held_out(config, total);
    check_length(config, files.source, total, held);
    check_held_out(config, held, total, "tokens");
    all.held.ids.assign(ids.begin() + (total - held), ids.end());
    ids.resize(static_cast<size_t>(total - held));
    return all;
  }
  const Parts parts = split(config, files);
  all.tokenizer = known != nullptr ? *known
                  : is_of_units(config)
                      ? tokenizer_of_units(config, files)
                      : make_text_tokenizer(config, files.source, parts.training, files.has_documents);
  all.training = encode(*all.tokenizer, files, parts.training, kWhose);
  if (!parts.held.empty()) all.held = encode(*all.tokenizer, files, parts.held, kWhose);
  const auto held = static_cast<int64_t>(all.held.ids.size());
  check_length(config, files.source, static_cast<int64_t>(all.training.ids.size()) + held, held);
  return all;
}

// The first tokens of the training part.
void take_first(Tokens& tokens, int64_t count) {
  tokens.ids.resize(static_cast<size_t>(count));
  while (!tokens.documents.empty() && tokens.documents.back() >= count) tokens.documents.pop_back();
}

}  // namespace

void check_byte_order_mark(const std::string& path, std::string_view text) {
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

BpeTrainingOptions bpe_options(const Config& config) {
  return {.vocabulary = config.integer("data.vocabulary"), .special = {std::string(TextTokenizer::kEndOfText)}};
}

TextOptions text_options(const Config& config) {
  TextOptions options;
  const std::string& format = config.text("data.format");
  if (format != "auto") {
    options.format = format == "plain"   ? TextFormat::kPlain
                     : format == "lines" ? TextFormat::kLines
                     : format == "jsonl" ? TextFormat::kJsonl
                                         : TextFormat::kCsv;
  }
  if (config.has("data.text")) options.fields = config.texts("data.text");
  options.csv.separator = csv_separator(config);
  return options;
}

TextFiles read_text_files(const Config& config, const std::vector<std::string>& paths) {
  const TextOptions options = text_options(config);
  TextFiles all;
  for (const std::string& path : files_of(paths, "data.path")) {
    const bool is_plain = text_format(path, options) == TextFormat::kPlain;
    all.source += (all.source.empty() ? "" : ", ") + path;
    all.has_documents = all.has_documents || !is_plain;
    if (is_plain) {
      TextDocuments whole = read_documents(path, options);
      if (config.text("data.tokens") != "bytes") check_byte_order_mark(path, whole.texts[0]);
      all.texts.push_back(std::move(whole.texts[0]));
      continue;
    }
    for (std::string& text : read_documents(path, options).texts) all.texts.push_back(std::move(text));
  }
  if (all.has_documents || all.texts.size() == 1) return all;
  all.texts = {joined(all.views(), false)};  // plain files are one text
  return all;
}

TextTokenizer make_text_tokenizer(const Config& config, const std::string& source,
                                  std::span<const std::string_view> texts, bool has_documents,
                                  const BpeTrainer::Place& place) {
  if (config.has("data.tokenizer")) return given_tokenizer(config);
  const std::string& tokens = config.text("data.tokens");
  if (tokens == "bpe") return learned_bpe(config, source, texts, has_documents, place);
  if (tokens != "words") {
    return TextTokenizer::Kind(units_of(
        config, source, texts.size() == 1 && !has_documents ? std::string(texts[0]) : joined(texts, has_documents)));
  }
  try {
    const bool has_end = has_documents && config.text("data.kind") == "text";
    return TextTokenizer::Kind(
        WordTokenizer::train({texts.begin(), texts.end()}, config.integer("data.vocabulary"), has_end));
  } catch (const Error& error) {
    fail(source, "{}: set data.tokens = \"bytes\" or \"bpe\", or convert the file to UTF-8 with iconv",
         error.message());
  }
}

int32_t separator_of(const TextTokenizer& tokenizer, const std::string& source) {
  if (const auto* units = std::get_if<CharacterTokenizer>(&tokenizer.kind())) return units->encode("\n").at(0);
  if (const std::optional<int32_t> end = tokenizer.end_of_text()) return *end;
  fail(source,
       "has several documents, and the tokenizer has no token \"{}\" to stand between them; expected one, as "
       "is learned without data.tokenizer",
       TextTokenizer::kEndOfText);
}

namespace {

// The one path of a key, if it is a folder of packed text.
std::optional<PackedText> packed_of(const Config& config, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (!is_packed_text(path)) continue;
    if (paths.size() > 1)
      fail_usage(path, "is packed text, which goes with no other data.path; pack all texts together");
    PackedText packed = read_packed_text(path);
    const std::string_view kind = kind_of(packed.tokenizer);
    if (kind.find(config.text("data.tokens")) != std::string_view::npos) return packed;
    fail_usage(config.where("data.tokens"), "data.tokens = \"{}\", and {} was packed as {}; make them agree",
               config.text("data.tokens"), path, kind);
  }
  return std::nullopt;
}

// The documents of tokens from `begin` to before `end`, counted from `begin`; a document that began before goes on.
std::vector<int64_t> documents_between(const std::vector<int64_t>& all, int64_t begin, int64_t end) {
  std::vector<int64_t> documents;
  for (const int64_t start : all) {
    if (start > begin && start < end) documents.push_back(start - begin);
  }
  if (!all.empty()) documents.insert(documents.begin(), 0);
  return documents;
}

std::unique_ptr<TokenDataset> packed_dataset(const PackedText& packed, int64_t begin, int64_t end, int64_t context,
                                             int64_t stride = 0) {
  return std::make_unique<TokenDataset>(packed.tokens.part(begin, end), documents_between(packed.documents, begin, end),
                                        context, stride);
}

void check_same(const TextTokenizer& a, const TextTokenizer& b, const std::string& path) {
  if (a.to_json() != b.to_json()) {
    fail_usage(path,
               "was packed with another tokenizer than that of the model; pack the text with it, by "
               "data.tokenizer");
  }
}

// What the configuration says of the tokenizer, which the packed text has with it. One that was learned may have fewer
// tokens than were asked for, where the text has no more.
void check_packed_tokenizer(const Config& config, const PackedText& packed, ExperimentData& data) {
  const std::string path = config.texts("data.path")[0];
  if (config.has("data.tokenizer")) {
    if (given_tokenizer(config).to_json() == packed.tokenizer.to_json()) return;
    fail_usage(config.where("data.tokenizer"), "data.tokenizer = {}, and {} was packed with another; make them agree",
               config.shown("data.tokenizer"), path);
  }
  if (!config.has("data.vocabulary")) return;
  const int64_t asked = config.integer("data.vocabulary"), found = packed.tokenizer.vocabulary_size();
  data.packed_vocabulary = found;
  if (!config.is_set("data.vocabulary") || asked == found) return;
  if (found > asked) {
    fail_usage(config.where("data.vocabulary"),
               "data.vocabulary = {}, and {} was packed with {} tokens; leave it out, or pack the text again", asked,
               path, found);
  }
  data.notes.push_back(
      fmt::format("{} was packed with {} tokens, and data.vocabulary = {} changes nothing", path, found, asked));
}

}  // namespace

std::unique_ptr<Dataset> read_text(const Config& config, const TextTokenizer& tokenizer,
                                   const std::vector<std::string>& paths) {
  if (const auto packed = packed_of(config, paths)) {
    check_same(tokenizer, packed->tokenizer, paths[0]);
    check_length(config, paths[0], packed->tokens.size());
    return packed_dataset(*packed, 0, packed->tokens.size(), config.integer("model.context"));
  }
  return whole_text(config, tokenizer, paths, "the model");
}

namespace {

ExperimentData make_packed_data(const Config& config, const PackedText& packed, const DataEncoder& given) {
  const std::string path = config.texts("data.path")[0];
  if (const auto* known = std::get_if<TextTokenizer>(&given)) check_same(*known, packed.tokenizer, path);
  ExperimentData data;
  check_packed_tokenizer(config, packed, data);
  const int64_t context = config.integer("model.context"), total = packed.tokens.size();
  int64_t held = held_out(config, total);
  // Whole documents are held out, where there are several.
  const auto first = std::lower_bound(packed.documents.begin(), packed.documents.end(), total - held);
  if (held > 0 && first != packed.documents.end()) held = total - *first;
  check_length(config, path, total, held);
  check_held_out(config, held, total, "tokens");
  const int64_t trained = trained_on(config, total - held, "tokens");
  data.hash = packed.tokens.hash();
  data.shape.vocabulary = packed.tokenizer.vocabulary_size();
  if (held > 0) data.validation = packed_dataset(packed, total - held, total, context);
  if (config.has("data.validation_path")) {
    data.validation = read_text(config, packed.tokenizer, config.texts("data.validation_path"));
  }
  auto training = packed_dataset(packed, 0, trained, context, config.integer("data.stride"));
  data.unused_tokens = training->unused_tokens();
  data.training = std::move(training);
  data.encoder = packed.tokenizer;
  return data;
}

}  // namespace

ExperimentData make_text_data(const Config& config, const DataEncoder& given) {
  if (const auto packed = packed_of(config, config.texts("data.path"))) return make_packed_data(config, *packed, given);
  const TextFiles files = read_text_files(config, config.texts("data.path"));
  TokenParts parts = token_parts(config, files, std::get_if<TextTokenizer>(&given));
  const TextTokenizer& tokenizer = *parts.tokenizer;
  ExperimentData data;
  std::vector<int32_t>& ids = parts.training.ids;
  Xxh3 hash;
  hash.add(ids.data(), ids.size() * sizeof(int32_t));
  hash.add(parts.held.ids.data(), parts.held.ids.size() * sizeof(int32_t));
  data.hash = hash.value();
  data.shape.vocabulary = tokenizer.vocabulary_size();
  const int64_t context = config.integer("model.context");
  const int64_t trained = trained_on(config, static_cast<int64_t>(ids.size()), "tokens");
  if (trained < context + 1) {
    fail_usage(config.where("data.training_size"),
               "data.training_size = {} tokens; an example needs model.context + 1 = {}", trained, context + 1);
  }
  take_first(parts.training, trained);
  if (!parts.held.ids.empty()) data.validation = token_dataset_of(std::move(parts.held), context);
  if (config.has("data.validation_path")) {
    auto validation = whole_text(config, tokenizer, config.texts("data.validation_path"), "the training text");
    data.hash = mix(data.hash, validation->tokens().hash());
    data.validation = std::move(validation);
  }
  auto training = token_dataset_of(std::move(parts.training), context, config.integer("data.stride"));
  data.unused_tokens = training->unused_tokens();
  data.training = std::move(training);
  data.encoder = tokenizer;
  return data;
}

}  // namespace gradus::internal
