#include "gradus/autograd/tape.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <thread>

#include "gradus/autograd/ops.h"
#include "tests/testing.h"

namespace {
std::atomic<int64_t> g_heap_allocations{0};
}

// Counts what this binary takes from the heap; the pool of tensors asks the system by other means. Not inlined: GCC
// would warn of free() on what came from new.
[[gnu::noinline]] void* operator new(size_t bytes) {
  ++g_heap_allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace gradus {
namespace tape_test {

using Values = std::vector<double>;

Tensor leaf(const Values& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())}).set_requires_grad();
}
Tensor constant(const Values& values) { return Tensor::from(values, {static_cast<int64_t>(values.size())}); }
Values gradient(const Tensor& x) { return x.grad().defined() ? x.grad().values<double>() : Values(); }

constexpr const char* kNeverRecorded =
    " was never recorded: compute it while this Tape lives, from a tensor with set_requires_grad() (and not under "
    "NoGrad "
    "or from detach(); what is computed from gradients is not recorded either)";
constexpr const char* kStale =
    "[backward] f64 () was recorded on a tape that is freed or is not this one: compute it again on this tape";

TEST(Tape, GivesTheGradientOfASmallExpression) {
  Tensor a = leaf({1, 2, 3}), b = leaf({4, 5, 6});
  Tape tape;
  const Tensor loss = sum(a * b + a);
  EXPECT_EQ(tape.size(), 3);
  EXPECT_EQ(loss.item(), 38);
  tape.backward(loss);
  EXPECT_EQ(gradient(a), (Values{5, 6, 7}));
  EXPECT_EQ(gradient(b), (Values{1, 2, 3}));
}

TEST(Tape, RecordsOnlyWhatNeedsAGradient) {
  Tensor x = leaf({1, 2});
  const Tensor c = constant({3, 4});
  const Tensor before = exp(x);
  Tape tape;
  exp(c);
  EXPECT_EQ(tape.size(), 0);
  EXPECT_EQ(error_text([&] { tape.backward(sum(c)); }), std::string("[backward] f64 ()") + kNeverRecorded);
  EXPECT_EQ(error_text([&] { tape.backward(sum(before)); }), std::string("[backward] f64 ()") + kNeverRecorded);
  EXPECT_EQ(error_text([&] { tape.backward(Tensor()); }), "[backward] the result is an undefined tensor");
  exp(x);
  EXPECT_EQ(tape.size(), 1);
}

TEST(Tape, NeedsASeedForSeveralElements) {
  Tensor x = leaf({1, 2});
  Tape tape;
  const Tensor y = x * 3.0;
  EXPECT_EQ(
      error_text([&] { tape.backward(y); }),
      "[backward] the result is f64 (2,), not a scalar: reduce it with sum() or mean(), or give a seed of its shape");
  EXPECT_EQ(error_text([&] { tape.backward(y, {.seed = Tensor::zeros({3}, DType::kF64)}); }),
            "[backward] the seed is f64 (3,) for a result of f64 (2,); they must match");
  EXPECT_EQ(error_text([&] { tape.backward(y, {.seed = Tensor::zeros({2})}); }),
            "[backward] the seed is f32 (2,) for a result of f64 (2,); they must match");
  tape.backward(y, {.seed = constant({10, 100})});
  EXPECT_EQ(gradient(x), (Values{30, 300}));
}

TEST(Tape, SaysThatTheTapeIsFreed) {
  Tensor x = leaf({1, 2});
  Tensor old;
  {
    Tape tape;
    old = sum(x * x);
  }
  Tape tape;
  EXPECT_EQ(error_text([&] { tape.backward(old); }), kStale);
  const Tensor later = old * 2.0;
  EXPECT_EQ(
      error_text([&] { tape.backward(later); }),
      "[backward] an input of 'multiply' was recorded on a tape that is freed or is not this one: compute it again "
      "on this tape, or use detach() where no gradient should flow");
  tape.backward(old.detach() * sum(x));
  EXPECT_EQ(gradient(x), (Values{5, 5}));
}

