#include "gradus/data/bpe.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/data/bpe_trainer.h"
#include "gradus/data/text_tokenizer.h"
#include "tests/testing.h"

namespace gradus {
namespace bpe_test {

using Ids = std::vector<int32_t>;
using nlohmann::json;
using namespace std::string_literals;

const json& references() {
  static const json all = json::parse(std::ifstream(GRADUS_SOURCE_DIR "/tests/references/tokenizer.json"));
  return all;
}

WordPattern pattern_of(const std::string& name) {
  return name == "gpt2" ? WordPattern::kGpt2 : name == "gpt4" ? WordPattern::kThreeDigits : WordPattern::kOneDigit;
}

BpeTokenizer learned(const json& of) {
  BpeTrainer trainer({.vocabulary = of["vocabulary"],
                      .min_frequency = of["min_frequency"],
                      .special = of["special"],
                      .pattern = pattern_of(of["pattern"])});
  trainer.add_lines(of["text"].get<std::string>());
  return trainer.learn();
}

std::vector<std::string> words_of(std::string_view text, WordPattern pattern) {
  std::vector<std::string> words;
  WordSplitter(pattern).for_each(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

// A vocabulary of the bytes and a few merges: "ab", "abc", " ab".
BpeTokenizer small(std::vector<std::string> special = {}) {
  BpeParts parts;
  for (const unsigned char byte : bytes_by_level()) parts.tokens.push_back(std::string(1, static_cast<char>(byte)));
  const auto id = [&](std::string_view token) {
    return static_cast<int32_t>(std::find(parts.tokens.begin(), parts.tokens.end(), token) - parts.tokens.begin());
  };
  const auto merge = [&](const std::string& left, const std::string& right) {
    parts.tokens.push_back(left + right);
    parts.merges.push_back({id(left), id(right), id(left + right)});
  };
  merge("a", "b");
  merge("ab", "c");
  merge(" ", "ab");
  for (std::string& name : special) {
    parts.special.push_back(static_cast<int32_t>(parts.tokens.size()));
    parts.tokens.push_back(std::move(name));
  }
  return {std::move(parts), "small"};
}

TEST(BpeTrainer, LearnsWhatTokenizersLearns) {
  for (const json& of : references()["cases"]) {
    const BpeTokenizer tokenizer = learned(of);
    const size_t first = 256 + of["special"].size();
    std::vector<std::string> tokens, merges;
    for (size_t id = first; id < tokenizer.parts().tokens.size(); ++id) {
      tokens.push_back(byte_level_text(tokenizer.parts().tokens[id]));
    }
    for (const BpeMerge& merge : tokenizer.parts().merges) {
      merges.push_back(byte_level_text(tokenizer.token(merge.left)) + " " +
                       byte_level_text(tokenizer.token(merge.right)));
    }
    EXPECT_EQ(tokens, of["tokens"].get<std::vector<std::string>>());
    EXPECT_EQ(merges, of["merges"].get<std::vector<std::string>>());
    EXPECT_FALSE(merges.empty());
  }
}

TEST(BpeTrainer, ThreadsAndPiecesDoNotMatter) {
  std::string text;
  const RandomStream random(3);
  for (uint64_t i = 0; i < 200000; ++i) text += "abc de\n"[random.bits(i, 0) % 7];
  std::vector<std::string> made;
  for (const int count : {1, 3}) {
    set_threads(count);
    BpeTrainer whole({.vocabulary = 400}), lines({.vocabulary = 400});
    whole.add_lines(text);
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at) + 1 == 0 ? text.size() : text.find('\n', at) + 1;
      lines.add_lines(std::string_view(text).substr(at, end - at));
      at = end;
    }
    made.push_back(whole.learn().to_json());
    made.push_back(lines.learn().to_json());
  }
  set_threads(0);
  for (const std::string& one : made) EXPECT_EQ(one, made[0]);
}

TEST(BpeTrainer, WholeTextsHaveWordsOfSeveralLines) {
  BpeTrainer lines({.vocabulary = 300}), texts({.vocabulary = 300});
  const std::string text = "a\n\n\n\nb\n\n\n\nc";
  lines.add_lines(text);
  const std::string_view view = text;
  texts.add_texts({&view, 1});
  EXPECT_EQ(lines.learn().vocabulary_size(), 256);
  EXPECT_EQ(texts.learn().parts().tokens.at(256), "\n\n");
}

// Of lines a byte is that of all of them, though some are counted apart.
TEST(BpeTrainer, SaysWhereAWordIsThatIsTooLong) {
  const std::string word((4 << 20) + 1, 'a'), before = std::string(5 << 20, '\n') + "b ";
  EXPECT_EQ(error_text([&] { BpeTrainer({}).add_lines(before + word, "t.txt", 1000); }),
            "[t.txt] the 4194306 bytes from byte 5243881 on are one word; expected 4194304 at most: is this text?");
  const std::vector<std::string_view> texts = {"a", word};
  EXPECT_EQ(error_text([&] { BpeTrainer({}).add_texts(texts, [](size_t i) { return "t:" + std::to_string(i + 7); }); }),
            "[t:8] the 4194305 bytes from byte 0 on are one word; expected 4194304 at most: is this text?");
}

TEST(BpeTrainer, RefusesSizesThatCannotBe) {
  EXPECT_EQ(error_text([] { BpeTrainer({}).add_lines(std::string((4 << 20) + 1, 'a')); }),
            "[tokenizer] the 4194305 bytes from byte 0 on are one word; expected 4194304 at most: is this text?");
  EXPECT_EQ(usage_error_text([] { BpeTrainer({.vocabulary = 256, .special = {"<s>"}}); }),
            "[tokenizer] a vocabulary of 256 tokens; expected 257 (256 bytes and the special tokens) to 16777216");
  EXPECT_EQ(usage_error_text([] { BpeTrainer({.special = {""}}); }),
            "[tokenizer] a special token without a text; expected one such as <|endoftext|>");
}

TEST(BpeTokenizer, EncodesAsTokenizersDoes) {
  for (const json& of : references()["cases"]) {
    const BpeTokenizer tokenizer = learned(of);
    for (const json& encoded : of["encoded"]) {
      const std::string text = encoded["text"];
      const Ids ids = tokenizer.encode(text);
      EXPECT_EQ(ids, encoded["ids"].get<Ids>()) << text;
      EXPECT_EQ(tokenizer.decode(ids), text);
    }
  }
}

TEST(BpeTokenizer, ComposesWhereItsNormalizerAsksForIt) {
  BpeParts parts = small().parts();
  parts.nfc = true;
  const BpeTokenizer tokenizer(parts, "small");
  for (const json& of : references()["nfc"]) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(of["text"].get<std::string>())), of["composed"].get<std::string>());
  }
  EXPECT_EQ(error_text([&] { tokenizer.encode("é\xFF"); }),
            "[tokenizer] the text is not valid UTF-8 at byte 2, and this tokenizer's normalizer, NFC, needs such");
}

