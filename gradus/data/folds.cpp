// The folds of split.h.
#include <algorithm>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/data/rows.h"
#include "gradus/data/split.h"

namespace gradus {
namespace {

constexpr const char* kFolds = "folds";

uint64_t key_of(const FoldOptions& options, int64_t repeat) {
  return mix(mix(options.seed, hash_name("data.folds")), static_cast<uint64_t>(repeat));
}

size_t count_of(const FoldOptions& options, int64_t rows) {
  if (options.folds < 2 || options.folds > rows) {
    fail_usage(kFolds, "{} folds of {} rows; expected 2 or more, and a row for each", options.folds, rows);
  }
  return static_cast<size_t>(options.folds);
}

Folds ascending(Folds folds) {
  for (std::vector<int64_t>& rows : folds) std::sort(rows.begin(), rows.end());
  return folds;
}

Folds folds_of_rows(int64_t rows, const FoldOptions& options, int64_t repeat) {
  const size_t count = count_of(options, rows);
  std::vector<int64_t> all(static_cast<size_t>(rows));
  std::iota(all.begin(), all.end(), int64_t{0});
  if (options.shuffle) shuffle_rows(all, key_of(options, repeat));
  Folds folds(count);
  auto begin = all.begin();
  for (size_t fold = 0; fold < count; ++fold) {
    const auto end = begin + static_cast<int64_t>(all.size() / count + (fold < all.size() % count ? 1 : 0));
    folds[fold].assign(begin, end);
    begin = end;
  }
  return ascending(std::move(folds));
}

// With all rows in a line, class by class, every k-th is a fold's: that makes the numbers even, of each class and
// altogether. Which rows of a class they are goes by their order.
Folds folds_of_classes(std::span<const int64_t> classes, const FoldOptions& options, int64_t repeat) {
  const size_t count = count_of(options, static_cast<int64_t>(classes.size()));
  Folds folds(count);
  size_t line = 0;  // the place in line of the class's first row
  for (const RowGroup& own : row_groups(classes)) {
    if (own.rows.size() < count) {
      fail(kFolds, "class {} has {} rows for {} folds; expected at least one a fold", own.number, own.rows.size(),
           count);
    }
    std::vector<int64_t> rows = own.rows;
    if (options.shuffle) shuffle_rows(rows, key_of(options, repeat));
    auto next = rows.begin();
    for (size_t fold = 0; fold < count; ++fold) {
      const size_t first = (fold + count - line % count) % count;  // of the class, the first that is this fold's
      const auto end = next + static_cast<int64_t>((rows.size() - first + count - 1) / count);
      folds[fold].insert(folds[fold].end(), next, end);
      next = end;
    }
    line += rows.size();
  }
  return ascending(std::move(folds));
}

void check_repeats(int64_t repeats, const FoldOptions& options) {
  if (repeats < 1) fail_usage(kFolds, "{} repeats; expected 1 or more", repeats);
  if (!options.shuffle) fail_usage(kFolds, "repeats without shuffling would all be the same; set shuffle");
}

}  // namespace

Split split_of_fold(const Folds& folds, int64_t fold) {
  if (fold < 0 || fold >= static_cast<int64_t>(folds.size())) {
    fail_usage(kFolds, "fold {} of {}; expected 0 to {}", fold, folds.size(), static_cast<int64_t>(folds.size()) - 1);
  }
  Split split;
  for (size_t i = 0; i < folds.size(); ++i) {
    std::vector<int64_t>& part = static_cast<int64_t>(i) == fold ? split.validation : split.training;
    part.insert(part.end(), folds[i].begin(), folds[i].end());
  }
  std::sort(split.training.begin(), split.training.end());
  return split;
}

Folds k_fold(int64_t rows, const FoldOptions& options) { return folds_of_rows(rows, options, 0); }

Folds stratified_k_fold(std::span<const int64_t> classes, const FoldOptions& options) {
  return folds_of_classes(classes, options, 0);
}

Folds group_k_fold(std::span<const int64_t> groups, const FoldOptions& options) {
  const size_t count = count_of(options, static_cast<int64_t>(groups.size()));
  std::vector<RowGroup> all = row_groups(groups);
  if (all.size() < count) fail(kFolds, "{} groups for {} folds; expected at least one a fold", all.size(), count);
  if (options.shuffle) shuffle_groups(all, key_of(options, 0));
  std::stable_sort(all.begin(), all.end(),
                   [](const RowGroup& a, const RowGroup& b) { return a.rows.size() > b.rows.size(); });
  Folds folds(count);
  for (const RowGroup& group : all) {
    const auto smallest =
        std::min_element(folds.begin(), folds.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    smallest->insert(smallest->end(), group.rows.begin(), group.rows.end());
  }
  return ascending(std::move(folds));
}

std::vector<Folds> repeated_k_fold(int64_t rows, int64_t repeats, const FoldOptions& options) {
  check_repeats(repeats, options);
  std::vector<Folds> all;
  for (int64_t repeat = 0; repeat < repeats; ++repeat) all.push_back(folds_of_rows(rows, options, repeat));
  return all;
}

std::vector<Folds> repeated_stratified_k_fold(std::span<const int64_t> classes, int64_t repeats,
                                              const FoldOptions& options) {
  check_repeats(repeats, options);
  std::vector<Folds> all;
  for (int64_t repeat = 0; repeat < repeats; ++repeat) all.push_back(folds_of_classes(classes, options, repeat));
  return all;
}

}  // namespace gradus
