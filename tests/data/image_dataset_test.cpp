// Pictures as examples of a data set, and what is kept of them with a model.
#include "gradus/data/image_dataset.h"

#include <gmock/gmock.h>

#include <cmath>

#include "gradus/base/threads.h"
#include "tests/data/pictures.h"
#include "tests/testing.h"

namespace gradus {
namespace image_dataset_test {

using testing::HasSubstr;

std::shared_ptr<ImageSource> patterns(int64_t count, int64_t height = 6, int64_t width = 9) {
  auto source = std::make_shared<ImageSource>();
  source->count = count;
  source->decode = [=](int64_t i) { return pattern(height, width, 3, static_cast<uint64_t>(i) + 1); };
  return source;
}

ImageFormat small_format() {
  return {.height = 4, .width = 4, .channels = 3, .mean = {0.5F, 0.25F, 0.0F}, .scale = {0.5F, 1.0F, 2.0F}};
}

Tensor classes_of(const std::vector<int64_t>& ids) {
  return Tensor::from(std::span<const int64_t>(ids), {static_cast<int64_t>(ids.size())});
}

TEST(ImageDataset, GivesFittedPicturesAndTheirTargets) {
  const ImageDataset data(patterns(5), {4, 0, 2}, classes_of({1, 0, 1}), 2, {.format = small_format()});
  EXPECT_EQ(data.size(), 3);
  EXPECT_TRUE(data.is_costly());
  const Batch batch = data.batch(std::vector<int64_t>{2, 0});
  EXPECT_EQ(batch.inputs.shape(), (Shape{2, 4, 4, 3}));
  EXPECT_EQ(batch.targets.values<int64_t>(), (std::vector<int64_t>{1, 1}));
  // 6×9 is cut to the 6×6 in its middle.
  Image middle = blank_image(6, 6, 3);
  const Image whole = pattern(6, 9, 3, 3);
  for (size_t y = 0; y < 6; ++y) {
    std::copy_n(whole.bytes.begin() + static_cast<std::ptrdiff_t>((y * 9 + 1) * 3), 18,
                middle.bytes.begin() + static_cast<std::ptrdiff_t>(y * 18));
  }
  const Image expected = resized_image(middle, 4, 4);
  for (size_t i = 0; i < 48; ++i) {
    const ImageFormat f = small_format();
    EXPECT_FLOAT_EQ(batch.inputs.data<float>()[i],
                    (static_cast<float>(expected.bytes[i]) / 255.0F - f.mean[i % 3]) / f.scale[i % 3]);
  }
}

TEST(ImageDataset, IsTheSameForAnyNumberOfThreadsAndWhetherItIsKept) {
  const AugmentOptions augment{.random_crop = true, .pad = 1, .flip_horizontal = true, .rotate = 10.0,
                               .brightness = 0.3, .hue = 0.1, .erase = 0.5, .mixup = 0.4, .cutmix = 0.7};
  const Tensor targets = classes_of({0, 1, 2, 0, 1, 2, 0, 1});
  const std::vector<int64_t> rows = {0, 1, 2, 3, 4, 5, 6, 7}, ids = {5, 1, 7, 0, 2};
  std::vector<std::vector<float>> inputs, soft;
  for (const int count : {1, 2, 7}) {
    for (const bool keeps : {false, true}) {
      set_threads(count);
      const ImageDataset data(patterns(8), rows, targets, 3,
                              {.format = small_format(),
                               .augment = augment,
                               .budget = keeps ? std::make_shared<ImageBudget>(500) : nullptr});
      for (int pass = 0; pass < 2; ++pass) {
        const Batch batch = data.training_batch(ids, 42);
        inputs.push_back(batch.inputs.values<float>());
        soft.push_back(batch.targets.values<float>());
      }
      EXPECT_NE(data.training_batch(ids, 43).inputs.values<float>(), inputs[0]);
      EXPECT_EQ(data.training_batch(std::vector<int64_t>{7}, 42).inputs.values<float>(),
                std::vector<float>(inputs[0].begin() + 96, inputs[0].begin() + 144));
    }
  }
  set_threads(0);
  for (size_t i = 1; i < inputs.size(); ++i) {
    EXPECT_EQ(inputs[i], inputs[0]);
    EXPECT_EQ(soft[i], soft[0]);
  }
  for (size_t row = 0; row < ids.size(); ++row) {
    EXPECT_FLOAT_EQ(soft[0][3 * row] + soft[0][3 * row + 1] + soft[0][3 * row + 2], 1.0F);
  }
}

TEST(ImageDataset, ValidatesWithoutChance) {
  const ImageDataset plain(patterns(3), {0, 1, 2}, {}, 0, {.format = small_format()});
  const ImageDataset varied(patterns(3), {0, 1, 2}, {}, 0,
                            {.format = small_format(), .augment = {.random_crop = true, .flip_vertical = true}});
  const std::vector<int64_t> ids = {0, 1, 2};
  EXPECT_EQ(varied.batch(ids).inputs.values<float>(), plain.batch(ids).inputs.values<float>());
  EXPECT_NE(varied.training_batch(ids, 1).inputs.values<float>(), plain.batch(ids).inputs.values<float>());
  EXPECT_EQ(plain.training_batch(ids, 1).inputs.values<float>(), plain.batch(ids).inputs.values<float>());
  EXPECT_FALSE(plain.batch(ids).targets.defined());
}

TEST(ImageDataset, KeepsAsMuchAsTheBudgetAllows) {
  auto count = std::make_shared<std::atomic<int>>(0);
  auto source = patterns(4);
  source->decode = [count, inner = source->decode](int64_t i) {
    ++*count;
    return inner(i);
  };
  const auto budget = std::make_shared<ImageBudget>(2 * 48 + 10);
  const ImageDataset data(source, {0, 1, 2, 3}, {}, 0, {.format = small_format(), .budget = budget});
  EXPECT_EQ(data.bytes_to_keep(), 106);
  const std::vector<int64_t> ids = {0, 1, 2, 3};
  data.batch(ids);
  EXPECT_EQ(count->load(), 4);
  EXPECT_EQ(budget->load(), 10);
  data.batch(ids);
  EXPECT_EQ(count->load(), 6);
}

TEST(ImageDataset, DecodesNothingInADryRun) {
  auto source = patterns(4);
  source->decode = [](int64_t) -> Image { throw std::runtime_error("decoded"); };
  const ImageDataset data(source, {0, 1, 2, 3}, classes_of({0, 1, 0, 1}), 2,
                          {.format = small_format(), .augment = {.mixup = 0.2}});
  const DryRun dry;
  const Batch batch = data.training_batch(std::vector<int64_t>{0, 3}, 1);
  EXPECT_EQ(batch.inputs.shape(), (Shape{2, 4, 4, 3}));
  EXPECT_EQ(batch.targets.shape(), (Shape{2, 2}));
}

TEST(ImageDataset, RefusesWhatDoesNotFit) {
  EXPECT_THAT(error_text([] { ImageDataset(patterns(2), {0, 2}, {}, 0, {.format = small_format()}); }),
              HasSubstr("id 2 at position 1"));
  EXPECT_EQ(error_text([] { ImageDataset(patterns(2), {0, 1}, classes_of({0}), 2, {.format = small_format()}); }),
            "[dataset] 1 targets for 2 pictures; expected one for each");
  EXPECT_EQ(error_text([] {
              ImageDataset(patterns(1), {0}, {}, 0, {.format = small_format(), .augment = {.cutmix = 1.0}});
            }),
            "[dataset] pictures that are mixed need targets, which are mixed too");
}

TEST(ImageEncoder, FitsPictures) {
  ImageFormat f{.height = 2, .width = 4, .channels = 1};
  Image image = blank_image(4, 4, 1);
  std::fill(image.bytes.begin() + 4, image.bytes.begin() + 12, 200);
  EXPECT_EQ(fitted_image(f, image).bytes, std::vector<uint8_t>(8, 200));
  f.fit = ImageFit::kPad;
  const std::vector<uint8_t> padded = fitted_image(f, image).bytes;
  EXPECT_EQ(padded[0], 0);
  EXPECT_EQ(padded[3], 0);
  EXPECT_GT(padded[1], 0);
  f.fit = ImageFit::kStretch;
  const Image stretched = fitted_image(f, image);
  EXPECT_EQ(stretched.height, 2);
  EXPECT_EQ(stretched.bytes, resized_image(image, 2, 4).bytes);
  // Tall and wide pictures alike become of the model's size.
  for (const ImageFit fit : {ImageFit::kCrop, ImageFit::kStretch, ImageFit::kPad}) {
    f.fit = fit;
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 100}, {100, 1}, {3, 7}, {1, 1}}) {
      const Image fitted = fitted_image(f, pattern(height, width, 1, 1));
      EXPECT_TRUE(fitted.height == 2 && fitted.width == 4 && fitted.bytes.size() == 8);
    }
  }
}

