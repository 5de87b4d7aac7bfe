// Texts, each of a class, as a configuration asks for them.
#include <filesystem>
#include <unordered_map>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/data/text_features.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/text_parts.h"

namespace gradus::internal {
namespace {

// "a/wikisql-train.jsonl.gz" → "wikisql-train"
std::string class_of_file(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename();
  return name.substr(0, name.find('.', 1));
}

// Labels as a table of one column of text.
Table labels_of(const TextDocuments& documents) {
  Table table;
  TableColumn column{.name = "label", .is_number = false};
  std::unordered_map<std::string, int32_t> codes;
  for (const std::string& label : documents.labels) {
    const auto [found, is_new] = codes.emplace(label, static_cast<int32_t>(codes.size()));
    if (is_new) column.dictionary.push_back(label);
    column.codes.push_back(found->second);
  }
  table.rows = static_cast<int64_t>(documents.labels.size());
  table.columns.push_back(std::move(column));
  table.lines = documents.lines;
  table.parts = {{.source = documents.source}};
  return table;
}

// A model of features sees counts of tokens, any other the tokens.
std::unique_ptr<Dataset> labelled_texts(const Config& config, const TextFeatures& features,
                                        std::vector<std::vector<int32_t>> ids, Tensor targets) {
  const std::string& model = config.text("model.kind");
  if (model != "linear" && model != "mlp") return std::make_unique<TextDataset>(std::move(ids), std::move(targets));
  auto counts = token_counts(ids, features.tokenizer.vocabulary_size());
  if (!targets.defined()) return std::make_unique<SparseDataset>(std::move(counts));
  return std::make_unique<SparseDataset>(std::move(counts), std::move(targets));
}

std::unique_ptr<Dataset> part_of(const Config& config, const TextFeatures& features,
                                 const std::vector<std::vector<int32_t>>& ids, const Tensor& targets,
                                 std::span<const int64_t> rows) {
  if (rows.empty()) return nullptr;
  std::vector<std::vector<int32_t>> own;
  Tensor classes = Tensor::empty({static_cast<int64_t>(rows.size())}, DType::kI64);
  for (size_t i = 0; i < rows.size(); ++i) {
    own.push_back(ids[static_cast<size_t>(rows[i])]);
    classes.mutable_data<int64_t>()[i] = targets.data<int64_t>()[rows[i]];
  }
  return labelled_texts(config, features, std::move(own), std::move(classes));
}

uint64_t hash_of(const std::vector<std::vector<int32_t>>& ids, const Tensor& targets, uint64_t hash) {
  for (const std::vector<int32_t>& text : ids) hash = mix(hash, xxh3(text.data(), text.size() * sizeof(int32_t)));
  return mix(hash, xxh3(targets.bytes(), static_cast<size_t>(targets.numel() * size_of(targets.dtype()))));
}

struct Tokenized {
  std::vector<std::vector<int32_t>> ids;
  Tensor targets;
  int64_t cut = 0;
};

Tokenized tokenized(const TableEncoder& encoder, const LabelledTexts& all) {
  const std::vector<std::string_view> views(all.texts.begin(), all.texts.end());
  TokenizedTexts texts = tokenize(*encoder.text(), views, [&](int64_t row) { return all.labels.place(row); });
  return {std::move(texts.ids), encoder.targets(all.labels), texts.cut};
}

}  // namespace

LabelledTexts read_labelled_texts(const Config& config, const std::vector<std::string>& paths, bool with_labels) {
  const bool from_file = config.text("data.label_from") == "file";
  TextOptions options = text_options(config);
  if (with_labels && !from_file) options.label = config.text("data.label");
  LabelledTexts all;
  for (const std::string& path : files_of(paths, "data.path")) {
    TextOptions own = options;
    if (text_format(path, own) == TextFormat::kPlain) own.format = TextFormat::kLines;
    TextDocuments documents = read_documents(path, own);
    if (documents.labels.empty()) {
      if (with_labels && !from_file) {
        fail(path, "lines have no label; give JSON lines or CSV, or set data.label_from = \"file\"");
      }
      documents.labels.assign(documents.texts.size(), class_of_file(path));
    }
    append_labels(all.labels, labels_of(documents));
    for (std::string& text : documents.texts) all.texts.push_back(std::move(text));
  }
  return all;
}

std::unique_ptr<Dataset> text_rows(const Config& config, const TableEncoder& encoder, const LabelledTexts& texts) {
  const std::vector<std::string_view> views(texts.texts.begin(), texts.texts.end());
  TokenizedTexts all = tokenize(*encoder.text(), views, [&](int64_t row) { return texts.labels.place(row); });
  return labelled_texts(config, *encoder.text(), std::move(all.ids), {});
}

std::unique_ptr<Dataset> read_labelled_text(const Config& config, const TableEncoder& encoder,
                                            const std::vector<std::string>& paths) {
  Tokenized all = tokenized(encoder, read_labelled_texts(config, paths, /*with_labels=*/true));
  return labelled_texts(config, *encoder.text(), std::move(all.ids), std::move(all.targets));
}

ExperimentData make_labelled_text_data(const Config& config, const DataEncoder& given) {
  const LabelledTexts texts = read_labelled_texts(config, config.texts("data.path"), /*with_labels=*/true);
  const Split split = split_of_rows(config, texts.labels);
  const auto* known = std::get_if<TableEncoder>(&given);
  TableEncoderOptions options = target_options(config);
  if (known == nullptr) {
    std::vector<std::string_view> learned;
    for (const int64_t row : split.training) learned.push_back(texts.texts[static_cast<size_t>(row)]);
    const auto place = [&](size_t text) { return texts.labels.place(split.training[text]); };
    options.text =
        TextFeatures{make_text_tokenizer(config, texts.labels.source(), learned, /*has_documents=*/true, place),
                     config.integer("data.longest")};
  }
  const TableEncoder encoder = known != nullptr ? *known : TableEncoder::fit(texts.labels, split.training, options);
  const Tokenized all = tokenized(encoder, texts);
  ExperimentData data;
  data.hash = hash_of(all.ids, all.targets, 0);
  data.training = part_of(config, *encoder.text(), all.ids, all.targets, split.training);
  data.validation = part_of(config, *encoder.text(), all.ids, all.targets, split.validation);
  int64_t cut = all.cut;
  if (config.has("data.validation_path")) {
    Tokenized held =
        tokenized(encoder, read_labelled_texts(config, config.texts("data.validation_path"), /*with_labels=*/true));
    data.hash = hash_of(held.ids, held.targets, data.hash);
    cut += held.cut;
    data.validation = labelled_texts(config, *encoder.text(), std::move(held.ids), std::move(held.targets));
  }
  if (cut > 0) {
    data.notes.push_back(fmt::format("{} texts have more than data.longest = {} tokens; of these the first are used",
                                     cut, encoder.text()->longest));
  }
  data.shape = shape_for(config, encoder);
  data.shape.vocabulary = encoder.text()->tokenizer.vocabulary_size();
  data.encoder = encoder;
  data.split = split;
  return data;
}

}  // namespace gradus::internal
