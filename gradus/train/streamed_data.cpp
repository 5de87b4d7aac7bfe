// Rows that need not fit in memory, as a configuration asks for them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/base/random.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/table_cache.h"
#include "gradus/data/table_fitter.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/solver.h"
#include "gradus/train/streamed_rows.h"

namespace gradus {

bool is_streamed(const Config& config) { return config.has("data.rows") && config.text("data.rows") == "streamed"; }

namespace internal {
namespace {

constexpr int64_t kMegabyte = 1'000'000;

int64_t memory_bytes(const Config& config) { return config.integer("data.rows_megabytes") * kMegabyte; }

// What needs all rows at once, or an order of them.
void check_streams(const Config& config) {
  const std::string& split = config.text("data.split");
  if (split != "random") {
    fail_usage(
        config.where("data.split"),
        "data.split = \"{}\" needs all rows in memory; set data.split = \"random\", or data.rows = \"in_memory\"",
        split);
  }
  if (config.has("data.training_size")) {
    fail_usage(
        config.where("data.training_size"),
        "data.training_size draws rows from all of them, which data.rows = \"streamed\" does not hold; remove it");
  }
  if (config.has("data.folds") && config.has("data.validation_path")) {
    fail_usage(config.where("data.validation_path"),
               "data.validation_path and data.folds both say what is held out of streamed rows; remove one of them");
  }
  const std::string& solver = config.has("solver.name") ? config.text("solver.name") : "none";
  if (takes_single_rows(solver)) return;
  if (solver != "none") {
    fail_usage(
        config.where("data.rows"),
        "solver.name = \"{}\" needs all rows in memory; take \"sgd\", \"adagrad\" or \"ftrl\", which take one at a "
        "time, or an optimizer with solver.name = \"none\"; or set data.rows = \"in_memory\"",
        solver);
  }
  if (!config.batch_size("train.batch_size")) {
    fail_usage(
        config.where("train.batch_size"),
        "data.rows = \"streamed\" needs batches that fit in memory; set train.batch_size to a number, such as 256");
  }
  if (config.text("train.sampling") == "replacement") {
    fail_usage(
        config.where("train.sampling"),
        "train.sampling = \"replacement\" takes rows from anywhere, and data.rows = \"streamed\" has some at hand; "
        "set train.sampling = \"shuffle\"");
  }
}

HeldOutRows held_out_rows(const Config& config) {
  HeldOutRows rows{.key = mix(seed_of(config), hash_name("data.held_out"))};
  if (config.has("data.folds")) {
    const int64_t folds = config.integer("data.folds"), fold = fold_of(config);
    rows.low = static_cast<double>(fold) / static_cast<double>(folds);
    rows.high = static_cast<double>(fold + 1) / static_cast<double>(folds);
  } else if (config.has("data.validation_fraction")) {
    rows.high = config.real("data.validation_fraction");
  }
  return rows;
}

// All that rows depend on beside the files.
std::string cache_options(const Config& config) {
  constexpr std::string_view kOthers[] = {"data.path", "data.validation_path", "data.cache", "data.rows_megabytes"};
  std::string text;
  for (const Key& key : configuration_keys()) {
    const bool is_other = std::find(std::begin(kOthers), std::end(kOthers), key.name) != std::end(kOthers);
    if (table_of(key.name) != "data" || is_other || !config.has(key.name)) continue;
    text += fmt::format("{} = {}\n", key.name, config.shown(key.name));
  }
  if (config.has("loss.ignored_class")) text += fmt::format("ignored = {}\n", config.shown("loss.ignored_class"));
  return text + fmt::format("classes = {}\ntrain.seed = {}\n", has_classes(config), config.shown("train.seed"));
}

CacheRequest request_of(const Config& config, const TableEncoder* known, RowCaches caches) {
  CacheRequest request{.path = {},
                       .files = files_of(config.texts("data.path"), "data.path"),
                       .held_out_files = {},
                       .held_out = held_out_rows(config),
                       .options = cache_options(config),
                       .is_kept = caches == RowCaches::kKept};
  request.writer.lists_targets = has_classes(config);
  request.path = config.has("data.cache") ? config.text("data.cache") : request.files[0] + ".rows";
  if (config.has("data.validation_path")) {
    request.held_out_files = files_of(config.texts("data.validation_path"), "data.validation_path");
  }
  if (known != nullptr) request.encoder = known->to_json();
  return request;
}

Table labels_of(const SparseExamples& rows) { return label_table(rows.targets, rows.lines, rows.source); }

void make_sparse_cache(const Config& config, const CacheRequest& request, const TableEncoder* known) {
  TableEncoderOptions target = target_options(config);
  target.sparse.count = 1;  // how many there are is known at the end
  TableFitter fitter(target);
  std::optional<TableEncoder> encoder;
  if (known != nullptr) encoder = *known;
  const auto visit = [&](const SparseExamples& rows, const std::vector<int64_t>& training, bool of_held_out_file) {
    const Table labels = labels_of(rows);
    if (of_held_out_file && !encoder) encoder = fitter.finish();
    if (!encoder) {
      fitter.add(labels, training);
      fitter.check_size();
    } else {
      encoder->targets(labels);  // throws for a label that is none
    }
    check_targets(config, labels, {"label"});
  };
  const LibsvmOptions options = known != nullptr ? libsvm_options(config, known->sparse()) : libsvm_options(config);
  write_libsvm_cache(request, options, visit, [&](int64_t columns, int32_t base) {
    return known != nullptr ? known->to_json() : fitter.finish({.count = columns, .first = base}).to_json();
  });
}

void make_table_cache(const Config& config, const CacheRequest& request, const TableEncoder* known) {
  TableCacheOptions options{
      .csv = csv_options(config), .encoder = encoder_options(config), .filter = row_filter(config)};
  if (known != nullptr) options.known = *known;
  if (config.has("data.weight")) {
    options.weights = [&config](const Table& table) { return example_weights_of(config, table); };
  }
  options.check = [&config](const TableEncoder& encoder, const Table& table) {
    check_targets(config, table, encoder.target_columns());
  };
  write_table_cache(request, options);
}

void check_parts(const Config& config, const RowCache& cache) {
  const int64_t held = cache.rows_of(RowPart::kHeldOut), trained = cache.rows_of(RowPart::kTraining);
  if (!config.has("data.folds")) check_held_out(config, held, held + trained, "examples");
  if (trained == 0) {
    fail(cache.path(), "no row is left to train on; give more rows, or a smaller data.validation_fraction");
  }
  for (const RowPart part : {RowPart::kTraining, RowPart::kHeldOut}) {
    if (cache.rows_of(part) == 0 || cache.total_weight(part) > 0.0) continue;
    const bool is_whole = cache.rows_of(part) == held + trained;
    refuse_weightless(config, cache.path(), is_whole ? "" : part == RowPart::kTraining ? kToTrainOn : kToValidateWith);
  }
}

}  // namespace

ExperimentData make_streamed_data(const Config& config, const DataEncoder& given, RowCaches caches) {
  check_streams(config);
  const auto* known = std::get_if<TableEncoder>(&given);
  const CacheRequest request = request_of(config, known, caches);
  const bool is_sparse = config.text("data.kind") == "libsvm";
  ExperimentData data;
  const auto cache = cached_rows(
      request,
      [&](const CacheRequest& own) {
        is_sparse ? make_sparse_cache(config, own, known) : make_table_cache(config, own, known);
      },
      [&](const std::string& line) { data.notes.push_back(line); });
  check_parts(config, *cache);
  const RowCacheDescription& description = cache->description();
  const TableEncoder encoder = TableEncoder::from_json(description.encoder, cache->path());
  data.training = std::make_unique<StreamedRows>(cache, RowPart::kTraining, encoder, memory_bytes(config));
  if (cache->rows_of(RowPart::kHeldOut) > 0) {
    data.validation = std::make_unique<StreamedRows>(cache, RowPart::kHeldOut, encoder, memory_bytes(config));
  }
  for (const RowSource& source : description.sources) data.hash = mix(data.hash, source.xxh3);
  data.hash = mix(data.hash, xxh3(description.options));
  data.left_out = description.left_out;
  const int64_t held = request.held_out_files.empty() ? cache->rows_of(RowPart::kHeldOut) : 0;
  data.streamed_split = {request.held_out, cache->rows_of(RowPart::kTraining) + held};
  data.shape = shape_for(config, encoder);
  data.encoder = encoder;
  return data;
}

namespace {

std::vector<std::string> number_categories(const Config& config) {
  return config.has("data.category_columns") ? config.texts("data.category_columns") : std::vector<std::string>{};
}

}  // namespace

SkippedRows for_each_part(const Config& config, const TableEncoder& encoder, const std::vector<std::string>& paths,
                          bool refuses_bad_rows, const PartVisit& visit) {
  SkippedRows skipped;
  for (const std::string& path : files_of(paths, "--data")) {
    if (encoder.is_sparse()) {
      LibsvmStream stream(path, libsvm_options(config, encoder.sparse(), refuses_bad_rows));
      for (SparseExamples rows; stream.next(rows);) {
        for (int32_t& index : rows.features.indices) index -= static_cast<int32_t>(encoder.sparse().first);
        rows.features.columns = encoder.sparse().count;
        const Table labels = labels_of(rows);
        visit(std::make_shared<const SparseMatrix>(std::move(rows.features)), Tensor{}, labels);
      }
      skipped.add(stream.skipped());
      continue;
    }
    CsvOptions options = csv_options(config, &encoder);
    if (refuses_bad_rows) options.on_bad_row = CsvOptions::BadRow::kRefuse;
    skipped.add(for_each_table(path, options, {}, encoder, number_categories(config),
                               [&](const Table& table) { visit(nullptr, encoder.inputs(table), table); }));
  }
  return skipped;
}

}  // namespace internal

LeftOutRows read_data_in_parts(const Config& config, const TableEncoder& encoder, const std::vector<std::string>& paths,
                               const std::function<void(const Dataset& part)>& visit) {
  LeftOutRows left_out;
  if (encoder.is_sparse()) {
    left_out.skipped = internal::for_each_part(config, encoder, paths, false,
                                               [&](const auto& sparse, const Tensor&, const Table& labels) {
                                                 visit(SparseDataset(sparse, encoder.targets(labels)));
                                               });
    return left_out;
  }
  const auto visit_table = [&](Table& table) {
    left_out.add(leave_out(internal::row_filter(config), table, encoder.target_columns()));
    if (table.rows == 0) return;
    visit(TensorDataset(encoder.inputs(table), encoder.targets(table),
                        config.has("data.weight") ? internal::example_weights_of(config, table) : Tensor{}));
  };
  for (const std::string& path : files_of(paths, "--data")) {
    left_out.skipped.add(for_each_table(path, csv_options(config, &encoder), {}, encoder,
                                        internal::number_categories(config), visit_table));
  }
  return left_out;
}

}  // namespace gradus
