// The safetensors format: an 8-byte header length, a JSON header, the tensors' bytes.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gradus/tensor/tensor.h"

namespace gradus {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// What a safetensors file holds, in the order of the data.
struct Safetensors {
  NamedTensors tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor of that name, or an undefined one.
  Tensor find(std::string_view name) const;
};

/// Reads a file. Everything is checked before memory is taken for it: the header's length against the file's, each
/// dtype, each shape's product against its range, ranges inside the file, without gaps or overlap, no name twice. The
/// tensors are copies: the file may change afterwards. Errors name the path, the tensor or byte, what was found and
/// what was expected. dtypes: F32, F64, BF16, I64, I32, U8, BOOL.
Safetensors read_safetensors(const std::filesystem::path& path);
/// The same of bytes at hand; messages call them `file`.
Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& file);

/// Writes the tensors in this order, whole or not at all. Non-contiguous ones are copied; names must be distinct.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// Takes the next bytes of a file.
using ByteWriter = std::function<void(const void* data, size_t bytes)>;
/// The same into `write`, which is called once for the header and then once for each tensor, in order; messages call
/// the file `file`.
void write_safetensors(const ByteWriter& write, const std::string& file, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace gradus
