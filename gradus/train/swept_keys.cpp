#include "gradus/train/swept_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include "gradus/base/error.h"

namespace gradus {
namespace {

using internal::TomlEntry;

constexpr int64_t kMostPoints = 10'000;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();  // of an end
constexpr SweptRange kOpen = {.low = kMissing, .high = kMissing};
constexpr std::string_view kRangeKeys[] = {"low", "high", "scale", "integer", "points"};

bool is_range_key(std::string_view name) { return std::ranges::find(kRangeKeys, name) != std::end(kRangeKeys); }

std::optional<double> number_of(std::string_view text) {
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<double> number_of(const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  const auto* real = std::get_if<double>(&value);
  return real != nullptr ? std::optional(*real) : std::nullopt;
}

void check_range(const SweptKey& key) {
  const SweptRange& range = *key.range;
  const auto is_whole = [](double x) { return std::trunc(x) == x && std::abs(x) < 0x1p53; };
  if (!std::isfinite(range.low) || !std::isfinite(range.high) || !(range.low < range.high)) {
    fail_usage(key.where, "the range of \"{}\" goes from {} to {}; expected a low end below the high one", key.name,
               range.low, range.high);
  }
  if (range.is_log && range.low <= 0.0) {
    fail_usage(key.where, "the range of \"{}\" begins at {}; expected an end above 0 where the scale is \"log\"",
               key.name, range.low);
  }
  if (range.is_integer && !(is_whole(range.low) && is_whole(range.high))) {
    fail_usage(key.where, "the range of whole numbers for \"{}\" goes from {} to {}; expected whole ends", key.name,
               range.low, range.high);
  }
  if (range.points != 0 && (range.points < 2 || range.points > kMostPoints)) {
    fail_usage(key.where, "{} points for \"{}\"; expected from 2 to {}", range.points, key.name, kMostPoints);
  }
}

// A range for a key of integers is one of whole numbers, whether that is said or not.
void finish(SweptKey& key) {
  if (!key.range) return;
  const Key* known = find_key(key.name);
  const bool counts = known && (known->type.kind == ValueKind::kInteger || known->type.kind == ValueKind::kBatchSize);
  key.range->is_integer = key.range->is_integer || counts;
  check_range(key);
}

[[noreturn]] void fail_form(const std::string& where, std::string_view name, std::string_view found) {
  fail_usage(where,
             "\"{}\" is {}; expected a list of values, [0.1, 0.01], or a range, {{ low = 1e-4, high = 0.1, scale "
             "= \"log\" }}",
             name, found);
}

// "low" of { low = …, high = … }.
void give_range_part(SweptKey& key, std::string_view part, const TomlEntry& entry) {
  SweptRange& range = *key.range;
  const auto* text = std::get_if<std::string>(&*entry.value);
  const auto* truth = std::get_if<bool>(&*entry.value);
  const auto* integer = std::get_if<int64_t>(&*entry.value);
  const std::optional<double> number = number_of(*entry.value);
  if (part == "low" && number) {
    range.low = *number;
  } else if (part == "high" && number) {
    range.high = *number;
  } else if (part == "scale" && text != nullptr && (*text == "log" || *text == "linear")) {
    range.is_log = *text == "log";
  } else if (part == "integer" && truth != nullptr) {
    range.is_integer = *truth;
  } else if (part == "points" && integer != nullptr) {
    range.points = *integer;
  } else {
    fail_usage(entry.where,
               "{} = {} in the range of \"{}\"; expected numbers low and high, scale \"log\" or \"linear\", "
               "integer true or false, points an integer",
               part, to_toml(*entry.value), key.name);
  }
}

// Reads the entries of [sweep.keys], where a range is a table and so may be the path to a key.
class TomlKeys {
 public:
  void read(const TomlEntry& entry) {
    if (entry.name == internal::kSweptKeys) {
      if (!entry.is_table) {
        fail_usage(entry.where, "\"{0}\" is a table; write [{0}] and the keys to sweep below it", entry.name);
      }
      return;
    }
    const std::string name = entry.name.substr(internal::kSweptKeys.size() + 1);
    if (entry.is_table && !entry.item) {
      if (find_key(name) != nullptr) add(name, entry.where).range = kOpen;
      return;
    }
    if (!entry.items.empty()) return add_list(name, entry);
    const std::string owner(table_of(name));
    if (entry.value && !owner.empty() && is_range_key(last_part(name)) && find_key(name) == nullptr) {
      return give_range_part(range_of(owner, entry.where), last_part(name), entry);
    }
    fail_form(entry.where, name, entry.value ? to_toml(*entry.value) : entry.other);
  }

  std::vector<SweptKey> finished() {
    for (SweptKey& key : keys_) {
      if (key.range && (std::isnan(key.range->low) || std::isnan(key.range->high))) {
        fail_usage(key.where, "the range of \"{}\" needs both ends, low and high", key.name);
      }
      finish(key);
    }
    return std::move(keys_);
  }

 private:
  SweptKey& add(const std::string& name, const std::string& where) {
    const auto before = std::ranges::find(keys_, name, &SweptKey::name);
    if (before != keys_.end()) fail_usage(where, "\"{}\" is swept twice; it stands at {} too", name, before->where);
    return keys_.emplace_back(SweptKey{name, where, {}, {}});
  }

  void add_list(const std::string& name, const TomlEntry& entry) {
    SweptKey& key = add(name, entry.where);
    for (const Value& value : entry.items) key.values.push_back(to_toml(value));
  }

  // Of a name that is no key, too: that there is none is said when it gets its first value.
  SweptKey& range_of(const std::string& name, const std::string& where) {
    const auto found = std::ranges::find(keys_, name, &SweptKey::name);
    SweptKey& key = found != keys_.end() ? *found : add(name, where);
    if (!key.range) key.range = kOpen;
    return key;
  }

  std::vector<SweptKey> keys_;
};

// At the commas that stand in no brackets or quotes.
std::vector<std::string> between_commas(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else {
      depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
      if (c == ',' && depth == 0) {
        parts.emplace_back();
        continue;
      }
    }
    parts.back() += c;
  }
  return parts;
}

// low..high, if the text begins so with two numbers; what stands behind them, from a colon on, is in `rest`.
std::optional<SweptRange> range_in(std::string_view text, std::string_view& rest) {
  const size_t dots = text.find(".."), colon = std::min(text.find(':'), text.size());
  if (dots == std::string_view::npos || dots > colon) return std::nullopt;
  const std::optional<double> low = number_of(text.substr(0, dots));
  const std::optional<double> high = number_of(text.substr(dots + 2, colon - dots - 2));
  if (!low || !high) return std::nullopt;
  rest = text.substr(colon);
  return SweptRange{.low = *low, .high = *high};
}

void give_words(SweptRange& range, std::string_view rest, const std::string& where) {
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view word = rest.substr(0, rest.find(':'));
    const std::optional<double> number = number_of(word);
    if (word == "log" || word == "linear") {
      range.is_log = word == "log";
    } else if (word == "integer") {
      range.is_integer = true;
    } else if (number && std::trunc(*number) == *number && *number >= 2 && *number <= kMostPoints) {
      range.points = static_cast<int64_t>(*number);
    } else {
      fail_usage(where, "\"{}\" behind a range; expected log, linear, integer, or from 2 to {} points", word,
                 kMostPoints);
    }
    rest.remove_prefix(word.size());
  }
}

void check_name(const SweptKey& key) {
  if (key.name == "train.threads") {
    fail_usage(key.where,
               "\"train.threads\" changes no result and cannot be swept; --threads and --jobs share out the "
               "cores");
  }
  if (table_of(key.name) == "sweep")
    fail_usage(key.where, "\"{}\" is of the sweep itself; sweep a run's keys", key.name);
}

}  // namespace

