#include "gradus/data/json_lines.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/testing.h"

namespace gradus {
namespace json_lines_test {

TEST(JsonLines, AreRowsOfTheFirstLinesFields) {
  const Table table = parse_json_lines(
      "{\"path\": \"a.png\", \"label\": \"cat\", \"age\": 3}\n\n{\"age\": 1.5, \"label\": \"dog\", \"path\": "
      "\"b.png\"}\r\n"
      "{\"path\": \"a.png\", \"label\": null, \"age\": null}",
      "list.jsonl");
  ASSERT_EQ(table.rows, 3);
  ASSERT_EQ(table.columns.size(), 3U);
  EXPECT_EQ(table.columns[0].name, "path");
  EXPECT_EQ(table.columns[0].codes, (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(table.columns[1].dictionary, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_TRUE(table.columns[1].is_missing(2));
  EXPECT_EQ(table.columns[2].numbers[1], 1.5);
  EXPECT_TRUE(std::isnan(table.columns[2].numbers[2]));
  EXPECT_EQ(table.lines, (std::vector<int64_t>{1, 3, 4}));
  EXPECT_EQ(table.place(1), "list.jsonl:3");
}

TEST(JsonLines, AFieldOfNumbersAndTextsIsText) {
  const Table table = parse_json_lines("{\"a\": 7}\n{\"a\": \"x\"}\n{\"a\": true}\n{\"a\": 0.5}", "list.jsonl");
  EXPECT_FALSE(table.columns[0].is_number);
  EXPECT_EQ(table.columns[0].dictionary, (std::vector<std::string>{"7", "x", "true", "0.5"}));
}

TEST(JsonLines, OtherLinesAreRefused) {
  const auto error = [](const char* text) { return error_text([&] { parse_json_lines(text, "l"); }); };
  EXPECT_EQ(error(""), "[l] there is no line with an object; expected one an example");
  EXPECT_EQ(error("{\"a\": 1}\n[1]"), "[l:2] is [1]; expected an object with fields");
  EXPECT_EQ(error("{\"a\": [1]}"), "[l:1] \"a\" is [1]; expected a text or a number");
  EXPECT_EQ(error("{\"a\": 1}\n{\"a\": 1, \"b\": 2}"),
            "[l:2] \"b\" is a field that the first line has not; expected the same in each");
  EXPECT_EQ(error("{\"a\": 1, \"b\": 2}\n{\"a\": 1}"),
            "[l:2] 1 fields in place of 2; expected those of the first line");
  EXPECT_NE(error("{\"a\": 1}\n{\"a\""), "no error");
}

TEST(JsonLines, ALineMayNotBeTooLong) {
  EXPECT_EQ(error_text([] { parse_json_lines("{\"a\":1}\n{\"a\":\"" + std::string(128 << 20, 'b') + "\"}\n", "f"); }),
            "[f:2] the line has 134217736 bytes; expected 134217728 at most: is this a file of lines?");
}

}  // namespace json_lines_test
}  // namespace gradus
