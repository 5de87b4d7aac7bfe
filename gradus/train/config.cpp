#include "gradus/train/config.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/train/config_checks.h"
#include "gradus/train/config_clusters.h"
#include "gradus/train/schedule_config.h"

namespace gradus {
namespace {

using internal::TomlEntry;

std::vector<std::string_view> key_names() {
  std::vector<std::string_view> names;
  for (const Key& key : configuration_keys()) names.push_back(key.name);
  return names;
}

std::vector<std::string_view> table_names() {
  std::vector<std::string_view> names;
  for (const KeyTable& table : configuration_tables()) names.push_back(table.name);
  return names;
}

bool is_table(std::string_view name) { return find_table(name) != nullptr; }

bool is_list(std::string_view name) { return is_table(name) && find_table(name)->is_list; }

/// The text in quotes, with an end where it gets long; control characters are escaped.
std::string shown(const Value& value) {
  constexpr size_t kLongest = 80;
  const std::string text = to_toml(value);
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // never inside a UTF-8 character
  return text.substr(0, end) + " …";
}

std::string shown(std::string_view text) { return shown(Value(std::string(text))); }

[[noreturn]] void fail_unknown_key(std::string_view item, std::string_view where) {
  const std::string name = without_item(item);
  std::vector<std::string_view> candidates = key_names();
  for (const KeyTable& table : configuration_tables()) {
    if (table.is_list) candidates.push_back(table.name);
  }
  std::string ending = did_you_mean(name, candidates);
  if (ending.empty() && is_table(table_of(name))) {
    ending = fmt::format("; {} has", find_table(table_of(name))->heading());
    for (std::string_view known : key_names()) {
      if (table_of(known) == table_of(name)) ending += fmt::format(" {}", last_part(known));
    }
  } else if (ending.empty()) {
    ending = "; docs/configuration.md lists all keys";
  }
  fail_usage(where, "unknown key {}{}", shown(item), ending);
}

[[noreturn]] void fail_unknown_table(std::string_view name, std::string_view where) {
  std::string ending = did_you_mean(name, table_names());
  if (ending.empty()) ending = fmt::format("; the tables are {}", quoted_list(table_names()));
  fail_usage(where, "unknown table {}{}", shown(name), ending);
}

std::string described(const Value& value) {
  if (std::holds_alternative<double>(value)) return "the real number " + shown(value);
  if (std::holds_alternative<std::string>(value)) return "the text " + shown(value);
  return std::holds_alternative<int64_t>(value) ? "the integer " + shown(value) : shown(value);
}

[[noreturn]] void fail_value(const Key& key, std::string_view found, std::string_view where,
                             std::string_view ending = "") {
  fail_usage(where, "\"{}\" must be {}; found {}{}", key.name, key.type.requirement(), found, ending);
}

/// Whether TOML can hold the text, which has to be UTF-8 for that: config.toml would not read back otherwise.
bool is_toml(const std::string& text) {
  const TomlEntry entry = internal::read_toml_value(to_toml(text));
  return entry.value && *entry.value == Value(text);
}

/// Not empty, and without a NUL, which no path has.
bool is_usable(const std::string& text) {
  return !text.empty() && text.find('\0') == std::string::npos && is_toml(text);
}

/// The value as the key holds it (integers become real where a real number is asked), or nothing if it is not allowed.
std::optional<Value> accepted(const ValueType& type, Value value) {
  const auto* integer = std::get_if<int64_t>(&value);
  const auto* text = std::get_if<std::string>(&value);
  const auto within = [&](int64_t number) { return type.range.contains(static_cast<double>(number)); };
  bool good = false;
  switch (type.kind) {
    case ValueKind::kReal:
      if (integer) value = static_cast<double>(*integer);
      good = std::holds_alternative<double>(value) && type.range.contains(std::get<double>(value));
      break;
    case ValueKind::kInteger:
      good = integer && within(*integer);
      break;
    case ValueKind::kBatchSize:
      good = integer ? within(*integer) : text && *text == "all";
      break;
    case ValueKind::kRealOrWord:
      return accepted({text ? ValueKind::kChoice : ValueKind::kReal, type.range, type.choices}, std::move(value));
    case ValueKind::kBoolean:
      good = std::holds_alternative<bool>(value);
      break;
    case ValueKind::kText:
      good = text && is_usable(*text);
      break;
    case ValueKind::kChoice:
      good = text && std::ranges::find(type.choices, *text) != type.choices.end();
      break;
    case ValueKind::kIntegers: {
      const auto* list = std::get_if<std::vector<int64_t>>(&value);
      good = list && !list->empty() && std::ranges::all_of(*list, within);
      break;
    }
    case ValueKind::kCounts: {
      if (integer) value = std::vector<int64_t>{*integer};
      const auto* list = std::get_if<std::vector<int64_t>>(&value);
      good = list && !list->empty() && std::ranges::all_of(*list, within);
      break;
    }
    case ValueKind::kReals: {
      if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) {
        value = std::vector<double>(list->begin(), list->end());
      }
      const auto* list = std::get_if<std::vector<double>>(&value);
      good = list && !list->empty() && std::ranges::all_of(*list, [&](double x) { return type.range.contains(x); });
      break;
    }
    case ValueKind::kTexts: {
      const auto* list = std::get_if<std::vector<std::string>>(&value);
      good = text ? is_usable(*text) : list && !list->empty() && std::ranges::all_of(*list, is_usable);
    }
  }
  return good ? std::optional(std::move(value)) : std::nullopt;
}

/// The value as the key holds it; a usage error if it is not allowed.
Value checked(const Key& key, const Value& value, std::string_view where) {
  if (std::optional<Value> good = accepted(key.type, value)) return *good;
  std::string ending;
  const auto* text = std::get_if<std::string>(&value);
  const auto* real = std::get_if<double>(&value);
  if (text && !key.type.choices.empty()) ending = did_you_mean(*text, key.type.choices);
  for (const FormerChoice& former : key.type.former) {
    if (text && *text == former.name) ending = fmt::format("; {}", former.now);
  }
  if (text && key.type.kind == ValueKind::kBatchSize)
    ending = did_you_mean(*text, std::vector<std::string_view>{"all"});
  if (text && text->find('\0') != std::string::npos) ending = "; a NUL character is not allowed";
  const bool is_text = key.type.kind == ValueKind::kText || key.type.kind == ValueKind::kTexts;
  if (text && is_text && !is_toml(*text)) ending = "; it is not valid UTF-8";
  const bool counts = key.type.kind == ValueKind::kInteger || key.type.kind == ValueKind::kBatchSize;
  if (real && counts && std::trunc(*real) == *real && std::abs(*real) < 0x1p53) {
    ending = fmt::format("; write {}", static_cast<int64_t>(*real));
  }
  fail_value(key, described(value), where, ending);
}

/// The key of this name, which the program (not the user) asks for.
const Key& known_key(std::string_view name) {
  if (const Key* key = find_key(name)) return *key;
  fail("config", "the program asks for the key \"{}\", which is not in the table of keys", name);
}

template <class T>
const T& as(const Value& value, std::string_view key) {
  if (const T* held = std::get_if<T>(&value)) return *held;
  fail("config", "the program asks for the key \"{}\" by the wrong type; it must be {}", key,
       find_key(key)->type.requirement());
}

}  // namespace

