#include "gradus/classic/linear_interior_point.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/classic/cholesky.h"
#include "gradus/classic/gram.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/classic/linear_objective.h"

namespace gradus {
namespace {

using Vector = std::vector<double>;

// Of one output: minimise Σᵢ max over α in [low, high] of α·(t − A·x), and ½·l2·‖w‖². A has a row for each example, (x,
// 1) or its negative, and with l1 one for each weight.
struct Program {
  const LinearObjective& objective;
  Vector low, high, t, sign;
  double value_without_weights = 0.0;  // the least objective of weights that are 0

  Program(const LinearObjective& o, int64_t output) : objective(o) {
    const LinearProblem& p = o.problem();
    for (int64_t i = 0; i < o.rows(); ++i) {
      const double weight = o.example_weights() == nullptr ? 1.0 : double{o.example_weights()[i]};
      const double share = weight / o.total_weight(), target = double{o.targets(output)[i]};
      if (p.loss == LinearLoss::kHinge) {
        add(0.0, share, 1.0, target);
      } else if (p.loss == LinearLoss::kAbsolute) {
        add(-share, share, target, 1.0);
      } else {
        add((p.quantile - 1.0) * share, p.quantile * share, target, 1.0);
      }
    }
    value_without_weights = value_at(p.intercept ? best_bias() : 0.0);
    for (int64_t j = 0; p.l1 > 0.0 && j < o.features(); ++j) add(-p.l1, p.l1, 0.0, 1.0);
  }
  void add(double from, double to, double target, double s) {
    low.push_back(from);
    high.push_back(to);
    t.push_back(target);
    sign.push_back(s);
  }

  // What the sum of the rows' terms may be off by.
  double rounding() const {
    double sizes = 0.0;
    for (int64_t i = 0; i < rows(); ++i) sizes += std::max(-low[i], high[i]) * std::abs(t[i]);
    return static_cast<double>(rows()) * std::numeric_limits<double>::epsilon() * sizes;
  }

  int64_t size() const { return static_cast<int64_t>(t.size()); }
  int64_t rows() const { return objective.rows(); }
  int64_t features() const { return objective.features(); }
  bool intercept() const { return objective.problem().intercept; }

  // A·x; x is (weights, bias).
  Vector apply(const Vector& x) const {
    Vector z(static_cast<size_t>(size()));
    constexpr int64_t kRows = 4096;
    parallel_for(rows(), kRows, [&](int64_t begin, int64_t end) {
      row_products(objective.inputs(), begin, end, x.data(), x.back(), z.data() + begin);
      for (int64_t i = begin; i < end; ++i) z[i] *= sign[i];
    });
    std::copy(x.begin(), x.begin() + (size() - rows()), z.begin() + rows());
    return z;
  }
  // Aᵀ·v.
  Vector apply_transposed(const Vector& v) const {
    Vector signed_v(static_cast<size_t>(rows()));
    for (int64_t i = 0; i < rows(); ++i) signed_v[i] = sign[i] * v[i];
    Vector g = weighted_sums(objective.inputs(), signed_v.data());
    for (int64_t i = rows(); i < size(); ++i) g[i - rows()] += v[i];
    if (!intercept()) g.back() = 0.0;
    return g;
  }
  // AᵀQA + the curvature of l2.
  SemidefiniteSolver normal_matrix(const Vector& q) const {
    const int64_t side = features() + 1;
    Vector m = weighted_gram(objective.inputs(), q.data(), nullptr, GramPrecision::kF64);
    for (int64_t j = 0; j < features(); ++j) {
      m[j * side + j] += objective.problem().l2 + (size() > rows() ? q[rows() + j] : 0.0);
    }
    if (!intercept()) {
      std::fill(m.end() - side, m.end(), 0.0);
      m.back() = 1.0;
    }
    return {std::move(m), side};
  }

 private:
  // Of weights that are 0.
  double value_at(double bias) const {
    double sum = 0.0;
    for (int64_t i = 0; i < rows(); ++i) {
      const double rest = t[i] - sign[i] * bias;
      sum += std::max(low[i] * rest, high[i] * rest);
    }
    return sum;
  }
  // Where that is least: the slope rises by high − low where the bias passes a row's target.
  double best_bias() const {
    std::vector<std::pair<double, double>> kinks;
    double slope = 0.0;
    for (int64_t i = 0; i < rows(); ++i) {
      slope += sign[i] > 0.0 ? -high[i] : low[i];
      kinks.emplace_back(sign[i] * t[i], high[i] - low[i]);
    }
    std::ranges::sort(kinks);
    for (const auto& [bias, rise] : kinks) {
      slope += rise;
      if (slope >= 0.0) return bias;
    }
    return kinks.back().first;
  }
};

// Where an iteration is: x; how far α is from its ends, each by itself, since the difference of α and an end is 0 once
// it is less than α's last digit; p and n, the parts of t − A·x above and below 0. All but x are above 0 here.
struct Place {
  Vector x, from_low, to_high, p, n;

