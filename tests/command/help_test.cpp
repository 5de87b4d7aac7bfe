// What the command says about itself: help, version, recipes, keys, env.
#include <gmock/gmock.h>

#include "gradus/tensor/isa.h"
#include "gradus/train/config_keys.h"
#include "tests/command/command.h"

namespace gradus {
namespace help_test {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Help, EveryVerbHasHelpWithAnExample) {
  const TemporaryFolder folder;
  for (const std::string verb : {"", "train", "sweep", "lr-find", "generate", "eval", "predict", "init", "verify",
                                 "data", "schedule", "recipes", "keys", "env"}) {
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

// What each word of a command line can be wrong in: the whole text, and what to do.
TEST(Help, WrongCommandLinesSayWhatWasMeant) {
  const TemporaryFolder folder;
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      // Options that there are not.
      {{"train", "c.toml", "--ot", "x"},
       "[gradus train] unknown option \"--ot\"; did you mean \"--out\"? Otherwise see `gradus train --help`"},
      {{"eval", "run", "--jsn"},
       "[gradus eval] unknown option \"--jsn\"; did you mean \"--json\"? Otherwise see `gradus eval --help`"},
      {{"train", "c.toml", "-x"}, "[gradus train] unknown option \"-x\"; see `gradus train --help`"},
      {{"--versoin"},
       "[gradus] unknown option \"--versoin\"; did you mean \"--version\"? Otherwise see `gradus --help`"},
      // One of which the place stays empty.
      {{"generate", "run", "--promt", "x"},
       "[gradus generate] unknown option \"--promt\"; did you mean \"--prompt\"? Otherwise see `gradus generate "
       "--help`"},
      {{"data", "pack", "c.toml", "--uot", "f"},
       "[gradus data pack] unknown option \"--uot\"; did you mean \"--out\"? Otherwise see `gradus data pack --help`"},
      // What is missing.
      {{"eval"}, "[gradus eval] RUN is required; see `gradus eval --help`"},
      {{"generate", "run"}, "[gradus generate] --prompt is required; see `gradus generate --help`"},
      {{"data", "pack", "c.toml"}, "[gradus data pack] --out is required; see `gradus data pack --help`"},
      {{"train", "c.toml", "--set"}, "[gradus train] --set needs a value, --set a.b=c; see `gradus train --help`"},
      {{"train", "c.toml", "--seed"}, "[gradus train] --seed needs a value, --seed N; see `gradus train --help`"},
      {{"verify", "run", "--replay"},
       "[gradus verify] --replay needs a value, --replay A:B; see `gradus verify --help`"},
      // What is too much.
      {{"train", "a.toml", "b.toml"}, "[gradus train] \"b.toml\" is one argument too many; see `gradus train --help`"},
      {{"env", "avx2"}, "[gradus env] \"avx2\" is one argument too many; see `gradus env --help`"},
      {{"train", "c.toml", "--seed", "1", "--seed", "2"},
       "[gradus train] --seed stands there more than once; give it once, or see `gradus train --help`"},
      {{"keys", "optimizer", "--markdown"},
       "[gradus keys] NAME and --markdown do not go together; leave one out, or see `gradus keys --help`"},
      // Values.
      {{"train", "c.toml", "--seed", "x"},
       "[--seed] must be a decimal integer from 0 to 9223372036854775807; found \"x\""},
      {{"train", "c.toml", "--threads", "-1"}, "[--threads] must be a decimal integer from 0 to 1024; found \"-1\""},
      {{"lr-find", "c.toml", "--steps", "3"}, "[--steps] must be a decimal integer from 20 to 1000000; found \"3\""},
      {{"lr-find", "c.toml", "--from", "abc"},
       "[gradus lr-find] --from must be a number; found \"abc\"; see `gradus lr-find --help`"},
      {{"train", "c.toml", "--quiet=maybe"},
       "[gradus train] --quiet takes no value; found \"maybe\"; see `gradus train --help`"},
      {{"train", "c.toml", "--dry-run=0"},
       "[gradus train] --dry-run takes no value; found \"0\"; see `gradus train --help`"},
      {{"train", "c.toml", "--quiet=true"},
       "[gradus train] --quiet takes no value; found \"true\"; see `gradus train --help`"},
      {{"generate", "run", "--prompt", "a", "--best="},
       "[gradus generate] --best takes no value; found \"\"; see `gradus generate --help`"},
      {{"lr-find", "c.toml", "--from", ""},
       "[gradus lr-find] --from is empty; expected A; see `gradus lr-find --help`"},
      {{"eval", ""}, "[gradus eval] RUN is empty; expected FOLDER; see `gradus eval --help`"},
      {{"init", "linear_regression", ""},
       "[gradus init] NAMES is empty; expected [RECIPE] FILE; see `gradus init --help`"},
      {{"predict", "run", "--data", "a.csv", "--out", ""},
       "[gradus predict] --out is empty; expected FILE; see `gradus predict --help`"},
      {{"eval", "run", "--part", "trainng"},
       "[gradus eval] --part must be validation or training; found \"trainng\"; did you mean \"training\"? Otherwise "
       "see "
       "`gradus eval --help`"},
      {{"predict", "run", "--format", "xml"},
       "[gradus predict] --format must be text, csv or jsonl; found \"xml\"; see `gradus predict --help`"},
      // Words in the wrong place.
      {{"--json", "eval", "run"},
       "[gradus eval] --json stands before its verb; put it behind eval, or see `gradus eval --help`"},
      {{"--seed", "3", "train", "c.toml"},
       "[gradus train] --seed stands before its verb; put it behind train, or see `gradus train --help`"},
      {{"--seed=3", "train"},
       "[gradus train] --seed stands before its verb; put it behind train, or see `gradus train --help`"},
      {{"data", "--seed", "3", "show", "c.toml"},
       "[gradus data show] --seed stands before its verb; put it behind show, or see `gradus data show --help`"},
      {{"--jsn", "eval", "run"},
       "[gradus eval] unknown option \"--jsn\"; did you mean \"--json\"? Otherwise see `gradus eval --help`"},
      {{"", "eval", "run"}, "[gradus eval] \"\" is one argument too many; see `gradus eval --help`"},
      {{"train", "c.toml", "--", "--quiet"},
       "[gradus train] --quiet stands behind --, where no word is an option; put it before that, or see `gradus train "
       "--help`"},
      // Verbs below verbs.
      {{"data"}, "[gradus data] a verb is missing, such as show; see `gradus data --help`"},
      {{"tokenizer", "encod", "t.json"},
       "[gradus tokenizer] unknown verb \"encod\"; did you mean \"encode\"? Otherwise see `gradus tokenizer --help`"},
      {{"bench", "gpd"},
       "[gradus bench] unknown verb \"gpd\"; did you mean \"gpt\"? Otherwise see `gradus bench --help`"},
      {{"bench", "--json"}, "[gradus bench] unknown option \"--json\"; see `gradus bench --help`"},
  };
  for (const auto& [words, text] : cases) {
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 2) << text;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "gradus: " + text + "\n");
  }
}

// Whatever it looks like.
TEST(Help, AnOptionTakesTheWordBehindIt) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_gradus(folder, {"train", recipe("linear_regression"), "--out", "run", "--quiet"}).exit_code, 0);
  EXPECT_EQ(run_gradus(folder, {"generate", "run", "--prompt", "--best=x"}).err,
            "gradus: [generate] the run's model is \"linear\"; only a text model can generate\n");
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

}  // namespace help_test
}  // namespace gradus
