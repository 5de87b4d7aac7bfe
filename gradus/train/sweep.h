// A sweep: one configuration trained with many values of some keys. Here: which trials there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gradus/train/config.h"

namespace gradus {

/// Numbers between two ends.
struct SweptRange {
  double low = 0.0, high = 1.0;  ///< Both belong to it; low < high, and above 0 where `is_log`.
  bool is_log = false;           ///< Even in the logarithm.
  bool is_integer = false;       ///< Whole numbers only.
  int64_t points = 0;            ///< For a grid: so many of them, the ends included, at even distances. 0: no grid.
};

/// A key and what it is to be.
struct SweptKey {
  std::string name;                 ///< As in `--set`: "optimizer.learning_rate".
  std::string where;                ///< That it is given at: a place in a file, or an option with its value.
  std::vector<std::string> values;  ///< As in `--set`; empty for a range.
  std::optional<SweptRange> range;
};

/// What the command line says of a sweep; it holds before what the file says.
struct SweepRequest {
  std::vector<std::string> grid = {};    ///< `KEY=v1,v2,…` or `KEY=low..high:points`, with `:log` or `:integer`.
  std::vector<std::string> random = {};  ///< `KEY=low..high`, with `:log` or `:integer`; or `KEY=v1,v2,…`.
  std::optional<int64_t> trials = {};    ///< `sweep.trials`.
  std::optional<std::string> metric = {};
};

/// One combination.
struct Trial {
  int64_t number = 1;
  std::vector<std::pair<std::string, Value>> values;  ///< By key, in the order of the keys.
  Config config;                                      ///< The base with these values.

  /// "trial-0001": the run's folder in that of the sweep, and the stem of its configuration.
  std::string name() const;
  /// How many folds it is trained on; 0 for a single run. All of `data.folds` where no `data.fold` is given.
  int64_t folds() const;
};

struct Sweep {
  std::vector<SweptKey> keys;
  std::vector<Trial> trials;
  std::string metric;
  bool is_maximized = false;
};

/// The trials that [sweep] of `base` and the command line ask for. Every combination is checked; usage errors say which
/// trial and where. A random value is a function of the base's `train.seed`, the key and the trial's number alone, so a
/// longer search begins with the shorter one. In a grid the last key changes fastest.
Sweep make_sweep(const Config& base, const SweepRequest& request = {});

/// "optimizer.learning_rate = 0.1, train.batch_size = 32".
std::string values_text(const Trial& trial);

}  // namespace gradus
