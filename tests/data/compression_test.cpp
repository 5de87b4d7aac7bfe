// Compressed files: what gzip and zstd wrote, and what is wrong with other bytes.
#include "gradus/data/compression.h"

#include <gtest/gtest.h>

#include "gradus/data/csv.h"
#include "gradus/data/file_contents.h"
#include "tests/testing.h"

namespace gradus {
namespace compression_test {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

constexpr std::string_view kText = "a,b\n1,x\n2,y\n";
// `gzip -9n` of kText, and with a second member of "3,z\n" behind it.
const std::string kGzip = from_hex("1f8b08000000000002034bd449e232d4a9e032d2a9e40200c2967e9d0c000000");
const std::string kTwoMembers = kGzip + from_hex("1f8b080000000000020333d6a9e20200b54f88c704000000");
// `zstd -19` of kText, which has a sum behind it; and 1,000,000 zeros.
const std::string kZstd = from_hex("28b52ffd240c610000612c620a312c780a322c790a2e9f2146");
const std::string kZeros =
    from_hex("28b52ffd804840420f005400001000000100fbff39c00202001000020010000200100002001000020010000200100003120a00");

std::string text_of(const std::string& bytes, int64_t most = 1 << 20) {
  return std::string(decompressed(bytes, "t.csv.gz", most).view());
}
std::string error_of(const std::string& bytes, int64_t most = 1 << 20) {
  return error_text([&] { text_of(bytes, most); });
}

TEST(Compression, ReadsWhatGzipAndZstdWrite) {
  EXPECT_EQ(text_of(kGzip), kText);
  EXPECT_EQ(text_of(kTwoMembers), std::string(kText) + "3,z\n");
  EXPECT_EQ(text_of(kZstd), kText);
  EXPECT_EQ(text_of(kZstd + kZstd), std::string(kText) + std::string(kText));
  EXPECT_EQ(text_of(kZeros), std::string(1'000'000, '\0'));
  EXPECT_EQ(text_of(kGzip, 12), kText);
}

TEST(Compression, DataThatIsCutShortIsAnError) {
  for (const auto& [bytes, kind] :
       {std::pair(kGzip, "gzip"), {kZstd, "zstd"}, {kTwoMembers, "gzip"}, {kZeros, "zstd"}}) {
    for (size_t size = 4; size < bytes.size(); ++size) {
      if (bytes == kTwoMembers && size == kGzip.size()) continue;
      const std::string error = error_of(bytes.substr(0, size));
      const bool is_next = bytes == kTwoMembers && size == kGzip.size() + 1;  // one byte is no member's beginning yet
      EXPECT_EQ(error, is_next ? "[t.csv.gz] from byte 32 on there is something else behind the gzip data; cut it off"
                               : fmt::format("[t.csv.gz] the {} data ends in its middle: the file was cut short; make "
                                             "or fetch it again",
                                             kind))
          << size;
    }
  }
}

TEST(Compression, DamageIsAnError) {
  std::string gzip = kGzip, zstd = kZstd;
  gzip[gzip.size() - 6] ^= 1;  // in the sum
  EXPECT_EQ(error_of(gzip),
            "[t.csv.gz] the gzip data is damaged before byte 28 (incorrect data check); make or fetch it again");
  zstd[zstd.size() - 1] ^= 1;
  EXPECT_EQ(error_of(zstd).substr(0, 48), "[t.csv.gz] the zstd data is damaged before byte ");
}

TEST(Compression, WhatComesBehindIsAnError) {
  EXPECT_EQ(error_of(kGzip + "1,2\n"),
            "[t.csv.gz] from byte 32 on there is something else behind the gzip data; cut it off");
  EXPECT_EQ(error_of(kZstd + "1,2,3\n"),
            "[t.csv.gz] from byte 25 on there is something else behind the zstd data; cut it off");
}

TEST(Compression, TooMuchIsAnErrorBeforeItTakesMemory) {
  EXPECT_EQ(
      error_of(kGzip, 11),
      "[t.csv.gz] more than 11 bytes when it is decompressed, which is half of the free memory; stream rows with "
      "data.rows = \"streamed\", take a part of it, or a larger machine");
  EXPECT_EQ(error_of(kZeros, 999'999).substr(0, 29), "[t.csv.gz] more than 999999 b");
  // A frame's header that claims a window of 2 GB.
  EXPECT_EQ(error_of(from_hex("28b52ffd00a8010000")),
            "[t.csv.gz] the zstd data needs a window above 32 MB; write it with zstd -19 or less, without --long");
}

TEST(Compression, InflatesUpToTheSizeThatIsKnown) {
  const std::string deflate = kGzip.substr(10, kGzip.size() - 18);
  EXPECT_EQ(inflated(deflate, 12).view(), kText);
  EXPECT_EQ(inflated(deflate, 100).view(), kText);
  EXPECT_EQ(inflated(deflate, 5).view(), kText.substr(0, 6));
  EXPECT_EQ(inflated(deflate.substr(0, 5), 12).view(), "");
  EXPECT_EQ(inflated("\xFF\xFF", 12).view(), "");
  EXPECT_EQ(crc32_of("123456789"), 0xCBF43926u);  // the check value of the CRC's catalogues
}

TEST(FileContents, AreTheSameCompressedOrNot) {
  const TemporaryFolder folder;
  const auto table_of = [&](const char* name, const std::string& bytes) {
    spill(folder / name, bytes);
    return read_csv((folder / name).string());
  };
  for (const auto& [name, bytes] :
       {std::pair("t.csv", std::string(kText)), {"t.csv.gz", kGzip}, {"t.csv.zst", kZstd}, {"odd", kGzip}}) {
    const Table t = table_of(name, bytes);
    EXPECT_EQ(t.columns[0].numbers, (std::vector<double>{1, 2})) << name;
    EXPECT_EQ(t.place(1), (folder / name).string() + ":3");
  }
  EXPECT_EQ(error_text([&] { table_of("plain.csv.gz", std::string(kText)); }),
            "[" + (folder / "plain.csv.gz").string() +
                "] is named like compressed data (.gz or .zst), and does not begin like it; mend its name");
  EXPECT_EQ(uncompressed_name("a.tsv.zst"), "a.tsv");
  EXPECT_EQ(uncompressed_name("a.tsv"), "a.tsv");
  spill(folder / "empty.csv", "");
  EXPECT_EQ(FileContents((folder / "empty.csv").string()).bytes(), "");
  EXPECT_EQ(error_text([&] { FileContents((folder / "none.csv").string()); }).find("cannot open it"),
            folder.path().string().size() + 12);
}

}  // namespace compression_test
}  // namespace gradus
