#include <cmath>
#include <map>
#include <numeric>

#include "gradus/autograd/tape.h"
#include "gradus/nn/models/gpt.h"
#include "tests/nn/reference.h"
#include "tests/testing.h"

namespace gradus {
namespace generate_test {

using Ids = std::vector<int32_t>;

/// Weights large enough that the tokens' probabilities differ much.
const Gpt& model() {
  static const Gpt gpt({.vocabulary = 7, .layers = 1, .width = 8, .heads = 2, .context = 5}, 1);
  static const bool loaded = [] {
    std::vector<std::pair<std::string, Tensor>> values;
    for (const Parameter& p : gpt.parameters()) values.emplace_back(p.name, filled(p.name, p.tensor.shape(), 1.5));
    load_parameters(gpt.parameters(), values, "formula");
    return true;
  }();
  (void)loaded;
  return gpt;
}

/// Probabilities of the token after `tokens` (at most a context of them), computed apart.
std::vector<double> probabilities(const Ids& tokens, double temperature) {
  Context context;
  const std::vector<int64_t> ids(tokens.begin(), tokens.end());
  const auto length = static_cast<int64_t>(ids.size());
  const std::vector<double> all = model().forward(Tensor::from(ids, {1, length}), context).values<double>();
  std::vector<double> p(all.end() - 7, all.end());
  double total = 0;
  for (double& x : p) total += x = std::exp(x / temperature);
  for (double& x : p) x /= total;
  return p;
}

int32_t most_likely(const Ids& tokens) {
  const std::vector<double> p = probabilities(tokens, 1);
  return static_cast<int32_t>(std::max_element(p.begin(), p.end()) - p.begin());
}

TEST(Generate, ATemperatureOf0TakesTheMostLikely) {
  Ids tokens = {3};
  for (int i = 0; i < 12; ++i) {
    const size_t first = tokens.size() > 5 ? tokens.size() - 5 : 0;  // the model sees the last 5
    tokens.push_back(most_likely({tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.end()}));
  }
  EXPECT_EQ(generate(model(), {3}, {.tokens = 12, .temperature = 0}), Ids(tokens.begin() + 1, tokens.end()));
}

TEST(Generate, TopK1IsATemperatureOf0) {
  EXPECT_EQ(generate(model(), {3, 1}, {.tokens = 20, .top_k = 1, .seed = 9}),
            generate(model(), {3, 1}, {.tokens = 20, .temperature = 0}));
}

TEST(Generate, FollowsFromTheSeed) {
  const GenerateOptions options = {.tokens = 30, .seed = 4};
  const Ids once = generate(model(), {1}, options);
  EXPECT_EQ(once.size(), 30u);
  EXPECT_EQ(generate(model(), {1}, options), once);
  EXPECT_NE(generate(model(), {1}, {.tokens = 30, .seed = 5}), once);
}

TEST(Generate, ALongerTextBeginsAsTheShorterOne) {
  const Ids longer = generate(model(), {1}, {.tokens = 30, .seed = 4});
  EXPECT_EQ(generate(model(), {1}, {.tokens = 10, .seed = 4}), Ids(longer.begin(), longer.begin() + 10));
}

std::vector<double> frequencies(const GenerateOptions& options, int draws) {
  std::vector<double> share(7, 0);
  for (int i = 0; i < draws; ++i) {
    GenerateOptions own = options;
    own.tokens = 1;
    own.seed = static_cast<uint64_t>(i);
    share[static_cast<size_t>(generate(model(), {2, 5}, own)[0])] += 1.0 / draws;
  }
  return share;
}

void expect_frequencies(const std::vector<double>& share, const std::vector<double>& p, int draws) {
  for (size_t i = 0; i < p.size(); ++i) {
    EXPECT_NEAR(share[i], p[i], 5 * std::sqrt(p[i] * (1 - p[i]) / draws) + 1e-12) << i;
  }
}

TEST(Generate, SamplesWithTheModelsProbabilities) {
  expect_frequencies(frequencies({.temperature = 1.7}, 3000), probabilities({2, 5}, 1.7), 3000);
}

TEST(Generate, TopKSamplesAmongTheMostLikely) {
  std::vector<double> p = probabilities({2, 5}, 1);
  std::vector<double> sorted = p;
  std::sort(sorted.rbegin(), sorted.rend());
  double total = 0;
  for (double& x : p) total += x = x >= sorted[2] ? x : 0;
  for (double& x : p) x /= total;
  expect_frequencies(frequencies({.top_k = 3}, 3000), p, 3000);
}

TEST(Generate, ShowsEachTokenAndEndsWhenTold) {
  Ids seen;
  const Ids made = generate(model(), {1}, {.tokens = 30, .seed = 4}, [&](int32_t id) {
    seen.push_back(id);
    return seen.size() < 6;
  });
  EXPECT_EQ(seen.size(), 6u);
  EXPECT_EQ(made, seen);
}

TEST(Generate, RecordsNothing) {
  Tape tape;
  generate(model(), {1}, {.tokens = 2});
  EXPECT_EQ(tape.size(), 0);
}

TEST(Generate, NoTokensAreNoText) { EXPECT_EQ(generate(model(), {1}, {.tokens = 0}), Ids()); }

TEST(Generate, RefusesWhatMakesNoSense) {
  EXPECT_EQ(usage_error_text([] { generate(model(), {}, {}); }),
            "[generate] the prompt is empty; give at least one token");
  EXPECT_EQ(usage_error_text([] { generate(model(), {1}, {.tokens = 1, .temperature = -1}); }),
            "[generate] tokens 1, temperature -1, top_k 0: none may be negative");
  EXPECT_NE(error_text([] { generate(model(), {7}, {.tokens = 1}); }), "no error");
  EXPECT_NE(error_text([] { generate(model(), {-1}, {.tokens = 1}); }), "no error");
}

TEST(Generate, SaysThatWeightsAreDamaged) {
  const Gpt damaged({.vocabulary = 7, .layers = 1, .width = 8, .heads = 2, .context = 5}, 1);
  Tensor weight = damaged.parameters().back().tensor;
  weight.mutable_data<float>()[0] = NAN;
  EXPECT_EQ(error_text([&] { generate(damaged, {1}, {.tokens = 1}); }),
            "[generate] the model's output is not finite: its weights are damaged");
}

}  // namespace generate_test
}  // namespace gradus
