// The files that a configuration is wanted for.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "gradus/base/error.h"
#include "gradus/base/number.h"
#include "gradus/base/utf8.h"
#include "gradus/data/compression.h"
#include "gradus/data/file_contents.h"
#include "gradus/train/config_keys.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/experiment.h"
#include "gradus/train/suggestion.h"

namespace gradus::suggestion {
namespace {

using namespace std::string_view_literals;

bool is_riff_of(std::string_view bytes, std::string_view kind) {
  return bytes.starts_with("RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == kind;
}

bool is_picture(std::string_view bytes) {
  return bytes.starts_with("\xFF\xD8\xFF"sv) || bytes.starts_with("\x89PNG\r\n"sv) || is_riff_of(bytes, "WEBP");
}

bool is_sound(std::string_view bytes, std::string_view name) {
  const bool is_mp3 = name.ends_with(".mp3") && bytes.starts_with('\xFF');
  return is_riff_of(bytes, "WAVE") || bytes.starts_with("fLaC") || bytes.starts_with("OggS") ||
         bytes.starts_with("ID3") || is_mp3;
}

// An archive of arrays, or another: their names are in its first bytes.
bool is_archive(std::string_view bytes) { return bytes.starts_with("PK\x03\x04"sv); }
bool is_numpy(std::string_view bytes) {
  constexpr size_t kFirst = 1024;
  return bytes.starts_with("\x93NUMPY"sv) ||
         (is_archive(bytes) && bytes.substr(0, kFirst).find(".npy") != std::string_view::npos);
}

// Bytes that no encoding of text has: zeros, or where it is no UTF-8, control characters, which are a tenth of bytes at
// random.
bool is_binary(std::string_view bytes) {
  constexpr size_t kFirst = 1 << 16, kOneIn = 100;
  const std::string_view first = bytes.substr(0, kFirst);
  if (first.find('\0') != std::string_view::npos) return true;
  const auto controls = std::ranges::count_if(first, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x7F || (byte < 0x20 && "\t\n\v\f\r\x1B"sv.find(c) == std::string_view::npos);
  });
  return static_cast<size_t>(controls) * kOneIn > first.size() && first_invalid_utf8(bytes).has_value();
}

void refuse_one_example(const std::string& path, std::string_view bytes) {
  const bool picture = is_picture(bytes);
  if (!picture && !is_sound(bytes, uncompressed_name(path))) return;
  fail_usage(path,
             "is one {}; expected many: put them into a folder of folders that are named by their classes, and "
             "give that with --data",
             picture ? "picture" : "sound");
}

void refuse_other_formats(const std::string& path, std::string_view bytes) {
  if (bytes.starts_with("\0\0"sv) && bytes.size() > 3 && bytes[2] >= 0x08 && bytes[2] <= 0x0E && bytes[3] > 0) {
    fail_usage(path,
               "begins as files in the IDX format do; write data.kind = \"idx\" with data.labels, as `gradus recipes "
               "mnist_kmeans` shows");
  }
  if (bytes.starts_with("PAR1")) {
    fail_usage(path,
               "is a Parquet file; expected text: make a CSV of it, such as by `python3 -c 'import pandas; "
               "pandas.read_parquet(\"OLD\").to_csv(\"NEW.csv\", index=False)'`");
  }
  if (is_archive(bytes) && !is_numpy(bytes)) {
    fail_usage(path,
               "is a zip archive without arrays, as .xlsx is one too; expected a file or a folder: unpack it, or save "
               "the table as CSV");
  }
}

void refuse_binary(const std::string& path, std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
    fail(path, "begins with the byte order mark of UTF-16; convert it with `iconv -f UTF-16 -t UTF-8 FILE > NEW`");
  }
  if (!is_binary(bytes)) return;
  fail_usage(path,
             "is no text, and begins as no file of arrays, pictures or sounds does; expected CSV, JSON lines, LIBSVM, "
             "text, .npy or .npz, or a folder of pictures or sounds. A GPT that learns bytes, whatever they are: "
             "`gradus init gpt_char FILE`, and there data.path, and data.tokens = \"bytes\"");
}

// One value of JSON, which a reader of lines takes for prose.
void refuse_json(const std::string& path, std::string_view text) {
  if (!uncompressed_name(path).ends_with(".json")) return;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (text[first] != '[' && text[first] != '{')) return;
  const bool is_list = text[first] == '[';
  fail_usage(path, "is one {} of JSON; expected lines, each an object: `jq -c '{}' FILE > NEW.jsonl` writes such",
             is_list ? "list" : "object", is_list ? ".[]" : ".");
}

