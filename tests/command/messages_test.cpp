// Messages of the command that belong to no other test.
#include <gmock/gmock.h>

#include "tests/command/command.h"

namespace gradus {
namespace messages_test {

std::string usage_error(const TemporaryFolder& folder, const std::vector<std::string>& arguments) {
  const CommandResult result = run_gradus(folder, arguments);
  EXPECT_EQ(result.exit_code, 2);
  return result.err;
}

TEST(Messages, OfWrongArguments) {
  const TemporaryFolder folder;
  EXPECT_EQ(usage_error(folder, {"train", "nothing_like_it"}),
            "gradus: [nothing_like_it] no such file or recipe; give the path of a TOML file, or a name that `gradus "
            "recipes` lists\n");
  EXPECT_EQ(usage_error(folder, {"generate", "run", "--prompt", ""}),
            "gradus: [--prompt] is empty; give the text to continue, for example --prompt 'The '\n");
  ASSERT_EQ(run_gradus(folder, {"train", recipe("linear_regression"), "--out", "run", "--quiet"}).exit_code, 0);
  EXPECT_EQ(usage_error(folder, {"verify", "run", "--replay", "all"}),
            "gradus: [--replay] expected A:B, the steps of two checkpoints, for example 500:1000; found \"all\"\n");
  EXPECT_EQ(usage_error(folder, {"verify", "run", "--replay", "5:5"}),
            "gradus: [--replay] 5:5 goes nowhere; give the step of an earlier checkpoint first\n");
  // Before the run is looked at.
  for (const std::string range : {"all", "5:5", "0:5"}) {
    EXPECT_EQ(run_gradus(folder, {"verify", "run", "--replay", range}).out, "");
  }
  for (const std::vector<std::string>& words : {std::vector<std::string>{"verify", "nowhere", "--replay", "0:5"},
                                                {"eval", "nowhere"},
                                                {"predict", "nowhere", "--data", "a.csv"},
                                                {"generate", "nowhere", "--prompt", "a"}}) {
    EXPECT_EQ(usage_error(folder, words), "gradus: [nowhere] is not a folder; expected the --out of a training run\n");
  }
  EXPECT_EQ(usage_error(folder, {"schedule", "cosine", "--steps", "3", "--set", "learning_rate=a"}),
            "gradus: [--set learning_rate=a] \"optimizer.learning_rate\" must be a real number above 0; found the text "
            "\"a\"\n");
  EXPECT_THAT(
      usage_error(folder, {"schedule", "sine", "--steps", "3"}),
      testing::StartsWith("gradus: [schedule] \"sine\" is not a schedule; expected \"constant\", \"dynamic\", "));
}

TEST(Messages, OfSparseRowsThatAreToBeSaved) {
  const TemporaryFolder folder;
  spill(folder / "d.svm", "1 1:0.5\n0 2:1\n");
  spill(folder / "c.toml",
        "data = {kind = 'libsvm', path = 'd.svm', validation_fraction = 0}\nmodel.kind = 'linear'\ntrain.steps = 1\n");
  EXPECT_EQ(usage_error(folder, {"data", "show", "c.toml", "--out", "seen"}),
            "gradus: [--out] data.kind = \"libsvm\" has nothing to save as files; leave it out\n");
}

TEST(Messages, OfTokenizers) {
  const TemporaryFolder folder;
  spill(folder / "t.txt", "the cat sat on the mat\n");
  const std::vector<std::string> train = {"tokenizer", "train", "--data", "t.txt", "--vocab", "260", "--out", "t.json"};
  EXPECT_EQ(run_gradus(folder, train).exit_code, 0);
  EXPECT_EQ(usage_error(folder, train),
            "gradus: [t.json] is there already; choose another --out, or replace it with --overwrite\n");
  EXPECT_EQ(usage_error(folder, {"tokenizer", "encode", "t.json", "the", "--data", "t.txt"}),
            "gradus: [--data] and TEXT are both there; leave one out\n");
}

TEST(Messages, OfFilesThatCannotBeWritten) {
  const TemporaryFolder folder;
  const std::string rows = "a,b\n1,2\n2,4\n3,6\n";
  spill(folder / "t.csv", rows);
  spill(folder / "c.toml",
        "data = {kind = 'csv', path = 't.csv', validation_fraction = 0}\nmodel.kind = 'linear'\ntrain.steps = 1\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run"}).exit_code, 0);
  const std::string missing = "gradus: [none/x] the folder none does not exist; make it, or name another\n";
  EXPECT_EQ(usage_error(folder, {"predict", "run", "--data", "t.csv", "--out", "none/x"}), missing);
  EXPECT_EQ(usage_error(folder, {"init", "linear_regression", "none/x"}), missing);
  EXPECT_EQ(usage_error(folder, {"tokenizer", "train", "--data", "t.csv", "--vocab", "300", "--out", "none/x"}),
            missing);
  // What is read is not written over, by whatever name.
  std::filesystem::create_symlink("t.csv", folder / "link.csv");
  for (const std::string out : {"t.csv", "./t.csv", "link.csv"}) {
    for (const std::string data : {"t.csv", "t*.csv"}) {
      EXPECT_EQ(usage_error(folder, {"predict", "run", "--data", data, "--out", out, "--overwrite"}),
                "gradus: [--out] " + out + " would replace t.csv, which is read; name another file\n");
    }
    EXPECT_EQ(usage_error(folder, {"predict", "run", "t.csv", "--out", out, "--overwrite"}),
              "gradus: [--out] " + out + " would replace t.csv, which is read; name another file\n");
  }
  EXPECT_EQ(usage_error(folder, {"tokenizer", "train", "--data", "t.csv", "--text", "a", "--vocab", "300", "--out",
                                 "t.csv", "--overwrite"}),
            "gradus: [--out] t.csv would replace t.csv, which is read; name another file\n");
  EXPECT_EQ(slurp(folder / "t.csv"), rows);
}

