// Runs that are stopped, killed, continued and checked, as a user does it.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "gradus/tensor/isa.h"
#include "tests/reads.h"
#include "tests/command/command.h"

namespace gradus {
namespace resume_test {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kConfig =
    "[data]\nkind = \"line\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n[train]\nsteps = 60\nbatch_size = 10\n"
    "[checkpoint]\nevery = 20\nkeep = 9\n";
constexpr const char* kEndless =
    "[data]\nkind = \"line\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n[train]\nsteps = 1000000000000\n[log]\nevery = "
    "1000\n";

template <class Condition>
void wait_for(Condition&& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

void wait_for_rows(const fs::path& run) {
  wait_for([&] { return !slurp(run / "log.jsonl").empty(); });
}

// A run with products of bf16 numbers goes on where there are none, if that is asked for.
TEST(ResumeCommand, GoesOnWithoutProductsOfBf16WhereF32IsNamed) {
  if (!has_bf16_products()) GTEST_SKIP() << "this processor or this build has no products of bf16 numbers";
  const TemporaryFolder folder;
  spill(folder / "c.toml", kConfig);
  const CommandResult first = run_gradus(folder, {"train", "c.toml", "--set", "train.precision=bf16"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const CommandResult refused =
      run_gradus(folder, {"train", "--resume", "runs/c", "--isa", "avx2", "--set", "train.steps=80"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("train.precision = \"bf16\" needs a processor with AVX512_BF16"));
  const CommandResult again = run_gradus(folder, {"train", "--resume", "runs/c", "--isa", "avx2", "--set",
                                                  "train.steps=80", "--set", "train.precision=f32"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("\n  train.precision  \"bf16\" -> \"f32\""));
  EXPECT_THAT(again.out, HasSubstr(fmt::format("the checkpoint was written on {} with {}, this is avx2 with {}: the ",
                                               name_of(active_isa()), matmul_library(DType::kBF16), matmul_library())));
  EXPECT_EQ(summary_of_run(folder / "runs/c")["steps"], 80);
}

TEST(ResumeCommand, IsPrintedAfterCtrlCAndWorks) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const Command command(folder.path(), {"train", "c.toml"}, {});
  wait_for_rows(folder / "runs/c");
  command.send(SIGINT);
  const CommandResult result = command.wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_THAT(result.out, EndsWith("to go on: gradus train --resume runs/c\n"));
  const int64_t steps = summary_of_run(folder / "runs/c")["steps"];
  const CommandResult again =
      run_gradus(folder, {"train", "--resume", "runs/c", "--set", "train.steps=" + std::to_string(steps + 100)});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr(fmt::format("goes on at step {} of {}, from runs/c/checkpoints/step-{}\n", steps,
                                               steps + 100, steps)));
  EXPECT_EQ(summary_of_run(folder / "runs/c")["steps"], steps + 100);
}

TEST(ResumeCommand, ASecondCtrlCEndsAtOnce) {
  const TemporaryFolder folder;
  // A step of half a second or more: the first signal is still waiting for its end.
  spill(folder / "c.toml",
        "[data]\nkind = \"line\"\npoints = 20000\n[model]\nkind = \"mlp\"\nhidden = [1024, 1024]\n[train]\nsteps = "
        "1000\n");
  const Command command(folder.path(), {"train", "c.toml"}, {});
  wait_for([&] { return fs::exists(folder / "runs/c/config.toml"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  command.send(SIGTERM);
  command.send(SIGTERM);
  const CommandResult result = command.wait();
  EXPECT_EQ(result.exit_code, 143);
}

TEST(ResumeCommand, TakesTheConfigurationOrTheRunOrACheckpoint) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kConfig);
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml"}).exit_code, 0);
  const std::string expected = slurp(folder / "runs/c/model.safetensors");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--resume", "runs/c/checkpoints/step-40"},
                                             {"c.toml", "--resume", "runs/c/checkpoints/step-20/"},
                                             {"--resume", "runs/c/checkpoints/last"},
                                             {"--resume", "runs/c/"},
                                             {"c.toml", "--resume"},
                                             {"--resume", "c.toml"},
                                             {"c.toml", "--out", "runs/c", "--resume"},
                                             {"--out", "runs/c", "--resume", "runs/c"}}) {
    std::vector<std::string> all = {"train"};
    all.insert(all.end(), words.begin(), words.end());
    const CommandResult result = run_gradus(folder, all);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("goes on at step "));
    EXPECT_EQ(slurp(folder / "runs/c/model.safetensors"), expected);
  }
  EXPECT_EQ(run_gradus(folder, {"verify", "runs/c"}).exit_code, 0);
}

TEST(ResumeCommand, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kConfig);
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml", "--quiet"}).exit_code, 0);
  const auto error = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "train");
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({}), "gradus: [gradus train] CONFIG is required; see `gradus train --help`\n");
  EXPECT_EQ(error({"--resume"}), "gradus: [gradus train] CONFIG is required; see `gradus train --help`\n");
  EXPECT_EQ(error({"c.toml", "--resume", "runs/none"}),
            "gradus: [--resume] no such run, runs/none; give a run's folder, or a checkpoint's\n");
  EXPECT_EQ(error({"--resume", "runs/nope"}),
            "gradus: [--resume] no such run, runs/nope; give a run's folder, or a checkpoint's\n");
  EXPECT_EQ(error({"--resume", "runs/c", "--out", "runs/d"}),
            "gradus: [--out] runs/d is not the run that --resume names, runs/c; leave one of them out\n");
  EXPECT_EQ(error({"c.toml", "--resume", "--overwrite"}),
            "gradus: [--overwrite] and --resume ask for opposite things; give one of them\n");
  EXPECT_EQ(error({"c.toml"}),
            "gradus: [runs/c] exists and is not empty; choose another --out, or give --overwrite to replace "
            "the run, or --resume to go on with it\n");
  spill(folder / "c.toml", std::string(kConfig) + "[optimizer]\nlearning_rate = 0.5\n");
  EXPECT_THAT(
      error({"c.toml", "--resume"}),
      StartsWith("gradus: [runs/c] the configuration is not the one that the run had:\n  optimizer.learning_rate  0.01 "
                 "-> 0.5\n"));
}

