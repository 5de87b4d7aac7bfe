#include "gradus/data/weights.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"

namespace gradus {
namespace {

constexpr const char *kClassWeights = "class_weights", *kExampleWeights = "example_weights";

void check_classes(const char* subject, std::span<const int64_t> truth, int64_t classes) {
  for (size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] < 0 || truth[i] >= classes) {
      fail(subject, "the class of example {} is {}; expected 0 to {}", i, truth[i], classes - 1);
    }
  }
}

std::string listed(std::span<const std::string> names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "\"" : ", \"") + name + '"';
  return list;
}

}  // namespace

std::vector<double> balanced_class_weights(std::span<const int64_t> truth, int64_t classes,
                                           std::span<const double> weights) {
  if (classes < 1) fail_usage(kClassWeights, "{} classes; expected 1 or more", classes);
  if (!weights.empty()) check_example_weights(weights, static_cast<int64_t>(truth.size()));
  check_classes(kClassWeights, truth, classes);
  std::vector<double> counts(static_cast<size_t>(classes));
  double total = 0.0;
  for (size_t i = 0; i < truth.size(); ++i) {
    const double weight = weights.empty() ? 1.0 : weights[i];
    counts[static_cast<size_t>(truth[i])] += weight;
    total += weight;
  }
  for (size_t c = 0; c < counts.size(); ++c) {
    if (counts[c] == 0.0) {
      fail(kClassWeights, "class {} has no example to train on, so that no weight balances it; leave the class out", c);
    }
    counts[c] = total / (static_cast<double>(classes) * counts[c]);
  }
  return counts;
}

std::vector<double> class_weights(std::span<const std::string> names, std::span<const NamedWeight> given) {
  std::vector<double> weights(names.size(), 1.0);
  std::vector<bool> is_given(names.size(), false);
  for (const NamedWeight& own : given) {
    const auto place = static_cast<size_t>(std::find(names.begin(), names.end(), own.name) - names.begin());
    if (place == names.size()) {
      fail_usage(kClassWeights, "there is no class \"{}\"; expected one of {}", own.name, listed(names));
    }
    if (is_given[place]) fail_usage(kClassWeights, "class \"{}\" is given two weights; leave one out", own.name);
    if (!std::isfinite(own.weight) || own.weight <= 0.0) {
      fail_usage(kClassWeights, "the weight of class \"{}\" is {}; expected a finite number above 0", own.name,
                 own.weight);
    }
    is_given[place] = true;
    weights[place] = own.weight;
  }
  return weights;
}

std::vector<double> example_weights(std::span<const int64_t> truth, std::span<const double> class_weights,
                                    std::span<const double> weights) {
  if (!weights.empty()) check_example_weights(weights, static_cast<int64_t>(truth.size()));
  check_classes(kExampleWeights, truth, static_cast<int64_t>(class_weights.size()));
  std::vector<double> products(truth.size());
  for (size_t i = 0; i < truth.size(); ++i) {
    products[i] = class_weights[static_cast<size_t>(truth[i])] * (weights.empty() ? 1.0 : weights[i]);
  }
  return products;
}

void check_example_weights(std::span<const double> weights, int64_t examples) {
  if (static_cast<int64_t>(weights.size()) != examples) {
    fail(kExampleWeights, "{} weights for {} examples; expected one each", weights.size(), examples);
  }
  double total = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0.0) {
      fail(kExampleWeights, "the weight of example {} is {}; expected a finite number, 0 or more", i, weights[i]);
    }
    total += weights[i];
  }
  if (!std::isfinite(total) || total <= 0.0) {
    fail(kExampleWeights, "the sum of the weights is {}; expected a finite number above 0", total);
  }
}

}  // namespace gradus
