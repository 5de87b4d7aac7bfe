// Examples that have a name in common.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradus::detail {

/// The groups that `names` make, numbered in the order of their names.
struct Groups {
  explicit Groups(std::span<const int64_t> names);

  size_t count() const { return sizes.size(); }

  std::vector<size_t> of;      ///< The group of each example.
  std::vector<int64_t> sizes;  ///< Of each group, at least 1.
};

}  // namespace gradus::detail