Config Config::load(const std::string& path, const std::vector<std::string>& overrides, const Typed& typed) {
  constexpr int64_t kLargest = 1 << 16;  // also bounds how deep toml++ recurses
  std::string text;
  try {
    text = read_file(path, kLargest);
  } catch (const Error& error) {
    fail_usage(path, "{}; give the path of a configuration in TOML, for example one from recipes/", error.message());
  }
  return parse(text, path, overrides, typed);
}

Config Config::parse(std::string_view text, std::string_view source_name, const std::vector<std::string>& overrides,
                     const Typed& typed) {
  Config config(source_name);
  for (const TomlEntry& entry : internal::read_toml(text, source_name)) config.give(entry);
  return config.with(overrides, typed);
}

void Config::give(const TomlEntry& entry) {
  if (entry.name == "sweep") is_swept_ = true;
  if (entry.name == internal::kSweptKeys || entry.name.starts_with(fmt::format("{}.", internal::kSweptKeys))) {
    swept_keys_.push_back(entry);
    return;
  }
  const Key* key = find_key(entry.name);
  if (!key && entry.item && is_list(entry.name)) {
    items_[entry.name].push_back(entry.where);
    return;
  }
  if (!key && entry.item) return;  // its list was an error before it
  if (!key && is_list(entry.name) && (entry.is_list || entry.value == Value(std::vector<int64_t>()))) return;
  if (!key && is_list(entry.name)) {
    fail_usage(entry.where, "\"{0}\" is a list of tables; write [[{0}]] and the keys of one below it", entry.name);
  }
  if (!key && entry.is_table) {
    if (!is_table(entry.name)) fail_unknown_table(entry.name, entry.where);
    return;
  }
  if (!key && is_table(entry.name)) {
    fail_usage(entry.where, "\"{0}\" is a table; write [{0}] and its keys below it", entry.name);
  }
  if (!key) fail_unknown_key(entry.name, entry.where);
  if (!entry.value) fail_value(*key, entry.other, entry.where);
  given_[entry.name] = {checked(*key, *entry.value, entry.where), entry.where};
}

