// What a run takes the columns of a table for.
#pragma once

#include <string>

#include "gradus/data/table_encoder.h"
#include "gradus/train/config.h"

namespace gradus::command {

/// A name as it is, or in quotes where it has characters that would spoil a line; cut where it gets long.
std::string shown_name(const std::string& name);

/// A line for each column: its name, type, missing values in the training part, role, and what is done to it. Of wide
/// tables the first ones, and how many more there are.
std::string columns_text(const TableEncoder& encoder, const Config& config);

}  // namespace gradus::command
