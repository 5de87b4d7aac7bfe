#include "gradus/data/audio_file.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/memory.h"

namespace gradus {
namespace {

// Bytes in memory as the library reads and writes a file.
struct MemoryFile {
  const char* from = nullptr;
  sf_count_t size = 0, at = 0;
  std::string* to = nullptr;  // where bytes are written
  bool hides_end = false;     // whether nobody learns how long it is
};

sf_count_t file_length(void* file) { return static_cast<MemoryFile*>(file)->size; }
sf_count_t file_tell(void* file) { return static_cast<MemoryFile*>(file)->at; }

sf_count_t file_seek(sf_count_t offset, int whence, void* user) {
  MemoryFile& file = *static_cast<MemoryFile*>(user);
  if (whence == SEEK_END && file.hides_end) return -1;
  const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.at : file.size;
  sf_count_t place = 0;
  if (__builtin_add_overflow(base, offset, &place) || place < 0) return -1;
  return file.at = place;
}

sf_count_t file_read(void* to, sf_count_t count, void* user) {
  MemoryFile& file = *static_cast<MemoryFile*>(user);
  const sf_count_t part = std::clamp<sf_count_t>(file.size - file.at, 0, std::max<sf_count_t>(count, 0));
  if (part > 0) std::memcpy(to, file.from + file.at, static_cast<size_t>(part));
  file.at += part;
  return part;
}

sf_count_t file_write(const void* from, sf_count_t count, void* user) {
  MemoryFile& file = *static_cast<MemoryFile*>(user);
  const auto begin = static_cast<size_t>(file.at), length = static_cast<size_t>(count);
  if (file.to->size() < begin + length) file.to->resize(begin + length);
  std::memcpy(file.to->data() + begin, from, length);
  file.at += count;
  file.size = static_cast<sf_count_t>(file.to->size());
  return count;
}

struct CloseSound {
  void operator()(SNDFILE* sound) const { sf_close(sound); }
};
using SoundHandle = std::unique_ptr<SNDFILE, CloseSound>;

SoundHandle open_memory(MemoryFile& file, int mode, SF_INFO& info) {
  SF_VIRTUAL_IO calls = {file_length, file_seek, file_read, file_write, file_tell};
  return SoundHandle(sf_open_virtual(&calls, mode, &info, &file));
}

// The library knows many more formats, most of them rare and little tried.
bool begins_like_sound(std::string_view bytes) {
  for (const std::string_view start : {"RIFF", "RF64", "fLaC", "OggS", "ID3"}) {
    if (bytes.starts_with(start)) return true;
  }
  // The eleven bits before a frame of MPEG audio.
  return bytes.size() >= 2 && bytes[0] == '\xff' && (static_cast<unsigned char>(bytes[1]) & 0xe0) == 0xe0;
}

bool is_known_format(int format) {
  const int major = format & SF_FORMAT_TYPEMASK;
  return major == SF_FORMAT_WAV || major == SF_FORMAT_WAVEX || major == SF_FORMAT_RF64 || major == SF_FORMAT_FLAC ||
         major == SF_FORMAT_OGG || major == SF_FORMAT_MPEG;
}

uint64_t little_endian(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

// A WAV file says its size, and the library does not mind if it is shorter. What was written to a pipe says 0 or the
// largest size.
void check_whole(std::string_view bytes, const std::string& source) {
  if (!bytes.starts_with("RIFF") || bytes.size() < 8) return;
  const uint64_t said = little_endian(bytes, 4, 4);
  if (said == 0 || said >= 0xFFFFFF00U || bytes.size() >= said + 8) return;
  fail(source, "ends at byte {}, and says at byte 4 that it has {}; it is cut short: make or fetch it again",
       bytes.size(), said + 8);
}

// An MP3 says its length in its first frame, if at all. Of others the library takes a length from the file's size: it
// would stop before the end, or miss what was never there.
bool is_mp3_of_no_length(std::string_view bytes) {
  constexpr size_t kHead = 10, kFirstFrame = 4096;
  size_t begin = 0;
  if (bytes.starts_with("ID3") && bytes.size() >= kHead) {  // a tag, whose size has 7 bits a byte
    for (size_t i = 6; i < kHead; ++i) begin = begin << 7 | (static_cast<unsigned char>(bytes[i]) & 0x7fU);
    begin += kHead;
  } else if (!bytes.starts_with('\xff')) {
    return false;
  }
  const std::string_view first = bytes.substr(std::min(begin, bytes.size()), kFirstFrame);
  return first.find("Xing") == first.npos && first.find("Info") == first.npos && first.find("VBRI") == first.npos;
}

// Of an OGG file of so many frames those before the last page. Further on, to seek Vorbis ends beside the frame: it
// counts from the end that a page says, and what the last one says is before its last block's.
int64_t frames_before_last_page(std::string_view bytes, int64_t frames) {
  constexpr size_t kPlace = 6, kWidth = 8;
  const auto place = [bytes](size_t page) {
    return page + kPlace + kWidth > bytes.size() ? -1
                                                 : static_cast<int64_t>(little_endian(bytes, page + kPlace, kWidth));
  };
  size_t page = bytes.rfind("OggS");
  if (page == bytes.npos) return 0;
  const int64_t end = place(page);
  int64_t before = -1;  // a page in which no block ends
  while (before < 0 && page > 0) {
    page = bytes.rfind("OggS", page - 1);
    if (page == bytes.npos) return 0;
    before = place(page);
  }
  return before <= 0 || before > end ? 0 : std::max<int64_t>(0, frames - (end - before));
}

// A sound that is open, of which the beginning was checked.
struct OpenSound {
  MemoryFile file;
  SF_INFO info = {};
  SoundHandle handle;
};

[[noreturn]] void fail_format(const std::string& source, std::string_view why) {
  fail(source, "is no sound that can be read ({}); expected WAV, FLAC, OGG or MP3", why);
}

void check_format(const std::string& source, int64_t channels, int64_t rate) {
  if (channels < 1 || channels > kMostChannels) {
    fail(source, "says that it has {} channels; expected 1 to {}", channels, kMostChannels);
  }
  if (rate < kLowestRate || rate > kHighestRate) {
    fail(source, "says that it has {} samples a second; expected {} to {}", rate, kLowestRate, kHighestRate);
  }
}

// The library does not say what is wrong with these numbers.
void check_wav_format(std::string_view bytes, const std::string& source) {
  constexpr size_t kFirstChunk = 12, kChunkHead = 8, kFormat = 8;
  if (bytes.substr(0, kFirstChunk).find("WAVE") != 8) return;
  for (size_t at = kFirstChunk; at + kChunkHead + kFormat <= bytes.size();) {
    const size_t data = at + kChunkHead, size = little_endian(bytes, at + 4, 4);
    if (bytes.substr(at, 4) == "fmt ") {
      return check_format(source, static_cast<int64_t>(little_endian(bytes, data + 2, 2)),
                          static_cast<int64_t>(little_endian(bytes, data + 4, 4)));
    }
    at = data + size + size % 2;
  }
}

void open_sound(std::string_view bytes, const std::string& source, OpenSound& sound) {
  if (bytes.empty()) fail(source, "is empty; expected a sound as WAV, FLAC, OGG or MP3");
  if (!begins_like_sound(bytes)) fail_format(source, "it begins like none");
  check_whole(bytes, source);
  check_wav_format(bytes, source);
  sound.file = {.from = bytes.data(), .size = static_cast<sf_count_t>(bytes.size())};
  sound.file.hides_end = is_mp3_of_no_length(bytes);
  sound.handle = open_memory(sound.file, SFM_READ, sound.info);
  if (sound.handle == nullptr) {
    std::string why = sf_strerror(nullptr);
    while (!why.empty() && (why.back() == '.' || why.back() == '\n')) why.pop_back();
    fail_format(source, why.starts_with("Internal error") ? "what it says of itself cannot be" : why);
  }
  const SF_INFO& info = sound.info;
  if (!is_known_format(info.format)) fail_format(source, "it is of another format");
  check_format(source, info.channels, info.samplerate);
  if (info.frames <= 0) fail(source, "has no samples; expected one at least");
}

// What the beginning says, or 0: libsndfile gives the largest number then.
int64_t frames_said(const SF_INFO& info) { return info.frames == SF_COUNT_MAX ? 0 : info.frames; }

void check_finite(const std::vector<float>& samples, int64_t channels, int64_t first, const std::string& source) {
  for (size_t i = 0; i < samples.size(); ++i) {
    if (std::isfinite(samples[i])) continue;
    const auto place = static_cast<int64_t>(i);
    fail(source, "the sample of channel {} in frame {} is {}; expected finite numbers", place % channels,
         first + place / channels, samples[i]);
  }
}

// Reads so many frames and forgets them; how many there were.
int64_t pass_over(OpenSound& sound, int64_t frames) {
  constexpr int64_t kAtOnce = 1 << 14;
  std::vector<float> samples(static_cast<size_t>(std::min(kAtOnce, frames) * sound.info.channels));
  int64_t passed = 0;
  while (passed < frames) {
    const int64_t part = std::min(kAtOnce, frames - passed);
    const int64_t got = sf_readf_float(sound.handle.get(), samples.data(), part);
    passed += std::max<int64_t>(got, 0);
    if (got < part) break;
  }
  return passed;
}

// Goes to a frame. Some formats can be read from their start alone, and a file whose end is hidden too.
void go_to(OpenSound& sound, int64_t frame, const std::string& source) {
  const bool is_read_on = sound.file.hides_end || sound.info.seekable == 0;
  const bool is_vorbis = (sound.info.format & SF_FORMAT_SUBMASK) == SF_FORMAT_VORBIS;
  int64_t to = is_read_on ? 0 : frame;
  if (is_vorbis && !is_read_on) {
    const std::string_view bytes(sound.file.from, static_cast<size_t>(sound.file.size));
    to = std::min(frame, frames_before_last_page(bytes, sound.info.frames));
  }
  int64_t at = to == 0 ? 0 : sf_seek(sound.handle.get(), to, SEEK_SET);
  if (at == to) at += pass_over(sound, frame - to);
  if (at == frame) return;
  fail(source, "frame {} is not there; it has {}", frame, is_read_on ? at : sound.info.frames);
}

// The bytes that so many frames may take. Asking for the free memory takes longer than reading a short sound.
int64_t room_for(int64_t frames, int64_t channels) {
  constexpr int64_t kAlwaysThere = int64_t{1} << 24;
  const int64_t width = channels * size_of(DType::kF32);
  return frames <= kAlwaysThere / width ? kAlwaysThere : memory_limit_bytes() - resident_bytes();
}

}  // namespace

Audio parse_audio(std::string_view bytes, const std::string& source, const AudioReadOptions& options) {
  constexpr int64_t kFramesAtOnce = 1 << 14;
  OpenSound sound;
  open_sound(bytes, source, sound);
  const int64_t said = frames_said(sound.info), channels = sound.info.channels;
  const int64_t most = options.frames.value_or(std::numeric_limits<int64_t>::max());
  const int64_t expected = said == 0 ? most : std::min(most, std::max<int64_t>(said - options.first_frame, 0));
  const int64_t most_bytes = options.most_bytes ? *options.most_bytes : room_for(expected, channels);
  const int64_t most_frames = most_bytes / (channels * size_of(DType::kF32));
  if (said > 0 && expected > most_frames) {
    fail(source, "its {} frames of {} channels take more than {} bytes, and there are no more for them; cut it",
         expected, channels, most_bytes);
  }
  go_to(sound, options.first_frame, source);
  std::vector<float> samples;
  int64_t frames = 0;
  while (frames < expected) {
    const int64_t part = std::min(kFramesAtOnce, expected - frames);
    samples.resize(static_cast<size_t>((frames + part) * channels));
    const int64_t got = sf_readf_float(sound.handle.get(), samples.data() + frames * channels, part);
    frames += std::max<int64_t>(got, 0);
    if (frames > most_frames) fail(source, "its samples take more than {} bytes; cut it", most_bytes);
    if (got < part) break;
  }
  samples.resize(static_cast<size_t>(frames * channels));
  if (said > 0 && frames < expected) {
    SNDFILE* const handle = sound.handle.get();
    fail(source, "ends or is damaged after frame {}, and says that it has {}: {}; make or fetch it again",
         options.first_frame + frames, said,
         sf_error(handle) == SF_ERR_NO_ERROR ? "the rest is missing" : sf_strerror(handle));
  }
  if (frames == 0) fail(source, "has no samples from frame {} on; expected one at least", options.first_frame);
  check_finite(samples, channels, options.first_frame, source);
  return {.samples = Tensor::from(samples, {frames, channels}), .rate = sound.info.samplerate};
}

AudioInfo parse_audio_info(std::string_view bytes, const std::string& source) {
  OpenSound sound;
  open_sound(bytes, source, sound);
  return {.frames = frames_said(sound.info), .channels = sound.info.channels, .rate = sound.info.samplerate};
}

Audio read_audio(const std::string& path, const AudioReadOptions& options) {
  return parse_audio(MappedFile(path).text(), path, options);
}

AudioInfo read_audio_info(const std::string& path) { return parse_audio_info(MappedFile(path).text(), path); }

std::string encode_wav(const Audio& audio) {
  const Tensor& samples = audio.samples;
  if (samples.rank() < 1 || samples.rank() > 2 || samples.numel() == 0 || !samples.is_contiguous()) {
    fail("wav", "samples of {}; expected (frames) or (frames, channels), not empty", samples.describe());
  }
  std::string bytes;
  MemoryFile file{.to = &bytes};
  SF_INFO info = {};
  info.samplerate = static_cast<int>(audio.rate);
  info.channels = samples.rank() == 2 ? static_cast<int>(samples.size(1)) : 1;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  SoundHandle sound = open_memory(file, SFM_WRITE, info);
  sf_command(sound.get(), SFC_SET_CLIPPING, nullptr, SF_TRUE);
  const sf_count_t count = samples.numel();
  if (sound == nullptr || sf_write_float(sound.get(), samples.data<float>(), count) != count) {
    fail("wav", "{} at a rate of {} cannot be written: {}", samples.describe(), audio.rate, sf_strerror(sound.get()));
  }
  sound.reset();  // which writes the sizes at the beginning
  return bytes;
}

}  // namespace gradus
