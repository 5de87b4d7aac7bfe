// What rows of any kind have in common: the target to learn, and how they are split.
#include <map>
#include <set>

#include "gradus/base/error.h"
#include "gradus/data/iso_time.h"
#include "gradus/data/rows.h"
#include "gradus/nn/objective.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

void check_none_missing_to_split(const Table& table, const TableColumn& column) {
  const int64_t row = column.first_missing();
  if (row < 0) return;
  fail_usage(table.place(row), "the value of column \"{}\" is missing, by which data.split goes; fill it", column.name);
}

// A number for each row, the same for equal values of a column.
std::vector<int64_t> ids_of(const Table& table, const TableColumn& column) {
  check_none_missing_to_split(table, column);
  if (!column.is_number) return {column.codes.begin(), column.codes.end()};
  std::map<double, int64_t> known;
  std::vector<int64_t> ids;
  for (int64_t row = 0; row < table.rows; ++row) {
    ids.push_back(known.emplace(column.number(row), static_cast<int64_t>(known.size())).first->second);
  }
  return ids;
}

// Numbers as they are, dates as seconds.
std::vector<double> times_of(const Table& table, const TableColumn& column) {
  check_none_missing_to_split(table, column);
  std::vector<std::optional<double>> dates;
  for (const std::string& text : column.dictionary) dates.push_back(parse_iso_time(text));
  std::vector<double> times;
  for (int64_t row = 0; row < table.rows; ++row) {
    if (column.is_number) {
      times.push_back(column.number(row));
      continue;
    }
    const std::optional<double> date = dates[static_cast<size_t>(column.codes[static_cast<size_t>(row)])];
    if (!date) {
      fail_usage(table.place(row),
                 "\"{}\" in column \"{}\", by which data.split goes, is no time; expected in all rows a date, such as "
                 "2020-01-31 or 2020-01-31T10:00:00Z, or in all rows a number, such as a year or seconds",
                 column.text(row), column.name);
    }
    times.push_back(*date);
  }
  return times;
}

const TableColumn& split_column(const Config& config, const Table& table) {
  return table.columns[table.column(config.text("data.split_column"))];
}

const TableColumn& target_column(const Config& config, const Table& table) {
  return config.has("data.target") ? table.columns[table.column(config.texts("data.target")[0])] : table.columns.back();
}

// Classes of fewer rows than this cannot be in each part.
void check_rows_of_classes(const Table& table, const TableColumn& column, const std::vector<int64_t>& ids,
                           int64_t least, std::string_view parts) {
  for (const RowGroup& own : row_groups(ids)) {
    const auto count = static_cast<int64_t>(own.rows.size());
    if (count >= least) continue;
    const int64_t row = own.rows[0];
    fail(table.place(row), "class \"{}\" in column \"{}\" has {} row{} for {} {}; expected at least one for each",
         column.is_number ? fmt::format("{}", column.number(row)) : column.text(row), column.name, count,
         count == 1 ? "" : "s", least, parts);
  }
}

Folds folds_of_classes(const Table& table, const TableColumn& column, const FoldOptions& options) {
  const std::vector<int64_t> ids = ids_of(table, column);
  if (options.folds <= table.rows) check_rows_of_classes(table, column, ids, options.folds, "folds");
  return stratified_k_fold(ids, options);
}

Split split_of_classes(const Table& table, const TableColumn& column, int64_t held, uint64_t seed) {
  const std::vector<int64_t> ids = ids_of(table, column);
  check_rows_of_classes(table, column, ids, 2, "parts");
  return split_by_class(ids, held, seed);
}

Split split_into_folds(const Config& config, const Table& table) {
  const std::string& kind = config.text("data.split");
  const FoldOptions options{.folds = config.integer("data.folds"), .seed = seed_of(config)};
  return split_of_fold(kind == "stratified" ? folds_of_classes(table, target_column(config, table), options)
                       : kind == "by_group" ? group_k_fold(ids_of(table, split_column(config, table)), options)
                                            : k_fold(table.rows, options),
                       fold_of(config));
}

