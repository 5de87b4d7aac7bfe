// A tiny GPT, trained on text and asked to go on.
#include <gmock/gmock.h>

#include "tests/command/command.h"

namespace gradus {
namespace text_test {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kTiny = R"([data]
kind = "text"
[model]
kind = "gpt"
layers = 1
width = 16
heads = 2
context = 8
[optimizer]
name = "adamw"
learning_rate = 0.02
[train]
steps = 40
batch_size = 8
[validation]
every = 20
)";

class Text : public testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 40; ++i) text += "the cat sat on the mat. ";
    spill(folder_ / "1984", text);
    spill(folder_ / "tiny.toml", kTiny);
    trained_ = run_gradus(folder_, {"train", "tiny.toml", "--data", "1984", "--out", "run"});
    ASSERT_EQ(trained_.exit_code, 0) << trained_.err;
  }

  CommandResult generate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"generate", "run"});
    return run_gradus(folder_, arguments);
  }

  TemporaryFolder folder_;
  CommandResult trained_;
};

TEST_F(Text, TrainingTellsTheLossBesideTheUnigramEntropyAndWhatToTypeNext) {
  EXPECT_THAT(trained_.out, HasSubstr("unigram entropy"));
  EXPECT_THAT(trained_.out, HasSubstr("val_loss "));
  EXPECT_THAT(trained_.out, HasSubstr("next, for example: gradus generate run --prompt the --tokens 400"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run/tokenizer.json"));
  const std::vector<nlohmann::json> log = read_log(folder_ / "run");
  EXPECT_GT(log[0]["tokens_per_s"], 0.0);
  EXPECT_TRUE(log.back()["val_loss"].is_number());
  EXPECT_LT(log.back()["loss"].get<double>(), 0.7 * log[0]["loss"].get<double>());
  EXPECT_TRUE(summary_of_run(folder_ / "run")["best_val_loss"].is_number());
}

TEST_F(Text, GoesOnFromThePromptTheSameWayForTheSameSeed) {
  const CommandResult first = generate({"--prompt", "the c", "--tokens", "30", "--seed", "4"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.err, "");
  EXPECT_THAT(first.out, StartsWith("the c"));
  EXPECT_EQ(first.out.size(), 5u + 30u + 1u);
  EXPECT_EQ(generate({"--prompt", "the c", "--tokens", "30", "--seed", "4", "--threads", "1"}).out, first.out);
  EXPECT_NE(generate({"--prompt", "the c", "--tokens", "30", "--seed", "5", "--temperature", "2"}).out, first.out);
  const std::string likely = generate({"--prompt", "the c", "--tokens", "30", "--temperature", "0"}).out;
  EXPECT_EQ(generate({"--prompt", "the c", "--tokens", "30", "--top-k", "1", "--seed", "9"}).out, likely);
  EXPECT_EQ(generate({"--prompt", "cat", "--tokens", "0"}).out, "cat\n");
  EXPECT_EQ(generate({"--prompt", "the", "--tokens", "5", "--best"}).exit_code, 0);
}

TEST_F(Text, ErrorsSayWhatIsWrong) {
  CommandResult result = generate({"--prompt", "the dog"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("character \"d\""));
  const auto usage_error = [&](const std::vector<std::string>& arguments) {
    const CommandResult wrong = generate(arguments);
    EXPECT_EQ(wrong.exit_code, 2);
    return wrong.err;
  };
  EXPECT_THAT(usage_error({}), HasSubstr("--prompt is required"));
  EXPECT_THAT(usage_error({"--prompt", ""}), StartsWith("gradus: [--prompt] is empty"));
  EXPECT_THAT(usage_error({"--prompt", "the", "--tokens", "-1"}),
              StartsWith("gradus: [--tokens] must be a decimal integer from 0 to "));
  EXPECT_THAT(usage_error({"--prompt", "the", "--temperature", "-1"}), StartsWith("gradus: [--temperature] -1;"));
  EXPECT_THAT(usage_error({"--prompt", "the", "--top-k", "-1"}),
              StartsWith("gradus: [--top-k] must be a decimal integer from 0 to "));
  EXPECT_THAT(usage_error({"--prompt", "the", "--seed", "x"}),
              StartsWith("gradus: [--seed] must be a decimal integer from 0 to "));
  result = run_gradus(folder_, {"generate", "nowhere", "--prompt", "the"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("gradus: [nowhere] is not a folder"));
  result = run_gradus(folder_, {"generate", "run", "--prompt", "the"}, {.out = "/dev/full"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "gradus: [standard output] cannot be written: No space left on device\n");
}

TEST_F(Text, AModelOfALineCannotGenerate) {
  ASSERT_EQ(run_gradus(folder_, {"train", recipe("linear_regression"), "--out", "line"}).exit_code, 0);
  const CommandResult result = run_gradus(folder_, {"generate", "line", "--prompt", "the"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("only a text model can generate"));
}

TEST_F(Text, ThreadsChangeNoBit) {
  ASSERT_EQ(run_gradus(folder_, {"train", "tiny.toml", "--data", "1984", "--out", "one", "--threads", "1"}).exit_code,
            0);
  EXPECT_EQ(slurp(folder_ / "one/model.safetensors"), slurp(folder_ / "run/model.safetensors"));
}

}  // namespace text_test
}  // namespace gradus
