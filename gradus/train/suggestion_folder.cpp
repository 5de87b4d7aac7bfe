// A configuration for folders of pictures or sounds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/data/audio_dataset.h"
#include "gradus/data/file_list.h"
#include "gradus/data/image.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/packed_text.h"
#include "gradus/train/suggestion.h"

namespace gradus::suggestion {
namespace {

using Endings = std::span<const std::string_view>;

// The paths of the files with such endings.
std::vector<std::string> files_in(const std::vector<std::string>& folders, Endings endings) {
  std::vector<std::string> paths;
  for (const std::string& folder : folders) {
    try {
      const FileList list = list_files({folder}, {.pattern = "**", .endings = endings});
      for (int64_t row = 0; row < list.table.rows; ++row) paths.push_back(list.table.columns[0].text(row));
    } catch (const Error&) {
      // There is none in it.
    }
  }
  return paths;
}

bool lies_directly_in(const std::string& path, const std::vector<std::string>& folders) {
  return std::ranges::any_of(folders, [&](const std::string& folder) {
    return !std::filesystem::path(path).lexically_relative(folder).has_parent_path();
  });
}

// What the files are that can be read, and how many there are of each class.
struct Examples {
  std::string title, path;
  const char* what = "";     // "pictures"
  std::string pattern = {};  // data.name_pattern, if it is not the usual
  std::vector<std::string> files = {};
  std::map<std::string, int64_t> classes = {};
  std::string broken = {};  // what is wrong with the first that cannot be read