TEST(BpeTokenizer, AnyBytesComeBack) {
  const BpeTokenizer tokenizer = small();
  for (const std::string& text : {"\xFF\xFE ab\x80"s, "\xE2\x82"s, "\0 \0abc"s, "\xC0\x80'\xED\xA0\x80"s}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
  EXPECT_EQ(tokenizer.encode("\xFF ab").size(), 2u);
}

TEST(BpeTokenizer, LongWordsAreMergedAsShortOnes) {
  const BpeTokenizer tokenizer = small();
  const Ids pattern = tokenizer.encode("abcab");
  Ids expected;
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += "abcab";
    expected.insert(expected.end(), pattern.begin(), pattern.end());
  }
  EXPECT_EQ(tokenizer.encode(text), expected);
  EXPECT_EQ(error_text([&] { tokenizer.encode(std::string((4 << 20) + 1, 'a')); }),
            "[tokenizer] the 4194305 bytes from byte 0 on are one word; expected 4194304 at most: is this text?");
}

TEST(BpeTokenizer, SpecialTokensAreFoundFirstAndTheLongest) {
  const BpeTokenizer tokenizer = small({"<a>", "<a><b>"});
  const int32_t a = *tokenizer.special("<a>"), both = *tokenizer.special("<a><b>");
  const int32_t ab = tokenizer.encode("ab")[0];
  EXPECT_EQ(tokenizer.encode("ab<a>ab<a><b><a>"), (Ids{ab, a, ab, both, a}));
  EXPECT_EQ(tokenizer.decode({a, ab}), "<a>ab");
  EXPECT_EQ(tokenizer.special("<c>"), std::nullopt);
}

TEST(BpeTokenizer, ItsFileComesBackToTheSame) {
  for (const WordPattern pattern : {WordPattern::kGpt2, WordPattern::kThreeDigits, WordPattern::kOneDigit}) {
    BpeParts parts = small({"<|endoftext|>"}).parts();
    parts.pattern = pattern;
    parts.nfc = pattern == WordPattern::kOneDigit;
    parts.ignore_merges = pattern == WordPattern::kThreeDigits;
    const BpeTokenizer tokenizer(parts, "small");
    const TextTokenizer again = TextTokenizer::from_json(tokenizer.to_json(), "file");
    EXPECT_EQ(again.to_json(), tokenizer.to_json());
    EXPECT_EQ(again.encode("abc 12345<|endoftext|>\r\nX"), tokenizer.encode("abc 12345<|endoftext|>\r\nX"));
    EXPECT_EQ(again.end_of_text(), 259);
    EXPECT_EQ(again.bytes_of(259), 0);
  }
}

