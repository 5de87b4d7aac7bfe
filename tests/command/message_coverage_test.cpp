// That the text of each message stands in a test: of every call of `fail` and `fail_usage` in the sources, each of the
// pieces between its placeholders, of eight letters or more, must be found in the texts of the tests.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

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

// The text literals from `begin` on, neighbours joined, up to where the parenthesis that is open there closes, or to
// the end.
std::vector<std::string> literals_from(const std::string& code, size_t begin, bool whole_file) {
  std::vector<std::string> literals;
  bool joins = false;  // only space since the last one
  int depth = 1;
  for (size_t i = begin; i < code.size() && (whole_file || depth > 0); ++i) {
    const char c = code[i];
    if (code.compare(i, 2, "//") == 0) {
      i = std::min(code.find('\n', i), code.size());
    } else if (c == '\'') {
      i += code[i + 1] == '\\' ? 3 : 2;
      if (i >= code.size() || code[i] != '\'') --i;  // a digit separator
    } else if (c == '"') {
      if (!joins) literals.emplace_back();
      for (++i; i < code.size() && code[i] != '"'; ++i) {
        if (code[i] == '\\') ++i;
        literals.back() += code[i];
      }
      joins = true;
      continue;
    } else if (c == '(' || c == ')') {
      depth += c == '(' ? 1 : -1;
    }
    if (std::isspace(static_cast<unsigned char>(c)) == 0) joins = false;
  }
  return literals;
}

std::vector<std::string> pieces_of(const std::string& message) {
  constexpr size_t kShortest = 8;
  std::vector<std::string> pieces;
  std::string piece;
  for (size_t i = 0; i <= message.size(); ++i) {
    const std::string_view two = std::string_view(message).substr(i, 2);
    if (two == "{{" || two == "}}") {  // which stand for one
      piece += message[i++];
      continue;
    }
    const bool opens = i < message.size() && message[i] == '{';
    if (i < message.size() && !opens) {
      piece += message[i];
      continue;
    }
    if (piece.size() >= kShortest) pieces.push_back(piece);
    piece.clear();
    if (opens) i = std::min(message.find('}', i), message.size() - 1);
  }
  return pieces;
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
};

std::string all_texts_of_tests() {
  std::string texts;
  for (const fs::path& path : sources_in("tests")) {
    if (path.filename() == "message_coverage_test.cpp") continue;
    for (const std::string& literal : literals_from(slurp(path), 0, true)) texts += literal + '\n';
  }
  return texts;
}

TEST(Messages, EachStandsInATest) {
  const std::string tests = all_texts_of_tests();
  int messages = 0;
  for (const char* folder : {"gradus", "apps"}) {
    for (const fs::path& path : sources_in(folder)) {
      const std::string code = slurp(path);
      for (const std::string call : {"fail(", "fail_usage("}) {
        for (size_t at = code.find(call); at != std::string::npos; at = code.find(call, at + 1)) {
          if (at > 0 && (std::isalnum(static_cast<unsigned char>(code[at - 1])) != 0 || code[at - 1] == '_')) continue;
          std::string message;
          for (const std::string& literal : literals_from(code, at + call.size(), false)) {
            if (literal.size() > message.size()) message = literal;
          }
          const std::vector<std::string> pieces = pieces_of(message);
          if (pieces.empty() || kUnreachable.contains(message)) continue;
          ++messages;
          for (const std::string& piece : pieces) {
            EXPECT_NE(tests.find(piece), std::string::npos) << fs::relative(path, GRADUS_SOURCE_DIR).string() << ": "
                                                            << message << "\n  stands in no test: " << piece;
          }
        }
      }
    }
  }
  EXPECT_GT(messages, 300) << "the calls are not found any more";
}

}  // namespace message_coverage_test
}  // namespace gradus
