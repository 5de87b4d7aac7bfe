// The nearest of some centres for each row, and sums of rows by cluster: the inner loops of k-means, on the instruction
// set of this processor and on the calling thread.
#pragma once

#include <cstdint>
#include <vector>

namespace gradus::kernels {

/// Centres as `find_nearest` reads them; made once a round. Rows and centres are measured from `shift`, so that data
/// far from the origin loses nothing in f32.
struct CenterPanels {
  /// `centers` (clusters, columns), row-major, are read later too.
  CenterPanels(const double* centers, int64_t clusters, int64_t columns);

  const double* centers;
  int64_t clusters, columns;
  std::vector<float> shift;       ///< (columns): the centres' mean.
  std::vector<float> panels;      ///< Some centres at a time, side by side, as the product's inner loop reads them.
  std::vector<float> half_norms;  ///< ½‖c − shift‖²; infinite for what fills up the last panel.
  float largest_norm = 0.0F;      ///< Of c − shift.
};

/// labels[i] is the centre with the least ‖x_i − c‖² in f64, the lowest index of equal ones; x is (rows, columns),
/// row-major. Most rows are settled by a product in f32, with a proof that rounding cannot matter; the others are
/// measured again in f64. So labels depend on nothing but x and the centres.
void find_nearest(const CenterPanels& centers, const float* x, int64_t rows, int64_t* labels);

/// sums[label] += the row, counts[label] += 1; sums is (clusters, columns).
void add_rows(const float* x, int64_t rows, int64_t columns, const int64_t* labels, double* sums, int64_t* counts);

/// out[i] = ‖x_i − c‖² with the center of its label, or with the first where `labels` is null.
void squared_distances(const float* x, int64_t rows, int64_t columns, const int64_t* labels, const double* centers,
                       double* out);

}  // namespace gradus::kernels
