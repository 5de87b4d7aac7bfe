#include "gradus/train/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/train/configs.h"

namespace gradus {
namespace config_test {

TEST(Config, GivesDefaultsAndValues) {
  const Config config = line({"train.seed=7", "optimizer.learning_rate=1"});
  EXPECT_EQ(config.text("data.kind"), "line");
  EXPECT_EQ(config.integer("data.points"), 100);
  EXPECT_EQ(config.real("data.slope"), 2.0);
  EXPECT_EQ(config.real("data.intercept"), 0.0);
  EXPECT_EQ(config.real("data.noise"), 0.3);
  EXPECT_EQ(config.text("model.init"), "normal");
  EXPECT_EQ(config.real("optimizer.learning_rate"), 1.0);
  EXPECT_FALSE(config.boolean("optimizer.nesterov"));
  EXPECT_EQ(config.integer("train.steps"), 1000);
  EXPECT_EQ(config.integer("train.seed"), 7);
  EXPECT_EQ(config.batch_size("train.batch_size"), std::nullopt);
  EXPECT_EQ(line({"train.batch_size=8"}).batch_size("train.batch_size"), 8);
  EXPECT_TRUE(config.is_set("train.seed"));
  EXPECT_FALSE(config.is_set("train.threads"));
  EXPECT_TRUE(config.has("train.threads"));
  EXPECT_FALSE(config.has("train.stop_loss"));
  EXPECT_FALSE(config.has("model.layers")) << "does not apply";
  EXPECT_EQ(config.where("train.steps"), "run.toml:6:1");
  EXPECT_EQ(config.where("train.seed"), "--set train.seed=7");
  EXPECT_EQ(config.where("train.threads"), "run.toml");
}

TEST(Config, DerivesDefaultsFromOtherKeys) {
  EXPECT_EQ(line().integer("train.stop_window"), 1);
  EXPECT_FALSE(line({"train.batch_size=8"}).has("train.stop_window"));
  EXPECT_EQ(line({"train.batch_size=8", "train.stop_window=3"}).integer("train.stop_window"), 3);
  EXPECT_EQ(line().real("data.validation_fraction"), 0.0);
  EXPECT_EQ(text().real("data.validation_fraction"), 0.1);
  EXPECT_FALSE(line().has("schedule.total_steps"));
  EXPECT_EQ(line({"schedule.name=cosine"}).integer("schedule.total_steps"), 1000);
  const Config epochs =
      Config::parse("data.kind='line'\nmodel.kind='linear'\ntrain.epochs=2\nschedule.name='linear'", "run.toml");
  EXPECT_FALSE(epochs.has("schedule.total_steps"));
  EXPECT_FALSE(epochs.has("train.steps"));
}

TEST(Config, OverridesAreTomlOrBareWords) {
  const Overrides mlp = {"model.kind=mlp", "model.hidden=[8, 4]", "optimizer.name=adamw"};
  EXPECT_EQ(line(mlp).integers("model.hidden"), (std::vector<int64_t>{8, 4}));
  EXPECT_EQ(line(mlp).text("optimizer.name"), "adamw");
  EXPECT_EQ(line({"optimizer.name=\"adamw\""}).text("optimizer.name"), "adamw");
  EXPECT_EQ(line({"train.seed=0x10"}).integer("train.seed"), 16);
  EXPECT_EQ(line({"train.seed=1", "train.seed=2"}).integer("train.seed"), 2);
  EXPECT_EQ(line({"train.batch_size=all"}).batch_size("train.batch_size"), std::nullopt);
  EXPECT_EQ(text({"data.path=/tmp/a b=c.txt"}).text("data.path"), "/tmp/a b=c.txt");
  EXPECT_EQ(text({"data.path=1984"}).text("data.path"), "1984");
  EXPECT_EQ(text({"data.path=1979-05-27"}).text("data.path"), "1979-05-27");
  EXPECT_EQ(text({"data.path='x'"}).text("data.path"), "x");
  EXPECT_FALSE(line({"train.max_time_s=9", "~train.max_time_s"}).has("train.max_time_s"));
  for (const std::string path : {"1984", "a \"b\"\\c", "new\nline\t\x7f", "true", "träin.txt", "'q'"}) {
    EXPECT_EQ(text({Config::text_override("data.path", path)}).text("data.path"), path);
  }
}

TEST(Config, SetChecksAgainAndKeepsTheOldOnError) {
  Config config = text();
  config.set("data.path", "b.txt", "--data");
  config.set("train.seed", 5, "--seed");
  EXPECT_EQ(config.text("data.path"), "b.txt");
  EXPECT_EQ(config.integer("train.seed"), 5);
  EXPECT_EQ(config.where("train.seed"), "--seed");
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { config.set("train.threads", -1, "--threads"); }),
            "[--threads] \"train.threads\" must be an integer from 0 to 1024; found the integer -1");
  EXPECT_EQ(config.integer("train.threads"), 0);
  Config other = line();
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { other.set("data.path", "b.txt", "--data"); }),
            "[--data] \"data.path\" applies to data.kind = \"csv\", \"numpy\", \"libsvm\", \"idx\", \"images\", \"audio\", \"text\" or \"labelled_text\", not to "
            "\"line\"; remove it, or change "
            "data.kind");
  EXPECT_FALSE(other.is_set("data.path"));
}

