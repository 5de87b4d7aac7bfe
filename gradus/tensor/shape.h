// Shapes and strides: up to eight sizes, kept in place.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace gradus {

/// Sizes of a tensor's dimensions, or its strides in elements. At most `kMaxRank` entries.
class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) : Shape(std::span<const int64_t>(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return sizes_[static_cast<size_t>(axis)]; }
  int64_t& operator[](int axis) { return sizes_[static_cast<size_t>(axis)]; }
  const int64_t* begin() const { return sizes_.data(); }
  const int64_t* end() const { return sizes_.data() + rank_; }
  int64_t back() const { return sizes_[static_cast<size_t>(rank_ - 1)]; }
  void push_back(int64_t size);
  void erase(int axis);
  void insert(int axis, int64_t size);

  /// The product of all sizes; 1 for a scalar.
  int64_t numel() const {
    int64_t n = 1;
    for (const int64_t size : *this) n *= size;
    return n;
  }
  bool operator==(const Shape& other) const {
    return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
  }

 private:
  std::array<int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

/// "(64, 128)"; "()" for a scalar, "(3,)" for one dimension, as NumPy writes them.
std::string to_string(const Shape& shape);

/// Row-major strides of a shape.
Shape contiguous_strides(const Shape& shape);

/// NumPy's broadcasting of two shapes; an error naming `op` and both shapes if they do not fit.
Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b);

/// `axis` counted from the front; negative ones count from the end. An error naming `op` if it is out of range.
int normalize_axis(std::string_view op, int axis, int rank);

/// The shape with one axis summed away, or kept with size 1.
Shape reduced_shape(const Shape& shape, int axis, bool keep_dims);

}  // namespace gradus
