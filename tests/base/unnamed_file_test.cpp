#include "gradus/base/unnamed_file.h"

#include <cstdlib>

#include "tests/testing.h"

namespace gradus {
namespace unnamed_file_test {

TEST(UnnamedFile, HoldsWhatWasWrittenAndIsInNoFolder) {
  const TemporaryFolder folder;
  auto file = std::make_unique<UnnamedFile>(folder.path());
  EXPECT_EQ(file->folder(), folder.path());
  file->write("half a ", 7);
  const InputFile reader = file->reader();
  file->write("sentence", 8);
  EXPECT_EQ(folder.count(), 0u);
  file.reset();
  std::string text(20, '.');
  EXPECT_EQ(reader.read_at(5, text.data(), text.size()), 10u);
  EXPECT_EQ(text.substr(0, 10), "a sentence");
  EXPECT_EQ(reader.stamp().bytes, 15);
}

TEST(UnnamedFile, WhereAFolderCannotBeWrittenItIsWithTheTemporaryOnes) {
  const TemporaryFolder folder;
  const std::filesystem::path missing = folder / "missing";
  EXPECT_EQ(UnnamedFile(missing).folder(), std::filesystem::temp_directory_path());
  const char* const before = std::getenv("TMPDIR");
  ::setenv("TMPDIR", missing.c_str(), 1);
  EXPECT_EQ(error_text([&] { UnnamedFile{missing}; }),
            "[" + missing.string() + "] cannot create a file in it: No such file or directory");
  before != nullptr ? ::setenv("TMPDIR", before, 1) : ::unsetenv("TMPDIR");
}

}  // namespace unnamed_file_test
}  // namespace gradus
