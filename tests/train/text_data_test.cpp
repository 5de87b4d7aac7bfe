// Texts as data: tokens of every kind, documents, packed text and labelled text.
#include <numeric>
#include <string>
#include <vector>

#include "gradus/base/random.h"
#include "gradus/train/experiment.h"
#include "gradus/train/manifest.h"
#include "gradus/train/packed_text.h"
#include "gradus/train/prediction.h"
#include "gradus/train/run.h"
#include "tests/reads.h"
#include "tests/testing.h"

namespace gradus {
namespace text_data_test {

namespace fs = std::filesystem;
using Ids = std::vector<int64_t>;

// Sentences by chance, of few words.
std::string sentences(int count, uint64_t seed) {
  constexpr std::string_view kWords[] = {"the", "cat", "sat", "hat", "mat", "on", "and", "then", "that", "it"};
  const RandomStream random(seed);
  std::string text;
  for (uint64_t i = 0; i < static_cast<uint64_t>(count); ++i) {
    text += std::string(kWords[random.bits(i, 1) % 10]) + (i % 9 == 8 ? ".\n" : " ");
  }
  return text;
}

Config config_of(const fs::path& data, const std::vector<std::string>& more) {
  std::vector<std::string> all = {Config::text_override("data.path", data.string())};
  all.insert(all.end(), more.begin(), more.end());
  return Config::parse(
      "data.kind = 'text'\nmodel.kind = 'gpt'\nmodel.context = 8\nmodel.layers = 1\nmodel.width = 8\nmodel.heads = 2\n"
      "train.steps = 3\ntrain.batch_size = 4",
      "run.toml", all);
}

const TokenDataset& tokens_of(const std::unique_ptr<Dataset>& part) { return dynamic_cast<const TokenDataset&>(*part); }

Ids ids_of(const TokenSequence& tokens) {
  Ids ids(static_cast<size_t>(tokens.size()));
  tokens.copy(0, tokens.size(), ids.data());
  return ids;
}

std::string decoded(const TextTokenizer& tokenizer, const Ids& ids) {
  return tokenizer.decode({ids.begin(), ids.end()});
}

TEST(TextData, ABpeIsLearnedFromTheTrainingPartAlone) {
  TemporaryFolder folder;
  const std::string text = sentences(405, 1), odd = "zq zq zq zq zq zq zq zq zq zq zq zq zq zq zq zq zq zq zq zq zq\n";
  spill(folder / "t.txt", text + odd);
  const double fraction = static_cast<double>(odd.size()) / static_cast<double>(text.size() + odd.size()) + 1e-3;
  const Config config = config_of(folder / "t.txt", {"data.tokens=bpe", "data.vocabulary=270",
                                                     "data.validation_fraction=" + std::to_string(fraction)});
  const ExperimentData data = make_data(config);
  const auto& tokenizer = std::get<TextTokenizer>(data.encoder);
  EXPECT_EQ(data.shape.vocabulary, 270);
  EXPECT_EQ(decoded(tokenizer, ids_of(tokens_of(data.training).tokens())), text);
  EXPECT_EQ(decoded(tokenizer, ids_of(tokens_of(data.validation).tokens())), odd);
  EXPECT_EQ(tokenizer.encode("zq").size(), 2u);  // not a token, as often as it is in what was held out
  EXPECT_LT(tokenizer.encode("the cat").size(), 4u);
  // The same tokenizer, given: the same tokens.
  const ExperimentData again = make_data(config, data.encoder);
  EXPECT_EQ(again.hash, data.hash);
}

TEST(TextData, BitsAreCountedByBytesOfTheText) {
  TemporaryFolder folder;
  const std::string text = sentences(400, 1);
  spill(folder / "t.txt", text);
  spill(folder / "t.jsonl",
        "{\"text\": \"the cat sat on the mat\"}\n{\"text\": \"then it sat on that hat and it sat\"}\n");
  const ExperimentData data =
      make_data(config_of(folder / "t.txt", {"data.tokens=bpe", "data.vocabulary=290", "validation.every=0",
                                             "data.validation_fraction=0"}));
  const auto& tokenizer = std::get<TextTokenizer>(data.encoder);
  const TokenDataset& part = tokens_of(data.training);
  const Ids targets = ids_of(part.targets());
  const MetricUnits units = metric_units(data.encoder, part);
  EXPECT_DOUBLE_EQ(units.bytes_per_token * static_cast<double>(targets.size()),
                   static_cast<double>(decoded(tokenizer, targets).size()));
  // What stands between documents is no text.
  const auto documents =
      read_data(config_of(folder / "t.jsonl", {"data.tokens=bpe"}), data.encoder, {(folder / "t.jsonl").string()}).rows;
  const auto& tokens = dynamic_cast<const TokenDataset&>(*documents);
  Ids own = ids_of(tokens.targets());
  std::erase(own, *tokenizer.end_of_text());
  EXPECT_DOUBLE_EQ(metric_units(data.encoder, tokens).bytes_per_token * static_cast<double>(tokens.targets().size()),
                   static_cast<double>(decoded(tokenizer, own).size()));
}

TEST(TextData, DocumentsStandApart) {
  TemporaryFolder folder;
  spill(folder / "t.jsonl",
        "{\"text\": \"abc\"}\n{\"text\": \"de\"}\n{\"text\": \"f\"}\n{\"text\": \"abcdefabcdef\"}\n");
  const ExperimentData data = make_data(config_of(folder / "t.jsonl", {"data.validation_fraction=0.5"}));
  // Each begins with what ends the one before: here a line end.
  const Ids all = ids_of(tokens_of(data.training).tokens());
  EXPECT_EQ(all, (Ids{0, 1, 2, 3, 0, 4, 5, 0, 6, 0}));
  EXPECT_EQ(tokens_of(data.training).documents(), (Ids{0, 4, 7}));
  EXPECT_EQ(ids_of(tokens_of(data.validation).tokens()), (Ids{0, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0}));
  // Of words what ends a text is a token of its own, the second; here words are unknown, f, abc, abcdefabcdef, de.
  const ExperimentData words = make_data(
      config_of(folder / "t.jsonl", {"data.tokens=words", "data.validation_fraction=0.0", "model.context=3"}));
  EXPECT_EQ(ids_of(tokens_of(words.training).tokens()), (Ids{1, 2, 1, 4, 1, 5, 1, 3, 1}));
  EXPECT_EQ(tokens_of(words.training).documents(), (Ids{0, 2, 4, 6}));
  spill(folder / "w.json", TextTokenizer(WordTokenizer::train({"abc de"}, 10)).to_json());
  EXPECT_EQ(error_text([&] {
              make_data(config_of(
                  folder / "t.jsonl",
                  {"data.tokens=words", Config::text_override("data.tokenizer", (folder / "w.json").string())}));
            }),
            "[" + (folder / "t.jsonl").string() +
                "] has several documents, and the tokenizer has no token \"<|endoftext|>\" to stand between them; "
                "expected one, as is learned without data.tokenizer");
}

TEST(TextData, AGivenTokenizerMustBeOfTheKind) {
  TemporaryFolder folder;
  spill(folder / "t.txt", sentences(200, 1));
  spill(folder / "w.json", TextTokenizer(WordTokenizer::train({"the cat sat"}, 10)).to_json());
  const auto override = Config::text_override("data.tokenizer", (folder / "w.json").string());
  EXPECT_EQ(make_data(config_of(folder / "t.txt", {"data.tokens=words", override})).shape.vocabulary, 4);
  EXPECT_EQ(usage_error_text([&] {
              make_data(config_of(folder / "t.txt", {"data.tokens=bpe", override}));
            }),
            "[--set " + override + "] " + (folder / "w.json").string() +
                " is a tokenizer of words, and data.tokens = \"bpe\"; make them agree");
}

TEST(TextData, WordsAreOfUtf8) {
  TemporaryFolder folder;
  spill(folder / "t.txt", "the cat \xFF sat\n" + sentences(100, 1));
  EXPECT_EQ(error_text([&] { make_data(config_of(folder / "t.txt", {"data.tokens=words"})); }),
            "[" + (folder / "t.txt").string() +
                "] the text is not valid UTF-8 at byte 8: a byte that no character starts with; use the bytes "
                "tokenizer for such texts: set data.tokens = \"bytes\" or \"bpe\", or convert the file to UTF-8 with "
                "iconv");
}

class PackedTextTest : public testing::Test {
 protected:
  PackedTextTest() {
    std::string lines;
    for (uint64_t i = 0; i < 60; ++i) {
      std::string text = sentences(20, i);
      std::replace(text.begin(), text.end(), '\n', ' ');
      lines += "{\"text\": \"" + text + "\"}\n";
    }
    spill(folder / "t.jsonl", lines);
  }
  Config config(const std::string& data) const {
    return config_of(folder / data, {"data.tokens=bpe", "data.vocabulary=280"});
  }
  // What reading says where a file is other than packing writes it, and the manifest knows of it.
  std::string error_with(const std::string& name, const std::string& bytes) const {
    const fs::path packed = folder / "packed";
    const std::string good = slurp(packed / name), good_manifest = slurp(packed / Manifest::kName);
    Manifest manifest = Manifest::read(packed);
    for (ManifestFile& file : manifest.files) {
      if (file.name != name) continue;
      fs::remove(packed / name);
      SummedFile changed(packed, name);
      changed.write(bytes.data(), bytes.size());
      file = changed.finish();
    }
    spill(packed / Manifest::kName, manifest.to_text());
    const std::string error = error_text([&] { read_packed_text(packed); });
    spill(packed / name, good);
    spill(packed / Manifest::kName, good_manifest);
    const std::string subject = "[" + (packed / name).string() + "] ";
    return error.starts_with(subject) ? error.substr(subject.size()) : error;
  }