TEST(Messages, OfAWordThatIsTooLongNameItsFile) {
  const TemporaryFolder folder;
  spill(folder / "t.txt", "the cat sat on the mat\n");
  spill(folder / "long.txt", "the cat\n" + std::string(5 << 20, 'a') + "\nheld out");
  spill(folder / "long.jsonl",
        "{\"text\": \"a\"}\n{\"text\": \"" + std::string(5 << 20, 'a') + "\"}\n{\"text\": \"held out\"}\n");
  const std::string rest = " on are one word; expected 4194304 at most: is this text?\n";
  const auto error = [&](std::vector<std::string> arguments) { return run_gradus(folder, arguments).err; };
  EXPECT_EQ(error({"tokenizer", "train", "--data", "t.txt", "--data", "long.txt", "--vocab", "260", "--out", "u.json"}),
            "gradus: [long.txt] the 5242880 bytes from byte 8" + rest);
  EXPECT_EQ(error({"tokenizer", "train", "--data", "long.jsonl", "--vocab", "260", "--out", "u.json"}),
            "gradus: [long.jsonl:2] the 5242880 bytes from byte 0" + rest);
  EXPECT_EQ(error({"train", "gpt_bpe", "--data", "long.txt", "--set", "data.validation_fraction=1e-6"}),
            "gradus: [long.txt] the 5242880 bytes from byte 8" + rest);
  EXPECT_EQ(error({"train", "gpt_bpe", "--data", "long.jsonl", "--set", "data.validation_fraction=1e-6"}),
            "gradus: [long.jsonl, document 2] the 5242880 bytes from byte 0" + rest);
  EXPECT_EQ(error({"data", "pack", "gpt_bpe", "--data", "long.jsonl", "--out", "p", "--set",
                   "data.validation_fraction=1e-6"}),
            "gradus: [long.jsonl:2] the 5242880 bytes from byte 0" + rest);
}

TEST(Messages, OfALossThatIsNeverFinite) {
  const TemporaryFolder folder;
  const CommandResult result = run_gradus(folder, {"lr-find", recipe("linear_regression"), "--set", "data.slope=1e39"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "gradus: [lr-find] the loss of the first step is not finite; look at the data\n");
}

}  // namespace messages_test
}  // namespace gradus
