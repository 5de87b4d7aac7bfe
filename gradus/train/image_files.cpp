// The pictures that paths name: folders, lists, arrays.
#include "gradus/train/image_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/base/threads.h"
#include "gradus/data/file_list.h"
#include "gradus/data/idx.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace fs = std::filesystem;
namespace {

enum class SourceKind : uint8_t { kFolder, kTable, kArray, kFiles };

bool ends_in(std::string name, std::initializer_list<std::string_view> endings) {
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.resize(name.size() - packed.size());
  }
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

SourceKind kind_of(const std::string& path, bool has_labels) {
  std::error_code error;
  if (fs::is_directory(path, error)) return SourceKind::kFolder;
  if (ends_in(path, {".csv", ".tsv", ".jsonl", ".ndjson"})) return SourceKind::kTable;
  if (has_labels || ends_in(path, {".gz", ".zst", "-ubyte", ".idx", ".idx3"})) return SourceKind::kArray;
  return begins_like_idx(path) ? SourceKind::kArray : SourceKind::kFiles;
}

SourceKind kind_of(const std::vector<std::string>& files, bool has_labels) {
  const SourceKind kind = kind_of(files[0], has_labels);
  for (const std::string& file : files) {
    if (kind_of(file, has_labels) == kind) continue;
    fail_usage(file,
               "is not of the same kind as {}; expected folders, tables of paths, IDX files or pictures, all alike",
               files[0]);
  }
  return kind;
}

Pictures list_folders(const Config& config, const std::vector<std::string>& folders) {
  FileList list = list_files(folders, {.pattern = config.text("data.name_pattern"), .endings = kImageEndings});
  Pictures pictures{.table = std::move(list.table)};
  if (pictures.table.has_column("label")) pictures.target = "label";
  if (list.other_files > 0) {
    pictures.notes.push_back(
        fmt::format("{} files that do not end in .jpg, .jpeg, .png or .webp are left out", list.other_files));
  }
  return pictures;
}

Pictures list_tables(const Config& config, const std::vector<std::string>& files) {
  Pictures pictures;
  for (const std::string& file : files) append_labels(pictures.table, read_listed_files(config, file));
  if (!config.has("data.target") && pictures.table.has_column("label")) pictures.target = "label";
  return pictures;
}

Pictures list_pictures(const std::vector<std::string>& files) {
  Pictures pictures;
  TableColumn column{.name = std::string(kPathColumn), .is_number = false, .dictionary = files};
  column.codes.resize(files.size());
  std::iota(column.codes.begin(), column.codes.end(), 0);
  pictures.table.rows = static_cast<int64_t>(files.size());
  pictures.table.columns.push_back(std::move(column));
  pictures.table.parts = {{.source = files[0]}};
  return pictures;
}

[[noreturn]] void fail_broken(const Error& error) {
  throw Error(error.kind(), error.subject(),
              fmt::format("{}; data.on_bad_file = \"skip\" leaves such files out", error.message()));
}

// `advises`: that broken ones can be left out, of files that were found and not named one by one.
void use_files(Pictures& pictures, int64_t pixels, bool advises) {
  const TableColumn& column = pictures.table.columns[pictures.table.column(kPathColumn)];
  auto paths = std::make_shared<std::vector<std::string>>();
  for (int64_t row = 0; row < pictures.table.rows; ++row) paths->push_back(column.text(row));
  auto source = std::make_shared<ImageSource>();
  source->count = pictures.table.rows;
  source->pixels = pixels;
  source->name = [paths](int64_t i) { return (*paths)[static_cast<size_t>(i)]; };
  source->decode = [paths, advises](int64_t i) {
    try {
      return read_image((*paths)[static_cast<size_t>(i)]);
    } catch (const Error& error) {
      if (advises) fail_broken(error);
      throw;
    }
  };
  pictures.source = std::move(source);
}

// Bytes (N, rows, columns) or (N, rows, columns, channels), one file behind the other.
Pictures read_arrays_of_pictures(const std::vector<std::string>& files, const std::vector<std::string>& labels) {
  Pictures pictures;
  auto bytes = std::make_shared<std::vector<uint8_t>>();
  Shape shape;
  int64_t count = 0;
  for (const std::string& file : files) {
    const Tensor own = read_idx(file);
    Shape one = own.shape();
    if (one.rank() < 3 || one.rank() > 4 || (one.rank() == 4 && one[3] != 1 && one[3] != 3 && one[3] != 4)) {
      fail(file, "its shape is {}; expected pictures: (examples, rows, columns), or 1, 3 or 4 channels behind these",
           to_string(one));
    }
    one.erase(0);
    if (count > 0 && !(one == shape)) {
      fail(file, "its pictures are {}, and those of {} are {}; expected one shape", to_string(one), files[0],
           to_string(shape));
    }
    shape = one;
    count += own.size(0);
    const float* const from = own.data<float>();
    for (int64_t i = 0; i < own.numel(); ++i) {
      if (!(from[i] >= 0.0F && from[i] <= 255.0F) || from[i] != static_cast<float>(static_cast<int>(from[i]))) {
        fail(file, "number {} is {}; expected bytes from 0 to 255, as pictures have them", i, from[i]);
      }
      bytes->push_back(static_cast<uint8_t>(from[i]));
    }
  }
  const ImageFormat format{.height = shape[0], .width = shape[1], .channels = shape.rank() == 3 ? shape[2] : 1};
  pictures.array = format;
  pictures.hash = xxh3(bytes->data(), bytes->size());
  auto source = std::make_shared<ImageSource>();
  source->count = count;
  source->is_costly = false;
  source->decode = [bytes, format](int64_t i) {
    Image image{.height = format.height, .width = format.width, .channels = format.channels};
    const auto begin = bytes->begin() + i * format.samples();
    image.bytes.assign(begin, begin + format.samples());
    return image;
  };
  pictures.source = std::move(source);
  pictures.table.rows = count;
  pictures.table.parts = {{.source = fmt::format("{}", fmt::join(files, ", "))}};
  if (labels.empty()) return pictures;
  Table table = read_label_files(labels);
  if (table.rows != count) {
    fail(table.source(), "{} labels for the {} pictures of {}; expected one for each", table.rows, count,
         pictures.table.source());
  }
  pictures.target = table.columns[0].name;
  pictures.table = std::move(table);
  return pictures;
}

uint64_t hash_of_files(const Pictures& pictures) {
  uint64_t hash = 0;
  const TableColumn& paths = pictures.table.columns[pictures.table.column(kPathColumn)];
  for (int64_t row = 0; row < pictures.table.rows; ++row) {
    const fs::path path = paths.text(row);
    std::error_code error;
    hash = mix(hash, xxh3(path.filename().string()));
    hash = mix(hash, static_cast<uint64_t>(fs::file_size(path, error)));
  }
  return hash;
}

// What is found out about a file before training.
struct Look {
  int64_t pixels = 0;
  std::optional<Error> error = {};
};

std::vector<Look> look_at(const TableColumn& paths, int64_t rows, bool decodes) {
  std::vector<Look> looks(static_cast<size_t>(rows));
  parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      Look& look = looks[static_cast<size_t>(row)];
      try {
        const ImageHeader header = read_image_header(paths.text(row));
        look.pixels = header.height * header.width;
        if (decodes) read_image(paths.text(row));
      } catch (const Error& error) {
        look.error = error;
      }
    }
  });
  return looks;
}

