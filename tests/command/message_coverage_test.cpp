// That the text of each message stands in a test: of every call that raises or tells one in the sources, the pieces
// between the placeholders of each of its texts must be found in the texts of the tests, all of them and in their order
// in one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/command/code_texts.h"
#include "tests/testing.h"

namespace gradus {
namespace message_coverage_test {

namespace fs = std::filesystem;

std::vector<fs::path> sources_in(const char* folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(GRADUS_SOURCE_DIR) / folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".cpp" || extension == ".h") paths.push_back(entry.path());
  }
  return paths;
}

// What stands between the placeholders.
std::vector<std::string> pieces_of(const std::string& message) {
  std::vector<std::string> pieces(1);
  for (size_t i = 0; i < message.size(); ++i) {
    const std::string_view two = std::string_view(message).substr(i, 2);
    if (message[i] == kUnknownText) {
      pieces.emplace_back();
    } else if (two == "{{" || two == "}}") {  // which stand for one
      pieces.back() += message[i++];
    } else if (message[i] == '{') {
      i = std::min(message.find('}', i), message.size() - 1);
      pieces.emplace_back();
    } else {
      pieces.back() += message[i];
    }
  }
  std::erase(pieces, "");
  return pieces;
}

int letters_in(const std::vector<std::string>& pieces) {
  int64_t count = 0;
  for (const std::string& piece : pieces) {
    count += std::count_if(piece.begin(), piece.end(), [](unsigned char c) { return std::isalpha(c) != 0 || c > 127; });
  }
  return static_cast<int>(count);
}

bool has_in_order(std::string_view text, const std::vector<std::string>& pieces) {
  size_t at = 0;
  for (const std::string& piece : pieces) {
    at = text.find(piece, at);
    if (at == std::string_view::npos) return false;
    at += piece.size();
  }
  return true;
}

// The texts of a call that are a message: its longest, and the others that have words.
std::vector<std::string> messages_in(std::vector<std::string> texts) {
  constexpr int kFewestLetters = 8;
  const auto longest = std::ranges::max_element(texts, {}, [](const std::string& text) { return text.size(); });
  if (longest == texts.end()) return {};
  std::vector<std::string> messages{*longest};
  texts.erase(longest);
  for (std::string& text : texts) {
    if (text.find(' ') != std::string::npos && letters_in(pieces_of(text)) >= kFewestLetters) {
      messages.push_back(std::move(text));
    }
  }
  return messages;
}

// Each for a reason why no test can bring it about.
const std::set<std::string> kUnreachable = {
    // Nothing in the program does that; the switch or the call has to end somehow.
    "an activation of number {}, which there is not",
    "a shape of unknown kind",
    "a key of unknown kind",
    "\"{}\" is the file of no encoder of data",
    "{} examples; expected 1 or more",
    "the header is {}; expected an object of tensors",
    // Of more rows than a test can hold.
    "{} rows; expected at most {}",
    "more than {} different texts in its columns; leave out those that are no category",
    "a header of {} bytes; the format allows {}",
    // Of compressed files that take half of the memory.
    "its first {} rows take more than {} bytes as a table, which is half of the free memory; stream rows with "
    "data.rows = "
    "\"streamed\", take a part of it, or a larger machine",
    "its first {} rows take more than {} bytes, which is half of the free memory; stream rows with data.rows = "
    "\"streamed\", take a part of it, or a larger machine",
    // Of kernels whose callers see to it.
    "statistics {} for {}; expected one value a row",
    "a tensor of no dimensions; expected dimension 0 to be the example",
    "{} and {}; expected contiguous tensors of one size, f32 or f64",
    "strides ({}, {}): one of them must be 1",
    "{} is not contiguous; scale a contiguous tensor",
    "a gradient of shape {} for an index of shape {}; they must be equal",
    "a gradient of {} for {}; shape and dtype must be equal",
    "a gradient of {}; expected at least one dimension",
    "{} and {}; shape and dtype must be equal",
    // Where the command line has said it already, of a processor or a build; no test has both.
    "{} × {}: products of bf16 numbers need AVX512_BF16, which {}; cast to f32",
    "this processor has not, or may not use",
    "this build does not use",
    // Of a build without oneDNN, where the tests of bf16 skip.
    "this build has no products of bf16 numbers; build with oneDNN (GRADUS_ONEDNN=ON)",
    // The recipes are in the source tree in any case.
    "holds no recipes; is gradus installed as a whole?",
    // What libpng and libwebp say only without memory, or with libraries of two versions; and a build without libwebp.
    "libpng has no memory for the picture",
    "cannot be written as a PNG: {}",
    "libwebp is of another version than gradus was built with",
    "is a WebP, and this gradus was built without libwebp: convert the file to PNG or JPEG, or build gradus again with "
    "the package libwebp-dev installed",
    // root, as whom the tests may run, can read every folder.
    "a folder of the pattern cannot be read",
    // What the system or oneDNN refuses; tests/torture sees to it that the run survives.
    "thread {} cannot be started: {}; use fewer with train.threads or --threads",
    "the thread that writes it cannot be started: {}",
    "a thread for {} cannot be started: {}",
    "oneDNN refused a product of {} × {} × {} (status {})",
    "oneDNN refused a product of bf16 numbers, {} × {} × {}: {}",
    "the system refused {} bytes ({} are in use); use a smaller batch_size or model",
    "there is no memory for it",
    "a pipe cannot be made",
    "a process cannot be started",
    "{}: {}",
    // Of a WebP of a later libwebp, and of a cache whose sums are right and which gradus did not write.
    "it has a feature that libwebp does not know",
    "the index of the cache of rows is wrong of block {}",
    "the index of the cache of rows leaves bytes out",
    "has rows that are not as long as it",
    "has an index that is no column",
    // A run that ends so says what it saw instead: "the loss is NaN; first in the result of …".
    "the loss is no longer a finite number",
    "the loss spiked",
    // What CLI11 says, where it is none of what it is known to say; and what is looked for in that.
    "{};",
    "Could not convert: ",
    " excludes ",
    // The name of a text that is parsed, and was before.
    "the start's",
};

