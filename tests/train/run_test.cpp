// A run's folder, and what comes back from it.
#include "gradus/train/run.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <thread>

#include "gradus/base/threads.h"
#include "gradus/tensor/safetensors.h"
#include "tests/reads.h"
#include "tests/testing.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace run_test {

namespace fs = std::filesystem;
using nlohmann::json;
using Names = std::set<std::string>;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

constexpr const char* kLine = R"(
[data]
kind = "line"
points = 40
[model]
kind = "linear"
[optimizer]
learning_rate = 0.1
[train]
steps = 25
seed = 3
)";

Config line_config(const std::vector<std::string>& overrides = {}) {
  return Config::parse(kLine, "line.toml", overrides);
}

// A small text with a pattern, as a file, and a small GPT on it.
Config text_config(const TemporaryFolder& folder, const std::vector<std::string>& overrides = {}) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += i % 3 == 0 ? "naïve café " : "to be or not ";
  spill(folder / "text.txt", text);
  std::vector<std::string> all = {Config::text_override("data.path", (folder / "text.txt").string())};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return Config::parse(R"(
[data]
kind = "text"
[model]
kind = "gpt"
layers = 1
width = 16
heads = 2
context = 12
dropout = 0.1
[optimizer]
name = "adamw"
learning_rate = 0.01
[train]
steps = 30
batch_size = 8
micro_batch_size = 3
[validation]
every = 10
)",
                       "text.toml", all);
}

TrainingSummary train(const Config& config, const fs::path& folder, bool overwrite = false) {
  return TrainingRun(config, folder, {.overwrite = overwrite}).train();
}

