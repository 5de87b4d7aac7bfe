// `gradus predict`: what a trained model says of each row of a table, or of each file.
#include <filesystem>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/train/experiment.h"
#include "gradus/train/prediction.h"

namespace gradus::command {
namespace fs = std::filesystem;
int predict(const PredictOptions& options) {
  std::error_code error;
  if (options.out && !options.overwrite && fs::exists(fs::symlink_status(*options.out, error))) {
    fail_usage("--out", "{} exists already, and is left as it is; name another file, or give --overwrite",
               *options.out);
  }
  if (options.files.empty() == options.data.empty()) {
    fail_usage("predict", "{}",
               options.files.empty() ? "there is nothing to predict; name FILEs, or give --data PATH"
                                     : "FILEs and --data do not go together; give one of them");
  }
  for (const std::string& path : options.files) {
    if (path.find_first_of("*?[") != std::string::npos || fs::exists(path, error)) continue;
    fail_usage(path, "there is no such file in {}; give files, or /dev/stdin for texts or rows from standard input",
               fs::current_path(error).string());
  }
  const std::vector<std::string>& inputs = options.files.empty() ? options.data : options.files;
  if (options.out) check_output(*options.out, files_of(inputs, "--data"));
  const std::string usual = options.files.empty() ? "csv" : "text";
  const std::string& format = options.format.empty() ? usual : options.format;
  prepare_machine(options.machine);
  const TrainedRun run = load(options.run, options.best ? Weights::kBest : Weights::kLast);
  std::optional<AtomicFile> file;
  if (options.out) file.emplace(*options.out);
  bool is_first = true;
  predict_files(run, inputs, [&](const Predictions& rows) {
    const std::string text = format == "text"    ? to_text(rows)
                             : format == "jsonl" ? to_jsonl(rows)
                                                 : to_csv(rows, is_first);
    is_first = false;
    file ? file->write(text) : print(text);
  });
  if (file) file->commit();
  return 0;
}

}  // namespace gradus::command
