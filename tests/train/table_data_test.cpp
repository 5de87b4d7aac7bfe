// Tables in a run: what [data] says of their text, of NumPy's arrays, and of weights.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "gradus/train/prediction.h"
#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace table_data_test {

Config table(const std::filesystem::path& path, Overrides keys = {}) {
  keys.push_back(Config::text_override("data.path", path.string()));
  return Config::parse(
      "data = {kind = \"csv\", validation_fraction = 0.0, scaling = \"none\"}\n"
      "model = {kind = \"linear\", init = \"zeros\"}\ntrain.steps = 3\n",
      "run.toml", keys);
}

std::vector<double> inputs_of(const ExperimentData& data) {
  return dynamic_cast<const TensorDataset&>(*data.training).inputs().values<double>();
}

TEST(TableData, BadRowsAreLeftOutAndCountedIfAskedFor) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n1,2\n2,3,4\n3,4\n5\n6,7\n");
  const std::string path = (folder / "t.csv").string();
  EXPECT_EQ(program_error([&] { make_data(table(path)); }).substr(0, path.size() + 3), "[" + path + ":3");
  const ExperimentData data = make_data(table(path, {"data.on_bad_row=skip"}));
  EXPECT_EQ(inputs_of(data), (std::vector<double>{1, 3, 6}));
  EXPECT_EQ(data.left_out.skipped.count, 2);
  EXPECT_EQ(left_out_text(data), fmt::format("2 rows are left out, as something is wrong with them; the first: {}\n",
                                             data.left_out.skipped.first));
  EXPECT_EQ(data.left_out.skipped.first, fmt::format("[{}:3] 3 fields; expected 2, as in line 1", path));
  gradus::Run(table(path, {"data.on_bad_row=skip"}), folder / "run").train();
  EXPECT_EQ(slurp(folder / "run/split.csv"), "row,part\n0,training\n1,training\n2,training\n");
}

TEST(TableData, CommentsAndMissingFieldsAreAsTheKeysSay) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n# of no use\n1,2\n-999,3\n,4\n");
  const ExperimentData data = make_data(
      table(folder / "t.csv", {"data.comment=#", "data.missing=-999", "data.impute=constant", "data.impute_value=7"}));
  EXPECT_EQ(inputs_of(data), (std::vector<double>{1, 7, 7}));
  EXPECT_EQ(parse_error("data = {kind = \"csv\", path = \"a\", comment = \"//\"}\nmodel.kind = \"linear\"\n"
                        "train.steps = 1\n"),
            "[run.toml:1:35] data.comment = \"//\"; expected one ASCII character, such as \"#\"");
}

// Each row has a prediction, so that none can be left out.
TEST(TableData, PredictionsDoNotOfferToLeaveRowsOut) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n1,2\n2,3\n3,4\n");
  gradus::Run(table(folder / "t.csv"), folder / "run").train();
  const std::string bad = (folder / "bad.csv").string();
  spill(bad, "x\n1\n\xFF\n");
  EXPECT_EQ(error_text([&] { predict_files(load(folder / "run"), {bad}, [](const Predictions&) {}); }),
            fmt::format("[{}:3] byte 4 of the file, 0xFF, is no UTF-8; convert the file with iconv", bad));
}

TEST(TableData, CategoriesThatLookLikeNumbersAreNoted) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "a|b|c|y\n1,5|x|$2|3\n2,5|$3|$4|5\n");
  const ExperimentData data = make_data(table(folder / "t.csv", {"data.separator=pipe"}));
  const std::vector<std::string> expected = {
      "column \"a\" holds text, \"1,5\", which is a category; a comma in a number is not read: write 1.5 for 1,5, and "
      "1000 for 1,000",
      "column \"c\" holds text, \"$2\", which is a category; a sign beside a number is not read: write 1.5 for $1.5, "
      "and 5 for 5%"};
  EXPECT_EQ(data.notes, expected);
}

TEST(TableData, NumbersOfRowsAreAFeatureIfNamed) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", ",x,y\n7,1,2\n8,2,3\n");
  EXPECT_EQ(inputs_of(make_data(table(folder / "t.csv"))), (std::vector<double>{1, 2}));
  EXPECT_EQ(inputs_of(make_data(table(folder / "t.csv", {"data.features=[\"Unnamed: 0\"]"}))),
            (std::vector<double>{7, 8}));
}

