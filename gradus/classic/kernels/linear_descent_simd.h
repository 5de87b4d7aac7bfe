// Passes of coordinate descent over a quadratic whose matrix is at hand.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// ½·wᵀGw − cᵀw + l1·Σ|w| + ½·l2·‖w‖² in m coordinates, where q = c − G·w is kept.
struct GramSweep {
  int64_t m;
  const float* gram;  ///< (m, m), rows `stride` apart.
  int64_t stride;
  const double* diagonal;  ///< (m) of G. Where it is 0, w is left as it is.
  double l1, l2;
  double* w;  ///< (m)
  double* q;  ///< (m)
};

/// Minimises by each coordinate in turn, once. Returns the largest change of a coordinate times its curvature.
double gram_sweep(const GramSweep& sweep);

}  // namespace gradus::kernels
