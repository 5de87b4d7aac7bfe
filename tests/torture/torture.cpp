#include "tests/torture/torture.h"

#include <exception>
#include <nlohmann/json.hpp>

#include "gradus/tensor/safetensors.h"
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
[log]
every = 1
)";

bool is_temporary(const std::string& name) { return name.starts_with('.') && name.find(".tmp-") != std::string::npos; }

void check_json(const std::string& text) {
  if (!nlohmann::json::accept(text)) throw std::runtime_error("is not JSON: " + text.substr(0, 200));
}

// All lines but the last: a kill can cut that off.
void check_log(const std::string& text) {
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return;
  for (const std::string& line : lines_of(text.substr(0, end))) check_json(line);
}

// Throws what is wrong with the file.
void check_file(const fs::path& path, Leftovers temporary) {
  const std::string name = path.filename().string();
  if (name == "config.toml") {
    static_cast<void>(Config::load(path.string()));
  } else if (path.extension() == ".safetensors" && !is_temporary(name)) {
    if (read_safetensors(path).tensors.empty()) throw std::runtime_error("has no tensors");
  } else if (path.extension() == ".json") {
    check_json(slurp(path));
  } else if (name == "log.jsonl") {
    check_log(slurp(path));
  } else if (!is_temporary(name)) {
    throw std::runtime_error("is not a file of a run");
  } else if (temporary == Leftovers::kForbidden) {
    throw std::runtime_error("was left behind");
  }
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

// Nearly all of its 37,000 allocations are oneDNN building code. The name of its data is so long that it needs memory.
Experiment text_experiment() {
  return {
      .name = "text",
      .files = {{"tiny.toml", kTinyGpt}, {"a_book_with_a_long_name.txt", tiny_text()}},
      .arguments = {"train", "tiny.toml", "--data", "a_book_with_a_long_name.txt", "--out", "run", "--threads", "2"},
      .memory_step = {.sample = 1499, .whole = 7}};
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

std::map<std::string, std::string> repeatable(std::map<std::string, std::string> files) {
  files.erase("log.jsonl");
  files.erase("summary.json");
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
    if (entry.is_directory()) continue;
    try {
      check_file(entry.path(), temporary);
    } catch (const std::exception& error) {
      problems += fmt::format("{}: {}\n", entry.path().lexically_relative(run).string(), error.what());
    }
  }
  return problems;
}

}  // namespace gradus
