// Files read in pieces: the rows, and the errors, are those of the whole.
#include "gradus/data/text_pieces.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <random>

#include "gradus/base/hash.h"
#include "gradus/data/csv.h"
#include "gradus/data/libsvm.h"
#include "tests/testing.h"

namespace gradus {
namespace text_pieces_test {

std::string gzipped(const std::string& text) {
  constexpr int kGzip = 15 + 16, kMemory = 8;
  z_stream stream{};
  ::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY);
  std::string bytes(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  ::deflate(&stream, Z_FINISH);
  bytes.resize(stream.total_out);
  ::deflateEnd(&stream);
  return bytes;
}

TextPieceOptions pieces_of(size_t bytes, size_t most = 1 << 20) {
  return {.piece_bytes = bytes, .most_bytes = most, .first_bytes = 1};
}

class TextPiecesTest : public testing::Test {
 protected:
  std::string path_of(std::string_view name, const std::string& bytes) {
    spill(folder_ / name, bytes);
    return (folder_ / name).string();
  }
  TemporaryFolder folder_;
};

TEST_F(TextPiecesTest, EndWhereLinesEnd) {
  const std::string text = "one\r\ntwo\rthree\n\nfour and no end";
  const std::string path = path_of("t.txt", text);
  for (size_t size = 1; size <= text.size() + 1; ++size) {
    TextPieces pieces(path, pieces_of(size));
    std::string all;
    while (pieces.next(pieces.text().size())) {
      EXPECT_EQ(pieces.offset(), static_cast<int64_t>(all.size()));
      all += pieces.text();
      const bool ends = all.ends_with("\n") || all.ends_with("\r");
      EXPECT_TRUE(ends || pieces.is_last()) << size;
      EXPECT_FALSE(all.ends_with("one\r")) << size;
    }
    EXPECT_EQ(all, text) << size;
    EXPECT_EQ(pieces.hash(), xxh3(text));
    EXPECT_EQ(pieces.stamp().bytes, static_cast<int64_t>(text.size()));
  }
}

TEST_F(TextPiecesTest, WhatIsLeftStandsBeforeTheNextPiece) {
  TextPieces pieces(path_of("t.txt", "ab\ncd\nef\n"), pieces_of(3));
  ASSERT_TRUE(pieces.next(0));
  EXPECT_EQ(pieces.text(), "ab\n");
  ASSERT_TRUE(pieces.next(1));
  EXPECT_EQ(pieces.text(), "b\ncd\n");
  ASSERT_TRUE(pieces.next(2));
  EXPECT_EQ(pieces.text(), "cd\nef\n");
  EXPECT_EQ(pieces.offset(), 3);
}

TEST_F(TextPiecesTest, ARowThatIsTooLongIsAnError) {
  const std::string path = path_of("t.txt", "a\n" + std::string(100, 'x'));
  TextPieces pieces(path, pieces_of(8, 16));
  ASSERT_TRUE(pieces.next(0));
  EXPECT_EQ(
      error_text([&] { pieces.next(2); }),
      "[" + path + ":2] a row from byte 2 on is longer than 16 bytes; is it text, and is each quote in it closed?");
}

std::string libsvm_text(int rows) {
  std::mt19937 random(7);
  std::string text = "\xEF\xBB\xBF# made\n";
  for (int i = 0; i < rows; ++i) {
    text += fmt::format("{}", static_cast<int>(random() % 3));
    int index = 0;
    for (auto k = random() % 9; k > 0; --k) {
      index += static_cast<int>(1 + random() % 40);
      text += fmt::format(" {}:{}", index, static_cast<double>(random() % 1000) / 64);
    }
    text += i % 5 == 0 ? "\r\n" : i % 7 == 0 ? " # end\n\n" : "\n";
  }
  return text;
}

TEST_F(TextPiecesTest, LibsvmIsWhatItIsAsAWhole) {
  const std::string text = libsvm_text(300);
  for (const std::string& path : {path_of("t.svm", text), path_of("t.svm.gz", gzipped(text))}) {
    for (const auto base : {LibsvmOptions::Base::kAuto, LibsvmOptions::Base::kZero}) {
      const LibsvmOptions options{.base = base, .block_bytes = 64};
      const SparseExamples whole = read_libsvm(path, options);
      for (const size_t size : {1, 13, 100, 5000, 1 << 16}) {
        LibsvmStream stream(path, options, pieces_of(size));
        SparseExamples all, rows;
        while (stream.next(rows)) {
          EXPECT_EQ(rows.place(0), whole.place(static_cast<int64_t>(all.targets.size())));
          for (const int32_t index : rows.features.indices) all.features.indices.push_back(index - stream.base());
          all.features.values.insert(all.features.values.end(), rows.features.values.begin(),
                                     rows.features.values.end());
          all.targets.insert(all.targets.end(), rows.targets.begin(), rows.targets.end());
          all.lines.insert(all.lines.end(), rows.lines.begin(), rows.lines.end());
        }
        EXPECT_EQ(all.features.indices, whole.features.indices) << size;
        EXPECT_EQ(all.features.values, whole.features.values);
        EXPECT_EQ(all.targets, whole.targets);
        EXPECT_EQ(all.lines, whole.lines);
        EXPECT_EQ(stream.columns(), whole.features.columns);
        EXPECT_EQ(stream.text().hash(), xxh3(slurp(path)));
      }
    }
  }
}

template <class Stream, class Rows>
std::string error_of_stream(const std::string& path, size_t size, const auto& options) {
  return error_text([&] {
    Stream stream(path, options, pieces_of(size));
    Rows rows;
    while (stream.next(rows)) {
    }
  });
}

TEST_F(TextPiecesTest, LibsvmErrorsAreThoseOfTheWhole) {
  const std::string rows = "1 1:2\n\n2 3:4\r\n1 2:1\n";
  for (const char* const last :
       {"1 x\n", "1 qid:3 1:2\n", "a 1:2", "1 3:1 3:1\n", "1 0:1\n1 9:1\n", "1 8:1\n", "\xFF 1:2\n"}) {
    const std::string path = path_of("e.svm", rows + last);
    for (const bool is_one : {false, true}) {
      const LibsvmOptions options{.base = is_one ? LibsvmOptions::Base::kOne : LibsvmOptions::Base::kAuto,
                                  .columns = 8};
      const std::string whole = error_text([&] { read_libsvm(path, options); });
      for (size_t size = 1; size < 30; ++size) {
        EXPECT_EQ((error_of_stream<LibsvmStream, SparseExamples>(path, size, options)), whole) << last << size;
      }
    }
  }
  const std::string empty = path_of("empty.svm", "# nothing\n");
  EXPECT_EQ((error_of_stream<LibsvmStream, SparseExamples>(empty, 4, LibsvmOptions{})),
            error_text([&] { read_libsvm(empty); }));
}

// Rows of a table as text, which does not depend on where dictionaries begin.
std::vector<std::string> rows_of(const Table& t, const std::vector<bool>& is_number) {
  std::vector<std::string> rows;
  for (int64_t row = 0; row < t.rows; ++row) {
    std::string text = t.place(row);
    for (size_t c = 0; c < t.columns.size(); ++c) {
      const TableColumn& column = t.columns[c];
      EXPECT_EQ(column.is_number, is_number[c]);
      text += "|" + (column.is_missing(row) ? "∅"
                     : column.is_number     ? fmt::format("{}", column.numbers[static_cast<size_t>(row)])
                                            : column.text(row));
    }
    rows.push_back(text);
  }
  return rows;
}

TEST_F(TextPiecesTest, CsvIsWhatItIsAsAWhole) {
  std::string text = "id,name,size,late\r\n";
  for (int i = 0; i < 400; ++i) {
    text += fmt::format("{},{},{},{}\n", i,
                        i % 3 == 0   ? "\"a, \"\"b\"\"\nc\""
                        : i % 3 == 1 ? "dog"
                                     : "",
                        i % 4 == 0 ? "NA" : fmt::format("{}", 0.25 * i), i == 350 ? "text" : fmt::format("{}", i % 2));
    if (i % 50 == 0) text += "\n";
  }
  for (const std::string& path : {path_of("t.csv", text), path_of("t.csv.gz", gzipped(text))}) {
    const CsvOptions options{.header = CsvOptions::Header::kYes, .block_bytes = 100};
    const Table whole = read_csv(path, options);
    const std::vector<bool> kinds = {true, false, true, false};
    for (const size_t size : {1, 17, 200, 3000, 1 << 16}) {
      const auto all_of = [&](CsvStream& stream, bool check) {
        std::vector<std::string> rows;
        Table table;
        while (stream.next(table)) {
          if (!check) continue;
          const std::vector<std::string> more = rows_of(table, kinds);
          rows.insert(rows.end(), more.begin(), more.end());
        }
        return rows;
      };
      CsvStream first(path, options, pieces_of(size));
      EXPECT_EQ(first.names(), (std::vector<std::string>{"id", "name", "size", "late"}));
      all_of(first, false);
      CsvStream again(path, options, pieces_of(size));
      again.set_kinds(first.kinds());
      EXPECT_EQ(all_of(again, true), rows_of(whole, kinds)) << size;
      EXPECT_FALSE(again.has_changed());
    }
  }
}

TEST_F(TextPiecesTest, LongCsvIsWhatItIsAsAWhole) {
  const CsvOptions with_names{.header = CsvOptions::Header::kYes};
  std::string text = "id,name,size,late\n";
  for (int i = 0; text.size() < 130'000; ++i) {
    text += fmt::format("{},{},{},{}\n", i,
                        i % 3 == 0   ? "\"a, \"\"b\"\"\nc\""
                        : i % 3 == 1 ? "dog"
                                     : "",
                        i % 4 == 0 ? "NA" : fmt::format("{}", 0.25 * i), i % 2);
  }
  text += "1,,2,text\n7,\"last\n row\",0.5,x";
  const std::string path = path_of("t.csv", text);
  const Table whole = read_csv(path);
  const std::vector<bool> kinds = {true, false, true, false};
  const std::vector<std::string> expected = rows_of(whole, kinds);
  for (const size_t size : {700, 4001, 30'000}) {
    CsvStream first(path, with_names, pieces_of(size));
    Table table;
    while (first.next(table)) {
    }
    EXPECT_TRUE(first.has_changed());
    CsvStream again(path, with_names, pieces_of(size));
    again.set_kinds(first.kinds());
    std::vector<std::string> rows;
    int tables = 0;
    for (; again.next(table); ++tables) {
      const std::vector<std::string> more = rows_of(table, kinds);
      rows.insert(rows.end(), more.begin(), more.end());
    }
    EXPECT_GT(tables, 2);
    EXPECT_EQ(rows == expected, true) << size;
    EXPECT_FALSE(again.has_changed());
  }
  CsvStream part(path, with_names, pieces_of(4001));
  part.leave_out_all_but({"size"});
  int64_t rows = 0;
  for (Table table_; part.next(table_);) {
    rows += table_.rows;
    EXPECT_TRUE(table_.columns[0].numbers.empty() && table_.columns[1].codes.empty());
    EXPECT_EQ(static_cast<int64_t>(table_.columns[2].numbers.size()), table_.rows);
  }
  EXPECT_EQ(rows, whole.rows);
}

TEST_F(TextPiecesTest, CsvErrorsAreThoseOfTheWhole) {
  const CsvOptions with_names{.header = CsvOptions::Header::kYes};
  std::string rows = "a,b\n";
  while (rows.size() < 10'000) rows += "1,\"x\ny\"\n";
  for (const char* const last : {"1\n", "1,x\"y\n", "1,\"x\" y\n", "1,\"never\nclosed\n", "2,\xFF\n"}) {
    const std::string path = path_of("e.csv", rows + last + "3,z\n");
    const std::string whole = error_text([&] { read_csv(path); });
    for (const size_t size : {10, 333, 3000}) {
      EXPECT_EQ((error_of_stream<CsvStream, Table>(path, size, with_names)), whole) << last << size;
    }
  }
  for (const char* const text : {"", "a,b\n", "a,a\n1,2\n", "a,\n1,2\n"}) {
    const std::string path = path_of("e.csv", text);
    EXPECT_EQ((error_of_stream<CsvStream, Table>(path, 4, with_names)), error_text([&] { read_csv(path, with_names); }))
        << text;
  }
}

TEST_F(TextPiecesTest, CsvCountsBadRowsAsTheWholeDoes) {
  std::string text = "a,b\n";
  for (int i = 0; text.size() < 120'000; ++i)
    text += i % 1000 == 7 ? "1\n" : i % 1000 == 8 ? "1,x\"y\n" : i % 1000 == 9 ? "\xFF,z\n" : "1,\"x\ny\"\n";
  const std::string path = path_of("b.csv", text);
  const CsvOptions options{.on_bad_row = CsvOptions::BadRow::kSkip};
  const Table whole = read_csv(path, options);
  CsvStream stream(path, options, pieces_of(5000));
  int64_t rows = 0;
  for (Table table; stream.next(table);) rows += table.rows;
  EXPECT_EQ(rows, whole.rows);
  EXPECT_EQ(stream.skipped().count, whole.skipped.count);
  EXPECT_EQ(stream.skipped().first, whole.skipped.first);
}

// Text from the first row on, in the middle, and more of it than of numbers but for the last rows.
TEST_F(TextPiecesTest, CsvLeavesOutBadValuesAsTheWholeDoes) {
  std::string text = "a,b,c\nx,1,t\n";
  for (int i = 0; i < 9000; ++i) {
    text += fmt::format("{},{},{}\n", i, i % 1000 == 7 ? "abc" : std::to_string(i), i < 4000 ? "t" : std::to_string(i));
  }
  const std::string path = path_of("v.csv", text), packed = path_of("v.csv.gz", gzipped(text));
  CsvOptions options{.on_bad_row = CsvOptions::BadRow::kSkip};
  options.numbers = [](std::string_view, bool) { return CsvNumbers::kIfMost; };
  const Table whole = read_csv(path, options);
  EXPECT_EQ(whole.rows, 4995);
  EXPECT_EQ(whole.skipped.count, 4006);
  EXPECT_EQ(read_csv(packed, options, pieces_of(5000)).lines, whole.lines);
  CsvStream first(path, options, pieces_of(5000));
  for (Table table; first.next(table);) {
  }
  EXPECT_TRUE(first.has_changed());
  CsvStream again(path, options, pieces_of(5000));
  again.set_kinds(first.kinds());
  std::vector<int64_t> lines;
  for (Table table; again.next(table);) lines.insert(lines.end(), table.lines.begin(), table.lines.end());
  EXPECT_FALSE(again.has_changed());
  EXPECT_EQ(lines, whole.lines);
  EXPECT_EQ(again.skipped().count, whole.skipped.count);
  EXPECT_EQ(again.skipped().first, whole.skipped.first);
}

TEST_F(TextPiecesTest, LibsvmCountsBadRowsAsTheWholeDoes) {
  std::string text;
  for (int i = 0; i < 10'000; ++i)
    text += i % 1000 == 7 ? "x\n" : i % 1000 == 8 ? "1 1:\xFF\n" : fmt::format("{} {}:1\n", i, 1 + i % 50);
  text += std::string(8000, 'x') + "\n";  // a last piece without a row
  const std::string path = path_of("b.svm", text);
  const LibsvmOptions options{.on_bad_row = LibsvmOptions::BadRow::kSkip};
  const SparseExamples whole = read_libsvm(path, options);
  LibsvmStream stream(path, options, pieces_of(5000));
  std::vector<double> targets;
  for (SparseExamples rows; stream.next(rows);) targets.insert(targets.end(), rows.targets.begin(), rows.targets.end());
  EXPECT_EQ(targets, whole.targets);
  EXPECT_EQ(stream.skipped().count, whole.skipped.count);
  EXPECT_EQ(stream.skipped().count, 21);
  EXPECT_EQ(stream.skipped().first, whole.skipped.first);
}

// A column of numbers that holds text in its last piece, and one that is text from the beginning.
TEST_F(TextPiecesTest, CompressedTablesAreThoseOfTheFile) {
  std::string text = "a,b,c\n";
  for (int i = 0; i < 3000; ++i) text += fmt::format("{},t{},{}\n", i, i % 37, i % 5 == 0 ? "NA" : std::to_string(i));
  for (const char* const last : {"", "x,y,1\n", "1,2\n"}) {
    const std::string plain = path_of("p.csv", text + last), packed = path_of("q.csv.gz", gzipped(text + last));
    const CsvOptions options{.on_bad_row = CsvOptions::BadRow::kSkip};
    const Table wanted = read_csv(plain, options), found = read_csv(packed, options, pieces_of(5000));
    EXPECT_EQ(found.rows, wanted.rows);
    EXPECT_EQ(found.lines, wanted.lines);
    EXPECT_EQ(found.source(), packed);
    EXPECT_EQ(found.skipped.count, wanted.skipped.count);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(found.columns[c].name, wanted.columns[c].name);
      EXPECT_EQ(found.columns[c].is_number, wanted.columns[c].is_number);
      EXPECT_EQ(found.columns[c].dictionary, wanted.columns[c].dictionary);
      EXPECT_EQ(found.columns[c].codes, wanted.columns[c].codes);
      for (int64_t row = 0; row < wanted.rows; ++row) {
        EXPECT_EQ(found.columns[c].is_missing(row), wanted.columns[c].is_missing(row));
        if (!wanted.columns[c].is_number || wanted.columns[c].is_missing(row)) continue;
        EXPECT_EQ(found.columns[c].numbers[static_cast<size_t>(row)],
                  wanted.columns[c].numbers[static_cast<size_t>(row)]);
      }
    }
  }
}

// Longer than a piece, which is 16 MiB.
TEST_F(TextPiecesTest, CompressedSparseRowsAreThoseOfTheFile) {
  std::string text;
  for (int i = 0; text.size() < (size_t{17} << 20); ++i) {
    text += fmt::format("{} {}:0.5 1000:{}{}\n", i % 3, i % 900, i % 7, i % 50'000 == 9 ? " odd" : "");
  }
  const LibsvmOptions options{.on_bad_row = LibsvmOptions::BadRow::kSkip};
  const SparseExamples wanted = read_libsvm(path_of("p.svm", text), options);
  const SparseExamples found = read_libsvm(path_of("q.svm.gz", gzipped(text)), options);
  EXPECT_EQ(found.features.offsets, wanted.features.offsets);
  EXPECT_EQ(found.features.indices, wanted.features.indices);
  EXPECT_EQ(found.features.values, wanted.features.values);
  EXPECT_EQ(found.features.rows, wanted.features.rows);
  EXPECT_EQ(found.features.columns, wanted.features.columns);
  EXPECT_EQ(found.targets, wanted.targets);
  EXPECT_EQ(found.lines, wanted.lines);
  EXPECT_EQ(found.base, wanted.base);
  EXPECT_EQ(found.skipped.count, wanted.skipped.count);
  EXPECT_GT(found.skipped.count, 10);
}

TEST_F(TextPiecesTest, CompressedFilesThatAreWrongSayWhatTheWholeSays) {
  const std::string gzip = gzipped(libsvm_text(100));
  std::string damaged = gzip;
  damaged[damaged.size() - 6] ^= 1;
  for (const std::string& bytes : {gzip.substr(0, gzip.size() - 3), gzip.substr(0, 40), damaged, gzip + "more"}) {
    const std::string path = path_of("t.svm.gz", bytes);
    EXPECT_EQ((error_of_stream<LibsvmStream, SparseExamples>(path, 1 << 16, LibsvmOptions{})),
              error_text([&] { read_libsvm(path); }));
  }
  const std::string plain = path_of("p.svm.gz", "1 1:1\n");
  EXPECT_EQ((error_of_stream<LibsvmStream, SparseExamples>(plain, 1 << 16, LibsvmOptions{})),
            error_text([&] { read_libsvm(plain); }));
}

}  // namespace text_pieces_test
}  // namespace gradus