// Those of too few letters of their own, behind the file that has them: how they read in a test. What a message passes
// on as a whole is told elsewhere; that it is passed on is the test.
const std::map<std::string, std::string> kShort = {
    {"gradus/autograd/ops_einsum.cpp: \"{}\": {}", "[einsum] \"ij->k\": 'k' of the result is in no tensor"},
    {"gradus/data/audio_dataset.cpp: {}", "is no sound that can be read (it begins like none); expected WAV, FLAC"},
    {"gradus/data/libsvm_rows.cpp: {}", "[s.svm:1] found \"7\"; expected index:value, the index a whole number"},
    {"gradus/data/text_features.cpp: {}", ":3] the text is not valid UTF-8 at byte 1: a character that is cut short"},
    {"gradus/data/tokenizer.cpp: has no \"{}\"", "has no \"tokens\""},
    {"gradus/train/audio_data.cpp: {}", "] is no sound that can be read (it begins like none); expected WAV, FLAC"},
    {"gradus/train/checkpoint.cpp: {}", "bytes {} to {}, is not what was written"},
    {"gradus/train/clustering_solver.cpp: {}", "[there] the state has no \"labels\" of i64 (240,)"},
    {"gradus/train/solver.cpp: {}", "[there] the state has no \"{}\"; it is of another kind of solver"},
};

