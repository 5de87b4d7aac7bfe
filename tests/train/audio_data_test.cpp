// Sounds in a run: data.kind = "audio", from a folder of files to predictions.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "gradus/base/random.h"
#include "gradus/data/audio_dataset.h"
#include "gradus/data/image.h"
#include "gradus/train/checkpoint.h"
#include "gradus/train/prediction.h"
#include "gradus/train/run.h"
#include "gradus/train/session.h"
#include "gradus/train/shown_data.h"
#include "tests/data/audio_bytes.h"
#include "tests/reads.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace audio_data_test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

// Tones of 400 and 1000 Hz by two speakers, four takes each, with some noise.
class AudioData : public testing::Test {
 protected:
  AudioData() {
    for (int take = 0; take < 4; ++take) {
      for (const char* speaker : {"ann", "bo"}) {
        write(fmt::format("low_{}_{}.wav", speaker, take), 400.0, take);
        write(fmt::format("high_{}_{}.wav", speaker, take), 1000.0, take);
      }
    }
  }
  void write(const std::string& name, double hz, int seed) const {
    const RandomStream noise(static_cast<uint64_t>(seed));
    std::vector<float> samples;
    for (int i = 0; i < 1900 + 100 * seed; ++i) {
      const double tone = 0.3 * std::sin(2.0 * M_PI * hz * i / 8000.0);
      samples.push_back(static_cast<float>(tone + 0.01 * noise.normal(0, static_cast<uint64_t>(i))));
    }
    spill(folder_ / name, float_wav(samples));
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Config config(Overrides keys = {}) const {
    keys.insert(keys.begin(), Config::text_override("data.path", folder_.path().string()));
    return Config::parse(
        "data = {kind = \"audio\", name_pattern = \"{label}_{speaker}_{take}.wav\", split = \"by_value\", "
        "split_column = \"take\", held_out = [\"0\"], sample_rate = 8000, seconds = 0.25, mels = 16, low_hz = 100}\n"
        "augment = {shift = 0.02, gain = 3, noise = 0.01, time_masks = 1, frequency_masks = 1, frequency_mask = 2}\n"
        "model.kind = \"linear\"\noptimizer = {name = \"adamw\", learning_rate = 0.01}\n"
        "train = {steps = 40, batch_size = 4}\n",
        "run.toml", keys);
  }

  TemporaryFolder folder_;
};

TEST_F(AudioData, FilesBecomeSpectrogramsAndNamesClasses) {
  const ExperimentData data = make_data(config());
  EXPECT_EQ(data.shape.example, (Shape{26, 16}));
  EXPECT_EQ(data.shape.inputs, 26 * 16);
  EXPECT_EQ(data.shape.outputs, 2);
  EXPECT_EQ(data.training->size(), 12);
  EXPECT_EQ(data.validation->size(), 4);
  const auto& encoder = std::get<AudioEncoder>(data.encoder);
  EXPECT_EQ(encoder.labels.classes(), (std::vector<std::string>{"high", "low"}));
  EXPECT_EQ(encoder.format.spectrogram.fft, 200);
  EXPECT_EQ(encoder_file(data.encoder), "audio.json");
  EXPECT_TRUE(data.training->is_costly());
  EXPECT_EQ(data.notes[0], "of 16 sounds 8 are longer than 0.25 s, and 4 shorter");
  // What is held out has no part in the scale: it is that of the training part, of which the mean is 0 and the
  // variance 1.
  const auto& training = dynamic_cast<const AudioDataset&>(*data.training);
  std::vector<int64_t> ids(12);
  for (int64_t i = 0; i < 12; ++i) ids[static_cast<size_t>(i)] = i;
  const std::vector<double> x = training.batch(ids).inputs.values<double>();
  for (size_t c = 0; c < 16; ++c) {
    double sum = 0.0, squares = 0.0;
    for (size_t t = 0; t < x.size() / 16; ++t) {
      sum += x[t * 16 + c];
      squares += x[t * 16 + c] * x[t * 16 + c];
    }
    EXPECT_NEAR(sum * 16 / static_cast<double>(x.size()), 0.0, 1e-4);
    EXPECT_NEAR(squares * 16 / static_cast<double>(x.size()), 1.0, 1e-4);
  }
}

TEST_F(AudioData, ItLearnsAndPredictsFilesAndIsTheSameForAnyNumberOfWorkers) {
  const TemporaryFolder runs;
  uint64_t first_hash = 0;
  for (const int workers : {0, 3}) {
    const fs::path out = runs / std::to_string(workers);
    TrainingRun run(config({"train.workers=" + std::to_string(workers)}), out, {});
    run.train();
    const uint64_t hash = weights_hash(run.model().parameters());
    if (workers == 0) first_hash = hash;
    EXPECT_EQ(hash, first_hash);
  }
  const TrainedRun trained = load(runs / "0");
  const Predictions p = predict_files(trained, {path("low_ann_0.wav"), path("high_bo_0.wav")});
  ASSERT_EQ(p.ids.size(), 2U);
  EXPECT_EQ(p.classes[static_cast<size_t>(p.ids[0])], "low");
  EXPECT_EQ(p.classes[static_cast<size_t>(p.ids[1])], "high");
  const std::string csv = to_csv(p);
  EXPECT_THAT(csv, testing::StartsWith("file,prediction,p_high,p_low\n" + path("low_ann_0.wav") + ",low,"));
  EXPECT_THAT(to_jsonl(p), testing::StartsWith("{\"file\":\"" + path("low_ann_0.wav") + "\",\"prediction\":\"low\","));
  EXPECT_EQ(predict_files(trained, {folder_.path().string()}).ids.size(), 16U);
  const auto all = read_data(trained.config(), trained.encoder(), {folder_.path().string()}).rows;
  EXPECT_EQ(all->size(), 16);
}

TEST_F(AudioData, WhatIsShownIsWhatIsTrainedOn) {
  const Config run = config();
  const ExperimentData data = make_data(run);
  const std::vector<ShownExample> shown = shown_examples(run, data, 2);
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_THAT(shown[0].text, testing::StartsWith("0.25 s at 8000 Hz, 26 frames of 16 numbers from "));
  ASSERT_EQ(shown[0].files.size(), 2U);
  EXPECT_EQ(shown[0].files[0].ending, ".wav");
  const Audio audio = parse_audio(shown[0].files[0].bytes, "shown");
  EXPECT_EQ(audio.rate, 8000);
  EXPECT_EQ(audio.samples.shape(), (Shape{2000, 1}));
  EXPECT_EQ(shown[0].files[1].ending, ".png");
  const Image picture = decode_image(shown[0].files[1].bytes, "shown");
  EXPECT_EQ(picture.width, 26);
  EXPECT_EQ(picture.height, 16);
  EXPECT_EQ(*std::max_element(picture.bytes.begin(), picture.bytes.end()), 255);
}

TEST_F(AudioData, MfccAndSamples) {
  const ExperimentData mfcc = make_data(config({"data.audio_features=mfcc", "data.mfccs=13"}));
  EXPECT_EQ(mfcc.shape.example, (Shape{26, 13}));
  EXPECT_EQ(std::get<AudioEncoder>(mfcc.encoder).format.spectrogram.log, LogScale::kDecibel);
  const Config samples = Config::parse(
      "data = {kind = \"audio\", sample_rate = 4000, seconds = 0.25, split = "
      "\"stratified\", audio_features = \"samples\", name_pattern = "
      "\"{label}_*\"}\nmodel.kind = \"linear\"\ntrain.steps = 1\n",
      "run.toml", {Config::text_override("data.path", folder_.path().string())});
  const ExperimentData data = make_data(samples);
  EXPECT_EQ(data.shape.example, (Shape{1000, 1}));
  EXPECT_THAT(data.notes[1], HasSubstr("16 sounds are resampled to 4000 Hz"));
}

TEST_F(AudioData, BandsWithoutAFrequencyAreSaid) {
  const ExperimentData data = make_data(config({"data.mels=64", "data.fft=64", "data.window=64", "data.hop=32"}));
  EXPECT_THAT(data.notes,
              testing::Contains(Reads("{} of 64 bands hold no frequency of the transform and are always the same; "
                                      "a larger data.fft or fewer data.mels fill them")));
}

TEST_F(AudioData, AListOfPathsAndLabels) {
  std::string csv = "file,label\n";
  for (int take = 0; take < 4; ++take) {
    csv += fmt::format("low_ann_{0}.wav,deep\nhigh_bo_{0}.wav,not deep\n", take);
  }
  spill(folder_ / "list.csv", csv);
  const Config config = Config::parse(
      "data = {kind = \"audio\", sample_rate = 8000, seconds = 0.25, split = \"stratified\", validation_fraction = "
      "0.25, path_column = \"file\"}\nmodel.kind = \"linear\"\ntrain.steps = 1\n",
      "run.toml", {Config::text_override("data.path", path("list.csv"))});
  const ExperimentData data = make_data(config);
  EXPECT_EQ(data.training->size(), 6);
  EXPECT_EQ(std::get<AudioEncoder>(data.encoder).labels.classes(), (std::vector<std::string>{"deep", "not deep"}));
}

TEST_F(AudioData, BrokenFilesAreErrorsOrLeftOut) {
  spill(folder_ / "low_cy_1.wav", "no sound");
  EXPECT_EQ(error_text([&] { make_data(config()); }),
            "[" + path("low_cy_1.wav") +
                "] is no sound that can be read (it begins like none); expected WAV, FLAC, OGG or MP3; "
                "data.on_bad_file = \"skip\" leaves such files out");
  spill(folder_ / "low_cy_2.wav", "no sound");
  EXPECT_EQ(error_text([&] { make_data(config()); }),
            "[" + path("low_cy_1.wav") +
                "] is no sound that can be read (it begins like none); expected WAV, FLAC, OGG or MP3 (1 more "
                "files are broken); data.on_bad_file = \"skip\" leaves such files out");
  const std::vector<float> nan = {0.0F, std::nanf("")};
  spill(folder_ / "low_cy_2.wav", float_wav(nan));
  const ExperimentData data = make_data(config({"data.on_bad_file=skip"}));
  EXPECT_EQ(data.left_out.skipped.count, 2);
  EXPECT_THAT(data.left_out.skipped.first, HasSubstr("low_cy_1.wav] is no sound"));
  EXPECT_EQ(data.training->size(), 12);
}

TEST_F(AudioData, AFolderOfBrokenFilesAlone) {
  for (const auto& file : fs::directory_iterator(folder_.path())) spill(file.path(), "no sound");
  EXPECT_EQ(error_text([&] { make_data(config({"data.on_bad_file=skip"})); }),
            "[" + folder_.path().string() + "] none of its 16 sounds can be read; the first: [" +
                path("high_ann_0.wav") +
                "] is no sound that can be read (it begins like none); expected WAV, FLAC, OGG or MP3");
}

TEST_F(AudioData, WhatDoesNotGoTogether) {
  EXPECT_EQ(usage_error_text([&] { make_data(config({"data.fft=202"})); }),
            "[run.toml] makes no log_mel: fft is 202; expected an even number without a prime factor above 5, such "
            "as 216; see data.window, data.fft, data.mels and their like");
  EXPECT_THAT(usage_error_text([&] { make_data(config({Config::text_override("data.path", path("low_ann_0.wav"))})); }),
              HasSubstr("is one sound; expected data.path to be a folder of sounds, or a CSV or JSONL with their paths "
                        "and labels"));
  const Config solved = Config::parse(
      "data = {kind = \"audio\", name_pattern = \"{label}_*\"}\nmodel.kind = \"linear\"\nsolver.name = \"newton\"\n"
      "train.steps = 5\n",
      "run.toml", {Config::text_override("data.path", folder_.path().string())});
  EXPECT_THAT(usage_error_text([&] { Session session(solved); }),
              HasSubstr("solvers learn from rows in memory, and data.kind = \"audio\" has none; remove [solver], and "
                        "take an optimizer"));
  spill(folder_ / "list.csv", "sound,label\nlow_ann_0.wav,deep\n");
  EXPECT_THAT(usage_error_text([&] { make_data(config({Config::text_override("data.path", path("list.csv"))})); }),
              HasSubstr("has no column \"path\"; name the one with the files' paths by data.path_column"));
  EXPECT_THAT(usage_error_text([&] { config({"augment.loudness=3"}); }), HasSubstr("augment.loudness"));
}

}  // namespace audio_data_test
}  // namespace gradus
