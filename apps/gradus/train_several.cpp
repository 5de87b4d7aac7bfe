// `gradus train --seeds` and `--folds`: one configuration, several runs, and how far they lie apart.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

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

// One of the runs.
struct Variant {
  std::string name;  // "seed 1", "fold 0", "seed 1 fold 0"
  std::optional<int64_t> seed = {}, fold = {};

  std::string folder() const {
    std::string text = name;
    std::replace(text.begin(), text.end(), ' ', '_');
    return text;
  }
};

std::string table_of(const std::vector<std::string>& names, const std::vector<Measures>& runs) {
  constexpr size_t kMostShown = 10;
  const bool shows_each = runs.size() <= kMostShown;
  std::string text = fmt::format("\n{:<18}", "");
  if (shows_each) {
    for (const std::string& name : names) text += fmt::format("{:>14}", name);
  }
  text += fmt::format("   mean ± deviation{}\n", shows_each ? "" : fmt::format(" of {} runs", runs.size()));
  for (size_t column = 0; column < runs[0].size(); ++column) {
    const std::string& name = runs[0][column].first;
    const bool everywhere = std::all_of(runs.begin(), runs.end(), [&](const Measures& run) {
      return column < run.size() && run[column].first == name;
    });
    if (!everywhere) continue;
    text += fmt::format("{:<18}", name);
    for (const Measures& run : runs) {
      if (shows_each) text += fmt::format("{:>14.6g}", run[column].second);
    }
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

// For each seed, or the configuration's own, each fold, or the configuration's own.
std::vector<Variant> variants_of(const TrainOptions& o) {
  if (!o.seeds.empty()) check_seeds(o);
  std::vector<Variant> all(1);
  if (!o.seeds.empty()) {
    all.clear();
    for (const int64_t seed : o.seeds) all.push_back({fmt::format("seed {}", seed), seed});
  }
  if (o.folds == 0) return all;
  std::vector<Variant> folds;
  for (const Variant& variant : all) {
    for (int64_t fold = 0; fold < o.folds; ++fold) {
      const std::string name = fmt::format("{}{}fold {}", variant.name, variant.name.empty() ? "" : " ", fold);
      folds.push_back({name, variant.seed, fold});
    }
  }
  return folds;
}

void check(const TrainOptions& o, const std::string& option) {
  if (o.dry_run) fail_usage(option, "has no dry run of its own; leave it out, since all runs need the same");
  if (o.resume && !o.resume->empty()) {
    fail_usage("--resume", "takes no RUN with {}; give CONFIG and --out as before", option);
  }
}

// The options of one of the runs.
TrainOptions one_of(const TrainOptions& options, const Variant& variant, const fs::path& base) {
  TrainOptions one = options;
  one.seeds.clear();
  one.folds = 0;
  if (variant.seed) one.seed = variant.seed;
  if (variant.fold) {
    for (const std::string& key :
         {fmt::format("data.folds={}", options.folds), fmt::format("data.fold={}", *variant.fold)}) {
      one.set.push_back(key);
      one.typed.emplace(key, fmt::format("--folds {}", options.folds));
    }
  }
  one.out = (base / variant.folder()).string();
  one.quiet = true;
  return one;
}

}  // namespace

int train_several(const TrainOptions& options) {
  const std::vector<Variant> variants = variants_of(options);
  const std::string option = options.folds > 0 ? "--folds" : "--seeds";
  check(options, option);
  const fs::path base = run_folder(options, config_file(options.config, "train"));
  std::vector<Measures> runs;
  std::vector<std::string> ended, failed;
  for (const Variant& variant : variants) {
    const TrainOptions one = one_of(options, variant, base);
    try {
      if (const int code = train(one); code != 0) {
        print(
            fmt::format("{} was interrupted; the same command with --resume goes on with all of them\n", variant.name));
        return code;
      }
    } catch (const Error& error) {
      // That some diverge is what one wants to know; an error of usage is that of all.
      if (error.kind() == ErrorKind::kUsage) throw;
      print(fmt::format("{}: {}\n", variant.name, error.what()));
      failed.push_back(variant.name);
      continue;
    }
    runs.push_back(read_summary(*one.out)->measures);
    ended.push_back(variant.name);
    if (!options.quiet) print(fmt::format("{}: {}\n", variant.name, *one.out));
  }
  if (!runs.empty()) print(table_of(ended, runs));
  if (failed.empty()) return 0;
  fail(option, "{} of {} runs did not come to their end: {}; what they met stands above", failed.size(),
       variants.size(), fmt::join(failed, ", "));
}

}  // namespace gradus::command
