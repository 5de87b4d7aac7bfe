// LIBSVM's format, against scikit-learn's reader, and what is wrong with other files.
#include "gradus/data/libsvm.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/testing.h"

namespace gradus {
namespace libsvm_test {

using nlohmann::json;
using Base = LibsvmOptions::Base;
using Indices = std::vector<int32_t>;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Offsets = std::vector<int64_t>;

const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/libsvm.json"));
  return all;
}

TEST(Libsvm, ReadsWhatScikitLearnReads) {
  for (const json& expected : references()["made"]) {
    for (const size_t block : {size_t{1}, size_t{50}, size_t{1} << 20}) {
      const SparseExamples found = parse_libsvm(expected["text"].get<std::string>(), "m.svm", {.block_bytes = block});
      EXPECT_EQ(found.features.rows, 40);
      EXPECT_EQ(found.features.columns, expected["columns"]);
      EXPECT_EQ(found.targets, expected["targets"].get<Doubles>());
      EXPECT_EQ(found.features.offsets, expected["offsets"].get<Offsets>());
      EXPECT_EQ(found.features.indices, expected["indices"].get<Indices>());
      EXPECT_EQ(found.features.values, expected["values"].get<Floats>());
    }
  }
}

TEST(Libsvm, ReadsA9aAsScikitLearnDoes) {
  const std::string path = GRADUS_SOURCE_DIR "/../shared/data/tabular/a9a";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the shared data is not beside the project";
  const json& expected = references()["a9a"];
  const SparseExamples found = read_libsvm(path);
  const SparseMatrix& x = found.features;
  EXPECT_EQ(x.rows, expected["rows"]);
  EXPECT_EQ(x.columns, expected["columns"]);
  EXPECT_EQ(x.values.size(), expected["values"]);
  EXPECT_EQ(std::accumulate(x.values.begin(), x.values.end(), 0.0), expected["value_sum"].get<double>());
  EXPECT_EQ(std::accumulate(found.targets.begin(), found.targets.end(), 0.0), expected["target_sum"].get<double>());
  int64_t places = 0;
  for (size_t row = 0; row < found.targets.size(); ++row) {
    for (auto i = static_cast<size_t>(x.offsets[row]); i < static_cast<size_t>(x.offsets[row + 1]); ++i) {
      places += static_cast<int64_t>(row + 1) * (x.indices[i] + 1);
    }
  }
  EXPECT_EQ(places, expected["places"]);
}

TEST(Libsvm, TakesCommentsEmptyLinesAnyOrderAndAnyLineEnding) {
  const SparseExamples found =
      parse_libsvm("\xEF\xBB\xBF# data 1:2\n\n+1 2:3.5\t1:-1e2 #4:4\r\n -2.5 #\r0#x\n  \n3 4:1", "s.svm");
  EXPECT_EQ(found.targets, (Doubles{1, -2.5, 0, 3}));
  EXPECT_EQ(found.features.offsets, (Offsets{0, 2, 2, 2, 3}));
  EXPECT_EQ(found.features.indices, (Indices{0, 1, 3}));
  EXPECT_EQ(found.features.values, (Floats{-100, 3.5, 1}));
  EXPECT_EQ(found.features.columns, 4);
  EXPECT_EQ(found.place(3), "s.svm:7");
}

TEST(Libsvm, CountsColumnsFromZeroOrOne) {
  const auto indices = [](const char* text, LibsvmOptions options = {}) {
    return parse_libsvm(text, "s.svm", options).features.indices;
  };
  EXPECT_EQ(indices("1 1:1 3:1"), (Indices{0, 2}));
  EXPECT_EQ(indices("1 1:1 3:1", {.base = Base::kZero}), (Indices{1, 3}));
  EXPECT_EQ(indices("1 1:1\n1 0:1"), (Indices{1, 0}));
  EXPECT_EQ(parse_libsvm("1\n2", "s.svm").features.columns, 0);
  EXPECT_EQ(parse_libsvm("1 2:1", "s.svm", {.columns = 7}).features.columns, 7);
  EXPECT_EQ(parse_libsvm("1 2147483646:1", "s.svm", {.base = Base::kZero}).features.columns, 2147483647);
}

TEST(Libsvm, SaysWhatIsWrongAndWhere) {
  const auto error = [](std::string_view text, LibsvmOptions options = {}) {
    const std::string whole = error_text([&] { parse_libsvm(text, "s.svm", options); });
    options.block_bytes = 2;
    EXPECT_EQ(error_text([&] { parse_libsvm(text, "s.svm", options); }), whole);
    return whole;
  };
  EXPECT_EQ(error("# nothing\n"), "[s.svm] there is no row in it; expected lines of `label index:value …`");
  EXPECT_EQ(error("1 1:1\n\nx 1:1\n"),
            "[s.svm:3] the label is \"x\"; expected a number, and pairs of index:value behind it");
  EXPECT_EQ(error("1,2 1:1"), "[s.svm:1] the label is \"1,2\"; expected a number, and pairs of index:value behind it");
  EXPECT_EQ(error("1:1 2:1").substr(0, 31), "[s.svm:1] the label is \"1:1\"; e");
  EXPECT_EQ(error("1 qid:3 1:1"),
            "[s.svm:1] \"qid:3\" groups rows for ranking, which nothing here learns; take it out");
  EXPECT_EQ(error("1 1:1 7"), "[s.svm:1] found \"7\"; expected index:value, the index a whole number");
  EXPECT_EQ(error("1 -1:1"), "[s.svm:1] found \"-1:1\"; expected index:value, the index a whole number");
  EXPECT_EQ(error("1 1.5:1"), "[s.svm:1] found \"1.5:1\"; expected index:value, the index a whole number");
  EXPECT_EQ(error("1 2147483647:1"), "[s.svm:1] index \"2147483647\"; expected at most 2147483646");
  EXPECT_EQ(error("1 99999999999999999999:1"), "[s.svm:1] index \"99999999999999999999\"; expected at most 2147483646");
  EXPECT_EQ(error("1 3:"), "[s.svm:1] the value of \"3:\" is no number; expected one, finite");
  EXPECT_EQ(error("1 3:nan"), "[s.svm:1] the value of \"3:nan\" is no number; expected one, finite");
  EXPECT_EQ(error("1 3:1e999"), "[s.svm:1] the value of \"3:1e999\" is no number; expected one, finite");
  EXPECT_EQ(error("1 3:1e39"),
            "[s.svm:1] the value of \"3:1e39\" is beyond what 32 bits hold; give it in another unit");
  EXPECT_EQ(error("1 2:1\n1 2:1 1:1 2:3"), "[s.svm:2] index 2 is there twice; expected each once in a row");
  EXPECT_EQ(error("1 0:1", {.base = Base::kOne}),
            "[s.svm:1] index 0, where the first column is 1; expected indices from 1, or base 0");
  EXPECT_EQ(error("1 1:1\n1 2:1 3:1\n", {.columns = 2}),
            "[s.svm:2] index 3, and there are 2 columns; expected at most 2");
  EXPECT_EQ(error("1 0:1\n1 2:1\n", {.columns = 2}), "[s.svm:2] index 2, and there are 2 columns; expected at most 1");
  EXPECT_EQ(error("1 1:1 \xFF"),
            "[s.svm:1] byte 6 of the file, 0xFF, is no UTF-8; convert the file with iconv, or leave such rows out with "
            "data.on_bad_row = \"skip\"");
  EXPECT_EQ(usage_error_text([] { parse_libsvm("1 1:1", "s.svm", {.columns = int64_t{1} << 31}); }),
            "[columns] 2147483648 columns; expected 0 to 2147483647");
}

TEST(Libsvm, SkipsBadRowsIfAsked) {
  using BadRow = LibsvmOptions::BadRow;
  const std::string text =
      "1 1:1 3:2\n\n2 2:1 2:2\nx\n3 4:1 qid:1\n4 5:5  # a\n5 1:\xFF\n6 3:3 1:1\n7 2:2 # \xE9\n8 99999999999:1\n9\n";
  for (const size_t block : {1, 2, 7, 100}) {
    const SparseExamples found = parse_libsvm(text, "s.svm", {.on_bad_row = BadRow::kSkip, .block_bytes = block});
    EXPECT_EQ(found.targets, (Doubles{1, 4, 6, 9}));
    EXPECT_EQ(found.lines, (std::vector<int64_t>{1, 6, 8, 11}));
    EXPECT_EQ(found.features.offsets, (Offsets{0, 2, 3, 5, 5}));
    EXPECT_EQ(found.features.indices, (Indices{0, 2, 4, 0, 2}));
    EXPECT_EQ(found.features.values, (Floats{1, 2, 5, 1, 3}));
    EXPECT_EQ(found.features.columns, 5);  // those of rows that are skipped do not count
    EXPECT_EQ(found.skipped.count, 6);
    EXPECT_EQ(found.skipped.first, "[s.svm:3] index 2 is there twice; expected each once in a row");
  }
  const auto first = [](const char* rows, LibsvmOptions options) {
    options.on_bad_row = BadRow::kSkip;
    return parse_libsvm(rows, "s.svm", options).skipped.first;
  };
  EXPECT_EQ(first("1 1:1\n1 3:1\n1 4:1\n", {.columns = 2}),
            "[s.svm:2] index 3, and there are 2 columns; expected at most 2");
  EXPECT_EQ(first("1 1:1\n1 2:1\n", {.base = Base::kZero, .columns = 2}),
            "[s.svm:2] index 2, and there are 2 columns; expected at most 1");
  EXPECT_EQ(first("1 1:1 # \xFF\n1 2:1\n", {}),
            "[s.svm:1] byte 8 of the row, 0xFF, is no UTF-8; expected text in UTF-8");
  EXPECT_EQ(
      error_text([&] { first("x\n", {}); }),
      "[s.svm] there is no row in it but bad ones; the first: [s.svm:1] the label is \"x\"; expected a number, and "
      "pairs of index:value behind it");
}

}  // namespace libsvm_test
}  // namespace gradus
