// Which keys a sweep goes over: [sweep.keys] of the file and the options of the command line, read.
#pragma once

#include <string>
#include <vector>

#include "gradus/train/sweep.h"

namespace gradus {

/// The keys in the order in which they are given, the file's first. A usage error for one that is neither a list of
/// values nor a range, that is there twice or that a sweep cannot go over, and where there is none at all. A key of the
/// command line takes the place of the file's. Whether there is such a key, and may have the value, is not looked at.
std::vector<SweptKey> swept_keys(const Config& base, const SweepRequest& request);

/// What `--grid` or `--random` (`option`) says of a key: `KEY=v1,v2,…` or `KEY=low..high[:log][:integer][:points]`.
SweptKey read_swept_key(const std::string& option, const std::string& argument);

}  // namespace gradus