TEST(Config, AProgramThatAsksWronglyIsAFailure) {
  const Config config = line();
  const std::string unknown = "[config] the program asks for the key \"train.sed\", which is not in the table of keys";
  EXPECT_EQ(program_error([&] { config.integer("train.sed"); }), unknown);
  EXPECT_EQ(program_error([&] { config.has("train.sed"); }), unknown);
  EXPECT_EQ(program_error([&] { config.count("train"); }),
            "[config] the program asks for the list of tables \"train\", which there is not");
  EXPECT_EQ(program_error([&] { config.is_set("train.sed"); }), unknown);
  EXPECT_EQ(program_error([&] { Config(config).set("train.sed", 1, "--seed"); }), unknown);
  EXPECT_EQ(
      program_error([&] { config.real("train.seed"); }),
      "[config] the program asks for the key \"train.seed\" by the wrong type; it must be an integer of at least 0");
  const std::string valueless = "\", which has no value in this configuration; ask has() first";
  EXPECT_EQ(program_error([&] { config.real("train.stop_loss"); }),
            "[config] the program asks for the key \"train.stop_loss" + valueless);
  EXPECT_EQ(program_error([&] { config.integer("model.layers"); }),
            "[config] the program asks for the key \"model.layers" + valueless);
  EXPECT_NE(program_error([&] { config.batch_size("model.kind"); }), "");
}

TEST(ConfigErrors, UnknownKey) {
  EXPECT_EQ(parse_error("[optimizer]\n\n  learningrate = 0.1"),
            "[run.toml:3:3] unknown key \"optimizer.learningrate\"; did you mean \"optimizer.learning_rate\"?");
  EXPECT_EQ(parse_error("[model]\nseed = 1"),
            "[run.toml:2:1] unknown key \"model.seed\"; did you mean \"train.seed\"?");
  EXPECT_EQ(parse_error("learning_rate = 1"),
            "[run.toml:1:1] unknown key \"learning_rate\"; did you mean \"solver.learning_rate\" or "
            "\"optimizer.learning_rate\"?");
  EXPECT_EQ(
      parse_error("model.batch_size = 1"),
      "[run.toml:1:7] unknown key \"model.batch_size\"; did you mean \"solver.batch_size\", \"train.batch_size\" or "
      "\"validation.batch_size\"?");
  EXPECT_EQ(parse_error("regularization.lambda = 1"),
            "[run.toml:1:16] unknown key \"regularization.lambda\"; [regularization] has l1 l2 l1_ratio method all "
            "group_lasso groups_of max_norm "
            "gradient_noise gradient_noise_decay");
  EXPECT_EQ(parse_error("frobnicate = 1"),
            "[run.toml:1:1] unknown key \"frobnicate\"; docs/configuration.md lists all keys");
  EXPECT_EQ(parse_error("optimizer.l1 = 1"),
            "[run.toml:1:11] unknown key \"optimizer.l1\"; did you mean \"regularization.l1\"?");
  EXPECT_EQ(line_error({"optimiser.nmae=sgd"}),
            "[--set optimiser.nmae=sgd] unknown key \"optimiser.nmae\"; did you mean \"optimizer.name\"?");
}

TEST(ConfigErrors, WhatWasShortenedIsTheWholeName) {
  const auto meant = [](const std::string& key) {
    const std::string text = line_error({key + "=1"}), start = "[--set " + key + "=1] unknown key \"" + key + "\"";
    EXPECT_TRUE(text.starts_with(start)) << text;
    return text.substr(std::min(text.size(), start.size()));
  };
  const std::string rates =
      "; did you mean \"solver.learning_rate\", \"optimizer.learning_rate\" or \"regularization.l1_ratio\"?";
  EXPECT_EQ(meant("optimizer.lr"), "; did you mean \"optimizer.learning_rate\"?");
  EXPECT_EQ(meant("train.lr"), rates);
  EXPECT_EQ(meant("lr"), rates);
  EXPECT_EQ(meant("train.batch"), "; did you mean \"train.batch_size\"?");
  EXPECT_EQ(meant("optimizer.wdecay"), "; did you mean \"optimizer.weight_decay\"?");
  EXPECT_EQ(meant("optimizer.mom"), "; did you mean \"optimizer.momentum\"?");
  EXPECT_EQ(meant("optimizer.learn"), "; did you mean \"optimizer.learning_rate\"?");
  EXPECT_TRUE(meant("optimizer.l7").starts_with("; [optimizer] has name ")) << meant("optimizer.l7");
}

TEST(ConfigErrors, TheCaseOfAValueIsASlip) {
  EXPECT_TRUE(line_error({"optimizer.name=SGD"}).ends_with("found the text \"SGD\"; did you mean \"sgd\"?"));
  EXPECT_TRUE(line_error({"model.kind=MLP"}).ends_with("found the text \"MLP\"; did you mean \"mlp\"?"));
  EXPECT_TRUE(line_error({"model.activation=ReLU"}).ends_with("found the text \"ReLU\"; did you mean \"relu\"?"));
}

TEST(ConfigErrors, AnEmptyListIsNoText) {
  for (const std::string key : {"data.target", "data.path"}) {
    EXPECT_EQ(line_error({key + "=[]"}),
              "[--set " + key + "=[]] \"" + key + "\" must be text, not empty, or a list of such texts; found []");
  }
}

TEST(ConfigErrors, TheFirstInTheFileIsReported) {
  EXPECT_EQ(parse_error("[train]\nzzz = 1\n[data]\nyyy = 1"),
            "[run.toml:2:1] unknown key \"train.zzz\"; [train] has steps epochs batch_size micro_batch_size sampling "
            "seed threads workers precision activations stop_loss stop_window stop_on patience min_delta restore_best "
            "max_time_s");
}