TEST(BpeTokenizer, ReadsGpt2sFiles) {
  std::string vocabulary = "{\"<|endoftext|>\":257,\"\u0120a\":256";
  int32_t id = 0;
  for (const unsigned char byte : bytes_by_level()) {
    vocabulary +=
        "," + json(byte_level_text(std::string(1, static_cast<char>(byte)))).dump() + ":" + std::to_string(id++);
  }
  vocabulary += "}";
  const BpeTokenizer tokenizer =
      BpeTokenizer::from_gpt2(vocabulary, "#version: 0.2\n\u0120 a\n", "vocab.json", "merges.txt");
  EXPECT_EQ(tokenizer.encode(" a<|endoftext|>"), (Ids{256, 257}));
  const auto error = [&](std::string_view merges) {
    return error_text([&] { BpeTokenizer::from_gpt2(vocabulary, merges, "vocab.json", "merges.txt"); });
  };
  EXPECT_EQ(error("a b\n"), "[vocab.json] merge 0 needs the token \"ab\", which is not in the vocabulary");
  EXPECT_EQ(error("#version: 0.2\nab\n"), "[merges.txt] line 2 is \"ab\"; expected two tokens with a space between");
}

TEST(BpeTokenizer, SaysWhatItDoesNotSupport) {
  const json good = json::parse(small({"<s>"}).to_json());
  const auto error = [&](const std::function<void(json&)>& change) {
    json changed = good;
    change(changed);
    return error_text([&] { TextTokenizer::from_json(changed.dump(), "t.json"); });
  };
  EXPECT_EQ(error([](json&) {}), "no error");
  EXPECT_EQ(error([](json& j) { j["model"]["type"] = "WordPiece"; }),
            "[t.json] model is of type WordPiece; gradus reads BPE");
  EXPECT_EQ(error([](json& j) {
              j["normalizer"] = {{"type", "Lowercase"}};
            }),
            "[t.json] normalizer is of type Lowercase; gradus has NFC, or none");
  EXPECT_EQ(error([](json& j) { j["model"]["byte_fallback"] = true; }),
            "[t.json] model.byte_fallback is true, which gradus has not; expected null or false");
  EXPECT_EQ(error([](json& j) { j["pre_tokenizer"]["add_prefix_space"] = true; }),
            "[t.json] pre_tokenizer.add_prefix_space is true, which gradus has not; expected null or false");
  EXPECT_EQ(error([](json& j) { j["pre_tokenizer"]["type"] = "Whitespace"; }),
            "[t.json] pre_tokenizer is of type Whitespace; expected ByteLevel");
  EXPECT_EQ(
      error([](json& j) {
        j["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {{{"type", "Digits"}}, j["pre_tokenizer"]}}};
      }),
      "[t.json] pre_tokenizer.pretokenizers[0] is of type Digits; expected Split");
  EXPECT_EQ(error([](json& j) { j["model"]["merges"][0] = "a b c"; }),
            "[t.json] merge 0 is \"a b c\"; expected two tokens with a space between");
  EXPECT_EQ(error([](json& j) { j["model"]["merges"][0] = {"a"}; }),
            "[t.json] merge 0 is [\"a\"]; expected two tokens");
  EXPECT_EQ(error([](json& j) { j["decoder"] = nullptr; }), "[t.json] decoder is null; expected an object");
  EXPECT_EQ(error([](json& j) {
              j["truncation"] = {{"max_length", 5}};
            }),
            "[t.json] truncation is {\"max_length\":5}, which gradus has not; expected null or false");
  EXPECT_EQ(error([](json& j) { j["added_tokens"][0]["lstrip"] = true; }),
            "[t.json] added_tokens[0].lstrip is true, which gradus has not; expected null or false");
  EXPECT_EQ(error([](json& j) { j["model"]["vocab"]["ab"] = 5; }),
            "[t.json] the tokens \"&\" and \"ab\" both have the id 5");
  EXPECT_EQ(error([](json& j) { j["added_tokens"][0]["content"] = "&"; }),
            "[t.json] the token \"&\" has two ids, 5 and 259");
  EXPECT_EQ(error([](json& j) { j["model"]["vocab"]["ab"] = 9999; }),
            "[t.json] the token \"ab\" has the id 9999, and there are 261 tokens; expected each id below that once");
  EXPECT_EQ(error([](json& j) {
              j["model"]["merges"][0] = {"a", "z"};
            }),
            "[t.json] merge 0 needs the token \"az\", which is not in the vocabulary");
  EXPECT_EQ(error([](json& j) { j["model"]["vocab"]["ab"] = -1; }),
            "[t.json] the id of the token \"ab\" is -1; expected a whole number from 0 to 16777215");
  EXPECT_EQ(error([](json& j) { j["model"]["vocab"][""] = 260; }), "[t.json] a token has no text");
  EXPECT_EQ(error([](json& j) { j["model"]["vocab"]["\u0120ab"] = 260; }),
            "[t.json] no token has the id 258; expected all from 0 to 260");
  EXPECT_EQ(error([](json& j) { j["model"]["vocab"]["中"] = 260; }),
            "[t.json] token 260, \"中\", has a character that stands for no byte; expected a byte-level vocabulary");
  EXPECT_EQ(error([](json& j) { j["model"]["ignore_merges"] = 1; }),
            "[t.json] model.ignore_merges is 1; expected true or false");
  EXPECT_EQ(error([](json& j) { j["pre_tokenizer"]["use_regex"] = false; }),
            "[t.json] pre_tokenizer.use_regex is false, so that the whole text is one word; expected true");
  EXPECT_EQ(error([](json& j) { j["more"] = 1; }), "[t.json] the file has the unknown key \"more\"");
}

TEST(BpeTokenizer, PartsFitTogether) {
  const auto error = [](const std::function<void(BpeParts&)>& change) {
    BpeParts parts = small({"<|endoftext|>"}).parts();
    change(parts);
    return error_text([&] { BpeTokenizer(parts, "parts"); });
  };
  const size_t size = small({"<|endoftext|>"}).parts().tokens.size();
  const std::string below = "; expected one below " + std::to_string(size);
  EXPECT_EQ(error([](BpeParts& p) { p.special.push_back(9999); }), "[parts] a special token has the id 9999" + below);
  EXPECT_EQ(error([](BpeParts& p) { p.merges[0].left = -1; }), "[parts] merge 0 has the id -1" + below);
  EXPECT_EQ(error([](BpeParts& p) { p.tokens[static_cast<size_t>(p.special[0])].clear(); }),
            fmt::format("[parts] the special token {} has no text", small({"<|endoftext|>"}).parts().special[0]));
}

TEST(BpeTokenizer, SaysWhichPatternsItDoesNotSupport) {
  BpeParts parts = small().parts();
  parts.pattern = WordPattern::kOneDigit;
  const json good = json::parse(BpeTokenizer(parts, "small").to_json());
  const auto error = [&](const std::function<void(json&)>& change) {
    json changed = good;
    change(changed["pre_tokenizer"]["pretokenizers"]);
    return error_text([&] { TextTokenizer::from_json(changed.dump(), "t.json"); });
  };
  const std::string list = "[t.json] pre_tokenizer.pretokenizers";
  EXPECT_EQ(error([](json&) {}), "no error");
  EXPECT_EQ(error([](json& j) { j.erase(1); }), list + " has 1 items; expected Split and ByteLevel");
  EXPECT_EQ(error([](json& j) { j[0]["behavior"] = "Removed"; }),
            list + "[0].behavior is \"Removed\"; expected \"Isolated\"");
  EXPECT_EQ(error([](json& j) { j[0]["pattern"]["Regex"] = "\\s+"; }),
            list + "[0].pattern.Regex is \"\\\\s+\"; gradus knows those of GPT-2, GPT-4 (and Llama 3) and Qwen 2");
  EXPECT_EQ(error([](json& j) { j[1].erase("use_regex"); }), list + "[1].use_regex is not false; expected false");
}

TEST(BpeTokenizer, MergesMustMakeWhatTheyAreOf) {
  BpeParts parts = small().parts();
  const BpeMerge merge = parts.merges[0];
  parts.merges[1].left = merge.left;
  EXPECT_EQ(error_text([&] { BpeTokenizer(parts, "small"); }),
            fmt::format("[small] merge 1 makes token 257 of {} and {}, which are not its two parts", merge.left,
                        parts.merges[1].right));
}

TEST(BpeTokenizer, AVocabularyWithoutAByteSaysWhereItIsNeeded) {
  BpeParts parts;
  parts.tokens = {"a", "b"};
  const BpeTokenizer tokenizer(parts, "two");
  EXPECT_EQ(tokenizer.encode("ab"), (Ids{0, 1}));
  EXPECT_EQ(error_text([&] { tokenizer.encode("abc"); }),
            "[tokenizer] byte 0x63 at byte 2 of the text has no token: the vocabulary was made without it");
}

TEST(WordSplitter, Gpt2) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(words_of("Hello  world's 12 !?\n\n x", WordPattern::kGpt2),
            (Words{"Hello", " ", " world", "'s", " 12", " !?", "\n\n", " x"}));
  EXPECT_EQ(words_of("a'sb ''t'", WordPattern::kGpt2), (Words{"a", "'s", "b", " ''", "t", "'"}));
  EXPECT_EQ(words_of("a  ", WordPattern::kGpt2), (Words{"a", "  "}));
}

