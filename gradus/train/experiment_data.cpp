// The data that a configuration asks for, read or made up, and split.
#include <algorithm>
#include <map>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/hash.h"
#include "gradus/base/random.h"
#include "gradus/data/generated.h"
#include "gradus/data/split.h"
#include "gradus/nn/objective.h"
#include "gradus/train/experiment.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

uint64_t seed_of(const Config& config) { return static_cast<uint64_t>(config.integer("train.seed")); }

bool is_curve(const std::string& kind) { return kind == "line" || kind == "polynomial" || kind == "sine"; }

int64_t held_out(const Config& config, int64_t size) {
  if (!config.has("data.validation_fraction")) return 0;  // there are files for it
  return rows_to_hold(size, config.real("data.validation_fraction"));
}

// Validation that was asked for needs something to validate on.
void check_held_out(const Config& config, int64_t held, int64_t size, const char* unit) {
  const int64_t every = config.integer("validation.every");
  if (every == 0 || held > 0 || config.has("data.validation_path")) return;
  const bool fraction_is_set = config.is_set("data.validation_fraction");
  fail_usage(config.where(fraction_is_set ? "data.validation_fraction" : "validation.every"),
             "data.validation_fraction = {} of {} {} holds out none, but validation.every = {} needs some; raise "
             "data.validation_fraction above 1/{}, or set validation.every = 0",
             config.real("data.validation_fraction"), size, unit, every, size);
}

// How many of the examples (or tokens) that are not held out are trained on.
int64_t trained_on(const Config& config, int64_t available, const char* unit) {
  if (!config.has("data.training_size")) return available;
  const int64_t size = config.integer("data.training_size");
  if (size <= available) return size;
  fail_usage(config.where("data.training_size"),
             "data.training_size = {}, but the training part has {} {}; lower it, or give more data", size, available,
             unit);
}

Split split_of(const Config& config, int64_t size) {
  const int64_t held = held_out(config, size);
  check_held_out(config, held, size, "examples");
  const int64_t trained = trained_on(config, size - held, "examples");
  // Both parts of a curve cover the whole of it.
  if (is_curve(config.text("data.kind"))) {
    Split split = split_evenly(size, held);
    split.training = spaced_rows(split.training, trained);
    return split;
  }
  Split split = split_at_random(size, held, seed_of(config));
  split.training = draw_rows(split.training, trained, seed_of(config));
  return split;
}

std::unique_ptr<TensorDataset> part_of(const TensorDataset& all, const std::vector<int64_t>& ids) {
  if (ids.empty()) return nullptr;
  Batch batch = all.batch(ids);
  return std::make_unique<TensorDataset>(batch.inputs, batch.targets);
}

uint64_t hash_of(const TensorDataset& data, uint64_t hash = 0) {
  for (const Tensor* tensor : {&data.inputs(), &data.targets()}) {
    hash = mix(hash, xxh3(tensor->bytes(), static_cast<size_t>(tensor->numel() * size_of(tensor->dtype()))));
  }
  return hash;
}

// Of a usage error of the data itself: where its kind was chosen.
TensorDataset make_classes(const Config& config) {
  const std::string& kind = config.text("data.kind");
  ClassOptions o{.points = config.integer("data.points"), .classes = 2, .noise = config.real("data.noise")};
  if (config.has("data.classes")) o.classes = config.integer("data.classes");
  const uint64_t seed = seed_of(config);
  if (kind == "blobs") return make_blobs(o, config.integer("data.dimensions"), seed);
  if (kind == "moons") return make_moons(o, seed);
  return kind == "xor" ? make_xor(o, seed) : make_spirals(o, config.real("data.turns"), seed);
}

TensorDataset make_curve(const Config& config) {
  const CurveOptions o{.points = config.integer("data.points"),
                       .x_min = config.real("data.x_min"),
                       .x_max = config.real("data.x_max"),
                       .noise = config.real("data.noise")};
  const std::string& kind = config.text("data.kind");
  const uint64_t seed = seed_of(config);
  if (kind == "polynomial") return make_polynomial(o, config.reals("data.coefficients"), seed);
  if (kind == "sine") return make_sine(o, config.real("data.amplitude"), config.real("data.frequency"), seed);
  return make_line({.points = o.points,
                    .slope = config.real("data.slope"),
                    .intercept = config.real("data.intercept"),
                    .noise = o.noise,
                    .x_min = o.x_min,
                    .x_max = o.x_max},
                   seed);
}

