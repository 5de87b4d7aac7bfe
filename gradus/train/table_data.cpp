// Tables, as a configuration asks for them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/data/feature_errors.h"
#include "gradus/data/number_advice.h"
#include "gradus/data/numpy.h"
#include "gradus/data/table_inputs.h"
#include "gradus/data/table_numbers.h"
#include "gradus/train/data_parts.h"

namespace gradus {
namespace {

Table read_one(const Config& config, const std::string& path, bool refuses_bad_rows, const TableEncoder* encoder) {
  if (config.text("data.kind") != "numpy") {
    CsvOptions options = csv_options(config, encoder);
    if (refuses_bad_rows) options.on_bad_row = CsvOptions::BadRow::kRefuse;
    return read_csv(path, options);
  }
  return read_numpy(
      path, {.members = config.has("data.members") ? config.texts("data.members") : std::vector<std::string>{}});
}

}  // namespace

std::optional<char> csv_separator(const Config& config) {
  if (!config.has("data.separator")) return std::nullopt;
  return std::ranges::find(kCsvSeparators, config.text("data.separator"), &CsvSeparator::name)->character;
}

CsvOptions csv_options(const Config& config, const TableEncoder* encoder) {
  using Header = CsvOptions::Header;
  const std::string& header = config.text("data.header");
  CsvOptions options{.separator = csv_separator(config),
                     .header = header == "auto"  ? Header::kAuto
                               : header == "yes" ? Header::kYes
                                                 : Header::kNo};
  if (config.has("data.missing")) {
    options.missing = config.texts("data.missing");
    options.missing.emplace_back("");
  }
  if (config.has("data.comment")) options.comment = config.text("data.comment")[0];
  if (config.text("data.on_bad_row") != "skip") return options;
  options.on_bad_row = CsvOptions::BadRow::kSkip;
  const std::string weight = config.has("data.weight") ? config.text("data.weight") : "";
  options.numbers = encoder != nullptr ? numbers_of(*encoder, weight) : numbers_of(internal::encoder_options(config));
  return options;
}

Table read_tables(const Config& config, const std::vector<std::string>& paths, bool refuses_bad_rows,
                  const TableEncoder* encoder) {
  const std::vector<std::string> files = files_of(paths, "data.path");
  Table table = read_one(config, files[0], refuses_bad_rows, encoder);
  for (size_t i = 1; i < files.size(); ++i) table.append(read_one(config, files[i], refuses_bad_rows, encoder));
  return table;
}

namespace internal {
namespace {

std::vector<std::string> target_columns(const Config& config, const Table& table) {
  return config.has("data.target") ? config.texts("data.target") : std::vector<std::string>{table.columns.back().name};
}

// The rows to learn from, or those for an encoder. Those that are left out are counted.
Table read_examples(const Config& config, const std::vector<std::string>& paths, LeftOutRows& left_out,
                    const TableEncoder* encoder = nullptr) {
  Table table = read_tables(config, paths, false, encoder);
  left_out.skipped.add(table.skipped);
  if (table.rows == 1 && !table.first_row.empty()) {
    fail(table.source(), "its only line, {}, has no number, as a line of names has none; expected rows below it",
         table.first_row);
  }
  const RowFilterOptions filter = row_filter(config);
  if (!filter.leaves_out_unlabelled && !filter.ignored_class) return table;
  const std::string source = table.source();
  const std::vector<std::string> targets = target_columns(config, table);
  const LeftOutRows rows = leave_out(filter, table, targets);
  left_out.add(rows);
  if (table.rows > 0) return table;
  if (rows.ignored > 0) fail(source, "no row has a class beside \"{}\", the ignored one", *filter.ignored_class);
  fail(source, "column \"{}\", which is to be learned, has no value at all; name another with data.target",
       fmt::join(targets, "\", \""));
}

}  // namespace

Tensor example_weights_of(const Config& config, const Table& table) {
  const TableColumn& column = table.columns[table.column(config.text("data.weight"))];
  if (!column.is_number) {
    const int64_t row = std::min(detail::first_text(column, table.rows), table.rows - 1);
    fail_usage(table.place(row),
               "{} in column \"{}\", which data.weight names, is no number; expected one from 0, what "
               "the row counts",
               column.is_missing(row) ? "a missing value" : fmt::format("\"{}\"", column.text(row)), column.name);
  }
  Tensor weights = Tensor::empty({table.rows});
  for (int64_t row = 0; row < table.rows; ++row) {
    const double weight = column.number(row);
    const auto narrow = static_cast<float>(weight);
    if (!(narrow >= 0.0F && std::isfinite(narrow))) {
      fail(table.place(row), "the weight in column \"{}\" is {}; expected a number from 0", column.name,
           std::isnan(weight) ? "missing" : fmt::format("{}", weight));
    }
    weights.mutable_data<float>()[row] = narrow;
  }
  return weights;
}

void refuse_weightless(const Config& config, std::string_view source, std::string_view part) {
  fail(source, "the weights in column \"{}\", which data.weight names, are all 0{}; expected some above 0",
       config.text("data.weight"), part);
}

namespace {

// Undefined without data.weight.
Tensor weights_of(const Config& config, const Table& table, std::span<const std::vector<int64_t>> parts) {
  if (!config.has("data.weight")) return {};
  Tensor weights = example_weights_of(config, table);
  const auto counts = [&](int64_t row) { return weights.data<float>()[row] > 0.0F; };
  for (const std::vector<int64_t>& part : parts) {
    if (part.empty() || std::any_of(part.begin(), part.end(), counts)) continue;
    const bool is_whole = part.size() == static_cast<size_t>(table.rows);
    refuse_weightless(config, table.source(), is_whole ? "" : &part == parts.data() ? kToTrainOn : kToValidateWith);
  }
  return weights;
}

// Rows of a table as a model sees them.
struct EncodedTable {
  std::vector<std::unique_ptr<TensorDataset>> parts;  // null for no row
  uint64_t hash = 0;                                  // of all rows
};

// Lists of rows of a table, which gives up its values. One that is only sorted into clusters need not have what they
// are compared with.
EncodedTable encoded(const Config& config, const TableEncoder& encoder, Table table,
                     std::span<const std::vector<int64_t>> parts, uint64_t hash = 0) {
  const std::vector<std::string> names = encoder.target_columns();
  const bool has_target = learns_target(config) || (!names.empty() && table.has_column(names[0]));
  const Tensor targets = has_target ? encoder.targets(table) : Tensor(), weights = weights_of(config, table, parts);
  const InputParts inputs = take_inputs(encoder, table, parts);
  EncodedTable result{.parts = {}, .hash = hash_of(weights, hash_of(targets, mix(hash, inputs.hash)))};
  for (size_t i = 0; i < parts.size(); ++i) {
    result.parts.push_back(parts[i].empty() ? nullptr
                                            : std::make_unique<TensorDataset>(
                                                  dataset_of(inputs.parts[i], detail::rows_of(targets, parts[i]),
                                                             detail::rows_of(weights, parts[i]))));
  }
  return result;
}

EncodedTable encoded_whole(const Config& config, const TableEncoder& encoder, Table table, uint64_t hash = 0) {
  const std::vector<int64_t> rows = all_rows(table.rows);
  return encoded(config, encoder, std::move(table), {&rows, 1}, hash);
}

}  // namespace

ReadRows read_table(const Config& config, const TableEncoder& encoder, const std::vector<std::string>& paths) {
  ReadRows read;
  read.rows = std::move(encoded_whole(config, encoder, read_examples(config, paths, read.left_out, &encoder)).parts[0]);
  return read;
}

// Of the features that are categories as they are written, and numbers to people.
std::vector<std::string> notes_on(const TableEncoder& encoder, const Table& table) {
  std::vector<std::string> notes;
  for (const Feature& feature : encoder.features()) {
    const TableColumn& column = table.columns[table.column(feature.name)];
    const auto is_plain = [](const std::string& text) { return advice_on_number(text).empty(); };
    if (column.is_number || column.dictionary.empty() || std::ranges::any_of(column.dictionary, is_plain)) continue;
    const std::string& text = column.dictionary[0];
    notes.push_back(fmt::format("column \"{}\" holds text, \"{}\", which is a category{}", column.name, text,
                                advice_on_number(text)));
  }
  return notes;
}

ExperimentData make_table_data(const Config& config, const DataEncoder& given) {
  LeftOutRows left_out;
  Table table = read_examples(config, config.texts("data.path"), left_out);
  check_ignored(row_filter(config), left_out, table.source(), target_columns(config, table));
  Split split = split_of_rows(config, table);
  const auto* known = std::get_if<TableEncoder>(&given);
  const TableEncoder encoder = known != nullptr ? *known : fit_encoder(config, table, split.training);
  check_targets(config, table, encoder.target_columns());
  std::vector<std::string> notes = notes_on(encoder, table);
  std::vector<int64_t> parts[] = {std::move(split.training), std::move(split.validation)};
  EncodedTable rows = encoded(config, encoder, std::move(table), parts);
  ExperimentData data;
  data.notes = std::move(notes);
  data.training = std::move(rows.parts[0]);
  data.validation = std::move(rows.parts[1]);
  data.hash = rows.hash;
  if (config.has("data.validation_path")) {
    Table held = read_examples(config, config.texts("data.validation_path"), left_out, &encoder);
    EncodedTable validation = encoded_whole(config, encoder, std::move(held), data.hash);
    data.validation = std::move(validation.parts[0]);
    data.hash = validation.hash;
  }
  data.split = {.training = std::move(parts[0]), .validation = std::move(parts[1])};
  data.left_out = left_out;
  data.shape = shape_for(config, encoder);
  data.encoder = encoder;
  return data;
}

}  // namespace internal
}  // namespace gradus
