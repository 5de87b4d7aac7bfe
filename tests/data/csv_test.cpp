// CSV, as RFC 4180 has it, and what is wrong with other files.
#include "gradus/data/csv.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "gradus/base/number.h"
#include "tests/testing.h"

namespace gradus {
namespace csv_test {

using Doubles = std::vector<double>;
using Texts = std::vector<std::string>;
using Codes = std::vector<int32_t>;

// Of a column of text; "∅" where a value is missing.
Texts texts(const TableColumn& column) {
  EXPECT_FALSE(column.is_number);
  Texts all;
  for (int64_t row = 0; row < static_cast<int64_t>(column.codes.size()); ++row) {
    all.push_back(column.is_missing(row) ? "∅" : column.text(row));
  }
  return all;
}

TEST(Csv, PandasNumbersRowsInAColumnWithoutAName) {
  const Table table = parse_csv(",a,y\n0,5,6\n1,7,8\n", "t.csv");
  EXPECT_EQ(table.columns[0].name, "Unnamed: 0");
  EXPECT_EQ(table.columns[0].numbers, (std::vector<double>{0, 1}));
  EXPECT_EQ(table.columns[1].name, "a");
  EXPECT_EQ(error_text([] { parse_csv(",Unnamed: 0\n1,2\n", "t.csv"); }),
            "[t.csv:1, column 2] the name \"Unnamed: 0\" is that of column 1 too; each needs its own");
}

TEST(Csv, NamesAreToldByWhatLooksLikeNumbersToo) {
  for (const char* text : {"size,price\n\"1,5\",x\n", "size,price\nx,$1.50\n"}) {
    EXPECT_EQ(parse_csv(text, "t.csv").columns[1].name, "price") << text;
  }
  EXPECT_EQ(parse_csv("\"1,5\",x\n\"2,5\",y\n", "t.csv").columns[1].name, "2");
}

TEST(Csv, PipesPartFields) {
  const Table table = parse_csv("a|b\n1|2,5\n", "t.csv", {.separator = '|'});
  EXPECT_EQ(table.columns[0].name, "a");
  EXPECT_EQ(table.columns[1].text(0), "2,5");
}

TEST(Csv, HasNamesNumbersAndTexts) {
  const Table t = parse_csv("size,kind, weight \n1,cat,2.5\n -3 , dog ,1e-3\n+4,\"a, b\",0\n", "t.csv");
  ASSERT_EQ(t.columns.size(), 3u);
  EXPECT_EQ(t.rows, 3);
  EXPECT_EQ(t.columns[0].name, "size");
  EXPECT_EQ(t.columns[0].numbers, (Doubles{1, -3, 4}));
  EXPECT_EQ(texts(t.columns[1]), (Texts{"cat", "dog", "a, b"}));
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
  EXPECT_EQ(texts(t.columns[1]), (Texts{"two\nlines", "", "x"}));
  EXPECT_EQ(t.lines, (std::vector<int64_t>{3, 5, 7}));
}

TEST(Csv, FindsOutWhetherThereAreNames) {
  EXPECT_EQ(parse_csv("1,2\n3,4", "t.csv").columns[1].name, "2");
  EXPECT_EQ(parse_csv("1,2\n3,4", "t.csv").rows, 2);
  EXPECT_EQ(parse_csv("a,b\nc,d", "t.csv").rows, 2);  // no number anywhere: data as well
  EXPECT_EQ(parse_csv("a,b\nc,d", "t.csv", {.header = CsvOptions::Header::kYes}).rows, 1);
  EXPECT_EQ(parse_csv("a,b\n1,d", "t.csv").rows, 1);
  EXPECT_EQ(texts(parse_csv("a,b\n1,d", "t.csv", {.header = CsvOptions::Header::kNo}).columns[0]), (Texts{"a", "1"}));
  EXPECT_EQ(parse_csv("a,b\n,NA\nx,\n,5", "t.csv").rows, 3);  // the first value of b is a number
  EXPECT_EQ(parse_csv("a,b\n,NA\nx,y\n,5", "t.csv").rows, 4);
}

TEST(Csv, TakesOtherSeparators) {
  for (const auto& [name, separator] : {std::pair<const char*, std::optional<char>>{"t.txt", '\t'}, {"t.tsv", {}}}) {
    const Table t = parse_csv("a\tb c\n1\t2,5", name, {.separator = separator});
    EXPECT_EQ(t.columns[1].name, "b c");
    EXPECT_EQ(texts(t.columns[1]), (Texts{"2,5"}));
  }
  EXPECT_EQ(parse_csv("1,2\n3,4", "t.tsv", {.separator = ','}).columns.size(), 2u);
}

TEST(Csv, CodesTextsByTheirFirstAppearance) {
  const TableColumn column = parse_csv("k,x\nb,1\na,1\nb,1\n\"a\",1\nc,1\n", "t.csv").columns[0];
  EXPECT_EQ(column.dictionary, (Texts{"b", "a", "c"}));
  EXPECT_EQ(column.codes, (Codes{0, 1, 0, 1, 2}));
  EXPECT_TRUE(column.numbers.empty());
}

TEST(Csv, KnowsMissingValues) {
  const Table t = parse_csv("a,b,c\n1,,x\nNA,nan,\n?,null,N/A\n4, NaN ,\"NA\"\n\"\",,\"\"\n", "t.csv");
  const TableColumn &a = t.columns[0], &b = t.columns[1];
  ASSERT_TRUE(a.is_number);
  EXPECT_EQ(a.numbers[0], 1.0);
  EXPECT_EQ(a.numbers[3], 4.0);
  for (const int64_t row : {1, 2, 4}) EXPECT_TRUE(a.is_missing(row)) << row;
  EXPECT_EQ(a.first_missing(), 1);
  // No value at all: numbers.
  ASSERT_TRUE(b.is_number);
  EXPECT_EQ(std::count_if(b.numbers.begin(), b.numbers.end(), [](double x) { return std::isnan(x); }), 5);
  // Quotes make a text of it.
  EXPECT_EQ(texts(t.columns[2]), (Texts{"x", "∅", "∅", "NA", ""}));
  EXPECT_EQ(t.columns[2].first_missing(), 1);
  EXPECT_EQ(parse_csv("a\n1\n2", "t.csv").columns[0].first_missing(), -1);
}

TEST(Csv, TakesOtherTextsForMissing) {
  const Table t = parse_csv("a,b\n-999,NA\n2,-999\n", "t.csv", {.missing = {"-999"}});
  EXPECT_TRUE(t.columns[0].is_missing(0));
  EXPECT_EQ(t.columns[0].numbers[1], 2.0);
  EXPECT_EQ(texts(t.columns[1]), (Texts{"NA", "∅"}));
  EXPECT_EQ(texts(parse_csv("a,b\nx,1\n,2\n", "t.csv", {.missing = {}}).columns[0]), (Texts{"x", ""}));
}

TEST(Csv, SkipsComments) {
  const Table t = parse_csv("# \"made by hand\na,b\n1,2\n#3,4,5\n 6,#\n#", "t.csv", {.comment = '#'});
  EXPECT_EQ(t.columns[0].numbers, (Doubles{1, 6}));
  EXPECT_EQ(texts(t.columns[1]), (Texts{"2", "#"}));
  EXPECT_EQ(t.lines, (std::vector<int64_t>{3, 5}));
}

TEST(Csv, SkipsBadRowsIfAsked) {
  const CsvOptions skip{.on_bad_row = CsvOptions::BadRow::kSkip};
  const std::string text = "a,b\n1,2\n3\n4,x\"y\n5,\"6\"7,\"\n8,9,10\n11,12\n";
  const Table t = parse_csv(text, "t.csv", skip);
  EXPECT_EQ(t.columns[0].numbers, (Doubles{1, 11}));
  EXPECT_EQ(t.columns[1].numbers, (Doubles{2, 12}));
  EXPECT_EQ(t.lines, (std::vector<int64_t>{2, 7}));
  EXPECT_EQ(t.skipped.count, 4);
  EXPECT_EQ(t.skipped.first, "[t.csv:3] 1 fields; expected 2, as in line 1");
  EXPECT_EQ(parse_csv("1\n", "t.csv", skip).skipped.count, 0);
  const auto error = [&](const char* broken) { return error_text([&] { parse_csv(broken, "t.csv", skip); }); };
  EXPECT_EQ(
      error("a,b\n1,\"x\n2,3\n"),
      "[t.csv:2, column 2] a quote is opened and never closed; such a row cannot be left out, as nothing says where "
      "the next one begins");
  EXPECT_EQ(error("a\"b,c\n1,2\n").substr(0, 32), "[t.csv:1, column 1] \"a\"b\" has a ");
}

// Where numbers are wanted, and most values are some.
TEST(Csv, SkipsRowsWithTextAmongNumbersIfAsked) {
  const CsvNumbersOf numbers = [](std::string_view name, bool is_last) {
    return name == "always"            ? CsvNumbers::kAlways
           : name == "text" || is_last ? CsvNumbers::kIfAll
                                       : CsvNumbers::kIfMost;
  };
  const std::string text =
      "always,most,few,text,last\n"
      "1,1,x,1,1\n2,inf,2,2,2\n3,\"3\",3,3,3\n4,1e999,x,4,4\nx,5,5,x,5\n6,,6,6,6\n7,7,x,7,x\n8,8,NA,8,8\n9,0x1,x,9,9\n";
  for (const size_t block : {1, 30, 1000}) {
    const CsvOptions skip{.on_bad_row = CsvOptions::BadRow::kSkip, .numbers = numbers, .block_bytes = block};
    const Table t = parse_csv(text, "t.csv", skip);
    EXPECT_EQ(t.lines, (std::vector<int64_t>{2, 4, 7, 8, 9}));
    EXPECT_EQ(t.columns[0].numbers, (Doubles{1, 3, 6, 7, 8}));
    ASSERT_TRUE(t.columns[1].is_number);
    EXPECT_EQ(t.columns[1].numbers[3], 7.0);
    EXPECT_TRUE(t.columns[1].is_missing(2));
    EXPECT_EQ(texts(t.columns[2]), (Texts{"x", "3", "6", "x", "∅"}));
    EXPECT_EQ(texts(t.columns[4]), (Texts{"1", "3", "6", "x", "8"}));
    EXPECT_EQ(t.skipped.count, 4);
    EXPECT_EQ(t.skipped.first, "[t.csv:3, column 2] \"inf\" is no number; expected one, as in the rest of the column");
    // Text that is found late: a second pass for it leaves the same rows out.
    const Table late = parse_csv("most,few,y\n1,1,0\noops,x,1\n2,y,0\n3,z,1\n", "t.csv", skip);
    EXPECT_EQ(late.columns[0].numbers, (Doubles{1, 2, 3}));
    EXPECT_EQ(texts(late.columns[1]), (Texts{"1", "y", "z"}));
    EXPECT_EQ(late.lines, (std::vector<int64_t>{2, 4, 5}));
    CsvOptions error = skip;
    error.on_bad_row = CsvOptions::BadRow::kError;
    EXPECT_EQ(texts(parse_csv(text, "t.csv", error).columns[1])[1], "inf");
    const std::string none = "always,b\nx,1\ny,2\n";
    EXPECT_EQ(error_text([&] { parse_csv(none, "t.csv", skip); }),
              "[t.csv] there is no row in it but bad ones; the first: [t.csv:2, column 1] \"x\" is no number; expected "
              "one, as in the rest of the column");
  }
}

TEST(Csv, SkipsRowsThatAreNoTextIfAsked) {
  for (const size_t block : {1, 3, 100}) {
    const CsvOptions skip{.on_bad_row = CsvOptions::BadRow::kSkip, .block_bytes = block};
    // Bytes in a field of text, of numbers, in quotes, in a row that is bad besides, and cut in the middle.
    const Table t =
        parse_csv("a,b\n1,é\n2,\xFF\n\xE9,x\n3,\"\xC3\n\"\n4,\x80,5\n5,y\n6,z\xE2\x82\n7,\"€\n\"", "t.csv", skip);
    ASSERT_TRUE(t.columns[0].is_number);
    EXPECT_EQ(t.columns[0].numbers, (Doubles{1, 5, 7}));
    EXPECT_EQ(texts(t.columns[1]), (Texts{"é", "y", "€\n"}));
    EXPECT_EQ(t.lines, (std::vector<int64_t>{2, 8, 10}));
    EXPECT_EQ(t.skipped.count, 5);
    EXPECT_EQ(t.skipped.first, "[t.csv:3] byte 2 of the row, 0xFF, is no UTF-8; expected text in UTF-8");
    EXPECT_EQ(parse_csv("a,b\n1,\xFF,3\n1,2\n", "t.csv", skip).skipped.first,
              "[t.csv:2] byte 2 of the row, 0xFF, is no UTF-8; expected text in UTF-8");
    EXPECT_EQ(error_text([&] { parse_csv("a\xFF,b\n1,2\n", "t.csv", skip); }),
              "[t.csv:1] the first row is no UTF-8; convert the file with iconv");
    CsvOptions named = skip;
    named.header = CsvOptions::Header::kYes;
    EXPECT_EQ(error_text([&] { parse_csv("a,b\n1\n", "t.csv", named); }),
              "[t.csv] there is no row in it but bad ones; the first: [t.csv:2] 1 fields; expected 2, as in line 1");
  }
}

std::string refused(std::string_view text, const CsvOptions& options = {}) {
  return error_text([&] { parse_csv(text, "t.csv", options); });
}

TEST(Csv, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(refused(""), "[t.csv] there is no row in it; expected a line of fields for each example");
  EXPECT_EQ(refused("\n\n"), "[t.csv] there is no row in it; expected a line of fields for each example");
  EXPECT_EQ(refused("a,b", {.header = CsvOptions::Header::kYes}),
            "[t.csv] there is a line of names, a, b, and no row below it");
  EXPECT_EQ(refused("a,b,c,d,e,f", {.header = CsvOptions::Header::kYes}),
            "[t.csv] there is a line of names, a, b, c, d, e, …, and no row below it");
  EXPECT_EQ(refused("1,2\n\n3,4,5"), "[t.csv:3] 3 fields; expected 2, as in line 1");
  EXPECT_EQ(refused("a,b\n1,\"x\ny"), "[t.csv:2, column 2] a quote is opened and never closed");
  EXPECT_EQ(refused("a,b\n\"x\"y,1"),
            "[t.csv:2, column 1] text behind the closing quote of \"x\"; expected a separator or the end of the line");
  EXPECT_EQ(
      refused("a,b\n1,x\"y"),
      "[t.csv:2, column 2] \"x\"y\" has a quote inside; a field with quotes has to be in quotes itself, with each "
      "written twice");
  EXPECT_EQ(refused("a,a\n1,2"), "[t.csv:1, column 2] the name \"a\" is that of column 1 too; each needs its own");
  EXPECT_EQ(refused("a,\n1,2"),
            "[t.csv:1, column 2] the column has no name; expected one, which only the first may lack");
  EXPECT_EQ(refused("a\n\xFF"),
            "[t.csv:2] byte 2 of the file, 0xFF, is no UTF-8; convert the file with iconv, or leave such rows out with "
            "data.on_bad_row = \"skip\"");
  EXPECT_EQ(refused("a\n\xFF", {.on_bad_row = CsvOptions::BadRow::kRefuse}),
            "[t.csv:2] byte 2 of the file, 0xFF, is no UTF-8; convert the file with iconv");
  EXPECT_EQ(usage_error_text([] { parse_csv("a,b\n1,2", "t.csv").column("c"); }),
            "[t.csv] there is no column \"c\"; there are: a, b");
  EXPECT_EQ(
      usage_error_text([] { parse_csv("a,b\n", "t.csv").column("b"); }),
      "[t.csv] there is no column \"b\"; there are: 1, 2. The first line, \"a\", \"b\", was taken for values, as it "
      "is the only one; if it has the columns' names, set data.header = \"yes\"");
  EXPECT_EQ(
      usage_error_text([] { parse_csv("a,b\nx,y\n", "t.csv").column("b"); }),
      "[t.csv] there is no column \"b\"; there are: 1, 2. The first line, \"a\", \"b\", was taken for values, as no "
      "number is below it; if it has the columns' names, set data.header = \"yes\"");
  // Another separator.
  EXPECT_EQ(
      refused("\"a\";\"b\"\n\"x\";1\n"),
      "[t.csv:1, column 1] text behind the closing quote of \"a\"; expected a separator or the end of the line. If a "
      "semicolon stands between fields, set data.separator = \"semicolon\"");
  EXPECT_EQ(
      refused("a;b\n1;\"x\"\n"),
      "[t.csv:2, column 1] \"1;\"x\"\" has a quote inside; a field with quotes has to be in quotes itself, with each "
      "written twice. If a semicolon stands between fields, set data.separator = \"semicolon\"");
  EXPECT_EQ(
      refused("\"a\",\"b\"\n1,2\n", {.separator = '\t'}),
      "[t.csv:1, column 1] text behind the closing quote of \"a\"; expected a separator or the end of the line. If a "
      "comma stands between fields, set data.separator = \"comma\"");
  EXPECT_EQ(
      refused("\"a\"|\"b\"\n1|2\n"),
      "[t.csv:1, column 1] text behind the closing quote of \"a\"; expected a separator or the end of the line. If a "
      "pipe stands between fields, set data.separator = \"pipe\"");
  EXPECT_EQ(refused("a;b\n1,5;2,5\n"),
            "[t.csv:2] 3 fields; expected 1, as in line 1. If a semicolon stands between fields, set data.separator = "
            "\"semicolon\"");
  // Numbers that are none are text.
  EXPECT_FALSE(parse_csv("a\n1\ninf", "t.csv").columns[0].is_number);
  EXPECT_FALSE(parse_csv("a\n1\n1e999", "t.csv").columns[0].is_number);
  EXPECT_FALSE(parse_csv("a\n1\n0x10", "t.csv").columns[0].is_number);
  EXPECT_FALSE(parse_csv("a\n1\n+-1", "t.csv").columns[0].is_number);
}

// All that a table says, or the error.
std::string described(std::string_view text, const CsvOptions& options) {
  Table table;
  const std::string error = error_text([&] { table = parse_csv(text, "t.csv", options); });
  if (table.columns.empty()) return error;
  std::string all = fmt::format("{} rows, {} skipped, {}\n", table.rows, table.skipped.count, table.skipped.first);
  for (int64_t row = 0; row < table.rows; ++row) {
    all += table.place(row) + ":";
    for (const TableColumn& column : table.columns) {
      const auto i = static_cast<size_t>(row);
      all += column.is_number ? fmt::format(" {}", column.numbers[i]) : fmt::format(" #{}", column.codes[i]);
    }
    all += '\n';
  }
  for (const TableColumn& column : table.columns)
    all += fmt::format("{}: {}\n", column.name, fmt::join(column.dictionary, "|"));
  return all;
}

// Whole fields of numbers are read by vectors, where there is text enough behind them.
TEST(Csv, NumbersHaveTheBitsOfParseNumber) {
  std::mt19937_64 random(1);
  const auto digits = [&](size_t most) {
    std::string text;
    for (uint64_t i = random() % (most + 1); i > 0; --i) text += static_cast<char>('0' + random() % 10);
    return text;
  };
  std::string text = "a,b,c\n";
  std::vector<double> wanted;
  for (int row = 0; row < 60'000; ++row) {
    for (int column = 0; column < 3; ++column) {
      std::string number;
      while (!parse_number(number)) {
        number = random() % 3 == 0 ? "-" : random() % 20 == 0 ? "+" : "";
        number += digits(row % 4 == 0 ? 18 : 6);
        if (random() % 3 > 0) number += "." + digits(row % 5 == 0 ? 18 : 8);
        if (random() % 10 == 0) number += "e-3";
      }
      text += number + (column < 2 ? "," : row % 3 == 0 ? "\r\n" : "\n");
      wanted.push_back(*parse_number(number));
    }
  }
  const Table table = parse_csv(text, "t.csv");
  ASSERT_EQ(table.rows, 60'000);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double found = table.columns[i % 3].numbers[i / 3];
    ASSERT_EQ(std::bit_cast<uint64_t>(found), std::bit_cast<uint64_t>(wanted[i])) << "row " << i / 3;
  }
}

TEST(Csv, FieldsAreNumbersIfParseNumberSaysSo) {
  std::mt19937_64 random(2);
  constexpr std::string_view kCharacters = "0123456789.+-eE/:x ";
  for (int i = 0; i < 20'000; ++i) {
    std::string field = "1";
    for (uint64_t j = random() % 20; j > 0; --j) field += kCharacters[random() % kCharacters.size()];
    while (field.ends_with(' ')) field.pop_back();
    const Table table = parse_csv("a,b\n" + field + ",123456789012345678901234567890\n", "t.csv");
    const std::optional<double> number = parse_number(field);
    ASSERT_EQ(table.columns[0].is_number, number.has_value()) << field;
    if (number) {
      ASSERT_EQ(table.columns[0].numbers[0], *number) << field;
    }
  }
}

TEST(Csv, IsTheSameWhateverTheBlocks) {
  constexpr std::string_view kPieces[] = {"1",           "2.5",   "-3e2", "x", "y z", "\"q\"", "\"a\nb\"",
                                          "\"a\"\"b,\"", "\"",    "NA",   "?", "é",   " ",     "",
                                          "#",           "\"1\"", "'"};
  constexpr std::string_view kEnds[] = {"\n", "\n", "\n", "\r\n", "\r", "\n\n", "\n#c\"\n", ",7\n"};
  uint64_t state = 1;
  const auto below = [&](size_t size) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(state >> 33) % size;
  };
  for (int i = 0; i < 3000; ++i) {
    std::string text = i % 7 == 0 ? "\xEF\xBB\xBF" : "";
    const size_t rows = below(30), columns = 1 + below(3), oddities = i % 3 == 0 ? std::size(kPieces) : 3 + below(5);
    for (size_t row = 0; row < rows; ++row) {
      for (size_t column = 0; column < columns; ++column) {
        text += std::string(column > 0 ? "," : "") + std::string(kPieces[below(oddities)]);
      }
      text += kEnds[below(i % 2 == 0 ? 3 : std::size(kEnds))];
    }
    CsvOptions options;
    if (i % 4 == 1) options.on_bad_row = CsvOptions::BadRow::kSkip;
    if (i % 5 == 1) options.comment = '#';
    const std::string whole = described(text, options);
    for (const size_t block : {1, 2, 7, 20}) {
      options.block_bytes = block;
      ASSERT_EQ(described(text, options), whole) << text << "\nin blocks of " << block;
    }
  }
}

// Rows of numbers alone are read many at a time, unless a number means that there is no value.
TEST(Csv, RowsOfNumbersAreWhatTheirFieldsAre) {
  constexpr std::string_view kNumbers[] = {"1",   "-2.5", "0.000123456", "-0", "123456789012345",
                                           "-.5", "7.",   "1000000.25"};
  constexpr std::string_view kOdd[] = {
      "",  "NA", "1e-5",  "-1.5E+7", " 8", "9 ",  "1234567890123456",    "0.1234567890123456", "+4",
      "-", ".",  "1.2.3", "\"5\"",   "x",  "1/2", "99999999999999999999"};
  constexpr std::string_view kEnds[] = {"\n", "\r\n", "\r"}, kOddEnds[] = {"\n\n", "\n#c,\n", ",3\n", "\r\r\n", ",\n"};
  std::mt19937_64 random(3);
  const auto one_of = [&](const auto& all) { return all[random() % std::size(all)]; };
  for (int i = 0; i < 400; ++i) {
    const size_t columns = 1 + random() % (i % 10 == 0 ? 90 : 7), oddity = 20 + random() % 400;
    const std::string_view end = one_of(kEnds);
    std::string text;
    for (const size_t size = 300 + random() % 5000; text.size() < size;) {
      for (size_t column = 0; column < columns; ++column) {
        text += column > 0 ? "," : "";
        text += random() % oddity == 0 && !text.empty() ? one_of(kOdd) : one_of(kNumbers);
      }
      text += random() % oddity == 0 ? one_of(kOddEnds) : end;
    }
    CsvOptions options{.comment = '#', .on_bad_row = CsvOptions::BadRow::kSkip, .block_bytes = 1 + random() % 3000};
    if (i % 8 == 0) options.comment = '-';
    if (i % 8 == 1) options.missing = {"NA"};
    const std::string found = described(text, options);
    options.missing.emplace_back("12321");
    ASSERT_EQ(found, described(text, options)) << text;
  }
}

// A column that is taken for numbers for a long time.
TEST(Csv, TextFarBelowMakesAColumnText) {
  std::string text = "a,b\n";
  for (int i = 0; i < 500; ++i) text += fmt::format("{},{}\n", i % 10, i == 400 ? "odd" : std::to_string(i % 3));
  for (const size_t block : {size_t{10}, size_t{1} << 20}) {
    const Table t = parse_csv(text, "t.csv", {.block_bytes = block});
    EXPECT_TRUE(t.columns[0].is_number);
    EXPECT_EQ(t.columns[1].dictionary, (Texts{"0", "1", "2", "odd"}));
    EXPECT_EQ(t.columns[1].codes[400], 3);
    EXPECT_EQ(t.columns[1].codes[499], 1);
    EXPECT_TRUE(t.columns[1].numbers.empty());
  }
}

TEST(Csv, EmptyLinesTakeNoMemory) {
  std::string text = "1";
  for (int i = 0; i < 200; ++i) text += ",1";
  const Table t = parse_csv(text + std::string(100'000, '\n'), "t.csv");
  EXPECT_EQ(t.rows, 1);
  EXPECT_LE(t.columns[7].numbers.capacity(), 1000u);
}

TEST(Csv, RefusesMoreColumnsThanATableHas) {
  EXPECT_EQ(refused(std::string(1 << 18, ',')), "[t.csv:1] more than 262144 fields; is it a table?");
  EXPECT_EQ(parse_csv(std::string((1 << 18) - 1, ','), "t.csv").columns.size(), size_t{1} << 18);
}

TEST(Csv, SaysWhichByteIsWrongInAnyBlock) {
  for (const size_t block : {1, 3, 100}) {
    const auto error = [&](std::string_view text) {
      return error_text([&] { parse_csv(text, "t.csv", {.block_bytes = block}); });
    };
    EXPECT_EQ(error("a\nééé€😀\xE2\x82,1").substr(0, 46), "[t.csv:2] byte 15 of the file, 0xE2, is no UTF");
    EXPECT_EQ(error("a\n1\n\x80\x80\x80\x80\x80").substr(0, 45), "[t.csv:3] byte 4 of the file, 0x80, is no UTF");
    EXPECT_EQ(error("a\r\n1\r\x80").substr(0, 45), "[t.csv:3] byte 5 of the file, 0x80, is no UTF");
  }
}

TEST(Csv, RefusesSeparatorsThatMeanSomethingElse) {
  for (const char c : std::string_view("5-.e\"\n")) {
    EXPECT_EQ(usage_error_text([&] { parse_csv("1", "t.csv", {.separator = c}); }),
              fmt::format("[separator] '{}' between fields can be in a number, or has a meaning of its own; expected "
                          "another",
                          c));
  }
  EXPECT_EQ(usage_error_text([&] { parse_csv("1", "t.csv", {.comment = ','}); }),
            "[comment] ',' at the start of comments has another meaning; expected a character of its own");
}

TEST(Csv, ReadsRealFiles) {
  const std::string path = GRADUS_SOURCE_DIR "/../shared/data/tabular/penguins.csv";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the shared data is not beside the project";
  const Table t = read_csv(path);
  EXPECT_EQ(t.rows, 344);
  EXPECT_EQ(t.columns[t.column("species")].dictionary, (Texts{"Adelie", "Gentoo", "Chinstrap"}));
  EXPECT_EQ(t.columns[t.column("year")].numbers.back(), 2009);
  const TableColumn& mass = t.columns[t.column("body_mass_g")];
  ASSERT_TRUE(mass.is_number);
  EXPECT_EQ(std::count_if(mass.numbers.begin(), mass.numbers.end(), [](double x) { return std::isnan(x); }), 2);
  EXPECT_EQ(mass.first_missing(), 3);
}

}  // namespace csv_test
}  // namespace gradus
