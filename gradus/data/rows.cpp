#include "gradus/data/rows.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "gradus/base/random.h"

namespace gradus {
namespace {

// Where a row comes in random order: rows of equal numbers by themselves.
std::pair<uint64_t, int64_t> order_of(int64_t row, uint64_t key) { return {mix(key, static_cast<uint64_t>(row)), row}; }

template <class Item, class RowOf>
void shuffle(std::vector<Item>& items, uint64_t key, RowOf&& row_of) {
  struct Place {
    std::pair<uint64_t, int64_t> order;
    size_t item;
  };
  std::vector<Place> places;
  places.reserve(items.size());
  for (const Item& item : items) places.push_back({order_of(row_of(item), key), places.size()});
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.order < b.order; });
  std::vector<Item> shuffled;
  shuffled.reserve(items.size());
  for (const Place& place : places) shuffled.push_back(std::move(items[place.item]));
  items = std::move(shuffled);
}

}  // namespace

std::vector<RowGroup> row_groups(std::span<const int64_t> column) {
  std::vector<RowGroup> groups;
  std::unordered_map<int64_t, size_t> places;
  for (size_t row = 0; row < column.size(); ++row) {
    const auto [found, is_new] = places.try_emplace(column[row], groups.size());
    if (is_new) groups.push_back({column[row], {}});
    groups[found->second].rows.push_back(static_cast<int64_t>(row));
  }
  return groups;
}

void shuffle_rows(std::vector<int64_t>& rows, uint64_t key) {
  shuffle(rows, key, [](int64_t row) { return row; });
}

void keep_first_rows(std::vector<int64_t>& rows, int64_t count, uint64_t key) {
  std::nth_element(rows.begin(), rows.begin() + count, rows.end(),
                   [key](int64_t a, int64_t b) { return order_of(a, key) < order_of(b, key); });
  rows.resize(static_cast<size_t>(count));
}

void shuffle_groups(std::vector<RowGroup>& groups, uint64_t key) {
  shuffle(groups, key, [](const RowGroup& group) { return group.rows[0]; });
}

}  // namespace gradus
