// Pictures from the bytes of files and back, against what Pillow reads in them.
#include "gradus/data/image.h"

#include <gmock/gmock.h>

#include "gradus/data/image_codecs.h"
#include "tests/data/pictures.h"
#include "tests/testing.h"

namespace gradus {
namespace image_test {

using testing::HasSubstr;

std::vector<int> samples_of(const Image& image) {
  return image.is_wide() ? std::vector<int>(image.words.begin(), image.words.end())
                         : std::vector<int>(image.bytes.begin(), image.bytes.end());
}

TEST(Image, IsWhatPillowReads) {
  int count = 0;
  for (const nlohmann::json& row : image_references("files")) {
    const std::string name = row.at("name"), file = bytes_of_hex(row.at("file"));
    if (name.starts_with("webp") && !reads_webp()) continue;
    const Image image = decode_image(file, name);
    EXPECT_EQ(image.height, row.at("height")) << name;
    EXPECT_EQ(image.width, row.at("width")) << name;
    EXPECT_EQ(image.channels, row.at("channels")) << name;
    EXPECT_EQ(image.is_wide(), name == "png_16");
    const std::vector<int> expected = row.at("samples"), found = samples_of(image);
    ASSERT_EQ(found.size(), expected.size()) << name;
    // Other versions of the same libraries may round otherwise where the format loses something; CMYK is rounded twice.
    const int tolerance = name.starts_with("jpeg") || name == "webp_lossy" ? 2 : 0;
    for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], tolerance) << name << " " << i;
    ++count;
  }
  EXPECT_GE(count, 20);
}

TEST(Image, HeaderSaysWhatIsDecoded) {
  for (const nlohmann::json& row : image_references("files")) {
    const std::string name = row.at("name"), file = bytes_of_hex(row.at("file"));
    if (name.starts_with("webp") && !reads_webp()) continue;
    const ImageHeader header = parse_image_header(file, name);
    const bool is_turned = header.orientation >= 5;
    EXPECT_EQ(is_turned ? header.width : header.height, row.at("height")) << name;
    EXPECT_EQ(is_turned ? header.height : header.width, row.at("width")) << name;
    EXPECT_EQ(header.channels, row.at("channels")) << name;
  }
  EXPECT_EQ(parse_image_header(picture_file("jpeg_turned"), "a").orientation, 6);
  EXPECT_EQ(parse_image_header(picture_file("png_turned_3"), "a").orientation, 3);
}

TEST(Image, ChannelsAreThoseThatAreWanted) {
  const Image colour{.height = 1, .width = 2, .channels = 3, .bytes = {255, 0, 0, 10, 20, 30}};
  EXPECT_EQ(with_channels(colour, 1).bytes, (std::vector<uint8_t>{76, 18}));
  EXPECT_EQ(with_channels(colour, 4).bytes, (std::vector<uint8_t>{255, 0, 0, 255, 10, 20, 30, 255}));
  const Image grey{.height = 1, .width = 1, .channels = 2, .bytes = {7, 9}};
  EXPECT_EQ(with_channels(grey, 1).bytes, (std::vector<uint8_t>{7}));
  EXPECT_EQ(with_channels(grey, 3).bytes, (std::vector<uint8_t>{7, 7, 7}));
  EXPECT_EQ(with_channels(grey, 4).bytes, (std::vector<uint8_t>{7, 7, 7, 9}));
  const Image wide{.height = 1, .width = 1, .channels = 3, .words = {65535, 65535, 65535}};
  EXPECT_EQ(with_channels(wide, 1).words, (std::vector<uint16_t>{65535}));
  EXPECT_EQ(error_text([&] { with_channels(grey, 5); }),
            "[image] 5 channels; expected 1 (grey), 3 (RGB) or 4 (with alpha)");
}

