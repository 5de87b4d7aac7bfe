// The order of the data: a pure function of (seed, epoch, index), so that resuming needs no replay.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gradus/data/block_order.h"

namespace gradus {

enum class Sampling : uint8_t {
  kShuffle,      ///< Each epoch is a new permutation of all examples.
  kReplacement,  ///< Each draw is independent and uniform.
  kInOrder,      ///< 0, 1, 2, … in every epoch.
};

struct SamplerOptions {
  int64_t examples = 0;    ///< Size of the data set, at least 1.
  int64_t batch_size = 0;  ///< Examples a step, 1 to `examples` (replacement: any from 1).
  Sampling sampling = Sampling::kShuffle;
  uint64_t seed = 0;
  /// Of kShuffle: more blocks than are at hand at once are shuffled as `BlockOrder` does.
  ExampleBlocks blocks = {};
};

/// Says which examples each step trains on. Has no state: any step can be asked for at any time.
/// An epoch is ⌈examples / batch_size⌉ steps; its last batch may be smaller. With replacement every batch is full.
class Sampler {
 public:
  /// Throws a usage error if an option is out of its range.
  explicit Sampler(const SamplerOptions& options);

  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  /// Examples seen before `step`, divided by the number of examples: 0 at step 0, 1 after the first epoch.
  double epoch(int64_t step) const;
  /// How many ids the batch of `step` has.
  int64_t size_of(int64_t step) const;
  /// For what a data set varies at random: another key for each pass over the data.
  uint64_t pass_key(int64_t step) const;
  /// The ids of one step's batch. `ids` is reused so that a steady step takes no memory. A batch of the whole data set
  /// is in order 0, 1, …: order does not change a sum over all examples.
  void batch(int64_t step, std::vector<int64_t>& ids) const;

 private:
  SamplerOptions options_;
  int64_t steps_per_epoch_;
  uint64_t key_, pass_key_;
  // Of the epoch that was asked for last.
  mutable std::optional<BlockOrder> order_;
  mutable int64_t epoch_of_order_ = -1;
};

}  // namespace gradus
