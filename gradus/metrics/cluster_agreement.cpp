#include "gradus/metrics/cluster_agreement.h"

#include <math.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/metrics/assignment.h"
#include "gradus/metrics/examples.h"
#include "gradus/metrics/groups.h"

namespace gradus {
namespace {

using detail::Groups;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

double square(int64_t x) { return static_cast<double>(x) * static_cast<double>(x); }

/// How many examples each pair of groups has in common; pairs that have none are left out.
struct Contingency {
  struct Cell {
    size_t truth, label;
    int64_t count;
  };

  Contingency(const char* measure, std::span<const int64_t> truth, std::span<const int64_t> labels)
      : truths(truth), found(labels) {
    detail::check_count(measure, "labels", labels.size(), truth.size());
    std::vector<size_t> pairs(truth.size());
    for (size_t i = 0; i < pairs.size(); ++i) pairs[i] = truths.of[i] * found.count() + found.of[i];
    std::sort(pairs.begin(), pairs.end());
    for (const size_t pair : pairs) {
      const size_t t = pair / found.count(), l = pair % found.count();
      if (cells.empty() || cells.back().truth != t || cells.back().label != l) cells.push_back({t, l, 0});
      ++cells.back().count;
    }
  }

  double examples() const { return static_cast<double>(truths.of.size()); }

  Groups truths, found;
  std::vector<Cell> cells;
};

double entropy(const Groups& groups) {
  const auto total = static_cast<double>(groups.of.size());
  double sum = 0.0;
  for (const int64_t size : groups.sizes) {
    const auto count = static_cast<double>(size);
    sum -= count / total * (std::log(count) - std::log(total));
  }
  return groups.count() == 1 ? 0.0 : sum;
}

double mutual_information(const Contingency& table) {
  if (table.truths.count() < 2 || table.found.count() < 2) return 0.0;
  const double total = table.examples(), log_total = std::log(total);
  double sum = 0.0;
  for (const auto& [t, l, count] : table.cells) {
    const auto both = static_cast<double>(count);
    const double sizes = static_cast<double>(table.truths.sizes[t]) * static_cast<double>(table.found.sizes[l]);
    const double term = both / total * (std::log(both) + log_total - std::log(sizes));
    if (std::abs(term) >= kEpsilon) sum += term;
  }
  return std::max(sum, 0.0);
}

/// ln n! and ln n.
class Logarithms {
 public:
  explicit Logarithms(int64_t most) : factorial_(static_cast<size_t>(most) + 1), plain_(factorial_.size()) {
    int sign = 0;  // std::lgamma would write it to a variable that all threads share
    for (size_t n = 0; n < factorial_.size(); ++n) {
      factorial_[n] = lgamma_r(static_cast<double>(n) + 1.0, &sign);
      plain_[n] = std::log(static_cast<double>(std::max<size_t>(n, 1)));
    }
  }
  double factorial(int64_t n) const { return factorial_[static_cast<size_t>(n)]; }
  double plain(int64_t n) const { return plain_[static_cast<size_t>(n)]; }

