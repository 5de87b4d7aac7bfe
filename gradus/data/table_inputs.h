// The features of a table's rows as a model sees them, some rows at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gradus/data/feature.h"
#include "gradus/data/table_encoder.h"

namespace gradus {

class TableInputs {
 public:
  /// Both outlive it. A feature that the table has not, or that is not what it was in training, is an error with its
  /// place; and so are a column that the table has and the training file had not, and an encoder of what stands beside
  /// a table (sparse rows, arrays, texts).
  TableInputs(const TableEncoder& encoder, const Table& table);

  /// f32 (end − begin, width of the encoder). Errors are those of `FeatureWriter::write`.
  void write(int64_t begin, int64_t end, float* to) const;

 private:
  int64_t width_;
  std::vector<FeatureWriter> features_;
};

/// Rows of a table in several tensors.
struct InputParts {
  std::vector<Tensor> parts;  ///< f32 (rows, width); undefined for no row.
  uint64_t hash = 0;          ///< XXH3 of the inputs of all rows of the table, in their order.
};

/// The inputs of lists of rows, each ascending, of a table whose values are given up as they are encoded, so that no
/// more than the larger of both is held at once, and a little.
InputParts take_inputs(const TableEncoder& encoder, Table& table, std::span<const std::vector<int64_t>> parts);

}  // namespace gradus
