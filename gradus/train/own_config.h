// The config.toml of a run's folder: it says itself whether somebody changed it since.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace gradus {

/// The text with a comment at its end that holds the text's sum.
std::string with_sum(std::string_view toml);

/// Whether the file is there and is what `with_sum` made, to the byte.
bool is_as_written(const std::filesystem::path& config);

}  // namespace gradus
