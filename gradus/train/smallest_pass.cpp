#include "gradus/train/smallest_pass.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/train/experiment.h"

namespace gradus::internal {
namespace {

// Whether the model's loss can be had of one example. What else is wrong with it is said where it always is.
bool takes_one_example(const Dataset& training, const Model& model) {
  const int64_t id = 0;
  Context context;
  context.training = true;
  context.example_ids = std::span(&id, 1);
  try {
    model.loss(training.training_batch(context.example_ids, 0), context);
  } catch (const Error& error) {
    return error.subject() != "batch_norm";
  }
  return true;
}

// The next size, above or below, with which no pass has one example; 0 if there is none.
int64_t other_size(TrainerOptions options, int64_t TrainerOptions::*size, int64_t examples, int64_t most) {
  const int64_t now = options.*size > 0 ? options.*size : most;
  for (int64_t by = 1; by < std::max(most, now); ++by) {
    for (const int64_t other : {now - by, now + by}) {
      options.*size = other;
      if (other > 1 && other <= most && smallest_pass(options, examples, examples) > 1) return other;
    }
  }
  return 0;
}

std::string remedy_for(const Config& config, const TrainerOptions& options, int64_t examples) {
  const int64_t batch = options.batch_size > 0 ? options.batch_size : examples;
  const int64_t micro =
      options.micro_batch_size > 0 ? other_size(options, &TrainerOptions::micro_batch_size, examples, batch) : 0;
  const int64_t other = micro > 0 ? micro : other_size(options, &TrainerOptions::batch_size, examples, examples);
  const char* const key = micro > 0 ? "train.micro_batch_size" : "train.batch_size";
  std::string remedy = other > 0 ? fmt::format("{} = {}", key, other) : "other sizes of batches";
  if (config.text("data.kind") == "images") remedy += ", or a larger data.image_size";
  if (config.has("model.stem") && config.text("model.stem") == "large") remedy += ", or model.stem = \"small\"";
  return remedy;
}

}  // namespace

int64_t smallest_pass(const TrainerOptions& options, int64_t examples, int64_t steps) {
  const int64_t batch = options.batch_size > 0 ? options.batch_size : examples;
  const auto last_pass = [micro = options.micro_batch_size](int64_t size) {
    return micro == 0 || size <= micro ? size : (size - 1) % micro + 1;
  };
  const bool ends_epoch = options.sampling != Sampling::kReplacement && steps > (examples - 1) / batch;
  return std::min(last_pass(batch), ends_epoch ? last_pass((examples - 1) % batch + 1) : batch);
}

void check_smallest_pass(const Config& config, const Dataset& training, const Model& model, int64_t steps) {
  const TrainerOptions options = trainer_options(config);
  const int64_t examples = training.size();
  if (model.buffers().empty() || smallest_pass(options, examples, steps) > 1) return;
  if (takes_one_example(training, model)) return;
  const char* const key = options.micro_batch_size > 0 ? "train.micro_batch_size" : "train.batch_size";
  fail_usage(
      config.where(key),
      "{} = {} cuts {} training examples so that one is alone in its pass, of which batch norm sees a single number "
      "a channel; it needs two. Set {}",
      key, config.shown(key), examples, remedy_for(config, options, examples));
}

}  // namespace gradus::internal
