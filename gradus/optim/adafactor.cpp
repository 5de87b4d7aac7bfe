#include <cmath>
#include <limits>
#include <vector>

#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_adafactor.h"

namespace gradus {
namespace {

class Adafactor : public Optimizer {
 public:
  Adafactor(Parameters parameters, const AdafactorOptions& options)
      : Optimizer(std::move(parameters), "adafactor", DType::kF32, options.weight_decay),
        options_(options),
        own_(this->parameters().size()) {}

 private:
  struct Own {
    Tensor rows, columns, square, steps;
  };

  bool is_factored(size_t index) const { return parameters()[index].tensor.rank() >= 2; }

  kernels::FactoredShape shape_of(size_t index) const {
    const Tensor& x = parameters()[index].tensor;
    const int64_t rows = x.size(-2), columns = x.size(-1), elements = rows * columns;
    return {elements == 0 ? 0 : x.numel() / elements, rows, columns};
  }

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      if (is_factored(i)) {
        const kernels::FactoredShape shape = shape_of(i);
        all.push_back(vector_slot(i, "rows", &own_[i].rows, shape.matrices * shape.rows));
        all.push_back(vector_slot(i, "columns", &own_[i].columns, shape.matrices * shape.columns));
      } else {
        all.push_back(array_slot(i, "square", &own_[i].square));
      }
      all.push_back(number_slot(i, "steps", &own_[i].steps, DType::kI64));
    }
    return all;
  }

  StateSlot vector_slot(size_t index, const char* what, Tensor* tensor, int64_t size) const {
    StateSlot slot = array_slot(index, what, tensor);
    slot.shape = {size};
    slot.dtype = DType::kF64;  // they are small, and sums of squares
    return slot;
  }

  double epsilon_for(DType dtype) const {
    if (options_.epsilon > 0.0) return options_.epsilon;
    return dtype == DType::kF32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  }

  // mean ← mean + part·(sums/size − mean).
  static void move(Tensor& mean, const Tensor& sums, double size, double part) {
    if (!mean.defined()) mean = Tensor::zeros(sums.shape(), DType::kF64);
    double* const to = mean.mutable_data<double>();
    const double* const from = sums.data<double>();
    for (int64_t i = 0; i < sums.numel(); ++i) to[i] += part * (from[i] / size - to[i]);
  }

  // Moves the means; `rule` gets what 1/√v is a product of, so that no element takes a root or a quotient. The two
  // tensors are kept for the caller.
  void factor(size_t index, const ParameterStep& step, double part, double epsilon, Tensor& rows, Tensor& columns,
              kernels::AdafactorUpdate& rule) {
    Own& own = own_[index];
    const kernels::FactoredShape shape = shape_of(index);
    rows = Tensor::zeros({shape.matrices * shape.rows}, DType::kF64);
    columns = Tensor::zeros({shape.matrices * shape.columns}, DType::kF64);
    double* const row = rows.mutable_data<double>();
    double* const column = columns.mutable_data<double>();
    kernels::factored_sums(step.arrays, step.mix, shape, row, column);
    move(own.rows, rows, static_cast<double>(shape.columns), part);
    move(own.columns, columns, static_cast<double>(shape.rows), part);
    const double* const mean = own.rows.data<double>();
    for (int64_t m = 0; m < shape.matrices; ++m) {
      double sum = 0.0;
      for (int64_t i = 0; i < shape.rows; ++i) sum += mean[m * shape.rows + i];
      const double divisor = std::max(sum / static_cast<double>(shape.rows), epsilon);
      for (int64_t i = 0; i < shape.rows; ++i) row[m * shape.rows + i] = std::sqrt(divisor / mean[m * shape.rows + i]);
    }
    for (int64_t i = 0; i < columns.numel(); ++i) column[i] = 1.0 / std::sqrt(own.columns.data<double>()[i]);
    rule.shape = shape;
    rule.rows = row;
    rule.columns = column;
  }

  // Slots of a parameter are all taken, or none.
  void take_empty(size_t index) {
    Own& own = own_[index];
    if (!is_factored(index)) {
      bytes_of(index, own.square);
      return;
    }
    const kernels::FactoredShape shape = shape_of(index);
    if (!own.rows.defined()) own.rows = Tensor::zeros({shape.matrices * shape.rows}, DType::kF64);
    if (!own.columns.defined()) own.columns = Tensor::zeros({shape.matrices * shape.columns}, DType::kF64);
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    const auto t = static_cast<double>(count_in(own.steps));
    const double count = static_cast<double>(step.arrays.count);
    if (count == 0.0) return take_empty(index);
    const double part = std::pow(t, options_.beta2_decay), epsilon = epsilon_for(step.arrays.dtype);
    kernels::AdafactorUpdate rule{.mix = step.mix,
                                  .floor = std::max(epsilon * epsilon, std::numeric_limits<double>::min()),
                                  .decay = step.learning_rate * step.weight_decay};
    Tensor rows, columns;  // read until the end
    if (is_factored(index)) {
      factor(index, step, part, epsilon, rows, columns, rule);
    } else {
      kernels::update_variance(step.arrays, step.mix, bytes_of(index, own.square), part);
      rule.variance = own.square.bytes();
    }
    const double squares = kernels::sum_of_squares(step.arrays.dtype, step.arrays.count, step.arrays.value);
    const double scale = std::max(options_.smallest_scale, std::sqrt(squares / count));
    const double length = std::sqrt(kernels::adafactor_squares(step.arrays, rule) / count);
    rule.step = scale * std::min(step.learning_rate, 1.0 / std::sqrt(t)) / std::max(1.0, length / options_.update_clip);
    kernels::update_adafactor(step.arrays, rule);
  }

  AdafactorOptions options_;
  std::vector<Own> own_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adafactor(Parameters parameters, const AdafactorOptions& options) {
  constexpr std::string_view kName = "adafactor";
  detail::check_from_0(kName, "weight_decay", options.weight_decay);
  detail::check_option(options.beta2_decay <= 0.0 && std::isfinite(options.beta2_decay), kName, "beta2_decay",
                       options.beta2_decay, "a finite number up to 0, e.g. -0.8");
  detail::check_option(options.update_clip >= 1.0 && std::isfinite(options.update_clip), kName, "update_clip",
                       options.update_clip, "a finite number from 1");
  detail::check_from_0(kName, "epsilon", options.epsilon);
  detail::check_from_0(kName, "smallest_scale", options.smallest_scale);
  return std::make_unique<Adafactor>(std::move(parameters), options);
}

}  // namespace gradus
