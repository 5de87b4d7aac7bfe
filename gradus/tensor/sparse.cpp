#include "gradus/tensor/sparse.h"

#include <algorithm>

namespace gradus {

SparseMatrix take_rows(const SparseMatrix& x, std::span<const int64_t> rows) {
  SparseMatrix taken;
  taken.rows = static_cast<int64_t>(rows.size());
  taken.columns = x.columns;
  taken.offsets.reserve(rows.size() + 1);
  for (const int64_t i : rows) taken.offsets.push_back(taken.offsets.back() + x.offsets[i + 1] - x.offsets[i]);
  taken.indices.reserve(static_cast<size_t>(taken.offsets.back()));
  taken.values.reserve(static_cast<size_t>(taken.offsets.back()));
  for (const int64_t i : rows) {
    const auto begin = x.offsets[i], end = x.offsets[i + 1];
    taken.indices.insert(taken.indices.end(), x.indices.begin() + begin, x.indices.begin() + end);
    taken.values.insert(taken.values.end(), x.values.begin() + begin, x.values.begin() + end);
  }
  return taken;
}

void append_rows(SparseMatrix& to, const SparseMatrix& more) {
  const int64_t before = to.offsets.back();
  for (int64_t i = 0; i < more.rows; ++i) to.offsets.push_back(before + more.offsets[i + 1]);
  to.indices.insert(to.indices.end(), more.indices.begin(), more.indices.end());
  to.values.insert(to.values.end(), more.values.begin(), more.values.end());
  to.rows += more.rows;
  to.columns = std::max(to.columns, more.columns);
}

}  // namespace gradus
