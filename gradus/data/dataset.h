// Data sets: numbered examples, fetched as batches by their ids.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "gradus/data/token_sequence.h"
#include "gradus/tensor/batch.h"

namespace gradus {

/// Where examples lie: in blocks, of which some are at hand at once.
struct ExampleBlocks {
  std::vector<int64_t> ends = {};  ///< The number of examples up to the end of each; empty: all are equally near.
  int64_t together = 1;            ///< How many blocks are at hand.
};

/// A source of examples. Derive from it to train on one's own data; `batch` must be a pure function of the ids.
class Dataset {
 public:
  virtual ~Dataset() = default;
  /// The number of examples, at least 1.
  virtual int64_t size() const = 0;
  /// The examples with these ids, each in [0, size()), in this order.
  virtual Batch batch(std::span<const int64_t> ids) const = 0;
  /// The same as a pass of training sees them. What is varied at random is a function of the key, which stands for seed
  /// and pass, and of each example's id.
  virtual Batch training_batch(std::span<const int64_t> ids, uint64_t key) const {
    (void)key;
    return batch(ids);
  }
  /// The targets of all examples, where they are in memory; undefined where they are not, or where there are none.
  virtual Tensor all_targets() const { return {}; }
  /// The targets that some example has, each once or more often; undefined where nobody knows them.
  virtual Tensor present_targets() const { return all_targets(); }
  /// Whether a batch takes so long to make that a `Loader` should make it ahead; then several threads may ask at once.
  virtual bool is_costly() const { return false; }
  /// What people know an example by, such as its file; "" where it is only known by its id.
  virtual std::string name(int64_t id) const {
    (void)id;
    return "";
  }
  /// What a sampler that shuffles should keep to.
  virtual ExampleBlocks blocks() const { return {}; }
};

/// All examples in the order of their ids, `size` at a time, so that no more of them are held at once. Ends early where
/// `body` returns false; whether it came to the end.
bool for_each_batch(const Dataset& data, int64_t size,
                    const std::function<bool(std::span<const int64_t> ids, const Batch& batch)>& body);

namespace detail {
/// Throws unless there are ids and each is in [0, size).
void check_ids(std::span<const int64_t> ids, int64_t size);
/// The rows with these ids; undefined where `all` is.
Tensor rows_of(const Tensor& all, std::span<const int64_t> ids);
}  // namespace detail

/// Examples that are rows of two tensors in memory.
class TensorDataset : public Dataset {
 public:
  /// Examples without targets.
  explicit TensorDataset(Tensor inputs);
  /// Dimension 0 of both is the example and must agree; targets may be f32, f64 or i64. `weights`, f32 (N), say what
  /// each example counts: from 0, not all 0. Throws otherwise.
  TensorDataset(Tensor inputs, Tensor targets, Tensor weights = {});
  int64_t size() const override;
  /// When `ids` is 0, 1, …, size − 1 the tensors themselves are returned, without a copy.
  Batch batch(std::span<const int64_t> ids) const override;
  Tensor all_targets() const override { return targets_; }

  const Tensor& inputs() const { return inputs_; }
  const Tensor& targets() const { return targets_; }  ///< Undefined where there are none.
  const Tensor& weights() const { return weights_; }  ///< Undefined for 1 each.

 private:
  Tensor inputs_, targets_, weights_;
};

/// Examples whose features are sparse rows in memory.
class SparseDataset : public Dataset {
 public:
  /// As many targets, f32 (N, outputs) or i64 (N), as rows, at least one. Throws otherwise.
  SparseDataset(std::shared_ptr<const SparseMatrix> rows, Tensor targets, Tensor weights = {});
  /// Examples of which nothing is known beside their features.
  explicit SparseDataset(std::shared_ptr<const SparseMatrix> rows);
  int64_t size() const override { return rows_->rows; }
  Batch batch(std::span<const int64_t> ids) const override;
  Tensor all_targets() const override { return targets_; }

  const std::shared_ptr<const SparseMatrix>& rows() const { return rows_; }
  const Tensor& targets() const { return targets_; }
  const Tensor& weights() const { return weights_; }

 private:
  std::shared_ptr<const SparseMatrix> rows_;
  Tensor targets_, weights_;
};

/// Windows of a token sequence: example i has tokens [i·stride, i·stride + context) as inputs and the same range moved
/// by one as targets. One epoch with stride = context sees each token once as a target.
class TokenDataset : public Dataset {
 public:
  /// Throws unless `tokens` holds at least context + 1 tokens. stride 0 means `context`.
  TokenDataset(std::vector<int32_t> tokens, int64_t context, int64_t stride = 0);
  /// `documents` are the tokens where documents begin, the first of all and ascending; windows go across them, and
  /// batches say where they begin (`Batch::document_starts`). Empty: it is one document.
  TokenDataset(TokenSequence tokens, std::vector<int64_t> documents, int64_t context, int64_t stride = 0);
  int64_t size() const override;
  Batch batch(std::span<const int64_t> ids) const override;

  const TokenSequence& tokens() const { return tokens_; }
  const std::vector<int64_t>& documents() const { return documents_; }
  /// The tokens that are targets of an example, from the first to the last.
  TokenSequence targets() const;
  int64_t context() const { return context_; }
  /// Tokens after the last example's: too few for one more.
  int64_t unused_tokens() const;

 private:
  void write_starts(int64_t begin, int64_t* starts) const;

  TokenSequence tokens_;
  std::vector<int64_t> documents_;
  int64_t context_;
  int64_t stride_;
};

}  // namespace gradus
