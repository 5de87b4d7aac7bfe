// `gradus train`: a configuration becomes a run's folder, with progress and a summary for people.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <exception>
#include <filesystem>

#include "apps/gradus/config_file.h"
#include "apps/gradus/interrupt.h"
#include "apps/gradus/output.h"
#include "apps/gradus/progress.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/train/own_config.h"
#include "gradus/train/run.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

// Up to so many logged rows are printed; a longer run would only scroll.
constexpr int64_t kMostLogRows = 50;

// The folder gets the resolved configuration, in the place of a file that somebody may have written by hand.
void check_overwrite(const std::string& config, const std::string& folder) {
  std::error_code error;
  const fs::path own = fs::weakly_canonical(folder, error) / "";
  if (own != fs::weakly_canonical(config, error).parent_path() / "" &&
      own != fs::weakly_canonical(fs::absolute(config, error).parent_path(), error) / "") {
    return;
  }
  fail_usage("--overwrite",
             "the configuration {} lies in the run's folder {}, whose files would be replaced; copy it to another "
             "folder, or choose another --out",
             config, folder);
}

// Also one whose manifest is lost: that it is damaged is said when it is read.
bool is_checkpoint(const fs::path& folder) {
  std::error_code error;
  const fs::path path = fs::absolute(folder, error).lexically_normal();
  const std::string name = path.filename().string();
  return fs::exists(folder / "manifest.json", error) ||
         (path.parent_path().filename() == "checkpoints" &&
          (name.starts_with("step-") || name == "last" || name == "best"));
}

// The run that a checkpoint belongs to. RUN/checkpoints may be a link to another disk, so the path is taken as it is
// given; a link to a checkpoint from elsewhere is followed.
fs::path run_of(const fs::path& checkpoint) {
  std::error_code error;
  const fs::path given = fs::absolute(checkpoint, error).lexically_normal();
  const bool beside = given.parent_path().filename() == "checkpoints";
  return (beside ? given : fs::canonical(checkpoint, error)).parent_path().parent_path();
}

// --resume with a folder stands for that run: its --out and, without a CONFIG, its own configuration. What is no folder
// is the CONFIG behind a --resume without a value.
TrainOptions with_resumed_run(TrainOptions options) {
  if (!options.resume || options.resume->empty()) return options;
  std::error_code error;
  const bool is_config = fs::is_regular_file(*options.resume, error) || recipe_path(*options.resume);
  if (options.config.empty() && is_config && !fs::is_directory(*options.resume, error)) {
    options.config = std::exchange(*options.resume, "");
    return options;
  }
  fs::path run = fs::path(*options.resume) / "";
  run = run.parent_path();
  if (!fs::is_directory(run, error))
    fail_usage("--resume", "no such run, {}; give a run's folder, or a checkpoint's", run.string());
  const bool checkpoint = is_checkpoint(run);
  fs::path source = run;
  if (checkpoint) run = run_of(run);
  if (options.out && !fs::equivalent(*options.out, run, error)) {
    fail_usage("--out", "{} is not the run that --resume names, {}; leave one of them out", *options.out, run.string());
  }
  if (!options.out) options.out = checkpoint ? fs::proximate(run, error).string() : run.string();
  // A run that was killed early has its configuration in the folder; one whose file is lost still has it in
  // checkpoints.
  if (options.config.empty()) {
    if (!checkpoint && !fs::exists(run / "config.toml", error)) {
      if (const std::vector<FoundCheckpoint> found = list_checkpoints(run); !found.empty())
        source = found.back().folder;
    }
    options.config = (source / "config.toml").string();
    options.own_configuration = !checkpoint;
  }
  if (!checkpoint) options.resume->clear();
  return options;
}

RunOptions run_options(const TrainOptions& options) {
  RunOptions run{.overwrite = options.overwrite,
                 .resume = options.resume.has_value(),
                 .own_configuration = options.own_configuration};
  if (options.resume && !options.resume->empty()) {
    std::error_code error;
    run.checkpoint = fs::canonical(*options.resume, error);
  }
  if (run.overwrite && run.resume) fail_usage("--overwrite", "and --resume ask for opposite things; give one of them");
  return run;
}

std::string in_words(StopReason reason, const Config& config, int signal) {
  switch (reason) {
    case StopReason::kMaxSteps:
      return "all train.steps are done";
    case StopReason::kMaxEpochs:
      return "all train.epochs are done";
    case StopReason::kLossThreshold:
      return fmt::format("the loss reached train.stop_loss = {}", config.real("train.stop_loss"));
    case StopReason::kMaxTime:
      return fmt::format("train.max_time_s = {} is over", config.real("train.max_time_s"));
    case StopReason::kNoImprovement:
      return fmt::format("the validation loss has not improved for train.patience = {} validations",
                         config.integer("train.patience"));
    case StopReason::kNonFinite:
      return "the loss is no longer a finite number";
    case StopReason::kLossSpike:
      return "the loss spiked";
    case StopReason::kConverged:
      return "the solver's tolerance is reached";
    case StopReason::kInterrupted:
      return signal == SIGTERM ? "it was asked to end (SIGTERM)" : "it was interrupted (Ctrl-C)";
  }
  return "";
}

