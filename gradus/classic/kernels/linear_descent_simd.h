// Passes of coordinate descent over a quadratic whose matrix is at hand.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// ½·wᵀGw − cᵀw + l1·Σ|w| + ½·l2·‖w‖² in m coordinates, where c − G·w is kept as q + moved.
struct GramSweep {
  int64_t m;
  const float* gram;  ///< (m, m), rows `stride` apart.
  int64_t stride;
  const double* diagonal;  ///< (m) of G. Where it is 0, w is left as it is.
  double l1, l2;
  double least;     ///< A coordinate that would change by less, divided by its curvature, is left, unless it becomes 0.
  const double* q;  ///< (m) of the w where `moved` was 0.
  double* w;        ///< (m)
  float* moved;     ///< (m) since then: small beside q, so f32 is enough.
};

/// Minimises by each coordinate in turn, once. Returns the largest change of a coordinate times its curvature.
double gram_sweep(const GramSweep& sweep);

}  // namespace gradus::kernels
