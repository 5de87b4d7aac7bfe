// `gradus bench`, and what `gradus train --dry-run` says.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "gradus/tensor/safetensors.h"
#include "tests/command/command.h"
#include "tests/reads.h"

namespace gradus {
namespace bench_test {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(BenchCommand, PrintsItsFiguresAsJson) {
  const TemporaryFolder folder;
  const CommandResult result = run_gradus(
      folder, {"bench", "gpt", "--preset", "gpt-1m", "--batch", "2", "--seq", "16", "--steps", "3", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json json = nlohmann::json::parse(result.out);
  for (const char* key : {"step_ms_median", "tokens_per_s", "model_gflops", "fma_peak_gflops", "peak_fraction",
                          "memory_gb_per_s", "peak_rss_bytes", "loss"}) {
    EXPECT_GT(json[key].get<double>(), 0.0) << key;
  }
  // 4 blocks of 12·128² + 13·128, two norms' worth at the end, tables of 65 and 16 vectors.
  EXPECT_EQ(json["parameters"], 4 * (12 * 128 * 128 + 13 * 128) + 2 * 128 + (65 + 16) * 128);
  const double step_s = json["step_ms_median"].get<double>() / 1e3;
  EXPECT_NEAR(json["tokens_per_s"].get<double>() * step_s, 2 * 16, 1e-9);
  // 6 · (weights in products + T · C · layers) a token.
  const double flops = 6.0 * (4 * 12 * 128 * 128 + 65 * 128 + 16 * 128 * 4) * 2 * 16;
  EXPECT_NEAR(json["model_gflops"].get<double>() * step_s * 1e9, flops, 1e-6 * flops);
  EXPECT_NEAR(json["loss"].get<double>(), std::log(65.0), 0.2);  // made-up tokens: nothing to learn
}

TEST(BenchCommand, RecomputingGivesTheSameLossInLessMemory) {
  const TemporaryFolder folder;
  const std::vector<std::string> words = {"bench", "gpt",     "--preset", "gpt-1m", "--batch",
                                          "96",    "--steps", "1",        "--json"};
  std::vector<std::string> again = words;
  again.push_back("--recompute");
  const nlohmann::json kept = nlohmann::json::parse(run_gradus(folder, words).out);
  const nlohmann::json recomputed = nlohmann::json::parse(run_gradus(folder, again).out);
  EXPECT_EQ(kept["loss"], recomputed["loss"]);
#if !GRADUS_POOL_PASSTHROUGH  // AddressSanitizer keeps what is freed
  EXPECT_LT(recomputed["peak_rss_bytes"].get<int64_t>(), kept["peak_rss_bytes"].get<int64_t>() * 3 / 4);
#endif
}

TEST(BenchCommand, ProfilesByOp) {
  const TemporaryFolder folder;
  const CommandResult result = run_gradus(folder, {"bench", "gpt", "--preset", "gpt-1m", "--steps", "2", "--profile"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* op : {"norm_feed_forward backward", "norm_linear forward", "linear_cross_entropy forward",
                         "causal_attention backward", "AdamW"}) {
    EXPECT_THAT(result.out, HasSubstr(std::string("\n") + op));
  }
}

TEST(BenchCommand, ProfilesAsJson) {
  const TemporaryFolder folder;
  const CommandResult result =
      run_gradus(folder, {"bench", "gpt", "--preset", "gpt-1m", "--steps", "2", "--profile", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json json = nlohmann::json::parse(result.out);
  EXPECT_THAT(json["flops_formula"].get<std::string>(), StartsWith("6 * (weights in matrix products + "));
  double milliseconds = 0.0;
  for (const auto& row : json["profile"]) {
    milliseconds += row["ms"].get<double>();
    if (row["op"] != "norm_linear forward") continue;
    EXPECT_EQ(row["calls"], 4);
    EXPECT_EQ(row["flops"], 4 * 2.0 * 384 * 128 * 768);  // layers · 2 · weights · tokens
    EXPECT_GT(row["of_limit"], 0.0);
  }
  EXPECT_GT(milliseconds, 0.0);
}

// Every network, as small as it gets. Parameters of ResNet-18 and -50 are those of torchvision's (the first with the
// small stem and 10 classes), the others are counted by hand.
TEST(BenchCommand, TrainsOtherNetworks) {
  const TemporaryFolder folder;
  const std::map<std::string, int64_t> networks = {
      {"resnet18", 11'173'962},
      {"mnist_cnn", 9 * 32 + 32 + 288 * 64 + 64 + 3136 * 128 + 128 + 1280 + 10},
      {"lstm", 256 * 1000 + 2 * 1024 * 256 + 2 * 1024 + 2560 + 10},
      {"encoder", (1000 + 128) * 512 + 6 * (12 * 512 * 512 + 13 * 512) + 2 * 512 + 5120 + 10},
      {"resnet50", 25'557'032}};
  for (const auto& [name, parameters] : networks) {
    const CommandResult result = run_gradus(
        folder, {"bench", "network", "--preset", name, "--batch", "1", "--steps", "1", "--profile", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const nlohmann::json json = nlohmann::json::parse(result.out);
    for (const char* key : {"step_ms_median", "examples_per_s", "model_gflops", "fma_peak_gflops", "peak_fraction",
                            "memory_gb_per_s", "peak_rss_bytes", "loss"}) {
      EXPECT_GT(json[key].get<double>(), 0.0) << name << " " << key;
    }
    EXPECT_EQ(json["parameters"], parameters) << name;
    const double step_s = json["step_ms_median"].get<double>() / 1e3;
    EXPECT_NEAR(json["examples_per_s"].get<double>() * step_s, 1.0, 1e-9);
    if (name != "mnist_cnn") continue;
    // 3 · 2 · (multiply-adds of a picture's forward pass).
    const double flops = 6.0 * (784 * 288 + 196 * 288 * 64 + 3136 * 128 + 1280);
    EXPECT_NEAR(json["model_gflops"].get<double>() * step_s * 1e9, flops, 1e-6 * flops);
    EXPECT_NEAR(json["loss"].get<double>(), std::log(10.0), 0.5);  // made-up classes
    EXPECT_NE(std::find_if(json["profile"].begin(), json["profile"].end(),
                           [](const auto& row) { return row["op"] == "conv2d backward" && row["calls"] == 2; }),
              json["profile"].end());
  }
}

// The ops of a block that runs again are there by themselves, and twice as often forwards.
TEST(BenchCommand, ProfilesInsideWhatIsRecomputed) {
  const TemporaryFolder folder;
  const CommandResult result =
      run_gradus(folder, {"bench", "gpt", "--preset", "gpt-1m", "--steps", "2", "--profile", "--json", "--recompute"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::map<std::string, int64_t> calls;
  const nlohmann::json json = nlohmann::json::parse(result.out);
  std::map<std::string, double> flops;
  for (const auto& row : json["profile"]) {
    calls[row["op"]] = row["calls"];
    flops[row["op"]] = row["flops"];
  }
  EXPECT_EQ(flops["norm_linear forward"], flops["norm_linear backward"]);  // twice the work, half as often
  EXPECT_EQ(calls["norm_linear forward"], 8);
  EXPECT_EQ(calls["norm_linear backward"], 4);
  EXPECT_EQ(calls["causal_attention forward"], 8);
  EXPECT_EQ(calls["recompute backward"], 4);
}

#if !GRADUS_POOL_PASSTHROUGH  // the sanitizers' own malloc has to find all of it
TEST(BenchCommand, RefusesWhatMemoryIsTooSmallFor) {
  const TemporaryFolder folder;
  const CommandResult result = run_gradus(folder, {"bench", "gpt", "--batch", "16384", "--seq", "1024"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("gradus: [memory] the run needs "));
  EXPECT_THAT(result.err, HasSubstr(" for activations: a smaller --batch or --seq"));
}
#endif

TEST(BenchCommand, Messages) {
  const TemporaryFolder folder;
  const auto error = [&](std::vector<std::string> words) {
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({"bench", "gpt", "--preset", "gpt-3"}),
            "gradus: [preset] \"gpt-3\" is not known; expected gpt2-124m, gpt-10m or gpt-1m\n");
  EXPECT_EQ(
      error({"bench", "gpt", "--batch", "1073741824", "--seq", "1073741824"}),
      "gradus: [bench] 1073741824 sequences of 1073741824 tokens in a step; expected up to 16777216 tokens: take a "
      "smaller batch\n");
  EXPECT_THAT(error({"bench", "gpt", "--batch", "0"}), HasSubstr("must be a decimal integer from 1 to "));
  EXPECT_EQ(error({"bench", "network", "--preset", "alexnet"}),
            "gradus: [preset] \"alexnet\" is not known; expected resnet18, resnet50, mnist_cnn, lstm or encoder\n");
  EXPECT_EQ(error({"bench", "network", "--preset", "mnist_cnn", "--batch", "1073741824"}),
            "gradus: [bench] a batch of 1073741824; expected 1 to 342392 examples of 784 numbers\n");
}

// Classes drawn by probabilities that the model can have: no objective is below what those cost.
TEST(BenchCommand, TimesSolversOfLinearModels) {
  const TemporaryFolder folder;
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"bench", "linear", "--json"});
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out);
  };
  const auto sgd = run({"--rows", "3000", "--columns", "10", "--l2", "0.01", "--threads", "2"});
  for (const auto& [key, value] : std::map<std::string, nlohmann::json>{{"solver", "sgd"},
                                                                        {"loss", "logistic"},
                                                                        {"rows", 3000},
                                                                        {"columns", 10},
                                                                        {"stored", 30000},
                                                                        {"steps", 5},
                                                                        {"repeats", 3},
                                                                        {"threads", 2}}) {
    EXPECT_EQ(sgd[key], value) << key;
  }
  EXPECT_NEAR(sgd["rows_per_s"].get<double>() * sgd["ms_median"].get<double>() / 1e3, 5 * 3000, 1e-6);
  // The same problem to its end: SGD is above the least objective, and not by much.
  const std::vector<std::string> same = {"--rows", "3000",        "--columns", "10",      "--l2",
                                         "0.01",   "--tolerance", "1e-9",      "--steps", "1000"};
  const auto with = [&](const std::string& solver) {
    std::vector<std::string> words = same;
    words.insert(words.end(), {"--solver", solver, "--coefficients"});
    return run(words);
  };
  const auto newton = with("newton");
  EXPECT_LT(newton["objective"].get<double>(), sgd["objective"].get<double>());
  EXPECT_NEAR(newton["objective"].get<double>(), sgd["objective"].get<double>(), 0.01);
  EXPECT_EQ(newton["coefficients"].size(), 11u);
  for (const char* solver : {"lbfgs", "coordinate_descent", "gradient_descent"}) {
    EXPECT_NEAR(with(solver)["objective"].get<double>(), newton["objective"].get<double>(), 1e-9) << solver;
  }
  const auto sparse = run({"--preset", "sgd_sparse", "--rows", "2000", "--columns", "500", "--stored", "7"});
  EXPECT_EQ(sparse["stored"], 14000);
  EXPECT_LT(sparse["objective"].get<double>(), std::log(2.0));
  const auto path = run({"--preset", "lasso_path", "--rows", "300", "--columns", "40"});
  EXPECT_EQ(path["steps"], 100);
  EXPECT_GT(path["l1"].get<double>(), 0.0);
  EXPECT_THAT(run_gradus(folder, {"bench", "linear", "--preset", "logistic", "--rows", "500", "--columns", "3"}).out,
              StartsWith("500 rows of 3 features, 1500 numbers stored; logistic loss by newton\nsteps "));
}

// A line through three points, (0, 1), (1, 3) and (2, 5), and two clusters, from files.
TEST(BenchCommand, TakesDataFromAFile) {
  const TemporaryFolder folder;
  const auto json = [&](const std::vector<std::string>& words) {
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out);
  };
  const Tensor y = Tensor::from(std::vector<float>{1, 3, 5}, {3});
  const std::vector<std::string> fit = {"bench",    "linear", "--data", "a", "--loss",         "squared",
                                        "--solver", "newton", "--l2",   "0", "--coefficients", "--json"};
  write_safetensors(folder / "a", {{"x", Tensor::from(std::vector<float>{0, 1, 2}, {3, 1})}, {"y", y}});
  const auto dense = json(fit);
  EXPECT_NEAR(dense["coefficients"][0].get<double>(), 2.0, 1e-6);
  EXPECT_NEAR(dense["coefficients"][1].get<double>(), 1.0, 1e-6);
  write_safetensors(folder / "a", {{"shape", Tensor::from(std::vector<int64_t>{3, 1}, {2})},
                                   {"offsets", Tensor::from(std::vector<int64_t>{0, 0, 1, 2}, {4})},
                                   {"indices", Tensor::from(std::vector<int32_t>{0, 0}, {2})},
                                   {"values", Tensor::from(std::vector<float>{1, 2}, {2})},
                                   {"y", y}});
  const auto sparse = json(fit);
  EXPECT_EQ(sparse["stored"], 2);
  EXPECT_NEAR(sparse["coefficients"][0].get<double>(), 2.0, 1e-6);
  write_safetensors(folder / "c", {{"x", Tensor::from(std::vector<float>{0, 1, 10, 12}, {4, 1})},
                                   {"centers", Tensor::from(std::vector<float>{0, 10}, {2, 1})}});
  const auto clusters = json({"bench", "kmeans", "--data", "c", "--json"});
  EXPECT_EQ(clusters["inertia"], 2 * 0.25 + 2 * 1.0);  // around 0.5 and 11
  EXPECT_EQ(clusters["clusters"], 2);
  spill(folder / "t.csv", "a,b\n1.5,2\n2.5,3\n");
  const auto csv = json({"bench", "csv", "--data", "t.csv", "--json", "--repeats", "2"});
  EXPECT_EQ(csv["rows"], 2);
  EXPECT_EQ(csv["columns"], 2);
  EXPECT_EQ(csv["sum"], 4.0);
  EXPECT_EQ(csv["bytes"], 16);
  EXPECT_EQ(csv["repeats"], 2);
}

TEST(BenchCommand, TimesKMeansAndReaders) {
  const TemporaryFolder folder;
  const auto run = [&](std::vector<std::string> words) {
    words.push_back("--json");
    const CommandResult result = run_gradus(folder, words, {.environment = {{"TMPDIR", folder.path().string()}}});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out);
  };
  const auto kmeans = run({"bench", "kmeans", "--rows", "2000", "--columns", "8", "--clusters", "5", "--rounds", "2"});
  EXPECT_EQ(kmeans["rounds"], 2);
  EXPECT_NEAR(kmeans["gflops"].get<double>() * kmeans["ms_median"].get<double>() * 1e6, 2.0 * 2000 * 8 * 5 * 3, 1e-3);
  EXPECT_GT(kmeans["inertia"].get<double>(), 2000 * 8 * 0.5);  // of clouds of deviation 1 in 8 dimensions
  const auto csv = run({"bench", "csv", "--megabytes", "1", "--columns", "5"});
  EXPECT_EQ(csv["columns"], 5);
  EXPECT_NEAR(csv["bytes"].get<double>(), 1e6, 1e5);
  EXPECT_NEAR(csv["MB_per_s"].get<double>() * csv["ms_median"].get<double>() * 1e3, csv["bytes"].get<double>(), 1.0);
  const auto svm = run({"bench", "csv", "--format", "libsvm", "--megabytes", "1"});
  EXPECT_EQ(svm["columns"], 1000);
  EXPECT_NEAR(svm["bytes"].get<double>(), 1e6, 1e5);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_THAT(entry.path().filename().string(), Not(StartsWith("gradus-bench")));
  }
}

TEST(BenchCommand, MessagesOfClassicLearners) {
  const TemporaryFolder folder;
  const auto error = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "bench");
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 2) << result.out;
    return result.err;
  };
  EXPECT_EQ(error({"linear", "--preset", "x"}),
            "gradus: [preset] \"x\" is not known; expected sgd, sgd_sparse, logistic or lasso_path\n");
  EXPECT_EQ(error({"linear", "--rows", "9", "--solver", "x"}),
            "gradus: [solver] \"x\" is not known; expected sgd, newton, lbfgs, gradient_descent, coordinate_descent, "
            "dual_descent, interior_point or lasso_path\n");
  EXPECT_THAT(error({"linear", "--loss", "x"}),
              StartsWith("gradus: [--loss] \"x\" is not known; expected one of squared, "));
  EXPECT_EQ(error({"linear", "--columns", "3", "--stored", "4"}),
            "gradus: [bench] 4 numbers in a row of 3 columns; expected no more than columns\n");
  EXPECT_THAT(error({"linear", "--rows", "1000000000", "--columns", "1000000"}),
              Reads("gradus: [bench] the data needs {} MB, and there are {} for it; take fewer rows or columns\n"));
  EXPECT_EQ(error({"kmeans", "--rows", "3", "--clusters", "4"}),
            "gradus: [bench] 4 clusters of 3 rows; expected no more than rows\n");
  EXPECT_THAT(
      error({"csv", "--megabytes", "1048576"}),
      Reads("gradus: [--megabytes] 1048576.0 MB for a file in {}, which has {} free; take fewer, or set TMPDIR\n"));
  const Tensor two = Tensor::from(std::vector<float>{1, 2}, {2, 1});
  write_safetensors(folder / "a", {{"x", two}});
  EXPECT_EQ(error({"linear", "--data", "a"}),
            "gradus: [a] has no \"y\" of i64; expected x, or shape, offsets, indices and values; and y\n");
  EXPECT_EQ(error({"kmeans", "--data", "a"}), "gradus: [a] has not \"x\" (N, D) and \"centers\" (k, D), both f32\n");
  write_safetensors(folder / "a", {{"shape", Tensor::from(std::vector<int64_t>{1}, {1})}, {"y", two}});
  EXPECT_EQ(error({"linear", "--data", "a"}), "gradus: [a] \"shape\" has 1 numbers; expected rows and columns\n");
}

// AVX2 has no products of bf16 numbers, whatever the processor has.
TEST(BenchCommand, RefusesProductsOfBf16WhereThereAreNone) {
  const TemporaryFolder folder;
  const CommandResult bench =
      run_gradus(folder, {"bench", "gpt", "--preset", "gpt-1m", "--precision", "bf16", "--isa", "avx2"});
  EXPECT_EQ(bench.exit_code, 2);
  EXPECT_THAT(bench.err,
              Reads("gradus: [--precision] bf16 needs a processor with AVX512_BF16, and matrix products by "
                    "oneDNN; here it is {} with {}; --activations bf16 and --optimizer-state bf16 work on any\n"));
  const CommandResult train =
      run_gradus(folder, {"train", "linear_regression", "--isa", "avx2", "--set", "train.precision=bf16"});
  EXPECT_EQ(train.exit_code, 2);
  EXPECT_THAT(train.err,
              Reads("gradus: [--set train.precision=bf16] train.precision = \"bf16\" needs a processor with "
                    "AVX512_BF16, and matrix products by oneDNN; here it is {}. Set train.precision = \"f32\"; "
                    "train.activations and optimizer.state may be \"bf16\" on any processor\n"));
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));
  // Storage works on any.
  const CommandResult stored =
      run_gradus(folder, {"bench", "gpt", "--preset", "gpt-1m", "--steps", "1", "--isa", "avx2", "--activations",
                          "bf16", "--optimizer-state", "bf16", "--json"});
  EXPECT_EQ(stored.exit_code, 0) << stored.err;
  EXPECT_EQ(nlohmann::json::parse(stored.out)["activations"], "bf16");
}

