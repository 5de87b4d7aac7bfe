// Arrays and labels in the IDX format, in which MNIST and its kind come.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gradus/tensor/tensor.h"

namespace gradus {

struct IdxOptions {
  DType dtype = DType::kF32;  ///< Of the tensor: f32 or f64.
  /// What the tensor may take. Unset: the free memory.
  std::optional<int64_t> most_bytes = {};
};

/// Reads the array that `bytes` are: 00 00, a byte for the type of its numbers (08 u8, 09 i8, 0b i16, 0c i32, 0d f32,
/// 0e f64), one for the number of its dimensions (1 to 8), the size of each as an u32, then the numbers, the last index
/// fastest, all of them with the most significant byte first. The first index counts the examples: images are
/// (N, rows, columns). Errors name `source` and the byte: another format, type or number of dimensions; sizes that the
/// file is too short or too long for, which is seen before memory is taken; no number at all; a number that is not
/// finite in `dtype`. Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
Tensor parse_idx(std::string_view bytes, const std::string& source, const IdxOptions& options = {});
/// The same of a file, which may be compressed (data/file_contents.h).
Tensor read_idx(const std::string& path, const IdxOptions& options = {});

/// Whether a regular file, not compressed, begins as an array in this format does.
bool begins_like_idx(const std::string& path);

/// The labels of examples, i64 (N): an array of one dimension, of whole numbers.
Tensor parse_idx_labels(std::string_view bytes, const std::string& source);
Tensor read_idx_labels(const std::string& path);

}  // namespace gradus
