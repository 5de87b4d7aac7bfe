// `gradus init`: a configuration from a recipe, or for data. Each that it writes for data is run.
#include <gmock/gmock.h>

#include "gradus/data/compression.h"
#include "tests/command/init.h"
#include "tests/data/audio_bytes.h"
#include "tests/data/pictures.h"

namespace gradus {
namespace init_test {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Two groups of points that a straight line parts.
std::string table() {
  std::string text = "a,b,kind\n";
  for (int i = 0; i < 60; ++i) {
    const int a = i % 10, b = (7 * i) % 12;
    text += fmt::format("{},{},{}\n", a, b, a + b > 10 ? "\"high, or more\"" : "low");
  }
  return text;
}

TEST(Init, OddFieldsAreNamed) {
  const TemporaryFolder folder;
  std::string text = "size,rooms,price\n";
  for (int i = 0; i < 20; ++i) text += fmt::format("{},{},{}.5\n", i == 7 ? "-" : std::to_string(i), i % 5, i);
  spill(folder / "h.csv", text);
  EXPECT_THAT(run_gradus(folder, {"init", "--data", "h.csv", "c.toml"}).out,
              HasSubstr("# Left out, for they hold text that is no category: size (\"-\" in line 9 is no number)\n"));
  EXPECT_EQ(
      run_gradus(folder, {"init", "--data", "h.csv", "--target", "size", "d.toml"}).err,
      "gradus: [h.csv] column \"size\" is to be learned, and of its fields, most of which are numbers, \"-\" in line "
      "9 is no number: mend the file, or name another column with --target\n");
}

TEST(Init, MissingValuesAreNamed) {
  const TemporaryFolder folder;
  std::string text = "size,rooms,price\n";
  for (int i = 0; i < 20; ++i) text += fmt::format("{},{},{}.5\n", i == 7 ? "N/A" : std::to_string(i), i % 5, i);
  spill(folder / "h.csv", text);
  EXPECT_THAT(
      run_gradus(folder, {"init", "--data", "h.csv", "c.toml"}).out,
      HasSubstr("impute = \"median\"    # values are missing, first in: size (line 9)\nmissing_indicator = true\n"));
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).err, "");
  EXPECT_THAT(run_gradus(folder, {"init", "--data", "h.csv", "--target", "size", "d.toml"}).out,
              HasSubstr("unlabelled = \"leave_out\"    # it is missing, first in line 9\n"));
  EXPECT_THAT(run_gradus(folder, {"train", "d.toml", "--dry-run"}).out,
              HasSubstr("1 rows without a target are left out\n"));
}

TEST(Init, ShowsWhatEachColumnIsTakenFor) {
  const TemporaryFolder folder;
  std::string text = "id,size,town,same,kind\n";
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("n{},{},{},1,{}\n", i, i == 7 ? "" : std::to_string(i), i % 2 == 0 ? "Ulm" : "Bonn", i % 3);
  }
  spill(folder / "t.csv", text);
  EXPECT_THAT(run_gradus(folder, {"init", "--data", "t.csv", "c.toml"}).out,
              HasSubstr("# t.csv: 40 rows, 5 columns.\n"
                        "# Its columns, and what they are taken for:\n"
                        "#   \"id\": text, 40 different: left out\n"
                        "#   \"size\": numbers, 1 missing: feature\n"
                        "#   \"town\": text, 2 different: feature\n"
                        "#   \"same\": numbers: left out\n"
                        "#   \"kind\": numbers: target, classes\n\n"));
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet", "--set", "train.steps=3"}).err, "");
}

