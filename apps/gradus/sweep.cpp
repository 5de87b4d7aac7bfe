// `gradus sweep`: trials of a configuration as processes of their own, several at once, and a table of them all.
#include "gradus/train/sweep.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <thread>

#include "apps/gradus/children.h"
#include "apps/gradus/config_file.h"
#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/folders.h"
#include "gradus/base/threads.h"
#include "gradus/train/memory.h"
#include "gradus/train/sweep_plan.h"
#include "gradus/train/sweep_result.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

// Where a sweep goes: --out, or sweeps/<name of the file>. A name that begins with - would be an option of the trials.
fs::path sweep_folder(const TrainOptions& options, const ConfigFile& file) {
  const fs::path out = options.out ? fs::path(*options.out) : fs::path("sweeps") / fs::path(file.path).stem();
  return out.native().starts_with('-') ? "." / out : out;
}

// A process that outlived a sweep which was killed saves its run first.
void wait_for_holder(const fs::path& run) {
  constexpr auto kOften = std::chrono::milliseconds(50);
  constexpr double kLongest_s = 20.0;
  const Clock::time_point start = Clock::now();
  while (FolderLock::holder(run) && seconds_since(start) < kLongest_s) std::this_thread::sleep_for(kOften);
}

// The trials' processes and what comes of them.
class RunningSweep {
 public:
  RunningSweep(const SweepOptions& options, const Sweep& sweep, const fs::path& out, const SweepShare& share)
      : options_(options), sweep_(sweep), out_(out), share_(share), started_(sweep.trials.size()) {
    for (const Trial& trial : sweep.trials) results_.push_back(read_result(trial, sweep.metric, out));
  }

  const std::vector<TrialResult>& results() const { return results_; }
  int64_t waiting() const { return std::ranges::count(results_, TrialStatus::kWaiting, &TrialResult::status); }

  /// The signal that ended it, or 0.
  int run() {
    std::vector<std::vector<std::string>> jobs;
    for (size_t i = 0; i < results_.size(); ++i) {
      if (results_[i].status != TrialStatus::kWaiting) continue;
      jobs.push_back(arguments_of(sweep_.trials[i]));
      places_.push_back(i);
    }
    check_metric_is_there();
    return run_children(
        jobs, share_.jobs, [this](size_t job) { on_start(places_[job]); },
        [this](const ChildEnd& end) { on_end(places_[end.job], end); });
  }

  void say(const std::string& text) {
    if (options_.training.quiet || options_.json || failure_) return;
    try {
      print(text);
    } catch (const Error&) {
      failure_ = std::current_exception();  // the trials go on
    }
  }
  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::vector<std::string> arguments_of(const Trial& trial) const {
    std::vector<std::string> words = {"train",     (out_ / (trial.name() + ".toml")).string(),
                                      "--out",     (out_ / trial.name()).string(),
                                      "--threads", std::to_string(share_.threads),
                                      "--quiet",   "--resume"};
    if (trial.folds() > 0) words.insert(words.begin() + 2, {"--folds", std::to_string(trial.folds())});
    const std::string& isa = options_.training.machine.isa;
    if (!isa.empty()) words.insert(words.begin() + 2, {"--isa", isa});
    return words;
  }

  void on_start(size_t place) {
    for (const fs::path& run : run_folders(sweep_.trials[place], out_)) wait_for_holder(run);
    started_[place] = Clock::now();
  }

  void on_end(size_t place, const ChildEnd& end) {
    const Trial& trial = sweep_.trials[place];
    TrialResult result = read_result(trial, sweep_.metric, out_);
    const bool was_stopped = end.exit_code == 128 + SIGINT || end.exit_code == 128 + SIGTERM;
    if (result.status == TrialStatus::kWaiting && !was_stopped) {
      result.status = TrialStatus::kFailed;
      result.reason = reason_of(end);
    }
    results_[place] = result;
    const std::string came = result.value ? fmt::format("{} {:.6g}", sweep_.metric, *result.value)
                                          : fmt::format("{} {}", name_of(result.status), result.reason);
    if (result.status != TrialStatus::kWaiting) {
      say(fmt::format("trial {} of {}: {}  ({}; {:.1f} s)\n", trial.number, results_.size(), came, values_text(trial),
                      seconds_since(started_[place])));
    }
    check_metric_is_there();
  }

  static std::string reason_of(const ChildEnd& end) {
    if (end.exit_code > 128) {
      return fmt::format("its process was ended by signal {}{}", end.exit_code - 128,
                         end.exit_code == 128 + SIGKILL ? "; there may have been too little memory" : "");
    }
    std::string text = end.errors.substr(end.errors.starts_with("gradus: ") ? 8 : 0);
    while (text.ends_with('\n')) text.pop_back();
    std::ranges::replace(text, '\n', ' ');
    return text.empty() ? fmt::format("its process ended with exit code {}", end.exit_code) : text;
  }

