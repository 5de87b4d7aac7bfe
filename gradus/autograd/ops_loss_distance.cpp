// Losses of how far embeddings are from each other: put together from other ops.
#include <cmath>

#include "gradus/autograd/loss_terms.h"
#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"

namespace gradus {

using detail::check_same_shape;
using detail::reduced;
using detail::unit_rows;

namespace {

void check_rows(std::string_view name, const Tensor& x) {
  if (x.rank() != 2) fail(name, "{}; expected (N, C), an embedding a row", x.describe());
}

// At least epsilon. The bound is put to the square, since a root at 0 has a slope without end.
Tensor norm_of_rows(const Tensor& x, double epsilon, bool keep) {
  return sqrt(maximum(sum(x * x, -1, keep), Tensor::full({}, epsilon * epsilon, x.dtype())));
}

}  // namespace

Tensor cosine_similarity(const Tensor& a, const Tensor& b, double epsilon) {
  check_same_shape("cosine_similarity", a, b);
  if (a.rank() == 0) fail("cosine_similarity", "{}; expected at least one dimension", a.describe());
  return sum(a * b, -1) / (norm_of_rows(a, epsilon, false) * norm_of_rows(b, epsilon, false));
}

Tensor detail::unit_rows(const Tensor& x) { return x / norm_of_rows(x, 1e-12, true); }

Tensor cosine_loss(const Tensor& a, const Tensor& b, const Tensor& target, double margin, Reduction reduction) {
  check_rows("cosine_loss", a);
  const Tensor similarity = cosine_similarity(a, b);
  check_same_shape("cosine_loss", similarity, target);
  return reduced(where(greater(target, 0.0), 1.0 - similarity, relu(similarity - margin)), reduction);
}

Tensor triplet_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin,
                    Reduction reduction) {
  check_rows("triplet_loss", anchor);
  check_same_shape("triplet_loss", anchor, positive);
  check_same_shape("triplet_loss", anchor, negative);
  const auto distance = [](const Tensor& a, const Tensor& b) {
    const Tensor d = a - b + 1e-6;  // no root at 0, whose slope has no end
    return sqrt(sum(d * d, -1));
  };
  return reduced(relu(distance(anchor, positive) - distance(anchor, negative) + margin), reduction);
}

Tensor info_nce(const Tensor& queries, const Tensor& keys, double temperature, Reduction reduction) {
  check_rows("info_nce", queries);
  check_same_shape("info_nce", queries, keys);
  if (!(temperature > 0.0 && std::isfinite(temperature))) {
    fail("info_nce", "temperature {}; expected a finite number above 0", temperature);
  }
  std::vector<int64_t> own(static_cast<size_t>(queries.size(0)));
  for (size_t i = 0; i < own.size(); ++i) own[i] = static_cast<int64_t>(i);
  const Tensor scores = matmul(unit_rows(queries), transpose(unit_rows(keys), 0, 1)) / temperature;
  return cross_entropy(scores, Tensor::from(own, {queries.size(0)}), reduction);
}

}  // namespace gradus