TEST(Tape, ClearMakesResultsStale) {
  Tensor x = leaf({1, 2});
  Tape tape;
  const Tensor y = sum(x);
  tape.clear();
  EXPECT_EQ(tape.size(), 0);
  EXPECT_EQ(error_text([&] { tape.backward(y); }), kStale);
  tape.backward(sum(x));
  EXPECT_EQ(gradient(x), (Values{1, 1}));
}

TEST(Tape, SaysWhatAnEarlierBackwardFreed) {
  Tensor x = leaf({1, 2});
  Tape tape;
  const Tensor shared = exp(x), y = sum(shared), z = mean(shared);
  tape.backward(y);
  EXPECT_EQ(error_text([&] { tape.backward(y); }),
            "[backward] 'sum' was freed by an earlier backward: set retain in that one, or compute the result again");
  EXPECT_EQ(error_text([&] { tape.backward(z); }),
            "[backward] 'exp', an input of 'mean', was freed by an earlier backward: set retain in that one");
}

TEST(Tape, RetainedGivesTheGradientAgain) {
  Tensor x = leaf({1, 2});
  Tape tape;
  const Tensor y = sum(x * x * x);
  tape.backward(y, {.retain = true});
  EXPECT_EQ(gradient(x), (Values{3, 12}));
  tape.backward(y, {.retain = true});
  EXPECT_EQ(gradient(x), (Values{6, 24}));
  tape.backward(y);
  EXPECT_EQ(gradient(x), (Values{9, 36}));
  EXPECT_NE(error_text([&] { tape.backward(y); }), "no error");
}

TEST(Tape, SeveralBackwardsAddUp) {
  Tensor x = leaf({1, 2});
  for (int i = 0; i < 3; ++i) {
    Tape tape;
    tape.backward(sum(x * 2.0));
  }
  EXPECT_EQ(gradient(x), (Values{6, 6}));
  Tape tape;
  const Tensor y = sum(x), z = sum(x * x);  // apart from the parameter they share nothing
  tape.backward(y);
  tape.backward(z);
  EXPECT_EQ(gradient(x), (Values{9, 11}));
}

TEST(Tape, ALeafMayBeTheResult) {
  Tensor w = Tensor::scalar(3, DType::kF64).set_requires_grad(), x = leaf({1, 2});
  Tape tape;
  tape.backward(w);
  EXPECT_EQ(w.grad().item(), 1);
  tape.backward(w, {.seed = Tensor::scalar(5, DType::kF64)});
  EXPECT_EQ(w.grad().item(), 6);
  tape.backward(x, {.seed = constant({1, 2})});
  EXPECT_EQ(gradient(x), (Values{1, 2}));
}

TEST(Tape, SumsOverDiamonds) {
  Tensor x = leaf({0.5, -1});
  Tape tape;
  const Tensor a = x * x, b = exp(a), c = a + b, d = b * c;  // d = e^(x²) · (x² + e^(x²))
  tape.backward(sum(d * a));
  for (size_t i = 0; i < 2; ++i) {
    const double v = i == 0 ? 0.5 : -1, s = v * v, e = std::exp(s);
    const double by_s = e * (s + e) + s * (e * (s + e) + e * (1 + e));
    EXPECT_NEAR(gradient(x)[i], by_s * 2 * v, 1e-12);
  }
}

TEST(Tape, SumsOverManyUses) {
  Tensor x = leaf({1, 2});
  Tape tape;
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = y + y;  // 2¹⁰ paths
  Tensor z = y;
  for (int i = 0; i < 100; ++i) z = z + x;
  tape.backward(sum(z));
  EXPECT_EQ(gradient(x), (Values{1124, 1124}));
}

TEST(Tape, SharedWeightsAddUp) {
  Tensor w = Tensor::from(Values{1, 2, 3, 4}, {2, 2}).set_requires_grad();
  const Tensor x = Tensor::from(Values{1, -1}, {1, 2});
  Tape tape;
  tape.backward(sum(linear(linear(x, w, {}), w, {})));  // y = W·W·x
  // h = W·x = (−1, −1); gradient = 1·hᵀ + Wᵀ1·xᵀ with Wᵀ1 = (4, 6).
  EXPECT_EQ(gradient(w), (Values{3, -5, 5, -7}));
}