TEST(DryRunCommand, SaysWhatTheRunWouldBeAndWritesNothing) {
  const TemporaryFolder folder;
  const CommandResult result = run_gradus(folder, {"train", "linear_regression", "--dry-run"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("data line: 100 examples to train on, none for validation\n"
                                     "the first of them, as the model sees them:\n  (-1) → "));
  EXPECT_THAT(result.out, HasSubstr("\nmodel linear\n"
                                    "  weight                           (1, 1)                              1\n"
                                    "  bias                             (1,)                                1\n"
                                    "  parameters in all                                                    2\n\n"
                                    "at most 1000 steps of 100 examples: 1000 times through the data\n\nmemory\n"));
  for (const char* part : {"weights ", "gradients ", "optimizer state ", "activations ", "all ", "there are "}) {
    EXPECT_THAT(result.out, HasSubstr(std::string("\n  ") + part));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));
}

TEST(DryRunCommand, ShowsExamplesAsTheModelSeesThem) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "a,b,kind\n1,10,x\n3,10,y\n1,10,x\n3,10,y\n");
  spill(folder / "c.toml",
        "[data]\nkind='csv'\npath='t.csv'\nvalidation_fraction=0\n[loss]\nname='cross_entropy'\n"
        "[model]\nkind='linear'\n[train]\nsteps=3\n");
  EXPECT_THAT(run_gradus(folder, {"train", "c.toml", "--dry-run"}).out,
              HasSubstr("as the model sees them (a, b → kind):\n  (-1, 0) → x\n  (1, 0) → y\n  (-1, 0) → x\n"
                        "  class                              examples   weight to count the same\n"
                        "  \"x\"                                       2   1\n"
                        "  \"y\"                                       2   1\n\n"));
  spill(folder / "t.txt", "abcdefghi\njklmnopqrst");
  spill(folder / "g.toml",
        "[data]\nkind='text'\npath='t.txt'\nvalidation_fraction=0\n[model]\nkind='gpt'\nlayers=2\nwidth=4\nheads=1\n"
        "context=9\n[train]\nsteps=3\nbatch_size=2\n");
  const CommandResult text = run_gradus(folder, {"train", "g.toml", "--dry-run"});
  EXPECT_THAT(text.out, HasSubstr(":\n  \"abcdefghi\" and then \"\\u000A\"\n  \"\\u000Ajklmnopq\" and then \"r\"\n\n"));
  EXPECT_THAT(text.out, HasSubstr("2 tokens at the end of the training text are too few"));
  EXPECT_THAT(text.out, HasSubstr("\n  h.0-1.attn.c_attn.weight         (12, 4)            × 2             96\n"));
}

