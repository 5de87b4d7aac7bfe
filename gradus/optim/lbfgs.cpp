#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "gradus/optim/line_search.h"
#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/vector.h"

namespace gradus {
namespace {

using detail::SearchPoint;
using detail::Vectors;

constexpr double kSmallestGradient = 1e-7;    // PyTorch's tolerance_grad: the largest element of one that is taken as 0
constexpr double kSmallestChange = 1e-9;      // its tolerance_change
constexpr double kSmallestCurvature = 1e-10;  // of s·y; below that a pair says nothing about the Hessian

double dot(const Vectors& x, const Vectors& y) {
  double sum = 0.0;
  for (size_t i = 0; i < x.size(); ++i) sum += kernels::dot(x[i], y[i]);
  return sum;
}

void add_scaled(Vectors& y, double factor, const Vectors& x) {
  for (size_t i = 0; i < y.size(); ++i) kernels::add_scaled(y[i], factor, x[i]);
}

void scale(Vectors& x, double factor) {
  for (Tensor& t : x) kernels::scale_in_place(t, factor);
}

void set(Vectors to, const Vectors& from) {
  for (size_t i = 0; i < to.size(); ++i) {
    std::copy_n(from[i].bytes(), to[i].numel() * size_of(to[i].dtype()), to[i].mutable_bytes());
  }
}

double largest_size(const Vectors& x) {
  double largest = 0.0;
  for (const Tensor& t : x) largest = std::max(largest, kernels::largest_size(t));
  return largest;
}

double sum_of_sizes(const Vectors& x) {
  double sum = 0.0;
  for (const Tensor& t : x) sum += kernels::sum_of_sizes(t);
  return sum;
}

Vectors copies_of(const Vectors& x) {
  Vectors all;
  for (const Tensor& t : x) all.push_back(t.clone());
  return all;
}

// Everything is per parameter, so that checkpoints name it; a "vector" is the parameters' parts in their order.
class Lbfgs : public Optimizer {
 public:
  Lbfgs(Parameters parameters, const LbfgsOptions& options)
      : Optimizer(std::move(parameters), "lbfgs", DType::kF32, 0.0),
        options_(options),
        own_(this->parameters().size()) {}

  bool needs_evaluation() const override { return true; }
  const char* no_proximal_reason() const override { return "lbfgs builds on where its line search ended"; }

  // Start, direction, and the gradients of four points of the search.
  int64_t step_bytes() const override {
    int64_t bytes = 0;
    for (const Parameter& p : parameters()) bytes += 6 * p.tensor.numel() * size_of(p.tensor.dtype());
    return bytes;
  }