std::string Config::text_override(std::string_view key, std::string_view text) {
  return fmt::format("{}={}", key, gradus::to_toml(std::string(text)));
}

void Config::take_out(const std::string& name) {
  const std::string where = "--unset " + name;
  const bool is_of_items = find_key(name) && is_list(table_of(name));
  if (is_table(name) || is_of_items) {
    const std::string table(is_of_items ? table_of(name) : name);
    fail_usage(where, "\"{}\" is a {}; --unset takes one key, {}.KEY", table,
               is_list(table) ? "list of tables" : "table", is_list(table) ? table + ".0" : table);
  }
  if (!find_key(name)) fail_unknown_key(name, where);
  if (given_.erase(name) == 0) fail_usage(where, "the file does not set it; leave --unset {} out", name);
}

void Config::give_override(const std::string& argument, const std::string& where) {
  if (argument.starts_with('~')) return take_out(argument.substr(1));
  const size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    fail_usage(where, "expected key=value, for example --set optimizer.learning_rate=0.1");
  }
  const std::string name = argument.substr(0, equals);
  const std::string right = argument.substr(equals + 1);
  const Key* key = find_key(name);
  const std::optional<size_t> item = item_of(name);
  if (is_list(name)) fail_usage(where, "\"{0}\" is a list of tables; say which, and the key: --set {0}.0.KEY=…", name);
  if (key && is_list(table_of(name))) {
    fail_usage(where, "\"{}\" is a list of tables; say which: --set {}={}", table_of(name), item_name(name, 0), right);
  }
  if (!key && is_table(name)) fail_usage(where, "\"{0}\" is a table; set one of its keys, {0}.key=value", name);
  if (!key) fail_unknown_key(name, where);
  const TomlEntry entry = internal::read_toml_value(right);
  const ValueKind kind = key->type.kind;
  const bool wants_text = kind == ValueKind::kText || kind == ValueKind::kChoice || kind == ValueKind::kTexts;
  const bool is_list = entry.value && std::holds_alternative<std::vector<std::string>>(*entry.value);
  const bool quoted =
      entry.value && (std::holds_alternative<std::string>(*entry.value) || (kind == ValueKind::kTexts && is_list));
  const bool is_empty_list = entry.value == Value(std::vector<int64_t>());
  // A path like 1984 or a name like true is text where text is wanted.
  const bool is_bare = wants_text ? !quoted && !is_empty_list : !entry.value && entry.other.empty();
  if (!is_bare && !entry.value) fail_value(*key, entry.other, where);
  if (item) {
    std::vector<std::string>& items = items_[std::string(table_of(key->name))];
    if (*item > items.size())
      fail_usage(where, "there are {0} of them; the next is {1}", items.size(), item_name(key->name, items.size()));
    if (*item == items.size()) items.push_back(where);
  }
  given_[name] = {checked(*key, is_bare ? Value(right) : *entry.value, where), where};
}

