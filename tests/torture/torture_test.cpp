// Bad things happen to `gradus train`: it is killed, its disk fails or is full, its calls are interrupted, its memory
// is refused, its power is cut. What it leaves must be whole, and it must say what happened.
#include <gmock/gmock.h>

#include "tests/torture/power_loss.h"
#include "tests/torture/torture.h"

namespace gradus {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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

// What an error about a file calls it: an AtomicFile has another name until it is committed.
std::string lasting_name(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  const size_t end = name.find(".tmp-");
  return end == std::string::npos ? name : name.substr(1, end - 1);
}

// An error as the command reports it: one line, with its subject first.
void expect_a_message(const CommandResult& result) {
  EXPECT_THAT(result.err, StartsWith("gradus: ["));
  EXPECT_THAT(result.err, Not(HasSubstr("[internal]")));
  EXPECT_EQ(lines_of(result.err).size(), 1u) << result.err;
}

TEST_P(Torture, KilledAtAnyCallLeavesWholeFiles) {
  for (const char* kill : {"KILL_AT", "KILL_AFTER"}) {
    for (const uint64_t n : numbers_to_try(count("changes"), 5)) {
      SCOPED_TRACE(fmt::format("FAULTS_{}={}", kill, n));
      const TemporaryFolder folder;
      const FaultyResult result = run(folder, {{kill, std::to_string(n)}});
      EXPECT_EQ(result.command.exit_code, 128 + SIGKILL);
      EXPECT_EQ(result.count("changes"), n);
      EXPECT_EQ(not_whole(folder / "run", Leftovers::kAllowed), "");
    }
  }
}

TEST_P(Torture, FailingCallsAreReportedWithTheirFile) {
  // A full disk stays full; a bad block is met once.
  for (const auto& [error, which] : {std::pair("ENOSPC", "AT"), {"ENOSPC", "FROM"}, {"EIO", "AT"}}) {
    for (const uint64_t n : numbers_to_try(count(error), 7)) {
      const TemporaryFolder folder;
      const FaultyResult result = run(folder, {{"ERROR", error}, {which, std::to_string(n)}});
      ASSERT_TRUE(result.report.contains("fault")) << result.command.exit_code << result.command.err;
      const std::string fault = result.report.at("fault");
      SCOPED_TRACE(fmt::format("FAULTS_ERROR={} FAULTS_{}={}, in {}", error, which, n, fault));
      EXPECT_THAT(result.command.exit_code, testing::AnyOf(1, 2));
      expect_a_message(result.command);
      EXPECT_THAT(result.command.err, HasSubstr(lasting_name(fault.substr(fault.find(": ") + 2))));
      EXPECT_EQ(not_whole(folder / "run", Leftovers::kForbidden), "");
    }
  }
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
  for (const uint64_t n : numbers_to_try(count("EINTR"), 9)) {
    const TemporaryFolder folder;
    const FaultyResult result = run(folder, {{"ERROR", "EINTR"}, {"AT", std::to_string(n)}});
    SCOPED_TRACE(fmt::format("FAULTS_AT={}", n));
    EXPECT_EQ(result.command.exit_code, 0) << result.command.err;
    expect_the_undisturbed_result(folder);
  }
}

TEST_P(Torture, RefusedMemoryIsReported) {
  for (const char* which : {"MALLOC_AT", "MALLOC_FROM"}) {
    for (const uint64_t n : numbers_to_try(count("allocations"), 97)) {
      const TemporaryFolder folder;
      const FaultyResult result = run(folder, {{which, std::to_string(n)}});
      SCOPED_TRACE(fmt::format("FAULTS_{}={} of {}, refused at\n{}", which, n, count("allocations"), result.trace));
      EXPECT_THAT(result.command.exit_code, testing::AnyOf(0, 1)) << result.command.err;
      if (result.command.exit_code == 0) {
        expect_the_undisturbed_result(folder);
      } else {
        expect_a_message(result.command);
      }
      EXPECT_EQ(not_whole(folder / "run", Leftovers::kForbidden), "");
    }
  }
}

TEST_P(Torture, APowerCutAtAnyCallLeavesWholeFiles) {
  const TemporaryFolder folder, other;
  ASSERT_EQ(run(folder, {{"JOURNAL", (other / "journal").string()}}).command.exit_code, 0);
  const std::vector<Operation> operations = read_journal(other / "journal");
  Disk disk;
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

}  // namespace
}  // namespace gradus
