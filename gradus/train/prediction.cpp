#include "gradus/train/prediction.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/data/csv.h"
#include "gradus/data/table_inputs.h"
#include "gradus/nn/models/autoencoder.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/train/clustering_model.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/image_data.h"

namespace gradus {
namespace {

// Examples at once; bounds memory only.
int64_t rows_at_once(const TrainedRun& run) {
  constexpr int64_t kMostRows = 4096, kMostInputs = 1 << 24;
  return std::clamp<int64_t>(kMostInputs / std::max<int64_t>(1, run.shape().inputs), 1, kMostRows);
}

// Of rows from `first` on.
void add_rows(Predictions& to, const Objective& objective, const Tensor& outputs, const TableEncoder* table,
              const std::function<std::string(int64_t)>& place, int64_t first) {
  const Tensor prediction = objective_prediction(objective, outputs);
  const std::vector<double> values = prediction.values<double>();
  const int64_t rows = prediction.size(0), width = prediction.size(1);
  for (int64_t row = 0; row < rows; ++row) {
    const auto begin = values.begin() + row * width;
    if (!std::all_of(begin, begin + width, [](double v) { return std::isfinite(v); })) {
      fail(place(first + row), "the model's output is not finite; are the numbers of this row like those it learned?");
    }
    if (to.classes.empty()) {
      for (size_t i = 0; i < to.outputs(); ++i) {
        const double number = begin[static_cast<std::ptrdiff_t>(i)];
        to.numbers.push_back(table != nullptr ? table->original(number, i) : number);
      }
      continue;
    }
    to.ids.push_back(width == 1 ? (*begin > 0.0 ? 1 : 0) : std::max_element(begin, begin + width) - begin);
    if (gives_probabilities(objective.kind)) to.probabilities.emplace_back(begin, begin + width);
  }
}

// As many digits as a float holds; the unit of a target may take it beyond one.
std::string number_text(double number) {
  const auto narrow = static_cast<float>(number);
  return std::isfinite(narrow) ? fmt::format("{}", narrow) : fmt::format("{}", number);
}

std::string joined(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) text += (text.empty() ? "" : ",") + number_text(number);
  return text;
}

std::vector<std::string> numbered(int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

// The cluster of each row, and of a mixture the probability of each.
void add_clusters(Predictions& to, const ClusteringModel& model, const Tensor& inputs) {
  for (const int64_t label : model.labels(inputs).values<int64_t>()) to.ids.push_back(label);
  const Tensor probabilities = model.probabilities(inputs);
  if (!probabilities.defined()) return;
  const double* row = probabilities.data<double>();
  for (int64_t i = 0; i < inputs.size(0); ++i, row += model.clusters()) {
    to.probabilities.emplace_back(row, row + model.clusters());
  }
}

const FeatureModel& model_of_rows(const TrainedRun& run) {
  const auto* model = dynamic_cast<const FeatureModel*>(&run.model());
  if (model != nullptr) return *model;
  fail_usage("predict",
             "the run's model continues text; see `gradus generate`, and `gradus eval` for its loss on a text");
}

}  // namespace

std::vector<std::string> class_names(const TrainedRun& run) {
  if (dynamic_cast<const Autoencoder*>(&run.model()) != nullptr) return {};
  if (makes_clusters(run.config())) return numbered(run.shape().outputs);
  const ObjectiveKind objective = model_of_rows(run).objective().kind;
  if (!is_of_classes(objective) || is_of_embeddings(objective)) return {};
  const TableEncoder* table = target_encoder(run.encoder());
  if (table != nullptr) return table->classes();
  return numbered(run.shape().outputs == 1 ? 2 : run.shape().outputs);  // which may have one output for both
}

namespace {

// A usage error for a model of text, before any data is read.
void check_predicts(const TrainedRun& run) { class_names(run); }

// The names of a model's numbers, where it learned several.
std::vector<std::string> several_targets(const TrainedRun& run) {
  const TableEncoder* table = target_encoder(run.encoder());
  if (table == nullptr || table->all_targets().size() < 2) return {};
  return table->target_columns();
}

void add_codes(Predictions& to, const Tensor& codes) {
  const std::vector<double> values = codes.values<double>();
  const int64_t width = codes.size(1);
  for (auto row = values.begin(); row != values.end(); row += width) to.codes.emplace_back(row, row + width);
}

Predictions codes_of(const Autoencoder& model, const Dataset& data, int64_t rows) {
  Predictions result;
  const NoGrad no_grad;
  Context context;
  for_each_batch(data, rows, [&](std::span<const int64_t>, const Batch& batch) {
    add_codes(result, model.forward(batch.inputs, context));
    return true;
  });
  return result;
}

}  // namespace

Predictions predict(const TrainedRun& run, const Dataset& data, const std::function<std::string(int64_t)>& place) {
  if (const auto* coder = dynamic_cast<const Autoencoder*>(&run.model()))
    return codes_of(*coder, data, rows_at_once(run));
  const auto* clusters = dynamic_cast<const ClusteringModel*>(&run.model());
  const FeatureModel* model = clusters == nullptr ? &model_of_rows(run) : nullptr;
  Predictions result;
  result.classes = class_names(run);
  if (result.classes.empty()) result.targets = several_targets(run);
  for_each_batch(data, rows_at_once(run), [&](std::span<const int64_t> ids, const Batch& batch) {
    if (clusters != nullptr) {
      add_clusters(result, *clusters, batch.inputs);
      return true;
    }
    const NoGrad no_grad;
    Context context;
    const Tensor outputs = model->outputs(batch, context);
    if (is_of_embeddings(model->objective().kind)) {
      add_codes(result, objective_prediction(model->objective(), outputs));
      return true;
    }
    add_rows(result, model->objective(), outputs, target_encoder(run.encoder()), place, ids[0]);
    return true;
  });
  return result;
}

Predictions predict(const TrainedRun& run, Table table) {
  check_predicts(run);
  const auto* encoder = std::get_if<TableEncoder>(&run.encoder());
  const std::vector<int64_t> rows = internal::all_rows(table.rows);
  const Tensor inputs = encoder != nullptr ? take_inputs(*encoder, table, {&rows, 1}).parts[0]
                                           : internal::unnamed_inputs(table, run.shape().inputs);
  return predict(run, TensorDataset(inputs), [&](int64_t row) { return table.place(row); });
}

namespace {

Predictions predict_pictures(const TrainedRun& run, const ImageEncoder& encoder,
                             const std::vector<std::string>& paths) {
  const internal::Pictures pictures = internal::read_pictures(run.config(), paths, {});
  const auto place = [&](int64_t row) { return pictures.place(row); };
  Predictions result = predict(run, *internal::read_images(encoder, pictures, false), place);
  for (int64_t row = 0; row < pictures.source->count; ++row) result.names.push_back(pictures.place(row));
  return result;
}

}  // namespace

Predictions predict_files(const TrainedRun& run, const std::vector<std::string>& paths) {
  check_predicts(run);
  if (const auto* images = std::get_if<ImageEncoder>(&run.encoder())) return predict_pictures(run, *images, paths);
  if (const auto* audio = std::get_if<AudioEncoder>(&run.encoder())) {
    internal::AudioRows rows = internal::read_audio_rows(run.config(), *audio, paths);
    Predictions result = predict(run, *rows.data, [&](int64_t row) { return rows.names[static_cast<size_t>(row)]; });
    result.names = std::move(rows.names);
    return result;
  }
  const auto* encoder = std::get_if<TableEncoder>(&run.encoder());
  if (encoder != nullptr && encoder->is_sparse()) {
    const internal::SparseRows rows = internal::read_sparse_rows(run.config(), encoder->sparse(), paths, true);
    return predict(run, SparseDataset(rows.features), [&](int64_t row) { return rows.labels.place(row); });
  }
  if (encoder != nullptr && encoder->array()) {
    const internal::ArrayRows rows = internal::read_array_rows(*encoder, paths);
    return predict(run, TensorDataset(rows.inputs), [&](int64_t row) { return rows.place(row); });
  }
  if (encoder != nullptr && encoder->text()) {
    const internal::LabelledTexts texts = internal::read_labelled_texts(run.config(), paths, /*with_labels=*/false);
    const auto place = [&](int64_t row) { return texts.labels.place(row); };
    Predictions result = predict(run, *internal::text_rows(run.config(), *encoder, texts), place);
    for (int64_t row = 0; row < texts.labels.rows; ++row) result.names.push_back(place(row));  // blank lines are none
    return result;
  }
  if (encoder != nullptr) return predict(run, read_tables(run.config(), paths, true));
  return predict(run, internal::read_unnamed(paths));
}

void predict_files(const TrainedRun& run, const std::vector<std::string>& paths,
                   const std::function<void(const Predictions& rows)>& visit) {
  const auto* encoder = std::get_if<TableEncoder>(&run.encoder());
  if (encoder == nullptr || !is_streamed(run.config())) return visit(predict_files(run, paths));
  internal::for_each_part(run.config(), *encoder, paths, true,
                          [&](const auto& sparse, const Tensor& dense, const Table& rows) {
                            const auto place = [&](int64_t row) { return rows.place(row); };
                            visit(sparse != nullptr ? predict(run, SparseDataset(sparse), place)
                                                    : predict(run, TensorDataset(dense), place));
                          });
}

namespace {

std::string csv_names(const Predictions& p) {
  if (!p.codes.empty()) {
    std::string names = p.names.empty() ? "" : "file,";
    for (size_t i = 0; i < p.codes[0].size(); ++i) names += fmt::format("{}code_{}", i > 0 ? "," : "", i);
    return names + '\n';
  }
  std::string text = p.names.empty() ? "" : "file,";
  for (size_t i = 0; i < p.outputs(); ++i) {
    text += (i > 0 ? "," : "") + (p.targets.empty() ? "prediction" : csv_field("prediction_" + p.targets[i]));
  }
  if (!p.probabilities.empty()) {
    for (const std::string& name : p.classes) text += "," + csv_field("p_" + name);
  }
  return text + '\n';
}

}  // namespace

namespace {

std::vector<double> numbers_of(const Predictions& p, size_t row) {
  const auto begin = p.numbers.begin() + static_cast<std::ptrdiff_t>(row * p.outputs());
  return {begin, begin + static_cast<std::ptrdiff_t>(p.outputs())};
}

// "1.5", or "a 1.5, b 2" of several targets.
std::string numbers_text(const Predictions& p, size_t row) {
  const std::vector<double> numbers = numbers_of(p, row);
  if (p.targets.empty()) return number_text(numbers[0]);
  std::string text;
  for (size_t i = 0; i < numbers.size(); ++i) {
    text += fmt::format("{}{} {}", i > 0 ? ", " : "", p.targets[i], number_text(numbers[i]));
  }
  return text;
}

// 1.5, or {"a":1.5,"b":2} of several targets.
std::string numbers_json(const Predictions& p, size_t row) {
  const std::vector<double> numbers = numbers_of(p, row);
  if (p.targets.empty()) return number_text(numbers[0]);
  std::string text = "{";
  for (size_t i = 0; i < numbers.size(); ++i) {
    text += fmt::format("{}{}:{}", i > 0 ? "," : "", json_quoted(p.targets[i]), number_text(numbers[i]));
  }
  return text + "}";
}

size_t rows_of_numbers(const Predictions& p) { return p.numbers.size() / p.outputs(); }

}  // namespace

std::string to_text(const Predictions& p) {
  constexpr size_t kMost = 5;
  std::string text;
  for (size_t row = 0; row < p.size(); ++row) {
    const std::string name = p.names.empty() ? fmt::format("row {}", row + 1) : p.names[row];
    if (!p.codes.empty()) {
      text += fmt::format("{}: {}\n", name, joined(p.codes[row]));
      continue;
    }
    if (p.classes.empty() || p.probabilities.empty()) {
      text += fmt::format("{}: {}\n", name,
                          p.classes.empty() ? numbers_text(p, row) : p.classes[static_cast<size_t>(p.ids[row])]);
      continue;
    }
    const std::vector<double>& all = p.probabilities[row];
    std::vector<size_t> order(all.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return all[a] > all[b]; });
    text += name + "\n";
    for (size_t i = 0; i < std::min(kMost, order.size()); ++i) {
      text += fmt::format("  {:6.2f}%  {}\n", 100.0 * all[order[i]], p.classes[order[i]]);
    }
  }
  return text;
}

