// A configuration for a table, of text or of arrays.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gradus/base/error.h"
#include "gradus/base/number.h"
#include "gradus/data/number_advice.h"
#include "gradus/data/numpy.h"
#include "gradus/data/text_documents.h"
#include "gradus/train/config_keys.h"
#include "gradus/train/suggestion.h"

namespace gradus::suggestion {
namespace {

std::string_view name_of(char separator) {
  return std::ranges::find(kCsvSeparators, separator, &CsvSeparator::character)->name;
}

Table joined_tables(const Sources& sources, const CsvOptions& options) {
  Table table = parse_csv(sources.files[0].text, sources.files[0].path, options);
  for (size_t i = 1; i < sources.files.size(); ++i) {
    table.append(parse_csv(sources.files[i].text, sources.files[i].path, options));
  }
  return table;
}

// Whether the fields of the first row, which were taken for values, stand nowhere below them, where others come again.
bool has_names(const Table& named) {
  if (named.rows < 2) return false;
  bool come_again = false;
  for (const TableColumn& column : named.columns) {
    if (column.is_number || std::ranges::find(column.dictionary, column.name) != column.dictionary.end()) return false;
    come_again = come_again || static_cast<int64_t>(2 * column.dictionary.size()) <= named.rows;
  }
  return come_again;
}

// A table of text alone is read as it is, unless its first line can be told to be one of names.
FoundTable found_table(const Sources& sources, char separator) {
  FoundTable found{.table = joined_tables(sources, {.separator = separator}), .separator = separator};
  if (found.table.first_row.empty() || found.table.rows < 2) return found;
  try {
    Table named = joined_tables(sources, {.separator = separator, .header = CsvOptions::Header::kYes});
    if (has_names(named)) return {.table = std::move(named), .separator = separator, .has_header = true};
  } catch (const Error&) {
    // Then they are no names.
  }
  return found;
}

}  // namespace

std::optional<FoundTable> find_table(const Sources& sources) {
  std::optional<FoundTable> best;
  for (const auto& [separator, name] : kCsvSeparators) {
    try {
      FoundTable found = found_table(sources, separator);
      // Words between spaces are text, unless most columns hold numbers.
      const auto numbers = std::ranges::count_if(found.table.columns, &TableColumn::is_number);
      if (separator == ' ' && 2 * static_cast<size_t>(numbers) <= found.table.columns.size()) continue;
      const bool more = !best || found.table.columns.size() > best->table.columns.size();
      if (found.table.columns.size() > 1 && more) best = std::move(found);
    } catch (const Error&) {
      // Then it is none with that one.
    }
  }
  return best;
}

void fail_no_table(const Sources& sources) {
  const std::string& text = sources.files[0].text;
  const std::string_view line = std::string_view(text).substr(0, text.find('\n'));
  char likeliest = ',';
  for (const char separator : {';', '\t', '|'}) {
    if (std::ranges::count(line, separator) > std::ranges::count(line, likeliest)) likeliest = separator;
  }
  joined_tables(sources, {.separator = likeliest});  // says what is wrong with it
  fail_usage(sources.title,
             "has one column; expected a target and features to learn it from, between commas, semicolons, tabs or "
             "pipes");
}

bool has_number(const Table& table) {
  return std::ranges::any_of(table.columns, [&](const TableColumn& column) {
    int64_t row = 0;
    while (row < table.rows && column.is_missing(row)) ++row;
    return column.is_number && row < table.rows;
  });
}

namespace {

Table joined_arrays(const Sources& sources, const std::vector<std::string>& members) {
  Table table;
  for (const Sources::File& file : sources.files) {
    Table own = parse_numpy(file.text, file.path, {.members = members});
    if (table.columns.empty()) {
      table = std::move(own);
    } else {
      table.append(std::move(own));
    }
  }
  return table;
}

}  // namespace

// An archive may have those to validate on, too, as that of MNIST has.
FoundTable read_arrays(const Sources& sources) {
  const std::vector<std::string> training = {"x_train", "y_train"};
  try {
    return {.table = joined_arrays(sources, {})};
  } catch (const Error& error) {
    try {
      return {.table = joined_arrays(sources, training), .members = training};
    } catch (const Error&) {
      throw error;
    }
  }
}

namespace {

// "line 7", or of several files "a.csv:7".
std::string place_of(const Table& table, int64_t row) {
  return table.parts.size() > 1 ? table.place(row) : fmt::format("line {}", table.lines[static_cast<size_t>(row)]);
}

// A field that is no number in a column of text most of whose fields are, or look like some.
struct OddField {
  std::string what;    // "?" in line 7 is no number
  std::string advice;  // "; …"