  TemporaryFolder folder;
};

TEST_F(PackedTextTest, IsTheSameData) {
  const ExperimentData plain = make_data(config("t.jsonl"));
  const PackSummary summary = pack_text(config("t.jsonl"), folder / "packed");
  EXPECT_EQ(summary.documents, 60);
  EXPECT_EQ(summary.vocabulary, 280);
  const ExperimentData packed = make_data(config("packed"));
  EXPECT_EQ(encoder_json(packed.encoder), encoder_json(plain.encoder));
  const TokenDataset &a = tokens_of(plain.training), &b = tokens_of(packed.training);
  const Ids some = {0, 5, 20};
  EXPECT_EQ(a.batch(some).inputs.values<int64_t>(), b.batch(some).inputs.values<int64_t>());
  EXPECT_EQ(a.batch(some).document_starts.values<int64_t>(), b.batch(some).document_starts.values<int64_t>());
  // Nothing of a window is filler, and less than a window is left at the end.
  EXPECT_LT(b.unused_tokens(), 8);
  EXPECT_GT(static_cast<double>(b.size() * 8), 0.99 * static_cast<double>(b.tokens().size() - 8));
}

TEST_F(PackedTextTest, EveryDamageIsSeen) {
  pack_text(config("t.jsonl"), folder / "packed");
  for (const char* name : {"tokens-00000.bin", "documents.bin", "tokenizer.json", "tokens.json", "manifest.json"}) {
    const std::string good = slurp(folder / "packed" / name);
    std::string bad = good;
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
    spill(folder / "packed" / name, bad);
    EXPECT_NE(error_text([&] { read_packed_text(folder / "packed"); }).find(name), std::string::npos) << name;
    spill(folder / "packed" / name, good.substr(0, good.size() - 1));
    EXPECT_NE(error_text([&] { read_packed_text(folder / "packed"); }).find(name), std::string::npos) << name;
    spill(folder / "packed" / name, good);
  }
  EXPECT_EQ(error_text([&] { read_packed_text(folder / "packed"); }), "no error");
  spill(folder / "packed/documents.bin", "");
  EXPECT_EQ(error_text([&] { read_packed_text(folder / "packed"); }),
            "[" + (folder / "packed/documents.bin").string() + "] has 0 bytes instead of 480; pack the text again");
}

TEST_F(PackedTextTest, FilesMustBeOfWholeNumbers) {
  pack_text(config("t.jsonl"), folder / "packed");
  EXPECT_EQ(error_with("documents.bin", slurp(folder / "packed/documents.bin")), "no error");
  EXPECT_EQ(error_with("documents.bin", "123456789"), "9 bytes; expected a multiple of 8");
  EXPECT_EQ(error_with("tokens-00000.bin", "abc"), "3 bytes; expected a multiple of 2");
  std::string documents = slurp(folder / "packed/documents.bin");
  documents[8] = 0;  // the second begins where the first does
  std::fill_n(documents.begin() + 9, 7, '\0');
  EXPECT_THAT(error_with("documents.bin", documents), Reads("{}document 1 begins at token 0; expected 1 to {}"));
}

TEST_F(PackedTextTest, IdsMustBeOfTheTokenizer) {
  pack_text(config("t.jsonl"), folder / "packed");
  std::string tokens = slurp(folder / "packed/tokens-00000.bin");
  tokens[4] = tokens[5] = '\xFF';  // the third
  const std::string error = error_with("tokens-00000.bin", tokens);
  EXPECT_EQ(error.substr(error.find("] ") + 2), "token 2 has the id 65535; the tokenizer has 280 tokens");
}

TEST_F(PackedTextTest, FilesMustBeListed) {
  pack_text(config("t.jsonl"), folder / "packed");
  const fs::path path = folder / "packed" / Manifest::kName;
  Manifest manifest = Manifest::read(folder / "packed");
  std::erase_if(manifest.files, [](const ManifestFile& file) { return file.name == "tokenizer.json"; });
  spill(path, manifest.to_text());
  EXPECT_EQ(error_text([&] { read_packed_text(folder / "packed"); }),
            "[" + path.string() + "] does not list tokenizer.json; pack the text again");
}

TEST_F(PackedTextTest, StandsAloneAndIsOfTheModelsTokenizer) {
  pack_text(config("t.jsonl"), folder / "packed");
  const std::string packed = (folder / "packed").string(), text = (folder / "t.jsonl").string();
  const ExperimentData data = make_data(config("packed"));
  EXPECT_EQ(usage_error_text([&] {
              read_data(config("packed"), data.encoder, {packed, text});
            }),
            "[" + packed + "] is packed text, which goes with no other data.path; pack all texts together");
  const ExperimentData other = make_data(config_of(text, {"data.tokens=bpe", "data.vocabulary=270"}));
  EXPECT_EQ(usage_error_text([&] { make_data(config("packed"), other.encoder); }),
            "[" + packed +
                "] was packed with another tokenizer than that of the model; pack the text with it, by "
                "data.tokenizer");
}

TEST_F(PackedTextTest, TokensMustBeOfTheConfigurationsKind) {
  pack_text(config("t.jsonl"), folder / "packed");
  EXPECT_EQ(usage_error_text([&] { make_data(config_of(folder / "packed", {"data.tokens=words"})); }),
            "[--set data.tokens=words] data.tokens = \"words\", and " + (folder / "packed").string() +
                " was packed as bpe; make them agree");
}

TEST_F(PackedTextTest, TheVocabularyIsThatOfThePacking) {
  pack_text(config("t.jsonl"), folder / "packed");
  const auto other = [&](const std::string& key) { return config_of(folder / "packed", {"data.tokens=bpe", key}); };
  const std::string path = (folder / "packed").string();
  EXPECT_EQ(usage_error_text([&] { make_data(other("data.vocabulary=270")); }),
            "[--set data.vocabulary=270] data.vocabulary = 270, and " + path +
                " was packed with 280 tokens; leave it out, or pack the text again");
  const std::string more = path + " was packed with 280 tokens, and data.vocabulary = 300 changes nothing";
  EXPECT_EQ(make_data(other("data.vocabulary=300")).notes, std::vector<std::string>{more});
  EXPECT_TRUE(make_data(config("packed")).notes.empty());
  // Where it was not given, and where it was more, the run's configuration says what it is.
  for (const std::string key : {"train.steps=1", "data.vocabulary=300"}) {
    const fs::path out = folder / key;
    gradus::Run(other(key), out).train();
    EXPECT_EQ(Config::load((out / "config.toml").string()).integer("data.vocabulary"), 280);
    EXPECT_NO_THROW(gradus::Run(other(key), out, {.resume = true}));  // nothing has changed
  }
}

TEST_F(PackedTextTest, AGivenTokenizerIsThatOfThePacking) {
  pack_text(config("t.jsonl"), folder / "packed");
  pack_text(config_of(folder / "t.jsonl", {"data.tokens=bpe", "data.vocabulary=270"}), folder / "other");
  const std::string own = (folder / "packed/tokenizer.json").string(), path = (folder / "other").string();
  const std::string key = Config::text_override("data.tokenizer", own);
  EXPECT_EQ(make_data(config_of(folder / "packed", {"data.tokens=bpe", key})).shape.vocabulary, 280);
  EXPECT_EQ(usage_error_text([&] {
              make_data(config_of(folder / "other", {"data.tokens=bpe", key}));
            }),
            "[--set " + key + "] data.tokenizer = \"" + own + "\", and " + path +
                " was packed with another; make them agree");
}

TEST(TextData, TokensThatFillNoExampleAreSaid) {
  const TemporaryFolder folder;
  spill(folder / "t.txt", sentences(200, 1));
  const ExperimentData data = make_data(config_of(folder / "t.txt", {}));
  ASSERT_GT(data.unused_tokens, 0);
  EXPECT_EQ(left_out_text(data), std::to_string(data.unused_tokens) +
                                     " tokens at the end of the training text are too few for an example and stay "
                                     "unused\n");
}

class LabelledTextTest : public testing::Test {
 protected:
  LabelledTextTest() {
    std::string lines;
    for (uint64_t i = 0; i < 100; ++i) {
      std::string text = sentences(9, i);
      text.pop_back();
      lines += "{\"text\": \"" + text + (i % 2 == 0 ? " up" : " down") + "\", \"label\": \"" +
               (i % 2 == 0 ? "high" : "low") + "\"}\n";
    }
    spill(folder / "t.jsonl", lines);
  }
  Config config(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {Config::text_override("data.path", (folder / "t.jsonl").string())};
    all.insert(all.end(), more.begin(), more.end());
    return Config::parse(
        "data.kind = 'labelled_text'\nmodel.kind = 'linear'\nsolver.name = 'lbfgs'\nregularization.l2 = 0.001\n"
        "train.steps = 50",
        "run.toml", all);
  }

