// docs/course.md: every command in it runs, and prints what the text says that it prints.
//
// A section (`## …`) is a test with a folder of its own, in which the lines of its ```sh blocks run in order. A ```text
// block holds lines that the block before it printed, in their order; `…` stands for any lines. Words must be the same,
// and numbers within 0.01% (whole ones the same), or within what `<!-- within N% -->` before the block says.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <regex>

#include "tests/command/command.h"

namespace gradus {
namespace course_test {

namespace fs = std::filesystem;

struct Block {
  bool is_output;
  double within;  ///< Of the numbers in an output, as a fraction; 0: the usual.
  std::string text;
  int line;  ///< In the document, of its first line.
};

struct Section {
  std::string name;
  std::vector<Block> blocks;
};

std::string name_of(const std::string& heading) {
  std::string name;
  for (const char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
}

// Sections without a command are left out.
std::vector<Section> sections_of(const std::string& document) {
  std::vector<Section> sections;
  double within = 0.0;
  Block* open = nullptr;
  int number = 0;
  static const std::regex marker("<!-- within ([0-9]+)% -->");
  for (const std::string& line : lines_of(document)) {
    ++number;
    std::smatch match;
    if (open != nullptr) {
      if (line == "```") {
        open = nullptr;
      } else {
        open->text += line + "\n";
      }
    } else if (line.starts_with("## ")) {
      sections.push_back({name_of(line), {}});
    } else if (line == "```sh" || line == "```text") {
      if (sections.empty()) sections.push_back({"Introduction", {}});
      sections.back().blocks.push_back({line == "```text", std::exchange(within, 0.0), "", number + 1});
      open = &sections.back().blocks.back();
    } else if (std::regex_match(line, match, marker)) {
      within = std::stod(match[1].str()) / 100.0;
    }
  }
  std::erase_if(sections, [](const Section& section) { return section.blocks.empty(); });
  return sections;
}

// A line in parts: numbers, and what stands between them, with single spaces.
std::vector<std::string> parts_of(const std::string& line) {
  static const std::regex number(R"([-+]?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?)");
  const std::string single = std::regex_replace(line, std::regex(" +"), " ");
  std::vector<std::string> parts;
  auto from = single.begin();
  for (std::sregex_iterator it(single.begin(), single.end(), number), end; it != end; ++it) {
    parts.emplace_back(from, single.begin() + it->position());
    parts.push_back(it->str());
    from = single.begin() + it->position() + it->length();
  }
  parts.emplace_back(from, single.end());
  while (!parts.back().empty() && parts.back().back() == ' ') parts.back().pop_back();
  return parts;
}

bool is_real(const std::string& number) { return number.find_first_of(".e") != std::string::npos; }

bool fits(const std::string& stated, const std::string& printed, double within) {
  const std::vector<std::string> a = parts_of(stated), b = parts_of(printed);
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    const bool is_number = i % 2 == 1;
    if (!is_number || (within == 0.0 && !(is_real(a[i]) && is_real(b[i])))) return false;
    const double x = std::stod(a[i]), y = std::stod(b[i]);
    if (std::abs(x - y) > (within == 0.0 ? 1e-4 : within) * std::max(std::abs(x), std::abs(y))) return false;
  }
  return true;
}

// Each stated line is the next printed one, or after `…` any later one.
void expect_printed(const Block& stated, const std::string& printed) {
  const std::vector<std::string> lines = lines_of(printed);
  size_t at = 0;
  bool skips = true;  // what comes before the first stated line need not be told
  int number = stated.line - 1;
  for (const std::string& line : lines_of(stated.text)) {
    ++number;
    if (line == "…") {
      skips = true;
      continue;
    }
    while (skips && at < lines.size() && !fits(line, lines[at], stated.within)) ++at;
    ASSERT_TRUE(at < lines.size() && fits(line, lines[at], stated.within))
        << "docs/course.md:" << number << ": stated: " << line << "\nprinted:\n"
        << printed;
    ++at;
    skips = false;
  }
}

class Course : public testing::TestWithParam<Section> {
 protected:
  static CommandResult run(const TemporaryFolder& folder, const std::string& commands) {
    const std::string path = fs::path(GRADUS_COMMAND).parent_path().string() + ":" + ::getenv("PATH");
    return Command(folder.path(), {"-euo", "pipefail", "-c", commands},
                   {.environment = {{"PATH", path}, {"GRADUS", GRADUS_COMMAND}}, .program = "/bin/bash"})
        .wait();
  }
};

TEST_P(Course, TheCommandsDoWhatTheTextSays) {
  const TemporaryFolder folder;
  fs::create_directory_symlink(GRADUS_SOURCE_DIR "/recipes", folder / "recipes");
  std::string printed;
  for (const Block& block : GetParam().blocks) {
    if (block.is_output) {
      expect_printed(block, printed);
      if (HasFatalFailure()) return;
      continue;
    }
    if (block.text.find("/usr/share/common-licenses/") != std::string::npos &&
        !fs::exists("/usr/share/common-licenses/GPL-3")) {
      GTEST_SKIP() << "this machine has no licence texts in /usr/share/common-licenses";
    }
    const CommandResult result = run(folder, block.text);
    ASSERT_EQ(result.exit_code, 0) << "docs/course.md:" << block.line << ":\n" << block.text << result.err;
    printed = result.out;
  }
}

INSTANTIATE_TEST_SUITE_P(Sections, Course, testing::ValuesIn(sections_of(slurp(GRADUS_SOURCE_DIR "/docs/course.md"))),
                         [](const auto& instance) { return instance.param.name; });

// The comparison can fail.
TEST(CourseTest, SeesWhatWasNotPrinted) {
  EXPECT_TRUE(fits("loss  0.50004", "loss   0.5", 0.0));
  EXPECT_FALSE(fits("loss 0.5006", "loss 0.5", 0.0));
  EXPECT_TRUE(fits("loss 0.51", "loss 0.5", 0.03));
  EXPECT_FALSE(fits("cost 0.5", "loss 0.5", 0.03));
  EXPECT_FALSE(fits("1000 steps", "1001 steps", 0.0));
  EXPECT_TRUE(fits("1000 steps", "1001 steps", 0.01));
  EXPECT_FALSE(fits("loss 0.5", "loss 0.5 or so", 0.0));
  EXPECT_FALSE(fits("b -0.1", "b 0.1", 0.1));
}

TEST(CourseTest, ReadsSectionsAndBlocks) {
  const std::vector<Section> sections = sections_of(
      "# A\n## One, two\n```sh\na\nb\n```\n<!-- within 5% -->\n```text\nc\n```\n## Words\n```toml\nx\n```\n");
  ASSERT_EQ(sections.size(), 1u);
  EXPECT_EQ(sections[0].name, "Onetwo");
  ASSERT_EQ(sections[0].blocks.size(), 2u);
  EXPECT_EQ(sections[0].blocks[0].text, "a\nb\n");
  EXPECT_EQ(sections[0].blocks[1].within, 0.05);
  EXPECT_TRUE(sections[0].blocks[1].is_output);
  EXPECT_EQ(sections[0].blocks[1].line, 9);
}

}  // namespace course_test
}  // namespace gradus
