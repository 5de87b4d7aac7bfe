// `gradus train --dry-run`: what a run would be.
#include <fmt/format.h>

#include <algorithm>

#include "apps/gradus/columns_text.h"
#include "apps/gradus/model_table.h"
#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/threads.h"
#include "gradus/train/session.h"

namespace gradus::command {
namespace {

// Text in quotes with its line ends and other controls as one writes them, cut where it gets long.
std::string shown(const std::string& text) {
  constexpr size_t kMost = 70;
  const std::string quoted = to_toml(Value(text));
  if (quoted.size() <= kMost) return quoted;
  size_t end = kMost;
  while ((static_cast<unsigned char>(quoted[end]) & 0xC0) == 0x80) --end;
  return quoted.substr(0, end) + "…\"";
}

std::string token_examples(const Batch& batch, const TextTokenizer& tokenizer) {
  std::string text;
  const std::vector<double> ids = batch.inputs.values<double>(), next = batch.targets.values<double>();
  const int64_t rows = batch.inputs.size(0), length = batch.inputs.size(1);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int32_t> tokens;
    for (int64_t i = 0; i < length; ++i)
      tokens.push_back(static_cast<int32_t>(ids[static_cast<size_t>(row * length + i)]));
    const auto last = static_cast<int32_t>(next[static_cast<size_t>((row + 1) * length - 1)]);
    text += fmt::format("  {} and then {}\n", shown(tokenizer.decode(tokens)), shown(tokenizer.token(last)));
  }
  return text;
}

constexpr size_t kMostFeaturesShown = 8;  // of the features of an example

std::string feature_names(const ExperimentData& data) {
  const TableEncoder* table = target_encoder(data.encoder);
  if (table == nullptr) return "";
  const std::string target = table->has_target() ? fmt::format(" → {}", fmt::join(table->target_columns(), ", ")) : "";
  if (table->is_sparse()) return fmt::format(" ({} columns{})", table->width(), target);
  if (table->text()) return fmt::format(" (tokens of {}{})", table->width(), target);
  if (table->array()) return fmt::format(" ({} numbers{})", fmt::join(table->array()->shape, " × "), target);
  std::vector<std::string> names;
  for (const std::string& name : table->input_names()) {
    if (names.size() == kMostFeaturesShown) break;
    names.push_back(shown_name(name));
  }
  const size_t more = static_cast<size_t>(table->width()) - names.size();
  if (more > 0) names.push_back(fmt::format("… {} more", more));
  return fmt::format(" ({}{})", fmt::join(names, ", "), target);
}

// How many training examples each class has, and the weights that would make classes count the same.
std::string class_table(const Session& session) {
  constexpr size_t kMostClasses = 50;
  // Examples at once: there may be more than memory holds.
  const int64_t at_once = std::clamp<int64_t>((1 << 24) / std::max<int64_t>(1, session.data().shape.inputs), 1, 4096);
  const Dataset& data = *session.data().training;
  std::vector<int64_t> counts;
  std::optional<DryRun> dry;  // targets alone are looked at
  if (data.is_costly()) dry.emplace();
  const bool has_classes = for_each_batch(data, at_once, [&](std::span<const int64_t>, const Batch& batch) {
    const Tensor& targets = batch.targets;
    if (!targets.defined() || targets.dtype() != DType::kI64 || targets.rank() != 1) return false;
    for (const int64_t target : targets.values<int64_t>()) {
      const auto id = static_cast<size_t>(target);
      if (id >= counts.size()) counts.resize(id + 1);
      ++counts[id];
    }
    return true;
  });
  if (!has_classes) return "";
  const TableEncoder* table = target_encoder(session.data().encoder);
  std::string text = fmt::format("  {:<32} {:>10}   {}\n", "class", "examples", "weight to count the same");
  const double all = static_cast<double>(data.size()), classes = static_cast<double>(counts.size());
  for (size_t i = 0; i < std::min(counts.size(), kMostClasses); ++i) {
    text += fmt::format("  {:<32} {:>10}   {}\n", table != nullptr ? shown(table->classes()[i]) : fmt::format("{}", i),
                        counts[i],
                        counts[i] > 0 ? fmt::format("{:.4g}", all / (classes * static_cast<double>(counts[i]))) : "");
  }
  return counts.size() > kMostClasses ? text + fmt::format("  … {} more\n", counts.size() - kMostClasses) : text;
}

// The first features of an example: "0.5", or of sparse rows "17:0.5".
std::vector<std::string> feature_texts(const Batch& batch, int64_t row, const TableEncoder* table) {
  std::vector<std::string> texts;
  int64_t all = 0;
  const int64_t most = kMostFeaturesShown;
  if (batch.sparse != nullptr) {
    const SparseMatrix& x = *batch.sparse;
    all = x.offsets[static_cast<size_t>(row) + 1] - x.offsets[static_cast<size_t>(row)];
    for (int64_t i = 0; i < std::min(all, most); ++i) {
      const auto at = static_cast<size_t>(x.offsets[static_cast<size_t>(row)] + i);
      texts.push_back(
          fmt::format("{}:{:.4g}", x.indices[at] + (table != nullptr ? table->sparse().first : 0), x.values[at]));
    }
  } else {
    all = batch.inputs.numel() / batch.inputs.size(0);
    const std::vector<double> x = batch.inputs.values<double>();
    for (int64_t i = 0; i < std::min(all, most); ++i) {
      texts.push_back(fmt::format("{:.4g}", x[static_cast<size_t>(row * all + i)]));
    }
  }
  if (all > most) texts.emplace_back("…");
  return texts;
}

// " → 0.5", of several targets " → 0.5, 2", or the name of a class.
std::string target_text(const Batch& batch, int64_t row, const TableEncoder* table) {
  if (!batch.targets.defined()) return "";
  const int64_t width = batch.targets.numel() / batch.targets.size(0);
  const std::vector<double> targets = batch.targets.values<double>();
  const auto begin = targets.begin() + row * width;
  const bool has_names = table != nullptr && !table->classes().empty() && !table->is_soft();
  if (has_names) return " → " + table->classes()[static_cast<size_t>(*begin)];
  const int64_t shown = std::min<int64_t>(width, kMostFeaturesShown);
  return fmt::format(" → {:.4g}{}", fmt::join(begin, begin + shown, ", "), shown < width ? ", …" : "");
}

std::string feature_examples(const Batch& batch, const ExperimentData& data) {
  const TableEncoder* table = target_encoder(data.encoder);
  const int64_t rows = batch.sparse != nullptr ? batch.sparse->rows : batch.inputs.size(0);
  std::string text;
  for (int64_t row = 0; row < rows; ++row) {
    text +=
        fmt::format("  ({}){}\n", fmt::join(feature_texts(batch, row, table), ", "), target_text(batch, row, table));
  }
  return text;
}

std::string data_text(const Session& session) {
  const ExperimentData& data = session.data();
  const int64_t examples = data.training->size();
  std::string text = fmt::format("data {}: {} examples to train on", session.config().text("data.kind"), examples);
  text += data.validation ? fmt::format(", {} for validation\n", data.validation->size()) : ", none for validation\n";
  text += left_out_text(data);
  const auto* table = std::get_if<TableEncoder>(&data.encoder);
  if (table != nullptr && !table->features().empty()) text += columns_text(*table, session.config());
  const std::vector<int64_t> ids = {0, 1, 2};
  const Batch batch = data.training->batch(std::span(ids).first(static_cast<size_t>(std::min<int64_t>(3, examples))));
  text += fmt::format("the first of them, as the model sees them{}:\n", feature_names(data));
  const auto* tokenizer = std::get_if<TextTokenizer>(&data.encoder);
  return text + (tokenizer != nullptr ? token_examples(batch, *tokenizer) : feature_examples(batch, data)) +
         class_table(session) + "\n";
}

// Three digits, or all of them that a whole number has.
std::string times_text(double times) {
  constexpr double kFewDigits = 100.0;
  return times < kFewDigits ? fmt::format("{:.3g}", times) : fmt::format("{:.0f}", times);
}

// Which of two limits ends the run; "" if there is one.
std::string limit_text(const Config& config, int64_t steps) {
  if (!config.has("train.steps") || !config.has("train.epochs")) return "";
  const bool by_steps = steps == config.integer("train.steps");
  const char *const ends = by_steps ? "train.steps" : "train.epochs", *const other =
                                                                          by_steps ? "train.epochs" : "train.steps";
  return fmt::format("; {} = {} ends it, not {} = {}", ends, config.shown(ends), other, config.shown(other));
}

std::string steps_text(const Session& session) {
  const Config& config = session.config();
  const int64_t steps = session.trainer().planned_steps(), examples = session.data().training->size();
  const int64_t batch = config.batch_size("train.batch_size").value_or(examples);
  const double times = static_cast<double>(steps) * static_cast<double>(batch) / static_cast<double>(examples);
  std::string text = fmt::format("at most {} steps of {} examples: {} times through the data{}\n", steps, batch,
                                 times_text(times), limit_text(config, steps));
  if (schedule_has_end(config)) {
    const bool is_given = config.has("schedule.total_steps");
    text += fmt::format("schedule {} ends at step {}\n", config.text("schedule.name"),
                        is_given ? config.integer("schedule.total_steps") : steps);
  }
  return text + "\n";
}

std::string memory_table(const MemoryPrediction& prediction, int64_t limit) {
  std::string text = "memory\n";
  const auto add = [&](const std::string& name, int64_t bytes) {
    text += fmt::format("  {:34} {:>12}\n", name, megabytes(bytes));
  };
  for (const MemoryPart& part : prediction.parts) add(part.name, part.bytes);
  add("all", prediction.total());
  if (prediction.later > 0) add("at most, beside a slow checkpoint", prediction.most());
  add("there are", limit);
  return text;
}

}  // namespace

int plan(const Config& config) {
  set_threads(static_cast<int>(config.integer("train.threads")));
  const Session session(config, {.plan_only = true, .row_caches = RowCaches::kUnnamed});
  const int64_t limit = memory_limit_bytes();
  print(data_text(session) + model_table(config.text("model.kind"), session.model().parameters()) + "\n" +
        steps_text(session) + memory_table(session.memory(), limit));
  check_memory(session.memory(), limit);
  return 0;
}

}  // namespace gradus::command
