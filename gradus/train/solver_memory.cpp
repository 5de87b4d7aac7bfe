#include "gradus/train/solver_memory.h"

#include <algorithm>
#include <optional>
#include <string>

#include "gradus/classic/gram.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/linear_quadratic.h"

namespace gradus {
namespace {

constexpr int64_t kF64 = sizeof(double), kF32 = sizeof(float);
constexpr int64_t kLargeVector = int64_t{32} << 20;  // from here on glibc gives what is freed back at once
constexpr int64_t kColumn = 350;                     // bytes, as measured

std::optional<LinearInputs> inputs_of(const Dataset& training) {
  if (const auto* dense = dynamic_cast<const TensorDataset*>(&training)) return LinearInputs(dense->inputs());
  if (const auto* sparse = dynamic_cast<const SparseDataset*>(&training)) return LinearInputs(sparse->rows());
  return std::nullopt;
}

// A Hessian, and what makes it of sparse rows; of more columns Newton says itself that they are too many.
int64_t newton_bytes(const LinearInputs& x) {
  constexpr int64_t kMost = 1 << 16;
  if (x.features() > kMost) return 0;
  const int64_t elements = (x.features() + 1) * (x.features() + 1);
  return kF64 * elements + (x.is_sparse() ? sparse_gram_bytes(x.rows(), x.features()) : 0);
}

// The features as rows, or their products with one another.
int64_t columns_bytes(const LinearInputs& x) {
  if (prefers_gram(x)) return kF64 * x.features() * x.features();
  return x.is_sparse() ? (kF32 + static_cast<int64_t>(sizeof(int32_t))) * x.stored() + kF64 * x.features()
                       : kF32 * x.stored();
}

}  // namespace

SolverMemory solver_memory(const Config& config, const Dataset& training, int64_t outputs) {
  const std::optional<LinearInputs> x = inputs_of(training);
  if (!x || config.text("solver.name") == "none") return {};
  const std::string& name = config.text("solver.name");
  const int64_t coefficients = outputs * (x->features() + 1), vector = kF64 * coefficients;
  const int64_t row_numbers = kF64 * outputs * x->rows(), gradient = gradient_bytes(*x, coefficients);
  const int64_t targets = kF32 * outputs * x->rows();
  if (name == "sgd") return {.state = vector, .step = vector / 2 + targets, .kept = vector / 2};
  if (name == "adagrad") return {.state = 2 * vector, .step = vector, .kept = vector};
  if (name == "ftrl") return {.state = vector * 3 / 2, .step = vector, .kept = vector};
  if (name == "lbfgs") {
    const int64_t pairs = 2 * config.integer("solver.history");
    // What is freed of smaller vectors stays with the process.
    const int64_t kept = targets + (vector > kLargeVector ? 2 : 8) * vector;
    return {.state = (1 + pairs) * vector, .step = kept + gradient + 5 * vector, .kept = kept};
  }
  if (name == "gradient_descent") {
    return {.state = 2 * vector, .step = targets + gradient + 5 * vector, .kept = targets + 2 * vector};
  }
  if (name == "newton") {
    return {.state = 2 * vector,
            .step = targets + newton_bytes(*x) + std::max(gradient, 2 * row_numbers) + 4 * vector,
            .kept = targets + newton_bytes(*x)};
  }
  if (name == "coordinate_descent") {
    // Of the quadratic and of what is looked for: slopes, curvatures, means; and of columns that are not empty which
    // are active, with what is known of each.
    const int64_t kept = targets + columns_bytes(*x) + 5 * vector + 2 * row_numbers +
                         kColumn * outputs * std::min(x->stored(), x->features());
    return {.state = vector, .step = kept + gradient + 6 * vector + 2 * row_numbers, .kept = kept};
  }
  if (name == "dual_descent") {
    return {.state = vector + row_numbers, .step = targets + 2 * row_numbers + 3 * vector, .kept = targets};
  }
  // interior_point: four numbers of each row, and with l1 of each weight; as many again for each of its places.
  const int64_t gram = kF64 * x->features() * x->features();
  const bool has_l1 = config.number("regularization.l1").value_or(0.0) > 0.0;
  return {.state = vector + 4 * (row_numbers + (has_l1 ? vector : 0)),
          .step = targets + 2 * gram + kF64 * (27 + 4 * outputs) * x->rows() + 4 * vector,
          .kept = targets};
}

}  // namespace gradus
