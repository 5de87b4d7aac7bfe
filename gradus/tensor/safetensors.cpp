#include "gradus/tensor/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <unordered_set>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr std::string_view kMetadataKey = "__metadata__";

struct DTypeName {
  std::string_view name;
  DType dtype;
};
constexpr DTypeName kDTypeNames[] = {{"F32", DType::kF32},  {"F64", DType::kF64}, {"BF16", DType::kBF16},
                                     {"I64", DType::kI64},  {"I32", DType::kI32}, {"U8", DType::kU8},
                                     {"BOOL", DType::kBool}};

/// A tensor as the header describes it.
struct Entry {
  std::string name;
  const DTypeName* dtype = nullptr;
  std::optional<Shape> shape;
  std::vector<int64_t> range;  ///< begin and end, in bytes from the header's end

  int64_t begin() const { return range[0]; }
  int64_t end() const { return range[1]; }
};

/// Takes the header's JSON piece by piece, so that no piece of a wrong header takes memory and no name is lost.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string file) : file_(std::move(file)) {}

  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  bool null() override { unexpected("null"); }
  bool boolean(bool value) override { unexpected(value ? "true" : "false"); }
  bool number_integer(int64_t value) override { unexpected(std::to_string(value)); }
  bool number_float(double, const std::string& text) override { unexpected(text); }
  bool binary(nlohmann::json::binary_t&) override { unexpected("binary data"); }

  bool number_unsigned(uint64_t value) override {
    if (place_ != Place::kShape && place_ != Place::kRange) unexpected(std::to_string(value));
    if (value > uint64_t{std::numeric_limits<int64_t>::max()}) unexpected(std::to_string(value));
    if (place_ == Place::kShape) {
      if (entry_.shape->rank() == Shape::kMaxRank) {
        fail(file_, "tensor \"{}\" has more than {} dimensions", name_, Shape::kMaxRank);
      }
      entry_.shape->push_back(static_cast<int64_t>(value));
    } else {
      if (entry_.range.size() == 2) fail(file_, "tensor \"{}\": data_offsets has more than 2 numbers", name_);
      entry_.range.push_back(static_cast<int64_t>(value));
    }
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == Place::kMetadata) {
      metadata[field_] = value;
    } else if (place_ == Place::kTensor && field_ == "dtype") {
      entry_.dtype = std::find_if(std::begin(kDTypeNames), std::end(kDTypeNames),
                                  [&](const DTypeName& known) { return known.name == value; });
      if (entry_.dtype == std::end(kDTypeNames)) {
        fail(file_, "tensor \"{}\": dtype {} is not known; expected F32, F64, BF16, I64, I32, U8 or BOOL", name_,
             value);
      }
    } else {
      unexpected('"' + value + '"');
    }
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == Place::kFile) {
      place_ = Place::kNames;
    } else if (place_ == Place::kNames) {
      place_ = name_ == kMetadataKey ? Place::kMetadata : Place::kTensor;
      entry_ = Entry{name_, nullptr, std::nullopt, {}};
      fields_.clear();
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(std::string& key) override {
    if (place_ == Place::kNames) {
      name_ = key;
      if (!names_.insert(key).second) fail(file_, "the name \"{}\" appears twice in the header", key);
      return true;
    }
    field_ = key;
    if (!fields_.insert(key).second) fail(file_, "\"{}\": the field \"{}\" appears twice", name_, key);
    if (place_ == Place::kTensor && key != "dtype" && key != "shape" && key != "data_offsets") {
      fail(file_, "tensor \"{}\": unknown field \"{}\"; expected dtype, shape and data_offsets", name_, key);
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTensor) finish_tensor();
    place_ = place_ == Place::kNames ? Place::kFile : Place::kNames;
    return true;
  }

  bool start_array(size_t) override {
    if (place_ != Place::kTensor || field_ == "dtype") unexpected("an array");
    place_ = field_ == "shape" ? Place::kShape : Place::kRange;
    if (place_ == Place::kShape) entry_.shape.emplace();
    return true;
  }

  bool end_array() override {
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) override {
    // The library's text ends with what it met and what it expected there.
    const std::string_view text = error.what();
    const size_t detail = text.find(": ");
    fail(file_, "the header is not valid JSON at byte {} of the file: {}", kLengthBytes + position - 1,
         detail == std::string_view::npos ? text : text.substr(detail + 2));
  }

 private:
  enum class Place : uint8_t { kFile, kNames, kTensor, kMetadata, kShape, kRange };

  void finish_tensor() {
    const auto need = [&](bool present, std::string_view field) {
      if (!present) fail(file_, "tensor \"{}\" has no {}", name_, field);
    };
    need(entry_.dtype != nullptr, "dtype");
    need(entry_.shape.has_value(), "shape");
    need(entry_.range.size() == 2, "data_offsets of two numbers");
    entries.push_back(std::move(entry_));
  }

  [[noreturn]] void unexpected(std::string_view found) const {
    switch (place_) {
      case Place::kFile:
        fail(file_, "the header is {}; expected an object of tensors", found);
      case Place::kNames:
        fail(file_, "\"{}\" is {}; expected an object", name_, found);
      case Place::kMetadata:
        fail(file_, "{} \"{}\" is {}; expected a string", kMetadataKey, field_, found);
      case Place::kTensor:
        fail(file_, "tensor \"{}\": {} is {}; expected {}", name_, field_, found,
             field_ == "dtype" ? "a string" : "an array of integers from 0");
      case Place::kShape:
      case Place::kRange:
        fail(file_, "tensor \"{}\": {} holds {}; expected integers from 0", name_, field_, found);
    }
    std::abort();
  }

  std::string file_;
  Place place_ = Place::kFile;
  std::string name_;   ///< the last key of the outer object
  std::string field_;  ///< the last key of the inner one
  Entry entry_;
  std::unordered_set<std::string> names_, fields_;
};

