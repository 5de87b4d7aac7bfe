// Data that a configuration has made up: curves, and points of classes in a plane.
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/data/csv.h"
#include "gradus/data/file_list.h"
#include "gradus/data/generated.h"
#include "gradus/nn/objective.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

bool is_curve(const std::string& kind) { return kind == "line" || kind == "polynomial" || kind == "sine"; }

// Both parts of a curve cover the whole of it.
Split split_of(const Config& config, int64_t size) {
  if (!is_curve(config.text("data.kind"))) return random_split(config, size);
  const int64_t held = held_out(config, size);
  check_held_out(config, held, size, "examples");
  Split split = split_evenly(size, held);
  split.training = spaced_rows(split.training, trained_on(config, size - held, "examples"));
  return split;
}

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

void check_width(const Table& table, int64_t width, const char* what) {
  if (static_cast<int64_t>(table.columns.size()) == width) return;
  fail_usage(table.source(), "{} columns; the model's data was made up, and it takes {}, {}", table.columns.size(),
             width, what);
}

void check_numbers(const Table& table, const TableColumn& column) {
  if (!column.is_number) fail_usage(table.source(), "column \"{}\" holds text; expected numbers", column.name);
  if (const int64_t row = column.first_missing(); row >= 0) {
    fail_usage(table.place(row), "the value of column \"{}\" is missing; fill it, or leave the row out", column.name);
  }
}

// Columns [begin, end), f32 (rows, end − begin).
Tensor numbers_of(const Table& table, int64_t begin, int64_t end) {
  const int64_t width = end - begin;
  Tensor numbers = Tensor::empty({table.rows, width});
  float* const to = numbers.mutable_data<float>();
  for (int64_t i = 0; i < width; ++i) {
    const TableColumn& column = table.columns[static_cast<size_t>(begin + i)];
    check_numbers(table, column);
    for (int64_t row = 0; row < table.rows; ++row) {
      to[row * width + i] = static_cast<float>(column.number(row));
    }
  }
  return numbers;
}

// The last column, i64 (rows).
Tensor classes_of(const Table& table, int64_t classes) {
  const TableColumn& column = table.columns.back();
  check_numbers(table, column);
  Tensor ids = Tensor::empty({table.rows}, DType::kI64);
  for (int64_t row = 0; row < table.rows; ++row) {
    const double id = column.number(row);
    if (!(id >= 0 && id < static_cast<double>(classes) && id == std::floor(id))) {
      fail_usage(table.place(row),
                 "{} in column \"{}\" is no class of the made-up data; expected a whole number from 0 to {}", id,
                 column.name, classes - 1);
    }
    ids.mutable_data<int64_t>()[row] = static_cast<int64_t>(id);
  }
  return ids;
}

int64_t number_of_classes(const Config& config) {
  return config.has("data.classes") ? config.integer("data.classes") : 2;
}

}  // namespace

ExperimentData make_made_up_data(const Config& config) {
  const bool curve = is_curve(config.text("data.kind"));
  const TensorDataset all = curve ? make_curve(config) : make_classes(config);
  ExperimentData data;
  data.hash = hash_of(all);
  data.shape.inputs = all.inputs().size(1);
  if (learns_target(config))
    data.shape.outputs = outputs_for(objective_of(config), curve ? 1 : number_of_classes(config));
  const Split split = split_of(config, all.size());
  const bool whole = static_cast<int64_t>(split.training.size()) == all.size();
  data.training = whole ? std::make_unique<TensorDataset>(all) : part_of(all, split.training);
  data.validation = part_of(all, split.validation);
  return data;
}

Table read_unnamed(const std::vector<std::string>& paths) {
  const std::vector<std::string> files = files_of(paths, "--data");
  Table table = read_csv(files[0]);
  for (size_t i = 1; i < files.size(); ++i) table.append(read_csv(files[i]));
  return table;
}

Tensor unnamed_inputs(const Table& table, int64_t width) {
  check_width(table, width, "the features in their order");
  return numbers_of(table, 0, width);
}

ReadRows read_made_up(const Config& config, const std::vector<std::string>& paths) {
  const std::string& kind = config.text("data.kind");
  const int64_t inputs = is_curve(kind) ? 1 : kind == "blobs" ? config.integer("data.dimensions") : 2;
  const Table table = read_unnamed(paths);
  check_width(table, inputs + 1,
              is_curve(kind) ? "x and y" : "the features in their order and the number of the class");
  Tensor targets =
      is_curve(kind) ? numbers_of(table, inputs, inputs + 1) : classes_of(table, number_of_classes(config));
  return {std::make_unique<TensorDataset>(dataset_of(numbers_of(table, 0, inputs), std::move(targets)))};
}

}  // namespace gradus::internal