TEST(ImageEncoder, ScaleIsThatOfAllPixels) {
  ImageFormat f{.height = 6, .width = 9, .channels = 3};
  fit_image_scale(f, 20, [](int64_t i) { return pattern(6, 9, 3, static_cast<uint64_t>(i)); });
  for (size_t c = 0; c < 3; ++c) {
    double sum = 0.0, squares = 0.0;
    for (uint64_t i = 0; i < 20; ++i) {
      const Image image = pattern(6, 9, 3, i);
      for (size_t at = c; at < image.bytes.size(); at += 3) {
        const double x = image.bytes[at] / 255.0;
        sum += x;
        squares += x * x;
      }
    }
    const double mean = sum / 1080.0;
    EXPECT_NEAR(static_cast<double>(f.mean[c]), mean, 1e-7);
    EXPECT_NEAR(static_cast<double>(f.scale[c]), std::sqrt(squares / 1080.0 - mean * mean), 1e-7);
  }
  ImageFormat grey{.height = 1, .width = 2, .channels = 1};
  fit_image_scale(grey, 3, [](int64_t) { return Image{.height = 1, .width = 2, .channels = 1, .bytes = {51, 51}}; });
  EXPECT_FLOAT_EQ(grey.mean[0], 0.2F);
  EXPECT_EQ(grey.scale[0], 1.0F);
}

