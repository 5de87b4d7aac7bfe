#include "gradus/data/compression.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>
#include <new>
#include <span>

#include "gradus/base/error.h"

namespace gradus {
namespace {

constexpr std::string_view kGzipMark = "\x1F\x8B", kZstdMark = "\x28\xB5\x2F\xFD";

// Text that grows up to a limit, and one byte more, to see that there is more.
class Room {
 public:
  explicit Room(int64_t most_bytes) : most_(static_cast<size_t>(std::max<int64_t>(0, most_bytes))) {}

  // Where the next bytes go; at least one.
  std::span<char> next() {
    constexpr size_t kFirst = size_t{1} << 16;
    if (used_ == text_.size()) text_.resize(std::min(most_ + 1, std::max(kFirst, 2 * used_)));
    return {text_.data() + used_, text_.size() - used_};
  }
  void add(size_t bytes) { used_ += bytes; }
  bool is_over() const { return used_ > most_; }
  size_t most() const { return most_; }

  std::string finish() {
    text_.resize(used_);
    return std::move(text_);
  }

 private:
  size_t most_, used_ = 0;
  std::string text_;
};

void check_room(const Room& room, const std::string& source) {
  if (!room.is_over()) return;
  fail(source,
       "more than {} bytes when it is decompressed, which is half of the free memory; take a part of it, or a larger "
       "machine",
       room.most());
}

[[noreturn]] void fail_short(const std::string& source, const char* kind) {
  fail(source, "the {} data ends in its middle: the file was cut short; make or fetch it again", kind);
}

[[noreturn]] void fail_damaged(const std::string& source, const char* kind, size_t at, const char* reason) {
  fail(source, "the {} data is damaged before byte {} ({}); make or fetch it again", kind, at, reason);
}

[[noreturn]] void fail_behind(const std::string& source, const char* kind, size_t at) {
  fail(source, "from byte {} on there is something else behind the {} data; cut it off", at, kind);
}

// zlib's state of reading gzip (`bits` 15 + 16) or deflate (−15).
class Inflater {
 public:
  explicit Inflater(int bits) {
    if (::inflateInit2(&stream, bits) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { ::inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Takes from `bytes` what it needs to fill some of `to`; zlib's answer. Both get smaller.
  int step(std::string_view& bytes, std::span<char>& to) {
    constexpr size_t kMost = size_t{1} << 30;  // zlib counts with 32 bits
    const size_t in = std::min(bytes.size(), kMost), out = std::min(to.size(), kMost);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(to.data());
    stream.avail_out = static_cast<uInt>(out);
    const int answer = ::inflate(&stream, Z_NO_FLUSH);
    bytes.remove_prefix(in - stream.avail_in);
    to = to.subspan(out - stream.avail_out);
    if (answer == Z_MEM_ERROR) throw std::bad_alloc();
    return answer;
  }

  z_stream stream{};
};

void gunzip(std::string_view bytes, const std::string& source, Room& output) {
  constexpr int kGzip = 15 + 16;
  std::string_view rest = bytes;
  Inflater inflater(kGzip);
  while (true) {
    std::span<char> room = output.next();
    const size_t before = room.size();
    const int answer = inflater.step(rest, room);
    output.add(before - room.size());
    check_room(output, source);
    if (answer == Z_STREAM_END) {
      if (rest.empty()) return;
      if (!rest.starts_with(kGzipMark)) fail_behind(source, "gzip", bytes.size() - rest.size());
      ::inflateReset(&inflater.stream);
    } else if (answer == Z_BUF_ERROR || (answer == Z_OK && rest.empty() && !room.empty())) {
      fail_short(source, "gzip");
    } else if (answer != Z_OK) {
      const char* const reason = inflater.stream.msg;
      fail_damaged(source, "gzip", bytes.size() - rest.size(), reason != nullptr ? reason : "unknown");
    }
  }
}

void unzstd(std::string_view bytes, const std::string& source, Room& output) {
  constexpr int kWindowLog = 25;
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  if (!stream) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kWindowLog);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t answer = 0;  // 0 at a frame's end, else what it would like to have next
  do {
    const bool at_frame = answer == 0;
    const size_t frame = in.pos;
    const std::span<char> room = output.next();
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    answer = ZSTD_decompressStream(stream.get(), &out, &in);
    output.add(out.pos);
    check_room(output, source);
    const ZSTD_ErrorCode error = ZSTD_getErrorCode(answer);
    if (error == ZSTD_error_memory_allocation) throw std::bad_alloc();
    if (error == ZSTD_error_frameParameter_windowTooLarge) {
      fail(source, "the zstd data needs a window above {} MB; write it with zstd -19 or less, without --long",
           (1 << kWindowLog) >> 20);
    }
    if (error == ZSTD_error_prefix_unknown && at_frame) fail_behind(source, "zstd", frame);
    if (ZSTD_isError(answer) != 0) fail_damaged(source, "zstd", in.pos, ZSTD_getErrorName(answer));
    if (answer != 0 && in.pos == in.size && out.pos < out.size) fail_short(source, "zstd");
  } while (answer != 0 || in.pos < in.size);
}

}  // namespace

Compression compression_of(std::string_view bytes) {
  return bytes.starts_with(kGzipMark)   ? Compression::kGzip
         : bytes.starts_with(kZstdMark) ? Compression::kZstd
                                        : Compression::kNone;
}

std::string_view uncompressed_name(std::string_view name) {
  for (const std::string_view ending : {".gz", ".zst"}) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return name;
}

std::string decompressed(std::string_view bytes, const std::string& source, int64_t most_bytes) {
  Room output(most_bytes);
  switch (compression_of(bytes)) {
    case Compression::kGzip:
      gunzip(bytes, source, output);
      break;
    case Compression::kZstd:
      unzstd(bytes, source, output);
      break;
    case Compression::kNone:
      fail(source, "is named like compressed data (.gz or .zst), and does not begin like it; mend its name");
  }
  return output.finish();
}

std::string inflated(std::string_view bytes, int64_t size) {
  constexpr int kDeflate = -15;
  Inflater inflater(kDeflate);
  Room room(size);
  int answer = Z_OK;
  while (answer == Z_OK && !room.is_over()) {
    std::span<char> to = room.next();
    const size_t before = to.size();
    answer = inflater.step(bytes, to);
    room.add(before - to.size());
  }
  return answer == Z_STREAM_END || room.is_over() ? room.finish() : "";
}

uint32_t crc32_of(std::string_view bytes) {
  return static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace gradus
