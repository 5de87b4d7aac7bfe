#include "gradus/train/verify.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/folders.h"
#include "gradus/base/hash.h"
#include "gradus/data/encoder.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/checkpoint.h"
#include "gradus/train/clustering_model.h"
#include "gradus/train/config_keys.h"
#include "gradus/train/json_object.h"
#include "gradus/train/own_config.h"
#include "gradus/train/resume.h"
#include "gradus/train/run_log.h"
#include "gradus/train/session.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMostSummaryBytes = 1 << 26;

class Findings {
 public:
  explicit Findings(fs::path run) : run_(std::move(run)) {}

  void good(const std::string& what, std::string_view text) { add(Finding::Kind::kGood, what, text); }
  void note(const std::string& what, std::string_view text) { add(Finding::Kind::kNote, what, text); }
  void bad(const std::string& what, std::string_view text) { add(Finding::Kind::kBad, what, text); }
  /// What `check` returns is good; what it throws is bad.
  template <class Check>
  void attempt(const std::string& what, Check&& check) {
    try {
      good(what, check());
    } catch (const Error& error) {
      bad(what, error.what());
    }
  }
  bool has(const std::string& name) const {
    std::error_code error;
    return fs::exists(fs::symlink_status(run_ / name, error));
  }
  const fs::path& run() const { return run_; }
  std::vector<Finding> take() { return std::move(all_); }

 private:
  void add(Finding::Kind kind, const std::string& what, std::string_view text) {
    all_.push_back({kind, fmt::format("{}: {}", what, text)});
  }

  fs::path run_;
  std::vector<Finding> all_;
};

// Whether the last line has no end.
bool is_torn(const fs::path& log) { return read_file_from(log, static_cast<int64_t>(fs::file_size(log)) - 1) != "\n"; }

std::string encoder_summary(const fs::path& path, std::string_view name) {
  const DataEncoder encoder = encoder_from_json(name, read_file(path), path.string());
  if (const auto* tokenizer = std::get_if<TextTokenizer>(&encoder)) {
    return fmt::format("{} tokens", tokenizer->vocabulary_size());
  }
  if (const auto* images = std::get_if<ImageEncoder>(&encoder)) {
    return fmt::format("pictures of {}×{}, {} channels", images->format.width, images->format.height,
                       images->format.channels);
  }
  const TableEncoder& table = *target_encoder(encoder);
  return fmt::format("{} features", table.features().empty() ? table.width() : int64_t(table.features().size()));
}

void look_at_log(Findings& findings) {
  const std::string name = "log.jsonl";
  if (!findings.has(name)) return findings.bad(name, "is missing");
  int64_t rows = 0, last = -1, backward = 0;
  const int64_t unreadable = read_log(findings.run() / name, [&](int64_t step, std::string_view) {
    ++rows;
    backward += step < last ? 1 : 0;
    last = std::max(last, step);
  });
  if (unreadable == 1 && is_torn(findings.run() / name)) {
    return findings.note(name, fmt::format("{} rows, up to step {}, and a torn last line, as after a kill; --resume "
                                           "takes it out",
                                           rows, last));
  }
  if (unreadable > 0) findings.bad(name, fmt::format("{} of {} lines are no rows", unreadable, rows + unreadable));
  if (backward > 0) findings.bad(name, fmt::format("the step goes back {} times", backward));
  if (unreadable + backward == 0) findings.good(name, fmt::format("{} rows, up to step {}", rows, last));
}

// Returns the newest one, if it is whole.
std::optional<Checkpoint> look_at_checkpoints(Findings& findings) {
  const std::vector<FoundCheckpoint> found = list_checkpoints(findings.run());
  std::optional<Checkpoint> newest;
  if (found.empty()) findings.note("checkpoints", "there is none yet");
  for (const FoundCheckpoint& checkpoint : found) {
    const std::string name = "checkpoints/" + checkpoint_name(checkpoint.step);
    newest.reset();  // before the next takes its memory
    try {
      newest = read_checkpoint(checkpoint.folder);
    } catch (const Error&) {
      for (const std::string& text : checkpoint_damage(checkpoint.folder)) findings.bad(name, text);
      continue;
    }
    findings.good(name, fmt::format("whole, {} tensors, {}",
                                    newest->model.size() + newest->average.size() + newest->optimizer.size(),
                                    megabytes(newest->tensor_bytes())));
  }
  for (const fs::path& path : list_folder(checkpoints_of(findings.run()))) {
    const std::string name = "checkpoints/" + path.filename().string();
    if (is_leftover(path))
      findings.note(name, "on its way, or left half done by a run that was killed (then --resume removes it)");
  }
  for (const fs::path& aside : list_set_aside(findings.run())) {
    findings.note("checkpoints/" + aside.filename().string(), "set aside when the run went on from an earlier step");
  }
  return newest;
}

