// What `gradus data show` says and saves of words, sparse rows and arrays.
#include "gradus/train/shown_data.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "gradus/data/image.h"
#include "tests/data/idx_bytes.h"
#include "tests/testing.h"
#include "tests/train/configs.h"

namespace gradus {
namespace shown_data_test {

using testing::HasSubstr;
using testing::StartsWith;

// All examples of the file, which `settings` say how to read.
std::vector<ShownExample> shown(const std::filesystem::path& file, const std::string& settings) {
  const Config config = Config::parse(settings + "\ndata.validation_fraction = 0\ntrain.steps = 1\n", "run.toml",
                                      {Config::text_override("data.path", file.string())});
  const ExperimentData data = make_data(config);
  std::vector<ShownExample> all = shown_examples(config, data, data.training->size());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return all;
}

TEST(ShownData, OfABagAreTheWordsWithTheirCounts) {
  const TemporaryFolder folder;
  spill(folder / "t.jsonl",
        "{\"text\": \"b a \\\"a c\", \"label\": \"x\"}\n{\"text\": \"c c\", \"label\": \"y\"}\n"
        "{\"text\": \"c\", \"label\": \"y\"}\n");
  const auto all = shown(folder / "t.jsonl", "data.kind = 'labelled_text'\nmodel.kind = 'linear'");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].target, "x");
  // Of those with the same count the one that is more frequent in all texts is first, then by its bytes.
  EXPECT_EQ(all[0].text, "5 tokens, 4 different, each with its count\n\"a\" 2, \"c\" 1, \"\\\"\" 1, \"b\" 1\n");
  ASSERT_EQ(all[0].files.size(), 1U);
  EXPECT_EQ(all[0].files[0].ending, ".txt");
  EXPECT_EQ(all[0].files[0].bytes, "2 \"a\"\n1 \"c\"\n1 \"\\\"\"\n1 \"b\"\n");
  EXPECT_EQ(all[1].text, "2 tokens, 1 different, each with its count\n\"c\" 2\n");
}

TEST(ShownData, OfSparseRowsAreTheNumbersThatAreThere) {
  const TemporaryFolder folder;
  std::string many = "1";
  for (int i = 2; i < 90; ++i) many += " " + std::to_string(i) + ":1";
  spill(folder / "d.svm", "1 1:0.5 7:2\n0\n" + many + "\n");
  const auto all = shown(folder / "d.svm", "data.kind = 'libsvm'\nmodel.kind = 'linear'");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].text, "2 of 89 numbers: 1:0.5 7:2\n");
  EXPECT_EQ(all[1].text, "0 of 89 numbers:\n");
  EXPECT_THAT(all[2].text, StartsWith("88 of 89 numbers: 2:1 3:1 "));
  EXPECT_THAT(all[2].text, HasSubstr(" 65:1 …\n"));
  EXPECT_TRUE(all[0].files.empty());
}

TEST(ShownData, ArraysOfTwoDimensionsArePictures) {
  const TemporaryFolder folder;
  const std::string clusters = "data.kind = 'idx'\nmodel = {kind = 'kmeans', clusters = 2}";
  spill(folder / "a.idx", idx_bytes(8, {2, 2, 3}, {"\x00\x10\x20\x30\x40\x50\x60\x70\x80\x90\xA0\xFF", 12}));
  const auto grey = shown(folder / "a.idx", clusters);
  ASSERT_EQ(grey.size(), 2U);
  EXPECT_THAT(grey[0].text, StartsWith("3×2 pixels, grey, numbers from 0 to 0.314\n"));
  ASSERT_EQ(grey[0].files.size(), 1U);
  EXPECT_EQ(grey[0].files[0].ending, ".png");
  const Image image = decode_image(grey[1].files[0].bytes, "shown");
  EXPECT_TRUE(image.height == 2 && image.width == 3 && image.channels == 1);
  EXPECT_EQ(image.bytes, (std::vector<uint8_t>{0x60, 0x70, 0x80, 0x90, 0xA0, 0xFF}));
  spill(folder / "b.idx", idx_bytes(8, {2, 1, 2, 3}, {"\x00\x10\x20\x30\x40\x50\x60\x70\x80\x90\xA0\xFF", 12}));
  const auto coloured = shown(folder / "b.idx", clusters);
  EXPECT_THAT(coloured[0].text, StartsWith("2×1 pixels, 3 channels, numbers from 0 to 0.314\n"));
  EXPECT_EQ(decode_image(coloured[1].files[0].bytes, "shown").channels, 3);
}

TEST(ShownData, OtherArraysAreNumbers) {
  const TemporaryFolder folder;
  const std::string clusters = "data.kind = 'idx'\nmodel = {kind = 'kmeans', clusters = 2}";
  const std::string bytes = {"\x00\x10\x20\x30\x40\x50\x60\x70\x80\x90\xA0\xFF", 12};
  for (const std::vector<uint32_t>& shape : {std::vector<uint32_t>{2, 6}, {2, 1, 3, 2}}) {
    spill(folder / "a.idx", idx_bytes(8, shape, bytes));
    const auto all = shown(folder / "a.idx", clusters);
    EXPECT_THAT(all[1].text, StartsWith("6 numbers: 0.3765, 0.4392, "));
    EXPECT_TRUE(all[1].files.empty());
  }
}

}  // namespace shown_data_test
}  // namespace gradus
