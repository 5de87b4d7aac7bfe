#include "gradus/autograd/sink.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/matmul.h"

namespace gradus {

std::string_view name_of(GradientKind kind) {
  switch (kind) {
    case GradientKind::kLinear:
      return "linear";
    case GradientKind::kBias:
      return "bias";
    case GradientKind::kScale:
      return "scale";
    case GradientKind::kLookup:
      return "lookup";
    case GradientKind::kDense:
      return "dense";
  }
  return "?";
}

namespace {

Tensor sum_to_last(const Tensor& x) { return kernels::sum_to(x, {x.size(-1)}); }

}  // namespace

Tensor contract(const ParameterGradient& g) {
  switch (g.kind) {
    case GradientKind::kLinear:
      return kernels::linear_backward_weight(g.output_gradient, g.input);
    case GradientKind::kBias:
      return sum_to_last(g.output_gradient);
    case GradientKind::kScale:
      return kernels::sum_of_products(g.input, g.output_gradient);
    case GradientKind::kLookup:
      return kernels::scatter_add_rows(g.output_gradient, g.input, g.parameter.size(0));
    case GradientKind::kDense:
      break;
  }
  return g.output_gradient;
}

void add_gradient(Tensor& into, Tensor gradient) {
  if (!into.defined()) {
    into = std::move(gradient);
  } else if (into.is_unique() && into.is_contiguous()) {
    kernels::accumulate(into, kernels::contiguous(gradient));
  } else {
    into = kernels::binary("add", kernels::Binary::kAdd, into, gradient);
  }
}

void AccumulatingSink::accept(const ParameterGradient& gradient) {
  Tensor& grad = gradient.parameter.state()->grad;
  if (gradient.kind == GradientKind::kLookup && grad.defined() && grad.is_unique() && grad.is_contiguous()) {
    return kernels::add_rows_at(grad, gradient.output_gradient, gradient.input);
  }
  const bool is_shared = !gradient.output_gradient.is_unique();
  Tensor own = kernels::contiguous(contract(gradient));
  // What others see too (a seed, what the other input of an add gets) must not become this parameter's own memory.
  if (!grad.defined() && is_shared && own.state()->storage == gradient.output_gradient.state()->storage) {
    own = kernels::copy(own);
  }
  add_gradient(grad, std::move(own));
}

ExampleNormSink::ExampleNormSink(int64_t examples) {
  if (examples < 1) fail_usage("example_norms", "{} examples; expected 1 or more", examples);
  squared_norms_.assign(static_cast<size_t>(examples), 0.0);
}

void ExampleNormSink::accept(const ParameterGradient& g) {
  if (g.kind == GradientKind::kDense) {
    fail("example_norms", "a parameter of {} is used by an op that gives no per-example pair", g.parameter.describe());
  }
  for (const Tensor& other : seen_) {
    if (other.is_same(g.parameter)) {
      fail("example_norms", "a parameter of {} is used twice in one pass: its norms need both uses together",
           g.parameter.describe());
    }
  }
  seen_.push_back(g.parameter);
  const int64_t examples = static_cast<int64_t>(squared_norms_.size());
  if (g.output_gradient.size(0) != examples) {
    fail("example_norms", "dimension 0 of {} is not the {} examples", g.output_gradient.describe(), examples);
  }
  // One example is a batch of one: its contraction is its own gradient.
  const auto example = [](const Tensor& x, int64_t i) {
    if (!x.defined()) return Tensor();
    Shape shape = x.shape();
    shape[0] = 1;
    return x.view(shape, x.strides(), i * x.strides()[0]);
  };
  for (int64_t i = 0; i < examples; ++i) {
    const Tensor own = contract({g.kind, g.parameter, example(g.input, i), example(g.output_gradient, i)});
    squared_norms_[static_cast<size_t>(i)] += kernels::squared_norm(own);
  }
}

}  // namespace gradus
