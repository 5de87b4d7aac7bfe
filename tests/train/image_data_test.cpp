// Pictures in a run: data.kind = "images", from the files to predictions.
#include "gradus/train/image_data.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "gradus/train/prediction.h"
#include "gradus/train/session.h"
#include "gradus/train/shown_data.h"
#include "gradus/train/verify.h"
#include "tests/data/idx_bytes.h"
#include "tests/reads.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace image_data_test {

using testing::ElementsAre;
using testing::HasSubstr;

// A picture of one colour, which its class tells: cats are red, dogs are green.
std::string picture(bool is_cat, int number, int64_t size = 6) {
  Image image = blank_image(size, size + number % 3, 3);
  for (size_t i = 0; i < image.bytes.size(); ++i) {
    const bool is_lit = i % 3 == (is_cat ? 0U : 1U);
    image.bytes[i] = static_cast<uint8_t>(is_lit ? 200 + number % 50 : number % 40);
  }
  return encode_png(image);
}

class ImageData : public testing::Test {
 protected:
  // As many pictures of each class, in turn.
  void write(const std::string& folder, int count, int first = 0) const {
    for (int i = first; i < first + count; ++i) {
      const std::filesystem::path path = folder_ / folder / (i % 2 == 0 ? "cat" : "dog");
      std::filesystem::create_directories(path);
      spill(path / (std::to_string(100 + i) + ".png"), picture(i % 2 == 0, i));
    }
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string set(const char* key, const std::string& name) const { return Config::text_override(key, path(name)); }
  Config config(Overrides keys = {}, const std::string& data = "pets") const {
    keys.insert(keys.begin(), set("data.path", data));
    return Config::parse(
        "data = {kind = \"images\", image_size = 4}\nmodel = {kind = \"mlp\", hidden = [8]}\ntrain.epochs = 12\n"
        "train.batch_size = 8\noptimizer = {name = \"adamw\", learning_rate = 0.02}\n",
        "run.toml", keys);
  }
  std::string usage(const Overrides& keys) const {
    return message_of(ErrorKind::kUsage, [&] { make_data(config(keys)); });
  }
  std::string failure(const Overrides& keys = {}, const std::string& data = "pets") const {
    return message_of(ErrorKind::kFailure, [&] { make_data(config(keys, data)); });
  }

  TemporaryFolder folder_;
};

TEST_F(ImageData, FoldersAreClasses) {
  write("pets", 20);
  const ExperimentData data = make_data(config({"data.validation_fraction=0.25"}));
  EXPECT_EQ(data.training->size(), 15);
  EXPECT_EQ(data.validation->size(), 5);
  EXPECT_EQ(data.shape.inputs, 48);
  EXPECT_EQ(data.shape.outputs, 2);
  EXPECT_EQ(data.shape.example, (Shape{4, 4, 3}));
  const auto& encoder = std::get<ImageEncoder>(data.encoder);
  EXPECT_THAT(encoder.labels.classes(), ElementsAre("cat", "dog"));
  EXPECT_EQ(encoder_file(data.encoder), "images.json");
  const Batch batch = data.training->batch(std::vector<int64_t>{0, 1, 2});
  EXPECT_EQ(batch.inputs.shape(), (Shape{3, 4, 4, 3}));
  // The list has the cats first.
  for (size_t i = 0; i < 3; ++i) {
    const bool is_dog = data.split.training[i] >= 10;
    EXPECT_EQ(batch.targets.data<int64_t>()[i], is_dog ? 1 : 0);
  }
  double sum = 0.0;
  const std::vector<double> all = data.training->batch(std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14})
                                      .inputs.values<double>();
  for (const double x : all) sum += x;
  EXPECT_NEAR(sum / static_cast<double>(all.size()), 0.0, 1e-5);  // standardised over the training part
}

