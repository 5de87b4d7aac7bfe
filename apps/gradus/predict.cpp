// `gradus predict`: what a trained model says of each row of a table.
#include <filesystem>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/train/prediction.h"

namespace gradus::command {
namespace fs = std::filesystem;
int predict(const PredictOptions& options) {
  std::error_code error;
  if (options.out && !options.overwrite && fs::exists(fs::symlink_status(*options.out, error))) {
    fail_usage("--out", "{} exists already, and is left as it is; name another file, or give --overwrite",
               *options.out);
  }
  prepare_machine(options.machine);
  const TrainedRun run = load(options.run, options.best ? Weights::kBest : Weights::kLast);
  const Predictions predictions = predict_files(run, options.data);
  const std::string text = options.format == "jsonl" ? to_jsonl(predictions) : to_csv(predictions);
  if (options.out) {
    write_file(*options.out, text);
  } else {
    print(text);
  }
  return 0;
}

}  // namespace gradus::command