TEST(Tape, DetachAndNoGradCutTheGradient) {
  Tensor x = leaf({2, 3});
  Tape tape;
  tape.backward(sum(x * x.detach()));
  EXPECT_EQ(gradient(x), (Values{2, 3}));
  Tensor inside;
  const int64_t recorded = tape.size();
  {
    NoGrad no_grad;
    inside = sum(x * x);
    {
      Tape inner;  // a tape made inside records again
      sum(x);
      EXPECT_EQ(inner.size(), 1);
    }
    sum(x);
  }
  EXPECT_EQ(tape.size(), recorded);
  EXPECT_EQ(error_text([&] { tape.backward(inside); }), std::string("[backward] f64 ()") + kNeverRecorded);
  sum(x);
  EXPECT_EQ(tape.size(), recorded + 1);
}

TEST(Tape, WithoutATapeNothingIsRecorded) {
  Tensor x = leaf({1});
  EXPECT_EQ(detail::recording_tape(), nullptr);
  EXPECT_FALSE(needs_gradient(x));
  EXPECT_EQ(sum(x).state()->tape, 0U);
}

TEST(Tape, AnInnerTapeTakesOverUntilItEnds) {
  Tensor x = leaf({2, 3});
  Tape outer;
  const Tensor y = x * x;
  {
    Tape inner;
    const Tensor z = sum(x * 5.0);
    EXPECT_EQ(outer.size(), 1);
    EXPECT_EQ(inner.size(), 2);
    EXPECT_EQ(error_text([&] { outer.backward(z); }), kStale);
    EXPECT_EQ(
        error_text([&] { inner.backward(sum(y)); }),
        "[backward] an input of 'sum' was recorded on a tape that is freed or is not this one: compute it again on "
        "this tape, or use detach() where no gradient should flow");
    inner.backward(z);
  }
  EXPECT_EQ(gradient(x), (Values{5, 5}));
  outer.backward(sum(y));
  EXPECT_EQ(gradient(x), (Values{9, 11}));
}

TEST(Tape, GradientsOfGradientsAreRefused) {
  Tensor x = leaf({1});
  Tape tape;
  const Tensor y = x * x;
  EXPECT_EQ(error_text([&] { tape.backward(y, {.create_graph = true}); }),
            "[backward] gradients of gradients are not offered: set create_graph to false");
  tape.backward(y);
  EXPECT_EQ(x.grad().state()->tape, 0U);
  EXPECT_EQ(error_text([&] { tape.backward(sum(x.grad() * 2.0)); }), std::string("[backward] f64 ()") + kNeverRecorded);
}

TEST(Tape, FindsASavedValueThatWasChanged) {
  const std::string text =
      "[backward] f64 (2,) was saved for backward and then changed in place: call backward before changing it";
  Tensor w = leaf({1, 2});
  Tape tape;
  Tensor y = sum(w * w);
  w.mutable_data<double>()[0] = 5;
  EXPECT_EQ(error_text([&] { tape.backward(y); }), text);

  tape.clear();
  Tensor view = w.view({1}, {1}, 1);
  y = sum(exp(w) * w);
  view.mutable_data<double>()[0] = 5;  // seen through a view, too
  EXPECT_EQ(error_text([&] { tape.backward(y); }), text);

  tape.clear();
  Tensor e = exp(w);
  y = sum(e);
  e.mutable_data<double>()[0] = 5;  // a result that its own backward needs
  EXPECT_EQ(error_text([&] { tape.backward(y); }), text);

  tape.clear();
  w.set_grad({});
  y = sum(w + w);  // nothing of w is needed for this
  w.mutable_data<double>()[0] = 7;
  tape.backward(y);
  EXPECT_EQ(gradient(w), (Values{2, 2}));
}

