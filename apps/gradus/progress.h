// How far a run is, on standard error: one live line on a terminal, otherwise a plain line every few seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "gradus/train/trainer.h"

namespace gradus::command {

/// A rate for people, e.g. "18.6k tokens/s".
std::string human_rate(double per_second, const char* unit);
/// A time for people: "0.4 ms", "4.2 s", "1:32 min", "2:05:11 h".
std::string human_time(double seconds);

class Progress {
 public:
  struct Plan {
    int64_t steps = 0;        ///< That the limits allow.
    int64_t done = 0;         ///< Steps of earlier starts.
    double max_time_s = 0.0;  ///< That this start has left; 0 for no limit.
    bool tokens = false;      ///< Speed in tokens instead of examples.
    bool quiet = false;
  };

  explicit Progress(const Plan& plan);
  /// Leaves the terminal's line empty.
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Takes the step in; draws if the last drawing is long enough ago.
  void on_step(const StepRecord& record);
  /// Takes the live line away, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Style : uint8_t { kNone, kPlain, kLive };

  std::string status(const StepRecord& record, double elapsed_s);
  void draw(const std::string& status, double part);

  Plan plan_;
  Style style_ = Style::kNone;
  bool colour_ = false;
  bool drawn_ = false;
  Clock::time_point start_, next_;
  double loss_sum_ = 0.0, work_ = 0.0;
  int64_t losses_ = 0;
  std::optional<double> validation_loss_;
};

}  // namespace gradus::command
