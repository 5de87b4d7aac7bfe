// Times what is done to ten seconds of sound before a model sees them, and prints one JSON object: what
// bench/peers/audio takes. bench_audio [THREADS]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <vector>

#include "gradus/base/threads.h"
#include "gradus/data/resample.h"
#include "gradus/data/spectrogram.h"
#include "gradus/train/timing.h"

namespace gradus {
namespace {

// A tone that rises and falls; bench/peers/torchaudio_audio.py has the same.
Tensor ten_seconds(int64_t rate) {
  std::vector<float> samples;
  for (int64_t i = 0; i < 10 * rate; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(rate);
    samples.push_back(static_cast<float>(0.5 * std::sin(3000.0 * t + 2000.0 * std::sin(3.0 * t))));
  }
  return Tensor::from(samples, {static_cast<int64_t>(samples.size())});
}

JsonText timed(const std::function<Tensor()>& work) {
  constexpr int kRepeats = 50;
  Tensor result = work();
  JsonText json;
  add_timing(json, time_repeats(kRepeats, [&] { result = work(); }));
  const std::vector<double> values = result.values<double>();
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  json.add("mean", mean);
  return json;
}

void bench_audio() {
  const Tensor speech = ten_seconds(16'000), music = ten_seconds(44'100);
  const Spectrogram log_mel({}), wide({.fft = 1024, .window = 1024, .hop = 256});
  const Spectrogram mfcc({.log = LogScale::kDecibel, .coefficients = 40});
  const Resampler resampler(44'100, 16'000);
  JsonText json;
  json.add("log_mel_400", timed([&] { return log_mel(speech); }))
      .add("log_mel_1024", timed([&] { return wide(speech); }))
      .add("mfcc", timed([&] { return mfcc(speech); }))
      .add("resample", timed([&] { return resampler(music); }));
  add_machine(json);
  std::printf("%s\n", json.line().c_str());
}

}  // namespace
}  // namespace gradus

int main(int count, char** arguments) {
  try {
    if (count > 1) gradus::set_threads(std::atoi(arguments[1]));
    gradus::bench_audio();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
