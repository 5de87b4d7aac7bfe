#include "gradus/classic/linear_ftrl.h"

#include "gradus/base/error.h"
#include "gradus/classic/linear_online.h"

namespace gradus {
namespace {

struct FtrlRule {
  float beta, per_alpha;

  static constexpr bool kKeepsStart = false;

  float weight(float sum, float squares, float /*start*/, float l1, float l2) const {
    return -detail::soft_threshold(sum, l1) / ((beta + std::sqrt(squares)) * per_alpha + l2);
  }
  // What beta holds near 0, it holds near the start: before the first example the weight is that.
  float first_sum(float start) const { return -beta * per_alpha * start; }
  void add(float& sum, float& squares, float weight, float slope) const {
    const float more = squares + slope * slope;
    const float sigma = (std::sqrt(more) - std::sqrt(squares)) * per_alpha;
    sum += slope - sigma * weight;
    squares = more;
  }
};

}  // namespace

std::unique_ptr<LinearSolver> make_linear_ftrl(std::unique_ptr<LinearStream> stream, const LinearFtrlOptions& o) {
  for (const auto& [what, value] : {std::pair("alpha", o.alpha), {"beta", o.beta}}) {
    if (!(value > 0.0 && std::isfinite(value))) {
      fail_usage("ftrl", "{} is {}; expected a finite number above 0", what, value);
    }
  }
  const FtrlRule rule{static_cast<float>(o.beta), static_cast<float>(1.0 / o.alpha)};
  return std::make_unique<detail::OnlineSolver<FtrlRule>>("ftrl", std::move(stream), rule, o.seed, o.shuffle);
}

std::unique_ptr<LinearSolver> make_linear_ftrl(const LinearProblem& problem, const LinearFtrlOptions& options) {
  return make_linear_ftrl(stream_of(problem), options);
}

}  // namespace gradus
