// What no single key shows of configurations with clusters, or with labels in files of their own.
#pragma once

#include "gradus/train/config.h"

namespace gradus::internal {

/// Of a model that makes clusters: its data, its start, and how their number is chosen. Usage errors.
void check_clusters(const Config& config);

/// Files of labels, where the data has such: they are there where they are learned. Usage errors.
void check_labels(const Config& config);

}  // namespace gradus::internal
