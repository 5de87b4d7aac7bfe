// state.json of a checkpoint: what is accepted is written and read as the same.
#include "gradus/train/state_file.h"

#include <string>

#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const auto read = fuzz::unless_refused([&] { return StateFile::parse(fuzz::as_text(data, size), "input"); });
  if (!read) return 0;
  const std::string again = read->to_json();
  const auto reread = fuzz::unless_refused([&] { return StateFile::parse(again, "output"); });
  fuzz::require(reread && reread->to_json() == again, "a state that was read is written and read as the same");
  return 0;
}
