// The configuration keys of sounds: of [data] those that are theirs alone, and their part of [augment].
#include "gradus/data/audio_file.h"
#include "gradus/train/config_key_kinds.h"

namespace gradus::keys {
namespace {

constexpr Range kSamples = {.low = 1, .high = 1 << 16};

}  // namespace

std::vector<Key> audio_data_keys() {
  const Condition is_audio = data_is({"audio"}), is_spectrum{"data.audio_features", {"log_mel", "mfcc"}};
  return {
      {"data.sample_rate",
       integer({.low = static_cast<double>(kLowestRate), .high = static_cast<double>(kHighestRate)}), 16'000, is_audio,
       "Samples a second of the sounds that the model sees; files of another rate are resampled, and channels mixed."},
      {"data.seconds", real({.low = 0, .high = 3600, .low_open = true}), 1.0, is_audio,
       "The length of the sounds that the model sees. Of a longer one it sees the middle, in training any stretch; a "
       "shorter one lies in the middle of silence."},
      {"data.audio_features", choice({"log_mel", "mfcc", "samples"}), "log_mel", is_audio,
       "What the model sees. `log_mel`: frames of a log-mel spectrogram, `mfcc`: frames of cepstral coefficients, as "
       "torchaudio makes them (gradus/data/spectrogram.h has the definition). `samples`: the samples as they are."},
      {"data.window", integer(kSamples), Unset{"those of 25 ms"}, is_spectrum, "Samples of a frame's Hann window."},
      {"data.hop", integer(kSamples), Unset{"those of 10 ms"}, is_spectrum, "Samples from a frame to the next."},
      {"data.fft", integer({.low = 2, .high = 1 << 16}), Unset{"the least that it may be from `data.window` on"},
       is_spectrum,
       "Samples of a frame's Fourier transform, zeros around the window's: an even number without a prime factor above "
       "5."},
      {"data.mels", integer({.low = 1, .high = 4096}), 64, is_spectrum, "Bands of the spectrogram."},
      {"data.mfccs", integer({.low = 1, .high = 4096}), 20, Condition{"data.audio_features", {"mfcc"}},
       "Cepstral coefficients, at most `data.mels`."},
      {"data.low_hz", real(kFrom0), 0.0, is_spectrum, "Where the lowest band begins."},
      {"data.high_hz", real(kAbove0), Unset{"half of `data.sample_rate`"}, is_spectrum, "Where the highest band ends."},
      {"data.mel_scale", choice({"htk", "slaney"}), "htk", is_spectrum,
       "`htk`: 2595·log10(1 + f/700). `slaney`: in proportion below 1000 Hz, by the logarithm above."},
      {"data.mel_norm", choice({"none", "slaney"}), "none", is_spectrum,
       "`none`: the highest weight of a band is 1. `slaney`: weights are divided by half the band's width in Hz."},
      {"data.log",
       choice({"natural", "decibel"}),
       "natural",
       is_spectrum,
       "Of a band's power x. `natural`: ln(x + 1e-6). `decibel`: 10·log10(x), from 1e-10 on, and not more than 80 "
       "below "
       "the largest of the sound.",
       {},
       {{"data.audio_features", {{"mfcc", "decibel"}}}}},
  };
}

std::vector<Key> audio_augment_keys() {
  const Condition is_audio = data_is({"audio"});
  return {
      {"augment.shift", real({.low = 0, .high = 3600}), 0.0, is_audio,
       "Sounds are moved by up to so many seconds either way, silence coming in."},
      {"augment.gain", real({.low = 0, .high = 100}), 0.0, is_audio,
       "Sounds are made louder or softer by up to so many decibels."},
      {"augment.noise", real(kFrom0), 0.0, is_audio,
       "White noise is added, whose standard deviation is anything from 0 to this; samples are from −1 to 1."},
      {"augment.time_masks", integer({.low = 0, .high = 1000}), 0, is_audio,
       "So many stretches of frames become 0, which is their mean where `data.scaling` is \"standardize\" "
       "(SpecAugment, "
       "Park et al., 2019)."},
      {"augment.time_mask", integer(kSamples), 10, is_audio, "Each is 0 to so many frames long."},
      {"augment.frequency_masks", integer({.low = 0, .high = 1000}), 0, is_audio, "The same of bands."},
      {"augment.frequency_mask", integer(kSamples), 8, is_audio, "Each is 0 to so many bands wide."},
  };
}

}  // namespace gradus::keys
