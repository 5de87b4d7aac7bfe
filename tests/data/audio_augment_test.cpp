// What chance does to sounds.
#include "gradus/data/audio_augment.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/testing.h"

namespace gradus {
namespace audio_augment_test {

TEST(AudioAugment, TheMiddleWithSilenceAround) {
  EXPECT_EQ(middle_span(10, 4).first, 3);
  EXPECT_EQ(middle_span(11, 4).first, 3);
  EXPECT_EQ(middle_span(4, 4).first, 0);
  EXPECT_EQ(middle_span(4, 10).first, -3);
  EXPECT_EQ(middle_span(4, 9).first, -2);
  EXPECT_EQ(middle_span(4, 9).count, 9);
}

TEST(AudioAugment, WhatIsOffChangesNothing) {
  const AudioAugmentOptions off;
  EXPECT_TRUE(off.is_off());
  const AudioAugmentDraw draw(1, 2);
  EXPECT_EQ(draw.span(off, 7, 10).first, middle_span(7, 10).first);
  Tensor samples = Tensor::from(std::vector<float>{1, 2, 3}, {3});
  draw.change(off, samples);
  draw.mask(off, samples.mutable_data<float>(), 3, 1);
  EXPECT_EQ(samples.values<float>(), (std::vector<float>{1, 2, 3}));
}

TEST(AudioAugment, AnyStretchOfALongerSound) {
  std::vector<int64_t> seen(6);
  for (int64_t id = 0; id < 3000; ++id) {
    const AudioSpan span = AudioAugmentDraw(7, id).span({}, 15, 10);
    ASSERT_GE(span.first, 0);
    ASSERT_LE(span.first, 5);
    EXPECT_EQ(span.count, 10);
    ++seen[static_cast<size_t>(span.first)];
  }
  // 500 each; four deviations of a binomial number are 82.
  for (const int64_t count : seen) EXPECT_NEAR(static_cast<double>(count), 500.0, 82.0);
}

TEST(AudioAugment, IsMovedEitherWay) {
  std::vector<int64_t> seen(5);
  for (int64_t id = 0; id < 3000; ++id) {
    const int64_t moved = AudioAugmentDraw(7, id).span({.shift = 2}, 10, 10).first;
    ASSERT_LE(std::abs(moved), 2);
    ++seen[static_cast<size_t>(moved + 2)];
  }
  // 600 each; four deviations are 88.
  for (const int64_t count : seen) EXPECT_NEAR(static_cast<double>(count), 600.0, 88.0);
}

TEST(AudioAugment, GainAndNoise) {
  double least = 1e9, most = 0.0;
  for (int64_t id = 0; id < 1000; ++id) {
    Tensor sound = Tensor::full({2}, 1.0);
    AudioAugmentDraw(3, id).change({.gain = 6.0}, sound);
    EXPECT_EQ(sound.data<float>()[0], sound.data<float>()[1]);
    least = std::min(least, sound.values<double>()[0]);
    most = std::max(most, sound.values<double>()[0]);
  }
  // −6 and 6 dB, of which a thousand numbers come within 2% of the range.
  EXPECT_NEAR(20.0 * std::log10(least), -6.0, 0.24);
  EXPECT_NEAR(20.0 * std::log10(most), 6.0, 0.24);
  EXPECT_GE(20.0 * std::log10(least), -6.0 - 1e-5);
  EXPECT_LE(20.0 * std::log10(most), 6.0 + 1e-5);

  // Over many sounds the variance is that of a standard deviation that is uniform: noise²/3.
  double squares = 0.0;
  constexpr int64_t kSounds = 2000, kSamples = 100;
  for (int64_t id = 0; id < kSounds; ++id) {
    Tensor silence = Tensor::zeros({kSamples});
    AudioAugmentDraw(3, id).change({.noise = 0.3}, silence);
    for (const double x : silence.values<double>()) squares += x * x;
  }
  // The mean of d² has a deviation of 0.3²·√(4/45/2000), 2% of it; four of these.
  EXPECT_NEAR(squares / (kSounds * kSamples), 0.03, 4 * 0.0006);
}

// Where a row of ones is 0: a mask's first place and its length.
AudioSpan mask_of(const std::vector<float>& row) {
  const auto first = std::find(row.begin(), row.end(), 0.0F);
  const auto end = std::find(first, row.end(), 1.0F);
  EXPECT_EQ(std::count(row.begin(), row.end(), 0.0F), end - first) << "one stretch";
  return {first - row.begin(), end - first};
}

TEST(AudioAugment, MasksAreStretches) {
  std::vector<int64_t> lengths(4);
  int64_t first = 100, last = 0;
  for (int64_t id = 0; id < 2000; ++id) {
    std::vector<float> frames(12, 1.0F), bands(12, 1.0F);
    AudioAugmentDraw(5, id).mask({.time_masks = 1, .time_mask = 3}, frames.data(), 12, 1);
    AudioAugmentDraw(5, id).mask({.frequency_masks = 1, .frequency_mask = 3}, bands.data(), 1, 12);
    const AudioSpan mask = mask_of(frames);
    EXPECT_NE(bands, std::vector<float>(12, 0.0F));
    mask_of(bands);
    ++lengths[static_cast<size_t>(mask.count)];
    if (mask.count == 0) continue;
    first = std::min(first, mask.first);
    last = std::max(last, mask.first + mask.count);
  }
  // 500 each; four deviations are 77.
  for (const int64_t count : lengths) EXPECT_NEAR(static_cast<double>(count), 500.0, 77.0);
  EXPECT_EQ(first, 0);
  EXPECT_EQ(last, 12);
}

TEST(AudioAugment, AMaskThatIsLongerThanTheSoundIsAllOfItAtMost) {
  for (int64_t id = 0; id < 100; ++id) {
    std::vector<float> frames(3 * 2, 1.0F);
    AudioAugmentDraw(5, id).mask({.time_masks = 2, .time_mask = 50}, frames.data(), 3, 2);
    for (size_t i = 0; i < 6; i += 2) EXPECT_EQ(frames[i], frames[i + 1]);
  }
}

TEST(AudioAugment, NoDrawChangesWithWhatElseIsOn) {
  const AudioAugmentOptions all{.shift = 100, .gain = 3.0, .noise = 0.1, .time_masks = 1, .time_mask = 5};
  const AudioAugmentDraw draw(11, 13);
  EXPECT_EQ(draw.span(all, 50, 50).first, draw.span({.shift = 100}, 50, 50).first);
  std::vector<float> one(40, 1.0F), other(40, 1.0F);
  draw.mask(all, one.data(), 40, 1);
  draw.mask({.time_masks = 1, .time_mask = 5, .frequency_masks = 0}, other.data(), 40, 1);
  EXPECT_EQ(one, other);
  EXPECT_NE(draw.span(all, 50, 50).first, AudioAugmentDraw(11, 14).span(all, 50, 50).first);
  EXPECT_NE(draw.span(all, 50, 50).first, AudioAugmentDraw(12, 13).span(all, 50, 50).first);
}

}  // namespace audio_augment_test
}  // namespace gradus
