#include "gradus/data/text_documents.h"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "gradus/data/text_features.h"
#include "tests/testing.h"

namespace gradus {
namespace text_documents_test {

using Texts = std::vector<std::string>;
using Lines = std::vector<int64_t>;
using enum TextFormat;
using namespace std::string_literals;

std::string error(std::string_view text, TextFormat format, const TextOptions& options = {}) {
  return error_text([&] { parse_documents(text, "f", format, options); });
}

TEST(TextDocuments, Lines) {
  const TextDocuments read = parse_documents("a b\r\n\nc\xFF\nd", "f", kLines);
  EXPECT_EQ(read.texts, (Texts{"a b", "c\xFF", "d"}));
  EXPECT_EQ(read.lines, (Lines{1, 3, 4}));
  EXPECT_EQ(parse_documents("a\n\nb\n", "f", kPlain).texts, (Texts{"a\n\nb\n"}));
}

TEST(TextDocuments, JsonLines) {
  const std::string text = "{\"text\": \"a\\nb\", \"label\": \"x\"}\n\n{\"label\": true, \"text\": \"é\", \"n\": 1}\n";
  const TextDocuments read = parse_documents(text, "f", kJsonl, {.label = "label"});
  EXPECT_EQ(read.texts, (Texts{"a\nb", "é"}));
  EXPECT_EQ(read.labels, (Texts{"x", "true"}));
  EXPECT_EQ(read.lines, (Lines{1, 3}));
}

TEST(TextDocuments, SeveralFieldsAreJoined) {
  const std::string text = "{\"q\": \"1?\", \"a\": \"2\"}\n{\"a\": \"3\"}\n{\"a\": \"4\", \"q\": null}";
  EXPECT_EQ(parse_documents(text, "f", kJsonl, {.fields = {"q", "a"}}).texts, (Texts{"1?\n2", "3", "4"}));
}

TEST(TextDocuments, Csv) {
  const std::string text = "text,label,n\n\"a, b\",1,5\nc,2,6\n";
  const TextDocuments read = parse_documents(text, "f", kCsv, {.label = "label"});
  EXPECT_EQ(read.texts, (Texts{"a, b", "c"}));
  EXPECT_EQ(read.labels, (Texts{"1", "2"}));
  EXPECT_EQ(read.lines, (Lines{2, 3}));
}

// All that `for_each_documents` gives, and in how many parts.
TextDocuments in_parts(const std::string& path, const TextOptions& options, int& parts) {
  TextDocuments all;
  parts = 0;
  for_each_documents(path, options, [&](TextDocuments& some) {
    ++parts;
    EXPECT_EQ(some.source, path);
    std::move(some.texts.begin(), some.texts.end(), std::back_inserter(all.texts));
    std::move(some.labels.begin(), some.labels.end(), std::back_inserter(all.labels));
    all.lines.insert(all.lines.end(), some.lines.begin(), some.lines.end());
  });
  return all;
}

TEST(TextDocuments, InPartsAreThoseOfTheWhole) {
  const TemporaryFolder folder;
  // 20 MB; a line has a "\r" inside, and what the first rows of a table show to be a number is none later.
  std::string lines, json, table = "text,label,n\n";
  for (int i = 0; i < 40; ++i) {
    const std::string text = std::to_string(i) + std::string(500'000, static_cast<char>('a' + i % 26));
    lines += text + (i % 3 == 0 ? "\rmore" : "") + (i % 2 == 0 ? "\n" : "\r\n\n");
    json += "{\"text\": \"" + text + "\", \"label\": " + std::to_string(i % 2) + "}\n";
    table += text + "," + (i < 39 ? "1.50" : "x") + ",2\n";
  }
  spill(folder / "t.txt", lines);
  spill(folder / "t.jsonl", json);
  spill(folder / "t.csv", table);
  for (const auto& [name, options] : {std::pair("t.txt", TextOptions{.format = kLines}),
                                      {"t.jsonl", TextOptions{.label = "label"}},
                                      {"t.csv", TextOptions{.label = "label"}}}) {
    const std::string path = (folder / name).string();
    int parts = 0;
    const TextDocuments whole = read_documents(path, options), found = in_parts(path, options, parts);
    EXPECT_EQ(parts, 2) << name;
    EXPECT_TRUE(found.texts == whole.texts) << name;
    EXPECT_EQ(found.labels, whole.labels) << name;
    EXPECT_EQ(found.lines, whole.lines) << name;
  }
}

TEST(TextDocuments, ALineTooLongIsNamedWhereverItIsRead) {
  const TemporaryFolder folder;
  const std::string path = (folder / "t.jsonl").string(), table = (folder / "t.csv").string();
  spill(path, "{\"text\":\"a\"}\n{\"text\":\"b\"}\n" + std::string((160 << 20), ' ') + "\n");
  int parts = 0;
  EXPECT_EQ(error_text([&] { in_parts(path, {}, parts); }),
            "[" + path +
                ":3] a row from byte 26 on is longer than 134217728 bytes; is it text, and is each quote in it "
                "closed?");
  spill(table, "text,n\na,1\n" + std::string((144 << 20) + 1, 'b') + ",2\n");
  EXPECT_EQ(error_text([&] { in_parts(table, {}, parts); }),
            "[" + table +
                ":3] a row from byte 11 on is longer than 134217728 bytes; is it text, and is each quote in it "
                "closed?");
  EXPECT_EQ(error_text([&] { read_documents(table, {}); }),
            "[" + table +
                ":3, column 1] the field has 150994945 bytes; expected 134217728 at most: is this a table, and "
                "is each quote in it closed?");
}

TEST(TextDocuments, TheNameSaysTheFormat) {
  EXPECT_EQ(text_format("a.jsonl.gz", {}), kJsonl);
  EXPECT_EQ(text_format("a.tsv", {}), kCsv);
  EXPECT_EQ(text_format("a.json", {}), kPlain);
  EXPECT_EQ(text_format("a.jsonl", {.format = kLines}), kLines);
}

TEST(TextDocuments, FieldsThatHoldTexts) {
  EXPECT_EQ(text_fields("{\"q\":null,\"n\":1,\"b\":\"x\"}\n\n{\"q\":\"y\",\"b\":\"\",\"m\":\"z\"}\n{\"m\":2}", "f"),
            (std::vector<std::string>{"b", "q"}));
  EXPECT_EQ(text_fields("{\"n\":1}\n", "f"), std::vector<std::string>());
  EXPECT_EQ(error_text([] { text_fields("{\"n\":1}\n5\n", "f"); }), "[f:2] is 5; expected an object");
}

TEST(TextDocuments, SaysWhereSomethingIsWrong) {
  EXPECT_EQ(error("", kPlain), "[f] the file is empty; expected text");
  EXPECT_EQ(error("\n\r\n", kLines), "[f] the file has no text");
  EXPECT_EQ(error("\xFF\xFE"
                  "a\n",
                  kLines),
            "[f] begins with the byte order mark of UTF-16; convert it with `iconv -f UTF-16 -t UTF-8 FILE > NEW`");
  EXPECT_EQ(error("{\"text\":\"a\"}\n{\"text\":\"\xE9\"}", kJsonl),
            "[f:2] is not valid UTF-8 at byte 9 of the line: a character that is cut short; JSON is UTF-8");
  EXPECT_EQ(error("{\"text\":\"a\"", kJsonl), "[f:1] is not valid JSON at byte 11");
  EXPECT_EQ(error("[1]", kJsonl), "[f:1] is [1]; expected an object");
  EXPECT_EQ(error("{\"text\":5}", kJsonl), "[f:1] \"text\" is 5; expected a text");
  EXPECT_EQ(error("{\"text\":\"\"}", kJsonl), "[f:1] the text is empty; leave the line out");
  EXPECT_EQ(error("{\"a\":1,\"b\":2}", kJsonl),
            "[f:1] has no field \"text\"; it has: a, b (data.text names the fields that are the text)");
  EXPECT_EQ(error("text,y\na,\nb,1\n", kCsv, {.label = "y"}), "[f:2] the value of column \"y\", the label, is missing");
  EXPECT_EQ(error("{\"text\":\"a\"}", kJsonl, {.label = "y"}), "[f:1] has no field \"y\", the label");
  EXPECT_EQ(error("{\"text\":\"a\",\"y\":[]}", kJsonl, {.label = "y"}),
            "[f:1] \"y\" is []; expected a text, a number or a boolean");
  EXPECT_EQ(error("{\"text\":\"a\",\"y\":\"b\"}\n" + std::string((128 << 20) + 1, ' '), kJsonl),
            "[f:2] the line has 134217729 bytes; expected 134217728 at most: is this a file of lines?");
  EXPECT_EQ(error("text,b\na,1\n,2\n", kCsv), "[f:3] the text is missing; leave the row out");
  EXPECT_EQ(error("a,b\nx,y\n", kCsv), "[f] there is no column \"text\"; there are: a, b");
}

TextFeatures word_features(const std::vector<std::string_view>& texts, int64_t longest) {
  return {TextTokenizer::Kind(WordTokenizer::train(texts, 100)), longest};
}

TEST(TextFeatures, IdsAndCounts) {
  const std::vector<std::string_view> texts = {"b a b", "a", "a b c d"};
  const TextFeatures features = word_features(texts, 3);
  const auto place = [](int64_t i) { return "f:" + std::to_string(i + 1); };
  const TokenizedTexts all = tokenize(features, texts, place);
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(all.ids, (std::vector<Ids>{{2, 1, 2}, {1}, {1, 2, 3}}));
  EXPECT_EQ(all.cut, 1);
  const auto counts = token_counts(all.ids, features.tokenizer.vocabulary_size());
  EXPECT_EQ(counts->columns, 5);
  EXPECT_EQ(counts->offsets, (Lines{0, 2, 3, 6}));
  EXPECT_EQ(counts->indices, (Ids{1, 2, 1, 1, 2, 3}));
  EXPECT_EQ(counts->values, (std::vector<float>{1, 2, 1, 1, 1, 1}));
  const std::vector<std::string_view> blank = {"a", " "};
  EXPECT_EQ(error_text([&] { tokenize(features, blank, place); }), "[f:2] the text has no token; leave it out");
  const TextFeatures again = TextFeatures::from_json(parse_json(features.to_json(), "t"), "t");
  EXPECT_EQ(again.to_json(), features.to_json());
  for (const char* json : {"{}", R"({"longest": 0, "tokenizer": {}})", R"({"longest": 5})", R"({"tokenizer": {}})"}) {
    EXPECT_EQ(error_text([&] { TextFeatures::from_json(parse_json(json, "t"), "t"); }),
              "[t] \"text\" has no \"longest\" from 1 on, or no \"tokenizer\"; expected what gradus writes");
  }
}

TEST(TextDataset, PadsToTheLongestOfABatch) {
  Tensor targets = Tensor::zeros({3}, DType::kI64);
  targets.mutable_data<int64_t>()[1] = 1;
  const TextDataset data({{5, 6, 7, 8}, {9}, {3, 4}}, targets);
  const std::vector<int64_t> ids = {1, 2};
  const Batch batch = data.batch(ids);
  EXPECT_EQ(batch.inputs.shape(), (Shape{2, 2}));
  EXPECT_EQ(batch.inputs.values<int64_t>(), (Lines{9, 0, 3, 4}));
  EXPECT_EQ(batch.lengths.values<int64_t>(), (Lines{1, 2}));
  EXPECT_EQ(batch.targets.values<int64_t>(), (Lines{1, 0}));
  EXPECT_EQ(error_text([] {
              TextDataset(std::vector<std::vector<int32_t>>{{1}, {}});
            }),
            "[dataset] text 1 has no token; expected one at least");
  EXPECT_EQ(error_text([] {
              TextDataset({{1}, {2}}, Tensor::zeros({2}));
            }),
            "[dataset] targets are f32 (2,) for 2 texts; expected i64 (2,)");
  EXPECT_EQ(error_text([] { TextDataset(std::vector<std::vector<int32_t>>{}); }),
            "[dataset] there are no texts; expected at least one");
}

}  // namespace text_documents_test
}  // namespace gradus