TEST(Init, FewRowsAndSpacesMakeARunToo) {
  const TemporaryFolder folder;
  spill(folder / "few.txt", "a b y\n1 2 3\n2 1 4\n3 3 6.5\n");
  const CommandResult result = run_gradus(folder, {"init", "--data", "few.txt", "c.toml"});
  EXPECT_THAT(result.out, HasSubstr("separator = \"space\""));
  EXPECT_THAT(result.out, HasSubstr("validation_fraction = 0.0    # 3 rows are too few to hold any out"));
  const CommandResult run =
      run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet", "--set", "train.steps=3"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST(Init, SeveralFilesAreReadAsOne) {
  const TemporaryFolder folder;
  std::string text = "size,rooms,price\n", more = text;
  for (int i = 0; i < 20; ++i) text += fmt::format("{},{},{}.5\n", i, i % 5, i);
  for (int i = 0; i < 30; ++i) more += fmt::format("{},{},{}.5\n", i == 7 ? "N/A" : std::to_string(i), i % 5, i);
  spill(folder / "a1.csv", text);
  spill(folder / "a2.csv", more);
  const CommandResult result = run_gradus(folder, {"init", "--data", "a1.csv", "--data", "a2.csv", "c.toml"});
  EXPECT_THAT(result.out, HasSubstr("# a1.csv, a2.csv: 50 rows, 3 columns.\n"));
  EXPECT_THAT(result.out, HasSubstr("path = [\"a1.csv\", \"a2.csv\"]\n"));
  EXPECT_THAT(result.out, HasSubstr("# values are missing, first in: size (a2.csv:9)\n"));
  EXPECT_THAT(run_gradus(folder, {"train", "c.toml", "--dry-run"}).out, HasSubstr("40 examples to train on, 10"));
  const CommandResult pattern = run_gradus(folder, {"init", "--data", "a?.csv", "p.toml"});
  EXPECT_THAT(pattern.out, HasSubstr("# a?.csv: 50 rows, 3 columns.\n"));
  EXPECT_THAT(pattern.out, HasSubstr("path = \"a?.csv\"\n"));
  EXPECT_THAT(run_gradus(folder, {"train", "p.toml", "--dry-run"}).out, HasSubstr("40 examples to train on, 10"));
  spill(folder / "b.csv", "size,price\n1,2\n");
  EXPECT_EQ(run_gradus(folder, {"init", "--data", "a1.csv", "--data", "b.csv", "d.toml"}).err,
            "gradus: [b.csv] 2 columns; expected 3, as in a1.csv\n");
  EXPECT_THAT(run_gradus(folder, {"init", "--data", "c*.csv", "d.toml"}).err,
              HasSubstr("expected --data to name files, or a pattern that some fit"));
  spill(folder / "1.svm", "1 1:1\n-1 2:1\n");
  spill(folder / "2.svm", "1 5:1\n");
  EXPECT_THAT(run_gradus(folder, {"init", "--data", "[12].svm", "s.toml"}).out,
              HasSubstr("# [12].svm: 3 rows of 5 columns, most of whose numbers are 0 (3 are not).\n"));
  for (const char* name : {"1.txt", "2.txt"}) {
    std::string words;
    for (int i = 0; i < 30; ++i) words += name[0] == '1' ? "so it goes\n" : "and so on!\n";
    spill(folder / name, words);
  }
  EXPECT_THAT(run_gradus(folder, {"init", "--data", "1.txt", "--data", "2.txt", "t.toml"}).out,
              HasSubstr("# 1.txt, 2.txt: 660 bytes of text.\n\n[data]\nkind = \"text\"\npath = [\"1.txt\", \"2.txt\"]\n"
                        "tokens = \"characters\"    # its alphabet has 12\n"));
}

TEST(Init, SparseRowsGetALinearModel) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 40; ++i) text += fmt::format("{} {}:1 {}:0.5\n", i % 2 == 0 ? "+1" : "-1", 1 + i % 2, 3 + i % 5);
  spill(folder / "a.svm", text);
  const CommandResult result = run_gradus(folder, {"init", "--data", "a.svm", "c.toml"});
  EXPECT_THAT(result.out, HasSubstr("# a.svm: 40 rows of 7 columns, most of whose numbers are 0 (80 are not).\n"));
  EXPECT_THAT(result.out,
              HasSubstr("name = \"binary_cross_entropy\"    # the labels are few different numbers: classes\n"));
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).err, "");
  EXPECT_EQ(summary_of_run(folder / "run")["metrics"]["val_accuracy"], 1.0);
  spill(folder / "images", std::string("\0\0\x08\x01\0\0\0\x01\x05", 9));
  EXPECT_EQ(
      run_gradus(folder, {"init", "--data", "images", "d.toml"}).err,
      "gradus: [images] begins as files in the IDX format do; write data.kind = \"idx\" with data.labels, as `gradus "
      "recipes mnist_kmeans` shows\n");
}

TEST(Init, WritesARecipeIntoANewFile) {
  const TemporaryFolder folder;
  const CommandResult result = run_gradus(folder, {"init", "sgd", "my.toml"});
  EXPECT_EQ(result.out, "written to my.toml; next:\n  gradus train my.toml --dry-run\n");
  EXPECT_EQ(slurp(folder / "my.toml"), slurp(recipe("sgd")));
  spill(folder / "my.toml", "mine");
  EXPECT_EQ(run_gradus(folder, {"init", "sgd", "my.toml"}).err,
            "gradus: [my.toml] exists already, and is left as it is; name another file\n");
  EXPECT_EQ(slurp(folder / "my.toml"), "mine");
}

TEST(Init, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", "x = 1");
  const auto error = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "init");
    const CommandResult result = run_gradus(folder, arguments);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({}),
            "gradus: [gradus init] expected RECIPE and FILE, or --data PATH and FILE; see `gradus init --help`\n");
  EXPECT_EQ(error({"a", "b", "--data", "c"}),
            "gradus: [gradus init] expected one FILE to write beside --data; see `gradus init --help`\n");
  EXPECT_EQ(error({"sgd", "b", "--target", "c"}), "gradus: [--target] is for --data\n");
  EXPECT_EQ(error({"c.toml", "b"}), "gradus: [c.toml] is a file, and no recipe's name; `gradus recipes` lists them\n");
  EXPECT_EQ(error({"sgt", "b"}), "gradus: [sgt] no such file or recipe; did you mean \"sgd\"?\n");
}

TEST(Init, ATableGetsAConfigurationThatLearnsIt) {
  const TemporaryFolder folder;
  spill(folder / "data.csv", table());
  const CommandResult result = run_gradus(folder, {"init", "--data", "data.csv", "c.toml"});
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("target = \"kind\"    # it holds text, 2 different ones: classes\n"));
  EXPECT_THAT(result.out, HasSubstr("kind = \"linear\"    # 60 rows are few"));
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).exit_code, 0);
  EXPECT_GE(summary_of_run(folder / "run")["metrics"]["val_accuracy"], 11.0 / 12.0);
}