// Layer by layer; those that are alike are one only where they follow each other.
TEST(DryRunCommand, ListsLayersInTheirOrder) {
  const TemporaryFolder folder;
  spill(folder / "m.toml",
        "data = {kind = 'line', points = 1234, validation_fraction = 0}\nmodel = {kind = 'mlp', hidden = [4, 4, 4, 3]}\n"
        "schedule = {name = 'linear', warmup_steps = 2}\ntrain = {steps = 1000, epochs = 3, batch_size = 100}\n");
  const auto plan = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"train", "m.toml", "--dry-run"});
    const CommandResult result = run_gradus(folder, more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::string out = plan({});
  EXPECT_THAT(out, HasSubstr("\nmodel mlp\n"
                             "  layers.0.weight                  (4, 1)                              4\n"
                             "  layers.0.bias                    (4,)                                4\n"
                             "  layers.1-2.weight                (4, 4)             × 2             32\n"
                             "  layers.1-2.bias                  (4,)               × 2              8\n"
                             "  layers.3.weight                  (3, 4)                             12\n"
                             "  layers.3.bias                    (3,)                                3\n"
                             "  layers.4.weight                  (1, 3)                              3\n"
                             "  layers.4.bias                    (1,)                                1\n"
                             "  parameters in all                                                   67\n\n"));
  EXPECT_THAT(out, HasSubstr("\nat most 39 steps of 100 examples: 3.16 times through the data; train.epochs = 3 ends it, "
                             "not train.steps = 1000\nschedule linear ends at step 39\n\n"));
  EXPECT_THAT(plan({"--set", "train.steps=7"}),
              HasSubstr("0.567 times through the data; train.steps = 7 ends it, not train.epochs = 3\n"
                        "schedule linear ends at step 7\n\n"));
  EXPECT_THAT(plan({"--set", "train.epochs=150", "--unset", "train.steps", "--set", "schedule.total_steps=5"}),
              HasSubstr("\nat most 1950 steps of 100 examples: 158 times through the data\n"
                        "schedule linear ends at step 5\n\n"));
}

