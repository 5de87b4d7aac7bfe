// IDX files by hand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// A file of this type of numbers (8 is u8) and shape, with `data` behind the sizes.
inline std::string idx_bytes(int type, const std::vector<uint32_t>& shape, const std::string& data) {
  std::string bytes(2, '\0');
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(shape.size());
  for (const uint32_t size : shape) {
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 0xff);
  }
  return bytes + data;
}

}  // namespace gradus
