#include "gradus/data/rows.h"

#include <algorithm>
#include <unordered_map>

#include "gradus/base/random.h"

namespace gradus {
namespace {

template <class Item, class RowOf>
void shuffle(std::vector<Item>& items, uint64_t key, RowOf&& row_of) {
  struct Place {
    uint64_t random;
    int64_t row;
    size_t item;
  };
  std::vector<Place> places;
  places.reserve(items.size());
  for (const Item& item : items) {
    const int64_t row = row_of(item);
    places.push_back({mix(key, static_cast<uint64_t>(row)), row, places.size()});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.random < b.random || (a.random == b.random && a.row < b.row);
  });
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
  std::nth_element(rows.begin(), rows.begin() + count, rows.end(), [key](int64_t a, int64_t b) {
    const uint64_t random_a = mix(key, static_cast<uint64_t>(a)), random_b = mix(key, static_cast<uint64_t>(b));
    return random_a < random_b || (random_a == random_b && a < b);
  });
  rows.resize(static_cast<size_t>(count));
}

void shuffle_groups(std::vector<RowGroup>& groups, uint64_t key) {
  shuffle(groups, key, [](const RowGroup& group) { return group.rows[0]; });
}

}  // namespace gradus
