// The tensor: one counted handle to a typed, strided view of shared storage.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gradus/tensor/dtype.h"
#include "gradus/tensor/pool.h"
#include "gradus/tensor/shape.h"

namespace gradus {

class Tensor;

namespace detail {
struct TensorState;
void destroy(TensorState* state);
}  // namespace detail

/// A handle to an n-dimensional array. Copying a handle shares the array; `clone` copies the elements.
/// Reading from several threads at once is safe, and so is counting handles; writing is not.
class Tensor {
 public:
  /// An undefined tensor: `defined()` is false, and every other question is an error that says so.
  Tensor() = default;
  Tensor(const Tensor& other);
  Tensor(Tensor&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Tensor& operator=(const Tensor& other);
  Tensor& operator=(Tensor&& other) noexcept;
  ~Tensor();

  /// Uninitialised elements. `Tensor::empty({2, 3})` is f32.
  static Tensor empty(const Shape& shape, DType dtype = DType::kF32);
  static Tensor zeros(const Shape& shape, DType dtype = DType::kF32);
  static Tensor full(const Shape& shape, double value, DType dtype = DType::kF32);
  /// A one-element tensor of rank 0.
  static Tensor scalar(double value, DType dtype = DType::kF32) { return full({}, value, dtype); }
  /// A copy of `values` in row-major order; their number must be the shape's.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }
  /// `count` values evenly spaced from `first` to `last`, both included.
  static Tensor linspace(double first, double last, int64_t count, DType dtype = DType::kF32);

  bool defined() const { return state_ != nullptr; }
  const Shape& shape() const;
  /// Distance in elements between neighbours along each dimension; 0 where a dimension is broadcast.
  const Shape& strides() const;
  int rank() const { return shape().rank(); }
  /// The size of one dimension; negative axes count from the end.
  int64_t size(int axis) const;
  int64_t numel() const;
  DType dtype() const;
  bool is_contiguous() const;

  /// The first element. `T` must be the element type. The elements lie row-major only if `is_contiguous()`.
  template <class T>
  const T* data() const;
  /// The same for writing; it marks the storage as changed, so that a stale saved value is found.
  template <class T>
  T* mutable_data();
  /// Untyped access for files and copies.
  const std::byte* bytes() const;
  std::byte* mutable_bytes();

  /// The value of a one-element tensor of any dtype.
  double item() const;
  /// All elements in row-major order, converted to T (float, double or int64_t).
  template <class T>
  std::vector<T> values() const;

  /// A view of the same storage. `offset` counts elements from this tensor's first. An error if an element would lie
  /// outside the storage. Not recorded on a tape.
  Tensor view(const Shape& shape, const Shape& strides, int64_t offset = 0) const;
  /// A contiguous copy of the elements in storage of its own. Not recorded on a tape.
  Tensor clone() const;
  /// The same elements, cut off from the tape: no gradient flows through it.
  Tensor detach() const;

  /// Asks for a gradient: ops on this tensor are recorded while a `Tape` lives. Only for f32 and f64, and only for a
  /// tensor that is not itself the result of a recorded op.
  Tensor& set_requires_grad(bool requires_grad = true);
  bool requires_grad() const;
  /// The gradient that `backward` accumulated; undefined if there is none.
  const Tensor& grad() const;
  void set_grad(Tensor grad);

  /// True for two handles of one tensor.
  bool is_same(const Tensor& other) const { return state_ == other.state_; }
  /// True if no other handle or view sees this storage, so that it may be changed in place.
  bool is_unique() const;
  /// "f32 (64, 128)": for messages.
  std::string describe() const;

  /// For the tape.
  detail::TensorState* state() const { return state_; }
  uint32_t version() const;

 private:
  explicit Tensor(detail::TensorState* state) : state_(state) {}
  detail::TensorState& checked() const;
  void check_type(DType requested) const;
  void check_view(const Shape& shape, const Shape& strides, int64_t offset) const;

  detail::TensorState* state_ = nullptr;
};

namespace detail {

[[noreturn]] void fail_undefined();

struct TensorState {
  std::atomic<int32_t> references{1};
  DType dtype = DType::kF32;
  bool requires_grad = false;
  bool contiguous = true;
  bool in_storage = false;  ///< Lies at the start of its storage's block; a view's state has a block of its own.
  void* node = nullptr;     ///< The tape node that made this tensor.
  uint64_t tape = 0;        ///< The generation of its tape; 0 for none.
  Block* storage = nullptr;
  std::byte* data = nullptr;  ///< The first element.
  Shape shape;
  Shape strides;
  Tensor grad;
};

}  // namespace detail

inline Tensor::Tensor(const Tensor& other) : state_(other.state_) {
  if (state_ != nullptr) state_->references.fetch_add(1, std::memory_order_relaxed);
}
inline Tensor::~Tensor() {
  if (state_ != nullptr && state_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) detail::destroy(state_);
}
inline Tensor& Tensor::operator=(const Tensor& other) {
  Tensor copy(other);
  std::swap(state_, copy.state_);
  return *this;
}
inline Tensor& Tensor::operator=(Tensor&& other) noexcept {
  Tensor moved(std::move(other));
  std::swap(state_, moved.state_);
  return *this;
}
inline detail::TensorState& Tensor::checked() const {
  if (state_ == nullptr) detail::fail_undefined();
  return *state_;
}
inline const Shape& Tensor::shape() const { return checked().shape; }
inline const Shape& Tensor::strides() const { return checked().strides; }
inline int64_t Tensor::numel() const { return checked().shape.numel(); }
inline DType Tensor::dtype() const { return checked().dtype; }
inline bool Tensor::is_contiguous() const { return checked().contiguous; }
inline bool Tensor::requires_grad() const { return checked().requires_grad; }
inline const Tensor& Tensor::grad() const { return checked().grad; }
inline const std::byte* Tensor::bytes() const { return checked().data; }
inline uint32_t Tensor::version() const { return checked().storage->version.load(std::memory_order_relaxed); }

inline std::byte* Tensor::mutable_bytes() {
  std::atomic<uint32_t>& version = checked().storage->version;
  version.store(version.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return state_->data;
}

template <class T>
const T* Tensor::data() const {
  if (dtype() != dtype_of<T>()) check_type(dtype_of<T>());
  return reinterpret_cast<const T*>(state_->data);
}

template <class T>
T* Tensor::mutable_data() {
  if (dtype() != dtype_of<T>()) check_type(dtype_of<T>());
  return reinterpret_cast<T*>(mutable_bytes());
}

}  // namespace gradus