  int64_t count() const { return static_cast<int64_t>(files.size()); }
  // Those that are trained on.
  int64_t training() const { return count() < kFewest ? count() : count() - count() / 5; }
};

void count_classes(const std::vector<std::string>& folders, Endings endings, Examples& all) {
  const std::string pattern = all.pattern.empty() ? "{label}/**" : all.pattern;
  const FileList list = list_files(folders, {.pattern = pattern, .endings = endings});
  const TableColumn &labels = list.table.columns[list.table.column("label")], &paths = list.table.columns[0];
  const std::set<std::string> known(all.files.begin(), all.files.end());
  for (int64_t row = 0; row < list.table.rows; ++row) {
    if (known.contains(paths.text(row))) ++all.classes[labels.text(row)];
  }
}

// Folders of parts are none of classes.
void check_no_parts(const Examples& all) {
  const std::set<std::string> parts = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"};
  const auto is_part = [&](const auto& one) { return parts.contains(one.first); };
  if (!std::ranges::all_of(all.classes, is_part)) return;
  fail_usage(all.title,
             "its folders are parts, \"{}\" and \"{}\", and not classes; give the one to train on with --data, and add "
             "data.validation_path, the other, in place of data.validation_fraction",
             all.classes.begin()->first, all.classes.rbegin()->first);
}

// Files that lie in no folders of classes may have names that begin with them.
void find_classes(const std::vector<std::string>& folders, const char* recipe, Endings endings, Examples& all) {
  const bool are_flat =
      std::ranges::all_of(all.files, [&](const auto& file) { return lies_directly_in(file, folders); });
  if (!are_flat) {
    count_classes(folders, endings, all);
    if (all.classes.size() > 1) return check_no_parts(all);
    fail_usage(all.title, "all its {} are in one folder, \"{}\"; expected a folder for each of two or more classes",
               all.what, all.classes.begin()->first);
  }
  all.pattern = "{label}_*";
  const auto has_mark = [](const std::string& file) {
    const size_t mark = std::filesystem::path(file).filename().string().find('_');
    return mark != 0 && mark != std::string::npos;
  };
  if (std::ranges::all_of(all.files, has_mark)) count_classes(folders, endings, all);
  if (all.classes.size() > 1 && static_cast<int64_t>(2 * all.classes.size()) <= all.count()) return;
  fail_usage(all.title,
             "its {} lie in no folders that are named by their classes; put them into such, or start from `gradus init "
             "{} FILE` and say by data.name_pattern what their names mean",
             all.what, recipe);
}

// The part of `[data]` that both kinds have.
std::string head_of(const Examples& all, const char* kind) {
  std::string text = fmt::format("# {}: {} {} of {} classes:", all.title, all.count(), all.what, all.classes.size());
  constexpr size_t kMost = 10;
  size_t shown = 0;
  for (const auto& [name, count] : all.classes) {
    if (shown++ < kMost) text += fmt::format("{} {} ({})", shown > 1 ? "," : "", in_comment(name), count);
  }
  text += fmt::format("{}\n\n[data]\nkind = \"{}\"\npath = {}\n", shown > kMost ? ", …" : ".", kind, all.path);
  text += all.pattern.empty()
              ? "# A file's class is the name of the folder that it lies in, below that path.\n"
              : fmt::format("name_pattern = {}    # what stands before the first _ of a file's name is its class\n",
                            quoted(all.pattern));
  if (!all.broken.empty()) {
    text += fmt::format("on_bad_file = \"skip\"    # there is one that cannot be read: {}\n", in_comment(all.broken));
  }
  return text + split_lines(all.classes);
}

// Ten times or more through the data, and a thousand steps where that is little work.
std::string train_part(const Examples& all) {
  constexpr int64_t kBatch = 32, kSteps = 1000, kMostEpochs = 40, kLeastEpochs = 10;
  const int64_t batch = std::min(kBatch, all.training()), steps = (all.training() + batch - 1) / batch;
  const int64_t epochs = std::clamp((kSteps + steps - 1) / steps, kLeastEpochs, kMostEpochs);
  std::string text = fmt::format("\n[train]\nepochs = {}    # of {} steps; more of them learn more\nbatch_size = {}\n",
                                 epochs, steps, batch);
  if (all.count() < kFewest) return text;
  return text + fmt::format("restore_best = true    # keeps the best weights\n\n[validation]\nevery = {}\n",
                            std::max<int64_t>(10, steps));
}

template <class Number>
Number quantile(std::vector<Number> values, double part) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

std::string image_config(const std::vector<std::string>& folders, Examples all) {
  constexpr int64_t kSmall = 40, kUsual = 64, kLeast = 16;
  std::vector<int64_t> sizes;
  bool are_grey = true;
  for (const std::string& file : std::exchange(all.files, {})) {
    try {
      const ImageHeader header = read_image_header(file);
      sizes.push_back(std::min(header.height, header.width));
      are_grey = are_grey && header.channels == 1;
      all.files.push_back(file);
    } catch (const Error& error) {
      if (all.broken.empty()) all.broken = error.what();
    }
  }
  if (sizes.empty()) fail(all.title, "none of its {} can be read; the first: {}", all.what, all.broken);
  find_classes(folders, "image_folder", internal::kImageEndings, all);
  const int64_t usual = quantile(sizes, 0.5);
  const bool are_small = usual <= kSmall;
  std::string text = head_of(all, "images");
  text += are_small
              ? fmt::format("image_size = {}    # half of them have so many lines or more\n", std::max(kLeast, usual))
              : fmt::format(
                    "image_size = {}    # 128 or 224 for those that need more detail: 4 and 12 times the "
                    "work\n",
                    kUsual);
  if (are_grey) text += "channels = 1    # all are grey\n";
  text += "\n[augment]\n";
  if (!are_small)
    text += "random_crop = true    # a part of the picture,\ncrop_area = [0.4, 1.0]    # of so much of its area\n";
  text += "flip = \"horizontal\"    # left and right; \"none\" for letters and digits\n";
  text += "\n[model]\nkind = \"resnet\"\ndepth = 18\n";
  text += are_small ? "stem = \"small\"    # the pictures are small: none of them is given away\n"
                    : "stem = \"large\"    # halves the picture twice before the first block\n";
  text += "\n[loss]\nlabel_smoothing = 0.1\n";
  text +=
      "\n[optimizer]\nname = \"adamw\"\nlearning_rate = 0.001\nweight_decay = 0.05\n\n[schedule]\nname = "
      "\"one_cycle\"\n";
  return text + train_part(all);
}

// What the beginnings of the files say; those that cannot be read are left out.
struct Sounds {
  int64_t rate = 0;      // of most of them
  double seconds = 0.0;  // nine of ten are no longer
};

Sounds look_at(Examples& all) {
  std::map<int64_t, int64_t> rates;
  std::vector<double> lengths;
  for (const AudioFile& file : look_at_audio_files(std::exchange(all.files, {}), false)) {
    if (!file.problem.empty()) {
      if (all.broken.empty()) all.broken = fmt::format("[{}] {}", file.path, file.problem);
      continue;
    }
    all.files.push_back(file.path);
    ++rates[file.info.rate];
    lengths.push_back(static_cast<double>(file.info.frames) / static_cast<double>(file.info.rate));
  }
  if (lengths.empty()) fail(all.title, "none of its {} can be read; the first: {}", all.what, all.broken);
  const auto most = std::ranges::max_element(rates, {}, [](const auto& rate) { return rate.second; });
  return {most->first, quantile(lengths, 0.9)};
}

std::string audio_config(const std::vector<std::string>& folders, Examples all) {
  constexpr int64_t kMostRate = 16000;
  constexpr double kShortest = 0.3, kLongest = 10.0;
  const Sounds sounds = look_at(all);
  find_classes(folders, "spoken_digits", internal::kAudioEndings, all);
  const double seconds = std::clamp(std::ceil(10.0 * sounds.seconds) / 10.0, kShortest, kLongest);
  std::string text = head_of(all, "audio");
  text += fmt::format("sample_rate = {}    # {}\n", std::min(sounds.rate, kMostRate),
                      sounds.rate <= kMostRate ? "that of most files" : "enough for speech; files have more");
  text += fmt::format("seconds = {:.1f}    # {}\n", seconds,
                      sounds.seconds <= kLongest ? "nine of ten are no longer; of longer ones any stretch is trained on"
                                                 : "of longer ones any stretch is trained on");
  text +=
      "audio_features = \"log_mel\"\nmels = 40\n"
      "\n[augment]\ngain = 6.0    # decibels either way\ntime_masks = 1\ntime_mask = 8\nfrequency_masks = 1\n"
      "frequency_mask = 5\n"
      "\n[model]\nkind = \"cnn\"    # a spectrogram is a picture: time goes down, pitch across\n"
      "channels = [16, 32, 64]\nbatch_norm = true\nhidden = [64]\ndropout = 0.3\n"
      "\n[loss]\nname = \"cross_entropy\"    # of classes\n"
      "\n[optimizer]\nname = \"adamw\"\nlearning_rate = 0.001\nweight_decay = 0.05\n\n[schedule]\nname = "
      "\"one_cycle\"\n";
  return text + train_part(all);
}

}  // namespace

std::string folder_config(const std::vector<std::string>& folders, const std::vector<std::string>& named) {
  Examples all{.title = in_comment(fmt::format("{}", fmt::join(named, ", "))), .path = path_value(named)};
  for (const std::string& folder : folders) {
    if (is_packed_text(folder))
      fail_usage(folder, "is packed text; start from `gradus init gpt_bpe FILE`, and there data.path");
  }
  std::vector<std::string> pictures = files_in(folders, internal::kImageEndings);
  std::vector<std::string> sounds = files_in(folders, internal::kAudioEndings);
  if (pictures.empty() && sounds.empty()) {
    fail_usage(all.title,
               "is a folder without pictures (.jpg, .png, .webp) or sounds (.wav, .flac, .ogg, .mp3); expected folders "
               "of these that are named by their classes, or files: --data 'FOLDER/*.csv'");
  }
  const bool are_pictures = pictures.size() >= sounds.size();
  all.what = are_pictures ? "pictures" : "sounds";
  all.files = are_pictures ? std::move(pictures) : std::move(sounds);
  return are_pictures ? image_config(folders, std::move(all)) : audio_config(folders, std::move(all));
}

}  // namespace gradus::suggestion
