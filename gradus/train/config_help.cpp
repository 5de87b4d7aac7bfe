// What is printed from the table of configuration keys: help, docs/configuration.md, and what could have been meant.
#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/train/config_keys.h"

namespace gradus {
namespace {

/// All but the last part, with its dot: empty for a name without a dot.
std::string_view path_of(std::string_view name) { return name.substr(0, name.rfind('.') + 1); }

/// Levenshtein's distance, where swapping two neighbours also counts one.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, row(b.size() + 1), next(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    next[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      next[j + 1] = std::min({next[j] + 1, row[j + 1] + 1, row[j] + (a[i] != b[j] ? 1 : 0)});
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) next[j + 1] = std::min(next[j + 1], before[j - 1] + 1);
    }
    before = std::exchange(row, next);
  }
  return row.back();
}

/// The distance, or nothing if it is too far to be a slip: another letter in a word of two is another word.
std::optional<size_t> near(std::string_view wrong, std::string_view right) {
  const size_t limit = std::max(wrong.size(), right.size()) < 3 ? 0 : std::max<size_t>(1, wrong.size() / 4);
  if (wrong.size() > right.size() + limit || right.size() > wrong.size() + limit) return std::nullopt;
  const size_t distance = edit_distance(wrong, right);
  return distance <= limit ? std::optional(distance) : std::nullopt;
}

/// Whether `brief` is made of the beginnings of all words of `name`, which are joined by "_": "lr", "learn_rate" or
/// "wdecay", and "mom" of a single word.
bool abbreviates(std::string_view brief, std::string_view name) {
  if (brief.starts_with('_')) brief.remove_prefix(1);
  const std::string_view word = name.substr(0, name.find('_'));
  const std::string_view rest = name.substr(std::min(name.size(), word.size() + 1));
  for (size_t n = 1; n <= std::min(brief.size(), word.size()) && brief[n - 1] == word[n - 1]; ++n) {
    if (rest.empty() ? n == brief.size() : abbreviates(brief.substr(n), rest)) return true;
  }
  return false;
}

/// How far what was written is from a name's last part, for comparison; nothing if it cannot have been meant. Something
/// shortened was meant rather than something misspelt.
std::optional<size_t> distance_of_part(std::string_view wrong, std::string_view right) {
  constexpr size_t kShortened = 1, kBeginning = 3, kSlip = 2, kShortest = 3;  // of a beginning, so that it says much
  if (wrong == right) return 0;
  const bool is_initials = wrong.size() > 1 && right.find('_') != std::string_view::npos && abbreviates(wrong, right);
  const bool is_beginning = wrong.size() >= kShortest && right.starts_with(wrong);
  if (is_initials || (is_beginning && (right[wrong.size()] == '_' || right.find('_') == std::string_view::npos))) {
    return kShortened;
  }
  if (const std::optional<size_t> slips = near(wrong, right)) return kSlip * *slips;
  return is_beginning ? std::optional(kBeginning) : std::nullopt;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::string default_text(const Key& key, bool markdown) {
  if (std::holds_alternative<Required>(key.fallback)) return "required";
  if (const Unset* unset = std::get_if<Unset>(&key.fallback)) return std::string(unset->text);
  const auto written = fmt::runtime(markdown ? "`{}`" : "{}");
  std::string text = fmt::format(written, to_toml(*key.usual_value())), last = text;
  for (const DefaultsByChoice& others : key.by_choice) {
    for (const DefaultsByChoice::One& other : others.values) {
      const std::string value = fmt::format(written, to_toml(other.held()));
      text += value == last ? ", " : fmt::format("; {} for ", value);
      text += fmt::format(written, other.choice);
      last = value;
    }
  }
  return text;
}

/// A line to scan, then the description: `name: type; default; condition`.
std::string help_of(const Key& key) {
  const std::string condition = key.condition.text();
  std::string help =
      fmt::format("{}: {}; default: {}{}\n    {}\n", key.name, key.type.requirement(), default_text(key, false),
                  condition.empty() ? "" : "; applies to " + condition, key.text);
  std::erase(help, '`');  // Markdown's
  return help;
}

std::string reference_row(const Key& key) {
  const std::string condition = key.condition.text();
  const std::string applies = condition.empty() ? "" : fmt::format(" *Applies to `{}`.*", condition);
  return fmt::format("| `{}` | {} | {} | {}{} |\n", last_part(key.name), key.type.requirement(),
                     default_text(key, true), key.text, applies);
}

constexpr std::string_view kReferenceIntroduction = R"(# Configuration

<!-- Generated by configuration_reference() from gradus/train/config_keys.cpp; a test compares the two. -->

A training run is described by one TOML file. Every key is listed below; an unknown key is an error. `--set` overrides
a key from the command line, any number of times: `--set optimizer.learning_rate=0.1 --set model.hidden=[32,32]`. The
value is TOML; a bare word or a path is text (`--set optimizer.name=adamw`). A table in double brackets is a list: it may
stand any number of times, and `--set` counts its items from 0: `--set optimizer.groups.0.pattern=*.bias`.
`--unset data.validation_fraction` takes a key out, as if the file did not have it.

The smallest file is

    [data]
    kind = "line"
    [model]
    kind = "linear"
    [train]
    steps = 1000

A real number may be written as an integer, an integer not as a real number. A key is an error where it does not apply.
The run folder gets the resolved configuration, with every default filled in; it can be used as a file again.
)";

}  // namespace

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
  constexpr size_t kOtherTable = 3;  // more than a slip in the table's name counts
  const std::string wrong = lower_case(name);
  std::vector<std::string_view> nearest;
  size_t best = std::numeric_limits<size_t>::max();
  for (std::string_view candidate : known) {
    const std::string right = lower_case(candidate);
    const std::optional<size_t> part = distance_of_part(last_part(wrong), last_part(right));
    if (!part) continue;
    const size_t distance = *part + 2 * near(path_of(wrong), path_of(right)).value_or(kOtherTable);
    if (distance < best) nearest.clear();
    best = std::min(best, distance);
    if (distance == best) nearest.push_back(candidate);
  }
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", quoted_list(nearest));
}

std::string configuration_help(std::string_view name) {
  std::string help;
  std::vector<std::string_view> tables;
  for (const KeyTable& table : configuration_tables()) tables.push_back(table.name);
  std::vector<std::string_view> known = tables;
  for (const Key& key : configuration_keys()) {
    known.push_back(key.name);
    if (name.empty() || key.name == without_item(name) || table_of(key.name) == name) help += help_of(key);
  }
  if (!help.empty()) return help;
  const std::string nearest = did_you_mean(name, known);
  fail_usage(name, "no such key or table{}",
             nearest.empty() ? fmt::format("; the tables are {}", quoted_list(tables)) : nearest);
}

std::string configuration_reference() {
  std::string out(kReferenceIntroduction);
  for (const KeyTable& table : configuration_tables()) {
    out += fmt::format("\n## {}\n\n{}\n\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n", table.heading(),
                       table.text);
    for (const Key& key : configuration_keys()) {
      if (table_of(key.name) == table.name) out += reference_row(key);
    }
  }
  return out;
}

}  // namespace gradus