TEST(Init, ATargetOfNumbersAndColumnsThatAreOfNoUse) {
  const TemporaryFolder folder;
  std::string text = "name;one;size;price\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("n{};1;{};{}.5\n", i, i % 7, 10 * i);
  spill(folder / "houses.txt", text);
  const CommandResult result = run_gradus(folder, {"init", "--data", "houses.txt", "c.toml"});
  EXPECT_THAT(result.out, HasSubstr("separator = \"semicolon\"\ntarget = \"price\"    # it has 40 different numbers\n"
                                    "# Left out, for they hold text that is no category: name (40 different)\n# Left "
                                    "out, for they never change: one\n"
                                    "features = [\"size\"]\n"));
  EXPECT_THAT(result.out, HasSubstr("standardize_target = true"));
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).exit_code, 0);
  const CommandResult classes = run_gradus(folder, {"init", "--data", "houses.txt", "--target", "size", "s.toml"});
  EXPECT_THAT(classes.out,
              HasSubstr("target = \"size\"    # it has 7 different whole numbers, each several times: they "
                        "look like classes\n"));
}

TEST(Init, CompressedTablesAreTables) {
  const TemporaryFolder folder;
  // `gzip -9n` of "a,b\n1,x\n2,y\n"; its last byte is the 0 that ends the literal.
  constexpr char kGzip[] =
      "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x4b\xd4\x49\xe2\x32\xd4\xa9\xe0\x32\xd2\xa9\xe4\x02\0\xc2\x96\x7e\x9d\x0c\0\0";
  spill(folder / "t.csv.gz", std::string(kGzip, sizeof kGzip));
  const CommandResult result = run_gradus(folder, {"init", "--data", "t.csv.gz", "--target", "a", "c.toml"});
  EXPECT_EQ(
      result.err,
      "gradus: [t.csv.gz] no column but \"a\" has numbers, or a few texts, that differ; expected features to learn it "
      "from; texts are in b (2 different)\n");
}

TEST(Init, TextGetsAGptOfItsSize) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 400; ++i) text += "to be or not to be\n";
  spill(folder / "t.txt", text);
  const CommandResult result = run_gradus(folder, {"init", "--data", "t.txt", "c.toml"});
  EXPECT_THAT(result.out, HasSubstr("tokens = \"characters\"    # its alphabet has 8\n"));
  EXPECT_THAT(result.out, HasSubstr("kind = \"gpt\"    # the text is short\n"));
  const CommandResult run = run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet", "--set", "train.steps=5",
                                                "--set", "schedule.warmup_steps=0"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  spill(folder / "latin.txt", std::string(300, '\xE9'));
  EXPECT_THAT(run_gradus(folder, {"init", "--data", "latin.txt", "l.toml"}).out,
              HasSubstr("tokens = \"bytes\"    # it is not UTF-8\n"));
}

TEST(Init, JsonLinesGetTheFieldsThatHoldTexts) {
  const TemporaryFolder folder;
  std::string two, one, usual;
  for (int i = 0; i < 60; ++i) {
    two += fmt::format("{{\"id\": {}, \"question\": \"one and one\", \"answer\": \"is 2\", \"label\": \"sum\"}}\n", i);
    one += fmt::format("{{\"id\": {}, \"body\": \"so it goes\"}}\n", i);
    usual += "{\"title\": \"no\", \"text\": \"so it goes\"}\n";
  }
  spill(folder / "two.jsonl", two);
  spill(folder / "one.jsonl", one);
  spill(folder / "usual.jsonl", usual);
  const auto out = [&](const char* data, const char* file) {
    const CommandResult result = run_gradus(folder, {"init", "--data", data, file});
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(run_gradus(folder, {"train", file, "--dry-run"}).exit_code, 0);
    return result.out;
  };
  // "one and one\nis 2" has 16 bytes, of " \n2adeinos"; between texts that have no line end there is one, too.
  EXPECT_THAT(out("two.jsonl", "two.toml"),
              HasSubstr("# two.jsonl: 960 bytes of text.\n\n[data]\nkind = \"text\"\npath = \"two.jsonl\"\n"
                        "text = [\"question\", \"answer\"]    # the fields that hold texts, joined by a line end\n"
                        "tokens = \"characters\"    # its alphabet has 10\n"));
  EXPECT_THAT(
      out("one.jsonl", "one.toml"),
      HasSubstr("path = \"one.jsonl\"\ntext = \"body\"    # the field that holds texts\ntokens = \"characters\"    "
                "# its alphabet has 8\n"));
  EXPECT_THAT(out("usual.jsonl", "usual.toml"), HasSubstr("path = \"usual.jsonl\"\ntokens = "));
  EXPECT_EQ(run_gradus(folder, {"init", "--data", "one.jsonl", "--target", "body", "t.toml"}).err,
            "gradus: [one.jsonl] field \"body\" is the same in every line; name another with --target\n");
}