/// The header's bytes, after checking its length.
std::span<const std::byte> header_of(const std::string& file, std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) {
    fail(file, "has {} bytes; a safetensors file starts with the {} bytes of its header's length", bytes.size(),
         kLengthBytes);
  }
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kMaxHeaderBytes) fail(file, "a header of {} bytes; at most {} are read", length, kMaxHeaderBytes);
  if (length > bytes.size() - kLengthBytes) {
    fail(file, "a header of {} bytes in a file of {}; the file is cut short, or no safetensors file", length,
         bytes.size());
  }
  const std::span<const std::byte> header = bytes.subspan(kLengthBytes, length);
  if (header.empty() || header[0] != std::byte{'{'}) fail(file, "the header does not start with '{{' at byte 8");
  return header;
}

void check_size(const std::string& file, const Entry& entry) {
  int64_t bytes = size_of(entry.dtype->dtype);
  for (const int64_t size : *entry.shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) {
      fail(file, "tensor \"{}\": shape {} is too large", entry.name, to_string(*entry.shape));
    }
  }
  if (entry.begin() > entry.end()) {
    fail(file, "tensor \"{}\": data_offsets [{}, {}] end before they begin", entry.name, entry.begin(), entry.end());
  }
  if (entry.end() - entry.begin() != bytes) {
    fail(file, "tensor \"{}\": {} {} needs {} bytes, but data_offsets [{}, {}] hold {}", entry.name, entry.dtype->name,
         to_string(*entry.shape), bytes, entry.begin(), entry.end(), entry.end() - entry.begin());
  }
}

/// Checks every range against its shape, its neighbours and the file, and puts the entries in the order of the data.
void check_entries(const std::string& file, std::vector<Entry>& entries, int64_t data_bytes) {
  for (const Entry& entry : entries) check_size(file, entry);
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.range < b.range; });
  int64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin() != expected) {
      fail(file, "tensor \"{}\": data_offsets [{}, {}] {}; expected them to begin at {}", entry.name, entry.begin(),
           entry.end(), entry.begin() < expected ? "overlap the tensor before" : "leave a gap", expected);
    }
    if (entry.end() > data_bytes) {
      fail(file, "tensor \"{}\": data_offsets [{}, {}] end after the file's {} bytes of data; the file is cut short",
           entry.name, entry.begin(), entry.end(), data_bytes);
    }
    expected = entry.end();
  }
  if (expected != data_bytes) fail(file, "{} bytes after the last tensor's end", data_bytes - expected);
}

