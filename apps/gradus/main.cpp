// The command line: which verb, with which options; and errors as messages and exit codes.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gradus/command_line.h"
#include "apps/gradus/output.h"
#include "apps/gradus/usage_errors.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"

namespace gradus::command {
namespace {

constexpr int kFailure = 1, kUsage = 2;

std::vector<int64_t> integers_between_commas(std::string_view option, std::string_view text) {
  std::vector<int64_t> numbers;
  while (true) {
    const size_t comma = text.find(',');
    numbers.push_back(decimal_integer(option, text.substr(0, comma), {}));
    if (comma == std::string_view::npos) return numbers;
    text.remove_prefix(comma + 1);
  }
}

CLI::Option* add_data(CLI::App& verb, std::vector<std::string>& paths, const char* description) {
  return verb.add_option("--data", paths, description)->type_name("PATH")->allow_extra_args(false);
}

// Which configuration, and what is changed of it.
void add_config_options(CLI::App& verb, TrainOptions& o) {
  verb.add_option("CONFIG", o.config, "A TOML file, or the name of a recipe (see `gradus recipes`)")->type_name("TOML");
  verb.add_option("--set", o.set, "Set a key of the configuration (see `gradus keys`); any number of times")
      ->type_name("a.b=c")
      ->allow_extra_args(false);
  verb.add_option("--unset", o.unset, "Take a key out of the configuration; any number of times")
      ->type_name("a.b")
      ->allow_extra_args(false);
  add_data(verb, o.data, "The file to learn from (data.path); any number of times, or a pattern in quotes");
  add_integer(verb, "--seed", o.seed, {}, "Seed of all random numbers (train.seed)");
  verb.add_option(
          "--on-bad-row", o.on_bad_row,
          "A row of CSV or LIBSVM with which something is wrong: an error, or left out and counted (data.on_bad_row)")
      ->check(CLI::IsMember({"error", "skip"}))
      ->type_name("error|skip");
  add_machine_options(verb, o.machine);
}

void add_train(CLI::App& app, TrainOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("train", "Train a model as a configuration says");
  add_config_options(*verb, o);
  verb->add_option("--out", o.out, "The run's folder; runs/<name of the configuration> by default")->type_name("RUN");
  verb->add_option_function<std::string>(
          "--seeds", [&o](const std::string& text) { o.seeds = integers_between_commas("--seeds", text); },
          "A run for each of these seeds, into folders seed_N in RUN, and a table of all; with --folds for each fold")
      ->type_name("A,B,…");
  add_integer(*verb, "--folds", o.folds, {.low = 2, .high = 1000},
              "Cross-validation: a run with each of K parts of the table held out, and a table of all")
      ->type_name("K");
  verb->add_flag("--quiet", o.quiet, "Print errors only; with --seeds or --folds also the table of all");
  verb->add_flag("--dry-run", o.dry_run,
                 "Say what the run would be: model, examples, steps, memory; train and write nothing");
  verb->add_flag("--overwrite", o.overwrite, "Replace the run in a folder that is not empty");
  verb->add_option(
          "--resume", o.resume,
          "Go on with the run of --out, or with RUN (then no CONFIG is needed), or from one of its checkpoints")
      ->expected(0, 1)
      ->type_name("[RUN]");
  verb->footer(
      "Ctrl-C ends the step in progress and saves a checkpoint; kill -USR1 saves one and goes on.\n\n"
      "Examples:\n"
      "  gradus train linear_regression\n"
      "  gradus train recipes/gpt_char.toml --data book.txt --out runs/book --set train.steps=500\n"
      "  gradus train --resume runs/book\n"
      "  gradus train --resume runs/book --set train.steps=5000");
  verb->final_callback([&o, &run] { run = [&o] { return train(o); }; });
}

void add_sweep(CLI::App& app, SweepOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("sweep", "Train with many values of some keys, and say which are best");
  add_config_options(*verb, o.training);
  const auto add_keys = [&](const char* name, std::vector<std::string>& target, const char* description) {
    verb->add_option(name, target, description)->type_name("KEY=…")->allow_extra_args(false);
  };
  add_keys("--grid", o.request.grid,
           "Every combination of these values, KEY=v1,v2,… or KEY=low..high:points with :log or :integer; any number "
           "of times");
  add_keys("--random", o.request.random,
           "Values by chance, KEY=low..high with :log or :integer, or of a list KEY=v1,v2,…; any number of times");
  add_integer(*verb, "--trials", o.request.trials, {.low = 1}, "Of a random search (sweep.trials)");
  verb->add_option("--metric", o.request.metric, "What trials are compared by (sweep.metric)")->type_name("NAME");
  add_integer(*verb, "--jobs", o.jobs, {.low = 1, .high = 1024},
              "Trials at once at most; one for each core by default, as far as memory allows. They change no result");
  verb->add_option("--out", o.training.out, "The sweep's folder; sweeps/<name of the configuration> by default")
      ->type_name("FOLDER");
  verb->add_flag("--quiet", o.training.quiet, "Print errors only");
  verb->add_flag("--dry-run", o.training.dry_run, "List the trials and their memory; train and write nothing");
  verb->add_flag("--json", o.json, "Print sweep.json at the end instead of progress and a table");
  verb->footer(
      "The configuration may have a [sweep] (docs/sweep.md). The same command again goes on with a sweep that was "
      "stopped.\n\n"
      "Examples:\n"
      "  gradus sweep penguins --data penguins.csv --grid regularization.l2=1e-4..1:log:5\n"
      "  gradus sweep mine.toml --random optimizer.learning_rate=1e-4..0.1:log --random train.batch_size=16,32,64 "
      "--trials 20");
  verb->final_callback([&o, &run] { run = [&o] { return sweep(o); }; });
}

void add_lr_find(CLI::App& app, LrFindOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand(
      "lr-find",
      "Find a learning rate: raise it step by step, on a model that is thrown away, until the loss diverges");
  add_config_options(*verb, o.training);
  verb->add_option("--from", o.from, "The first learning rate")->type_name("A")->capture_default_str();
  verb->add_option("--to", o.to, "The last")->type_name("B")->capture_default_str();
  add_integer(*verb, "--steps", o.steps, {.low = 20, .high = 1'000'000}, "Steps between them")
      ->default_str(std::to_string(o.steps));
  verb->add_flag("--plot", o.plot, "Draw the loss in the terminal instead of a table");
  verb->add_flag("--json", o.json, "Print one JSON object with all steps");
  verb->footer(
      "It suggests the rate at which the smoothed loss falls fastest before it first rises, and writes nothing to "
      "disk.\n"
      "The schedule and the limits of the configuration do not count here.\n\n"
      "Example:\n  gradus lr-find recipes/gpt_char.toml --data book.txt --from 1e-5 --to 1 --plot");
  verb->final_callback([&o, &run] { run = [&o] { return lr_find(o); }; });
}

void add_data_show(CLI::App& data, DataShowOptions& o, Verb& run) {
  CLI::App* verb =
      data.add_subcommand("show", "Print the first examples as the model sees them in training, or save them");
  add_config_options(*verb, o.training);
  add_integer(*verb, "--count", o.count, {.low = 1, .high = 10000}, "How many")->default_str(std::to_string(o.count));
  verb->add_option("--out", o.out, "A new folder to save them in, as pictures, sounds or texts")->type_name("FOLDER");
  verb->footer(
      "They are those that a run of the configuration begins with, varied as in its first pass.\n\n"
      "Example:\n  gradus data show pets.toml --data pets --out seen --count 64");
  verb->final_callback([&o, &run] { run = [&o] { return show_data(o); }; });
}

void add_data_pack(CLI::App& data, TrainOptions& o, Verb& run) {
  CLI::App* verb = data.add_subcommand(
      "pack", "Turn texts into a folder of token ids, which is trained on without being read or encoded again");
  add_config_options(*verb, o);
  verb->add_option("--out", o.out, "The folder to make")->required()->type_name("FOLDER");
  verb->footer(
      "Examples:\n"
      "  gradus data pack gpt_bpe --data 'books/*.jsonl' --out books.tokens\n"
      "  gradus train gpt_bpe --data books.tokens");
  verb->final_callback([&o, &run] { run = [&o] { return data_pack(o); }; });
}

void add_verify(CLI::App& app, VerifyOptions& o, Verb& run) {
  CLI::App* verb =
      app.add_subcommand("verify", "Check a run's folder: every sum of every checkpoint, the log, the links");
  verb->add_option("RUN", o.run, "The folder of a run")->required()->type_name("FOLDER");
  verb->add_option("--replay", o.replay,
                   "Train again from the checkpoint of step A to that of step B, and compare the bits")
      ->type_name("A:B");
  add_machine_options(*verb, o.machine);
  verb->footer("Example:\n  gradus verify runs/book --replay 500:1000");
  verb->final_callback([&o, &run] { run = [&o] { return verify(o); }; });
}

void add_generate(CLI::App& app, GenerateVerbOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("generate", "Continue a text with a trained model");
  verb->add_option("RUN", o.run, "The folder of a run that was trained on text")->required()->type_name("FOLDER");
  verb->add_option("--prompt", o.prompt, "The text to continue")->required()->type_name("TEXT");
  add_integer(*verb, "--tokens", o.tokens, {}, "How many tokens to add")->default_str(std::to_string(o.tokens));
  verb->add_option("--temperature", o.temperature, "Below 1 is safer, above 1 bolder, 0 always the most likely")
      ->type_name("T")
      ->capture_default_str();
  add_integer(*verb, "--top-k", o.top_k, {}, "Choose among the K most likely tokens only; 0 is all")
      ->type_name("K")
      ->default_str(std::to_string(o.top_k));
  add_integer(*verb, "--seed", o.seed, {}, "Another seed, another text")->default_str(std::to_string(o.seed));
  verb->add_flag("--best", o.best, "Use the weights with the lowest validation loss instead of the last");
  add_machine_options(*verb, o.machine);
  verb->footer("Example:\n  gradus generate runs/gpt_char --prompt 'You may ' --tokens 400 --temperature 0.7");
  verb->final_callback([&o, &run] { run = [&o] { return generate(o); }; });
}

void add_eval(CLI::App& app, EvalOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("eval", "Print the loss and the metrics of a trained model");
  verb->add_option("RUN", o.run, "The folder of a run")->required()->type_name("FOLDER");
  add_data(*verb, o.data, "A file to evaluate on as a whole, instead of the run's own data; any number of times");
  verb->add_option("--labels", o.labels, "The file of the labels of --data, if its format has them apart (IDX)")
      ->type_name("PATH")
      ->allow_extra_args(false);
  verb->add_option("--part", o.part, "Of the run's own data; validation where there is some, by default")
      ->type_name("validation|training")
      ->check(CLI::IsMember({"validation", "training"}));
  verb->add_flag("--best", o.best, "Use the weights with the lowest validation loss instead of the last");
  verb->add_flag("--report", o.report,
                 "Of a table: all measures with 95% bootstrap intervals, each class's, and what was taken for what");
  add_integer(*verb, "--resamples", o.resamples, {.low = 1, .high = 1'000'000},
              "Of --report: how often examples are drawn")
      ->default_str(std::to_string(o.resamples));
  verb->add_flag("--json", o.json, "Print one JSON object");
  add_machine_options(*verb, o.machine);
  verb->footer("Examples:\n  gradus eval runs/book --data other_book.txt\n  gradus eval runs/penguins --report");
  verb->final_callback([&o, &run] { run = [&o] { return eval(o); }; });
}

void add_predict(CLI::App& app, PredictOptions& o, Verb& run) {
  CLI::App* verb =
      app.add_subcommand("predict", "Say what a trained model predicts for pictures, sounds, or each row of a table");
  verb->add_option("RUN", o.run, "The folder of a run on a table, on pictures or sounds, or on made-up data")
      ->required()
      ->type_name("FOLDER");
  verb->add_option("FILES", o.files, "Files to say the likeliest classes of, for people: pictures, sounds, or tables")
      ->type_name("FILE…");
  add_data(*verb, o.data, "The CSV file with the rows, or a folder of pictures or sounds; any number of times");
  verb->add_option("--format", o.format,
                   "What is printed. text: the likeliest classes of each, usual for FILEs. csv (usual for --data), "
                   "jsonl: a line each")
      ->type_name("text|csv|jsonl")
      ->check(CLI::IsMember({"text", "csv", "jsonl"}));
  verb->add_option("--out", o.out, "A new file to write it to instead")->type_name("FILE");
  verb->add_flag("--overwrite", o.overwrite, "Replace the file of --out");
  verb->add_flag("--best", o.best, "Use the weights with the lowest validation loss instead of the last");
  add_machine_options(*verb, o.machine);
  verb->footer(
      "Examples:\n  gradus predict runs/houses --data new_houses.csv --out prices.csv\n"
      "  gradus predict runs/pets cat.jpg dog.png");
  verb->final_callback([&o, &run] { run = [&o] { return predict(o); }; });
}

void add_init(CLI::App& app, InitOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("init", "Write a configuration to start from: a recipe's, or one for data");
  verb->add_option("NAMES", o.names, "RECIPE and the FILE to write, or with --data the FILE to write")
      ->type_name("[RECIPE] FILE");
  add_data(
      *verb, o.data,
      "Look at this file or folder, and write the reasons as comments; any number of times, or a pattern in quotes");
  verb->add_option("--target", o.target,
                   "The column, or field of JSON lines, to learn; the last by default, or \"label\"")
      ->type_name("NAME");
  verb->footer(
      "Examples:\n  gradus init linear_regression mine.toml\n  gradus init --data houses.csv --target price "
      "houses.toml");
  verb->final_callback([&o, &run] { run = [&o] { return init(o); }; });
}

void add_schedule(CLI::App& app, ScheduleVerbOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("schedule", "Print the learning rate of every step as CSV, or draw it");
  verb->add_option("NAME", o.name, "One of schedule.name (see `gradus keys schedule.name`) but plateau")
      ->required()
      ->type_name("TEXT");
  verb->add_option("--set", o.set,
                   "learning_rate, or a key of [schedule] (see `gradus keys schedule`); a part's as parts.0.name")
      ->type_name("key=value")
      ->allow_extra_args(false);
  // Required, but what is wrong with the name is said first.
  add_integer(*verb, "--steps", o.steps, {.low = 1},
              "Steps to print, from 0, REQUIRED; also the default of total_steps");
  verb->add_flag("--plot", o.plot, "Draw the curve in the terminal instead");
  verb->footer(
      "Examples:\n"
      "  gradus schedule cosine --set learning_rate=0.001 --set warmup_steps=100 --steps 1000 > rate.csv\n"
      "  gradus schedule wsd --set warmup_steps=100 --set decay_steps=200 --steps 1000 --plot\n"
      "  gradus schedule sequence --set parts.0.name=linear --set parts.0.steps=300 --set parts.1.name=cosine "
      "--steps 1000 --plot");
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
  SweepOptions sweep_options;
  sweep_options.training.program = train_options.program;
  for (int i = 0; i < argc; ++i) sweep_options.command += (i > 0 ? " " : "") + shell_quoted(argv[i]);
  add_sweep(app, sweep_options, run);
  LrFindOptions lr_find_options;
  add_lr_find(app, lr_find_options, run);
  DataShowOptions data_show_options;
  CLI::App* data = app.add_subcommand("data", "Look at the data of a configuration, or prepare it");
  data->require_subcommand(1);
  data->footer("Example:\n  gradus data show pets.toml --data pets --out seen");
  add_data_show(*data, data_show_options, run);
  VerifyOptions verify_options;
  add_verify(app, verify_options, run);
  add_generate(app, generate_options, run);
  EvalOptions eval_options;
  add_eval(app, eval_options, run);
  PredictOptions predict_options;
  add_predict(app, predict_options, run);
  InitOptions init_options;
  init_options.program = train_options.program;
  add_init(app, init_options, run);
  AllBenchOptions bench_options;
  add_bench(app, bench_options, run);
  TrainOptions pack_options;
  add_data_pack(*data, pack_options, run);
  AllTokenizerOptions tokenizer_options;
  add_tokenizer(app, tokenizer_options, run);
  add_schedule(app, schedule_options, run);
  add_lists(app, recipe, key, machine, run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print(app.help());
    return 0;
  } catch (const CLI::CallForVersion& version) {
    print(std::string(version.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& error) {
    fail_parse(app, error, {argv, argv + argc});
  }
  check_words(app, {argv, argv + argc});
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

// In pieces: there may be no memory left to put them together.
void print_error_line(std::string_view prefix, std::string_view text) {
  for (const std::string_view piece : {std::string_view("gradus: "), prefix, text, std::string_view("\n")}) {
    print_error(piece);
  }
}

int run_and_report(int argc, char** argv) {
  try {
    return run_command(argc, argv);
  } catch (const Error& error) {
    print_error_line("", error.what());
    return error.kind() == ErrorKind::kUsage ? kUsage : kFailure;
  } catch (const std::bad_alloc&) {
    print_error(
        "gradus: [memory] there is not enough; try a smaller batch, train.micro_batch_size, or a smaller model\n");
  } catch (const std::exception& error) {
    print_error_line("[internal] ", error.what());
  }
  return kFailure;
}

}  // namespace
}  // namespace gradus::command

int main(int argc, char** argv) {
  gradus::command::occupy_closed_streams();
  return gradus::command::run_and_report(argc, argv);
}
