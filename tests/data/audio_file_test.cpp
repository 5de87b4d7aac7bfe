// Sound files: what they stand for, and what is wrong with others.
#include "gradus/data/audio_file.h"

#include <cmath>
#include <limits>

#include "tests/data/audio_bytes.h"
#include "tests/pattern.h"
#include "tests/testing.h"

namespace gradus {
namespace audio_file_test {

using namespace std::string_literals;

std::string refused(const std::string& bytes, const AudioReadOptions& options = {}) {
  return error_text([&] { parse_audio(bytes, "a.wav", options); });
}

TEST(AudioFile, ReadsWholeNumbersAndFloats) {
  const Audio whole = parse_audio(
      wav_bytes({.format = 1, .channels = 2, .rate = 44100, .bits = 16}, "\x00\x00\x00\x40\x00\x80\xff\x7f"s), "a.wav");
  EXPECT_EQ(whole.samples.shape(), (Shape{2, 2}));
  EXPECT_EQ(whole.rate, 44100);
  EXPECT_EQ(whole.samples.values<float>(), (std::vector<float>{0, 0.5F, -1, 32767.0F / 32768.0F}));
  const Audio real = parse_audio(float_wav({0.25F, -3.0F}), "a.wav");
  EXPECT_EQ(real.samples.shape(), (Shape{2, 1}));
  EXPECT_EQ(real.samples.values<float>(), (std::vector<float>{0.25F, -3.0F}));
}

TEST(AudioFile, ReadsAPart) {
  const std::string bytes = float_wav({0, 1, 2, 3, 4});
  EXPECT_EQ(parse_audio(bytes, "a.wav", {.first_frame = 1, .frames = 3}).samples.values<float>(),
            (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(parse_audio(bytes, "a.wav", {.first_frame = 4, .frames = 3}).samples.values<float>(),
            (std::vector<float>{4}));
  EXPECT_EQ(refused(bytes, {.first_frame = 5}), "[a.wav] has no samples from frame 5 on; expected one at least");
  EXPECT_EQ(refused(bytes, {.first_frame = 6}), "[a.wav] frame 6 is not there; it has 5");
  const AudioInfo info = parse_audio_info(bytes, "a.wav");
  EXPECT_EQ(info.frames, 5);
  EXPECT_EQ(info.channels, 1);
  EXPECT_EQ(info.rate, 8000);
}

// The same tone of 1000 Hz in each format (tools/make_audio_references.py).
TEST(AudioFile, ReadsEachFormat) {
  const std::string folder = GRADUS_SOURCE_DIR "/tests/fuzz/corpus/audio/tone.";
  const Audio wav = read_audio(folder + "wav");
  ASSERT_EQ(wav.samples.shape(), (Shape{800, 1}));
  EXPECT_EQ(wav.rate, 8000);
  for (int64_t i = 0; i < 800; ++i) {
    const double expected = 0.5 * std::sin(2.0 * M_PI * 1000.0 * static_cast<double>(i) / 8000.0);
    ASSERT_NEAR(wav.samples.data<float>()[i], expected, 1.0 / 32768.0);
  }
  EXPECT_EQ(read_audio(folder + "flac").samples.values<float>(), wav.samples.values<float>());
  for (const char* lossy : {"ogg", "opus", "mp3"}) {
    const Audio other = read_audio(folder + lossy);
    EXPECT_EQ(other.rate, 8000) << lossy;
    ASSERT_GE(other.samples.size(0), 800) << lossy;
    double power = 0.0;
    for (int64_t i = 200; i < 600; ++i) power += std::pow(static_cast<double>(other.samples.data<float>()[i]), 2.0);
    EXPECT_NEAR(std::sqrt(2.0 * power / 400.0), 0.5, 0.02) << lossy;  // the amplitude; the phase may be another
  }
}

TEST(AudioFile, WhatIsNoSoundIsAnError) {
  EXPECT_EQ(refused(""), "[a.wav] is empty; expected a sound as WAV, FLAC, OGG or MP3");
  EXPECT_EQ(refused("hello"),
            "[a.wav] is no sound that can be read (it begins like none); expected WAV, FLAC, OGG or MP3");
  EXPECT_EQ(refused("FORM\0\0\0\0AIFF"s),
            "[a.wav] is no sound that can be read (it begins like none); expected WAV, FLAC, OGG or MP3");
  for (const char* start : {"RIFF\x10", "fLaC", "OggS", "ID3"}) {
    EXPECT_TRUE(
        refused(std::string(start) + std::string(100, '\0')).starts_with("[a.wav] is no sound that can be read ("))
        << start;
  }
}

TEST(AudioFile, AbsurdSizesAreErrors) {
  EXPECT_EQ(refused(wav_bytes({}, "")), "[a.wav] has no samples; expected one at least");
  EXPECT_EQ(refused(float_wav(std::vector<float>(100), {.channels = 100})),
            "[a.wav] says that it has 100 channels; expected 1 to 64");
  EXPECT_EQ(refused(float_wav({1}, {.rate = 7})),
            "[a.wav] says that it has 7 samples a second; expected 1000 to 768000");
  EXPECT_EQ(refused(float_wav({1}, {.rate = 2'000'000})),
            "[a.wav] says that it has 2000000 samples a second; expected 1000 to 768000");
  // These the library refuses in words of its own.
  EXPECT_EQ(refused(float_wav({1}, {.rate = 0})),
            "[a.wav] says that it has 0 samples a second; expected 1000 to 768000");
  EXPECT_EQ(refused(float_wav({1}, {.rate = 4'000'000'000})),
            "[a.wav] says that it has 4000000000 samples a second; expected 1000 to 768000");
  EXPECT_EQ(refused(wav_bytes({.channels = 0}, "1234")), "[a.wav] says that it has 0 channels; expected 1 to 64");
  EXPECT_EQ(refused(float_wav(std::vector<float>(1000)), {.most_bytes = 3996}),
            "[a.wav] its 1000 frames of 1 channels take more than 3996 bytes, and there are no more for them; cut it");
}

TEST(AudioFile, WhatCannotBeIsSaidInOurWords) {
  std::string flac = slurp(GRADUS_SOURCE_DIR "/tests/fuzz/corpus/audio/tone.flac");
  flac[18] = flac[19] = 0;  // 20 bits of a rate, in STREAMINFO
  flac[20] = static_cast<char>(flac[20] & 0x0f);
  EXPECT_EQ(refused(flac),
            "[a.wav] is no sound that can be read (what it says of itself cannot be); expected WAV, FLAC, OGG or MP3");
}

TEST(AudioFile, OneThatIsCutShortIsAnError) {
  const std::string bytes = float_wav(std::vector<float>(1000));
  EXPECT_EQ(refused(bytes.substr(0, 2000)),
            "[a.wav] ends at byte 2000, and says at byte 4 that it has 4044; it is cut short: make or fetch it again");
  const std::string flac = slurp(GRADUS_SOURCE_DIR "/tests/fuzz/corpus/audio/tone.flac");
  const std::string cut = refused(flac.substr(0, flac.size() * 3 / 4));
  EXPECT_PRED2(reads, cut,
               "[a.wav] ends or is damaged after frame {}, and says that it has {}: {}; make or fetch it again");
  const std::string mp3 = slurp(GRADUS_SOURCE_DIR "/tests/fuzz/corpus/audio/tone.mp3");
  EXPECT_TRUE(refused(mp3.substr(0, 1440)).ends_with(": the rest is missing; make or fetch it again"))
      << refused(mp3.substr(0, 1440));
}

// As programs write to a pipe, which cannot go back to the beginning.
TEST(AudioFile, OneThatSaysNoSizeIsRead) {
  std::string bytes = float_wav({1, 2, 3});
  for (const size_t place : {size_t{4}, size_t{40}}) bytes.replace(place, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(parse_audio(bytes, "a.wav").samples.values<float>(), (std::vector<float>{1, 2, 3}));
}

TEST(AudioFile, AFlacThatSaysNoSizeIsRead) {
  std::string bytes = slurp(GRADUS_SOURCE_DIR "/tests/fuzz/corpus/audio/tone.flac");
  bytes[21] = static_cast<char>(bytes[21] & 0xf0);  // 36 bits, in STREAMINFO
  bytes.replace(22, 4, 4, '\0');
  EXPECT_EQ(parse_audio_info(bytes, "a.wav").frames, 0);
  EXPECT_EQ(parse_audio(bytes, "a.wav").samples.shape(), (Shape{800, 1}));
  EXPECT_EQ(refused(bytes, {.most_bytes = 800 * 4 - 4}), "[a.wav] its samples take more than 3196 bytes; cut it");
}

// An MP3's first frame may say how many there are. Without, the library takes a number from the file's size: too many
// of a file with a tag, or whose frames are smaller further on, too few in the other case.
TEST(AudioFile, AnMp3ThatSaysNoLengthIsReadToItsEnd) {
  const std::string bytes = slurp(GRADUS_SOURCE_DIR "/tests/fuzz/corpus/audio/tone.mp3");
  const std::string first = bytes.substr(288, 360), large = bytes.substr(864, 576), small = bytes.substr(1440, 72);
  constexpr int64_t kOfFrame = 576;
  const auto repeated = [](const std::string& frame, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += frame;
    return all;
  };
  const std::string tag = "TAG" + std::string(125, ' '), begin_tag = "ID3\3\0\0\0\0\1\0"s + std::string(128, '\0');
  for (const auto& [name, mp3, frames] : {std::tuple("all", bytes.substr(288), 4),
                                          {"a tag behind", bytes.substr(288) + tag, 4},
                                          {"a tag before", begin_tag + bytes.substr(288), 4},
                                          {"small ones behind", first + repeated(small, 40), 41},
                                          {"large ones behind", small + repeated(large, 40), 41}}) {
    EXPECT_EQ(parse_audio_info(mp3, "a.mp3").frames, 0) << name;
    const Audio audio = parse_audio(mp3, "a.mp3");
    ASSERT_EQ(audio.samples.size(0), frames * kOfFrame) << name;
    const std::vector<float> all = audio.samples.values<float>();
    EXPECT_EQ(parse_audio(mp3, "a.mp3", {.first_frame = 700, .frames = 900}).samples.values<float>(),
              std::vector<float>(all.begin() + 700, all.begin() + 1600))
        << name;
  }
}

// GSM cannot be sought at all; in the last page of Vorbis the library ends beside the frame.
TEST(AudioFile, APartIsThatOfTheWholeWhereverItBegins) {
  for (const auto& [name, size] : {std::pair<const char*, int64_t>{"tone.gsm.wav", 2560},
                                   {"pages.ogg", 80001},
                                   {"tone.ogg", 800},
                                   {"tone.opus", 800},
                                   {"tone.mp3", 800},
                                   {"tone.flac", 800}}) {
    const std::string bytes = slurp(std::string(GRADUS_SOURCE_DIR "/tests/fuzz/corpus/audio/") + name);
    const std::vector<float> all = parse_audio(bytes, name).samples.values<float>();
    ASSERT_EQ(static_cast<int64_t>(all.size()), size) << name;
    for (int64_t first = 0; first < size; first += 1 + size / 37) {
      const int64_t count = std::min<int64_t>(500, size - first);
      const Audio part = parse_audio(bytes, name, {.first_frame = first, .frames = count});
      ASSERT_EQ(part.samples.shape(), (Shape{count, 1})) << name << " from " << first;
      for (int64_t i = 0; i < count; ++i) {  // an MP3 that begins elsewhere is rounded otherwise
        ASSERT_NEAR(part.samples.data<float>()[i], all[static_cast<size_t>(first + i)], 1e-6)
            << name << " from " << first;
      }
    }
    EXPECT_EQ(error_text([&, to = size + 1] { parse_audio(bytes, name, {.first_frame = to}); }),
              "[" + std::string(name) + "] frame " + std::to_string(size + 1) + " is not there; it has " +
                  std::to_string(size));
  }
}

TEST(AudioFile, ASampleThatIsNotFiniteIsAnError) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(refused(float_wav({0, 0, 0, nan}, {.channels = 2})),
            "[a.wav] the sample of channel 1 in frame 1 is nan; expected finite numbers");
  EXPECT_EQ(refused(float_wav({0, 0, -infinity}), {.first_frame = 1}),
            "[a.wav] the sample of channel 0 in frame 2 is -inf; expected finite numbers");
}

TEST(AudioFile, WhatIsWrittenIsReadAgain) {
  const std::vector<float> samples = {0, 0.5F, -1, 1.5F};
  const Audio audio = parse_audio(encode_wav({.samples = Tensor::from(samples, {2, 2}), .rate = 22050}), "a.wav");
  EXPECT_EQ(audio.rate, 22050);
  EXPECT_EQ(audio.samples.shape(), (Shape{2, 2}));
  EXPECT_EQ(audio.samples.values<float>(), (std::vector<float>{0, 16384.0F / 32768.0F, -1, 32767.0F / 32768.0F}));
  const std::string silence = encode_wav({.samples = Tensor::zeros({5}), .rate = 8000});
  EXPECT_EQ(parse_audio(silence, "a.wav").samples.shape(), (Shape{5, 1}));
  EXPECT_TRUE(error_text([] {
                encode_wav({.samples = Tensor::zeros({5}), .rate = 0});
              }).starts_with("[wav] f32 (5,) at a rate of 0 cannot be written: "));
  EXPECT_EQ(error_text([] { encode_wav({.samples = Tensor::zeros({0}), .rate = 8000}); }),
            "[wav] samples of f32 (0,); expected (frames) or (frames, channels), not empty");
}

}  // namespace audio_file_test
}  // namespace gradus
