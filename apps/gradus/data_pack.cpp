// `gradus data pack`: texts as token ids in a folder.
#include <fmt/format.h>

#include "apps/gradus/config_file.h"
#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/train/packed_text.h"

namespace gradus::command {

int data_pack(const TrainOptions& options) {
  prepare_machine(options.machine);
  const Config config = make_config(options, config_file(options.config, "data pack"));
  if (config.text("data.kind") != "text") {
    fail_usage(config.where("data.kind"), "data.kind = \"{}\"; only \"text\" is packed", config.text("data.kind"));
  }
  const PackSummary packed = pack_text(config, *options.out);
  print(fmt::format("{}: {} tokens of a vocabulary of {}, {} documents, {} shards\n", *options.out, packed.tokens,
                    packed.vocabulary, packed.documents, packed.shards));
  print(fmt::format("gradus train {} --data {} trains on it\n", shell_quoted(options.config),
                    shell_quoted(*options.out)));
  return 0;
}

}  // namespace gradus::command
