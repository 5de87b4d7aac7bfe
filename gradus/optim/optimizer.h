// Optimizers: one step turns gradients into new parameters in one pass over memory.
//
// Each has an option struct, whose fields are the configuration's keys, and a `make_…` that throws a usage error for
// options out of range. State is f32 or f64 as the parameter is; where an option struct has `state`, it can be kBF16
// for parameters of f32: half the memory, rounded up or down at random by parameter, update and place, so that changes
// too small for its 8 bits are not lost. t counts a parameter's own updates from 1. g is the gradient; "coupled" weight
// decay adds weight_decay·θ to it, the gradient of ½·weight_decay·‖θ‖², which is not clipped.
#pragma once

#include <memory>

#include "gradus/optim/optimizer_base.h"

namespace gradus {

/// Stochastic gradient descent as in PyTorch: with momentum v = μ·v + (1 − dampening)·g (the first v is g);
/// θ −= learning_rate·v, or ·(g + μ·v) with Nesterov's.
struct SgdOptions {
  double weight_decay = 0.0;  ///< Coupled.
  double momentum = 0.0;      ///< In [0, 1).
  double dampening = 0.0;     ///< In [0, 1); above 0 with momentum that is not Nesterov's.
  bool nesterov = false;      ///< Needs momentum > 0.
  DType state = DType::kF32;
};
/// State: "<parameter>.momentum", if there is momentum.
std::unique_ptr<Optimizer> make_sgd(Parameters parameters, const SgdOptions& options);

/// Averaged gradient descent (Polyak, Juditsky, 1992) as in PyTorch, with η = learning_rate / (1 + asgd_decay ·
/// learning_rate · (t − 1))^power: θ −= η·(g + asgd_decay·θ); the average is θ up to update `start` + 1 and the mean of
/// all θ since from there on. The model is validated and used with the average. As in PyTorch, η of the next update is
/// made with this one's learning rate: under a schedule the rates act an update late, but for the first.
struct AsgdOptions {
  double weight_decay = 0.0;  ///< Coupled.
  double asgd_decay = 1e-4;   ///< From 0; PyTorch's lambd.
  double power = 0.75;        ///< From 0; PyTorch's alpha.
  double start = 1e6;         ///< From 0; PyTorch's t0.
};
/// State: "<parameter>.average", "<parameter>.rate" (f64, the next η), "<parameter>.steps".
std::unique_ptr<Optimizer> make_asgd(Parameters parameters, const AsgdOptions& options);

/// Rprop (Riedmiller, Braun, 1993) as in PyTorch, for gradients of all examples: of mini-batches the signs are too
/// often those of chance. Each element has a step size s, at first the learning rate, which is not looked at again: s
/// is multiplied by `step_increase` where g has the sign that it had, by `step_decrease` where it has the opposite one,
/// and kept within [smallest_step, largest_step]; θ −= s·sign(g), but where g has turned, θ stays and g counts as 0.
struct RpropOptions {
  double step_decrease = 0.5;   ///< In (0, 1); the first of PyTorch's etas.
  double step_increase = 1.2;   ///< Above 1; the second.
  double smallest_step = 1e-6;  ///< From 0; the first of PyTorch's step_sizes.
  double largest_step = 50.0;   ///< From `smallest_step`; the second.
  DType state = DType::kF32;
};
/// State: "<parameter>.gradient", "<parameter>.step_size".
std::unique_ptr<Optimizer> make_rprop(Parameters parameters, const RpropOptions& options);

/// Adagrad (Duchi, Hazan, Singer, 2011) as in PyTorch: s += g²; θ −= η·g / (√s + epsilon) with
/// η = learning_rate / (1 + (t − 1)·rate_decay).
struct AdagradOptions {
  double weight_decay = 0.0;  ///< Coupled.
  double rate_decay = 0.0;    ///< From 0.
  double initial_sum = 0.0;   ///< The first s; from 0.
  double epsilon = 1e-10;     ///< > 0.
  DType state = DType::kF32;
};
/// State: "<parameter>.sum", "<parameter>.steps".
std::unique_ptr<Optimizer> make_adagrad(Parameters parameters, const AdagradOptions& options);

/// Adadelta (Zeiler, 2012) as in PyTorch: v is the mean of g²; u = √(w + epsilon) / √(v + epsilon)·g, and w is the mean
/// of u² up to the update before; θ −= learning_rate·u. Its own learning rate is 1.
struct AdadeltaOptions {
  double weight_decay = 0.0;  ///< Coupled.
  double rho = 0.9;           ///< Decay rate of the means; in [0, 1).
  double epsilon = 1e-6;      ///< > 0.
  DType state = DType::kF32;
};
/// State: "<parameter>.square" (v), "<parameter>.change" (w).
std::unique_ptr<Optimizer> make_adadelta(Parameters parameters, const AdadeltaOptions& options);

/// RMSprop (Hinton, 2012) as in PyTorch: v is the mean of g²; u = g / (√v + epsilon), θ −= learning_rate·u. With
/// momentum b = μ·b + u takes the place of u. `centered` (Graves, 2013) subtracts the squared mean of g from v.
struct RmspropOptions {
  double weight_decay = 0.0;  ///< Coupled.
  double alpha = 0.99;        ///< Decay rate of the means; in [0, 1).
  double momentum = 0.0;      ///< In [0, 1).
  bool centered = false;      ///< Not with state in bf16, whose rounding would be more than the difference.
  double epsilon = 1e-8;      ///< > 0.
  DType state = DType::kF32;
};
/// State: "<parameter>.square"; with momentum "<parameter>.momentum"; centered "<parameter>.mean".
std::unique_ptr<Optimizer> make_rmsprop(Parameters parameters, const RmspropOptions& options);

/// AdamW (Loshchilov, Hutter, 2019) as in PyTorch: θ ·= 1 − learning_rate·weight_decay, then
/// θ −= learning_rate · m̂ / (√v̂ + epsilon), with m̂ and v̂ corrected for their start at 0.
struct AdamWOptions {
  double weight_decay = 0.0;  ///< Decoupled.
  double beta1 = 0.9;         ///< In [0, 1).
  double beta2 = 0.999;       ///< In [0, 1).
  double epsilon = 1e-8;      ///< > 0.
  bool amsgrad = false;       ///< v̂ is of the largest v so far (Reddi, Kale, Kumar, 2018).
  DType state = DType::kF32;
};
/// State: "<parameter>.moment1" (m), "<parameter>.moment2" (v), "<parameter>.steps" (i64); "<parameter>.largest" with
/// amsgrad.
std::unique_ptr<Optimizer> make_adamw(Parameters parameters, const AdamWOptions& options);

/// Adam (Kingma, Ba, 2015) as in PyTorch: AdamW, but with coupled weight decay.
struct AdamOptions {
  double weight_decay = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  bool amsgrad = false;
  DType state = DType::kF32;
};
/// State as AdamW's.
std::unique_ptr<Optimizer> make_adam(Parameters parameters, const AdamOptions& options);

/// NAdam (Dozat, 2016) as in PyTorch: with μₜ = beta1·(1 − ½·0.96^(t·momentum_decay)) and Mₜ the product of all μ so
/// far, θ −= learning_rate·((1 − μₜ)·g / (1 − Mₜ) + μₜ₊₁·m / (1 − Mₜ·μₜ₊₁)) / (√v̂ + epsilon).
struct NadamOptions {
  double weight_decay = 0.0;     ///< Coupled.
  double beta1 = 0.9;            ///< In [0, 1).
  double beta2 = 0.999;          ///< In [0, 1).
  double epsilon = 1e-8;         ///< > 0.
  double momentum_decay = 4e-3;  ///< From 0.
  DType state = DType::kF32;
};
/// State: as AdamW's, and "<parameter>.product" (f64, M).
std::unique_ptr<Optimizer> make_nadam(Parameters parameters, const NadamOptions& options);

/// Adamax (Kingma, Ba, 2015) as in PyTorch: Adam with u = max(beta2·u, |g| + epsilon) in place of √v̂ + epsilon.
struct AdamaxOptions {
  double weight_decay = 0.0;  ///< Coupled.
  double beta1 = 0.9;         ///< In [0, 1).
  double beta2 = 0.999;       ///< In [0, 1).
  double epsilon = 1e-8;      ///< > 0.
  DType state = DType::kF32;
};
/// State: "<parameter>.moment1" (m), "<parameter>.largest" (u), "<parameter>.steps".
std::unique_ptr<Optimizer> make_adamax(Parameters parameters, const AdamaxOptions& options);

/// RAdam (Liu et al., "On the variance of the adaptive learning rate and beyond", 2020) as in PyTorch: with
/// ρ = ρ∞ − 2t·beta2ᵗ / (1 − beta2ᵗ), ρ∞ = 2 / (1 − beta2) − 1 and r = √((ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ)),
/// θ −= learning_rate·r·m̂·√(1 − beta2ᵗ) / (√v + epsilon); where ρ is not above 5, at the start, θ −= learning_rate·m̂.
struct RadamOptions {
  double weight_decay = 0.0;
  double beta1 = 0.9;                   ///< In [0, 1).
  double beta2 = 0.999;                 ///< In [0, 1).
  double epsilon = 1e-8;                ///< > 0.
  bool decoupled_weight_decay = false;  ///< As AdamW's; else coupled.
  DType state = DType::kF32;
};
/// State: as AdamW's.
std::unique_ptr<Optimizer> make_radam(Parameters parameters, const RadamOptions& options);

/// Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023): θ −= learning_rate·(sign(beta1·m +
/// (1 − beta1)·g) + weight_decay·θ), then m is moved towards g by 1 − beta2. Its rates are a third to a tenth of
/// AdamW's.
struct LionOptions {
  double weight_decay = 0.0;  ///< Decoupled.
  double beta1 = 0.9;         ///< In [0, 1).
  double beta2 = 0.99;        ///< In [0, 1).
  DType state = DType::kF32;
};
/// State: "<parameter>.moment1".
std::unique_ptr<Optimizer> make_lion(Parameters parameters, const LionOptions& options);

/// Adafactor (Shazeer, Stern, 2018) as in PyTorch: of a matrix it keeps the means of g² by row and by column, r and c,
/// which move by t^beta2_decay of their distance, v = r·c / mean(r); of anything else v itself. u = g / max(√v,
/// epsilon), shortened to a root mean square of `update_clip`; θ ·= 1 − learning_rate·weight_decay, then θ −=
/// max(smallest_scale, rms(θ))·min(learning_rate, 1/√t)·u. More than two dimensions are matrices of the last two.
struct AdafactorOptions {
  double weight_decay = 0.0;     ///< Decoupled.
  double beta2_decay = -0.8;     ///< At most 0.
  double update_clip = 1.0;      ///< From 1; PyTorch's d.
  double epsilon = 0.0;          ///< From 0; 0: the spacing of the parameter's dtype at 1.
  double smallest_scale = 1e-3;  ///< From 0.
};
/// State: "<parameter>.rows" and "<parameter>.columns", or "<parameter>.square"; "<parameter>.steps".
std::unique_ptr<Optimizer> make_adafactor(Parameters parameters, const AdafactorOptions& options);

/// Schedule-Free AdamW (Defazio et al., "The road less scheduled", 2024) as the authors' AdamWScheduleFree. θ is y,
/// where gradients are taken: z −= γ·(g / (√v̂ + epsilon) + weight_decay·y); with w the square of the largest learning
/// rate γ so far and c = w/Σw, x += c·(z − x), y = (1 − beta1)·z + beta1·x. The model is validated and used with x. It
/// is for a constant rate after a warm-up; under a rate that falls, the last steps count as much as the others in x.
struct ScheduleFreeOptions {
  double weight_decay = 0.0;  ///< Decoupled, at y.
  double beta1 = 0.9;         ///< In [0.01, 1).
  double beta2 = 0.999;       ///< In [0, 1).
  double epsilon = 1e-8;      ///< > 0.
};
/// State: "<parameter>.z", "<parameter>.moment2", "<parameter>.largest_rate" (f64, the largest γ), "<parameter>.rates"
/// (f64, Σw), "<parameter>.steps".
std::unique_ptr<Optimizer> make_schedule_free(Parameters parameters, const ScheduleFreeOptions& options);

/// Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024) for matrices: m is the mean of
/// g, u = (1 − momentum)·g + momentum·m with Nesterov's, else m; five steps of Newton and Schulz in the parameter's own
/// dtype bring all of its singular values near 1; θ ·= 1 − learning_rate·weight_decay, then θ −= learning_rate·f·u with
/// f = √max(1, rows/columns), or 0.2·√max(rows, columns) with `match_adamw` (Liu et al., 2025), which makes its updates
/// as long as AdamW's. All other parameters, and the matrices of groups with `muon` false, are AdamW's; embeddings and
/// the output layer should be.
struct MuonOptions {
  double weight_decay = 0.0;  ///< Decoupled.
  double momentum = 0.95;     ///< In [0, 1).
  bool nesterov = true;
  bool match_adamw = false;
  double adamw_factor = 1.0;  ///< Multiplies AdamW's learning rate; from 0.
  double beta1 = 0.9;         ///< This and the next two are AdamW's.
  double beta2 = 0.999;
  double epsilon = 1e-8;
  DType state = DType::kF32;
};
/// State: "<parameter>.momentum", or AdamW's.
std::unique_ptr<Optimizer> make_muon(Parameters parameters, const MuonOptions& options);

/// L-BFGS (Liu, Nocedal, 1989) as in PyTorch with line_search_fn="strong_wolfe": a step is one iteration, a direction
/// from the last `history` changes of the gradient and a line search whose first length is the learning rate (of the
/// very first, divided by ‖g‖₁ where that is above 1). It `needs_evaluation`. A step at whose start no element of the
/// gradient is above 1e-7 moves nothing. Gradients are not clipped; groups can only freeze.
struct LbfgsOptions {
  int64_t history = 10;  ///< 1 to 1000.
};
/// State: "<parameter>.gradient", "<parameter>.step", "<parameter>.changes" and "<parameter>.steps" (history,
/// elements); "lbfgs" (f64) for all.
std::unique_ptr<Optimizer> make_lbfgs(Parameters parameters, const LbfgsOptions& options);

}  // namespace gradus
