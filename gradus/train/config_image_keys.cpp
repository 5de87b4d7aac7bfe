// The configuration keys of pictures: of [data] those that are theirs alone, and [augment].
#include "gradus/train/config_key_kinds.h"

namespace gradus::keys {

std::vector<Key> image_data_keys() {
  const Condition is_images = data_is({"images"}), is_files = data_is({"images", "audio"});
  return {
      {"data.image_size", counts({.low = 1, .high = 8192}), Unset{"that of the pictures of an IDX file"}, is_images,
       "The height and width of the pictures that the model sees: one number for both, or a list of the two. Pictures "
       "that are files may be of any size, so that it has to be given for them."},
      {"data.channels", integer({.low = 1, .high = 4}), Unset{"3; those of an IDX file"}, is_images,
       "1: grey. 3: RGB. 4: RGB and alpha. Pictures are converted."},
      {"data.resize", choice({"crop", "stretch", "pad"}), "crop", is_images,
       "What becomes of a picture of another shape. `crop`: the largest part in its middle that has the shape of "
       "`data.image_size` is resized. `stretch`: all of it. `pad`: all of it, without changing its shape, in the "
       "middle of black."},
      {"data.resampling", choice({"bilinear", "bicubic"}), "bilinear", is_images,
       "The filter of the resizing, which is antialiased: as Pillow's of that name."},
      {"data.mean", reals(kAny), Unset{"that of the training part"}, is_images,
       "What `standardize` subtracts from each channel's samples from 0 to 1, a number for each. It goes with "
       "`data.deviation`."},
      {"data.deviation", reals(kAbove0), Unset{"that of the training part"}, is_images,
       "What it divides by then, a number for each channel."},
      {"data.name_pattern", text(), "{label}/**", is_files,
       "What paths below a folder say: `{label}` is the class, and any other name in braces a column, such as one for "
       "`data.split_column`; `*` is any characters of a name, `**` of a path. By itself the first folder's name is the "
       "class."},
      {"data.path_column", text(), Unset{"path, file, filename, file_name, image or audio, whichever there is"},
       is_files, "In a CSV or a JSONL the column of the files' paths; they count from the folder of that file."},
      {"data.on_bad_file", choice({"error", "skip"}), "error", is_files,
       "A file that is no picture or no sound, or a damaged one. `error`: what begins wrongly is found before "
       "training, other damage when the example is needed. `skip`: all files are decoded before training, and bad ones "
       "left out, counted, and the first of them named."},
      {"data.keep_megabytes", integer({.low = 0, .high = 1 << 20}), 1024, is_images,
       "How much memory decoded pictures may take, in 10^6 bytes; those that find no room are decoded in each pass. "
       "They are kept at the model's size, or whole with `augment.random_crop`."},
  };
}

std::vector<Key> augment_keys() {
  const Condition is_images = data_is({"images"});
  return {
      {"augment.random_crop", boolean(), false, is_images,
       "Whether a random part of the picture is resized to `data.image_size`, in place of what `data.resize` says."},
      {"augment.crop_area", reals(kAbove0To1), std::vector<double>{0.08, 1.0}, is_images,
       "The least and the most that such a part has of the picture's area."},
      {"augment.crop_aspect", reals(kAbove0), std::vector<double>{0.75, 4.0 / 3.0}, is_images,
       "The least and the most of its width over its height."},
      {"augment.pad", integer({.low = 0, .high = 8192}), 0, is_images,
       "The picture is moved by up to so many pixels in each direction, black coming in: torchvision's RandomCrop with "
       "this padding."},
      {"augment.flip", choice({"none", "horizontal", "vertical", "both"}), "none", is_images,
       "In which directions half of all pictures are mirrored; `horizontal` exchanges left and right."},
      {"augment.rotate", real({.low = 0, .high = 180}), 0.0, is_images,
       "Pictures are turned by up to so many degrees either way; black comes in at the corners."},
      {"augment.brightness", real(kFrom0), 0.0, is_images,
       "Samples are multiplied by a factor within 1 ± this. Colours change in a random order."},
      {"augment.contrast", real(kFrom0), 0.0, is_images, "The same of the distance to the mean grey of the picture."},
      {"augment.saturation", real(kFrom0), 0.0, is_images, "The same of the distance to the grey of each pixel."},
      {"augment.hue", real({.low = 0, .high = 0.5}), 0.0, is_images,
       "Hues are turned by up to this part of the circle either way."},
      {"augment.erase", real(kFrom0To1), 0.0, is_images,
       "The probability that a rectangle of 2% to 33% of the picture becomes 0, which is the mean colour where "
       "data.scaling is \"standardize\", else black (Zhong et al., 2020)."},
      {"augment.mixup", real(kFrom0), 0.0, is_images,
       "α of mixup (Zhang et al., 2018): a share of another picture, drawn from Beta(α, α), is mixed in, and of its "
       "class in the target; 0 is off. 0.2 is usual."},
      {"augment.cutmix", real(kFrom0), 0.0, is_images,
       "α of CutMix (Yun et al., 2019): a rectangle of another picture is pasted over. With both on, each picture has "
       "one of them."},
  };
}

}  // namespace gradus::keys
