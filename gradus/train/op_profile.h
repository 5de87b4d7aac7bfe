// The time of training steps by op, and what each op has to do at least.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gradus/autograd/precision.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/clock.h"

namespace gradus {

/// The time of all calls of one op in a step, forward or backward.
struct ProfileLine {
  std::string name;
  int64_t calls = 0;     ///< A step.
  double seconds = 0.0;  ///< A step.
  double flops = 0.0;    ///< A step; 0 where bytes are what limits it.
  double bytes = 0.0;    ///< That it has to read and write at least.
  bool is_bf16 = false;  ///< Its products are of bf16 numbers.
};

/// What ops do not tell of themselves.
struct ProfiledWork {
  int64_t rows = 1;          ///< Of a step: examples, or tokens.
  bool causal = true;        ///< Attention sees half of the places.
  Precision precision = {};  ///< Of the step.
};

/// Times each op of a tape from the end of the one before it.
class OpProfiler : public TapeObserver {
 public:
  explicit OpProfiler(const ProfiledWork& work) : work_(work) {}

  /// Before a step's first op.
  void begin() { last_ = Clock::now(); }
  void on_op(const RecordedOp& op) override;
  void on_backward(const char* op) override { line(op, " backward"); }
  bool looks_inside() const override { return true; }
  /// After the optimizer's update, which reads and writes so many bytes.
  void on_update(const std::string& optimizer, double bytes) { line(optimizer, "").bytes += bytes; }

  /// Of the products of all forward passes so far.
  double forward_flops() const;
  /// The slowest first, each divided by `steps`. Ends the profile.
  std::vector<ProfileLine> per_step(int64_t steps);

 private:
  void leave_out_what_did_not_go_back();
  ProfileLine& line_without_time(const std::string& op, const char* direction);
  ProfileLine& line(const std::string& op, const char* direction);
  std::pair<double, double> work_of(const RecordedOp& op) const;

  ProfiledWork work_;
  Clock::time_point last_;
  std::vector<ProfileLine> lines_;
};

}  // namespace gradus