Names files_of(const fs::path& folder) {
  Names names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

Names keys_of(const json& object) {
  Names names;
  for (const auto& [key, value] : object.items()) names.insert(key);
  return names;
}

TEST(Run, OfALineHasItsFiles) {
  const TemporaryFolder folder;
  train(line_config(), folder / "run");
  EXPECT_EQ(files_of(folder / "run"), (Names{".lock", "checkpoints", "config.toml", "log.jsonl", "best.safetensors",
                                             "model.safetensors", "summary.json"}));
}

// Each kind of parameter of a GPT, and with it each op that takes parameters, without a gradient for some.
TEST(Run, FrozenParametersStayAndTheOthersMove) {
  for (const char* pattern : {"*.bias", "*.weight", "*wte*", "*ln*", "*mlp*", "*attn*"}) {
    SCOPED_TRACE(pattern);
    const TemporaryFolder folder;
    const Config config = text_config(folder, {"optimizer.groups.0.freeze=true", "train.steps=2",
                                               std::string("optimizer.groups.0.pattern=") + pattern});
    const Session start(config);
    TrainingRun run(config, folder / "run");
    run.train();
    const Parameters before = start.model().parameters(), after = run.model().parameters();
    for (size_t i = 0; i < before.size(); ++i) {
      const bool same = gradus::bits_of({before[i]}) == gradus::bits_of({after[i]});
      EXPECT_EQ(same, fits_pattern(pattern, before[i].name)) << before[i].name;
    }
  }
}

TEST(Run, OfATextHasItsTokenizerToo) {
  const TemporaryFolder folder;
  train(text_config(folder), folder / "run");
  EXPECT_EQ(files_of(folder / "run"), (Names{".lock", "checkpoints", "config.toml", "log.jsonl", "best.safetensors",
                                             "model.safetensors", "summary.json", "tokenizer.json"}));
}

TEST(Run, LogsARowEachLoggedStep) {
  const TemporaryFolder folder;
  train(line_config({"log.every=10"}), folder / "run");
  const std::vector<json> rows = log_of(folder / "run");
  ASSERT_EQ(rows.size(), 3u);  // 0, 10 and 20
  const Names keys = {"step",      "epoch",        "loss",           "learning_rate",
                      "grad_norm", "update_ratio", "examples_per_s", "elapsed_s"};
  for (const json& row : rows) EXPECT_EQ(keys_of(row), keys);
  EXPECT_EQ(rows[1]["step"], 10);
  EXPECT_EQ(rows[1]["epoch"], 10.0);
  EXPECT_EQ(rows[1]["learning_rate"], 0.1);
  EXPECT_EQ(rows[2]["step"], 20);
  EXPECT_LT(rows[2]["loss"].get<double>(), rows[0]["loss"].get<double>());
  EXPECT_GT(rows[2]["examples_per_s"].get<double>(), 0);
}

TEST(Run, LogsPenaltyAndValidationWhereThereAreSuch) {
  const TemporaryFolder folder;
  train(line_config({"regularization.l2=0.1", "data.validation_fraction=0.25", "validation.every=7", "log.every=100"}),
        folder / "run");
  const std::vector<json> rows = log_of(folder / "run");
  std::vector<int> steps;
  for (const json& row : rows) {
    steps.push_back(row["step"]);
    EXPECT_TRUE(row.contains("penalty"));
    EXPECT_EQ(row.contains("val_loss"), row["step"] != 0);
  }
  EXPECT_EQ(steps, (std::vector<int>{0, 6, 13, 20, 24}));
}

TEST(Run, OfATextLogsTokensAndPerplexity) {
  const TemporaryFolder folder;
  train(text_config(folder), folder / "run");
  const std::vector<json> rows = log_of(folder / "run");
  for (const json& row : rows) EXPECT_GT(row["tokens_per_s"].get<double>(), 0);
  const json& last = rows.back();
  EXPECT_EQ(last["step"], 29);
  EXPECT_DOUBLE_EQ(last["val_perplexity"].get<double>(), std::exp(last["val_loss"].get<double>()));
}

TEST(Run, SummarySaysHowItEnded) {
  const TemporaryFolder folder;
  const TrainingSummary summary = train(line_config(), folder / "run");
  const json s = json::parse(slurp(folder / "run/summary.json"));
  EXPECT_EQ(keys_of(s),
            (Names{"steps", "stop_reason", "final_loss", "best_val_loss", "model_step", "parameters", "elapsed_s",
                   "peak_rss_bytes", "predicted_bytes", "fingerprint", "counts", "checkpoints", "metrics"}));
  EXPECT_EQ(s["steps"], 25);
  EXPECT_EQ(s["stop_reason"], "max_steps");
  EXPECT_EQ(s["final_loss"], summary.final_loss);
  EXPECT_TRUE(s["best_val_loss"].is_null());
  EXPECT_EQ(s["parameters"], 2);
  EXPECT_GT(s["peak_rss_bytes"].get<int64_t>(), 1 << 20);
  EXPECT_LT(s["peak_rss_bytes"].get<int64_t>(), int64_t{1} << 36);
}

TEST(Run, SummaryOfATextHasItsMetrics) {
  const TemporaryFolder folder;
  const TrainingSummary summary = train(text_config(folder), folder / "run");
  const json s = json::parse(slurp(folder / "run/summary.json"));
  EXPECT_EQ(s["best_val_loss"], *summary.best_validation_loss);
  EXPECT_EQ(keys_of(s["metrics"]), (Names{"val_bits_per_byte", "val_loss", "val_perplexity"}));
  const json last = log_of(folder / "run").back();
  for (const std::string& key : keys_of(s["metrics"])) EXPECT_EQ(s["metrics"][key], last[key]) << key;
  const double loss = s["metrics"]["val_loss"];
  EXPECT_DOUBLE_EQ(s["metrics"]["val_perplexity"], std::exp(loss));
  // Of the last 74 of 740 characters 72 are targets, 4 of them of two bytes.
  EXPECT_DOUBLE_EQ(s["metrics"]["val_bits_per_byte"], loss / std::log(2.0) * 72.0 / 76.0);
}

// Too high a rate: the loss grows from step to step, and beyond what f32 holds.
TEST(Run, ThatDivergesKeepsItsLastFiniteWeights) {
  const TemporaryFolder folder;
  const TrainingSummary summary =
      train(line_config({"optimizer.learning_rate=1000", "train.steps=1000"}), folder / "run");
  EXPECT_EQ(summary.stop_reason, StopReason::kNonFinite);
  const json s = json::parse(slurp(folder / "run/summary.json"));
  EXPECT_EQ(s["stop_reason"], "non_finite");
  EXPECT_LT(s["steps"].get<int>(), 1000);
  for (const double value : values_of(load(folder / "run").model().parameters())) EXPECT_TRUE(std::isfinite(value));
}

TEST(Run, ThatIsCancelledKeepsItsModel) {
  const TemporaryFolder folder;
  TrainingRun run(line_config({"train.steps=1000000"}), folder / "run");
  run.set_on_step([&](const StepRecord& record) {
    if (record.step == 5) run.trainer().cancel();
  });
  run.train();
  EXPECT_EQ(json::parse(slurp(folder / "run/summary.json"))["stop_reason"], "interrupted");
  EXPECT_EQ(bits_of(load(folder / "run").model().parameters()), bits_of(run.model().parameters()));
}

TEST(Run, CallsBackEveryStepAndEachLoggedOneAfterItsRow) {
  const TemporaryFolder folder;
  TrainingRun run(line_config({"log.every=10"}), folder / "run");
  int64_t steps = 0;
  std::vector<int64_t> logged;
  run.set_on_step([&](const StepRecord&) { ++steps; });
  run.set_on_logged([&](const TrainingRun::Progress& progress) {
    logged.push_back(progress.record.step);
    EXPECT_EQ(log_of(folder / "run").back()["step"], progress.record.step);
    EXPECT_EQ(progress.tokens_per_s, 0);
  });
  run.train();
  EXPECT_EQ(steps, 25);
  EXPECT_EQ(logged, (std::vector<int64_t>{0, 10, 20}));
}

TEST(Load, PredictsWhatTheModelDoes) {
  const TemporaryFolder folder;
  TrainingRun run(line_config(), folder / "run");
  run.train();
  const TrainedRun trained = load(folder / "run");
  const Tensor x = column({-1, 0, 0.5, 2});
  Context context;
  EXPECT_EQ(trained.predict(x).values<double>(), run.model().forward(x, context).values<double>());
  EXPECT_EQ(trained.config().to_toml(), run.config().to_toml());
}

TEST(Load, GivesBackATextModel) {
  const TemporaryFolder folder;
  TrainingRun run(text_config(folder), folder / "run");
  run.train();
  const Tensor ids = Tensor::from(std::vector<int64_t>{1, 2, 3, 4, 5, 6}, {2, 3});
  Context context;
  EXPECT_EQ(load(folder / "run").predict(ids).values<double>(), run.model().forward(ids, context).values<double>());
}

TEST(Load, GivesTheBestOrTheLast) {
  const TemporaryFolder folder;
  // The error of b grows by |1 − 2.4| a step: the first validation is the best.
  TrainingRun run(line_config({"optimizer.learning_rate=1.2", "train.steps=8", "data.validation_fraction=0.25",
                               "validation.every=2", "model.init=zeros"}),
                  folder / "run");
  std::string first_validated;
  run.set_on_step([&](const StepRecord& record) {
    EXPECT_EQ(record.best, record.step == 1);
    if (record.best) first_validated = bits_of(run.model().parameters());
  });
  run.train();
  EXPECT_EQ(bits_of(load(folder / "run", Weights::kBest).model().parameters()), first_validated);
  EXPECT_EQ(bits_of(load(folder / "run").model().parameters()), bits_of(run.model().parameters()));
  EXPECT_NE(first_validated, bits_of(run.model().parameters()));
}

TEST(Load, WithoutValidationTheBestIsTheLast) {
  const TemporaryFolder folder;
  train(line_config(), folder / "run");
  EXPECT_EQ(bits_of(load(folder / "run", Weights::kBest).model().parameters()),
            bits_of(load(folder / "run").model().parameters()));
}

TEST(Load, GeneratesByTheSeed) {
  const TemporaryFolder folder;
  train(text_config(folder), folder / "run");
  const TrainedRun trained = load(folder / "run");
  const GenerateOptions options = {.tokens = 40, .seed = 5};
  std::string pieces;
  const std::string text = trained.generate("to be", options, [&](const std::string& piece) {
    pieces += piece;
    return true;
  });
  EXPECT_EQ(pieces, text);
  EXPECT_EQ(trained.generate("to be", options), text);
  EXPECT_EQ(load(folder / "run").generate("to be", options), text);
  EXPECT_NE(trained.generate("to be", {.tokens = 40, .seed = 6}), text);
  EXPECT_EQ(trained.generate("na", {.tokens = 30, .top_k = 1, .seed = 7}),
            trained.generate("na", {.tokens = 30, .temperature = 0}));
  EXPECT_EQ(trained.generate("é", {.tokens = 3}, [](const std::string&) { return false; }).empty(), false);
}

TEST(Load, RefusesToGenerateWhatItCannot) {
  const TemporaryFolder folder;
  train(text_config(folder), folder / "text");
  const std::string unknown = error_text([&] { (void)load(folder / "text").generate("to Zebra", {}); });
  EXPECT_NE(unknown.find("Z"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("3"), std::string::npos) << unknown;  // its byte offset
  EXPECT_EQ(usage_error_text([&] { (void)load(folder / "text").generate("", {}); }),
            "[generate] the prompt is empty; give at least one token");
  train(line_config(), folder / "line");
  EXPECT_EQ(usage_error_text([&] { (void)load(folder / "line").generate("a", {}); }),
            "[generate] the run's model is \"linear\"; only a text model can generate");
}

TEST(Load, PredictsFromSeveralThreadsAtOnce) {
  const TemporaryFolder folder;
  train(text_config(folder, {"train.steps=3"}), folder / "run");
  const TrainedRun trained = load(folder / "run");
  const auto ids = [](int64_t i) { return Tensor::from(std::vector<int64_t>{i, 2, 3, i + 1, 5, 6}, {2, 3}); };
  std::vector<std::vector<double>> expected;
  for (int64_t i = 0; i < 4; ++i) expected.push_back(trained.predict(ids(i)).values<double>());
  std::vector<int> wrong(4, 0);
  std::vector<std::jthread> threads;
  for (int64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i, own = static_cast<size_t>(i)] {
      for (int round = 0; round < 50; ++round) wrong[own] += trained.predict(ids(i)).values<double>() != expected[own];
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

// Everything but times and speeds.
std::vector<json> timeless_log(const fs::path& folder) {
  std::vector<json> rows = log_of(folder);
  for (json& row : rows) {
    for (const char* key : {"examples_per_s", "tokens_per_s", "elapsed_s"}) row.erase(key);
  }
  return rows;
}

void expect_same_run(const Config& config, const TemporaryFolder& folder) {
  train(config, folder / "one");
  train(Config::load((folder / "one/config.toml").string(), {"train.threads=3"}), folder / "two");
  EXPECT_EQ(slurp(folder / "two/model.safetensors"), slurp(folder / "one/model.safetensors"));
  EXPECT_EQ(slurp(folder / "two/best.safetensors"), slurp(folder / "one/best.safetensors"));
  EXPECT_EQ(timeless_log(folder / "two"), timeless_log(folder / "one"));
  set_threads(0);
}

TEST(Run, TheResolvedConfigurationGivesTheSameRun) {
  const TemporaryFolder folder;
  expect_same_run(line_config({"train.epochs=2", "train.batch_size=7", "data.validation_fraction=0.2",
                               "validation.every=2", "regularization.l1=0.001"}),
                  folder);
  train(Config::load((folder / "one/config.toml").string()), folder / "three");
  EXPECT_EQ(slurp(folder / "three/config.toml"), slurp(folder / "one/config.toml"));
}

TEST(Run, TheResolvedConfigurationOfATextGivesTheSameRun) {
  const TemporaryFolder folder;
  expect_same_run(text_config(folder, {"schedule.name=cosine", "schedule.warmup_steps=5"}), folder);
}

TEST(Run, TheResolvedConfigurationOfADynamicScheduleGivesTheSameRun) {
  const TemporaryFolder folder;
  expect_same_run(Config::parse("data.kind = \"line\"\nmodel.kind = \"mlp\"\nmodel.hidden = [5]\ntrain.steps = 9\n"
                                "schedule = {name = \"dynamic\", warmup_steps = 10, decay_steps = 90}\n",
                                "dynamic.toml"),
                  folder);
}

TEST(Run, ASeedChangesDataAndWeights) {
  const TemporaryFolder folder;
  const TrainingRun one(line_config(), folder / "one"), two(line_config({"train.seed=4"}), folder / "two");
  EXPECT_NE(bits_of(one.model().parameters()), bits_of(two.model().parameters()));
  const int64_t ids[] = {0};
  EXPECT_NE(one.data().training->batch(ids).targets.item(), two.data().training->batch(ids).targets.item());
}

TEST(Run, RefusesAFolderInUse) {
  const TemporaryFolder folder;
  spill(folder / "notes.txt", "mine");
  EXPECT_EQ(usage_error_text([&] { train(line_config(), folder.path()); }),
            "[" + folder.path().string() +
                "] exists and is not empty; choose another --out, or give --overwrite to replace the run");
  EXPECT_EQ(folder.count(), 1u);
  EXPECT_EQ(usage_error_text([&] { train(line_config(), folder / "notes.txt", true); }),
            "[" + (folder / "notes.txt").string() + "] is a file; a run needs a folder: choose another --out");
  EXPECT_EQ(slurp(folder / "notes.txt"), "mine");
}

TEST(Run, OverwriteReplacesTheRunAndNothingElse) {
  const TemporaryFolder folder;
  train(text_config(folder, {"train.steps=2"}), folder / "run");
  spill(folder / "run/notes.txt", "mine");
  train(line_config({"train.steps=2"}), folder / "run", true);
  EXPECT_EQ(files_of(folder / "run"), (Names{".lock", "checkpoints", "config.toml", "log.jsonl", "best.safetensors",
                                             "model.safetensors", "summary.json", "notes.txt"}));
  EXPECT_EQ(log_of(folder / "run").size(), 1u);
  EXPECT_EQ(load(folder / "run").config().text("model.kind"), "linear");
}

// A file of the user's that has the name of one of ours is not thrown away.
TEST(Run, OverwriteTakesAFolderThatIsNoRunButNotItsFiles) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "run");
  spill(folder / "run/notes.txt", "mine");
  EXPECT_NO_THROW(train(line_config({"train.steps=2"}), folder / "run", true));
  fs::create_directories(folder / "other");
  spill(folder / "other/config.toml", "mine");
  EXPECT_EQ(usage_error_text([&] { train(line_config({"train.steps=2"}), folder / "other", true); }),
            "[" + (folder / "other").string() +
                "] has a config.toml but no log.jsonl, so it is not a run; --overwrite would remove a file that gradus "
                "may not have written: move it, or choose another --out");
  EXPECT_EQ(slurp(folder / "other/config.toml"), "mine");
}

TEST(Run, AnEmptyFolderIsTaken) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "a/b");
  EXPECT_NO_THROW(train(line_config({"train.steps=1"}), folder / "a/b"));
  EXPECT_NO_THROW(train(line_config({"train.steps=1"}), folder / "c/d/e"));
}

