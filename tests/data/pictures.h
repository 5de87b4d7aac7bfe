// Pictures by a formula, which tools/make_image_references.py has too.
#pragma once

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "gradus/data/image.h"

namespace gradus {

/// The high bits of a linear congruential generator.
inline Image pattern(int64_t height, int64_t width, int64_t channels, uint64_t seed) {
  Image image = blank_image(height, width, channels);
  for (uint8_t& sample : image.bytes) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    sample = static_cast<uint8_t>((seed >> 33) % 256);
  }
  return image;
}

/// A table of tests/references/images.json.
inline nlohmann::json image_references(const char* table) {
  std::ifstream file(GRADUS_SOURCE_DIR "/tests/references/images.json");
  return nlohmann::json::parse(file).at(table);
}

/// The bytes that stand in a file of pictures as two digits each.
inline std::string bytes_of_hex(const std::string& digits) {
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

/// The bytes of the file of that name in the table "files".
inline std::string picture_file(const std::string& name) {
  for (const nlohmann::json& row : image_references("files")) {
    if (row.at("name") == name) return bytes_of_hex(row.at("file"));
  }
  throw std::runtime_error("there is no picture " + name);
}

}  // namespace gradus
