// Pictures of another size, against Pillow's.
#include "gradus/data/image_resize.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/data/pictures.h"
#include "tests/testing.h"

namespace gradus {
namespace image_resize_test {

TEST(ImageResize, IsPillowsWithinALevel) {
  int64_t samples = 0, other = 0;
  for (const nlohmann::json& row : image_references("resizes")) {
    const std::vector<int64_t> from = row.at("from"), to = row.at("to"), part = row.at("part");
    const Image image = pattern(from[0], from[1], from[2], row.at("seed"));
    const auto rule = row.at("rule") == "bicubic" ? Resampling::kBicubic : Resampling::kBilinear;
    std::vector<float> found(static_cast<size_t>(to[0] * to[1] * from[2]));
    resize_image(image, {part[0], part[1], part[2], part[3]}, to[0], to[1], rule, found.data());
    const std::vector<float> expected = row.at("levels");
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      const double tolerance = from[2] % 2 == 0 ? 0.001 : 1.001;  // with alpha, sums are exact
      ASSERT_NEAR(255.0F * found[i], expected[i], tolerance) << row.at("rule") << " " << row.at("seed") << " " << i;
      other += std::abs(255.0F * found[i] - expected[i]) > 0.5F ? 1 : 0;
      ++samples;
    }
  }
  EXPECT_GT(samples, 1000);
  EXPECT_LT(other, samples / 100);  // ties in the last place of a sum
}

TEST(ImageResize, OfTheSameSizeIsThePictureItself) {
  for (const Resampling rule : {Resampling::kBilinear, Resampling::kBicubic}) {
    const Image image = pattern(6, 9, 3, 4);
    EXPECT_EQ(resized_image(image, 6, 9, rule).bytes, image.bytes);
  }
}

TEST(ImageResize, OneColourStaysThatColour) {
  Image image = blank_image(50, 70, 3);
  std::fill(image.bytes.begin(), image.bytes.end(), 201);
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{7, 11}, {90, 33}, {1, 1}}) {
    const Image result = resized_image(image, height, width, Resampling::kBicubic);
    EXPECT_EQ(result.bytes, std::vector<uint8_t>(static_cast<size_t>(height * width * 3), 201));
  }
}

TEST(ImageResize, WideSamplesKeepTheirBits) {
  Image image = blank_image(1, 2, 1, true);
  image.words = {1000, 1001};
  EXPECT_EQ(resized_image(image, 1, 2).words, image.words);
  EXPECT_EQ(resized_image(image, 1, 1).words, (std::vector<uint16_t>{1001}));
}

TEST(ImageResize, WhatIsTransparentDoesNotShow) {
  Image image = blank_image(1, 2, 2, true);
  image.words = {60000, 65535, 1234, 0};
  EXPECT_EQ(resized_image(image, 1, 1).words, (std::vector<uint16_t>{59999, 32768}));
  EXPECT_EQ(resized_image(image, 1, 2).words, image.words);  // of the same size it is left alone
  Image other = blank_image(2, 1, 4);
  other.bytes = {10, 20, 30, 0, 200, 100, 50, 255};
  EXPECT_EQ(resized_image(other, 1, 1).bytes, (std::vector<uint8_t>{199, 99, 49, 128}));
}

TEST(ImageResize, RefusesWhatIsNotInThePicture) {
  const Image image = blank_image(4, 5, 3);
  float to[3];
  EXPECT_EQ(error_text([&] {
              resize_image(image, {1, 1, 4, 2}, 1, 1, Resampling::kBilinear, to);
            }),
            "[resize] 2×4 pixels from column 1, row 1 on of a picture of 5×4; expected a part of it");
  EXPECT_EQ(error_text([&] {
              resize_image(image, {0, 0, 4, 5}, 0, 1, Resampling::kBilinear, to);
            }),
            "[resize] to 1×0 pixels; expected at least one");
  EXPECT_EQ(error_text([&] { resized_image(blank_image(1, 1, 5), 1, 1); }), "[resize] 5 channels; expected 1 to 4");
}

}  // namespace image_resize_test
}  // namespace gradus