TEST(Tape, GradientsOfTwoParametersDoNotShareMemory) {
  Tensor a = leaf({1, 2}), b = leaf({3, 4});
  Tape tape;
  tape.backward(sum(a + b));
  const Tensor y = a + b;
  const Tensor seed = constant({1, 1});
  a.set_grad({});
  b.set_grad({});
  tape.backward(y, {.seed = seed});
  Tensor of_a = a.grad();
  of_a.mutable_data<double>()[0] = 100;  // such as clipping in place
  EXPECT_EQ(gradient(b), (Values{1, 1}));
  EXPECT_EQ(seed.values<double>(), (Values{1, 1}));
}

class FailingSink : public GradientSink {
 public:
  void accept(const ParameterGradient&) override { fail("sink", "refused"); }
};

TEST(Tape, AnErrorLeavesNothingBehind) {
  Tensor a = leaf({1, 2}), b = leaf({3, 4});
  Tape tape;
  const Tensor early = exp(a), y = sum(multiply(early, b) + early);
  FailingSink failing;
  EXPECT_EQ(error_text([&] { tape.backward(y, {.retain = true, .sink = &failing}); }), "[sink] refused");
  tape.backward(y, {.retain = true});
  const Values once = gradient(a);
  EXPECT_NEAR(once[0], 4 * std::exp(1.0), 1e-12);
  EXPECT_NEAR(once[1], 5 * std::exp(2.0), 1e-12);
}

TEST(Tape, ParametersAreNotResults) {
  Tensor x = leaf({1});
  Tape tape;
  Tensor y = x * 2.0;
  EXPECT_EQ(error_text([&] { y.set_requires_grad(); }),
            "[requires_grad] f64 (1,) is the result of a recorded op; use detach() to start anew from it");
  Tensor ids = Tensor::zeros({2}, DType::kI64);
  EXPECT_EQ(error_text([&] { ids.set_requires_grad(); }),
            "[requires_grad] i64 (2,) cannot have a gradient; only f32 and f64 can");
}

// A two-layer network and its parameters.
struct Network {
  Tensor x = Tensor::linspace(-1, 1, 8 * 5).view({8, 5}, {5, 1});
  Tensor target = Tensor::linspace(0, 1, 8 * 3).view({8, 3}, {3, 1});
  Tensor w1 = parameter({7, 5}), b1 = parameter({7}), w2 = parameter({3, 7}), b2 = parameter({3});

  static Tensor parameter(const Shape& shape) {
    return Tensor::linspace(-0.5, 0.7, shape.numel()).view(shape, contiguous_strides(shape)).set_requires_grad();
  }
  Tensor loss() const { return mse(linear(relu(linear(x, w1, b1)), w2, b2), target); }
  void forget_gradients() {
    for (Tensor* p : {&w1, &b1, &w2, &b2}) p->set_grad({});
  }
};

TEST(Tape, ASteadyStepAllocatesNothing) {
  Network network;
  Tape tape;
  const auto step = [&] {
    tape.backward(network.loss());
    tape.clear();
    network.forget_gradients();
  };
  for (int i = 0; i < 3; ++i) step();
  const int64_t heap = g_heap_allocations, in_use = memory_statistics().in_use;
  const int64_t system = memory_statistics().system_allocations;
  for (int i = 0; i < 1000; ++i) step();
  EXPECT_EQ(g_heap_allocations, heap);
  EXPECT_EQ(memory_statistics().in_use, in_use);
#if !GRADUS_POOL_PASSTHROUGH
  EXPECT_EQ(memory_statistics().system_allocations, system);
#else
  static_cast<void>(system);
#endif
}

TEST(Tape, ATapeAStepAllocatesNothingEither) {
  Network network;
  const auto step = [&] {
    Tape tape;
    tape.backward(network.loss());
    network.forget_gradients();
  };
  for (int i = 0; i < 3; ++i) step();
  const int64_t heap = g_heap_allocations, in_use = memory_statistics().in_use;
  for (int i = 0; i < 100; ++i) step();
  EXPECT_EQ(g_heap_allocations, heap);
  EXPECT_EQ(memory_statistics().in_use, in_use);
}

