// Sparse rows with labels, as a configuration asks for them.
#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/data/libsvm.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

// Columns are counted as the first file does, where nothing else is said of it. All rows have at least `least_columns`.
SparseRows read_rows(const std::vector<std::string>& paths, LibsvmOptions options, int64_t least_columns = 0) {
  using Base = LibsvmOptions::Base;
  SparseMatrix features;
  SparseRows rows;
  for (const std::string& path : files_of(paths, "data.path")) {
    SparseExamples more = read_libsvm(path, options);
    options.base = more.base;
    append_labels(rows.labels, label_table(more));
    if (features.rows == 0) {
      features = std::move(more.features);
    } else {
      append_rows(features, more.features);
    }
  }
  features.columns = std::max(features.columns, least_columns);
  // One odd index makes a model of as many weights.
  constexpr int64_t kMostUnasked = 1 << 24;
  if (!options.columns && features.columns > kMostUnasked) {
    fail_usage(rows.labels.source(),
               "its highest index is {}, and a model has a weight for each column; set data.columns if there are so many",
               features.columns - 1 + (options.base == Base::kZero ? 0 : 1));
  }
  rows.columns = {.count = features.columns, .first = options.base == Base::kZero ? 0 : 1};
  rows.features = std::make_shared<const SparseMatrix>(std::move(features));
  return rows;
}

}  // namespace

LibsvmOptions libsvm_options(const Config& config) {
  using Base = LibsvmOptions::Base;
  const std::string& first = config.text("data.first_column");
  LibsvmOptions options{.base = first == "0" ? Base::kZero : first == "1" ? Base::kOne : Base::kAuto};
  if (config.has("data.columns")) options.columns = config.integer("data.columns");
  if (config.text("data.on_bad_row") == "skip") options.on_bad_row = LibsvmOptions::BadRow::kSkip;
  return options;
}

LibsvmOptions libsvm_options(const Config& config, const SparseColumns& columns, bool refuses_bad_rows) {
  using Base = LibsvmOptions::Base;
  LibsvmOptions options = libsvm_options(config);
  options.base = columns.first == 0 ? Base::kZero : Base::kOne;
  options.columns = columns.count;
  if (refuses_bad_rows) options.on_bad_row = LibsvmOptions::BadRow::kRefuse;
  return options;
}

namespace {

uint64_t hash_of(const SparseMatrix& x, const Tensor& targets, uint64_t hash = 0) {
  hash = mix(hash, xxh3(x.offsets.data(), x.offsets.size() * sizeof(int64_t)));
  hash = mix(hash, xxh3(x.indices.data(), x.indices.size() * sizeof(int32_t)));
  hash = mix(hash, xxh3(x.values.data(), x.values.size() * sizeof(float)));
  return mix(hash, xxh3(targets.bytes(), static_cast<size_t>(targets.numel() * size_of(targets.dtype()))));
}

std::unique_ptr<SparseDataset> part_of(const SparseDataset& all, const std::vector<int64_t>& ids) {
  if (ids.empty()) return nullptr;
  Batch batch = all.batch(ids);
  return std::make_unique<SparseDataset>(std::move(batch.sparse), std::move(batch.targets));
}

}  // namespace

SparseRows read_sparse_rows(const Config& config, const SparseColumns& columns, const std::vector<std::string>& paths,
                            bool refuses_bad_rows) {
  return read_rows(paths, libsvm_options(config, columns, refuses_bad_rows));
}

ReadRows read_sparse(const Config& config, const TableEncoder& encoder, const std::vector<std::string>& paths) {
  const SparseRows rows = read_sparse_rows(config, encoder.sparse(), paths, false);
  return {std::make_unique<SparseDataset>(rows.features, encoder.targets(rows.labels)),
          {.skipped = rows.labels.skipped}};
}

ExperimentData make_sparse_data(const Config& config, const DataEncoder& given) {
  const auto* known = std::get_if<TableEncoder>(&given);
  const LibsvmOptions options = known != nullptr ? libsvm_options(config, known->sparse()) : libsvm_options(config);
  SparseRows rows = read_rows(config.texts("data.path"), options), held;
  if (config.has("data.validation_path")) {
    LibsvmOptions same = libsvm_options(config, rows.columns);
    same.columns = options.columns;
    held = read_rows(config.texts("data.validation_path"), same, rows.columns.count);
    // The model has a column that only these files have: its weight stays where it began.
    if (held.columns.count > rows.columns.count) {
      SparseMatrix wider = *rows.features;
      wider.columns = rows.columns.count = held.columns.count;
      rows.features = std::make_shared<const SparseMatrix>(std::move(wider));
    }
  }
  LeftOutRows left_out{.skipped = rows.labels.skipped};
  left_out.skipped.add(held.labels.skipped);
  const Split split = split_of_rows(config, rows.labels);
  const TableEncoder encoder =
      known != nullptr ? *known : fit_encoder(config, rows.labels, split.training, rows.columns);
  check_targets(config, rows.labels, encoder.target_columns());
  ExperimentData data;
  {
    const SparseDataset all(rows.features, encoder.targets(rows.labels));
    rows.features.reset();
    data.hash = hash_of(*all.rows(), all.targets());
    data.training = part_of(all, split.training);
    data.validation = part_of(all, split.validation);
  }
  if (held.features != nullptr) {
    auto validation = std::make_unique<SparseDataset>(held.features, encoder.targets(held.labels));
    data.hash = hash_of(*validation->rows(), validation->targets(), data.hash);
    data.validation = std::move(validation);
  }
  data.shape = shape_for(config, encoder);
  data.encoder = encoder;
  data.split = split;
  data.left_out = left_out;
  return data;
}

}  // namespace gradus::internal
