// The nearest of some centres for each row, and sums of rows by cluster: the inner loops of k-means, on the instruction
// set of this processor and on the calling thread.
#pragma once

#include <cstdint>
#include <vector>

namespace gradus::kernels {

/// Centres as `find_nearest` reads them; made once a round. Rows and centres are measured from `shift`, so that data
/// far from the origin loses nothing.
struct CenterPanels {
  /// `centers` (clusters, columns), row-major, are read later too.
  CenterPanels(const double* centers, int64_t clusters, int64_t columns);

  const double* centers;
  int64_t clusters, columns;
  std::vector<float> shift;  ///< (columns): the centres' mean.
  float largest_norm = 0;    ///< Of c − shift.

  // Panels have some centres side by side, as the inner loop of a product reads them; what fills up the last one has an
  // infinite norm.
  std::vector<float> floats, half_norms;              ///< c − shift, and ½‖c − shift‖².
  std::vector<int32_t> pairs;                         ///< (c − shift) · scale, two 16-bit integers a word.
  std::vector<float> pair_half_norms;                 ///< As `half_norms`.
  float scale = 0, pair_norm = 0, pair_rounding = 0;  ///< The largest ‖(c − shift) · scale‖, and what rounding leaves.
};

/// For each of `count` rows of x (…, columns), row-major, at these places: labels[place] is the centre with the least
/// ‖x − c‖² in f64, the lowest index of equal ones, and slacks[place] is from 0 to the distance of the second nearest
/// minus that of the nearest. `places` are used up. Most rows are settled by a product of 16-bit integers, most of the
/// others by one in f32, each with a proof that rounding cannot matter; the rest are measured again in f64, and have no
/// slack. So labels depend on nothing but x and the centres.
void find_nearest(const CenterPanels& centers, const float* x, int32_t* places, int64_t count, int64_t* labels,
                  float* slacks);

/// sums[label] += the row, counts[label] += 1; sums is (clusters, columns).
void add_rows(const float* x, int64_t rows, int64_t columns, const int64_t* labels, double* sums, int64_t* counts);

/// out[i] = ‖x_i − c‖² with the center of its label, or with the first where `labels` is null.
void squared_distances(const float* x, int64_t rows, int64_t columns, const int64_t* labels, const double* centers,
                       double* out);

/// out[j · stride + i] = ‖x_i − c_j‖² for each of the centres (clusters, columns).
void squared_distances_to_all(const float* x, int64_t rows, int64_t columns, const double* centers, int64_t clusters,
                              double* out, int64_t stride);

}  // namespace gradus::kernels
