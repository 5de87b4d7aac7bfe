#include "gradus/base/files.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cstring>
#include <thread>

#include "tests/testing.h"

namespace gradus {
namespace files_test {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(ReadFile, ReturnsAllBytes) {
  const TemporaryFolder folder;
  const std::string text = std::string("a\0b\r\n\xff", 6) + std::string(100'000, 'x');
  spill(folder / "f", text);
  EXPECT_EQ(read_file(folder / "f"), text);
  spill(folder / "empty", "");
  EXPECT_EQ(read_file(folder / "empty"), "");
}

TEST(ReadFile, ReadsFilesThatDoNotTellTheirSize) {
  EXPECT_EQ(std::filesystem::file_size("/proc/self/status"), 0u);
  EXPECT_EQ(read_file("/proc/self/status").substr(0, 5), "Name:");
}

TEST(ReadFile, RefusesWhatItCanNotRead) {
  const TemporaryFolder folder;
  const std::string missing = folder / "missing", name = folder / "f";
  EXPECT_EQ(error_text([&] { read_file(missing); }),
            "[" + missing + "] cannot open it for reading: No such file or directory");
  EXPECT_EQ(error_text([&] { read_file(folder.path()); }),
            "[" + folder.path().string() + "] is a folder; a file is needed");
  spill(name, "12345");
  EXPECT_EQ(read_file(name, 5), "12345");
  EXPECT_EQ(error_text([&] { read_file(name, 4); }), "[" + name + "] has 5 bytes; at most 4 are read");
  EXPECT_EQ(error_text([&] { read_file("/dev/zero", 10'000); }),
            "[/dev/zero] has at least 16384 bytes; at most 10000 are read");
}

TEST(MappedFile, ShowsTheBytes) {
  const TemporaryFolder folder;
  spill(folder / "f", "hello");
  MappedFile file(folder / "f");
  EXPECT_EQ(text_of(file), "hello");
  const MappedFile moved(std::move(file));
  EXPECT_EQ(text_of(moved), "hello");
  spill(folder / "empty", "");
  EXPECT_EQ(MappedFile(folder / "empty").bytes().size(), 0u);
}

TEST(MappedFile, RefusesWhatItCanNotMap) {
  const TemporaryFolder folder;
  const std::string missing = folder / "missing";
  EXPECT_EQ(error_text([&] { MappedFile file(missing); }),
            "[" + missing + "] cannot open it for reading: No such file or directory");
  EXPECT_EQ(error_text([&] { MappedFile file(folder.path()); }),
            "[" + folder.path().string() + "] is a folder; a file is needed");
  EXPECT_EQ(error_text([&] { MappedFile file("/dev/null"); }),
            "[/dev/null] is not a regular file; only those can be mapped");
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(error_text([&] { const MappedFile file(pipe); }),
            "[" + pipe + "] is not a regular file; only those can be mapped");  // at once, without a writer
}

TEST(AtomicFile, AppearsWholeAtCommit) {
  const TemporaryFolder folder;
  AtomicFile file(folder / "f");
  file.write("one ");
  file.write("two");
  EXPECT_FALSE(std::filesystem::exists(folder / "f"));
  file.commit();
  EXPECT_EQ(slurp(folder / "f"), "one two");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(AtomicFile, WithoutCommitLeavesTheOldFileAlone) {
  const TemporaryFolder folder;
  spill(folder / "f", "old");
  {
    AtomicFile file(folder / "f");
    file.write("new");
    EXPECT_EQ(slurp(folder / "f"), "old");
    EXPECT_EQ(folder.count(), 2u);
  }
  EXPECT_EQ(slurp(folder / "f"), "old");
  EXPECT_EQ(folder.count(), 1u);
  write_file(folder / "f", "new");
  EXPECT_EQ(slurp(folder / "f"), "new");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(AtomicFile, TwoOfOneNameDoNotMix) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "f"), second(folder / "f");
  first.write("first");
  second.write("second");
  second.commit();
  EXPECT_EQ(slurp(folder / "f"), "second");
  first.commit();
  EXPECT_EQ(slurp(folder / "f"), "first");
}

TEST(AtomicFile, TakesLongAndRelativeNames) {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  write_file(folder / name, "x");
  EXPECT_EQ(slurp(folder / name), "x");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  write_file("relative", "y");
  std::filesystem::current_path(before);
  EXPECT_EQ(slurp(folder / "relative"), "y");
}

TEST(AtomicFile, FollowsLinks) {
  const TemporaryFolder folder;
  spill(folder / "file", "old");
  std::filesystem::create_symlink("file", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(slurp(folder / "file"), "new");
}

TEST(AtomicFile, RefusesFoldersAndDevices) {
  const TemporaryFolder folder;
  const std::string missing = folder / "no" / "f";
  EXPECT_EQ(error_text([&] { write_file(missing, ""); }),
            "[" + missing + "] cannot create a temporary file beside it: No such file or directory");
  EXPECT_EQ(error_text([&] { write_file(folder.path(), ""); }),
            "[" + folder.path().string() + "] is a folder; a file can not be written over it");
  EXPECT_EQ(error_text([&] { write_file("/dev/null", ""); }),
            "[/dev/null] is not a regular file; it can not be replaced");
}

TEST(AtomicFile, ThrowsAfterCommit) {
  const TemporaryFolder folder;
  const std::string name = folder / "f";
  AtomicFile file(name);
  file.commit();
  EXPECT_EQ(error_text([&] { file.write("x"); }), "[" + name + "] written to after commit or an error");
  EXPECT_EQ(error_text([&] { file.commit(); }), "[" + name + "] committed after commit or an error");
  EXPECT_EQ(slurp(name), "");
}

/// While it lives, no file of this process may grow above `bytes`.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit old_{};
  void (*handler_)(int) = nullptr;
};

TEST(AtomicFile, FailedWriteLeavesNothing) {
  const TemporaryFolder folder;
  const std::string name = folder / "f";
  spill(name, "old");
  AtomicFile file(name);
  std::string written, committed;
  {
    const FileSizeLimit limit(1000);  // the first call is cut short, the second fails
    written = error_text([&] { file.write(std::string(1500, 'x')); });
    committed = error_text([&] { file.commit(); });
  }
  EXPECT_EQ(written, "[" + name + "] cannot write it: File too large");
  EXPECT_EQ(committed, "[" + name + "] committed after commit or an error");
  EXPECT_EQ(slurp(name), "old");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(AtomicFile, FailedRenameLeavesNothing) {
  const TemporaryFolder folder;
  const std::string name = folder / "f";
  AtomicFile file(name);
  std::filesystem::create_directory(name);  // after the check
  EXPECT_EQ(error_text([&] { file.commit(); }), "[" + name + "] cannot rename its temporary file: Is a directory");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(LineLog, AppendsLines) {
  const TemporaryFolder folder;
  spill(folder / "log", "old\n");
  LineLog log(folder / "log");
  EXPECT_EQ(slurp(folder / "log"), "");
  log.append("one");
  EXPECT_EQ(slurp(folder / "log"), "one\n");
  log.append("");
  log.append("three");
  EXPECT_EQ(slurp(folder / "log"), "one\n\nthree\n");
}

TEST(LineLog, NamesItsErrors) {
  const TemporaryFolder folder;
  const std::string missing = folder / "no" / "log";
  EXPECT_EQ(error_text([&] { LineLog log(missing); }),
            "[" + missing + "] cannot open it for writing: No such file or directory");
  LineLog full("/dev/full");
  EXPECT_EQ(error_text([&] { full.append("x"); }), "[/dev/full] cannot write it: No space left on device");
}

// A pipe takes 64 KiB at a time, and a timer interrupts both ends: short writes and EINTR must lose nothing.
TEST(LineLog, SurvivesSignalsAndShortWrites) {
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  struct sigaction action {
  }, old{};
  action.sa_handler = [](int) {};  // without SA_RESTART
  ASSERT_EQ(::sigaction(SIGALRM, &action, &old), 0);
  const itimerval often{{0, 200}, {0, 200}}, never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  std::string expected(3'000'000, ' ');
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<char>('a' + i % 23);
  std::string received;
  std::thread reader([&] { received = read_file(pipe); });
  {
    LineLog log(pipe);
    log.append(expected);
  }
  reader.join();
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &old, nullptr);
  EXPECT_TRUE(received == expected + "\n");
}

}  // namespace files_test
}  // namespace gradus