  double alpha(const Program& program, int64_t i) const {
    return from_low[i] <= to_high[i] ? program.low[i] + from_low[i] : program.high[i] - to_high[i];
  }
  bool is_finite() const {
    const auto all_are = [](const Vector& v) {
      return std::ranges::all_of(v, [](double number) { return std::isfinite(number); });
    };
    return all_are(x) && all_are(from_low) && all_are(to_high) && all_are(p) && all_are(n);
  }
};
struct Step {
  Vector x, alpha, p, n;
};

// Σ of what is to become 0, divided by their number.
double complementarity(const Program& program, const Place& at) {
  double sum = 0.0;
  for (int64_t i = 0; i < program.size(); ++i) {
    sum += at.p[i] * at.to_high[i] + at.n[i] * at.from_low[i];
  }
  return sum / (2.0 * static_cast<double>(program.size()));
}

// The system of an iteration, factored once for predictor and corrector.
class Iteration {
 public:
  Iteration(const Program& program, const Place& at)
      : program_(program),
        at_(at),
        q_(weights(program, at)),
        solver_(program.normal_matrix(q_)),
        z_(program.apply(at.x)) {
    Vector alpha(q_.size());
    for (int64_t i = 0; i < program.size(); ++i) alpha[i] = at.alpha(program, i);
    rest_ = program.apply_transposed(alpha);
    kernels::add_scaled(rest_.data(), -program.objective.problem().l2, at.x.data(), program.features());
  }

  // Newton's step to where each p·(high − α) is mu − `high_terms` and each n·(α − low) is mu − `low_terms`.
  Step step(double mu, const Vector& high_terms, const Vector& low_terms) const {
    const int64_t size = program_.size();
    Vector target_p(static_cast<size_t>(size)), target_n(target_p.size()), rho(target_p.size()),
        weighted(target_p.size());
    for (int64_t i = 0; i < size; ++i) {
      target_p[i] = (mu - high_terms[i]) / at_.to_high[i];
      target_n[i] = (mu - low_terms[i]) / at_.from_low[i];
      rho[i] = program_.t[i] - z_[i] - target_p[i] + target_n[i];
      weighted[i] = q_[i] * rho[i];
    }
    Step step{program_.apply_transposed(weighted), Vector(rho.size()), Vector(rho.size()), Vector(rho.size())};
    kernels::add_scaled(step.x.data(), 1.0, rest_.data(), program_.features() + 1);
    if (!program_.intercept()) step.x.back() = 0.0;
    solver_.solve(step.x.data());
    const Vector moved = program_.apply(step.x);
    for (int64_t i = 0; i < size; ++i) {
      step.alpha[i] = q_[i] * (rho[i] - moved[i]);
      step.p[i] = target_p[i] - at_.p[i] + at_.p[i] * step.alpha[i] / at_.to_high[i];
      step.n[i] = target_n[i] - at_.n[i] - at_.n[i] * step.alpha[i] / at_.from_low[i];
    }
    return step;
  }

 private:
  static Vector weights(const Program& program, const Place& at) {
    Vector q(static_cast<size_t>(program.size()));
    for (int64_t i = 0; i < program.size(); ++i) {
      q[i] = 1.0 / (at.p[i] / at.to_high[i] + at.n[i] / at.from_low[i]);
    }
    return q;
  }

