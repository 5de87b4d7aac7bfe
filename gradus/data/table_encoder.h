// From the columns of a table to what a model sees, and from its outputs back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/array_features.h"
#include "gradus/data/feature.h"
#include "gradus/data/table.h"
#include "gradus/data/text_features.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// Features that lie beside the table, as sparse rows whose columns have numbers for names.
struct SparseColumns {
  int64_t count = 0;  ///< 0: there are none.
  int64_t first = 1;  ///< The number of the first column, 0 or 1.
};

struct TableEncoderOptions {
  std::vector<std::string> features = {};  ///< Empty: all columns but those below.
  std::string target = {};                 ///< Empty: the last column, unless `has_target` is false.
  /// Columns whose numbers are the probabilities of the classes that they name, in the place of `target`; or none.
  std::vector<std::string> soft_classes = {};
  /// Whether the numbers of `target` are the probability of the second of two classes, which are called "0" and "1".
  bool soft_target = false;
  /// Columns of numbers that are learned together, in the place of `target`; or none.
  std::vector<std::string> number_targets = {};
  bool has_target = true;                  ///< Whether there is anything to learn, or to compare clusters with.
  bool classes = false;                    ///< Whether the target is a class, of which a text or a number is the name.
  FeatureOptions feature = {};             ///< Of each feature.
  std::vector<std::string> log1p = {};     ///< Features of which log(1 + x) is taken.
  std::vector<std::string> categories = {};  ///< Features whose numbers are names of categories, as texts are.
  bool standardize_target = false;           ///< Each target of numbers: minus its mean, divided by its deviation.
  std::string weight = {};    ///< The column that says what rows count, which is no feature; empty if there is none.
  std::string group = {};     ///< A column that is a feature only if `features` names it; empty if there is none.
  std::string moment = {};    ///< The same of one that holds text.
  SparseColumns sparse = {};  ///< Instead of features in the table.
  std::optional<ArrayFeatures> array = {};  ///< Instead of features in the table.
  std::optional<TextFeatures> text = {};    ///< Instead of features in the table.
};

/// Which columns a model learns from and what it learns, with what the training part told of them.
class TableEncoder {
 public:
  /// A target of numbers as the model sees it: (number − mean) / scale.
  struct Target {
    std::string name;
    double mean = 0.0;
    double scale = 1.0;
  };

  /// Features are fitted to `rows`, of which there is at least one. Classes are those of the whole table, numbers in
  /// their order and texts in that of their bytes. A usage error if a column is not there, is named twice, holds text
  /// where numbers are needed, or has a missing value that nothing takes the place of.
  static TableEncoder fit(const Table& table, std::span<const int64_t> rows, const TableEncoderOptions& options);

  /// Reads what `to_json` gave; messages call it `file`.
  static TableEncoder from_json(std::string_view json, const std::string& file);
  /// {"features": [Feature::to_json …], "target": {"name", "mean", "scale", "classes": ["…", …]}}; classes is empty for
  /// a target of numbers, and the target null if there is none. Where classes have a column each, the target has
  /// "soft": true. Several targets of numbers are a list of such objects. Of sparse rows "sparse": {"columns", "first"}
  /// stands in the place of "features", of arrays "array": ArrayFeatures::to_json, of texts "text":
  /// TextFeatures::to_json.
  std::string to_json() const;

  const std::vector<Feature>& features() const { return features_; }
  /// Whether the features are sparse rows beside the table; then there is no other.
  bool is_sparse() const { return sparse_.count > 0; }
  const SparseColumns& sparse() const { return sparse_; }
  /// The features, if they are an array beside the table; then there is no other.
  const std::optional<ArrayFeatures>& array() const { return array_; }
  /// The features, if they are texts beside the table, whose tokens are counted or told one by one; then there is no
  /// other.
  const std::optional<TextFeatures>& text() const { return text_; }
  /// The inputs of the model that the features give, and their names; of sparse rows and arrays there are no names.
  int64_t width() const;
  std::vector<std::string> input_names() const;
  /// Those inputs that are numbers of categories, and how many numbers there are.
  std::vector<std::pair<int64_t, int64_t>> embedded_inputs() const;
  bool has_target() const { return has_target_; }
  const Target& target() const { return targets_[0]; }
  /// All of them, where several numbers are learned.
  const std::vector<Target>& all_targets() const { return targets_; }
  const std::vector<std::string>& classes() const { return classes_; }
  /// Whether targets are probabilities of the classes, of which each is a column.
  bool is_soft() const { return is_soft_; }
  /// The columns of the target; none if there is none.
  std::vector<std::string> target_columns() const;
  /// The columns of the training file that are neither, where they are known.
  std::vector<std::string> other_columns() const { return others_.value_or(std::vector<std::string>{}); }

  /// f32 (rows, width). Errors are those of `TableInputs`.
  Tensor inputs(const Table& table) const;
  /// f32 (rows, targets), or the classes, i64 (rows), or their probabilities, f32 (rows, classes); undefined where
  /// there is no target. A class that `fit` did not see, a missing value, and probabilities below 0 or that do not add
  /// up to 1 within 0.001 are errors with their line.
  Tensor targets(const Table& table) const;
  /// A model's output in the unit of that target.
  double original(double output, size_t target = 0) const {
    return output * targets_[target].scale + targets_[target].mean;
  }

 private:
  friend class TableFitter;
  friend class TableInputs;

  void check_columns(const Table& table) const;
  Tensor soft_targets(const Table& table) const;
  Tensor number_targets(const Table& table) const;

  std::vector<Feature> features_;
  bool has_target_ = true;
  std::vector<Target> targets_ = {{}};  // one, unless several numbers are learned
  std::vector<std::string> classes_;
  bool is_soft_ = false;
  std::optional<std::vector<std::string>> others_;  // columns of the training file that are not used
  SparseColumns sparse_;
  std::optional<ArrayFeatures> array_;
  std::optional<TextFeatures> text_;
};

}  // namespace gradus