TEST_F(ImageData, ListsAndArraysAreTheSamePictures) {
  write("pets", 6);
  std::string csv = "file,kind,label\n", jsonl;
  for (const int i : {0, 2, 4, 1, 3, 5}) {
    const std::string name = std::string("pets/") + (i % 2 == 0 ? "cat/" : "dog/") + std::to_string(100 + i) + ".png";
    csv += name + ",x," + (i % 2 == 0 ? "cat" : "dog") + "\n";
    jsonl += "{\"label\": \"" + std::string(i % 2 == 0 ? "cat" : "dog") + "\", \"path\": \"" + name + "\"}\n";
  }
  spill(folder_ / "list.csv", csv);
  spill(folder_ / "list.jsonl", jsonl);
  const Overrides all = {"data.validation_fraction=0"};
  const ExperimentData folder = make_data(config(all));
  for (const char* list : {"list.csv", "list.jsonl"}) {
    const ExperimentData data = make_data(config(all, list));
    const std::vector<int64_t> ids = {0, 1, 2, 3, 4, 5};
    EXPECT_EQ(data.training->batch(ids).inputs.values<float>(), folder.training->batch(ids).inputs.values<float>());
    EXPECT_EQ(data.training->batch(ids).targets.values<int64_t>(), (std::vector<int64_t>{0, 0, 0, 1, 1, 1}));
    EXPECT_EQ(data.hash, folder.hash);
  }
  std::string pixels;
  for (int i = 0; i < 3 * 20; ++i) pixels += static_cast<char>(i);
  spill(folder_ / "a.idx", idx_bytes(8, {3, 4, 5}, pixels));
  spill(folder_ / "labels.idx", idx_bytes(8, {3}, "\1\2\1"));
  const std::string labels = set("data.labels", "labels.idx");
  const ExperimentData array = make_data(
      Config::parse("data = {kind = \"images\", scaling = \"none\"}\nmodel.kind = \"linear\"\ntrain.steps = 1\n", "run.toml",
                    {set("data.path", "a.idx"), labels, "data.validation_fraction=0"}));
  EXPECT_EQ(array.shape.example, (Shape{4, 5, 1}));
  const std::vector<float> inputs = array.training->batch(std::vector<int64_t>{1}).inputs.values<float>();
  for (size_t i = 0; i < 20; ++i) EXPECT_FLOAT_EQ(inputs[i], static_cast<float>(20 + i));
  EXPECT_FALSE(array.training->is_costly());
}

TEST_F(ImageData, IsTrainedEvaluatedAndPredicted) {
  write("pets", 40);
  write("more", 6, 100);
  gradus::Run(config({"validation.every=5", "augment.flip=both", "augment.random_crop=true", "augment.mixup=0.3",
                      "augment.cutmix=0.3", "loss.label_smoothing=0.1"}),
              folder_ / "run")
      .train();
  const std::vector<Finding> findings = verify_run(folder_ / "run");
  EXPECT_TRUE(std::ranges::any_of(findings, [](const Finding& finding) {
    return reads(finding.text, "images.json: pictures of 4×4, {} channels");
  }));
  const TrainedRun run = load(folder_ / "run");
  EXPECT_EQ(run.shape().example, (Shape{4, 4, 3}));
  const Predictions folder = predict_files(run, {path("more")});
  EXPECT_EQ(folder.size(), 6U);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_THAT(folder.names[i], HasSubstr(folder.classes[static_cast<size_t>(folder.ids[i])]));
  }
  const std::string cat = path("more/cat/200.png"), dog = path("more/dog/201.png");
  const Predictions two = predict_files(run, {dog, cat});
  EXPECT_THAT(two.names, ElementsAre(dog, cat));
  EXPECT_EQ(two.ids, (std::vector<int64_t>{1, 0}));
  EXPECT_THAT(to_text(two), HasSubstr(dog + "\n   "));
  EXPECT_THAT(to_text(two), HasSubstr("%  dog\n"));
  EXPECT_THAT(to_csv(two), HasSubstr("file,prediction,p_cat,p_dog\n" + dog + ",dog,"));
  EXPECT_THAT(to_jsonl(two), HasSubstr("{\"file\":\"" + dog + "\",\"prediction\":\"dog\",\"probabilities\":{"));
  EXPECT_EQ(read_data(run.config(), run.encoder(), {path("more")}).rows->size(), 6);
}

