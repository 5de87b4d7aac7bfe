#include "gradus/data/file_contents.h"

#include <filesystem>
#include <system_error>

#include "gradus/base/memory.h"
#include "gradus/data/compression.h"

namespace gradus {

int64_t most_contents_bytes() { return (memory_limit_bytes() - resident_bytes()) / 2; }

FileContents::FileContents(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    mapped_.emplace(path);
    bytes_ = {reinterpret_cast<const char*>(mapped_->bytes().data()), mapped_->bytes().size()};
  } else {
    own_ = read_file(path, most_contents_bytes());  // a pipe, or the error of what cannot be read
    bytes_ = own_;
  }
  if (compression_of(bytes_) == Compression::kNone && uncompressed_name(path) == path) return;
  is_compressed_ = true;
  own_ = decompressed(bytes_, path, most_contents_bytes());
  bytes_ = own_;
  mapped_.reset();
}

}  // namespace gradus
