// Options that several verbs have, and the verbs that another file than main.cpp describes.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "apps/gradus/verbs.h"

namespace gradus::command {

/// What the command line asks for, once it is read.
using Verb = std::function<int()>;

/// Of an integer.
struct Bounds {
  int64_t low = 0, high = std::numeric_limits<int64_t>::max();
};

/// The integer that `text` is; a usage error of `option` if it is none within the bounds.
int64_t decimal_integer(std::string_view option, std::string_view text, Bounds bounds);

/// An option of an integer. CLI11's own integers stop silently at the largest, and are octal and hexadecimal as in C.
template <class Target>
CLI::Option* add_integer(CLI::App& verb, const std::string& name, Target& target, Bounds bounds,
                         const std::string& description) {
  const auto take = [&target, name, bounds](const std::string& text) { target = decimal_integer(name, text, bounds); };
  return verb.add_option_function<std::string>(name, take, description)->type_name("N");
}

/// --threads and --isa.
void add_machine_options(CLI::App& verb, MachineOptions& options);

/// The options of `gradus bench`, all kinds.
struct AllBenchOptions {
  BenchOptions gpt;
  NetworkBenchOptions network;
  LinearBenchOptions linear;
  KMeansBenchOptions kmeans;
  CsvBenchOptions csv;
  TokenizerBenchOptions tokenizer;
};
void add_bench(CLI::App& app, AllBenchOptions& options, Verb& run);

/// The options of `gradus tokenizer`, all kinds.
struct AllTokenizerOptions {
  TokenizerTrainOptions train;
  TokenizerUseOptions use;
};
void add_tokenizer(CLI::App& app, AllTokenizerOptions& options, Verb& run);

}  // namespace gradus::command