// What cannot be trained leaves no folder behind, and a run that exists as it was.
TEST(Run, AnErrorInTheConfigurationTouchesNothing) {
  const TemporaryFolder folder;
  EXPECT_EQ(usage_error_text([&] { train(line_config({"train.batch_size=41"}), folder / "run"); }),
            "[train.batch_size] 41 is more than the 40 examples; use \"all\" or a smaller batch");
  EXPECT_FALSE(fs::exists(folder / "run"));
  train(line_config({"train.steps=1"}), folder / "run");
  const std::string before = slurp(folder / "run/model.safetensors");
  EXPECT_NE(error_text([&] { train(line_config({"train.batch_size=41"}), folder / "run", true); }), "no error");
  EXPECT_EQ(slurp(folder / "run/model.safetensors"), before);
}

TEST(Run, ValidationNeedsSomethingHeldOut) {
  const TemporaryFolder folder;
  EXPECT_EQ(
      usage_error_text([&] {
        train(line_config({"data.validation_fraction=0.001", "validation.every=5"}), folder / "run");
      }),
      "[--set data.validation_fraction=0.001] data.validation_fraction = 0.001 of 40 examples holds out none, but "
      "validation.every = 5 needs some; raise data.validation_fraction above 1/40, or set validation.every = 0");
  EXPECT_EQ(
      usage_error_text([&] {
        train(line_config({"data.points=1", "data.validation_fraction=0.5", "validation.every=5"}), folder / "run");
      }),
      "[--set validation.every=5] the data is one example, which cannot be split, but validation.every = 5 needs "
      "some held out; give more data, or set validation.every = 0");
  const std::string text =
      usage_error_text([&] { train(text_config(folder, {"data.validation_fraction=0.001"}), folder / "run"); });
  EXPECT_TRUE(
      text.starts_with("[--set data.validation_fraction=0.001] data.validation_fraction = 0.001 of 740 tokens "
                       "holds out none, but validation.every = 10 needs some;"))
      << text;
  EXPECT_FALSE(fs::exists(folder / "run"));
  EXPECT_NO_THROW(train(line_config({"data.validation_fraction=0.001"}), folder / "run"));
}

