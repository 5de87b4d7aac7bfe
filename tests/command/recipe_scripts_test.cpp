// The scripts among the recipes: they run, and what their tables are there to show is so.
#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "gradus/base/random.h"
#include "tests/command/command.h"
#include "tests/data/idx_bytes.h"

namespace gradus {
namespace recipe_scripts_test {

using testing::HasSubstr;
using testing::StartsWith;

// A script of recipes/, with the built command.
CommandResult run_script(const TemporaryFolder& folder, const std::string& name, std::vector<std::string> arguments,
                         const std::string& gradus = GRADUS_COMMAND) {
  return Command(folder.path(), arguments,
                 {.environment = {{"GRADUS", gradus}}, .program = std::string(GRADUS_SOURCE_DIR "/recipes/") + name})
      .wait();
}

// The cells of a Markdown table, by the first of their row; the row of names and the rule are left out.
std::map<std::string, std::vector<std::string>> rows_of(const std::string& markdown) {
  std::map<std::string, std::vector<std::string>> rows;
  const std::vector<std::string> lines = lines_of(markdown);
  for (size_t i = 2; i < lines.size(); ++i) {
    std::vector<std::string> cells;
    for (size_t at = lines[i].find('|'); at + 1 < lines[i].size();) {
      const size_t end = lines[i].find('|', at + 1);
      if (end == std::string::npos) break;
      cells.push_back(lines[i].substr(at + 2, end - at - 3));
      at = end;
    }
    rows[cells.at(0)] = cells;
  }
  return rows;
}

TEST(OverfitLab, EveryRemedyLowersTheValidationLoss) {
  const TemporaryFolder folder;
  const CommandResult result = run_script(folder, "overfit_lab", {"--markdown", "--seeds", "1,2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 7u) << result.out;
  const auto training = [&](const char* name) { return std::stod(rows.at(name).at(3)); };
  const auto validation = [&](const char* name) { return std::stod(rows.at(name).at(4)); };
  // Seeds 1 to 5 have 0.003 and 3.7 ± 1.8; another instruction set rounds differently, and 1,000 steps make much of it.
  EXPECT_LT(training("nothing"), 0.05);
  EXPECT_GT(validation("nothing"), 1.5);
  for (const char* remedy : {"L1", "L2", "dropout", "early stopping", "smaller model", "larger, more data"}) {
    EXPECT_LT(validation(remedy), 0.7 * validation("nothing")) << remedy;
    EXPECT_GT(training(remedy), training("nothing")) << remedy;
    EXPECT_GT(std::stod(rows.at(remedy).at(6)), std::stod(rows.at("nothing").at(6))) << remedy;
  }
  EXPECT_LT(std::stod(rows.at("early stopping").at(2)), 1000);  // steps
  EXPECT_EQ(rows.at("smaller model").at(1), "32");              // 2·6 + 6 + 6·2 + 2 parameters
  EXPECT_EQ(summary_of_run(folder / "runs/overfit_lab/l2/seed_2")["steps"], 1000);
}

// A command before the built one, by which a run of a recipe that fits `pattern` is made with `settings` too.
std::string with_settings(const TemporaryFolder& folder, const std::string& pattern, const std::string& settings) {
  const std::filesystem::path path = folder / "short";
  spill(path, "#!/bin/sh\ncase \"$1 $2\" in \"train \"*" + pattern + ") set -- \"$@\" " + settings +
                  " ;; esac\nexec " GRADUS_COMMAND " \"$@\"\n");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path.string();
}

// What a text has takes minutes; here it is that the whole of it goes through.
TEST(OverfitLab, TakesAText) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 12000; ++i) text += fmt::format("{} ± {}\n", i, i * 7 % 11);
  spill(folder / "t.txt", text);
  const CommandResult result = run_script(
      folder, "overfit_lab", {"--markdown", "--data", "t.txt"},
      with_settings(folder, "*", "--set train.steps=2 --set schedule.warmup_steps=0 --set validation.every=1"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 7u) << result.out;
  for (const auto& [name, cells] : rows) {
    EXPECT_EQ(cells.at(2), "2") << name;
    EXPECT_GT(std::stod(cells.at(4)), 1.0) << name;
  }
}

TEST(OverfitLab, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  const auto error = [&](const std::vector<std::string>& arguments, const std::string& gradus = GRADUS_COMMAND) {
    const CommandResult result = run_script(folder, "overfit_lab", arguments, gradus);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({"--frob"}), "overfit_lab: unknown argument '--frob'; see recipes/overfit_lab --help\n");
  EXPECT_EQ(error({"--seeds"}), "overfit_lab: --seeds needs a value; see recipes/overfit_lab --help\n");
  EXPECT_EQ(error({"--data", "none.txt"}), "overfit_lab: --data none.txt: there is no such file\n");
  spill(folder / "short.txt", "short");
  EXPECT_EQ(error({"--data", "short.txt"}),
            "overfit_lab: --data short.txt: it has 5 characters; expected 100,000 or more\n");
  EXPECT_EQ(error({}, "/nowhere/gradus"), "overfit_lab: GRADUS=/nowhere/gradus: there is no such command\n");
  EXPECT_THAT(run_script(folder, "overfit_lab", {"--help"}).out, HasSubstr("Usage: recipes/overfit_lab"));
}

TEST(OptimizerRace, EveryOptimizerReachesTheLossOfTheLineAndTheNetwork) {
  const TemporaryFolder folder;
  const CommandResult result =
      run_script(folder, "optimizer_race", {"--markdown", "--problems", "line,mlp", "--seeds", "1,2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 20u) << result.out;
  for (const auto& [name, cells] : rows) {
    ASSERT_EQ(cells.size(), 7u) << name;
    EXPECT_THAT(cells[2], testing::MatchesRegex("[0-9]+")) << name;
    EXPECT_THAT(cells[5], testing::MatchesRegex("[0-9]+")) << name;
    EXPECT_GT(std::stod(cells[6]), 0.0) << name;
  }
  const auto steps = [&](const char* name) { return std::stod(rows.at(name).at(5)); };
  EXPECT_LT(steps("sgd momentum"), steps("sgd"));
  EXPECT_LT(steps("adam"), steps("sgd momentum"));
}

TEST(OptimizerRace, WhatIsNotReachedIsSaid) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 100000; ++i) text += static_cast<char>('a' + i % 1009 * i % 26);  // log 26 = 3.26 at the start
  spill(folder / "t.txt", text);
  const CommandResult result =
      run_script(folder, "optimizer_race",
                 {"--markdown", "--seeds", "1", "--limit", "3", "--text", "t.txt", "--only", "adamw,muon,lbfgs,sgd"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 4u) << result.out;
  for (const auto& [name, cells] : rows) {
    ASSERT_EQ(cells.size(), 10u) << name;
    EXPECT_THAT(cells[8], StartsWith("not reached, ")) << name;
  }
}

TEST(OptimizerRace, SearchFindsRates) {
  const TemporaryFolder folder;
  const CommandResult result = run_script(
      folder, "optimizer_race", {"--search", "--problems", "line", "--seeds", "1", "--only", "sgd,gradient_descent"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  // The loss of the whole line is some W² / 3 + b², whose curvature along b is 2: a rate of 0.5 goes to its lowest at
  // once.
  EXPECT_THAT(result.out, HasSubstr("\"gradient descent|name=sgd|0.5 "));
}

TEST(OptimizerRace, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  const auto error = [&](const std::vector<std::string>& arguments) {
    const CommandResult result = run_script(folder, "optimizer_race", arguments);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({"frob"}), "optimizer_race: unknown argument 'frob'; see recipes/optimizer_race --help\n");
  EXPECT_EQ(error({"--text"}), "optimizer_race: --text needs a value; see recipes/optimizer_race --help\n");
  EXPECT_EQ(error({"--problems", "cube"}),
            "optimizer_race: --problems cube: expected one or more of line, mlp and gpt\n");
  EXPECT_EQ(error({"--only", "frob", "--problems", "line"}),
            "optimizer_race: --only frob: there is no such optimizer\n");
  EXPECT_EQ(error({"--text", "none.txt"}), "optimizer_race: --text none.txt: there is no such file\n");
  // An error of the command is one of the script.
  EXPECT_THAT(error({"--problems", "line", "--seeds", "x"}),
              HasSubstr("optimizer_race: gradus: [--seed] must be a decimal integer"));
}

// The numbers of a printed table's rows, by their first word.
std::map<std::string, std::vector<double>> numbers_of(const std::string& table) {
  std::map<std::string, std::vector<double>> rows;
  for (const std::string& line : lines_of(table)) {
    std::istringstream cells(line);
    std::string name;
    cells >> name;
    for (double number; cells >> number;) rows[name].push_back(number);
  }
  return rows;
}

// Clauses of a pronoun or a name, whose neighbour says its form, among words that say nothing.
std::string clauses(uint64_t count) {
  const std::vector<std::vector<std::string>> forms = {
      {"I", "thou", "he", "Tom"}, {"me", "thee", "him", "Tom"}, {"My", "thy", "his", "Tom"}};
  const std::vector<std::string> between = {"now", "here", "never", "so", "\"", ",", "\\"};
  const RandomStream random(5);
  std::string text;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t form = random.bits(i, 0) % 3;
    const std::string& who = forms[form][std::min<uint64_t>(3, random.bits(i, 1) % 6)];
    text += form == 0 ? who + " run" : form == 1 ? "near " + who : who + "\tdog";
    for (uint64_t j = random.bits(i, 2) % 3; j > 0; --j) text += " " + between[random.bits(i, 2 + j) % 7];
    text += random.bits(i, 9) % 5 == 0 ? ".\n" : " ";
  }
  return text;
}

TEST(MissingWord, TheOrderOfWordsTellsMoreThanTheirCounts) {
  const TemporaryFolder folder;
  spill(folder / "t.txt", clauses(4000));
  const CommandResult result =
      run_script(folder, "missing_word", {"--data", "t.txt", "--seed", "3", "--out", "made"},
                 with_settings(folder, "*text_encoder.toml",
                               "--set schedule.warmup_steps=10 --set model.width=32 --set model.layers=1 "
                               "--set optimizer.learning_rate=0.01"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto rows = numbers_of(result.out);
  ASSERT_EQ(rows.size(), 2u) << result.out;
  const double bag = rows.at("bag_of_words").at(0), encoder = rows.at("encoder").at(0);
  EXPECT_GT(bag, 0.4);  // a third would be chance
  EXPECT_LT(bag, 0.8);
  EXPECT_GT(encoder, 0.95);  // a word beside the blank says it
  EXPECT_THAT(slurp(folder / "made/encoder/config.toml"), HasSubstr("\nseed = 3\n"));
}

// Each line has 11 tokens, of which two are pronouns. The last 500 of 2,500 are held out.
TEST(MissingWord, PutsABlankInThePlaceOfAPronoun) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 500; ++i) text += fmt::format("a \"b\" w{} MY h\xC3\xA9 c us. d\n", i);
  spill(folder / "t.txt", text);
  run_script(folder, "missing_word", {"--data", "t.txt", "--out", "made"},
             with_settings(folder, "*text_encoder.toml", "--set train.epochs=1 --set schedule.warmup_steps=0"));
  const std::vector<std::string> training = lines_of(slurp(folder / "made/training.jsonl"));
  const std::vector<std::string> held = lines_of(slurp(folder / "made/validation.jsonl"));
  ASSERT_EQ(training.size(), 801u);
  ASSERT_EQ(held.size(), 179u);
  EXPECT_EQ(training[0], R"({"text": "a \" b \" w0 _ hé c us . d", "label": "possessive"})");
  EXPECT_EQ(training[1], R"({"text": "\" w0 MY hé c _ . d a \" b", "label": "object"})");
  EXPECT_EQ(held[0], R"({"text": "a \" b \" w182 _ hé c us . d", "label": "possessive"})");
}

TEST(MissingWord, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  const auto error = [&](const std::vector<std::string>& arguments) {
    const CommandResult result = run_script(folder, "missing_word", arguments);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({}), "missing_word: --data is missing: the text whose pronouns are used\n");
  EXPECT_EQ(error({"--data"}), "missing_word: --data needs a value; see recipes/missing_word --help\n");
  EXPECT_EQ(error({"--frob"}), "missing_word: unknown argument '--frob'; see recipes/missing_word --help\n");
  EXPECT_EQ(error({"--data", "none.txt"}), "missing_word: --data none.txt: there is no such file\n");
  spill(folder / "short.txt", "one two three four five my six seven eight nine ten\n");
  EXPECT_EQ(
      error({"--data", "short.txt"}),
      "missing_word: --data short.txt: it has 1 pronouns to learn from and 0 held out; expected 20 and 5, as 5,000 "
      "words have\n");
  EXPECT_THAT(run_script(folder, "missing_word", {"--help"}).out, StartsWith("Usage: recipes/missing_word"));
}

// Three groups of pictures, each bright in a place of its own.
TEST(AutoencoderClusters, GroupsByPixelsAndByCodes) {
  const TemporaryFolder folder;
  std::string pixels, labels;
  for (int i = 0; i < 90; ++i) {
    labels += static_cast<char>(3 + i % 3);
    for (int j = 0; j < 36; ++j) {
      const bool is_lit = j / 12 == i % 3;
      pixels += static_cast<char>((is_lit ? 200 : 0) + (i * 7 + j * 13) % 40);
    }
  }
  spill(folder / "p.idx", idx_bytes(8, {90, 6, 6}, pixels));
  spill(folder / "l.idx", idx_bytes(8, {90}, labels));
  const CommandResult result = run_script(
      folder, "autoencoder_clusters", {"--data", "p.idx", "--labels", "l.idx", "--clusters", "3"},
      with_settings(
          folder, "*autoencoder.toml",
          "--set train.steps=40 --set train.batch_size=30 --set schedule.warmup_steps=0 --set model.hidden=[32] "
          "--set model.code=3"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto rows = numbers_of(result.out);
  ASSERT_EQ(rows.size(), 2u) << result.out;
  EXPECT_EQ(rows.at("pixels"), (std::vector<double>{1, 1, 1})) << result.out;
  EXPECT_EQ(rows.at("codes"), (std::vector<double>{1, 1, 1})) << result.out;
  EXPECT_EQ(lines_of(slurp(folder / "runs/autoencoder_clusters/codes.csv")).size(), 91u);
}

TEST(AutoencoderClusters, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  const auto error = [&](const std::vector<std::string>& arguments) {
    const CommandResult result = run_script(folder, "autoencoder_clusters", arguments);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({"--data", "none.idx"}),
            "autoencoder_clusters: \"none.idx\" is no file; give the pictures with --data and their labels with "
            "--labels\n");
  EXPECT_EQ(error({"--clusters"}),
            "autoencoder_clusters: --clusters needs a value; see recipes/autoencoder_clusters --help\n");
  EXPECT_EQ(error({"frob"}),
            "autoencoder_clusters: unknown argument 'frob'; see recipes/autoencoder_clusters --help\n");
  EXPECT_THAT(run_script(folder, "autoencoder_clusters", {"--help"}).out,
              StartsWith("Usage: recipes/autoencoder_clusters"));
}

}  // namespace recipe_scripts_test
}  // namespace gradus