ImageEncoder encoder() {
  Table table;
  table.rows = 3;
  table.columns.push_back({.name = "label", .is_number = false, .codes = {0, 1, 0}, .dictionary = {"cat", "dog"}});
  table.parts = {{.source = "pictures"}};
  const std::vector<int64_t> rows = {0, 1, 2};
  const ImageFormat format = small_format();
  return {.format = format,
          .labels = TableEncoder::fit(table, rows, {.classes = true, .array = ArrayFeatures{.shape = format.shape()}})};
}

TEST(ImageEncoder, ComesBackFromItsText) {
  ImageEncoder one = encoder();
  one.format.fit = ImageFit::kPad;
  one.format.resampling = Resampling::kBicubic;
  const ImageEncoder other = ImageEncoder::from_json(one.to_json(), "images.json");
  EXPECT_EQ(other.to_json(), one.to_json());
  EXPECT_EQ(other.format.shape(), (Shape{4, 4, 3}));
  EXPECT_EQ(other.format.mean, one.format.mean);
  EXPECT_EQ(other.format.fit, ImageFit::kPad);
  EXPECT_EQ(other.labels.classes(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(other.labels.width(), 48);
}

TEST(ImageEncoder, DamagedTextIsRefused) {
  const std::string whole = encoder().to_json();
  const auto error = [&](const std::string& from, const std::string& to) {
    std::string damaged = whole;
    damaged.replace(damaged.find(from), from.size(), to);
    return error_text([&] { ImageEncoder::from_json(damaged, "images.json"); });
  };
  EXPECT_EQ(error("\"height\":4", "\"height\":0"),
            "[images.json] \"image\" has a \"height\" that is no whole number from 1 to 65536; expected the pictures of "
            "a model as gradus writes them");
  for (const auto& [key, damage, text] : {std::tuple("\"mean\":[", "\"x\"", "has a \"mean\" with what is no number"),
                                          {"\"scale\":[", "0", "has a \"scale\" that is not above 0, or too large"}}) {
    const size_t at = whole.find(key);
    const std::string first = whole.substr(at, whole.find(',', at) - at);
    EXPECT_THAT(error(first, key + std::string(damage)), HasSubstr(text));
  }
  EXPECT_THAT(error("\"channels\":3", "\"channels\":2"), HasSubstr("has other than 1, 3 or 4 channels"));
  EXPECT_THAT(error("\"crop\"", "\"bend\""), HasSubstr("has an unknown \"fit\""));
  EXPECT_THAT(error("\"height\":4", "\"height\":5"), HasSubstr("\"array\" has not the shape of \"image\"; expected both to be that of the model's pictures"));
  EXPECT_THAT(error("\"scale\":[0.5", "\"scale\":[0"), HasSubstr("has a \"scale\" that is not above 0"));
  EXPECT_THAT(error("\"image\"", "\"other\""), HasSubstr("\"image\" is missing"));
}

}  // namespace image_dataset_test
}  // namespace gradus
