#include "gradus/data/table_encoder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "gradus/data/csv.h"
#include "gradus/data/encoder.h"
#include "tests/testing.h"

namespace gradus {
namespace table_encoder_test {

using testing::EndsWith;
using Names = std::vector<std::string>;

// Of the first three rows: a has mean 2 and deviation √(2/3), b is constant.
Table table() { return parse_csv("a,b,kind,y\n1,5,dog,10\n2,5,cat,20\n3,5,dog,30\n9,7,ape,90\n", "t.csv"); }

const std::vector<int64_t> kFirst = {0, 1, 2};

TEST(TableEncoder, StandardizesByTheTrainingPart) {
  const TableEncoder encoder = TableEncoder::fit(table(), kFirst, {.features = {"b", "a"}, .standardize_target = true});
  const double deviation = std::sqrt(2.0 / 3.0);
  ASSERT_EQ(encoder.features().size(), 2u);
  EXPECT_EQ(encoder.features()[0].name, "b");
  EXPECT_EQ(encoder.features()[0].mean, 5.0);
  EXPECT_EQ(encoder.features()[0].scale, 1.0);  // constant
  EXPECT_DOUBLE_EQ(encoder.features()[1].scale, deviation);
  const std::vector<double> x = encoder.inputs(table()).values<double>();
  EXPECT_EQ(x[0], 0.0);
  EXPECT_EQ(x[1], static_cast<float>(-1.0 / deviation));
  EXPECT_EQ(x[6], 2.0);
  EXPECT_EQ(x[7], static_cast<float>(7.0 / deviation));
  const Tensor y = encoder.targets(table());
  EXPECT_EQ(y.shape(), Shape({4, 1}));
  EXPECT_EQ(y.values<double>()[0], static_cast<float>(-1.0 / deviation));
  EXPECT_NEAR(encoder.original(y.values<double>()[3]), 90.0, 1e-5);
  EXPECT_TRUE(encoder.classes().empty());
}

TEST(TableEncoder, LeavesNumbersAsTheyAreIfAsked) {
  const TableEncoder encoder =
      TableEncoder::fit(table(), kFirst, {.features = {"a"}, .feature = {.scaling = Scaling::kNone}});
  EXPECT_EQ(encoder.inputs(table()).values<double>(), (std::vector<double>{1, 2, 3, 9}));
  EXPECT_EQ(encoder.targets(table()).values<double>(), (std::vector<double>{10, 20, 30, 90}));
}

TEST(TableEncoder, KnowsClassesByName) {
  const TableEncoder texts = TableEncoder::fit(table(), kFirst, {.features = {"a"}, .target = "kind", .classes = true});
  EXPECT_EQ(texts.classes(), (Names{"ape", "cat", "dog"}));
  EXPECT_EQ(texts.targets(table()).values<double>(), (std::vector<double>{2, 1, 2, 0}));
  EXPECT_EQ(texts.targets(table()).dtype(), DType::kI64);
  // Numbers in their own order, not in that of their digits.
  const TableEncoder numbers =
      TableEncoder::fit(parse_csv("x,n\n0,10\n0,9\n0,2.5", "n.csv"), kFirst, {.classes = true});
  EXPECT_EQ(numbers.classes(), (Names{"2.5", "9", "10"}));
}

TEST(TableEncoder, ComesBackFromJson) {
  const TableEncoder encoder =
      TableEncoder::fit(table(), kFirst, {.features = {"a"}, .target = "kind", .classes = true});
  const std::string json = encoder.to_json();
  const TableEncoder again = TableEncoder::from_json(json, "columns.json");
  EXPECT_EQ(again.to_json(), json);
  EXPECT_EQ(again.inputs(table()).values<double>(), encoder.inputs(table()).values<double>());
  EXPECT_EQ(encoder_file(DataEncoder(encoder)), "columns.json");
  EXPECT_EQ(encoder_json(encoder_from_json("columns.json", json, "f")), json);
  EXPECT_EQ(encoder_file(DataEncoder()), "");
}

TEST(TableEncoder, KeepsThatClassesHaveAColumnEach) {
  const Table table = parse_csv("x,a,b\n1,0.25,0.75\n2,1,0\n3,0,1", "t.csv");
  const TableEncoder encoder = TableEncoder::fit(table, kFirst, {.soft_classes = {"a", "b"}, .classes = true});
  EXPECT_TRUE(encoder.is_soft());
  EXPECT_EQ(encoder.features().size(), 1u);
  EXPECT_EQ(encoder.classes(), (std::vector<std::string>{"a", "b"}));
  const TableEncoder again = TableEncoder::from_json(encoder.to_json(), "c.json");
  EXPECT_EQ(again.to_json(), encoder.to_json());
  EXPECT_EQ(again.target_columns(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(again.targets(table).values<double>(), (std::vector<double>{0.25, 0.75, 1.0, 0.0, 0.0, 1.0}));
  EXPECT_EQ(again.inputs(table).values<double>(), encoder.inputs(table).values<double>());
}

TEST(TableEncoder, KeepsSeveralTargetsEachInItsUnit) {
  const Table table = parse_csv("x,a,b\n1,1,70\n2,3,80\n3,5,90", "t.csv");
  const TableEncoder encoder =
      TableEncoder::fit(table, kFirst, {.number_targets = {"b", "a"}, .standardize_target = true});
  EXPECT_EQ(encoder.features().size(), 1u);
  EXPECT_EQ(encoder.all_targets().size(), 2u);
  EXPECT_EQ(encoder.all_targets()[0].mean, 80.0);
  EXPECT_EQ(encoder.all_targets()[1].mean, 3.0);
  const Tensor y = encoder.targets(table);
  EXPECT_EQ(y.shape(), Shape({3, 2}));
  EXPECT_NEAR(encoder.original(y.values<double>()[0], 0), 70.0, 1e-5);
  EXPECT_NEAR(encoder.original(y.values<double>()[1], 1), 1.0, 1e-6);
  const TableEncoder again = TableEncoder::from_json(encoder.to_json(), "c.json");
  EXPECT_EQ(again.to_json(), encoder.to_json());
  EXPECT_EQ(again.target_columns(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(again.targets(table).values<double>(), y.values<double>());
}

TEST(TableEncoder, RefusesClassesThatAlmostEveryRowHasOfItsOwn) {
  const auto error = [](int rows, int classes, const char* prefix) {
    std::string text = "x,id\n";
    for (int i = 0; i < rows; ++i) text += fmt::format("{},{}{}\n", i, prefix, i % classes);
    return usage_error_text([&] { TableEncoder::fit(parse_csv(text, "t.csv"), kFirst, {.classes = true}); });
  };
  EXPECT_EQ(
      error(40, 40, ""),
      "[t.csv] column \"id\" has 40 different numbers in 40 rows, \"0\", \"1\", …, which are no classes to learn; "
      "learn numbers with loss.name = \"mse\", or name another column with data.target");
  EXPECT_EQ(
      error(50, 26, "n"),
      "[t.csv] column \"id\" has 26 different texts in 50 rows, \"n0\", \"n1\", …, which are no classes to learn; "
      "name another column with data.target");
  EXPECT_EQ(error(50, 25, ""), "no error");
  EXPECT_EQ(error(19, 19, ""), "no error");
}

TEST(TableEncoder, RefusesDamagedJson) {
  const auto error = [](const char* json) { return error_text([&] { TableEncoder::from_json(json, "c.json"); }); };
  const std::string expected = "; expected the columns of a table as gradus writes them";
  EXPECT_EQ(error("{}"), "[c.json] there is no \"features\"" + expected);
  EXPECT_EQ(error(R"({"features": []})"), "[c.json] \"features\" is no list of at least one column" + expected);
  EXPECT_EQ(error(R"({"features": [{"name": 1}]})"), "[c.json] a column's name is no text" + expected);
  EXPECT_EQ(error(R"({"features": [{"name": "a", "mean": 0, "scale": 0}]})"),
            "[c.json] a scale is not above 0" + expected);
  EXPECT_EQ(error(R"({"features": [{"name": "a", "mean": "x", "scale": 1}]})"),
            "[c.json] a mean, a scale, a fill or a number of buckets is no number" + expected);
  EXPECT_EQ(error(R"({"sparse": {"columns": 0, "first": 0}})"),
            "[c.json] the number of sparse columns is none from 1 to 2^31 - 1" + expected);
  EXPECT_EQ(error(R"({"sparse": {"columns": 3, "first": 2}})"),
            "[c.json] the first sparse column is not 0 or 1" + expected);
  const std::string start = R"({"features": [{"name": "a", "mean": 0, "scale": 1}],)";
  EXPECT_EQ(error((start + R"("target": {"name": "y", "mean": 0, "scale": 1, "classes": 3}})").c_str()),
            "[c.json] \"classes\" is no list" + expected);
  EXPECT_EQ(error((start + R"("target": {"name": "y", "mean": "x", "scale": 1, "classes": []}})").c_str()),
            "[c.json] a mean or a scale is no number" + expected);
  EXPECT_EQ(error((start + R"("target": {"name": "y", "mean": 0, "scale": 1, "classes": ["x", 2]}})").c_str()),
            "[c.json] one of \"classes\" is no text" + expected);
  EXPECT_EQ(error((start + R"("target": {"name": "y", "mean": 0, "scale": 1, "classes": ["x"]}})").c_str()),
            "[c.json] there is one class" + expected);
  EXPECT_EQ(error((start + R"("target": [{"name": "y", "mean": 0, "scale": 1, "classes": []}]})").c_str()),
            "[c.json] the list of targets has less than two" + expected);
  for (const char* end : {R"("classes": ["x", "y"], "soft": 1}})", R"("classes": [], "soft": true}})"}) {
    EXPECT_EQ(error((start + R"("target": {"name": "", "mean": 0, "scale": 1, )" + end).c_str()),
              "[c.json] \"soft\" is not of classes" + expected);
  }
}

TEST(TableEncoder, SaysWhichColumnIsWrong) {
  const auto error = [](const TableEncoderOptions& o) {
    return usage_error_text([&] { TableEncoder::fit(table(), kFirst, o); });
  };
  EXPECT_EQ(error({.features = {"z"}}), "[t.csv] there is no column \"z\"; there are: a, b, kind, y");
  EXPECT_EQ(error({.target = "z"}), "[t.csv] there is no column \"z\"; there are: a, b, kind, y");
  EXPECT_EQ(error({.features = {"a", "a"}}), "[t.csv] column \"a\" is named twice as a feature");
  EXPECT_EQ(error({.features = {"y"}}), "[t.csv] column \"y\" is the target, and named as a feature too");
  EXPECT_EQ(error({.features = {"a", "kind"}, .feature = {.categories = CategoryEncoding::kNone}}),
            "[t.csv:2] column \"kind\" holds text, \"dog\", where the model takes a number; mend the file, or name the "
            "columns to learn from with data.features");
  EXPECT_EQ(error({.features = {"a"}, .target = "kind"}),
            "[t.csv:2] column \"kind\" holds text, \"dog\"; a target that is not a class must be a number: name the "
            "column that is with data.target, or learn classes with loss.name = \"cross_entropy\"");
  EXPECT_EQ(error({.features = {"a"}, .log1p = {"b"}}),
            "[t.csv] data.log1p names \"b\", which is no feature; those are: a");
  EXPECT_EQ(usage_error_text([] { TableEncoder::fit(parse_csv("y\n1\n2", "y.csv"), kFirst, {}); }),
            "[y.csv] the only column is the target, \"y\"; expected features beside it");
  for (const auto& [line, name] : {std::pair("y;b", "semicolon"), {"y\tb", "tab"}, {"y|b", "pipe"}, {"y b", "space"}}) {
    EXPECT_EQ(usage_error_text([&] { TableEncoder::fit(parse_csv(line, "y.csv"), kFirst, {}); }),
              fmt::format("[y.csv] the only column is the target, \"1\"; expected features beside it. If a {} stands "
                          "between fields, set data.separator = \"{}\"",
                          name, name));
  }
  EXPECT_EQ(
      usage_error_text([] { TableEncoder::fit(parse_csv("x,y\n1,2\n2,2\n3,2", "y.csv"), kFirst, {.classes = true}); }),
      "[y.csv] column \"y\" is the class to learn, and it is \"2\" in every row; expected two or more");
}

TEST(TableEncoder, SaysWhatToDoAboutFieldsThatLookLikeNumbers) {
  const auto target = [](const char* text) {
    return usage_error_text([&] { TableEncoder::fit(parse_csv(text, "t.csv"), kFirst, {}); });
  };
  EXPECT_THAT(
      target("a,y\n1,\"1,5\"\n2,\"2,5\"\n3,\"3,5\"\n"),
      EndsWith("loss.name = \"cross_entropy\"; a comma in a number is not read: write 1.5 for 1,5, and 1000 for "
               "1,000"));
  EXPECT_THAT(target("a,y\n1,$1.50\n2,$2.50\n3,$3.50\n"),
              EndsWith("loss.name = \"cross_entropy\"; a sign beside a number is not read: write 1.5 for $1.5, and 5 "
                       "for 5%"));
}

TEST(TableEncoder, NumbersOfRowsAreNoFeatureUnlessNamed) {
  const Table table = parse_csv(",a,y\n0,1,2\n1,3,4\n2,5,6\n", "t.csv");
  EXPECT_EQ(TableEncoder::fit(table, kFirst, {}).input_names(), std::vector<std::string>{"a"});
  const std::vector<std::string> both = {"Unnamed: 0", "a"};
  EXPECT_EQ(TableEncoder::fit(table, kFirst, {.features = both}).input_names(), both);
  // A model of a table without them takes one that has them.
  const TableEncoder encoder = TableEncoder::fit(parse_csv("a,y\n1,2\n3,4\n5,6\n", "t.csv"), kFirst, {});
  EXPECT_EQ(encoder.inputs(table).numel(), 3);
}

TEST(TableEncoder, RefusesACategoryForEveryRow) {
  std::string text = "name,y\n";
  for (int i = 0; i < 70000; ++i) text += fmt::format("n{},{}\n", i, i);
  const Table names = parse_csv(text, "n.csv");
  std::vector<int64_t> all(static_cast<size_t>(names.rows));
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(
      usage_error_text([&] { TableEncoder::fit(names, all, {}); }),
      "[n.csv] the features give 70000 inputs, 70000 of them by column \"name\"; at most 65536 are possible: leave "
      "it out of data.features, or set data.categories = \"hash\"");
  const FeatureOptions hash{.categories = CategoryEncoding::kHash, .buckets = 16};
  EXPECT_EQ(TableEncoder::fit(names, all, {.feature = hash}).width(), 16);
}

TEST(TableEncoder, SaysWhichRowIsWrong) {
  const TableEncoder encoder =
      TableEncoder::fit(table(), kFirst, {.features = {"a"}, .target = "kind", .classes = true});
  EXPECT_EQ(
      error_text([&] { encoder.targets(parse_csv("a,kind\n1,cat\n2,cow", "new.csv")); }),
      "[new.csv:3] \"cow\" in column \"kind\" is a class that the model does not know; it was made for: ape, cat, dog");
  // The first field that is no number, not the first field.
  EXPECT_EQ(error_text([&] { encoder.inputs(parse_csv("a,kind\n1,cat\n-,cow", "new.csv")); }).substr(0, 38),
            "[new.csv:3] column \"a\" holds text, \"-\"");
}

TEST(TableEncoder, RefusesWhatFloatsDoNotHold) {
  const Table large = parse_csv("a,y\n1e308,1\n-1e308,2\n1e308,3", "t.csv");
  EXPECT_EQ(usage_error_text([&] { TableEncoder::fit(large, kFirst, {}); }),
            "[t.csv] column \"a\" has numbers too large to be scaled; give it in another unit");
  const TableEncoder plain = TableEncoder::fit(large, kFirst, {.feature = {.scaling = Scaling::kNone}});
  EXPECT_EQ(error_text([&] { plain.inputs(large); }),
            "[t.csv:2] 1e+308 in column \"a\" is beyond what 32 bits hold; give the column in another unit");
}

TEST(TableEncoder, RefusesMissingValues) {
  const std::string of_target =
      ", which is to be learned, is missing; fill it, or remove the row (of tables and arrays data.unlabelled = "
      "\"leave_out\" does)";
  const Table t = parse_csv("a,kind,y\n1,x,2\nNA,y,3\n3,,NA\n", "t.csv");
  const auto error = [&](const TableEncoderOptions& o) {
    return usage_error_text([&] { TableEncoder::fit(t, kFirst, o); });
  };
  EXPECT_EQ(error({.features = {"a"}}), "[t.csv:4] the value of column \"y\"" + of_target);
  EXPECT_EQ(error({.features = {"a"}, .target = "kind", .classes = true}),
            "[t.csv:4] the value of column \"kind\"" + of_target);
  const Table good = parse_csv("a,kind,y\n1,x,1\n2,y,1\n3,y,1\n", "good.csv");
  const TableEncoder encoder = TableEncoder::fit(good, kFirst, {.features = {"a"}, .target = "kind", .classes = true});
  EXPECT_EQ(
      usage_error_text([&] { encoder.inputs(t); }),
      "[t.csv:3] the value of column \"a\" is missing; fill it, or train with data.impute, which says what takes its "
      "place");
  EXPECT_EQ(usage_error_text([&] { encoder.targets(t); }), "[t.csv:4] the value of column \"kind\"" + of_target);
}

// One field that is none in a column of numbers would make a category of each number.
TEST(TableEncoder, RefusesAFewTextsAmongNumbers) {
  const Table t = parse_csv("a,y\n1,1\n2,1\ninf,2\n4,2\n", "t.csv");
  const std::vector<int64_t> all = {0, 1, 2, 3};
  EXPECT_EQ(
      usage_error_text([&] { TableEncoder::fit(t, all, {}); }),
      "[t.csv:4] \"inf\" in column \"a\" is no number, and most of the column's values are; mend the file, name it in "
      "data.missing if it stands for a missing value, or name the column in data.category_columns");
  EXPECT_EQ(TableEncoder::fit(t, all, {.categories = {"a"}}).width(), 4);
  const Table codes = parse_csv("a,y\n1,1\n2b,1\n2a,2\n4,2\n", "t.csv");
  EXPECT_EQ(TableEncoder::fit(codes, all, {}).width(), 4);
}

TEST(TableEncoder, RefusesColumnsThatTheTrainingFileHadNot) {
  const Table t = parse_csv("id,a,y\n7,1,1\n8,2,1\n", "t.csv");
  const std::vector<int64_t> all = {0, 1};
  const TableEncoder encoder = TableEncoder::from_json(TableEncoder::fit(t, all, {.features = {"a"}}).to_json(), "f");
  EXPECT_EQ(encoder.inputs(parse_csv("y,a,id\n1,1,7\n", "n.csv")).numel(), 1);  // in another order, and not used
  EXPECT_EQ(usage_error_text([&] { encoder.inputs(parse_csv("a,b\n1,1\n", "n.csv")); }),
            "[n.csv] column \"b\" is new: the file that the model learned from had none of that name; take it out");
}

}  // namespace table_encoder_test
}  // namespace gradus
