#include <algorithm>
#include <vector>

#include "gradus/optim/adam.h"
#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/update_adam.h"

namespace gradus {
namespace {

// The average is z + (y − z)/beta1, so that a rounding of y, of 2⁻²⁴ of it in f32, is 1/beta1 of that in the average.
// What is left of one of update t after n is t/n, as the average takes in all alike, so that n of them add up to
// √(n/3): with this beta1, after a million updates, to as much as the average would lose by storing it in bf16.
constexpr double kLeastBeta1 = 0.01;

class ScheduleFree : public Optimizer {
 public:
  ScheduleFree(Parameters parameters, const ScheduleFreeOptions& options)
      : Optimizer(std::move(parameters), "schedule_free", DType::kF32, options.weight_decay),
        options_(options),
        corrections_(options.beta1, options.beta2),
        own_(this->parameters().size()) {}

  const char* no_proximal_reason() const override {
    return "schedule_free uses an average of weights, in which no zero and no limit would be exact";
  }

 private:
  struct Own {
    Tensor z, square, largest, rates, steps;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "z", &own_[i].z));
      all.push_back(array_slot(i, "moment2", &own_[i].square));
      all.push_back(number_slot(i, "largest_rate", &own_[i].largest, DType::kF64));
      all.push_back(number_slot(i, "rates", &own_[i].rates, DType::kF64));
      all.push_back(number_slot(i, "steps", &own_[i].steps, DType::kI64));
    }
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    corrections_.set(count_in(own.steps));
    if (!own.z.defined()) own.z = parameters()[index].tensor.clone();
    if (!own.rates.defined()) own.rates = Tensor::zeros({}, DType::kF64);
    if (!own.largest.defined()) own.largest = Tensor::zeros({}, DType::kF64);
    double& largest = *own.largest.mutable_data<double>();
    largest = std::max(largest, step.learning_rate);
    const double weight = largest * largest;
    const double sum = *own.rates.mutable_data<double>() += weight;
    kernels::update_schedule_free(step.arrays, {own.z.mutable_bytes(), bytes_of(index, own.square)},
                                  {.mix = step.mix,
                                   .beta1 = options_.beta1,
                                   .beta2 = options_.beta2,
                                   .epsilon = options_.epsilon,
                                   .decay = step.weight_decay,
                                   .learning_rate = step.learning_rate,
                                   .root = corrections_.root(),
                                   .part = sum > 0.0 ? weight / sum : 0.0});  // a warm-up begins with rate 0
  }

  bool has_average() const override { return true; }
  // x of y = (1 − beta1)·z + beta1·x.
  Tensor average(size_t index) override {
    const Tensor& z = own_[index].z;
    if (!z.defined()) return {};
    Tensor x = kernels::binary("average", kernels::Binary::kSubtract, parameters()[index].tensor, z);
    kernels::scale_in_place(x, 1.0 / options_.beta1);
    kernels::accumulate(x, z);
    return x;
  }

  ScheduleFreeOptions options_;
  detail::Corrections corrections_;
  std::vector<Own> own_;
};

}  // namespace

std::unique_ptr<Optimizer> make_schedule_free(Parameters parameters, const ScheduleFreeOptions& options) {
  constexpr std::string_view kName = "schedule_free";
  detail::check_from_0(kName, "weight_decay", options.weight_decay);
  detail::check_option(options.beta1 >= kLeastBeta1 && options.beta1 < 1.0, kName, "beta1", options.beta1,
                       "a number from 0.01, below 1: its average is divided by it");
  detail::check_rate(kName, "beta2", options.beta2);
  detail::check_epsilon(kName, "epsilon", options.epsilon, "1e-8");
  return std::make_unique<ScheduleFree>(std::move(parameters), options);
}

}  // namespace gradus
