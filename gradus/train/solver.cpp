#include "gradus/train/solver.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/classic/linear_newton.h"
#include "gradus/classic/linear_sgd.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

// Our mean squared error is twice the half square of solvers, and its penalties count half as much there.
double scale_of(const Config& config) { return config.text("loss.name") == "mse" ? 2.0 : 1.0; }

LinearLoss loss_of(const Config& config) {
  const std::string& name = config.text("loss.name");
  if (name == "mse") return LinearLoss::kSquared;
  if (name == "mae") return LinearLoss::kAbsolute;
  if (name == "quantile") return LinearLoss::kQuantile;
  if (name == "huber") return LinearLoss::kHuber;
  if (name == "poisson") return LinearLoss::kPoisson;
  if (name == "binary_cross_entropy") return LinearLoss::kLogistic;
  if (name == "cross_entropy") return LinearLoss::kSoftmax;
  if (name == "hinge") return LinearLoss::kHinge;
  if (name == "squared_hinge") return LinearLoss::kSquaredHinge;
  fail_usage(config.where("solver.name"),
             "loss.name = \"{}\" has no solver; set solver.name = \"none\" to use an optimizer", name);
}

// The weights of examples that the loss gives by their class; undefined for 1 each.
Tensor weights_of_examples(const Config& config, const Tensor& classes) {
  std::vector<double> of_class;
  if (config.has("loss.class_weights")) of_class = config.reals("loss.class_weights");
  if (config.has("loss.positive_weight")) of_class = {1.0, config.real("loss.positive_weight")};
  if (of_class.empty()) return {};
  Tensor weights = Tensor::empty({classes.numel()});
  for (int64_t i = 0; i < classes.numel(); ++i) {
    weights.mutable_data<float>()[i] = static_cast<float>(of_class[static_cast<size_t>(classes.data<int64_t>()[i])]);
  }
  return weights;
}

LinearProblem problem_of(const Config& config, const ExperimentData& data) {
  const auto& training = dynamic_cast<const TensorDataset&>(*data.training);
  LinearProblem problem;
  problem.inputs = training.inputs();
  problem.targets = training.targets();
  problem.loss = loss_of(config);
  if (config.has("loss.quantile")) problem.quantile = config.real("loss.quantile");
  if (config.has("loss.delta")) problem.delta = config.real("loss.delta");
  if (is_classification(problem.loss)) {
    problem.classes = std::max<int64_t>(2, data.shape.outputs);
    problem.example_weights = weights_of_examples(config, problem.targets);
  }
  problem.l1 = config.real("regularization.l1") / scale_of(config);
  problem.l2 = config.real("regularization.l2") / scale_of(config);
  return problem;
}

// What a solver would leave aside without a word.
void check_unused(const Config& config) {
  for (const char* key : {"loss.label_smoothing"}) {
    if (config.has(key) && config.real(key) > 0.0) {
      fail_usage(config.where(key), "{} has no meaning for a solver; remove it, or set solver.name = \"none\"", key);
    }
  }
}

LinearSgdOptions sgd_options(const Config& config) {
  const std::string& rate = config.text("solver.rate");
  return {.batch_size = config.integer("solver.batch_size"),
          .rate = rate == "constant"  ? LinearSgdRate::kConstant
                  : rate == "optimal" ? LinearSgdRate::kOptimal
                                      : LinearSgdRate::kInverseScaling,
          .learning_rate = config.has("solver.learning_rate") ? config.real("solver.learning_rate") : 0.01,
          .power = config.has("solver.power") ? config.real("solver.power") : 0.5,
          .average_from = config.integer("solver.average_from"),
          .seed = static_cast<uint64_t>(config.integer("train.seed")),
          .shuffle = config.text("train.sampling") == "shuffle",
          .tolerance = config.real("solver.tolerance")};
}

void copy_coefficients(const LinearSolver& solver, const Model& model) {
  for (const Parameter& parameter : model.parameters()) {
    const Tensor& from = parameter.name == "weight" ? solver.weights() : solver.bias();
    Tensor to = parameter.tensor;
    kernels::copy_into(to, kernels::cast(kernels::contiguous(from), DType::kF32));
  }
}

double penalty_of(const LinearProblem& problem, const Tensor& weights) {
  double l1 = 0.0, squares = 0.0;
  for (const double w : weights.values<double>()) {
    l1 += std::abs(w);
    squares += w * w;
  }
  return problem.l1 * l1 + 0.5 * problem.l2 * squares;
}

}  // namespace

std::unique_ptr<LinearSolver> make_solver(const Config& config, const ExperimentData& data, const Model& model) {
  if (!config.has("solver.name") || config.text("solver.name") == "none") return nullptr;
  check_unused(config);
  const LinearProblem problem = problem_of(config, data);
  std::unique_ptr<LinearSolver> solver =
      config.text("solver.name") == "sgd" ? make_linear_sgd(problem, sgd_options(config))
                                          : make_linear_newton(problem, {.tolerance = config.real("solver.tolerance")});
  if (config.is_set("model.init") || config.has("model.from")) {
    solver->start_from(model.parameters()[0].tensor, model.parameters()[1].tensor);
  }
  return solver;
}

Iteration iterate(const Config& config, const ExperimentData& data, LinearSolver& solver, const Model& model) {
  const SolverReport& report = solver.step();
  const double scale = scale_of(config);
  LinearProblem penalties;
  penalties.l1 = config.real("regularization.l1") / scale;
  penalties.l2 = config.real("regularization.l2") / scale;
  const double penalty = penalty_of(penalties, solver.weights());
  copy_coefficients(solver, model);
  return {.loss = scale * (report.objective - penalty),
          .penalty = scale * penalty,
          .gradient_norm = scale * report.gradient_norm,
          .examples = data.training->size(),
          .converged = report.converged};
}

Parameters state_of(const LinearSolver& solver) {
  Parameters all;
  for (const NamedTensor& state : solver.state()) all.push_back({state.name, state.tensor});
  return all;
}

void restore_solver(LinearSolver& solver, const NamedTensors& state, std::string_view source) {
  std::vector<NamedTensor> all;
  for (const auto& [name, tensor] : state) all.push_back({name, tensor});
  try {
    solver.restore(all);
  } catch (const Error& error) {
    fail(source, "{}", error.message());
  }
}

}  // namespace gradus
