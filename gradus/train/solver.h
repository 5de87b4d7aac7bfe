// What trains a model without the tape and an optimizer: gradus/classic in a run.
#pragma once

#include <memory>
#include <string_view>

#include "gradus/tensor/safetensors.h"
#include "gradus/train/config.h"
#include "gradus/train/experiment.h"
#include "gradus/train/trainer.h"

namespace gradus {

/// Moves a model's weights by an iteration at a time over its data. A step is a function of the state alone, so that
/// what was restored goes on to the same bits.
class Solver {
 public:
  Solver() = default;
  virtual ~Solver() = default;
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  /// One iteration, behind which the model has its weights.
  virtual Iteration step() = 0;
  /// What later steps depend on, as a checkpoint holds it: handles.
  virtual Parameters state() const = 0;
  /// Puts back what `state` gave; errors call its origin `source`.
  virtual void restore(const NamedTensors& state, std::string_view source) = 0;
};

/// Whether the solver of that name learns from one row after the other, so that rows need not be in memory together.
bool takes_single_rows(std::string_view name);

/// The solver that `[solver]` asks for, for the training part of the data; null for "none". It keeps references to
/// `data` and `model`. A usage error for a loss or a penalty that it cannot do.
std::unique_ptr<Solver> make_solver(const Config& config, const ExperimentData& data, const Model& model);

}  // namespace gradus
