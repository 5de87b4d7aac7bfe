#include <algorithm>
#include <cmath>
#include <vector>

#include "gradus/optim/adam.h"
#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/update_sgd.h"
#include "gradus/tensor/kernels/vector.h"
#include "gradus/tensor/matmul.h"

namespace gradus {
namespace {

// The quintic whose five applications bring singular values from 0.01 to 1 near 1 (Jordan et al., 2024).
constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
constexpr int kIterations = 5;
constexpr double kSmallest = 1e-7;  // of the norm that is divided by

Tensor transposed(const Tensor& x) { return x.view({x.size(1), x.size(0)}, {1, x.size(1)}); }

// `x` (rows, columns) is contiguous and is written over; the result has its shape, and may be a transposed view.
Tensor orthogonalized(Tensor x) {
  const double norm = std::sqrt(kernels::sum_of_squares(x.dtype(), x.numel(), x.bytes()));
  kernels::scale_in_place(x, 1.0 / std::max(norm, kSmallest));
  const bool tall = x.size(0) > x.size(1);
  for (int i = 0; i < kIterations; ++i) {
    // Of the shorter side: (columns, columns) where the matrix is tall, which then is multiplied from the right.
    const Tensor gram = tall ? kernels::matmul(transposed(x), x) : kernels::matmul(x, transposed(x));
    Tensor factor = kernels::matmul(gram, gram);
    kernels::scale_in_place(factor, kC);
    kernels::add_scaled(factor, kB, gram);
    Tensor next = tall ? kernels::matmul(x, factor) : kernels::matmul(factor, x);
    kernels::add_scaled(next, kA, x);
    x = std::move(next);
  }
  return x;
}

class Muon : public detail::Adam {
 public:
  Muon(Parameters parameters, const MuonOptions& options)
      : Adam(std::move(parameters), "muon",
             {.weight_decay = options.weight_decay,
              .beta1 = options.beta1,
              .beta2 = options.beta2,
              .epsilon = options.epsilon,
              .state = options.state},
             true),
        options_(options),
        momentum_(this->parameters().size()) {
    for (const Parameter& p : this->parameters()) is_own_.push_back(p.tensor.rank() == 2);
  }

  // The matrix and the next, and two of its shorter side.
  int64_t update_bytes() const override {
    int64_t most = 0;
    for (size_t i = 0; i < momentum_.size(); ++i) {
      const Tensor& x = parameters()[i].tensor;
      if (!is_own_[i]) continue;
      const int64_t shorter = std::min(x.size(0), x.size(1));
      most = std::max(most, 2 * (x.numel() + shorter * shorter) * size_of(x.dtype()));
    }
    return Optimizer::update_bytes() + most;
  }

 private:
  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < momentum_.size(); ++i) {
      if (is_own_[i]) {
        all.push_back(array_slot(i, "momentum", &momentum_[i]));
      } else {
        add_slots(i, all);
      }
    }
    return all;
  }

  void check_group(const ParameterGroup& group) const override {
    if (!group.muon.value_or(false)) return;
    for (const Parameter& p : parameters()) {
      if (!fits_pattern(group.pattern, p.name) || p.tensor.rank() == 2) continue;
      fail_usage(name(), "\"muon\" of the group \"{}\" is true, but \"{}\" is {}, no matrix; leave it to AdamW",
                 group.pattern, p.name, p.tensor.describe());
    }
  }

  void apply_group(size_t index, const ParameterGroup& group) override {
    if (group.muon) is_own_[index] = *group.muon;
  }

  double factor_of(const Tensor& x) const {
    const auto rows = static_cast<double>(x.size(0)), columns = static_cast<double>(x.size(1));
    return options_.match_adamw ? 0.2 * std::sqrt(std::max(rows, columns)) : std::sqrt(std::max(1.0, rows / columns));
  }

  double proximal_rate(size_t index, double learning_rate) const override {
    return is_own_[index] ? learning_rate : learning_rate * options_.adamw_factor;
  }

  void update(size_t index, const ParameterStep& step) override {
    if (!is_own_[index]) {
      ParameterStep other = step;
      other.learning_rate = proximal_rate(index, step.learning_rate);
      return Adam::update(index, other);
    }
    std::byte* const momentum = bytes_of(index, momentum_[index]);
    if (step.arrays.count == 0) return;
    const Tensor& x = parameters()[index].tensor;
    Tensor direction = Tensor::empty(x.shape(), x.dtype());
    kernels::UpdateArrays target = step.arrays;
    kernels::update_mean(target, {momentum}, direction.mutable_bytes(),
                         {.mix = step.mix,
                          .momentum = options_.momentum,
                          .nesterov = options_.nesterov,
                          .storage = storage_of(index, steps())});
    direction = orthogonalized(std::move(direction));
    // θ ← θ − (learning_rate·f·u + decay·θ): gradient descent whose gradient is u.
    target.gradient = direction.bytes();
    const double rate = step.learning_rate * factor_of(x);
    kernels::update_asgd(target, {}, {.learning_rate = rate, .decay = step.learning_rate * step.weight_decay});
  }

  MuonOptions options_;
  std::vector<Tensor> momentum_;
  std::vector<bool> is_own_;
};

}  // namespace

std::unique_ptr<Optimizer> make_muon(Parameters parameters, const MuonOptions& options) {
  detail::check_from_0("muon", "weight_decay", options.weight_decay);
  detail::check_rate("muon", "momentum", options.momentum);
  detail::check_from_0("muon", "adamw_factor", options.adamw_factor);
  detail::check_rate("muon", "beta1", options.beta1);
  detail::check_rate("muon", "beta2", options.beta2);
  detail::check_epsilon("muon", "epsilon", options.epsilon, "1e-8");
  return std::make_unique<Muon>(std::move(parameters), options);
}

}  // namespace gradus