std::string introduction(const Run& run, int64_t steps, const std::string& folder) {
  const int64_t parameters = count_elements(run.model().parameters()), examples = run.data().training->size();
  std::string text = fmt::format("model {}: {} parameters; {} examples; at most {} steps; folder {}\n",
                                 run.config().text("model.kind"), parameters, examples, steps, folder);
  text += fmt::format("memory: {} at most (`--dry-run` says for what)\n", megabytes(run.memory().total()));
  text += left_out_text(run.data());
  if (run.config().is_swept()) text += "its [sweep] is left aside: `gradus sweep` goes over that\n";
  for (const std::string& note : run.notes()) text += note + "\n";
  return text + "\n";
}

std::string row(const StepRecord& record, int64_t planned_steps) {
  std::string text = fmt::format("step {:>{}}  ", record.step, fmt::formatted_size("{}", planned_steps));
  text += record.weight > 0.0 ? fmt::format("loss {:.6f}", record.loss) : "passed over";
  if (record.l1) text += fmt::format("  l1 {:.3e}", *record.l1);
  if (record.nonzero_weights) text += fmt::format("  weights not 0: {}", *record.nonzero_weights);
  if (record.validation_loss) text += fmt::format("  val_loss {:.6f}", *record.validation_loss);
  for (const Metric& metric : record.validation_metrics) text += fmt::format("  {} {:.4f}", metric.name, metric.value);
  return text + "\n";
}

// A word that the training text has, so that a model of its characters can go on from it.
std::string example_prompt(const ExperimentData& data) {
  constexpr size_t kMostTokens = 200, kLongest = 24;
  const auto* text = dynamic_cast<const TokenDataset*>(data.training.get());
  const auto* tokenizer = std::get_if<TextTokenizer>(&data.encoder);
  if (text == nullptr || tokenizer == nullptr) return "";
  std::vector<int64_t> ids(std::min(kMostTokens, static_cast<size_t>(text->tokens().size())));
  text->tokens().copy(0, static_cast<int64_t>(ids.size()), ids.data());
  std::string start;
  for (const int64_t id : ids) {
    const auto token = static_cast<int32_t>(id);
    if (tokenizer->bytes_of(token) != 0) start += tokenizer->piece(token, start.empty());
  }
  const size_t begin = start.find_first_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  if (begin == std::string::npos) return start.substr(0, 1);
  const std::string word = start.substr(begin, start.find_first_of(" \n\t\r.,;:", begin) - begin);
  const bool plain = std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < 127; });
  return plain && word.size() <= kLongest ? word : word.substr(0, 1);
}

std::string next_command(const TrainOptions& options, const Run& run, const std::string& folder) {
  const std::string program = shell_quoted(options.program);
  if (const std::string prompt = example_prompt(run.data()); !prompt.empty()) {
    return fmt::format("{} generate {} --prompt {} --tokens 400", program, shell_quoted(folder), shell_quoted(prompt));
  }
  // The resolved configuration has all that the options of this command changed.
  const int seed = run.config().integer("train.seed") == 2 ? 3 : 2;
  const fs::path path = fs::path(folder).has_filename() ? fs::path(folder) : fs::path(folder).parent_path();
  return fmt::format("{} train {} --set train.seed={} --out {}", program, shell_quoted((path / "config.toml").string()),
                     seed, shell_quoted(fmt::format("{}_seed_{}", path.string(), seed)));
}

std::string resume_command(const TrainOptions& options, const std::string& folder) {
  const std::string path = folder.starts_with('-') ? "./" + folder : folder;
  const std::string isa = options.machine.isa.empty() ? "" : " --isa " + options.machine.isa;
  return fmt::format("{} train --resume {}{}", shell_quoted(options.program), shell_quoted(path), isa);
}

// What did not go as planned, in numbers.
std::string counted(const Run& run) {
  const TrainingState state = run.trainer().state();
  std::string text;
  const auto count = [&](int64_t number, std::string_view what) {
    if (number > 0) text += fmt::format("{}{} {}", text.empty() ? "counted: " : ", ", number, what);
  };
  const SkippedRows& bad = run.data().left_out.skipped;
  count(bad.count, fmt::format("rows left out, as something was wrong with them (the first: {})", bad.first));
  count(static_cast<int64_t>(state.skipped.size()), "batches left out");
  count(state.rewinds, "rewinds");
  count(state.undone_steps, "steps taken back by them");
  count(state.health.spikes, "spikes of the loss trained on");
  count(state.health.clipped_steps, "steps with a shortened gradient");
  return text.empty() ? "" : text + "\n";
}

std::string restored(const Run& run) {
  if (run.model_step() == run.trainer().steps_done()) return "";
  return fmt::format("model.safetensors is of step {}, which had the lowest validation loss\n", run.model_step());
}