TEST(ConfigErrors, Tables) {
  EXPECT_EQ(parse_error("\n[optimiser]\nname = 'sgd'"),
            "[run.toml:2:2] unknown table \"optimiser\"; did you mean \"optimizer\"?");
  EXPECT_EQ(parse_error("[train.schedule]\n"),
            "[run.toml:1:8] unknown table \"train.schedule\"; did you mean \"schedule\"?");
  EXPECT_EQ(
      parse_error("[nothing]\n"),
      "[run.toml:1:2] unknown table \"nothing\"; the tables are \"data\", \"augment\", \"model\", \"loss\", \"solver\", "
      "\"optimizer\", "
      "\"optimizer.groups\", "
      "\"schedule\", \"schedule.parts\", \"regularization\", \"train\", \"validation\", \"checkpoint\", "
      "\"health\", \"log\" or \"sweep\"");
  EXPECT_EQ(parse_error("optimizer = 'sgd'"),
            "[run.toml:1:1] \"optimizer\" is a table; write [optimizer] and its keys below it");
  EXPECT_EQ(parse_error("[[data]]\nkind = 'line'"),
            "[run.toml:1:3] \"data\" is a table; write [data] and its keys below it");
  EXPECT_EQ(line_error({"optimizer=sgd"}),
            "[--set optimizer=sgd] \"optimizer\" is a table; set one of its keys, optimizer.key=value");
}

TEST(ConfigErrors, WrongType) {
  EXPECT_EQ(
      parse_error("[train]\nsteps = 1000.0"),
      "[run.toml:2:1] \"train.steps\" must be an integer of at least 1; found the real number 1000.0; write 1000");
  EXPECT_EQ(parse_error("train.steps = 1.5"),
            "[run.toml:1:7] \"train.steps\" must be an integer of at least 1; found the real number 1.5");
  EXPECT_EQ(parse_error("train.steps = 1e300"),
            "[run.toml:1:7] \"train.steps\" must be an integer of at least 1; found the real number 1e+300");
  EXPECT_EQ(line_error({"optimizer.learning_rate=fast"}),
            "[--set optimizer.learning_rate=fast] \"optimizer.learning_rate\" must be a real number above 0; found the "
            "text \"fast\"");
  EXPECT_EQ(line_error({"train.seed="}),
            "[--set train.seed=] \"train.seed\" must be an integer of at least 0; found the text \"\"");
  EXPECT_EQ(line_error({"train.seed=1\ntrain.threads=2"}),
            "[--set train.seed=1\ntrain.threads=2] \"train.seed\" must be an integer of at least 0; found the text "
            "\"1\\u000Atrain.threads=2\"");
  EXPECT_EQ(parse_error("regularization.all = 1"),
            "[run.toml:1:16] \"regularization.all\" must be true or false; found the integer 1");
  EXPECT_EQ(parse_error("data.path = true"),
            "[run.toml:1:6] \"data.path\" must be text, not empty, or a list of such texts; found true");
  EXPECT_EQ(parse_error("data.path = ''"),
            "[run.toml:1:6] \"data.path\" must be text, not empty, or a list of such texts; found the text \"\"");
  EXPECT_EQ(parse_error("data.path = 1979-05-27"),
            "[run.toml:1:6] \"data.path\" must be text, not empty, or a list of such texts; found a date or time");
  EXPECT_EQ(parse_error("train.steps.x = 1"),
            "[run.toml:1:7] \"train.steps\" must be an integer of at least 1; found a table");
  EXPECT_EQ(
      parse_error("train.batch_size = 'al'"),
      "[run.toml:1:7] \"train.batch_size\" must be an integer of at least 1 or \"all\"; found the text \"al\"; did "
      "you mean \"all\"?");
  const std::string hidden =
      "[run.toml:1:7] \"model.hidden\" must be a list of one or more integers from 1 to 1048576; ";
  EXPECT_EQ(parse_error("model.hidden = 64"), hidden + "found the integer 64");
  EXPECT_EQ(parse_error("model.hidden = []"), hidden + "found []");
  EXPECT_EQ(parse_error("model.hidden = [4, 0]"), hidden + "found [4, 0]");
  EXPECT_EQ(parse_error("model.hidden = [4, 'x']"), hidden + "found a list of values of different types");
}

TEST(ConfigErrors, Range) {
  EXPECT_EQ(parse_error("[optimizer]\nlearning_rate = -0.1"),
            "[run.toml:2:1] \"optimizer.learning_rate\" must be a real number above 0; found the real number -0.1");
  EXPECT_EQ(line_error({"data.validation_fraction=1"}),
            "[--set data.validation_fraction=1] \"data.validation_fraction\" must be a real number from 0 to below 1; "
            "found the integer 1");
  EXPECT_EQ(line_error({"train.threads=1025"}),
            "[--set train.threads=1025] \"train.threads\" must be an integer from 0 to 1024; found the integer 1025");
  EXPECT_EQ(line_error({"train.stop_window=1000001"}),
            "[--set train.stop_window=1000001] \"train.stop_window\" must be an integer from 1 to 1000000; found the "
            "integer 1000001");
  EXPECT_EQ(line_error({"data.slope=nan"}),
            "[--set data.slope=nan] \"data.slope\" must be a finite real number; found the real number nan");
  EXPECT_EQ(line_error({"optimizer.weight_decay=inf"}),
            "[--set optimizer.weight_decay=inf] \"optimizer.weight_decay\" must be a real number of at least 0; found "
            "the real number inf");
  EXPECT_EQ(line({"train.seed=9223372036854775807"}).integer("train.seed"), INT64_MAX);
  EXPECT_EQ(line_error({"train.seed=-1"}),
            "[--set train.seed=-1] \"train.seed\" must be an integer of at least 0; found the integer -1");
}

