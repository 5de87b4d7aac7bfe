// Inputs of models of examples that have a shape: pictures, and what goes by time.
#pragma once

#include "gradus/tensor/batch.h"

namespace gradus {

/// A batch's inputs as examples of that shape: they may also come as rows (B, numel). A usage error for another size.
Tensor examples_of(const Batch& batch, const Shape& example, std::string_view model);
/// As rows: (B, numel of an example).
Tensor rows_of(const Tensor& inputs);
/// Which of the T places of each example are its own: bool (B, T). Undefined where all are.
Tensor own_places(const Batch& batch);
/// The mean over the places of x (B, T, C) that are an example's own: (B, C).
Tensor mean_of_own(const Tensor& x, const Batch& batch);

}  // namespace gradus