Config Config::with(const std::vector<std::string>& overrides, const Typed& typed) const {
  Config changed = *this;
  for (const std::string& argument : overrides) {
    const auto other = typed.find(argument);
    changed.give_override(argument, other == typed.end() ? "--set " + argument : other->second);
  }
  changed.resolve();
  return changed;
}

void Config::set(std::string_view key, Value value, std::string_view subject) {
  const Key& known = known_key(key);
  Config changed = *this;
  changed.given_[std::string(key)] = {checked(known, value, subject), std::string(subject)};
  changed.resolve();
  *this = std::move(changed);
}

std::optional<Value> Config::given_or_default(const Key& key, std::string_view name) const {
  const auto given = given_.find(name);
  if (given != given_.end()) return given->second.value;
  return key.default_value([&](const std::string& control) {
    const std::optional<Value> choice = choice_for(name, control);
    return choice ? std::get<std::string>(*choice) : std::string();
  });
}

// The value of the key that decides about this one: in a list of tables that of the same item.
std::optional<Value> Config::choice_for(std::string_view name, std::string_view control) const {
  const std::optional<size_t> item = item_of(name);
  const bool is_beside = item && table_of(control) == table_of(table_of(name));
  return given_or_default(known_key(control), is_beside ? item_name(control, *item) : control);
}

bool Config::applies(std::string_view name) const {
  const Condition& condition = known_key(name).condition;
  if (condition.key.empty()) return true;
  // Of a list of tables as such: whether an item could have it.
  if (is_list(table_of(name)) && table_of(condition.key) == table_of(name)) return applies(condition.key);
  if (!condition.choices.empty() && !applies(condition.key)) return false;
  const std::optional<Value> value = choice_for(name, condition.key);
  if (!value || condition.choices.empty()) return value.has_value() != (condition.except && condition.choices.empty());
  const auto* const word = std::get_if<std::string>(&*value);  // of a penalty that is a number there is none
  const bool named = word != nullptr && std::ranges::find(condition.choices, *word) != condition.choices.end();
  return named != condition.except;
}

void Config::fail_where_it_does_not_apply(const Key& key, std::string_view name) const {
  const std::string& control = key.condition.key;
  if (!key.condition.choices.empty() && !is_list(table_of(name)) && !applies(control)) {
    const Condition& above = known_key(control).condition;
    const std::optional<Value> choice = choice_for(control, above.key);
    const auto* const text = choice ? std::get_if<std::string>(&*choice) : nullptr;
    fail_usage(where(name), "\"{}\" goes with {}, which applies to {}{}; remove it", key.name, control, above.text(),
               text != nullptr && !above.choices.empty() && !above.except ? fmt::format(", not to \"{}\"", *text) : "");
  }
  const std::optional<Value> found = choice_for(name, control);
  if (!found) {
    fail_usage(where(name), "\"{}\" applies to {}, and there is no {}; set that, or remove \"{}\"", key.name,
               key.condition.text(), control, key.name);
  }
  if (key.condition.choices.empty()) {
    fail_usage(where(name), "\"{}\" does not apply where {} is given; remove one of them", key.name, control);
  }
  const std::string remove = fmt::format("remove it, or change {}", control);
  const std::string_view next = key.hint.empty() ? remove : key.hint;
  const std::string choice = gradus::to_toml(*found);
  if (key.condition.except) {
    fail_usage(where(name), "\"{}\" does not apply to {} = {}; {}", key.name, control, choice, next);
  }
  fail_usage(where(name), "\"{}\" applies to {}, not to {}; {}", key.name, key.condition.text(), choice, next);
}

