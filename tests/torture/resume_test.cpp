// `gradus train --resume` finishes what a kill, a full disk, refused memory or a power cut has stopped, with the same
// final bits as a run that nothing happened to.
#include <gmock/gmock.h>

#include <chrono>
#include <random>
#include <thread>

#include "gradus/train/checkpoint.h"
#include "gradus/train/run_log.h"
#include "tests/torture/power_loss.h"
#include "tests/torture/torture.h"

namespace gradus {
namespace {

int64_t newest_checkpoint(const std::filesystem::path& run) {
  const std::vector<FoundCheckpoint> found = list_checkpoints(run);
  return found.empty() ? -1 : found.back().step;
}

int64_t last_logged_step(const std::filesystem::path& run) {
  int64_t last = -1;
  if (!std::filesystem::exists(run / "log.jsonl")) return last;
  read_log(run / "log.jsonl", [&](int64_t step, std::string_view) { last = std::max(last, step); });
  return last;
}

// Of a finished run what must be that of an undisturbed one: all files but the checkpoints before the last.
std::map<std::string, std::string> final_files(const std::map<std::string, std::string>& all) {
  std::map<std::string, std::string> files = repeatable(all);
  const std::string last =
      fmt::format("checkpoints/step-{}/", nlohmann::json::parse(all.at("summary.json"))["steps"].get<int64_t>());
  std::erase_if(
      files, [&](const auto& file) { return file.first.starts_with("checkpoints/") && !file.first.starts_with(last); });
  return files;
}

std::string difference(const std::map<std::string, std::string>& found,
                       const std::map<std::string, std::string>& expected) {
  std::string text;
  for (const auto& [name, content] : expected) {
    const auto own = found.find(name);
    if (own == found.end()) {
      text += name + " is gone\n";
    } else if (own->second != content) {
      text += name + " is not that of an undisturbed run\n";
    }
  }
  return text;
}

class Resume : public testing::TestWithParam<Experiment> {
 protected:
  static std::vector<std::string> resuming(std::vector<std::string> arguments) {
    arguments.push_back("--resume");
    return arguments;
  }

  FaultyResult run(const TemporaryFolder& folder, const Faults& faults) const {
    GetParam().lay_out(folder.path());
    return run_with_faults(folder, resuming(GetParam().arguments), faults);
  }

  // Goes on in the folder with nothing in the way; what is wrong with what comes out, or "".
  std::string finish(const std::filesystem::path& folder) const {
    const int64_t newest = newest_checkpoint(folder / "run");
    const CommandResult result = Command(folder, resuming(GetParam().arguments), {}).wait();
    if (result.exit_code != 0) return fmt::format("exit {}: {}", result.exit_code, result.err);
    std::string problems = not_whole(folder / "run", Leftovers::kAllowed);
    if (newest > 0 && result.out.find(fmt::format("goes on at step {} of ", newest)) == std::string::npos) {
      problems += fmt::format("it did not go on at step {}\n", newest);
    }
    return problems + difference(final_files(files_of(folder / "run")), final_files(undisturbed(GetParam()).files));
  }

