// The rows of a linear problem as solvers see them that take one example, or a few, at a time: piece by piece.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "gradus/classic/linear_objective.h"

namespace gradus {

/// Rows that are gone through once a pass, which may be more than fit in memory. Learners know their number, and see a
/// piece at a time.
class LinearStream {
 public:
  virtual ~LinearStream() = default;

  /// Loss, classes and penalties. What it says of rows is not looked at.
  virtual const LinearProblem& terms() const = 0;
  virtual int64_t rows() const = 0;
  virtual int64_t features() const = 0;
  virtual int64_t outputs() const = 0;
  /// The sum of the example weights.
  virtual double total_weight() const = 0;

  /// Called with a problem of some of the rows, whose terms are those above, and with the order in which to take them:
  /// a permutation of its row numbers.
  using Visit = std::function<void(const LinearObjective& piece, std::span<const int32_t> order)>;
  /// Goes through all rows, each once; pieces and order are functions of the arguments. Without `shuffle` it is the
  /// order in which the rows lie.
  virtual void pass(int64_t number, uint64_t seed, bool shuffle, const Visit& visit) = 0;

  /// The number of coefficients, and that of the weights among them.
  int64_t size() const { return outputs() * (features() + 1); }
  int64_t weights_size() const { return outputs() * features(); }
  /// What example weights are multiplied by, so that their mean is 1.
  double mean_factor() const { return static_cast<double>(rows()) / total_weight(); }
};

/// All rows of a problem in memory as one piece, in the order of `shuffle_rows` (classic/row_order.h). Throws what
/// `check_problem` throws.
std::unique_ptr<LinearStream> stream_of(const LinearProblem& problem);

}  // namespace gradus