TEST(ConfigErrors, AnIntegerBeyond64BitsIsNoText) {
  const std::string must = "\"train.steps\" must be an integer of at least 1; found ";
  EXPECT_EQ(line_error({"train.steps=9223372036854775808"}), "[--set train.steps=9223372036854775808] " + must +
                                                                 "9223372036854775808, which is too large for an "
                                                                 "integer of 64 bits");
  EXPECT_EQ(line_error({"train.steps=-9223372036854775809"}), "[--set train.steps=-9223372036854775809] " + must +
                                                                  "-9223372036854775809, which is too far below 0 for "
                                                                  "an integer of 64 bits");
  for (const std::string number : {"99_223_372_036_854_775_808", "+9223372036854775808", "0x8000000000000000"}) {
    EXPECT_EQ(line_error({"train.steps=" + number}),
              "[--set train.steps=" + number + "] " + must + number + ", which is too large for an integer of 64 bits");
  }
  EXPECT_EQ(line({"train.steps=9223372036854775807"}).integer("train.steps"), INT64_MAX);
  EXPECT_EQ(line({"train.steps=0x7fffffffffffffff"}).integer("train.steps"), INT64_MAX);
  EXPECT_EQ(text({"data.path=9223372036854775808"}).text("data.path"), "9223372036854775808");
  EXPECT_EQ(line_error({"train.steps=9223372036854775808x"}),
            "[--set train.steps=9223372036854775808x] " + must + "the text \"9223372036854775808x\"");
  EXPECT_EQ(parse_error("train.steps = 9223372036854775808"),
            "[run.toml:1:34] not valid TOML: Error while parsing decimal integer: '9223372036854775808' is not "
            "representable in 64 bits");
}

TEST(ConfigErrors, ControlCharactersInNamesAreEscaped) {
  EXPECT_EQ(parse_error("\"a\\u0000b\" = 1"),
            "[run.toml:1:1] unknown key \"a\\u0000b\"; docs/configuration.md lists all keys");
  EXPECT_EQ(parse_error("log.\"e\\u0000\\u001Bx\" = 1"),
            "[run.toml:1:5] unknown key \"log.e\\u0000\\u001Bx\"; [log] has every");
  EXPECT_EQ(parse_error("[\"trai\\u0000\"]\nsteps = 1"),
            "[run.toml:1:2] unknown table \"trai\\u0000\"; did you mean \"train\"?");
  const std::string twice = parse_error("\"a\\u0000b\" = 1\n\"a\\u0000b\" = 2");
  EXPECT_NE(twice.find("cannot redefine"), std::string::npos) << twice;
  EXPECT_EQ(twice.find('\0'), std::string::npos);
  EXPECT_EQ(parse_error("data.path = \"a\\u0000b\""),
            "[run.toml:1:6] \"data.path\" must be text, not empty, or a list of such texts; found the text "
            "\"a\\u0000b\"; a NUL character is "
            "not allowed");
  EXPECT_EQ(parse_error(std::string(300, 'x') + " = 1"),
            "[run.toml:1:1] unknown key \"" + std::string(79, 'x') + " …; docs/configuration.md lists all keys");
}

TEST(ConfigErrors, Choice) {
  EXPECT_EQ(
      parse_error("[optimizer]\nname = 'adamv'"),
      "[run.toml:2:1] \"optimizer.name\" must be \"sgd\", \"asgd\", \"rprop\", \"adagrad\", \"adadelta\", \"rmsprop\", "
      "\"adam\", \"adamw\", \"adamax\", \"nadam\", \"radam\", \"lion\", \"adafactor\", \"schedule_free\", \"muon\" or "
      "\"lbfgs\"; found the text \"adamv\"; did you "
      "mean \"adam\" or \"adamw\"?");
  EXPECT_EQ(line_error({"schedule.name=exponentially"}),
            "[--set schedule.name=exponentially] \"schedule.name\" must be \"constant\", \"dynamic\", \"linear\", "
            "\"cosine\", \"polynomial\", \"cosine_restarts\", \"exponential\", \"step\", \"multi_step\", "
            "\"inverse_sqrt\", \"wsd\", \"one_cycle\", \"cyclic\", \"plateau\" or \"sequence\"; found the text "
            "\"exponentially\"; did you mean \"exponential\"?");
}

TEST(ConfigErrors, MalformedToml) {
  EXPECT_EQ(parse_error("[train]\nsteps = \n"),
            "[run.toml:2:9] not valid TOML: Error while parsing key-value pair: expected value, saw '\\n'");
  EXPECT_EQ(parse_error("[train]\nsteps = 1\nsteps = 2"),
            "[run.toml:3:9] not valid TOML: Error while parsing key-value pair: cannot redefine existing integer "
            "'steps'");
}

TEST(ConfigErrors, TextThatNoTomlFileCouldHold) {
  EXPECT_EQ(line_error({"data.path=caf\xE9"}),
            "[--set data.path=caf\xE9] \"data.path\" must be text, not empty, or a list of such texts; found the text "
            "\"caf\xE9\"; it is not "
            "valid UTF-8");
  EXPECT_TRUE(line_error({Config::text_override("data.path", "caf\xE9")}).ends_with("; it is not valid UTF-8"));
}

