// What a trained model says of the rows of a table.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "gradus/data/table.h"
#include "gradus/train/trained_run.h"

namespace gradus {

/// Of each row or file: the number or the name of the class that the model predicts, and the probability of each class,
/// where the loss that it was trained for has such. The classes of clusters are "0", "1", …; mixtures have
/// probabilities.
struct Predictions {
  std::vector<std::string> classes;                ///< Their names; empty for numbers.
  std::vector<double> numbers;                     ///< Of a model of numbers, in the targets' own units.
  std::vector<std::string> targets;                ///< Names of several targets: of each row `numbers` has so many.
  std::vector<int64_t> ids;                        ///< Of a model of classes.
  std::vector<std::vector<double>> probabilities;  ///< (rows, classes); empty if there are none.
  std::vector<std::vector<double>> codes;  ///< (rows, code), of an autoencoder or embeddings, which have nothing else.
  /// Of examples that are files each, such as pictures: their paths; of texts "path:line", as blank lines are none.
  std::vector<std::string> names = {};

  size_t size() const {
    return !codes.empty() ? codes.size() : classes.empty() ? numbers.size() / outputs() : ids.size();
  }
  /// The numbers of a row.
  size_t outputs() const { return std::max<size_t>(1, targets.size()); }
};

/// Predicts rows, some at a time. The table needs the features that the model was trained on, in any order and among
/// any other columns; for a model of made-up data, which has no names for them, it must have nothing but them. A usage
/// error for a text model.
Predictions predict(const TrainedRun& run, Table table);
/// The same of files, as the run's `[data]` says that they are read; tables of text for a model of made-up data. Their
/// targets, if they have some, are not looked at. A row with which something is wrong is an error whatever
/// `data.on_bad_row` says, as each row has its prediction. Of a run on pictures the files are pictures, or what
/// `data.path` may be.
Predictions predict_files(const TrainedRun& run, const std::vector<std::string>& paths);
/// The same, given to `visit` some rows after the other where the run's rows are streamed; else all at once.
void predict_files(const TrainedRun& run, const std::vector<std::string>& paths,
                   const std::function<void(const Predictions& rows)>& visit);
/// The same of examples as the model sees them; an error calls example i of the data `place(i)`.
Predictions predict(const TrainedRun& run, const Dataset& data, const std::function<std::string(int64_t row)>& place);
/// The names of the classes that the run's model tells apart; empty for numbers. A usage error for a text model.
std::vector<std::string> class_names(const TrainedRun& run);

/// For people: of each example its name, where it has one, and the likeliest classes, the number, or the code.
std::string to_text(const Predictions& predictions);
/// Lines of CSV: "file" where examples have `names`, "prediction", and "p_CLASS" for each class with probabilities; of
/// codes "code_0", "code_1", … in place of the latter two.
std::string to_csv(const Predictions& predictions, bool with_names = true);
/// A line of JSON for each row: {"file": …, "prediction": …, "probabilities": {"CLASS": …}}, or {"file": …, "code":
/// […]}.
std::string to_jsonl(const Predictions& predictions);

}  // namespace gradus
