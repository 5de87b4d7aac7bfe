// `gradus tokenizer` and `gradus data pack`: from a text to token ids, and back.
#include <gmock/gmock.h>

#include "tests/command/command.h"

namespace gradus {
namespace tokenizer_test {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;

class TokenizerCommand : public testing::Test {
 protected:
  void SetUp() override {
    spill(folder_ / "a.txt", "the cat sat on the mat.\nthe dog sat on the cat.\n");
    const CommandResult result = learn("t.json", {"--data", "a.txt"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    // "th", "the", " s", … until no pair is there twice.
    EXPECT_EQ(result.out,
              "t.json: 267 tokens, 10 merges\nfewer than --vocab 300: no other pair is there 2 times or more\n");
  }

  CommandResult learn(const std::string& out, std::vector<std::string> more) const {
    more.insert(more.begin(), {"tokenizer", "train", "--vocab", "300", "--out", out});
    return run_gradus(folder_, more);
  }
  // What it prints; an error fails the test.
  std::string printed(const std::vector<std::string>& arguments) const {
    const CommandResult result = run_gradus(folder_, arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  std::string error(const std::vector<std::string>& arguments, int exit_code) const {
    const CommandResult result = run_gradus(folder_, arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    return result.err;
  }

  TemporaryFolder folder_;
};

TEST_F(TokenizerCommand, EncodesAndDecodes) {
  const json vocabulary = json::parse(slurp(folder_ / "t.json"))["model"]["vocab"];
  const int the = vocabulary["the"], cat = vocabulary["Ġcat"];
  EXPECT_EQ(printed({"tokenizer", "encode", "t.json", "the cat"}), fmt::format("{} {}\n", the, cat));
  EXPECT_EQ(printed({"tokenizer", "encode", "t.json", "the cat", "--pieces"}),
            fmt::format("{:>8}  \"the\"\n{:>8}  \" cat\"\n", the, cat));
  EXPECT_EQ(printed({"tokenizer", "decode", "t.json", std::to_string(the), std::to_string(cat)}), "the cat\n");
  // The bytes of what no merge makes, in any script.
  spill(folder_ / "b.txt", "naïve 猫");
  const std::string ids = printed({"tokenizer", "encode", "t.json", "--data", "b.txt"});
  std::vector<std::string> decode = {"tokenizer", "decode", "t.json"};
  std::istringstream words(ids);
  for (std::string word; words >> word;) decode.push_back(word);
  EXPECT_GE(decode.size(), 3u + 7u);
  EXPECT_EQ(printed(decode), "naïve 猫\n");
  // A run's folder has one, and so may any folder.
  std::filesystem::create_directory(folder_ / "run");
  std::filesystem::copy_file(folder_ / "t.json", folder_ / "run/tokenizer.json");
  EXPECT_EQ(printed({"tokenizer", "encode", "run", "the"}), std::to_string(the) + "\n");
}

// Fields of JSON lines and columns of CSV are the texts, and each stands for itself.
TEST_F(TokenizerCommand, LearnsTheSameFromAnyFormat) {
  spill(folder_ / "a.jsonl",
        "{\"body\": \"the cat sat on the mat.\", \"n\": 1}\n{\"body\": \"the dog sat on the cat.\", \"n\": 2}\n");
  spill(folder_ / "a.csv", "n,body\n1,the cat sat on the mat.\n2,the dog sat on the cat.\n");
  for (const char* name : {"a.jsonl", "a.csv"}) {
    const CommandResult result = learn("other.json", {"--data", name, "--text", "body", "--overwrite"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(slurp(folder_ / "other.json"), slurp(folder_ / "t.json")) << name;
  }
  EXPECT_EQ(learn("no.json", {"--data", "a.jsonl"}).err,
            "gradus: [a.jsonl:1] has no field \"text\"; it has: body, n (--text names the fields that are the text)\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "no.json"));
}

TEST_F(TokenizerCommand, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(error({"tokenizer", "decode", "t.json", "999"}, 1),
            "gradus: [tokenizer] id 999 at position 0; expected 0 to 266\n");
  EXPECT_EQ(error({"tokenizer", "decode", "t.json", "x"}, 2),
            "gradus: [IDS] must be a decimal integer from 0 to 1073741824; found \"x\"\n");
  EXPECT_EQ(error({"tokenizer", "encode", "none.json", "x"}, 1),
            "gradus: [none.json] cannot open it for reading: No such file or directory\n");
  EXPECT_EQ(error({"tokenizer", "encode", "a.txt", "x"}, 1), "gradus: [a.txt] is not valid JSON at byte 1\n");
  spill(folder_ / "empty.txt", "");
  EXPECT_EQ(learn("no.json", {"--data", "empty.txt"}).err, "gradus: [empty.txt] the file is empty; expected text\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "no.json"));
}

constexpr const char* kTiny = R"(
model = {kind = "gpt", layers = 1, width = 8, heads = 2, context = 8}
train = {steps = 4, batch_size = 2}
data = {kind = "text", tokens = "bpe", vocabulary = 270, validation_fraction = 0.25}
validation.every = 2
)";

// The same data whether it was packed before or not: the same run.
TEST_F(TokenizerCommand, PacksTextsThatAreThenTrainedOn) {
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += fmt::format("{{\"text\": \"the cat {} sat on mat {}\"}}\n", i, i * 7 % 11);
  spill(folder_ / "d.jsonl", lines);
  spill(folder_ / "tiny.toml", kTiny);
  const std::string packed = printed({"data", "pack", "tiny.toml", "--data", "d.jsonl", "--out", "packed"});
  EXPECT_THAT(packed, EndsWith("gradus train tiny.toml --data packed trains on it\n"));
  const json index = json::parse(slurp(folder_ / "packed/tokens.json"));
  EXPECT_EQ(index["documents"], 40);
  EXPECT_EQ(index["shards"], 1);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "packed/tokens-00000.bin"), 2 * index["tokens"].get<size_t>());
  EXPECT_THAT(packed, HasSubstr(fmt::format("packed: {} tokens of a vocabulary of 270, 40 documents, 1 shards\n",
                                            index["tokens"].get<int64_t>())));
  printed({"train", "tiny.toml", "--data", "packed", "--out", "run", "--quiet"});
  printed({"train", "tiny.toml", "--data", "d.jsonl", "--out", "plain", "--quiet"});
  EXPECT_EQ(slurp(folder_ / "run/tokenizer.json"), slurp(folder_ / "plain/tokenizer.json"));
  EXPECT_EQ(read_log(folder_ / "run")[0]["loss"], read_log(folder_ / "plain")[0]["loss"]);

  EXPECT_EQ(error({"data", "pack", "tiny.toml", "--data", "d.jsonl", "--out", "packed"}, 1),
            "gradus: [packed] exists already; a folder is not written over\n");
  EXPECT_THAT(error({"data", "pack", recipe("penguins"), "--data", "d.jsonl", "--out", "no"}, 2),
              HasSubstr("data.kind = \"csv\"; only \"text\" is packed"));
  // A byte more, or another, is found by its sum.
  std::string shard = slurp(folder_ / "packed/tokens-00000.bin");
  shard[10] = static_cast<char>(shard[10] ^ 1);
  spill(folder_ / "packed/tokens-00000.bin", shard);
  EXPECT_THAT(error({"train", "tiny.toml", "--data", "packed", "--out", "no"}, 1),
              HasSubstr("[packed/tokens-00000.bin] "));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "no"));
}

}  // namespace tokenizer_test
}  // namespace gradus
