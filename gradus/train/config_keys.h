// The table of configuration keys: parsing, errors, `--help` and docs/configuration.md all come from it.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/variant.h"

namespace gradus {

/// The value of a key. Choices are held as text; a batch size is an integer or the text "all", a penalty a real number
/// or the text "path".
using Value =
    Variant<int64_t, double, bool, std::string, std::vector<int64_t>, std::vector<double>, std::vector<std::string>>;

/// What a key accepts. `kBatchSize` is an integer or the word "all", `kRealOrWord` a real number or one of some
/// words; `kIntegers` and `kReals` are lists of one or more; `kCounts` is an integer or a list of them, held as a list;
/// `kTexts` is a text or a list of texts.
enum class ValueKind {
  kInteger,
  kReal,
  kBoolean,
  kText,
  kChoice,
  kBatchSize,
  kRealOrWord,
  kIntegers,
  kCounts,
  kReals,
  kTexts
};

/// The numbers that a key accepts; an open end is itself left out. Infinite ends mean "no limit".
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;

  /// False also for nan and infinities.
  bool contains(double number) const;
};

/// A choice that a key has no more, or that has another name elsewhere, and what to do now, which ends the error.
struct FormerChoice {
  std::string_view name;
  std::string_view now;
};

/// Kind, numeric range and choices (of `kRealOrWord`: words in the place of a number) of a key.
struct ValueType {
  ValueKind kind;
  Range range = {};
  std::vector<std::string_view> choices = {};
  std::vector<FormerChoice> former = {};

  /// What has to be written, e.g. `a real number above 0` or `"sgd" or "adamw"`.
  std::string requirement() const;
};

/// Default of a key that has to be given (where it applies).
struct Required {};

/// Default of a key that has no fixed value: `text` says what holds when it is not given, e.g. "none".
struct Unset {
  std::string_view text = "none";
};

/// What holds when the key is not given.
using Default = Variant<Required, Unset, int64_t, double, bool, const char*, std::vector<int64_t>, std::vector<double>>;

/// A key applies when the choice, or the word, of `key` is one of `choices`, or with `except` none of them; without
/// choices, when `key` is given at all, or with `except` when it is not. An empty `key` means always. Of keys in the
/// same list of tables it is the choice of the same item.
struct Condition {
  std::string key = {};
  std::vector<std::string_view> choices = {};
  bool except = false;

  /// E.g. `schedule.name = "linear" or "cosine"`; empty when it always applies.
  std::string text() const;
};

/// Defaults that take the place of the usual one where the choice `key` has one of these values. Of keys in the same
/// list of tables it is the choice of the same item.
struct DefaultsByChoice {
  struct One {
    std::string_view choice;
    Variant<double, bool, const char*, int64_t, std::vector<int64_t>> value;

    /// The value as that of a key.
    Value held() const;
  };
  std::string key = {};
  std::vector<One> values = {};
};

/// One key of the configuration. Of a list of tables it stands in each item: its values are "table.0.key",
/// "table.1.key" and so on.
struct Key {
  std::string name;  ///< "table.key"
  ValueType type;
  Default fallback;
  Condition condition;
  std::string_view text;       ///< One to three sentences of Markdown.
  std::string_view hint = {};  ///< Ends the error for a key that does not apply; by default "remove it …".
  /// Of several that have the choice the first holds.
  std::vector<DefaultsByChoice> by_choice = {};

  /// The usual default as a value; nothing for `Required` and `Unset`.
  std::optional<Value> usual_value() const;
  /// The default where `choice_of` a key says the choice that was made of it, nothing if there is none.
  std::optional<Value> default_value(const std::function<std::string(const std::string& key)>& choice_of) const;
};

/// One table of the TOML file, or a list of tables: [[name]], any number of times.
struct KeyTable {
  std::string_view name;
  std::string_view text;
  bool is_list = false;

  /// "[name]" or "[[name]]".
  std::string heading() const;
};

/// All tables, in the order in which they are written and documented.
std::span<const KeyTable> configuration_tables();

/// All keys, grouped by table, in the order of `configuration_tables()`.
std::span<const Key> configuration_keys();

/// All before the last dot of a key's name.
std::string_view table_of(std::string_view key);

/// All after the last dot of a key's name.
std::string_view last_part(std::string_view key);

/// The table of this name; nullptr if there is none.
const KeyTable* find_table(std::string_view name);

/// The key of this name, or of this name without its number ("optimizer.groups.0.pattern"); nullptr if there is none.
const Key* find_key(std::string_view name);

/// The place in a list that a name says ("optimizer.groups.0.pattern"); nothing if it says none.
std::optional<size_t> item_of(std::string_view name);

/// "optimizer.groups.pattern" as it is called in one item of the list: "optimizer.groups.0.pattern".
std::string item_name(std::string_view key, size_t item);

/// The name without its number, if it is in an item of a list of tables.
std::string without_item(std::string_view name);

/// Whether a run that goes on with another value of this key can come to another result than it would have.
bool changes_result(std::string_view key);

/// The value as TOML; real numbers are as short as can be while they read back to the same bits.
std::string to_toml(const Value& value);

/// The ending of an error about an unknown `name`: `; did you mean "a" or "b"?` with the nearest of `known`, by edit
/// distance of the parts, whatever their case; the right last part in another table is near ("model.seed" finds
/// "train.seed"), and so is what was shortened ("lr", "batch"), before what was misspelt. Empty when nothing is near.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

/// `"a", "b" or "c"`.
std::string quoted_list(std::span<const std::string_view> names);

/// Plain text for `--help`: all keys, or those of one table ("optimizer"), or one key ("optimizer.name"). A name that
/// is neither is a usage error that names the nearest.
std::string configuration_help(std::string_view name = {});

/// The text of docs/configuration.md.
std::string configuration_reference();

}  // namespace gradus
