#include "gradus/data/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/data/rows.h"

namespace gradus {
namespace {

using Rows = std::vector<int64_t>;

constexpr const char* kSplit = "split";

Rows rows_until(int64_t end) {
  Rows rows(static_cast<size_t>(end));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

uint64_t key_of(uint64_t seed) { return mix(seed, hash_name("data.validation")); }

// The first `count` of these rows in random order, as a set.
Rows drawn_of(Rows rows, int64_t count, uint64_t seed) {
  keep_first_rows(rows, count, key_of(seed));
  return rows;
}

void check_count(int64_t count, int64_t rows, const char* what) {
  if (count < 0 || count > rows) fail_usage(kSplit, "{} rows to {}, of {}; expected 0 to {}", count, what, rows, rows);
}

// Holds out these rows, in any order.
Split without(int64_t rows, Rows held) {
  std::sort(held.begin(), held.end());
  Split split{.training = {}, .validation = std::move(held)};
  split.training.reserve(static_cast<size_t>(rows) - split.validation.size());
  auto next = split.validation.begin();
  for (int64_t row = 0; row < rows; ++row) {
    if (next != split.validation.end() && *next == row) {
      ++next;
    } else {
      split.training.push_back(row);
    }
  }
  return split;
}

// How many rows of each class, so that they are `held` together: by the largest rests.
std::vector<int64_t> shares(const std::vector<RowGroup>& classes, int64_t held, int64_t rows) {
  std::vector<int64_t> counts;
  std::vector<std::pair<int64_t, size_t>> rests;  // negative, so that the largest comes first
  int64_t missing = held;
  for (const RowGroup& own : classes) {
    const auto product = static_cast<__int128_t>(held) * static_cast<int64_t>(own.rows.size());
    counts.push_back(static_cast<int64_t>(product / rows));
    rests.emplace_back(-static_cast<int64_t>(product % rows), rests.size());
    missing -= counts.back();
  }
  std::sort(rests.begin(), rests.end());
  for (int64_t i = 0; i < missing; ++i) ++counts[rests[static_cast<size_t>(i)].second];
  return counts;
}

}  // namespace

int64_t rows_to_hold(int64_t rows, double fraction) {
  if (!(fraction >= 0.0 && fraction < 1.0)) {
    fail_usage(kSplit, "the fraction to hold out is {}; expected a number from 0 to below 1", fraction);
  }
  return static_cast<int64_t>(std::floor(fraction * static_cast<double>(rows)));
}

Split split_at_random(int64_t rows, int64_t held, uint64_t seed) {
  check_count(held, rows, "hold out");
  return without(rows, drawn_of(rows_until(rows), held, seed));
}

Split split_in_order(int64_t rows, int64_t held) {
  check_count(held, rows, "hold out");
  Rows last(static_cast<size_t>(held));
  std::iota(last.begin(), last.end(), rows - held);
  return without(rows, std::move(last));
}

Split split_evenly(int64_t rows, int64_t held) {
  check_count(held, rows, "hold out");
  return without(rows, spaced_rows(rows_until(rows), held));
}

Split split_by_time(std::span<const double> times, int64_t held) {
  const auto rows = static_cast<int64_t>(times.size());
  check_count(held, rows, "hold out");
  for (size_t i = 0; i < times.size(); ++i) {
    if (!std::isfinite(times[i])) fail(kSplit, "the time of row {} is {}; expected a finite number", i, times[i]);
  }
  if (held == 0) return without(rows, {});
  const auto time = [&](int64_t row) { return times[static_cast<size_t>(row)]; };
  Rows order = rows_until(rows);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return time(a) > time(b); });
  size_t best = 0;  // rows before the place that is nearest to `held` and has other times on either side
  for (size_t i = 1; i < order.size(); ++i) {
    if (time(order[i - 1]) == time(order[i])) continue;
    const auto away = [&](size_t count) { return std::abs(static_cast<int64_t>(count) - held); };
    if (best == 0 || away(i) < away(best)) best = i;
  }
  if (best == 0) {
    fail(kSplit, "all {} rows have the same time, so that none are later than others; expected two times or more",
         rows);
  }
  order.resize(best);
  return without(rows, std::move(order));
}

Split split_by_class(std::span<const int64_t> classes, int64_t held, uint64_t seed) {
  const auto rows = static_cast<int64_t>(classes.size());
  check_count(held, rows, "hold out");
  const std::vector<RowGroup> groups = row_groups(classes);
  const auto least = static_cast<int64_t>(groups.size());
  if (held < least || rows - held < least) {
    fail_usage(kSplit, "{} of {} rows to hold out; with {} classes expected {} to {}, one of each class in either part",
               held, rows, least, least, rows - least);
  }
  for (const RowGroup& own : groups) {
    if (own.rows.size() < 2) {
      fail(kSplit, "class {} has a single row, {}; expected two or more, for a part of each class in either part",
           own.number, own.rows[0]);
    }
  }
  const std::vector<int64_t> counts = shares(groups, held, rows);
  Rows validation;
  for (size_t c = 0; c < groups.size(); ++c) {
    const Rows drawn = drawn_of(groups[c].rows, counts[c], seed);
    validation.insert(validation.end(), drawn.begin(), drawn.end());
  }
  return without(rows, std::move(validation));
}

Split split_by_group(std::span<const int64_t> groups, int64_t held, uint64_t seed) {
  const auto rows = static_cast<int64_t>(groups.size());
  check_count(held, rows, "hold out");
  std::vector<RowGroup> all = row_groups(groups);
  if (all.size() < 2) fail(kSplit, "{} groups; expected two or more, so that either part has one", all.size());
  shuffle_groups(all, key_of(seed));
  Rows validation;
  int64_t smallest = rows;
  for (const RowGroup& group : all) {
    const auto size = static_cast<int64_t>(group.rows.size()), now = static_cast<int64_t>(validation.size());
    smallest = std::min(smallest, size);
    if (now + size == rows || std::abs(now + size - held) >= std::abs(now - held)) continue;
    validation.insert(validation.end(), group.rows.begin(), group.rows.end());
  }
  if (validation.empty()) {
    fail(kSplit, "{} of {} rows to hold out, but the smallest group has {}; hold out more", held, rows, smallest);
  }
  return without(rows, std::move(validation));
}

std::vector<int64_t> draw_rows(std::span<const int64_t> rows, int64_t count, uint64_t seed) {
  check_count(count, static_cast<int64_t>(rows.size()), "draw");
  Rows drawn = drawn_of({rows.begin(), rows.end()}, count, seed);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

std::vector<int64_t> spaced_rows(std::span<const int64_t> rows, int64_t count) {
  const auto size = static_cast<int64_t>(rows.size());
  check_count(count, size, "take");
  Rows spaced;
  for (int64_t i = 0; i < size; ++i) {
    if ((i + 1) * count / size > i * count / size) spaced.push_back(rows[static_cast<size_t>(i)]);
  }
  return spaced;
}

}  // namespace gradus