size_t Config::count(std::string_view table) const {
  if (!is_list(table)) fail("config", "the program asks for the list of tables \"{}\", which there is not", table);
  const auto found = items_.find(table);
  return found == items_.end() ? 0 : found->second.size();
}

std::vector<std::string> Config::names_of(std::string_view key) const {
  known_key(key);
  const std::string_view table = table_of(key);
  if (!is_list(table)) return {std::string(key)};
  std::vector<std::string> names;
  for (size_t i = 0; i < count(table); ++i) names.push_back(item_name(key, i));
  return names;
}

void Config::resolve() {
  values_.clear();
  derived_.clear();
  // The choices that conditions ask for come first in the table, or have a default: they are known here.
  for (const Key& key : configuration_keys()) {
    for (const std::string& name : names_of(key.name)) resolve_key(key, name);
  }
  derive_defaults();
  internal::check_combinations(*this);
}

void Config::resolve_key(const Key& key, const std::string& name) {
  const bool is_required = std::holds_alternative<Required>(key.fallback);
  if (!applies(name)) {
    // An item of a list that is not for this configuration is an error even if it is empty.
    const bool is_item = item_of(name) && is_required && table_of(key.condition.key) != table_of(key.name);
    if (is_set(name) || is_item) fail_where_it_does_not_apply(key, name);
    return;
  }
  if (const std::optional<Value> value = given_or_default(key, name)) {
    values_.emplace(name, *value);
  } else if (is_required) {
    const std::string reason = key.condition.key.empty() ? "" : fmt::format(" with {}", key.condition.text());
    // In an item, the choice that asks for it on the command line says more than where the item began.
    const std::optional<size_t> item = item_of(name);
    const bool is_beside = item && table_of(key.condition.key) == table_of(key.name);
    const std::string choice = is_beside ? item_name(key.condition.key, *item) : "";
    fail_usage(where(is_beside && is_named(choice) ? choice : name), "required key \"{}\" is missing; set it{} to {}{}",
               key.name, reason, key.type.requirement(), key.name == "data.path" ? ", or give --data FILE" : "");
  }
}

namespace {

double usual_held_out(const Config& config) {
  const std::string& data = config.text("data.kind");
  if (makes_clusters(config)) return 0.0;
  if (data == "text") return 0.1;
  return data == "line" || data == "polynomial" || data == "sine" ? 0.0 : 0.2;
}

// Validation of texts is to need no more memory than training.
int64_t usual_validation_batch(const Config& config) {
  constexpr int64_t kMost = 64;
  if (config.text("data.kind") != "text") return kMost;
  int64_t pass = config.batch_size("train.batch_size").value_or(kMost);
  if (config.has("train.micro_batch_size")) pass = std::min(pass, config.integer("train.micro_batch_size"));
  return std::min(pass, kMost);
}

}  // namespace

void Config::derive_defaults() {
  const auto derive = [&](const std::string& key, Value value) {
    if (values_.try_emplace(key, std::move(value)).second) derived_.insert(key);
  };
  // Only the trainer knows whether a number is the whole batch too.
  if (!batch_size("train.batch_size")) derive("train.stop_window", int64_t{1});
  if (applies("data.validation_fraction")) derive("data.validation_fraction", usual_held_out(*this));
  derive("validation.batch_size", usual_validation_batch(*this));
  // Where class weights, or more classes, stand in their place.
  if (applies("loss.alpha")) derive("loss.alpha", 0.25);
  if (applies("loss.positive_weight")) derive("loss.positive_weight", 1.0);
  // How many steps epochs have, only the data tell.
  if (schedule_has_end(*this) && has("train.steps") && !has("train.epochs")) {
    derive("schedule.total_steps", integer("train.steps"));
  }
  for (const char* key : {"schedule.timescale", "schedule.parts.timescale"}) {
    for (const std::string& name : names_of(key)) {
      if (!applies(name)) continue;
      constexpr int64_t kWithoutWarmup = 10000;
      const int64_t warmup = integer(fmt::format("{}.warmup_steps", table_of(name)));
      derive(name, warmup > 0 ? warmup : kWithoutWarmup);
    }
  }
}

