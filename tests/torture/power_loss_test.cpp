// The model of a disk, by hand-made journals and by one that a real AtomicFile made.
#include "tests/torture/power_loss.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "tests/torture/torture.h"

namespace gradus {
namespace {

using journal::Op;
using testing::HasSubstr;
using Files = std::map<std::string, std::string>;

// Hand-made operations. A handle is opened, and what is done to it follows.
struct Script {
  std::vector<Operation> operations = {};

  Script& open(uint64_t handle, const std::string& path, int flags) {
    return add({.op = Op::kOpen, .handle = handle, .number = flags, .path = path});
  }
  Script& create(uint64_t handle, const std::string& path) { return open(handle, path, O_WRONLY | O_CREAT); }
  Script& write(uint64_t handle, int64_t offset, const std::string& data) {
    return add({.op = Op::kWrite, .handle = handle, .number = offset, .data = data});
  }
  Script& truncate(uint64_t handle, int64_t bytes) {
    return add({.op = Op::kTruncate, .handle = handle, .number = bytes});
  }
  Script& sync(uint64_t handle) { return add({.op = Op::kSync, .handle = handle}); }
  Script& sync_folder(const std::string& path) { return open(1000, path, O_RDONLY | O_DIRECTORY).sync(1000); }
  Script& names(Op op, const std::string& path, const std::string& other = "", int64_t flags = 0) {
    return add({.op = op, .number = flags, .path = path, .other = other});
  }
  Script& add(Operation operation) {
    operations.push_back(std::move(operation));
    return *this;
  }
};

Files after(const std::vector<Operation>& operations, PowerCut cut, const std::filesystem::path& base = {}) {
  const TemporaryFolder folder;
  write_after_power_cut(operations, operations.size(), cut, folder.path(), base);
  return files_of(folder.path());
}

Files after(const Script& script, PowerCut cut, const std::filesystem::path& base = {}) {
  return after(script.operations, cut, base);
}

TEST(PowerLoss, AFileThatWasNeverFlushedIsEmptyOrAbsent) {
  Script script;
  script.create(1, "a").write(1, 0, "data");
  EXPECT_EQ(after(script, PowerCut::kAll), (Files{{"a", "data"}}));
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{}));
  EXPECT_EQ(after(script, PowerCut::kNamesWithoutData), (Files{{"a", ""}}));
  script.sync_folder("");
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"a", ""}}));
}

TEST(PowerLoss, KeepsTheContentOfTheLastFlush) {
  Script script;
  script.create(1, "a").write(1, 0, "0123456789").sync(1).sync_folder("").write(1, 3, "xyz").write(1, 12, "end");
  EXPECT_EQ(after(script, PowerCut::kAll), (Files{{"a", std::string("012xyz6789\0\0end", 15)}}));
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"a", "0123456789"}}));
  EXPECT_EQ(after(script, PowerCut::kNamesWithoutData), (Files{{"a", "0123456789"}}));
  script.truncate(1, 4).sync(1);
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"a", "012x"}}));
}

TEST(PowerLoss, OpeningToTruncateEmptiesTheFile) {
  Script script;
  script.create(1, "a").write(1, 0, "old").sync(1).sync_folder("").open(2, "a", O_WRONLY | O_TRUNC);
  EXPECT_EQ(after(script, PowerCut::kAll), (Files{{"a", ""}}));
  EXPECT_EQ(after(script, PowerCut::kNamesWithoutData), (Files{{"a", "old"}}));
  script.write(2, 0, "new").sync(1);  // by another descriptor of the same file
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"a", "new"}}));
}

TEST(PowerLoss, ARenameMovesTheFileThatDescriptorsWriteTo) {
  Script script;
  script.create(1, "a").create(2, "b").write(2, 0, "B").sync(2).sync_folder("");
  script.names(Op::kRename, "a", "b").write(1, 0, "A");
  EXPECT_EQ(after(script, PowerCut::kAll), (Files{{"b", "A"}}));
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"a", ""}, {"b", "B"}}));
  EXPECT_EQ(after(script, PowerCut::kNamesWithoutData), (Files{{"b", ""}}));
  script.sync(1);
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"a", "A"}, {"b", "B"}}));
  script.sync_folder("");
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"b", "A"}}));
}

TEST(PowerLoss, ExchangesTwoNames) {
  Script script;
  script.create(1, "a").write(1, 0, "A").create(2, "b").write(2, 0, "B");
  script.names(Op::kRename, "a", "b", RENAME_EXCHANGE);
  EXPECT_EQ(after(script, PowerCut::kAll), (Files{{"a", "B"}, {"b", "A"}}));
}

TEST(PowerLoss, AFolderIsThereOnceTheOneAroundItIsFlushed) {
  Script script;
  script.names(Op::kMkdir, "run").create(1, "run/a").write(1, 0, "A").sync(1).sync_folder("run");
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{}));
  script.sync_folder("");
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"run/a", "A"}}));
  script.names(Op::kRename, "run", "done").create(2, "done/b").names(Op::kUnlink, "done/a");
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"run/a", "A"}}));
  EXPECT_EQ(after(script, PowerCut::kAll), (Files{{"done/b", ""}}));
  script.sync_folder("").sync_folder("done");
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly), (Files{{"done/b", ""}}));
  script.names(Op::kUnlink, "done/b").names(Op::kRmdir, "done");
  EXPECT_EQ(after(script, PowerCut::kAll), (Files{}));
}

