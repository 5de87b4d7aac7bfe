#include "gradus/data/iso_time.h"

#include <chrono>
#include <cstdint>

namespace gradus {
namespace {

// Takes what is written from its beginning on; after the first that is not there, nothing is.
class IsoReader {
 public:
  explicit IsoReader(std::string_view text) : text_(text) {}

  bool is_whole() const { return is_right_ && text_.empty(); }
  bool has_more() const { return is_right_ && !text_.empty(); }

  /// One of these characters, or 0.
  char take(std::string_view characters) {
    if (!has_more() || characters.find(text_[0]) == std::string_view::npos) return 0;
    const char c = text_[0];
    text_.remove_prefix(1);
    return c;
  }
  void expect(std::string_view characters) { is_right_ = take(characters) != 0; }
  void fail() { is_right_ = false; }

  /// A number of so many digits, up to `most`.
  int number(int digits, int most) {
    int value = 0;
    for (int i = 0; i < digits; ++i) value = 10 * value + digit();
    is_right_ = is_right_ && value <= most;
    return value;
  }
  double fraction() {
    constexpr double kMost = 1e15;  // digits behind are beyond what a double holds
    double value = digit(), scale = 10.0;
    while (has_more() && is_digit(text_[0])) {
      const int next = digit();
      if (scale >= kMost) continue;
      value = 10.0 * value + next;
      scale *= 10.0;
    }
    return value / scale;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  int digit() {
    const char c = take("0123456789");
    is_right_ = c != 0;
    return is_right_ ? c - '0' : 0;
  }

  std::string_view text_;
  bool is_right_ = true;
};

int64_t read_days(IsoReader& reader) {
  const int year = reader.number(4, 9999);
  reader.expect("-");
  const int month = reader.number(2, 12);
  reader.expect("-");
  const int day = reader.number(2, 31);
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) {
    reader.fail();
    return 0;
  }
  return std::chrono::sys_days(date).time_since_epoch().count();
}

// "Z", or how many seconds the clock is ahead of UTC.
int read_offset(IsoReader& reader) {
  if (!reader.has_more() || reader.take("Zz") != 0) return 0;
  const int sign = reader.take("-") != 0 ? -1 : 1;
  if (sign > 0) reader.expect("+");
  const int hours = reader.number(2, 23);
  const bool has_minutes = reader.take(":") != 0 || reader.has_more();
  return sign * 60 * (60 * hours + (has_minutes ? reader.number(2, 59) : 0));
}

}  // namespace

std::optional<double> parse_iso_time(std::string_view text) {
  IsoReader reader(text);
  int64_t seconds = 86'400 * read_days(reader);
  double fraction = 0.0;
  if (reader.has_more()) {
    reader.expect("Tt ");
    seconds += 3600 * reader.number(2, 23);
    reader.expect(":");
    seconds += 60 * reader.number(2, 59);
    if (reader.take(":") != 0) {
      seconds += reader.number(2, 59);
      if (reader.take(".,") != 0) fraction = reader.fraction();
    }
    seconds -= read_offset(reader);
  }
  if (!reader.is_whole()) return std::nullopt;
  return static_cast<double>(seconds) + fraction;
}

}  // namespace gradus