 private:
  struct Own {
    Tensor gradient, step;  // the last update's
    Tensor changes, steps;  // (history, elements): y and s of the pairs, one a row
  };
  // Of `numbers_`: how many updates, how many pairs there are, the row of the oldest, the scale of the first Hessian,
  // and then 1 / (s·y) of each row.
  enum Number : uint8_t { kUpdates, kPairs, kOldest, kScale, kFirstCurvature };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "gradient", &own_[i].gradient));
      all.push_back(array_slot(i, "step", &own_[i].step));
      for (const auto& [what, tensor] : {std::pair("changes", &own_[i].changes), {"steps", &own_[i].steps}}) {
        StateSlot slot = array_slot(i, what, tensor);
        slot.shape = {options_.history, parameters()[i].tensor.numel()};
        all.push_back(std::move(slot));
      }
    }
    all.push_back({"lbfgs", own_.size(), &numbers_, {kFirstCurvature + options_.history}, DType::kF64});
    return all;
  }

  void check_group(const ParameterGroup& group) const override {
    Optimizer::check_group(group);
    if (!group.learning_rate_factor && !group.weight_decay) return;
    fail_usage(name(), "the group \"{}\" has a {} of its own, which a line search has no use for; remove it",
               group.pattern, group.weight_decay ? "weight_decay" : "learning_rate_factor");
  }

  void update(size_t /*index*/, const ParameterStep& /*step*/) override {}

  void check_step(const StepOptions& options) const {
    detail::check_option(options.clip_norm == 0.0 && options.clip_value == 0.0, name(), "clip_norm or clip_value",
                         std::max(options.clip_norm, options.clip_value), "0: a line search needs the whole gradient");
    if (!options.evaluate) {
      fail_usage(name(), "the step has no `evaluate`; give the loss and gradient at other weights, of all examples");
    }
    for (size_t i = 0; i < parameters().size(); ++i) {
      if (is_frozen(i) || parameters()[i].tensor.grad().defined()) continue;
      fail_usage(name(), "the parameter \"{}\" has no gradient; freeze it with a group", parameters()[i].name);
    }
  }

  // The parts of all live parameters.
  template <class Part>
  Vectors gathered(Part&& part) const {
    Vectors all;
    for (size_t i = 0; i < parameters().size(); ++i) {
      if (!is_frozen(i)) all.push_back(part(i));
    }
    return all;
  }
  Vectors row(Tensor Own::*tensor, int64_t k) const {
    return gathered([&](size_t i) {
      const int64_t size = parameters()[i].tensor.numel();
      return (own_[i].*tensor).view({size}, {1}, k * size);
    });
  }

  void take_state() {
    if (numbers_.defined()) return;
    for (size_t i = 0; i < own_.size(); ++i) {
      if (is_frozen(i)) continue;
      const Tensor& x = parameters()[i].tensor;
      for (Tensor* t : {&own_[i].gradient, &own_[i].step}) *t = Tensor::zeros(x.shape(), x.dtype());
      for (Tensor* t : {&own_[i].changes, &own_[i].steps}) *t = Tensor::zeros({options_.history, x.numel()}, x.dtype());
    }
    numbers_ = Tensor::zeros({kFirstCurvature + options_.history}, DType::kF64);
    numbers_.mutable_data<double>()[kScale] = 1.0;
  }

  int64_t row_of(int64_t pair) const {
    const double* const numbers = numbers_.data<double>();
    return (static_cast<int64_t>(numbers[kOldest]) + pair) % options_.history;
  }

  // Takes in what the last step, and the gradient since, say about the Hessian.
  void remember(const Vectors& gradient) {
    double* const numbers = numbers_.mutable_data<double>();
    Vectors change = copies_of(gradient);
    add_scaled(change, -1.0, gathered([&](size_t i) { return own_[i].gradient; }));
    const Vectors step = gathered([&](size_t i) { return own_[i].step; });
    const double curvature = dot(change, step);
    if (curvature <= kSmallestCurvature) return;
    const auto pairs = static_cast<int64_t>(numbers[kPairs]);
    const int64_t to = row_of(pairs);
    if (pairs == options_.history) {
      numbers[kOldest] = static_cast<double>(row_of(1));
    } else {
      numbers[kPairs] += 1.0;
    }
    set(row(&Own::changes, to), change);
    set(row(&Own::steps, to), step);
    numbers[kFirstCurvature + to] = 1.0 / curvature;
    numbers[kScale] = curvature / dot(change, change);
  }

  // −H·gradient, by the two loops over the pairs.
  Vectors direction(const Vectors& gradient) const {
    const double* const numbers = numbers_.data<double>();
    const auto pairs = static_cast<int64_t>(numbers[kPairs]);
    Vectors q = copies_of(gradient);
    scale(q, -1.0);
    std::vector<double> factors(static_cast<size_t>(pairs));
    for (int64_t k = pairs; k-- > 0;) {
      const int64_t at = row_of(k);
      const double factor = dot(row(&Own::steps, at), q) * numbers[kFirstCurvature + at];
      add_scaled(q, -factor, row(&Own::changes, at));
      factors[static_cast<size_t>(k)] = factor;
    }
    scale(q, numbers[kScale]);
    for (int64_t k = 0; k < pairs; ++k) {
      const int64_t at = row_of(k);
      const double factor = dot(row(&Own::changes, at), q) * numbers[kFirstCurvature + at];
      add_scaled(q, factors[static_cast<size_t>(k)] - factor, row(&Own::steps, at));
    }
    return q;
  }

  void move_to(const Vectors& start, double t, const Vectors& direction) {
    Vectors x = gathered([&](size_t i) { return parameters()[i].tensor; });
    set(x, start);
    add_scaled(x, t, direction);
  }

  void update_all(const StepOptions& options, double /*clip*/, double penalty, UpdateSums* sums) override {
    check_step(options);
    take_state();
    double* const numbers = numbers_.mutable_data<double>();
    Vectors gradient;
    take_gradients(options, gradient);
    if (largest_size(gradient) <= kSmallestGradient) return;
    numbers[kUpdates] += 1.0;
    const bool first = numbers[kUpdates] == 1.0;
    if (!first) remember(gradient);
    const Vectors way = direction(gradient), start = gathered([&](size_t i) { return parameters()[i].tensor.clone(); });
    const double slope = dot(gradient, way);
    const double length = first ? std::min(1.0, 1.0 / sum_of_sizes(gradient)) : 1.0;
    SearchPoint best{0.0, options.loss + penalty, slope, gradient};
    if (slope <= -kSmallestChange) {
      const auto at = [&](double t) {
        move_to(start, t, way);
        SearchPoint point{.t = t};
        const double loss = options.evaluate();
        point.loss = loss + take_gradients(options, point.gradient);
        point.slope = dot(point.gradient, way);
        return point;
      };
      best = detail::strong_wolfe(at, best, length * options.learning_rate, largest_size(way));
    }
    keep(gradient, best.t, way);
    move_to(start, best.t, way);
    if (sums == nullptr) return;
    sums->change_squares = best.t * best.t * dot(way, way);
    const Vectors x = gathered([&](size_t i) { return parameters()[i].tensor; });
    sums->value_squares = dot(x, x);
  }

  void keep(const Vectors& gradient, double t, const Vectors& way) {
    set(gathered([&](size_t i) { return own_[i].gradient; }), gradient);
    Vectors step = gathered([&](size_t i) { return own_[i].step; });
    set(step, way);
    scale(step, t);
  }

  LbfgsOptions options_;
  std::vector<Own> own_;
  Tensor numbers_;
};

}  // namespace

std::unique_ptr<Optimizer> make_lbfgs(Parameters parameters, const LbfgsOptions& options) {
  constexpr int64_t kMost = 1000;
  if (options.history < 1 || options.history > kMost) {
    fail_usage("lbfgs", "history is {}; expected a number from 1 to {}", options.history, kMost);
  }
  return std::make_unique<Lbfgs>(std::move(parameters), options);
}

}  // namespace gradus
