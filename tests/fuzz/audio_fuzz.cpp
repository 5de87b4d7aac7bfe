// Arbitrary bytes as a sound: refused, or finite samples, with a rate and a number of channels within range.
#include "gradus/data/audio_file.h"

#include <cmath>

#include "tests/fuzz/fuzzing.h"

// The decoders are the system's, and lose some memory of headers that they refuse; ours is looked after.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libsndfile\nleak:libvorbis\nleak:libFLAC\nleak:libopus\nleak:libmpg123\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const std::string_view bytes = fuzz::as_text(data, size);
  const AudioReadOptions limits{.most_bytes = 1 << 22};
  const auto info = fuzz::unless_refused([&] { return parse_audio_info(bytes, "input"); });
  const auto audio = fuzz::unless_refused([&] { return parse_audio(bytes, "input", limits); });
  if (!audio) return 0;
  fuzz::require(info.has_value(), "what is read has a beginning that is right");
  const int64_t frames = audio->samples.size(0);
  fuzz::require(frames > 0 && frames <= (1 << 20), "memory is bounded");
  fuzz::require(info->frames == 0 || info->frames == frames, "all frames are read");
  fuzz::require(audio->rate == info->rate && audio->rate >= kLowestRate && audio->rate <= kHighestRate, "the rate");
  fuzz::require(audio->samples.size(1) == info->channels && info->channels <= kMostChannels, "the channels");
  for (const float sample : audio->samples.values<float>()) fuzz::require(std::isfinite(sample), "samples are finite");
  return 0;
}
