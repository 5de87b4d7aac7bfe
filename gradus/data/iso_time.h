// Dates and times as ISO 8601 writes them.
#pragma once

#include <optional>
#include <string_view>

namespace gradus {

/// Seconds since 1970 in UTC, of `2020-01-31`, `2020-01-31T10:00`, `2020-01-31 10:00:07.25` and the like, in the
/// proleptic Gregorian calendar, years 0000 to 9999. Behind a time may stand `Z` or an offset, `+02:00`, `+0200` or
/// `+02`; without one it is taken for UTC. Nothing for other text, and for a day or a time that is none: there are no
/// leap seconds, and no hour 24.
std::optional<double> parse_iso_time(std::string_view text);

}  // namespace gradus
