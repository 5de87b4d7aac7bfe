// Some examples as tensors: what data sets give, and what models take.
#pragma once

#include <memory>

#include "gradus/tensor/sparse.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// Dimension 0 of each tensor is the example.
struct Batch {
  Tensor inputs = {};  ///< f32 (B, features), or i64 token ids (B, T); undefined where `sparse` is there.
  Tensor targets = {};  ///< f32 (B, outputs), or i64: classes (B), or next-token ids (B, T).
  std::shared_ptr<const SparseMatrix> sparse = nullptr;  ///< The features of B examples, few of which are not 0.
  Tensor weights = {};  ///< f32 (B): what each example counts, from 0; undefined for 1 each.
};

}  // namespace gradus