// Whether the run has come to its end and put its best weights into model.safetensors; its summary tells. One that
// cannot be read is found elsewhere.
bool has_restored_best(const fs::path& run, const Checkpoint& newest) {
  const fs::path path = run / "summary.json";
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  try {
    if (!Config::parse(newest.config, "config.toml").boolean("train.restore_best")) return false;
    const JsonObject summary = JsonObject::parse(read_file(path, kMostSummaryBytes), path.string());
    return summary.integer("model_step") == newest.state.training.best_step;
  } catch (const Error&) {
    return false;
  }
}

// What the four links of a run must point to: nothing that is known if it has no checkpoint that can be read.
std::vector<std::pair<std::string, std::string>> links_of(const fs::path& run,
                                                          const std::optional<Checkpoint>& newest) {
  std::vector<std::pair<std::string, std::string>> links = {{"checkpoints/last", ""},
                                                            {"checkpoints/best", ""},
                                                            {"model.safetensors", "checkpoints/last/model.safetensors"},
                                                            {"best.safetensors", "checkpoints/best/model.safetensors"}};
  if (!newest) return links;
  const TrainingState& state = newest->state.training;
  const std::vector<FoundCheckpoint> found = list_checkpoints(run);
  const bool has_best = std::any_of(found.begin(), found.end(), [&](const FoundCheckpoint& checkpoint) {
    return checkpoint.step == state.best_step && state.best_step > 0;
  });
  links[0].second = checkpoint_name(state.step);
  links[1].second = checkpoint_name(has_best ? state.best_step : state.step);
  links[2].second = fs::path("checkpoints/last") / usable_weights(checkpoints_of(run) / links[0].second);
  links[3].second = fs::path("checkpoints/best") / usable_weights(checkpoints_of(run) / links[1].second);
  if (has_best && has_restored_best(run, *newest)) links[2].second = links[3].second;
  return links;
}

void look_at_links(Findings& findings, const std::optional<Checkpoint>& newest) {
  const bool saved = !list_checkpoints(findings.run()).empty();
  for (const auto& [name, expected] : links_of(findings.run(), newest)) {
    std::error_code error;
    const fs::path link = findings.run() / name;
    const std::string target = fs::read_symlink(link, error).string();
    if (!findings.has(name)) {
      if (saved) findings.bad(name, "is missing; --resume puts it back");
    } else if (!fs::exists(link, error)) {
      findings.bad(name, fmt::format("points to {}, which is not there", target));
    } else if (target.empty()) {
      findings.note(name, "is no link, so nothing says that it is what a checkpoint holds");
    } else if (!expected.empty() && target != expected) {
      findings.note(name, fmt::format("is {} instead of {}, as after a kill between the two; --resume puts it right",
                                      target, expected));
    } else {
      findings.good(name, "is " + target);
    }
  }
}

void look_at_summary(Findings& findings, const std::optional<Checkpoint>& newest) {
  const fs::path path = findings.run() / "summary.json";
  if (!findings.has("summary.json")) return findings.note("summary.json", "is not there: the run has not ended");
  findings.attempt("summary.json", [&]() -> std::string {
    const JsonObject summary = JsonObject::parse(read_file(path, kMostSummaryBytes), path.string());
    const JsonObject fingerprint = summary.object("fingerprint");
    const int64_t steps = summary.integer("steps");
    const bool is_newest = newest && newest->state.training.step == steps;
    const Checkpoint last =
        is_newest ? *newest : read_checkpoint(checkpoints_of(findings.run()) / checkpoint_name(steps));
    if (fingerprint.sum("weights") != weights_hash(last.model))
      fail(path.string(), "its fingerprint is not that of the weights of step {}", steps);
    if (fingerprint.sum("losses") != last.state.training.loss_hash) {
      fail(path.string(), "its fingerprint is not that of the losses up to step {}", steps);
    }
    return fmt::format("{} steps, {}; the fingerprint is that of the last checkpoint", steps,
                       summary.text("stop_reason"));
  });
}

// The first tensor that differs, and where.
std::string difference(const char* what, const NamedTensors& found, const NamedTensors& expected) {
  if (found.size() != expected.size())
    return fmt::format("{} {} tensors instead of {}", what, found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const auto& [name, tensor] = found[i];
    const auto& [other_name, other] = expected[i];
    if (name != other_name || !(tensor.shape() == other.shape()) || tensor.dtype() != other.dtype()) {
      return fmt::format("{} {} {} instead of {} {}", what, name, tensor.describe(), other_name, other.describe());
    }
    const auto bytes = static_cast<size_t>(tensor.numel() * size_of(tensor.dtype()));
    if (bytes == 0 || std::memcmp(tensor.bytes(), other.bytes(), bytes) == 0) continue;
    return fmt::format("{} {} has other bits", what, name);
  }
  return "";
}

