// What a run was said to need, and what its process then held.
#include <gmock/gmock.h>

#include "tests/command/command.h"

namespace gradus {
namespace {

#if !GRADUS_POOL_PASSTHROUGH && GRADUS_ONEDNN
// Asserts that both lie within a tenth of each other.
void expect_prediction(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  std::string name;
  for (const std::string& argument : arguments) name += " " + argument;
  arguments.insert(arguments.begin(), "train");
  arguments.insert(arguments.end(), {"--quiet", "--overwrite", "--out", "run"});
  const CommandResult result = run_gradus(folder, arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json summary = read_summary(folder / "run");
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
  spill(folder / "clusters.toml",
        "data = {kind = 'blobs', points = 50000, dimensions = 20}\nmodel = {kind = 'kmeans', clusters = 64}\n"
        "train.steps = 5\n");
  expect_prediction(folder, {"clusters.toml"});
  expect_prediction(folder, {"clusters.toml", "--set", "solver.name=mini_batch"});
  expect_prediction(folder, {"clusters.toml", "--set", "model.kind=gmm"});
#endif
}

}  // namespace
}  // namespace gradus