  const Program& program_;
  const Place& at_;
  Vector q_;
  SemidefiniteSolver solver_;
  Vector z_, rest_;
};

// How far the step may go, at most 1, until p or n, or α, reach an end.
struct Lengths {
  double primal = 1.0, dual = 1.0;
};
Lengths lengths_of(const Program& program, const Place& at, const Step& step) {
  Lengths lengths;
  const auto limit = [](double value, double change, double& length) {
    if (change < 0.0) length = std::min(length, -value / change);
  };
  for (int64_t i = 0; i < program.size(); ++i) {
    limit(at.p[i], step.p[i], lengths.primal);
    limit(at.n[i], step.n[i], lengths.primal);
    limit(at.from_low[i], step.alpha[i], lengths.dual);
    limit(at.to_high[i], -step.alpha[i], lengths.dual);
  }
  // With l2, x is in the dual's conditions too: both go equally far.
  if (program.objective.problem().l2 > 0.0) lengths.primal = lengths.dual = std::min(lengths.primal, lengths.dual);
  return lengths;
}

void move(Place& at, const Step& step, const Lengths& lengths) {
  const auto add = [](Vector& to, double factor, const Vector& v) {
    kernels::add_scaled(to.data(), factor, v.data(), static_cast<int64_t>(v.size()));
  };
  add(at.x, lengths.primal, step.x);
  add(at.p, lengths.primal, step.p);
  add(at.n, lengths.primal, step.n);
  add(at.from_low, lengths.dual, step.alpha);
  add(at.to_high, -lengths.dual, step.alpha);
}

void iterate(const Program& program, Place& at) {
  const Iteration iteration(program, at);
  const size_t size = static_cast<size_t>(program.size());
  const Step predictor = iteration.step(0.0, Vector(size), Vector(size));
  Place ahead = at;
  move(ahead, predictor, lengths_of(program, at, predictor));
  const double mu = complementarity(program, at), predicted = std::max(0.0, complementarity(program, ahead));
  const double share = std::pow(predicted / mu, 3.0);
  Vector high_terms(size), low_terms(size);
  for (size_t i = 0; i < size; ++i) {
    high_terms[i] = -predictor.p[i] * predictor.alpha[i];
    low_terms[i] = predictor.n[i] * predictor.alpha[i];
  }
  const Step corrector = iteration.step(share * mu, high_terms, low_terms);
  constexpr double kShort = 0.9995;  // of the way to the end that is nearest
  Lengths lengths = lengths_of(program, at, corrector);
  lengths.primal = std::min(1.0, kShort * lengths.primal);
  lengths.dual = std::min(1.0, kShort * lengths.dual);
  move(at, corrector, lengths);
}

// Without those whose weight is 0: their intervals have no inside.
LinearProblem rows_that_count(const LinearProblem& problem) {
  check_problem(problem);
  if (!problem.example_weights.defined()) return problem;
  const float* const weights = problem.example_weights.data<float>();
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < problem.inputs.rows(); ++i) {
    if (weights[i] > 0.0F) rows.push_back(i);
  }
  return static_cast<int64_t>(rows.size()) == problem.inputs.rows() ? problem : take_rows(problem, rows);
}

class InteriorPoint : public LinearSolver {
 public:
  InteriorPoint(const LinearProblem& problem, const LinearInteriorPointOptions& options)
      : LinearSolver("interior_point"), objective_(rows_that_count(problem)), options_(options) {
    make_coefficients(objective_.outputs(), objective_.features(), DType::kF64);
    for (int64_t k = 0; k < objective_.outputs(); ++k) programs_.emplace_back(objective_, k);
    const Shape shape{objective_.outputs(), programs_[0].size()};
    from_low_ = add_state("from_low", shape, DType::kF64);
    to_high_ = add_state("to_high", shape, DType::kF64);
    above_ = add_state("above", shape, DType::kF64);
    below_ = add_state("below", shape, DType::kF64);
  }

 private:
  SolverReport do_step() override {
    SolverReport report;
    report.gap = 0.0;
    report.converged = true;
    for (int64_t k = 0; k < objective_.outputs(); ++k) {
      const Program& program = programs_[k];
      Place at = load(k);
      if (steps() == 0) start(program, at);
      double gap = gap_of(program, at);
      bool ends = gap <= enough(program);  // an output that has ended stays, while others go on
      if (!ends) {
        ends = !improve(program, at);
        gap = gap_of(program, at);
        ends = ends || gap <= enough(program);
      }
      report.gap += gap;
      report.converged = report.converged && ends;
      store(k, at);
    }
    report.objective = objective_.value(x());
    return report;
  }

  double enough(const Program& program) const {
    return std::max(options_.tolerance * program.value_without_weights, program.rounding());
  }

  // False where f64 numbers lead no further.
  static bool improve(const Program& program, Place& at) {
    if (!(complementarity(program, at) > kSmallestMu * scale_of(program))) return false;
    Place next = at;
    iterate(program, next);
    if (!next.is_finite()) return false;
    at = std::move(next);
    return true;
  }

  // Below this share of what it can be, products of f64 numbers say nothing more.
  static constexpr double kSmallestMu = 1e-20;
  static double scale_of(const Program& program) {
    double largest = 0.0;
    for (int64_t i = 0; i < program.size(); ++i) {
      largest = std::max(largest, (program.high[i] - program.low[i]) * std::max(1.0, std::abs(program.t[i])));
    }
    return largest;
  }

