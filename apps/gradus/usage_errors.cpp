#include "apps/gradus/usage_errors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/train/config_keys.h"

namespace gradus::command {
namespace {

std::vector<std::string> names_of_verbs(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

// Of "--seed=3", "--seed".
std::string name_in(const std::string& word) { return word.substr(0, word.find('=')); }

std::vector<std::string> names_of_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// "; did you mean …? Otherwise", or ";".
std::string ending(std::string_view word, const std::vector<std::string>& known) {
  const std::string nearest = did_you_mean(word, std::vector<std::string_view>(known.begin(), known.end()));
  return nearest.empty() ? ";" : nearest + " Otherwise";
}

// What stands behind `before`; nothing if the text does not begin with it.
std::string_view after(std::string_view text, std::string_view before) {
  return text.starts_with(before) ? text.substr(before.size()) : std::string_view();
}

template <class Kind>
bool is(const CLI::ParseError& error) {
  return dynamic_cast<const Kind*>(&error) != nullptr;
}

// The verb as it was typed, "gradus data show", and what CLI11 knows of it.
class Place {
 public:
  Place(const CLI::App& app, const std::vector<std::string>& words) : app_(&app), name_(app.get_name()) {
    while (!app_->get_subcommands().empty()) {
      app_ = app_->get_subcommands().front();
      name_ += " " + app_->get_name();
      const auto verb = std::find(words.begin() + behind_, words.end(), app_->get_name());
      if (!misplaced_ && verb != words.begin() + behind_) misplaced_ = words[static_cast<size_t>(behind_)];
      behind_ = std::min(verb - words.begin() + 1, std::ssize(words));
    }
    for (const CLI::App* at = app_; at != nullptr; at = at->get_parent()) {
      for (const std::string& word : at->remaining()) {
        if (!left_over_ && word != "--") left_over_ = word;
      }
    }
  }

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    fail_usage(name_, "{} see `{} --help`", fmt::format(format, std::forward<Args>(args)...), name_);
  }

  // Where a verb is missing, or another word stands in its place.
  [[noreturn]] void fail_verb(const std::string& word) const {
    const std::vector<std::string> verbs = names_of_verbs(*app_);
    if (word.empty()) fail("a verb is missing, such as {};", verbs.front());
    if (word.starts_with('-')) fail("unknown option \"{}\"{}", word, ending(word, names_of_options(*app_)));
    fail("unknown verb \"{}\"{}", word, ending(word, verbs));
  }

  // A verb that has no verbs below it takes no word in front of it.
  void check_in_front() const {
    if (!misplaced_) return;
    if (!knows(*misplaced_)) fail_extra(*misplaced_);
    fail("{} stands before its verb; put it behind {}, or", name_in(*misplaced_), app_->get_name());
  }

  [[noreturn]] void fail_extra(const std::string& word) const {
    // It was recognized nowhere else.
    if (knows(word)) fail("{} stands behind --, where no word is an option; put it before that, or", word);
    if (word.starts_with('-')) fail("unknown option \"{}\"{}", word, ending(word, names_of_options(*app_)));
    fail("\"{}\" is one argument too many;", word);
  }

  // "--prompt is required"
  [[noreturn]] void fail_missing(std::string_view text) const {
    fail("{} is required;", text.substr(0, text.find(" is required")));
  }

  // "--set: 1 required a.b=c missing", "--seed: At Most 1 required but received 2"
  [[noreturn]] void fail_count(std::string_view text) const {
    const std::string name(text.substr(0, text.find(':')));
    const CLI::Option* option = app_->get_option_no_throw(name);
    if (option == nullptr) fail_as_told(text);
    if (text.find("At Most") != std::string_view::npos) fail("{} stands there more than once; give it once, or", name);
    fail("{} needs a value, {} {};", name, name, option->get_type_name());
  }

  // "--from = abc"
  [[noreturn]] void fail_value(std::string_view text) const {
    const size_t at = text.find(" = ");
    const std::string name(text.substr(0, at));
    if (app_->get_option_no_throw(name) == nullptr) fail_as_told(text);
    fail("{} must be a number; found \"{}\";", name, text.substr(std::min(text.size(), at + 3)));
  }

  // "--part: foo not in {validation,training}"
  [[noreturn]] void fail_choice(std::string_view text) const {
    const size_t colon = text.find(": "), middle = text.find(" not in {");
    if (colon == std::string_view::npos || middle == std::string_view::npos || !text.ends_with('}')) fail_as_told(text);
    const std::string_view value = text.substr(colon + 2, middle - colon - 2);
    std::string_view list = text.substr(middle + 9, text.size() - middle - 10);
    std::vector<std::string> choices;
    for (size_t comma = list.find(','); comma != std::string_view::npos; comma = list.find(',')) {
      choices.emplace_back(list.substr(0, comma));
      list.remove_prefix(comma + 1);
    }
    const std::string last(list);
    const std::string expected = choices.empty() ? last : fmt::format("{} or {}", fmt::join(choices, ", "), last);
    choices.push_back(last);
    fail("{} must be {}; found \"{}\"{}", text.substr(0, colon), expected, value, ending(value, choices));
  }

  // `--dry-run=no` would set it. What stands behind an option that needs a value is that, whatever it looks like.
  void check_flags(const std::vector<std::string>& words) const {
    for (auto i = static_cast<size_t>(behind_); i < words.size() && words[i] != "--"; ++i) {
      const std::string name = name_in(words[i]);
      const CLI::Option* option = name.starts_with("--") ? app_->get_option_no_throw(name) : nullptr;
      if (option == nullptr) continue;
      if (name == words[i]) {
        i += static_cast<size_t>(option->get_expected_min());
      } else if (option->get_expected_max() == 0) {
        fail("{} takes no value; found \"{}\";", name, words[i].substr(name.size() + 1));
      }
    }
  }

  void check_empty() const {
    // What may be empty, or has a message of its own for that.
    constexpr std::string_view kOwn[] = {"TEXT", "TOML", "[RUN]", "a.b=c", "a.b", "KEY=…", "key=value"};
    for (const CLI::Option* option : app_->get_options()) {
      const std::vector<std::string>& values = option->results();
      const std::string type = option->get_type_name();
      if (std::find(values.begin(), values.end(), "") == values.end()) continue;
      if (std::find(std::begin(kOwn), std::end(kOwn), type) != std::end(kOwn)) continue;
      fail("{} is empty; expected {};", option->get_name(), type);
    }
  }

  // For what none of the above knows.
  [[noreturn]] void fail_as_told(std::string_view text) const { fail("{};", text); }

  bool lacks_verb() const { return app_->get_require_subcommand_min() > 0; }
  const std::optional<std::string>& left_over() const { return left_over_; }

 private:
  bool knows(const std::string& word) const {
    return word.starts_with("--") && app_->get_option_no_throw(name_in(word)) != nullptr;
  }

  const CLI::App* app_;
  std::string name_;
  std::ptrdiff_t behind_ = 1;             // the verb, in the words
  std::optional<std::string> misplaced_;  // the first word that stands before the verb it could belong to
  std::optional<std::string> left_over_;  // the first that nothing has taken
};

}  // namespace

void fail_parse(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& words) {
  const Place place(app, words);
  const std::string text = error.what();
  const std::optional<std::string> left_over = place.left_over();
  const bool at_root = app.get_subcommands().empty();
  if (place.lacks_verb()) place.fail_verb(!at_root ? left_over.value_or("") : words.size() > 1 ? words[1] : "");
  place.check_in_front();
  place.check_flags(words);
  // A name that is spelt wrong is more than that something is missing, which it may have been.
  const bool is_missing = is<CLI::RequiredError>(error);
  if (left_over && (is<CLI::ExtrasError>(error) || (is_missing && left_over->starts_with('-')))) {
    place.fail_extra(*left_over);
  }
  if (is_missing) place.fail_missing(text);
  if (is<CLI::ArgumentMismatch>(error)) place.fail_count(text);
  if (is<CLI::ConversionError>(error)) place.fail_value(after(text, "Could not convert: "));
  if (is<CLI::ValidationError>(error)) place.fail_choice(text);
  const size_t excludes = text.find(" excludes ");
  if (is<CLI::ExcludesError>(error) && excludes != std::string::npos) {
    place.fail("{} and {} do not go together; leave one out, or", text.substr(0, excludes), text.substr(excludes + 10));
  }
  place.fail_as_told(text);
}

void check_words(const CLI::App& app, const std::vector<std::string>& words) {
  const Place place(app, words);
  place.check_flags(words);
  place.check_empty();
}

}  // namespace gradus::command