void check_file(const Sources& sources, const Sources::File& file) {
  if (file.text.empty()) fail(file.path, "the file is empty; expected a table or text");
  refuse_one_example(file.path, file.text);
  refuse_other_formats(file.path, file.text);
  if (is_numpy(file.text) != sources.is_numpy) {
    fail_usage(file.path, "is not of the kind of {}; expected arrays of NumPy, or text, but not both",
               sources.files[0].path);
  }
  if (!sources.is_numpy) refuse_binary(file.path, file.text);
}

}  // namespace

std::string quoted(const std::string& text) { return to_toml(Value(text)); }

std::string in_comment(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return text;
}

std::string path_value(const std::vector<std::string>& paths) {
  return paths.size() == 1 ? quoted(paths[0]) : to_toml(Value(paths));
}

Sources read_sources(const std::vector<std::string>& paths) {
  Sources sources{.files = {}, .named = paths, .title = in_comment(fmt::format("{}", fmt::join(paths, ", ")))};
  const std::vector<std::string> found = files_of(paths, "--data");
  internal::check_apart(found, "--data", found, "--data");
  for (const std::string& path : found) {
    const std::string_view name = uncompressed_name(path);
    sources.is_table = sources.is_table || name.ends_with(".csv") || name.ends_with(".tsv");
    sources.files.push_back({path, std::string(FileContents(path).bytes())});
    if (sources.files.size() == 1) sources.is_numpy = is_numpy(sources.files[0].text);
    check_file(sources, sources.files.back());
  }
  if (!has_json_lines(sources)) {
    for (const Sources::File& file : sources.files) refuse_json(file.path, file.text);
  }
  return sources;
}

namespace {

// The fields that blanks part, if all are numbers.
int64_t count_of_numbers(std::string_view line) {
  int64_t count = 0;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty()) return count;
    const size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    if (!parse_number(line.substr(0, end))) return 0;
    line.remove_prefix(end);
    ++count;
  }
}

}  // namespace

void refuse_aligned(const Sources& sources) {
  constexpr int kLines = 20;
  std::string_view text = sources.files[0].text;
  int64_t columns = 0;
  bool has_runs = false, has_qid = false;
  for (int i = 0; i < kLines && !text.empty(); ++i) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    has_qid =
        has_qid || (line.find(" qid:") != std::string_view::npos && line.find(':', line.rfind(' ')) < line.size());
    const int64_t count = count_of_numbers(line);
    if (!has_qid && (count < 2 || (columns > 0 && count != columns))) return;
    columns = count;
    has_runs = has_runs || line.starts_with(' ') || line.find("  ") != std::string_view::npos;
  }
  const std::string& path = sources.files[0].path;
  if (has_qid) {
    fail_usage(path,
               "has rows of LIBSVM with qid, the ranking of which is not learned; `sed -E 's/ qid:[0-9]+//' FILE > "
               "NEW.svm` leaves it out");
  }
  if (!has_runs) return;
  fail_usage(path,
             "has lines of {} numbers that blanks align; expected one separator between them: `sed -E 's/^ +//; "
             "s/ +/,/g' FILE > NEW.csv` writes commas",
             columns);
}

void refuse_list(const Sources& sources, const std::string& column, std::string_view text) {
  const auto ends = [&](std::span<const std::string_view> endings) {
    return std::ranges::any_of(endings, [&](std::string_view ending) { return text.ends_with(ending); });
  };
  const bool pictures = ends(internal::kImageEndings);
  if (!pictures && !ends(internal::kAudioEndings)) return;
  fail_usage(sources.title, "column \"{}\" names {}; start from `gradus init {} FILE`, and there data.path, this file",
             column, pictures ? "pictures" : "sounds", pictures ? "image_folder" : "spoken_digits");
}

std::string split_lines(const std::map<std::string, int64_t>& counts) {
  int64_t rows = 0, fewest = 2;
  for (const auto& [name, count] : counts) {
    rows += count;
    fewest = std::min(fewest, count);
  }
  if (rows < kFewest) {
    return fmt::format("validation_fraction = 0.0    # {} examples are too few to hold any out\n", rows);
  }
  const int64_t held = rows_to_hold(rows, 0.2), classes = static_cast<int64_t>(counts.size());
  const bool is_possible = fewest >= 2 && held >= classes;
  return (is_possible ? "split = \"stratified\"    # of each class the same part\n" : "") +
         std::string(
             "validation_fraction = 0.2    # examples that are never trained on: how good the model is on new "
             "ones\n");
}

}  // namespace gradus::suggestion
