// Which columns of a table have to hold numbers, for a reader that leaves out rows with bad values.
#pragma once

#include <string>

#include "gradus/data/csv.h"
#include "gradus/data/table_encoder.h"

namespace gradus {

/// Of a table that an encoder is to be fitted to: features that are not named as categories, targets that are no
/// classes, and the weight hold numbers if most of their values are.
CsvNumbersOf numbers_of(const TableEncoderOptions& options);
/// Of one that this encoder is for: what it takes for numbers always is, and so is the weight.
CsvNumbersOf numbers_of(const TableEncoder& encoder, const std::string& weight);

}  // namespace gradus
