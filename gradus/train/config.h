// The configuration of a training run: one TOML file and `--set` overrides, checked against the table of keys.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/train/config_keys.h"

namespace gradus {

namespace internal {

/// One entry of a TOML text.
struct TomlEntry {
  std::string name;            ///< Dotted from the root.
  std::string where;           ///< source:line:column of its name.
  bool is_table = false;       ///< Its entries follow on their own.
  bool is_list = false;        ///< A list of tables, which follow on their own.
  std::optional<size_t> item;  ///< Of a table in a list of tables: its place. Names of its entries contain it.
  std::optional<Value> value;  ///< Nothing for a table, and for what no key can hold.
  std::vector<Value> items;    ///< Of a list of values, which may be of different types, or lists; else none.
  std::string other;           ///< What it is when there is no value, e.g. "a date".
};

}  // namespace internal

/// A checked configuration. Every error in what the user wrote is a usage error whose subject is the place
/// (`file:line:column`, or the `--set` argument). Asking for a key that is not in the table, or by the wrong type, or
/// for one without a value (see `has`), is an error in the program and throws too. Keys of a list of tables are asked
/// for by `item_name`; the questions about a key and
/// `shown` take the bare key too, which stands for all items.
class Config {
 public:
  /// Of overrides that another option of the command line stands for: that option as it was typed, which errors name.
  using Typed = std::map<std::string, std::string>;

  /// Reads the TOML file at `path`, then applies `overrides` in their order (the last of equal keys holds). An override
  /// is `table.key=value`: the value is TOML, or a bare word or path, which is text. `~table.key` takes a key out, as
  /// if the file did not have it.
  static Config load(const std::string& path, const std::vector<std::string>& overrides = {}, const Typed& typed = {});

  /// The same with the file's text at hand; errors call it `source_name`.
  static Config parse(std::string_view text, std::string_view source_name,
                      const std::vector<std::string>& overrides = {}, const Typed& typed = {});

  /// The override that sets `key` to `text` literally, e.g. for `--data 1984` (a path, not a number).
  static std::string text_override(std::string_view key, std::string_view text);

  /// A copy with these overrides too, checked as a whole.
  Config with(const std::vector<std::string>& overrides, const Typed& typed = {}) const;

  /// Gives `key` a value and checks everything again; errors name `subject`, e.g. "--seed". On an error the
  /// configuration is as before.
  void set(std::string_view key, Value value, std::string_view subject);

  int64_t integer(std::string_view key) const;
  double real(std::string_view key) const;
  bool boolean(std::string_view key) const;
  /// Of keys of kind text and choice.
  const std::string& text(std::string_view key) const;
  const std::vector<int64_t>& integers(std::string_view key) const;
  const std::vector<double>& reals(std::string_view key) const;
  /// Of a text or a list of texts.
  std::vector<std::string> texts(std::string_view key) const;
  /// Of `train.batch_size`: nothing stands for "all".
  std::optional<int64_t> batch_size(std::string_view key) const;

  /// Of keys that take a number or a word (`regularization.l1`, `schedule.warmup_from`): nothing where it is a word.
  std::optional<double> number(std::string_view key) const;

  /// The number of items in a list of tables.
  size_t count(std::string_view table) const;
  /// What the bare key of a list of tables is called in each item; any other key's own name.
  std::vector<std::string> names_of(std::string_view key) const;

  /// Whether it has a [sweep], which `gradus sweep` follows.
  bool is_swept() const { return is_swept_; }
  /// What [sweep.keys] holds, as it was read; gradus/train/sweep.h knows what it means.
  const std::vector<internal::TomlEntry>& swept_keys() const { return swept_keys_; }
  /// Whether the user gave the key.
  bool is_set(std::string_view key) const;
  /// Whether the user gave the key on the command line: as an override, or by `set`.
  bool is_named(std::string_view key) const;
  /// Whether the key's value, or that it has none, follows from other keys.
  bool follows(std::string_view key) const;
  /// Whether the key has a meaning in this configuration.
  bool applies(std::string_view key) const;
  /// Whether the key has a value: it applies to this configuration, and it was given or has a default.
  bool has(std::string_view key) const;
  /// Where the key was given; for a default, where its item of a list of tables stands, or the name of the source.
  /// Meant as the subject of an error about its value.
  std::string where(std::string_view key) const;

  /// Every key of a run that has a value, as TOML in table order; one that follows from others stands there as a
  /// comment. Loading it gives the same values again. [sweep] is left out.
  std::string to_toml() const;
  /// The key's value as TOML; "none" for one without a value.
  std::string shown(std::string_view key) const;

 private:
  struct Given {
    Value value;
    std::string where;
  };

  explicit Config(std::string_view source_name) : source_(source_name) {}
  void give_override(const std::string& argument, const std::string& where);
  void take_out(const std::string& name);
  void give(const internal::TomlEntry& entry);
  void resolve();
  void resolve_key(const Key& key, const std::string& name);
  void derive_defaults();
  std::optional<Value> given_or_default(const Key& key, std::string_view name) const;
  std::optional<Value> choice_for(std::string_view name, std::string_view control) const;
  [[noreturn]] void fail_where_it_does_not_apply(const Key& key, std::string_view name) const;
  const Value& value(std::string_view key) const;

  std::string source_;
  bool is_swept_ = false;
  std::vector<internal::TomlEntry> swept_keys_;
  std::map<std::string, Given, std::less<>> given_;
  std::map<std::string, std::vector<std::string>, std::less<>> items_;  // of lists of tables: where each item stands
  std::map<std::string, Value, std::less<>> values_;
  std::set<std::string, std::less<>> derived_;  // of values_: those that follow from others
};

/// Whether the model is one of clusters, "kmeans" or "gmm", which learns no target.
bool makes_clusters(const Config& config);
/// Whether `data.target` names several columns: probabilities of classes, or numbers that are learned together.
bool has_several_targets(const Config& config);
/// Whether targets are probabilities: `data.target` has a column for each class, or with `loss.soft_labels` one for the
/// second of two.
bool has_soft_labels(const Config& config);
/// Whether the model learns a target that the data tells of each example: not clusters, nor codes.
bool learns_target(const Config& config);
/// Whether no part of the data is kept for validation: `data.validation_fraction` is 0, and nothing stands in its place.
bool holds_none_out(const Config& config);

namespace internal {

/// The table whose keys are names of keys.
inline constexpr std::string_view kSweptKeys = "sweep.keys";

/// The entries of the root, of its tables, of the lists of tables in them and of the tables in [sweep.keys], by place
/// in the text; other tables inside tables are entries, unopened. One in [sweep.keys] that lies too deep is no table.
/// Malformed TOML is a usage error.
std::vector<TomlEntry> read_toml(std::string_view text, std::string_view source);

/// `text` as a TOML value; an entry without a value and without `other` if it is not TOML, but for an integer that is
/// too large: `other` says so.
TomlEntry read_toml_value(std::string_view text);

}  // namespace internal
}  // namespace gradus