// What is drawn, decoded and kept is a function of (seed, pass, picture) alone.
TEST_F(ImageData, GoesOnToTheSameBitsWithAnyNumberOfWorkers) {
  write("pets", 30);
  const Overrides keys = {"augment.flip=horizontal", "augment.random_crop=true", "augment.hue=0.2", "augment.erase=0.5",
                          "augment.pad=1", "train.micro_batch_size=3", "checkpoint.every=2"};
  const auto with = [&](const char* key) {
    Overrides more = keys;
    more.emplace_back(key);
    return config(more);
  };
  gradus::Run(with("train.workers=0"), folder_ / "whole").train();
  gradus::Run(with("train.workers=3"), folder_ / "workers").train();
  gradus::Run(with("data.keep_megabytes=0"), folder_ / "none_kept").train();
  train_until(5, config(keys), folder_ / "cut");
  gradus::Run(config(keys), folder_ / "cut", {.resume = true}).train();
  const std::string weights = slurp(folder_ / "whole/model.safetensors");
  for (const char* run : {"workers", "none_kept", "cut"}) {
    EXPECT_EQ(slurp(folder_ / run / "model.safetensors"), weights) << run;
  }
}

TEST_F(ImageData, BadFilesAreNamedOrLeftOut) {
  write("pets", 12);
  spill(folder_ / "pets/cat/0_bad.png", "no picture");
  spill(folder_ / "pets/dog/cut.png", picture(false, 1).substr(0, 60));
  spill(folder_ / "pets/dog/notes.txt", "which are no picture by their name");
  const std::string advice = "; data.on_bad_file = \"skip\" leaves such files out";
  EXPECT_THAT(failure(), AllOf(HasSubstr("[" + path("pets/cat/0_bad.png") + "] is no picture that is known here"),
                               HasSubstr(advice)));
  EXPECT_EQ(error_text([&] { internal::read_pictures(config(), {path("pets/dog/cut.png")}, {}); }).find(advice),
            std::string::npos);
  const ExperimentData data = make_data(config({"data.on_bad_file=skip", "data.validation_fraction=0"}));
  EXPECT_EQ(data.training->size(), 12);
  EXPECT_EQ(data.training->name(11), path("pets/dog/111.png"));
  EXPECT_THAT(left_out_text(data),
              HasSubstr("2 pictures are left out, as they cannot be read; the first: [" + path("pets/cat/0_bad.png")));
  EXPECT_THAT(left_out_text(data), HasSubstr("1 files that do not end in .jpg, .jpeg, .png or .webp are left out"));
  std::filesystem::create_directories(folder_ / "none/cat");
  spill(folder_ / "none/cat/a.png", "");
  EXPECT_THAT(failure({"data.on_bad_file=skip"}, "none"), HasSubstr("none of its 1 pictures can be read; the first: ["));
}

TEST_F(ImageData, PicturesThatAreCutShortAreNamedWhenTheyAreRead) {
  write("pets", 12);
  const std::string cut = path("pets/dog/cut.png");
  spill(cut, picture(false, 1).substr(0, 60));
  EXPECT_EQ(error_text([&] {
              const ExperimentData data = make_data(config({"data.validation_fraction=0"}));
              for (int64_t id = 0; id < data.training->size(); ++id) data.training->batch(std::span(&id, 1));
            }),
            "[" + cut + "] the PNG ends before its picture does: it is cut short; data.on_bad_file = \"skip\" leaves " +
                "such files out");
}