TEST(Tape, FillsManyPagesAndGivesThemBack) {
  Tensor x = leaf({1, 1});
  const int64_t before = memory_statistics().in_use;
  {
    Tape tape;
    for (int round = 0; round < 3; ++round) {
      Tensor y = x;
      for (int i = 0; i < 2000; ++i) y = y * 1.0;
      tape.backward(sum(y));
      EXPECT_EQ(tape.size(), 2001);
      tape.clear();
    }
    EXPECT_EQ(gradient(x), (Values{3, 3}));
    x.set_grad({});
  }
  EXPECT_EQ(memory_statistics().in_use, before);
}

TEST(Tape, BackwardFreesWhatWasSaved) {
  Tensor x = Tensor::full({1000}, 1.0).set_requires_grad();
  Tape tape;
  tape.backward(sum(exp(x)));
  x.set_grad({});
  const int64_t before = memory_statistics().in_use;
  Tensor y = sum(exp(exp(exp(x))));
  EXPECT_GT(memory_statistics().in_use, before + 12000);
  tape.backward(y);
  x.set_grad({});
  y = Tensor();
  EXPECT_LT(memory_statistics().in_use, before + 2000);
}

TEST(Tape, TwoThreadsEachWithItsOwn) {
  Network reference;
  {
    Tape tape;
    tape.backward(reference.loss());
  }
  const Tensor shared = Tensor::linspace(-1, 1, 30000);
  const auto work = [&](bool* right) {
    Network network;
    *right = true;
    for (int i = 0; i < 200; ++i) {
      Tape tape;
      tape.backward(network.loss());
      *right = *right && network.w1.grad().values<float>() == reference.w1.grad().values<float>() &&
               network.b2.grad().values<float>() == reference.b2.grad().values<float>();
      network.forget_gradients();
    }
    // Reading one tensor from both, in pieces for several threads.
    Tensor own = Tensor::full({30000}, 2.0).set_requires_grad();
    Tape tape;
    tape.backward(sum(gelu(own * shared)));
    *right = *right && own.grad().defined();
  };
  bool right[2] = {};
  std::thread other(work, &right[0]);
  work(&right[1]);
  other.join();
  EXPECT_TRUE(right[0]);
  EXPECT_TRUE(right[1]);
}

// A custom op's mistake is found where it is made.
TEST(Tape, AGradientOfTheWrongShapeOrTypeIsAnErrorOfItsOp) {
  const auto wrong = [](const Tensor& x, const Tensor& gradient) {
    Tensor y = x.clone();
    return record("mine", std::move(y), std::array{&x}, [gradient](Gradients& g) { g.add(0, gradient); });
  };
  const auto text = [&](const Tensor& gradient, bool leaf) {
    Tensor w = Tensor::zeros({3}, DType::kF64).set_requires_grad();
    Tape tape;
    const Tensor loss = sum(wrong(leaf ? w : tanh(w), gradient));
    return error_text([&] { tape.backward(loss); });
  };
  for (const bool leaf : {true, false}) {
    EXPECT_EQ(text(Tensor::zeros({7}, DType::kF64), leaf),
              "[backward] 'mine' gives f64 (7,) as the gradient of its input 0, which is f64 (3,)");
    EXPECT_EQ(text(Tensor::zeros({3}), leaf),
              "[backward] 'mine' gives f32 (3,) as the gradient of its input 0, which is f64 (3,)");
    EXPECT_EQ(text(Tensor(), leaf),
              "[backward] 'mine' gives an undefined tensor as the gradient of its input 0, which is f64 (3,)");
  }
}

TEST(Tape, MayEndBeforeOneThatWasMadeInsideIt) {
  const Tensor w = Tensor::full({1}, 2.0).set_requires_grad();
  auto outer = std::make_unique<Tape>(), inner = std::make_unique<Tape>();
  outer.reset();
  const Tensor y = w * w;
  inner->backward(y);
  EXPECT_EQ(w.grad().item(), 4.0);
  inner.reset();
  EXPECT_FALSE(needs_gradient(w));
}

}  // namespace tape_test
}  // namespace gradus
