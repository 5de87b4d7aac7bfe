#include "gradus/data/compression.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <utility>

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

  GrownText finish() {
    text_.resize(used_);
    return std::move(text_);
  }

 private:
  size_t most_, used_ = 0;
  GrownText text_;
};

void check_room(const Room& room, const std::string& source) {
  if (!room.is_over()) return;
  fail(source,
       "more than {} bytes when it is decompressed, which is half of the free memory; stream rows with data.rows "
       "= \"streamed\", take a part of it, or a larger machine",
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

// Compressed bytes as they come, and how many were taken.
class Bytes {
 public:
  explicit Bytes(Decompressor::Input input) : input_(std::move(input)) {}

  // What is left of the piece; asks for more if nothing is, and at least for `least`.
  std::string_view& rest(size_t least = 1) {
    while (rest_.size() < least && !is_over_) {
      const std::string_view more = input_();
      is_over_ = more.empty();
      if (is_over_) break;
      given_ += more.size();
      if (rest_.empty()) {
        rest_ = more;
      } else {
        joined_ = std::string(rest_).append(more);
        rest_ = joined_;
      }
    }
    return rest_;
  }
  bool is_over() const { return is_over_; }
  size_t taken() const { return given_ - rest_.size(); }

 private:
  Decompressor::Input input_;
  std::string_view rest_;
  std::string joined_;
  size_t given_ = 0;
  bool is_over_ = false;
};

class GzipReader : public Decompressor {
 public:
  GzipReader(std::string source, Input input) : source_(std::move(source)), bytes_(std::move(input)) {}

  size_t read(std::span<char> to) override {
    const size_t wanted = to.size();
    while (!to.empty() && begin_member()) {
      const int answer = inflater_.step(bytes_.rest(), to);
      if (answer == Z_STREAM_END) {
        is_between_ = true;
      } else if (answer == Z_BUF_ERROR || (answer == Z_OK && bytes_.is_over() && !to.empty())) {
        fail_short(source_, "gzip");
      } else if (answer != Z_OK) {
        const char* const reason = inflater_.stream.msg;
        fail_damaged(source_, "gzip", bytes_.taken(), reason != nullptr ? reason : "unknown");
      }
    }
    return wanted - to.size();
  }

 private:
  static constexpr int kGzip = 15 + 16;

  // Goes on with the next member, where one has ended; false at the end.
  bool begin_member() {
    if (!is_between_) return true;
    if (bytes_.rest(kGzipMark.size()).empty()) return false;
    if (!bytes_.rest().starts_with(kGzipMark)) fail_behind(source_, "gzip", bytes_.taken());
    ::inflateReset(&inflater_.stream);
    is_between_ = false;
    return true;
  }

  std::string source_;
  Bytes bytes_;
  Inflater inflater_{kGzip};
  bool is_between_ = false;
};

class ZstdReader : public Decompressor {
 public:
  ZstdReader(std::string source, Input input)
      : source_(std::move(source)), bytes_(std::move(input)), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (!stream_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kWindowLog);
  }

  size_t read(std::span<char> to) override {
    ZSTD_outBuffer out{to.data(), to.size(), 0};
    while (out.pos < out.size) {
      std::string_view& rest = bytes_.rest();
      if (is_between_ && rest.empty()) break;
      if (is_between_) frame_ = bytes_.taken();
      ZSTD_inBuffer in{rest.data(), rest.size(), 0};
      const size_t answer = ZSTD_decompressStream(stream_.get(), &out, &in);
      rest.remove_prefix(in.pos);
      check(answer);
      is_between_ = answer == 0;
      if (!is_between_ && rest.empty() && bytes_.is_over() && out.pos < out.size) fail_short(source_, "zstd");
    }
    return out.pos;
  }

 private:
  static constexpr int kWindowLog = 25;

  void check(size_t answer) const {
    const ZSTD_ErrorCode error = ZSTD_getErrorCode(answer);
    if (error == ZSTD_error_memory_allocation) throw std::bad_alloc();
    if (error == ZSTD_error_frameParameter_windowTooLarge) {
      fail(source_, "the zstd data needs a window above {} MB; write it with zstd -19 or less, without --long",
           (1 << kWindowLog) >> 20);
    }
    if (error == ZSTD_error_prefix_unknown) fail_behind(source_, "zstd", frame_);
    if (ZSTD_isError(answer) != 0) fail_damaged(source_, "zstd", bytes_.taken(), ZSTD_getErrorName(answer));
  }

  std::string source_;
  Bytes bytes_;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  bool is_between_ = true;
  size_t frame_ = 0;  // where the one that is being read began
};

}  // namespace

void GrownText::resize(size_t size) {
  if (size == 0) {
    std::free(std::exchange(bytes_, nullptr));
  } else {
    auto* const moved = static_cast<char*>(std::realloc(bytes_, size));
    if (moved == nullptr) throw std::bad_alloc();
    bytes_ = moved;
  }
  size_ = size;
}

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

std::unique_ptr<Decompressor> Decompressor::make(Compression kind, const std::string& source, Input input) {
  if (kind == Compression::kGzip) return std::make_unique<GzipReader>(source, std::move(input));
  if (kind == Compression::kZstd) return std::make_unique<ZstdReader>(source, std::move(input));
  fail(source, "is named like compressed data (.gz or .zst), and does not begin like it; mend its name");
}

GrownText decompressed(std::string_view bytes, const std::string& source, int64_t most_bytes) {
  const auto reader =
      Decompressor::make(compression_of(bytes), source, [left = bytes]() mutable { return std::exchange(left, {}); });
  Room output(most_bytes);
  for (bool ends = false; !ends;) {
    const std::span<char> room = output.next();
    const size_t got = reader->read(room);
    ends = got < room.size();
    output.add(got);
    check_room(output, source);
  }
  return output.finish();
}

GrownText inflated(std::string_view bytes, int64_t size) {
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
  return answer == Z_STREAM_END || room.is_over() ? room.finish() : GrownText();
}

uint32_t crc32_of(std::string_view bytes) {
  return static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace gradus