TEST_F(ImageData, ClassesThatDoNotFitAreSaidBeforeTraining) {
  write("pets", 12);
  std::filesystem::create_directories(folder_ / "pets/horse");
  EXPECT_EQ(failure(), "[" + path("pets/horse") + "] is the folder of a class, by data.name_pattern, and has no file "
                       "that ends in .jpg, .jpeg, .png, .webp; put some in it, or remove it");
  std::filesystem::remove(folder_ / "pets/horse");
  std::filesystem::create_directories(folder_ / "held/Cat");
  spill(folder_ / "held/Cat/a.png", picture(true, 1));
  EXPECT_THAT(failure({set("data.validation_path", "held")}),
              HasSubstr("\"Cat\" in column \"label\" is a class that the model does not know; it was made for: cat, dog"));
  std::filesystem::rename(folder_ / "held/Cat", folder_ / "held/cat");
  EXPECT_THAT(left_out_text(make_data(config({set("data.validation_path", "held")}))),
              HasSubstr("the validation part has no example of 1 of the 2 classes: dog\n"));
  EXPECT_THAT(message_of(ErrorKind::kUsage, [&] { make_data(config({}, "held")); }),
              HasSubstr("column \"label\" is the class to learn, and it is \"cat\" in every row"));
}

TEST_F(ImageData, NamesMaySayMore) {
  for (int i = 0; i < 12; ++i) {
    std::filesystem::create_directories(folder_ / "flat");
    spill(folder_ / "flat" / ((i % 2 == 0 ? "cat_" : "dog_") + std::to_string(i / 4) + "_" + std::to_string(i) + ".png"),
          picture(i % 2 == 0, i));
  }
  const ExperimentData data = make_data(
      config({"data.name_pattern={label}_{place}_*", "data.split=by_value", "data.split_column=place", "data.held_out=2"},
             "flat"));
  EXPECT_EQ(data.validation->size(), 4);
  EXPECT_EQ(data.training->size(), 8);
  EXPECT_EQ(failure(), "[" + path("pets") + "] cannot open it for reading: No such file or directory");
}

TEST_F(ImageData, IsShownAsItIsTrainedOn) {
  write("pets", 12);
  const Config mixed = config({"augment.mixup=1", "data.validation_fraction=0"});
  const std::vector<ShownExample> shown = shown_examples(mixed, make_data(mixed), 5);
  ASSERT_EQ(shown.size(), 5U);
  for (const ShownExample& example : shown) {
    ASSERT_EQ(example.files.size(), 1U);
    EXPECT_EQ(example.files[0].ending, ".png");
    const Image image = decode_image(example.files[0].bytes, "shown");
    EXPECT_TRUE(image.height == 4 && image.width == 4 && image.channels == 3);
    EXPECT_THAT(example.text, HasSubstr("4×4 pixels, 3 channels, numbers from "));
    EXPECT_THAT(example.target, HasSubstr("%"));
  }
  const Config plain = config({"data.validation_fraction=0"});
  for (const ShownExample& example : shown_examples(plain, make_data(plain), 100)) {
    const Image image = decode_image(example.files[0].bytes, "shown");
    EXPECT_EQ(image.bytes[0] > 100, example.target == "cat");
  }
  const Config curve = line();
  const std::vector<ShownExample> numbers = shown_examples(curve, make_data(curve), 2);
  EXPECT_THAT(numbers[0].text, HasSubstr("1 numbers: "));
  EXPECT_TRUE(numbers[0].files.empty());
}