TEST(ConfigErrors, WhatTomlplusplusTakesForImpossible) {
  EXPECT_EQ(parse_error("[$ata]"),
            "[run.toml:1:2] not valid TOML: Error while parsing key: expected bare key starting character or string "
            "delimiter, saw '$'");
  EXPECT_EQ(parse_error("[data]\npäth = 1"),
            "[run.toml:2:2] not valid TOML: Error while parsing key-value pair: expected '=', saw 'ä'");
  EXPECT_EQ(parse_error("[data]\nkind = \"\"\"\\\nä\"\"\""),
            "[run.toml:2:1] \"data.kind\" must be \"line\", \"polynomial\", \"sine\", \"blobs\", \"moons\", "
            "\"spirals\", \"xor\", \"csv\", \"numpy\", \"libsvm\", \"idx\", \"images\", \"audio\", \"text\" or \"labelled_text\"; found the text \"ä\"");
}

TEST(ConfigErrors, File) {
  const std::string folder = ::testing::TempDir();
  const std::string next = "; give the path of a configuration in TOML, for example one from recipes/";
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { Config::load(folder + "none.toml"); }),
            "[" + folder + "none.toml] cannot open it for reading: No such file or directory" + next);
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { Config::load(folder); }),
            "[" + folder + "] is a folder; a file is needed" + next);
  const std::string path = folder + "config_test.toml";
  std::ofstream(path) << kLine;
  EXPECT_EQ(Config::load(path, {"train.steps=5"}).integer("train.steps"), 5);
  std::ofstream(path) << std::string((1 << 16) + 1, '#');
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { Config::load(path); }),
            "[" + path + "] has 65537 bytes; at most 65536 are read" + next);
  std::filesystem::remove(path);
}

TEST(ConfigErrors, Required) {
  EXPECT_EQ(parse_error(""),
            "[run.toml] required key \"data.kind\" is missing; set it to \"line\", \"polynomial\", \"sine\", "
            "\"blobs\", \"moons\", \"spirals\", \"xor\", \"csv\", \"numpy\", \"libsvm\", \"idx\", \"images\", \"audio\", \"text\" or \"labelled_text\"");
  EXPECT_EQ(parse_error("data.kind = 'text'"),
            "[run.toml] required key \"data.path\" is missing; set it with data.kind = \"csv\", \"numpy\", \"libsvm\", "
            "\"idx\", \"images\", \"audio\", \"text\" or \"labelled_text\" to text, "
            "not empty, or a list of such texts, "
            "or give --data FILE");
  EXPECT_EQ(parse_error("data.kind = 'line'\nmodel.kind = 'linear'"),
            "[run.toml] the length of the run is missing; give train.steps, train.epochs or both");
  EXPECT_EQ(line_error({"schedule.name=dynamic"}),
            "[run.toml] required key \"schedule.decay_steps\" is missing; set it with schedule.name = \"dynamic\" or "
            "\"wsd\" to an integer of at least 0");
}

TEST(ConfigErrors, DoesNotApply) {
  EXPECT_EQ(
      parse_error(kLine + "[optimizer]\nbeta1 = 0.8"),
      "[run.toml:8:1] \"optimizer.beta1\" applies to optimizer.name = \"adam\", \"adamw\", \"adamax\", \"nadam\", "
      "\"radam\", \"lion\", \"schedule_free\" or \"muon\", not to \"sgd\"; remove it, or change optimizer.name");
  EXPECT_EQ(line_error({"model.layers=2"}),
            "[--set model.layers=2] \"model.layers\" applies to model.kind = \"gpt\", \"vit\", \"encoder\" or \"rnn\", not to \"linear\"; remove it, or "
            "change model.kind");
  EXPECT_EQ(
      line_error({"schedule.power=2"}),
      "[--set schedule.power=2] \"schedule.power\" applies to schedule.name = \"polynomial\", not to \"constant\"; "
      "remove it, or change schedule.name");
  EXPECT_EQ(line_error({"schedule.name=sequence", "schedule.parts.0.name=linear", "schedule.warmup_steps=2"}),
            "[--set schedule.warmup_steps=2] \"schedule.warmup_steps\" does not apply to schedule.name = \"sequence\"; "
            "remove it, or change schedule.name");
  // What decides about it does not apply either.
  EXPECT_EQ(
      line_error({"model.kind=autoencoder", "loss.label_smoothing=0.1"}),
      "[--set loss.label_smoothing=0.1] \"loss.label_smoothing\" goes with loss.name, which applies to model.kind = "
      "\"linear\", \"mlp\", \"cnn\", \"lenet\", \"vgg\", \"resnet\", \"vit\", \"encoder\", \"rnn\" or \"gpt\", not to "
      "\"autoencoder\"; remove it");
  EXPECT_EQ(line_error({"train.min_delta=2"}),
            "[--set train.min_delta=2] \"train.min_delta\" applies to a given train.patience, and there is no "
            "train.patience; set that, or remove \"train.min_delta\"");
  EXPECT_EQ(parse_error(kLine + "[optimizer]\nlearning_rate = 0.1",
                        {"schedule.name=dynamic", "schedule.warmup_steps=10", "schedule.decay_steps=10"}),
            "[run.toml:8:1] \"optimizer.learning_rate\" does not apply to schedule.name = \"dynamic\"; the dynamic "
            "expression is the learning rate itself; scale it by schedule.scale");
}