std::string conclusion(const TrainOptions& options, const Run& run, const TrainingSummary& summary,
                       const std::string& folder, int signal) {
  const std::string result = describe_result(run.config(), run.data(), run.model(), summary);
  const bool interrupted = summary.stop_reason == StopReason::kInterrupted;
  return fmt::format(
      "{}{}stopped after {} steps in {}, with a loss of {:.6f}: {}\n"
      "saved in {}: model.safetensors, best.safetensors, checkpoints, summary.json, log.jsonl, config.toml\n{}"
      "{}: {}\n",
      result, result.empty() ? "" : "\n", summary.steps, human_time(summary.elapsed_s), summary.final_loss,
      in_words(summary.stop_reason, run.config(), signal), folder, restored(run) + counted(run),
      interrupted ? "to go on" : "next, for example",
      interrupted ? resume_command(options, folder) : next_command(options, run, folder));
}

[[noreturn]] void fail_bad_step(const TrainOptions& options, const Run& run, const TrainingSummary& summary,
                                const std::string& folder) {
  const std::string seen = summary.anomaly->text();
  if (summary.steps == 0) {  // no update yet: it cannot be the learning rate
    fail("train",
         "{}. The model is untrained: look at the data (are its values finite, and not too large?) and at the initial "
         "weights, which are saved in {}",
         seen, folder);
  }
  // The whole batch cannot be left out.
  const bool rewinds = run.config().text("health.on_spike") == "rewind";
  const bool batches = run.config().batch_size("train.batch_size").has_value() && !rewinds;
  fail("train",
       "{}. The weights of before that step are saved in {}. Try a lower optimizer.learning_rate or "
       "optimizer.clip_norm = 1{}",
       seen, folder,
       batches ? fmt::format("; or go on without that batch: {} --set health.on_spike=rewind",
                             resume_command(options, folder))
               : "");
}

// Of train.max_time_s, for this start; 0 for no limit.
double time_left(const Run& run) {
  if (!run.config().has("train.max_time_s")) return 0.0;
  return std::max(1e-9, run.config().real("train.max_time_s") - run.trainer().state().elapsed_s);
}

// Training, watched. A failure to print is kept until the model is saved.
class WatchedRun {
 public:
  WatchedRun(Run& run, bool quiet)
      : quiet_(quiet),
        steps_(run.trainer().planned_steps()),
        every_(run.config().integer("log.every")),
        progress_({.steps = steps_,
                   .done = run.trainer().steps_done(),
                   .max_time_s = time_left(run),
                   .tokens = run.config().text("data.kind") == "text",
                   .quiet = quiet}) {
    run.set_on_logged([this](const Run::Progress& logged) { on_logged(logged.record); });
    run.set_on_step([this](const StepRecord& record) { progress_.on_step(record); });
    run.set_on_event([this](const std::string& text) { say(text + "\n"); });
  }

  void say(const std::string& text) {
    if (quiet_ || failure_) return;
    progress_.clear();
    try {
      print(text);
    } catch (const Error&) {
      failure_ = std::current_exception();
    }
  }

  bool has_failed() const { return failure_ != nullptr; }
  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void on_logged(const StepRecord& record) {
    const bool few = (steps_ - 1) / every_ < kMostLogRows;
    const bool due = record.step % every_ == 0 || record.validation_loss;
    if (few && due) say(row(record, steps_));
  }

  bool quiet_;
  int64_t steps_, every_;
  Progress progress_;
  std::exception_ptr failure_;
};

// What the run would be, and whether its folder is free.
int plan_into(const TrainOptions& options, const Config& config, const std::string& folder) {
  const int code = plan(config);
  std::error_code error;
  const bool is_taken = fs::exists(folder, error) && !fs::is_empty(folder, error);
  if (is_taken && !options.overwrite && !options.resume) {
    print(fmt::format("\nthe folder {} is not empty: the run will need another --out, --overwrite or --resume\n",
                      folder));
  }
  return code;
}

}  // namespace

int train(const TrainOptions& given) {
  if (!given.seeds.empty() || given.folds > 0) return train_several(given);
  const TrainOptions options = with_resumed_run(given);
  const ConfigFile file = config_file(options.config, "train");
  Config config = make_config(options, file);
  prepare_machine({.isa = options.machine.isa, .threads = {}});
  const std::string folder = run_folder(options, file);
  if (options.dry_run) return plan_into(options, config, folder);
  if (options.overwrite) check_overwrite(file.path, folder);
  Interrupt interrupt;
  Run run(std::move(config), folder, run_options(options));
  interrupt.watch(run);
  WatchedRun watched(run, options.quiet);
  watched.say(introduction(run, run.trainer().planned_steps(), folder));
  const TrainingSummary summary = run.train();
  if (summary.anomaly) {
    watched.rethrow_failure();
    fail_bad_step(options, run, summary, folder);
  }
  watched.say("\n" + conclusion(options, run, summary, folder, interrupt.signal()));
  if (summary.stop_reason != StopReason::kInterrupted) {
    watched.rethrow_failure();
    return 0;
  }
  // Ctrl-C ends what reads our output too: what was asked for is done, and how to go on is said where it can be.
  if (watched.has_failed()) print_error(fmt::format("to go on: {}\n", resume_command(options, folder)));
  return 128 + interrupt.signal();
}

}  // namespace gradus::command
