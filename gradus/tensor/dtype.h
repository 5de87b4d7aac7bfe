// Element types.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace gradus {

enum class DType : uint8_t { kF32, kF64, kBF16, kI64, kI32, kU8, kBool };

/// The upper half of an IEEE float: 8 bits of exponent, 7 of fraction. It is stored, converted and a factor of
/// products.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  /// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
  explicit BFloat16(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    const bool is_nan = (u & 0x7FFFFFFF) > 0x7F800000;
    bits = static_cast<uint16_t>(is_nan ? (u >> 16 | 0x40) : (u + 0x7FFF + (u >> 16 & 1)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
};

/// Bytes of one element.
constexpr int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kBF16:
      return 2;
    case DType::kU8:
    case DType::kBool:
      return 1;
  }
  return 0;
}

/// "f32", "f64", "bf16", "i64", "i32", "u8", "bool".
std::string_view name_of(DType dtype);
/// The reverse; a usage error that lists the names for anything else.
DType dtype_from_name(std::string_view name);

/// f32 and f64: the types that differentiable ops work in.
constexpr bool is_float(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF64; }

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  if constexpr (std::is_same_v<T, double>) return DType::kF64;
  if constexpr (std::is_same_v<T, BFloat16>) return DType::kBF16;
  if constexpr (std::is_same_v<T, int64_t>) return DType::kI64;
  if constexpr (std::is_same_v<T, int32_t>) return DType::kI32;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::kU8;
  if constexpr (std::is_same_v<T, bool>) return DType::kBool;
}

[[noreturn]] void fail_not_float(std::string_view op, DType dtype);

/// Calls `body(T{})` with T = float or double; any other dtype is an error that names `op`.
template <class Body>
decltype(auto) dispatch_float(std::string_view op, DType dtype, Body&& body) {
  if (dtype == DType::kF32) return body(float{});
  if (dtype == DType::kF64) return body(double{});
  fail_not_float(op, dtype);
}

/// Calls `body(T{})` with the element type of `dtype`.
template <class Body>
decltype(auto) dispatch_all(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::kF64:
      return body(double{});
    case DType::kBF16:
      return body(BFloat16{});
    case DType::kI64:
      return body(int64_t{});
    case DType::kI32:
      return body(int32_t{});
    case DType::kU8:
      return body(uint8_t{});
    case DType::kBool:
      return body(bool{});
    case DType::kF32:
      break;
  }
  return body(float{});
}

}  // namespace gradus
