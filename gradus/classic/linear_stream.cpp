#include "gradus/classic/linear_stream.h"

#include <numeric>
#include <vector>

#include "gradus/classic/row_order.h"

namespace gradus {
namespace {

class WholeProblem : public LinearStream {
 public:
  explicit WholeProblem(const LinearProblem& problem) : objective_(problem) {}

  const LinearProblem& terms() const override { return objective_.problem(); }
  int64_t rows() const override { return objective_.rows(); }
  int64_t features() const override { return objective_.features(); }
  int64_t outputs() const override { return objective_.outputs(); }
  double total_weight() const override { return objective_.total_weight(); }

  void pass(int64_t number, uint64_t seed, bool shuffle, const Visit& visit) override {
    if (shuffle) {
      shuffle_rows(row_order(objective_.inputs(), seed), number, order_);
    } else {
      order_.resize(static_cast<size_t>(rows()));
      std::iota(order_.begin(), order_.end(), 0);
    }
    visit(objective_, order_);
  }

 private:
  LinearObjective objective_;
  std::vector<int32_t> order_;
};

}  // namespace

std::unique_ptr<LinearStream> stream_of(const LinearProblem& problem) {
  return std::make_unique<WholeProblem>(problem);
}

}  // namespace gradus
