// Files as rows of a table.
#include "gradus/data/file_list.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/testing.h"

namespace gradus {
namespace file_list_test {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

constexpr std::string_view kWav[] = {".wav"};

Texts texts(const Table& table, const char* column) {
  Texts all;
  for (int64_t row = 0; row < table.rows; ++row) all.push_back(table.columns[table.column(column)].text(row));
  return all;
}

void touch(const fs::path& path) {
  fs::create_directories(path.parent_path());
  spill(path, "x");
}

Texts matched(const char* pattern, const char* name) { return NamePattern(pattern, "k").match(name); }

TEST(NamePattern, TakesAsLittleAsItCan) {
  EXPECT_EQ(matched("{label}_{speaker}_{take}.wav", "7_ann_b_12.wav"), (Texts{"7", "ann", "b_12"}));
  EXPECT_EQ(matched("{label}/**", "cat/big/1.png"), (Texts{"cat"}));
  EXPECT_EQ(matched("{a}/{b}/*.png", "x/y/z.png"), (Texts{"x", "y"}));
  EXPECT_EQ(matched("**/{b}.png", "x/y/z.png"), (Texts{"z"}));
  EXPECT_EQ(matched("{a}/*", "x/y/z.png"), Texts{});     // * stays in its folder
  EXPECT_EQ(matched("{a}_{b}.wav", "_b.wav"), Texts{});  // a field is not empty
  EXPECT_EQ(matched("{a}.wav", "x.wave"), Texts{});
  EXPECT_EQ(NamePattern("{a}_{b}", "k").fields(), (Texts{"a", "b"}));
}

TEST(NamePattern, SaysWhatIsWrong) {
  const auto error = [](const char* pattern) {
    return usage_error_text([&] { NamePattern(pattern, "data.name_pattern"); });
  };
  EXPECT_EQ(error("a{b"), "[data.name_pattern] \"a{b\": the brace at character 2 does not end; expected a name and }");
  const auto of_field = [](const std::string& pattern, const std::string& name) {
    return "[data.name_pattern] \"" + pattern + "\": a field is called \"" + name +
           "\"; expected a name that stands once, and is not \"path\"";
  };
  EXPECT_EQ(error("{}"), of_field("{}", ""));
  EXPECT_EQ(error("{a}_{a}"), of_field("{a}_{a}", "a"));
  EXPECT_EQ(error("{path}"), of_field("{path}", "path"));
  EXPECT_EQ(error("{a}{b}"), "[data.name_pattern] \"{a}{b}\": nothing stands before {b} to tell where it begins");
  EXPECT_EQ(error("{a}*"), "[data.name_pattern] \"{a}*\": nothing stands before the * at character 4");
  EXPECT_EQ(error(""), "[data.name_pattern] is empty; expected a pattern such as \"{label}_*.wav\"");
}

TEST(FileList, HasTheFilesOfClassFoldersInOrder) {
  const TemporaryFolder folder;
  for (const char* name : {"dog/2.wav", "dog/1.WAV", "cat/deep/3.wav", "cat/notes.txt", ".hidden/4.wav"}) {
    touch(folder / name);
  }
  const FileList list = list_files({folder.path().string()}, {.endings = kWav});
  EXPECT_EQ(texts(list.table, "label"), (Texts{"cat", "dog", "dog"}));
  EXPECT_EQ(texts(list.table, "path"), (Texts{(folder / "cat/deep/3.wav").string(), (folder / "dog/1.WAV").string(),
                                              (folder / "dog/2.wav").string()}));
  EXPECT_EQ(list.other_files, 1);
  EXPECT_EQ(list.table.place(1), (folder / "dog/1.WAV").string());
}

TEST(FileList, HasTheFieldsOfNames) {
  const TemporaryFolder folder;
  for (const char* name : {"3_ann_0.wav", "3_bob_1.wav", "5_ann_0.wav"}) touch(folder / name);
  const FileList list =
      list_files({folder.path().string()}, {.pattern = "{label}_{speaker}_{take}.wav", .endings = kWav});
  EXPECT_EQ(texts(list.table, "label"), (Texts{"3", "3", "5"}));
  EXPECT_EQ(texts(list.table, "speaker"), (Texts{"ann", "bob", "ann"}));
  EXPECT_EQ(texts(list.table, "take"), (Texts{"0", "1", "0"}));
}

TEST(FileList, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto error = [&](const FileListOptions& options) {
    return error_text([&] { list_files({folder.path().string()}, options); });
  };
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "has no file that ends in .wav, nor has a folder in it",
                      error({.endings = kWav}));
  touch(folder / "1.wav");
  const std::string file = (folder / "1.wav").string();
  EXPECT_EQ(error({.endings = kWav}), "[" + file + "] the name does not fit data.name_pattern = \"{label}/**\" below " +
                                          folder.path().string() + "; rename or move it, or give another pattern");
  EXPECT_EQ(error_text([&] { list_files({file}, {.endings = kWav}); }),
            "[" + file + "] there is no such folder; expected one with files to learn from");
  fs::create_directory_symlink(folder.path(), folder / "again");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "] folders are more than 32 deep; is there a link to itself?",
                      error({.pattern = "**", .endings = kWav}));
}

TEST(FileList, PathsOfAListStartAtItsFolder) {
  Table table;
  table.rows = 2;
  table.lines = {1, 2};
  table.parts = {{.source = "/data/list.csv"}};
  table.columns.push_back({.name = "file", .is_number = false, .codes = {0, 1}, .dictionary = {"a.png", "/b.png"}});
  Table missing = table;
  resolve_paths(table, "file", "/data/list.csv");
  EXPECT_EQ(texts(table, "path"), (Texts{"/data/a.png", "/b.png"}));
  missing.columns[0].codes[1] = -1;
  EXPECT_EQ(error_text([&] { resolve_paths(missing, "file", "/data/list.csv"); }),
            "[/data/list.csv:2] column \"file\" is empty; expected the path of a file");
  Table numbers;
  numbers.rows = 1;
  numbers.columns.push_back({.name = "file", .is_number = true, .numbers = {5}});
  EXPECT_EQ(error_text([&] { resolve_paths(numbers, "file", "/data/list.csv"); }),
            "[/data/list.csv] column \"file\" holds numbers; expected paths of files");
}

}  // namespace file_list_test
}  // namespace gradus
