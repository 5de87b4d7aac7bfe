// IDX files: what the bytes stand for, and what is wrong with others.
#include "gradus/data/idx.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/data/idx_bytes.h"
#include "tests/testing.h"

namespace gradus {
namespace idx_test {

using namespace std::string_literals;

std::string idx(int type, const std::vector<uint32_t>& shape, const std::string& data) {
  return idx_bytes(type, shape, data);
}

std::vector<double> numbers_of(const std::string& bytes) {
  return parse_idx(bytes, "a.idx", {.dtype = DType::kF64}).values<double>();
}

std::string refused(const std::string& bytes, const IdxOptions& options = {}) {
  return error_text([&] { parse_idx(bytes, "a.idx", options); });
}

TEST(Idx, ReadsEachType) {
  EXPECT_EQ(numbers_of(idx(0x08, {3}, "\x00\x7f\xff"s)), (std::vector<double>{0, 127, 255}));
  EXPECT_EQ(numbers_of(idx(0x09, {3}, "\x00\x7f\xff"s)), (std::vector<double>{0, 127, -1}));
  EXPECT_EQ(numbers_of(idx(0x0b, {2}, "\x01\x02\xff\xfe"s)), (std::vector<double>{258, -2}));
  EXPECT_EQ(numbers_of(idx(0x0c, {2}, "\x7f\xff\xff\xff\x80\x00\x00\x00"s)),
            (std::vector<double>{2147483647, -2147483648.0}));
  EXPECT_EQ(numbers_of(idx(0x0d, {2}, "\x3f\xc0\x00\x00\xc0\x00\x00\x00"s)), (std::vector<double>{1.5, -2}));
  EXPECT_EQ(numbers_of(idx(0x0e, {1}, "\x40\x09\x21\xfb\x54\x44\x2d\x18"s)), (std::vector<double>{3.141592653589793}));
}

TEST(Idx, TheLastIndexIsTheFastest) {
  std::string data(24, '\0');
  std::iota(data.begin(), data.end(), '\0');
  const Tensor images = parse_idx(idx(0x08, {2, 3, 4}, data), "a.idx");
  EXPECT_EQ(images.shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(images.dtype(), DType::kF32);
  EXPECT_EQ(images.values<float>()[1 * 12 + 2 * 4 + 3], 23.0F);
  EXPECT_EQ(parse_idx(idx(0x08, std::vector<uint32_t>(8, 1), "a"), "a.idx").rank(), 8);
}

TEST(Idx, LabelsAreWholeNumbersInOneDimension) {
  EXPECT_EQ(parse_idx_labels(idx(0x08, {3}, "\x07\x00\xff"s), "a.idx").values<int64_t>(),
            (std::vector<int64_t>{7, 0, 255}));
  EXPECT_EQ(parse_idx_labels(idx(0x0b, {1}, "\xff\xfe"s), "a.idx").values<int64_t>(), (std::vector<int64_t>{-2}));
  EXPECT_EQ(error_text([] {
              parse_idx_labels(idx(0x08, {1, 2}, "ab"), "a.idx");
            }),
            "[a.idx] holds whole numbers of sizes (1, 2); labels are whole numbers in one dimension");
  EXPECT_EQ(error_text([] { parse_idx_labels(idx(0x0d, {1}, "\0\0\0\0"s), "a.idx"); }),
            "[a.idx] holds real numbers of sizes (1,); labels are whole numbers in one dimension");
}

TEST(Idx, WhatIsNoIdxIsAnError) {
  const std::string expected =
      "; expected 00 00, the type of its numbers and the number of its dimensions, such as 00 00 08 03";
  EXPECT_EQ(refused(""), "[a.idx] is no IDX file: it begins with nothing" + expected);
  EXPECT_EQ(refused("\0\0\x08"s), "[a.idx] is no IDX file: it begins with 00 00 08" + expected);
  EXPECT_EQ(refused("PK\x03\x04 and more"), "[a.idx] is no IDX file: it begins with 50 4b 03 04" + expected);
  EXPECT_EQ(refused(idx(0x0a, {1}, "a")),
            "[a.idx] byte 2, the type of the numbers, is 0a; expected 08 (u8), 09 (i8), 0b (i16), 0c (i32), 0d (f32) "
            "or 0e (f64)");
  EXPECT_EQ(refused(idx(0x08, {}, "a")), "[a.idx] byte 3, the number of dimensions, is 0; expected 1 to 8");
  EXPECT_EQ(refused(idx(0x08, std::vector<uint32_t>(9, 1), "a")),
            "[a.idx] byte 3, the number of dimensions, is 9; expected 1 to 8");
}

TEST(Idx, IsKnownByHowItBegins) {
  const TemporaryFolder folder;
  const auto is_idx = [&](const std::string& bytes) {
    spill(folder / "x", bytes);
    return begins_like_idx(folder / "x");
  };
  EXPECT_TRUE(is_idx(idx_bytes(0x08, {1, 1, 1}, "a")));
  for (const char* other : {"", "\x89PNG\r\n", "abcdefgh"}) EXPECT_FALSE(is_idx(other)) << other;
  EXPECT_FALSE(is_idx(idx_bytes(0x07, {1}, "a")));
  EXPECT_FALSE(is_idx(std::string(8, '\0')));
  EXPECT_FALSE(begins_like_idx(folder / "missing"));
}

TEST(Idx, SizesThatTheFileHasNotAreAnError) {
  EXPECT_EQ(refused("\0\0\x08\x02\0\0\0\x01\0"s),
            "[a.idx] ends at byte 9, inside the sizes of its 2 dimensions, which take up to byte 12; make or fetch it "
            "again");
  EXPECT_EQ(refused(idx(0x08, {2, 0}, "")), "[a.idx] the size at byte 8 is 0; expected one number at least");
  EXPECT_EQ(refused(idx(0x0b, {2, 3}, "eleven bytes"s.substr(1))),
            "[a.idx] 11 bytes of numbers from byte 12 on; the sizes (2, 3) take 12; make or fetch it again");
  EXPECT_EQ(refused(idx(0x08, {2}, "abc")),
            "[a.idx] 3 bytes of numbers from byte 8 on; the sizes (2,) take 2; make or fetch it again");
  EXPECT_EQ(refused(idx(0x08, {10000, 1000, 1000}, "ten gigabytes")),
            "[a.idx] 13 bytes of numbers from byte 16 on; the sizes (10000, 1000, 1000) take 10000000000; make or "
            "fetch it again");
  EXPECT_EQ(refused(idx(0x08, {0xffffffff, 0xffffffff, 2}, "")),
            "[a.idx] 0 bytes of numbers from byte 16 on; the sizes (4294967295, 4294967295, 2) take more than 64 bits "
            "can count; make or fetch it again");
  EXPECT_EQ(refused(idx(0x08, {2, 2}, "abcd"), {.most_bytes = 15}),
            "[a.idx] the 4 numbers take 16 bytes as f32, and there are 15 of memory for them; take fewer examples");
}

TEST(Idx, NumbersThatAreNotFiniteAreAnError) {
  const std::string zero = "\0\0\0\0"s;
  EXPECT_EQ(refused(idx(0x0d, {2, 2}, zero + zero + zero + "\x7f\x80\0\0"s)),
            "[a.idx] the number at byte 24, in example 1, is inf; expected finite numbers that f32 holds");
  EXPECT_EQ(refused(idx(0x0d, {1}, "\x7f\xc0\0\0"s)),
            "[a.idx] the number at byte 8, in example 0, is nan; expected finite numbers that f32 holds");
  const std::string large = idx(0x0e, {1}, "\x7f\xef\xff\xff\xff\xff\xff\xff");
  EXPECT_EQ(refused(large).substr(0, 47), "[a.idx] the number at byte 8, in example 0, is ");
  EXPECT_EQ(numbers_of(large)[0], std::numeric_limits<double>::max());
}

TEST(Idx, ReadsMnist) {
  const std::string folder = GRADUS_SOURCE_DIR "/../shared/data/images/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const Tensor images = read_idx(folder + "t10k-images-idx3-ubyte.gz");
  EXPECT_EQ(images.shape(), (Shape{10000, 28, 28}));
  double sum = 0.0;
  for (const float pixel : images.values<float>()) sum += static_cast<double>(pixel);
  EXPECT_EQ(sum, 264923200.0);
  const std::vector<int64_t> labels = read_idx_labels(folder + "t10k-labels-idx1-ubyte.gz").values<int64_t>();
  ASSERT_EQ(labels.size(), 10000U);
  EXPECT_EQ(std::vector<int64_t>(labels.begin(), labels.begin() + 10),
            (std::vector<int64_t>{7, 2, 1, 0, 4, 1, 4, 9, 5, 9}));
}

}  // namespace idx_test
}  // namespace gradus
