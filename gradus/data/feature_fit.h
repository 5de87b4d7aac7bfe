// Fitting features to a training part that comes in pieces.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "gradus/data/feature.h"

namespace gradus {

/// Looks at a column of one table after the other, and says what the column is as a feature. Where the rows are cut
/// into tables does not matter to the last bit: `fit_feature` is this of one.
class FeatureFitter {
 public:
  FeatureFitter(std::string name, const FeatureOptions& options);

  /// The next table; `rows` of it, ascending, are of the training part. With Impute::kMedian it is the only one: an
  /// error otherwise.
  void add(const Table& table, std::span<const int64_t> rows);
  /// After at least one row of the training part. Usage errors name the column, the row and the configuration's key.
  Feature finish() const;

  const std::string& name() const { return name_; }
  /// How many categories were found so far, of a feature that has a column for each.
  int64_t categories() const { return static_cast<int64_t>(texts_.size() + category_numbers_.size()); }

 private:
  // Mean and sum of squares about it, of numbers that come one by one (Welford, 1962).
  struct Moments {
    int64_t count = 0;
    double mean = 0.0, squares = 0.0;

    void add(double x) {
      const double delta = x - mean;
      mean += delta / static_cast<double>(++count);
      squares += delta * (x - mean);
    }
    // The same number many times (Chan, Golub, LeVeque, 1983).
    void add(double x, int64_t times);
  };
  // A value that cannot be, and where it stands.
  struct Wrong {
    std::string place, text;
    bool is_there() const { return !place.empty(); }
  };

  void look_for_wrong(const Table& table, const TableColumn& column);
  void add_number(double number);
  void take_median(const TableColumn& column, std::span<const int64_t> rows);
  void count_numbers(const TableColumn& column, std::span<const int64_t> rows);
  void add_categories(const TableColumn& column, std::span<const int64_t> rows);
  double fill() const;
  Feature finish_number() const;
  Feature finish_category() const;
  bool wants_categories() const {
    return options_.categories == CategoryEncoding::kOneHot || options_.categories == CategoryEncoding::kEmbedding;
  }

  std::string name_, source_;
  FeatureOptions options_;
  bool is_text_ = false;
  Wrong missing_, text_, logarithm_;     // the first of each, in any row
  int64_t rows_ = 0, missing_rows_ = 0;  // of the training part, as all below
  int64_t number_rows_ = 0, text_rows_ = 0;
  Moments raw_, transformed_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
  std::optional<double> median_;  // NaN of no number
  std::unordered_set<std::string> texts_;
  std::unordered_set<uint64_t> category_numbers_;  // their bits
};

}  // namespace gradus