TEST(ConfigErrors, Override) {
  EXPECT_EQ(line_error({"train.steps"}),
            "[--set train.steps] expected key=value, for example --set optimizer.learning_rate=0.1");
  EXPECT_EQ(line_error({"~train.max_time_s"}),
            "[--unset train.max_time_s] the file does not set it; leave --unset train.max_time_s out");
  EXPECT_EQ(line_error({"~train"}), "[--unset train] \"train\" is a table; --unset takes one key, train.KEY");
  EXPECT_EQ(line_error({"~schedule.parts.name"}),
            "[--unset schedule.parts.name] \"schedule.parts\" is a list of tables; --unset takes one key, "
            "schedule.parts.0.KEY");
  EXPECT_TRUE(line_error({"~train.setps"}).starts_with("[--unset train.setps] unknown key \"train.setps\""));
  EXPECT_EQ(line_error({"=1"}), "[--set =1] expected key=value, for example --set optimizer.learning_rate=0.1");
}

TEST(ConfigCombinations, Training) {
  EXPECT_EQ(line_error({"train.batch_size=8", "train.micro_batch_size=9"}),
            "[--set train.micro_batch_size=9] train.micro_batch_size = 9 is above train.batch_size = 8; a batch is cut "
            "into micro-batches");
  EXPECT_EQ(line({"train.micro_batch_size=9"}).integer("train.micro_batch_size"), 9);
  EXPECT_EQ(text_error({"train.stop_on=validation", "validation.every=5"}),
            "[--set train.stop_on=validation] train.stop_on = \"validation\" needs train.stop_loss");
  EXPECT_EQ(text_error({"train.stop_on=validation", "train.stop_loss=1"}),
            "[--set train.stop_on=validation] train.stop_on = \"validation\" needs validation.every above 0");
  EXPECT_EQ(text_error({"train.stop_on=validation", "train.stop_loss=1", "validation.every=5"}), "");
  EXPECT_EQ(
      line_error({"validation.every=5"}),
      "[--set validation.every=5] validation.every = 5 needs held-out data; set data.validation_fraction above 0, "
      "e.g. 0.1");
  EXPECT_EQ(line_error({"validation.report=true"}),
            "[--set validation.report=true] validation.report = true needs held-out data; set data.validation_fraction "
            "above 0, e.g. 0.1");
}

TEST(ConfigCombinations, DataModelAndOptimizer) {
  EXPECT_EQ(
      text_error({"model.layers=1000", "model.width=16384", "model.heads=1"}),
      "[--set model.width=16384] model.layers = 1000 of model.width = 16384 are some 3.2e+12 parameters; expected up "
      "to 1e+12: make it smaller");
  EXPECT_EQ(line_error({"model.kind=gpt"}),
            "[--set model.kind=gpt] model.kind = \"gpt\" does not go with data.kind = \"line\"; such data is for "
            "the other kinds of models, such as \"linear\" and \"mlp\"");
  EXPECT_EQ(text_error({"model.kind=mlp"}),
            "[--set model.kind=mlp] model.kind = \"mlp\" does not go with data.kind = \"text\"; text is for \"gpt\"");
  EXPECT_EQ(text_error({"loss.name=mse"}),
            "[--set loss.name=mse] loss.name = \"mse\" is not for model.kind = \"gpt\", which learns the next token by "
            "\"cross_entropy\"; take that, or leave it out");
  EXPECT_EQ(text_error({"loss.name=cross_entropy", "loss.label_smoothing=0.1"}), "");
  EXPECT_EQ(text_error({"loss.class_weights=[1, 2]"}),
            "[--set loss.class_weights=[1, 2]] loss.class_weights is of classes, and a gpt learns tokens; remove it");
  EXPECT_EQ(line_error({"data.x_min=1"}), "[--set data.x_min=1] data.x_min = 1 must be below data.x_max = 1");
  EXPECT_EQ(text_error({"model.heads=3"}),
            "[--set model.heads=3] model.width = 128 must be a multiple of model.heads = 3");
  EXPECT_EQ(
      text_error({"model.width=12", "model.heads=4", "model.positions=rotary"}),
      "[--set model.heads=4] model.positions = \"rotary\" turns pairs of numbers, and model.width / model.heads = "
      "12 / 4 is odd");
  EXPECT_EQ(text_error({"model.kv_heads=3"}),
            "[--set model.kv_heads=3] model.kv_heads = 3 must divide model.heads = 4");
  EXPECT_EQ(text_error({"model.rotary_base=100"}),
            "[--set model.rotary_base=100] \"model.rotary_base\" applies to model.positions = \"rotary\", not to "
            "\"learned\"; remove it, or change model.positions");
  EXPECT_EQ(line_error({"optimizer.nesterov=true"}),
            "[--set optimizer.nesterov=true] optimizer.nesterov needs optimizer.momentum above 0, e.g. 0.9");
}

