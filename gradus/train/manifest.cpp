#include "gradus/train/manifest.h"

#include <utility>

#include "gradus/base/error.h"
#include "gradus/train/json_object.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

constexpr const char* kManifestFormat = "gradus checkpoint 1";
constexpr int64_t kMostManifestBytes = int64_t{1} << 28;

std::string ending(std::string_view before) { return fmt::format(",\n\"xxh3\":\"{}\"}}\n", hex(xxh3(before))); }

JsonText to_json(const ManifestFile& file) {
  std::vector<JsonText> parts;
  for (const ManifestPart& part : file.parts) {
    const std::vector<int64_t> range = {part.begin, part.end};
    parts.push_back(JsonText().add("name", part.name).add("range", range).add("xxh3", hex(part.sum)));
  }
  return JsonText().add("name", file.name).add("bytes", file.bytes).add("xxh3", hex(file.sum)).add("parts", parts);
}

ManifestFile file_from(const JsonObject& json) {
  ManifestFile file{json.text("name"), json.integer("bytes"), json.sum("xxh3"), {}};
  if (file.name.empty() || file.name.find('/') != std::string::npos || file.name.starts_with('.')) {
    json.fail_at("name", '"' + file.name + '"', "the name of a file in the checkpoint's folder");
  }
  int64_t expected = 0;
  for (const JsonObject& part : json.objects("parts")) {
    const std::vector<int64_t> range = part.integers("range");
    if (range.size() != 2 || range[0] != expected || range[1] < range[0] || range[1] > file.bytes) {
      part.fail_at("range", "wrong", fmt::format("a range that begins at {} and ends by {}", expected, file.bytes));
    }
    expected = range[1];
    file.parts.push_back({part.text("name"), range[0], range[1], part.sum("xxh3")});
  }
  if (!file.parts.empty() && expected != file.bytes) {
    json.fail_at("parts", fmt::format("{} bytes in all", expected), std::to_string(file.bytes));
  }
  return file;
}

}  // namespace

std::string ManifestFile::damage(const fs::path& folder) const {
  const MappedFile mapped(folder / name);
  const std::span<const std::byte> found = mapped.bytes();
  const auto size = static_cast<int64_t>(found.size());
  if (size == bytes && xxh3(found.data(), found.size()) == sum) return "";
  std::string all;
  for (const ManifestPart& part : parts) {
    const auto begin = static_cast<size_t>(part.begin), length = static_cast<size_t>(part.end - part.begin);
    if (part.end <= size && xxh3(found.data() + begin, length) == part.sum) continue;
    const std::string what = begin == 0 ? "the header" : fmt::format("tensor \"{}\"", part.name);
    all += fmt::format("{}{}, bytes {} to {}, {}", all.empty() ? "" : "; ", what, part.begin, part.end,
                       part.end > size ? "is cut short" : "is not what was written");
  }
  if (size != bytes) {
    return fmt::format("has {} bytes instead of {}{}{}", size, bytes, all.empty() ? "" : ": ", all);
  }
  return all.empty() ? fmt::format("its {} bytes are not what was written", bytes) : all;
}

std::string Manifest::to_text() const {
  std::string text = fmt::format("{{\"format\":\"{}\",\n\"step\":{},\n\"files\":[", kManifestFormat, step);
  for (const ManifestFile& file : files) text += (&file == files.data() ? "\n" : ",\n") + to_json(file).line();
  text += "]";
  return text + ending(text);
}

Manifest Manifest::parse(std::string_view text, const std::string& file) {
  const size_t length = ending("").size();
  if (text.size() < length || text.substr(text.size() - length) != ending(text.substr(0, text.size() - length))) {
    fail(file, "is damaged: it does not end with the sum of its own bytes");
  }
  const JsonObject json = JsonObject::parse(text, file);
  if (json.text("format") != kManifestFormat) json.fail_at("format", '"' + json.text("format") + '"', kManifestFormat);
  Manifest manifest;
  manifest.step = json.integer("step");
  for (const JsonObject& entry : json.objects("files")) manifest.files.push_back(file_from(entry));
  return manifest;
}

Manifest Manifest::read(const fs::path& folder) {
  return parse(read_file(folder / kName, kMostManifestBytes), (folder / kName).string());
}

const ManifestFile* Manifest::find(std::string_view name) const {
  for (const ManifestFile& file : files) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

SummedFile::SummedFile(const fs::path& folder, std::string name) : output_(folder / name) {
  file_.name = std::move(name);
}

void SummedFile::write(const void* data, size_t bytes) {
  output_.write(data, bytes);
  sum_.add(data, bytes);
  file_.bytes += static_cast<int64_t>(bytes);
}

void SummedFile::write_part(std::string name, const void* data, size_t bytes) {
  const int64_t begin = file_.bytes;
  write(data, bytes);
  file_.parts.push_back({std::move(name), begin, file_.bytes, xxh3(data, bytes)});
}

ManifestFile SummedFile::finish() {
  output_.finish();
  file_.sum = sum_.value();
  return std::move(file_);
}

}  // namespace gradus
