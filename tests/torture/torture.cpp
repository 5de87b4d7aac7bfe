#include "tests/torture/torture.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>

#include "gradus/tensor/safetensors.h"
#include "gradus/train/checkpoint.h"
#include "gradus/train/config.h"

namespace gradus {
namespace fs = std::filesystem;

bool g_whole = false;

namespace {

constexpr const char* kReport = ".faults";
constexpr const char* kTrace = ".trace";

std::string tiny_text() {
  std::string text;
  for (int i = 0; i < 12; ++i) text += "the cat sat on the mat. ";
  return text;
}

constexpr const char* kTinyGpt = R"([data]
kind = "text"
[model]
kind = "gpt"
layers = 1
width = 16
heads = 2
context = 8
dropout = 0.1
[optimizer]
name = "adamw"
learning_rate = 0.02
[train]
steps = 6
batch_size = 4
micro_batch_size = 2
[validation]
every = 2
[checkpoint]
every = 1
keep = 1
[log]
every = 1
)";

// Of a file, folder or link on its way: a part of the path below the run's folder.
bool is_temporary(const fs::path& path) {
  return std::any_of(path.begin(), path.end(), [](const fs::path& part) {
    const std::string name = part.string();
    return name.starts_with('.') && name.find("tmp-") != std::string::npos;
  });
}

void check_json(const std::string& text) {
  if (!nlohmann::json::accept(text)) throw std::runtime_error("is not JSON: " + text.substr(0, 200));
}

// All lines but the last: a kill can cut that off.
void check_log(const std::string& text) {
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return;
  for (const std::string& line : lines_of(text.substr(0, end))) check_json(line);
}

// Throws what is wrong with a file of the run's own folder.
void check_file(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name == "config.toml") {
    static_cast<void>(Config::load(path.string()));
  } else if (path.extension() == ".safetensors") {
    if (read_safetensors(path).tensors.empty()) throw std::runtime_error("has no tensors");
  } else if (path.extension() == ".json") {
    check_json(slurp(path));
  } else if (name == "log.jsonl") {
    check_log(slurp(path));
  } else if (name != ".lock") {
    throw std::runtime_error("is not a file of a run");
  }
}

// What `last` and `best` point to is there and whole.
std::string damaged_checkpoints(const fs::path& run) {
  std::string problems;
  for (const FoundCheckpoint& found : list_checkpoints(run)) {
    for (const std::string& damage : checkpoint_damage(found.folder)) problems += damage + "\n";
  }
  for (const char* link : {"last", "best"}) {
    const fs::path path = checkpoints_of(run) / link;
    if (fs::is_symlink(path) && !fs::is_directory(path)) problems += path.string() + " points nowhere\n";
  }
  return problems;
}

std::map<std::string, std::string> read_report(const fs::path& path) {
  std::map<std::string, std::string> report;
  for (const std::string& line : lines_of(slurp(path))) {
    const size_t space = line.find(' ');
    report[line.substr(0, space)] = line.substr(space + 1);
  }
  return report;
}

}  // namespace

std::vector<uint64_t> numbers_to_try(uint64_t count, Step step) {
  std::vector<uint64_t> numbers;
  for (uint64_t n = 1; n <= count; n += g_whole ? step.whole : step.sample) numbers.push_back(n);
  if (!numbers.empty() && numbers.back() != count) numbers.push_back(count);
  return numbers;
}

Command::Options faulty_options(const fs::path& folder, const Faults& faults) {
  const fs::path canonical = fs::canonical(folder);
  Command::Options options;
  options.environment = {{"LD_PRELOAD", GRADUS_FAULTS}, {"FAULTS_FOLDER", canonical.string()}};
  for (const auto& [name, value] : faults) options.environment.emplace_back("FAULTS_" + name, value);
  return options;
}

FaultyResult run_with_faults(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                             const Faults& faults, const std::string& program) {
  const fs::path canonical = fs::canonical(folder.path());
  Command::Options options = faulty_options(canonical, faults);
  options.program = program;
  options.environment.emplace_back("FAULTS_COUNT", (canonical / kReport).string());
  options.environment.emplace_back("FAULTS_TRACE", (canonical / kTrace).string());
  for (const char* name : {kReport, kTrace}) fs::remove(canonical / name);
  CommandResult result = Command(canonical, arguments, options).wait();
  return {std::move(result), read_report(canonical / kReport), slurp(canonical / kTrace)};
}

void Experiment::lay_out(const fs::path& folder) const {
  for (const auto& [file, contents] : files) spill(folder / file, contents);
}

Experiment line_experiment() {
  return {.name = "line",
          .files = {{"line.toml", slurp(recipe("linear_regression"))}},
          .arguments = {"train", "line.toml", "--out", "run"},
          .memory_step = {.sample = 97}};
}

// A checkpoint a step. Nearly all of its 37,000 allocations are oneDNN building code. The name of its data is so long
// that it needs memory.
Experiment text_experiment() {
  return {
      .name = "text",
      .files = {{"tiny.toml", kTinyGpt}, {"a_book_with_a_long_name.txt", tiny_text()}},
      .arguments = {"train", "tiny.toml", "--data", "a_book_with_a_long_name.txt", "--out", "run", "--threads", "2"},
      .memory_step = {.sample = 1499, .whole = 7},
      .interval = 1};
}

const Undisturbed& undisturbed(const Experiment& experiment) {
  static std::map<std::string, Undisturbed> known;
  const auto [place, is_new] = known.try_emplace(experiment.name);
  if (is_new) {
    const TemporaryFolder folder;
    experiment.lay_out(folder.path());
    place->second.result = run_with_faults(folder, experiment.arguments, {});
    place->second.files = files_of(folder / "run");
    EXPECT_EQ(place->second.result.command.exit_code, 0) << place->second.result.command.err;
    EXPECT_EQ(not_whole(folder / "run", Leftovers::kForbidden), "");
  }
  return place->second;
}

namespace {

// A JSON object without what depends on the time, the process, and how often the run was begun.
std::string timeless(const std::string& text) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return text;
  for (const char* key :
       {"elapsed_s", "examples_per_s", "tokens_per_s", "peak_rss_bytes", "predicted_bytes", "checkpoints"}) {
    json.erase(key);
  }
  return json.dump();
}

}  // namespace

std::map<std::string, std::string> repeatable(std::map<std::string, std::string> files) {
  std::erase_if(files, [](const auto& file) {
    const std::string name = fs::path(file.first).filename().string();
    return name == "manifest.json" || name == ".lock";
  });
  for (auto& [path, text] : files) {
    const std::string name = fs::path(path).filename().string();
    if (name == "log.jsonl") {
      std::string rows;
      for (const std::string& line : lines_of(text)) rows += timeless(line) + "\n";
      text = rows;
    } else if (name == "state.json" || name == "summary.json") {
      text = timeless(text);
    }
  }
  return files;
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[entry.path().lexically_relative(folder).string()] = slurp(entry.path());
  }
  return files;
}

std::string not_whole(const fs::path& run, Leftovers temporary) {
  std::string problems;
  if (!fs::exists(run)) return problems;
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    const fs::path path = entry.path().lexically_relative(run);
    if (is_temporary(path)) {
      if (temporary == Leftovers::kForbidden) problems += path.string() + " was left behind\n";
      continue;
    }
    if (entry.is_directory() || entry.path().parent_path() != run) continue;
    try {
      check_file(entry.path());
    } catch (const std::exception& error) {
      problems += fmt::format("{}: {}\n", path.string(), error.what());
    }
  }
  return problems + damaged_checkpoints(run);
}

}  // namespace gradus