// Leaves out files that cannot be decoded, or throws for the first whose header cannot be read. The pixels of the
// others.
int64_t check_files(const Config& config, Pictures& pictures, bool advises) {
  const bool skips = config.text("data.on_bad_file") == "skip";
  const TableColumn& paths = pictures.table.columns[pictures.table.column(kPathColumn)];
  std::vector<int64_t> good;
  std::optional<Error> first;
  int64_t pixels = 0;
  const std::vector<Look> looks = look_at(paths, pictures.table.rows, skips);
  for (size_t row = 0; row < looks.size(); ++row) {
    if (!looks[row].error) {
      good.push_back(static_cast<int64_t>(row));
      pixels += looks[row].pixels;
    } else if (!first) {
      first = looks[row].error;
    }
  }
  if (!first) return pixels;
  if (!skips && advises) fail_broken(*first);
  if (!skips) throw *first;
  if (good.empty()) {
    fail(pictures.table.source(), "none of its {} pictures can be read; the first: {}", looks.size(), first->what());
  }
  pictures.notes.push_back(fmt::format("{} pictures are left out, as they cannot be read; the first: {}",
                                       looks.size() - good.size(), first->what()));
  pictures.table.keep(good);
  return pixels;
}

}  // namespace

std::string Pictures::place(int64_t row) const {
  if (array) return fmt::format("{}, picture {}", table.source(), row);
  return table.columns[table.column(kPathColumn)].text(row);
}

Pictures read_pictures(const Config& config, const std::vector<std::string>& paths,
                       const std::vector<std::string>& labels) {
  const std::vector<std::string> files = files_of(paths, "data.path");
  const SourceKind kind = kind_of(files, !labels.empty());
  if (kind == SourceKind::kArray) return read_arrays_of_pictures(files, labels);
  if (!labels.empty()) {
    fail_usage("data.labels", "is for IDX files, and {} is none; leave it out", files[0]);
  }
  Pictures pictures = kind == SourceKind::kFolder  ? list_folders(config, files)
                      : kind == SourceKind::kTable ? list_tables(config, files)
                                                   : list_pictures(files);
  if (config.has("data.target") && kind != SourceKind::kFiles) pictures.target = config.texts("data.target")[0];
  const bool were_found = kind != SourceKind::kFiles;
  const int64_t pixels = check_files(config, pictures, were_found);
  pictures.hash = hash_of_files(pictures);
  use_files(pictures, pixels, were_found);
  return pictures;
}

}  // namespace gradus::internal