// The newest checkpoint is a snapshot of a whole run; killed at any time, at most what came after it is done again.
TEST(ResumeCommand, GoesOnAfterAKill) {
  const TemporaryFolder folder;
  const std::string config = std::string(kEndless) + "[checkpoint]\nevery = 100\nkeep = 0\n";
  spill(folder / "c.toml", config);
  const Command command(folder.path(), {"train", "c.toml"}, {});
  wait_for([&] { return fs::exists(folder / "runs/c/checkpoints/last"); });
  command.send(SIGKILL);
  EXPECT_EQ(command.wait().exit_code, 137);
  EXPECT_FALSE(fs::exists(folder / "runs/c/summary.json"));
  const std::string last = fs::read_symlink(folder / "runs/c/checkpoints/last").string();
  const int64_t steps = std::stoll(last.substr(5)) + 300;
  const CommandResult again =
      run_gradus(folder, {"train", "c.toml", "--resume", "--set", "train.steps=" + std::to_string(steps)});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(
      run_gradus(folder, {"train", "c.toml", "--out", "straight", "--set", "train.steps=" + std::to_string(steps)})
          .exit_code,
      0);
  EXPECT_EQ(summary_of_run(folder / "runs/c")["fingerprint"], summary_of_run(folder / "straight")["fingerprint"]);
  EXPECT_EQ(slurp(folder / "runs/c/model.safetensors"), slurp(folder / "straight/model.safetensors"));
  for (const auto& entry : fs::directory_iterator(folder / "runs/c/checkpoints")) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("tmp")));
  }
}

TEST(Signals, Usr1SavesACheckpointAndGoesOn) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const Command command(folder.path(), {"train", "c.toml"}, {});
  wait_for_rows(folder / "runs/c");
  command.send(SIGUSR1);
  wait_for([&] { return fs::exists(folder / "runs/c/checkpoints/last/manifest.json"); });
  ASSERT_TRUE(fs::exists(folder / "runs/c/checkpoints/last/manifest.json"));
  const std::string step = fs::read_symlink(folder / "runs/c/checkpoints/last").string();
  command.send(SIGTERM);
  const CommandResult result = command.wait();
  EXPECT_EQ(result.exit_code, 143);
  EXPECT_THAT(result.out, HasSubstr("checkpoint " + step + " was asked for\n"));
  EXPECT_TRUE(fs::is_directory(folder / "runs/c/checkpoints" / step));
  EXPECT_NE(fs::read_symlink(folder / "runs/c/checkpoints/last").string(), step);
}

TEST(Signals, HupDoesNotEndARun) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const Command command(folder.path(), {"train", "c.toml"}, {});
  wait_for_rows(folder / "runs/c");
  command.send(SIGHUP);
  const size_t before = read_log(folder / "runs/c").size();
  wait_for([&] { return lines_of(slurp(folder / "runs/c/log.jsonl")).size() > before + 3; });
  command.send(SIGINT);
  EXPECT_EQ(command.wait().exit_code, 130);
  EXPECT_GT(read_log(folder / "runs/c").size(), before + 3);
}

