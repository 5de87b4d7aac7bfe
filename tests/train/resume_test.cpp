// A run that stops and goes on is the run that never stopped, to the bit.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/resume.h"
#include "gradus/train/run.h"
#include "tests/data/idx_bytes.h"
#include "tests/reads.h"
#include "tests/testing.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace resume_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

constexpr int64_t kSteps = 200;

const std::string& text_path() {
  static const TemporaryFolder folder;
  static const std::string path = [] {
    std::string text;
    for (int i = 0; i < 60; ++i) text += i % 3 == 0 ? "naïve café " : "to be or not ";
    spill(folder / "text.txt", text);
    return (folder / "text.txt").string();
  }();
  return path;
}

// Pictures of 4 × 4 of two classes, and in the same folder their labels.
const std::string& pictures_path() {
  static const TemporaryFolder folder;
  static const std::string path = [] {
    std::string pixels, labels;
    for (int i = 0; i < 24; ++i) {
      labels += static_cast<char>(i % 2);
      for (int j = 0; j < 16; ++j) pixels += static_cast<char>((i * 37 + j * 11 * (1 + i % 2)) % 256);
    }
    spill(folder / "pictures.idx", idx_bytes(8, {24, 4, 4}, pixels));
    spill(folder / "labels.idx", idx_bytes(8, {24}, labels));
    return (folder / "pictures.idx").string();
  }();
  return path;
}

// A small model that every part of the optimizer's state can matter to.
std::string mlp_with(const std::string& optimizer, const std::string& train = "batch_size = 8") {
  return "data = {kind = \"line\", points = 24, validation_fraction = 0.25}\n"
         "model = {kind = \"mlp\", hidden = [4], activation = \"tanh\"}\n"
         "validation = {every = 40}\ntrain = {" +
         train + "}\n[optimizer]\n" + optimizer;
}

// Each uses much of what a checkpoint has to hold: momentum or moments, shuffling, dropout, a window of losses,
// validation.
Config config_of(const std::string& model, const std::vector<std::string>& overrides = {}) {
  std::map<std::string, std::string> files;
  files["line"] = R"(
data = {kind = "line", points = 40, validation_fraction = 0.25}
model = {kind = "linear"}
optimizer = {momentum = 0.9}
schedule = {name = "linear", warmup_steps = 10}
train = {batch_size = 7, sampling = "replacement", stop_loss = 1e-9, stop_window = 13}
validation = {every = 30}
)";
  files["mlp"] = R"(
data = {kind = "line", points = 64}
model = {kind = "mlp", hidden = [9, 5], dropout = 0.2}
optimizer = {name = "adamw", learning_rate = 0.01, clip_norm = 0.1}
regularization = {l1 = 0.001}
train = {batch_size = 9, micro_batch_size = 4}
)";
  files["gpt"] = R"(
data = {kind = "text"}
model = {kind = "gpt", layers = 1, width = 16, heads = 2, context = 12, dropout = 0.1, attention_dropout = 0.2}
optimizer = {name = "adamw", learning_rate = 0.01}
schedule = {name = "cosine", warmup_steps = 20}
train = {batch_size = 4}
validation = {every = 50}
)";
  files["gpt_bf16"] = R"(
data = {kind = "text"}
model = {kind = "gpt", layers = 1, width = 16, heads = 2, context = 12, dropout = 0.1}
optimizer = {name = "adamw", learning_rate = 0.01, state = "bf16"}
train = {batch_size = 4, activations = "bf16"}
)";
  files["gpt_llama"] = R"(
data = {kind = "text"}
model = {kind = "gpt", layers = 1, width = 16, heads = 4, kv_heads = 2, context = 12, dropout = 0.1, bias = false, positions = "rotary", norm = "rms", feed_forward = "swiglu", window = 7, tied = false, drop_path = 0.2}
optimizer = {name = "adamw", learning_rate = 0.01}
train = {batch_size = 4}
)";
  files["line_bf16"] = R"(
