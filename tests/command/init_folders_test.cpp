// `gradus init --data` of folders of pictures and sounds. Each configuration that it writes is run.
#include <gmock/gmock.h>

#include "tests/command/init.h"
#include "tests/data/audio_bytes.h"
#include "tests/data/pictures.h"

namespace gradus {
namespace init_folders_test {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

void spill_pictures(const TemporaryFolder& folder, const std::string& below, int64_t size, int64_t channels,
                    int count) {
  std::filesystem::create_directories(folder / below);
  for (int i = 0; i < count; ++i) {
    spill(folder / fmt::format("{}/{}.png", below, i),
          encode_png(pattern(size, size, channels, static_cast<uint64_t>(i))));
  }
}

TEST(InitFolders, AFolderOfPicturesGetsAResnet) {
  const TemporaryFolder folder;
  spill_pictures(folder, "pets/cat", 20, 3, 12);
  spill_pictures(folder, "pets/dog", 18, 3, 9);
  spill(folder / "pets/dog/notes.txt", "seen in May");
  EXPECT_THAT(
      suggested(folder, "pets"),
      StartsWith("# pets: 21 pictures of 2 classes: cat (12), dog (9).\n\n[data]\nkind = \"images\"\npath = "
                 "\"pets\"\n# A file's class is the name of the folder that it lies in, below that path.\nsplit = "
                 "\"stratified\"    # of each class the same part\nvalidation_fraction = 0.2    # examples that "
                 "are never trained on: how good the model is on new ones\nimage_size = 20    # half of them "
                 "have so many lines or more\n\n[augment]\nflip = \"horizontal\"    # left and right; \"none\" for "
                 "letters and digits\n\n[model]\nkind = \"resnet\"\ndepth = 18\nstem = \"small\"    # the pictures "
                 "are small: none of them is given away\n"));
  EXPECT_THAT(
      slurp(folder / "s.toml"),
      HasSubstr("[train]\nepochs = 40    # of 1 steps; more of them learn more\nbatch_size = 17\nrestore_best = "
                "true    # keeps the best weights\n\n[validation]\nevery = 10\n"));
  EXPECT_EQ(refused(folder, "pets", {"--target", "label"}),
            "gradus: [--target] is for files; the classes of a folder are those of its folders' names\n");
}

TEST(InitFolders, LargeAndGreyAndBrokenPictures) {
  const TemporaryFolder folder;
  spill_pictures(folder, "p/a", 100, 1, 3);
  spill_pictures(folder, "p/b", 100, 1, 3);
  spill(folder / "p/b/x.png", "no picture");
  const std::string text = suggested(folder, "p");
  EXPECT_THAT(text,
              HasSubstr("on_bad_file = \"skip\"    # there is one that cannot be read: [p/b/x.png] is no picture"));
  EXPECT_THAT(text,
              HasSubstr("validation_fraction = 0.0    # 6 examples are too few to hold any out\nimage_size = 64    "
                        "# 128 or 224 for those that need more detail: 4 and 12 times the work\nchannels = 1    # "
                        "all are grey\n\n[augment]\nrandom_crop = true    # a part of the picture,\ncrop_area = "
                        "[0.4, 1.0]    # of so much of its area\n"));
  EXPECT_THAT(text, HasSubstr("stem = \"large\"    # halves the picture twice before the first block\n"));
  EXPECT_THAT(text, Not(HasSubstr("[validation]")));
}

TEST(InitFolders, FoldersWithoutClassesAreRefused) {
  const TemporaryFolder folder;
  spill_pictures(folder, "one/cat", 16, 3, 3);
  EXPECT_EQ(refused(folder, "one"),
            "gradus: [one] all its pictures are in one folder, \"cat\"; expected a folder for each of two or more "
            "classes\n");
  spill_pictures(folder, "parts/train/cat", 16, 3, 3);
  spill_pictures(folder, "parts/test/cat", 16, 3, 3);
  EXPECT_EQ(refused(folder, "parts"),
            "gradus: [parts] its folders are parts, \"test\" and \"train\", and not classes; give the one to train on "
            "with --data, and add data.validation_path, the other, in place of data.validation_fraction\n");
  spill_pictures(folder, "flat", 16, 3, 3);
  EXPECT_EQ(
      refused(folder, "flat"),
      "gradus: [flat] its pictures lie in no folders that are named by their classes; put them into such, or start "
      "from `gradus init image_folder FILE` and say by data.name_pattern what their names mean\n");
  std::filesystem::create_directories(folder / "texts");
  spill(folder / "texts/a.txt", "so it goes");
  EXPECT_EQ(refused(folder, "texts"),
            "gradus: [texts] is a folder without pictures (.jpg, .png, .webp) or sounds (.wav, .flac, .ogg, .mp3); "
            "expected folders of these that are named by their classes, or files: --data 'FOLDER/*.csv'\n");
  for (const char* name : {"bad/a/1.png", "bad/b/1.png"}) {
    std::filesystem::create_directories((folder / name).parent_path());
    spill(folder / name, "no picture");
  }
  EXPECT_THAT(refused(folder, "bad"),
              StartsWith("gradus: [bad] none of its pictures can be read; the first: [bad/a/1"));
  for (const char* name : {"deaf/a/1.wav", "deaf/b/1.wav"}) {
    std::filesystem::create_directories((folder / name).parent_path());
    spill(folder / name, "no sound");
  }
  EXPECT_THAT(refused(folder, "deaf"),
              StartsWith("gradus: [deaf] none of its sounds can be read; the first: [deaf/a/1"));
  spill(folder / "t.txt", lines_of_text(50, "so it goes\n"));
  spill(folder / "pack.toml",
        "data = {kind = \"text\", path = \"t.txt\"}\nmodel = {kind = \"gpt\", context = 8}\n"
        "train.steps = 1\n");
  ASSERT_EQ(run_gradus(folder, {"data", "pack", "pack.toml", "--out", "packed"}).err, "");
  EXPECT_EQ(refused(folder, "packed"),
            "gradus: [packed] is packed text; start from `gradus init gpt_bpe FILE`, and there data.path\n");
}

TEST(InitFolders, SoundsGetANetworkOnSpectrograms) {
  const TemporaryFolder folder;
  for (const char* name : {"words/yes", "words/no", "flat"}) std::filesystem::create_directories(folder / name);
  for (int i = 0; i < 12; ++i) {
    const std::string sound = float_wav(std::vector<float>(static_cast<size_t>(3000 + 100 * i), 0.1F));
    spill(folder / fmt::format("words/{}/{}.wav", i % 2 == 0 ? "yes" : "no", i), sound);
    spill(folder / fmt::format("flat/{}_ann_{}.wav", i % 3, i), sound);
  }
  // Nine of ten have 3900 samples or fewer, of 8000 a second.
  EXPECT_THAT(
      suggested(folder, "words"),
      HasSubstr("how good the model is on new ones\nsample_rate = 8000    # that of most files\nseconds = 0.5    "
                "# nine of ten are no longer; of longer ones any stretch is trained on\naudio_features = "
                "\"log_mel\"\n"));
  EXPECT_THAT(slurp(folder / "s.toml"), HasSubstr("gain = 6.0    # decibels either way\n"));
  EXPECT_THAT(slurp(folder / "s.toml"),
              HasSubstr("kind = \"cnn\"    # a spectrogram is a picture: time goes down, pitch across\n"));
  EXPECT_THAT(
      suggested(folder, "flat"),
      HasSubstr("name_pattern = \"{label}_*\"    # what stands before the first _ of a file's name is its class\n"));
  // What is faster and longer.
  for (const char* name : {"long/a/1.wav", "long/b/1.wav"}) {
    std::filesystem::create_directories((folder / name).parent_path());
    spill(folder / name, float_wav(std::vector<float>(500'000, 0.1F), {.rate = 44100}));
  }
  EXPECT_THAT(
      suggested(folder, "long"),
      HasSubstr("sample_rate = 16000    # enough for speech; files have more\nseconds = 10.0    # of longer ones "
                "any stretch is trained on\n"));
}

}  // namespace init_folders_test
}  // namespace gradus