std::vector<std::string> all_texts_of_tests() {
  std::vector<std::string> all;
  for (const fs::path& path : sources_in("tests")) {
    if (path.filename() == "message_coverage_test.cpp") continue;
    const std::string code = slurp(path);
    for (std::string& text : CodeTexts(code).all()) all.push_back(std::move(text));
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// The places behind the bracket of each call of a function in the code.
std::vector<size_t> calls_in(const std::string& code, const std::string& function) {
  std::vector<size_t> places;
  for (size_t at = code.find(function); at != std::string::npos; at = code.find(function, at + 1)) {
    const bool goes_on = at > 0 && (std::isalnum(static_cast<unsigned char>(code[at - 1])) != 0 || code[at - 1] == '_');
    if (!goes_on) places.push_back(at + function.size());
  }
  return places;
}

bool stands_in(const std::vector<std::string>& tests, const std::string& file, const std::string& message) {
  const auto instance = kShort.find(file + ": " + message);
  const std::vector<std::string> pieces =
      instance != kShort.end() ? std::vector<std::string>{instance->second} : pieces_of(message);
  constexpr int kFewestLetters = 6;
  return letters_in(pieces) >= kFewestLetters &&
         std::any_of(tests.begin(), tests.end(), [&](const std::string& text) { return has_in_order(text, pieces); });
}

TEST(CodeTexts, AddsUpLiteralsAndConstants) {
  const std::string code = R"(
    const std::string end = "; expected " "this";  // "no text"
    call("a b" + path("in") + " c" + end, std::string("q") + 's' + "t", n ? "yes" : "no\n", 1'000);
  )";
  const std::string hole(1, kUnknownText);
  EXPECT_EQ(CodeTexts(code).all(),
            (std::vector<std::string>{"; expected this", "in", "a b" + hole + " c; expected this", "q" + hole + "t",
                                      "yes", "no\n"}));
  EXPECT_EQ(CodeTexts(code).from(code.find("call(") + 5).back(), "no\n");
}

TEST(Messages, AreFoundAsAWholeAndInOrder) {
  const std::vector<std::string> tests = {"[a] the first of 3, the second of 4"};
  EXPECT_TRUE(stands_in(tests, "file", "the first of {}, the second of {}"));
  EXPECT_FALSE(stands_in(tests, "file", "the second of {}, the first of {}"));
  EXPECT_FALSE(stands_in(tests, "file", "the first of {}, the second of {}; mend it"));
  EXPECT_FALSE(stands_in(tests, "file", "{}: {}")) << "it has no letters of its own";
}

struct Message {
  std::string file, text;
  int64_t line = 0;
};

std::vector<Message> messages_of(const fs::path& path) {
  constexpr const char* kCalls[] = {"fail(", "fail_usage(",       "warn(",           "note(",
                                    "bad(",  "notes_.push_back(", "notes.push_back("};
  const std::string code = slurp(path), file = fs::relative(path, GRADUS_SOURCE_DIR).string();
  std::vector<Message> messages;
  for (const char* const function : kCalls) {
    for (const size_t place : calls_in(code, function)) {
      const int64_t line = std::count(code.begin(), code.begin() + static_cast<int64_t>(place), '\n') + 1;
      for (std::string& text : messages_in(CodeTexts(code).from(place))) messages.push_back({file, text, line});
    }
  }
  return messages;
}

// Files that put messages together of texts that they return: each of these is one.
constexpr const char* kTellers[] = {
    "apps/gradus/config_file.cpp",
    "apps/gradus/lr_find.cpp",
    "apps/gradus/train.cpp",
    "apps/gradus/train_several.cpp",
    "apps/gradus/usage_errors.cpp",
    "gradus/data/audio_encoder.cpp",
    "gradus/data/image_encoder.cpp",
    "gradus/data/image_webp.cpp",
    "gradus/data/row_cache.cpp",
    "gradus/data/table_encoder.cpp",
    "gradus/train/anomaly.cpp",
    "gradus/train/audio_data.cpp",
    "gradus/train/clustering_solver.cpp",
    "gradus/train/experiment_data.cpp",
    "gradus/train/manifest.cpp",
    "gradus/train/memory.cpp",
    "gradus/train/run.cpp",
    "gradus/train/verify.cpp",
};

std::vector<Message> texts_of(const fs::path& path) {
  constexpr int kFewestLetters = 8;
  const std::string code = slurp(path), file = fs::relative(path, GRADUS_SOURCE_DIR).string();
  std::vector<Message> messages;
  for (std::string& text : CodeTexts(code).all()) {
    const bool has_words = text.find(' ') != std::string::npos && letters_in(pieces_of(text)) >= kFewestLetters;
    if (has_words) messages.push_back({file, std::move(text)});
  }
  return messages;
}

TEST(Messages, EachStandsInATest) {
  const std::vector<std::string> tests = all_texts_of_tests();
  std::vector<Message> messages;
  for (const char* folder : {"gradus", "apps"}) {
    for (const fs::path& path : sources_in(folder)) {
      for (Message& message : messages_of(path)) messages.push_back(std::move(message));
    }
  }
  EXPECT_GT(messages.size(), 1000U) << "the calls are not found any more";
  for (const char* const file : kTellers) {
    for (Message& message : texts_of(fs::path(GRADUS_SOURCE_DIR) / file)) messages.push_back(std::move(message));
  }
  for (const auto& [file, text, line] : messages) {
    EXPECT_TRUE(kUnreachable.contains(text) || stands_in(tests, file, text))
        << file << ":" << line << " stands in no test: " << text;
  }
}

}  // namespace message_coverage_test
}  // namespace gradus