data = {kind = "line"}
model = {kind = "linear"}
optimizer = {name = "sgd", learning_rate = 0.05, momentum = 0.9, state = "bf16"}
train = {batch_size = 32}
)";
  // The rate drops a few times, and a good part of the patience is used up.
  files["line_plateau"] = R"(
data = {kind = "line", points = 40, noise = 1.0, validation_fraction = 0.25}
model = {kind = "linear"}
optimizer = {learning_rate = 0.2, momentum = 0.9}
schedule = {name = "plateau", warmup_steps = 5, patience = 2, cooldown = 1, decay_factor = 0.7}
train = {batch_size = 7, sampling = "replacement", patience = 65, min_delta = 0.001, restore_best = true}
validation = {every = 3}
)";
  files["asgd"] = mlp_with("name = 'asgd'\nstart = 50");
  files["asgd_cosine"] = mlp_with("name = 'asgd'\nasgd_decay = 0.1") + "\n[schedule]\nname = 'cosine'\n";
  files["dampening"] = mlp_with("momentum = 0.9\ndampening = 0.5");
  files["rprop"] = mlp_with("name = 'rprop'\nlargest_step = 0.1", "micro_batch_size = 7");
  files["adadelta"] = mlp_with("name = 'adadelta'\nstate = 'bf16'");
  files["adamax"] = mlp_with("name = 'adamax'\nweight_decay = 0.01");
  files["radam"] = mlp_with("name = 'radam'\nbeta2 = 0.95\nweight_decay = 0.01\ndecoupled_weight_decay = true");
  files["adagrad"] = mlp_with("name = 'adagrad'\nrate_decay = 0.01\ninitial_sum = 0.1");
  files["rmsprop"] = mlp_with("name = 'rmsprop'\nmomentum = 0.5\ncentered = true");
  files["adam"] = mlp_with("name = 'adam'\namsgrad = true\nweight_decay = 0.01\nclip_value = 0.2");
  files["adam_bf16"] = mlp_with("name = 'adam'\namsgrad = true\nstate = 'bf16'");
  files["nadam"] = mlp_with("name = 'nadam'");
  files["lion"] = mlp_with("name = 'lion'\nlearning_rate = 0.001\nstate = 'bf16'");
  files["adafactor"] = mlp_with("name = 'adafactor'");
  files["schedule_free"] = mlp_with("name = 'schedule_free'\nweight_decay = 0.01");
  files["schedule_free_cosine"] =
      mlp_with("name = 'schedule_free'") + "\n[schedule]\nname = 'cosine'\nwarmup_steps = 20\n";
  files["muon"] = mlp_with("name = 'muon'\nadamw_factor = 0.5");
  files["lbfgs"] = mlp_with("name = 'lbfgs'\nhistory = 4", "micro_batch_size = 7");
  files["groups_and_ema"] = mlp_with(
      "name = 'adamw'\nema = 0.95\n[[optimizer.groups]]\npattern = '*.bias'\nlearning_rate_factor = 0.5\n"
      "[[optimizer.groups]]\npattern = 'layers.0.bias'\nfreeze = true");
  files["proximal"] = mlp_with("name = 'adamw'\nema = 0.9") +
                      "\n[regularization]\nmethod = 'proximal'\nl1 = 0.05\nl2 = 0.1\nall = true\nmax_norm = 0.5\n";
  files["group_lasso"] =
      mlp_with("name = 'asgd'\nstart = 20") + "\n[regularization]\ngroup_lasso = 0.2\ngroups_of = 'outputs'\n";
  files["gradient_noise"] = mlp_with("momentum = 0.9\nclip_norm = 1.0", "batch_size = 8, micro_batch_size = 3") +
                            "\n[regularization]\ngradient_noise = 0.3\n";
  files["spectral_norm"] = mlp_with("momentum = 0.5", "batch_size = 8, micro_batch_size = 5");
  // Running statistics: of the weights in training, and beside an average of the weights.
  const std::string pictures = R"(