fs::path folder_of_step(const fs::path& run, int64_t step) {
  fs::path folder = checkpoints_of(run) / checkpoint_name(step);
  std::error_code error;
  if (fs::is_directory(folder, error)) return folder;
  std::string there;
  for (const FoundCheckpoint& found : list_checkpoints(run)) there += fmt::format(" {}", found.step);
  fail_usage(folder.string(), "is not there; the run has checkpoints of these steps:{}",
             there.empty() ? " none" : there);
}

void check_is_run(const fs::path& run) {
  const auto has = [&](const char* name) {
    std::error_code error;
    return fs::exists(fs::symlink_status(run / name, error));
  };
  std::error_code error;
  if (!fs::is_directory(run, error)) fail_usage(run.string(), "is not a folder; expected the --out of a training run");
  if (!has("log.jsonl") && !has("config.toml") && !has("checkpoints")) {
    fail_usage(run.string(), "has no log.jsonl, config.toml or checkpoints: it is no run's folder");
  }
}

}  // namespace

std::vector<Finding> verify_run(const fs::path& run) {
  check_is_run(run);
  Findings findings(run);
  if (const std::optional<std::string> process = FolderLock::holder(run)) {
    findings.note("the run",
                  fmt::format("process {} is training into it: what changes meanwhile may look wrong", *process));
  }
  findings.attempt("config.toml", [&] {
    (void)Config::load((run / "config.toml").string());
    if (!is_as_written(run / "config.toml")) {
      fail("config.toml", "was changed since gradus wrote it; --resume compares it with the checkpoint's");
    }
    return "is as it was written";
  });
  for (const std::string_view file : kEncoderFiles) {
    if (!findings.has(std::string(file))) continue;
    findings.attempt(std::string(file), [&] { return encoder_summary(run / file, file); });
  }
  look_at_log(findings);
  const std::optional<Checkpoint> newest = look_at_checkpoints(findings);
  look_at_links(findings, newest);
  look_at_summary(findings, newest);
  return findings.take();
}

void check_replay(const fs::path& run, int64_t from, int64_t to) {
  check_is_run(run);
  if (from >= to) fail_usage("--replay", "{}:{} goes nowhere; give the step of an earlier checkpoint first", from, to);
  for (const int64_t step : {from, to}) (void)folder_of_step(run, step);
}

Replay replay(const fs::path& run, int64_t from, int64_t to) {
  check_replay(run, from, to);
  const Checkpoint start = read_checkpoint(folder_of_step(run, from)), end = read_checkpoint(folder_of_step(run, to));
  const Config config = Config::parse(start.config, "the start's"), other = Config::parse(end.config, "the end's");
  const std::vector<ConfigChange> changes = config_changes(config, other);
  if (std::any_of(changes.begin(), changes.end(), [](const auto& change) { return changes_result(change.key); })) {
    fail_usage("--replay",
               "the configuration was changed between step {} and step {}; choose steps on one side of that", from, to);
  }
  const std::string source = (checkpoints_of(run) / checkpoint_name(from)).string();
  Session session(Config::parse(start.config, source + "/config.toml"),
                  {.encoder = start.encoder, .clusters = clusters_of(start.model), .last_step = to, .resumes = true});
  if (session.data().hash != start.state.facts.data_hash || session.data().hash != end.state.facts.data_hash) {
    fail("--replay", "the data is not what the run was trained on; put the same data back");
  }
  Replay result;
  for (const Checkpoint* checkpoint : {&start, &end}) {
    const RunFacts &then = checkpoint->state.facts, now = session.facts();
    if (then.arithmetic() == now.arithmetic()) continue;
    result.notes.push_back(fmt::format("step {} was written on {}, this is {}: --isa {} can pin the first of them",
                                       checkpoint->state.training.step, then.arithmetic(), now.arithmetic(), then.isa));
  }
  session.restore(start, source);
  TrainingState state = start.state.training;
  state.skipped = end.state.training.skipped;  // what was left out on the way is left out again
  session.trainer().restore(std::move(state));
  const Clock::time_point begin = Clock::now();
  const TrainingSummary ended = session.trainer().run();
  result.seconds = seconds_since(begin);
  result.steps = session.trainer().steps_done() - from;
  if (session.trainer().steps_done() != to) {
    result.difference =
        fmt::format("the run ended at step {}: {}", session.trainer().steps_done(), name_of(ended.stop_reason));
    return result;
  }
  const Checkpoint again = session.snapshot();
  result.difference = difference("weights", again.model, end.model);
  if (result.difference.empty()) result.difference = difference("average", again.average, end.average);
  if (result.difference.empty()) result.difference = difference("optimizer", again.optimizer, end.optimizer);
  if (result.difference.empty() && again.state.training.loss_hash != end.state.training.loss_hash) {
    result.difference = "the losses on the way were others";
  }
  return result;
}

}  // namespace gradus
