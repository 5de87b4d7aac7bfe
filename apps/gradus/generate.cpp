// `gradus generate`: continues a text with a trained model.
#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/train/run.h"

namespace gradus::command {

int generate(const GenerateVerbOptions& options) {
  if (options.prompt.empty())
    fail_usage("--prompt", "is empty; give the text to continue, for example --prompt 'The '");
  if (!(options.temperature >= 0.0)) fail_usage("--temperature", "{}; expected 0 or more", options.temperature);
  prepare_machine(options.machine);
  const TrainedRun run = load(options.run, options.best ? Weights::kBest : Weights::kLast);
  // The prompt appears with the first token: by then it is known to be one that the model understands.
  bool begun = false;
  const auto begin = [&] {
    if (!begun) print(options.prompt);
    begun = true;
  };
  run.generate(options.prompt,
               {.tokens = options.tokens,
                .temperature = options.temperature,
                .top_k = options.top_k,
                .seed = static_cast<uint64_t>(options.seed)},
               [&](const std::string& text) {
                 begin();
                 print(text);
                 return true;
               });
  begin();
  print("\n");
  return 0;
}

}  // namespace gradus::command
