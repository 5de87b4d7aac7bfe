// Bad things happen to `gradus train`: it is killed, its disk fails or is full, its calls are interrupted, its memory
// is refused, its power is cut. What it leaves must be whole, and it must say what happened.
#include <gmock/gmock.h>

#include "tests/reads.h"
#include "tests/torture/power_loss.h"
#include "tests/torture/torture.h"

namespace gradus {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Torture : public testing::TestWithParam<Experiment> {
 protected:
  // The experiment in a new folder, with these faults.
  FaultyResult run(const TemporaryFolder& folder, const Faults& faults) const {
    GetParam().lay_out(folder.path());
    return run_with_faults(folder, GetParam().arguments, faults);
  }

  uint64_t count(const std::string& name) const { return undisturbed(GetParam()).result.count(name); }

  void expect_the_undisturbed_result(const TemporaryFolder& folder) const {
    EXPECT_TRUE(repeatable(files_of(folder / "run")) == repeatable(undisturbed(GetParam()).files));
  }
};

INSTANTIATE_TEST_SUITE_P(, Torture, testing::Values(line_experiment(), text_experiment()),
                         [](const auto& instance) { return instance.param.name; });

// What an error about a file calls it: what is on its way has another name until it is committed.
std::string lasting_name(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  const size_t end = std::min(name.find(".tmp-"), name.find(".gradus-tmp-"));
  return end == std::string::npos ? name : name.substr(1, end - 1);
}

// One line with its subject first. An internal error is a mistake in gradus. libgomp ends the process itself.
bool is_a_message(const std::string& text) {
  return lines_of(text).size() == 1 && (text.starts_with("gradus: [") || text.starts_with("libgomp: ")) &&
         text.find("[internal]") == std::string::npos;
}

// oneDNN 2.6 does not look whether it got memory for the code it generates, and jumps to where there is none. There
// is nothing that gradus can do about it.
bool died_in_onednn(const FaultyResult& result) {
  return result.command.exit_code == 128 + SIGSEGV && result.trace.find("libdnnl") != std::string::npos;
}

// What is wrong with a run whose memory was refused, or "": it has to say so, or not to have needed the memory.
// libgomp, which comes with oneDNN, ends the process itself where it gets no memory: with a message and exit 1 too.
bool is_libgomps(const std::string& err) { return err.find("libgomp: Out of memory allocating ") != std::string::npos; }

std::string harm(const FaultyResult& result, const TemporaryFolder& folder, const Undisturbed& undisturbed) {
  const CommandResult& command = result.command;
  // Removing what was begun needs memory too.
  std::string problems =
      not_whole(folder / "run", command.exit_code == 0 ? Leftovers::kForbidden : Leftovers::kAllowed);
  if (command.exit_code == 0) {
    if (repeatable(files_of(folder / "run")) != repeatable(undisturbed.files)) problems += "exit 0 with other files\n";
  } else if (command.exit_code != 1 || !(is_a_message(command.err) || is_libgomps(command.err))) {
    problems += fmt::format("exit {}, which said: {}\n", command.exit_code, command.err);
  }
  return problems;
}

TEST_P(Torture, KilledAtAnyCallLeavesWholeFiles) {
  for (const char* kill : {"KILL_AT", "KILL_AFTER"}) {
    for (const uint64_t n : numbers_to_try(count("changes"), {.sample = 5})) {
      SCOPED_TRACE(fmt::format("FAULTS_{}={}", kill, n));
      const TemporaryFolder folder;
      const FaultyResult result = run(folder, {{kill, std::to_string(n)}});
      EXPECT_EQ(result.command.exit_code, 128 + SIGKILL);
      EXPECT_EQ(result.count("changes"), n);
      EXPECT_EQ(not_whole(folder / "run", Leftovers::kAllowed), "");
    }
  }
}

// The number in the lock file is for a message only, and what cannot be removed has a name that --resume knows.
bool is_harmless(const std::string& fault) { return fault == "truncate: run/.lock" || fault == "write: run/.lock"; }
bool is_removal(const std::string& fault) {
  const bool lists = fault.starts_with("open to read: ") && fault.find(".gradus-tmp-") != std::string::npos;
  return lists || fault.starts_with("unlink: ") || fault.starts_with("rmdir: ");
}

TEST_P(Torture, FailingCallsAreReportedWithTheirFile) {
  // A full disk stays full; a bad block is met once.
  for (const auto& [error, which] : {std::pair("ENOSPC", "AT"), {"ENOSPC", "FROM"}, {"EIO", "AT"}}) {
    for (const uint64_t n : numbers_to_try(count(error), {.sample = 7})) {
      const TemporaryFolder folder;
      const FaultyResult result = run(folder, {{"ERROR", error}, {which, std::to_string(n)}});
      ASSERT_TRUE(result.report.contains("fault")) << result.command.exit_code << result.command.err;
      const std::string fault = result.report.at("fault"), file = fault.substr(fault.find(": ") + 2);
      SCOPED_TRACE(fmt::format("FAULTS_ERROR={} FAULTS_{}={}, in {}", error, which, n, fault));
      const bool removal = is_removal(fault);
      EXPECT_EQ(not_whole(folder / "run", removal ? Leftovers::kAllowed : Leftovers::kForbidden), "");
      if (std::string_view(which) == "AT" && is_harmless(fault)) continue;
      EXPECT_THAT(result.command.exit_code, testing::AnyOf(1, 2));
      EXPECT_TRUE(is_a_message(result.command.err)) << result.command.err;
      if (std::string_view(which) == "FROM") {
        // Checkpoints are written beside the training, so the first call that fails need not be the first that is told.
        EXPECT_THAT(result.command.err, HasSubstr("No space left on device"));
        continue;
      }
      // What is removed as a whole is named as a whole.
      const std::string parent = fs::path(file).parent_path().filename().string();
      const std::string name =
          removal && result.command.err.find(parent) != std::string::npos ? parent : lasting_name(file);
      EXPECT_THAT(result.command.err, HasSubstr(name));
    }
  }
}

// The space is asked for before anything is written.
TEST_P(Torture, ADiskWithoutRoomForACheckpointIsSaid) {
  const TemporaryFolder folder;
  const FaultyResult result = run(folder, {{"FREE", "500000"}});
  EXPECT_EQ(result.command.exit_code, 1);
  EXPECT_THAT(
      result.command.err,
      Reads("gradus: [run/checkpoints/step-{}] the checkpoint needs {} MB, and 0.5 MB are free on its disk; the "
            "checkpoints before it are whole. Make room (checkpoint.keep = 0 keeps the fewest), then continue "
            "with --resume{}"));
  EXPECT_EQ(not_whole(folder / "run", Leftovers::kForbidden), "");
}

TEST_P(Torture, InterruptedAndShortCallsChangeNothing) {
  for (const Faults& faults : std::vector<Faults>{{{"SHORT", "1"}},
                                                  {{"ERROR", "EINTR"}, {"EVERY", "2"}},
                                                  {{"ERROR", "EINTR"}, {"EVERY", "3"}},
                                                  {{"SHORT", "1"}, {"ERROR", "EINTR"}, {"EVERY", "2"}}}) {
    const TemporaryFolder folder;
    const FaultyResult result = run(folder, faults);
    EXPECT_EQ(result.command.exit_code, 0) << result.command.err;
    expect_the_undisturbed_result(folder);
    EXPECT_EQ(not_whole(folder / "run", Leftovers::kForbidden), "");
  }
}

TEST_P(Torture, AnInterruptionAtAnyCallChangesNothing) {
  for (const uint64_t n : numbers_to_try(count("EINTR"), {.sample = 9})) {
    const TemporaryFolder folder;
    const FaultyResult result = run(folder, {{"ERROR", "EINTR"}, {"AT", std::to_string(n)}});
    SCOPED_TRACE(fmt::format("FAULTS_AT={}", n));
    EXPECT_EQ(result.command.exit_code, 0) << result.command.err;
    expect_the_undisturbed_result(folder);
  }
}

TEST_P(Torture, RefusedMemoryIsReported) {
  for (const char* which : {"MALLOC_AT", "MALLOC_FROM"}) {
    for (const uint64_t n : numbers_to_try(count("allocations"), GetParam().memory_step)) {
      const TemporaryFolder folder;
      const FaultyResult result = run(folder, {{which, std::to_string(n)}});
      if (died_in_onednn(result)) continue;
      EXPECT_EQ(harm(result, folder, undisturbed(GetParam())), "")
          << fmt::format("FAULTS_{}={} of {}, refused at\n{}", which, n, count("allocations"), result.trace);
    }
  }
}

TEST_P(Torture, APowerCutAtAnyCallLeavesWholeFiles) {
  const TemporaryFolder folder, before, other;
  GetParam().lay_out(before.path());
  ASSERT_EQ(run(folder, {{"JOURNAL", (other / "journal").string()}}).command.exit_code, 0);
  const std::vector<Operation> operations = read_journal(other / "journal");
  Disk disk(before.path());
  for (const Operation& operation : operations) {
    disk.apply(operation);
    for (const PowerCut cut : {PowerCut::kAll, PowerCut::kFlushedOnly, PowerCut::kNamesWithoutData}) {
      const TemporaryFolder after;
      disk.write_after(cut, after.path());
      EXPECT_EQ(not_whole(after / "run", Leftovers::kAllowed), "")
          << "cut " << static_cast<int>(cut) << " after call " << operation.call;
    }
  }
  // The journal has everything: what it makes is what the run made.
  const TemporaryFolder after;
  disk.write_after(PowerCut::kAll, after.path());
  EXPECT_TRUE(files_of(after / "run") == files_of(folder / "run"));
}

TEST_P(Torture, AFinishedRunSurvivesAPowerCut) {
  const TemporaryFolder folder, before, other, after;
  GetParam().lay_out(before.path());
  ASSERT_EQ(run(folder, {{"JOURNAL", (other / "journal").string()}}).command.exit_code, 0);
  const std::vector<Operation> operations = read_journal(other / "journal");
  write_after_power_cut(operations, operations.size(), PowerCut::kFlushedOnly, after.path(), before.path());
  const std::map<std::string, std::string> left = files_of(after / "run");
  for (const auto& [name, contents] : files_of(folder / "run")) {
    if (name == ".lock") continue;  // its number is of no use without the process
    const auto found = left.find(name);
    EXPECT_TRUE(found != left.end() && found->second == contents)
        << name << (found == left.end() ? " is gone" : " is not what it was");
  }
}

}  // namespace
}  // namespace gradus
