#include "gradus/classic/linear_adagrad.h"

#include "gradus/base/error.h"
#include "gradus/classic/linear_online.h"

namespace gradus {
namespace {

struct AdagradRule {
  float epsilon, per_rate;

  float weight(float sum, float squares, float l1, float l2) const {
    return -detail::soft_threshold(sum, l1) / ((std::sqrt(squares) + epsilon) * per_rate + l2);
  }
  void add(float& sum, float& squares, float /*weight*/, float slope) const {
    sum += slope;
    squares += slope * slope;
  }
};

}  // namespace

std::unique_ptr<LinearSolver> make_linear_adagrad(std::unique_ptr<LinearStream> stream, const LinearAdagradOptions& o) {
  for (const auto& [what, value] : {std::pair("learning_rate", o.learning_rate), {"epsilon", o.epsilon}}) {
    if (!(value > 0.0 && std::isfinite(value))) {
      fail_usage("adagrad", "{} is {}; expected a finite number above 0", what, value);
    }
  }
  const AdagradRule rule{static_cast<float>(o.epsilon), static_cast<float>(1.0 / o.learning_rate)};
  return std::make_unique<detail::OnlineSolver<AdagradRule>>("adagrad", std::move(stream), rule, o.seed, o.shuffle);
}

std::unique_ptr<LinearSolver> make_linear_adagrad(const LinearProblem& problem, const LinearAdagradOptions& options) {
  return make_linear_adagrad(stream_of(problem), options);
}

}  // namespace gradus
