// Lists of tables in a configuration.
#include <gtest/gtest.h>

#include <cmath>

#include "gradus/train/resume.h"
#include "tests/train/configs.h"

namespace gradus {
namespace config_lists_test {

TEST(ConfigLists, HoldItemsInTheirOrder) {
  const Config config = Config::parse(kGroups, "run.toml");
  ASSERT_EQ(config.count("optimizer.groups"), 2u);
  EXPECT_EQ(config.text("optimizer.groups.0.pattern"), "*.bias");
  EXPECT_EQ(config.real("optimizer.groups.0.weight_decay"), 0.0);
  EXPECT_FALSE(config.has("optimizer.groups.0.freeze"));
  EXPECT_TRUE(config.has("optimizer.groups.freeze")) << "of any item";
  EXPECT_EQ(config.text("optimizer.groups.1.pattern"), "*");
  EXPECT_EQ(config.where("optimizer.groups.1.pattern"), "run.toml:14:1");
  EXPECT_EQ(config.shown("optimizer.groups.pattern"), "[\"*.bias\", \"*\"]");
  EXPECT_EQ(config.shown("optimizer.groups.weight_decay"), "[0.0, none]");
  EXPECT_EQ(config.shown("optimizer.groups.muon"), "none");
  EXPECT_NE(config.to_toml().find("\n[[optimizer.groups]]\npattern = \"*.bias\"\nweight_decay = 0.0\n"
                                  "\n[[optimizer.groups]]\npattern = \"*\"\nlearning_rate_factor = 0.5\n"
                                  "freeze = false\n\n[schedule]\n"),
            std::string::npos);
  EXPECT_EQ(line().count("optimizer.groups"), 0u);
  const std::string in_line = kLine + "[optimizer]\ngroups = [{pattern = \"a\"}, {pattern = \"b\", freeze = true}]\n";
  EXPECT_TRUE(Config::parse(in_line, "run.toml").boolean("optimizer.groups.1.freeze"));
  EXPECT_EQ(Config::parse("optimizer.groups = []\n" + kLine, "run.toml").count("optimizer.groups"), 0u);
}

TEST(ConfigLists, OverridesCountTheItems) {
  const Config config = Config::parse(
      kGroups, "run.toml", {"optimizer.groups.0.pattern=*.weight", "optimizer.groups.2.pattern=x", "log.every=3"});
  EXPECT_EQ(config.count("optimizer.groups"), 3u);
  EXPECT_EQ(config.text("optimizer.groups.0.pattern"), "*.weight");
  EXPECT_EQ(config.text("optimizer.groups.2.pattern"), "x");
  EXPECT_EQ(line_error({"optimizer.groups.1.pattern=x"}),
            "[--set optimizer.groups.1.pattern=x] there are 0 of them; the next is optimizer.groups.0.pattern");
  EXPECT_EQ(line_error({"optimizer.groups.pattern=x"}),
            "[--set optimizer.groups.pattern=x] \"optimizer.groups\" is a list of tables; say which: --set "
            "optimizer.groups.0.pattern=x");
  EXPECT_EQ(line_error({"optimizer.groups=x"}),
            "[--set optimizer.groups=x] \"optimizer.groups\" is a list of tables; say which, and the key: --set "
            "optimizer.groups.0.KEY=…");
  EXPECT_EQ(line_error({"optimizer.groups.00.pattern=x"}),
            "[--set optimizer.groups.00.pattern=x] unknown key \"optimizer.groups.00.pattern\"; did you mean "
            "\"optimizer.groups.pattern\"?");
}

TEST(ConfigLists, ErrorsNameThePlace) {
  EXPECT_EQ(parse_error(kLine + "[[optimizer.groups]]\nfreeze = true\n"),
            "[run.toml:7:1] required key \"optimizer.groups.pattern\" is missing; set it to text, not empty");
  EXPECT_EQ(parse_error(kLine + "[[optimizer.groups]]\npatern = \"x\"\n"),
            "[run.toml:8:1] unknown key \"optimizer.groups.0.patern\"; did you mean \"optimizer.groups.pattern\"?");
  EXPECT_EQ(parse_error(kLine + "[[optimizer.groups]]\nfreeze = 1\n"),
            "[run.toml:8:1] \"optimizer.groups.freeze\" must be true or false; found the integer 1");
  EXPECT_EQ(
      parse_error(kLine + "[[optimizer.groups]]\npattern = \"x\"\nmuon = true\n"),
      "[run.toml:9:1] \"optimizer.groups.muon\" applies to optimizer.name = \"muon\", not to \"sgd\"; remove it, or "
      "change optimizer.name");
  EXPECT_EQ(parse_error("[optimizer.groups]\npattern = \"x\"\n"),
            "[run.toml:1:12] \"optimizer.groups\" is a list of tables; write [[optimizer.groups]] and the keys of one "
            "below it");
  EXPECT_EQ(parse_error("optimizer.groups = [1]"),
            "[run.toml:1:11] \"optimizer.groups\" is a list of tables; write [[optimizer.groups]] and the keys of one "
            "below it");
  EXPECT_EQ(parse_error("optimizer.groups.pattern = 1"),
            "[run.toml:1:11] \"optimizer.groups\" is a list of tables; write [[optimizer.groups]] and the keys of one "
            "below it");
  EXPECT_EQ(parse_error("[[optimizer.grous]]\npattern = \"x\"\n"),
            "[run.toml:1:13] unknown key \"optimizer.grous\"; did you mean \"optimizer.groups\"?");
}

TEST(ConfigLists, DefaultsByChoice) {
  EXPECT_EQ(line({"optimizer.name=muon"}).real("optimizer.momentum"), 0.95);
  EXPECT_TRUE(line({"optimizer.name=muon"}).boolean("optimizer.nesterov"));
  EXPECT_EQ(line({"optimizer.name=lion"}).real("optimizer.beta2"), 0.99);
  EXPECT_EQ(line({"optimizer.name=adagrad"}).real("optimizer.epsilon"), 1e-10);
  EXPECT_EQ(line({"optimizer.name=adadelta"}).real("optimizer.epsilon"), 1e-6);
  EXPECT_EQ(line({"optimizer.name=adadelta"}).real("optimizer.learning_rate"), 1.0);
  EXPECT_EQ(line({"optimizer.name=adafactor"}).real("optimizer.epsilon"), std::ldexp(1.0, -23));
  EXPECT_EQ(line({"optimizer.name=lbfgs"}).real("optimizer.learning_rate"), 1.0);
  EXPECT_EQ(line({"schedule.name=one_cycle"}).real("schedule.rise_fraction"), 0.3);
  EXPECT_EQ(line({"schedule.name=cyclic", "schedule.cycle_steps=3"}).real("schedule.rise_fraction"), 0.5);
  EXPECT_EQ(configuration_help("optimizer.beta2").substr(0, 80),
            "optimizer.beta2: a real number from 0 to below 1; default: 0.999; 0.99 for lion;");
}

// One by one: what the command line names is the user's choice, and what is gone from an item is no second change.
TEST(ConfigLists, ChangesAreThoseOfItems) {
  const auto parts = [](const Overrides& more) {
    Overrides all = {"schedule.name=sequence",    "schedule.parts.0.name=linear",   "schedule.parts.0.steps=9",
                     "schedule.parts.1.name=wsd", "schedule.parts.1.decay_steps=5", "schedule.parts.1.steps=20"};
    all.insert(all.end(), more.begin(), more.end());
    return line(all);
  };
  const auto changes = [&](const Config& after) {
    std::string text;
    for (const ConfigChange& change : config_changes(parts({}), after)) {
      text += change.key + ": " + change.before + " -> " + change.after + (change.allowed ? "" : ", refused") + "\n";
    }
    return text;
  };
  const std::string toml = parts({}).to_toml();
  EXPECT_EQ(changes(Config::parse(toml, "run.toml", {"schedule.parts.1.steps=30"})),
            "schedule.parts.1.steps: 20 -> 30\n");
  std::string edited = toml;
  edited.replace(edited.find("steps = 20"), 10, "steps = 30");
  EXPECT_EQ(changes(Config::parse(edited, "run.toml", {"schedule.parts.0.steps=8"})),
            "schedule.parts.0.steps: 9 -> 8\nschedule.parts.1.steps: 20 -> 30, refused\n");
  std::string shorter = toml;
  const size_t second = shorter.rfind("[[schedule.parts]]");
  shorter.erase(second, shorter.find("[regularization]") - second);
  EXPECT_TRUE(changes(Config::parse(shorter, "run.toml"))
                  .starts_with("schedule.parts.1.name: \"wsd\" -> none, refused\n"
                               "schedule.parts.1.steps: 20 -> none, refused\n"));
  EXPECT_EQ(changes(Config::parse(shorter, "run.toml")).find("decay_steps: 5 -> none, refused"), std::string::npos);
}

}  // namespace config_lists_test
}  // namespace gradus
