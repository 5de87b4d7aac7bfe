// Solvers of linear models in a run: gradus/classic in place of the tape and an optimizer.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"
#include "gradus/tensor/safetensors.h"
#include "gradus/train/config.h"
#include "gradus/train/experiment.h"
#include "gradus/train/trainer.h"

namespace gradus {

/// The solver that `[solver]` asks for, for the training part of the data; null for "none". It begins at 0, or at the
/// model's weights where `model.init` or `model.from` is given. A usage error for a loss or a penalty that it cannot
/// do.
std::unique_ptr<LinearSolver> make_solver(const Config& config, const ExperimentData& data, const Model& model);

/// One step of the solver, whose coefficients become the model's weights.
Iteration iterate(const Config& config, const ExperimentData& data, LinearSolver& solver, const Model& model);

/// The solver's state as a checkpoint holds it: handles.
Parameters state_of(const LinearSolver& solver);
/// Puts back what `state_of` gave; errors call its origin `source`.
void restore_solver(LinearSolver& solver, const NamedTensors& state, std::string_view source);

}  // namespace gradus
