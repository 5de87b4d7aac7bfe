// Times what is done to a picture before a model sees it, without decoding it, and prints one JSON object: what
// bench/peers/images takes. bench_images
#include <cstdio>
#include <functional>
#include <vector>

#include "gradus/base/threads.h"
#include "gradus/data/image_augment.h"
#include "gradus/train/timing.h"

namespace gradus {
namespace {

constexpr int64_t kSize = 224;
constexpr float kMean[] = {0.485F, 0.456F, 0.406F}, kScale[] = {0.229F, 0.224F, 0.225F};

// Waves of colour; bench/peers/torchvision_images.py has the same.
Image photograph() {
  Image image = blank_image(375, 500, 3);
  uint8_t* to = image.bytes.data();
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      for (int64_t c = 0; c < 3; ++c) *to++ = static_cast<uint8_t>((x * (c + 1) + y * (3 - c) + x * y / 64) % 256);
    }
  }
  return image;
}

JsonText timed(const std::vector<float>& samples, const std::function<void()>& work) {
  constexpr int kRepeats = 100;
  work();
  JsonText json;
  add_timing(json, time_repeats(kRepeats, work));
  double sum = 0.0;
  for (const float x : samples) sum += static_cast<double>(x);
  json.add("mean", sum / static_cast<double>(samples.size()));
  return json;
}

void bench_images() {
  set_threads(1);
  const Image image = photograph();
  std::vector<float> samples(static_cast<size_t>(3 * kSize * kSize));
  const PictureView picture{samples.data(), kSize, kSize, 3};
  const ImageBox whole{0, 0, image.height, image.width}, part{40, 60, 300, 320};
  const auto resize = [&](const ImageBox& box, Resampling rule) {
    resize_image(image, box, kSize, kSize, rule, samples.data());
  };
  const auto augment = [&] {
    resize(part, Resampling::kBilinear);
    flip_columns(picture);
    adjust_brightness(picture, 1.2F);
    adjust_contrast(picture, 0.8F);
    adjust_saturation(picture, 1.3F);
    normalize(picture, kMean, kScale);
  };
  JsonText json;
  json.add("bilinear", timed(samples, [&] { resize(whole, Resampling::kBilinear); }))
      .add("bicubic", timed(samples, [&] { resize(whole, Resampling::kBicubic); }))
      .add("augmented", timed(samples, augment))
      .add("with_hue", timed(samples, [&] {
             resize(part, Resampling::kBilinear);
             flip_columns(picture);
             adjust_brightness(picture, 1.2F);
             adjust_contrast(picture, 0.8F);
             adjust_saturation(picture, 1.3F);
             adjust_hue(picture, 0.05F);
             normalize(picture, kMean, kScale);
           }));
  add_machine(json);
  std::printf("%s\n", json.line().c_str());
}

}  // namespace
}  // namespace gradus

int main() {
  try {
    gradus::bench_images();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
