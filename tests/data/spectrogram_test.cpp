// Resampling, spectrograms and MFCC beside torchaudio's (tools/make_audio_references.py).
#include "gradus/data/spectrogram.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/base/threads.h"
#include "gradus/data/resample.h"
#include "tests/testing.h"

namespace gradus {
namespace spectrogram_test {

using nlohmann::json;

const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/audio.json"));
  return all;
}

Tensor samples_of(const json& numbers) {
  const auto samples = numbers.get<std::vector<float>>();
  return Tensor::from(samples, {static_cast<int64_t>(samples.size())});
}

void expect_near(const Tensor& values, const json& expected, double tolerance) {
  const std::vector<float> found = values.values<float>();
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i].get<double>(), tolerance) << "value " << i;
  }
}

TEST(Resample, EqualsTorchaudio) {
  for (const json& c : references()["resample"]) {
    SCOPED_TRACE(c["from"].dump() + " to " + c["to"].dump());
    const Resampler resampler(c["from"], c["to"]);
    EXPECT_EQ(resampler.size(static_cast<int64_t>(c["x"].size())), static_cast<int64_t>(c["y"].size()));
    expect_near(resampler(samples_of(c["x"])), c["y"], 1e-6);
  }
}

TEST(Resample, KeepsATone) {
  const auto tone = [](int64_t count, double rate) {
    std::vector<float> samples;
    for (int64_t i = 0; i < count; ++i) {
      samples.push_back(static_cast<float>(std::sin(2.0 * M_PI * 440.0 * static_cast<double>(i) / rate)));
    }
    return samples;
  };
  const Tensor before = Tensor::from(tone(44100, 44100.0), {44100});
  const std::vector<float> after = Resampler(44100, 16000)(before).values<float>(), expected = tone(16000, 16000.0);
  ASSERT_EQ(after.size(), expected.size());
  for (size_t i = 100; i < 15'900; ++i) ASSERT_NEAR(after[i], expected[i], 2e-3);
}

TEST(Resample, SizesAndRates) {
  const Resampler down(44100, 16000);
  EXPECT_EQ(down.size(441), 160);
  EXPECT_EQ(down.size(442), 161);
  EXPECT_EQ(usage_error_text([] { Resampler(8000, 7); }), "[resample] 7 samples a second; expected 1000 to 768000");
}

// With zeros before the sound and behind it.
TEST(Resample, APartIsThatOfTheWhole) {
  std::vector<float> all;
  for (int i = 0; i < 3000; ++i) all.push_back(static_cast<float>(std::sin(1e-4 * i * i)));
  const Tensor x = Tensor::from(all, {3000});
  for (const auto& [from, to] : std::vector<std::pair<int64_t, int64_t>>{{11025, 8000}, {8000, 11025}, {8000, 8000}}) {
    const Resampler resampler(from, to);
    const std::vector<float> whole = resampler(x).values<float>();
    const auto size = static_cast<int64_t>(whole.size());
    for (const AudioSpan span : {AudioSpan{100, 200}, AudioSpan{0, 7}, AudioSpan{size - 50, 50}}) {
      const AudioSpan needed = resampler.inputs(span);
      const int64_t first = std::max<int64_t>(needed.first, 0),
                    end = std::min<int64_t>(needed.first + needed.count, 3000);
      const Tensor part = resampler.part(x.view({end - first}, {1}, first), first, span);
      EXPECT_EQ(part.values<float>(),
                (std::vector<float>(whole.begin() + span.first, whole.begin() + span.first + span.count)));
    }
    const std::vector<float> wide = resampler.part(x, 0, {-20, size + 40}).values<float>();
    EXPECT_TRUE(std::equal(whole.begin(), whole.end(), wide.begin() + 20));
    EXPECT_EQ(wide.front(), 0.0F);
    EXPECT_EQ(wide.back(), 0.0F);
  }
}

TEST(Resample, TheMeanOfChannels) {
  const Tensor mono = mix_to_mono(Tensor::from(std::vector<float>{1, 2, 3, -4, 0, 1}, {2, 3}));
  EXPECT_EQ(mono.values<float>(), (std::vector<float>{2, -1}));
}

TEST(Spectrogram, EqualsTorchaudio) {
  for (const json& c : references()["spectrogram"]) {
    const SpectrogramOptions options{.rate = c["rate"],
                                     .fft = c["n_fft"],
                                     .window = c["win_length"],
                                     .hop = c["hop_length"],
                                     .mels = c["n_mels"],
                                     .low = c["f_min"],
                                     .high = c["f_max"].is_null() ? 0.0 : c["f_max"].get<double>(),
                                     .scale = c["mel_scale"] == "htk" ? MelScale::kHtk : MelScale::kSlaney,
                                     .equal_area = !c["norm"].is_null(),
                                     .log = c["decibel"] ? LogScale::kDecibel : LogScale::kNatural,
                                     .coefficients = c["mfcc"]};
    json shown = c;
    shown.erase("x");
    shown.erase("y");
    SCOPED_TRACE(shown.dump());
    const Tensor values = Spectrogram(options)(samples_of(c["x"]));
    EXPECT_EQ(values.shape(), (Shape{c["shape"][0], c["shape"][1]}));
    // Where values are large, some 16 roundings of the largest: torchaudio's own in float32 are 1.2e-4 off those of 188
    // dB.
    double largest = 0.0;
    for (const json& y : c["y"]) largest = std::max(largest, std::abs(y.get<double>()));
    expect_near(values, c["y"], std::max(1e-4, 1e-6 * largest));
  }
}

TEST(Spectrogram, AToneLiesInItsBand) {
  std::vector<float> samples;
  for (int i = 0; i < 16000; ++i) samples.push_back(static_cast<float>(std::sin(2.0 * M_PI * 1000.0 * i / 16000.0)));
  const Spectrogram spectrogram({});
  const Tensor values = spectrogram(Tensor::from(samples, {16000}));
  ASSERT_EQ(values.shape(), (Shape{101, 80}));
  // Points lie 2595·log10(1 + 8000/700)/81 = 35.06 mel apart, and 1000 Hz is 999.99 mel: 28.5 of them, so that bands 27
  // and 28, whose peaks are points 28 and 29, have most of it.
  for (int64_t t = 2; t < 99; ++t) {
    const float* const row = values.data<float>() + t * 80;
    const int64_t largest = std::max_element(row, row + 80) - row;
    EXPECT_TRUE(largest == 27 || largest == 28) << largest;
  }
}

TEST(Spectrogram, TheSameBitsForAnyNumberOfThreads) {
  std::vector<float> samples;
  for (int i = 0; i < 30'000; ++i) samples.push_back(static_cast<float>(std::sin(1e-5 * i * i)));
  const Tensor x = Tensor::from(samples, {30'000});
  const Spectrogram spectrogram({.hop = 37, .coefficients = 13});
  const Resampler resampler(8000, 11025);
  std::vector<std::vector<float>> results, sounds;
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    results.push_back(spectrogram(x).values<float>());
    sounds.push_back(resampler(x).values<float>());
  }
  set_threads(0);
  for (size_t i = 1; i < results.size(); ++i) {
    EXPECT_EQ(results[i], results[0]);
    EXPECT_EQ(sounds[i], sounds[0]);
  }
}

TEST(Spectrogram, BandsWithoutAFrequencyAreCounted) {
  EXPECT_EQ(Spectrogram({}).empty_bands(), 0);
  EXPECT_EQ(Spectrogram({.mels = 40}).empty_bands(), 0);
  const Spectrogram narrow({.mels = 128});
  EXPECT_GT(narrow.empty_bands(), 0);
  EXPECT_LT(narrow.empty_bands(), 20);
}

std::string refused(const SpectrogramOptions& options) {
  return usage_error_text([&] { const Spectrogram spectrogram(options); });
}

TEST(Spectrogram, OptionsOutOfRangeAreErrors) {
  EXPECT_EQ(refused({.fft = 1, .window = 1}), "[spectrogram] fft is 1; expected 2 to 65536");
  EXPECT_EQ(refused({.fft = 441}),
            "[spectrogram] fft is 441; expected an even number without a prime factor above 5, such as 450");
  EXPECT_EQ(refused({.fft = 256}), "[spectrogram] the window is 400; expected 1 to fft samples");
  EXPECT_EQ(refused({.hop = 0}), "[spectrogram] the hop is 0; expected 1 to 65536");
  EXPECT_EQ(refused({.mels = 0}), "[spectrogram] the number of bands is 0; expected 1 to 4096");
  EXPECT_EQ(refused({.coefficients = 81}),
            "[spectrogram] the number of coefficients is 81; expected at most the number of bands");
  EXPECT_EQ(refused({.high = 8001}), "[spectrogram] the highest frequency is 8001; expected at most half the rate");
  EXPECT_EQ(refused({.low = 300, .high = 300}),
            "[spectrogram] the lowest frequency is 300; expected from 0, below the highest");
  EXPECT_EQ(usage_error_text([] { Spectrogram({})(Tensor::zeros({200})); }),
            "[spectrogram] a sound of 200 samples; a transform of 400 needs more than 200");
}

}  // namespace spectrogram_test
}  // namespace gradus
