#include "gradus/data/dataset.h"

#include <algorithm>
#include <cstring>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

constexpr int64_t kGrainBytes = int64_t{1} << 18;  // below this a second thread costs more than it copies

void check_part(const Tensor& part, std::string_view name) {
  if (!part.defined()) fail("dataset", "{} are undefined", name);
  if (part.rank() == 0 || part.size(0) == 0) {
    fail("dataset", "{} are {}; dimension 0 is the example and at least 1", name, part.describe());
  }
}

bool is_whole_set(std::span<const int64_t> ids, int64_t size) {
  if (static_cast<int64_t>(ids.size()) != size) return false;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

/// The rows of a contiguous tensor with these ids, which are in range.
Tensor gather_rows(const Tensor& from, std::span<const int64_t> ids) {
  Shape shape = from.shape();
  const int64_t row_bytes = from.numel() / shape[0] * size_of(from.dtype());
  const auto rows = static_cast<int64_t>(ids.size());
  shape[0] = rows;
  Tensor result = Tensor::empty(shape, from.dtype());
  const std::byte* source = from.bytes();
  std::byte* target = result.mutable_bytes();
  const auto copy = [&](int64_t i, int64_t end) {
    for (; i < end; ++i) {
      std::memcpy(target + i * row_bytes, source + ids[static_cast<size_t>(i)] * row_bytes,
                  static_cast<size_t>(row_bytes));
    }
  };
  // Also in a dry run: losses look at their targets.
  if (DryRun::is_on()) {
    copy(0, rows);
  } else {
    parallel_for(rows, std::max<int64_t>(1, kGrainBytes / std::max<int64_t>(1, row_bytes)), copy);
  }
  return result;
}

}  // namespace

namespace detail {

void check_ids(std::span<const int64_t> ids, int64_t size) {
  if (ids.empty()) fail("dataset", "a batch without ids; expected at least one");
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= size) {
      fail("dataset", "id {} at position {} of the batch; expected 0 to {}", ids[i], i, size - 1);
    }
  }
}

}  // namespace detail

TensorDataset::TensorDataset(Tensor inputs, Tensor targets) {
  check_part(inputs, "inputs");
  check_part(targets, "targets");
  if (inputs.size(0) != targets.size(0)) {
    fail("dataset", "inputs {} have {} examples, targets {} have {}; the numbers must agree", inputs.describe(),
         inputs.size(0), targets.describe(), targets.size(0));
  }
  if (!is_float(targets.dtype()) && targets.dtype() != DType::kI64) {
    fail("dataset", "targets are {}; expected f32, f64 or i64", targets.describe());
  }
  inputs_ = kernels::contiguous(inputs);
  targets_ = kernels::contiguous(targets);
}

int64_t TensorDataset::size() const { return inputs_.size(0); }

Batch TensorDataset::batch(std::span<const int64_t> ids) const {
  if (is_whole_set(ids, size())) return {inputs_, targets_};
  detail::check_ids(ids, size());
  return {gather_rows(inputs_, ids), gather_rows(targets_, ids)};
}

}  // namespace gradus