TEST(Image, PngComesBackAsItWas) {
  for (const int64_t channels : {1, 2, 3, 4}) {
    const Image image = pattern(5, 6, channels, 3);
    EXPECT_EQ(decode_image(encode_png(image), "a").bytes, image.bytes);
  }
  Image wide = blank_image(2, 3, 1, true);
  wide.words = {0, 1, 255, 256, 40000, 65535};
  EXPECT_EQ(decode_image(encode_png(wide), "a").words, wide.words);
}

// Any byte that is missing is seen, and what is seen is an error with the file's name.
TEST(Image, AFileThatIsCutShortIsRefused) {
  for (const char* name : {"png_rgb", "jpeg_rgb", "jpeg_progressive", "webp_lossless"}) {
    if (std::string(name).starts_with("webp") && !reads_webp()) continue;
    const std::string file = picture_file(name);
    // The last bytes of a JPEG and of a PNG only say that it ends.
    const size_t rest = std::string(name).starts_with("png") ? 16 : 2;
    for (size_t size = 0; size + rest < file.size(); ++size) {
      const std::string error = error_text([&] { decode_image(std::string_view(file).substr(0, size), "cut.file"); });
      ASSERT_THAT(error, HasSubstr("[cut.file] ")) << name << " " << size;
    }
  }
  EXPECT_EQ(error_text([] { decode_image("", "a.jpg"); }),
            "[a.jpg] the file is empty; expected a picture in JPEG, PNG or WebP");
  const std::string jpeg = picture_file("jpeg_rgb"), png = picture_file("png_rgb");
  EXPECT_EQ(error_text([&] { decode_image(jpeg.substr(0, jpeg.size() - 20), "a.jpg"); }),
            "[a.jpg] the JPEG ends before its picture does: it is cut short");
  EXPECT_EQ(error_text([&] { decode_image(png.substr(0, 60), "a.png"); }),
            "[a.png] the PNG ends before its picture does: it is cut short");
}

TEST(Image, DamageIsRefused) {
  std::string png = picture_file("png_rgb");
  png[50] ^= 1;  // within the compressed samples
  EXPECT_THAT(error_text([&] { decode_image(png, "a.png"); }), HasSubstr("[a.png] is a damaged PNG: "));
  std::string jpeg = picture_file("jpeg_rgb");
  jpeg[2] = 'x';
  EXPECT_EQ(error_text([&] { decode_image(jpeg, "a.jpg"); }),
            "[a.jpg] is no picture that is known here: it begins with ff d8 78 e0; expected JPEG, PNG or WebP");
}

