// Long texts in pieces, and what of a mapped file stays in memory.
#include "gradus/data/text_blocks.h"

#include <unistd.h>

#include <fstream>

#include "gradus/base/files.h"
#include "gradus/data/file_contents.h"
#include "tests/testing.h"

namespace gradus {
namespace text_blocks_test {

std::vector<size_t> begins(std::string_view text, const TextSurvey& survey) {
  std::vector<size_t> places;
  for (const TextBlock& block : cut_at_lines(text, 0, survey, 1)) places.push_back(block.begin);
  return places;
}

TEST(TextBlocks, LinesDoNotBeginBetweenQuotesIfTheyMeanSomething) {
  constexpr std::string_view kText = "a,\"b\nc\nd\"\ne\r\nf\n";
  const TextSurvey survey = survey_text(kText, 4, true);
  ASSERT_EQ(survey.pieces.size(), 4u);
  EXPECT_EQ(survey.pieces[0].quotes, 1);
  EXPECT_FALSE(survey.pieces[0].outside.has_value());
  // From byte 4 on, "\nc\nd": outside of quotes a line begins at once; inside, none does.
  EXPECT_EQ(survey.pieces[1].line_ends, 2);
  ASSERT_TRUE(survey.pieces[1].outside.has_value());
  EXPECT_EQ(survey.pieces[1].outside->at, 5u);
  EXPECT_EQ(survey.pieces[1].outside->ends, 1);
  EXPECT_FALSE(survey.pieces[1].inside.has_value());
  // From byte 8 on, "\"\ne\r": the other way round.
  EXPECT_FALSE(survey.pieces[2].outside.has_value());
  ASSERT_TRUE(survey.pieces[2].inside.has_value());
  EXPECT_EQ(survey.pieces[2].inside->at, 10u);
  EXPECT_EQ(begins(kText, survey), (std::vector<size_t>{0, 10, 13}));
  EXPECT_EQ(begins(kText, survey_text(kText, 4, false)), (std::vector<size_t>{0, 5, 10, 13}));
}

int64_t resident_file_bytes() {
  int64_t all = 0, resident = 0, shared = 0;
  std::ifstream("/proc/self/statm") >> all >> resident >> shared;
  return shared * ::sysconf(_SC_PAGESIZE);
}

TEST(TextBlocks, PagesOfAMappedFileAreGivenBack) {
  constexpr size_t kBytes = size_t{32} << 20, kLine = 64;
  const TemporaryFolder folder;
  {
    std::ofstream file(folder / "t");
    const std::string line(kLine - 1, '1');
    for (size_t i = 0; i < kBytes / kLine; ++i) file << line << '\n';
  }
  const MappedFile file(folder / "t");
  const int64_t before = resident_file_bytes();
  EXPECT_GT(file.text().find('2'), kBytes);  // touches every page
  EXPECT_GT(resident_file_bytes() - before, static_cast<int64_t>(kBytes) / 2);
  const TextSurvey survey = survey_text(file.text(), size_t{1} << 20, true, true);
  EXPECT_EQ(cut_at_lines(file.text(), 0, survey, 1).size(), 32u);
  // What the system maps around the page behind a piece may stay, where another thread was there before.
  EXPECT_LT(resident_file_bytes() - before, static_cast<int64_t>(kBytes) / 4);
}

}  // namespace text_blocks_test
}  // namespace gradus
