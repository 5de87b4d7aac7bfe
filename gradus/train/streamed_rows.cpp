#include "gradus/train/streamed_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/number.h"
#include "gradus/base/random.h"
#include "gradus/classic/row_order.h"
#include "gradus/data/file_contents.h"

namespace gradus {

CachedTargets::CachedTargets(const TableEncoder& encoder)
    : of_classes_(!encoder.classes().empty()),
      as_labels_(encoder.is_sparse()),
      mean_(encoder.target().mean),
      scale_(encoder.target().scale) {
  if (!as_labels_) return;
  for (const std::string& name : encoder.classes()) labels_.push_back(parse_number(name).value_or(std::nan("")));
}

Tensor CachedTargets::operator()(std::span<const double> numbers, const std::string& source) const {
  const auto rows = static_cast<int64_t>(numbers.size());
  if (!of_classes_) {
    Tensor targets = Tensor::empty({rows, 1});
    float* const to = targets.mutable_data<float>();
    for (size_t i = 0; i < numbers.size(); ++i) {
      to[i] = static_cast<float>(as_labels_ ? (numbers[i] - mean_) / scale_ : numbers[i]);
      if (!std::isfinite(to[i])) {
        fail(source, "the label {} is beyond what 32 bits hold; give it in another unit", numbers[i]);
      }
    }
    return targets;
  }
  Tensor targets = Tensor::empty({rows}, DType::kI64);
  int64_t* const to = targets.mutable_data<int64_t>();
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto at = as_labels_ ? std::lower_bound(labels_.begin(), labels_.end(), numbers[i]) : labels_.end();
    to[i] = as_labels_ ? at - labels_.begin() : static_cast<int64_t>(numbers[i]);
    if (as_labels_ && (at == labels_.end() || *at != numbers[i])) {
      fail(source, "the label {} is a class that the model does not know", numbers[i]);
    }
  }
  return targets;
}

StreamedRows::StreamedRows(std::shared_ptr<const RowCache> cache, RowPart part, const TableEncoder& encoder,
                           int64_t memory_bytes)
    : cache_(std::move(cache)),
      part_(part),
      targets_(encoder),
      memory_bytes_(memory_bytes),
      rows_(cache_->rows_of(part)),
      blocks_(cache_->blocks_of(part)) {
  int64_t end = 0;
  for (const int64_t block : blocks_) ends_.push_back(end += cache_->blocks()[static_cast<size_t>(block)].rows);
  // What is held out is read from its beginning to its end: then few are enough.
  constexpr int64_t kFew = 4;
  const int64_t bytes = std::max<int64_t>(1, cache_->memory_of(blocks_));
  const auto count = static_cast<int64_t>(blocks_.size());
  const int64_t room = bytes <= memory_bytes
                           ? count
                           : static_cast<int64_t>(static_cast<double>(memory_bytes) / static_cast<double>(bytes) *
                                                  static_cast<double>(count));
  kept_ = part == RowPart::kTraining ? std::max<int64_t>(1, room) : kFew;
  place_.assign(blocks_.size(), -1);
}

const CachedRows& StreamedRows::read(size_t block) const {
  int32_t& place = place_[block];
  if (place < 0 && static_cast<int64_t>(read_.size()) < kept_) {
    place = static_cast<int32_t>(read_.size());
    read_.emplace_back();
    cache_->read({&blocks_[block], 1}, read_.back().rows);
    read_.back().block = block;
  } else if (place < 0) {  // in the place of the one that has not been used for the longest time
    const auto oldest =
        std::min_element(read_.begin(), read_.end(), [](const Read& a, const Read& b) { return a.used < b.used; });
    place_[oldest->block] = -1;
    place = static_cast<int32_t>(oldest - read_.begin());
    oldest->block = block;
    cache_->read({&blocks_[block], 1}, oldest->rows);
  }
  Read& read = read_[static_cast<size_t>(place)];
  read.used = ++uses_;
  return read.rows;
}

Tensor StreamedRows::present_targets() const {
  const std::vector<double>& values = cache_->description().target_values[static_cast<size_t>(part_)];
  return values.empty() ? Tensor() : targets_(values, cache_->path());
}

int64_t StreamedRows::tensor_bytes() const {
  int64_t bytes = 0;
  for (const Read& read : read_) {
    if (read.rows.dense.defined()) bytes += read.rows.dense.numel() * size_of(read.rows.dense.dtype());
  }
  return bytes;
}

