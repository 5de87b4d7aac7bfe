// log.jsonl: what is left after cutting reads without a fault, ends where it should, and has nothing more to cut.
#include <stdlib.h>
#include <algorithm>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "gradus/train/run_log.h"
#include "tests/fuzz/fuzzing.h"

namespace gradus::fuzz {
namespace {

namespace fs = std::filesystem;

/// A folder of this process's own: cutting a log writes another file beside it.
class Folder {
 public:
  Folder() {
    std::string name = fs::temp_directory_path() / "gradus-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + name);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

void check(const fs::path& path, std::string_view text, const LogEnd& end) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  int64_t rows = 0;
  const int64_t unreadable = read_log(path, [&](int64_t, std::string_view) { ++rows; });
  const LogCut cut = cut_log(path, end);
  require(cut.unreadable == unreadable, "cutting and reading agree on what is unreadable");
  int64_t left = 0;
  const int64_t still_unreadable = read_log(path, [&](int64_t step, std::string_view) {
    require(step < std::max({end.row, end.warning, end.rewind}), "nothing is left behind the end");
    ++left;
  });
  require(still_unreadable == 0, "what is left is readable");
  require(left + cut.rows == rows, "every readable line is kept or counted");
  const LogCut again = cut_log(path, end);
  require(again.rows == 0 && again.unreadable == 0, "a log that was cut has nothing more to cut");
}

}  // namespace
}  // namespace gradus::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus::fuzz;
  static const Folder folder;
  check(folder / "log.jsonl", as_text(data, size), {.row = 20, .warning = 10, .rewind = 15});
  return 0;
}