TEST(Init, DataThatNothingCanBeLearnedFrom) {
  const TemporaryFolder folder;
  const auto error = [&](const char* name, const std::string& text, std::vector<std::string> more = {}) {
    spill(folder / name, text);
    std::vector<std::string> arguments = {"init", "--data", name, "c.toml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const std::string err = run_gradus(folder, arguments).err;
    EXPECT_FALSE(std::filesystem::exists(folder / "c.toml"));
    return err;
  };
  EXPECT_EQ(error("e.csv", ""), "gradus: [e.csv] the file is empty; expected a table or text\n");
  EXPECT_EQ(error("s.txt", "short"),
            "gradus: [s.txt] 5 characters of text; expected more to learn from, best 100 kB or more\n");
  EXPECT_EQ(error("one.csv", "a\n1\n2\n"),
            "gradus: [one.csv] has one column; expected a target and features to learn it "
            "from, between commas, semicolons, tabs or pipes\n");
  EXPECT_EQ(error("r.csv", "a,b\n1,2\n1\n"), "gradus: [r.csv:3] 1 fields; expected 2, as in line 1\n");
  EXPECT_EQ(
      error("n.csv", "a,b\nx,1\ny,2\nz,3\n"),
      "gradus: [n.csv] no column but \"b\" has numbers, or a few texts, that differ; expected features to learn it "
      "from; texts are in a (3 different)\n");
  EXPECT_EQ(
      error("t.csv", "a,b\n1,x\n2,y\n3,z\n"),
      "gradus: [t.csv] column \"b\" has 3 different texts in 3 rows, which is no class to learn; name another column "
      "with --target\n");
  EXPECT_EQ(error("c.csv", "a,b\n1,x\n2,x\n"),
            "gradus: [c.csv] column \"b\" is the same in every row; name another with --target\n");
  EXPECT_EQ(error("h.csv", "a,b\n"), "gradus: [h.csv] has a header and no rows; expected rows to learn from\n");
  EXPECT_EQ(error("a.csv", "a,b\n1,2\n", {"--data", "a.csv"}),
            "gradus: [a.csv] is named twice, by --data and by --data; leave it out of one of them\n");
  EXPECT_EQ(error("j.jsonl", "{\"a\": 1}\n{\"a\": 2}\n"),
            "gradus: [j.jsonl] no field of its JSON lines holds texts alone; expected one to learn\n");
  EXPECT_EQ(error("w.csv", "a,b\n1,2\n", {"--target", "c"}),
            "gradus: [w.csv] there is no column \"c\"; there are: a, b\n");
}

// A table of f64 as numpy.save writes it.
std::string npy(int64_t rows, int64_t columns, const std::vector<double>& values) {
  const std::string shape = columns == 0 ? fmt::format("({},)", rows) : fmt::format("({}, {})", rows, columns);
  const std::string header = fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': {}, }}\n", shape);
  std::string bytes = std::string("\x93NUMPY\x01\0", 8) + little_endian(header.size(), 2) + header;
  return bytes + std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
}

// As numpy.savez does: members that are not compressed.
std::string zip(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string bytes, directory;
  for (const auto& [name, data] : members) {
    const std::string entry = little_endian(20, 2) + std::string(8, '\0') + little_endian(crc32_of(data), 4) +
                              little_endian(data.size(), 4) + little_endian(data.size(), 4) +
                              little_endian(name.size(), 2) + little_endian(0, 2);
    directory +=
        "PK\x01\x02" + little_endian(20, 2) + entry + std::string(10, '\0') + little_endian(bytes.size(), 4) + name;
    bytes += "PK\x03\x04" + entry + name + data;
  }
  return bytes + directory + "PK\x05\x06" + std::string(4, '\0') + little_endian(members.size(), 2) +
         little_endian(members.size(), 2) + little_endian(directory.size(), 4) + little_endian(bytes.size(), 4) +
         std::string(2, '\0');
}

TEST(Init, ArraysOfNumpyAreTables) {
  const TemporaryFolder folder;
  std::vector<double> one, x, y;
  for (int i = 0; i < 40; ++i) {
    one.insert(one.end(), {1.0 * i, 5.0, 2.5 * i});
    x.insert(x.end(), {1.0 * i, 1.0 * (i % 7)});
    y.push_back(i % 2);
  }
  spill(folder / "x.npy", npy(40, 3, one));
  EXPECT_THAT(suggested(folder, "x.npy"),
              HasSubstr("[data]\nkind = \"numpy\"\npath = \"x.npy\"\ntarget = \"3\"    # it has 40 different numbers\n"
                        "# Left out, for they never change: 2\nfeatures = [\"1\"]\nscaling"));
  // The target is told by its name, wherever it is.
  spill(folder / "z.npz", zip({{"y.npy", npy(40, 0, y)}, {"x.npy", npy(40, 2, x)}}));
  EXPECT_THAT(
      suggested(folder, "z.npz"),
      HasSubstr("kind = \"numpy\"\npath = \"z.npz\"\ntarget = \"y\"    # it has 2 different whole numbers, each "
                "several times: they look like classes\nscaling"));
  EXPECT_THAT(suggested(folder, "z.npz", {"--target", "x.2"}), HasSubstr("target = \"x.2\"    # it has 7 different"));
  spill(folder / "m.npz", zip({{"x_test.npy", npy(1, 2, {1, 2})},
                               {"x_train.npy", npy(40, 2, x)},
                               {"y_test.npy", npy(1, 0, {1})},
                               {"y_train.npy", npy(40, 0, y)}}));
  EXPECT_THAT(suggested(folder, "m.npz"),
              HasSubstr("path = \"m.npz\"\nmembers = [\"x_train\", \"y_train\"]    # the arrays to train on\ntarget = "
                        "\"y_train\"    # it has 2"));
  spill(folder / "o.npz", zip({{"a.npy", npy(40, 2, x)}, {"b.npy", npy(1, 0, {1})}}));
  EXPECT_THAT(refused(folder, "o.npz"), HasSubstr("the array has 1 rows; expected 40, as in those before it"));
  spill(folder / "t.txt", lines_of_text(50, "so it goes\n"));
  EXPECT_EQ(refused(folder, "x.npy", {"--data", "t.txt"}),
            "gradus: [t.txt] is not of the kind of x.npy; expected arrays of NumPy, or text, but not both\n");
}

// A list of some hundred names is of no use, and constants do no harm.
TEST(Init, WideTablesKeepColumnsThatNeverChange) {
  const TemporaryFolder folder;
  std::vector<double> wide;
  for (int i = 0; i < 40; ++i) {
    for (int c = 0; c < 150; ++c) wide.push_back(c % 10 == 0 ? 0.0 : (i * c) % 17);
    wide.push_back(i % 2);
  }
  spill(folder / "wide.npy", npy(40, 151, wide));
  EXPECT_THAT(suggested(folder, "wide.npy"), Not(HasSubstr("features =")));
}

TEST(Init, FilesThatAreNoTableAndNoTextAreRefused) {
  const TemporaryFolder folder;
  const auto error = [&](const char* name, const std::string& bytes) {
    spill(folder / name, bytes);
    return refused(folder, name);
  };
  const auto one = [](const char* name, const char* what) {
    return fmt::format(
        "gradus: [{}] is one {}; expected many: put them into a folder of folders that are named by their classes, and "
        "give that with --data\n",
        name, what);
  };
  EXPECT_EQ(error("p.png", encode_png(pattern(8, 8, 3, 1))), one("p.png", "picture"));
  EXPECT_EQ(error("p.jpg", "\xFF\xD8\xFF\xE0"), one("p.jpg", "picture"));
  EXPECT_EQ(error("a.wav", float_wav({0, 1})), one("a.wav", "sound"));
  EXPECT_EQ(error("a.mp3", "ID3\x03"), one("a.mp3", "sound"));
  const std::string binary =
      "is no text, and begins as no file of arrays, pictures or sounds does; expected CSV, JSON lines, LIBSVM, text, "
      ".npy or .npz, or a folder of pictures or sounds. A GPT that learns bytes, whatever they are: `gradus init "
      "gpt_char FILE`, and there data.path, and data.tokens = \"bytes\"\n";
  EXPECT_EQ(error("z.bin", std::string(1000, '\0')), "gradus: [z.bin] " + binary);
  std::string random;
  for (const uint8_t byte : pattern(50, 50, 2, 7).bytes) random += static_cast<char>(byte == 0 ? 1 : byte);
  EXPECT_EQ(error("r.csv", random), "gradus: [r.csv] " + binary);
  EXPECT_EQ(error("t.parquet", "PAR1\x15"),
            "gradus: [t.parquet] is a Parquet file; expected text: make a CSV of it, such as by `python3 -c 'import "
            "pandas; pandas.read_parquet(\"OLD\").to_csv(\"NEW.csv\", index=False)'`\n");
  EXPECT_EQ(
      error("t.xlsx", zip({{"xl/a.xml", "<a/>"}})),
      "gradus: [t.xlsx] is a zip archive without arrays, as .xlsx is one too; expected a file or a folder: unpack "
      "it, or save the table as CSV\n");
  EXPECT_EQ(
      error("l.json", " [{\"text\": \"so\"},\n {\"text\": \"it\"}]"),
      "gradus: [l.json] is one list of JSON; expected lines, each an object: `jq -c '.[]' FILE > NEW.jsonl` writes "
      "such\n");
  EXPECT_EQ(
      error("o.json", "{\"a\":\n 1}"),
      "gradus: [o.json] is one object of JSON; expected lines, each an object: `jq -c '.' FILE > NEW.jsonl` writes "
      "such\n");
  const std::string utf16("\xFF\xFEs\0o\0", 6);
  EXPECT_THAT(error("u.csv", utf16), HasSubstr("begins with the byte order mark of UTF-16; convert it with `iconv"));
  EXPECT_THAT(error("m.txt", "\xEF\xBB\xBF" + lines_of_text(50, "so it goes\n")),
              HasSubstr("begins with a UTF-8 byte order mark, which is no part of the text"));
}

TEST(Init, ListsOfFilesAreNoTables) {
  const TemporaryFolder folder;
  std::string csv = "path,label\n", json;
  for (int i = 0; i < 40; ++i) {
    csv += fmt::format("{}.png,{}\n", i, i % 2 == 0 ? "cat" : "dog");
    json += fmt::format("{{\"audio\": \"{}.wav\", \"label\": \"{}\"}}\n", i, i % 2 == 0 ? "yes" : "no");
  }
  spill(folder / "l.csv", csv);
  EXPECT_EQ(refused(folder, "l.csv"),
            "gradus: [l.csv] column \"path\" names pictures; start from `gradus init image_folder FILE`, and there "
            "data.path, this file\n");
  // Beside other features a file's name is a text like any other.
  std::string features = "filename,tempo,label\n";
  for (int i = 0; i < 40; ++i) features += fmt::format("{}.wav,{}.5,{}\n", i, i, i % 2 == 0 ? "jazz" : "rock");
  spill(folder / "f.csv", features);
  EXPECT_THAT(suggested(folder, "f.csv"), HasSubstr("features = [\"tempo\"]\n"));
  spill(folder / "l.jsonl", json);
  EXPECT_EQ(refused(folder, "l.jsonl"),
            "gradus: [l.jsonl] column \"audio\" names sounds; start from `gradus init spoken_digits FILE`, and there "
            "data.path, this file\n");
}

// The way that the refusal names.
TEST(Init, AGptOnBytesCanBeHadByHand) {
  const TemporaryFolder folder;
  std::string random;
  for (const uint8_t byte : pattern(50, 50, 2, 7).bytes) random += static_cast<char>(byte);
  spill(folder / "r.bin", random);
  ASSERT_EQ(run_gradus(folder, {"init", "gpt_char", "c.toml"}).exit_code, 0);
  const CommandResult run =
      run_gradus(folder, {"train", "c.toml", "--dry-run", "--set", "data.path=r.bin", "--set", "data.tokens=bytes"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

std::string labelled_lines(const char* text, const char* label) {
  std::string lines;
  for (int i = 0; i < 60; ++i) {
    lines += fmt::format("{{\"{}\": \"{} number {}\", \"{}\": \"{}\"}}\n", text, i % 2 == 0 ? "warm day" : "cold night",
                         i, label, i % 2 == 0 ? "good" : "bad");
  }
  return lines;
}

TEST(Init, TextsOfClassesAreToldApart) {
  const TemporaryFolder folder;
  spill(folder / "a.jsonl", labelled_lines("text", "label"));
  EXPECT_THAT(
      suggested(folder, "a.jsonl"),
      StartsWith("# a.jsonl: 60 texts of 2 classes.\n\n[data]\nkind = \"labelled_text\"\npath = \"a.jsonl\"\nlabel "
                 "= \"label\"    # has 2 different values: classes\ntokens = \"words\"    # how often each is in a "
                 "text tells its class\nsplit = \"stratified\"    # of each class the same part\n"));
  EXPECT_THAT(
      slurp(folder / "s.toml"),
      HasSubstr("[model]\nkind = \"linear\"    # \"mlp\" is possible, too\n\n[loss]\nname = \"cross_entropy\"    # of "
                "classes\n\n[solver]\nname = \"lbfgs\"    # to the minimum, for any number of words\n\n"
                "[regularization]\nl2 = 0.001    # words are many and texts few\n\n[train]\nsteps = 200    # at "
                "most\n\n[validation]\nevery = 10\n"));
  spill(folder / "b.json", labelled_lines("body", "mood"));
  EXPECT_THAT(
      suggested(folder, "b.json", {"--target", "mood"}),
      HasSubstr("path = \"b.json\"\nformat = \"jsonl\"    # each of its lines is an object of JSON\ntext = \"body\" "
                "   # the field that holds texts\nlabel = \"mood\"    # has 2 different values: classes\n"));
  // Without --target the mood is one of the texts of a GPT.
  EXPECT_THAT(suggested(folder, "b.json"), HasSubstr("kind = \"text\"\npath = \"b.json\"\nformat = \"jsonl\""));
  EXPECT_EQ(refused(folder, "b.json", {"--target", "body"}),
            "gradus: [b.json] field \"body\" has 60 different values in 60 lines, which is no class to learn; name "
            "another with --target\n");
  spill(folder / "t.txt", lines_of_text(50, "so it goes\n"));
  EXPECT_EQ(refused(folder, "b.json", {"--data", "t.txt"}),
            "gradus: [t.txt] has no JSON lines, as b.json has; expected files of one kind\n");
}

TEST(Init, TextsOfClassesInATable) {
  const TemporaryFolder folder;
  const auto rows = [](const char* names, char separator, bool label_first) {
    std::string text = *names == '\0' ? "" : fmt::format("{}\n", names);
    for (int i = 0; i < 60; ++i) {
      const std::string words = fmt::format("{} number {}", i % 2 == 0 ? "warm day" : "cold night", i);
      const std::string label = i % 2 == 0 ? "good" : "bad";
      text += fmt::format("{}{}{}\n", label_first ? label : words, separator, label_first ? words : label);
    }
    return text;
  };
  spill(folder / "a.csv", rows("text,label", ',', false));
  EXPECT_THAT(
      suggested(folder, "a.csv"),
      StartsWith("# a.csv: 60 texts of 2 classes.\n\n[data]\nkind = \"labelled_text\"\npath = \"a.csv\"\nlabel = "
                 "\"label\"    # has 2 different values: classes\n"));
  spill(folder / "b.csv", rows("label;text", ';', true));
  EXPECT_THAT(suggested(folder, "b.csv"),
              HasSubstr("path = \"b.csv\"\nseparator = \"semicolon\"\nlabel = \"label\"    # has 2"));
  spill(folder / "c.txt", rows("review\tmood", '\t', false));
  EXPECT_THAT(
      suggested(folder, "c.txt", {"--target", "mood"}),
      HasSubstr("path = \"c.txt\"\nformat = \"csv\"\nseparator = \"tab\"\ntext = \"review\"    # the field that "
                "holds texts\nlabel = \"mood\""));
  spill(folder / "d.csv", rows("", ',', false));
  EXPECT_EQ(refused(folder, "d.csv"),
            "gradus: [d.csv] holds texts and their classes, without a first line of names; expected one, such as "
            "text,label: write it\n");
}

TEST(Init, ATableOfTextAloneHasNamesIfTheyStandNowhereBelow) {
  const TemporaryFolder folder;
  std::string text = "shape,colour,kind\n";
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("{},{},{}\n", i % 2 == 0 ? "round" : "flat", i % 3 == 0 ? "red" : "blue",
                        i % 2 == 0 ? "good" : "bad");
  }
  spill(folder / "m.csv", text);
  EXPECT_THAT(
      suggested(folder, "m.csv"),
      HasSubstr("path = \"m.csv\"\nheader = \"yes\"    # no field of its first line stands in a row below\ntarget "
                "= \"kind\"    # it holds text, 2 different ones: classes\n"));
  spill(folder / "n.csv", text.substr(text.find('\n') + 1));
  EXPECT_THAT(suggested(folder, "n.csv"), HasSubstr("path = \"n.csv\"\ntarget = \"3\""));
}

// As `train` reads them: compression says nothing of what is in a file.
TEST(Init, CompressedTextIsText) {
  const TemporaryFolder folder;
  // gzip.compress(b"so it goes\n" * 50, mtime=0) of Python.
  const std::string hex = "1f8b08000000000002032bce57c82c5148cf4f2de62a1e658e32b133019135123826020000";
  spill(folder / "t.txt.gz", bytes_of_hex(hex));
  EXPECT_THAT(suggested(folder, "t.txt.gz"), HasSubstr("kind = \"text\"\npath = \"t.txt.gz\"\n"));
}

TEST(Init, SpacesAtTheEndsOfLinesMakeNoTable) {
  const TemporaryFolder folder;
  spill(folder / "t.txt", lines_of_text(8, "so it goes and so it goes again and again \n"));
  EXPECT_THAT(suggested(folder, "t.txt"), HasSubstr("kind = \"text\"\npath = \"t.txt\"\n"));
  spill(folder / "n.txt", lines_of_text(20, "it goes 5 times a day\n"));
  EXPECT_THAT(suggested(folder, "n.txt"), HasSubstr("kind = \"text\"\npath = \"n.txt\"\n"));
}

TEST(Init, ContextsFitTheTokensOfBothParts) {
  const TemporaryFolder folder;
  spill(folder / "emoji.txt", lines_of_text(32, "\xF0\x9F\x98\x80"));
  EXPECT_EQ(refused(folder, "emoji.txt"),
            "gradus: [emoji.txt] 32 characters of text; expected more to learn from, best 100 kB or more\n");
  spill(folder / "more.txt", lines_of_text(120, "\xF0\x9F\x98\x80"));
  EXPECT_THAT(suggested(folder, "more.txt"), HasSubstr("\ncontext = 6\n"));  // half of the 12 that are held out
  // Whole documents are held out, and one cannot be both.
  spill(folder / "one.jsonl", "{\"text\": \"" + lines_of_text(50, "so it goes ") + "\"}\n");
  const std::string one = suggested(folder, "one.jsonl");
  EXPECT_THAT(one,
              HasSubstr("validation_fraction = 0.0    # there is one document, and only whole ones can be held out\n"));
  EXPECT_THAT(one, Not(HasSubstr("[validation]")));
  spill(folder / "two.jsonl", "{\"text\": \"so it goes\"}\n{\"text\": \"" + lines_of_text(50, "so it goes ") + "\"}\n");
  EXPECT_THAT(suggested(folder, "two.jsonl"), HasSubstr("\ncontext = 6\n"));  // half of 10 and two line ends
}

TEST(Init, RowsOfLibsvmHaveALabelForATarget) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 40; ++i) text += fmt::format("{} {}:1\n", i % 2 == 0 ? "+1" : "-1", 1 + i % 5);
  spill(folder / "a", text);
  EXPECT_THAT(suggested(folder, "a", {"--target", "label"}), HasSubstr("kind = \"libsvm\"\n"));
  EXPECT_EQ(refused(folder, "a", {"--target", "5"}),
            "gradus: [--target] is for tables; a has rows of LIBSVM, whose label is what is learned\n");
  spill(folder / "b", "0.5 1:1\n1.5 2:1\n");
  EXPECT_THAT(suggested(folder, "b"), HasSubstr("validation_fraction = 0.0    # too few rows to hold any out\n"));
  EXPECT_THAT(slurp(folder / "s.toml"), HasSubstr("name = \"mse\"    # the labels are numbers\n"));
  spill(folder / "q", "0 qid:1 1:0.5\n1 qid:1 2:1.5\n");
  EXPECT_EQ(
      refused(folder, "q"),
      "gradus: [q] has rows of LIBSVM with qid, the ranking of which is not learned; `sed -E 's/ qid:[0-9]+//' FILE "
      "> NEW.svm` leaves it out\n");
}

TEST(Init, NumbersThatBlanksAlignAreNoText) {
  const TemporaryFolder folder;
  spill(folder / "a", "  0.25    1\n 12.50   -3\n");
  EXPECT_EQ(
      refused(folder, "a"),
      "gradus: [a] has lines of 2 numbers that blanks align; expected one separator between them: `sed -E 's/^ +//; "
      "s/ +/,/g' FILE > NEW.csv` writes commas\n");
  std::string prose;
  for (int i = 0; i < 9; ++i) prose += "  10  green bottles\nhanging on the wall, and one is  7\n";
  spill(folder / "p", prose);
  EXPECT_THAT(suggested(folder, "p"), HasSubstr("kind = \"text\"\n"));
}

TEST(Init, NumbersThatAreNotReadAreNamed) {
  const TemporaryFolder folder;
  const std::string comma = "; a comma in a number is not read: write 1.5 for 1,5, and 1000 for 1,000";
  const std::string sign = "; a sign beside a number is not read: write 1.5 for $1.5, and 5 for 5%";
  std::string german =
                  "gr\xC3\xB6\xC3\x9F"
                  "e;preis\n",
              dollars = "a,b,y\n", thousands = "a,b,y\n";
  for (int i = 0; i < 60; ++i) {
    german += fmt::format("{},5;{},25\n", i, 2 * i);
    dollars += fmt::format("{},{},${}.50\n", i, i % 7, i);
    thousands += fmt::format("\"{},000\",{},{}.5\n", i, i % 7, i);
  }
  spill(folder / "de.csv", german);
  EXPECT_EQ(
      refused(folder, "de.csv"),
      "gradus: [de.csv] column \"preis\" is to be learned, and of its fields, most of which are numbers, \"0,25\" in "
      "line 2 is no number: mend the file, or name another column with --target" +
          comma + "\n");
  spill(folder / "dollars.csv", dollars);
  EXPECT_EQ(
      refused(folder, "dollars.csv"),
      "gradus: [dollars.csv] column \"y\" is to be learned, and of its fields, most of which are numbers, \"$0.50\" "
      "in line 2 is no number: mend the file, or name another column with --target" +
          sign + "\n");
  spill(folder / "thousands.csv", thousands);
  EXPECT_THAT(suggested(folder, "thousands.csv"),
              HasSubstr("# Left out, for they hold text that is no category: a (\"0,000\" in line 2 is no number" +
                        comma + ")\nfeatures = [\"b\"]\n"));
}

TEST(Init, NumbersOfRowsAreLeftOut) {
  const TemporaryFolder folder;
  std::string text = ",a,y\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("{},{},{}.5\n", i, i % 7, i);
  spill(folder / "pandas.csv", text);
  EXPECT_THAT(suggested(folder, "pandas.csv"),
              HasSubstr("# Left out, for it only numbers the rows: Unnamed: 0\nscaling"));
}

TEST(Init, SeparatorsAreFoundWhateverTheName) {
  const TemporaryFolder folder;
  for (const auto& [mark, name] : {std::pair(';', "semicolon"), {'\t', "tab"}, {'|', "pipe"}, {' ', "space"}}) {
    std::string text = fmt::format("a{}b{}y\n", mark, mark);
    for (int i = 0; i < 40; ++i) text += fmt::format("{}{}{}{}{}.5\n", i, mark, i % 7, mark, i);
    spill(folder / "t.csv", text);
    EXPECT_THAT(suggested(folder, "t.csv"), HasSubstr(fmt::format("path = \"t.csv\"\nseparator = \"{}\"\n", name)));
    // What is wrong with a row is said of the table that it is.
    spill(folder / "w.csv", text + fmt::format("1{}2\n", mark));
    if (mark == ' ') continue;
    EXPECT_EQ(refused(folder, "w.csv"), "gradus: [w.csv:42] 2 fields; expected 3, as in line 1\n");
  }
  spill(folder / "t.tsv", "a,y\n1,2\n2,3\n3,5\n");
  EXPECT_THAT(suggested(folder, "t.tsv"), HasSubstr("path = \"t.tsv\"\nseparator = \"comma\"\n"));
}

// A comment of TOML is one line.
TEST(Init, NamesOfSeveralLinesAreOneInComments) {
  const TemporaryFolder folder;
  std::string text = "\"one\nsame\",\"some\nmissing\",\"any\ntext\",\"few\ntexts\",y\n";
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("5,{},n{},{},{}.5\n", i == 3 ? "" : "1", i, i % 2 == 0 ? "a" : "b", i);
  }
  spill(folder / "t.csv", text);
  const std::string out = suggested(folder, "t.csv");
  EXPECT_THAT(out, HasSubstr("# Left out, for they hold text that is no category: any text (40 different)\n"));
  EXPECT_THAT(out, HasSubstr("# Left out, for they never change: one same"));
  EXPECT_THAT(out, HasSubstr("# of text: few texts\n"));
  spill(folder / "two\nlines.csv", text);
  EXPECT_THAT(suggested(folder, "two\nlines.csv"), StartsWith("# two lines.csv: 40 rows, 5 columns.\n"));
}

// Rows without a target are left out, and do not count.
TEST(Init, BatchesAreOfRowsThatHaveATarget) {
  const TemporaryFolder folder;
  std::string text = "a,y\n";
  for (int i = 0; i < 20; ++i) text += fmt::format("{},{}\n", i, i < 6 ? fmt::format("{}.5", i) : "");
  spill(folder / "t.csv", text);
  EXPECT_THAT(suggested(folder, "t.csv"), HasSubstr("validation_fraction = 0.0    # 6 rows are too few"));
}

}  // namespace init_test
}  // namespace gradus
