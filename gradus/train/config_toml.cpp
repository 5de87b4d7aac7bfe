// TOML in and out. The only file that includes toml++, which takes nine seconds to compile.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/train/config.h"

namespace gradus {
namespace {

std::string without_controls(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    out += control ? fmt::format("\\u{:04X}", static_cast<unsigned>(c)) : std::string(1, c);
  }
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return without_controls(out) + '"';
}

std::string real_text(double number) {
  std::string out = fmt::format("{}", number);
  const bool reads_as_integer = out.find_first_not_of("-0123456789") == std::string::npos;
  return reads_as_integer ? out + ".0" : out;
}

}  // namespace

std::string to_toml(const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* number = std::get_if<double>(&value)) return real_text(*number);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
  return fmt::format("[{}]", fmt::join(std::get<std::vector<int64_t>>(value), ", "));
}

namespace internal {
namespace {

/// A list of integers, or nothing if an element is anything else.
std::optional<Value> read_integers(const toml::array& array) {
  std::vector<int64_t> numbers;
  for (const toml::node& node : array) {
    if (!node.is_integer()) return std::nullopt;
    numbers.push_back(node.as_integer()->get());
  }
  return numbers;
}

void read_node(const toml::node& node, TomlEntry& entry) {
  switch (node.type()) {
    case toml::node_type::integer:
      entry.value = node.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      entry.value = node.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      entry.value = node.as_boolean()->get();
      break;
    case toml::node_type::string:
      entry.value = node.as_string()->get();
      break;
    case toml::node_type::array:
      entry.value = read_integers(*node.as_array());
      entry.other = "a list that is not of integers alone";
      break;
    case toml::node_type::table:
      entry.is_table = true;
      entry.other = "a table";
      break;
    default:
      entry.other = "a date or time";
  }
}

using Place = std::pair<toml::source_index, toml::source_index>;

void read_table(const toml::table& table, const std::string& prefix, std::string_view source,
                std::vector<std::pair<Place, TomlEntry>>& out) {
  for (const auto& [key, node] : table) {
    const toml::source_position place = key.source().begin;
    TomlEntry entry;
    entry.name = prefix + std::string(key.str());
    entry.where = fmt::format("{}:{}:{}", source, place.line, place.column);
    read_node(node, entry);
    out.emplace_back(Place{place.line, place.column}, std::move(entry));
    // No key has a table within a table: one is wrong as such, whatever it holds.
    if (node.is_table() && prefix.empty()) read_table(*node.as_table(), std::string(key.str()) + ".", source, out);
  }
}

/// Whether `text` is an integer that 64 bits do not hold.
bool is_too_large(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  if (digits.starts_with('+')) digits.erase(0, 1);
  const std::string_view prefix = std::string_view(digits).substr(0, 2);
  const int base = prefix == "0x" ? 16 : prefix == "0o" ? 8 : prefix == "0b" ? 2 : 10;
  const char* const start = digits.data() + (base == 10 ? 0 : 2);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(start, digits.data() + digits.size(), number, base);
  return error == std::errc::result_out_of_range && end == digits.data() + digits.size();
}

}  // namespace

std::vector<TomlEntry> read_toml(std::string_view text, std::string_view source) {
  std::vector<std::pair<Place, TomlEntry>> placed;
  try {
    read_table(toml::parse(text), "", source, placed);
  } catch (const toml::parse_error& error) {
    const toml::source_position place = error.source().begin;
    fail_usage(fmt::format("{}:{}:{}", source, place.line, place.column), "not valid TOML: {}",
               without_controls(error.description()));
  }
  // toml++ sorts by name; the first error a user sees should be the first in the file.
  std::stable_sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<TomlEntry> entries;
  for (auto& [place, entry] : placed) entries.push_back(std::move(entry));
  return entries;
}

TomlEntry read_toml_value(std::string_view text) {
  TomlEntry entry;
  try {
    const toml::table table = toml::parse(fmt::format("value = {}", text));
    // A line break in `text` could smuggle in further keys: such a text is no single value.
    if (table.size() == 1) read_node(*table.get("value"), entry);
  } catch (const toml::parse_error&) {
    // Not TOML: the caller takes it as a bare word.
    if (is_too_large(text)) {
      entry.other = fmt::format("{}, which is {} for an integer of 64 bits", text,
                                text.starts_with('-') ? "too far below 0" : "too large");
    }
  }
  return entry;
}

}  // namespace internal
}  // namespace gradus
