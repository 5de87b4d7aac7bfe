// Tables from arrays in NumPy's formats, .npy and .npz.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/table.h"

namespace gradus {

struct NumpyOptions {
  /// The arrays of an archive to read, in this order; none: all, in the archive's.
  std::vector<std::string> members = {};
  /// What the arrays of an archive may take in all. Unset: half of the free memory.
  std::optional<int64_t> most_bytes = {};
};

/// Reads an array, or an archive of arrays that have as many rows each (numpy.save, savez, savez_compressed). Rows are
/// counted by the first index. Of an array the columns are "1", "2", …, a column for each place behind the first index,
/// the last index fastest; of a member "x" of an archive they are "x.1", "x.2", …, or "x" if it has one dimension. A
/// row's "line" is its number, from 1. NaN is a missing value. Numbers are f4, f8, i1 to i8, u1 to u8, or bool as 0
/// and 1. Errors name `source`, and member, row and column where there are any: what the headers claim and the file has
/// not, an infinite number, a whole number that a double does not hold, no row, no column or more than kMostColumns.
Table parse_numpy(std::string_view bytes, const std::string& source, const NumpyOptions& options = {});
/// The same of a file, which may be compressed (data/file_contents.h).
Table read_numpy(const std::string& path, const NumpyOptions& options = {});

}  // namespace gradus
