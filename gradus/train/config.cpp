#include "gradus/train/config.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/train/schedule_config.h"

namespace gradus {
namespace {

using internal::TomlEntry;

bool is_numbered(std::string_view table) {
  const KeyTable* known = find_table(table);
  return known != nullptr && known->number > 0;
}

/// Of the keys that could be meant by this one: those of numbered tables are for names in the same one only.
std::vector<std::string_view> key_names(std::string_view meant) {
  std::vector<std::string_view> names;
  for (const Key& key : configuration_keys()) {
    const std::string_view table = table_of(key.name);
    if (!is_numbered(table) || table == table_of(meant)) names.push_back(key.name);
  }
  return names;
}

std::vector<std::string_view> table_names() {
  std::vector<std::string_view> names;
  for (const KeyTable& table : configuration_tables()) {
    if (table.number == 0) names.push_back(table.name);
  }
  return names;
}

bool is_table(std::string_view name) { return find_table(name) != nullptr; }

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

[[noreturn]] void fail_unknown_key(std::string_view name, std::string_view where) {
  const std::vector<std::string_view> names = key_names(name);
  std::string ending = did_you_mean(name, names);
  if (ending.empty() && is_table(table_of(name))) {
    ending = fmt::format("; [{}] has", table_of(name));
    for (std::string_view known : names) {
      if (table_of(known) == table_of(name)) ending += fmt::format(" {}", known.substr(known.rfind('.') + 1));
    }
  } else if (ending.empty()) {
    ending = "; docs/configuration.md lists all keys";
  }
  fail_usage(where, "unknown key {}{}", shown(name), ending);
}

[[noreturn]] void fail_unknown_table(std::string_view name, std::string_view where) {
  std::string ending = did_you_mean(name, table_names());
  if (name.starts_with("schedule.")) {
    ending = fmt::format("; a sequence has the parts \"schedule.1\" to \"schedule.{}\"", kMostScheduleParts);
  }
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
    case ValueKind::kBoolean:
      good = std::holds_alternative<bool>(value);
      break;
    case ValueKind::kText:
      good = text && !text->empty() && text->find('\0') == std::string::npos && is_toml(*text);  // no path has a NUL
      break;
    case ValueKind::kChoice:
      good = text && std::ranges::find(type.choices, *text) != type.choices.end();
      break;
    case ValueKind::kIntegers: {
      const auto* list = std::get_if<std::vector<int64_t>>(&value);
      good = list && !list->empty() && std::ranges::all_of(*list, within);
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
  if (text && key.type.kind == ValueKind::kChoice) ending = did_you_mean(*text, key.type.choices);
  if (text && key.type.kind == ValueKind::kBatchSize)
    ending = did_you_mean(*text, std::vector<std::string_view>{"all"});
  if (text && text->find('\0') != std::string::npos) ending = "; a NUL character is not allowed";
  if (text && key.type.kind == ValueKind::kText && !is_toml(*text)) ending = "; it is not valid UTF-8";
  const bool counts = key.type.kind == ValueKind::kInteger || key.type.kind == ValueKind::kBatchSize;
  if (real && counts && std::trunc(*real) == *real && std::abs(*real) < 0x1p53) {
    ending = fmt::format("; write {}", static_cast<int64_t>(*real));
  }
  fail_value(key, described(value), where, ending);
}

void check_gpt(const Config& config) {
  const int64_t width = config.integer("model.width"), heads = config.integer("model.heads");
  const std::string_view key = config.is_set("model.heads") ? "model.heads" : "model.width";
  if (width % heads != 0) {
    fail_usage(config.where(key), "model.width = {} must be a multiple of model.heads = {}", width, heads);
  }
  if (config.text("model.positions") == "rotary" && width / heads % 2 != 0) {
    fail_usage(config.where(key),
               "model.positions = \"rotary\" turns pairs of numbers, and model.width / model.heads = {} / {} is odd",
               width, heads);
  }
  if (config.has("model.kv_heads") && heads % config.integer("model.kv_heads") != 0) {
    fail_usage(config.where("model.kv_heads"), "model.kv_heads = {} must divide model.heads = {}",
               config.integer("model.kv_heads"), heads);
  }
}

void check_data_and_model(const Config& config) {
  const bool is_text = config.text("data.kind") == "text";
  const bool is_gpt = config.text("model.kind") == "gpt";
  if (is_text != is_gpt) {
    fail_usage(config.where("model.kind"), "model.kind = \"{}\" does not go with data.kind = \"{}\"; {}",
               config.text("model.kind"), config.text("data.kind"),
               is_text ? "text is for \"gpt\"" : "a line is for \"linear\" or \"mlp\"");
  }
  if (!is_text && !(config.real("data.x_min") < config.real("data.x_max"))) {
    fail_usage(config.where(config.is_set("data.x_max") ? "data.x_max" : "data.x_min"),
               "data.x_min = {} must be below data.x_max = {}", config.real("data.x_min"), config.real("data.x_max"));
  }
  if (is_gpt) check_gpt(config);
  const bool nesterov = config.has("optimizer.nesterov") && config.boolean("optimizer.nesterov");
  if (nesterov && config.real("optimizer.momentum") == 0.0) {
    fail_usage(config.where("optimizer.nesterov"), "optimizer.nesterov needs optimizer.momentum above 0, e.g. 0.9");
  }
}

void check_training(const Config& config) {
  if (!config.has("train.steps") && !config.has("train.epochs")) {
    fail_usage(config.where("train.steps"), "the length of the run is missing; give train.steps, train.epochs or both");
  }
  const std::optional<int64_t> batch = config.batch_size("train.batch_size");
  if (batch && config.has("train.micro_batch_size") && config.integer("train.micro_batch_size") > *batch) {
    fail_usage(config.where("train.micro_batch_size"),
               "train.micro_batch_size = {} is above train.batch_size = {}; a batch is cut into micro-batches",
               config.integer("train.micro_batch_size"), *batch);
  }
  const bool validates = config.integer("validation.every") > 0;
  if (config.text("train.stop_on") == "validation") {
    const bool has_loss = config.has("train.stop_loss");
    if (!has_loss || !validates) {
      fail_usage(config.where("train.stop_on"), "train.stop_on = \"validation\" needs {}",
                 has_loss ? "validation.every above 0" : "train.stop_loss");
    }
  }
  for (const char* key : {"train.patience", "train.restore_best"}) {
    const bool wanted = config.has(key) && config.shown(key) != "false";
    if (!wanted || validates) continue;
    fail_usage(config.where(key), "{} = {} needs validation.every above 0: it goes by the validation loss", key,
               config.shown(key));
  }
  if (validates && config.real("data.validation_fraction") == 0.0) {
    fail_usage(config.where("validation.every"),
               "validation.every = {} needs held-out data; set data.validation_fraction above 0, e.g. 0.1",
               config.integer("validation.every"));
  }
}

/// What no single key shows. Each key on its own, and whether it applies, has been checked before.
void check_combinations(const Config& config) {
  check_training(config);
  check_data_and_model(config);
  check_schedule_keys(config);
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

Config Config::load(const std::string& path, const std::vector<std::string>& overrides) {
  constexpr int64_t kLargest = 1 << 16;  // also bounds how deep toml++ recurses
  std::string text;
  try {
    text = read_file(path, kLargest);
  } catch (const Error& error) {
    fail_usage(path, "{}; give the path of a configuration in TOML, for example one from recipes/", error.message());
  }
  return parse(text, path, overrides);
}

Config Config::parse(std::string_view text, std::string_view source_name, const std::vector<std::string>& overrides) {
  Config config(source_name);
  for (const TomlEntry& entry : internal::read_toml(text, source_name)) {
    const Key* key = find_key(entry.name);
    if (!key && entry.is_table) {
      if (!is_table(entry.name)) fail_unknown_table(entry.name, entry.where);
      continue;
    }
    if (!key && is_table(entry.name)) {
      fail_usage(entry.where, "\"{0}\" is a table; write [{0}] and its keys below it", entry.name);
    }
    if (!key) fail_unknown_key(entry.name, entry.where);
    if (!entry.value) fail_value(*key, entry.other, entry.where);
    config.given_[entry.name] = {checked(*key, *entry.value, entry.where), entry.where};
  }
  for (const std::string& argument : overrides) config.give_override(argument);
  config.resolve();
  return config;
}

std::string Config::text_override(std::string_view key, std::string_view text) {
  return fmt::format("{}={}", key, gradus::to_toml(std::string(text)));
}

void Config::give_override(const std::string& argument) {
  const std::string where = "--set " + argument;
  const size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    fail_usage(where, "expected key=value, for example --set optimizer.learning_rate=0.1");
  }
  const std::string name = argument.substr(0, equals);
  const std::string right = argument.substr(equals + 1);
  const Key* key = find_key(name);
  if (!key && is_table(name)) fail_usage(where, "\"{0}\" is a table; set one of its keys, {0}.key=value", name);
  if (!key) fail_unknown_key(name, where);
  const TomlEntry entry = internal::read_toml_value(right);
  const bool wants_text = key->type.kind == ValueKind::kText || key->type.kind == ValueKind::kChoice;
  const bool quoted = entry.value && std::holds_alternative<std::string>(*entry.value);
  // A path like 1984 or a name like true is text where text is wanted.
  const bool bare = wants_text ? !quoted : !entry.value && entry.other.empty();
  if (!bare && !entry.value) fail_value(*key, entry.other, where);
  given_[name] = {checked(*key, bare ? Value(right) : *entry.value, where), where};
}

void Config::set(std::string_view key, Value value, std::string_view subject) {
  const Key& known = known_key(key);
  Config changed = *this;
  changed.given_[std::string(key)] = {checked(known, value, subject), std::string(subject)};
  changed.resolve();
  *this = std::move(changed);
}

std::optional<Value> Config::given_or_default(const Key& key) const {
  const auto given = given_.find(key.name);
  return given != given_.end() ? std::optional(given->second.value) : key.default_value();
}

bool Config::applies(const Key& key) const {
  const Condition& condition = key.condition;
  if (condition.key.empty()) return true;
  const std::optional<Value> value = given_or_default(*find_key(condition.key));
  if (!value || condition.choices.empty()) return value.has_value();
  const bool named = std::ranges::find(condition.choices, std::get<std::string>(*value)) != condition.choices.end();
  return named != condition.except;
}

void Config::fail_where_it_does_not_apply(const Key& key) const {
  const std::string_view control = key.condition.key;
  const std::optional<Value> found = given_or_default(*find_key(control));
  if (!found) {
    fail_usage(where(key.name), "\"{}\" applies to {}, and there is no {}; set that, or remove \"{}\"", key.name,
               key.condition.text(), control, key.name);
  }
  const std::string remove = fmt::format("remove it, or change {}", control);
  const std::string_view next = key.hint.empty() ? remove : key.hint;
  const std::string& name = std::get<std::string>(*found);
  if (key.condition.except) {
    fail_usage(where(key.name), "\"{}\" does not apply to {} = \"{}\"; {}", key.name, control, name, next);
  }
  fail_usage(where(key.name), "\"{}\" applies to {}, not to \"{}\"; {}", key.name, key.condition.text(), name, next);
}

void Config::resolve() {
  values_.clear();
  derived_.clear();
  // The choices that conditions ask for come first in the table, or have a default: they are known here.
  for (const Key& key : configuration_keys()) {
    const bool given = is_set(key.name);
    if (!applies(key)) {
      if (given) fail_where_it_does_not_apply(key);
      continue;
    }
    if (const std::optional<Value> value = given_or_default(key)) {
      values_.emplace(key.name, *value);
    } else if (std::holds_alternative<Required>(key.fallback)) {
      const std::string reason = key.condition.key.empty() ? "" : fmt::format(" with {}", key.condition.text());
      fail_usage(source_, "required key \"{}\" is missing; set it{} to {}{}", key.name, reason, key.type.requirement(),
                 key.name == "data.path" ? ", or give --data FILE" : "");
    }
  }
  derive_defaults();
  check_combinations(*this);
}

void Config::derive_defaults() {
  const auto derive = [&](const std::string& key, Value value) {
    if (values_.try_emplace(key, std::move(value)).second) derived_.insert(key);
  };
  // Only the trainer knows whether a number is the whole batch too.
  if (!batch_size("train.batch_size")) derive("train.stop_window", int64_t{1});
  derive("data.validation_fraction", text("data.kind") == "text" ? 0.1 : 0.0);
  if (applies(*find_key("schedule.total_steps")) && has("train.steps")) {
    derive("schedule.total_steps", integer("train.steps"));
  }
  for (const KeyTable& table : configuration_tables()) {
    if (!table.name.starts_with("schedule")) continue;
    const auto own = [&](const char* key) { return fmt::format("{}.{}", table.name, key); };
    if (applies(*find_key(own("timescale")))) {
      constexpr int64_t kWithoutWarmup = 10000;
      const int64_t warmup = integer(own("warmup_steps"));
      derive(own("timescale"), warmup > 0 ? warmup : kWithoutWarmup);
    }
    if (applies(*find_key(own("rise_fraction")))) {
      derive(own("rise_fraction"), text(own("name")) == "one_cycle" ? 0.3 : 0.5);
    }
  }
}

const Value& Config::value(std::string_view key) const {
  const auto found = values_.find(known_key(key).name);
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

std::optional<int64_t> Config::batch_size(std::string_view key) const {
  const bool is_all =
      known_key(key).type.kind == ValueKind::kBatchSize && std::holds_alternative<std::string>(value(key));
  return is_all ? std::nullopt : std::optional(integer(key));
}

bool Config::is_set(std::string_view key) const { return given_.find(known_key(key).name) != given_.end(); }
bool Config::applies(std::string_view key) const { return applies(known_key(key)); }
bool Config::has(std::string_view key) const { return values_.find(known_key(key).name) != values_.end(); }

std::string Config::where(std::string_view key) const {
  const auto given = given_.find(known_key(key).name);
  return given != given_.end() ? given->second.where : source_;
}

bool Config::is_named(std::string_view key) const { return is_set(key) && where(key).starts_with("--"); }

bool Config::follows(std::string_view key) const { return derived_.contains(key) || !applies(known_key(key)); }

std::string Config::shown(std::string_view key) const { return has(key) ? gradus::to_toml(value(key)) : "none"; }

std::string Config::to_toml() const {
  std::string out;
  for (const KeyTable& table : configuration_tables()) {
    std::string lines;
    for (const Key& key : configuration_keys()) {
      if (table_of(key.name) != table.name || !has(key.name)) continue;
      lines += fmt::format("{}{} = {}\n", derived_.contains(key.name) ? "# by default: " : "",
                           key.name.substr(key.name.rfind('.') + 1), gradus::to_toml(value(key.name)));
    }
    if (!lines.empty()) out += fmt::format("{}[{}]\n{}", out.empty() ? "" : "\n", table.name, lines);
  }
  return out;
}

}  // namespace gradus
