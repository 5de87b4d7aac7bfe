// How far two ways to group the same examples agree, whatever the groups are called: of clusters and known classes.
#pragma once

#include <cstdint>
#include <span>

namespace gradus {

// All of these throw unless there are as many of the one as of the other. Numbers are names only. Logarithms are
// natural.

/// The Rand index, corrected for chance: 1 of equal groupings, 0 on average of independent ones, down to -0.5; 1 where
/// neither has a pair that the other has not.
/// Source: Hubert, Arabie, "Comparing partitions", Journal of Classification 2, 1985.
double adjusted_rand(std::span<const int64_t> truth, std::span<const int64_t> labels);

/// The part of the examples that are right when each cluster is called by a class of its own, as well as it can be; a
/// cluster for which none is left is wrong. NaN of no examples. Takes time of the third order in the number of groups.
/// Source: Yang et al., "Image clustering using local discriminant models and global integration", 2010.
double cluster_accuracy(std::span<const int64_t> truth, std::span<const int64_t> labels);

/// The mutual information of both groupings, in nats, 0 or more; NaN of no examples.
double mutual_information(std::span<const int64_t> truth, std::span<const int64_t> labels);

/// What the entropies of two groupings are averaged to.
enum class EntropyMean : uint8_t { kArithmetic, kGeometric, kMin, kMax };

/// The same divided by the mean of both entropies: in [0, 1]. 1 where each is a single group, or there is no example.
double normalized_mutual_information(std::span<const int64_t> truth, std::span<const int64_t> labels,
                                     EntropyMean mean = EntropyMean::kArithmetic);

/// The same corrected for chance: (I − E) / (mean − E), E being the expectation of I over all groupings of the same
/// sizes. 1 of equal groupings, about 0 of independent ones. 1 where each is a single group, where there is no example,
/// and where E is the mean; 0 where only one of them is a single group. Takes time of the order of N · the number of
/// different sizes of groups.
/// Source: Vinh, Epps, Bailey, "Information theoretic measures for clusterings comparison", JMLR 11, 2010.
double adjusted_mutual_information(std::span<const int64_t> truth, std::span<const int64_t> labels,
                                   EntropyMean mean = EntropyMean::kArithmetic);

/// Source: Rosenberg, Hirschberg, "V-Measure: a conditional entropy-based external cluster evaluation measure",
/// EMNLP-CoNLL 2007.
struct VMeasure {
  double homogeneity = 1.0;   ///< 1 where each cluster is of one class; 1 of a single class.
  double completeness = 1.0;  ///< 1 where each class lies in one cluster; 1 of a single cluster.
  double v_measure = 1.0;     ///< (1 + beta) h c / (beta h + c), with beta 1 their harmonic mean; 0 where both are.
};

/// All are 1 of no examples. With `beta` above 1 completeness counts more; a usage error below 0. With 0, v is NaN
/// where only completeness is 0.
VMeasure v_measure(std::span<const int64_t> truth, std::span<const int64_t> labels, double beta = 1.0);

}  // namespace gradus