// A pipe that nobody writes to: the command waits for its data, and has not begun to train.
TEST(Signals, AreHeededBeforeTheTrainingBegins) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const TemporaryFolder folder;
    const std::string pipe = folder / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const Command command(folder.path(), {"train", recipe("gpt_char"), "--data", "pipe", "--out", "run"}, {});
    int writer = -1;
    wait_for([&] { return (writer = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK)) >= 0; });
    ASSERT_GE(writer, 0);
    for (const int harmless : {SIGHUP, SIGUSR1}) command.send(harmless);
    command.send(signal);
    EXPECT_EQ(command.wait().exit_code, 128 + signal);
    EXPECT_FALSE(fs::exists(folder / "run"));
    ::close(writer);
  }
}

TEST(Signals, AFileBeyondItsLimitIsAnError) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const std::string train = std::string("ulimit -f 16; exec ") + GRADUS_COMMAND + " train c.toml --set log.every=1";
  const CommandResult result = run_gradus(folder, {"-c", train}, {.program = "/bin/sh"});
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_THAT(result.err, HasSubstr("gradus: [runs/c/log.jsonl] "));
  EXPECT_THAT(result.err, HasSubstr("File too large"));
}

TEST(ResumeCommand, IsPrintedWithWhatItNeeds) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const Command command(folder.path(), {"train", "c.toml", "--out=-odd one", "--isa", "baseline"}, {});
  wait_for_rows(folder / "-odd one");
  command.send(SIGINT);
  EXPECT_THAT(command.wait().out, EndsWith("to go on: gradus train --resume './-odd one' --isa baseline\n"));
  EXPECT_EQ(
      run_gradus(folder, {"train", "--resume", "./-odd one", "--isa", "baseline", "--set", "train.max_time_s=1e-9"})
          .exit_code,
      0);
}

// The checkpoints may lie on another disk.
TEST(ResumeCommand, FindsTheRunOfACheckpointBehindALink) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kConfig);
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml", "--quiet"}).exit_code, 0);
  fs::create_directories(folder / "disk");
  fs::rename(folder / "runs/c/checkpoints", folder / "disk/of_c");
  fs::create_directory_symlink("../../disk/of_c", folder / "runs/c/checkpoints");
  for (const char* name : {"last", "step-40"}) {
    const CommandResult result = run_gradus(folder, {"train", "--resume", std::string("runs/c/checkpoints/") + name});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(summary_of_run(folder / "runs/c")["steps"], 60);
  }
  fs::create_directory_symlink("runs/c/checkpoints/step-40", folder / "mine");
  const CommandResult result = run_gradus(folder, {"train", "--resume", "mine"});
  EXPECT_EQ(result.exit_code, 2);  // the link leads to the disk, which says nothing of the run
}

// What reads our output may have ended by the same Ctrl-C.
TEST(ResumeCommand, IsPrintedElsewhereWhereOutputIsGone) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const Command command(folder.path(), {"train", "c.toml"}, {.out = "/dev/full"});
  wait_for_rows(folder / "runs/c");
  command.send(SIGINT);
  const CommandResult result = command.wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_THAT(result.err, EndsWith("to go on: gradus train --resume runs/c\n"));
}

TEST(ResumeCommand, SaysHowToGoOnWithADamagedConfigurationOrCheckpoint) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kConfig);
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml", "--quiet"}).exit_code, 0);
  const std::string config = slurp(folder / "runs/c/config.toml");
  for (const std::string& damaged : {std::string(), std::string(40, '\0'), config.substr(0, 40)}) {
    spill(folder / "runs/c/config.toml", damaged);
    const CommandResult result = run_gradus(folder, {"train", "--resume", "runs/c"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, Reads("gradus: {} (the file was changed since gradus wrote it; --resume "
                                  "runs/c/checkpoints/last goes on with the configuration of the last checkpoint)\n"));
  }
  EXPECT_EQ(run_gradus(folder, {"train", "--resume", "runs/c/checkpoints/last"}).exit_code, 0);
  EXPECT_EQ(slurp(folder / "runs/c/config.toml"), config);
  fs::remove(folder / "runs/c/checkpoints/step-60/manifest.json");
  for (const char* name : {"last", "step-60"}) {
    const CommandResult result = run_gradus(folder, {"train", "--resume", std::string("runs/c/checkpoints/") + name});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, HasSubstr("this checkpoint is damaged: "));
    EXPECT_THAT(result.err, HasSubstr("the newest whole one is of step 40: --resume "));
  }
  for (const char* step : {"20", "40"}) {
    fs::remove(folder / (std::string("runs/c/checkpoints/step-") + step + "/manifest.json"));
  }
  EXPECT_THAT(run_gradus(folder, {"train", "--resume", "runs/c/checkpoints/last"}).err,
              HasSubstr("\n  the run has no whole checkpoint\n"));
}

