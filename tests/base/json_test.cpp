#include "gradus/base/json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/testing.h"

namespace gradus {
namespace json_test {

TEST(JsonText, WritesFieldsInOrder) {
  JsonText text;
  EXPECT_EQ(text.line(), "{}");
  EXPECT_EQ(text.page(), "{\n}\n");
  text.add("b", int64_t{-3})
      .add("a", 0.5)
      .add("t", true)
      .add("n", nullptr)
      .add("s", "x")
      .add("o", JsonText().add("k", 1.0));
  text.add("l", std::vector<int64_t>{1, 2})
      .add("e", std::vector<double>{})
      .add("w", std::vector<std::string>{"a", "b"});
  text.add("p", std::vector{JsonText().add("q", int64_t{1}), JsonText()});
  EXPECT_EQ(text.line(), R"({"b":-3,"a":0.5,"t":true,"n":null,"s":"x","o":{"k":1.0},"l":[1,2],"e":[],"w":["a","b"],)"
                         R"("p":[{"q":1},{}]})");
  EXPECT_EQ(JsonText().add("a", int64_t{1}).add("b", int64_t{2}).page(), "{\n \"a\":1,\n \"b\":2\n}\n");
}

// Checked by another reader.
TEST(JsonText, NumbersKeepEveryBit) {
  for (const double value : {0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, -0.0, 123456789.0, 1e21, 1e16, -2.5e-7}) {
    const double read = nlohmann::json::parse(JsonText().add("x", value).line())["x"].get<double>();
    EXPECT_EQ(read, value);
    EXPECT_EQ(std::signbit(read), std::signbit(value));
    EXPECT_EQ(*parse_json(JsonText().add("x", value).line(), "f").find("x")->get<double>(), value);
  }
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(JsonText().add("x", value).line(), R"({"x":null})");
  }
  for (const int64_t value : {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(nlohmann::json::parse(JsonText().add("x", value).line())["x"], value);
  }
}

TEST(JsonText, TextsAreEscapedAndUtf8) {
  std::string all;
  for (int c = 1; c < 128; ++c) all += static_cast<char>(c);
  all += "é€😀";
  all += '\0';
  EXPECT_EQ(nlohmann::json::parse(json_quoted(all)).get<std::string>(), all);
  EXPECT_EQ(json_quoted("a\xFF"
                        "b\xC3"),
            "\"a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\"");
  // Too long, a surrogate, beyond the last code point, a tail alone, cut short.
  for (const char* wrong : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xE2\x82"}) {
    const std::string quoted = json_quoted(wrong);
    EXPECT_TRUE(nlohmann::json::accept(quoted)) << quoted;
    EXPECT_EQ(quoted.substr(0, 4), "\"\xEF\xBF\xBD");
  }
}

TEST(ParseJson, ReadsEveryKindOfValue) {
  const JsonValue json =
      parse_json(R"({"a": [1, -2, 2.5, true, null, "x\u00e9"], "o": {"p": {}}, "big": 18446744073709551615})", "f");
  const auto& list = *json.find("a")->get<JsonValue::List>();
  ASSERT_EQ(list.size(), 6u);
  EXPECT_EQ(*list[0].get<int64_t>(), 1);
  EXPECT_EQ(*list[1].get<int64_t>(), -2);
  EXPECT_EQ(*list[2].get<double>(), 2.5);
  EXPECT_EQ(*list[3].get<bool>(), true);
  EXPECT_NE(list[4].get<std::nullptr_t>(), nullptr);
  EXPECT_EQ(*list[5].get<std::string>(), "xé");
  EXPECT_NE(json.find("o")->find("p"), nullptr);
  EXPECT_EQ(json.find("none"), nullptr);
  EXPECT_EQ(list[0].find("x"), nullptr);
  EXPECT_EQ(*json.find("big")->get<double>(), 18446744073709551615.0);
  EXPECT_EQ(json.shown(), "{\"a\":[1,-2,2.5,true,null,\"xé\"],\"o\":{\"p\":{}},\"big\":1.8446744...");
  EXPECT_EQ(parse_json(" 3 ", "f").shown(), "3");
}

TEST(ParseJson, SaysWhatIsWrong) {
  const auto error = [](const std::string& text) { return error_text([&] { (void)parse_json(text, "f"); }); };
  EXPECT_EQ(error(""), "[f] is not valid JSON at byte 0");
  EXPECT_EQ(error("{\"a\" 1}"), "[f] is not valid JSON at byte 5");
  EXPECT_EQ(error("[1,]"), "[f] is not valid JSON at byte 3");
  EXPECT_EQ(error("1 2"), "[f] is not valid JSON at byte 2");
  EXPECT_EQ(error("\"\xFF\""), "[f] is not valid JSON at byte 1");
  EXPECT_EQ(error("[1e999]"), "[f] has a number beyond the range of 64-bit floating point");
  EXPECT_EQ(error(R"({"b":1,"a":2,"b":3})"), "[f] the key \"b\" appears twice");
  EXPECT_EQ(error(std::string(33, '[')), "[f] has values within more than 32 others; gradus wrote none such");
  EXPECT_EQ(error(std::string(32, '[') + std::string(32, ']')), "no error");
}

}  // namespace json_test
}  // namespace gradus
