// Some examples as tensors: what data sets give, and what models take.
#pragma once

#include <memory>

#include "gradus/tensor/sparse.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// Dimension 0 of each tensor is the example.
struct Batch {
  Tensor inputs = {};   ///< f32 (B, features), or i64 token ids (B, T); undefined where `sparse` is there.
  Tensor targets = {};  ///< f32 (B, outputs), or i64: classes (B), or next-token ids (B, T); or undefined.
  std::shared_ptr<const SparseMatrix> sparse = nullptr;  ///< The features of B examples, few of which are not 0.
  Tensor weights = {};  ///< f32 (B): what each example counts, from 0; undefined for 1 each.
  /// i64 (B), of token ids (B, T): how many of an example's ids are its own, from 1 to T. Those behind are padding, of id
  /// 0, on which nothing may depend. Undefined where all T are its own.
  Tensor lengths = {};
  /// i64 (B, T), of token ids: the place in its window of the first token of each token's document, at most its own and
  /// never falling. A token sees none before it, and its position counts from there. Undefined where each window is of
  /// one document.
  Tensor document_starts = {};
};

}  // namespace gradus
