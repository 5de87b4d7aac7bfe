#include "gradus/metrics/assignment.h"

#include <algorithm>
#include <limits>

#include "gradus/base/error.h"

namespace gradus {
namespace {

// The rows are at most as many as the columns. `potential` of rows and columns are such that no cost is below their
// sum, and that it is equal to it where a row has its column.
class Assignment {
 public:
  Assignment(int64_t rows, int64_t columns)
      : columns_(columns),
        row_potential_(static_cast<size_t>(rows)),
        column_potential_(static_cast<size_t>(columns)),
        row_of_(static_cast<size_t>(columns), -1) {}

  // Finds the cheapest way to give this row a column, others changing theirs, and goes it.
  template <class Cost>
  void add(int64_t row, const Cost& cost) {
    constexpr int64_t kFar = std::numeric_limits<int64_t>::max() / 2;
    const auto count = static_cast<size_t>(columns_);
    std::vector<int64_t> distance(count, kFar), before(count, -1);
    std::vector<bool> done(count);
    std::vector<size_t> path;  // columns that are done, nearest first
    int64_t at = row, last = -1, length = 0;
    size_t nearest = count;
    for (;;) {
      nearest = count;
      for (size_t j = 0; j < count; ++j) {
        if (done[j]) continue;
        const int64_t through = length + cost(at, static_cast<int64_t>(j)) - row_potential_[static_cast<size_t>(at)] -
                                column_potential_[j];
        if (through < distance[j]) {
          distance[j] = through;
          before[j] = last;
        }
        if (nearest == count || distance[j] < distance[nearest]) nearest = j;
      }
      length = distance[nearest];
      done[nearest] = true;
      if (row_of_[nearest] < 0) break;
      path.push_back(nearest);
      last = static_cast<int64_t>(nearest);
      at = row_of_[nearest];
    }
    row_potential_[static_cast<size_t>(row)] += length;
    for (const size_t j : path) {
      row_potential_[static_cast<size_t>(row_of_[j])] += length - distance[j];
      column_potential_[j] -= length - distance[j];
    }
    for (auto j = static_cast<int64_t>(nearest); j >= 0;) {
      const int64_t from = before[static_cast<size_t>(j)];
      row_of_[static_cast<size_t>(j)] = from < 0 ? row : row_of_[static_cast<size_t>(from)];
      j = from;
    }
  }

  const std::vector<int64_t>& row_of() const { return row_of_; }

 private:
  int64_t columns_;
  std::vector<int64_t> row_potential_, column_potential_;
  std::vector<int64_t> row_of_;  // each column's; −1: it is free
};

}  // namespace

std::vector<int64_t> best_assignment(std::span<const int64_t> gains, int64_t rows, int64_t columns) {
  if (rows < 0 || columns < 0 || static_cast<int64_t>(gains.size()) != rows * columns) {
    fail("assignment", "{} gains for {} rows of {}", gains.size(), rows, columns);
  }
  const bool turned = rows > columns;
  Assignment assignment(std::min(rows, columns), std::max(rows, columns));
  const auto cost = [&](int64_t i, int64_t j) {
    return -gains[static_cast<size_t>(turned ? j * columns + i : i * columns + j)];
  };
  for (int64_t i = 0; i < std::min(rows, columns); ++i) assignment.add(i, cost);
  const std::vector<int64_t>& row_of = assignment.row_of();
  if (turned) return row_of;
  std::vector<int64_t> column_of(static_cast<size_t>(rows), -1);
  for (size_t j = 0; j < row_of.size(); ++j) {
    if (row_of[j] >= 0) column_of[static_cast<size_t>(row_of[j])] = static_cast<int64_t>(j);
  }
  return column_of;
}

}  // namespace gradus
