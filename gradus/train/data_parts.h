// What the kinds of data of a configuration share: what is held out, and what is trained on.
#pragma once

#include <functional>
#include <string_view>

#include "gradus/data/libsvm.h"
#include "gradus/data/row_filter.h"
#include "gradus/data/split.h"
#include "gradus/tensor/sparse.h"
#include "gradus/train/experiment.h"

namespace gradus::internal {

/// How the names of pictures and of sounds end.
inline constexpr std::string_view kImageEndings[] = {".jpg", ".jpeg", ".png", ".webp"};
inline constexpr std::string_view kAudioEndings[] = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"};

uint64_t seed_of(const Config& config);

/// A usage error for a file that is there twice: in one list given twice, or in both. The keys are what it calls them.
void check_apart(const std::vector<std::string>& files, std::string_view key, const std::vector<std::string>& others,
                 std::string_view other_key);

/// How many of the examples (or tokens) `data.validation_fraction` holds out.
int64_t held_out(const Config& config, int64_t size);
/// Validation that was asked for needs something to validate on: a usage error otherwise.
void check_held_out(const Config& config, int64_t held, int64_t size, const char* unit);
/// How many of the examples (or tokens) that are not held out are trained on.
int64_t trained_on(const Config& config, int64_t available, const char* unit);
/// Examples that are held out at random.
Split random_split(const Config& config, int64_t size);
/// 0, 1, …, count − 1.
std::vector<int64_t> all_rows(int64_t count);
/// Examples with targets, or without where these are undefined.
TensorDataset dataset_of(Tensor inputs, Tensor targets, Tensor weights = {});
/// These examples of a data set, as one of their own; null for none.
std::unique_ptr<TensorDataset> part_of(const TensorDataset& all, const std::vector<int64_t>& ids);
/// Of a tensor behind what was hashed before, `hash`; that if the tensor is undefined.
uint64_t hash_of(const Tensor& tensor, uint64_t hash);
/// Of inputs, targets and weights.
uint64_t hash_of(const TensorDataset& data, uint64_t hash = 0);

// The data of the configuration, and whole files of it, as an encoder of a model sees them.
ExperimentData make_made_up_data(const Config& config);
ReadRows read_made_up(const Config& config, const std::vector<std::string>& paths);
/// CSV files for a model of made-up data, which has no names for their columns.
Table read_unnamed(const std::vector<std::string>& paths);
/// All columns of such a table, which are the features in their order: f32 (rows, width). A usage error if they are not
/// as many, or not numbers.
Tensor unnamed_inputs(const Table& table, int64_t width);
ExperimentData make_text_data(const Config& config, const DataEncoder& given);
ExperimentData make_table_data(const Config& config, const DataEncoder& given);
ExperimentData make_sparse_data(const Config& config, const DataEncoder& given);
ExperimentData make_array_data(const Config& config, const DataEncoder& given);
ExperimentData make_labelled_text_data(const Config& config, const DataEncoder& given);
ExperimentData make_streamed_data(const Config& config, const DataEncoder& given, RowCaches caches);
ExperimentData make_audio_data(const Config& config, const DataEncoder& given);
std::unique_ptr<Dataset> read_text(const Config& config, const TextTokenizer& tokenizer,
                                   const std::vector<std::string>& paths);
ReadRows read_table(const Config& config, const TableEncoder& encoder, const std::vector<std::string>& paths);
ReadRows read_sparse(const Config& config, const TableEncoder& encoder, const std::vector<std::string>& paths);
ReadRows read_audio_files(const Config& config, const AudioEncoder& encoder, const std::vector<std::string>& paths);
std::unique_ptr<Dataset> read_labelled_text(const Config& config, const TableEncoder& encoder,
                                            const std::vector<std::string>& paths);
/// Texts, and their labels as a table of one column, by which rows are named and split like any others.
struct LabelledTexts {
  std::vector<std::string> texts;
  Table labels;
};
/// Without labels each text has the name of its file for one.
LabelledTexts read_labelled_texts(const Config& config, const std::vector<std::string>& paths, bool with_labels);
/// As a model sees them, without targets.
std::unique_ptr<Dataset> text_rows(const Config& config, const TableEncoder& encoder, const LabelledTexts& texts);

/// Labels are read where files of them are given.
std::unique_ptr<Dataset> read_arrays(const Config& config, const TableEncoder& encoder,
                                     const std::vector<std::string>& paths, const std::vector<std::string>& labels);

/// IDX files of labels, one behind the other, as a table of one column, "label".
Table read_label_files(const std::vector<std::string>& paths);

/// A CSV or a JSONL with the paths of files, and what is known of each: column "path" and others (data/file_list.h).
Table read_listed_files(const Config& config, const std::string& path);

/// Some rows of files that are read a piece at a time: their inputs, dense or sparse, and the table, or the labels,
/// that they come from.
using PartVisit =
    std::function<void(const std::shared_ptr<const SparseMatrix>& sparse, const Tensor& dense, const Table& rows)>;
/// Calls `visit` for all rows of these files, as the encoder of a model sees them, in their order. Says which were left
/// out; none is where `refuses_bad_rows`.
SkippedRows for_each_part(const Config& config, const TableEncoder& encoder, const std::vector<std::string>& paths,
                          bool refuses_bad_rows, const PartVisit& visit);

/// How sparse rows are written, as `[data]` says, and as those were that a model knows.
LibsvmOptions libsvm_options(const Config& config);
LibsvmOptions libsvm_options(const Config& config, const SparseColumns& columns, bool refuses_bad_rows = false);

/// Sparse rows, and their labels as a table of one column, by which rows are named and split like any others.
struct SparseRows {
  std::shared_ptr<const SparseMatrix> features;
  Table labels;
  SparseColumns columns;
};
/// The files one behind the other; what is wrong with a row is an error where `refuses_bad_rows`.
SparseRows read_sparse_rows(const Config& config, const SparseColumns& columns, const std::vector<std::string>& paths,
                            bool refuses_bad_rows);

/// Examples as a model sees them, without what is known of them.
struct ArrayRows {
  Tensor inputs;  ///< f32 (N, width)
  std::string source;

