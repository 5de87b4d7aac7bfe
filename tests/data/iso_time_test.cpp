// Dates and times of text; the seconds are those of Python's datetime.
#include "gradus/data/iso_time.h"

#include <gtest/gtest.h>

namespace gradus {
namespace {

TEST(IsoTime, DatesAreSecondsSince1970) {
  EXPECT_EQ(parse_iso_time("1970-01-01"), 0.0);
  EXPECT_EQ(parse_iso_time("2020-01-05"), 1578182400.0);
  EXPECT_EQ(parse_iso_time("2000-02-29"), 951782400.0);
  EXPECT_EQ(parse_iso_time("1900-03-01"), -2203891200.0);
  EXPECT_EQ(parse_iso_time("0001-01-01"), -62135596800.0);
  EXPECT_EQ(parse_iso_time("9999-12-31"), 253402214400.0);
}

TEST(IsoTime, TimesAndOffsetsCount) {
  EXPECT_EQ(parse_iso_time("1969-12-31T23:59:59"), -1.0);
  EXPECT_EQ(parse_iso_time("2024-02-29T12:30:15Z"), 1709209815.0);
  EXPECT_EQ(parse_iso_time("2024-02-29 12:30"), 1709209800.0);
  EXPECT_EQ(parse_iso_time("2024-02-29t12:30:15.25z"), 1709209815.25);
  EXPECT_EQ(parse_iso_time("1970-01-01T00:00:00,1234567890123456789"), 0.123456789012345);
  EXPECT_EQ(parse_iso_time("2020-01-05T10:00:00+02:00"), 1578211200.0);
  EXPECT_EQ(parse_iso_time("2020-01-05T10:00+0200"), 1578211200.0);
  EXPECT_EQ(parse_iso_time("2020-01-05T10+02"), std::nullopt);
  EXPECT_EQ(parse_iso_time("2020-01-05T10:00+02"), 1578211200.0);
  EXPECT_EQ(parse_iso_time("2020-01-05T00:30:00-05:30"), 1578204000.0);
  EXPECT_EQ(parse_iso_time("2020-12-31T23:30:00-01:00"), 1609461000.0);
}

TEST(IsoTime, OtherTextIsNone) {
  for (const char* text :
       {"", "2020", "2020-1-5", "20200105", "05.01.2020", "2020-01-05T", "2020-01-05 ", "2020-01-05Z",
        "2020-01-05T10:00:", "2020-01-05T10:00:00.", "2020-01-05T10:00:00+", "2020-01-05T10:00 Z",
        "2020-01-05T10:00:00+02:", "-2020-01-05", "2020-01-05T10:00:00ZZ", "abc"}) {
    EXPECT_EQ(parse_iso_time(text), std::nullopt) << text;
  }
}

TEST(IsoTime, DaysAndTimesThatAreNoneAreNone) {
  for (const char* text : {"2019-02-29", "1900-02-29", "2020-02-30", "2020-04-31", "2020-13-01", "2020-00-01",
                           "2020-01-00", "2020-01-32", "2020-01-05T24:00", "2020-01-05T10:60", "2020-01-05T10:00:60",
                           "2020-01-05T10:00+24:00", "2020-01-05T10:00+01:60"}) {
    EXPECT_EQ(parse_iso_time(text), std::nullopt) << text;
  }
  EXPECT_TRUE(parse_iso_time("2000-02-29"));
}

}  // namespace
}  // namespace gradus