// Three of one class and one of the other: 4/(2·3) and 4/(2·1), as scikit-learn's compute_class_weight("balanced").
TEST(DryRunCommand, ListsClassesAndFewOfManyFeatures) {
  const TemporaryFolder folder;
  std::string header, row;
  for (int i = 0; i < 11; ++i) {
    header += fmt::format("f{},", i);
    row += fmt::format("{},", i);
  }
  spill(folder / "t.csv", header + "kind\n" + row + "x\n" + row + "x\n" + row + "y\n" + row + "x\n");
  spill(folder / "c.toml",
        "[data]\nkind='csv'\npath='t.csv'\nvalidation_fraction=0\n[loss]\nname='cross_entropy'\n"
        "class_weights=[0.5,2.0]\n[model]\nkind='linear'\n[train]\nsteps=3\n");
  const std::string out = run_gradus(folder, {"train", "c.toml", "--dry-run"}).out;
  EXPECT_THAT(out, HasSubstr("(f0, f1, f2, f3, f4, f5, f6, f7, … 3 more → kind):\n"));
  EXPECT_THAT(out, HasSubstr("\n  \"x\"                                       3   0.6667\n"
                             "  \"y\"                                       1   2\n"));
}

TEST(DryRunCommand, ShowsAllOfSeveralTargets) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y,z\n1,2,3\n4,5,6\n");
  spill(folder / "c.toml",
        "[data]\nkind='csv'\npath='t.csv'\ntarget=['y','z']\nvalidation_fraction=0\n[loss]\nname='mse'\n"
        "[model]\nkind='linear'\n[train]\nsteps=3\n");
  EXPECT_THAT(run_gradus(folder, {"train", "c.toml", "--dry-run"}).out, HasSubstr("):\n  (-1) → 2, 3\n  (1) → 5, 6\n"));
}

