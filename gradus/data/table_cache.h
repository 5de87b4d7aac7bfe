// Caches of rows that are made of tables of any size.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "gradus/data/cached_rows.h"
#include "gradus/data/csv.h"
#include "gradus/data/row_filter.h"
#include "gradus/data/table_encoder.h"

namespace gradus {

struct TableCacheOptions {
  CsvOptions csv = {};
  TableEncoderOptions encoder = {};
  /// What encodes the rows; unset: what their training part tells, which takes a pass over the files, or two.
  std::optional<TableEncoder> known = {};
  RowFilterOptions filter = {};  ///< Rows that are left out, and counted; one without a target is an error else.
  /// f32 (rows), what each row counts; unset for 1 each. It needs the column `encoder.weight` alone.
  std::function<Tensor(const Table& table)> weights = {};
  /// Sees each table before it is encoded, and throws if something is wrong with it.
  std::function<void(const TableEncoder& encoder, const Table& table)> check = {};
};

/// Reads the tables of a request, fits their encoder to the training part, and writes their rows, dense: the inputs
/// that a model sees, and targets as it sees them, with classes as their numbers. The encoder is that of
/// `TableEncoder::fit` to the last bit, and is kept with the cache. Impute::kMedian would need all numbers of a column
/// at once: a usage error.
void write_table_cache(const CacheRequest& request, const TableCacheOptions& options);

/// Calls `visit` for one table after the other of a file that is read a piece at a time. Columns that are text for the
/// encoder are text; `categories` are those features whose numbers are names. Says which rows
/// were left out.
SkippedRows for_each_table(const std::string& path, const CsvOptions& csv, const TextPieceOptions& pieces,
                           const TableEncoder& encoder, const std::vector<std::string>& categories,
                           const std::function<void(Table& table)>& visit);

}  // namespace gradus
