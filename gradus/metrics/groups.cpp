#include "gradus/metrics/groups.h"

#include <algorithm>

namespace gradus::detail {

Groups::Groups(std::span<const int64_t> names) {
  std::vector<int64_t> known(names.begin(), names.end());
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  sizes.resize(known.size());
  of.reserve(names.size());
  for (const int64_t name : names) {
    of.push_back(static_cast<size_t>(std::lower_bound(known.begin(), known.end(), name) - known.begin()));
    ++sizes[of.back()];
  }
}

}  // namespace gradus::detail
