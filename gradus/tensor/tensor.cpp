#include "gradus/tensor/tensor.h"

#include <cstring>
#include <new>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {

std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF64:
      return "f64";
    case DType::kBF16:
      return "bf16";
    case DType::kI64:
      return "i64";
    case DType::kI32:
      return "i32";
    case DType::kU8:
      return "u8";
    case DType::kBool:
      return "bool";
  }
  return "?";
}

DType dtype_from_name(std::string_view name) {
  for (const DType dtype :
       {DType::kF32, DType::kF64, DType::kBF16, DType::kI64, DType::kI32, DType::kU8, DType::kBool}) {
    if (name == name_of(dtype)) return dtype;
  }
  fail_usage("dtype", "\"{}\" is not known; expected f32, f64, bf16, i64, i32, u8 or bool", name);
}

void fail_not_float(std::string_view op, DType dtype) {
  fail(op, "works on f32 and f64, not on {}; convert with cast", name_of(dtype));
}

namespace detail {

void fail_undefined() { fail("tensor", "an undefined tensor is used; give it a value first"); }

// A fresh tensor is one block: its state, then its elements. It stays as long as a view needs the elements.
static constexpr int64_t kStateBytes = (sizeof(TensorState) + 63) / 64 * 64;

// States of views come from the pool too: a steady step takes nothing from the heap.
static TensorState* new_state() {
  Block* block = allocate_block(sizeof(TensorState));
  return new (block->data()) TensorState;
}

void destroy(TensorState* state) {
  Block* const storage = state->storage;
  const bool in_storage = state->in_storage;
  state->~TensorState();
  if (!in_storage) release(reinterpret_cast<Block*>(reinterpret_cast<std::byte*>(state) - Block::kDataOffset));
  release(storage);
}

}  // namespace detail

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  int64_t bytes = size_of(dtype);
  for (const int64_t size : shape) {
    if (size < 0) fail("tensor", "a dimension of {} has a negative size", to_string(shape));
    if (__builtin_mul_overflow(bytes, size, &bytes)) fail("tensor", "shape {} is too large", to_string(shape));
  }
  if (__builtin_add_overflow(bytes, detail::kStateBytes, &bytes)) {
    fail("tensor", "shape {} is too large", to_string(shape));
  }
  detail::Block* storage = detail::allocate_block(bytes);
  detail::TensorState* state = new (storage->data()) detail::TensorState;
  state->in_storage = true;
  state->storage = storage;
  state->data = storage->data() + detail::kStateBytes;
  state->dtype = dtype;
  state->shape = shape;
  state->strides = contiguous_strides(shape);
  return Tensor(state);
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor t = empty(shape, dtype);
  std::memset(t.mutable_bytes(), 0, static_cast<size_t>(t.numel() * size_of(dtype)));
  return t;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor t = empty(shape, dtype);
  dispatch_all(dtype, [&]<class T>(T) {
    T element;
    if constexpr (std::is_same_v<T, BFloat16>) {
      element = BFloat16(static_cast<float>(value));
    } else {
      element = static_cast<T>(value);
    }
    std::fill_n(t.mutable_data<T>(), t.numel(), element);
  });
  return t;
}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  if (static_cast<int64_t>(values.size()) != shape.numel()) {
    fail("tensor", "{} values for shape {}, which has {}", values.size(), to_string(shape), shape.numel());
  }
  Tensor t = empty(shape, dtype_of<T>());
  std::copy(values.begin(), values.end(), t.mutable_data<T>());
  return t;
}

template Tensor Tensor::from(std::span<const float>, const Shape&);
template Tensor Tensor::from(std::span<const double>, const Shape&);
template Tensor Tensor::from(std::span<const int64_t>, const Shape&);
template Tensor Tensor::from(std::span<const int32_t>, const Shape&);
template Tensor Tensor::from(std::span<const uint8_t>, const Shape&);

Tensor Tensor::linspace(double first, double last, int64_t count, DType dtype) {
  Tensor t = empty({count}, dtype);
  dispatch_float("linspace", dtype, [&]<class T>(T) {
    T* out = t.mutable_data<T>();
    for (int64_t i = 0; i < count; ++i) {
      const double part = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
      out[i] = static_cast<T>(first + (last - first) * part);
    }
  });
  return t;
}

