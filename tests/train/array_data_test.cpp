// Arrays of examples in a run: data.kind = "idx", from the files to predictions.
#include <gmock/gmock.h>

#include <filesystem>

#include "gradus/train/cluster_report.h"
#include "gradus/train/evaluation.h"
#include "gradus/train/prediction.h"
#include "gradus/train/session.h"
#include "tests/data/idx_bytes.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace array_data_test {

using testing::HasSubstr;

// Images of 2×2 bytes, of which label 7 has the upper half bright and label 3 the lower.
struct Images {
  std::string pixels, labels;
};

Images images(int count, int first = 0) {
  Images all;
  for (int i = first; i < first + count; ++i) {
    const bool is_upper = i % 3 != 0;
    const char bright = static_cast<char>(255 - i % 5), dark = static_cast<char>(i % 7);
    all.pixels += is_upper ? std::string{bright, bright, dark, dark} : std::string{dark, dark, bright, bright};
    all.labels += is_upper ? '\7' : '\3';
  }
  return all;
}

class ArrayData : public testing::Test {
 protected:
  void write(const std::string& name, const Images& all) const {
    const auto count = static_cast<uint32_t>(all.labels.size());
    spill(folder_ / (name + ".idx3"), idx_bytes(8, {count, 2, 2}, all.pixels));
    spill(folder_ / (name + ".idx1"), idx_bytes(8, {count}, all.labels));
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string set(const char* key, const std::string& name) const { return Config::text_override(key, path(name)); }

  Config config(Overrides keys = {}) const {
    keys.push_back(set("data.path", "a.idx3"));
    keys.push_back(set("data.labels", "a.idx1"));
    return Config::parse("data.kind = \"idx\"\nmodel.kind = \"linear\"\ntrain.steps = 30\n", "run.toml", keys);
  }
  Config clusters(Overrides keys = {}) const {
    keys.push_back(set("data.path", "a.idx3"));
    return Config::parse("data.kind = \"idx\"\nmodel = {kind = \"kmeans\", clusters = 2}\ntrain.steps = 30\n",
                         "run.toml", keys);
  }

  TemporaryFolder folder_;
};

TEST_F(ArrayData, BytesBecomeInputsFrom0To1AndLabelsClasses) {
  write("a", images(30));
  const ExperimentData data = make_data(config({"data.validation_fraction=0.2"}));
  EXPECT_EQ(data.shape.inputs, 4);
  EXPECT_EQ(data.shape.outputs, 2);
  EXPECT_EQ(data.training->size(), 24);
  EXPECT_EQ(data.validation->size(), 6);
  EXPECT_EQ(data.split.training.size(), 24U);
  const auto& training = dynamic_cast<const TensorDataset&>(*data.training);
  const Images all = images(30);
  for (size_t i = 0; i < 24; ++i) {
    const auto row = static_cast<size_t>(data.split.training[i]);
    EXPECT_EQ(training.targets().data<int64_t>()[i], all.labels[row] == '\7' ? 1 : 0);
    for (size_t p = 0; p < 4; ++p) {
      const auto byte = static_cast<unsigned char>(all.pixels[row * 4 + p]);
      EXPECT_EQ(training.inputs().data<float>()[i * 4 + p], static_cast<float>(byte / 255.0));
    }
  }
  EXPECT_EQ(std::get<TableEncoder>(data.encoder).classes(), (std::vector<std::string>{"3", "7"}));
}

TEST_F(ArrayData, IsSplitAsRowsOfATableAre) {
  write("a", images(30));
  const ExperimentData stratified =
      make_data(config({"data.split=stratified", "data.validation_fraction=0.2", "data.training_size=12"}));
  int64_t of_three = 0;
  for (const int64_t row : stratified.split.validation) of_three += row % 3 == 0 ? 1 : 0;
  EXPECT_EQ(of_three, 2);
  EXPECT_EQ(stratified.training->size(), 12);
  EXPECT_EQ(make_data(config({"data.split=in_order", "data.validation_fraction=0.1"})).split.validation,
            (std::vector<int64_t>{27, 28, 29}));
  EXPECT_EQ(make_data(config({"data.folds=3"})).validation->size(), 10);
  EXPECT_THAT(message_of(ErrorKind::kUsage,
                         [&] {
                           make_data(config({"data.split=by_group", "data.split_column=who"}));
                         }),
              HasSubstr("there is no column \"who\""));
}

TEST_F(ArrayData, SeveralFilesAreOne) {
  write("a", images(10));
  write("b", images(5, 10));
  const std::string paths = "data.path=[\"" + path("a.idx3") + "\", \"" + path("b.idx3") + "\"]",
                    labels = "data.labels=[\"" + path("a.idx1") + "\", \"" + path("b.idx1") + "\"]";
  const Overrides both = {"data.validation_fraction=0", paths, labels};
  const ExperimentData parts =
      make_data(Config::parse("data.kind = \"idx\"\nmodel.kind = \"linear\"\ntrain.steps = 1\n", "run.toml", both));
  write("a", images(15));
  EXPECT_EQ(parts.hash, make_data(config({"data.validation_fraction=0"})).hash);
  spill(folder_ / "b.idx3", idx_bytes(8, {1, 4}, "abcd"));
  EXPECT_EQ(message_of(ErrorKind::kFailure,
                       [&] {
                         make_data(Config::parse("data.kind = \"idx\"\nmodel.kind = \"linear\"\ntrain.steps = 1\n",
                                                 "run.toml", both));
                       }),
            "[" + path("b.idx3") + "] its shape is (1, 4), and that of " + path("a.idx3") +
                " is (15, 2, 2); expected examples of one shape");
}

TEST_F(ArrayData, LinearModelsAndPerceptronsLearnFromIt) {
  write("a", images(60));
  write("b", images(30, 1));
  for (const char* model : {"linear", "mlp"}) {
    const std::string run = std::string("run_") + model;
    gradus::Run(
        config({std::string("model.kind=") + model, "optimizer.name=adamw", "optimizer.learning_rate=0.1",
                set("data.validation_path", "b.idx3"), set("data.validation_labels", "b.idx1"), "validation.every=10"}),
        folder_ / run)
        .train();
    const TrainedRun trained = load(folder_ / run);
    const Predictions predictions = predict_files(trained, {path("b.idx3")});
    ASSERT_EQ(predictions.ids.size(), 30U);
    for (size_t i = 0; i < 30; ++i) {
      EXPECT_EQ(predictions.classes[static_cast<size_t>(predictions.ids[i])], (i + 1) % 3 != 0 ? "7" : "3");
    }
    const std::unique_ptr<Dataset> data =
        read_data(trained.config(), trained.encoder(), {path("b.idx3")}, {path("b.idx1")}).rows;
    EXPECT_EQ(data->size(), 30);
    EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { read_data(trained.config(), trained.encoder(), {path("b.idx3")}); }),
              "[--labels] is missing: the labels of --data, which the model's answers are compared with");
  }
}

