// Messages of the library that belong to no other test.
#include "gradus/autograd/ops.h"
#include "gradus/base/hash.h"
#include "gradus/data/generated.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/tensor/safetensors.h"
#include "gradus/train/gpt_benchmark.h"
#include "gradus/train/manifest.h"
#include "gradus/train/run.h"
#include "gradus/train/verify.h"
#include "tests/testing.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace messages_test {

namespace fs = std::filesystem;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

Config table_config(const fs::path& file) {
  return Config::parse("data.kind = 'csv'\nmodel.kind = 'linear'\ntrain.steps = 4\ncheckpoint.every = 2\n", "run.toml",
                       {Config::text_override("data.path", file.string())});
}

class TableRun : public testing::Test {
 protected:
  void SetUp() override {
    spill(folder_ / "t.csv", "a,b,y\n1,2,3\n4,5,6\n7,8,10\n2,1,0\n5,5,5\n");
    TrainingRun(table_config(folder_ / "t.csv"), run_).train();
  }
  // Changes a run's file behind its link, and the manifest that would notice.
  void replace_in_checkpoint(const std::string& name, const std::string& from, const std::string& to) {
    const fs::path checkpoint = fs::canonical(run_ / "model.safetensors").parent_path();
    std::string text = slurp(checkpoint / name);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
    spill(checkpoint / name, text);
    fs::remove(checkpoint / "manifest.json");
    for (const char* beside : {"config.toml", "columns.json"}) {
      fs::copy(checkpoint / beside, run_ / beside, fs::copy_options::overwrite_existing);
    }
  }
  TemporaryFolder folder_;
  fs::path run_ = folder_ / "run";
};

TEST_F(TableRun, ColumnsThatAreNotTheModels) {
  replace_in_checkpoint("columns.json", "{\"name\":\"a\",",
                        "{\"name\":\"c\",\"mean\":0.0,\"scale\":1.0},{\"name\":\"a\",");
  EXPECT_EQ(error_text([&] { load(run_); }), "[" + (run_ / "columns.json").string() + "] 3 inputs; the model has 2");
}

TEST_F(TableRun, MetadataThatIsNoSize) {
  replace_in_checkpoint("model.safetensors", "\"gradus.inputs\":\"2\"", "\"gradus.inputs\":\"9\"");
  EXPECT_EQ(error_text([&] { load(run_); }),
            "[" + (run_ / "model.safetensors").string() +
                "] metadata \"gradus.inputs\" is \"9\"; expected a whole number from 0 to 3, the number of weights");
}

TEST_F(TableRun, ASummaryOfOtherLosses) {
  const std::string summary = slurp(run_ / "summary.json");
  const size_t at = summary.find("\"losses\":\"") + 10;
  std::string other = summary;
  other.replace(at, 16, "0123456789abcdef");
  spill(run_ / "summary.json", other);
  std::string found;
  for (const Finding& finding : verify_run(run_)) found += finding.text + "\n";
  EXPECT_NE(found.find("its fingerprint is not that of the losses up to step 4"), std::string::npos) << found;
}

TEST_F(TableRun, AReplayOfOtherData) {
  spill(folder_ / "t.csv", "a,b,y\n1,2,3\n4,5,6\n7,8,10\n2,1,0\n5,5,6\n");
  EXPECT_EQ(error_text([&] { replay(run_, 2, 4); }),
            "[--replay] the data is not what the run was trained on; put the same data back");
}

TEST_F(TableRun, AManifestThatListsTooLittle) {
  const fs::path checkpoint = fs::canonical(run_ / "model.safetensors").parent_path();
  Manifest manifest = Manifest::read(checkpoint);
  std::erase_if(manifest.files, [](const ManifestFile& file) { return file.name == "state.json"; });
  spill(checkpoint / Manifest::kName, manifest.to_text());
  EXPECT_EQ(error_text([&] { read_checkpoint(checkpoint); }),
            "[" + (checkpoint / "manifest.json").string() + "] does not list state.json");
}

TEST_F(TableRun, AConfigurationThatIsNotTheStates) {
  const fs::path checkpoint = fs::canonical(run_ / "model.safetensors").parent_path();
  const std::string text = slurp(checkpoint / "config.toml") + "# another\n";
  spill(checkpoint / "config.toml", text);
  Manifest manifest = Manifest::read(checkpoint);
  for (ManifestFile& file : manifest.files) {
    if (file.name != "config.toml") continue;
    file.bytes = static_cast<int64_t>(text.size());
    file.sum = xxh3(text);
    file.parts.clear();
  }
  spill(checkpoint / Manifest::kName, manifest.to_text());
  EXPECT_EQ(
      error_text([&] { read_checkpoint(checkpoint); }),
      "[" + (checkpoint / "config.toml").string() + "] is not the configuration that state.json was written with");
}

