// What the command says about itself: help, version, recipes, keys, env.
#include <gmock/gmock.h>

#include "gradus/tensor/isa.h"
#include "gradus/train/config_keys.h"
#include "tests/command/command.h"

namespace gradus {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Help, EveryVerbHasHelpWithAnExample) {
  const TemporaryFolder folder;
  for (const std::string verb : {"", "train", "sweep", "lr-find", "generate", "eval", "predict", "init", "verify", "data",
                                 "schedule", "recipes", "keys", "env"}) {
    std::vector<std::string> words;
    if (!verb.empty()) words.push_back(verb);
    words.push_back("--help");
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out, HasSubstr("Usage: gradus"));
    EXPECT_THAT(result.out, HasSubstr("Example"));
    if (!verb.empty()) {
      EXPECT_THAT(result.out, HasSubstr("gradus " + verb));
    }
  }
}

TEST(Help, WithoutAVerbOrWithAWrongOneIsAUsageError) {
  const TemporaryFolder folder;
  const auto error = [&](const std::vector<std::string>& words) {
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_EQ(error({}), "gradus: [gradus] a verb is missing, such as train; see `gradus --help`\n");
  EXPECT_EQ(error({"trian", "c.toml"}),
            "gradus: [gradus] unknown verb \"trian\"; did you mean \"train\"? Otherwise see `gradus --help`\n");
  EXPECT_EQ(error({"foo"}), "gradus: [gradus] unknown verb \"foo\"; see `gradus --help`\n");
  EXPECT_EQ(error({"--frob"}), "gradus: [gradus] unknown option \"--frob\"; see `gradus --help`\n");
}

TEST(Help, Version) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_gradus(folder, {"--version"}).out, "gradus " GRADUS_VERSION "\n");
}

TEST(Help, RecipesAreListedAndPrinted) {
  const TemporaryFolder folder;
  const CommandResult list = run_gradus(folder, {"recipes"});
  EXPECT_EQ(list.exit_code, 0);
  for (const auto& entry : std::filesystem::directory_iterator(GRADUS_SOURCE_DIR "/recipes")) {
    if (entry.path().extension() == ".sh") continue;  // what the scripts share
    EXPECT_THAT(list.out, HasSubstr(entry.path().stem().string() + " "));
    const bool is_script = entry.path().extension().empty();
    EXPECT_THAT(slurp(entry.path()), StartsWith(is_script ? "#!/usr/bin/env bash\n# " : "# "))
        << entry.path() << " should begin with a comment that says what it is";
  }
  EXPECT_THAT(list.out, HasSubstr("\nScripts, which train many models and compare them:\n"
                                  "autoencoder_clusters  Groups of pictures by what an autoencoder tells of them"));
  EXPECT_THAT(list.out, HasSubstr("linear_regression     A line through 100 noisy points"));
  EXPECT_EQ(run_gradus(folder, {"recipes", "sgd"}).out, slurp(recipe("sgd")));
  CommandResult wrong = run_gradus(folder, {"recipes", "sgdd"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.err, "gradus: [sgdd] no such recipe; did you mean \"sgd\"?\n");
  wrong = run_gradus(folder, {"recipes", "foo"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.err, "gradus: [foo] no such recipe; `gradus recipes` lists them\n");
}

TEST(Help, KeysExplainTheConfiguration) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_gradus(folder, {"keys"}).out, configuration_help());
  EXPECT_EQ(run_gradus(folder, {"keys", "optimizer"}).out, configuration_help("optimizer"));
  EXPECT_EQ(run_gradus(folder, {"keys", "--markdown"}).out, configuration_reference());
  const CommandResult wrong = run_gradus(folder, {"keys", "optimizr"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean \"optimizer\"?"));
}

TEST(Help, EnvNamesTheInstructionSet) {
  const TemporaryFolder folder;
  const std::string detected(name_of(detected_isa()));
  const CommandResult plain = run_gradus(folder, {"env"});
  EXPECT_EQ(plain.exit_code, 0);
  EXPECT_THAT(plain.out, HasSubstr("instruction set  " + detected + " (detected: " + detected + ")"));
  EXPECT_THAT(plain.out, HasSubstr(std::string(matmul_library())));
  EXPECT_THAT(plain.out, HasSubstr(GRADUS_VERSION));
  const CommandResult pinned = run_gradus(folder, {"env", "--isa", "avx2", "--threads", "3"});
  EXPECT_THAT(pinned.out, HasSubstr("instruction set  avx2 (detected: " + detected + ")"));
  EXPECT_THAT(pinned.out, HasSubstr("threads          3\n"));
  EXPECT_EQ(run_gradus(folder, {"env", "--isa", "neon"}).exit_code, 2);
  const CommandResult threads = run_gradus(folder, {"env", "--threads", "-1"});
  EXPECT_EQ(threads.exit_code, 2);
  EXPECT_EQ(threads.err, "gradus: [--threads] must be a decimal integer from 0 to 1024; found \"-1\"\n");
}

}  // namespace
}  // namespace gradus
