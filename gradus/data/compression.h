// Compressed files of data: gzip (RFC 1952) and zstd (RFC 8878).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace gradus {

enum class Compression : uint8_t { kNone, kGzip, kZstd };

/// What the first bytes say; no format that gradus reads begins like that.
Compression compression_of(std::string_view bytes);

/// A file's name without .gz or .zst at its end.
std::string_view uncompressed_name(std::string_view name);

/// Text of a size that is not known before. It grows without a copy beside it where the system can move its pages, and
/// what was not written yet takes no memory.
class GrownText {
 public:
  GrownText() = default;
  ~GrownText() { std::free(bytes_); }
  GrownText(GrownText&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  GrownText& operator=(GrownText&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::string_view view() const { return {bytes_, size_}; }
  char* data() { return bytes_; }
  size_t size() const { return size_; }
  /// New bytes have no value yet.
  void resize(size_t size);

 private:
  char* bytes_ = nullptr;
  size_t size_ = 0;
};

/// What the bytes of `source` stand for: gzip members or zstd frames, one behind the other. Errors name `source`: bytes
/// that are cut short, damaged (by their own sums too), followed by others, written with a window above 32 MB, or more
/// than `most_bytes`, which is seen before memory is taken for them.
GrownText decompressed(std::string_view bytes, const std::string& source, int64_t most_bytes);

/// What stands in compressed bytes that come in pieces.
class Decompressor {
 public:
  /// Gives the next bytes, which stay as they are until it is asked again; none at the end.
  using Input = std::function<std::string_view()>;

  /// `kind` is not kNone. Errors name `source` and are those of `decompressed`.
  static std::unique_ptr<Decompressor> make(Compression kind, const std::string& source, Input input);
  virtual ~Decompressor() = default;

  /// The next bytes: fewer than `to` has only at the end.
  virtual size_t read(std::span<char> to) = 0;
};

/// What the deflate data (RFC 1951) in `bytes` stands for, up to `size` bytes and one more; nothing if it is damaged or
/// cut short. Memory is taken as it grows.
GrownText inflated(std::string_view bytes, int64_t size);

/// CRC-32, as gzip and zip have it.
uint32_t crc32_of(std::string_view bytes);

}  // namespace gradus
