#include "gradus/train/solver.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/classic/lasso_path.h"
#include "gradus/classic/linear_adagrad.h"
#include "gradus/classic/linear_coordinate_descent.h"
#include "gradus/classic/linear_dual_descent.h"
#include "gradus/classic/linear_ftrl.h"
#include "gradus/classic/linear_gradient_descent.h"
#include "gradus/classic/linear_interior_point.h"
#include "gradus/classic/linear_lbfgs.h"
#include "gradus/classic/linear_newton.h"
#include "gradus/classic/linear_sgd.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/train/clustering_solver.h"
#include "gradus/train/streamed_rows.h"

namespace gradus {

bool takes_single_rows(std::string_view name) { return name == "sgd" || name == "adagrad" || name == "ftrl"; }

namespace {

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

// The numbers that the loss multiplies examples by.
struct ExampleWeights {
  Tensor all = {};  // undefined for 1 each
  /// The sum of all, to that of those by which our mean is divided: `loss.positive_weight` is not among the latter.
  double ratio = 1.0;
};

bool weighs_positives(const Config& config) {
  return config.has("loss.positive_weight") && config.real("loss.positive_weight") != 1.0;
}

ClassWeights class_weights_of(const Config& config) {
  if (config.has("loss.class_weights")) return config.reals("loss.class_weights");
  return weighs_positives(config) ? ClassWeights{1.0, config.real("loss.positive_weight")} : ClassWeights{};
}

ExampleWeights weights_of(const Config& config, const Tensor& targets, const Tensor& own) {
  const ClassWeights of_class = class_weights_of(config);
  const bool positive = weighs_positives(config);
  if (of_class.empty()) return {.all = own};
  ExampleWeights weights{.all = Tensor::empty({targets.numel()})};
  double sum = 0.0, divisor = 0.0;
  for (int64_t i = 0; i < targets.numel(); ++i) {
    const double given = own.defined() ? double{own.data<float>()[i]} : 1.0;
    const double weight = given * of_class[static_cast<size_t>(targets.data<int64_t>()[i])];
    weights.all.mutable_data<float>()[i] = static_cast<float>(weight);
    sum += weight;
    divisor += positive ? given : weight;
  }
  weights.ratio = sum / divisor;
  return weights;
}

// A problem of gradus/classic, and what its objective is multiplied by to be that of the configuration's loss.
struct ScaledProblem {
  LinearProblem problem;
  double scale = 1.0;
};

// The loss, without rows and penalties.
ScaledProblem terms_of(const Config& config, const ExperimentData& data) {
  ScaledProblem scaled;
  LinearProblem& terms = scaled.problem;
  terms.loss = loss_of(config);
  if (terms.loss == LinearLoss::kSquared) scaled.scale = 2.0;  // solvers have half the square
  if (config.has("loss.quantile")) terms.quantile = config.real("loss.quantile");
  if (config.has("loss.delta")) terms.delta = config.real("loss.delta");
  if (is_classification(terms.loss)) terms.classes = std::max<int64_t>(2, data.shape.outputs);
  return scaled;
}

void set_penalties(const Config& config, ScaledProblem& scaled) {
  scaled.problem.l1 = config.number("regularization.l1").value_or(0.0) / scaled.scale;
  scaled.problem.l2 = config.real("regularization.l2") / scaled.scale;
}

ScaledProblem problem_of(const Config& config, const ExperimentData& data) {
  ScaledProblem scaled = terms_of(config, data);
  LinearProblem& problem = scaled.problem;
  Tensor weights;
  if (const auto* dense = dynamic_cast<const TensorDataset*>(data.training.get())) {
    problem.inputs = dense->inputs();
    problem.targets = dense->targets();
    weights = dense->weights();
  } else if (const auto* sparse = dynamic_cast<const SparseDataset*>(data.training.get())) {
    problem.inputs = sparse->rows();
    problem.targets = sparse->targets();
    weights = sparse->weights();
  } else {
    fail_usage(config.where("solver.name"),
               "solvers learn from rows in memory, and data.kind = \"{}\" has none; remove "
               "[solver], and take an optimizer",
               config.text("data.kind"));
  }
  if (is_classification(problem.loss)) {
    const ExampleWeights all = weights_of(config, problem.targets, weights);
    weights = all.all;
    scaled.scale = all.ratio;
  }
  problem.example_weights = weights;
  set_penalties(config, scaled);
  return scaled;
}

// What a solver would leave aside without a word.
void check_unused(const Config& config) {
  if (config.has("model.spectral_norm") && config.boolean("model.spectral_norm")) {
    fail_usage(
        config.where("model.spectral_norm"),
        "model.spectral_norm is for weights that an optimizer moves, and solver.name = \"{}\" finds them itself; "
        "remove it, or set solver.name = \"none\"",
        config.text("solver.name"));
  }
  const char* const key = "loss.label_smoothing";
  if (!config.has(key) || config.real(key) == 0.0) return;
  fail_usage(config.where(key), "{} has no meaning for a solver; remove it, or set solver.name = \"none\"", key);
}

bool shuffles(const Config& config) { return config.text("train.sampling") == "shuffle"; }

double learning_rate_of(const Config& config, double usual) {
  return config.has("solver.learning_rate") ? config.real("solver.learning_rate") : usual;
}

LinearSgdOptions sgd_options(const Config& config, bool is_sparse) {
  const std::string& rate = config.text("solver.rate");
  if (rate == "optimal" && config.has("solver.learning_rate")) {
    fail_usage(config.where("solver.learning_rate"),
               "solver.learning_rate has no meaning with solver.rate = \"optimal\"; remove it, or set solver.rate = "
               "\"constant\" or \"inverse_scaling\"");
  }
  const double usual_bias_rate = is_sparse ? 0.01 : 1.0;
  return {.batch_size = config.integer("solver.batch_size"),
          .rate = rate == "constant"  ? LinearSgdRate::kConstant
                  : rate == "optimal" ? LinearSgdRate::kOptimal
                                      : LinearSgdRate::kInverseScaling,
          .learning_rate = learning_rate_of(config, 0.01),
          .power = config.has("solver.power") ? config.real("solver.power") : 0.5,
          .bias_rate = config.has("solver.bias_rate") ? config.real("solver.bias_rate") : usual_bias_rate,
          .average_from = config.integer("solver.average_from"),
          .seed = static_cast<uint64_t>(config.integer("train.seed")),
          .shuffle = shuffles(config),
          .tolerance = config.real("solver.tolerance")};
}

void set_weights(const Model& model, const Tensor& weights, const Tensor& bias) {
  for (const Parameter& parameter : model.parameters()) {
    Tensor to = parameter.tensor;
    const Tensor& from = parameter.name == "weight" ? weights : bias;
    kernels::copy_into(to, kernels::cast(kernels::contiguous(from), DType::kF32));
  }
}

double penalty_of(double l1, double l2, const Tensor& weights) {
  double sum = 0.0, squares = 0.0;
  for (const double w : weights.values<double>()) {
    sum += std::abs(w);
    squares += w * w;
  }
  return l1 * sum + 0.5 * l2 * squares;
}

// The solvers that go through rows a piece at a time.
std::unique_ptr<LinearSolver> make_stream_solver(const Config& config, std::unique_ptr<LinearStream> stream,
                                                 bool is_sparse) {
  const std::string& name = config.text("solver.name");
  const auto seed = static_cast<uint64_t>(config.integer("train.seed"));
  if (name == "sgd") return make_linear_sgd(std::move(stream), sgd_options(config, is_sparse));
  const double rate = learning_rate_of(config, 0.1);
  if (name == "adagrad") {
    return make_linear_adagrad(std::move(stream), {.learning_rate = rate, .seed = seed, .shuffle = shuffles(config)});
  }
  return make_linear_ftrl(
      std::move(stream),
      {.alpha = rate, .beta = config.real("solver.beta"), .seed = seed, .shuffle = shuffles(config)});
}

std::unique_ptr<LinearSolver> make_linear_solver(const Config& config, const LinearProblem& problem) {
  const std::string& name = config.text("solver.name");
  const auto seed = static_cast<uint64_t>(config.integer("train.seed"));
  if (takes_single_rows(name)) return make_stream_solver(config, stream_of(problem), problem.inputs.is_sparse());
  const double tolerance = config.real("solver.tolerance");
  if (name == "lbfgs") {
    return make_linear_lbfgs(problem, {.history = config.integer("solver.history"), .tolerance = tolerance});
  }
  if (name == "gradient_descent") {
    return make_linear_gradient_descent(problem, {.learning_rate = learning_rate_of(config, 0.0),
                                                  .accelerate = config.boolean("solver.accelerate"),
                                                  .tolerance = tolerance});
  }
  if (name == "coordinate_descent") return make_linear_coordinate_descent(problem, {.tolerance = tolerance});
  if (name == "dual_descent") return make_linear_dual_descent(problem, {.tolerance = tolerance, .seed = seed});
  if (name == "interior_point") return make_linear_interior_point(problem, {.tolerance = tolerance});
  return make_linear_newton(problem, {.tolerance = tolerance});
}

// The problem of rows of a cache, of which they are no part.
ScaledProblem streamed_problem_of(const Config& config, const ExperimentData& data, const StreamedRows& rows) {
  ScaledProblem scaled = terms_of(config, data);
  if (weighs_positives(config)) {
    const TotalWeights total = total_weights(rows, class_weights_of(config));
    scaled.scale = total.all / total.own;
  }
  set_penalties(config, scaled);
  return scaled;
}

std::unique_ptr<LinearSolver> make_streaming(const Config& config, const StreamedRows& rows,
                                             const LinearProblem& terms) {
  const ClassWeights of_class = is_classification(terms.loss) ? class_weights_of(config) : ClassWeights{};
  return make_stream_solver(config, linear_stream(rows, terms, of_class, total_weights(rows, of_class)),
                            rows.cache()->layout().is_sparse);
}

// Whether the solver has a path of this loss, and if not what to do.
void check_path_fits(const Config& config, LinearLoss loss) {
  const char* const key = "regularization.l1";
  const bool descends = config.text("solver.name") == "coordinate_descent";
  const bool can_descend =
      loss == LinearLoss::kSquared || loss == LinearLoss::kLogistic || loss == LinearLoss::kPoisson;
  if (descends ? !can_descend : !is_smooth(loss)) {
    fail_usage(config.where(key),
               "regularization.l1 = \"path\" with solver.name = \"{}\" is for loss.name = {}; set "
               "one of these{}",
               config.text("solver.name"),
               descends ? "\"mse\", \"binary_cross_entropy\" or \"poisson\""
                        : "\"mse\", \"huber\", \"poisson\", \"binary_cross_entropy\", \"cross_entropy\" or "
                          "\"squared_hinge\"",
               is_smooth(loss) ? ", or solver.name = \"lbfgs\"" : "");
  }
}

std::unique_ptr<PenaltyPath> make_path(const Config& config, const LinearProblem& problem) {
  check_path_fits(config, problem.loss);
  LassoPathOptions options{.points = config.integer("solver.points"),
                           .smallest = config.real("solver.smallest"),
                           .l1_ratio = config.real("regularization.l1_ratio"),
                           .tolerance = config.real("solver.tolerance")};
  if (config.text("solver.name") == "lbfgs") {
    options.method = PathMethod::kLbfgs;
    options.history = config.integer("solver.history");
  }
  return make_penalty_path(problem, options);
}

// What may help where a solver's numbers are too large.
std::string_view advice_of(const Config& config) {
  const std::string& name = config.text("solver.name");
  if (name == "sgd" && config.text("solver.rate") == "optimal") {
    return "scale the data, or set solver.rate = \"constant\" with a solver.learning_rate";
  }
  const bool has_rate = takes_single_rows(name) || config.has("solver.learning_rate");
  return has_rate ? "scale the data, or lower solver.learning_rate" : "scale the data";
}

// A solver of gradus/classic, whose coefficients become the weights of a linear model.
class LinearModelSolver : public Solver {
 public:
  // Begins at the model's weights.
  LinearModelSolver(const Config& config, const ExperimentData& data, const Model& model)
      : model_(model), examples_(data.training->size()), advice_(advice_of(config)) {
    const auto* streamed = dynamic_cast<const StreamedRows*>(data.training.get());
    const ScaledProblem scaled =
        streamed != nullptr ? streamed_problem_of(config, data, *streamed) : problem_of(config, data);
    scale_ = scaled.scale;
    l1_ = scaled.problem.l1;
    l2_ = scaled.problem.l2;
    if (!config.number("regularization.l1")) {
      auto path = make_path(config, scaled.problem);
      path_ = path.get();
      solver_ = std::move(path);
    } else {
      solver_ = streamed != nullptr ? make_streaming(config, *streamed, scaled.problem)
                                    : make_linear_solver(config, scaled.problem);
    }
    solver_->start_from(model.parameters()[0].tensor, model.parameters()[1].tensor);
  }