TEST_F(ArrayData, ClustersNeedNoLabels) {
  write("a", images(60));
  gradus::Run(clusters(), folder_ / "run").train();
  const TrainedRun run = load(folder_ / "run");
  const Predictions predictions = predict_files(run, {path("a.idx3")});
  for (size_t i = 1; i < 60; ++i) {
    EXPECT_EQ(predictions.ids[i] == predictions.ids[0], i % 3 == 0) << i;
  }
  EXPECT_EQ(message_of(ErrorKind::kUsage,
                       [&] { read_data(run.config(), run.encoder(), {path("a.idx3")}, {path("a.idx1")}); }),
            "[--labels] the run had no data.labels, and does not know any class; leave it out");
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { clusters({"data.split=stratified"}); }),
            "[--set data.split=stratified] data.split = \"stratified\" goes by data.labels, and there is none; set it");
  gradus::Run(clusters({set("data.labels", "a.idx1")}), folder_ / "labelled").train();
  EXPECT_EQ(slurp(folder_ / "labelled/model.safetensors"), slurp(folder_ / "run/model.safetensors"));
  const TrainedRun labelled = load(folder_ / "labelled");
  const auto agreement = [&](const std::vector<std::string>& labels) {
    const auto data = read_data(labelled.config(), labelled.encoder(), {path("a.idx3")}, labels).rows;
    for (const Metric& measure : make_cluster_report(labelled, *data).measures) {
      if (measure.name == "adjusted_rand") return measure.value;
    }
    return -1.0;
  };
  EXPECT_EQ(agreement({path("a.idx1")}), 1.0);
  EXPECT_EQ(agreement({}), -1.0);
}

