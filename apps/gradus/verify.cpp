// `gradus verify`: whether a run's folder is whole, and whether training again gives the same bits.
#include "gradus/train/verify.h"

#include <charconv>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"

namespace gradus::command {
namespace {

const char* word(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kGood:
      return "good";
    case Finding::Kind::kNote:
      return "note";
    case Finding::Kind::kBad:
      return "BAD";
  }
  return "";
}

int64_t step_from(std::string_view text, const std::string& option) {
  int64_t step = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error == std::errc() && end == text.data() + text.size() && step >= 0) return step;
  fail_usage("--replay", "expected A:B, the steps of two checkpoints, for example 500:1000; found \"{}\"", option);
}

int replay_and_report(const VerifyOptions& options) {
  const std::string& range = options.replay;
  const size_t colon = range.find(':');
  if (colon == std::string::npos) (void)step_from("", range);
  const int64_t from = step_from(std::string_view(range).substr(0, colon), range);
  const int64_t to = step_from(std::string_view(range).substr(colon + 1), range);
  const Replay result = replay(options.run, from, to);
  for (const std::string& note : result.notes) print(fmt::format("note  {}\n", note));
  const std::string outcome =
      result.difference.empty() ? "every bit of weights, optimizer state and losses is the same" : result.difference;
  print(fmt::format("{}  replay {}: {} steps in {:.1f} s: {}\n", result.difference.empty() ? "good" : "BAD ", range,
                    result.steps, result.seconds, outcome));
  return result.difference.empty() ? 0 : 1;
}

}  // namespace

int verify(const VerifyOptions& options) {
  prepare_machine(options.machine);
  int bad = 0;
  for (const Finding& finding : verify_run(options.run)) {
    bad += finding.kind == Finding::Kind::kBad ? 1 : 0;
    print(fmt::format("{:4}  {}\n", word(finding.kind), finding.text));
  }
  const int replayed = options.replay.empty() ? 0 : replay_and_report(options);
  if (bad > 0) print(fmt::format("\n{} {} wrong in {}\n", bad, bad == 1 ? "thing is" : "things are", options.run));
  return bad > 0 ? 1 : replayed;
}

}  // namespace gradus::command
