// Arrays in NumPy's own format, .npy (NumPy Enhancement Proposal 1, versions 1 to 3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

enum class NumpyKind : uint8_t { kFloat, kSigned, kUnsigned, kBoolean };

/// An array whose numbers are bytes of a file.
struct NumpyArray {
  NumpyKind kind = NumpyKind::kFloat;
  size_t item_bytes = 8;  ///< 4 or 8 of kFloat, 1, 2, 4 or 8 of whole numbers, 1 of kBoolean.
  bool is_big_endian = false;
  bool is_fortran = false;     ///< The first index is the fastest, else the last.
  std::vector<int64_t> shape;  ///< Each 0 or more.
  std::string_view data;       ///< Exactly as many bytes as the shape says.
};

/// Reads the header of an array that the whole of `bytes` is; `source` is its name in errors: another format or
/// version, a damaged header, numbers of another type, more or fewer bytes than the shape says.
NumpyArray parse_numpy_array(std::string_view bytes, const std::string& source);

}  // namespace gradus
