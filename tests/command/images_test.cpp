// Pictures by the command: the recipe, what it shows, and what it says of a picture.
#include <gmock/gmock.h>

#include "gradus/data/image.h"
#include "tests/command/command.h"
#include "tests/data/idx_bytes.h"

namespace gradus {
namespace images_test {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

TEST(Images, TheRecipeTellsDigits) {
  const std::string folder_of_data = GRADUS_SOURCE_DIR "/../shared/data/images/";
  const std::string images = folder_of_data + "t10k-images-idx3-ubyte.gz";
  if (!std::filesystem::exists(images)) GTEST_SKIP() << images << " is not there";
  const TemporaryFolder folder;
  const CommandResult trained =
      run_gradus(folder, {"train", recipe("mnist_mlp"), "--data", images, "--set",
                          "data.labels=" + folder_of_data + "t10k-labels-idx1-ubyte.gz", "--out", "run", "--quiet"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const json found = json::parse(run_gradus(folder, {"eval", "run", "--json"}).out);
  EXPECT_EQ(found["examples"], 2000);
  EXPECT_GE(found["accuracy"].get<double>(), 0.975);  // PyTorch's same network without augmentation: 0.978
}

// Red, green and blue ones, each a little different, of several sizes and shapes.
Image plain_picture(int colour, int number) {
  Image image = blank_image(12 + number % 5, 10 + number % 7, 3);
  for (size_t i = 0; i < image.bytes.size(); ++i) {
    const bool is_lit = i % 3 == static_cast<size_t>(colour);
    image.bytes[i] = static_cast<uint8_t>((is_lit ? 160 : 20) + (number * 13 + static_cast<int>(i) * 7) % 60);
  }
  return image;
}

TEST(Images, TheRecipeOfAFolderTellsItsClasses) {
  const TemporaryFolder folder;
  const char* const classes[] = {"blue sky", "grass", "rose"};
  const int colours[] = {2, 1, 0};
  for (int number = 0; number < 60; ++number) {
    const std::filesystem::path own = folder / "pictures" / classes[number % 3];
    std::filesystem::create_directories(own);
    spill(own / fmt::format("{}.png", number), encode_png(plain_picture(colours[number % 3], number)));
  }
  const std::vector<std::string> smaller = {"--set", "model.width=4",       "--set", "data.image_size=16",
                                            "--set", "model.stem=small",    "--set", "train.batch_size=8",
                                            "--set", "validation.every=20", "--set", "optimizer.learning_rate=0.01"};
  std::vector<std::string> train = {"train", recipe("image_folder"), "--data", "pictures", "--out", "run"};
  train.insert(train.end(), smaller.begin(), smaller.end());
  const CommandResult trained = run_gradus(folder, train);
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_THAT(trained.out, HasSubstr("model resnet: "));
  EXPECT_THAT(trained.out, HasSubstr("; 48 examples; at most 60 steps; folder run\n"));
  std::vector<std::string> show = {"data", "show", recipe("image_folder"), "--data", "pictures", "--count", "1"};
  show.insert(show.end(), smaller.begin(), smaller.end());
  EXPECT_THAT(run_gradus(folder, show).out, MatchesRegex("example [0-9]+ \\(pictures/(blue sky|grass|rose)/[0-9]+.png\\), "
                                                         "(blue sky|grass|rose): 16×16 pixels, 3 channels, .*"));
  for (const json& row : read_log(folder / "run")) EXPECT_GE(row.at("data_wait").get<double>(), 0.0);
  const json found = json::parse(run_gradus(folder, {"eval", "run", "--json"}).out);
  EXPECT_EQ(found["examples"], 12);
  EXPECT_EQ(found["accuracy"], 1.0);
  for (int i = 0; i < 3; ++i) {
    spill(folder / "new.png", encode_png(plain_picture(colours[i], 77 + i)));
    const json line = json::parse(run_gradus(folder, {"predict", "run", "new.png", "--format", "jsonl"}).out);
    EXPECT_EQ(line["prediction"], classes[i]);
  }
  train[5] = "held";
  std::filesystem::copy(folder / "pictures", folder / "others", std::filesystem::copy_options::recursive);
  train.insert(train.end(), {"--set", "data.validation_path=others", "--unset", "data.validation_fraction"});
  const CommandResult held = run_gradus(folder, train);
  EXPECT_THAT(held.out, HasSubstr("; 60 examples; at most ")) << held.err;
  std::filesystem::create_directories(folder / "pictures/nothing");
  train[5] = "other";
  EXPECT_THAT(run_gradus(folder, train).err,
              StartsWith("gradus: [pictures/nothing] is the folder of a class, by data.name_pattern, and has no file"));
  EXPECT_FALSE(std::filesystem::exists(folder / "other"));
}

TEST(Images, AreShownTrainedOnAndPredicted) {
  const TemporaryFolder folder;
  std::string pixels;
  for (int i = 0; i < 20; ++i) pixels += std::string(16, i % 2 == 0 ? '\xF0' : '\x10');
  spill(folder / "a.idx", idx_bytes(8, {20, 4, 4}, pixels));
  std::string labels;
  for (int i = 0; i < 20; ++i) labels += static_cast<char>(i % 2);
  spill(folder / "l.idx", idx_bytes(8, {20}, labels));
  spill(folder / "c.toml",
        "data = {kind = \"images\", path = \"a.idx\", labels = \"l.idx\"}\nmodel.kind = \"linear\"\ntrain.steps = 40\n"
        "augment.flip = \"horizontal\"\noptimizer = {name = \"adamw\", learning_rate = 0.1}\n");
  const CommandResult shown = run_gradus(folder, {"data", "show", "c.toml", "--count", "2"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("4×4 pixels, grey, numbers from "));
  const CommandResult saved = run_gradus(folder, {"data", "show", "c.toml", "--count", "3", "--out", "seen"});
  EXPECT_EQ(saved.out, "3 examples are in seen\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "seen"), {}), 3);
  EXPECT_EQ(run_gradus(folder, {"data", "show", "c.toml", "--out", "seen"}).err,
            "gradus: [--out] seen is there already; name a new folder\n");
  EXPECT_EQ(run_gradus(folder, {"data", "show", "linear_regression", "--out", "new"}).err,
            "gradus: [--out] data.kind = \"line\" has nothing to save as files; leave it out\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).exit_code, 0);
  Image dark = blank_image(9, 9, 3);
  spill(folder / "dark.png", encode_png(dark));
  const CommandResult text = run_gradus(folder, {"predict", "run", "dark.png"});
  EXPECT_THAT(text.out, StartsWith("dark.png\n  ")) << text.err;
  EXPECT_THAT(text.out, HasSubstr("%  1\n"));
  const json line = json::parse(run_gradus(folder, {"predict", "run", "dark.png", "--format", "jsonl"}).out);
  EXPECT_EQ(line["file"], "dark.png");
  EXPECT_EQ(line["prediction"], "1");
  EXPECT_THAT(run_gradus(folder, {"predict", "run", "--data", "dark.png"}).out,
              StartsWith("file,prediction,p_0,p_1\ndark.png,1,"));
  EXPECT_EQ(run_gradus(folder, {"predict", "run"}).err,
            "gradus: [predict] there is nothing to predict; name FILEs, or give --data PATH\n");
  EXPECT_EQ(run_gradus(folder, {"predict", "run", "dark.png", "--data", "dark.png"}).err,
            "gradus: [predict] FILEs and --data do not go together; give one of them\n");
}

}  // namespace images_test
}  // namespace gradus
