// The configuration keys of [data], [model] and [loss].
#include "gradus/train/config_key_kinds.h"

namespace gradus::keys {
namespace {

using Kinds = std::vector<std::string_view>;

const Kinds kCurves = {"line", "polynomial", "sine"};
const Kinds kClasses = {"blobs", "moons", "spirals", "xor"};
const Kinds kFiles = {"csv", "numpy", "libsvm", "idx", "images", "audio", "text", "labelled_text"};
const Kinds kTexts = {"text", "labelled_text"};
const Kinds kTables = {"csv", "numpy"};
const Kinds kRows = {"csv", "numpy", "libsvm", "idx", "images", "audio", "labelled_text"};  // each with a target
const Kinds kLinearSolvers = {"newton",       "lbfgs",          "coordinate_descent",
                              "dual_descent", "interior_point", "gradient_descent",
                              "sgd",          "adagrad",        "ftrl"};
const Kinds kMadeUp = {"line", "polynomial", "sine", "blobs", "moons", "spirals", "xor"};

DefaultsByChoice for_classes(const decltype(DefaultsByChoice::One::value)& value) {
  DefaultsByChoice defaults{"data.kind", {}};
  for (const std::string_view kind : kClasses) defaults.values.push_back({kind, value});
  return defaults;
}

// A solver of a linear model moves on from its weights.
DefaultsByChoice zeros_of_solvers() {
  DefaultsByChoice defaults{"solver.name", {}};
  for (const std::string_view name : kLinearSolvers) defaults.values.push_back({name, "zeros"});
  return defaults;
}

// PyTorch's, Keras's and scikit-learn's.
std::vector<FormerChoice> other_names_of_losses() {
  return {{"l1", "did you mean \"mae\"?"},
          {"absolute_error", "did you mean \"mae\"?"},
          {"mean_absolute_error", "did you mean \"mae\"?"},
          {"l2", "did you mean \"mse\"?"},
          {"squared_error", "did you mean \"mse\"?"},
          {"mean_squared_error", "did you mean \"mse\"?"},
          {"smooth_l1", "did you mean \"huber\", which is it where loss.delta = 1?"},
          {"pinball", "did you mean \"quantile\"?"},
          {"bce", "did you mean \"binary_cross_entropy\"?"},
          {"bce_with_logits", "did you mean \"binary_cross_entropy\"?"},
          {"ce", "did you mean \"cross_entropy\"?"},
          {"nll", "did you mean \"cross_entropy\"?"},
          {"log_loss", "did you mean \"cross_entropy\"?"},
          {"softmax", "did you mean \"cross_entropy\"?"},
          {"kl", "did you mean \"kl_divergence\"?"},
          {"kl_div", "did you mean \"kl_divergence\"?"},
          {"contrastive", "did you mean \"triplet\" or \"info_nce\"?"}};
}

// Keras's, and those of other libraries.
std::vector<FormerChoice> other_names_of_starts() {
  return {{"glorot_normal", "did you mean \"xavier_normal\", or \"xavier_truncated_normal\", which Keras draws?"},
          {"glorot_uniform", "did you mean \"xavier_uniform\"?"},
          {"he_normal", "did you mean \"kaiming_normal\", or \"kaiming_truncated_normal\", which Keras draws?"},
          {"he_uniform", "did you mean \"kaiming_uniform\"?"},
          {"random_normal", "did you mean \"normal\"?"},
          {"random_uniform", "did you mean \"uniform\"?"},
          {"eye", "did you mean \"identity\"?"},
          {"dirac", "did you mean \"identity\"?"},
          {"ones", "take \"constant\" with model.init_value = 1"},
          {"variance_scaling", "take \"xavier_…\", \"lecun_…\", or \"kaiming_…\" with model.init_mode"}};
}

DefaultsByChoice loss_of_classes() {
  DefaultsByChoice defaults = for_classes("cross_entropy");
  defaults.values.push_back({"idx", "cross_entropy"});
  defaults.values.push_back({"images", "cross_entropy"});
  defaults.values.push_back({"audio", "cross_entropy"});
  defaults.values.push_back({"labelled_text", "cross_entropy"});
  defaults.values.push_back({"text", "cross_entropy"});
  return defaults;
}

std::vector<Key> made_up_data_keys() {
  return {
      {"data.points",
       integer(kFrom1),
       100,
       data_is(kMadeUp),
       "Number of points: evenly spaced over [x_min, x_max], or of each class in turn.",
       {},
       {for_classes(int64_t{300})}},
      {"data.x_min", real(kAny), -1.0, data_is(kCurves), "The smallest x."},
      {"data.x_max", real(kAny), 1.0, data_is(kCurves), "The largest x; it must be above `data.x_min`."},
      {"data.slope", real(kAny), 2.0, data_is({"line"}), "Slope of the line."},
      {"data.intercept", real(kAny), 0.0, data_is({"line"}), "The line's y at x = 0."},
      {"data.coefficients", reals(kAny), std::vector<double>{0.0, -1.0, 0.0, 2.0}, data_is({"polynomial"}),
       "Of y = Σ cᵢ·xⁱ, from that of x⁰ on."},
      {"data.amplitude", real(kAny), 1.0, data_is({"sine"}), "Of y = amplitude·sin(2π·frequency·x)."},
      {"data.frequency", real(kAny), 1.0, data_is({"sine"}), "Waves in a unit of x."},
      {"data.classes", integer({.low = 2, .high = 1000}), 3, data_is({"blobs", "spirals"}),
       "Number of classes; `moons` and `xor` have two."},
      {"data.dimensions", integer(kSize), 2, data_is({"blobs"}), "Features of a point."},
      {"data.turns", real(kAny), 1.0, data_is({"spirals"}), "How often an arm goes round."},
      {"data.noise",
       real(kFrom0),
       0.3,
       data_is(kMadeUp),
       "Standard deviation of the normal noise that is added to y, or to each coordinate of a class's point.",
       {},
       {for_classes(0.1)}},
  };
}

}  // namespace

std::vector<Key> data_keys() {
  std::vector<Key> keys = {
      {"data.kind",
       choice({"line", "polynomial", "sine", "blobs", "moons", "spirals", "xor", "csv", "numpy", "libsvm", "idx",
               "images", "audio", "text", "labelled_text"}),
       Required{}, always(),
       "`line`: points (x, y) with y = slope·x + intercept + noise·(standard normal noise); `polynomial` and `sine` "
       "likewise. `blobs`, `moons`, `spirals`, `xor`: points in a plane, each of a class. `csv`: a table, of text. "
       "`numpy`: a table, of arrays (.npy, .npz). `libsvm`: rows of `label index:value …`, most of whose numbers are "
       "0. "
       "`idx`: arrays of examples, such as images, with labels in a file of their own. All four may be compressed by "
       "gzip or zstd. `images`: pictures, as folders of JPEG, PNG and WebP files named by their class, a CSV or JSONL "
       "of "
       "paths and labels, or an IDX file. `audio`: sounds, as such folders of WAV, FLAC, OGG and MP3 files or such "
       "lists. "
       "`text`: the tokens of a text, for `model.kind = \"gpt\"`. "
       "`labelled_text`: texts, each of a class."},
      {"data.path", texts(), Required{}, data_is(kFiles),
       "The file, or a list of files, which are read as one, in that order. A name with `*`, `?` or `[…]` stands for "
       "all files that it fits, by name. A relative path starts at the working directory. Of `text` also a "
       "folder that `gradus data pack` made."},
      {"data.validation_path", texts(), Unset{}, data_is(kFiles),
       "The same for validation: files that are never trained on."},
      {"data.labels", texts(), Unset{}, data_is({"idx", "images"}),
       "Of IDX files: the file of the labels of `data.path`, or as many files: whole numbers, which are the names of "
       "classes. What "
       "makes clusters needs none, and is only compared with them."},
      {"data.validation_labels", texts(), Unset{}, data_is({"idx", "images"}), "The same of `data.validation_path`."},
      {"data.rows", choice({"in_memory", "streamed"}), "in_memory", data_is({"csv", "libsvm"}),
       "`in_memory`: all rows are held in memory. `streamed`: for files larger than memory. The rows are encoded into "
       "a "
       "file once, the cache, from which each pass reads a part at a time, shuffled by the seed: blocks of rows, and "
       "the rows of those that are in memory together. For `solver.name` = `sgd`, `adagrad` or `ftrl`, and for "
       "optimizers with a number as `train.batch_size`; with "
       "`data.split = \"random\"`, each row being held out by itself, so that the fraction is about that. A cache "
       "whose "
       "source or options have changed is made again."},
      {"data.cache", text(), Unset{"the first file's path with .rows behind it"}, Condition{"data.rows", {"streamed"}},
       "Where the cache lies. It takes about as much of the disk as the rows in 32 bits: 8 bytes for a value that is "
       "stored of a sparse row, 4 for each input of a table. `--dry-run` and `gradus lr-find` take one that is there; "
       "one "
       "that they have to make goes with them."},
      {"data.rows_megabytes", integer({.low = 1, .high = 1 << 20}), 256, Condition{"data.rows", {"streamed"}},
       "How much memory rows take, in 10^6 bytes: half of it those that are learned, half the next, which are read "
       "meanwhile. What all fits is read once, and learned as rows in memory are."},
      {"data.format", choice({"auto", "plain", "lines", "jsonl", "csv"}), "auto", data_is(kTexts),
       "How texts lie in the files. `plain`: a file is one text. `lines`: each line is one. `jsonl`: a JSON object a "
       "line. `csv`: a row of a table. `auto`: by the file's name, `plain` unless it ends in .jsonl, .csv or .tsv. But "
       "for `plain` each text is a document of its own: windows go across several, and no token sees another's."},
      {"data.text", texts(), Unset{"text"}, data_is(kTexts),
       "The fields of `jsonl` and `csv` that are the text; those that a row has are joined by a line end."},
      {"data.tokens",
       choice({"characters", "bytes", "words", "bpe"}),
       "characters",
       data_is(kTexts),
       "What a token is: a character of those that the texts have, also those to validate with; a byte, of all 256; a "
       "word, or a mark between words, of the most frequent ones; or a piece of a word, of a byte-level BPE as GPT-2 "
       "has it. Any text can be said in bytes and in pieces of words. For `labelled_text` U+FFFD is a character, too, "
       "which others become that the training part has not.",
       {},
       {{"data.kind", {{"labelled_text", "words"}}}}},
      {"data.vocabulary", integer({.low = 2, .high = 1 << 24}), 8000, Condition{"data.tokens", {"words", "bpe"}},
       "How many tokens are learned from the training part before the training. They are kept with the run, as "
       "tokenizer.json, which of `bpe` is that of Hugging Face's libraries too. Packed text has its own."},
      {"data.tokenizer", text(), Unset{"learned"}, Condition{"data.tokens", {"words", "bpe"}},
       "A tokenizer.json to use instead: one that `gradus tokenizer train` made, of a run, or of other makers."},
      {"data.label", text(), "label", data_is({"labelled_text"}), "The field of `jsonl` and `csv` that is the class."},
      {"data.label_from", choice({"field", "file"}), "field", data_is({"labelled_text"}),
       "`file`: the class of a text is the name of its file, without folder and endings."},
      {"data.longest", integer(kSize), 256, data_is({"labelled_text"}),
       "How many tokens of a text are used: of a longer one the first."},
      {"data.stride", integer(kFrom0), 0, data_is({"text"}),
       "Distance in tokens between the starts of neighbouring examples; 0 is `model.context`, so that examples do not "
       "overlap."},
      {"data.target",
       texts(),
       Unset{"the last column; none for models that make clusters; of pictures and sounds \"label\""},
       data_is({"csv", "numpy", "images", "audio"}),
       "The name of the column to learn. Clusters are not made by it, only compared with it by `gradus eval`. A list "
       "of columns of a table is several numbers to learn together, with a loss of numbers; their measures are means "
       "over the columns. With `loss.name = \"cross_entropy\"`, `\"kl_divergence\"` or, of two, "
       "`\"binary_cross_entropy\"` it is soft labels: each column "
       "has the probabilities of the class that it names, in each row from 0 and 1 in all, within 0.001. Measures of "
       "classes take the likeliest for the true one.",
       {},
       {{"data.kind", {{"audio", "label"}}}}},
      {"data.features", texts(), Unset{"all other columns"}, data_is(kTables),
       "The names of the columns to learn from. A first column without a name, which pandas writes to number the rows, "
       "is "
       "called `Unnamed: 0`, and is a feature only if it is named here."},
      {"data.separator", choice({"comma", "semicolon", "tab", "pipe", "space"}),
       Unset{"tab for a name that ends in .tsv, else comma"}, data_is({"csv", "text", "labelled_text"}),
       "What stands between the fields of a line of CSV; a `pipe` is a vertical bar."},
      {"data.header", choice({"auto", "yes", "no"}), "auto", data_is({"csv"}),
       "Whether the first line has the columns' names. `auto`: if none of its fields is a number and the first value "
       "below one of them is. Without names columns are \"1\", \"2\", …."},
      {"data.missing", texts(), Unset{"NA, N/A, NaN, nan, null and ?"}, data_is({"csv"}),
       "The fields that mean that there is no value, beside an empty one."},
      {"data.comment", text(), Unset{}, data_is({"csv"}), "Lines that begin with this character are skipped."},
      {"data.on_bad_row", choice({"error", "skip"}), "error", data_is({"csv", "libsvm"}),
       "A row with which something is wrong: an error, or left out and counted, with a word on the first "
       "(`--on-bad-row skip`). Of CSV: another number of fields than the first row has, a quote where none may be, "
       "bytes that are no UTF-8, and what is no finite number in a column that has to hold numbers (a feature that is "
       "no category, a target that is no class, or the weight) and most of whose values in the file are; of LIBSVM: "
       "anything that is no label and pairs of index and value. `predict` refuses such "
       "rows."},
      {"data.members", texts(), Unset{"all"}, data_is({"numpy"}), "The arrays of an archive to read, in this order."},
      {"data.columns", integer({.low = 1, .high = 2147483647}), Unset{"up to the highest index"}, data_is({"libsvm"}),
       "How many columns there are; a higher index is an error then."},
      {"data.first_column", choice({"auto", "0", "1"}), "auto", data_is({"libsvm"}),
       "The index of the first column. `auto`: 0 if any index of the first file is 0, else 1."},
      {"data.weight", text(), Unset{"1 each"}, data_is(kTables),
       "The column that says what each row counts, from 0: the loss is the mean with these weights. It is no feature. "
       "Measures but the loss count rows."},
      {"data.unlabelled", choice({"error", "leave_out"}), "error", data_is(kTables),
       "A row whose target is missing: an error, or left out and counted."},
      {"data.split", choice({"random", "stratified", "by_group", "by_time", "by_value", "in_order"}), "random",
       data_is(kRows),
       "Which rows are held out for validation. `random`: any, by the seed. `stratified`: of each class the same part. "
       "`by_group`: whole groups of `data.split_column`, so that none is on both sides. `by_time`: those with the "
       "largest numbers in `data.split_column`, or the last dates (ISO 8601: `2020-01-31`, `2020-01-31T10:00:00Z`), "
       "as many whole times as come nearest to what is asked for. `by_value`: those with one of `data.held_out` there. "
       "`in_order`: the last."},
      {"data.split_column", text(), Required{}, Condition{"data.split", {"by_group", "by_time", "by_value"}},
       "The column of that. Unless `data.features` names it, it is no feature by `by_group`, and by the others where "
       "it holds text, such as dates."},
      {"data.held_out", texts(), Required{}, Condition{"data.split", {"by_value"}},
       "The values of `data.split_column` whose rows are held out, in place of `data.validation_fraction`."},
      {"data.folds", integer({.low = 2, .high = 1000}), Unset{},
       Condition{"data.split", {"random", "stratified", "by_group"}},
       "Cross-validation: the rows are dealt into so many folds, and `data.fold` is held out in place of "
       "`data.validation_fraction`. `gradus train CONFIG --folds 5` trains with each in turn."},
      {"data.fold", integer(kFrom0), 0, is_given("data.folds"), "The fold that is held out, from 0."},
      {"data.scaling",
       choice({"standardize", "min_max", "none"}),
       "standardize",
       data_is({"csv", "numpy", "idx", "images", "audio"}),
       "What is done to a feature of numbers: its mean is subtracted and its standard deviation divided by; it is "
       "brought "
       "to [0, 1]; or nothing. Means, ranges and all else that is said of features here are those of the training "
       "part, "
       "and are kept with the model. Of `idx` all numbers are scaled alike: bytes of images come to lie in [0, 1]. Of "
       "`images` each channel has its own mean and deviation (of up to 1024 files of the training part); `min_max` "
       "leaves "
       "samples from 0 to 1, and `none` those from 0 to 255. Of `audio` a feature is a band, over all frames.",
       {},
       {{"data.kind", {{"idx", "min_max"}}}}},
      {"data.log1p", texts(), Unset{"none"}, data_is(kTables),
       "Features of which log(1 + x) is taken before they are scaled; their numbers are above −1."},
      {"data.impute", choice({"error", "mean", "median", "constant"}), "error", data_is(kTables),
       "What takes the place of a missing number of a feature: nothing, so that one is an error; the feature's mean or "
       "median; or `data.impute_value`. With any of the last three a missing text is a category of its own."},
      {"data.impute_value", real(kAny), 0.0, Condition{"data.impute", {"constant"}},
       "What missing numbers are taken for."},
      {"data.missing_indicator", boolean(), false, Condition{"data.impute", {"mean", "median", "constant"}},
       "Whether a feature of numbers some of which are missing in the training part has a second input, 1 where it was "
       "missing and 0 elsewhere."},
      {"data.categories", choice({"one_hot", "hash", "embedding", "error"}), "one_hot", data_is(kTables),
       "What becomes of a feature of text. `one_hot`: an input for each text of the training part, 1 where it is that "
       "one "
       "and 0 elsewhere. `hash`: the same for `data.hash_buckets` numbers that are drawn from the text, for texts of "
       "which there are many. `embedding`: of an `mlp`, a vector that is learned for each text of the training part, "
       "and one for all others. `error`: features are numbers."},
      {"data.category_columns", texts(), Unset{"none"}, data_is(kTables),
       "Features whose numbers are names, such as postal codes: they are treated as text is."},
      {"data.hash_buckets", integer({.low = 1, .high = 1 << 16}), 256, Condition{"data.categories", {"hash"}},
       "Inputs of a feature of text."},
      {"data.unseen", choice({"error", "zeros"}), "error", Condition{"data.categories", {"one_hot", "embedding"}},
       "A text that the training part has not: an error, or an example none of whose inputs for that feature is 1 (of "
       "`embedding`: the vector for all others)."},
      {"data.standardize_target", boolean(), false, data_is(kRows),
       "Whether each target's mean is subtracted and its standard deviation divided by, for a loss of numbers; "
       "predictions and metrics are in the target's own "
       "unit all the same."},
  };
  for (Key& key : image_data_keys()) keys.push_back(std::move(key));
  for (Key& key : audio_data_keys()) keys.push_back(std::move(key));
  for (Key& key : made_up_data_keys()) keys.push_back(std::move(key));
  keys.push_back({"data.validation_fraction", real(kFrom0Below1),
                  Unset{"0.1 for `text`, 0.2 for tables, rows and data of classes, 0.0 for curves and clusters"},
                  is_not_given("data.validation_path"),
                  "Fraction of the data that is held out for validation and never trained on: of a text the end, of a "
                  "curve every so-many-th point, of other data examples at random, by the seed."});
  keys.push_back({"data.training_size", integer(kFrom1), Unset{"all"}, always(),
                  "How many examples of the training part are used, to see what more data would give: the validation "
                  "part stays as it is. Of a text so many tokens from its start, of a curve evenly spaced points, of "
                  "other data examples at random, by the seed, a smaller number's among a larger one's."});
  return keys;
}

std::vector<Key> model_keys() {
  return {
      {"model.kind",
       choice({"linear", "mlp", "kmeans", "gmm", "gpt", "cnn", "lenet", "vgg", "resnet", "vit", "encoder", "rnn",
               "autoencoder"}),
       Required{}, always(),
       "`linear`: y = W·x + b. `mlp`: linear layers with an activation between them. `kmeans`: clusters, each of the "
       "rows that are nearest to its centre. `gmm`: a Gaussian mixture, clusters with a normal distribution each. "
       "`gpt`: a decoder-only transformer, for `data.kind = \"text\"`. For pictures, and for sounds as spectrograms: "
       "`cnn`: stages of convolutions and pooling, then linear layers; `lenet` and `vgg`: those of these names; "
       "`resnet`: a residual network; `vit`: a transformer that sees patches. `rnn`: an LSTM or GRU, for what goes by "
       "time. `encoder`: a transformer that sees a whole text, and classifies it. `autoencoder`: linear layers that "
       "tell an example in a few numbers, its code, and make it again; it needs no target. `linear`, `mlp`, `kmeans`, "
       "`gmm` and `autoencoder` take every example as a row of numbers."},
      {"model.init",
       choice(
           {"default", "zeros", "constant", "normal", "uniform", "truncated_normal", "xavier_normal", "xavier_uniform",
            "xavier_truncated_normal", "kaiming_normal", "kaiming_uniform", "kaiming_truncated_normal", "lecun_normal",
            "lecun_uniform", "lecun_truncated_normal", "orthogonal", "identity", "sparse"},
           other_names_of_starts()),
       "default",
       model_is({"linear", "mlp", "gpt", "cnn", "lenet", "vgg", "resnet", "vit", "encoder", "rnn", "autoencoder"}),
       "Start of the weights; a linear model that a solver finds starts at `zeros` unless told otherwise. `default`: "
       "uniform within ±1/√inputs, as in PyTorch, of `rnn` by its width; of `gpt`, `encoder` and the blocks of `vit` "
       "normal with deviation 0.02, as in GPT-2; of `resnet`'s convolutions normal with variance 2/outputs. `normal`, "
       "`uniform` and `truncated_normal` have deviation or bound `init_scale`. `xavier` (Glorot, Bengio, 2010): "
       "variance 2/(inputs + outputs); `kaiming` (He et al., 2015): 2/inputs; `lecun` (LeCun et al., 1998): 1/inputs; "
       "of a convolution times the places of its kernel, and of a recurrent layer for each gate. Keras draws these "
       "two `normal`s from a `truncated_normal`, which is cut at two deviations and widened to the same variance. "
       "`orthogonal` (Saxe et al., 2014); `identity`: output i begins as input i, of a convolution through the middle "
       "of its kernel; `sparse` (Martens, 2010): `normal` with the part `init_sparsity` of each column 0, as in "
       "PyTorch; `constant`: all weights are `init_value`. Biases start like the weights with `default`, `normal` and "
       "`uniform`, else at 0. Of `gpt`, `encoder` and `vit` they start at 0, and the weights of the two projections "
       "that a block adds to its input are divided by √(2·`model.layers`) in any case. Of `gpt` embeddings start like "
       "the weights of a layer with `model.width` inputs; the other models' tables of vectors, and norms, start as "
       "they do by default.",
       {},
       {zeros_of_solvers(), {"model.kind", {{"linear", "normal"}}}}},
      {"model.init_scale", real(kAbove0), 1.0,
       Condition{"model.init",
                 {"normal", "uniform", "truncated_normal", "xavier_normal", "xavier_uniform", "xavier_truncated_normal",
                  "kaiming_normal", "kaiming_uniform", "kaiming_truncated_normal", "lecun_normal", "lecun_uniform",
                  "lecun_truncated_normal", "orthogonal", "identity", "sparse"}},
       "The deviation of `normal` and `sparse`, and of `truncated_normal` before it is cut at twice that, which leaves "
       "0.88 of it; the bound of `uniform`; what the others are multiplied by. PyTorch's gain of an activation, such as 5/3 for "
       "tanh, is that of `xavier`, `lecun` and `orthogonal`; `kaiming` has √2, that of relu, of its own."},
      {"model.init_mode", choice({"fan_in", "fan_out", "fan_avg"}), "fan_in",
       Condition{"model.init", {"kaiming_normal", "kaiming_uniform", "kaiming_truncated_normal"}},
       "What the variance of `kaiming` is 2 divided by: inputs, which keeps the size of activations; outputs, which "
       "keeps that of gradients; or the mean of both."},
      {"model.init_value", real(kAny), Required{}, Condition{"model.init", {"constant"}},
       "What all weights begin as. Units of a layer that begin alike stay alike, unless dropout tells them apart."},
      {"model.init_sparsity", real(kFrom0Below1), 0.9, Condition{"model.init", {"sparse"}},
       "The part of each column that begins as 0, rounded up; one weight of each is left, which PyTorch does not see "
       "to."},
      {"model.hidden",
       integers(kSize),
       std::vector<int64_t>{64, 64},
       model_is({"mlp", "cnn", "autoencoder"}),
       "Widths of the hidden linear layers, from input to output; of `autoencoder` from input to code, and back.",
       {},
       {{"model.kind", {{"cnn", std::vector<int64_t>{128}}, {"autoencoder", std::vector<int64_t>{256}}}}}},
      {"model.embedding_width", integer(kSize), Unset{"half as many as the column has texts, rounded up, 50 at most"},
       Condition{"data.categories", {"embedding"}}, "Size of the vectors of a feature of text."},
      {"model.activation",
       choice(
           {"relu", "tanh", "gelu", "gelu_exact", "silu", "sigmoid", "leaky_relu", "elu", "selu", "softplus", "mish"}),
       "relu", model_is({"mlp", "cnn", "autoencoder"}),
       "The function after each hidden layer; `gelu` is its approximation by tanh. `selu` keeps mean 0 and variance 1 "
       "through many layers, with `model.init` `lecun_normal` and standardized inputs (Klambauer et al., 2017)."},
      {"model.spectral_norm", boolean(), false,
       model_is({"linear", "mlp", "gpt", "cnn", "lenet", "vgg", "resnet", "vit", "encoder", "rnn", "autoencoder"}),
       "Whether each layer's weight is divided by its largest singular value, so that no linear layer lengthens a "
       "vector. Of a convolution it is that of the matrix of its outputs by all else, of a recurrent layer that of all "
       "gates together, as in PyTorch; embeddings, and with them a tied output projection, stay as they are. It is "
       "found anew in each pass, by up to 1000 rounds over the weight."},
      {"model.clusters", counts(kSize), Required{}, model_is({"kmeans", "gmm"}),
       "The number of clusters, or several to choose from: each is tried before the first step, the best is taken."},
      {"model.choose_by",
       choice({"silhouette", "bic"}),
       "silhouette",
       model_is({"kmeans", "gmm"}),
       "By what: the highest silhouette (of up to 5000 of the examples), or the lowest Bayesian information criterion, "
       "which only `gmm` has.",
       {},
       {{"model.kind", {{"gmm", "bic"}}}}},
      {"model.start",
       choice({"kmeans++", "random", "kmeans"}),
       "kmeans++",
       model_is({"kmeans", "gmm"}),
       "Rows that are the first centres, drawn by their distance from those before (k-means++), or with equal "
       "probability. `kmeans`: the clusters of a k-means, for `gmm`.",
       {},
       {{"model.kind", {{"gmm", "kmeans"}}}}},
      {"model.starts", integer({.low = 1, .high = 10000}), 1, model_is({"kmeans", "gmm"}),
       "How many starts are tried to their end, before the first step; the run has the rounds of the best of them."},
      {"model.covariance", choice({"full", "diagonal"}), "full", model_is({"gmm"}),
       "The covariances of a component: a matrix, or a variance for each feature."},
      {"model.covariance_regularization", real(kFrom0), 1e-6, model_is({"gmm"}),
       "Added to the variances, so that no component shrinks to a point."},
      {"model.layers",
       integer(kSize),
       4,
       model_is({"gpt", "vit", "encoder", "rnn"}),
       "Number of transformer blocks, or of recurrent layers.",
       {},
       {{"model.kind", {{"rnn", 1}}}}},
      {"model.width",
       integer(kSize),
       128,
       model_is({"gpt", "vit", "encoder", "rnn", "resnet"}),
       "Size of the embeddings, a multiple of `model.heads`; of `rnn` the size of a layer's state; of `resnet` the "
       "channels of its first stage.",
       {},
       {{"model.kind", {{"resnet", 64}}}}},
      {"model.heads", integer(kSize), 4, model_is({"gpt", "vit", "encoder"}), "Attention heads in a block."},
      {"model.context", integer(kSize), 64, model_is({"gpt"}), "Context length: the tokens in an example."},
      {"model.bias", boolean(), true, model_is({"gpt"}), "Whether linear layers and layer norms have a bias."},
      {"model.positions", choice({"learned", "rotary"}), "learned", model_is({"gpt"}),
       "How a token's place is told: by a learned vector, or by turning queries and keys."},
      {"model.rotary_base", real(kAbove0), 10000.0, Condition{"model.positions", {"rotary"}},
       "The base of the turning angles: that of pair i of D/2 is base^(−2i/D) a token."},
      {"model.norm", choice({"layer", "rms"}), "layer", model_is({"gpt"}),
       "`layer`: layer norm. `rms`: without centring and without a bias."},
      {"model.feed_forward", choice({"gelu", "swiglu"}), "gelu", model_is({"gpt"}),
       "The feed-forward branch: two matrices with gelu between, or three, of which one makes a gate."},
      {"model.feed_forward_width", integer(kSize),
       Unset{"4·`model.width`; 8/3 of it, rounded up to a multiple of 8, for `swiglu`"}, model_is({"gpt"}),
       "Width of the feed-forward branch."},
      {"model.kv_heads", integer(kSize), Unset{"`model.heads`"}, model_is({"gpt"}),
       "Heads of keys and values, a divisor of `model.heads`: query heads share them."},
      {"model.window", integer(kFrom0), 0, model_is({"gpt"}),
       "How many tokens one sees in a block, itself included; 0 is all before it."},
      {"model.tied", boolean(), true, model_is({"gpt"}),
       "Whether the output projection is the table of embeddings, or has weights of its own."},
      {"model.recompute", boolean(), false, model_is({"gpt"}),
       "Whether blocks keep only their input for the backward pass and run again there: less memory, about a third "
       "more "
       "work, the same numbers."},
      {"model.from", text(), Unset{}, always(),
       "A run's folder, or a checkpoint's: training starts from its weights, and for text with its vocabulary. The "
       "other keys of "
       "the model must be as they were there."},
      {"model.dropout", real(kFrom0Below1), 0.0, model_is({"mlp", "gpt", "cnn", "vit", "encoder", "rnn"}),
       "Probability that dropout sets an activation to zero while training."},
      {"model.dropout_kind",
       choice({"zero", "alpha"}),
       "zero",
       model_is({"mlp", "cnn"}),
       "What a dropped activation becomes: 0, or −1.7581, the lowest value of selu, after which mean 0 and variance 1 "
       "are restored (alpha dropout, Klambauer et al., 2017).",
       {},
       {{"model.activation", {{"selu", "alpha"}}}}},
      {"model.attention_dropout", real(kFrom0Below1), 0.0, model_is({"gpt", "vit", "encoder"}),
       "Probability that dropout sets to zero how much one token takes from another, in each head, while training: "
       "`attn_pdrop` of Hugging Face's GPT-2, `dropout_p` of PyTorch's attention."},
      {"model.channel_dropout", real(kFrom0Below1), 0.0, model_is({"cnn", "lenet", "vgg", "resnet"}),
       "Spatial dropout: the probability that a channel of an example is set to zero at all places while training, "
       "behind each stage of convolutions."},
      {"model.drop_path", real(kFrom0Below1), 0.0, model_is({"gpt", "vit", "encoder", "resnet"}),
       "Stochastic depth: the probability that an example goes past a branch of the last block, on what it was added "
       "to alone, while training. That of the first block is 0, and of those between it rises on a line, as in timm; "
       "a single block has the last one's."},
  };
}

std::vector<Key> loss_keys() {
  return {
      {"loss.name",
       choice({"mse", "mae", "huber", "log_cosh", "quantile", "poisson", "cosine", "cross_entropy",
               "binary_cross_entropy", "focal", "hinge", "squared_hinge", "kl_divergence", "triplet", "info_nce"},
              other_names_of_losses()),
       "mse",
       model_has_loss_or_is_gpt(),
       "Of numbers: `mse`, `mae`, `huber`, `log_cosh`, `quantile`, `poisson` (the model gives the logarithm of the "
       "rate), and of several numbers a row, `data.target` being a list, `cosine`: 1 less the cosine of the angle "
       "between prediction and target. Of classes: `cross_entropy`; `focal` (Lin et al., 2017), of more than two "
       "classes by softmax; `hinge`, `squared_hinge`, of more than two "
       "classes each against all others; and of two classes `binary_cross_entropy`; of their probabilities, "
       "a column each, `cross_entropy`, `binary_cross_entropy` or `kl_divergence`, which is less by the targets' own "
       "entropy. For "
       "embeddings, of which those of one class come to lie near each other: `triplet`, of each example of a batch "
       "with each of its class and each of another, by distance, which takes time as the cube of the batch; "
       "`info_nce`, the part of its own class among all others of the batch, by cosine, with the mean over those of "
       "its class (supervised contrastive). A batch has several of each class; validation says the recall_at_1, how "
       "often the nearest other example is of the same class, and `gradus predict` gives the embeddings. A table's "
       "target of numbers is learned as classes by a loss of classes. `gpt` has `cross_entropy`, of the next token.",
       {},
       {loss_of_classes()}},
      {"loss.delta", real(kAbove0), 1.0, loss_is({"huber"}), "The error from which on the loss is a straight line."},
      {"loss.quantile", real({.low = 0, .high = 1, .low_open = true, .high_open = true}), 0.5, loss_is({"quantile"}),
       "Which quantile of the target is learned."},
      {"loss.label_smoothing", real(kFrom0Below1), 0.0, loss_is({"cross_entropy", "binary_cross_entropy"}),
       "The part of the probability that is spread evenly over all classes, or over the tokens of a `gpt`: its loss is "
       "that, in training and in validation, but perplexity and bits per byte are those of the tokens alone."},
      {"loss.soft_labels", boolean(), false, loss_is({"binary_cross_entropy"}),
       "Whether the target's column of a table has the probability of the second of two classes, a number from 0 to 1 "
       "in each row, and not the classes; they are called 0 and 1. Measures of classes take the likelier for the true "
       "one."},
      {"loss.ignored_class", text(), Unset{},
       loss_is({"cross_entropy", "binary_cross_entropy", "focal", "hinge", "squared_hinge", "triplet", "info_nce"}),
       "The class of a table's rows that carry no loss and count in no measure, by its name in the target column, such "
       "as `\"unknown\"` or `\"-100\"`: PyTorch's `ignore_index`. The model has no output for it, and `gradus predict` "
       "never says it. Such rows are left out when the data is read, so that all rows of a batch count. An empty field "
       "is "
       "no class; `data.unlabelled` leaves its row out."},
      {"loss.class_weights", reals(kFrom0), Unset{"1 each"},
       loss_is({"cross_entropy", "binary_cross_entropy", "focal", "hinge", "squared_hinge"}),
       "What an example of each class counts, in the order of the classes, from 0; the loss is divided by the sum of "
       "these. Of `focal` they are its α, for more than two classes. "
       "Where classes are of different size, examples / (classes · examples of the class) makes them count the same: "
       "scikit-learn's `balanced`. `--dry-run` lists the classes and these numbers."},
      {"loss.positive_weight", real(kAbove0), Unset{"1"}, loss_is({"binary_cross_entropy"}),
       "What the loss of examples of the second class is multiplied by; unlike `loss.class_weights` it is not in what "
       "the sum is divided by, as PyTorch's `pos_weight`."},
      {"loss.gamma", real(kFrom0), 2.0, loss_is({"focal"}),
       "How much less an example counts that is told well already: (1 − p)^gamma."},
      {"loss.alpha", real(kFrom0To1), Unset{"0.25"}, loss_is({"focal"}),
       "Of two classes the weight of the second; that of the first is 1 − alpha. Of more take `loss.class_weights`."},
      {"loss.embedding", integer(kSize), 32, loss_is({"triplet", "info_nce"}), "Numbers of an embedding."},
      {"loss.margin", real(kAbove0), 1.0, loss_is({"triplet"}),
       "How much farther than those of its own class the others should be."},
      {"loss.temperature", real(kAbove0), 0.07, loss_is({"info_nce"}), "What cosines are divided by."},
  };
}

std::vector<Key> solver_keys() {
  const Condition is_any = solver_is({"newton", "lbfgs", "coordinate_descent", "dual_descent", "interior_point",
                                      "gradient_descent", "sgd", "lloyd", "mini_batch", "em"});
  return {
      {"solver.name",
       choice({"none", "newton", "lbfgs", "coordinate_descent", "dual_descent", "interior_point", "gradient_descent",
               "sgd", "adagrad", "ftrl", "lloyd", "mini_batch", "em"},
              {{"lasso_path", "for a path set solver.name = \"coordinate_descent\" and regularization.l1 = \"path\""}}),
       "none",
       model_is({"linear", "kmeans", "gmm"}),
       "How a linear model is found without an optimizer: `[optimizer]` and `[schedule]` are not used then, a step is "
       "an iteration over all examples, and the logged loss is that behind it. It begins at the weights that "
       "`model.init` says, which are 0 by default, or at those of `model.from`. To the minimum: `newton` for smooth "
       "losses and up to some thousand "
       "features (of `mse` it is the closed form); `lbfgs` for smooth losses and many features or classes, with or "
       "without `regularization.l1`, also for a series of these; `coordinate_descent` for `mse`, `poisson` and two "
       "classes with `regularization.l1`, also for a series of these; `dual_descent` for hinge losses with "
       "`regularization.l2`; `interior_point` for `mae`, `quantile` and `hinge` and few features; `gradient_descent` "
       "for comparison. Over single examples, a pass a step: `sgd`; `adagrad` and `ftrl` (follow the regularized "
       "leader) have a learning rate for each weight, for sparse features. Clusters: `lloyd`, "
       "rounds of k-means; `mini_batch`, k-means by batches, a pass a step; `em`, rounds of expectation-maximization. "
       "Their logged loss is that before the step: inertia a row, or minus the mean logarithm of the likelihood.",
       {},
       {{"model.kind", {{"kmeans", "lloyd"}, {"gmm", "em"}}}}},
      {"solver.tolerance",
       real(kFrom0),
       1e-6,
       is_any,
       "The run ends, converged, as soon as no element of the gradient (with l1, of the smallest subgradient) is "
       "larger; of each point of a path as a share of the largest l1, and of `coordinate_descent` of `mse` as a share "
       "of "
       "the largest element at weights of 0. `dual_descent`, `interior_point`, and "
       "`coordinate_descent` of `mse` with l1, also of each point of a path: as soon as the duality gap is at most "
       "this share of the objective (the latter two: of that of weights of 0). Where these are 0, as of a constant "
       "target, what the sums over the "
       "rows are rounded by is enough. `sgd`: as soon as the objective has "
       "not fallen by this much for five passes; 0 is never. "
       "`lloyd`, `mini_batch`: "
       "as soon as no label changes (`lloyd`), or the squared moves of the centres add up to this times the mean "
       "variance of the features (of `mini_batch` 0 is never). `em`: as soon as the loss changes by less.",
       {},
       {{"solver.name",
         {{"lloyd", 1e-4},
          {"mini_batch", 0.0},
          {"em", 1e-3},
          {"sgd", 0.0},
          {"dual_descent", 1e-4},
          {"interior_point", 1e-8}}}}},
      {"solver.rate", choice({"optimal", "constant", "inverse_scaling"}), "optimal", solver_is({"sgd"}),
       "The learning rate of update t. `optimal`: 1/(l2·(t₀ + t − 1)), as scikit-learn's, which needs "
       "`regularization.l2`. `constant`: `solver.learning_rate`. `inverse_scaling`: that, divided by "
       "t^`solver.power`."},
      {"solver.learning_rate", real(kAbove0),
       Unset{"0.01 for `sgd`, 0.1 for `adagrad` and `ftrl`, searched by `gradient_descent`"},
       solver_is({"sgd", "adagrad", "ftrl", "gradient_descent"}),
       "The learning rate: of `sgd` that of the first update, for a `solver.rate` that is not `optimal`; of `ftrl` its "
       "alpha."},
      {"solver.power", real(kFrom0), 0.5, Condition{"solver.rate", {"inverse_scaling"}}, "The exponent of that."},
      {"solver.batch_size",
       integer(kFrom1),
       1,
       solver_is({"sgd", "mini_batch"}),
       "Examples of an update.",
       {},
       {{"solver.name", {{"mini_batch", int64_t{1024}}}}}},
      {"solver.patience", integer(kFrom0), 10, solver_is({"mini_batch"}),
       "Updates without a new least value of the moving average of the batches' losses, after which the run has "
       "converged; 0 is never."},
      {"solver.reassign_below", real(kFrom0Below1), 0.01, solver_is({"mini_batch"}),
       "Centres with fewer rows than this part of the largest's are moved to rows of the batch now and then."},
      {"solver.average_from", integer(kFrom0), 0, solver_is({"sgd"}),
       "The update from which on the model is the mean of all weights since; 0 for the last weights."},
      {"solver.bias_rate", real(kAbove0), Unset{"0.01 for sparse data, else 1"}, solver_is({"sgd"}),
       "What the learning rate of the bias is multiplied by: each example has a bias, and few have a weight of sparse "
       "data."},
      {"solver.beta", real(kAbove0), 1.0, solver_is({"ftrl"}),
       "Added to the root of a weight's summed squares of slopes, so that its first steps are no jumps."},
      {"solver.history", integer(kHistory), 10, solver_is({"lbfgs"}), "Steps that the inverse Hessian is made of."},
      {"solver.accelerate", boolean(), false, solver_is({"gradient_descent"}), "Whether it has Nesterov's momentum."},
      {"solver.points", integer({.low = 1, .high = 100000}), 100, is_path(),
       "Points of the path: a geometric series from the largest l1 down."},
      {"solver.smallest", real(kAbove0To1), 1e-3, is_path(), "The last point, as a share of the largest l1."},
  };
}

}  // namespace gradus::keys
