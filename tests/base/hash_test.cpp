#include "gradus/base/hash.h"

#include <gtest/gtest.h>

namespace gradus {
namespace hash_test {

// Values that xxhash's own command line prints (xxhsum -H3, version 0.8.1).
TEST(Xxh3, HasTheValuesOfTheReference) {
  EXPECT_EQ(hex(xxh3("")), "2d06800538d394c2");
  EXPECT_EQ(hex(xxh3("abc")), "78af5f94892f3950");
  EXPECT_EQ(hex(xxh3(std::string(1000, 'x'))), "c0a4877b962cba82");
}

TEST(Xxh3, OfPiecesIsThatOfTheWhole) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>(i * i);
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{240}, size_t{1024}}) {
    Xxh3 sum;
    for (size_t i = 0; i < text.size(); i += piece) sum.add(std::string_view(text).substr(i, piece));
    EXPECT_EQ(sum.value(), xxh3(text)) << piece;
  }
  Xxh3 sum;
  EXPECT_EQ(sum.value(), xxh3(""));
  sum.add("ab");
  EXPECT_EQ(sum.value(), xxh3("ab"));
  sum.add("c");
  EXPECT_EQ(sum.value(), xxh3("abc"));
}

TEST(Hex, ReadsOnlyWhatItWrites) {
  uint64_t value = 0;
  EXPECT_EQ(hex(0x0123456789abcdef), "0123456789abcdef");
  EXPECT_TRUE(from_hex("0123456789abcdef", value));
  EXPECT_EQ(value, 0x0123456789abcdefu);
  for (const char* wrong : {"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0x23456789abcdef",
                            " 123456789abcdef", "-123456789abcdef", "0123456789abcdeg"}) {
    EXPECT_FALSE(from_hex(wrong, value)) << wrong;
  }
}

}  // namespace hash_test
}  // namespace gradus