int64_t number_of_classes(const Config& config) {
  return config.has("data.classes") ? config.integer("data.classes") : 2;
}

ExperimentData make_made_up_data(const Config& config) {
  const bool curve = is_curve(config.text("data.kind"));
  const TensorDataset all = curve ? make_curve(config) : make_classes(config);
  ExperimentData data;
  data.hash = hash_of(all);
  data.shape.inputs = all.inputs().size(1);
  data.shape.outputs = outputs_for(objective_kind(config.text("loss.name")), curve ? 1 : number_of_classes(config));
  const Split split = split_of(config, all.size());
  const bool whole = static_cast<int64_t>(split.training.size()) == all.size();
  data.training = whole ? std::make_unique<TensorDataset>(all) : part_of(all, split.training);
  data.validation = part_of(all, split.validation);
  return data;
}

// A file that is there twice would be trained on twice, or be on both sides of what is held out.
void check_apart(const std::vector<std::string>& files, const std::vector<std::string>& others, std::string_view key) {
  std::error_code error;
  for (const std::string& file : files) {
    for (const std::string& other : others) {
      if (&file != &other && fs::equivalent(file, other, error)) {
        fail_usage(file, "is named twice, by data.path and by {}; leave it out of one of them", key);
      }
    }
  }
}

void check_files(const Config& config) {
  const std::vector<std::string> files = files_of(config.texts("data.path"), "data.path");
  check_apart(files, files, "data.path");
  if (!config.has("data.validation_path")) return;
  check_apart(files, files_of(config.texts("data.validation_path"), "data.validation_path"), "data.validation_path");
}

std::optional<char> separator_of(const Config& config) {
  if (!config.has("data.separator")) return std::nullopt;
  const std::string& name = config.text("data.separator");
  return name == "comma" ? ',' : name == "semicolon" ? ';' : name == "tab" ? '\t' : ' ';
}

}  // namespace

std::vector<std::string> files_of(const std::vector<std::string>& paths, std::string_view key) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    const bool is_pattern = path.find_first_of("*?[") != std::string::npos && !fs::exists(path, error);
    const std::vector<fs::path> found = is_pattern ? matching_paths(path) : std::vector<fs::path>{path};
    if (found.empty()) {
      fail(path, "no file has such a name in {}; expected {} to name files, or a pattern that some fit",
           fs::current_path(error).string(), key);
    }
    for (const fs::path& file : found) {
      if (file.is_relative() && !fs::exists(file, error)) {
        fail(file.string(),
             "there is no such file in {}; a {} that does not begin with / counts from the folder that the command "
             "runs in: run it there, or name the file with --data PATH",
             fs::current_path(error).string(), key);
      }
      files.push_back(file.string());
    }
  }
  return files;
}

CsvOptions csv_options(const Config& config) {
  using Header = CsvOptions::Header;
  const std::string& header = config.text("data.header");
  return {.separator = separator_of(config),
          .header = header == "auto"  ? Header::kAuto
                    : header == "yes" ? Header::kYes
                                      : Header::kNo};
}

Table read_tables(const Config& config, const std::vector<std::string>& paths) {
  const CsvOptions options = csv_options(config);
  const std::vector<std::string> files = files_of(paths, "data.path");
  Table table = read_csv(files[0], options);
  for (size_t i = 1; i < files.size(); ++i) table.append(read_csv(files[i], options));
  return table;
}

