#include "gradus/train/suggested_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "gradus/base/error.h"
#include "gradus/base/number.h"
#include "gradus/base/utf8.h"
#include "gradus/data/compression.h"
#include "gradus/data/csv.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/libsvm.h"
#include "gradus/data/text_documents.h"
#include "gradus/data/tokenizer.h"
#include "gradus/train/config_keys.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/experiment.h"

namespace gradus {
namespace {

std::string quoted(const std::string& text) { return to_toml(Value(text)); }

// What is looked at: files that are read as one.
struct Sources {
  struct File {
    std::string path, text;
  };
  std::vector<File> files;
  std::vector<std::string> named;  // files and patterns, as data.path has them
  std::string title;               // for people
  bool is_table = false;           // by a name, or as it is compressed: only such tables are read

  std::string path_value() const { return named.size() == 1 ? quoted(named[0]) : to_toml(Value(named)); }
};

Sources read_sources(const std::vector<std::string>& paths) {
  Sources sources{.files = {}, .named = paths, .title = fmt::format("{}", fmt::join(paths, ", "))};
  const std::vector<std::string> found = files_of(paths, "--data");
  internal::check_apart(found, "--data", found, "--data");
  for (const std::string& path : found) {
    const FileContents contents(path);
    const std::string_view name = uncompressed_name(path);
    sources.is_table = sources.is_table || name.ends_with(".csv") || name.ends_with(".tsv") || contents.is_compressed();
    sources.files.push_back({path, std::string(contents.bytes())});
    if (contents.bytes().empty()) fail(path, "the file is empty; expected a table or text");
    if (contents.bytes().starts_with(std::string_view("\0\0", 2))) {
      fail_usage(path,
                 "begins as files in the IDX format do; write data.kind = \"idx\" with data.labels, as `gradus recipes "
                 "mnist_kmeans` shows");
    }
  }
  return sources;
}

// Rows from which on some are held out for validation.
constexpr int64_t kFewest = 10;

struct FoundTable {
  Table table;
  char separator;
};

const char* separator_name(char separator) {
  return separator == ',' ? "comma" : separator == ';' ? "semicolon" : separator == '\t' ? "tab" : "space";
}

Table joined_tables(const Sources& sources, const CsvOptions& options) {
  Table table = parse_csv(sources.files[0].text, sources.files[0].path, options);
  for (size_t i = 1; i < sources.files.size(); ++i) {
    table.append(parse_csv(sources.files[i].text, sources.files[i].path, options));
  }
  return table;
}

// The separator that gives the most columns, of those with which the text is a table at all.
std::optional<FoundTable> find_table(const Sources& sources) {
  std::optional<FoundTable> best;
  for (const char separator : {',', ';', '\t', ' '}) {
    try {
      Table table = joined_tables(sources, {.separator = separator});
      const bool more = !best || table.columns.size() > best->table.columns.size();
      if (table.columns.size() > 1 && more) best = FoundTable{std::move(table), separator};
    } catch (const Error&) {
      // Then it is none with that one.
    }
  }
  return best;
}

bool has_number(const Table& table) {
  return std::any_of(table.columns.begin(), table.columns.end(), [](const TableColumn& c) { return c.is_number; });
}

// "line 7", or of several files "a.csv:7".
std::string place_of(const Table& table, int64_t row) {
  return table.parts.size() > 1 ? table.place(row) : fmt::format("line {}", table.lines[static_cast<size_t>(row)]);
}

// Of a column of text most of which are numbers: the first field that is none, as "?" in line 7.
std::optional<std::string> odd_field(const Table& table, const TableColumn& column) {
  std::optional<int64_t> first;
  int64_t numbers = 0;
  for (int64_t row = 0; row < static_cast<int64_t>(column.codes.size()); ++row) {
    if (column.is_missing(row)) continue;
    if (parse_number(column.text(row))) {
      ++numbers;
    } else if (!first) {
      first = row;
    }
  }
  if (!first || 2 * numbers <= table.rows) return std::nullopt;
  return fmt::format("{} in {} is no number", quoted(column.text(*first)), place_of(table, *first));
}

// What a table's target is, and why one would think so.
struct Target {
  std::string name;
  bool is_class = false;
  size_t classes = 0;
  int64_t missing = -1;  // the first row that has none
  std::string reason = {};
};

Target target_of(const Table& table, const std::string& wanted) {
  constexpr size_t kMostClasses = 20;
  const TableColumn& column = wanted.empty() ? table.columns.back() : table.columns[table.column(wanted)];
  Target target{.name = column.name};
  if (const std::optional<std::string> odd = odd_field(table, column)) {
    fail_usage(
        table.source(),
        "column \"{}\" is to be learned, and of its fields, most of which are numbers, {}: mend the file, or name "
        "another column with --target",
        column.name, *odd);
  }
  target.missing = column.first_missing();
  if (!column.is_number) {
    target.is_class = true;
    target.classes = column.dictionary.size();
    target.reason = fmt::format("it holds text, {} different ones: classes", target.classes);
    return target;
  }
  std::set<double> values;
  for (int64_t row = 0; row < table.rows; ++row) {
    if (!column.is_missing(row)) values.insert(column.number(row));
  }
  const bool whole = std::all_of(values.begin(), values.end(), [](double x) { return x == std::floor(x); });
  target.classes = values.size();
  target.is_class = whole && values.size() <= kMostClasses && static_cast<int64_t>(5 * values.size()) <= table.rows;
  target.reason =
      target.is_class
          ? fmt::format("it has {} different whole numbers, each several times: they look like classes", values.size())
          : fmt::format("it has {} different numbers", values.size());
  return target;
}

// Whether all values that are there are the same, or there is none.
bool is_constant(const TableColumn& column) {
  if (!column.is_number) return column.dictionary.size() < 2;
  double first = std::nan("");
  for (int64_t row = 0; row < column.rows(); ++row) {
    const double x = column.number(row);
    if (std::isnan(first)) first = x;
    if (!std::isnan(x) && x != first) return false;
  }
  return true;
}

struct Features {
  std::vector<std::string> used, categories, incomplete;  // the latter two are among those used
  std::vector<std::string> texts, constants;              // left out
};

Features features_of(const Table& table, const std::string& target) {
  constexpr size_t kMostCategories = 30;
  Features features;
  for (const TableColumn& column : table.columns) {
    if (column.name == target) continue;
    const std::optional<std::string> odd = odd_field(table, column);
    const size_t texts = column.dictionary.size();
    if (is_constant(column)) {
      features.constants.push_back(column.name);
      continue;
    }
    if (odd || texts > kMostCategories || static_cast<int64_t>(5 * texts) > table.rows) {
      features.texts.push_back(fmt::format("{} ({})", column.name, odd ? *odd : fmt::format("{} different", texts)));
      continue;
    }
    features.used.push_back(column.name);
    if (!column.is_number) features.categories.push_back(column.name);
    if (const int64_t row = column.first_missing(); row >= 0) {
      features.incomplete.push_back(fmt::format("{} ({})", column.name, place_of(table, row)));
    }
  }
  if (features.used.empty()) {
    fail_usage(table.source(),
               "no column but \"{}\" has numbers, or a few texts, that differ; expected features to learn it from{}{}",
               target, features.texts.empty() ? "" : "; texts are in ", fmt::join(features.texts, ", "));
  }
  return features;
}

// A comment with a line for each column: what it holds and what it is taken for.
std::string columns_part(const Table& table, const Target& target, const Features& features) {
  constexpr size_t kMost = 60;
  std::string text = "# Its columns, and what they are taken for:\n";
  for (size_t i = 0; i < std::min(table.columns.size(), kMost); ++i) {
    const TableColumn& column = table.columns[i];
    int64_t missing = 0;
    for (int64_t row = 0; row < table.rows; ++row) missing += column.is_missing(row) ? 1 : 0;
    const bool is_used = std::find(features.used.begin(), features.used.end(), column.name) != features.used.end();
    text += fmt::format("#   {}: {}{}: {}\n", quoted(column.name),
                        column.is_number ? "numbers" : fmt::format("text, {} different", column.dictionary.size()),
                        missing > 0 ? fmt::format(", {} missing", missing) : "",
                        column.name == target.name ? (target.is_class ? "target, classes" : "target, numbers")
                                                   : (is_used ? "feature" : "left out"));
  }
  if (table.columns.size() > kMost) text += fmt::format("#   … and {} more\n", table.columns.size() - kMost);
  return text + "\n";
}

std::string data_part(const Sources& sources, const FoundTable& found, const Target& target, const Features& features) {
  const Table& table = found.table;
  std::string text = fmt::format("[data]\nkind = \"csv\"\npath = {}\n", sources.path_value());
  if (found.separator != ',') text += fmt::format("separator = \"{}\"\n", separator_name(found.separator));
  text += fmt::format("target = {}    # {}\n", quoted(target.name), target.reason);
  if (target.missing >= 0) {
    text +=
        fmt::format("unlabelled = \"leave_out\"    # it is missing, first in {}\n", place_of(table, target.missing));
  }
  if (!features.texts.empty()) {
    text += fmt::format("# Left out, for they hold text that is no category: {}\n", fmt::join(features.texts, ", "));
  }
  if (!features.constants.empty()) {
    text += fmt::format("# Left out, for they never change: {}\n", fmt::join(features.constants, ", "));
  }
  if (features.used.size() + 1 < table.columns.size()) {
    text += fmt::format("features = {}\n", to_toml(Value(features.used)));
  }
  text += "scaling = \"standardize\"    # columns in different units weigh alike, and training is faster\n";
  if (!features.categories.empty()) {
    text += fmt::format(
        "categories = \"one_hot\"    # of text: {}\nunseen = \"zeros\"    # a text that was not trained on is no "
        "error\n",
        fmt::join(features.categories, ", "));
  }
  if (!features.incomplete.empty()) {
    text += fmt::format("impute = \"median\"    # values are missing, first in: {}\nmissing_indicator = true\n",
                        fmt::join(features.incomplete, ", "));
  }
  if (!target.is_class) {
    text +=
        "standardize_target = true    # so that a learning rate suits any unit; predictions are in the column's own\n";
  }
  text += table.rows < kFewest
              ? fmt::format("validation_fraction = 0.0    # {} rows are too few to hold any out\n", table.rows)
              : "validation_fraction = 0.2    # rows that are never trained on: how good the model is on "
                "new ones\n";
  return text;
}

std::string table_config(const Sources& sources, const FoundTable& found, const std::string& wanted) {
  constexpr int64_t kFew = 200, kSteps = 2000, kBatch = 32;
  // A first line of names is only told from a row by the numbers below it.
  if (found.table.rows == 1 && !has_number(found.table)) {
    fail_usage(sources.title, "has a header and no rows; expected rows to learn from");
  }
  const Target target = target_of(found.table, wanted);
  if (target.is_class && target.classes < 2) {
    fail_usage(sources.title, "column \"{}\" is the same in every row; name another with --target", target.name);
  }
  if (target.is_class && static_cast<int64_t>(2 * target.classes) > found.table.rows) {
    fail_usage(sources.title,
               "column \"{}\" has {} different texts in {} rows, which is no class to learn; name another column "
               "with --target",
               target.name, target.classes, found.table.rows);
  }
  const Features features = features_of(found.table, target.name);
  const int64_t rows = found.table.rows;
  const bool few = rows < kFew;
  std::string text = fmt::format("# {}: {} rows, {} columns.\n", sources.title, rows, found.table.columns.size());
  text += columns_part(found.table, target, features);
  text += data_part(sources, found, target, features);
  text += few ? fmt::format(
                    "\n[model]\nkind = \"linear\"    # {} rows are few: a larger model would learn them by heart\n"
                    "init = \"zeros\"\n",
                    rows)
              : fmt::format(
                    "\n[model]\nkind = \"mlp\"    # {} rows: enough for a model that is not a straight line\n"
                    "hidden = [32, 32]\n",
                    rows);
  text += fmt::format("\n[loss]\nname = \"{}\"    # {}\n", target.is_class ? "cross_entropy" : "mse",
                      target.is_class ? "of classes" : "of numbers; \"huber\" minds outliers less");
  text +=
      "\n[optimizer]\nname = \"adamw\"    # needs the least care with its learning rate\nlearning_rate = 0.003\n"
      "weight_decay = 0.01\n";
  const bool validates = rows >= kFewest;
  const int64_t training = validates ? rows - rows / 5 : rows, batch = std::min(kBatch, training);
  const int64_t epoch = (training + batch - 1) / batch;
  text += fmt::format("\n[train]\nsteps = {}    # {} times through the data\nbatch_size = {}\n",
                      std::max(kSteps, 10 * epoch), std::max(kSteps, 10 * epoch) / epoch, batch);
  if (!validates) return text;
  return text + fmt::format(
                    "patience = 10    # ends sooner, when 10 validations in a row are no better\n"
                    "restore_best = true    # and keeps the best weights\n"
                    "\n[validation]\nevery = {}\n",
                    std::max<int64_t>(50, epoch));
}

struct TextModel {
  const char* why;
  int64_t layers, width, heads, context, batch, steps;
};

TextModel text_model(int64_t tokens) {
  if (tokens < 100'000) return {"the text is short", 2, 64, 4, 32, 16, 1500};
  if (tokens < 20'000'000) return {"some minutes on two cores", 4, 128, 4, 64, 16, 3000};
  return {"the text is long enough for a larger model; some hours on two cores", 6, 384, 6, 256, 16, 5000};
}

bool is_json_lines(const Sources::File& file) { return text_format(file.path, {}) == TextFormat::kJsonl; }

bool has_json_lines(const Sources& sources) { return std::ranges::any_of(sources.files, is_json_lines); }

// The fields of JSON lines that are the text: "text" as it is by default, or else all that hold texts, but for a label.
std::vector<std::string> fields_to_learn(const Sources& sources) {
  std::vector<std::string> all;
  for (const Sources::File& file : sources.files) {
    if (!is_json_lines(file)) continue;
    for (std::string& name : text_fields(file.text, file.path)) {
      if (std::ranges::find(all, name) == all.end()) all.push_back(std::move(name));
    }
  }
  if (std::ranges::find(all, "text") != all.end()) return {"text"};
  if (all.size() > 1) std::erase(all, "label");
  if (all.empty()) fail_usage(sources.title, "no field of its JSON lines holds texts alone; expected one to learn");
  return all;
}

// All texts behind one another, as the reader of `data.kind = "text"` will have them.
std::string text_of(const Sources& sources, const std::vector<std::string>& fields) {
  std::string all;
  const TextOptions options{.fields = fields};
  for (const Sources::File& file : sources.files) {
    const TextDocuments some = parse_documents(file.text, file.path, text_format(file.path, options), options);
    for (const std::string& text : some.texts) all += text;
  }
  return all;
}

// The line `text = …`, where the fields are others than those by default.
std::string fields_line(const std::vector<std::string>& fields) {
  if (fields == TextOptions().fields) return "";
  return fields.size() == 1
             ? fmt::format("text = {}    # the field that holds texts\n", quoted(fields[0]))
             : fmt::format("text = {}    # the fields that hold texts, joined by a line end\n", to_toml(Value(fields)));
}

std::string text_config(const Sources& sources) {
  constexpr int64_t kMostCharacters = 2000;
  using Unit = CharacterTokenizer::Unit;
  const bool has_documents = has_json_lines(sources);
  const std::vector<std::string> fields = has_documents ? fields_to_learn(sources) : TextOptions().fields;
  const std::string text = text_of(sources, fields);
  const char* const between = has_documents ? "\n" : "";  // the token between documents
  const bool is_utf8 = !first_invalid_utf8(text);
  const int64_t alphabet = is_utf8 ? CharacterTokenizer::train(text + between, Unit::kCharacters).vocabulary_size() : 0;
  const bool characters = is_utf8 && alphabet <= kMostCharacters;
  const auto bytes = static_cast<int64_t>(text.size());
  if (bytes < 100)
    fail_usage(sources.title, "{} bytes of text; expected more to learn from, best 100 kB or more", bytes);
  const TextModel m = text_model(bytes);
  const int64_t context = std::min(m.context, bytes / 20);
  std::string out = fmt::format("# {}: {} bytes of text.\n\n", sources.title, bytes);
  out += fmt::format("[data]\nkind = \"text\"\npath = {}\n{}tokens = \"{}\"    # {}\n", sources.path_value(),
                     fields_line(fields), characters ? "characters" : "bytes",
                     characters ? fmt::format("its alphabet has {}", alphabet)
                     : is_utf8  ? fmt::format("its alphabet has {} characters, too many", alphabet)
                                : "it is not UTF-8");
  out += fmt::format("stride = {}    # an example starts every {} tokens: the same text, cut in several ways\n",
                     std::max<int64_t>(1, context / 4), std::max<int64_t>(1, context / 4));
  out += "validation_fraction = 0.1    # the end of the text, which is never trained on\n";
  out += fmt::format(
      "\n[model]\nkind = \"gpt\"    # {}\nlayers = {}\nwidth = {}\nheads = {}\ncontext = {}\ndropout = 0.1\n", m.why,
      m.layers, m.width, m.heads, context);
  out +=
      "\n[optimizer]\nname = \"adamw\"\nlearning_rate = 0.003    # the peak; `gradus lr-find` can look for a better "
      "one\n"
      "beta2 = 0.99\nweight_decay = 0.1\nclip_norm = 1.0    # no single batch can spoil the model\n"
      "\n[schedule]\nname = \"cosine\"\nwarmup_steps = 100\nfinal_factor = 0.1\n";
  const int64_t examples = std::max<int64_t>(1, (bytes * 9 / 10 - context - 1) / std::max<int64_t>(1, context / 4));
  out += fmt::format("\n[train]\nsteps = {}\nbatch_size = {}\nrestore_best = true\n\n[validation]\nevery = 250\n",
                     m.steps, std::min(m.batch, examples));
  return out;
}

// Whether the first lines are `label index:value …`, with at least one such pair.
bool is_libsvm(std::string_view text) {
  constexpr size_t kMost = 1 << 16;
  if (text.size() > kMost) text = text.substr(0, text.substr(0, kMost).rfind('\n') + 1);
  try {
    return parse_libsvm(text, "the file").features.values.size() > 0;
  } catch (const Error&) {
    return false;
  }
}

SparseExamples read_libsvm_files(const Sources& sources) {
  SparseExamples all = parse_libsvm(sources.files[0].text, sources.files[0].path);
  for (size_t i = 1; i < sources.files.size(); ++i) {
    const SparseExamples more = parse_libsvm(sources.files[i].text, sources.files[i].path, {.base = all.base});
    append_rows(all.features, more.features);
    all.targets.insert(all.targets.end(), more.targets.begin(), more.targets.end());
  }
  return all;
}

std::string libsvm_config(const Sources& sources) {
  const SparseExamples examples = read_libsvm_files(sources);
  std::set<double> labels(examples.targets.begin(), examples.targets.end());
  const auto rows = examples.features.rows;
  const bool classes = labels.size() <= 20 && static_cast<int64_t>(5 * labels.size()) <= rows && labels.size() > 1;
  const char* const loss = !classes ? "mse" : labels.size() == 2 ? "binary_cross_entropy" : "cross_entropy";
  const char* const why = !classes ? "the labels are numbers" : "the labels are few different numbers: classes";
  return fmt::format(
             "# {}: {} rows of {} columns, most of whose numbers are 0 ({} are not).\n\n"
             "[data]\nkind = \"libsvm\"\npath = {}\n{}\n"
             "[model]\nkind = \"linear\"    # \"mlp\" is possible, too\n\n"
             "[loss]\nname = \"{}\"    # {}\n\n"
             "[solver]\nname = \"lbfgs\"    # to the minimum, for any number of columns\n\n"
             "[regularization]\nl2 = {:.3g}    # 1 / rows\n\n"
             "[train]\nsteps = 1000    # at most\n",
             sources.title, rows, examples.features.columns, examples.features.values.size(), sources.path_value(),
             rows < kFewest ? "validation_fraction = 0.0    # too few rows to hold any out\n"
                            : "validation_fraction = 0.2    # rows that are never trained on\n",
             loss, why, 1.0 / static_cast<double>(rows)) +
         (rows < kFewest ? "" : "\n[validation]\nevery = 1000    # and at the end\n");
}

}  // namespace

std::string suggested_config(const std::vector<std::string>& paths, const std::string& target) {
  const Sources sources = read_sources(paths);
  if (has_json_lines(sources)) {
    if (!target.empty()) fail_usage("--target", "is for tables; {} has JSON lines", sources.title);
    return text_config(sources);
  }
  if (target.empty() && is_libsvm(sources.files[0].text)) return libsvm_config(sources);
  const bool is_named = sources.is_table || !target.empty();
  const std::optional<FoundTable> found = find_table(sources);
  if (found && (is_named || has_number(found->table))) return table_config(sources, *found, target);
  if (!is_named) return text_config(sources);
  joined_tables(sources, {});  // says what is wrong with it
  fail_usage(sources.title,
             "has one column; expected a target and features to learn it from, between commas, semicolons or tabs");
}

}  // namespace gradus