// The rows whose value in `data.split_column` is one of `data.held_out`.
Split split_by_value(const Config& config, const Table& table) {
  const TableColumn& column = split_column(config, table);
  const std::vector<int64_t> ids = ids_of(table, column);
  std::map<std::string, int64_t> known;  // each value as text, and its id
  for (int64_t row = 0; row < table.rows; ++row) {
    known.emplace(column.is_number ? fmt::format("{}", column.number(row)) : column.text(row),
                  ids[static_cast<size_t>(row)]);
  }
  std::set<int64_t> held;
  for (const std::string& value : config.texts("data.held_out")) {
    const auto found = known.find(value);
    if (found == known.end()) {
      constexpr size_t kMostShown = 200;  // characters
      std::string there;
      for (const auto& [text, id] : known) {
        if (there.size() < kMostShown) there += (there.empty() ? "" : ", ") + text;
      }
      fail_usage(config.where("data.held_out"), "no row has \"{}\" in column \"{}\" of {}; there are: {}", value,
                 column.name, table.source(), there);
    }
    held.insert(found->second);
  }
  Split split;
  for (int64_t row = 0; row < table.rows; ++row) {
    (held.contains(ids[static_cast<size_t>(row)]) ? split.validation : split.training).push_back(row);
  }
  if (split.training.empty()) {
    fail_usage(config.where("data.held_out"), "holds out all rows of {}, so that none is left to train on",
               table.source());
  }
  return split;
}

// Neither at random nor into folds: `held` rows, at least one, by what `data.split` goes by.
Split split_by_column(const Config& config, const Table& table, int64_t held) {
  const std::string& kind = config.text("data.split");
  if (kind == "in_order") return split_in_order(table.rows, held);
  if (kind == "stratified") return split_of_classes(table, target_column(config, table), held, seed_of(config));
  const TableColumn& column = split_column(config, table);
  if (kind == "by_group") return split_by_group(ids_of(table, column), held, seed_of(config));
  return split_by_time(times_of(table, column), held);
}

}  // namespace

int64_t fold_of(const Config& config) {
  const int64_t fold = config.integer("data.fold"), folds = config.integer("data.folds");
  if (fold < folds) return fold;
  fail_usage(config.where("data.fold"), "data.fold = {} of {} folds; they are numbered from 0", fold, folds);
}

Split split_of_rows(const Config& config, const Table& table) {
  const bool has_folds = config.has("data.folds"), by_value = config.text("data.split") == "by_value";
  const int64_t held = has_folds || by_value ? 0 : held_out(config, table.rows);
  if (!has_folds && !by_value && (config.text("data.split") == "random" || held == 0))
    return random_split(config, table.rows);
  Split split = has_folds  ? split_into_folds(config, table)
                : by_value ? split_by_value(config, table)
                           : split_by_column(config, table, held);
  const auto rest = static_cast<int64_t>(split.training.size());
  split.training = draw_rows(split.training, trained_on(config, rest, "examples"), seed_of(config));
  return split;
}

Scaling scaling_of(const Config& config) {
  const std::string& scaling = config.text("data.scaling");
  return scaling == "none" ? Scaling::kNone : scaling == "min_max" ? Scaling::kMinMax : Scaling::kStandardize;
}

RowFilterOptions row_filter(const Config& config) {
  RowFilterOptions options{.leaves_out_unlabelled = config.text("data.unlabelled") == "leave_out"};
  if (config.has("loss.ignored_class")) options.ignored_class = config.text("loss.ignored_class");
  return options;
}

Table label_table(std::vector<double> labels, std::vector<int64_t> lines, std::string source) {
  Table table;
  table.rows = static_cast<int64_t>(labels.size());
  table.columns.push_back({.name = "label", .numbers = std::move(labels)});
  table.lines = std::move(lines);
  table.parts = {{.source = std::move(source)}};
  return table;
}

Table label_table(SparseExamples& rows) {
  Table table = label_table(std::move(rows.targets), std::move(rows.lines), rows.source);
  table.skipped = rows.skipped;
  return table;
}

void append_labels(Table& all, Table&& more) {
  if (all.columns.empty()) {
    all = std::move(more);
  } else {
    all.append(std::move(more));
  }
}

