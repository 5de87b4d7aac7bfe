// JSON that no run writes but that a file can hold: it is refused, or left out, and ends no process.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "gradus/train/run_log.h"
#include "gradus/train/state_file.h"
#include "tests/testing.h"

namespace gradus {
namespace damaged_text_test {

constexpr const char* kTooDeep = "[s] has values within more than 32 others; gradus wrote none such";

/// Values within values, more than a stack holds.
std::string deep() {
  constexpr size_t kDepth = 1 << 18;
  return std::string(kDepth, '[') + std::string(kDepth, ']');
}

std::string state_error(const std::string& json) {
  return error_text([&] { StateFile::parse(json, "s"); });
}

TEST(DamagedText, StateRefusesValuesWithinTooManyOthers) {
  EXPECT_EQ(state_error(deep()), kTooDeep);
  EXPECT_EQ(state_error(R"({"format":)" + deep() + "}"), kTooDeep);
  const std::string deepest = std::string(32, '[') + std::string(32, ']');
  EXPECT_EQ(state_error(deepest), "[s] the file is " + deepest.substr(0, 60) + "...; expected an object");
}

TEST(DamagedText, StateRefusesNumbersBeyondTheRangeOfDouble) {
  EXPECT_EQ(state_error(R"({"format":1e999})"), "[s] has a number beyond the range of 64-bit floating point");
  EXPECT_EQ(state_error(R"({"format":)" + std::string(400, '9') + "}"),
            "[s] has a number beyond the range of 64-bit floating point");
}

TEST(DamagedText, StateLeavesRoomBehindTheStepForSkippedBatches) {
  StateFile state;
  state.facts.examples = state.facts.batch_size = 1;
  state.training.skipped = {0};
  nlohmann::json json = nlohmann::json::parse(state.to_json());
  json["step"] = INT64_MAX;
  EXPECT_EQ(state_error(json.dump()),
            "[s] \"step\" is 9223372036854775807; expected an integer from 0 to 4611686018427387903");
}

TEST(DamagedText, LogLeavesOutWhatIsNoRowHoweverDeep) {
  const TemporaryFolder folder;
  const auto path = folder / "log.jsonl";
  spill(path, "{\"step\":0}\n" + deep() + "\n{\"x\":" + deep() + "}\n{\"step\":1,\"x\":" + deep() + "}\n");
  std::vector<int64_t> steps;
  EXPECT_EQ(read_log(path, [&](int64_t step, std::string_view) { steps.push_back(step); }), 3);
  EXPECT_EQ(steps, std::vector<int64_t>{0});
  EXPECT_EQ(cut_log(path, {.row = 1, .warning = 1, .rewind = 1}).unreadable, 3);
  EXPECT_EQ(slurp(path), "{\"step\":0}\n");
}

}  // namespace damaged_text_test
}  // namespace gradus