int64_t Tensor::size(int axis) const { return shape()[normalize_axis("size", axis, rank())]; }

void Tensor::check_type(DType requested) const {
  if (requested != dtype()) {
    fail("tensor", "elements of {} read as {}; convert with cast", describe(), name_of(requested));
  }
}

double Tensor::item() const {
  if (numel() != 1) fail("item", "{} has {} elements; item() needs one", describe(), numel());
  return dispatch_all(dtype(), [&]<class T>(T) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      return static_cast<double>(static_cast<float>(*data<T>()));
    } else {
      return static_cast<double>(*data<T>());
    }
  });
}

template <class T>
std::vector<T> Tensor::values() const {
  const Tensor converted = kernels::contiguous(kernels::cast(*this, dtype_of<T>()));
  const T* first = converted.data<T>();
  return std::vector<T>(first, first + converted.numel());
}

template std::vector<float> Tensor::values() const;
template std::vector<double> Tensor::values() const;
template std::vector<int64_t> Tensor::values() const;

void Tensor::check_view(const Shape& shape, const Shape& strides, int64_t offset) const {
  const detail::TensorState& own = checked();
  std::byte* const begin = own.storage->data();
  const int64_t element = size_of(own.dtype), before = (own.data - begin) / element;
  const int64_t capacity = (own.storage->bytes - static_cast<int64_t>(detail::Block::kDataOffset)) / element;
  bool good = shape.rank() == strides.rank();
  int64_t last = 0, way = 0;
  bool empty = false;
  good = good && !__builtin_add_overflow(before, offset, &last);
  for (int i = 0; i < shape.rank() && good; ++i) {
    empty = empty || shape[i] == 0;
    good = shape[i] >= 0 && strides[i] >= 0 && !__builtin_mul_overflow(shape[i] - 1, strides[i], &way) &&
           !__builtin_add_overflow(last, way, &last);
  }
  if (good && (empty || (before + offset >= 0 && last < capacity))) return;
  fail("view", "shape {}, strides {} at {} do not fit into the storage of {}", to_string(shape), to_string(strides),
       offset, describe());
}

Tensor Tensor::view(const Shape& shape, const Shape& strides, int64_t offset) const {
  check_view(shape, strides, offset);
  detail::TensorState& own = checked();
  detail::TensorState* state = detail::new_state();
  detail::retain(own.storage);
  state->storage = own.storage;
  state->data = own.data + offset * size_of(dtype());
  state->dtype = dtype();
  state->shape = shape;
  state->strides = strides;
  state->contiguous = true;
  int64_t expected = 1;  // sizes of one may have any stride
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] != 1 && strides[i] != expected) state->contiguous = false;
    expected *= shape[i];
  }
  return Tensor(state);
}

Tensor Tensor::clone() const { return kernels::copy(*this); }

Tensor Tensor::detach() const { return view(shape(), strides()); }

Tensor& Tensor::set_requires_grad(bool requires_grad) {
  if (requires_grad && !is_float(dtype())) {
    fail("requires_grad", "{} cannot have a gradient; only f32 and f64 can", describe());
  }
  if (checked().tape != 0) {
    fail("requires_grad", "{} is the result of a recorded op; use detach() to start anew from it", describe());
  }
  state_->requires_grad = requires_grad;
  return *this;
}

void Tensor::set_grad(Tensor grad) {
  if (grad.defined() && (!(grad.shape() == shape()) || grad.dtype() != dtype())) {
    fail("set_grad", "a gradient of {} for a tensor of {}", grad.describe(), describe());
  }
  checked().grad = std::move(grad);
}

bool Tensor::is_unique() const {
  return checked().references.load(std::memory_order_acquire) == 1 &&
         state_->storage->references.load(std::memory_order_acquire) == 1;
}

std::string Tensor::describe() const {
  if (!defined()) return "an undefined tensor";
  return fmt::format("{} {}", name_of(dtype()), to_string(shape()));
}

}  // namespace gradus
