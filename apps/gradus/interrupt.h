// Ctrl-C and SIGTERM end a run after the step in progress instead of losing it.
#pragma once

#include "gradus/train/trainer.h"

namespace gradus::command {

/// While it lives, the first SIGINT or SIGTERM cancels the trainer; a second one ends the process at once. From
/// then on a closed pipe no longer ends the process: a run outlives the reader of its output.
class Interrupt {
 public:
  explicit Interrupt(Trainer& trainer);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// The signal that came; 0 for none.
  int signal() const;
};

}  // namespace gradus::command