augment = {flip = "horizontal", pad = 1}
train = {batch_size = 7, micro_batch_size = 4}
validation = {every = 50}
optimizer = {name = "adamw", learning_rate = 0.01, ema = 0.9}
data = {kind = "images", validation_fraction = 0.25}
)";
  files["batch_norm"] = pictures + "model = {kind = \"cnn\", channels = [3], batch_norm = true, dropout = 0.2}\n";
  files["resnet"] = pictures + "model = {kind = \"resnet\", depth = 18, width = 1}\n";
  std::vector<std::string> all = {"train.steps=200", "train.seed=3"};
  if (files.at(model).find("\"images\"") != std::string::npos) {
    all.push_back(Config::text_override("data.path", pictures_path()));
    all.push_back(
        Config::text_override("data.labels", (fs::path(pictures_path()).parent_path() / "labels.idx").string()));
  }
  if (model == "spectral_norm") all.push_back("model.spectral_norm=true");
  if (model == "gpt_bf16" && has_bf16_products()) all.push_back("train.precision=bf16");
  if (model.starts_with("gpt")) all.push_back(Config::text_override("data.path", text_path()));
  all.insert(all.end(), overrides.begin(), overrides.end());
  return Config::parse(files.at(model), model + ".toml", all);
}

// Everything of a run that must be the same: weights, optimizer state, and where it is.
std::string bits_of(const Checkpoint& checkpoint) {
  std::string all;
  for (const NamedTensors* tensors : {&checkpoint.model, &checkpoint.average, &checkpoint.optimizer}) {
    for (const auto& [name, tensor] : *tensors) {
      all += name;
      all.append(reinterpret_cast<const char*>(tensor.bytes()),
                 static_cast<size_t>(tensor.numel() * size_of(tensor.dtype())));
    }
  }
  StateFile state = checkpoint.state;
  state.training.elapsed_s = 0;
  return all + state.to_json();
}

class Resume : public testing::TestWithParam<const char*> {};