// A byte order mark is no obstacle where bytes are tokens, and other texts have no others.
TEST(Run, BytesTakeAnyFile) {
  const TemporaryFolder folder;
  const Config config = text_config(folder, {"data.tokens=bytes", "train.steps=1"});
  for (const std::string_view start : {"\xEF\xBB\xBF", "\xFF\xFE", "\xE9"}) {
    spill(folder / "text.txt", std::string(start) + std::string(400, 'a'));
    EXPECT_NO_THROW(train(config, folder / "run", true));
  }
  spill(folder / "other.txt", std::string(400, 'z') + "Zürich");
  const ExperimentData data = make_data(text_config(
      folder, {"data.tokens=bytes", Config::text_override("data.validation_path", (folder / "other.txt").string())}));
  EXPECT_EQ(data.shape.vocabulary, 256);
  EXPECT_GT(data.validation->size(), 0);
}

TEST(Run, SaysWhatIsWrongWithATextFile) {
  const TemporaryFolder folder;
  const auto text = [&](std::string_view content) {
    Config config = text_config(folder);
    spill(folder / "text.txt", content);
    return error_text([&] { train(config, folder / "run"); });
  };
  const std::string path = (folder / "text.txt").string();
  EXPECT_EQ(text(""), "[" + path + "] the file is empty; expected text");
  EXPECT_THAT(text("too short"), Reads("[" + path +
                                       "] 9 tokens, of which 0 are held out for validation; each part needs at least "
                                       "model.context + 1 = {} (give more text, or set data.validation_fraction or "
                                       "model.context lower)"));
  const std::string latin = text("latin-1 \xE9");
  EXPECT_TRUE(latin.starts_with("[" + path + "] the text is not valid UTF-8 at byte 8: ")) << latin;
  EXPECT_TRUE(latin.ends_with(": set data.tokens = \"bytes\", or convert the file to UTF-8 with iconv")) << latin;
  for (const std::string_view mark : {"\xFF\xFE", "\xFE\xFF"}) {
    EXPECT_EQ(text(std::string(mark) + "a"), "[" + path +
                                                 "] begins with the byte order mark of UTF-16; convert it with `iconv "
                                                 "-f UTF-16 -t UTF-8 FILE > NEW`, or set data.tokens = \"bytes\"");
  }
  EXPECT_EQ(text("\xEF\xBB\xBFhello"),
            "[" + path +
                "] begins with a UTF-8 byte order mark, which is no part of the text; remove it with `sed -i "
                "'1s/^\\xEF\\xBB\\xBF//' FILE`, or set data.tokens = \"bytes\"");
  Config config = text_config(folder);
  fs::remove(path);
  EXPECT_TRUE(error_text([&] { train(config, folder / "run"); }).starts_with("[" + path + "]"));
  EXPECT_FALSE(fs::exists(folder / "run"));
}

