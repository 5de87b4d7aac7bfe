// Signals while training: none of them loses a run.
#pragma once

#include "gradus/train/run.h"

namespace gradus::command {

/// While it lives, the first SIGINT or SIGTERM ends the run after the step in progress; a second one ends the process
/// at once. SIGUSR1 asks for a checkpoint. SIGHUP, of a terminal that closes, is ignored; from then on a closed pipe
/// does not end the process either: a run outlives the reader of its output.
class Interrupt {
 public:
  Interrupt();
  /// From here on the signals are for this run; until then SIGINT and SIGTERM end the process at once.
  void watch(Run& run);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// The signal that came to end it; 0 for none.
  int signal() const;
};

}  // namespace gradus::command
