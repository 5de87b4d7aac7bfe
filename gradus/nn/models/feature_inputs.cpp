#include "gradus/nn/models/feature_inputs.h"

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"

namespace gradus {

Tensor examples_of(const Batch& batch, const Shape& example, std::string_view model) {
  const Tensor& x = batch.inputs;
  Shape shape = example;
  shape.insert(0, x.defined() ? x.size(0) : 0);
  if (!x.defined() || x.numel() != shape.numel()) {
    fail_usage(model, "inputs {}; expected examples of {}", x.defined() ? x.describe() : "of sparse rows",
               to_string(example));
  }
  return x.shape() == shape ? x : reshape(x, shape);
}

Tensor rows_of(const Tensor& inputs) {
  return inputs.rank() == 2 ? inputs : reshape(inputs, {inputs.size(0), -1});
}

namespace {

// (B, T) of what is written for each example's own places, and for the others.
template <class T, class Value>
Tensor of_places(const Batch& batch, DType dtype, const Value& value) {
  const int64_t examples = batch.inputs.size(0), places = batch.inputs.size(1);
  Tensor all = Tensor::empty({examples, places}, dtype);
  const int64_t* const lengths = batch.lengths.data<int64_t>();
  T* to = all.mutable_data<T>();
  for (int64_t b = 0; b < examples; ++b) {
    for (int64_t t = 0; t < places; ++t) *to++ = value(lengths[b], t < lengths[b]);
  }
  return all;
}

}  // namespace

Tensor own_places(const Batch& batch) {
  if (!batch.lengths.defined()) return {};
  return of_places<bool>(batch, DType::kBool, [](int64_t, bool own) { return own; });
}

Tensor mean_of_own(const Tensor& x, const Batch& batch) {
  if (!batch.lengths.defined()) return mean(x, 1);
  const Tensor weights = of_places<float>(batch, DType::kF32, [](int64_t length, bool own) {
    return own ? 1.0F / static_cast<float>(length) : 0.0F;
  });
  return sum(x * reshape(weights, {x.size(0), x.size(1), 1}), 1);
}

}  // namespace gradus