  // Calls of a run that is resumed from nothing, which may be others than those of one without --resume.
  uint64_t count(const std::string& name) const {
    const TemporaryFolder folder;
    return run(folder, {}).count(name);
  }
};

INSTANTIATE_TEST_SUITE_P(, Resume, testing::Values(line_experiment(), text_experiment()),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(Resume, WithNothingToResumeItTrains) {
  const TemporaryFolder folder;
  GetParam().lay_out(folder.path());
  EXPECT_EQ(finish(folder.path()), "");
}

TEST_P(Resume, OfAFinishedRunChangesNothing) {
  const TemporaryFolder folder;
  ASSERT_EQ(run(folder, {}).command.exit_code, 0);
  EXPECT_EQ(finish(folder.path()), "");
}

TEST_P(Resume, AfterAKillAtAnyCall) {
  const uint64_t changes = count("changes");
  for (const char* kill : {"KILL_AT", "KILL_AFTER"}) {
    for (const uint64_t n : numbers_to_try(changes, {.sample = 9})) {
      const TemporaryFolder folder;
      ASSERT_EQ(run(folder, {{kill, std::to_string(n)}}).command.exit_code, 128 + SIGKILL);
      // A checkpoint every `interval` steps: the last one, and the one that was on its way, may be lost.
      const int64_t lost =
          last_logged_step(folder / "run") + 1 - std::max<int64_t>(0, newest_checkpoint(folder / "run"));
      EXPECT_TRUE(GetParam().interval == 0 || lost <= 2 * GetParam().interval)
          << fmt::format("{} steps are lost with FAULTS_{}={}", lost, kill, n);
      EXPECT_EQ(finish(folder.path()), "") << fmt::format("FAULTS_{}={}", kill, n);
    }
  }
}

// Each run gets a few calls further than the one before it.
TEST_P(Resume, AfterKillsOfTheRunsThatResume) {
  for (const uint64_t n : numbers_to_try(40, {.sample = 13})) {
    const TemporaryFolder folder;
    int kills = 0;
    // A run may be killed before it has saved anything new: the next must be allowed more, or none would get on.
    for (uint64_t allowed = n;; ++allowed) {
      const CommandResult result = run(folder, {{"KILL_AT", std::to_string(allowed)}}).command;
      if (result.exit_code == 0) break;
      ASSERT_EQ(result.exit_code, 128 + SIGKILL) << fmt::format("FAULTS_KILL_AT={}: {}", allowed, result.err);
      EXPECT_EQ(not_whole(folder / "run", Leftovers::kAllowed), "");
      ASSERT_LT(++kills, 1000) << "it does not finish";
    }
    EXPECT_EQ(finish(folder.path()), "") << fmt::format("FAULTS_KILL_AT={} and more, {} kills", n, kills);
  }
}

TEST_P(Resume, AfterAFailureOfTheDisk) {
  for (const auto& [error, which] : {std::pair("ENOSPC", "FROM"), {"EIO", "AT"}}) {
    for (const uint64_t n : numbers_to_try(count(error), {.sample = 17})) {
      const TemporaryFolder folder;
      EXPECT_THAT(run(folder, {{"ERROR", error}, {which, std::to_string(n)}}).command.exit_code,
                  testing::AnyOf(0, 1, 2));  // 0: of .lock
      EXPECT_EQ(finish(folder.path()), "") << fmt::format("FAULTS_ERROR={} FAULTS_{}={}", error, which, n);
    }
  }
}

TEST_P(Resume, AfterRefusedMemory) {
  for (const uint64_t n : numbers_to_try(count("allocations"), GetParam().memory_step)) {
    const TemporaryFolder folder;
    run(folder, {{"MALLOC_AT", std::to_string(n)}});
    EXPECT_EQ(finish(folder.path()), "") << "FAULTS_MALLOC_AT=" << n;
  }
}

// The newest checkpoint whose name was flushed: no power cut may take that away.
class Commits {
 public:
  void see(const Operation& operation) {
    if (operation.op == journal::Op::kOpen) opened_[operation.handle] = operation.path;
    if (operation.op == journal::Op::kRename && operation.other.starts_with(kPrefix)) {
      named_ = std::stoll(operation.other.substr(kPrefix.size()));
    }
    if (operation.op == journal::Op::kSync && opened_[operation.handle] == "run/checkpoints") newest_ = named_;
  }
  int64_t newest() const { return newest_; }

 private:
  static constexpr std::string_view kPrefix = "run/checkpoints/step-";
  std::map<uint64_t, std::string> opened_;
  int64_t named_ = -1, newest_ = -1;
};

TEST_P(Resume, AfterAPowerCutAtAnyCall) {
  const TemporaryFolder folder, before, other;
  GetParam().lay_out(before.path());
  ASSERT_EQ(run(folder, {{"JOURNAL", (other / "journal").string()}}).command.exit_code, 0);
  const std::vector<Operation> operations = read_journal(other / "journal");
  Disk disk(before.path());
  Commits commits;
  for (size_t i = 0; i < operations.size(); ++i) {
    disk.apply(operations[i]);
    commits.see(operations[i]);
    if (!g_whole && i % 11 != 0) continue;
    for (const PowerCut cut : {PowerCut::kAll, PowerCut::kFlushedOnly, PowerCut::kNamesWithoutData}) {
      const TemporaryFolder after;
      disk.write_after(cut, after.path());
      EXPECT_GE(newest_checkpoint(after / "run"), commits.newest()) << "after call " << operations[i].call;
      EXPECT_EQ(finish(after.path()), "") << "cut " << static_cast<int>(cut) << " after call " << operations[i].call;
    }
  }
}

// A kill by the clock, at no particular call: also inside a step, between a write and the next, in a thread. What is
// lost is two checkpoint intervals at most: the one that the kill met, and the one whose checkpoint was on its way to
// disk.
TEST(RandomKill, ManyKillsChangeNothing) {
  constexpr uint64_t kSeed = 1;
  constexpr int64_t kEvery = 5;
  const int kills = g_whole ? 1000 : 25;
  Experiment experiment = text_experiment();
  experiment.arguments.insert(experiment.arguments.end(),
                              {"--set", "checkpoint.every=5", "--set", "model.width=32", "--set",
                               "train.steps=10000000", "--set", "health.on_spike=warn"});
  const TemporaryFolder folder;
  experiment.lay_out(folder.path());
  std::vector<std::string> arguments = experiment.arguments;
  arguments.push_back("--resume");
  // A slow machine gets more time: a run has to come to its first checkpoint, now and then.
  const auto start = std::chrono::steady_clock::now();
  Command(folder.path(), {"train", "tiny.toml", "--data", "a_book_with_a_long_name.txt", "--out", "warm", "--quiet"},
          {})
      .wait();
  const auto once =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
  std::mt19937_64 random(kSeed);
  int64_t most_lost = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const int64_t before = newest_checkpoint(folder / "run");
    const Command command(folder.path(), arguments, {});
    std::this_thread::sleep_for(
        std::chrono::milliseconds(std::uniform_int_distribution<int64_t>(1, 60 + 3 * once)(random)));
    command.send(SIGKILL);
    const CommandResult killed = command.wait();
    ASSERT_EQ(killed.exit_code, 128 + SIGKILL) << killed.err;
    ASSERT_EQ(not_whole(folder / "run", Leftovers::kAllowed), "") << "after " << kill + 1 << " kills";
    const int64_t after = newest_checkpoint(folder / "run");
    ASSERT_GE(after, before);
    if (after > 0) most_lost = std::max(most_lost, last_logged_step(folder / "run") + 1 - after);
  }
  const int64_t reached = newest_checkpoint(folder / "run"), steps = reached + 50;
  EXPECT_GT(reached, 0);
  EXPECT_LE(most_lost, 2 * kEvery);
  std::printf("%d kills (seed %lu), step %ld reached, at most %ld steps lost at once\n", kills, kSeed, reached,
              most_lost);
  const auto finish = [&](const char* out, const char* resume) {
    std::vector<std::string> words = experiment.arguments;
    words.insert(words.end(),
                 {"--set", fmt::format("train.steps={}", steps), "--out", out, "--set", "checkpoint.every=0"});
    if (*resume != '\0') words.push_back(resume);
    const CommandResult result = Command(folder.path(), words, {}).wait();
    EXPECT_EQ(result.exit_code, 0) << result.err;
  };
  std::erase(experiment.arguments, "--out");
  std::erase(experiment.arguments, "run");
  finish("run", "--resume");
  finish("straight", "");
  EXPECT_TRUE(slurp(folder / "run/model.safetensors") == slurp(folder / "straight/model.safetensors"));
  EXPECT_EQ(summary_of_run(folder / "run")["fingerprint"], summary_of_run(folder / "straight")["fingerprint"]);
}

}  // namespace
}  // namespace gradus
