// How sure a measure is: confidence intervals by drawing the examples again.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace gradus {

struct BootstrapOptions {
  int64_t resamples = 1000;  ///< How often the examples are drawn again, from 1 to 10 million.
  double confidence = 0.95;  ///< The part of the resampled values that the interval holds, between 0 and 1.
  uint64_t seed = 0;         ///< Of the draws; see `bootstrap_rows`.
};

struct BootstrapInterval {
  double low = 0.0, high = 0.0;
  int64_t undefined = 0;  ///< Resamples where the measure is NaN; they are left out.
};

/// A measure of the examples with these row numbers, in which a row may come several times. It is called from several
/// threads at once.
using RowMeasure = std::function<double(std::span<const int64_t> rows)>;

/// The percentile interval of a measure: its values are taken on `resamples` resamples of `rows` examples, as many as
/// there are, drawn with replacement; the interval goes from their (1 − confidence)/2 quantile to their
/// (1 + confidence)/2 quantile, both interpolated linearly between the two nearest. Both ends are NaN where the measure
/// is NaN on all. The same bits for any number of threads. Throws a usage error if there are no rows or an option is
/// out of its range; what `measure` throws goes through.
/// Source: Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
BootstrapInterval bootstrap_interval(int64_t rows, const RowMeasure& measure, const BootstrapOptions& options = {});

/// Writes several measures of these rows.
using RowMeasures = std::function<void(std::span<const int64_t> rows, std::span<double> values)>;

/// The same of `count` measures at once, on the same resamples: what they share is computed once for each.
std::vector<BootstrapInterval> bootstrap_intervals(int64_t rows, int64_t count, const RowMeasures& measures,
                                                   const BootstrapOptions& options = {});

/// The rows of one of the resamples, in the order drawn. The i-th is ⌊b·rows / 2⁶⁴⌋, b being the 64 bits (resample, i)
/// of the `RandomStream` whose key is mix(seed, hash_name("metrics.bootstrap")). `drawn` has as many places as rows.
void bootstrap_rows(uint64_t seed, int64_t resample, std::span<int64_t> drawn);

}  // namespace gradus