  // A name that the first trials do not have is none that the others will.
  void check_metric_is_there() const {
    const bool is_there = std::ranges::any_of(results_, [](const TrialResult& r) { return r.value.has_value(); });
    const auto without = std::ranges::find(results_, TrialStatus::kDone, &TrialResult::status);
    if (is_there || without == results_.end()) return;
    fail_usage("sweep.metric", "trial {} has no number to compare: {}; choose one, for example with --metric",
               sweep_.trials[static_cast<size_t>(without - results_.begin())].number, without->reason);
  }

  const SweepOptions& options_;
  const Sweep& sweep_;
  fs::path out_;
  SweepShare share_;
  std::vector<TrialResult> results_;
  std::vector<Clock::time_point> started_;
  std::vector<size_t> places_;  // of the jobs among the trials
  std::exception_ptr failure_;
};

std::string introduction(const Sweep& sweep, const SweepShare& share, int64_t waiting, const fs::path& out) {
  const int64_t all = static_cast<int64_t>(sweep.trials.size());
  return fmt::format("{} trials{}, {} at once with {} thread{} each; {} is to be {}; folder {}\n", all,
                     waiting < all ? fmt::format(", of which {} are done", all - waiting) : "", share.jobs,
                     share.threads, share.threads == 1 ? "" : "s", sweep.metric, sweep.is_maximized ? "large" : "small",
                     out.string());
}

std::string plan_table(const Sweep& sweep, const std::vector<int64_t>& bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    text +=
        fmt::format("  {}  {:>12}  {}\n", sweep.trials[i].name(), megabytes(bytes[i]), values_text(sweep.trials[i]));
  }
  return text;
}

std::string conclusion(const SweepOptions& options, const Sweep& sweep, const std::vector<TrialResult>& results,
                       const fs::path& out) {
  const size_t best = *best_of(sweep, results);
  const int64_t folds = sweep.trials[best].folds();
  return fmt::format(
      "\n{}\nbest: trial {}, {} = {:.6g}: {}\nsaved in {}: best.toml, sweep.csv, sweep.json, and the "
      "run of each trial\nnext, for example: {} train {}{}\n",
      sweep_table(sweep, results), sweep.trials[best].number, sweep.metric, *results[best].value,
      values_text(sweep.trials[best]), out.string(), shell_quoted(options.training.program),
      shell_quoted((out / "best.toml").string()), folds > 0 ? fmt::format(" --folds {}", folds) : "");
}

}  // namespace

int sweep(const SweepOptions& options) {
  const TrainOptions& training = options.training;
  const ConfigFile file = config_file(training.config, "sweep");
  prepare_machine(training.machine);
  TrainOptions without_threads = training;  // those are for all trials together
  without_threads.machine.threads = {};
  const Sweep sweep = make_sweep(make_config(without_threads, file), options.request);
  const fs::path out = sweep_folder(training, file);
  const int64_t limit = memory_limit_bytes();
  const std::vector<int64_t> bytes =
      plan_memory(sweep, limit, training.dry_run ? RowCaches::kUnnamed : RowCaches::kKept);
  const SweepShare share = share_out(options.jobs, threads(), bytes, limit);
  if (training.dry_run) {
    print(introduction(sweep, share, static_cast<int64_t>(bytes.size()), out) + plan_table(sweep, bytes));
    return 0;
  }
  write_trials(sweep, out);
  const FolderLock lock(out);
  RunningSweep running(options, sweep, out, share);
  check_data(sweep, running.results(), out);
  running.say(introduction(sweep, share, running.waiting(), out));
  const int signal = running.run();
  write_results(sweep, running.results(), out);
  if (running.waiting() > 0) {
    const size_t all = bytes.size();
    running.say(fmt::format("\n{} of {} trials are done; {}/sweep.csv has them\nto go on: {}\n",
                            all - static_cast<size_t>(running.waiting()), all, out.string(), options.command));
    return 128 + (signal != 0 ? signal : SIGTERM);
  }
  if (!best_of(sweep, running.results())) {
    running.say("\n" + sweep_table(sweep, running.results()));
    fail("sweep", "none of {} trials came to a {}; {} says why", bytes.size(), sweep.metric,
         (out / "sweep.csv").string());
  }
  running.say(conclusion(options, sweep, running.results(), out));
  if (options.json) print(sweep_json(sweep, running.results()));
  running.rethrow_failure();
  return 0;
}

}  // namespace gradus::command
