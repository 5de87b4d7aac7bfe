// `gradus verify`: whether a run's folder is whole, and whether training again gives the same bits.
#include "gradus/train/verify.h"

#include <charconv>
#include <optional>

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

struct Steps {
  int64_t from = 0, to = 0;
};

Steps steps_of(const std::string& range) {
  const size_t colon = range.find(':');
  if (colon == std::string::npos) (void)step_from("", range);
  return {step_from(std::string_view(range).substr(0, colon), range),
          step_from(std::string_view(range).substr(colon + 1), range)};
}

int replay_and_report(const VerifyOptions& options, const Steps& steps) {
  const Replay result = replay(options.run, steps.from, steps.to);
  for (const std::string& note : result.notes) print(fmt::format("note  {}\n", note));
  const std::string outcome =
      result.difference.empty() ? "every bit of weights, optimizer state and losses is the same" : result.difference;
  print(fmt::format("{}  replay {}: {} steps in {:.1f} s: {}\n", result.difference.empty() ? "good" : "BAD ",
                    options.replay, result.steps, result.seconds, outcome));
  return result.difference.empty() ? 0 : 1;
}

}  // namespace

int verify(const VerifyOptions& options) {
  prepare_machine(options.machine);
  std::optional<Steps> steps;
  if (!options.replay.empty()) {
    steps = steps_of(options.replay);
    check_replay(options.run, steps->from, steps->to);
  }
  int bad = 0;
  for (const Finding& finding : verify_run(options.run)) {
    bad += finding.kind == Finding::Kind::kBad ? 1 : 0;
    print(fmt::format("{:4}  {}\n", word(finding.kind), finding.text));
  }
  const int replayed = steps ? replay_and_report(options, *steps) : 0;
  if (bad > 0) print(fmt::format("\n{} {} wrong in {}\n", bad, bad == 1 ? "thing is" : "things are", options.run));
  return bad > 0 ? 1 : replayed;
}

}  // namespace gradus::command