namespace {

// A number for each row, the same for equal values of a column.
std::vector<int64_t> ids_of(const Table& table, const TableColumn& column) {
  if (const int64_t row = column.first_missing(); row >= 0) {
    fail_usage(table.place(row), "the value of column \"{}\" is missing, by which data.split goes; fill it",
               column.name);
  }
  if (!column.is_number) return {column.codes.begin(), column.codes.end()};
  std::map<double, int64_t> known;
  std::vector<int64_t> ids;
  for (const double number : column.numbers) {
    ids.push_back(known.emplace(number, static_cast<int64_t>(known.size())).first->second);
  }
  return ids;
}

const TableColumn& split_column(const Config& config, const Table& table) {
  return table.columns[table.column(config.text("data.split_column"))];
}

const TableColumn& target_column(const Config& config, const Table& table) {
  return config.has("data.target") ? table.columns[table.column(config.text("data.target"))] : table.columns.back();
}

Split split_into_folds(const Config& config, const Table& table) {
  const std::string& kind = config.text("data.split");
  const FoldOptions options{.folds = config.integer("data.folds"), .seed = seed_of(config)};
  const int64_t fold = config.integer("data.fold");
  if (fold >= options.folds) {
    fail_usage(config.where("data.fold"), "data.fold = {} of {} folds; they are numbered from 0", fold, options.folds);
  }
  return split_of_fold(kind == "stratified" ? stratified_k_fold(ids_of(table, target_column(config, table)), options)
                       : kind == "by_group" ? group_k_fold(ids_of(table, split_column(config, table)), options)
                                            : k_fold(table.rows, options),
                       fold);
}

Split split_of_table(const Config& config, const Table& table) {
  const std::string& kind = config.text("data.split");
  if (config.has("data.folds")) {
    Split split = split_into_folds(config, table);
    const auto rest = static_cast<int64_t>(split.training.size());
    split.training = draw_rows(split.training, trained_on(config, rest, "examples"), seed_of(config));
    return split;
  }
  const int64_t held = held_out(config, table.rows);
  if (kind == "random" || held == 0) return split_of(config, table.rows);
  Split split;
  if (kind == "in_order") split = split_in_order(table.rows, held);
  if (kind == "stratified") split = split_by_class(ids_of(table, target_column(config, table)), held, seed_of(config));
  if (kind == "by_group") split = split_by_group(ids_of(table, split_column(config, table)), held, seed_of(config));
  if (kind == "by_time") {
    const TableColumn& column = split_column(config, table);
    if (!column.is_number) {
      fail_usage(config.where("data.split_column"),
                 "column \"{}\" holds text; a time is a number, such as a year or "
                 "seconds",
                 column.name);
    }
    split = split_by_time(column.numbers, held);
  }
  const auto rest = static_cast<int64_t>(split.training.size());
  split.training = draw_rows(split.training, trained_on(config, rest, "examples"), seed_of(config));
  return split;
}

// The rows to learn from. Those without a target are left out where that is asked for, and counted.
Table read_examples(const Config& config, const std::vector<std::string>& paths, int64_t* unlabelled = nullptr) {
  Table table = read_tables(config, paths);
  if (config.text("data.unlabelled") != "leave_out") return table;
  const size_t target = config.has("data.target") ? table.column(config.text("data.target")) : table.columns.size() - 1;
  std::vector<int64_t> kept;
  for (int64_t row = 0; row < table.rows; ++row) {
    if (!table.columns[target].is_missing(row)) kept.push_back(row);
  }
  const int64_t left_out = table.rows - static_cast<int64_t>(kept.size());
  if (unlabelled != nullptr) *unlabelled += left_out;
  if (kept.empty()) {
    fail(table.source(), "column \"{}\", which is to be learned, has no value at all; name another with data.target",
         table.columns[target].name);
  }
  if (left_out > 0) table.keep(kept);
  return table;
}

FeatureOptions feature_options(const Config& config) {
  const std::string &scaling = config.text("data.scaling"), &impute = config.text("data.impute"),
                    &categories = config.text("data.categories");
  FeatureOptions o;
  o.scaling = scaling == "none" ? Scaling::kNone : scaling == "min_max" ? Scaling::kMinMax : Scaling::kStandardize;
  o.impute = impute == "mean"       ? Impute::kMean
             : impute == "median"   ? Impute::kMedian
             : impute == "constant" ? Impute::kConstant
                                    : Impute::kNone;
  if (config.has("data.impute_value")) o.fill = config.real("data.impute_value");
  if (config.has("data.missing_indicator")) o.indicator = config.boolean("data.missing_indicator");
  o.categories = categories == "hash"    ? CategoryEncoding::kHash
                 : categories == "error" ? CategoryEncoding::kNone
                                         : CategoryEncoding::kOneHot;
  if (config.has("data.hash_buckets")) o.buckets = config.integer("data.hash_buckets");
  if (config.has("data.unseen")) o.refuse_unseen = config.text("data.unseen") == "error";
  return o;
}

TableEncoder fit_encoder(const Config& config, const Table& table, std::span<const int64_t> rows) {
  TableEncoderOptions o{.classes = is_of_classes(objective_kind(config.text("loss.name"))),
                        .feature = feature_options(config),
                        .standardize_target = config.boolean("data.standardize_target")};
  if (config.has("data.target")) o.target = config.text("data.target");
  if (config.has("data.features")) o.features = config.texts("data.features");
  if (config.has("data.log1p")) o.log1p = config.texts("data.log1p");
  if (config.has("data.category_columns")) o.categories = config.texts("data.category_columns");
  return TableEncoder::fit(table, rows, o);
}

TensorDataset encoded(const TableEncoder& encoder, const Table& table) {
  return TensorDataset(encoder.inputs(table), encoder.targets(table));
}

// The Poisson loss is of counts.
void check_counts(const TableEncoder& encoder, const Table& table) {
  const TableColumn& column = table.columns[table.column(encoder.target().name)];
  for (int64_t row = 0; row < table.rows; ++row) {
    const double count = column.numbers[static_cast<size_t>(row)];
    if (count < 0.0) {
      fail(table.place(row), "loss.name = \"poisson\" is of counts, and column \"{}\" has {}; expected 0 or more",
           column.name, count);
    }
  }
}

ExperimentData make_table_data(const Config& config, const DataEncoder& given) {
  ExperimentData data;
  const Table table = read_examples(config, config.texts("data.path"), &data.unlabelled);
  const Split split = split_of_table(config, table);
  const auto* known = std::get_if<TableEncoder>(&given);
  const TableEncoder encoder = known != nullptr ? *known : fit_encoder(config, table, split.training);
  if (config.text("loss.name") == "poisson") check_counts(encoder, table);
  const TensorDataset all = encoded(encoder, table);
  data.hash = hash_of(all);
  data.training = part_of(all, split.training);
  data.validation = part_of(all, split.validation);
  if (config.has("data.validation_path")) {
    auto validation = std::make_unique<TensorDataset>(
        encoded(encoder, read_examples(config, config.texts("data.validation_path"), &data.unlabelled)));
    data.hash = hash_of(*validation, data.hash);
    data.validation = std::move(validation);
  }
  data.shape.inputs = encoder.width();
  const ObjectiveKind objective = objective_kind(config.text("loss.name"));
  const int64_t targets = encoder.classes().empty() ? 1 : static_cast<int64_t>(encoder.classes().size());
  if (is_of_two_classes(objective) && targets > 2) {
    fail_usage(config.where("loss.name"),
               "loss.name = \"{}\" is for two classes, and column \"{}\" has {}; take "
               "\"cross_entropy\"",
               config.text("loss.name"), encoder.target().name, targets);
  }
  data.shape.outputs = outputs_for(objective, targets);
  data.encoder = encoder;
  return data;
}

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

}  // namespace

