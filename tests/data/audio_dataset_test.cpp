// Sounds as examples, and what is kept with a model of them.
#include "gradus/data/audio_dataset.h"

#include <cmath>

#include "gradus/base/threads.h"
#include "tests/data/audio_bytes.h"
#include "tests/testing.h"

namespace gradus {
namespace audio_dataset_test {

// Rising tones, one longer than the other, in a folder.
class AudioDatasetTest : public testing::Test {
 protected:
  AudioDatasetTest() {
    for (int i = 0; i < 4; ++i) {
      std::vector<float> samples;
      for (int t = 0; t < 600 + 400 * i; ++t) {
        samples.push_back(0.5F * static_cast<float>(std::sin(1e-4 * (i + 1) * t * t)));
      }
      const uint32_t rate = i == 3 ? 16000 : 8000;
      spill(folder_ / name(i), float_wav(samples, {.rate = rate}));
      sounds_.push_back(samples);
      paths_.push_back(folder_ / name(i));
    }
  }
  static std::string name(int i) { return std::to_string(i) + ".wav"; }

  AudioDataset dataset(AudioFormat format, const AudioAugmentOptions& augment = {}) const {
    const auto columns = static_cast<size_t>(format.shape()[1]);
    if (format.mean.empty()) {
      format.mean.assign(columns, 0.0F);
      format.scale.assign(columns, 1.0F);
    }
    return {std::make_shared<AudioFiles>(look_at_audio_files(paths_, false), format.rate),
            std::make_shared<AudioExtractor>(format),
            {0, 1, 2, 3},
            Tensor::from(std::vector<int64_t>{5, 6, 7, 8}, {4}),
            augment};
  }

