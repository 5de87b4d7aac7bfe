// An order of examples that lie in blocks, for those who have a bounded part of them at hand.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/data/dataset.h"

namespace gradus {

/// A permutation of all examples, a function of the key: the blocks are shuffled, and the examples of each
/// `together` of them. The image of an index takes some searches among the blocks, and no table of examples.
class BlockOrder {
 public:
  /// At least one block.
  BlockOrder(const ExampleBlocks& blocks, uint64_t key);

  int64_t operator()(int64_t index) const;

 private:
  // Of the shuffled blocks: the first example of each, and the number of examples up to its end.
  std::vector<int64_t> firsts_, ends_;
  int64_t together_;
  uint64_t key_;
};

}  // namespace gradus
