#include "gradus/train/own_config.h"

#include <fmt/format.h>

#include "gradus/base/files.h"
#include "gradus/base/hash.h"

namespace gradus {
namespace {

constexpr std::string_view kComment = "\n# Written by gradus; to change something, use --set or a copy. Sum: ";

}  // namespace

std::string with_sum(std::string_view toml) { return fmt::format("{}{}{}\n", toml, kComment, hex(xxh3(toml))); }

bool is_as_written(const std::filesystem::path& config) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(config, error)) return false;
  const std::string text = read_file(config);
  const size_t end = text.rfind(kComment);
  return end != std::string::npos && text == with_sum(std::string_view(text).substr(0, end));
}

}  // namespace gradus