TEST(WordSplitter, Gpt4) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(words_of("I'LL\r\n\r\n(x) 12345", WordPattern::kThreeDigits),
            (Words{"I", "'LL", "\r\n\r\n", "(x", ")", " ", "123", "45"}));
  EXPECT_EQ(words_of("12 \n \n  y", WordPattern::kOneDigit), (Words{"1", "2", " \n \n", " ", " y"}));
}

TEST(WordTokenizer, FrequentWordsAndOneForTheRest) {
  const WordTokenizer tokenizer = WordTokenizer::train({"b a b, é!", "b a c"}, 5);
  EXPECT_EQ(tokenizer.vocabulary_size(), 5);
  EXPECT_EQ(tokenizer.encode("a b c é x"), (Ids{2, 1, 0, 0, 0}));
  EXPECT_EQ(tokenizer.decode({1, 3, 0}), "b ! <unknown>");
  const TextTokenizer again = TextTokenizer::from_json(tokenizer.to_json(), "file");
  EXPECT_EQ(again.encode("b, a!"), tokenizer.encode("b, a!"));
  EXPECT_EQ(error_text([] { WordTokenizer::train({"a\xFF"}, 5); }),
            "[tokenizer] the text is not valid UTF-8 at byte 1: a byte that no character starts with; use the bytes "
            "tokenizer for such texts");
  EXPECT_EQ(usage_error_text([] { WordTokenizer::train({"a b"}, 1); }),
            "[tokenizer] a vocabulary of 1 words; expected 2 or more");
  EXPECT_EQ(error_text([] { WordTokenizer::train({" \n"}, 5); }),
            "[tokenizer] the text has no word; a vocabulary needs at least one");
}