  std::string shown() const { return what + advice; }
};

std::optional<OddField> odd_field(const Table& table, const TableColumn& column) {
  std::optional<int64_t> first;
  int64_t numbers = 0;
  for (int64_t row = 0; row < static_cast<int64_t>(column.codes.size()); ++row) {
    if (column.is_missing(row)) continue;
    const bool is_number = parse_number(column.text(row)).has_value();
    if (!is_number && !first) first = row;
    if (is_number || !advice_on_number(column.text(row)).empty()) ++numbers;
  }
  if (!first || 2 * numbers <= table.rows) return std::nullopt;
  return OddField{fmt::format("{} in {} is no number", quoted(column.text(*first)), place_of(table, *first)),
                  advice_on_number(column.text(*first))};
}

// What a table's target is, and why one would think so.
struct Target {
  std::string name;
  bool is_class = false;
  size_t classes = 0;
  int64_t missing = -1;  // the first row that has none
  int64_t rows = 0;      // those that have one
  std::string reason = {};
};

// What is named as targets are, or else the last.
const TableColumn& likeliest_target(const Table& table, bool of_arrays) {
  const TableColumn& last = table.columns.back();
  for (const char* name : {"label", "labels", "target", "targets", "y", "y_train"}) {
    // Of a table of text only if it is plain that the last is none.
    if ((of_arrays || last.name == "text") && table.has_column(name)) return table.columns[table.column(name)];
  }
  return last;
}

Target target_of(const Table& table, const std::string& wanted, bool of_arrays) {
  constexpr size_t kMostClasses = 20;
  const TableColumn& column = wanted.empty() ? likeliest_target(table, of_arrays) : table.columns[table.column(wanted)];
  Target target{.name = column.name};
  if (const std::optional<OddField> odd = odd_field(table, column)) {
    fail_usage(
        table.source(),
        "column \"{}\" is to be learned, and of its fields, most of which are numbers, {}: mend the file, or name "
        "another column with --target{}",
        column.name, odd->what, odd->advice);
  }
  target.missing = column.first_missing();
  for (int64_t row = 0; row < table.rows; ++row) target.rows += column.is_missing(row) ? 0 : 1;
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

// Whether a column of text holds words, a space or more in each on average.
bool has_words(const TableColumn& column) {
  size_t spaces = 0;
  for (const std::string& text : column.dictionary) spaces += static_cast<size_t>(std::ranges::count(text, ' '));
  return !column.dictionary.empty() && spaces >= column.dictionary.size();
}

struct Features {
  std::vector<std::string> used, categories, incomplete;  // the latter two are among those used
  std::vector<std::string> texts, constants;              // left out, the former with the reason
  std::vector<std::string> words;                         // names of those texts that consist of words
};

Features features_of(const Table& table, const std::string& target) {
  constexpr size_t kMostCategories = 30, kLongList = 100;
  Features features;
  for (const TableColumn& column : table.columns) {
    if (column.name == target || column.name == kRowNumbers) continue;
    const std::string name = in_comment(column.name);
    const std::optional<OddField> odd = odd_field(table, column);
    const size_t texts = column.dictionary.size();
    if (is_constant(column)) {
      features.constants.push_back(column.name);
      continue;
    }
    if (odd || texts > kMostCategories || static_cast<int64_t>(5 * texts) > table.rows) {
      features.texts.push_back(fmt::format("{} ({})", name, odd ? odd->shown() : fmt::format("{} different", texts)));
      if (!odd && has_words(column)) features.words.push_back(column.name);
      continue;
    }
    features.used.push_back(column.name);
    if (!column.is_number) features.categories.push_back(name);
    if (const int64_t row = column.first_missing(); row >= 0) {
      features.incomplete.push_back(fmt::format("{} ({})", name, place_of(table, row)));
    }
  }
  // A list of so many names is of no use to people, and such columns do no harm.
  if (features.used.size() > kLongList && features.texts.empty()) {
    features.used.insert(features.used.end(), features.constants.begin(), features.constants.end());
    features.constants.clear();
  }
  return features;
}

void check_features(const Table& table, const std::string& target, const Features& features) {
  if (!features.used.empty()) return;
  fail_usage(table.source(),
             "no column but \"{}\" has numbers, or a few texts, that differ; expected features to learn it from{}{}",
             target, features.texts.empty() ? "" : "; texts are in ", fmt::join(features.texts, ", "));
}

// The columns whose texts tell the class, if that is what the table is for.
std::vector<std::string> texts_to_learn(const Features& features, const Target& target) {
  if (!target.is_class) return {};
  if (std::ranges::find(features.words, "text") != features.words.end()) return {"text"};
  return features.used.empty() ? features.words : std::vector<std::string>{};
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

// How the text of a table is read, where it is not as usual.
std::string reading_lines(const Sources& sources, const FoundTable& found) {
  std::string lines;
  if (std::ranges::any_of(sources.files,
                          [&](const Sources::File& file) { return usual_separator(file.path) != found.separator; })) {
    lines += fmt::format("separator = \"{}\"\n", name_of(found.separator));
  }
  if (found.has_header) lines += "header = \"yes\"    # no field of its first line stands in a row below\n";
  return lines;
}

std::string members_line(const FoundTable& found) {
  return found.members.empty()
             ? ""
             : fmt::format("members = {}    # the arrays to train on\n", to_toml(Value(found.members)));
}

std::string data_part(const Sources& sources, const FoundTable& found, const Target& target, const Features& features) {
  const Table& table = found.table;
  std::string text =
      fmt::format("[data]\nkind = \"{}\"\npath = {}\n", sources.is_numpy ? "numpy" : "csv", sources.path());
  text += sources.is_numpy ? members_line(found) : reading_lines(sources, found);
  text += fmt::format("target = {}    # {}\n", quoted(target.name), target.reason);
  if (target.missing >= 0) {
    text +=
        fmt::format("unlabelled = \"leave_out\"    # it is missing, first in {}\n", place_of(table, target.missing));
  }
  if (!features.texts.empty()) {
    text += fmt::format("# Left out, for they hold text that is no category: {}\n", fmt::join(features.texts, ", "));
  }
  if (!features.constants.empty()) {
    text += fmt::format("# Left out, for they never change: {}\n",
                        in_comment(fmt::format("{}", fmt::join(features.constants, ", "))));
  }
  if (table.has_column(kRowNumbers) && target.name != kRowNumbers) {
    text += fmt::format("# Left out, for it only numbers the rows: {}\n", kRowNumbers);
  }
  if (!features.texts.empty() || !features.constants.empty()) {
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
  text += target.rows < kFewest
              ? fmt::format("validation_fraction = 0.0    # {} rows are too few to hold any out\n", target.rows)
              : "validation_fraction = 0.2    # rows that are never trained on: how good the model is on "
                "new ones\n";
  return text;
}

// Texts of classes, in a table: its first line has names.
void check_has_names(const Sources& sources, const Table& table) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].name != std::to_string(i + 1)) return;
  }
  fail_usage(
      sources.title,
      "holds texts and their classes, without a first line of names; expected one, such as text,label: write it");
}

std::string config_of_texts(const Sources& sources, const FoundTable& found, const std::vector<std::string>& texts,
                            const std::string& label) {
  check_has_names(sources, found.table);
  const bool is_named = std::ranges::all_of(
      sources.files, [](const auto& file) { return text_format(file.path, {}) == TextFormat::kCsv; });
  std::string lines = is_named ? "" : "format = \"csv\"\n";
  FoundTable read = found;
  read.has_header = false;  // it always has one
  lines += reading_lines(sources, read);
  TextOptions options{.format = TextFormat::kCsv, .fields = texts, .label = label};
  options.csv.separator = found.separator;
  return labelled_text_config(sources, texts, label, lines, options);
}

}  // namespace

std::string table_config(const Sources& sources, const FoundTable& found, const std::string& wanted) {
  constexpr int64_t kFew = 200, kSteps = 2000, kBatch = 32;
  // A first line of names is only told from a row by the numbers below it.
  if (found.table.rows == 1 && !has_number(found.table)) {
    fail_usage(sources.title, "has a header and no rows; expected rows to learn from");
  }
  const Target target = target_of(found.table, wanted, sources.is_numpy);
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
  for (const TableColumn& column : found.table.columns) {
    if (features.used.empty() && !column.dictionary.empty()) refuse_list(sources, column.name, column.dictionary[0]);
  }
  if (std::vector<std::string> texts = texts_to_learn(features, target); !texts.empty()) {
    return config_of_texts(sources, found, texts, target.name);
  }
  check_features(found.table, target.name, features);
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
  const bool validates = target.rows >= kFewest;
  const int64_t training = validates ? target.rows - target.rows / 5 : target.rows, batch = std::min(kBatch, training);
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

}  // namespace gradus::suggestion
