// From a configuration to everything that a run needs.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "gradus/data/cached_rows.h"
#include "gradus/data/csv.h"
#include "gradus/data/dataset.h"
#include "gradus/data/encoder.h"
#include "gradus/data/split.h"
#include "gradus/nn/models/model.h"
#include "gradus/nn/objective.h"
#include "gradus/optim/optimizer.h"
#include "gradus/optim/schedule.h"
#include "gradus/train/config.h"
#include "gradus/train/schedule_config.h"
#include "gradus/train/trainer.h"

namespace gradus {

/// What a model needs to know of its data.
struct DataShape {
  int64_t inputs = 1;  ///< Features of an example.
  /// Of examples that are no rows: (H, W, C) for images, (T, C) for what goes by time. `inputs` is the product.
  Shape example = {};
  int64_t outputs = 1;     ///< Of the model for an example, as its loss needs them (`outputs_for`); or its clusters.
  int64_t vocabulary = 0;  ///< Tokens (text); 0 for other data.
  /// Inputs that are numbers of categories, and how many numbers there are (`TableEncoder::embedded_inputs`).
  std::vector<std::pair<int64_t, int64_t>> embedded = {};
};

/// Which rows of a stream are held out, and how many there are in both parts.
struct StreamedSplit {
  HeldOutRows held_out;
  int64_t rows = 0;
};

/// Data, read and split as `[data]` says.
struct ExperimentData {
  std::unique_ptr<Dataset> training;
  std::unique_ptr<Dataset> validation;  ///< Null when nothing is held out.
  DataEncoder encoder;
  DataShape shape;
  uint64_t hash = 0;  ///< XXH3 of the data as the model sees it: tokens, or inputs and targets.
  /// Of tables, sparse rows and files: which rows of data.path each part has, counted from 0 over all its files,
  /// without those that were left out.
  Split split;
  StreamedSplit streamed_split;  ///< The same of streamed rows.
  LeftOutRows left_out = {};
  std::vector<std::string> notes = {};  ///< What happened while it was read, for people.
  /// Of packed text whose tokenizer was learned: its tokens, which `data.vocabulary` is then, whatever was asked for.
  std::optional<int64_t> packed_vocabulary = {};
  int64_t unused_tokens = 0;  ///< At the end of the text's training part, too few for an example of their own.
};

/// Whether the data's rows go through memory a part at a time (`data.rows = "streamed"`).
bool is_streamed(const Config& config);

/// A line for each kind of rows that are left out; "" if there is none.
std::string left_out_text(const LeftOutRows& rows);
/// What of the data is not trained on, and its notes, a line each; "" if there is nothing to say.
std::string left_out_text(const ExperimentData& data);

/// Rows of files, and what of these files was left out.
struct ReadRows {
  std::unique_ptr<Dataset> rows;
  LeftOutRows left_out = {};
};

/// What becomes of a cache of streamed rows that has to be made: a file beside the data, or nothing that stays.
enum class RowCaches : uint8_t { kKept, kUnnamed };

/// Reads or makes the data. Errors name the path and what is wrong with it; that `validation.every` is set and nothing
/// is held out is a usage error. Text gets the vocabulary of `encoder`, and a table its columns, means and classes, if
/// there is one, else its own.
ExperimentData make_data(const Config& config, const DataEncoder& encoder = {}, RowCaches caches = RowCaches::kKept);
/// The whole of these files, or of those that fit these patterns, as `[data]` says that they are read and as the
/// encoder of a model sees them. `labels` are the files of labels that arrays have. For a model of made-up data they
/// are tables of its features in their order, and behind them the number, or the class from 0 on.
ReadRows read_data(const Config& config, const DataEncoder& encoder, const std::vector<std::string>& paths,
                   const std::vector<std::string>& labels = {});
/// The same of rows that are streamed: calls `visit` for some rows after the other.
LeftOutRows read_data_in_parts(const Config& config, const TableEncoder& encoder, const std::vector<std::string>& paths,
                               const std::function<void(const Dataset& part)>& visit);
/// The files that paths and patterns name, each pattern's in the order of their names. `key` is what an error calls
/// them.
std::vector<std::string> files_of(const std::vector<std::string>& paths, std::string_view key);
/// What the numbers of a part of the data stand for.
MetricUnits metric_units(const DataEncoder& encoder, const Dataset& part);
/// Reads tables as `[data]` says, one behind the other; what is wrong with a row is an error where `refuses_bad_rows`.
/// Of those that are for an encoder, which may be null, it is what the encoder does not take for a number too.
Table read_tables(const Config& config, const std::vector<std::string>& paths, bool refuses_bad_rows = false,
                  const TableEncoder* encoder = nullptr);
/// `data.separator`, if it is given.
std::optional<char> csv_separator(const Config& config);
/// How `[data]` says that tables are written, for an encoder if it is not null.
CsvOptions csv_options(const Config& config, const TableEncoder* encoder = nullptr);
/// `[loss]`, of a model that learns a target.
Objective objective_of(const Config& config);
/// The order that validation and evaluation take examples in: of losses that compare those of a batch, shuffled by this
/// key, so that rows which lie sorted by class are not compared with their own alone; unset for others.
std::optional<uint64_t> evaluation_order(const Config& config);
/// A freshly initialised model of `[model]` for data of that shape.
std::unique_ptr<Model> make_model(const Config& config, const DataShape& shape);
/// The optimizer of `[optimizer]` for these parameters. The learning rate is the schedule's, `clip_norm` and
/// `clip_value` the trainer's. Parameters that a group freezes ask for no gradient any more.
std::unique_ptr<Optimizer> make_optimizer(const Config& config, const Parameters& parameters);
/// `[train]`, `[regularization]`, `[validation]`, `[log]` and `optimizer.clip_norm` as the trainer takes them; keys
/// without a value keep the trainer's default.
TrainerOptions trainer_options(const Config& config);
/// A usage error if `train.precision` asks for products that this processor or this build has not.
void check_precision(const Config& config);

/// A sentence or two on what was learned, for people: for the line, W and b beside the closed-form least-squares
/// answer; for text, the loss beside the entropy of the single tokens' frequencies.
std::string describe_result(const Config& config, const ExperimentData& data, const Model& model,
                            const TrainingSummary& summary);

}  // namespace gradus
