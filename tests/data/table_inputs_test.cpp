// What is encoded while a table gives up its values, against the same table encoded as a whole.
#include "gradus/data/table_inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gradus/base/hash.h"
#include "gradus/base/memory.h"
#include "gradus/base/threads.h"
#include "tests/testing.h"

namespace gradus {
namespace table_inputs_test {

using Rows = std::vector<int64_t>;

// Enough rows for several blocks. Columns of doubles, of floats and of text, with values missing.
Table large_table(int64_t rows) {
  Table table;
  table.rows = rows;
  table.parts = {{"made", 0}};
  TableColumn a{.name = "a"}, b{.name = "b"}, kind{.name = "kind", .is_number = false, .dictionary = {"x", "y", "z"}};
  for (int64_t row = 0; row < rows; ++row) {
    table.lines.push_back(row + 1);
    a.numbers.push_back(row % 7 == 3 ? std::nan("") : 0.1 * static_cast<double>(row % 1001));
    b.floats.push_back(row % 11 == 5 ? std::nanf("") : 0.3F * static_cast<float>(row % 499));
    kind.codes.push_back(static_cast<int32_t>(row % 4) - 1);
  }
  table.columns = {a, b, kind};
  return table;
}

TableEncoder encoder_of(const Table& table) {
  return TableEncoder::fit(table, Rows{0, 1, 2, 3, 4, 5, 6, 7, 8},
                           {.has_target = false, .feature = {.impute = Impute::kMean, .indicator = true}});
}

TEST(TableInputs, PartsAreRowsOfTheWhole) {
  constexpr int64_t kRows = 200'003;
  const Table table = large_table(kRows);
  const TableEncoder encoder = encoder_of(table);
  const int64_t width = encoder.width();
  ASSERT_EQ(width, 8);  // two numbers with an indicator each, three categories and a missing one
  const Tensor whole = encoder.inputs(table);
  Rows thirds, others;
  for (int64_t row = 0; row < kRows; ++row) (row % 3 == 1 ? thirds : others).push_back(row);
  const Rows some = {0, 65'535, 65'536, kRows - 1};
  for (const int threads : {1, 3}) {
    set_threads(threads);
    Table own = table;
    const InputParts taken = take_inputs(encoder, own, std::vector<Rows>{thirds, others, some, {}});
    EXPECT_EQ(taken.hash, xxh3(whole.bytes(), static_cast<size_t>(whole.numel()) * sizeof(float)));
    ASSERT_EQ(taken.parts.size(), 4u);
    EXPECT_FALSE(taken.parts[3].defined());
    const std::vector<Rows> parts = {thirds, others, some};
    for (size_t i = 0; i < parts.size(); ++i) {
      ASSERT_EQ(taken.parts[i].shape(), Shape({static_cast<int64_t>(parts[i].size()), width}));
      const float* got = taken.parts[i].data<float>();
      for (const int64_t row : parts[i]) {
        ASSERT_TRUE(std::equal(got, got + width, whole.data<float>() + row * width)) << i << ", row " << row;
        got += width;
      }
    }
  }
  set_threads(0);
}

TEST(TableInputs, FloatsAreTheNumbersThatTheyStandFor) {
  Table table = large_table(100), doubles = table;
  doubles.columns[1].numbers.assign(table.columns[1].floats.begin(), table.columns[1].floats.end());
  doubles.columns[1].floats = {};
  const TableEncoder encoder = encoder_of(table);
  EXPECT_EQ(encoder.to_json(), encoder_of(doubles).to_json());
  EXPECT_EQ(encoder.inputs(table).values<double>(), encoder.inputs(doubles).values<double>());
}

TEST(TableInputs, AnErrorNamesTheRowWhoseValueIsStillThere) {
  Table table = large_table(200'003);
  const TableEncoder encoder = encoder_of(table);
  table.columns[0].numbers[200'001] = 1e300;
  const Rows all = {0};
  EXPECT_EQ(error_text([&] {
              take_inputs(encoder, table, {&all, 1});
            }),
            "[made:200002] 1e+300 in column \"a\" is beyond what 32 bits hold; give the column in another unit");
}

#if !GRADUS_POOL_PASSTHROUGH
TEST(TableInputs, TheTableGivesBackItsMemoryMeanwhile) {
  constexpr int64_t kRows = 3'000'000;
  Table table = large_table(kRows);
  const TableEncoder encoder = encoder_of(table);
  const Rows none;
  const int64_t before = resident_bytes();
  take_inputs(encoder, table, {&none, 1});
  // All but the numbers of lines and the first and last pages: 8 + 4 + 4 bytes a row.
  EXPECT_NEAR(static_cast<double>(before - resident_bytes()), 16.0 * kRows, 4e6);
}
#endif

TEST(TableInputs, RefusesAnEncoderOfWhatStandsBesideATable) {
  const TableEncoder encoder = TableEncoder::from_json(
      R"({"array": {"shape": [1048575, 1048577], "mean": 0, "scale": 1}, "target": null})", "columns.json");
  EXPECT_EQ(usage_error_text([&] { encoder.inputs(large_table(3)); }),
            "[made] the model takes no columns of a table; expected an encoder whose features are columns");
}

}  // namespace table_inputs_test
}  // namespace gradus
