// `gradus keys`: the configuration's table of keys, for reading.
#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/train/config_keys.h"

namespace gradus::command {

int keys(const KeysVerbOptions& options) {
  print(options.markdown ? configuration_reference() : configuration_help(options.name));
  return 0;
}

}  // namespace gradus::command