std::string to_csv(const Predictions& p, bool with_names) {
  std::string text = with_names ? csv_names(p) : "";
  const auto begin = [&](size_t row) { return p.names.empty() ? "" : csv_field(p.names[row]) + ","; };
  for (size_t row = 0; row < p.codes.size(); ++row) text += begin(row) + joined(p.codes[row]) + '\n';
  for (size_t row = 0; row < rows_of_numbers(p); ++row) text += begin(row) + joined(numbers_of(p, row)) + '\n';
  for (size_t row = 0; row < p.ids.size(); ++row) {
    text += begin(row) + csv_field(p.classes[static_cast<size_t>(p.ids[row])]);
    if (!p.probabilities.empty()) {
      for (const double probability : p.probabilities[row]) text += "," + number_text(probability);
    }
    text += '\n';
  }
  return text;
}

std::string to_jsonl(const Predictions& p) {
  std::string text;
  const auto start = [&](size_t row) {
    return "{" + (p.names.empty() ? "" : "\"file\":" + json_quoted(p.names[row]) + ",");
  };
  const auto begin = [&](size_t row) { return start(row) + "\"prediction\":"; };
  for (size_t row = 0; row < p.codes.size(); ++row) text += start(row) + "\"code\":[" + joined(p.codes[row]) + "]}\n";
  for (size_t row = 0; row < rows_of_numbers(p); ++row) text += begin(row) + numbers_json(p, row) + "}\n";
  for (size_t row = 0; row < p.ids.size(); ++row) {
    text += begin(row) + json_quoted(p.classes[static_cast<size_t>(p.ids[row])]);
    if (!p.probabilities.empty()) {
      text += ",\"probabilities\":{";
      for (size_t i = 0; i < p.classes.size(); ++i) {
        text +=
            fmt::format("{}{}:{}", i > 0 ? "," : "", json_quoted(p.classes[i]), number_text(p.probabilities[row][i]));
      }
      text += "}";
    }
    text += "}\n";
  }
  return text;
}

}  // namespace gradus
