#include "apps/gradus/usage_errors.h"

#include <fmt/ranges.h>

#include <algorithm>
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
  explicit Place(const CLI::App& app) : app_(&app), name_(app.get_name()) {
    while (!app_->get_subcommands().empty()) {
      app_ = app_->get_subcommands().front();
      name_ += " " + app_->get_name();
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

  [[noreturn]] void fail_extra(const std::string& word) const {
    if (word.starts_with('-')) fail("unknown option \"{}\"{}", word, ending(word, names_of_options(*app_)));
    fail("\"{}\" is one argument too many;", word);
  }

  // "--set: 1 required a.b=c missing", "--seed: At Most 1 required but received 2"
  [[noreturn]] void fail_count(std::string_view text) const {
    const std::string name(text.substr(0, text.find(':')));
    const CLI::Option* option = app_->get_option_no_throw(name);
    if (option == nullptr) fail("{};", text);
    if (text.find("At Most") != std::string_view::npos) fail("{} stands there more than once; give it once, or", name);
    fail("{} needs a value, {} {};", name, name, option->get_type_name());
  }

  // "--from = abc"
  [[noreturn]] void fail_value(std::string_view text) const {
    const size_t at = text.find(" = ");
    const std::string name(text.substr(0, at));
    const CLI::Option* option = app_->get_option_no_throw(name);
    if (option == nullptr) fail("{};", text);
    const std::string_view value = text.substr(std::min(text.size(), at + 3));
    if (option->get_expected_max() == 0) fail("{} takes no value; found \"{}\";", name, value);
    fail("{} must be a number; found \"{}\";", name, value);
  }

  // "--part: foo not in {validation,training}"
  [[noreturn]] void fail_choice(std::string_view text) const {
    const size_t colon = text.find(": "), middle = text.find(" not in {");
    if (colon == std::string_view::npos || middle == std::string_view::npos || !text.ends_with('}')) fail("{};", text);
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

  bool lacks_verb() const { return app_->get_require_subcommand_min() > 0; }
  std::string first_left_over() const {
    const std::vector<std::string> left = app_->remaining();
    return left.empty() ? "" : left.front();
  }

 private:
  const CLI::App* app_;
  std::string name_;
};

}  // namespace

void fail_parse(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const Place place(app);
  const std::string text = error.what(), left_over = place.first_left_over();
  const bool at_root = app.get_subcommands().empty();
  if (place.lacks_verb()) place.fail_verb(!at_root ? left_over : argc > 1 ? argv[1] : "");
  // A name that is spelt wrong is more than that something is missing, which it may have been.
  const bool is_extra = is<CLI::ExtrasError>(error);
  if (is_extra || (is<CLI::RequiredError>(error) && left_over.starts_with('-'))) {
    place.fail_extra(left_over.empty() ? text : left_over);
  }
  if (is<CLI::ArgumentMismatch>(error)) place.fail_count(text);
  if (is<CLI::ConversionError>(error)) place.fail_value(after(text, "Could not convert: "));
  if (is<CLI::ValidationError>(error)) place.fail_choice(text);
  const size_t excludes = text.find(" excludes ");
  if (is<CLI::ExcludesError>(error) && excludes != std::string::npos) {
    place.fail("{} and {} do not go together; leave one out, or", text.substr(0, excludes), text.substr(excludes + 10));
  }
  place.fail("{};", text);
}

}  // namespace gradus::command