  TemporaryFolder folder;
};

TEST_F(LabelledTextTest, CountsOfWordsForModelsOfFeatures) {
  const ExperimentData data = make_data(config());
  EXPECT_EQ(data.training->size(), 80);
  EXPECT_EQ(data.validation->size(), 20);
  const auto& encoder = std::get<TableEncoder>(data.encoder);
  EXPECT_EQ(encoder.classes(), (std::vector<std::string>{"high", "low"}));
  EXPECT_EQ(data.shape.inputs, encoder.text()->tokenizer.vocabulary_size());
  const std::vector<int64_t> ids = {0};
  const Batch batch = data.training->batch(ids);
  ASSERT_NE(batch.sparse, nullptr);
  EXPECT_EQ(std::accumulate(batch.sparse->values.begin(), batch.sparse->values.end(), 0.0F), 11.0F);
}

TEST_F(LabelledTextTest, IsLearnedSavedAndPredicted) {
  gradus::Run(config(), folder / "run").train();
  const TrainedRun run = load(folder / "run");
  spill(folder / "new.txt", "the cat up\n\nthat hat down\n");
  spill(folder / "more.txt", "that hat down\n");
  const std::string first = (folder / "new.txt").string(), second = (folder / "more.txt").string();
  const Predictions said = predict_files(run, {first, second});
  EXPECT_EQ(said.ids, (std::vector<int64_t>{0, 1, 1}));
  EXPECT_EQ(said.classes, (std::vector<std::string>{"high", "low"}));
  EXPECT_EQ(said.names, (std::vector<std::string>{first + ":1", first + ":3", second + ":1"}));
}

// What is held out, or comes later, may hold what no text of the training part has.
TEST_F(LabelledTextTest, UnknownCharactersAndBytesAreTaken) {
  spill(folder / "new.txt", "the cat ☃ up\nthat hat down é\n");
  for (const char* tokens : {"characters", "bytes"}) {
    const Config config = this->config({std::string("data.tokens=") + tokens});
    gradus::Run(config, folder / tokens).train();
    const Predictions said = predict_files(load(folder / tokens), {(folder / "new.txt").string()});
    EXPECT_EQ(said.ids, (std::vector<int64_t>{0, 1})) << tokens;
    const ExperimentData data = make_data(config);
    const int64_t vocabulary = std::get<TableEncoder>(data.encoder).text()->tokenizer.vocabulary_size();
    if (std::string_view(tokens) == "bytes") {
      EXPECT_EQ(vocabulary, 256);
    }
  }
}

TEST_F(LabelledTextTest, TextsThatAreCutAreCounted) {
  spill(folder / "one.txt", "a b\nc d e f\n");
  spill(folder / "two.txt", "e f\ng h i j\ni j\n");
  const ExperimentData data = make_data(config(
      {Config::text_override("data.path", (folder / "*.txt").string()), "data.label_from=file", "data.longest=3"}));
  EXPECT_THAT(data.notes,
              testing::Contains(Reads("{} texts have more than data.longest = 3 tokens; of these the first are "
                                      "used")));
}

TEST_F(LabelledTextTest, ClassesMayBeFiles) {
  spill(folder / "one.txt", "a b\nc d\n");
  spill(folder / "two.txt", "e f\ng h\ni j\n");
  const ExperimentData data =
      make_data(config({Config::text_override("data.path", (folder / "*.txt").string()), "data.label_from=file"}));
  EXPECT_EQ(std::get<TableEncoder>(data.encoder).classes(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(data.training->size() + data.validation->size(), 5);
}

TEST_F(LabelledTextTest, LinesHaveNoLabel) {
  spill(folder / "t.txt", "a b\nc d\n");
  EXPECT_EQ(error_text([&] { make_data(config({Config::text_override("data.path", (folder / "t.txt").string())})); }),
            "[" + (folder / "t.txt").string() +
                "] lines have no label; give JSON lines or CSV, or set data.label_from = \"file\"");
}

TEST_F(LabelledTextTest, OneClassAndUnknownClassesAreSaidBeforeTraining) {
  spill(folder / "same.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": \"x\"}\n");
  EXPECT_EQ(usage_error_text(
                [&] { make_data(config({Config::text_override("data.path", (folder / "same.jsonl").string())})); }),
            "[" + (folder / "same.jsonl").string() +
                "] column \"label\" is the class to learn, and it is \"x\" in every row; expected two or more");
  EXPECT_EQ(error_text([&] {
              make_data(config({Config::text_override("data.validation_path", (folder / "same.jsonl").string())}));
            }),
            "[" + (folder / "same.jsonl").string() +
                ":1] \"x\" in column \"label\" is a class that the model does not know; it was made for: high, low");
}

// Packing reads texts in pieces and several times; what comes out is as if they were read as a whole.
TEST(PackedText, OfPiecesIsThatOfTheWhole) {
  const TemporaryFolder folder;
  // What cutting at a wrong place would change: runs of spaces, marks behind which lines end, numbers, other scripts.
  const std::string odd = "  many   spaces \n\n\nend!?\n\n 1234567 8 naïve 猫が ü\r\n\tx  \n   y's we'll \n";
  std::string first, second;
  for (uint64_t i = 0; i < 400; ++i) first += sentences(30, i) + odd;
  second = "and " + sentences(4000, 7) + odd + "the end";  // the first file ends in a line end, this one does not
  spill(folder / "a.txt", first + "mid");
  spill(folder / "b.txt", second);
  for (const char* tokens : {"bpe", "characters", "bytes", "words"}) {
    std::vector<std::string> keys = {std::string("data.tokens=") + tokens, "data.validation_fraction=0.1"};
    if (keys[0] == "data.tokens=bpe" || keys[0] == "data.tokens=words") keys.push_back("data.vocabulary=400");
    const Config config = config_of(folder / "*.txt", keys);
    const fs::path out = folder / tokens;
    pack_text(config, out);
    const PackedText packed = read_packed_text(out);
    const ExperimentData whole = make_data(config);
    EXPECT_EQ(packed.tokenizer.to_json(), std::get<TextTokenizer>(whole.encoder).to_json()) << tokens;
    const std::vector<int32_t> ids = packed.tokenizer.encode(first + "mid" + second);
    EXPECT_TRUE(ids_of(packed.tokens) == Ids(ids.begin(), ids.end())) << tokens;
    EXPECT_TRUE(packed.documents.empty());
  }
}

TEST(PackedText, ErrorsNameThePlace) {
  const TemporaryFolder folder;
  const std::string text = sentences(9000, 1), path = (folder / "t.txt").string();
  const auto error = [&](const fs::path& data, std::vector<std::string> keys) {
    return error_text([&] { pack_text(config_of(data, keys), folder / "out"); });
  };
  spill(path, text + "\xE9\n" + text);
  EXPECT_EQ(error(path, {"data.tokens=characters"}),
            "[" + path + "] the text is not valid UTF-8 at byte " + std::to_string(text.size()) +
                ": a character that is cut short; set data.tokens = \"bytes\" or \"bpe\", or convert the file to UTF-8 "
                "with iconv");
  const std::string lines = (folder / "l.txt").string();
  spill(lines,
        "good\nalso\nb\xE9"
        "d one\n");
  EXPECT_EQ(error(lines, {"data.format=lines", "data.tokens=characters"}),
            "[" + lines +
                ":3] the text is not valid UTF-8 at byte 1: a character that is cut short; set data.tokens = "
                "\"bytes\" or \"bpe\", or convert the file to UTF-8 with iconv");
  // A tokenizer that normalizes can have no other bytes.
  spill(path, text);
  pack_text(config_of(path, {"data.tokens=bpe", "data.vocabulary=270"}), folder / "good");
  std::string json = slurp(folder / "good/tokenizer.json");
  const std::string none = "\"normalizer\":null";
  ASSERT_NE(json.find(none), std::string::npos);
  json.replace(json.find(none), none.size(), "\"normalizer\":{\"type\":\"NFC\"}");
  spill(folder / "nfc.json", json);
  spill(path, text + "\xE9\n");
  const std::string message =
      error(path, {"data.tokens=bpe", Config::text_override("data.tokenizer", (folder / "nfc.json").string())});
  EXPECT_THAT(message, Reads("[" + path +
                             "] the text is not valid UTF-8 at byte {} (the vocabulary is that of "
                             "data.tokenizer; bytes are counted from {} of the text on)"));
  spill(path, "");
  EXPECT_EQ(error(path, {}), "[" + path + "] the file is empty; expected text");
  EXPECT_FALSE(fs::exists(folder / "out"));
}

}  // namespace text_data_test
}  // namespace gradus
