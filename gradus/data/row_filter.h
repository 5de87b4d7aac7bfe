// Which rows of a table are learned, by their targets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gradus/data/table.h"

namespace gradus {

struct RowFilterOptions {
  bool leaves_out_unlabelled = false;  ///< Rows without a target.
  std::optional<std::string> ignored_class =
      {};  ///< Rows of the class of this name; a number may be written in any way.
};

/// Says of the rows of one table which are learned.
class RowFilter {
 public:
  /// `targets` are the columns of a row's target: it has none where one of them is missing. A usage error that lists
  /// the columns if one is not there.
  RowFilter(const RowFilterOptions& options, const Table& table, const std::vector<std::string>& targets);
  /// Whether a row is learned; one that is not is counted.
  bool keeps(int64_t row, LeftOutRows& left_out) const;

 private:
  bool is_ignored(int64_t row) const;

  std::vector<const TableColumn*> columns_;
  bool leaves_out_unlabelled_;
  std::optional<double> number_;  // of the ignored class, in a column of numbers
  int32_t code_ = -1;             // of it, in a column of texts; −1 if there is none
};

/// Leaves out the rows of a table that are not learned.
LeftOutRows leave_out(const RowFilterOptions& options, Table& table, const std::vector<std::string>& targets);

/// An error unless some rows were of the class that is to be ignored: its name is not as the file has it then.
void check_ignored(const RowFilterOptions& options, const LeftOutRows& left_out, const std::string& source,
                   const std::vector<std::string>& targets);

}  // namespace gradus
