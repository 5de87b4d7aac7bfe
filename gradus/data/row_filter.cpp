#include "gradus/data/row_filter.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/base/number.h"

namespace gradus {

RowFilter::RowFilter(const RowFilterOptions& options, const Table& table, const std::vector<std::string>& targets)
    : leaves_out_unlabelled_(options.leaves_out_unlabelled) {
  for (const std::string& target : targets) columns_.push_back(&table.columns[table.column(target)]);
  if (!options.ignored_class) return;
  if (columns_[0]->is_number) {
    number_ = parse_number(*options.ignored_class);
    return;
  }
  const std::vector<std::string>& texts = columns_[0]->dictionary;
  const auto at = std::find(texts.begin(), texts.end(), *options.ignored_class);
  if (at != texts.end()) code_ = static_cast<int32_t>(at - texts.begin());
}

bool RowFilter::is_ignored(int64_t row) const {
  if (number_) return columns_[0]->number(row) == *number_;
  return code_ >= 0 && columns_[0]->codes[static_cast<size_t>(row)] == code_;
}

bool RowFilter::keeps(int64_t row, LeftOutRows& left_out) const {
  const auto is_missing = [row](const TableColumn* column) { return column->is_missing(row); };
  if (leaves_out_unlabelled_ && std::any_of(columns_.begin(), columns_.end(), is_missing)) {
    ++left_out.unlabelled;
    return false;
  }
  if (!is_ignored(row)) return true;
  ++left_out.ignored;
  return false;
}

LeftOutRows leave_out(const RowFilterOptions& options, Table& table, const std::vector<std::string>& targets) {
  const RowFilter filter(options, table, targets);
  LeftOutRows left_out;
  std::vector<int64_t> kept;
  for (int64_t row = 0; row < table.rows; ++row) {
    if (filter.keeps(row, left_out)) kept.push_back(row);
  }
  if (static_cast<int64_t>(kept.size()) < table.rows) table.keep(kept);
  return left_out;
}

void check_ignored(const RowFilterOptions& options, const LeftOutRows& left_out, const std::string& source,
                   const std::vector<std::string>& targets) {
  if (!options.ignored_class || left_out.ignored > 0) return;
  fail_usage(
      source,
      "no value of column \"{}\" is \"{}\", which loss.ignored_class names; name it as it stands there, or remove "
      "the key",
      targets[0], *options.ignored_class);
}

}  // namespace gradus
