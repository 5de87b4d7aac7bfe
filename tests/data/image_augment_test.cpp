// Pictures changed by chance: each change against torchvision's or a closed form, and what is drawn.
#include "gradus/data/image_augment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/data/pictures.h"

namespace gradus {
namespace image_augment_test {

std::vector<float> floats_of(const Image& image) {
  std::vector<float> samples;
  for (const uint8_t level : image.bytes) samples.push_back(static_cast<float>(level) / 255.0F);
  return samples;
}

TEST(ImageAugment, ColoursAndTurnsAreTorchvisions) {
  std::map<std::string, int> seen;
  for (const nlohmann::json& row : image_references("colours")) {
    const int64_t channels = row.at("channels");
    std::vector<float> samples = floats_of(pattern(4, 5, channels, row.at("seed")));
    const PictureView p{samples.data(), 4, 5, channels};
    const std::string name = row.at("name");
    const double factor = row.at("factor");
    if (name == "brightness") adjust_brightness(p, static_cast<float>(factor));
    if (name == "contrast") adjust_contrast(p, static_cast<float>(factor));
    if (name == "saturation") adjust_saturation(p, static_cast<float>(factor));
    if (name == "hue") adjust_hue(p, static_cast<float>(factor));
    if (name == "rotate") rotate(p, factor);
    const std::vector<float> expected = row.at("samples");
    ASSERT_EQ(samples.size(), expected.size());
    // Some roundings of numbers up to 1; torchvision's places of turned pixels are floats, of which a step is 5e-7.
    for (size_t i = 0; i < samples.size(); ++i) ASSERT_NEAR(samples[i], expected[i], 5e-6) << name << factor << " " << i;
    ++seen[name];
  }
  EXPECT_EQ(seen, (std::map<std::string, int>{
                      {"brightness", 6}, {"contrast", 6}, {"saturation", 3}, {"hue", 4}, {"rotate", 4}}));
}

TEST(ImageAugment, AlphaIsNoColour) {
  std::vector<float> samples = floats_of(pattern(3, 11, 4, 5)), before = samples;
  const PictureView p{samples.data(), 3, 11, 4};
  adjust_brightness(p, 0.5F);
  adjust_contrast(p, 0.5F);
  adjust_saturation(p, 0.5F);
  adjust_hue(p, 0.2F);
  for (size_t i = 3; i < samples.size(); i += 4) EXPECT_EQ(samples[i], before[i]);
  EXPECT_NE(samples[0], before[0]);
}

TEST(ImageAugment, MovesAndMirrors) {
  const std::vector<float> six = {1, 2, 3, 4, 5, 6};
  const auto after = [&](auto change) {
    std::vector<float> samples = six;
    change(PictureView{samples.data(), 2, 3, 1});
    return samples;
  };
  using Row = std::vector<float>;
  EXPECT_EQ(after([](PictureView p) { flip_columns(p); }), (Row{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(after([](PictureView p) { flip_rows(p); }), (Row{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(after([](PictureView p) { shift(p, 1, 0); }), (Row{0, 0, 0, 1, 2, 3}));
  EXPECT_EQ(after([](PictureView p) { shift(p, 0, 1); }), (Row{0, 1, 2, 0, 4, 5}));
  EXPECT_EQ(after([](PictureView p) { shift(p, -1, -2); }), (Row{6, 0, 0, 0, 0, 0}));
  EXPECT_EQ(after([](PictureView p) { shift(p, 0, 3); }), (Row{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(after([](PictureView p) { erase(p, {0, 1, 2, 2}, 9.0F); }), (Row{1, 9, 9, 4, 9, 9}));
  EXPECT_EQ(after([](PictureView p) { rotate(p, 180.0); }).front(), 6.0F);
  std::vector<float> two = {1, 2, 3, 4, 5, 6};
  normalize({two.data(), 1, 2, 3}, std::vector<float>{1, 0, 1}, std::vector<float>{2, 1, 4});
  EXPECT_EQ(two, (Row{0, 2, 0.5, 1.5, 5, 1.25}));
}

TEST(ImageAugment, IsAFunctionOfKeyAndExample) {
  const AugmentOptions all{.pad = 2, .flip_horizontal = true, .flip_vertical = true, .rotate = 20.0, .brightness = 0.4,
                           .contrast = 0.4, .saturation = 0.4, .hue = 0.1, .erase = 0.5};
  const auto changed = [&](uint64_t key, int64_t id) {
    std::vector<float> samples = floats_of(pattern(8, 9, 3, 7));
    const PictureView p{samples.data(), 8, 9, 3};
    AugmentDraw(key, id).change(all, p);
    AugmentDraw(key, id).erase(all, p);
    return samples;
  };
  EXPECT_EQ(changed(1, 5), changed(1, 5));
  EXPECT_NE(changed(1, 5), changed(1, 6));
  EXPECT_NE(changed(1, 5), changed(2, 5));
}

// What one change draws does not move with another that is on beside it.
TEST(ImageAugment, EachChangeHasItsOwnNumbers) {
  const AugmentOptions crop{.random_crop = true}, more{.random_crop = true, .pad = 3, .rotate = 5.0, .mixup = 0.2};
  for (int64_t id = 0; id < 20; ++id) {
    const ImageBox a = AugmentDraw(3, id).crop(crop, 40, 50), b = AugmentDraw(3, id).crop(more, 40, 50);
    EXPECT_EQ(a.top, b.top);
    EXPECT_EQ(a.width, b.width);
  }
}

TEST(ImageAugment, CropsKeepToTheirRanges) {
  const AugmentOptions o{.random_crop = true, .least_area = 0.2, .most_area = 0.7};
  double sum = 0.0;
  for (int64_t id = 0; id < 500; ++id) {
    const ImageBox part = AugmentDraw(9, id).crop(o, 200, 300);
    EXPECT_TRUE(part.top >= 0 && part.left >= 0 && part.top + part.height <= 200 && part.left + part.width <= 300);
    const double area = static_cast<double>(part.height * part.width) / 60000.0;
    EXPECT_GT(area, 0.19);
    EXPECT_LT(area, 0.71);
    const double aspect = static_cast<double>(part.width) / static_cast<double>(part.height);
    EXPECT_TRUE(aspect > 0.73 && aspect < 1.36) << aspect;
    sum += area;
  }
  EXPECT_NEAR(sum / 500.0, 0.45, 0.03);  // uniform: a deviation of 0.145/√500 = 0.0065
  // A strip has no part of that shape: the middle of it is taken.
  const ImageBox strip = AugmentDraw(9, 0).crop(o, 3, 300);
  EXPECT_EQ(strip.height, 3);
  EXPECT_EQ(strip.width, 4);
  EXPECT_EQ(strip.left, 148);
}

TEST(ImageAugment, HalfOfAllPicturesAreMirrored) {
  const AugmentOptions o{.flip_horizontal = true};
  int mirrored = 0;
  for (int64_t id = 0; id < 1000; ++id) {
    std::vector<float> two = {0, 1};
    AugmentDraw(4, id).change(o, {two.data(), 1, 2, 1});
    mirrored += two[0] == 1.0F ? 1 : 0;
  }
  EXPECT_NEAR(mirrored, 500, 64);  // four deviations of √250
}

// The moments of Beta(α, α): mean ½, variance 1/(4·(2α + 1)).
TEST(ImageAugment, SharesAreOfABetaDistribution) {
  for (const double alpha : {0.2, 1.0, 3.0}) {
    const AugmentOptions o{.mixup = alpha};
    double sum = 0.0, squares = 0.0;
    constexpr int kDraws = 4000;
    std::map<int64_t, int> partners;
    for (int64_t id = 0; id < kDraws; ++id) {
      const AugmentDraw::Partner partner = AugmentDraw(6, id).partner(o, 10, 4, 4);
      EXPECT_TRUE(partner.share >= 0.0 && partner.share <= 1.0 && !partner.part);
      sum += partner.share;
      squares += (partner.share - 0.5) * (partner.share - 0.5);
      ++partners[partner.id];
    }
    EXPECT_NEAR(sum / kDraws, 0.5, 0.03);
    EXPECT_NEAR(squares / kDraws, 1.0 / (4.0 * (2.0 * alpha + 1.0)), 0.01);
    EXPECT_EQ(partners.size(), 10U);
    EXPECT_EQ(partners.begin()->first, 0);
  }
}

TEST(ImageAugment, CutMixCountsWhatIsSeen) {
  const AugmentOptions o{.cutmix = 1.0};
  for (int64_t id = 0; id < 200; ++id) {
    const AugmentDraw::Partner partner = AugmentDraw(8, id).partner(o, 10, 6, 7);
    ASSERT_TRUE(partner.part);
    std::vector<float> mine(42, 0.0F), other(42, 1.0F);
    paste({mine.data(), 6, 7, 1}, {other.data(), 6, 7, 1}, *partner.part);
    double seen = 0.0;
    for (const float x : mine) seen += static_cast<double>(x);
    EXPECT_NEAR(seen / 42.0, partner.share, 1e-12);
  }
}

TEST(ImageAugment, PicturesAreMixed) {
  std::vector<float> mine = {1, 0}, other = {0, 4};
  mix_pictures({mine.data(), 1, 2, 1}, {other.data(), 1, 2, 1}, 0.25F);
  EXPECT_EQ(mine, (std::vector<float>{0.75F, 1.0F}));
}

TEST(ImageAugment, NothingIsDrawnWhereAllIsOff) {
  EXPECT_TRUE(AugmentOptions().is_off());
  EXPECT_FALSE((AugmentOptions{.hue = 0.1}).is_off());
  std::vector<float> samples = floats_of(pattern(3, 3, 3, 1)), before = samples;
  AugmentDraw(1, 1).change({}, {samples.data(), 3, 3, 3});
  AugmentDraw(1, 1).erase({}, {samples.data(), 3, 3, 3});
  EXPECT_EQ(samples, before);
}

}  // namespace image_augment_test
}  // namespace gradus