Tensor read_tensor(const std::string& file, const Entry& entry, std::span<const std::byte> data) {
  const std::span<const std::byte> source =
      data.subspan(static_cast<size_t>(entry.begin()), static_cast<size_t>(entry.end() - entry.begin()));
  if (entry.dtype->dtype == DType::kBool) {  // any other byte in a bool is undefined behaviour
    const auto wrong = std::find_if(source.begin(), source.end(), [](std::byte b) { return b > std::byte{1}; });
    if (wrong != source.end()) {
      fail(file, "tensor \"{}\": element {} is the byte {}; a BOOL is 0 or 1", entry.name, wrong - source.begin(),
           static_cast<int>(*wrong));
    }
  }
  Tensor tensor = Tensor::empty(*entry.shape, entry.dtype->dtype);
  if (!source.empty()) std::memcpy(tensor.mutable_bytes(), source.data(), source.size());
  return tensor;
}

/// A JSON string, quoted and escaped.
std::string quoted(const std::string& file, const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(file, "the name or text {} is not valid UTF-8",
         nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
}

std::string metadata_entry(const std::string& file, const std::map<std::string, std::string>& metadata) {
  std::string text;
  for (const auto& [key, value] : metadata) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", quoted(file, key), quoted(file, value));
  }
  return fmt::format("\"{}\":{{{}}}", kMetadataKey, text);
}

std::string tensor_entry(const std::string& file, const std::string& name, const Tensor& tensor, int64_t begin) {
  const DTypeName* dtype = std::find_if(std::begin(kDTypeNames), std::end(kDTypeNames),
                                        [&](const DTypeName& known) { return known.dtype == tensor.dtype(); });
  std::string shape;
  for (const int64_t size : tensor.shape()) shape += (shape.empty() ? "" : ",") + std::to_string(size);
  return fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", quoted(file, name), dtype->name,
                     shape, begin, begin + tensor.numel() * size_of(tensor.dtype()));
}

std::string write_header(const std::string& file, const NamedTensors& tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::string header = "{";
  if (!metadata.empty()) header += metadata_entry(file, metadata);
  std::unordered_set<std::string_view> names;
  int64_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined()) fail(file, "tensor \"{}\" is undefined and can not be written", name);
    if (name == kMetadataKey) fail(file, "a tensor can not have the name \"{}\"", name);
    if (!names.insert(name).second) fail(file, "two tensors have the name \"{}\"", name);
    if (header.size() > 1) header += ',';
    header += tensor_entry(file, name, tensor, begin);
    begin += tensor.numel() * size_of(tensor.dtype());
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the data starts at a multiple of 8
  if (header.size() > kMaxHeaderBytes) {
    fail(file, "a header of {} bytes; the format allows {}", header.size(), kMaxHeaderBytes);
  }
  return header;
}

}  // namespace

Tensor Safetensors::find(std::string_view name) const {
  for (const auto& [tensor_name, tensor] : tensors) {
    if (tensor_name == name) return tensor;
  }
  return {};
}

Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& file) {
  const std::span<const std::byte> header = header_of(file, bytes);
  HeaderReader reader(file);
  const char* text = reinterpret_cast<const char*>(header.data());
  nlohmann::json::sax_parse(text, text + header.size(), &reader);
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + header.size());
  check_entries(file, reader.entries, static_cast<int64_t>(data.size()));
  Safetensors result;
  result.metadata = std::move(reader.metadata);
  for (const Entry& entry : reader.entries) result.tensors.emplace_back(entry.name, read_tensor(file, entry, data));
  return result;
}

Safetensors read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(MappedFile(path).bytes(), path.string());
}

void write_safetensors(const ByteWriter& write, const std::string& file, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = write_header(file, tensors, metadata);
  const uint64_t length = header.size();
  std::string start(reinterpret_cast<const char*>(&length), sizeof(length));
  start += header;
  write(start.data(), start.size());
  for (const auto& [name, tensor] : tensors) {
    const Tensor contiguous = kernels::contiguous(tensor);
    write(contiguous.bytes(), static_cast<size_t>(contiguous.numel() * size_of(contiguous.dtype())));
  }
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  AtomicFile file(path);
  write_safetensors([&](const void* data, size_t bytes) { file.write(data, bytes); }, path.string(), tensors, metadata);
  file.commit();
}

}  // namespace gradus
