// The tables of tests/references/clustering.json, made by the formulas of tools/make_clustering_references.py.
#pragma once

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "gradus/tensor/tensor.h"
#include "tests/testing.h"

namespace gradus {

inline const nlohmann::json& clustering_references() {
  static const auto all = nlohmann::json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/clustering.json"));
  return all;
}

inline Tensor clustering_table(const nlohmann::json& t) {
  const int64_t rows = t["rows"], columns = t["columns"], blobs = t["blobs"], repeat = t.value("repeat", int64_t{0});
  const double offset = t.value("offset", 0.0), spread = t.value("spread", 1.0), width = t.value("width", 1.0);
  std::vector<float> values;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t i = repeat > 0 ? row % repeat : row, b = i % blobs;
    for (int64_t j = 0; j < columns; ++j) {
      const auto noise = static_cast<double>((i * i * 31 + i * 17 + j * j * 101 + j * 53 + i * j * 7) % 1009);
      const auto center = static_cast<double>((b * b * 13 + b * 29 + j * 37 * (b + 1)) % 64);
      values.push_back(static_cast<float>(offset + spread * center / 4 + width * (noise / 256 - 2)));
    }
  }
  return Tensor::from(values, {rows, columns});
}

/// The penguins' four measurements, without the rows that miss one.
inline Tensor penguins(const std::filesystem::path& shared) {
  std::istringstream file(slurp(shared / "tabular/penguins.csv"));
  std::vector<float> values;
  std::string line, field;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::vector<std::string> all;
    while (std::getline(fields, field, ',')) all.push_back(field);
    if (all[2] == "NA") continue;
    for (size_t i = 2; i < 6; ++i) values.push_back(std::stof(all[i]));
  }
  const auto rows = static_cast<int64_t>(values.size() / 4);
  return Tensor::from(values, {rows, 4});
}

/// The pixels of the first images, from 0 to 1.
inline Tensor mnist(const std::filesystem::path& shared, int64_t count) {
  const std::string command = "gzip -dc '" + (shared / "images/t10k-images-idx3-ubyte.gz").string() + "'";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<unsigned char, 16> header;
  std::vector<unsigned char> pixels(static_cast<size_t>(count * 784));
  EXPECT_EQ(std::fread(header.data(), 1, header.size(), pipe), header.size());
  EXPECT_EQ(std::fread(pixels.data(), 1, pixels.size(), pipe), pixels.size());
  ::pclose(pipe);
  std::vector<float> values;
  for (const unsigned char pixel : pixels) values.push_back(static_cast<float>(pixel) / 255.0F);
  return Tensor::from(values, {count, 784});
}

/// The table of that name; undefined if it is a file that is not there.
inline Tensor clustering_data(const std::string& name) {
  const std::filesystem::path shared = GRADUS_SOURCE_DIR "/../shared/data";
  if (name == "penguins" || name == "mnist") {
    if (!std::filesystem::exists(shared)) return {};
    return name == "mnist" ? mnist(shared, 2000) : penguins(shared);
  }
  const Tensor table = clustering_table(clustering_references()["tables"][name]);
  if (name != "constant_column") return table;
  std::vector<float> values;
  for (const float value : table.values<float>()) values.insert(values.end(), {value, 2.5F});
  return Tensor::from(values, {table.size(0), 2});
}

}  // namespace gradus
