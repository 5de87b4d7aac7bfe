// Which rows are trained on and which are held out: lists of row numbers, ascending.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradus {

// All of these are functions of their arguments alone. Rows are numbered from 0. A column has one value a row; classes
// and groups are told apart by any numbers. What is random goes by `seed`: a row comes the earlier, the smaller
// mix(key, row) is, with a key from the seed and the use.

/// Together all rows, and each in one of them.
struct Split {
  std::vector<int64_t> training, validation;
};

/// ⌊fraction · rows⌋, for `held` below. Throws a usage error unless `fraction` is from 0 to below 1.
int64_t rows_to_hold(int64_t rows, double fraction);

// Each holds out `held` rows, 0 to `rows`, which is a usage error otherwise.

/// At random. A larger `held` holds out what a smaller does and more.
Split split_at_random(int64_t rows, int64_t held, uint64_t seed);
/// The last.
Split split_in_order(int64_t rows, int64_t held);
/// Rows that lie evenly, so that both parts cover all of an ordered whole.
Split split_evenly(int64_t rows, int64_t held);
/// Those of the largest `times`, about `held`: all rows of a time are in the same part, and neither part is empty,
/// unless `held` is 0. As many times as bring the number of rows nearest to `held`; of two such numbers the smaller.
/// Throws where a time is not finite, and where all are equal.
Split split_by_time(std::span<const double> times, int64_t held);

/// At random, so many of each class that its part of those held out is that of the whole, to less than one row: the
/// whole parts of held · count / rows, and one more for the classes of the largest rests. Throws where a class has a
/// single row, or either part would have fewer rows than there are classes.
Split split_by_class(std::span<const int64_t> classes, int64_t held, uint64_t seed);

/// Whole groups at random, about `held` rows: of the groups in random order, each that brings the number of rows nearer
/// to `held`. Neither part is empty. Throws where there are fewer than two groups, or none is small enough.
Split split_by_group(std::span<const int64_t> groups, int64_t held, uint64_t seed);

/// `count` of these rows, drawn by the same random order as `split_at_random` has; those of a smaller `count` are among
/// those of a larger. Throws a usage error unless `count` is from 0 to their number, here and below.
std::vector<int64_t> draw_rows(std::span<const int64_t> rows, int64_t count, uint64_t seed);
/// `count` of these rows that lie evenly among them.
std::vector<int64_t> spaced_rows(std::span<const int64_t> rows, int64_t count);

struct FoldOptions {
  int64_t folds = 5;    ///< From 2 on.
  bool shuffle = true;  ///< Whether chance decides which rows come together, or their order alone.
  uint64_t seed = 0;    ///< Of the shuffling.
};

/// For each fold the rows that it holds out: every row is in exactly one.
using Folds = std::vector<std::vector<int64_t>>;

/// Holds out one of the folds, and trains on all others.
Split split_of_fold(const Folds& folds, int64_t fold);

/// Folds whose sizes differ by 1 at most, larger ones first: without shuffling, rows that stand together. Throws a
/// usage error where there are fewer rows than folds.
Folds k_fold(int64_t rows, const FoldOptions& options = {});

/// Folds whose sizes differ by 1 at most, and their numbers of rows of each class too. Without shuffling, those of a
/// class in a fold stand together among all of the class. Throws where a class has fewer rows than there are folds.
Folds stratified_k_fold(std::span<const int64_t> classes, const FoldOptions& options = {});

/// Folds of whole groups, of about equal sizes: the groups by falling size, each into the fold that has the fewest rows
/// yet. Groups of equal size stand in the order of their first rows, or in random order. Throws where there are fewer
/// groups than folds.
Folds group_k_fold(std::span<const int64_t> groups, const FoldOptions& options = {});

/// `repeats` (1 or more) times `k_fold`, each shuffled anew; the first is `k_fold` itself. A usage error without
/// shuffling.
std::vector<Folds> repeated_k_fold(int64_t rows, int64_t repeats, const FoldOptions& options = {});
/// The same of `stratified_k_fold`.
std::vector<Folds> repeated_stratified_k_fold(std::span<const int64_t> classes, int64_t repeats,
                                              const FoldOptions& options = {});

}  // namespace gradus
