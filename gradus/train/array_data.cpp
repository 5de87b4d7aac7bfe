// Arrays of examples with labels beside them, as a configuration asks for them.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/data/idx.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

// Examples, and their labels as a table of one column, by which rows are split like any others.
struct Arrays {
  Tensor examples;  // f32 (N, …)
  std::string source;
  Table labels = {};
  bool has_labels = false;
};

// The rows of all, one behind the other; they are of one shape.
Tensor joined(const std::vector<Tensor>& parts, const std::vector<std::string>& files) {
  if (parts.size() == 1) return parts[0];
  Shape shape = parts[0].shape();
  for (size_t i = 1; i < parts.size(); ++i) {
    Shape own = parts[i].shape();
    own[0] = parts[0].size(0);
    if (!(own == parts[0].shape())) {
      fail(files[i], "its shape is {}, and that of {} is {}; expected examples of one shape",
           to_string(parts[i].shape()), files[0], to_string(parts[0].shape()));
    }
    shape[0] += parts[i].size(0);
  }
  Tensor all = Tensor::empty(shape);
  float* to = all.mutable_data<float>();
  for (const Tensor& part : parts) to = std::copy_n(part.data<float>(), part.numel(), to);
  return all;
}

Arrays read_files(const std::vector<std::string>& paths, const std::vector<std::string>& labels) {
  const std::vector<std::string> files = files_of(paths, "data.path");
  std::vector<Tensor> parts;
  for (const std::string& file : files) parts.push_back(read_idx(file));
  Arrays arrays{.examples = joined(parts, files), .source = fmt::format("{}", fmt::join(files, ", "))};
  const int64_t examples = arrays.examples.size(0);
  arrays.has_labels = !labels.empty();
  if (!arrays.has_labels) {
    arrays.labels.rows = examples;
    arrays.labels.parts = {{.source = arrays.source}};
    return arrays;
  }
  arrays.labels = read_label_files(labels);
  if (arrays.labels.rows != examples) {
    fail(arrays.labels.source(), "{} labels for the {} examples of {}; expected one for each", arrays.labels.rows,
         examples, arrays.source);
  }
  return arrays;
}

std::vector<std::string> texts_of(const Config& config, std::string_view key) {
  return config.has(key) ? config.texts(key) : std::vector<std::string>{};
}

TensorDataset encoded(const TableEncoder& encoder, Arrays&& arrays) {
  Tensor inputs = array_inputs(*encoder.array(), std::move(arrays.examples), arrays.source);
  return dataset_of(std::move(inputs), arrays.has_labels ? encoder.targets(arrays.labels) : Tensor());
}

}  // namespace

Table read_label_files(const std::vector<std::string>& paths) {
  Table table;
  for (const std::string& file : files_of(paths, "data.labels")) {
    const Tensor labels = read_idx_labels(file);
    std::vector<int64_t> numbers(static_cast<size_t>(labels.numel()));
    std::iota(numbers.begin(), numbers.end(), 1);
    append_labels(table, label_table(labels.values<double>(), std::move(numbers), file));
  }
  return table;
}

std::unique_ptr<Dataset> read_arrays(const Config& config, const TableEncoder& encoder,
                                     const std::vector<std::string>& paths, const std::vector<std::string>& labels) {
  if (labels.empty() && learns_target(config)) {
    fail_usage("--labels", "is missing: the labels of --data, which the model's answers are compared with");
  }
  if (!labels.empty() && !encoder.has_target()) {
    fail_usage("--labels", "the run had no data.labels, and does not know any class; leave it out");
  }
  return std::make_unique<TensorDataset>(encoded(encoder, read_files(paths, labels)));
}

ArrayRows read_array_rows(const TableEncoder& encoder, const std::vector<std::string>& paths) {
  Arrays arrays = read_files(paths, {});
  return {array_inputs(*encoder.array(), std::move(arrays.examples), arrays.source), arrays.source};
}

ExperimentData make_array_data(const Config& config, const DataEncoder& given) {
  Arrays arrays = read_files(config.texts("data.path"), texts_of(config, "data.labels"));
  const Split split = split_of_rows(config, arrays.labels);
  const auto* known = std::get_if<TableEncoder>(&given);
  TableEncoderOptions options = target_options(config);
  options.has_target = arrays.has_labels;
  if (known == nullptr) options.array = fit_array(arrays.examples, split.training, scaling_of(config));
  const TableEncoder encoder =
      known != nullptr ? *known : TableEncoder::fit(arrays.labels, split.training, options);
  if (arrays.has_labels) check_targets(config, arrays.labels, encoder.target_columns());
  ExperimentData data;
  {
    const TensorDataset all = encoded(encoder, std::move(arrays));
    data.hash = hash_of(all);
    data.training = part_of(all, split.training);
    data.validation = part_of(all, split.validation);
  }
  if (config.has("data.validation_path")) {
    auto validation = std::make_unique<TensorDataset>(
        encoded(encoder, read_files(config.texts("data.validation_path"), texts_of(config, "data.validation_labels"))));
    data.hash = hash_of(*validation, data.hash);
    data.validation = std::move(validation);
  }
  data.shape = shape_for(config, encoder);
  data.encoder = encoder;
  data.split = split;
  return data;
}

}  // namespace gradus::internal