Batch StreamedRows::batch(std::span<const int64_t> ids) const {
  detail::check_ids(ids, rows_);
  const RowLayout& layout = cache_->layout();
  const auto rows = static_cast<int64_t>(ids.size());
  if (!layout.is_sparse && rows > most_contents_bytes() / (4 * layout.columns)) {
    fail_usage("data.rows", "{} rows at once do not fit in memory; take smaller batches, or other data with --data",
               rows);
  }
  const std::lock_guard lock(mutex_);
  SparseMatrix sparse;
  sparse.columns = layout.columns;
  Batch batch;
  if (!layout.is_sparse) batch.inputs = Tensor::empty({rows, layout.columns});
  if (layout.has_weights) batch.weights = Tensor::empty({rows});
  std::vector<double> targets;
  for (int64_t i = 0; i < rows; ++i) {
    const auto end = std::upper_bound(ends_.begin(), ends_.end(), ids[static_cast<size_t>(i)]);
    const auto block = static_cast<size_t>(end - ends_.begin());
    const int64_t row = ids[static_cast<size_t>(i)] - (block == 0 ? 0 : ends_[block - 1]);
    const CachedRows& from = read(block);
    targets.push_back(from.targets[static_cast<size_t>(row)]);
    if (layout.has_weights) batch.weights.mutable_data<float>()[i] = from.weights[static_cast<size_t>(row)];
    if (!layout.is_sparse) {
      std::copy_n(from.dense.data<float>() + row * layout.columns, layout.columns,
                  batch.inputs.mutable_data<float>() + i * layout.columns);
      continue;
    }
    const auto begin = from.sparse.offsets[static_cast<size_t>(row)];
    const auto stop = from.sparse.offsets[static_cast<size_t>(row + 1)];
    sparse.indices.insert(sparse.indices.end(), from.sparse.indices.begin() + begin,
                          from.sparse.indices.begin() + stop);
    sparse.values.insert(sparse.values.end(), from.sparse.values.begin() + begin, from.sparse.values.begin() + stop);
    sparse.offsets.push_back(static_cast<int64_t>(sparse.values.size()));
  }
  sparse.rows = rows;
  if (layout.is_sparse) batch.sparse = std::make_shared<const SparseMatrix>(std::move(sparse));
  batch.targets = targets_(targets, cache_->path());
  return batch;
}

namespace {

class CacheStream : public LinearStream {
 public:
  CacheStream(const StreamedRows& rows, const LinearProblem& terms, ClassWeights of_class, const TotalWeights& total)
      : rows_(rows),
        terms_(terms),
        of_class_(std::move(of_class)),
        total_(total),
        outputs_(is_classification(terms_.loss) ? outputs_of(terms_) : 1),
        // Of each row in memory: targets as tensor and as the solver has them, a weight and a place in the order.
        windows_(rows.cache(), rows.part(), rows.memory_bytes(), 16 + 4 * outputs_) {}

  const LinearProblem& terms() const override { return terms_; }
  int64_t rows() const override { return rows_.size(); }
  int64_t features() const override { return rows_.cache()->layout().columns; }
  int64_t outputs() const override { return outputs_; }
  double total_weight() const override { return total_.all; }

  void pass(int64_t number, uint64_t seed, bool shuffle, const Visit& visit) override {
    const uint64_t key = mix(mix(seed, hash_name("stream.blocks")), static_cast<uint64_t>(number));
    windows_.pass(key, shuffle, [&](const CachedRows& rows, int64_t window) {
      const std::optional<LinearProblem> problem = problem_of(rows);
      if (!problem) return;
      const LinearObjective piece(*problem);
      if (shuffle) {
        const uint64_t own = window == 0 ? seed : mix(seed, static_cast<uint64_t>(window));
        shuffle_rows(row_order(piece.inputs(), own), number, order_);
      } else {
        order_.resize(static_cast<size_t>(rows.rows));
        std::iota(order_.begin(), order_.end(), 0);
      }
      visit(piece, order_);
    });
  }

 private:
  // Nothing where no row counts.
  std::optional<LinearProblem> problem_of(const CachedRows& rows) const {
    LinearProblem problem = terms_;
    if (rows_.cache()->layout().is_sparse) {
      problem.inputs.sparse = {std::shared_ptr<const void>(), &rows.sparse};  // which lives as long as the piece
    } else {
      problem.inputs = rows.dense;
    }
    problem.targets = rows_.targets()(rows.targets, rows_.cache()->path());
    if (rows.weights.empty() && of_class_.empty()) return problem;
    problem.example_weights = Tensor::empty({rows.rows});
    float* const weights = problem.example_weights.mutable_data<float>();
    bool counts = false;
    for (int64_t i = 0; i < rows.rows; ++i) {
      const double own = rows.weights.empty() ? 1.0 : double{rows.weights[static_cast<size_t>(i)]};
      const double factor =
          of_class_.empty() ? 1.0 : of_class_[static_cast<size_t>(problem.targets.data<int64_t>()[i])];
      weights[i] = static_cast<float>(own * factor);
      counts = counts || weights[i] > 0.0F;
    }
    return counts ? std::optional(problem) : std::nullopt;
  }

  const StreamedRows& rows_;
  LinearProblem terms_;
  ClassWeights of_class_;
  TotalWeights total_;
  int64_t outputs_;
  RowWindows windows_;
  std::vector<int32_t> order_;
};

}  // namespace

TotalWeights total_weights(const StreamedRows& rows, const ClassWeights& of_class) {
  const double own = rows.cache()->total_weight(rows.part());
  if (of_class.empty()) return {own, own};
  TotalWeights total{.own = own};
  RowWindows windows(rows.cache(), rows.part(), 1);  // a block at a time
  windows.pass(0, false, [&](const CachedRows& block, int64_t) {
    const Tensor classes = rows.targets()(block.targets, rows.cache()->path());
    for (int64_t i = 0; i < block.rows; ++i) {
      const double weight = block.weights.empty() ? 1.0 : double{block.weights[static_cast<size_t>(i)]};
      total.all +=
          static_cast<double>(static_cast<float>(weight * of_class[static_cast<size_t>(classes.data<int64_t>()[i])]));
    }
  });
  return total;
}

std::unique_ptr<LinearStream> linear_stream(const StreamedRows& rows, const LinearProblem& terms,
                                            const ClassWeights& of_class, const TotalWeights& total) {
  return std::make_unique<CacheStream>(rows, terms, of_class, total);
}

}  // namespace gradus
