// Times the linear learners on the problems of bench/peers/linear, and prints a JSON object: milliseconds, medians, and
// the objectives reached.
//
//     bench_linear NAME FOLDER [ROUNDS]
//
// FOLDER holds what bench/peers/linear.py wrote for the peers too: x.f32 (rows, features) or offsets.i64, indices.i32
// and values.f32; y.i64 or y.f32; and shape.txt: "rows features".
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/classic/linear_newton.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/linear_sgd.h"
#include "gradus/tensor/isa.h"

namespace gradus {
namespace {

template <class T>
std::vector<T> numbers_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) fail("bench", "{} cannot be read", path);
  std::vector<T> numbers(static_cast<size_t>(file.tellg()) / sizeof(T));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(T)));
  return numbers;
}

LinearProblem problem_of(const std::string& folder, LinearLoss loss) {
  int64_t rows = 0, features = 0;
  std::ifstream(folder + "/shape.txt") >> rows >> features;
  LinearProblem problem;
  problem.loss = loss;
  if (std::ifstream(folder + "/x.f32")) {
    problem.inputs = Tensor::from(numbers_of<float>(folder + "/x.f32"), {rows, features});
  } else {
    problem.inputs =
        SparseMatrix{rows, features, numbers_of<int64_t>(folder + "/offsets.i64"),
                     numbers_of<int32_t>(folder + "/indices.i32"), numbers_of<float>(folder + "/values.f32")};
  }
  if (is_classification(loss)) {
    problem.classes = 2;
    problem.targets = Tensor::from(numbers_of<int64_t>(folder + "/y.i64"), {rows});
  } else {
    problem.targets = Tensor::from(numbers_of<float>(folder + "/y.f32"), {rows});
  }
  return problem;
}

// What is timed: from the problem in memory, checks included, to the coefficients.
struct Outcome {
  Tensor weights, bias;
  int64_t steps = 0;
};

Outcome outcome_of(LinearSolver& solver, const SolveOptions& options) {
  solve(solver, options);
  return {solver.weights(), solver.bias(), solver.steps()};
}

Outcome run(const std::string& name, const LinearProblem& problem) {
  if (name == "sgd") {
    const auto solver = make_linear_sgd(problem, {});
    return outcome_of(*solver, {.steps = 5});
  }
  if (name == "sgd-inorder") {
    const auto solver = make_linear_sgd(problem, {.shuffle = false});
    return outcome_of(*solver, {.steps = 5});
  }
  if (name == "newton") {
    const auto solver = make_linear_newton(problem, {.tolerance = 1e-5});
    return outcome_of(*solver, {.steps = 100});
  }
  fail_usage("bench", "there is no \"{}\"; expected sgd or newton", name);
}

double objective_of(const LinearProblem& problem, const Outcome& outcome) {
  std::vector<double> x = outcome.weights.values<double>();
  const std::vector<double> bias = outcome.bias.values<double>();
  x.insert(x.end(), bias.begin(), bias.end());
  return LinearObjective(problem).value(x.data());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void bench(const std::string& name, const std::string& folder, double l2, int rounds) {
  LinearProblem problem = problem_of(folder, LinearLoss::kLogistic);
  problem.l2 = l2;
  std::vector<double> times, cpu;
  Outcome outcome;
  for (int i = 0; i < rounds; ++i) {
    const Clock::time_point start = Clock::now();
    const std::clock_t cpu_start = std::clock();
    outcome = run(name, problem);
    times.push_back(1e3 * seconds_since(start));
    cpu.push_back(1e3 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }
  const JsonText json = JsonText()
                            .add("ms", median(times))
                            .add("cpu_ms", median(cpu))
                            .add("objective", objective_of(problem, outcome))
                            .add("steps", outcome.steps)
                            .add("isa", name_of(active_isa()));
  std::printf("%s\n", json.line().c_str());
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  try {
    if (argc < 4) gradus::fail_usage("bench", "expected NAME FOLDER L2 [ROUNDS]");
    gradus::bench(argv[1], argv[2], std::stod(argv[3]), argc > 4 ? std::stoi(argv[4]) : 5);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
