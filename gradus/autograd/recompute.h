// Memory for time: a part of a model keeps nothing but its input and runs again in backward.
#pragma once

#include <utility>

#include "gradus/autograd/tape.h"

namespace gradus {

/// While it lives, a forward pass on this thread is one that was run before: layers leave what they keep beside their
/// parameters (running statistics) as it is.
class Recomputing {
 public:
  Recomputing() : outer_(is_on()) { is_on() = true; }
  ~Recomputing() { is_on() = outer_; }
  Recomputing(const Recomputing&) = delete;
  Recomputing& operator=(const Recomputing&) = delete;

  static bool& is_on() {
    static thread_local bool on = false;
    return on;
  }

 private:
  bool outer_;
};

namespace detail {

/// Backward of a recomputed part: `run(x)` is its forward pass. Parameters' gradients go to the same sink.
template <class Run>
void backward_again(const Tensor& input, const Run& run, Gradients& gradients) {
  Tensor x = input.detach();
  x.set_requires_grad();
  /// Gives every pair on, but for the gradient of x.
  class ButInput : public GradientSink {
   public:
    ButInput(const Tensor& x, GradientSink& rest) : x_(x), rest_(rest) {}
    void accept(const ParameterGradient& pair) override {
      if (pair.parameter.is_same(x_)) return own_.accept(pair);
      rest_.accept(pair);
    }

   private:
    const Tensor& x_;
    GradientSink& rest_;
    AccumulatingSink own_;
  } sink(x, gradients.sink());
  Tape tape;
  tape.set_observer(gradients.tape().inside_observer());
  const Recomputing recomputing;
  tape.backward(run(x), {.seed = gradients.output(), .sink = &sink});
  if (gradients.needs(0)) gradients.add(0, x.grad());
}

}  // namespace detail

/// `run(x, state)`, a function of x and of parameters that gives one tensor, of which only x is kept for backward:
/// there it runs once more, recorded, from a copy of `state` as it was, and its gradients follow. It must do the same
/// both times; what it reads beside must live until then. The bits are those of `run(x, state)` without it. (Chen et
/// al., "Training deep nets with sublinear memory cost", 2016.)
///
/// Recorded only if x itself needs a gradient: a part that begins with an input of the model has nothing to go on from,
/// and runs as usual.
template <class State, class Run>
Tensor recompute(const Tensor& x, State& state, Run run) {
  if (!needs_gradient(x)) return run(x, state);
  State before = state;
  Tensor y;
  if (TapeObserver* const observer = detail::recording_tape()->inside_observer()) {
    Tape tape;  // only to be looked at
    tape.set_observer(observer);
    Tensor input = x.detach();
    input.set_requires_grad();
    y = run(input, state).detach();
  } else {
    const NoGrad no_grad;
    y = run(x, state);
  }
  return record("recompute", std::move(y), std::array{&x},
                [x = Saved(x), before = std::move(before), run = std::move(run)](Gradients& g) {
                  State own = before;
                  detail::backward_again(
                      x.get(), [&](const Tensor& again) { return run(again, own); }, g);
                });
}

}  // namespace gradus