TEST_F(ArrayData, GoesOnToTheSameBits) {
  write("a", images(40));
  const Overrides keys = {"train.steps=8", "checkpoint.every=2", "optimizer.name=adamw"};
  gradus::Run(config(keys), folder_ / "whole").train();
  train_until(5, config(keys), folder_ / "cut");
  gradus::Run(config(keys), folder_ / "cut", {.resume = true}).train();
  EXPECT_EQ(slurp(folder_ / "cut/model.safetensors"), slurp(folder_ / "whole/model.safetensors"));
}

TEST_F(ArrayData, NumbersCanBeLearnedToo) {
  write("a", images(12));
  const ExperimentData data = make_data(config({"loss.name=mse", "data.validation_fraction=0", "data.scaling=none"}));
  EXPECT_EQ(data.training->size(), 12);
  const auto& training = dynamic_cast<const TensorDataset&>(*data.training);
  EXPECT_EQ(training.targets().shape(), (Shape{12, 1}));
  EXPECT_EQ(training.targets().data<float>()[0], 3.0F);
  EXPECT_EQ(training.inputs().data<float>()[2], 255.0F);
}

TEST_F(ArrayData, RefusesWhatDoesNotFit) {
  write("a", images(12));
  write("b", images(5));
  const Overrides keys = {set("data.path", "a.idx3"), set("data.labels", "b.idx1")};
  const std::string text = "data.kind = \"idx\"\nmodel.kind = \"linear\"\ntrain.steps = 1\n";
  EXPECT_EQ(message_of(ErrorKind::kFailure, [&] { make_data(Config::parse(text, "run.toml", keys)); }),
            "[" + path("b.idx1") + "] 5 labels for the 12 examples of " + path("a.idx3") + "; expected one for each");
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { Config::parse(text, "run.toml", {set("data.path", "a.idx3")}); }),
            "[run.toml:2:7] model.kind = \"linear\" learns labels, and data.labels names no file of them; set it");
  const std::string held = set("data.validation_path", "b.idx3");
  EXPECT_EQ(
      message_of(ErrorKind::kUsage, [&] { config({held}); }),
      "[--set " + held + "] data.validation_labels is missing; it goes with data.labels and data.validation_path");
  const std::string alone = set("data.validation_labels", "b.idx1");
  EXPECT_EQ(
      message_of(ErrorKind::kUsage, [&] { config({alone}); }),
      "[--set " + alone + "] data.validation_labels is given alone; it goes with data.labels and data.validation_path");
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { read_data(line(), {}, {"a"}, {"b"}); }),
            "[--labels] data.kind = \"line\" has no files of labels of their own; leave it out");
}

// A file of columns that has lost its target is no reason to read what is not there.
TEST_F(ArrayData, AModelThatLearnsNeedsATarget) {
  write("a", images(12));
  gradus::Run(config(), folder_ / "run").train();
  const std::string columns = slurp(folder_ / "run/columns.json");
  const std::string damaged = columns.substr(0, columns.find("\"target\"")) + "\"target\": null}\n";
  const std::filesystem::path last = std::filesystem::canonical(folder_ / "run/checkpoints/last");
  std::filesystem::create_directory(folder_ / "copy");
  for (const char* file : {"model.safetensors", "config.toml"}) {
    std::filesystem::copy_file(last / file, folder_ / "copy" / file);
  }
  spill(folder_ / "copy/columns.json", damaged);
  EXPECT_EQ(message_of(ErrorKind::kFailure, [&] { load(folder_ / "copy"); }),
            "[" + (folder_ / "copy/columns.json").string() + "] there is no target; the model was made to learn one");
}

}  // namespace array_data_test
}  // namespace gradus
