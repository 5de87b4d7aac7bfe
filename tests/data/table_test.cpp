// CSV, as RFC 4180 has it, and what is wrong with other files.
#include "gradus/data/table.h"

#include <gtest/gtest.h>

#include "tests/testing.h"

namespace gradus {
namespace {

using Doubles = std::vector<double>;
using Texts = std::vector<std::string>;

TEST(Csv, HasNamesNumbersAndTexts) {
  const Table t = parse_csv("size,kind, weight \n1,cat,2.5\n -3 , dog ,1e-3\n+4,\"a, b\",0\n", "t.csv");
  ASSERT_EQ(t.columns.size(), 3u);
  EXPECT_EQ(t.rows, 3);
  EXPECT_EQ(t.columns[0].name, "size");
  EXPECT_EQ(t.columns[0].numbers, (Doubles{1, -3, 4}));
  EXPECT_FALSE(t.columns[1].is_number);
  EXPECT_EQ(t.columns[1].texts, (Texts{"cat", "dog", "a, b"}));
  EXPECT_EQ(t.columns[2].name, "weight");
  EXPECT_EQ(t.columns[2].numbers, (Doubles{2.5, 0.001, 0}));
  EXPECT_EQ(t.lines, (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(t.column("kind"), 1u);
}

TEST(Csv, TakesQuotesAnyLineEndingAndEmptyLines) {
  const Table t = parse_csv("\xEF\xBB\xBF\"a\",\"say \"\"b\"\"\"\r\n\r\n\"1\",\"two\nlines\"\r2,\"\"\n\n3,x", "t.csv");
  EXPECT_EQ(t.columns[0].name, "a");
  EXPECT_EQ(t.columns[1].name, "say \"b\"");
  EXPECT_EQ(t.columns[0].numbers, (Doubles{1, 2, 3}));
  EXPECT_EQ(t.columns[1].texts, (Texts{"two\nlines", "", "x"}));
  EXPECT_EQ(t.lines, (std::vector<int64_t>{3, 5, 7}));
}

TEST(Csv, FindsOutWhetherThereAreNames) {
  EXPECT_EQ(parse_csv("1,2\n3,4", "t.csv").columns[1].name, "2");
  EXPECT_EQ(parse_csv("1,2\n3,4", "t.csv").rows, 2);
  EXPECT_EQ(parse_csv("a,b\nc,d", "t.csv").rows, 2);  // no number anywhere: data as well
  EXPECT_EQ(parse_csv("a,b\nc,d", "t.csv", {.header = CsvOptions::Header::kYes}).rows, 1);
  EXPECT_EQ(parse_csv("a,b\n1,d", "t.csv").rows, 1);
  EXPECT_EQ(parse_csv("a,b\n1,d", "t.csv", {.header = CsvOptions::Header::kNo}).columns[0].texts, (Texts{"a", "1"}));
}

TEST(Csv, TakesOtherSeparators) {
  const Table t = parse_csv("a\tb c\n1\t2,5", "t.tsv", {.separator = '\t'});
  EXPECT_EQ(t.columns[1].name, "b c");
  EXPECT_EQ(t.columns[1].texts, (Texts{"2,5"}));
}

std::string refused(std::string_view text, const CsvOptions& options = {}) {
  return error_text([&] { parse_csv(text, "t.csv", options); });
}

TEST(Csv, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(refused(""), "[t.csv] there is no row in it; expected a line of fields for each example");
  EXPECT_EQ(refused("\n\n"), "[t.csv] there is no row in it; expected a line of fields for each example");
  EXPECT_EQ(refused("a,b", {.header = CsvOptions::Header::kYes}),
            "[t.csv] there is a line of names and no row below it");
  EXPECT_EQ(refused("1,2\n\n3,4,5"), "[t.csv:3] 3 fields; expected 2, as in line 1");
  EXPECT_EQ(refused("a,b\n1,\"x\ny"), "[t.csv:2, column 2] a quote is opened and never closed");
  EXPECT_EQ(refused("a,b\n\"x\"y,1"),
            "[t.csv:2, column 1] text behind the closing quote of \"x\"; expected a separator or the end of the line");
  EXPECT_EQ(
      refused("a,b\n1,x\"y"),
      "[t.csv:2, column 2] \"x\"y\" has a quote inside; a field with quotes has to be in quotes itself, with each "
      "written twice");
  EXPECT_EQ(refused("a,b\n1,2\n3,"),
            "[t.csv:3, column 2] the field of \"b\" is empty; missing values are not read yet: fill it, or leave the "
            "row out");
  EXPECT_EQ(refused("a,a\n1,2"), "[t.csv:1, column 2] the name \"a\" is that of column 1 too; each needs its own");
  EXPECT_EQ(refused("a,\n1,2"), "[t.csv:1, column 2] the column has no name; expected one");
  EXPECT_EQ(refused("a\n\xFF"), "[t.csv] byte 2 is no UTF-8; convert the file with iconv");
  EXPECT_EQ(usage_error_text([] { parse_csv("a,b\n1,2", "t.csv").column("c"); }),
            "[t.csv] there is no column \"c\"; there are: a, b");
  // Numbers that are none are text.
  EXPECT_FALSE(parse_csv("a\n1\nnan", "t.csv").columns[0].is_number);
  EXPECT_FALSE(parse_csv("a\n1\n1e999", "t.csv").columns[0].is_number);
  EXPECT_FALSE(parse_csv("a\n1\n0x10", "t.csv").columns[0].is_number);
}

TEST(Csv, ReadsRealFiles) {
  const std::string path = GRADUS_SOURCE_DIR "/../shared/data/tabular/penguins.csv";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the shared data is not beside the project";
  const Table t = read_csv(path);
  EXPECT_EQ(t.rows, 344);
  EXPECT_EQ(t.columns[t.column("species")].texts[0], "Adelie");
  EXPECT_EQ(t.columns[t.column("year")].numbers.back(), 2009);
  EXPECT_FALSE(t.columns[t.column("body_mass_g")].is_number);  // some are "NA"
}

}  // namespace
}  // namespace gradus
