// The command line of `gradus bench`.
#include "apps/gradus/command_line.h"
#include "gradus/base/error.h"

namespace gradus::command {
namespace {

constexpr Bounds kSize = {.low = 1, .high = 1 << 30};

// What the benchmarks of training steps have in common.
template <class Options>
void add_training_steps(CLI::App& verb, Options& o, const char* presets, const char* preset, const char* batch) {
  verb.add_option("--preset", o.preset, preset)->type_name(presets)->capture_default_str();
  add_integer(verb, "--batch", o.batch, kSize, batch);
  add_integer(verb, "--steps", o.steps, kSize, "Steps to time, after two that are not");
}
template <class Options>
void add_training_output(CLI::App& verb, Options& o) {
  verb.add_flag("--profile", o.profile, "Print the time of every op, and the limit that it works against");
  verb.add_flag("--json", o.json, "Print one JSON object");
  add_machine_options(verb, o.machine);
}

void add_gpt(CLI::App& bench, BenchOptions& o, Verb& run) {
  CLI::App* verb = bench.add_subcommand("gpt", "Whole training steps of a GPT with AdamW on made-up tokens");
  add_training_steps(*verb, o, "gpt2-124m|gpt-10m|gpt-1m", "The model and its batch", "Sequences a step");
  add_integer(*verb, "--seq", o.sequence, kSize, "Tokens a sequence");
  const auto add_precision = [&](const char* name, std::string& target, const char* description) {
    verb->add_option(name, target, description)
        ->type_name("f32|bf16")
        ->check(CLI::IsMember({"f32", "bf16"}))
        ->capture_default_str();
  };
  add_precision("--precision", o.precision, "Of the factors of matrix products");
  add_precision("--activations", o.activations, "Of what is kept for backward");
  add_precision("--optimizer-state", o.optimizer_state, "Of AdamW's means");
  verb->add_flag("--recompute", o.recompute, "Keep only the inputs of blocks, and run them again in backward");
  add_training_output(*verb, o);
  verb->footer("Example:\n  gradus bench gpt --preset gpt-10m --steps 20 --profile");
  verb->final_callback([&o, &run] { run = [&o] { return bench_gpt(o); }; });
}

void add_network(CLI::App& bench, NetworkBenchOptions& o, Verb& run) {
  CLI::App* verb = bench.add_subcommand("network", "Whole training steps of other networks on made-up data");
  add_training_steps(*verb, o, "resnet18|resnet50|mnist_cnn|lstm|encoder", "The network and its batch",
                     "Examples a step");
  add_training_output(*verb, o);
  verb->footer("Example:\n  gradus bench network --preset mnist_cnn --profile");
  verb->final_callback([&o, &run] { run = [&o] { return bench_network(o); }; });
}

// What the benchmarks of classic learners have in common.
template <class Options>
void add_common(CLI::App& verb, Options& o, const char* data) {
  verb.add_option("--data", o.data, data)->type_name("FILE");
  add_integer(verb, "--repeats", o.repeats, kSize, "How often it is done; the times are medians");
  verb.add_flag("--json", o.json, "Print one JSON object");
  add_machine_options(verb, o.machine);
}

void add_linear(CLI::App& bench, LinearBenchOptions& o, Verb& run) {
  CLI::App* verb = bench.add_subcommand("linear", "Solvers of linear models on made-up rows");
  verb->add_option("--preset", o.preset, "The work: the data and the solver")
      ->type_name("sgd|sgd_sparse|logistic|lasso_path")
      ->capture_default_str();
  add_integer(*verb, "--rows", o.rows, kSize, "Examples");
  add_integer(*verb, "--columns", o.columns, {.low = 1, .high = 1 << 24}, "Features");
  add_integer(*verb, "--stored", o.stored, {.low = 0, .high = 1 << 20}, "Of them so many a row are not 0; 0 is dense");
  verb->add_option("--solver", o.solver, "Another solver (docs/classic.md)")->type_name("NAME");
  verb->add_option("--loss", o.loss, "Another loss: logistic, squared, hinge, …")->type_name("NAME");
  verb->add_option("--l1", o.l1, "Penalty")->type_name("X");
  verb->add_option("--l2", o.l2, "Penalty")->type_name("X");
  verb->add_option("--tolerance", o.tolerance, "The solver's own, at which it has converged")->type_name("X");
  add_integer(*verb, "--steps,--passes", o.steps, kSize, "Steps at most; of SGD passes over the rows");
  verb->add_flag("--coefficients", o.coefficients, "Print them too, in the JSON object");
  add_common(*verb, o, "A safetensors file with x and y instead of made-up rows");
  verb->footer("Example:\n  gradus bench linear --preset sgd_sparse --json");
  verb->final_callback([&o, &run] { run = [&o] { return bench_linear(o); }; });
}

void add_kmeans(CLI::App& bench, KMeansBenchOptions& o, Verb& run) {
  CLI::App* verb = bench.add_subcommand("kmeans", "Lloyd's rounds of k-means on made-up rows");
  add_integer(*verb, "--rows", o.rows, kSize, "Rows");
  add_integer(*verb, "--columns", o.columns, {.low = 1, .high = 1 << 20}, "Columns");
  add_integer(*verb, "--clusters", o.clusters, kSize, "Clusters");
  add_integer(*verb, "--rounds", o.rounds, kSize, "Rounds");
  add_common(*verb, o, "A safetensors file with x and centers instead of made-up rows");
  verb->footer("Example:\n  gradus bench kmeans --clusters 64 --json");
  verb->final_callback([&o, &run] { run = [&o] { return bench_kmeans(o); }; });
}

void add_csv(CLI::App& bench, CsvBenchOptions& o, Verb& run) {
  CLI::App* verb = bench.add_subcommand("csv", "Reading a file of numbers, CSV or LIBSVM");
  verb->add_option("--format", o.format, "Of the made-up file")
      ->type_name("csv|libsvm")
      ->check(CLI::IsMember({"csv", "libsvm"}))
      ->capture_default_str();
  add_integer(*verb, "--megabytes", o.megabytes, {.low = 1, .high = 1 << 20}, "Its size, in TMPDIR");
  add_integer(*verb, "--columns", o.columns, {.low = 1, .high = 10'000}, "Of CSV");
  add_common(*verb, o, "A file instead: .svm is LIBSVM, else CSV");
  verb->footer("Example:\n  gradus bench csv --megabytes 200 --json");
  verb->final_callback([&o, &run] { run = [&o] { return bench_csv(o); }; });
}

void add_tokenizer(CLI::App& bench, TokenizerBenchOptions& o, Verb& run) {
  CLI::App* verb = bench.add_subcommand("tokenizer", "Learning a byte-level BPE from a text, or encoding the text");
  verb->add_option("TASK", o.task, "Which")
      ->required()
      ->check(CLI::IsMember({"learn", "encode"}))
      ->type_name("learn|encode");
  verb->add_option("--data", o.data, "The text")->required()->type_name("FILE");
  verb->add_option("--tokenizer", o.tokenizer, "What is learned, or used")->type_name("FILE")->capture_default_str();
  add_integer(*verb, "--vocab", o.vocabulary, {.low = 257, .high = 1 << 24}, "Tokens to learn")
      ->default_str(std::to_string(o.vocabulary));
  verb->add_flag("--json", o.json, "Print one JSON object");
  add_machine_options(*verb, o.machine);
  verb->footer("Example:\n  gradus bench tokenizer learn --data book.txt --vocab 8000");
  verb->final_callback([&o, &run] { run = [&o] { return bench_tokenizer(o); }; });
}

}  // namespace

void add_bench(CLI::App& app, AllBenchOptions& options, Verb& run) {
  CLI::App* bench = app.add_subcommand("bench", "Time training on this machine");
  bench->require_subcommand(1);
  add_gpt(*bench, options.gpt, run);
  add_network(*bench, options.network, run);
  add_linear(*bench, options.linear, run);
  add_kmeans(*bench, options.kmeans, run);
  add_csv(*bench, options.csv, run);
  add_tokenizer(*bench, options.tokenizer, run);
}

}  // namespace gradus::command