TEST(DryRunCommand, SaysThatTheFolderIsTaken) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "taken");
  spill(folder / "taken" / "file", "x");
  const auto out = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"train", "linear_regression", "--dry-run", "--out", "taken"};
    words.insert(words.end(), more.begin(), more.end());
    return run_gradus(folder, words).out;
  };
  const std::string note = "the folder taken is not empty: the run will need another --out, --overwrite or --resume\n";
  EXPECT_THAT(out({}), EndsWith("\n\n" + note));
  EXPECT_THAT(out({"--overwrite"}), Not(HasSubstr(note)));
}

TEST(DryRunCommand, AndARunRefuseWhatCannotFit) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "to be or not to be ";
  spill(folder / "t.txt", text);
  // 24 blocks of 12·8192²: 77 GB of weights alone.
  std::vector<std::string> words = {"train", recipe("gpt_char"), "--data", "t.txt",
                                    "--set", "model.width=8192", "--set",  "model.layers=24"};
  for (const bool dry : {true, false}) {
    if (dry) words.push_back("--dry-run");
    const CommandResult result = run_gradus(folder, words);
    EXPECT_NE(result.exit_code, 0);
    EXPECT_THAT(result.err, StartsWith("gradus: [memory] the run needs "));
    EXPECT_THAT(result.err, HasSubstr("; the largest parts, and what makes them smaller:\n  "));
    EXPECT_FALSE(std::filesystem::exists(folder / "runs"));
    if (dry) words.pop_back();
  }
}

}  // namespace bench_test
}  // namespace gradus
