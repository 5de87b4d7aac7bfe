#include "gradus/base/folders.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gradus/base/files.h"
#include "tests/testing.h"

namespace gradus {
namespace folders_test {

namespace fs = std::filesystem;

TEST(AtomicFolder, AppearsWholeAtCommit) {
  const TemporaryFolder folder;
  AtomicFolder atomic(folder / "f");
  atomic.write("a", "one");
  spill(atomic.staging() / "b", "two");
  EXPECT_TRUE(is_leftover(atomic.staging()));
  EXPECT_FALSE(fs::exists(folder / "f"));
  atomic.commit();
  EXPECT_EQ(slurp(folder / "f/a"), "one");
  EXPECT_EQ(slurp(folder / "f/b"), "two");
  EXPECT_EQ(folder.count(), 1u);
  EXPECT_FALSE(is_leftover(folder / "f"));
}

TEST(AtomicFolder, WithoutCommitLeavesNothing) {
  const TemporaryFolder folder;
  {
    const AtomicFolder atomic(folder / "f");
    atomic.write("a", "one");
    EXPECT_EQ(folder.count(), 1u);
  }
  EXPECT_EQ(folder.count(), 0u);
}

TEST(AtomicFolder, WritesOverNothing) {
  const TemporaryFolder folder;
  const std::string name = folder / "f";
  spill(name, "mine");
  EXPECT_EQ(error_text([&] { AtomicFolder atomic(name); }),
            "[" + name + "] exists already; a folder is not written over");
  EXPECT_EQ(
      error_text([&] { AtomicFolder atomic(folder / "none/f"); }),
      "[" + (folder / "none/f").string() + "] cannot create a temporary folder beside it: No such file or directory");
  EXPECT_EQ(slurp(name), "mine");
}

TEST(Folders, AreRemovedWithAllTheyHold) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "f/g");
  spill(folder / "f/g/h", "x");
  remove_folder(folder / "f");
  EXPECT_EQ(folder.count(), 0u);
  EXPECT_EQ(error_text([&] { remove_folder(folder / "f"); }),
            "[" + (folder / "f").string() + "] cannot remove it: No such file or directory");
}

TEST(Folders, AreMadeWithThoseAbove) {
  const TemporaryFolder folder;
  make_folders(folder / "a/b/c");
  make_folders(folder / "a/b/c");
  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
  spill(folder / "file", "x");
  EXPECT_EQ(error_text([&] { make_folders(folder / "file/x"); }),
            "[" + (folder / "file").string() + "] cannot make the folder: File exists");
}

TEST(Links, AreReplacedInOneStep) {
  const TemporaryFolder folder;
  replace_link(folder / "link", "one");
  EXPECT_EQ(fs::read_symlink(folder / "link"), "one");
  replace_link(folder / "link", "two");
  replace_link(folder / "link", "two");
  EXPECT_EQ(fs::read_symlink(folder / "link"), "two");
  EXPECT_EQ(folder.count(), 1u);
  spill(folder / "file", "mine");
  EXPECT_EQ(error_text([&] { replace_link(folder / "file", "two"); }),
            "[" + (folder / "file").string() + "] is no link; it would be replaced by a link to two: move it away");
  EXPECT_EQ(slurp(folder / "file"), "mine");
}

TEST(FreeBytes, AreThoseOfTheFileSystem) {
  const TemporaryFolder folder;
  const auto space = fs::space(folder.path());
  EXPECT_NEAR(static_cast<double>(free_bytes(folder.path())), static_cast<double>(space.available), 1e9);
  EXPECT_NE(error_text([&] { (void)free_bytes(folder / "none"); }), "no error");
}

// Two in one process would be two holders as well: the lock belongs to the open file.
TEST(FolderLock, RefusesASecondHolderAndNamesTheFirst) {
  const TemporaryFolder folder;
  {
    const FolderLock lock(folder.path());
    EXPECT_EQ(usage_error_text([&] { FolderLock second(folder.path()); }),
              "[" + folder.path().string() + "] process " + std::to_string(::getpid()) +
                  " is training into this folder; wait until it ends, or choose another --out");
  }
  EXPECT_EQ(usage_error_text([&] { FolderLock third(folder.path()); }), "no error");
}

TEST(FolderLock, DoesNotOutliveItsProcess) {
  const TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder.path());
    [[maybe_unused]] const ssize_t written = ::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_NE(usage_error_text([&] { FolderLock lock(folder.path()); }).find(std::to_string(child)), std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(usage_error_text([&] { FolderLock lock(folder.path()); }), "no error");
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(LineLog, CanGoOnWithAFile) {
  const TemporaryFolder folder;
  LineLog(folder / "log").append("one");
  LineLog(folder / "log", LineLog::Start::kAppend).append("two");
  EXPECT_EQ(slurp(folder / "log"), "one\ntwo\n");
  const LineLog empty(folder / "log");
  empty.flush();
  EXPECT_EQ(slurp(folder / "log"), "");
}

TEST(OutputFile, IsNewAndNamesItsPath) {
  const TemporaryFolder folder;
  const std::string name = folder / "f";
  OutputFile file(name);
  file.write("abc");
  file.finish();
  EXPECT_EQ(slurp(name), "abc");
  EXPECT_EQ(error_text([&] { file.write("d"); }), "[" + name + "] written to after its end");
  EXPECT_EQ(error_text([&] { OutputFile second(name); }), "[" + name + "] cannot create it: File exists");
}

}  // namespace folders_test
}  // namespace gradus
