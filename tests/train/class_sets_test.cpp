// Classes that do not fit are said before training, whatever the kind of data is; pictures have tests of their own.
#include <gmock/gmock.h>

#include <filesystem>

#include "gradus/train/experiment.h"
#include "tests/data/audio_bytes.h"
#include "tests/data/idx_bytes.h"
#include "tests/testing.h"
#include "tests/train/configs.h"

namespace gradus {
namespace class_sets_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A kind of data, and how examples of these classes are written as files of it.
struct KindOfData {
  const char* name;
  const char* config;
  std::string (*write)(const fs::path& path, const std::vector<int>& classes);  // its name as data.path has it
};

std::string write_csv(const fs::path& path, const std::vector<int>& classes) {
  std::string text = "x,y\n";
  for (size_t i = 0; i < classes.size(); ++i) text += fmt::format("{},{}\n", i, static_cast<char>('a' + classes[i]));
  spill(path.string() + ".csv", text);
  return path.string() + ".csv";
}

std::string write_texts(const fs::path& path, const std::vector<int>& classes) {
  std::string text;
  for (size_t i = 0; i < classes.size(); ++i) {
    text += fmt::format("{{\"text\": \"word {}\", \"label\": \"{}\"}}\n", i % 3, static_cast<char>('a' + classes[i]));
  }
  spill(path.string() + ".jsonl", text);
  return path.string() + ".jsonl";
}

std::string write_sparse(const fs::path& path, const std::vector<int>& classes) {
  std::string text;
  for (size_t i = 0; i < classes.size(); ++i) text += fmt::format("{} 1:{}\n", classes[i], 1 + i);
  spill(path.string() + ".svm", text);
  return path.string() + ".svm";
}

std::string write_sounds(const fs::path& path, const std::vector<int>& classes) {
  fs::remove_all(path);
  for (size_t i = 0; i < classes.size(); ++i) {
    const fs::path folder = path / std::string(1, static_cast<char>('a' + classes[i]));
    fs::create_directories(folder);
    spill(folder / fmt::format("{}.wav", i), float_wav(std::vector<float>(800, 0.01F * static_cast<float>(i % 7))));
  }
  return path.string();
}

class ClassSets : public testing::TestWithParam<KindOfData> {
 protected:
  Config config(const std::vector<int>& training, const std::vector<int>& validation, Overrides keys = {}) const {
    keys.push_back(Config::text_override("data.path", GetParam().write(folder_ / "training", training)));
    if (!validation.empty()) {
      keys.push_back(Config::text_override("data.validation_path", GetParam().write(folder_ / "held", validation)));
    }
    return Config::parse(std::string(GetParam().config) + "\nmodel.kind = \"linear\"\ntrain.steps = 2\n", "run.toml",
                         keys);
  }
  // Classes are a, b, c, … or 0, 1, 2, ….
  static std::string name(int number) {
    const bool has_numbers = std::string_view(GetParam().name).starts_with("libsvm");
    return has_numbers ? std::to_string(number) : std::string(1, static_cast<char>('a' + number));
  }
  TemporaryFolder folder_;
};

TEST_P(ClassSets, ThatDifferAreSaid) {
  EXPECT_EQ(left_out_text(make_data(config({0, 1, 2, 0, 1, 2}, {2, 1, 0}))).find("part has no example"),
            std::string::npos);
  EXPECT_THAT(
      left_out_text(make_data(config({0, 1, 2, 0, 1, 2}, {0, 0, 0}))),
      HasSubstr(fmt::format("the validation part has no example of 2 of the 3 classes: {}, {}\n", name(1), name(2))));
}

TEST_P(ClassSets, UnknownInValidationIsAnErrorOfItsPlace) {
  EXPECT_THAT(error_text([&] {
                make_data(config({0, 1, 2, 0, 1, 2}, {0, 3}));
              }),
              HasSubstr("is a class that the model does not know; it was made for: " + name(0) + ", " + name(1)));
  EXPECT_THAT(error_text([&] {
                make_data(config({0, 1, 2, 0, 1, 2}, {0, 3}));
              }),
              HasSubstr((folder_ / "held").string()));
}

TEST_P(ClassSets, OfOneClassIsAnError) {
  EXPECT_THAT(error_text([&] {
                make_data(config({0, 0, 0, 0, 0}, {}));
              }),
              HasSubstr("is the class to learn, and it is \"" + name(0) + "\" in every row; expected two or more"));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ClassSets,
    testing::Values(KindOfData{"csv", "data = {kind = \"csv\"}\nloss.name = \"cross_entropy\"", write_csv},
                    KindOfData{"libsvm", "data = {kind = \"libsvm\"}\nloss.name = \"cross_entropy\"", write_sparse},
                    KindOfData{"csv_streamed",
                               "data = {kind = \"csv\", rows = \"streamed\"}\nloss.name = \"cross_entropy\"\n"
                               "train.batch_size = 2",
                               write_csv},
                    KindOfData{"libsvm_streamed",
                               "data = {kind = \"libsvm\", rows = \"streamed\"}\nloss.name = \"cross_entropy\"\n"
                               "train.batch_size = 2",
                               write_sparse},
                    KindOfData{"labelled_text", "data = {kind = \"labelled_text\", tokens = \"words\"}", write_texts},
                    KindOfData{"audio", "data = {kind = \"audio\", sample_rate = 8000, seconds = 0.1}", write_sounds}),
    [](const auto& suffix) { return std::string(suffix.param.name); });

TEST(ClassSetsOfArrays, ThatDifferAreSaid) {
  const TemporaryFolder folder;
  for (const char* name : {"a.idx", "b.idx"}) spill(folder / name, idx_bytes(8, {6, 2}, "abcdefghijkl"));
  const auto labels = [&](const char* name, std::string bytes) {
    spill(folder / name, idx_bytes(8, {static_cast<uint32_t>(bytes.size())}, bytes));
    return (folder / name).string();
  };
  const auto config = [&](const std::string& own, const std::string& held) {
    return Config::parse("data.kind = \"idx\"\nmodel.kind = \"linear\"\ntrain.steps = 2\n", "run.toml",
                         {Config::text_override("data.path", (folder / "a.idx").string()),
                          Config::text_override("data.labels", labels("la.idx", own)),
                          Config::text_override("data.validation_path", (folder / "b.idx").string()),
                          Config::text_override("data.validation_labels", labels("lb.idx", held))});
  };
  using std::string_literals::operator""s;
  EXPECT_THAT(left_out_text(make_data(config("\0\1\2\0\1\2"s, "\0\1\0\1\0\1"s))),
              HasSubstr("the validation part has no example of 1 of the 3 classes: 2\n"));
  EXPECT_THAT(error_text([&] { make_data(config("\0\1\2\0\1\2"s, "\0\1\7\1\0\1"s)); }),
              HasSubstr("lb.idx:3] \"7\" in column \"label\" is a class that the model does not know"));
  EXPECT_THAT(error_text([&] { make_data(config("\1\1\1\1\1\1"s, "\1\1\1\1\1\1"s)); }),
              HasSubstr("it is \"1\" in every row; expected two or more"));
}

// Of sounds as of pictures; and a list says which of its lines names a file that is not there.
TEST(FoldersOfClasses, WithoutAFileAreErrors) {
  const TemporaryFolder folder;
  write_sounds(folder / "sounds", {0, 1, 0, 1});
  fs::create_directories(folder / "sounds/empty");
  const auto failure = [&](const std::string& path) {
    return program_error([&] {
      make_data(
          Config::parse("data = {kind = \"audio\", sample_rate = 8000, seconds = 0.1}\nmodel.kind = \"linear\"\n"
                        "train.steps = 2\n",
                        "run.toml", {Config::text_override("data.path", path)}));
    });
  };
  EXPECT_EQ(
      failure((folder / "sounds").string()),
      "[" + (folder / "sounds/empty").string() +
          "] is the folder of a class, by data.name_pattern, and has no file that ends in .wav, .flac, .ogg, .oga, "
          ".opus, .mp3; put some in it, or remove it");
  spill(folder / "list.csv", "path,label\nsounds/a/0.wav,a\nsounds/b/9.wav,b\n");
  EXPECT_EQ(failure((folder / "list.csv").string()), "[" + (folder / "list.csv").string() + ":3] there is no file " +
                                                         (folder / "sounds/b/9.wav").string() +
                                                         "; relative paths count from the folder of the list");
}

}  // namespace class_sets_test
}  // namespace gradus
