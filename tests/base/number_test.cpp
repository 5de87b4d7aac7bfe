// Numbers in texts, against the standard library's reader.
#include "gradus/base/number.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace gradus {
namespace number_test {

// The number that the whole text is, by std::from_chars.
std::optional<double> expected_number(const std::string& text) {
  const bool has_plus = text.starts_with('+') && !text.starts_with("+-");
  double number = 0.0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + (has_plus ? 1 : 0), end, number);
  if (error != std::errc() || stop != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

void expect_same(const std::string& text) {
  const std::optional<double> found = parse_number(text), expected = expected_number(text);
  ASSERT_EQ(found.has_value(), expected.has_value()) << text;
  if (!found) return;
  ASSERT_EQ(std::bit_cast<uint64_t>(*found), std::bit_cast<uint64_t>(*expected)) << text;
}

// Numbers below `size`, the same in each run.
class Dice {
 public:
  uint64_t below(uint64_t size) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % size;
  }

 private:
  uint64_t state_ = 1;
};

std::string digits(Dice& dice, uint64_t most) {
  std::string text;
  for (uint64_t i = dice.below(most + 1); i > 0; --i) text += static_cast<char>('0' + dice.below(10));
  return text;
}

TEST(Number, HasTheBitsOfFromChars) {
  Dice dice;
  for (int i = 0; i < 300'000; ++i) {
    std::string text = std::string(dice.below(3) == 0 ? "-" : "") + digits(dice, i % 3 == 0 ? 22 : 8);
    if (dice.below(3) > 0) text += "." + digits(dice, i % 5 == 0 ? 22 : 9);
    if (dice.below(3) == 0) text += "e" + std::string(dice.below(2) == 0 ? "-" : "") + digits(dice, 3);
    expect_same(text);
  }
}

TEST(Number, HasTheBitsOfFromCharsWhereDoublesAreWritten) {
  Dice dice;
  for (int i = 0; i < 100'000; ++i) {
    const double number =
        std::bit_cast<double>(dice.below(1u << 31) << 33 ^ dice.below(1u << 31) << 15 ^ dice.below(99));
    for (const char* format : {"%.17g", "%.6g", "%.15g", "%.3f", "%.1e"}) {
      char text[400];
      std::snprintf(text, sizeof text, format, number);
      expect_same(text);
    }
  }
}

TEST(Number, ArbitraryTextsAreNumbersIfFromCharsSaysSo) {
  Dice dice;
  constexpr char kCharacters[] = "0123456789.+-eE,x ";
  for (int i = 0; i < 300'000; ++i) {
    std::string text;
    for (uint64_t j = dice.below(12); j > 0; --j) text += kCharacters[dice.below(sizeof kCharacters - 1)];
    expect_same(text);
  }
}

TEST(Number, KnowsTheEdges) {
  EXPECT_EQ(parse_number("9007199254740992"), 9007199254740992.0);
  EXPECT_EQ(parse_number("9007199254740993"), 9007199254740992.0);  // between two doubles, to the even one
  EXPECT_EQ(parse_number("123456789012345678e-22"), 1.2345678901234568e-05);
  EXPECT_EQ(parse_number("9999999999999999999"), 1e19);
  EXPECT_EQ(parse_number("1e22"), 1e22);
  EXPECT_EQ(parse_number("1e23"), 1e23);
  EXPECT_EQ(parse_number("+.5e+1"), 5.0);
  EXPECT_EQ(parse_number("5.e1"), 50.0);
  EXPECT_TRUE(std::signbit(parse_number("-0").value_or(1.0)));
  EXPECT_EQ(parse_number("4.9406564584124654e-324"), std::numeric_limits<double>::denorm_min());
  for (const char* text : {"",    ".",  "-",  "+",   "e1",  "1e",   "1e+", "1e99999", "1e-99999", "--1",  "+-1",
                           "++1", "1 ", " 1", "0x1", "inf", "-inf", "nan", "1,5",     "1.2.3",    "1e5.0"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(Number, ShortNumbersEndWhereTheyEnd) {
  const std::string text = "-12.5e1,7";
  double number = 0.0;
  const char* const stop = read_short_number(text.data(), text.data() + text.size(), number);
  EXPECT_EQ(stop, text.data() + 7);
  EXPECT_EQ(number, -125.0);
  EXPECT_EQ(read_short_number(text.data() + 7, text.data() + text.size(), number), nullptr);
}

}  // namespace number_test
}  // namespace gradus