TEST(WordTokenizer, MayHaveAnEndOfText) {
  const TextTokenizer tokenizer{TextTokenizer::Kind(WordTokenizer::train({"b a <|endoftext|> b"}, 4, true))};
  EXPECT_EQ(tokenizer.end_of_text(), 1);
  EXPECT_EQ(tokenizer.token(1), "<|endoftext|>");
  EXPECT_EQ(tokenizer.encode("b <|endoftext|>"), (Ids{2, 0, 3, 0, 3, 0}));  // "|" is there twice
  EXPECT_EQ(TextTokenizer::from_json(tokenizer.to_json(), "file").end_of_text(), 1);
  EXPECT_EQ(TextTokenizer{TextTokenizer::Kind(WordTokenizer::train({"b a"}, 4))}.end_of_text(), std::nullopt);
  EXPECT_EQ(usage_error_text([] { WordTokenizer::train({"a b"}, 2, true); }),
            "[tokenizer] a vocabulary of 2 words; expected 3 or more");
}

TEST(WordTokenizer, ItsFileIsChecked) {
  const auto error = [](const std::string& tokens) {
    return error_text([&] { TextTokenizer::from_json(R"({"type": "words", "tokens": )" + tokens + "}", "w.json"); });
  };
  EXPECT_EQ(error(R"(["<unknown>", "a"])"), "no error");
  for (const char* tokens : {"5", "[]"}) {
    EXPECT_EQ(error(tokens), "[w.json] tokens is no list of words, the first of which is <unknown>");
  }
  EXPECT_EQ(error(R"(["<unknown>", 5])"), "[w.json] token 1 is 5; expected a word");
  EXPECT_EQ(error(R"(["<unknown>", ""])"), "[w.json] token 1 is \"\"; expected a word");
  EXPECT_EQ(error(R"(["a"])"), "[w.json] token 0 is \"a\"; expected \"<unknown>\"");
  EXPECT_EQ(error(R"(["<unknown>", "a", "b", "a"])"), "[w.json] a word is there twice; expected each once");
}

}  // namespace bpe_test
}  // namespace gradus
