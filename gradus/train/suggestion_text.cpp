// A configuration for texts: a GPT that goes on with them, or a model that tells their classes.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/utf8.h"
#include "gradus/data/split.h"
#include "gradus/data/tokenizer.h"
#include "gradus/train/config_keys.h"
#include "gradus/train/suggestion.h"
#include "gradus/train/text_parts.h"

namespace gradus::suggestion {
namespace {

bool is_named_json_lines(const std::string& path) { return text_format(path, {}) == TextFormat::kJsonl; }

// Whether the first two lines that are not empty, or the only one, are objects of JSON each.
bool looks_like_json_lines(std::string_view text) {
  int found = 0;
  while (!text.empty() && found < 2) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
    const size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    if (line[first] != '{') return false;
    try {
      parse_json(line, "the file");
    } catch (const Error&) {
      return false;
    }
    ++found;
  }
  return found == 2;
}

bool is_json_lines(const Sources::File& file) {
  return is_named_json_lines(file.path) ||
         (text_format(file.path, {}) == TextFormat::kPlain && looks_like_json_lines(file.text));
}

// How files of texts are read, with the line of `[data]` that says so if their names do not.
struct Reading {
  TextOptions options = {};
  std::string line = {};
};

Reading reading_of(const Sources& sources) {
  Reading reading;
  const auto& files = sources.files;
  const auto is_unnamed = [](const Sources::File& file) {
    return is_json_lines(file) && !is_named_json_lines(file.path);
  };
  const auto unnamed = std::ranges::find_if(files, is_unnamed);
  if (unnamed == files.end()) return reading;
  if (const auto other = std::ranges::find_if_not(files, is_json_lines); other != files.end()) {
    fail_usage(other->path, "has no JSON lines, as {} has; expected files of one kind", unnamed->path);
  }
  reading.options.format = TextFormat::kJsonl;
  reading.line = "format = \"jsonl\"    # each of its lines is an object of JSON\n";
  return reading;
}

// The fields of JSON lines that are the text: "text" as it is by default, or else all that hold texts, but for a label.
std::vector<std::string> fields_to_learn(const Sources& sources, const std::string& label) {
  std::vector<std::string> all;
  for (const Sources::File& file : sources.files) {
    if (!is_json_lines(file)) continue;
    for (std::string& name : text_fields(file.text, file.path)) {
      if (std::ranges::find(all, name) == all.end()) all.push_back(std::move(name));
    }
  }
  if (label != "text" && std::ranges::find(all, "text") != all.end()) return {"text"};
  if (all.size() > 1) std::erase(all, label);
  if (all.empty()) fail_usage(sources.title, "no field of its JSON lines holds texts alone; expected one to learn");
  return all;
}

// The line `text = …`, where the fields are others than those by default.
std::string fields_line(const std::vector<std::string>& fields) {
  if (fields == TextOptions().fields) return "";
  return fields.size() == 1
             ? fmt::format("text = {}    # the field that holds texts\n", quoted(fields[0]))
             : fmt::format("text = {}    # the fields that hold texts, joined by a line end\n", to_toml(Value(fields)));
}

// All texts, of which plain files are one, behind one another.
struct Texts {
  std::vector<std::string> texts = {};
  std::vector<std::string> labels = {};
  bool are_documents = false;
};

Texts read_texts(const Sources& sources, const TextOptions& options) {
  Texts all;
  for (const Sources::File& file : sources.files) {
    const TextFormat format = text_format(file.path, options);
    if (format == TextFormat::kPlain) internal::check_byte_order_mark(file.path, file.text);
    all.are_documents = all.are_documents || format != TextFormat::kPlain;
    TextDocuments some = parse_documents(file.text, file.path, format, options);
    for (std::string& text : some.texts) all.texts.push_back(std::move(text));
    for (std::string& label : some.labels) all.labels.push_back(std::move(label));
  }
  if (all.are_documents || all.texts.size() == 1) return all;
  all.texts = {fmt::format("{}", fmt::join(all.texts, ""))};
  return all;
}

struct TextModel {
  const char* why;
  int64_t layers, width, heads, context, batch, steps;
};

TextModel text_model(int64_t tokens) {
  if (tokens < 100'000) return {"the text is short", 2, 64, 4, 32, 16, 1500};
  if (tokens < 20'000'000) return {"some minutes on two cores", 4, 128, 4, 64, 16, 3000};
  return {"the text is long enough for a larger model; some hours on two cores", 6, 384, 6, 256, 16, 5000};
}

// What a token is, and how many there are in each part.
struct Tokens {
  bool are_characters = false;
  std::string why = {};
  int64_t training = 0, held = 0;
  int64_t all() const { return training + held; }
};

constexpr double kHeldOut = 0.1;  // of a text

int64_t count_tokens(const std::string& text, bool characters) {
  const auto goes_on = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  return static_cast<int64_t>(text.size()) - (characters ? std::ranges::count_if(text, goes_on) : 0);
}

// Whole documents are held out, from the last on, by their bytes; of one text the last tokens. Between documents there
// is one token, and one more at the end.
void count_parts(const Texts& all, Tokens& tokens) {
  for (const std::string& text : all.texts) tokens.training += count_tokens(text, tokens.are_characters);
  if (!all.are_documents) {
    tokens.held = rows_to_hold(tokens.training, kHeldOut);
    tokens.training -= tokens.held;
    return;
  }
  int64_t bytes = 0, taken = 0;
  for (const std::string& text : all.texts) bytes += static_cast<int64_t>(text.size());
  tokens.training += static_cast<int64_t>(all.texts.size()) + 1;
  for (size_t i = all.texts.size(); i > 1 && taken < rows_to_hold(bytes, kHeldOut); --i) {
    const std::string& text = all.texts[i - 1];
    tokens.held += count_tokens(text, tokens.are_characters) + 1;
    tokens.training -= count_tokens(text, tokens.are_characters) + 1;
    taken += static_cast<int64_t>(text.size());
  }
  if (tokens.held > 0) ++tokens.held;
}

Tokens tokens_of(const Texts& all) {
  constexpr int64_t kMostCharacters = 2000;
  Tokens tokens;
  std::string text = fmt::format("{}", fmt::join(all.texts, ""));
  const bool is_utf8 = !first_invalid_utf8(text);
  if (all.are_documents) text += '\n';  // the token between them
  const int64_t alphabet =
      is_utf8 ? CharacterTokenizer::train(text, CharacterTokenizer::Unit::kCharacters).vocabulary_size() : 0;
  tokens.are_characters = is_utf8 && alphabet <= kMostCharacters;
  tokens.why = tokens.are_characters ? fmt::format("its alphabet has {}", alphabet)
               : is_utf8             ? fmt::format("its alphabet has {} characters, too many", alphabet)
                                     : "it is not UTF-8";
  count_parts(all, tokens);
  return tokens;
}

std::string gpt_config(const Sources& sources, const Reading& reading) {
  constexpr int64_t kFewestTokens = 100;
  const Texts all = read_texts(sources, reading.options);
  const Tokens tokens = tokens_of(all);
  int64_t bytes = 0;
  for (const std::string& text : all.texts) bytes += static_cast<int64_t>(text.size());
  if (tokens.all() < kFewestTokens) {
    fail_usage(sources.title, "{} {} of text; expected more to learn from, best 100 kB or more", tokens.all(),
               tokens.are_characters ? "characters" : "bytes");
  }
  const TextModel m = text_model(bytes);
  const bool validates = tokens.held > 0;
  const int64_t least = validates ? std::min(tokens.training, tokens.held) : tokens.training;
  const int64_t context = std::clamp<int64_t>(least / 2, 1, m.context), stride = std::max<int64_t>(1, context / 4);
  std::string out = fmt::format("# {}: {} bytes of text.\n\n", sources.title, bytes);
  out += fmt::format("[data]\nkind = \"text\"\npath = {}\n{}{}tokens = \"{}\"    # {}\n", sources.path(), reading.line,
                     fields_line(reading.options.fields), tokens.are_characters ? "characters" : "bytes", tokens.why);
  out += fmt::format("stride = {}    # an example starts every {} tokens: the same text, cut in several ways\n", stride,
                     stride);
  out += validates ? "validation_fraction = 0.1    # the end of the text, which is never trained on\n"
                   : "validation_fraction = 0.0    # there is one document, and only whole ones can be held out\n";
  out += fmt::format(
      "\n[model]\nkind = \"gpt\"    # {}\nlayers = {}\nwidth = {}\nheads = {}\ncontext = {}\ndropout = 0.1\n", m.why,
      m.layers, m.width, m.heads, context);
  out +=
      "\n[optimizer]\nname = \"adamw\"\nlearning_rate = 0.003    # the peak; `gradus lr-find` can look for a better "
      "one\n"
      "beta2 = 0.99\nweight_decay = 0.1\nclip_norm = 1.0    # no single batch can spoil the model\n"
      "\n[schedule]\nname = \"cosine\"\nwarmup_steps = 100\nfinal_factor = 0.1\n";
  const int64_t examples = std::max<int64_t>(1, (tokens.training - context - 1) / stride);
  out += fmt::format("\n[train]\nsteps = {}\nbatch_size = {}\n", m.steps, std::min(m.batch, examples));
  return out + (validates ? "restore_best = true\n\n[validation]\nevery = 250\n" : "");
}

// What is wrong with labels as names of classes; empty for nothing.
std::string problem_of(const std::vector<std::string>& labels) {
  const std::set<std::string> classes(labels.begin(), labels.end());
  if (classes.size() < 2) return "is the same in every line";
  if (2 * classes.size() <= labels.size()) return "";
  return fmt::format("has {} different values in {} lines, which is no class to learn", classes.size(), labels.size());
}

// Fields by which lists of pictures and sounds are known.
bool is_name_of_files(std::string_view field) {
  constexpr std::string_view kNames[] = {"path", "file", "filename", "file_name", "image", "audio"};
  return std::ranges::find(kNames, field) != std::end(kNames);
}

// Whether all lines have a field of this name whose values can be classes.
bool has_classes(const Sources& sources, TextOptions options) {
  try {
    return problem_of(read_texts(sources, options).labels).empty();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

bool has_json_lines(const Sources& sources) { return std::ranges::any_of(sources.files, is_json_lines); }

std::string json_lines_config(const Sources& sources, const std::string& label) {
  const std::string field = label.empty() ? "label" : label;
  Reading reading = reading_of(sources);
  reading.options.fields = fields_to_learn(sources, field);
  for (const std::string& name : reading.options.fields) {
    TextOptions one = reading.options;
    one.fields = {name};
    if (is_name_of_files(name)) refuse_list(sources, name, read_texts(sources, one).texts[0]);
  }
  TextOptions labelled = reading.options;
  labelled.label = field;
  if (label.empty() && !has_classes(sources, labelled)) return gpt_config(sources, reading);
  if (const std::string problem = problem_of(read_texts(sources, labelled).labels); !problem.empty()) {
    fail_usage(sources.title, "field \"{}\" {}; name another with --target", field, problem);
  }
  return labelled_text_config(sources, labelled.fields, field, reading.line, labelled);
}

std::string text_config(const Sources& sources) { return gpt_config(sources, {}); }

std::string labelled_text_config(const Sources& sources, const std::vector<std::string>& fields,
                                 const std::string& label, const std::string& lines, const TextOptions& options) {
  const Texts all = read_texts(sources, options);  // says which text or label is missing
  std::map<std::string, int64_t> counts;
  for (const std::string& one : all.labels) ++counts[one];
  const auto texts = static_cast<int64_t>(all.texts.size());
  std::string out = fmt::format("# {}: {} texts of {} classes.\n\n", sources.title, texts, counts.size());
  out +=
      fmt::format("[data]\nkind = \"labelled_text\"\npath = {}\n{}{}label = {}    # has {} different values: classes\n",
                  sources.path(), lines, fields_line(fields), quoted(label), counts.size());
  out += "tokens = \"words\"    # how often each is in a text tells its class\n" + split_lines(counts);
  out +=
      "\n[model]\nkind = \"linear\"    # \"mlp\" is possible, too\n"
      "\n[loss]\nname = \"cross_entropy\"    # of classes\n"
      "\n[solver]\nname = \"lbfgs\"    # to the minimum, for any number of words\n"
      "\n[regularization]\nl2 = 0.001    # words are many and texts few\n"
      "\n[train]\nsteps = 200    # at most\n";
  return out + (texts < kFewest ? "" : "\n[validation]\nevery = 10\n");
}

}  // namespace gradus::suggestion
