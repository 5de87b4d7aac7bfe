#include "gradus/data/tokenizer.h"

#include <chrono>
#include <string>
#include <vector>

#include "tests/testing.h"

namespace gradus {
namespace tokenizer_test {

using Ids = std::vector<int32_t>;
using Unit = CharacterTokenizer::Unit;
using namespace std::string_literals;

TEST(CharacterTokenizer, OrdersByCodePoint) {
  const CharacterTokenizer t = CharacterTokenizer::train("z😀éa€\na", Unit::kCharacters);
  EXPECT_EQ(t.vocabulary_size(), 6);
  const std::string expected[] = {"\n", "a", "z", "é", "€", "😀"};
  for (int32_t id = 0; id < 6; ++id) EXPECT_EQ(t.token(id), expected[id]);
  EXPECT_EQ(t.encode("é😀a€"), (Ids{3, 5, 1, 4}));
  EXPECT_EQ(t.encode(""), Ids{});
  EXPECT_EQ(t.decode({3, 5, 1, 4}), "é😀a€");
  EXPECT_EQ(t.decode({}), "");
}

TEST(CharacterTokenizer, TheSmallestAndLargestOfEachLength) {
  const std::string text =
      "\0\x7F"
      "\u0080\u07FF\u0800\uD7FF\uE000\uFFFF\U00010000\U0010FFFF"s;
  const CharacterTokenizer t = CharacterTokenizer::train(text, Unit::kCharacters);
  EXPECT_EQ(t.encode(text), (Ids{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(t.decode(t.encode(text)), text);
}

TEST(CharacterTokenizer, Bytes) {
  const CharacterTokenizer t = CharacterTokenizer::train("b\xFF\0\x80"s, Unit::kBytes);
  EXPECT_EQ(t.vocabulary_size(), 4);
  EXPECT_EQ(t.encode("\xFF\x80\0b"s), (Ids{3, 2, 0, 1}));
  EXPECT_EQ(t.decode({3, 2, 0, 1}), "\xFF\x80\0b"s);
  EXPECT_EQ(error_text([&] { t.encode("bb\xE9"); }),
            "[tokenizer] byte 0xE9 at byte 2 of the text is not among the 4 tokens; bytes (data.tokens = \"bytes\") and "
            "pieces of words (\"bpe\") are tokens of any text: train with those, or use what stands in the text it was "
            "trained on");
}

TEST(CharacterTokenizer, RefusesInvalidUtf8) {
  const auto error = [](std::string_view text) {
    return error_text([&] { CharacterTokenizer::train(text, Unit::kCharacters); });
  };
  const auto expected = [](int byte, std::string_view why) {
    return fmt::format("[tokenizer] the text is not valid UTF-8 at byte {}: {}; use the bytes tokenizer for such texts",
                       byte, why);
  };
  EXPECT_EQ(error("é\x80"), expected(2, "a continuation byte without a start"));
  EXPECT_EQ(error("ab\xFF"), expected(2, "a byte that no character starts with"));
  EXPECT_EQ(error("\xF8\x88\x80\x80\x80"), expected(0, "a byte that no character starts with"));
  EXPECT_EQ(error("a\xE2\x82"), expected(1, "the text ends inside a character"));
  EXPECT_EQ(error("a\xE2\x82z"), expected(1, "a character that is cut short"));
  EXPECT_EQ(error("\xC0\x80"), expected(0, "an overlong form"));
  EXPECT_EQ(error("\xC1\xBF"), expected(0, "an overlong form"));
  EXPECT_EQ(error("a\xE0\x9F\xBF"), expected(1, "an overlong form"));
  EXPECT_EQ(error("\xF0\x8F\xBF\xBF"), expected(0, "an overlong form"));
  EXPECT_EQ(error("\xED\xA0\x80"), expected(0, "a surrogate"));
  EXPECT_EQ(error("\xED\xBF\xBF"), expected(0, "a surrogate"));
  EXPECT_EQ(error("\xF4\x90\x80\x80"), expected(0, "a code point above U+10FFFF"));
  const CharacterTokenizer t = CharacterTokenizer::train("a", Unit::kCharacters);
  EXPECT_EQ(error_text([&] { t.encode("aa\x80"); }), expected(2, "a continuation byte without a start"));
}

TEST(CharacterTokenizer, ShowsWhatItDoesNotKnow) {
  const CharacterTokenizer t = CharacterTokenizer::train("aé", Unit::kCharacters);
  const auto expected = [](std::string_view what, int byte) {
    return fmt::format(
        "[tokenizer] character {} at byte {} of the text is not among the 2 tokens; bytes (data.tokens = \"bytes\") and "
        "pieces of words (\"bpe\") are tokens of any text: train with those, or use what stands in the text it was "
        "trained on",
        what, byte);
  };
  EXPECT_EQ(error_text([&] { t.encode("éab"); }), expected("\"b\" (U+0062)", 3));
  EXPECT_EQ(error_text([&] { t.encode("é😀"); }), expected("\"😀\" (U+1F600)", 2));
  EXPECT_EQ(error_text([&] { t.encode("\n"); }), expected("U+000A", 0));
  EXPECT_EQ(error_text([&] { t.decode({0, 2}); }), "[tokenizer] id 2 at position 1; expected 0 to 1");
  EXPECT_EQ(error_text([&] { t.decode({-1}); }), "[tokenizer] id -1 at position 0; expected 0 to 1");
  EXPECT_EQ(error_text([] { CharacterTokenizer::train("", Unit::kBytes); }),
            "[tokenizer] the text is empty; a vocabulary needs at least one character");
}

TEST(CharacterTokenizer, TakesTheReplacementCharacterForWhatItDoesNotKnow) {
  const CharacterTokenizer t = CharacterTokenizer::train("aé\uFFFD", Unit::kCharacters);
  EXPECT_EQ(t.encode("éb😀a"), (std::vector<int32_t>{1, 2, 2, 0}));
  EXPECT_EQ(t.decode(t.encode("éb")), "é\uFFFD");
  EXPECT_EQ(error_text([&] { t.encode("a\xFF"); }),
            "[tokenizer] the text is not valid UTF-8 at byte 1: a byte that no character starts with; use the bytes "
            "tokenizer for such texts");
}

TEST(CharacterTokenizer, SavesAndLoads) {
  const TemporaryFolder folder;
  const std::string text = "\0\n\"\\é😀"s;
  CharacterTokenizer::train(text, Unit::kCharacters).save(folder / "c.json");
  EXPECT_EQ(slurp(folder / "c.json"),
            "{\"type\": \"characters\", \"tokens\": [\"\\u0000\", \"\\n\", \"\\\"\", \"\\\\\", \"é\", \"😀\"]}\n");
  EXPECT_EQ(CharacterTokenizer::load(folder / "c.json").encode(text), (Ids{0, 1, 2, 3, 4, 5}));
  CharacterTokenizer::train("b\xFF\0"s, Unit::kBytes).save(folder / "b.json");
  EXPECT_EQ(slurp(folder / "b.json"), "{\"type\": \"bytes\", \"tokens\": [0, 98, 255]}\n");
  EXPECT_EQ(CharacterTokenizer::load(folder / "b.json").encode("\xFF\0b"s), (Ids{2, 0, 1}));
}

TEST(CharacterTokenizer, LoadsTokensInAnyOrder) {
  const TemporaryFolder folder;
  spill(folder / "t.json", R"({"tokens": ["z", "\u00e9", "a"], "type": "characters"})");
  const CharacterTokenizer t = CharacterTokenizer::load(folder / "t.json");
  EXPECT_EQ(t.encode("azé"), (Ids{2, 0, 1}));
  EXPECT_EQ(t.token(1), "é");
}

TEST(CharacterTokenizer, LoadChecksEverything) {
  const TemporaryFolder folder;
  const std::string path = folder / "t.json";
  const auto error = [&](std::string_view json) {
    spill(path, json);
    const std::string text = error_text([&] { CharacterTokenizer::load(path); });
    const std::string prefix = "[" + path + "] ";
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  };
  EXPECT_EQ(error(""), "is not valid JSON at byte 0");
  EXPECT_EQ(error("{\"type\": ?}"), "is not valid JSON at byte 9");
  EXPECT_EQ(error(R"({"type": "bytes", "tokens": [1e999]})"), "has a number beyond the range of 64-bit floating point");
  const std::string deep = std::string(1 << 20, '[') + std::string(1 << 20, ']');  // more than a stack holds
  EXPECT_EQ(error(R"({"type": "bytes", "tokens": )" + deep + "}"),
            "has values within more than 32 others; gradus wrote none such");
  EXPECT_EQ(error("[]"), "holds []; expected an object with type and tokens");
  EXPECT_EQ(error("{}"), "has no \"type\"");
  EXPECT_EQ(error(R"({"type": "bytes"})"), "has no \"tokens\"");
  EXPECT_EQ(error(R"({"type": "bytes", "type": "bytes"})"), "the key \"type\" appears twice");
  EXPECT_EQ(error(R"({"type": "bytes", "merges": []})"), "unknown key \"merges\"; expected type and tokens");
  EXPECT_EQ(error(R"({"type": "bpe", "tokens": []})"), "type is \"bpe\"; expected \"characters\" or \"bytes\"");
  EXPECT_EQ(error(R"({"type": 1, "tokens": []})"), "type is 1; expected \"characters\" or \"bytes\"");
  EXPECT_EQ(error(R"({"type": "bytes", "tokens": []})"), "tokens is no array of at least one token");
  EXPECT_EQ(error(R"({"type": "bytes", "tokens": {"a": 1}})"), "tokens is no array of at least one token");
  const auto characters = [&](const std::string& tokens) {
    return error(R"({"type": "characters", "tokens": [)" + tokens + "]}");
  };
  EXPECT_EQ(characters(R"("a", "bc")"), "token 1 is \"bc\"; expected a string of one character");
  EXPECT_EQ(characters(R"("")"), "token 0 is \"\"; expected a string of one character");
  EXPECT_EQ(characters("97"), "token 0 is 97; expected a string of one character");
  EXPECT_EQ(characters(R"("a", "b", "a")"), "token 2 repeats character \"a\" (U+0061)");
  const auto bytes = [&](const std::string& tokens) {
    return error(R"({"type": "bytes", "tokens": [)" + tokens + "]}");
  };
  EXPECT_EQ(bytes("256"), "token 0 is 256; expected an integer from 0 to 255");
  EXPECT_EQ(bytes("0, -1"), "token 1 is -1; expected an integer from 0 to 255");
  EXPECT_EQ(bytes("1.5"), "token 0 is 1.5; expected an integer from 0 to 255");
  EXPECT_EQ(bytes(R"("a")"), "token 0 is \"a\"; expected an integer from 0 to 255");
  EXPECT_EQ(bytes("233, 233"), "token 1 repeats byte 0xE9");
  std::filesystem::remove(path);
  EXPECT_EQ(error_text([&] { CharacterTokenizer::load(path); }),
            "[" + path + "] cannot open it for reading: No such file or directory");
}

// 1 MB in a few milliseconds; the limit leaves room for sanitizers and busy machines.
TEST(CharacterTokenizer, IsFast) {
  std::string text;
  while (text.size() < 1'000'000) text += "The quick brown fox — über 😀\n";
  const CharacterTokenizer t = CharacterTokenizer::train(text, Unit::kCharacters);
  const auto start = std::chrono::steady_clock::now();
  const Ids ids = t.encode(text);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 0.5);
  RecordProperty("milliseconds", std::to_string(seconds.count() * 1e3));
  EXPECT_EQ(t.decode(ids), text);
}

}  // namespace tokenizer_test
}  // namespace gradus
