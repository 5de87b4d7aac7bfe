// From a column of a table to numbers that a model learns from: what is done to it, fitted on the training part.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "gradus/base/json.h"
#include "gradus/data/table.h"

namespace gradus {

enum class Scaling : uint8_t {
  kNone,
  kStandardize,  ///< Minus the mean, divided by the standard deviation (of the population).
  kMinMax,       ///< To [0, 1] over the training part.
};

/// What takes the place of a missing number.
enum class Impute : uint8_t {
  kNone,  ///< Nothing: a missing value is an error.
  kMean,
  kMedian,
  kConstant
};

enum class CategoryEncoding : uint8_t {
  kNone,    ///< Text is an error.
  kOneHot,  ///< A column of 0 and 1 for each category of the training part.
  kHash,    ///< A column of 0 and 1 for each of `buckets`, which a category's hash chooses.
  kEmbedding,  ///< One column, the category's number, for a model that has a vector for each.
};

struct FeatureOptions {
  Scaling scaling = Scaling::kStandardize;
  bool log1p = false;  ///< log(1 + x) of a number, before it is scaled; it must be above −1.
  Impute impute = Impute::kNone;
  double fill = 0.0;       ///< Of kConstant.
  bool indicator = false;  ///< A column of 0 and 1 beside a number that was missing in the training part.
  CategoryEncoding categories = CategoryEncoding::kOneHot;
  bool is_category = false;  ///< Whether numbers are categories, too.
  int64_t buckets = 256;     ///< Of kHash, from 1 on.
  /// Whether a category that the training part has not is an error; otherwise all of its columns are 0.
  bool refuse_unseen = false;
};

/// One column, with what the training part told of it. In the order of what is done: a missing number is filled; log1p;
/// (number − mean) / scale. A missing category is one of its own, if the training part had any, else an unseen one; it
/// is an error with Impute::kNone.
struct Feature {
  enum class Kind : uint8_t { kNumber, kOneHot, kHash };

  std::string name;
  Kind kind = Kind::kNumber;
  double mean = 0.0, scale = 1.0;  ///< Of kNumber; the smallest number and the range with Scaling::kMinMax.
  bool log1p = false;
  bool fills = false;  ///< Whether a missing value is no error.
  double fill = 0.0;
  bool indicator = false;
  std::vector<std::string> categories = {};  ///< Of kOneHot, in the order of their bytes.
  bool is_embedded = false;  ///< Of kOneHot: instead of these columns one, the place of the category among them; behind
                             ///< the last of them for a missing or an unseen one.
  bool missing_is_category = false;          ///< The last of its columns then.
  int64_t buckets = 0;
  bool refuse_unseen = false;
  int64_t missing = 0;  ///< Rows of the training part whose value is missing.

  /// Of the model's inputs.
  int64_t width() const;
  /// How many numbers an embedded category can be.
  int64_t embedding_rows() const { return static_cast<int64_t>(categories.size()) + 1; }
  /// Their names, as many: "age", "age is missing", "sex = male", "sex is missing", "city #17".
  std::vector<std::string> input_names() const;
  JsonText to_json() const;
};

/// What a column of a table is as a feature; constant numbers have scale 1. `rows` is the training part, at least one.
/// Usage errors name the column, the row and the configuration's key.
Feature fit_feature(const Table& table, std::string_view name, std::span<const int64_t> rows,
                    const FeatureOptions& options);

/// Writes what a model sees of a feature.
class FeatureWriter {
 public:
  /// Both outlive it. A usage error if the table has no such column, or if a feature of numbers has a value that is
  /// text, has no logarithm, or is missing and not filled; it names the row.
  FeatureWriter(const Feature& feature, const Table& table);

  /// `width()` numbers for each row from `begin` up to `end`, rows `stride` numbers apart. Errors name the row: a
  /// missing category, one that is refused, a number beyond what f32 holds. Several threads may write at once.
  void write(int64_t begin, int64_t end, float* to, int64_t stride) const;
  /// Of the feature.
  int64_t width() const { return feature_.width(); }

 private:
  void write_numbers(int64_t begin, int64_t end, float* to, int64_t stride) const;
  void write_categories(int64_t begin, int64_t end, float* to, int64_t stride) const;
  int64_t place_of(const std::string& category) const;
  int64_t place_of_row(int64_t row) const;

  const Feature& feature_;
  const Table& table_;
  const TableColumn& column_;
  std::map<std::string, int64_t, std::less<>> places_;  // of categories among its columns,
  std::vector<int64_t> code_places_;                    // and of the codes of a column of text
};

/// Reads what `to_json` gave; messages call it `file`.
Feature feature_from_json(const JsonValue& value, const std::string& file);

}  // namespace gradus
