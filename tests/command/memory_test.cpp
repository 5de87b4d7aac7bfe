// What a run was said to need, and what its process then held.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/command/command.h"

namespace gradus {
namespace memory_test {

#if !GRADUS_POOL_PASSTHROUGH && GRADUS_ONEDNN
// Asserts that both lie within a tenth of each other.
void expect_prediction(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  std::string name;
  for (const std::string& argument : arguments) name += " " + argument;
  arguments.insert(arguments.begin(), "train");
  arguments.insert(arguments.end(), {"--quiet", "--overwrite", "--out", "run"});
  const CommandResult result = run_gradus(folder, arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json summary = summary_of_run(folder / "run");
  const double predicted = summary["predicted_bytes"], held = summary["peak_rss_bytes"];
  EXPECT_NEAR(predicted, held, 0.1 * held) << name;
}

#endif

TEST(Memory, IsWhatWasSaidBefore) {
#if GRADUS_POOL_PASSTHROUGH || !GRADUS_ONEDNN
  GTEST_SKIP() << "sanitizers have memory of their own, and oneDNN's is a part of what is said";
#else
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 8000; ++i) text += "to be or not to be, ";
  spill(folder / "t.txt", text);
  spill(folder / "gpt.toml",
        "[data]\nkind='text'\npath='t.txt'\n[model]\nkind='gpt'\nlayers=4\nwidth=256\nheads=4\ncontext=128\n"
        "[optimizer]\nname='adamw'\n[train]\nsteps=3\nbatch_size=16\n");
  spill(folder / "mlp.toml",
        "[data]\nkind='moons'\npoints=4000\n[model]\nkind='mlp'\nhidden=[512, 512]\n[train]\nsteps=20\n");
  expect_prediction(folder, {recipe("linear_regression")});
  expect_prediction(folder, {"mlp.toml", "--threads", "1"});
  for (const char* threads : {"1", "2"}) expect_prediction(folder, {"gpt.toml", "--threads", threads});
  expect_prediction(folder, {"gpt.toml", "--isa", "avx2"});
  expect_prediction(folder, {"gpt.toml", "--set", "optimizer.name=sgd"});
  expect_prediction(folder, {"gpt.toml", "--set", "train.micro_batch_size=4"});
  expect_prediction(folder, {"gpt.toml", "--set", "model.recompute=true"});
  expect_prediction(folder, {"gpt.toml", "--set", "train.activations=bf16"});
  // One large matrix, whose update takes more than the forward and backward passes.
  spill(folder / "matrix.toml",
        "[data]\nkind='moons'\npoints=2000\n[model]\nkind='mlp'\nhidden=[2500, 2500]\n[train]\nsteps=2\n"
        "batch_size=32\n");
  for (const char* const optimizer : {"sgd", "muon"}) {
    expect_prediction(folder, {"matrix.toml", "--set", std::string("optimizer.name=") + optimizer});
  }
  spill(folder / "clusters.toml",
        "data = {kind = 'blobs', points = 50000, dimensions = 20}\nmodel = {kind = 'kmeans', clusters = 64}\n"
        "train.steps = 5\n");
  expect_prediction(folder, {"clusters.toml"});
  expect_prediction(folder, {"clusters.toml", "--set", "solver.name=mini_batch"});
  expect_prediction(folder, {"clusters.toml", "--set", "model.kind=gmm"});
#endif
}

// What is read is more than a linear model then takes.
TEST(Memory, OfTablesIsThatOfReadingThem) {
#if GRADUS_POOL_PASSTHROUGH || !GRADUS_ONEDNN
  GTEST_SKIP() << "sanitizers have memory of their own, and oneDNN's is a part of what is said";
#else
  const TemporaryFolder folder;
  std::string csv, svm;
  uint32_t random = 1;
  for (int i = 0; i < 60'000; ++i) {
    std::string row, pairs;
    for (int j = 0; j < 20; ++j) {
      random = 1664525 * random + 1013904223;
      const uint32_t digits = random >> 12;
      row += fmt::format("0.{:07},", digits);
      pairs += fmt::format(" {}:0.{:07}", 1 + 50 * j + digits % 50, digits);
    }
    csv += row + (i % 3 == 0 ? "1" : "0") + "\n";
    svm += (i % 3 == 0 ? "1" : "-1") + pairs + "\n";
  }
  spill(folder / "d.csv", csv);
  spill(folder / "d.svm", svm);
  const std::string model =
      "[model]\nkind = 'linear'\n[loss]\nname = 'binary_cross_entropy'\n[solver]\nname = 'sgd'\n[regularization]\nl2 = "
      "0.01\n[train]\nsteps = 2\n";
  spill(folder / "csv.toml", "[data]\nkind = 'csv'\npath = 'd.csv'\n" + model);
  spill(folder / "svm.toml", "[data]\nkind = 'libsvm'\npath = 'd.svm'\n" + model);
  for (const char* const file : {"csv.toml", "svm.toml"}) {
    expect_prediction(folder, {file});
    expect_prediction(folder, {file, "--set", "solver.name=lbfgs"});
    expect_prediction(folder, {file, "--set", "solver.name=newton"});
    expect_prediction(folder, {file, "--set", "data.rows=streamed"});
    expect_prediction(folder, {file, "--set", "solver.name=none", "--set", "train.batch_size=256"});
  }
#endif
}

// A table gives up its columns while it becomes what the model sees, and is no larger than its file before.
TEST(Memory, OfSolversIsThatOfTheirVectors) {
#if GRADUS_POOL_PASSTHROUGH || !GRADUS_ONEDNN
  GTEST_SKIP() << "sanitizers have memory of their own, and oneDNN's is a part of what is said";
#else
  const TemporaryFolder folder;
  std::string rows;
  for (int i = 0; i < 2000; ++i) {
    rows += fmt::format("{} {}:1 {}:0.5 500000:0.25\n", i % 2 == 0 ? "+1" : "-1", 1 + i * 7 % 300, 1000 + i * 193 % 400'000);
  }
  spill(folder / "wide.svm", rows);
  spill(folder / "wide.toml",
        "data = {kind = \"libsvm\", path = \"wide.svm\"}\nmodel.kind = \"linear\"\nloss.name = \"binary_cross_entropy\"\n"
        "regularization.l2 = 0.001\nsolver = {name = \"lbfgs\", tolerance = 1e-12}\ntrain.steps = 15\n");
  for (const char* solver : {"lbfgs", "gradient_descent", "coordinate_descent"}) {
    expect_prediction(folder, {"wide.toml", "--set", std::string("solver.name=") + solver});
  }
  expect_prediction(folder, {"wide.toml", "--set", "solver.name=ftrl", "--unset", "solver.tolerance"});
  std::string table = "a,b,c,d\n";
  for (int i = 0; i < 3000; ++i) table += fmt::format("{},{},{},{}\n", i % 7, i * i % 11, i % 13 * 0.5, i % 5);
  spill(folder / "t.csv", table);
  spill(folder / "mixture.toml",
        "data = {kind = \"csv\", path = \"t.csv\"}\nmodel = {kind = \"gmm\", clusters = 3}\ntrain.steps = 5\n");
  for (const char* threads : {"1", "8"}) expect_prediction(folder, {"mixture.toml", "--threads", threads});
#endif
}

TEST(Memory, OfAnArrayIsLittleMoreThanItsFile) {
#if GRADUS_POOL_PASSTHROUGH || !GRADUS_ONEDNN
  GTEST_SKIP() << "sanitizers have memory of their own";
#else
  constexpr int kRows = 400'000, kColumns = 40;
  const TemporaryFolder folder;
  const std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}\n", kRows, kColumns);
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header;
  uint32_t random = 1;
  for (int i = 0; i < kRows * kColumns; ++i) {
    random = 1664525 * random + 1013904223;
    const float number = static_cast<float>(random >> 8) * 0x1p-24F;
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  spill(folder / "a.npy", bytes);
  const int64_t most = static_cast<int64_t>(bytes.size()) + (int64_t{64} << 20);
  spill(folder / "c.toml",
        "[data]\nkind = 'numpy'\npath = 'a.npy'\n[model]\nkind = 'linear'\n[solver]\nname = 'sgd'\nrate = "
        "'constant'\n[train]\nsteps = 2\n");
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--quiet", "--out", "run"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_LT(summary_of_run(folder / "run")["peak_rss_bytes"].get<int64_t>(), most);
#endif
}

}  // namespace memory_test
}  // namespace gradus