SweptKey read_swept_key(const std::string& option, const std::string& argument) {
  const std::string where = option + " " + argument;
  const size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == argument.size()) {
    fail_usage(where, "expected KEY=v1,v2,… or KEY=low..high, for example {} optimizer.learning_rate={}", option,
               option == "--grid" ? "0.1,0.01" : "1e-4..0.1:log");
  }
  SweptKey key{argument.substr(0, equals), where, {}, {}};
  const std::string_view right = std::string_view(argument).substr(equals + 1);
  std::string_view rest;
  key.range = range_in(right, rest);
  if (key.range) {
    give_words(*key.range, rest, where);
    finish(key);
    return key;
  }
  key.values = between_commas(right);
  if (std::ranges::find(key.values, "") != key.values.end()) {
    fail_usage(where, "there is nothing between two commas, or behind the last; expected a value");
  }
  return key;
}

std::vector<SweptKey> swept_keys(const Config& base, const SweepRequest& request) {
  TomlKeys file;
  for (const TomlEntry& entry : base.swept_keys()) file.read(entry);
  std::vector<SweptKey> keys = file.finished();
  const size_t of_file = keys.size();
  const std::string option = request.grid.empty() ? "--random" : "--grid";
  for (const std::string& argument : request.grid.empty() ? request.random : request.grid) {
    SweptKey key = read_swept_key(option, argument);
    const auto same = std::ranges::find(keys, key.name, &SweptKey::name);
    if (same == keys.end()) {
      keys.push_back(std::move(key));
    } else if (same - keys.begin() < static_cast<int64_t>(of_file) && !same->where.starts_with("--")) {
      *same = std::move(key);
    } else {
      fail_usage(key.where, "\"{}\" is swept twice; it stands at {} too", key.name, same->where);
    }
  }
  for (const SweptKey& key : keys) check_name(key);
  if (keys.empty()) {
    fail_usage("sweep",
               "there is no key to sweep; give [sweep.keys] in the configuration, or --grid KEY=v1,v2,…, or "
               "--random KEY=low..high");
  }
  return keys;
}

}  // namespace gradus