// ---- Folders that are damaged.

std::string load_error(const fs::path& folder, Weights weights = Weights::kLast) {
  return error_text([&] { (void)load(folder, weights); });
}

std::string subject(const fs::path& path) { return "[" + path.string() + "]"; }

TEST(Load, SaysWhatIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_EQ(load_error(folder / "none"),
            subject(folder / "none") + " is not a folder; expected the --out of a training run");
  EXPECT_EQ(load_error(folder.path()),
            subject(folder / "model.safetensors") +
                " does not exist; the run has no checkpoint yet, or this is not a run's folder");
  EXPECT_EQ(load_error(folder.path(), Weights::kBest),
            subject(folder / "best.safetensors") +
                " does not exist; the run has no checkpoint yet, or this is not a run's folder");
}

TEST(Load, SaysWhichFileIsMissing) {
  const TemporaryFolder folder;
  train(text_config(folder, {"train.steps=1"}), folder / "run");
  for (const char* file : {"tokenizer.json", "config.toml"}) {
    fs::remove(folder / "run/checkpoints/step-1" / file);
    EXPECT_NE(load_error(folder / "run").find((folder / "run/checkpoints/step-1" / file).string()), std::string::npos)
        << file;
  }
}

TEST(Load, SaysWhereAFileIsDamaged) {
  const TemporaryFolder folder;
  train(text_config(folder, {"train.steps=1"}), folder / "run");
  for (const char* file : {"tokenizer.json", "config.toml", "model.safetensors"}) {
    const fs::path path = folder / "run/checkpoints/step-1" / file;
    const std::string content = slurp(path);
    for (const size_t length : {size_t{0}, size_t{7}, content.size() / 2, content.size() - 3}) {
      if (std::string_view(file) == "config.toml" && length == content.size() - 3)
        continue;  // still valid TOML, perhaps
      spill(path, content.substr(0, length));
      EXPECT_NE(load_error(folder / "run").find(path.string()), std::string::npos)
          << file << " cut to " << length << ": " << load_error(folder / "run");
    }
    spill(path, content);
  }
  EXPECT_EQ(load_error(folder / "run"), "no error");
}