TEST(ConfigCombinations, Optimizer) {
  EXPECT_EQ(line_error({"regularization.method=proximal"}),
            "[--set regularization.method=proximal] regularization.method = \"proximal\" is how regularization.l1 and "
            "regularization.l2 act, and both are 0; set one of them, or leave it out");
  EXPECT_EQ(line_error({"optimizer.name=lbfgs", "train.batch_size=8"}),
            "[--set train.batch_size=8] optimizer.name = \"lbfgs\" needs train.batch_size = \"all\"; "
            "train.micro_batch_size bounds the memory");
  EXPECT_EQ(line_error({"optimizer.name=lbfgs", "train.sampling=replacement"}),
            "[--set train.sampling=replacement] optimizer.name = \"lbfgs\" needs the same examples in each step; set "
            "train.sampling = \"shuffle\" or \"in_order\"");
  EXPECT_EQ(line_error({"optimizer.name=lbfgs", "model.kind=mlp", "model.dropout=0.1"}),
            "[--set model.dropout=0.1] optimizer.name = \"lbfgs\" needs the same loss at the same weights; set "
            "model.dropout = 0.0");
  EXPECT_EQ(text_error({"optimizer.name=lbfgs", "model.attention_dropout=0.1"}),
            "[--set model.attention_dropout=0.1] optimizer.name = \"lbfgs\" needs the same loss at the same weights; "
            "set model.attention_dropout = 0.0");
  EXPECT_EQ(text_error({"optimizer.name=lbfgs", "model.drop_path=0.1"}),
            "[--set model.drop_path=0.1] optimizer.name = \"lbfgs\" needs the same loss at the same weights; set "
            "model.drop_path = 0.0");
  EXPECT_EQ(line_error({"optimizer.name=rmsprop", "optimizer.centered=true", "optimizer.state=bf16"}),
            "[--set optimizer.state=bf16] optimizer.centered = true needs optimizer.state = \"f32\"");
  EXPECT_EQ(line_error({"optimizer.name=schedule_free", "optimizer.beta1=0.001"}),
            "[--set optimizer.beta1=0.001] optimizer.beta1 = 0.001 leaves nothing but rounding of schedule_free's "
            "average; set it from 0.01, e.g. 0.9");
  for (const char* key : {"optimizer.momentum=0", "optimizer.nesterov=true"}) {
    EXPECT_EQ(line_error({"optimizer.momentum=0.9", key, "optimizer.dampening=0.5"}),
              "[--set optimizer.dampening=0.5] optimizer.dampening needs optimizer.momentum above 0 and "
              "optimizer.nesterov = false");
  }
  EXPECT_EQ(line_error({"optimizer.name=rprop", "optimizer.smallest_step=2", "optimizer.largest_step=1"}),
            "[--set optimizer.largest_step=1] optimizer.largest_step = 1 is below optimizer.smallest_step = 2");
  EXPECT_EQ(line_error({"optimizer.name=rprop", "schedule.name=linear"}),
            "[--set schedule.name=linear] optimizer.name = \"rprop\" takes the learning rate for its first step alone, "
            "so that a schedule would do nothing; remove schedule.name");
  EXPECT_EQ(line_error({"optimizer.name=rprop", "schedule.warmup_steps=3"}),
            "[--set schedule.warmup_steps=3] optimizer.name = \"rprop\" takes the learning rate for its first step "
            "alone, so that a schedule would do nothing; remove schedule.warmup_steps");
  EXPECT_EQ(line_error({"optimizer.name=adafactor", "optimizer.beta2_decay=1"}),
            "[--set optimizer.beta2_decay=1] \"optimizer.beta2_decay\" must be a real number of at most 0; found the "
            "integer 1");
}

// Each is a random function of the pass: every step would have another loss.
TEST(ConfigCombinations, LbfgsTakesExamplesAsTheyAre) {
  const auto error = [](const std::string& data, const std::string& key, const std::string& value) {
    return usage_error_text([&] {
      Config::parse("data = {kind = \"" + data + "\", path = \"x\"}\nmodel = {kind = \"resnet\"}\n" +
                        "optimizer = {name = \"lbfgs\"}\ntrain = {steps = 1}\n",
                    "run.toml", {"augment." + key + "=" + value});
    });
  };
  const auto expected = [](const std::string& key, const std::string& value, const std::string& off) {
    return "[--set augment." + key + "=" + value +
           "] optimizer.name = \"lbfgs\" needs the same loss at the same weights; set augment." + key + " = " + off;
  };
  EXPECT_EQ(error("images", "random_crop", "true"), expected("random_crop", "true", "false"));
  EXPECT_EQ(error("images", "flip", "horizontal"), expected("flip", "horizontal", "\"none\""));
  EXPECT_EQ(error("images", "pad", "2"), expected("pad", "2", "0"));
  for (const char* key : {"rotate", "brightness", "contrast", "saturation", "hue", "erase", "mixup", "cutmix"}) {
    EXPECT_EQ(error("images", key, "0.5"), expected(key, "0.5", "0.0"));
  }
  for (const char* key : {"shift", "gain", "noise"}) EXPECT_EQ(error("audio", key, "0.5"), expected(key, "0.5", "0.0"));
  for (const char* key : {"time_masks", "frequency_masks"}) {
    EXPECT_EQ(error("audio", key, "3"), expected(key, "3", "0"));
  }
  EXPECT_EQ(error("images", "mixup", "0"), "no error");
}