TEST_F(TableRun, AStateOfAnotherStep) {
  const fs::path checkpoint = fs::canonical(run_ / "model.safetensors").parent_path();
  Manifest manifest = Manifest::read(checkpoint);
  manifest.step = 3;
  spill(checkpoint / Manifest::kName, manifest.to_text());
  EXPECT_EQ(error_text([&] { read_checkpoint(checkpoint); }),
            "[" + (checkpoint / "state.json").string() + "] is of step 4; the manifest beside it of step 3");
}

TEST_F(TableRun, ACheckpointThatIsNoFolder) {
  EXPECT_EQ(usage_error_text([&] {
              TrainingRun(table_config(folder_ / "t.csv"), run_, {.resume = true, .checkpoint = folder_ / "t.csv"});
            }),
            "[" + (folder_ / "t.csv").string() + "] is no checkpoint of the run " + run_.string());
}

TEST(TextRun, AVocabularyThatIsNotTheModels) {
  const TemporaryFolder folder;
  spill(folder / "t.txt", "abcabcabcabc");
  const Config config = Config::parse(
      "data.kind = 'text'\nmodel = {kind = 'gpt', layers = 1, width = 4, heads = 1, context = 2}\ntrain.steps = 1\n"
      "data.validation_fraction = 0",
      "run.toml", {Config::text_override("data.path", (folder / "t.txt").string())});
  TrainingRun(config, folder / "run").train();
  const fs::path checkpoint = fs::canonical(folder / "run/model.safetensors").parent_path();
  fs::remove(checkpoint / "manifest.json");
  spill(folder / "run/tokenizer.json", R"({"type": "characters", "tokens": ["a", "b"]})");
  EXPECT_EQ(error_text([&] { load(folder / "run"); }),
            "[" + (folder / "run/tokenizer.json").string() + "] 2 tokens; the model has 3");
}

TEST(TrainerMessages, OptionsOutOfRange) {
  LinearModel model({}, 1);
  const TensorDataset data = make_line({.points = 5}, 1);
  const auto optimizer = make_sgd(model.parameters(), {});
  const auto error = [&](const TrainerOptions& options, LossFunction loss) {
    return usage_error_text(
        [&] { Trainer(options, model.parameters(), std::move(loss), data, *optimizer, ConstantSchedule{0.1}); });
  };
  EXPECT_EQ(error({.steps = 1, .log_every = 0}, loss_of(model)),
            "[train] a negative limit, size or interval (log_every and validation_batch_size must be at least 1)");
  EXPECT_EQ(error({.steps = 1, .stop_loss = 0.5, .stop_window = 2'000'000}, loss_of(model)),
            "[train] stop_window 2000000 and stop_loss 0.5; expected a window of up to 1000000 steps and a number");
  EXPECT_EQ(error({.steps = 1}, {}), "[train] the loss function is empty; give loss_of(model) or one of your own");
}

TEST(LibraryMessages, OfSizesAndNames) {
  EXPECT_EQ(usage_error_text([] { run_gpt_benchmark({.model = {}, .batch = 0}); }),
            "[bench] batch 0, steps 10, warm_up 2: expected at least 1, 1 and 0");
  EXPECT_EQ(error_text([] { dtype_from_name("f16"); }),
            "[dtype] \"f16\" is not known; expected f32, f64, bf16, i64, i32, u8 or bool");
  EXPECT_EQ(error_text([] { cosine_similarity(Tensor::scalar(1), Tensor::scalar(2)); }),
            "[cosine_similarity] f32 (); expected at least one dimension");
}

TEST(LibraryMessages, OfBf16ThatIsCompared) {
  const Tensor x = Tensor::full({2}, 1.0, DType::kBF16);
  EXPECT_EQ(error_text([&] { greater(x, x); }), "[greater] bf16 tensors; convert them to f32 with cast");
}

TEST(LibraryMessages, OfASafetensorsFileThatIsNone) {
  const TemporaryFolder folder;
  spill(folder / "x.safetensors", std::string("\x02\0\0\0\0\0\0\0[]", 10));
  EXPECT_EQ(error_text([&] { read_safetensors(folder / "x.safetensors"); }),
            "[" + (folder / "x.safetensors").string() + "] the header does not start with '{' at byte 8");
}

}  // namespace messages_test
}  // namespace gradus