  Iteration step() override {
    const SolverReport& report = solver_->step();
    Iteration done{.examples = examples_, .converged = report.converged, .advice = advice_};
    if (path_ != nullptr) {
      l1_ = path_->l1();
      l2_ = path_->l2();
      done.l1 = scale_ * l1_;
      const std::vector<double> weights = solver_->weights().values<double>();
      done.nonzero_weights = static_cast<int64_t>(weights.size()) - std::ranges::count(weights, 0.0);
    }
    const double penalty = penalty_of(l1_, l2_, solver_->weights());
    set_weights(model_, solver_->weights(), solver_->bias());
    done.loss = scale_ * (report.objective - penalty);
    done.penalty = scale_ * penalty;
    done.gradient_norm = scale_ * report.gradient_norm;
    return done;
  }

  Parameters state() const override {
    Parameters all;
    for (const auto& [name, tensor] : solver_->state()) all.push_back({name, tensor});
    return all;
  }

  void restore(const NamedTensors& state, std::string_view source) override {
    try {
      solver_->restore(state);
    } catch (const Error& error) {
      fail(source, "{}", error.message());
    }
  }

 private:
  const Model& model_;
  double scale_ = 1.0, l1_ = 0.0, l2_ = 0.0;
  int64_t examples_;
  std::string_view advice_;
  std::unique_ptr<LinearSolver> solver_;
  const PenaltyPath* path_ = nullptr;  // the solver, where it is one
};

}  // namespace

std::unique_ptr<Solver> make_solver(const Config& config, const ExperimentData& data, const Model& model) {
  if (!config.has("solver.name") || config.text("solver.name") == "none") return nullptr;
  if (makes_clusters(config)) return make_clustering_solver(config, data, model);
  check_unused(config);
  return std::make_unique<LinearModelSolver>(config, data, model);
}

}  // namespace gradus
