// Fits a linear model of a folder's data by one solver, several times, and prints a JSON object: the median time, the
// objective reached and, if asked, the coefficients. For bench/peers/linear, which times it beside others, and
// tools/check_linear_models.py, which looks at the coefficients.
//
//     bench_linear FOLDER solver=newton [loss=logistic] [l1=0] [l2=0] [intercept=1] [tolerance=…] [steps=…] [rounds=1]
//                  [threads=0] [coefficients=0]
//
// FOLDER holds shape.txt, "rows features"; x.f32, or offsets.i64, indices.i32 and values.f32; y.i64 (classes, whose
// number is the largest and 1) or y.f32. Solvers: sgd, newton, lbfgs, gradient_descent, coordinate_descent,
// dual_descent, interior_point and lasso_path, whose objective is that of its last point.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/base/error.h"
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

namespace gradus {
namespace {

class Arguments {
 public:
  Arguments(int argc, char** argv) {
    if (argc < 2) fail_usage("bench", "expected FOLDER and name=value …");
    folder = argv[1];
    for (int i = 2; i < argc; ++i) {
      const std::string text = argv[i];
      const size_t at = text.find('=');
      if (at == std::string::npos) fail_usage("bench", "\"{}\"; expected name=value", text);
      values_[text.substr(0, at)] = text.substr(at + 1);
    }
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  double number(const std::string& name, double otherwise) const {
    return std::stod(text(name, fmt::format("{}", otherwise)));
  }
  int64_t count(const std::string& name, int64_t otherwise) const {
    return std::stoll(text(name, std::to_string(otherwise)));
  }

  std::string folder;

 private:
  std::map<std::string, std::string> values_;
};

template <class T>
std::vector<T> numbers_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) fail("bench", "{} cannot be read", path);
  std::vector<T> numbers(static_cast<size_t>(file.tellg()) / sizeof(T));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(T)));
  return numbers;
}

LinearLoss loss_named(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(LinearLoss::kSquaredHinge); ++i) {
    if (name_of(static_cast<LinearLoss>(i)) == name) return static_cast<LinearLoss>(i);
  }
  fail_usage("bench", "there is no loss \"{}\"", name);
}

LinearProblem problem_of(const Arguments& a) {
  const std::string& folder = a.folder;
  int64_t rows = 0, features = 0;
  std::ifstream(folder + "/shape.txt") >> rows >> features;
  LinearProblem problem;
  problem.loss = loss_named(a.text("loss", "logistic"));
  if (std::ifstream(folder + "/x.f32")) {
    problem.inputs = Tensor::from(numbers_of<float>(folder + "/x.f32"), {rows, features});
  } else {
    problem.inputs =
        SparseMatrix{rows, features, numbers_of<int64_t>(folder + "/offsets.i64"),
                     numbers_of<int32_t>(folder + "/indices.i32"), numbers_of<float>(folder + "/values.f32")};
  }
  if (is_classification(problem.loss)) {
    const std::vector<int64_t> classes = numbers_of<int64_t>(folder + "/y.i64");
    problem.classes = *std::max_element(classes.begin(), classes.end()) + 1;
    problem.targets = Tensor::from(classes, {rows});
  } else {
    problem.targets = Tensor::from(numbers_of<float>(folder + "/y.f32"), {rows});
  }
  problem.l1 = a.number("l1", 0.0);
  problem.l2 = a.number("l2", 0.0);
  problem.intercept = a.count("intercept", 1) != 0;
  return problem;
}

std::unique_ptr<LinearSolver> solver_of(const std::string& name, const LinearProblem& p, const Arguments& a) {
  const double tolerance = a.number("tolerance", 1e-6);
  if (name == "sgd") return make_linear_sgd(p, {.bias_rate = p.inputs.is_sparse() ? 0.01 : 1.0});
  if (name == "newton") return make_linear_newton(p, {.tolerance = tolerance});
  if (name == "lbfgs") return make_linear_lbfgs(p, {.tolerance = tolerance});
  if (name == "gradient_descent") return make_linear_gradient_descent(p, {.accelerate = true, .tolerance = tolerance});
  if (name == "coordinate_descent") return make_linear_coordinate_descent(p, {.tolerance = tolerance});
  if (name == "dual_descent") return make_linear_dual_descent(p, {.tolerance = tolerance});
  if (name == "interior_point") return make_linear_interior_point(p, {.tolerance = tolerance});
  fail_usage("bench", "there is no solver \"{}\"", name);
}

// What is timed is from the problem in memory, its checks included, to the coefficients.
struct Outcome {
  std::vector<double> coefficients;  // weights, then bias
  double l1 = 0.0;                   // that they are for
  int64_t steps = 0;
};

Outcome run(const LinearProblem& problem, const Arguments& a) {
  const std::string name = a.text("solver", "newton");
  if (name == "lasso_path") {
    const LassoPath path = lasso_path(problem, {.tolerance = a.number("tolerance", 5e-5)});
    const int64_t points = static_cast<int64_t>(path.l1.size()), features = problem.inputs.features();
    const double* const last = path.weights.data<double>() + (points - 1) * features;
    Outcome outcome{std::vector<double>(last, last + features), path.l1.back(), points};
    outcome.coefficients.push_back(path.bias.back());
    return outcome;
  }
  const auto solver = solver_of(name, problem, a);
  solve(*solver, {.steps = a.count("steps", 1000)});
  Outcome outcome{solver->weights().values<double>(), problem.l1, solver->steps()};
  const std::vector<double> bias = solver->bias().values<double>();
  outcome.coefficients.insert(outcome.coefficients.end(), bias.begin(), bias.end());
  return outcome;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void bench(const Arguments& a) {
  set_threads(static_cast<int>(a.count("threads", 0)));
  LinearProblem problem = problem_of(a);
  std::vector<double> times, cpu;
  Outcome outcome;
  for (int64_t i = 0; i < a.count("rounds", 1); ++i) {
    const Clock::time_point start = Clock::now();
    const std::clock_t cpu_start = std::clock();
    outcome = run(problem, a);
    times.push_back(1e3 * seconds_since(start));
    cpu.push_back(1e3 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }
  problem.l1 = outcome.l1;
  const double objective = LinearObjective(problem).value(outcome.coefficients.data());
  fmt::print("{{\"ms\": {:.3f}, \"cpu_ms\": {:.3f}, \"objective\": {:.17g}, \"l1\": {:.17g}, \"steps\": {}",
             median(times), median(cpu), objective, outcome.l1, outcome.steps);
  if (a.count("coefficients", 0) != 0) {
    fmt::print(", \"coefficients\": [");
    for (size_t i = 0; i < outcome.coefficients.size(); ++i) {
      fmt::print("{}{:.17g}", i == 0 ? "" : ", ", outcome.coefficients[i]);
    }
    fmt::print("]");
  }
  fmt::print("}}\n");
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  try {
    gradus::bench(gradus::Arguments(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
