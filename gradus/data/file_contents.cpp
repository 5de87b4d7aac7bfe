#include "gradus/data/file_contents.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "gradus/base/input_file.h"
#include "gradus/base/memory.h"
#include "gradus/data/compression.h"

namespace gradus {

int64_t most_contents_bytes() { return (memory_limit_bytes() - resident_bytes()) / 2; }

FileContents::FileContents(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    mapped_.emplace(path);
    bytes_ = mapped_->text();
  } else {
    own_ = read_file(path, most_contents_bytes());  // a pipe, or the error of what cannot be read
    bytes_ = own_;
  }
  if (compression_of(bytes_) == Compression::kNone && uncompressed_name(path) == path) return;
  is_compressed_ = true;
  decompressed_ = decompressed(bytes_, path, most_contents_bytes());
  bytes_ = decompressed_.view();
  mapped_.reset();
}

bool is_compressed_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  if (uncompressed_name(path) != path) return true;
  char first[8];
  return compression_of({first, InputFile(path).read(first, sizeof first)}) != Compression::kNone;
}

void release_pages(std::string_view mapped, size_t begin, size_t end) {
  constexpr size_t kAround = size_t{64} << 10;  // that Linux maps with a page, as long as nobody sets it otherwise
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(mapped.data());
  const uintptr_t from = address + begin - std::min(begin, kAround);
  const uintptr_t to = address + std::min(mapped.size(), end + kAround);
  const uintptr_t first = (from + page - 1) / page * page, stop = to / page * page;
  if (first < stop) ::madvise(reinterpret_cast<void*>(first), stop - first, MADV_DONTNEED);  // advice may be refused
}

}  // namespace gradus
