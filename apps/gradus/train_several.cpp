// `gradus train --seeds` and `--folds`: one configuration, several runs, and how far they lie apart.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "apps/gradus/config_file.h"
#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/train/run_summary.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

// Mean and standard deviation, with n − 1, over the runs.
std::string spread_of(const std::vector<Measures>& runs, size_t column) {
  double mean = 0.0, squares = 0.0;
  const double count = static_cast<double>(runs.size());
  for (const Measures& run : runs) mean += run[column].second / count;
  for (const Measures& run : runs) squares += std::pow(run[column].second - mean, 2);
  return runs.size() < 2 ? fmt::format("{:.6g}", mean)
                         : fmt::format("{:.6g} ± {:.2g}", mean, std::sqrt(squares / (count - 1.0)));
}

// What the runs differ by, and which there are.
struct Variants {
  std::string name;  // "seed", "fold"
  std::vector<int64_t> numbers;
};

std::string table_of(const Variants& variants, const std::vector<Measures>& runs) {
  std::string text = fmt::format("\n{:<18}", "");
  for (const int64_t number : variants.numbers) {
    text += fmt::format("{:>14}", fmt::format("{} {}", variants.name, number));
  }
  text += fmt::format("   {}\n", "mean ± deviation");
  for (size_t column = 0; column < runs[0].size(); ++column) {
    const std::string& name = runs[0][column].first;
    const bool everywhere = std::all_of(runs.begin(), runs.end(), [&](const Measures& run) {
      return column < run.size() && run[column].first == name;
    });
    if (!everywhere) continue;
    text += fmt::format("{:<18}", name);
    for (const Measures& run : runs) text += fmt::format("{:>14.6g}", run[column].second);
    text += fmt::format("   {}\n", spread_of(runs, column));
  }
  return text;
}

void check_seeds(const TrainOptions& o) {
  if (o.seed) fail_usage("--seed", "and --seeds do not go together; give one of them");
  for (const std::string& set : o.set) {
    if (set.starts_with("train.seed=")) fail_usage("--set", "{} and --seeds do not go together; leave it out", set);
  }
  for (size_t i = 0; i < o.seeds.size(); ++i) {
    if (std::find(o.seeds.begin(), o.seeds.begin() + static_cast<int64_t>(i), o.seeds[i]) !=
        o.seeds.begin() + static_cast<int64_t>(i)) {
      fail_usage("--seeds", "has {} twice", o.seeds[i]);
    }
  }
}

Variants variants_of(const TrainOptions& o) {
  if (o.folds == 0) {
    check_seeds(o);
    return {"seed", o.seeds};
  }
  if (!o.seeds.empty()) fail_usage("--folds", "and --seeds do not go together; give one of them");
  Variants folds{"fold", {}};
  for (int64_t i = 0; i < o.folds; ++i) folds.numbers.push_back(i);
  return folds;
}

void check(const TrainOptions& o, const std::string& option) {
  if (o.dry_run) fail_usage(option, "has no dry run of its own; leave it out, since all runs need the same");
  if (o.resume && !o.resume->empty()) {
    fail_usage("--resume", "takes no RUN with {}; give CONFIG and --out as before", option);
  }
}

// The options of one of the runs.
TrainOptions one_of(const TrainOptions& options, const Variants& variants, int64_t number, const fs::path& base) {
  TrainOptions one = options;
  one.seeds.clear();
  one.folds = 0;
  if (variants.name == "seed") {
    one.seed = number;
  } else {
    one.set.push_back(fmt::format("data.folds={}", variants.numbers.size()));
    one.set.push_back(fmt::format("data.fold={}", number));
  }
  one.out = (base / fmt::format("{}_{}", variants.name, number)).string();
  one.quiet = true;
  return one;
}

}  // namespace

int train_several(const TrainOptions& options) {
  Variants variants = variants_of(options);
  const std::string option = fmt::format("--{}s", variants.name);
  check(options, option);
  const fs::path base = run_folder(options, config_file(options.config, "train"));
  std::vector<Measures> runs;
  std::vector<int64_t> ended, failed;
  for (const int64_t number : variants.numbers) {
    const TrainOptions one = one_of(options, variants, number, base);
    try {
      if (const int code = train(one); code != 0) {
        print(fmt::format("{} {} was interrupted; the same command with --resume goes on with all of them\n",
                          variants.name, number));
        return code;
      }
    } catch (const Error& error) {
      // That some diverge is what one wants to know; an error of usage is that of all.
      if (error.kind() == ErrorKind::kUsage) throw;
      print(fmt::format("{} {}: {}\n", variants.name, number, error.what()));
      failed.push_back(number);
      continue;
    }
    runs.push_back(read_summary(*one.out)->measures);
    ended.push_back(number);
    if (!options.quiet) print(fmt::format("{} {}: {}\n", variants.name, number, *one.out));
  }
  const size_t all = variants.numbers.size();
  variants.numbers = ended;
  if (!runs.empty()) print(table_of(variants, runs));
  if (failed.empty()) return 0;
  fail(option, "{} of {} runs did not come to their end: {}; what they met stands above", failed.size(), all,
       fmt::join(failed, ", "));
}

}  // namespace gradus::command