  std::string place(int64_t row) const { return source + ", example " + std::to_string(row); }
};
/// The files one behind the other.
ArrayRows read_array_rows(const TableEncoder& encoder, const std::vector<std::string>& paths);

/// Sounds as a model sees them, without what is known of them, and the names of their files.
struct AudioRows {
  std::unique_ptr<Dataset> data;
  std::vector<std::string> names;
};
/// Of files, folders and lists.
AudioRows read_audio_rows(const Config& config, const AudioEncoder& encoder, const std::vector<std::string>& paths);

/// A table of one column, "label", whose rows are named and split as those of any table.
Table label_table(std::vector<double> labels, std::vector<int64_t> lines, std::string source);
/// That of sparse rows, which lose their labels and lines by it.
Table label_table(SparseExamples& rows);
/// Puts it behind the labels of the files before, if there are any.
void append_labels(Table& all, Table&& more);

// Of rows of a table, or of the labels of sparse rows.
/// Which rows are trained on and which held out, by `data.split`, `data.folds` and `data.training_size`.
Split split_of_rows(const Config& config, const Table& table);
/// The classes and means of a target, and the preparation of the features.
TableEncoder fit_encoder(const Config& config, const Table& table, std::span<const int64_t> rows,
                         const SparseColumns& sparse = {});
/// Whether targets are classes: those that are learned, or those that clusters are compared with.
bool has_classes(const Config& config);
/// Of that encoder: what the target is.
TableEncoderOptions target_options(const Config& config);
/// `data.scaling`.
Scaling scaling_of(const Config& config);
/// Which rows are left out by their target: `data.unlabelled`, `loss.ignored_class`.
RowFilterOptions row_filter(const Config& config);
/// `data.fold`, one of `data.folds`; a usage error otherwise.
int64_t fold_of(const Config& config);
/// What `[data]` and the loss ask of the encoder of a table.
TableEncoderOptions encoder_options(const Config& config);
/// What the loss needs of the targets in these columns: counts for Poisson. Throws.
void check_targets(const Config& config, const Table& table, const std::vector<std::string>& targets);
/// What each example counts by `data.weight`, which is set: f32 (rows), each from 0.
Tensor example_weights_of(const Config& config, const Table& table);
/// Which rows `refuse_weightless` is about, where it is not all of them.
inline constexpr std::string_view kToTrainOn = " in the rows to train on";
inline constexpr std::string_view kToValidateWith = " in the rows to validate with";
/// The error of rows whose weights are all 0, so that their mean is none: `part` of the rows of `source`.
[[noreturn]] void refuse_weightless(const Config& config, std::string_view source, std::string_view part);
/// What a model for that encoder's features and targets has to know; 1 output for clusters, of which the data alone
/// does not say how many.
DataShape shape_for(const Config& config, const TableEncoder& encoder);

}  // namespace gradus::internal
