#include "gradus/train/linear_benchmark.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/classic/lasso_path.h"
#include "gradus/classic/linear_coordinate_descent.h"
#include "gradus/classic/linear_dual_descent.h"
#include "gradus/classic/linear_gradient_descent.h"
#include "gradus/classic/linear_interior_point.h"
#include "gradus/classic/linear_lbfgs.h"
#include "gradus/classic/linear_newton.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/linear_sgd.h"
#include "gradus/tensor/safetensors.h"

namespace gradus {
namespace {

constexpr int64_t kRowsATask = 1024;
// What random numbers are for.
constexpr uint64_t kInputs = 1, kWeights = 2, kNoise = 3, kPlaces = 4;

Tensor normal_rows(int64_t rows, int64_t columns) {
  Tensor x = Tensor::empty({rows, columns}, DType::kF32);
  float* const out = x.mutable_data<float>();
  const RandomStream random(kInputs);
  parallel_for(rows, kRowsATask, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        out[i * columns + j] = static_cast<float>(random.normal(static_cast<uint64_t>(i), static_cast<uint64_t>(j)));
      }
    }
  });
  return x;
}

// So many different columns in each row.
SparseMatrix sparse_rows(int64_t rows, int64_t columns, int64_t stored) {
  SparseMatrix x{rows, columns, std::vector<int64_t>(static_cast<size_t>(rows + 1)),
                 std::vector<int32_t>(static_cast<size_t>(rows * stored)),
                 std::vector<float>(static_cast<size_t>(rows * stored))};
  const RandomStream places(kPlaces), values(kInputs);
  const auto free = static_cast<uint64_t>(columns - stored + 1);
  for (int64_t i = 0; i <= rows; ++i) x.offsets[static_cast<size_t>(i)] = i * stored;
  parallel_for(rows, kRowsATask, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int32_t* const row = x.indices.data() + i * stored;
      for (int64_t k = 0; k < stored; ++k) {
        row[k] = static_cast<int32_t>(places.bits(static_cast<uint64_t>(i), static_cast<uint64_t>(k)) % free);
        x.values[static_cast<size_t>(i * stored + k)] =
            static_cast<float>(values.normal(static_cast<uint64_t>(i), static_cast<uint64_t>(k)));
      }
      std::sort(row, row + stored);
      for (int64_t k = 0; k < stored; ++k) row[k] += static_cast<int32_t>(k);  // none twice
    }
  });
  return x;
}

// Classes by a logistic model of which nothing is certain; numbers by a line of few columns and noise.
Tensor made_up_targets(const LinearInputs& inputs, bool is_classes) {
  const int64_t rows = inputs.rows(), columns = inputs.features();
  const RandomStream random(kWeights), noise(kNoise);
  const double in_a_row = static_cast<double>(inputs.stored()) / static_cast<double>(rows);
  std::vector<double> w(static_cast<size_t>(columns)), z(static_cast<size_t>(rows));
  for (size_t j = 0; j < w.size(); ++j) {
    if (is_classes) w[j] = 2.0 * random.normal(0, j) / std::sqrt(in_a_row);
    if (!is_classes && j % 10 == 0) w[j] = random.normal(0, j);
  }
  row_products(inputs, 0, rows, w.data(), 0.0, z.data());
  std::vector<int64_t> classes(static_cast<size_t>(rows));
  std::vector<float> numbers(static_cast<size_t>(rows));
  for (size_t i = 0; i < z.size(); ++i) {
    const double u = std::clamp(noise.uniform(0, i), 1e-12, 1.0 - 1e-12);
    classes[i] = z[i] + std::log(u / (1.0 - u)) > 0 ? 1 : 0;
    numbers[i] = static_cast<float>(z[i] + 3.0 * noise.normal(1, i));
  }
  return is_classes ? Tensor::from(classes, {rows}) : Tensor::from(numbers, {rows});
}

void make_up(const LinearBenchmarkOptions& o, LinearProblem& problem) {
  if (o.stored > o.columns) {
    fail_usage("bench", "{} numbers in a row of {} columns; expected no more than columns", o.stored, o.columns);
  }
  const double rows = static_cast<double>(o.rows),
               in_a_row = static_cast<double>(o.stored > 0 ? 2 * o.stored : o.columns);
  check_benchmark_fits(rows * (4.0 * in_a_row + 24.0) + 16.0 * static_cast<double>(o.columns));
  if (o.stored > 0) {
    problem.inputs = sparse_rows(o.rows, o.columns, o.stored);
  } else {
    problem.inputs = normal_rows(o.rows, o.columns);
  }
  problem.targets = made_up_targets(problem.inputs, is_classification(o.loss));
}

Tensor part_of(const Safetensors& file, const char* name, DType dtype, const std::string& path) {
  const Tensor tensor = file.find(name);
  if (tensor.defined() && tensor.dtype() == dtype) return tensor;
  fail_usage(path, "has no \"{}\" of {}; expected x, or shape, offsets, indices and values; and y", name,
             name_of(dtype));
}

std::vector<int32_t> integers_of(const Tensor& tensor) {
  const auto* const first = tensor.data<int32_t>();
  return {first, first + tensor.numel()};
}