TEST_F(ImageData, KeysThatDoNotFitAreRefused) {
  write("pets", 12);
  EXPECT_EQ(usage({"data.channels=2"}),
            "[--set data.channels=2] data.channels = 2; expected 1 (grey), 3 (RGB) or 4 (with alpha)");
  EXPECT_EQ(usage({"data.image_size=[1, 2, 3]"}),
            "[--set data.image_size=[1, 2, 3]] data.image_size = [1, 2, 3] has 3 numbers; expected one, or the height and "
            "the width");
  EXPECT_EQ(usage({"augment.crop_area=[0.5, 0.2]"}),
            "[--set augment.crop_area=[0.5, 0.2]] augment.crop_area = [0.5, 0.2] is no range; expected the least and then "
            "the most");
  EXPECT_EQ(usage({"data.mean=[0.5, 0.5, 0.5]"}),
            "[--set data.mean=[0.5, 0.5, 0.5]] data.mean is given alone; data.mean and data.deviation go together");
  EXPECT_EQ(usage({"data.mean=[0.5]", "data.deviation=[0.5]"}),
            "[--set data.mean=[0.5]] data.mean has 1 numbers, and pictures have 3 channels; give one for each");
  EXPECT_EQ(usage({"data.mean=[0.5]", "data.deviation=[0.5]", "data.scaling=none"}),
            "[--set data.mean=[0.5]] data.mean is for data.scaling = \"standardize\", and it is \"none\"; remove one of "
            "them");
  EXPECT_EQ(usage({"augment.mixup=0.2", "loss.name=hinge"}),
            "[--set augment.mixup=0.2] augment.mixup = 0.2 mixes classes, and loss.name = \"hinge\" takes one; take "
            "\"cross_entropy\"");
  EXPECT_EQ(usage({"augment.cutmix=0.2", "loss.class_weights=[1.0, 2.0]"}),
            "[--set augment.cutmix=0.2] augment.cutmix = 0.2 mixes classes, and loss.class_weights are of one; remove one "
            "of them");
  const std::string alone = set("data.validation_labels", "x");
  EXPECT_EQ(usage({alone}),
            "[--set " + alone + "] data.validation_labels is given alone; it goes with data.labels and data.validation_path");
  const std::string text = "data = {kind = \"images\", path = \"" + path("pets") + "\"}\ntrain.steps = 1\n";
  EXPECT_THAT(
      parse_error(text + "model = {kind = \"kmeans\", clusters = 2}\n"),
      HasSubstr("model.kind = \"kmeans\" makes clusters of rows of numbers, and data.kind = \"images\" has pictures; "
                "take data.kind = \"idx\""));
  EXPECT_THAT(parse_error(text + "model.kind = \"linear\"\nsolver.name = \"lbfgs\"\n"),
              HasSubstr("solver.name = \"lbfgs\" goes through rows in memory, and data.kind = \"images\" has pictures; "
                        "take \"none\", and an optimizer"));
  EXPECT_THAT(message_of(ErrorKind::kUsage,
                         [&] { make_data(Config::parse(text + "model.kind = \"linear\"\n", "run.toml")); }),
              HasSubstr("data.image_size is missing: the height and width of the pictures that the model is to see, such "
                        "as 224; files may be of any size"));
}