TEST(Image, OddPicturesAreRefused) {
  std::string jpeg = picture_file("jpeg_grey");
  const size_t frame = jpeg.find("\xFF\xC0") + 2;
  std::string two = jpeg;
  two.replace(frame, 11, jpeg.substr(frame, 11) + std::string("\2\x11\0", 3));
  two[frame + 1] = 14;
  two[frame + 7] = 2;
  EXPECT_EQ(error_text([&] { decode_image(two, "a.jpg"); }), "[a.jpg] a JPEG of 2 components; expected 1, 3 or 4");
  jpeg.replace(frame + 3, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_THAT(error_text([&] { decode_image(jpeg, "a.jpg"); }), HasSubstr("[a.jpg] is a damaged JPEG: "));
  EXPECT_EQ(error_text([] { encode_png(Image{}); }),
            "[image] 0×0 pixels of 0 channels; a PNG has at least one pixel and 1 to 4 channels");
  if (!reads_webp()) return;
  const std::string webp = picture_file("webp_lossless");
  EXPECT_EQ(error_text([&] { decode_image(webp.substr(0, 40), "a.webp"); }),
            "[a.webp] is no WebP that can be read: it ends before its picture does: it is cut short");
  std::string damaged = webp;
  damaged[20] = '\0';  // where the picture begins
  EXPECT_EQ(error_text([&] { decode_image(damaged, "a.webp"); }),
            "[a.webp] is no WebP that can be read: its data is damaged");
  EXPECT_EQ(error_text([] { detail::check_image_size("a.webp", 0, 3, {}); }),
            "[a.webp] a picture of 3×0 pixels; expected at least one");
  const std::string moving("RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\x02\0\0\0\x03\0\0\x03\0\0", 30);
  EXPECT_EQ(error_text([&] { decode_image(moving, "a.webp"); }),
            "[a.webp] is a WebP that moves; expected a single picture");
}

TEST(Image, OtherFormatsAreNamed) {
  EXPECT_EQ(error_text([] { decode_image("GIF89a....", "a.jpg"); }),
            "[a.jpg] is a GIF by how it begins; expected a picture in JPEG, PNG or WebP: convert it");
  EXPECT_EQ(error_text([] {
              decode_image(std::string("\0\0\0\x18"
                                       "ftypheic",
                                       12),
                           "a.jpg");
            }),
            "[a.jpg] is a HEIC, or a film, by how it begins; expected a picture in JPEG, PNG or WebP: convert it");
  EXPECT_EQ(error_text([] { decode_image("no picture", "a.txt"); }),
            "[a.txt] is no picture that is known here: it begins with 6e 6f 20 70; expected JPEG, PNG or WebP");
}

// Four bytes say how large it is.
TEST(Image, AbsurdSizesAreRefusedBeforeMemoryIsTaken) {
  std::string jpeg = picture_file("jpeg_rgb");
  const size_t frame = jpeg.find("\xFF\xC0") + 5;
  jpeg.replace(frame, 4, std::string("\xF0\0\xF0\0", 4));
  EXPECT_EQ(error_text([&] { decode_image(jpeg, "a.jpg"); }),
            "[a.jpg] a picture of 61440×61440 pixels; expected 134217728 at most: make it smaller");
  jpeg.replace(frame, 4, std::string("\x20\0\x20\0", 4));
  EXPECT_THAT(error_text([&] { decode_image(jpeg, "a.jpg"); }), HasSubstr("[a.jpg] a picture of 8192×8192 pixels in "));
  jpeg.replace(frame, 4, std::string("\0\0\x20\0", 4));
  EXPECT_THAT(error_text([&] { decode_image(jpeg, "a.jpg"); }), HasSubstr("[a.jpg] "));
  const ImageLimits small{.most_pixels = 10};
  EXPECT_EQ(error_text([&] { decode_image(picture_file("png_rgb"), "a.png", small); }),
            "[a.png] a picture of 7×5 pixels; expected 10 at most: make it smaller");
  if (!reads_webp()) return;
  EXPECT_EQ(error_text([&] { decode_image(picture_file("webp_lossless"), "a.webp", small); }),
            "[a.webp] a picture of 7×5 pixels; expected 10 at most: make it smaller");
}

// What is no EXIF, or is damaged, leaves the picture as it is.
TEST(Image, OrientationIsReadInBothOrdersOfBytes) {
  const std::string little("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 22);
  const std::string big("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0", 22);
  EXPECT_EQ(exif_orientation(little), 6);
  EXPECT_EQ(exif_orientation(big), 8);
  EXPECT_EQ(exif_orientation(std::string("Exif\0\0", 6) + little), 6);
  for (size_t size = 0; size < 20; ++size) EXPECT_EQ(exif_orientation(little.substr(0, size)), 1) << size;
  std::string odd = little;
  odd[18] = 9;
  EXPECT_EQ(exif_orientation(odd), 1);
  odd = little;
  odd[7] = '\xFF';  // where the entries are
  EXPECT_EQ(exif_orientation(odd), 1);
}

// Before memory is taken for it.
TEST(Image, MustHaveTheBytesForItsSize) {
  EXPECT_EQ(
      error_text([] { detail::check_image_bytes("a.png", 3000, 4000, 12000, 11000); }),
      "[a.png] a picture of 4000×3000 pixels in 11000 bytes, which cannot hold it; expected 12000 or more: it is cut "
      "short");
  EXPECT_EQ(error_text([] { detail::check_image_bytes("a.png", 3000, 4000, 12000, 12000); }), "no error");
}

}  // namespace image_test
}  // namespace gradus