TEST(ResumeCommand, SaysWhereItLooksForTheData) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 50; ++i) text += "to be or not to be ";
  spill(folder / "t.txt", text);
  EXPECT_EQ(run_gradus(folder, {"train", recipe("gpt_char"), "--data", "t.txt", "--out", "a/run", "--quiet", "--set",
                                "train.steps=3", "--set", "schedule.warmup_steps=1"})
                .exit_code,
            0);
  const fs::path elsewhere = folder / "a";
  const CommandResult result = Command(elsewhere, {"train", "--resume", "run"}, {}).wait();
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "gradus: [t.txt] there is no such file in " + fs::canonical(elsewhere).string() +
                            "; a data.path that does not begin with / counts from the folder that the command runs "
                            "in: run it there, or name the file with --data PATH\n");
  EXPECT_EQ(Command(elsewhere, {"train", "--resume", "run", "--data", "../t.txt"}, {}).wait().exit_code, 0);
}

TEST(Lock, RefusesASecondRunUntilTheFirstIsGone) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const Command command(folder.path(), {"train", "c.toml"}, {});
  wait_for_rows(folder / "runs/c");
  for (const char* option : {"--overwrite", "--resume"}) {
    const CommandResult second = run_gradus(folder, {"train", "c.toml", option});
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_THAT(second.err, StartsWith("gradus: [runs/c] process "));
    EXPECT_THAT(second.err, EndsWith(" is training into this folder; wait until it ends, or choose another --out\n"));
  }
  command.send(SIGKILL);
  command.wait();
  EXPECT_EQ(
      run_gradus(folder, {"train", "c.toml", "--resume", "--set", "train.steps=10", "--set", "train.max_time_s=0.1"})
          .exit_code,
      0);
}

TEST(VerifyCommand, SaysWhatItFoundAndReplays) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kConfig);
  EXPECT_EQ(run_gradus(folder, {"train", "c.toml", "--quiet"}).exit_code, 0);
  const CommandResult good = run_gradus(folder, {"verify", "runs/c", "--replay", "20:60"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_THAT(good.out, StartsWith("good  config.toml: is as it was written\ngood  log.jsonl: 6 rows, up to step 50\n"
                                   "good  checkpoints/step-20: whole, 4 tensors, 0.0 MB\n"));
  EXPECT_THAT(good.out, HasSubstr("good  replay 20:60: 40 steps in "));
  EXPECT_THAT(good.out, EndsWith(" s: every bit of weights, optimizer state and losses is the same\n"));
  const fs::path file = folder / "runs/c/checkpoints/step-40/model.safetensors";
  spill(file, slurp(file) + "x");
  const CommandResult bad = run_gradus(folder, {"verify", "runs/c"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.out, HasSubstr("BAD   checkpoints/step-40: [runs/c/checkpoints/step-40/model.safetensors] has "));
  EXPECT_THAT(bad.out, EndsWith("\n1 thing is wrong in runs/c\n"));
  for (const char* range : {"20", "20:", ":60", "20:x", "a:60", "-1:60"}) {
    EXPECT_EQ(run_gradus(folder, {"verify", "runs/c", "--replay", range}).exit_code, 2) << range;
  }
}

TEST(GenerateCommand, RefusesADamagedCheckpoint) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 50; ++i) text += "to be or not to be ";
  spill(folder / "t.txt", text);
  EXPECT_EQ(run_gradus(folder, {"train", recipe("gpt_char"), "--data", "t.txt", "--out", "run", "--quiet", "--set",
                                "train.steps=3", "--set", "schedule.warmup_steps=1"})
                .exit_code,
            0);
  EXPECT_EQ(run_gradus(folder, {"generate", "run/checkpoints/step-3", "--prompt", "to", "--tokens", "3"}).exit_code, 0);
  const fs::path file = folder / "run/checkpoints/step-3/model.safetensors";
  std::string bytes = slurp(file);
  bytes.back() ^= 1;
  spill(file, bytes);
  const CommandResult result = run_gradus(folder, {"generate", "run", "--prompt", "to"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("is not what was written; `gradus verify` says which checkpoints are whole"));
}

}  // namespace resume_test
}  // namespace gradus