TEST(TableData, ALineOfNamesIsNoExample) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n");
  EXPECT_EQ(program_error([&] { make_data(table(folder / "t.csv")); }),
            fmt::format("[{}] its only line, \"x\", \"y\", has no number, as a line of names has none; expected rows "
                        "below it",
                        (folder / "t.csv").string()));
}

TEST(TableData, TheSplitIsWrittenDown) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n1,2\n2,3\n3,4\n5,6\n6,7\n");
  gradus::Run(table(folder / "t.csv", {"data.validation_fraction=0.4", "data.split=in_order"}), folder / "run").train();
  EXPECT_EQ(slurp(folder / "run/split.csv"),
            "row,part\n0,training\n1,training\n2,training\n3,validation\n4,validation\n");
}

// numpy.save of [[1, 2, 3], [4, 5, 6]] as <f8, version 1.0.
std::string numpy_array() {
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
  header.resize(117, ' ');
  header += '\n';
  std::string file = std::string("\x93NUMPY\x01\x00", 8) + char(118) + '\0' + header;
  for (const double x : {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}) file.append(reinterpret_cast<const char*>(&x), sizeof x);
  return file;
}

TEST(TableData, ArraysOfNumpyAreTables) {
  const TemporaryFolder folder;
  spill(folder / "t.npy", numpy_array());
  const ExperimentData data = make_data(table(folder / "t.npy", {"data.kind=numpy"}));
  EXPECT_EQ(inputs_of(data), (std::vector<double>{1, 2, 4, 5}));
  EXPECT_EQ(dynamic_cast<const TensorDataset&>(*data.training).targets().values<double>(), (std::vector<double>{3, 6}));
  gradus::Run(table(folder / "t.npy", {"data.kind=numpy", "data.target=1"}), folder / "run").train();
  const TrainedRun run = load(folder / "run");
  EXPECT_EQ(std::get<TableEncoder>(run.encoder()).target().name, "1");
  EXPECT_EQ(predict_files(run, {(folder / "t.npy").string()}).numbers.size(), 2U);
}

TEST(TableData, WeightsAreAColumnThatIsNoFeature) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,w,y\n1,0.5,2\n2,0,3\n");
  const ExperimentData data = make_data(table(folder / "t.csv", {"data.weight=w"}));
  EXPECT_EQ(inputs_of(data), (std::vector<double>{1, 2}));
  EXPECT_EQ(dynamic_cast<const TensorDataset&>(*data.training).weights().values<double>(),
            (std::vector<double>{0.5, 0}));
  const auto error = [&](const std::string& rows, Overrides keys = {}) {
    keys.emplace_back("data.weight=w");
    spill(folder / "bad.csv", "x,w,y\n" + rows);
    const std::string path = (folder / "bad.csv").string();
    try {
      make_data(table(path, keys));
    } catch (const Error& e) {
      std::string text = e.what();
      const size_t at = text.find(path);
      return at == std::string::npos ? text : text.replace(at, path.size(), "bad.csv");
    }
    return std::string();
  };
  EXPECT_EQ(error("1,-1,2\n2,1,3\n"), "[bad.csv:2] the weight in column \"w\" is -1; expected a number from 0");
  EXPECT_EQ(error("1,,2\n2,1,3\n"), "[bad.csv:2] the weight in column \"w\" is missing; expected a number from 0");
  EXPECT_EQ(error("1,0,2\n2,0,3\n"),
            "[bad.csv] the weights in column \"w\", which data.weight names, are all 0; expected some above 0");
  EXPECT_EQ(error("1,0,2\n2,1,3\n", {"data.split=in_order", "data.validation_fraction=0.5"}),
            "[bad.csv] the weights in column \"w\", which data.weight names, are all 0 in the rows to train on; "
            "expected some above 0");
  EXPECT_EQ(error("1,1,2\n2,0,3\n", {"data.split=in_order", "data.validation_fraction=0.5"}),
            "[bad.csv] the weights in column \"w\", which data.weight names, are all 0 in the rows to validate with; "
            "expected some above 0");
  EXPECT_EQ(
      error("1,a,2\n2,b,3\n"),
      "[bad.csv:2] \"a\" in column \"w\", which data.weight names, is no number; expected one from 0, what the row "
      "counts");
  EXPECT_EQ(error("1,1,2\n2,inf,3\n"),
            "[bad.csv:3] \"inf\" in column \"w\", which data.weight names, is no number; expected one from 0, what the "
            "row counts");
}

}  // namespace table_data_test
}  // namespace gradus