// The state goes through its text, as it does on disk.
TEST_P(Resume, AfterAnyStepGivesTheSameBits) {
  Session straight(config_of(GetParam()));
  std::vector<Checkpoint> stops;
  stops.push_back(straight.snapshot());
  straight.trainer().set_callback([&](const StepRecord&) { stops.push_back(straight.snapshot()); });
  straight.trainer().run();
  ASSERT_EQ(stops.size(), static_cast<size_t>(kSteps + 1));
  const std::string expected = bits_of(stops.back());
  for (Checkpoint& stop : stops) {
    stop.state = StateFile::parse(stop.state.to_json(), "state.json");
    Session again(config_of(GetParam()), {.resumes = true});
    again.restore(stop, "test");
    EXPECT_EQ(bits_of(again.snapshot()), bits_of(stop));
    again.trainer().run();
    EXPECT_EQ(bits_of(again.snapshot()), expected) << "stopped after step " << stop.state.training.step;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Resume,
                         testing::Values("line", "line_bf16", "line_plateau", "mlp", "gpt", "gpt_bf16", "gpt_llama",
                                         "asgd", "asgd_cosine", "dampening", "rprop", "adadelta", "adamax", "radam",
                                         "schedule_free_cosine", "adagrad", "rmsprop", "adam", "adam_bf16", "nadam",
                                         "lion", "adafactor", "schedule_free", "muon", "lbfgs", "groups_and_ema",
                                         "proximal", "group_lasso", "gradient_noise", "spectral_norm", "batch_norm"),
                         [](const auto& suffix) { return std::string(suffix.param); });

// Its batch norms have a residual and a relu in them. A step takes too long to stop after each.
TEST(ResumeSession, OfAResNetGivesTheSameBits) {
  const Config config = config_of("resnet", {"train.steps=12"});
  Session straight(config);
  std::map<int64_t, Checkpoint> stops;
  straight.trainer().set_callback([&](const StepRecord& record) {
    if (record.step % 4 == 2) stops.emplace(record.step, straight.snapshot());
  });
  straight.trainer().run();
  const std::string expected = bits_of(straight.snapshot());
  ASSERT_EQ(stops.size(), 3u);
  for (const auto& [step, stop] : stops) {
    const auto statistics = [](const Checkpoint& checkpoint) {
      return std::count_if(checkpoint.model.begin(), checkpoint.model.end(),
                           [](const auto& named) { return named.first.ends_with("running_var"); });
    };
    EXPECT_EQ(statistics(stop), 20);  // as many as convolutions
    Session again(config, {.resumes = true});
    again.restore(stop, "test");
    again.trainer().run();
    EXPECT_EQ(bits_of(again.snapshot()), expected) << "stopped after step " << step;
  }
}

TEST(ResumeSession, WithPlateauAndPatienceTheStateMatters) {
  Session session(config_of("line_plateau"));
  session.trainer().run();
  const TrainingState state = session.trainer().state();
  EXPECT_LT(state.plateau.factor, 0.1);
  EXPECT_GT(state.patience.waited, 20);
  EXPECT_LT(state.patience.waited, 65);
  EXPECT_DOUBLE_EQ(session.trainer().next_learning_rate(), 0.2 * state.plateau.factor);
}

// It ends at the same step, for the same reason and with the same bits, whichever step it stopped at before.
TEST(ResumeSession, AfterAnyStepARunStopsEarlyAtTheSameStep) {
  const Config config = config_of("line_plateau", {"train.patience=8"});
  Session straight(config);
  std::vector<Checkpoint> stops;
  stops.push_back(straight.snapshot());
  straight.trainer().set_callback([&](const StepRecord&) { stops.push_back(straight.snapshot()); });
  const TrainingSummary summary = straight.trainer().run();
  EXPECT_EQ(summary.stop_reason, StopReason::kNoImprovement);
  EXPECT_GT(summary.steps, 30);
  EXPECT_LT(summary.steps, kSteps);
  EXPECT_EQ(summary.steps % 3, 0);
  for (Checkpoint& stop : stops) {
    stop.state = StateFile::parse(stop.state.to_json(), "state.json");
    Session again(config, {.resumes = true});
    again.restore(stop, "test");
    EXPECT_EQ(again.trainer().run().stop_reason, StopReason::kNoImprovement);
    EXPECT_EQ(bits_of(again.snapshot()), bits_of(stops.back())) << "stopped after step " << stop.state.training.step;
  }
}

// A checkpoint of before there were these.
TEST(ResumeSession, AStateWithoutPatienceAndPlateauIsRead) {
  const Session session(config_of("line"));
  json state = json::parse(session.snapshot().state.to_json());
  state.erase("patience");
  state.erase("plateau");
  const TrainingState read = StateFile::parse(state.dump(), "state.json").training;
  EXPECT_EQ(read.plateau, PlateauState{});
  EXPECT_EQ(read.patience.waited, 0);
}

std::vector<json> timeless_log(const fs::path& run) {
  std::vector<json> rows = log_of(run);
  for (json& row : rows) {
    for (const char* key : {"examples_per_s", "tokens_per_s", "elapsed_s", "data_wait"}) row.erase(key);
  }
  return rows;
}

json summary_of(const fs::path& run) { return json::parse(slurp(run / "summary.json")); }

void expect_same_run(const fs::path& run, const fs::path& expected, const std::string& what) {
  EXPECT_EQ(timeless_log(run), timeless_log(expected)) << what;
  EXPECT_EQ(summary_of(run)["fingerprint"], summary_of(expected)["fingerprint"]) << what;
  EXPECT_EQ(slurp(run / "model.safetensors"), slurp(expected / "model.safetensors")) << what;
  EXPECT_EQ(slurp(run / "best.safetensors"), slurp(expected / "best.safetensors")) << what;
  EXPECT_EQ(slurp(run / "checkpoints/last/optimizer.safetensors"),
            slurp(expected / "checkpoints/last/optimizer.safetensors"))
      << what;
}

TEST_P(Resume, OfAFolderGivesTheSameFilesWithAnotherNumberOfThreads) {
  const TemporaryFolder folder;
  TrainingRun(config_of(GetParam()), folder / "straight").train();
  for (const int64_t step : {2, 30, 31, 49, 50, 101, 199}) {
    const fs::path run = folder / ("run" + std::to_string(step));
    train_until(step, config_of(GetParam(), {"train.threads=1"}), run);
    EXPECT_EQ(summary_of(run)["steps"], step);
    EXPECT_EQ(summary_of(run)["stop_reason"], "interrupted");
    TrainingRun again(config_of(GetParam(), {"train.threads=3"}), run, {.resume = true});
    EXPECT_EQ(again.trainer().steps_done(), step);
    again.train();
    expect_same_run(run, folder / "straight", "stopped after step " + std::to_string(step));
  }
  set_threads(0);
}

// Stopped again and again, with checkpoints and validations between.
TEST(ResumeRun, ManyTimesGivesTheSameBits) {
  const TemporaryFolder folder;
  const std::vector<std::string> keys = {"checkpoint.every=20", "log.every=3"};
  TrainingRun(config_of("gpt", keys), folder / "straight").train();
  for (int64_t step = 2; step < kSteps; step += 17) {
    train_until(step, config_of("gpt", keys), folder / "run", {.resume = true});
  }
  TrainingRun(config_of("gpt", keys), folder / "run", {.resume = true}).train();
  expect_same_run(folder / "run", folder / "straight", "");
}

// The validation that Ctrl-C gave up is made up for: the row and the best weights are as if nothing had been.
TEST(ResumeRun, MakesUpForAValidationThatWasGivenUp) {
  const TemporaryFolder folder;
  const Config config = config_of("gpt", {"validation.every=10", "train.steps=40"});
  TrainingRun(config, folder / "straight").train();
  {
    TrainingRun run(config, folder / "run");
    run.set_on_step([&](const StepRecord& record) {
      if (record.step == 18) run.trainer().cancel();  // step 19 validates
    });
    run.train();
    EXPECT_TRUE(run.trainer().state().unvalidated.has_value());
    EXPECT_FALSE(timeless_log(folder / "run").back().contains("val_loss"));
  }
  TrainingRun(config, folder / "run", {.resume = true}).train();
  expect_same_run(folder / "run", folder / "straight", "");
}

TEST(ResumeRun, OfAFinishedRunExtendsIt) {
  const TemporaryFolder folder;
  TrainingRun(config_of("mlp", {"train.steps=120"}), folder / "run").train();
  TrainingRun(config_of("mlp"), folder / "straight").train();
  {
    TrainingRun same(config_of("mlp", {"train.steps=120"}), folder / "run", {.resume = true});
    EXPECT_THAT(same.notes().back(),
                HasSubstr("all its steps are done already; --set train.steps=N trains up to step N"));
    EXPECT_EQ(same.train().steps, 120);
    EXPECT_EQ(summary_of(folder / "run")["stop_reason"], "max_steps");
  }
  TrainingRun longer(config_of("mlp"), folder / "run", {.resume = true});
  EXPECT_THAT(longer.notes()[1], HasSubstr("\n  train.steps  120 -> 200"));
  longer.train();
  expect_same_run(folder / "run", folder / "straight", "");
}

std::string resume_error(const Config& config, const fs::path& run, const RunOptions& options = {.resume = true}) {
  return error_text([&] { TrainingRun again(config, run, options); });
}

TEST(ResumeRun, RefusesAConfigurationThatWouldChangeTheResult) {
  const TemporaryFolder folder;
  train_until(50, config_of("mlp"), folder / "run");
  const std::string before = slurp(folder / "run/config.toml"), log = slurp(folder / "run/log.jsonl");
  std::string edited = before;
  edited.replace(edited.find("learning_rate = 0.01"), 20, "learning_rate = 0.02");
  const Config config = Config::parse(edited, "edited.toml");
  EXPECT_EQ(resume_error(config, folder / "run"),
            "[" + (folder / "run").string() +
                "] the configuration is not the one that the run had:\n  optimizer.learning_rate  0.01 -> 0.02\n"
                "optimizer.learning_rate can change the result: to go on with it name it, for example --set "
                "optimizer.learning_rate=0.02; or leave the configuration out (--resume " +
                (folder / "run").string() + "), or choose another --out");
  EXPECT_EQ(slurp(folder / "run/config.toml"), before);
  EXPECT_EQ(slurp(folder / "run/log.jsonl"), log);
  const Config named = Config::parse(before, "edited.toml", {"optimizer.learning_rate=0.02"});
  const TrainingRun again(named, folder / "run", {.resume = true});
  EXPECT_EQ(again.notes()[1], "changed since then:\n  optimizer.learning_rate  0.01 -> 0.02");
}

// Its tensors are what they are.
TEST(ResumeRun, RefusesAnotherOptimizer) {
  const TemporaryFolder folder;
  train_until(50, config_of("groups_and_ema"), folder / "run");
  const auto error = [&](const std::string& key) {
    return resume_error(config_of("groups_and_ema", {key}), folder / "run");
  };
  const std::string ending =
      " in the run's checkpoints, and stays that; leave it out, or start a new run from the weights of this one, with "
      "model.from";
  EXPECT_EQ(error("optimizer.ema=0"), "[--set optimizer.ema=0] optimizer.ema is 0.95" + ending);
  EXPECT_EQ(error("optimizer.name=nadam"), "[--set optimizer.name=nadam] optimizer.name is \"adamw\"" + ending);
  const Config edited = Config::parse(
      [&] {
        std::string text = slurp(folder / "run/config.toml");
        return text.replace(text.find("learning_rate_factor = 0.5"), 26, "learning_rate_factor = 0.1");
      }(),
      "edited.toml");
  EXPECT_THAT(resume_error(edited, folder / "run"), HasSubstr("optimizer.groups.0.learning_rate_factor  0.5 -> 0.1"));
  EXPECT_EQ(error("optimizer.ema=0.5"), "no error");
  EXPECT_EQ(error("optimizer.groups.0.learning_rate_factor=0.25"), "no error");
}

// A key that is gone is a change too; one that does not apply any more is not a second one.
TEST(ResumeRun, SeesKeysThatAreGone) {
  const TemporaryFolder folder;
  train_until(50, config_of("line"), folder / "run");
  std::string edited = slurp(folder / "run/config.toml");
  edited.erase(edited.find("stop_loss ="), edited.find('\n', edited.find("stop_loss =")) - edited.find("stop_loss ="));
  EXPECT_THAT(resume_error(Config::parse(edited, "edited.toml"), folder / "run"),
              HasSubstr("train.stop_loss can change the result: put train.stop_loss = 1e-09 back"));
  const Config constant = Config::parse(slurp(folder / "run/config.toml"), "c.toml", {"log.every=5"});
  EXPECT_EQ(resume_error(constant, folder / "run"), "no error");
}

TEST(ResumeRun, SaysWhatALongerRunDoesToTheSchedule) {
  const TemporaryFolder folder;
  train_until(101, config_of("gpt"), folder / "run");
  {
    const TrainingRun again(config_of("gpt", {"train.steps=300"}), folder / "run", {.resume = true});
    EXPECT_EQ(again.notes()[1], "changed since then:\n  schedule.total_steps  200 -> 300\n  train.steps  200 -> 300");
    EXPECT_EQ(again.notes()[2],
              "schedule cosine: the learning rate of step 101 is 0.008073 (it would have been 0.005782); it reaches "
              "its end at "
              "step 300, as the length of the run now says");
  }
  const TrainingRun again(config_of("gpt", {"train.steps=300", "schedule.total_steps=200"}), folder / "run",
                          {.resume = true});
  EXPECT_EQ(again.notes()[2],
            "schedule cosine: the learning rate of step 101 is 0.005782 (it would have been 0.005782); it ends at step "
            "200, and "
            "the rate stays as it is then; --set schedule.total_steps=300 would stretch it");
}

// With epochs beside steps only the data tell where the schedule ends; its end follows from others all the same.
TEST(ResumeRun, MayBeGivenEpochsBesideItsSteps) {
  const auto cosine = [](const std::vector<std::string>& more) {
    return Config::parse("data.kind = 'line'\nmodel.kind = 'linear'\ntrain.steps = 100\nschedule.name = 'cosine'\n",
                         "run.toml", more);
  };
  const auto changes = [](const Config& before, const Config& after) {
    std::string text;
    for (const ConfigChange& change : config_changes(before, after)) {
      text += change.key + ": " + change.before + " -> " + change.after + (change.allowed ? "" : ", refused") + "\n";
    }
    return text;
  };
  EXPECT_EQ(changes(cosine({}), cosine({"train.epochs=3"})),
            "schedule.total_steps: 100 -> none\ntrain.epochs: none -> 3\n");
  const Config fixed = cosine({"schedule.total_steps=80"});
  EXPECT_EQ(changes(fixed, cosine({"train.epochs=3"})),
            "schedule.total_steps: 80 -> none, refused\ntrain.epochs: none -> 3\n");
}

TEST(ResumeRun, RefusesOtherDataUnlessItIsNamed) {
  const TemporaryFolder folder;
  const std::string moved = folder / "moved.txt";
  train_until(50, config_of("gpt"), folder / "run");
  spill(moved, slurp(text_path()));
  const std::string stored = slurp(folder / "run/config.toml");
  const auto with_path = [&](const std::string& path) {
    std::string text = stored;
    return Config::parse(text.replace(text.find(text_path()), text_path().size(), path), "moved.toml");
  };
  EXPECT_EQ(resume_error(with_path(moved), folder / "run"), "no error");  // the same bytes elsewhere
  spill(moved, "to be or not to be, " + slurp(text_path()));
  EXPECT_THAT(resume_error(with_path(moved), folder / "run"),
              HasSubstr("character \",\" (U+002C) at byte 18 of the text is not among the 13 tokens"));
  spill(moved, "to be or not to be " + slurp(text_path()));
  EXPECT_EQ(resume_error(with_path(moved), folder / "run"),
            "[" + moved +
                "] the data is not what the run was trained on (55 examples then, 56 now); put the same data back or "
                "point data.path to it; or, to go on with other data, name a path that the run did not have: --data "
                "PATH");
  const Config named = Config::parse(stored, "c.toml", {Config::text_override("data.path", moved)});
  const TrainingRun other(named, folder / "run", {.resume = true});
  EXPECT_THAT(other.notes(), testing::Contains("the data is other data: 55 examples then, 56 now"));
}

TEST(ResumeRun, WithoutACheckpointBeginsAtTheStart) {
  const TemporaryFolder folder;
  const Config config = config_of("mlp", {"train.steps=20"});
  TrainingRun(config, folder / "straight").train();
  TrainingRun nothing(config, folder / "new", {.resume = true});
  EXPECT_THAT(nothing.notes().at(0), HasSubstr("there is no run in "));
  nothing.train();
  expect_same_run(folder / "new", folder / "straight", "");
  fs::create_directories(folder / "killed");
  spill(folder / "killed/log.jsonl", "{\"step\":0,\"lo");
  TrainingRun killed(config, folder / "killed", {.resume = true});
  EXPECT_THAT(killed.notes()[0], HasSubstr("has no checkpoint yet: the run begins at step 0"));
  killed.train();
  expect_same_run(folder / "killed", folder / "straight", "");
  fs::create_directories(folder / "other");
  spill(folder / "other/notes.txt", "mine");
  EXPECT_EQ(
      resume_error(config, folder / "other"),
      "[" + (folder / "other").string() + "] has no log.jsonl and no checkpoints, so there is no run to go on with");
}

TEST(ResumeRun, FromAnEarlierCheckpointSetsTheLaterOnesAside) {
  const TemporaryFolder folder;
  const Config config = config_of("mlp", {"train.steps=100", "checkpoint.every=20", "checkpoint.keep=9"});
  TrainingRun(config, folder / "straight").train();
  TrainingRun(config, folder / "run").train();
  TrainingRun again(config, folder / "run", {.resume = true, .checkpoint = folder / "run/checkpoints/step-40"});
  EXPECT_EQ(fs::read_symlink(folder / "run/checkpoints/last"), "step-40");
  EXPECT_TRUE(fs::is_directory(folder / "run/checkpoints/step-60.left"));
  EXPECT_FALSE(fs::exists(folder / "run/summary.json"));
  EXPECT_EQ(timeless_log(folder / "run").back()["step"], 30);
  again.train();
  expect_same_run(folder / "run", folder / "straight", "");
  EXPECT_EQ(
      resume_error(config, folder / "run", {.resume = true, .checkpoint = folder / "straight/checkpoints/step-40"}),
      "[" + (folder / "straight/checkpoints/step-40").string() + "] is no checkpoint of the run " +
          (folder / "run").string());
}

TEST(ResumeRun, NamesADamagedCheckpointAndOffersTheNewestWholeOne) {
  const TemporaryFolder folder;
  const Config config = config_of("mlp", {"train.steps=60", "checkpoint.every=20", "checkpoint.keep=9"});
  TrainingRun(config, folder / "run").train();
  const fs::path last = folder / "run/checkpoints/step-60", file = last / "model.safetensors";
  std::string bytes = slurp(file);
  bytes[bytes.size() - 1] ^= 1;
  spill(file, bytes);
  const std::string text = resume_error(config, folder / "run");
  EXPECT_THAT(text, Reads("[" + last.string() + "] this checkpoint is damaged: [" + file.string() +
                          "] tensor \"{}\n  the newest whole one is of step 40: --resume " +
                          (folder / "run/checkpoints/step-40").string() + " goes on from there"));
  EXPECT_THAT(text, HasSubstr("bytes " + std::to_string(bytes.size() - 4) + " to " + std::to_string(bytes.size())));
  TrainingRun again(config, folder / "run", {.resume = true, .checkpoint = folder / "run/checkpoints/step-40"});
  EXPECT_EQ(again.train().steps, 60);
}

TEST(ResumeRun, TwoIntoOneFolderAreRefused) {
  const TemporaryFolder folder;
  const TrainingRun run(config_of("mlp"), folder / "run");
  const std::string expected = "is training into this folder; wait until it ends, or choose another --out";
  EXPECT_THAT(resume_error(config_of("mlp"), folder / "run"), HasSubstr(expected));
  EXPECT_THAT(resume_error(config_of("mlp"), folder / "run", {.overwrite = true}), HasSubstr(expected));
}

TEST(ModelFrom, StartsFromATrainedModel) {
  const TemporaryFolder folder;
  TrainingRun first(config_of("gpt", {"train.steps=30"}), folder / "first");
  first.train();
  const std::string from = (folder / "first").string();
  const std::string text = folder / "more.txt";
  spill(text, std::string("not to be") + slurp(text_path()));
  const TrainingRun second(
      config_of("gpt", {Config::text_override("model.from", from), Config::text_override("data.path", text)}),
      folder / "second");
  EXPECT_EQ(gradus::bits_of(second.model().parameters()), gradus::bits_of(first.model().parameters()));
  EXPECT_EQ(second.trainer().steps_done(), 0);
  EXPECT_EQ(slurp(folder / "second/tokenizer.json"), slurp(folder / "first/tokenizer.json"));
  EXPECT_THAT(error_text([&] {
                TrainingRun third(config_of("gpt", {Config::text_override("model.from", from), "model.width=8"}),
                                  folder / "third");
              }),
              HasSubstr("[" + from + "] the weights do not fit the model:"));
}

// A model that goes on is that of its checkpoint, whatever became of the one it started from.
TEST(ModelFrom, IsNotNeededToResume) {
  const TemporaryFolder folder;
  TrainingRun(config_of("gpt", {"train.steps=30"}), folder / "first").train();
  const std::vector<std::string> keys = {Config::text_override("model.from", (folder / "first").string())};
  TrainingRun(config_of("gpt", keys), folder / "straight").train();
  train_until(70, config_of("gpt", keys), folder / "run");
  fs::remove_all(folder / "first");
  TrainingRun(config_of("gpt", keys), folder / "run", {.resume = true}).train();
  expect_same_run(folder / "run", folder / "straight", "");
}

}  // namespace resume_test
}  // namespace gradus