 private:
  std::vector<double> factorial_, plain_;
};

// How many groups there are of each size.
std::map<int64_t, double> sizes_of(const Groups& groups) {
  std::map<int64_t, double> counts;
  for (const int64_t size : groups.sizes) counts[size] += 1.0;
  return counts;
}

// Of two groups of `a` and `b` examples: over the numbers that they can have in common, by their hypergeometric
// probabilities.
double expected_term(int64_t a, int64_t b, int64_t total, const Logarithms& ln) {
  const double fixed =
      ln.factorial(a) + ln.factorial(b) + ln.factorial(total - a) + ln.factorial(total - b) - ln.factorial(total);
  const double independent = ln.plain(a) + ln.plain(b) - ln.plain(total);
  const int64_t rest = total - a - b;
  double sum = 0.0;
  for (int64_t both = std::max<int64_t>(1, -rest); both <= std::min(a, b); ++both) {
    const double probability = std::exp(fixed - ln.factorial(both) - ln.factorial(a - both) - ln.factorial(b - both) -
                                        ln.factorial(rest + both));
    sum += static_cast<double>(both) / static_cast<double>(total) * (ln.plain(both) - independent) * probability;
  }
  return sum;
}

// Groups of one size have one term.
double expected_mutual_information(const Contingency& table) {
  const auto total = static_cast<int64_t>(table.truths.of.size());
  const Logarithms ln(total);
  double sum = 0.0;
  for (const auto& [a, truths] : sizes_of(table.truths)) {
    for (const auto& [b, labels] : sizes_of(table.found)) sum += truths * labels * expected_term(a, b, total, ln);
  }
  return sum;
}

double mean_of(double a, double b, EntropyMean mean) {
  if (mean == EntropyMean::kArithmetic) return 0.5 * (a + b);
  if (mean == EntropyMean::kGeometric) return std::sqrt(a * b);
  return mean == EntropyMean::kMin ? std::min(a, b) : std::max(a, b);
}

}  // namespace

double adjusted_rand(std::span<const int64_t> truth, std::span<const int64_t> labels) {
  const Contingency table("adjusted_rand", truth, labels);
  double squares = 0.0, of_truths = 0.0, of_labels = 0.0;
  for (const auto& cell : table.cells) squares += square(cell.count);
  for (const int64_t size : table.truths.sizes) of_truths += square(size);
  for (const int64_t size : table.found.sizes) of_labels += square(size);
  const double total = table.examples();
  // Ordered pairs of examples: in one group of both, of the labels alone, of the truths alone, of neither.
  const double both = squares - total, labels_alone = of_labels - squares, truths_alone = of_truths - squares;
  const double neither = total * total - labels_alone - truths_alone - squares;
  if (labels_alone == 0.0 && truths_alone == 0.0) return 1.0;
  return 2.0 * (both * neither - truths_alone * labels_alone) /
         ((both + truths_alone) * (truths_alone + neither) + (both + labels_alone) * (labels_alone + neither));
}

double cluster_accuracy(std::span<const int64_t> truth, std::span<const int64_t> labels) {
  const Contingency table("cluster_accuracy", truth, labels);
  const auto classes = static_cast<int64_t>(table.truths.count()), clusters = static_cast<int64_t>(table.found.count());
  std::vector<int64_t> shared(static_cast<size_t>(classes * clusters));
  for (const Contingency::Cell& cell : table.cells) {
    shared[cell.label * static_cast<size_t>(classes) + cell.truth] = cell.count;
  }
  const std::vector<int64_t> class_of = best_assignment(shared, clusters, classes);
  int64_t right = 0;
  for (size_t i = 0; i < class_of.size(); ++i) {
    if (class_of[i] >= 0) right += shared[i * static_cast<size_t>(classes) + static_cast<size_t>(class_of[i])];
  }
  return static_cast<double>(right) / table.examples();
}

double mutual_information(std::span<const int64_t> truth, std::span<const int64_t> labels) {
  const Contingency table("mutual_information", truth, labels);
  return truth.empty() ? std::numeric_limits<double>::quiet_NaN() : mutual_information(table);
}

double normalized_mutual_information(std::span<const int64_t> truth, std::span<const int64_t> labels,
                                     EntropyMean mean) {
  const Contingency table("normalized_mutual_information", truth, labels);
  if (table.truths.count() == table.found.count() && table.truths.count() < 2) return 1.0;
  const double information = mutual_information(table);
  return information == 0.0 ? 0.0 : information / mean_of(entropy(table.truths), entropy(table.found), mean);
}

double adjusted_mutual_information(std::span<const int64_t> truth, std::span<const int64_t> labels, EntropyMean mean) {
  const Contingency table("adjusted_mutual_information", truth, labels);
  if (table.truths.count() == table.found.count() && table.truths.count() < 2) return 1.0;
  if (table.truths.count() == 1 || table.found.count() == 1) return 0.0;
  const double expected = expected_mutual_information(table);
  const double most = mean_of(entropy(table.truths), entropy(table.found), mean), room = most - expected;
  constexpr double kRounding = 1e-12;
  return room <= kRounding * most ? 1.0 : (mutual_information(table) - expected) / room;
}

VMeasure v_measure(std::span<const int64_t> truth, std::span<const int64_t> labels, double beta) {
  constexpr const char* kName = "v_measure";
  if (!(beta >= 0.0) || std::isinf(beta)) fail_usage(kName, "beta is {}; expected a finite number, 0 or more", beta);
  const Contingency table(kName, truth, labels);
  if (truth.empty()) return {};
  const double information = mutual_information(table);
  const double of_truths = entropy(table.truths), of_labels = entropy(table.found);
  const double h = of_truths == 0.0 ? 1.0 : information / of_truths;
  const double c = of_labels == 0.0 ? 1.0 : information / of_labels;
  return {h, c, h + c == 0.0 ? 0.0 : (1.0 + beta) * h * c / (beta * h + c)};
}

}  // namespace gradus
