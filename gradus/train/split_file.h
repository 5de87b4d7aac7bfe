// split.csv of a run's folder: which rows are trained on, and which are held out.
#pragma once

#include <filesystem>

#include "gradus/train/experiment.h"

namespace gradus {

/// Writes `row,part` of each row in use, by the number of the row, unless the file says so already; nothing for data
/// that is not split by rows. Streamed rows take no memory that grows with their number.
void write_split(const std::filesystem::path& path, const ExperimentData& data);

}  // namespace gradus
