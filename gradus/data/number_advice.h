// What people take for a number, and the readers of tables do not.
#pragma once

#include <string>
#include <string_view>

namespace gradus {

/// What to do about a field such as "1,5", "1,000", "$1.50" or "5%": "; a comma in a number is not read: …", to stand
/// behind what is wrong with it. Empty for a number, and for any other text.
std::string advice_on_number(std::string_view text);

}  // namespace gradus
