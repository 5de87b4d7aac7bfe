// How much classes and examples count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gradus {

/// n / (classes · count) of each class: so that every class counts alike, and n examples count n altogether. `truth`
/// has the class of each example to train on, in [0, classes). With `weights`, an example's weight in [0, ∞), sums of
/// them stand for n and count. Throws where a class has no example, or no weight.
std::vector<double> balanced_class_weights(std::span<const int64_t> truth, int64_t classes,
                                           std::span<const double> weights = {});

struct NamedWeight {
  std::string name;
  double weight = 1.0;
};

/// Weights that are given by the classes' names, in the order of `names`; 1 of those that are not given. Throws a usage
/// error for a name that is not among them, or is given twice, and for a weight that is not finite or not above 0.
std::vector<double> class_weights(std::span<const std::string> names, std::span<const NamedWeight> given);

/// The weight of each example: that of its class, times its own where `weights` has one for each. Throws as
/// `check_example_weights` does, and unless each class has a weight.
std::vector<double> example_weights(std::span<const int64_t> truth, std::span<const double> class_weights,
                                    std::span<const double> weights = {});

/// Throws unless there is one weight an example, each finite and 0 or more, and their sum is above 0 and finite.
void check_example_weights(std::span<const double> weights, int64_t examples);

}  // namespace gradus