const Value& Config::value(std::string_view key) const {
  known_key(key);
  const auto found = values_.find(key);
  if (found != values_.end()) return found->second;
  fail("config", "the program asks for the key \"{}\", which has no value in this configuration; ask has() first", key);
}

int64_t Config::integer(std::string_view key) const { return as<int64_t>(value(key), key); }
double Config::real(std::string_view key) const { return as<double>(value(key), key); }
bool Config::boolean(std::string_view key) const { return as<bool>(value(key), key); }
const std::string& Config::text(std::string_view key) const { return as<std::string>(value(key), key); }
const std::vector<int64_t>& Config::integers(std::string_view key) const {
  return as<std::vector<int64_t>>(value(key), key);
}

const std::vector<double>& Config::reals(std::string_view key) const {
  return as<std::vector<double>>(value(key), key);
}

std::vector<std::string> Config::texts(std::string_view key) const {
  if (const auto* one = std::get_if<std::string>(&value(key))) return {*one};
  return as<std::vector<std::string>>(value(key), key);
}

std::optional<int64_t> Config::batch_size(std::string_view key) const {
  const bool is_all =
      known_key(key).type.kind == ValueKind::kBatchSize && std::holds_alternative<std::string>(value(key));
  return is_all ? std::nullopt : std::optional(integer(key));
}

std::optional<double> Config::number(std::string_view key) const {
  const bool is_word =
      known_key(key).type.kind == ValueKind::kRealOrWord && std::holds_alternative<std::string>(value(key));
  return is_word ? std::nullopt : std::optional(real(key));
}

bool Config::is_set(std::string_view key) const {
  return std::ranges::any_of(names_of(key), [&](const std::string& name) { return given_.contains(name); });
}

bool Config::has(std::string_view key) const {
  return std::ranges::any_of(names_of(key), [&](const std::string& name) { return values_.contains(name); });
}

std::string Config::where(std::string_view key) const {
  for (const std::string& name : names_of(key)) {
    const auto given = given_.find(name);
    if (given != given_.end()) return given->second.where;
  }
  const std::optional<size_t> item = item_of(key);
  const auto list = items_.find(table_of(table_of(key)));
  return item && list != items_.end() && *item < list->second.size() ? list->second[*item] : source_;
}

bool Config::is_named(std::string_view key) const { return is_set(key) && where(key).starts_with("--"); }

bool Config::follows(std::string_view key) const {
  if (!applies(key)) return true;
  const auto is_free = [&](const std::string& name) { return values_.contains(name) && !derived_.contains(name); };
  return has(key) && std::ranges::none_of(names_of(key), is_free);
}

std::string Config::shown(std::string_view key) const {
  if (!has(key)) return "none";
  if (!is_list(table_of(key))) return gradus::to_toml(value(key));
  std::string list;
  for (const std::string& name : names_of(key)) list += fmt::format("{}{}", list.empty() ? "" : ", ", shown(name));
  return fmt::format("[{}]", list);
}

std::string Config::to_toml() const {
  std::string out;
  for (const KeyTable& table : configuration_tables()) {
    if (table.name == "sweep") continue;
    const size_t times = table.is_list ? count(table.name) : 1;
    for (size_t i = 0; i < times; ++i) {
      std::string lines;
      for (const Key& key : configuration_keys()) {
        if (table_of(key.name) != table.name) continue;
        const std::string name = table.is_list ? item_name(key.name, i) : key.name;
        if (!has(name)) continue;
        lines += fmt::format("{}{} = {}\n", derived_.contains(name) ? "# by default: " : "", last_part(name),
                             gradus::to_toml(value(name)));
      }
      const bool stands = table.is_list || !lines.empty();
      if (stands) out += fmt::format("{}{}\n{}", out.empty() ? "" : "\n", table.heading(), lines);
    }
  }
  return out;
}

}  // namespace gradus