TEST(Load, SaysThatWeightsAreOfAnotherModel) {
  const TemporaryFolder folder;
  train(line_config({"train.steps=1"}), folder / "run");
  const fs::path path = folder / "run/model.safetensors";
  const std::map<std::string, std::string> metadata = read_safetensors(path).metadata;
  fs::remove(path);  // the link: what lies in a checkpoint is checked against its sums first
  write_safetensors(path, {{"weight", Tensor::zeros({1, 2})}, {"bias", Tensor::zeros({1})}}, metadata);
  EXPECT_EQ(load_error(folder / "run"), subject(path) +
                                            " the weights do not fit the model:\n"
                                            "  weight is f32 (1, 2), the model has f32 (1, 1)");
  write_safetensors(path, {{"weight", Tensor::zeros({1, 1})}, {"bias", Tensor::zeros({1})}});
  EXPECT_EQ(load_error(folder / "run"),
            subject(path) + " the metadata has no \"gradus.inputs\"; expected a file that gradus wrote");
}

// Numbers in a file that would ask for absurd memory, or none.
TEST(Load, DoesNotTrustTheMetadata) {
  const TemporaryFolder folder;
  train(line_config({"train.steps=1"}), folder / "run");
  const fs::path path = folder / "run/model.safetensors";
  fs::remove(path);
  for (const char* inputs : {"0", "-1", "1x", "99999999999999999999", "1000000000000000000"}) {
    write_safetensors(path, {{"weight", Tensor::zeros({1, 1})}, {"bias", Tensor::zeros({1})}},
                      {{"gradus.inputs", inputs}, {"gradus.outputs", "1"}, {"gradus.vocabulary", "0"}});
    const std::string text = load_error(folder / "run");
    EXPECT_NE(text.find(path.string()), std::string::npos) << inputs << ": " << text;
  }
}

TEST(Load, PredictRefusesInputsThatDoNotFit) {
  const TemporaryFolder folder;
  train(line_config({"train.steps=1"}), folder / "run");
  const TrainedRun trained = load(folder / "run");
  EXPECT_NE(error_text([&] { (void)trained.predict(Tensor::zeros({3, 2})); }), "no error");
  EXPECT_NE(error_text([&] { (void)trained.predict(Tensor::zeros({3, 1}, DType::kI64)); }), "no error");
}

}  // namespace run_test
}  // namespace gradus
