#include "gradus/classic/linear_adagrad.h"

#include "gradus/base/error.h"
#include "gradus/classic/linear_online.h"

namespace gradus {
namespace {

struct AdagradRule {
  float epsilon, per_rate;

  static constexpr bool kKeepsStart = true;

  // Where sum·w + l1·|w| + ½·l2·w² + ½·pull·(w − start)² is least.
  float weight(float sum, float squares, float start, float l1, float l2) const {
    const float pull = (std::sqrt(squares) + epsilon) * per_rate;
    return detail::soft_threshold(pull * start - sum, l1) / (pull + l2);
  }
  static float first_sum(float /*start*/) { return 0.0F; }
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