  TemporaryFolder folder_;
  std::vector<std::vector<float>> sounds_;
  std::vector<std::string> paths_;
};

const AudioFormat kSamplesOf1000{.rate = 8000, .length = 1000, .features = AudioFeatures::kSamples};
const AudioFormat kLogMel{
    .rate = 8000, .length = 1000, .spectrogram = {.rate = 8000, .fft = 200, .window = 200, .hop = 80, .mels = 16}};

TEST_F(AudioDatasetTest, TheMiddleOfEachSound) {
  const Batch batch = dataset(kSamplesOf1000).batch(std::vector<int64_t>{2, 0});
  ASSERT_EQ(batch.inputs.shape(), (Shape{2, 1000, 1}));
  EXPECT_EQ(batch.targets.values<int64_t>(), (std::vector<int64_t>{7, 5}));
  const std::vector<float> x = batch.inputs.values<float>();
  EXPECT_TRUE(std::equal(x.begin(), x.begin() + 1000, sounds_[2].begin() + 200));  // of 1400 samples
  std::vector<float> padded(1000);
  std::copy(sounds_[0].begin(), sounds_[0].end(), padded.begin() + 200);  // of 600
  EXPECT_TRUE(std::equal(padded.begin(), padded.end(), x.begin() + 1000));
}

TEST_F(AudioDatasetTest, AnotherRateIsResampled) {
  const std::vector<float> x = dataset(kSamplesOf1000).batch(std::vector<int64_t>{3}).inputs.values<float>();
  const Tensor all = Tensor::from(sounds_[3], {1800});
  const std::vector<float> y = Resampler(16000, 8000)(all).values<float>();  // 900 samples
  EXPECT_TRUE(std::equal(y.begin(), y.end(), x.begin() + 50));
  EXPECT_EQ(x.back(), 0.0F);
}

TEST_F(AudioDatasetTest, FeaturesAreScaled) {
  AudioFormat format = kLogMel;
  const Batch raw = dataset(format).batch(std::vector<int64_t>{0, 1, 2, 3});
  EXPECT_EQ(raw.inputs.shape(), (Shape{4, 13, 16}));
  const AudioDataset unscaled = dataset(format);
  const AudioExtractor extractor(format);
  fit_audio_scale(format, Scaling::kStandardize, 4,
                  [&](int64_t i, float* to) { extractor.extract(unscaled.samples(i), to); });
  const std::vector<double> x = dataset(format).batch(std::vector<int64_t>{0, 1, 2, 3}).inputs.values<double>();
  for (size_t c = 0; c < 16; ++c) {
    double sum = 0.0, squares = 0.0;
    for (size_t t = 0; t < 52; ++t) {
      sum += x[t * 16 + c];
      squares += x[t * 16 + c] * x[t * 16 + c];
    }
    EXPECT_NEAR(sum / 52, 0.0, 1e-5);
    EXPECT_NEAR(squares / 52, 1.0, 1e-5);
  }
  fit_audio_scale(format, Scaling::kMinMax, 4,
                  [&](int64_t i, float* to) { extractor.extract(unscaled.samples(i), to); });
  const std::vector<float> ranged = dataset(format).batch(std::vector<int64_t>{0, 1, 2, 3}).inputs.values<float>();
  EXPECT_EQ(*std::min_element(ranged.begin(), ranged.end()), 0.0F);
  EXPECT_EQ(*std::max_element(ranged.begin(), ranged.end()), 1.0F);
}

TEST_F(AudioDatasetTest, TrainingBatchesAreAFunctionOfTheKeyAndTheExampleAlone) {
  const AudioDataset data =
      dataset(kLogMel, {.shift = 50, .gain = 3.0, .noise = 0.01, .time_masks = 1, .time_mask = 4});
  const std::vector<float> all = data.training_batch(std::vector<int64_t>{0, 1, 2, 3}, 9).inputs.values<float>();
  EXPECT_EQ(data.training_batch(std::vector<int64_t>{0, 1, 2, 3}, 9).inputs.values<float>(), all);
  const std::vector<float> one = data.training_batch(std::vector<int64_t>{2}, 9).inputs.values<float>();
  EXPECT_TRUE(std::equal(one.begin(), one.end(), all.begin() + 2 * 13 * 16));
  EXPECT_NE(data.training_batch(std::vector<int64_t>{2}, 10).inputs.values<float>(), one);
  set_threads(3);
  EXPECT_EQ(data.training_batch(std::vector<int64_t>{0, 1, 2, 3}, 9).inputs.values<float>(), all);
  set_threads(0);
}

TEST_F(AudioDatasetTest, ADryRunReadsNothing) {
  const AudioDataset data = dataset(kLogMel);
  for (const std::string& path : paths_) std::filesystem::remove(path);
  const DryRun dry_run;
  EXPECT_EQ(data.training_batch(std::vector<int64_t>{0, 3}, 1).inputs.shape(), (Shape{2, 13, 16}));
}

TEST_F(AudioDatasetTest, BrokenFilesAreNamed) {
  spill(paths_[1], "no sound");
  spill(paths_[2], float_wav({0.0F, std::nanf("")}));
  const std::string broken = "is no sound that can be read (it begins like none); expected WAV, FLAC, OGG or MP3";
  const std::vector<AudioFile> begun = look_at_audio_files(paths_, false);
  EXPECT_EQ(begun[0].problem, "");
  EXPECT_EQ(begun[0].info.frames, 600);
  EXPECT_EQ(begun[1].problem, broken);
  EXPECT_EQ(begun[2].problem, "");
  const std::vector<AudioFile> whole = look_at_audio_files(paths_, true);
  EXPECT_EQ(whole[2].problem, "the sample of channel 0 in frame 1 is nan; expected finite numbers");
  EXPECT_EQ(error_text([&] { AudioFiles(begun, 8000); }), "[" + paths_[1] + "] " + broken);
}

TEST_F(AudioDatasetTest, ThereIsATargetForEach) {
  EXPECT_EQ(error_text([&] {
              AudioDataset(std::make_shared<AudioFiles>(look_at_audio_files(paths_, false), 8000),
                           std::make_shared<AudioExtractor>(kSamplesOf1000), {0, 1}, Tensor::zeros({3}));
            }),
            "[dataset] 3 targets for 2 sounds; expected one for each");
  EXPECT_EQ(usage_error_text([] { AudioExtractor({.rate = 8000, .length = 200}); }),
            "[spectrogram] sounds of 200 samples; a transform of 400 needs more than 200");
}

TEST_F(AudioDatasetTest, AFileThatIsAnotherByNowIsAnError) {
  const AudioDataset data = dataset(kLogMel);
  spill(paths_[0], float_wav(std::vector<float>(300), {.rate = 8000}));
  EXPECT_EQ(error_text([&] { data.batch(std::vector<int64_t>{0}); }),
            "[" + paths_[0] + "] is another sound than when it was first read; leave it as it is while it is used");
}

AudioEncoder encoder_of(AudioFormat format) {
  Table table;
  table.rows = 3;
  table.columns.push_back({.name = "label", .is_number = false, .codes = {0, 1, 0}, .dictionary = {"no", "yes"}});
  table.parts = {{.source = "sounds"}};
  const Shape shape = format.shape();
  format.mean.assign(static_cast<size_t>(shape[1]), -1.5F);
  format.scale.assign(static_cast<size_t>(shape[1]), 0.1F);
  const std::vector<int64_t> rows = {0, 1, 2};
  return {format, TableEncoder::fit(table, rows, {.target = "label", .classes = true, .array = ArrayFeatures{shape}})};
}

TEST(AudioEncoder, IsReadAsItWasWritten) {
  for (AudioFeatures features : {AudioFeatures::kLogMel, AudioFeatures::kMfcc, AudioFeatures::kSamples}) {
    AudioFormat format = kLogMel;
    format.features = features;
    format.spectrogram.high = 3900.0;
    if (features == AudioFeatures::kMfcc) {
      format.spectrogram.coefficients = 13;
      format.spectrogram.scale = MelScale::kSlaney;
      format.spectrogram.log = LogScale::kDecibel;
      format.spectrogram.equal_area = true;
    }
    const std::string json = encoder_of(format).to_json();
    const AudioEncoder read = AudioEncoder::from_json(json, "audio.json");
    EXPECT_EQ(read.to_json(), json);
    EXPECT_EQ(read.format.shape(), format.shape());
    EXPECT_EQ(read.labels.classes(), (std::vector<std::string>{"no", "yes"}));
    EXPECT_EQ(read.format.scale[0], 0.1F);
  }
}

TEST(AudioEncoder, AFileThatIsWrongIsAnError) {
  const std::string json = encoder_of(kLogMel).to_json();
  const auto refused = [&](std::string_view from, std::string_view to) {
    std::string text = json;
    text.replace(text.find(from), from.size(), to);
    return error_text([&] { AudioEncoder::from_json(text, "audio.json"); });
  };
  const std::string end = "; expected the sounds of a model as gradus writes them";
  EXPECT_EQ(refused("\"audio\"", "\"music\""), "[audio.json] \"audio\" is missing" + end);
  EXPECT_EQ(refused("\"rate\":8000", "\"rate\":8"),
            "[audio.json] \"audio\" has a \"rate\" that is no whole number from 1000 to 768000" + end);
  EXPECT_EQ(refused("\"log_mel\"", "\"mel\""), "[audio.json] \"audio\" has an unknown \"features\"" + end);
  EXPECT_EQ(refused("\"mels\":16", "\"mels\":15"),
            "[audio.json] \"audio\" has a \"mean\" that is no list of 15 numbers" + end);
  EXPECT_EQ(refused("\"equal_area\":false", "\"equal_area\":0"),
            "[audio.json] \"audio\" has a \"equal_area\" that is not true or false" + end);
  EXPECT_EQ(refused("\"fft\":200", "\"fft\":202"),
            "[audio.json] \"audio\" makes no spectrogram (fft is 202; expected an even number without a prime factor "
            "above 5, such as 216)" +
                end);
  EXPECT_EQ(refused("\"low\":", "\"low\":true,\"other\":"), "[audio.json] \"audio\" has a \"low\" that is no number" + end);
  const size_t mean = json.find("\"mean\":[");
  const std::string first = json.substr(mean, json.find(',', mean) - mean);
  EXPECT_EQ(refused(first, "\"mean\":[true"), "[audio.json] \"audio\" has a \"mean\" with what is no number" + end);
  EXPECT_EQ(refused("\"length\":1000", "\"length\":1100"),
            "[audio.json] \"array\" has not the shape of \"audio\"; expected both to be that of the model's features");
}

TEST(AudioEncoder, NamesThatThereAreNot) {
  EXPECT_EQ(audio_features("mfcc"), AudioFeatures::kMfcc);
  EXPECT_EQ(mel_scale("slaney"), MelScale::kSlaney);
  EXPECT_EQ(log_scale("decibel"), LogScale::kDecibel);
  EXPECT_EQ(usage_error_text([] { audio_features("bark"); }), "[audio] there is no \"bark\"");
}

}  // namespace audio_dataset_test
}  // namespace gradus
