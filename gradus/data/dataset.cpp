#include "gradus/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

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

void check_targets(const Tensor& targets, std::string_view inputs, int64_t examples) {
  check_part(targets, "targets");
  if (targets.size(0) != examples) {
    fail("dataset", "inputs {} have {} examples, targets {} have {}; the numbers must agree", inputs, examples,
         targets.describe(), targets.size(0));
  }
  if (!is_float(targets.dtype()) && targets.dtype() != DType::kI64) {
    fail("dataset", "targets are {}; expected f32, f64 or i64", targets.describe());
  }
}

// What examples count, as contiguous f32; nothing stays nothing.
Tensor checked_weights(const Tensor& weights, int64_t examples) {
  if (!weights.defined()) return {};
  if (!(weights.shape() == Shape{examples}) || weights.dtype() != DType::kF32) {
    fail("dataset", "weights are {} for {} examples; expected f32 ({},)", weights.describe(), examples, examples);
  }
  Tensor own = kernels::contiguous(weights);
  bool counts = false;
  for (int64_t i = 0; i < examples; ++i) {
    const float weight = own.data<float>()[i];
    if (!(weight >= 0.0F && std::isfinite(weight))) {
      fail("dataset", "the weight of example {} is {}; expected a finite number from 0", i, weight);
    }
    counts = counts || weight > 0.0F;
  }
  if (!counts) fail("dataset", "the weights of all {} examples are 0; expected one that counts", examples);
  return own;
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

bool for_each_batch(const Dataset& data, int64_t size,
                    const std::function<bool(std::span<const int64_t> ids, const Batch& batch)>& body) {
  std::vector<int64_t> ids;
  for (int64_t begin = 0; begin < data.size(); begin += size) {
    ids.resize(static_cast<size_t>(std::min(size, data.size() - begin)));
    std::iota(ids.begin(), ids.end(), begin);
    if (!body(ids, data.batch(ids))) return false;
  }
  return true;
}

namespace detail {

void check_ids(std::span<const int64_t> ids, int64_t size) {
  if (ids.empty()) fail("dataset", "a batch without ids; expected at least one");
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= size) {
      fail("dataset", "id {} at position {} of the batch; expected 0 to {}", ids[i], i, size - 1);
    }
  }
}

Tensor rows_of(const Tensor& all, std::span<const int64_t> ids) {
  return all.defined() ? TensorDataset(all).batch(ids).inputs : Tensor();
}

}  // namespace detail

TensorDataset::TensorDataset(Tensor inputs) {
  check_part(inputs, "inputs");
  inputs_ = kernels::contiguous(inputs);
}

TensorDataset::TensorDataset(Tensor inputs, Tensor targets, Tensor weights) : TensorDataset(std::move(inputs)) {
  check_targets(targets, inputs_.describe(), inputs_.size(0));
  targets_ = kernels::contiguous(targets);
  weights_ = checked_weights(weights, inputs_.size(0));
}

int64_t TensorDataset::size() const { return inputs_.size(0); }

Batch TensorDataset::batch(std::span<const int64_t> ids) const {
  if (is_whole_set(ids, size())) return {.inputs = inputs_, .targets = targets_, .weights = weights_};
  detail::check_ids(ids, size());
  return {.inputs = gather_rows(inputs_, ids),
          .targets = targets_.defined() ? gather_rows(targets_, ids) : Tensor(),
          .weights = weights_.defined() ? gather_rows(weights_, ids) : Tensor()};
}

SparseDataset::SparseDataset(std::shared_ptr<const SparseMatrix> rows) : rows_(std::move(rows)) {
  if (rows_ == nullptr || rows_->rows == 0) fail("dataset", "there are no sparse rows; expected at least one");
}

SparseDataset::SparseDataset(std::shared_ptr<const SparseMatrix> rows, Tensor targets, Tensor weights)
    : SparseDataset(std::move(rows)) {
  check_targets(targets, "of sparse rows", rows_->rows);
  targets_ = kernels::contiguous(targets);
  weights_ = checked_weights(weights, rows_->rows);
}

Batch SparseDataset::batch(std::span<const int64_t> ids) const {
  if (is_whole_set(ids, size())) return {.targets = targets_, .sparse = rows_, .weights = weights_};
  detail::check_ids(ids, size());
  return {.targets = targets_.defined() ? gather_rows(targets_, ids) : Tensor(),
          .sparse = std::make_shared<const SparseMatrix>(take_rows(*rows_, ids)),
          .weights = weights_.defined() ? gather_rows(weights_, ids) : Tensor()};
}

}  // namespace gradus
