// `gradus predict`: what a trained model says of each row of a table.
#include <filesystem>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/data/csv.h"
#include "gradus/train/prediction.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

Table read_rows(const TrainedRun& run, const std::vector<std::string>& paths) {
  if (run.config().text("data.kind") == "csv") return read_tables(run.config(), paths);
  const std::vector<std::string> files = files_of(paths, "--data");
  Table table = read_csv(files[0]);
  for (size_t i = 1; i < files.size(); ++i) table.append(read_csv(files[i]));
  return table;
}

}  // namespace

int predict(const PredictOptions& options) {
  std::error_code error;
  if (options.out && !options.overwrite && fs::exists(fs::symlink_status(*options.out, error))) {
    fail_usage("--out", "{} exists already, and is left as it is; name another file, or give --overwrite",
               *options.out);
  }
  prepare_machine(options.machine);
  const TrainedRun run = load(options.run, options.best ? Weights::kBest : Weights::kLast);
  const Predictions predictions = gradus::predict(run, read_rows(run, options.data));
  const std::string text = options.format == "jsonl" ? to_jsonl(predictions) : to_csv(predictions);
  if (options.out) {
    write_file(*options.out, text);
  } else {
    print(text);
  }
  return 0;
}

}  // namespace gradus::command