ExperimentData make_data(const Config& config, const DataEncoder& encoder) {
  const std::string& kind = config.text("data.kind");
  if (config.has("data.path")) check_files(config);
  if (kind == "text") return make_text_data(config, encoder);
  return kind == "csv" ? make_table_data(config, encoder) : make_made_up_data(config);
}

std::unique_ptr<Dataset> read_data(const Config& config, const DataEncoder& encoder,
                                   const std::vector<std::string>& paths) {
  if (const auto* tokenizer = std::get_if<CharacterTokenizer>(&encoder)) {
    return whole_text(config, *tokenizer, paths, "the model");
  }
  if (const auto* table = std::get_if<TableEncoder>(&encoder)) {
    return std::make_unique<TensorDataset>(encoded(*table, read_examples(config, paths)));
  }
  fail_usage("--data", "the model's data is made up (data.kind = \"{}\"), and no file is read for it; leave it out",
             config.text("data.kind"));
}

MetricUnits metric_units(const DataEncoder& encoder, const Dataset& part) {
  MetricUnits units;
  if (const auto* table = std::get_if<TableEncoder>(&encoder)) units.target_scale = table->target().scale;
  const auto* tokenizer = std::get_if<CharacterTokenizer>(&encoder);
  const auto* text = dynamic_cast<const TokenDataset*>(&part);
  if (tokenizer != nullptr && text != nullptr) {
    const std::span<const int32_t> targets = text->targets();
    double bytes = 0.0;
    for (const int32_t id : targets) bytes += static_cast<double>(tokenizer->token(id).size());
    units.bytes_per_token = bytes / static_cast<double>(targets.size());
  }
  return units;
}

}  // namespace gradus