  // α in the middle, except that where 0 is inside it is 0; residuals as they are, and as much beyond as they are on
  // average.
  static void start(const Program& program, Place& at) {
    const Vector z = program.apply(at.x);
    double mean = 0.0;
    for (int64_t i = 0; i < program.size(); ++i)
      mean += std::abs(program.t[i] - z[i]) / static_cast<double>(program.size());
    const double least = std::max(0.1 * mean, 1e-6);
    for (int64_t i = 0; i < program.size(); ++i) {
      const double rest = program.t[i] - z[i];
      const double alpha = program.low[i] < 0.0 ? 0.0 : 0.5 * (program.low[i] + program.high[i]);
      at.from_low[i] = alpha - program.low[i];
      at.to_high[i] = program.high[i] - alpha;
      at.p[i] = std::max(rest, 0.0) + least;
      at.n[i] = std::max(-rest, 0.0) + least;
    }
  }

  // The primal objective less the dual one; and what the dual lacks of its conditions, times x.
  static double gap_of(const Program& program, const Place& at) {
    const double l2 = program.objective.problem().l2;
    Vector alpha(at.p.size());
    for (int64_t i = 0; i < program.size(); ++i) alpha[i] = at.alpha(program, i);
    const Vector z = program.apply(at.x), pull = program.apply_transposed(alpha);
    double primal = 0.0, dual = 0.0, lacking = 0.0;
    for (int64_t i = 0; i < program.size(); ++i) {
      const double rest = program.t[i] - z[i];
      primal += std::max(program.low[i] * rest, program.high[i] * rest);
      dual += alpha[i] * program.t[i];
    }
    for (int64_t j = 0; j <= program.features(); ++j) {
      const double own = j < program.features() ? l2 * at.x[j] : 0.0;
      primal += own * at.x[j];  // ½·l2·w², once of each side
      lacking += std::abs((pull[j] - own) * at.x[j]);
    }
    return primal - dual + lacking;
  }

  Place load(int64_t output) const {
    const Program& program = programs_[output];
    const int64_t size = program.size(), features = program.features();
    const auto part = [&](const Tensor& t) {
      return Vector(t.data<double>() + output * size, t.data<double>() + (output + 1) * size);
    };
    Place at{{}, part(from_low_), part(to_high_), part(above_), part(below_)};
    const double* const w = coefficients().data<double>();
    at.x.assign(w + output * features, w + (output + 1) * features);
    at.x.push_back(w[objective_.weights_size() + output]);
    return at;
  }
  void store(int64_t output, const Place& at) {
    const int64_t size = programs_[output].size(), features = objective_.features();
    std::copy(at.from_low.begin(), at.from_low.end(), from_low_.mutable_data<double>() + output * size);
    std::copy(at.to_high.begin(), at.to_high.end(), to_high_.mutable_data<double>() + output * size);
    std::copy(at.p.begin(), at.p.end(), above_.mutable_data<double>() + output * size);
    std::copy(at.n.begin(), at.n.end(), below_.mutable_data<double>() + output * size);
    std::copy_n(at.x.begin(), features, x() + output * features);
    x()[objective_.weights_size() + output] = at.x.back();
  }

  void forget() override {}

  LinearObjective objective_;
  LinearInteriorPointOptions options_;
  std::vector<Program> programs_;
  Tensor from_low_, to_high_, above_, below_;
};

}  // namespace

std::unique_ptr<LinearSolver> make_linear_interior_point(const LinearProblem& problem,
                                                         const LinearInteriorPointOptions& options) {
  const LinearLoss loss = problem.loss;
  if (loss != LinearLoss::kAbsolute && loss != LinearLoss::kQuantile && loss != LinearLoss::kHinge) {
    fail_usage("interior_point", "it is not for the {} loss; expected absolute, quantile or hinge", name_of(loss));
  }
  if (!(options.tolerance > 0.0)) {
    fail_usage("interior_point", "tolerance is {}; expected a number above 0", options.tolerance);
  }
  constexpr int64_t kMostFeatures = 1 << 14;
  auto solver = std::make_unique<InteriorPoint>(problem, options);
  if (problem.inputs.features() > kMostFeatures) {
    fail_usage("interior_point", "{} features; expected at most {}: use sgd", problem.inputs.features(), kMostFeatures);
  }
  return solver;
}

}  // namespace gradus
