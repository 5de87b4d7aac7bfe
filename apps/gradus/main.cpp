// The command line: which verb, with which options; and errors as messages and exit codes.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <new>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"

namespace gradus::command {
namespace {

constexpr int kFailure = 1, kUsage = 2;

using Verb = std::function<int()>;

void add_machine_options(CLI::App& verb, MachineOptions& options) {
  verb.add_option("--threads", options.threads, "Threads; 0 is one for each core. They change no result")
      ->type_name("N");
  verb.add_option("--isa", options.isa, "Pin a lower instruction set, for the same bits on any machine that has it")
      ->type_name("baseline|avx2|avx512");
}

void add_train(CLI::App& app, TrainOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("train", "Train a model as a configuration says");
  verb->add_option("CONFIG", o.config, "A TOML file, or the name of a recipe (see `gradus recipes`)")
      ->required()
      ->type_name("TOML");
  verb->add_option("--set", o.set, "Set a key of the configuration (see `gradus keys`); any number of times")
      ->type_name("a.b=c")
      ->allow_extra_args(false);
  verb->add_option("--data", o.data, "The text file to learn from (data.path)")->type_name("PATH");
  verb->add_option("--out", o.out, "The run's folder; runs/<name of the configuration> by default")->type_name("RUN");
  verb->add_option("--seed", o.seed, "Seed of all random numbers (train.seed)")->type_name("N");
  add_machine_options(*verb, o.machine);
  verb->add_flag("--quiet", o.quiet, "Print errors only");
  verb->add_flag("--overwrite", o.overwrite, "Replace the run in a folder that is not empty");
  verb->footer(
      "Ctrl-C ends the step in progress and saves the model.\n\n"
      "Examples:\n"
      "  gradus train linear_regression\n"
      "  gradus train recipes/gpt_char.toml --data book.txt --out runs/book --set train.steps=500");
  verb->final_callback([&o, &run] { run = [&o] { return train(o); }; });
}

void add_generate(CLI::App& app, GenerateVerbOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("generate", "Continue a text with a trained model");
  verb->add_option("RUN", o.run, "The folder of a run that was trained on text")->required()->type_name("FOLDER");
  verb->add_option("--prompt", o.prompt, "The text to continue")->required()->type_name("TEXT");
  verb->add_option("--tokens", o.tokens, "How many tokens to add")->type_name("N")->capture_default_str();
  verb->add_option("--temperature", o.temperature, "Below 1 is safer, above 1 bolder, 0 always the most likely")
      ->type_name("T")
      ->capture_default_str();
  verb->add_option("--top-k", o.top_k, "Choose among the K most likely tokens only; 0 is all")
      ->type_name("K")
      ->capture_default_str();
  verb->add_option("--seed", o.seed, "Another seed, another text")->type_name("N")->capture_default_str();
  verb->add_flag("--best", o.best, "Use the weights with the lowest validation loss instead of the last");
  add_machine_options(*verb, o.machine);
  verb->footer("Example:\n  gradus generate runs/gpt_char --prompt 'You may ' --tokens 400 --temperature 0.7");
  verb->final_callback([&o, &run] { run = [&o] { return generate(o); }; });
}

void add_schedule(CLI::App& app, ScheduleVerbOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("schedule", "Print the learning rate of every step as CSV");
  verb->add_option("NAME", o.name, "constant, dynamic, linear or cosine")->required()->type_name("TEXT");
  verb->add_option("--set", o.set, "learning_rate, or a key of [schedule] (see `gradus keys schedule`)")
      ->type_name("key=value")
      ->allow_extra_args(false);
  verb->add_option("--steps", o.steps, "Steps to print, from 0; also the default of total_steps")
      ->required()
      ->type_name("N");
  verb->footer(
      "Example:\n  gradus schedule cosine --set learning_rate=0.001 --set warmup_steps=100 --steps 1000 > rate.csv");
  verb->final_callback([&o, &run] { run = [&o] { return schedule(o); }; });
}

void add_lists(CLI::App& app, std::string& recipe, KeysVerbOptions& key, MachineOptions& machine, Verb& run) {
  CLI::App* verb = app.add_subcommand("recipes", "List the configurations that come with gradus, or print one");
  verb->add_option("NAME", recipe, "The recipe to print")->type_name("TEXT");
  verb->footer("Example:\n  gradus recipes linear_regression > mine.toml && gradus train mine.toml");
  verb->final_callback([&recipe, &run] { run = [&recipe] { return recipes(recipe); }; });

  verb = app.add_subcommand("keys", "Explain the keys of a configuration: all, of one table, or one");
  CLI::Option* name =
      verb->add_option("NAME", key.name, "A table such as `optimizer`, or a key such as `optimizer.name`");
  name->type_name("TEXT");
  verb->add_flag("--markdown", key.markdown, "Print docs/configuration.md")->excludes(name);
  verb->footer("Example:\n  gradus keys optimizer");
  verb->final_callback([&key, &run] { run = [&key] { return keys(key); }; });

  verb = app.add_subcommand("env", "Say what this build and this machine are");
  add_machine_options(*verb, machine);
  verb->footer("Example:\n  gradus env --isa avx2");
  verb->final_callback([&machine, &run] { run = [&machine] { return env(machine); }; });
}

int run_command(int argc, char** argv) {
  CLI::App app("gradus trains models, from a line through points to a GPT.", "gradus");
  app.set_version_flag("--version", "gradus " GRADUS_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this text; also behind each verb");
  app.require_subcommand(1);
  app.footer("Example:\n  gradus train linear_regression");

  TrainOptions train_options;
  train_options.program = argc > 0 ? argv[0] : "gradus";
  GenerateVerbOptions generate_options;
  ScheduleVerbOptions schedule_options;
  std::string recipe;
  KeysVerbOptions key;
  MachineOptions machine;
  Verb run;
  add_train(app, train_options, run);
  add_generate(app, generate_options, run);
  add_schedule(app, schedule_options, run);
  add_lists(app, recipe, key, machine, run);

  const auto chosen = [&] {
    const auto verbs = app.get_subcommands();
    return verbs.empty() ? std::string("gradus") : "gradus " + verbs[0]->get_name();
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print(app.help());
    return 0;
  } catch (const CLI::CallForVersion& version) {
    print(std::string(version.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& error) {
    fail_usage(chosen(), "{}; see `{} --help`", error.what(), chosen());
  }
  return run();
}

// A file that is opened later must not take the number of a closed standard stream: what is printed would land in it.
// The wrong direction makes every use of the stand-in an error.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1) continue;
    [[maybe_unused]] const int number = ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

int run_and_report(int argc, char** argv) {
  try {
    return run_command(argc, argv);
  } catch (const Error& error) {
    print_error(fmt::format("gradus: {}\n", error.what()));
    return error.kind() == ErrorKind::kUsage ? kUsage : kFailure;
  } catch (const std::bad_alloc&) {
    print_error(
        "gradus: [memory] there is not enough; try a smaller batch, train.micro_batch_size, or a smaller model\n");
  } catch (const std::exception& error) {
    print_error(fmt::format("gradus: [internal] {}\n", error.what()));
  }
  return kFailure;
}

}  // namespace
}  // namespace gradus::command

int main(int argc, char** argv) {
  gradus::command::occupy_closed_streams();
  return gradus::command::run_and_report(argc, argv);
}
