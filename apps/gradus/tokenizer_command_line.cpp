// The command line of `gradus tokenizer`.
#include "apps/gradus/command_line.h"

namespace gradus::command {
namespace {

void add_train(CLI::App& app, TokenizerTrainOptions& o, Verb& run) {
  CLI::App* verb = app.add_subcommand("train", "Learn a byte-level BPE from texts");
  verb->add_option("--data", o.data, "A file of text (.txt, .jsonl, .csv); any number of times, or a pattern in quotes")
      ->required()
      ->type_name("PATH")
      ->allow_extra_args(false);
  add_integer(*verb, "--vocab", o.vocabulary, {.low = 257, .high = 1 << 24}, "Tokens, of which 256 are the bytes")
      ->required();
  verb->add_option("--out", o.out, "The file to write")->type_name("FILE")->capture_default_str();
  add_integer(*verb, "--min-frequency", o.min_frequency, {.low = 1}, "A pair that is there less often is not merged")
      ->default_str("2");
  verb->add_option("--special", o.special,
                   "A token that is found as it is in any text, and has one of the first ids; any number of times")
      ->type_name("TOKEN")
      ->allow_extra_args(false)
      ->capture_default_str();
  verb->add_option("--pattern", o.pattern,
                   "How texts are cut into words, which no token spans: as GPT-2, GPT-4 or Qwen 2")
      ->type_name("gpt2|gpt4|qwen2")
      ->check(CLI::IsMember({"gpt2", "gpt4", "qwen2"}))
      ->capture_default_str();
  verb->add_option("--text", o.text, "Of JSON lines and CSV: a field that is the text; any number of times")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb->add_flag("--overwrite", o.overwrite, "Replace the file of --out");
  add_machine_options(*verb, o.machine);
  verb->footer("Example:\n  gradus tokenizer train --data book.txt --vocab 4000 --out book.json");
  verb->final_callback([&o, &run] { run = [&o] { return tokenizer_train(o); }; });
}

CLI::App* add_use(CLI::App& app, const char* name, const char* description, TokenizerUseOptions& o) {
  CLI::App* verb = app.add_subcommand(name, description);
  verb->add_option("TOKENIZER", o.tokenizer,
                   "A tokenizer.json, a folder with one (such as a run's), or one with vocab.json and merges.txt")
      ->required()
      ->type_name("PATH");
  return verb;
}

}  // namespace

void add_tokenizer(CLI::App& app, AllTokenizerOptions& o, Verb& run) {
  CLI::App* all = app.add_subcommand("tokenizer", "Learn a tokenizer from texts, and see what it does");
  all->footer("Example:\n  gradus tokenizer train --data book.txt --vocab 4000 --out book.json");
  all->require_subcommand(1);
  add_train(*all, o.train, run);
  CLI::App* verb = add_use(*all, "encode", "Print the token ids of a text", o.use);
  verb->add_option("TEXT", o.use.text, "The text; else that of --data, or standard input")->type_name("TEXT");
  verb->add_option("--data", o.use.data, "A file that is encoded as a whole")->type_name("PATH");
  verb->add_flag("--pieces", o.use.pieces, "Print a line for each token: its id and what it stands for");
  verb->footer("Example:\n  gradus tokenizer encode book.json 'Once upon a time' --pieces");
  verb->final_callback([&o, &run] { run = [&o] { return tokenizer_encode(o.use); }; });
  verb = add_use(*all, "decode", "Print the text of token ids", o.use);
  verb->add_option("IDS", o.use.ids, "The ids; else standard input")->type_name("ID…");
  verb->footer("Example:\n  gradus tokenizer encode book.json 'Once upon' | gradus tokenizer decode book.json");
  verb->final_callback([&o, &run] { run = [&o] { return tokenizer_decode(o.use); }; });
}

}  // namespace gradus::command
