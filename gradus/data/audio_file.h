// Sound files: WAV, FLAC, OGG (Vorbis, Opus) and MP3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gradus/tensor/tensor.h"

namespace gradus {

/// A sound as it was sampled. A frame is the samples of all channels at one time.
struct Audio {
  Tensor samples;    ///< f32 (frames, channels), in [−1, 1] for what is stored as integers.
  int64_t rate = 0;  ///< Frames a second.
};

/// What the beginning of a file says of it.
struct AudioInfo {
  int64_t frames = 0;  ///< 0: it does not say.
  int64_t channels = 0;
  int64_t rate = 0;
};

struct AudioReadOptions {
  int64_t first_frame = 0;                 ///< Where to begin.
  std::optional<int64_t> frames = {};      ///< How many, at most. Unset: up to the end.
  std::optional<int64_t> most_bytes = {};  ///< What the samples may take. Unset: the free memory.
};

/// Files may have so many channels, and these rates; what claims to have others is damaged.
constexpr int64_t kMostChannels = 64;
constexpr int64_t kLowestRate = 1000, kHighestRate = 768'000;

/// Reads the sound that `bytes` are. The beginning is looked at first, and memory taken as samples come. Errors name
/// `source`: another format; nothing in it; a number of channels or a rate out of range; a file that ends before it
/// says that it does; more than `most_bytes`; a sample that is no finite number.
Audio parse_audio(std::string_view bytes, const std::string& source, const AudioReadOptions& options = {});
/// The same of a file.
Audio read_audio(const std::string& path, const AudioReadOptions& options = {});

/// What is said of the sound before its samples, with the same errors.
AudioInfo parse_audio_info(std::string_view bytes, const std::string& source);
AudioInfo read_audio_info(const std::string& path);

/// f32 samples (frames, channels), or (frames) of one channel, as a WAV file of 16 bits; what is outside [−1, 1] is
/// clipped.
std::string encode_wav(const Audio& audio);

}  // namespace gradus
