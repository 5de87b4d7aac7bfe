// Tables of several files.
#include "gradus/data/table.h"

#include <gtest/gtest.h>

#include "gradus/data/csv.h"
#include "tests/testing.h"

namespace gradus {
namespace table_test {

using Names = std::vector<std::string>;
using Codes = std::vector<int32_t>;

TEST(Table, SeveralFilesAreOne) {
  Table all = parse_csv("a,b\n1,x\n2,y", "1.csv");
  all.append(parse_csv("a,b\n\n3,z\n4,y\n5,", "2.csv"));
  EXPECT_EQ(all.rows, 5);
  EXPECT_EQ(all.columns[0].numbers, (std::vector<double>{1, 2, 3, 4, 5}));
  EXPECT_EQ(all.columns[1].dictionary, (Names{"x", "y", "z"}));
  EXPECT_EQ(all.columns[1].codes, (Codes{0, 1, 2, 1, -1}));
  EXPECT_EQ(all.source(), "1.csv, 2.csv");
  EXPECT_EQ(all.place(1), "1.csv:3");
  EXPECT_EQ(all.place(2), "2.csv:3");
  EXPECT_EQ(error_text([&] { all.append(parse_csv("a\n1", "3.csv")); }),
            "[3.csv] 1 columns; expected 2, as in 1.csv, 2.csv");
  EXPECT_EQ(error_text([&] { all.append(parse_csv("a,c\n1,x", "3.csv")); }),
            "[3.csv] column 2 is \"c\"; expected \"b\", as in 1.csv, 2.csv");
  EXPECT_EQ(error_text([&] { all.append(parse_csv("a,b\n1,2", "3.csv")); }),
            "[3.csv] column \"b\" holds numbers; in 1.csv, 2.csv it holds text");
}

TEST(Table, ColumnsWithoutAnyValueFitEither) {
  Table all = parse_csv("a,b\n1,NA\n2,", "1.csv");
  all.append(parse_csv("a,b\n,x\n", "2.csv", {.header = CsvOptions::Header::kYes}));
  EXPECT_TRUE(all.columns[0].is_missing(2));
  EXPECT_EQ(all.columns[1].codes, (Codes{-1, -1, 0}));
  EXPECT_EQ(all.columns[1].dictionary, (Names{"x"}));
  all.append(parse_csv("a,b\n1,\n", "3.csv"));
  EXPECT_EQ(all.columns[1].codes, (Codes{-1, -1, 0, -1}));
}

// As arrays of f4 and of f8 give them.
TEST(Table, ColumnsOfFloatsAndOfDoublesGoTogether) {
  const auto column = [](std::vector<double> numbers, std::vector<float> floats) {
    Table table{.columns = {{.name = "a", .numbers = std::move(numbers), .floats = std::move(floats)}},
                .lines = {},
                .parts = {}};
    table.rows = table.columns[0].rows();
    table.parts = {{"a.npy", 0}};
    return table;
  };
  const auto numbers = [](const Table& table) {
    std::vector<double> all;
    for (int64_t row = 0; row < table.rows; ++row) all.push_back(table.columns[0].number(row));
    return all;
  };
  const std::vector<double> expected = {0.5, 3, 0.1, 2};
  for (Table all : {column({0.5, 3}, {}), column({}, {0.5F, 3})}) {
    all.append(column({0.1, 2}, {}));
    EXPECT_EQ(numbers(all), expected);
    all.keep(std::vector<int64_t>{1, 2});
    EXPECT_EQ(numbers(all), (std::vector<double>{3, 0.1}));
  }
  Table all = column({}, {0.5F, std::nanf("")});
  all.append(column({}, {2}));
  EXPECT_EQ(all.columns[0].floats.size(), 3u);
  EXPECT_EQ(all.columns[0].first_missing(), 1);
  all.keep(std::vector<int64_t>{0, 2});
  EXPECT_EQ(numbers(all), (std::vector<double>{0.5, 2}));
}

TEST(Table, CountsWhatWasSkipped) {
  const CsvOptions skip{.on_bad_row = CsvOptions::BadRow::kSkip};
  Table all = parse_csv("1,2", "1.csv", skip);
  all.append(parse_csv("1,2\n3\n4", "2.csv", skip));
  all.append(parse_csv("1,2\n5", "3.csv", skip));
  EXPECT_EQ(all.skipped.count, 3);
  EXPECT_EQ(all.skipped.first, "[2.csv:2] 1 fields; expected 2, as in line 1");
}

}  // namespace table_test
}  // namespace gradus
