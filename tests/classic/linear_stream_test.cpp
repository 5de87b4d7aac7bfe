// Solvers over rows that come in pieces: what they find is what they find of all rows at once.
#include "gradus/classic/linear_stream.h"

#include <numeric>

#include "gradus/base/threads.h"
#include "gradus/classic/linear_adagrad.h"
#include "gradus/classic/linear_ftrl.h"
#include "gradus/classic/linear_sgd.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_stream_test {

// The rows of a problem in pieces of some rows, always in their order.
class InPieces : public LinearStream {
 public:
  InPieces(const LinearProblem& problem, int64_t length) : all_(problem) {
    for (int64_t begin = 0; begin < all_.rows(); begin += length) {
      std::vector<int64_t> rows(static_cast<size_t>(std::min(length, all_.rows() - begin)));
      std::iota(rows.begin(), rows.end(), begin);
      pieces_.push_back(std::make_unique<LinearObjective>(take_rows(problem, rows)));
    }
  }
  const LinearProblem& terms() const override { return all_.problem(); }
  int64_t rows() const override { return all_.rows(); }
  int64_t features() const override { return all_.features(); }
  int64_t outputs() const override { return all_.outputs(); }
  double total_weight() const override { return all_.total_weight(); }
  void pass(int64_t /*number*/, uint64_t /*seed*/, bool /*shuffle*/, const Visit& visit) override {
    for (const auto& piece : pieces_) {
      std::vector<int32_t> order(static_cast<size_t>(piece->rows()));
      std::iota(order.begin(), order.end(), 0);
      visit(*piece, order);
    }
  }

 private:
  LinearObjective all_;
  std::vector<std::unique_ptr<LinearObjective>> pieces_;
};

std::unique_ptr<LinearSolver> make(const std::string& name, std::unique_ptr<LinearStream> stream) {
  if (name == "adagrad") return make_linear_adagrad(std::move(stream), {.shuffle = false});
  if (name == "ftrl") return make_linear_ftrl(std::move(stream), {.shuffle = false});
  LinearSgdOptions options{.rate = LinearSgdRate::kConstant, .shuffle = false};
  if (name.starts_with("batch")) options.batch_size = 8;
  if (name.ends_with("average")) options.average_from = 40;
  return make_linear_sgd(std::move(stream), options);
}

void expect_same(const LinearSolver& a, const LinearSolver& b, double tolerance, const std::string& what) {
  const std::vector<double> x = coefficients_of(a), y = coefficients_of(b);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], tolerance) << what << i;
  EXPECT_NEAR(a.report().objective, b.report().objective, tolerance) << what;
}

// Pieces of whole batches: the same updates. The chain of single examples rounds otherwise where it is cut;
// coefficients are f32 of size 1.
TEST(LinearStream, PiecesGiveWhatTheWholeGives) {
  for (const LinearLoss loss : {LinearLoss::kLogistic, LinearLoss::kSquared, LinearLoss::kSoftmax}) {
    LinearProblem p = random_problem(loss, 700, 5, loss == LinearLoss::kSoftmax ? 3 : 1);
    p.l2 = 0.02;
    p.example_weights = Tensor::empty({700});
    for (int64_t i = 0; i < 700; ++i) p.example_weights.mutable_data<float>()[i] = static_cast<float>(1 + i % 3);
    for (const std::string name : {"sgd", "batches", "average", "batch_average", "adagrad", "ftrl"}) {
      const auto whole = make(name, stream_of(p));
      const auto sparse_pieces = [&] {
        LinearProblem own = p;
        own.inputs = sparse_of(p.inputs.dense);
        return make(name, std::make_unique<InPieces>(own, 88));
      }();
      const auto one = make(name, std::make_unique<InPieces>(p, 700));
      const auto few = make(name, std::make_unique<InPieces>(p, 248));
      for (int pass = 0; pass < 3; ++pass) {
        for (LinearSolver* solver : {whole.get(), one.get(), few.get(), sparse_pieces.get()}) solver->step();
      }
      EXPECT_EQ(coefficients_of(*one), coefficients_of(*whole)) << name;
      EXPECT_EQ(one->report().objective, whole->report().objective) << name;
      expect_same(*few, *whole, 2e-5, name);
      expect_same(*sparse_pieces, *whole, 2e-5, name + " sparse");
    }
  }
}

TEST(LinearStream, GoesOnFromItsStateToTheSameBitsForAnyThreads) {
  LinearProblem p = random_problem(LinearLoss::kHinge, 400, 6, 4);
  p.l2 = 0.01;
  for (const std::string name : {"sgd", "batches", "average", "batch_average", "adagrad", "ftrl"}) {
    const auto straight = make(name, std::make_unique<InPieces>(p, 96));
    for (int i = 0; i < 4; ++i) straight->step();
    for (const int count : {1, 3}) {
      set_threads(count);
      const auto first = make(name, std::make_unique<InPieces>(p, 96));
      for (int i = 0; i < 2; ++i) first->step();
      const auto second = make(name, std::make_unique<InPieces>(p, 96));
      second->restore(first->state());
      for (int i = 0; i < 2; ++i) second->step();
      EXPECT_EQ(coefficients_of(*second), coefficients_of(*straight)) << name;
    }
    set_threads(0);
  }
}

}  // namespace linear_stream_test
}  // namespace gradus