namespace {

FeatureOptions feature_options(const Config& config) {
  const std::string &impute = config.text("data.impute"), &categories = config.text("data.categories");
  FeatureOptions o{.scaling = scaling_of(config)};
  o.impute = impute == "mean"       ? Impute::kMean
             : impute == "median"   ? Impute::kMedian
             : impute == "constant" ? Impute::kConstant
                                    : Impute::kNone;
  if (config.has("data.impute_value")) o.fill = config.real("data.impute_value");
  if (config.has("data.missing_indicator")) o.indicator = config.boolean("data.missing_indicator");
  o.categories = categories == "hash"        ? CategoryEncoding::kHash
                 : categories == "embedding" ? CategoryEncoding::kEmbedding
                 : categories == "error"     ? CategoryEncoding::kNone
                                             : CategoryEncoding::kOneHot;
  if (config.has("data.hash_buckets")) o.buckets = config.integer("data.hash_buckets");
  if (config.has("data.unseen")) o.refuse_unseen = config.text("data.unseen") == "error";
  return o;
}

}  // namespace

bool has_classes(const Config& config) {
  return !learns_target(config) || is_of_classes(objective_kind(config.text("loss.name")));
}

TableEncoderOptions target_options(const Config& config) {
  return {.classes = has_classes(config), .standardize_target = config.boolean("data.standardize_target")};
}

TableEncoderOptions encoder_options(const Config& config) {
  TableEncoderOptions o = target_options(config);
  o.has_target = config.has("data.target") || learns_target(config);
  o.feature = feature_options(config);
  if (has_several_targets(config) && has_soft_labels(config)) {
    o.soft_classes = config.texts("data.target");
  } else if (has_several_targets(config)) {
    o.number_targets = config.texts("data.target");
  } else if (config.has("data.target")) {
    o.target = config.texts("data.target")[0];
  }
  o.soft_target = has_soft_labels(config) && o.soft_classes.empty();
  if (config.has("data.features")) o.features = config.texts("data.features");
  if (config.has("data.log1p")) o.log1p = config.texts("data.log1p");
  if (config.has("data.category_columns")) o.categories = config.texts("data.category_columns");
  if (config.has("data.weight")) o.weight = config.text("data.weight");
  if (config.has("data.split_column")) {
    (config.text("data.split") == "by_group" ? o.group : o.moment) = config.text("data.split_column");
  }
  return o;
}

TableEncoder fit_encoder(const Config& config, const Table& table, std::span<const int64_t> rows,
                         const SparseColumns& sparse) {
  TableEncoderOptions options = sparse.count > 0 ? target_options(config) : encoder_options(config);
  options.sparse = sparse;
  return TableEncoder::fit(table, rows, options);
}

namespace {

// The Poisson loss is of counts.
void check_counts(const Table& table, const std::string& target) {
  const TableColumn& column = table.columns[table.column(target)];
  if (!column.is_number) return;  // which is said elsewhere
  for (int64_t row = 0; row < table.rows; ++row) {
    const double count = column.number(row);
    if (count < 0.0) {
      fail(table.place(row), "loss.name = \"poisson\" is of counts, and column \"{}\" has {}; expected 0 or more",
           column.name, count);
    }
  }
}

}  // namespace

void check_targets(const Config& config, const Table& table, const std::vector<std::string>& targets) {
  if (!config.has("loss.name") || config.text("loss.name") != "poisson") return;
  for (const std::string& target : targets) check_counts(table, target);
}

namespace {

int64_t outputs_for_targets(const Config& config, const TableEncoder& encoder) {
  if (!learns_target(config)) return 1;
  const Objective objective = objective_of(config);
  const size_t targets_or_classes = encoder.classes().empty() ? encoder.all_targets().size() : encoder.classes().size();
  const auto targets = static_cast<int64_t>(targets_or_classes);
  if (is_of_two_classes(objective.kind) && targets > 2) {
    fail_usage(config.where("loss.name"),
               "loss.name = \"{}\" is for two classes, and column \"{}\" has {}; take "
               "\"cross_entropy\"",
               config.text("loss.name"), encoder.target().name, targets);
  }
  return outputs_for(objective, targets);
}

}  // namespace

DataShape shape_for(const Config& config, const TableEncoder& encoder) {
  return {.inputs = encoder.width(),
          .example = example_shape(encoder),
          .outputs = outputs_for_targets(config, encoder),
          .embedded = encoder.embedded_inputs()};
}

}  // namespace gradus::internal
