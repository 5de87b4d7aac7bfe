// Features that lie beside a table as an array of examples, such as images.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gradus/base/json.h"
#include "gradus/data/feature.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// What an example is, and how all of its numbers are scaled: (number − mean) / scale.
struct ArrayFeatures {
  Shape shape = {};  ///< Of one example: (rows, columns) of images.
  double mean = 0.0, scale = 1.0;

  /// The numbers of one example.
  int64_t width() const { return shape.numel(); }
  /// {"shape": [28, 28], "mean", "scale"}
  JsonText to_json() const;
};

/// Of examples f32 (N, …): means, deviations and ranges are those of all numbers of `rows`, of which there is at least
/// one. Constant numbers have scale 1.
ArrayFeatures fit_array(const Tensor& examples, std::span<const int64_t> rows, Scaling scaling);

/// f32 (N, width), in the memory of `examples`, f32 (N, …). Another shape is an error that names `source`.
Tensor array_inputs(const ArrayFeatures& features, Tensor examples, std::string_view source);

/// Reads what `to_json` gave; messages call it `file`.
ArrayFeatures array_from_json(const JsonValue& value, const std::string& file);

}  // namespace gradus
