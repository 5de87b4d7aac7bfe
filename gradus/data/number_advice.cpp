#include "gradus/data/number_advice.h"

#include <algorithm>

#include "gradus/base/number.h"

namespace gradus {
namespace {

constexpr std::string_view kSigns[] = {"$", "€", "£", "¥", "%"};

// Without a sign of money or of a share at either end, and the spaces beside it.
std::string_view without_signs(std::string_view text) {
  for (const std::string_view sign : kSigns) {
    if (text.starts_with(sign)) {
      text.remove_prefix(sign.size());
      while (text.starts_with(' ')) text.remove_prefix(1);
    } else if (text.ends_with(sign)) {
      text.remove_suffix(sign.size());
      while (text.ends_with(' ')) text.remove_suffix(1);
    }
  }
  return text;
}

// Whether commas, where there are several, part digits in threes, as a list of numbers does not.
bool parts_thousands(std::string_view text) {
  const size_t last = text.rfind(',');
  for (size_t at = text.find(','); at != last;) {
    const size_t next = text.find(',', at + 1);
    if (next - at != 4) return false;
    at = next;
  }
  return true;
}

}  // namespace

std::string advice_on_number(std::string_view text) {
  constexpr size_t kLongest = 40;
  if (text.empty() || text.size() > kLongest || parse_number(text)) return "";
  const std::string_view bare = without_signs(text);
  std::string digits(bare);
  std::erase(digits, ',');
  const bool has_comma = digits.size() < bare.size();
  // The points of 1.234.567,5 stand between thousands.
  if (has_comma && bare.rfind(',') > bare.rfind('.')) std::erase(digits, '.');
  const bool is_list = bare.starts_with(',') || bare.ends_with(',') || !parts_thousands(bare);
  if (is_list || !parse_number(digits)) return "";
  if (has_comma) return "; a comma in a number is not read: write 1.5 for 1,5, and 1000 for 1,000";
  return "; a sign beside a number is not read: write 1.5 for $1.5, and 5 for 5%";
}

}  // namespace gradus
