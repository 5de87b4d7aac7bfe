#include "gradus/nn/models/gpt.h"

#include <algorithm>
#include <cmath>

#include "tests/nn/reference.h"
#include "tests/testing.h"

namespace gradus {
namespace gpt_test {

using Values = std::vector<double>;

constexpr int64_t kVocabulary = 11, kContext = 12, kBatch = 3;

GptOptions small() { return {.vocabulary = kVocabulary, .layers = 2, .width = 16, .heads = 2, .context = kContext}; }

/// The weights of the references: norm weights lie about 1, everything else about 0.
void load_formula(const Model& model) {
  std::vector<std::pair<std::string, Tensor>> values;
  for (const Parameter& p : model.parameters()) {
    const bool norm_weight = p.name.find("ln_") != std::string::npos && p.name.ends_with("weight");
    values.emplace_back(p.name, filled(p.name, p.tensor.shape(), 1.0, norm_weight ? 1.0 : 0.0));
  }
  load_parameters(model.parameters(), values, "formula");
}

/// Tokens [first, first + length) of each of the references' sequences.
Tensor tokens(int64_t first, int64_t length) {
  std::vector<int64_t> ids;
  for (int64_t b = 0; b < kBatch; ++b) {
    for (int64_t t = first; t < first + length; ++t) ids.push_back((5 * b + 3 * t + t * t) % kVocabulary);
  }
  return Tensor::from(ids, {kBatch, length});
}

TEST(Gpt, HasHuggingFacesParameterNames) {
  std::vector<std::string> expected = {"wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias"};
  for (const std::string layer : {"h.0.", "h.1."}) {
    for (const std::string part : {"ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"}) {
      expected.push_back(layer + part + ".weight");
      expected.push_back(layer + part + ".bias");
    }
  }
  std::vector<std::string> names = names_of(Gpt(small(), 1).parameters());
  std::ranges::sort(names);
  std::ranges::sort(expected);
  EXPECT_EQ(names, expected);
  for (const std::string& name : names) EXPECT_NO_THROW(reference("gpt/grad/" + name)) << name;
}

// Three documents of 5, 3 and 4 tokens in a window: what a token says is what it says where its document stands alone.
TEST(Gpt, DocumentsInAWindowDoNotSeeEachOther) {
  for (const auto positions : {GptOptions::Positions::kLearned, GptOptions::Positions::kRotary}) {
    GptOptions options = small();
    options.positions = positions;
    const Gpt model(options, 1);
    load_formula(model);
    Context context;
    const std::vector<int64_t> all = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};
    const std::vector<int64_t> starts = {0, 0, 0, 0, 0, 5, 5, 5, 8, 8, 8, 8};
    const Batch packed{.inputs = Tensor::from(all, {1, kContext}),
                       .document_starts = Tensor::from(starts, {1, kContext})};
    const Tensor logits = model.logits(packed, context);
    for (const auto& [begin, end] : {std::pair{0, 5}, std::pair{5, 8}, std::pair{8, 12}}) {
      const std::vector<int64_t> own(all.begin() + begin, all.begin() + end);
      const Tensor alone = model.forward(Tensor::from(own, {1, end - begin}), context);
      EXPECT_LT(relative_error(slice(logits, 1, begin, end), alone), 2e-6) << begin;
    }
    // To the last bit it does not matter what the others are.
    std::vector<int64_t> others = all;
    for (const size_t i : {0, 1, 2, 3, 4, 8, 9, 10, 11}) others[i] = (others[i] + 7) % kVocabulary;
    const Tensor changed = model.logits(
        {.inputs = Tensor::from(others, {1, kContext}), .document_starts = Tensor::from(starts, {1, kContext})},
        context);
    EXPECT_EQ(slice(changed, 1, 5, 8).values<double>(), slice(logits, 1, 5, 8).values<double>());
    EXPECT_NE(slice(changed, 1, 8, 12).values<double>(), slice(logits, 1, 8, 12).values<double>());
    // And without the starts it would matter.
    EXPECT_GT(relative_error(slice(model.forward(packed.inputs, context), 1, 5, 8), slice(logits, 1, 5, 8)), 1e-3);
  }
}

TEST(Gpt, DocumentsHaveTheGradientsOfAWindowForEach) {
  const std::vector<int64_t> all = {3, 1, 4, 1, 5, 9, 2, 6}, next = {1, 4, 1, 5, 0, 2, 6, 7};
  const std::vector<int64_t> starts = {0, 0, 0, 0, 0, 5, 5, 5};
  const auto gradients = [&](const std::vector<Batch>& batches) {
    const Gpt model(small(), 1);
    load_formula(model);
    for (const Batch& batch : batches) {
      Tape tape;
      Context context;
      tape.backward(model.loss(batch, context).sum);
    }
    std::vector<Tensor> all_gradients;
    for (const Parameter& p : model.parameters()) all_gradients.push_back(p.tensor.grad());
    return all_gradients;
  };
  const auto part = [](const std::vector<int64_t>& of, int64_t begin, int64_t end) {
    return Tensor::from(std::vector<int64_t>(of.begin() + begin, of.begin() + end), {1, end - begin});
  };
  const std::vector<Tensor> together =
      gradients({{.inputs = part(all, 0, 8), .targets = part(next, 0, 8), .document_starts = part(starts, 0, 8)}});
  const std::vector<Tensor> apart = gradients({{.inputs = part(all, 0, 5), .targets = part(next, 0, 5)},
                                               {.inputs = part(all, 5, 8), .targets = part(next, 5, 8)}});
  ASSERT_EQ(together.size(), apart.size());
  for (size_t i = 0; i < apart.size(); ++i) EXPECT_LT(relative_error(together[i], apart[i]), 2e-5) << i;
}

TEST(Gpt, RefusesStartsThatNoDocumentsHave) {
  const Gpt model(small(), 1);
  Context context;
  const auto error = [&](const std::vector<int64_t>& starts) {
    return error_text([&] {
      model.logits({.inputs = Tensor::from(std::vector<int64_t>{1, 2, 3}, {1, 3}),
                    .document_starts = Tensor::from(starts, {1, 3})},
                   context);
    });
  };
  EXPECT_EQ(error({0, 1, 1}), "no error");
  EXPECT_EQ(error({0, 2, 2}), "[embedding] id -1 at position 1; expected 0 to 11 (the table has 12 rows)");
  EXPECT_EQ(error({0, 1, 0}), "[attention] query 2 of example 0 sees keys from 0 on; expected 1 to 2");
}

TEST(Gpt, EqualsHuggingFacesLogits) {
  const Gpt model(small(), 1);
  load_formula(model);
  Context context;
  const Tensor logits = model.forward(tokens(0, kContext), context);
  EXPECT_EQ(logits.shape(), (Shape{kBatch, kContext, kVocabulary}));
  EXPECT_LT(relative_error(logits, reference("gpt/logits")), 2e-6);
}

// One position is unused: its embedding's gradient is 0.
TEST(Gpt, EqualsHuggingFacesLossAndGradients) {
  const Gpt model(small(), 1);
  load_formula(model);
  expect_loss_and_gradients(model, tokens(0, kContext - 1), tokens(1, kContext - 1), "gpt");
}

// Validation goes by the smoothed loss, and perplexity by the tokens' own.
TEST(Gpt, SmoothsItsLossAndNotItsPerplexity) {
  GptOptions smoothed = small();
  smoothed.label_smoothing = 0.2;
  const Gpt plain(small(), 1), model(smoothed, 1);
  const Batch batch{.inputs = tokens(0, kContext - 1), .targets = tokens(1, kContext - 1)};
  Context context;
  const Tensor logits = model.forward(batch.inputs, context);
  const double expected = cross_entropy(logits, batch.targets, {.label_smoothing = 0.2}).item();
  const Loss loss = model.loss(batch, context), own = plain.loss(batch, context);
  EXPECT_NEAR(loss.sum.item() / loss.weight, expected, 1e-6 * expected);
  Metrics metrics({.is_text = true});
  model.evaluate(batch, context, metrics);
  EXPECT_EQ(metrics.loss(), loss.sum.item() / loss.weight);
  ASSERT_EQ(metrics.values().size(), 1u);
  EXPECT_DOUBLE_EQ(metrics.values()[0].value, std::exp(own.sum.item() / own.weight));
  EXPECT_GT(std::abs(metrics.loss() - own.sum.item() / own.weight), 1e-4);
  smoothed.label_smoothing = 1.0;
  EXPECT_EQ(error_text([&] { Gpt(smoothed, 1); }), "[gpt] label_smoothing 1; expected a number from 0 to below 1");
  smoothed.drop_path = -0.1;
  EXPECT_EQ(error_text([&] { Gpt(smoothed, 1); }), "[gpt] drop_path -0.1; expected a number from 0 to below 1");
}

GptOptions llama() {
  GptOptions o = small();
  o.heads = 4;
  o.kv_heads = 2;
  o.bias = false;
  o.positions = GptOptions::Positions::kRotary;
  o.rotary_base = 100.0;
  o.norm = GptOptions::NormKind::kRms;
  o.feed_forward = GptOptions::FeedForward::kSwiglu;
  o.feed_forward_width = 24;
  o.tied = false;
  return o;
}

TEST(Gpt, OfLlamasPartsEqualsHuggingFacesLlama) {
  const Gpt model(llama(), 1);
  load_formula(model);
  Context context;
  EXPECT_LT(relative_error(model.forward(tokens(0, kContext), context), reference("llama/logits")), 2e-6);
  expect_loss_and_gradients(model, tokens(0, kContext - 1), tokens(1, kContext - 1), "llama");
}

TEST(Gpt, OfLlamasPartsHasItsParameters) {
  GptOptions options = llama();
  options.feed_forward_width = 0;
  const Gpt model(options, 1);
  std::vector<std::string> names = names_of(model.parameters());
  EXPECT_EQ(names.size(), 2 * 6 + 3u);
  EXPECT_EQ(names.back(), "lm_head.weight");
  const auto shape_of = [&](std::string_view name) {
    for (const Parameter& p : model.parameters()) {
      if (p.name == name) return p.tensor.shape();
    }
    return Shape{};
  };
  EXPECT_EQ(shape_of("h.0.attn.c_attn.weight"), (Shape{4 * (4 + 2 * 2), 16}));
  EXPECT_EQ(shape_of("h.0.mlp.c_fc.weight"), (Shape{2 * 48, 16}));  // 8/3·16 = 42.7
}

TEST(Gpt, WithAWindowSeesNoFurther) {
  GptOptions options = small();
  options.window = 2;  // two blocks: 2·(2 − 1) tokens back at most
  const Gpt model(options, 1);
  load_formula(model);
  Context context;
  Tensor ids = tokens(0, kContext);
  const Values before = model.forward(ids, context).values<double>();
  ids.mutable_data<int64_t>()[3] = (ids.data<int64_t>()[3] + 1) % kVocabulary;
  const Values after = model.forward(ids, context).values<double>();
  const auto changed = [&](size_t token) { return after[token * kVocabulary] != before[token * kVocabulary]; };
  EXPECT_FALSE(changed(2));
  EXPECT_TRUE(changed(3) && changed(4) && changed(5));
  EXPECT_FALSE(changed(6));
}

TEST(Gpt, ATokenSeesOnlyThoseBefore) {
  const Gpt model(small(), 1);
  load_formula(model);
  Context context;
  Tensor ids = tokens(0, kContext);
  const Values before = model.forward(ids, context).values<double>();
  ids.mutable_data<int64_t>()[7] = (ids.data<int64_t>()[7] + 1) % kVocabulary;
  const Values after = model.forward(ids, context).values<double>();
  for (size_t i = 0; i < 7 * kVocabulary; ++i) EXPECT_EQ(after[i], before[i]) << i;
  EXPECT_NE(after[7 * kVocabulary], before[7 * kVocabulary]);
}

TEST(Gpt, LossIsWeightedByTokens) {
  const Gpt model(small(), 1);
  Context context;
  EXPECT_EQ(model.loss({.inputs = tokens(0, 5), .targets = tokens(1, 5)}, context).weight, 15);
  // Fresh weights know nothing: near the entropy of a uniform guess.
  const Loss loss = model.loss({.inputs = tokens(0, 5), .targets = tokens(1, 5)}, context);
  EXPECT_NEAR(loss.sum.item() / loss.weight, std::log(11.0), 0.05);
}

double deviation_of(const Gpt& model, std::string_view name) {
  for (const Parameter& p : model.parameters()) {
    if (p.name != name) continue;
    double squares = 0;
    for (const double v : p.tensor.values<double>()) squares += v * v;
    return std::sqrt(squares / static_cast<double>(p.tensor.numel()));
  }
  return NAN;
}

TEST(Gpt, StartsAsGpt2) {
  const Gpt model({.vocabulary = 300, .layers = 8, .width = 96, .heads = 4, .context = 100}, 1);
  const double residual = 0.02 / std::sqrt(16.0);
  EXPECT_NEAR(deviation_of(model, "wte.weight"), 0.02, 0.0005);
  EXPECT_NEAR(deviation_of(model, "wpe.weight"), 0.02, 0.0008);
  EXPECT_NEAR(deviation_of(model, "h.3.attn.c_attn.weight"), 0.02, 0.0005);
  EXPECT_NEAR(deviation_of(model, "h.3.mlp.c_fc.weight"), 0.02, 0.0005);
  EXPECT_NEAR(deviation_of(model, "h.3.attn.c_proj.weight"), residual, 0.04 * residual);
  EXPECT_NEAR(deviation_of(model, "h.3.mlp.c_proj.weight"), residual, 0.04 * residual);
  EXPECT_EQ(deviation_of(model, "h.3.attn.c_attn.bias"), 0);
  EXPECT_EQ(deviation_of(model, "h.3.ln_1.weight"), 1);
  EXPECT_EQ(deviation_of(model, "ln_f.bias"), 0);
}

TEST(Gpt, CanBeWithoutBiases) {
  GptOptions options = small();
  options.bias = false;
  const Gpt model(options, 1);
  for (const std::string& name : names_of(model.parameters())) EXPECT_TRUE(name.ends_with(".weight")) << name;
  EXPECT_EQ(model.parameters().size(), 15u);
}

TEST(Gpt, RefusesSizesThatDoNotFit) {
  EXPECT_EQ(usage_error_text([] { Gpt({.vocabulary = 5, .width = 10, .heads = 4}, 1); }),
            "[gpt] width 10 is not a multiple of heads 4");
  EXPECT_EQ(usage_error_text([] { Gpt({.vocabulary = 0}, 1); }),
            "[gpt] vocabulary 0, layers 4, width 128, heads 4, context 64: each must be at least 1");
}

TEST(Gpt, RefusesPartsThatDoNotFit) {
  EXPECT_EQ(usage_error_text([] { Gpt({.vocabulary = 5, .heads = 4, .kv_heads = 3}, 1); }),
            "[gpt] kv_heads 3 is not a divisor of heads 4");
  EXPECT_EQ(usage_error_text(
                [] { Gpt({.vocabulary = 5, .width = 9, .heads = 3, .positions = GptOptions::Positions::kRotary}, 1); }),
            "[gpt] rotary positions turn pairs, and width 9 / heads 3 is odd");
  EXPECT_EQ(usage_error_text([] { Gpt({.vocabulary = 5, .window = -1}, 1); }),
            "[gpt] feed_forward_width 0, window -1: each must be 0 or more");
}

TEST(Gpt, RefusesWhatItCannotSee) {
  const Gpt model(small(), 1);
  Context context;
  EXPECT_EQ(error_text([&] {
              (void)model.forward(Tensor::zeros({1, 13}, DType::kI64), context);
            }),
            "[gpt] token ids i64 (1, 13); expected (B, T) with T up to the context of 12");
  EXPECT_EQ(error_text([&] { (void)model.forward(Tensor::zeros({13}, DType::kI64), context); }),
            "[gpt] token ids i64 (13,); expected (B, T) with T up to the context of 12");
  // A float where ids belong, and an id outside the vocabulary, are caught as well.
  EXPECT_NE(error_text([&] { (void)model.forward(Tensor::zeros({1, 3}), context); }), "no error");
  EXPECT_NE(error_text([&] { (void)model.forward(Tensor::full({1, 3}, 11, DType::kI64), context); }), "no error");
}

}  // namespace gpt_test
}  // namespace gradus