TEST_F(ImageData, FilesThatDoNotFitAreRefused) {
  write("pets", 12);
  spill(folder_ / "list.csv", "name,label\npets/cat/100.png,cat\n");
  EXPECT_THAT(message_of(ErrorKind::kUsage, [&] { make_data(config({}, "list.csv")); }),
              HasSubstr("has no column \"path\"; name the one with the files' paths by data.path_column"));
  spill(folder_ / "bare.csv", "path,other\npets/cat/100.png,1\npets/cat/102.png,2\n");
  EXPECT_THAT(message_of(ErrorKind::kUsage, [&] { make_data(config({}, "bare.csv")); }),
              Reads("{}the pictures of " + path("bare.csv") + " have no labels to learn; give folders named by classes, a "
                    "column \"label\" (data.target names another), or data.labels beside an IDX file"));
  spill(folder_ / "plain", idx_bytes(8, {2, 1, 1}, "ab"));  // whose name tells nothing
  EXPECT_THAT(message_of(ErrorKind::kUsage, [&] { make_data(config({}, "plain")); }),
              HasSubstr("the pictures of " + path("plain") + " have no labels to learn; "));
  ASSERT_EQ(::mkfifo(path("pipe.png").c_str(), 0600), 0);
  spill(folder_ / "pipes.csv", "path,label\npets/cat/100.png,cat\npipe.png,dog\n");
  EXPECT_THAT(failure({}, "pipes.csv"), HasSubstr("[" + path("pipe.png") + "] is not a regular file; "));
  std::filesystem::remove(path("pipe.png"));
  EXPECT_THAT(usage({"data.path=[\"" + path("pets") + "\", \"" + path("list.csv") + "\"]"}),
              HasSubstr("is not of the same kind as " + path("pets") +
                        "; expected folders, tables of paths, IDX files or pictures, all alike"));
  EXPECT_THAT(usage({set("data.labels", "list.csv")}),
              HasSubstr("is for IDX files, and " + path("pets") + " is none; leave it out"));
  spill(folder_ / "a.idx", idx_bytes(8, {3, 4}, std::string(12, 'x')));
  EXPECT_THAT(
      failure({}, "a.idx"),
      HasSubstr("its shape is (3, 4); expected pictures: (examples, rows, columns), or 1, 3 or 4 channels behind "
                "these"));
  spill(folder_ / "a.idx", idx_bytes(9, {1, 1, 1}, "\xFF"));
  EXPECT_THAT(failure({}, "a.idx"), HasSubstr("number 0 is -1; expected bytes from 0 to 255, as pictures have them"));
  spill(folder_ / "a.idx", idx_bytes(8, {2, 1, 1}, "ab"));
  spill(folder_ / "b.idx", idx_bytes(8, {1, 1, 2}, "ab"));
  EXPECT_THAT(failure({"data.path=[\"" + path("a.idx") + "\", \"" + path("b.idx") + "\"]"}),
              HasSubstr("its pictures are (1, 2), and those of " + path("a.idx") + " are (1, 1); expected one shape"));
  EXPECT_THAT(failure({set("data.labels", "b.idx")}, "a.idx"), HasSubstr("b.idx"));
  spill(folder_ / "l.idx", idx_bytes(8, {3}, "abc"));
  EXPECT_THAT(failure({set("data.labels", "l.idx")}, "a.idx"),
              HasSubstr("3 labels for the 2 pictures of " + path("a.idx") + "; expected one for each"));
}

// Known from the sizes of all passes and a dry run of one example, before a step.
TEST_F(ImageData, ALoneExampleThatBatchNormCannotTrainOnIsSaidBefore) {
  write("pets", 33);
  const auto refused = [&](Overrides keys) {
    keys.insert(keys.begin(), {"model.kind=resnet", "model.stem=large", "model.width=1", "data.image_size=32",
                               "data.validation_fraction=0", "train.batch_size=32", set("data.path", "pets")});
    const Config config = Config::parse(
        "data = {kind = \"images\"}\ntrain.epochs = 12\noptimizer = {name = \"adamw\"}\n", "run.toml", keys);
    return error_text([&] { const Session session(config); });
  };
  const std::string middle =
      " cuts 33 training examples so that one is alone in its pass, of which batch norm sees a single number a channel; "
      "it needs two. Set ";
  const std::string rest = ", or a larger data.image_size, or model.stem = \"small\"";
  EXPECT_EQ(refused({}), "[--set train.batch_size=32] train.batch_size = 32" + middle + "train.batch_size = 31" + rest);
  EXPECT_EQ(refused({"train.micro_batch_size=8"}),
            "[--set train.micro_batch_size=8] train.micro_batch_size = 8" + middle + "train.batch_size = 31" + rest);
  EXPECT_EQ(refused({"train.micro_batch_size=8", "train.batch_size=all"}),
            "[--set train.micro_batch_size=8] train.micro_batch_size = 8" + middle + "train.micro_batch_size = 7" + rest);
  EXPECT_EQ(refused({"train.micro_batch_size=1"}),
            "[--set train.micro_batch_size=1] train.micro_batch_size = 1" + middle + "other sizes of batches" + rest);
  EXPECT_EQ(refused({"train.batch_size=31"}), "no error");
  EXPECT_EQ(refused({"train.sampling=replacement"}), "no error");
  EXPECT_EQ(refused({"train.steps=1"}), "no error");  // the end of the epoch does not come
  EXPECT_EQ(refused({"data.image_size=40"}), "no error");
  EXPECT_EQ(refused({"model.stem=small"}), "no error");
}

}  // namespace image_data_test
}  // namespace gradus
