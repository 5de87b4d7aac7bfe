// Fitting a table's encoder to a training part that comes in pieces.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "gradus/data/feature_fit.h"
#include "gradus/data/table_encoder.h"

namespace gradus {

/// Looks at one table after the other, all with the same columns, and says how they are encoded. Where the rows are cut
/// into tables does not matter to the last bit: `TableEncoder::fit` is this of one.
class TableFitter {
 public:
  explicit TableFitter(TableEncoderOptions options) : options_(std::move(options)) {}

  /// The next table; `rows` of it, ascending, are of the training part. A usage error if a column that is named is not
  /// there, or is named twice.
  void add(const Table& table, std::span<const int64_t> rows);
  /// After at least one row of the training part: throws what `TableEncoder::fit` says. With `sparse`, features are
  /// those in the place of a table's.
  TableEncoder finish() const { return finish(options_.sparse); }
  TableEncoder finish(const SparseColumns& sparse) const;

  /// A usage error as soon as a column has more classes or categories than any model may have inputs: for rows of
  /// which there are more than memory holds.
  void check_size() const;

  /// The columns that are looked at: of features and target. Known after the first table.
  const std::vector<std::string>& columns() const { return columns_; }

 private:
  void begin(const Table& table);
  void add_target(const Table& table);
  void check_target(const Table& table, const std::string& name);
  void add_texts(const TableColumn& column);
  std::vector<std::string> classes() const;
  void check_width(const TableEncoder& encoder) const;
  void check_classes(const std::vector<std::string>& classes) const;

  TableEncoderOptions options_;
  std::string source_, target_;  // the latter: of one column
  std::vector<std::string> columns_, others_;
  std::vector<FeatureFitter> features_, target_numbers_;  // the latter: of each target, unless classes are learned
  std::unordered_set<std::string> class_texts_;
  std::unordered_set<uint64_t> class_numbers_;  // their bits
  int64_t rows_ = 0;
  // What is wrong with a target, and where first.
  struct Fault {
    std::string place, column, text;
  };
  Fault missing_, odd_text_;
};

}  // namespace gradus
