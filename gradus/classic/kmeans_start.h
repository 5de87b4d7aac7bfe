// The first centres of a clustering.
#pragma once

#include "gradus/classic/kmeans.h"

namespace gradus::detail {

/// (clusters, D) f64 by `options.start` from `x`, as `checked_rows` returns it, with the seed `options.seed`.
/// `subject` is for messages: a number of clusters or trials out of range, or given centres that do not fit.
Tensor start_centers(std::string_view subject, const Tensor& x, const KMeansOptions& options);

/// `centers` as contiguous f64 (k, columns), finite, k at least 1; anything else is an error.
Tensor checked_centers(std::string_view subject, const Tensor& centers, int64_t columns);

}  // namespace gradus::detail