TEST(ConfigToml, ResolvedConfigurationLoadsToTheSame) {
  const std::vector<Config> configs = {
      line(),
      text(),
      line({"model.kind=mlp", "optimizer.name=adamw", "train.stop_loss=0.1", "train.batch_size=8"}),
      line({"schedule.name=dynamic", "schedule.warmup_steps=5", "schedule.decay_steps=10", "train.max_time_s=1"}),
      text({"schedule.name=cosine", "data.path=a \"b\".txt", "validation.every=3"}),
      text({"schedule.name=plateau", "validation.every=3", "train.patience=4", "train.restore_best=true"}),
      line({"schedule.name=sequence", "schedule.parts.0.name=multi_step", "schedule.parts.0.milestones=[3,4]",
            "schedule.parts.0.steps=9", "schedule.parts.1.name=inverse_sqrt"}),
      line({"schedule.name=one_cycle"}),
      Config::parse(kGroups, "run.toml"),
      line({"optimizer.name=muon", "optimizer.groups.0.pattern=*"})};
  for (const Config& config : configs) {
    const std::string toml = config.to_toml();
    const Config again = Config::parse(toml, "config.toml");
    EXPECT_EQ(again.to_toml(), toml);
    for (const Key& key : configuration_keys()) {
      if (table_of(key.name) == "sweep") continue;  // of no run
      EXPECT_EQ(again.has(key.name), config.has(key.name)) << key.name;
      EXPECT_EQ(again.is_set(key.name), config.has(key.name) && !config.follows(key.name)) << key.name;
      EXPECT_EQ(again.follows(key.name), config.follows(key.name)) << key.name;
      EXPECT_EQ(again.shown(key.name), config.shown(key.name)) << key.name;
    }
  }
}

TEST(ConfigToml, HasEveryKeyThatApplies) {
  EXPECT_EQ(line().to_toml(), R"([data]
kind = "line"
points = 100
x_min = -1.0
x_max = 1.0
slope = 2.0
intercept = 0.0
noise = 0.3
# by default: validation_fraction = 0.0

[model]
kind = "linear"
init = "normal"
init_scale = 1.0
spectral_norm = false

[loss]
name = "mse"

[solver]
name = "none"

[optimizer]
name = "sgd"
learning_rate = 0.01
weight_decay = 0.0
momentum = 0.0
dampening = 0.0
nesterov = false
state = "f32"
clip_norm = 0.0
clip_value = 0.0
ema = 0.0

[schedule]
name = "constant"
warmup_steps = 0
warmup_from = "zero"
warmup_shape = "linear"

[regularization]
l1 = 0.0
l2 = 0.0
method = "penalty"
all = false

[train]
steps = 1000
batch_size = "all"
sampling = "shuffle"
seed = 0
threads = 0
precision = "f32"
activations = "f32"
# by default: stop_window = 1
stop_on = "training"
restore_best = false

[validation]
every = 0
# by default: batch_size = 64
report = false

[checkpoint]
every = 0
every_s = 600.0
keep = 1

[health]
on_spike = "stop"
spike_deviations = 50.0

[log]
every = 10
)");
}

TEST(ConfigToml, RealNumbersKeepEveryBit) {
  std::mt19937_64 random(1);
  std::vector<double> numbers = {
      0.1, 1e-8, 1.0 / 3, 1e20, 123456789.0, -0.0, 5e-324, 1e16, 1e300, -2.5, 2.2250738585072011e-308};
  while (numbers.size() < 200) {
    const uint64_t bits = random();
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (std::isfinite(number)) numbers.push_back(number);
  }
  for (const double number : numbers) {
    Config config = line();
    config.set("data.slope", number, "test");
    const double read = Config::parse(config.to_toml(), "run.toml").real("data.slope");
    EXPECT_EQ(std::memcmp(&read, &number, sizeof number), 0) << to_toml(Value(number));
  }
}

TEST(ConfigKeys, NamesAndConditionsAreKnown) {
  std::set<std::string_view> names;
  for (const Key& key : configuration_keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name << " stands twice";
    EXPECT_TRUE(key.text.ends_with('.')) << key.name;
    EXPECT_NE(find_table(table_of(key.name)), nullptr) << key.name;
    if (key.condition.key.empty()) continue;
    const Key* control = find_key(key.condition.key);
    ASSERT_NE(control, nullptr) << key.name;
    for (std::string_view choice : key.condition.choices) {
      EXPECT_NE(std::ranges::find(control->type.choices, choice), control->type.choices.end()) << key.name;
    }
  }
}

TEST(ConfigKeys, Help) {
  EXPECT_EQ(
      configuration_help("optimizer.beta1"),
      "optimizer.beta1: a real number from 0 to below 1; default: 0.9; applies to optimizer.name = \"adam\", "
      "\"adamw\", \"adamax\", \"nadam\", \"radam\", \"lion\", \"schedule_free\" or \"muon\"\n"
      "    Decay rate of the mean of the gradients; schedule_free: how near to the average gradients are taken, from "
      "0.01.\n");
  EXPECT_EQ(configuration_help("regularization").find("\noptimizer"), std::string::npos);
  EXPECT_NE(configuration_help().find("\nlog.every: an integer of at least 1; default: 10\n"), std::string::npos);
  EXPECT_EQ(message_of(ErrorKind::kUsage, [] { configuration_help("trian"); }),
            "[trian] no such key or table; did you mean \"train\"?");
  EXPECT_EQ(message_of(ErrorKind::kUsage, [] { configuration_help("foo"); }),
            "[foo] no such key or table; the tables are \"data\", \"augment\", \"model\", \"loss\", \"solver\", \"optimizer\", "
            "\"optimizer.groups\", "
            "\"schedule\", \"schedule.parts\", \"regularization\", \"train\", \"validation\", \"checkpoint\", "
            "\"health\", \"log\" or \"sweep\"");
}

TEST(ConfigKeys, TheReferenceIsUpToDate) {
  std::ifstream file(GRADUS_SOURCE_DIR "/docs/configuration.md");
  const std::string committed((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string reference = configuration_reference();
  if (committed == reference) return;
  const std::string path = ::testing::TempDir() + "configuration.md";
  std::ofstream(path) << reference;
  FAIL() << "docs/configuration.md is not what configuration_reference() gives; copy " << path << " over it";
}

}  // namespace config_test
}  // namespace gradus