TEST(PowerLoss, ALinkIsASecondNameAndASymbolicLinkKeepsItsTarget) {
  Script script;
  script.create(1, "a").names(Op::kLink, "a", "b").write(1, 0, "A").names(Op::kUnlink, "a");
  script.names(Op::kSymlink, "latest", "b");
  const TemporaryFolder folder;
  write_after_power_cut(script.operations, script.operations.size(), PowerCut::kNamesWithoutData, folder.path());
  EXPECT_EQ(std::filesystem::read_symlink(folder / "latest"), "b");
  EXPECT_EQ(after(script, PowerCut::kAll), (Files{{"b", "A"}, {"latest", "A"}}));
}

TEST(PowerLoss, WhatWasThereBeforeIsFlushed) {
  const TemporaryFolder base;
  spill(base / "old", "old");
  Script script;
  script.open(1, "old", O_WRONLY).write(1, 0, "new").names(Op::kRename, "old", "moved");
  EXPECT_EQ(after(script, PowerCut::kFlushedOnly, base.path()), (Files{{"old", "old"}}));
  EXPECT_EQ(after(script, PowerCut::kNamesWithoutData, base.path()), (Files{{"moved", "old"}}));
  EXPECT_EQ(after(script, PowerCut::kAll, base.path()), (Files{{"moved", "new"}}));
}

TEST(PowerLoss, SaysWhatItCanNotKnow) {
  Script script;
  script.names(Op::kSymlink, "link", "elsewhere").names(Op::kMkdir, "link/x");
  try {
    after(script, PowerCut::kAll);
    FAIL() << "expected an error";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("link is not a folder"));
  }
}

// Runs atomic_writer in the folder, with a journal.
std::vector<Operation> record(const TemporaryFolder& folder, const std::vector<std::string>& arguments) {
  const TemporaryFolder other;
  const Faults faults{{"JOURNAL", (other / "journal").string()}};
  const FaultyResult result = run_with_faults(folder, arguments, faults, GRADUS_ATOMIC_WRITER);
  EXPECT_EQ(result.command.exit_code, 0) << result.command.err;
  return read_journal(other / "journal");
}

// The file of that name, or "none".
std::string content_in(const Files& files, const std::string& name) {
  const auto found = files.find(name);
  return found == files.end() ? "none" : found->second;
}

// In a folder below the journal's, which was there before.
void expect_the_old_or_the_new(const std::string& old) {
  const TemporaryFolder folder, base;
  for (const TemporaryFolder* f : {&folder, &base}) {
    std::filesystem::create_directory(*f / "sub");
    if (old != "none") spill(*f / "sub/file", old);
  }
  const std::vector<Operation> operations = record(folder, {"sub/file", "first, ", "second, ", "third"});
  ASSERT_EQ(operations.size(), 8u);  // open, 3 writes, fsync, rename, open of the folder, fsync
  for (size_t n = 0; n <= operations.size(); ++n) {
    for (const PowerCut cut : {PowerCut::kAll, PowerCut::kFlushedOnly, PowerCut::kNamesWithoutData}) {
      const TemporaryFolder target;
      write_after_power_cut(operations, n, cut, target.path(), base.path());
      const bool is_new = n >= (cut == PowerCut::kFlushedOnly ? 8u : 6u);
      EXPECT_EQ(content_in(files_of(target.path()), "sub/file"), is_new ? "first, second, third" : old)
          << "cut " << static_cast<int>(cut) << " after " << n;
    }
  }
}

TEST(PowerLoss, AnAtomicFileIsNeverHalfThere) {
  expect_the_old_or_the_new("none");
  expect_the_old_or_the_new("the old content");
}

// The shim's short writes and the journal's offsets fit together.
TEST(PowerLoss, AJournalOfShortWritesIsTheWholeFile) {
  const TemporaryFolder folder, other;
  const Faults faults{{"JOURNAL", (other / "journal").string()}, {"SHORT", "1"}, {"ERROR", "EINTR"}, {"EVERY", "2"}};
  const std::string text(1000, 'x');
  const FaultyResult result = run_with_faults(folder, {"file", text, "end"}, faults, GRADUS_ATOMIC_WRITER);
  EXPECT_EQ(result.command.exit_code, 0) << result.command.err;
  EXPECT_EQ(after(read_journal(other / "journal"), PowerCut::kFlushedOnly), (Files{{"file", text + "end"}}));
}

// A kill can cut the journal anywhere.
TEST(PowerLoss, AJournalMayEndInsideARecord) {
  const TemporaryFolder folder, other;
  const Faults faults{{"JOURNAL", (other / "journal").string()}};
  run_with_faults(folder, {"file", "text"}, faults, GRADUS_ATOMIC_WRITER);
  const std::string bytes = slurp(other / "journal");
  const size_t whole = read_journal(other / "journal").size();
  for (size_t cut = 1; cut < sizeof(journal::Record); ++cut) {
    spill(other / "cut", bytes.substr(0, bytes.size() - cut));
    EXPECT_EQ(read_journal(other / "cut").size(), whole - 1);
  }
}

}  // namespace
}  // namespace gradus