void read(const LinearBenchmarkOptions& o, LinearProblem& problem) {
  const Safetensors file = read_safetensors(o.data);
  if (file.find("x").defined()) {
    problem.inputs = part_of(file, "x", DType::kF32, o.data);
  } else {
    const std::vector<int64_t> shape = part_of(file, "shape", DType::kI64, o.data).values<int64_t>();
    if (shape.size() != 2) fail_usage(o.data, "\"shape\" has {} numbers; expected rows and columns", shape.size());
    problem.inputs = SparseMatrix{shape[0], shape[1], part_of(file, "offsets", DType::kI64, o.data).values<int64_t>(),
                                  integers_of(part_of(file, "indices", DType::kI32, o.data)),
                                  part_of(file, "values", DType::kF32, o.data).values<float>()};
  }
  problem.targets = part_of(file, "y", is_classification(o.loss) ? DType::kI64 : DType::kF32, o.data);
}

LinearProblem problem_of(const LinearBenchmarkOptions& o) {
  LinearProblem problem;
  problem.loss = o.loss;
  problem.l1 = o.l1;
  problem.l2 = o.l2;
  problem.intercept = o.intercept;
  if (o.data.empty()) {
    make_up(o, problem);
  } else {
    read(o, problem);
  }
  if (is_classification(o.loss)) {
    const std::vector<int64_t> classes = problem.targets.values<int64_t>();
    problem.classes = classes.empty() ? 2 : std::max<int64_t>(2, *std::ranges::max_element(classes) + 1);
  }
  return problem;
}

std::unique_ptr<LinearSolver> solver_of(const LinearProblem& p, const LinearBenchmarkOptions& o) {
  if (o.solver == "sgd") return make_linear_sgd(p, {.bias_rate = p.inputs.is_sparse() ? 0.01 : 1.0});
  if (o.solver == "newton") return make_linear_newton(p, {.tolerance = o.tolerance});
  if (o.solver == "lbfgs") return make_linear_lbfgs(p, {.tolerance = o.tolerance});
  if (o.solver == "gradient_descent") {
    return make_linear_gradient_descent(p, {.accelerate = true, .tolerance = o.tolerance});
  }
  if (o.solver == "coordinate_descent") return make_linear_coordinate_descent(p, {.tolerance = o.tolerance});
  if (o.solver == "dual_descent") return make_linear_dual_descent(p, {.tolerance = o.tolerance});
  if (o.solver == "interior_point") return make_linear_interior_point(p, {.tolerance = o.tolerance});
  fail_usage("solver",
             "\"{}\" is not known; expected sgd, newton, lbfgs, gradient_descent, coordinate_descent, "
             "dual_descent, interior_point or lasso_path",
             o.solver);
}

void fit(const LinearProblem& problem, const LinearBenchmarkOptions& o, LinearBenchmark& result) {
  if (o.solver == "lasso_path") {
    const LassoPath path = lasso_path(problem, {.tolerance = o.tolerance});
    const int64_t points = static_cast<int64_t>(path.l1.size()), columns = problem.inputs.features();
    const double* const last = path.weights.data<double>() + (points - 1) * columns;
    result.coefficients.assign(last, last + columns);
    result.coefficients.push_back(path.bias.back());
    result.l1 = path.l1.back();
    result.steps = points;
    return;
  }
  const auto solver = solver_of(problem, o);
  solve(*solver, {.steps = o.steps});
  result.coefficients = solver->weights().values<double>();
  const std::vector<double> bias = solver->bias().values<double>();
  result.coefficients.insert(result.coefficients.end(), bias.begin(), bias.end());
  result.l1 = problem.l1;
  result.steps = solver->steps();
}

}  // namespace

LinearBenchmarkOptions linear_preset(std::string_view name) {
  if (name == "sgd") return {};
  if (name == "sgd_sparse") return {.columns = 100'000, .stored = 40};
  if (name == "logistic") return {.rows = 1'000'000, .columns = 100, .solver = "newton", .steps = 1000};
  if (name == "lasso_path") {
    return {.rows = 10'000,
            .columns = 1'000,
            .solver = "lasso_path",
            .loss = LinearLoss::kSquared,
            .l2 = 0.0,
            .tolerance = 5e-5,
            .steps = 1000};
  }
  fail_usage("preset", "\"{}\" is not known; expected sgd, sgd_sparse, logistic or lasso_path", name);
}

double LinearBenchmark::rows_per_s() const { return 1e3 * static_cast<double>(rows * steps) / median(timing.wall_ms); }

LinearBenchmark run_linear_benchmark(const LinearBenchmarkOptions& options) {
  LinearProblem problem = problem_of(options);
  LinearBenchmark result;
  result.rows = problem.inputs.rows();
  result.columns = problem.inputs.features();
  result.stored = problem.inputs.stored();
  result.timing = time_repeats(options.repeats, [&] { fit(problem, options, result); });
  problem.l1 = result.l1;
  result.objective = LinearObjective(problem).value(result.coefficients.data());
  return result;
}

}  // namespace gradus
