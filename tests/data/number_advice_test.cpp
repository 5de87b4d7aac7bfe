#include "gradus/data/number_advice.h"

#include <gtest/gtest.h>

namespace gradus {
namespace number_advice_test {

TEST(NumberAdvice, IsOfWhatLooksLikeANumber) {
  const std::string comma = "; a comma in a number is not read: write 1.5 for 1,5, and 1000 for 1,000";
  for (const char* text : {"1,5", "-2,25", "1,000", "1,234,567.5", "1.234,5", "1.234.567,5", "$1,000", "7,5 %"}) {
    EXPECT_EQ(advice_on_number(text), comma) << text;
  }
  const std::string sign = "; a sign beside a number is not read: write 1.5 for $1.5, and 5 for 5%";
  for (const char* text : {"$1.50", "$ 1", "3 €", "5%", "£-2"}) EXPECT_EQ(advice_on_number(text), sign) << text;
}

TEST(NumberAdvice, ThereIsNoneOnOtherTexts) {
  for (const char* text : {"", "1.5", "-3e8", "x", "1,2,3", "12,34,567", ",5", "5,", "1e999", "48.1,11.5", "2020-01-31",
                           "$", "1 2", "a,5"}) {
    EXPECT_EQ(advice_on_number(text), "") << text;
  }
}

}  // namespace number_advice_test
}  // namespace gradus
