// Who gets what, so that all together gain the most.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradus {

/// Of gains (rows, columns), row by row: for each row a column of its own, or −1 where there are fewer columns than
/// rows, with the largest sum. Takes time of the order of min²·max of rows and columns.
/// Source: Kuhn, "The Hungarian method for the assignment problem", 1955, by shortest augmenting paths (Jonker,
/// Volgenant, 1987).
std::vector<int64_t> best_assignment(std::span<const int64_t> gains, int64_t rows, int64_t columns);

}  // namespace gradus
