// A small GPT with Llama's parts learns a rhyme by heart, character by character, and recites it.
#include <gradus/gradus.h>

#include <cstdio>
#include <string>

using namespace gradus;

int main() {
  std::string text;
  for (int verse = 0; verse < 40; ++verse) {
    text += "One step down, and then one more,\nslower than the one before,\n";
    text += "where the slope has come to rest,\nthere the loss is at its best.\n\n";
  }
  const CharacterTokenizer tokenizer = CharacterTokenizer::train(text, CharacterTokenizer::Unit::kCharacters);
  const int64_t context = 32;
  const TokenDataset data(tokenizer.encode(text), context, 5);

  GptOptions shape{.vocabulary = tokenizer.vocabulary_size(), .layers = 2, .width = 64, .heads = 4, .context = context};
  shape.positions = GptOptions::Positions::kRotary;
  shape.norm = GptOptions::NormKind::kRms;
  shape.feed_forward = GptOptions::FeedForward::kSwiglu;
  shape.kv_heads = 2;
  shape.bias = false;
  const Gpt model(shape, /*seed=*/1);
  const auto optimizer = make_adamw(model.parameters(), {.weight_decay = 0.1});
  Trainer trainer({.steps = 200, .batch_size = 16, .seed = 1, .clip_norm = 1.0, .log_every = 50}, model.parameters(),
                  loss_of(model), data, *optimizer,
                  CosineSchedule{.learning_rate = 0.004, .warmup_steps = 20, .total_steps = 200});
  trainer.set_callback([](const StepRecord& record) {
    if (record.logged) {
      std::printf("step %3lld  loss %.4f\n", static_cast<long long>(record.step), record.loss);
    }
  });
  const TrainingSummary summary = trainer.run();
  std::printf("final loss %.4f\n\n", summary.final_loss);

  const std::string prompt = "One step";
  const std::vector<int32_t> rest = generate(model, tokenizer.encode(prompt), {.tokens = 120, .temperature = 0.0});
  std::printf("%s%s\n", prompt.c_str(), tokenizer.decode(rest).c_str());
}
