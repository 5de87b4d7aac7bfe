// The verbs of the command: one file each. Every function returns the process's exit code, or throws an `Error`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gradus/train/config.h"
#include "gradus/train/sweep.h"

namespace gradus::command {

/// What `train` and `generate` and `env` have in common.
struct MachineOptions {
  std::string isa;                 ///< Empty: the best that the processor has.
  std::optional<int64_t> threads;  ///< 0 … 1024; 0 is one for each core.
};

/// Applies the options to this process; call it before the first op.
void prepare_machine(const MachineOptions& options);

struct TrainOptions {
  std::string program;  ///< How the command was called, for what to type next.
  std::string config;   ///< The path of a TOML file or the name of a recipe.
  std::vector<std::string> set, unset;
  Config::Typed typed;  ///< Of `set`.
  std::vector<std::string> data;
  std::optional<std::string> out;
  std::optional<int64_t> seed;
  std::string on_bad_row;      ///< "error" or "skip"; empty: as the configuration says.
  std::vector<int64_t> seeds;  ///< A run of each, into folders of their own.
  int64_t folds = 0;           ///< The same with each of so many folds of the data held out; 0 for none.
  MachineOptions machine;
  bool quiet = false;
  bool overwrite = false;
  bool dry_run = false;  ///< Only says what the run would be.
  /// Empty text: the run that `out` names. A run's folder, or a checkpoint's, else.
  std::optional<std::string> resume;
  bool own_configuration = false;  ///< `config` is that of the run that is resumed.
};

/// Trains and writes the run's folder. 0; or 128 + the signal that ended it.
int train(const TrainOptions& options);

/// Prints what a run of this configuration would be: data, model, steps and memory. Trains and writes nothing.
int plan(const Config& config);

/// The same as `train` for each of `seeds`, or of `folds`, one after the other, and a table of how they ended.
int train_several(const TrainOptions& options);

struct SweepOptions {
  TrainOptions training;  ///< Of it `config`, `set`, `data`, `seed`, `out`, `machine`, `quiet` and `dry_run`.
  std::string command;    ///< As it was typed.
  SweepRequest request;
  int64_t jobs = 0;  ///< Trials at once; 0 is one for each core.
  bool json = false;
};

/// Trains a configuration with many values of some keys, and writes a table of them and the best one. 0; or 128 + the
/// signal that ended it.
int sweep(const SweepOptions& options);

struct LrFindOptions {
  TrainOptions training;  ///< Of it `config`, `set`, `data`, `seed` and `machine`.
  double from = 1e-7, to = 10.0;
  int64_t steps = 100;
  bool plot = false, json = false;
};

/// Raises the learning rate on a model that is thrown away, and suggests one; writes nothing.
int lr_find(const LrFindOptions& options);

struct DataShowOptions {
  TrainOptions training;  ///< Of it `config`, `set`, `data`, `seed` and `machine`.
  std::optional<std::string> out;
  int64_t count = 8;
};

/// Prints the first examples as a model sees them in training, or writes them into a folder.
int show_data(const DataShowOptions& options);

struct VerifyOptions {
  std::string run;
  std::string replay;  ///< "A:B", or empty.
  MachineOptions machine;
};

/// Says what is whole and what is damaged in a run's folder; 0 if nothing is.
int verify(const VerifyOptions& options);

struct GenerateVerbOptions {
  std::string run, prompt;
  int64_t tokens = 256;
  double temperature = 0.8;
  int64_t top_k = 0;
  int64_t seed = 0;
  bool best = false;
  MachineOptions machine;
};

/// Continues a text with a trained model, on standard output as it is made.
int generate(const GenerateVerbOptions& options);

struct EvalOptions {
  std::string run;
  std::vector<std::string> data;    ///< Files; else the part of the run's own data.
  std::vector<std::string> labels;  ///< Of `data`, where these are files of their own.
  std::string part;                 ///< "validation" or "training"; empty for the first of them that there is.
  bool best = false, json = false;
  bool report = false;       ///< All measures, with intervals.
  int64_t resamples = 1000;  ///< Of these.
  MachineOptions machine;
};

/// Prints the loss and the metrics of a trained model.
int eval(const EvalOptions& options);

struct PredictOptions {
  std::string run;
  std::vector<std::string> files;  ///< To be looked at by a person: the likeliest classes are printed.
  std::vector<std::string> data;
  std::string format;  ///< "text", "csv" or "jsonl"; empty: text of `files`, CSV of `data`.
  std::optional<std::string> out;
  bool overwrite = false;  ///< `out` may be there.
  bool best = false;
  MachineOptions machine;
};

/// Prints, or writes to a file, what a trained model says of each row of a table, or of each file.
int predict(const PredictOptions& options);

struct InitOptions {
  std::string program;             ///< How the command was called.
  std::vector<std::string> names;  ///< RECIPE and FILE, or FILE.
  std::vector<std::string> data;   ///< Files and patterns, or none.
  std::string target;
};

/// Writes a configuration into a new file.
int init(const InitOptions& options);

struct ScheduleVerbOptions {
  std::string name;
  std::vector<std::string> set;
  int64_t steps = 0;  ///< 0: not given.
  bool plot = false;  ///< A curve instead.
};

/// Prints the learning rate of every step as CSV, or draws it.
int schedule(const ScheduleVerbOptions& options);

/// Lists the recipes; with a name, prints that one.
int recipes(const std::string& name);

/// The file of the recipe of this name; nothing if there is none.
std::optional<std::string> recipe_path(const std::string& name);

/// The names of all recipes, sorted.
std::vector<std::string> recipe_names();

struct KeysVerbOptions {
  std::string name;       ///< A table or a key; empty for all.
  bool markdown = false;  ///< docs/configuration.md instead.
};

/// Prints what the configuration keys mean.
int keys(const KeysVerbOptions& options);

struct BenchOptions {
  std::string preset = "gpt2-124m";
  std::optional<int64_t> batch, sequence, steps;
  std::string precision = "f32", activations = "f32", optimizer_state = "f32";
  bool recompute = false, profile = false, json = false;
  MachineOptions machine;
};

/// Times the training of a GPT on made-up tokens.
int bench_gpt(const BenchOptions& options);

struct NetworkBenchOptions {
  std::string preset = "resnet18";
  std::optional<int64_t> batch, steps;
  bool profile = false, json = false;
  MachineOptions machine;
};

/// Times the training of another network on made-up data.
int bench_network(const NetworkBenchOptions& options);

struct LinearBenchOptions {
  std::string preset = "sgd", data;
  /// What differs from the preset.
  std::optional<int64_t> rows, columns, stored, steps, repeats;
  std::optional<std::string> solver, loss;
  std::optional<double> l1, l2, tolerance;
  bool coefficients = false, json = false;
  MachineOptions machine;
};

/// Times a solver of linear models.
int bench_linear(const LinearBenchOptions& options);

struct KMeansBenchOptions {
  std::string data;
  std::optional<int64_t> rows, columns, clusters, rounds, repeats;
  bool json = false;
  MachineOptions machine;
};

/// Times Lloyd's rounds.
int bench_kmeans(const KMeansBenchOptions& options);

struct CsvBenchOptions {
  std::string data, format = "csv";
  std::optional<int64_t> megabytes, columns, repeats;
  bool json = false;
  MachineOptions machine;
};

/// Times the reading of a table.
int bench_csv(const CsvBenchOptions& options);

struct TokenizerBenchOptions {
  std::string task;  ///< "learn" or "encode".
  std::string data, tokenizer = "tokenizer.json";
  int64_t vocabulary = 16000;
  bool json = false;
  MachineOptions machine;
};

/// Times the learning of a byte-level BPE, which is written, or the encoding of a text on one thread.
int bench_tokenizer(const TokenizerBenchOptions& options);

/// Writes the texts of a configuration as token ids into the folder `out`.
int data_pack(const TrainOptions& options);

struct TokenizerTrainOptions {
  std::vector<std::string> data, text;  ///< Files, and the fields of a row that are its text.
  std::vector<std::string> special = {"<|endoftext|>"};
  std::string out = "tokenizer.json", pattern = "gpt2";
  int64_t vocabulary = 0, min_frequency = 2;
  bool overwrite = false;
  MachineOptions machine;
};

/// Learns a byte-level BPE and writes its tokenizer.json.
int tokenizer_train(const TokenizerTrainOptions& options);

struct TokenizerUseOptions {
  std::string tokenizer;  ///< A tokenizer.json, a run's folder, or a folder with vocab.json and merges.txt.
  std::string text, data;          ///< What to encode: a text, or a file as a whole; standard input where both are empty.
  std::vector<std::string> ids;    ///< What to decode.
  bool pieces = false;
};

/// Prints the token ids of a text.
int tokenizer_encode(const TokenizerUseOptions& options);
/// Prints the text of token ids.
int tokenizer_decode(const TokenizerUseOptions& options);

/// Prints what this build and this machine are.
int env(const MachineOptions& options);

}  // namespace gradus::command
