#include "gradus/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace optimizer_test {

using nlohmann::json;

const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/optim.json"));
  return all;
}

// The least squares of tools/make_optim_references.py: θ is a weight (2, 3), then a bias (2).
constexpr int kIn = 3, kOut = 2, kRows = 12, kUsed = 5;

double x_at(int i, int j) { return std::sin(1.0 + 3 * i + 7 * j); }
double y_at(int i, int j) { return 2 * std::cos(1.0 + 2 * i + 5 * j) + 1.5; }

// The gradient of the sum (not the mean) over so many rows of step t.
std::vector<double> gradient(const std::vector<double>& theta, int t, int rows) {
  std::vector<double> g(kOut * kIn + kOut, 0.0);
  for (int k = 0; k < rows; ++k) {
    const int i = (5 * t + k) % kRows;
    for (int o = 0; o < kOut; ++o) {
      double error = theta[kOut * kIn + o] - y_at(i, o);
      for (int j = 0; j < kIn; ++j) error += theta[o * kIn + j] * x_at(i, j);
      for (int j = 0; j < kIn; ++j) g[o * kIn + j] += error * x_at(i, j);
      g[kOut * kIn + o] += error;
    }
  }
  return g;
}

Tensor tensor_of(const std::vector<double>& values, const Shape& shape, DType dtype) {
  if (dtype == DType::kF64) return Tensor::from(values, shape);
  return Tensor::from(std::vector<float>(values.begin(), values.end()), shape);
}

struct Problem {
  DType dtype;
  Tensor weight, bias;

  explicit Problem(DType type) : dtype(type) {
    std::vector<double> w, b;
    for (int i = 0; i < kOut; ++i) {
      for (int j = 0; j < kIn; ++j) w.push_back(0.5 * std::cos(2.0 + i + 3 * j));
    }
    for (int i = 0; i < kOut; ++i) b.push_back(0.5 * std::sin(3.0 + i));
    weight = tensor_of(w, {kOut, kIn}, dtype);
    bias = tensor_of(b, {kOut}, dtype);
  }
  Parameters parameters() const { return {{"weight", weight}, {"bias", bias}}; }
  std::vector<double> values() const {
    std::vector<double> all = weight.values<double>();
    for (const double b : bias.values<double>()) all.push_back(b);
    return all;
  }
  void set_gradients(int t, int rows = kUsed) {
    const std::vector<double> g = gradient(values(), t, rows);
    weight.set_grad(tensor_of({g.begin(), g.begin() + kOut * kIn}, weight.shape(), dtype));
    bias.set_grad(tensor_of({g.begin() + kOut * kIn, g.end()}, bias.shape(), dtype));
  }
};

std::vector<ParameterGroup> groups_of(const json& c) {
  std::vector<ParameterGroup> groups;
  for (const json& g : c.value("groups", json::array())) {
    ParameterGroup group{.pattern = g["pattern"]};
    if (g.contains("lr")) group.learning_rate_factor = g["lr"];
    if (g.contains("weight_decay")) group.weight_decay = g["weight_decay"];
    if (g.contains("freeze")) group.freeze = g["freeze"];
    groups.push_back(group);
  }
  return groups;
}

std::unique_ptr<Optimizer> make_rule(const json& c, Parameters p) {
  const std::string kind = c["kind"];
  const auto number = [&](const char* key, double otherwise) { return c.value(key, otherwise); };
  const double decay = number("weight_decay", 0.0), momentum = number("momentum", 0.0);
  const std::vector<double> betas = c.value("betas", std::vector<double>{0.9, 0.999});
  const bool nesterov = c.value("nesterov", false), amsgrad = c.value("amsgrad", false);
  const double usual_epsilon = kind == "adagrad" ? 1e-10 : kind == "adadelta" ? 1e-6 : 1e-8;
  const double epsilon = kind == "adafactor" ? 0.0 : number("eps", usual_epsilon);
  if (kind == "sgd") return make_sgd(p, {decay, momentum, number("dampening", 0.0), nesterov});
  if (kind == "rprop") {
    const std::vector<double> etas = c.value("etas", std::vector<double>{0.5, 1.2});
    const std::vector<double> sizes = c.value("step_sizes", std::vector<double>{1e-6, 50.0});
    return make_rprop(p, {etas[0], etas[1], sizes[0], sizes[1]});
  }
  if (kind == "adadelta") return make_adadelta(p, {decay, number("rho", 0.9), epsilon});
  if (kind == "asgd") {
    return make_asgd(p, {decay, number("lambd", 1e-4), number("alpha", 0.75), number("t0", 1e6)});
  }
  if (kind == "adagrad") {
    return make_adagrad(p, {decay, number("lr_decay", 0.0), number("initial_accumulator_value", 0.0), epsilon});
  }
  if (kind == "rmsprop") {
    return make_rmsprop(p, {decay, number("alpha", 0.99), momentum, c.value("centered", false), epsilon});
  }
  if (kind == "adam") return make_adam(p, {decay, betas[0], betas[1], epsilon, amsgrad});
  if (kind == "adamax") return make_adamax(p, {decay, betas[0], betas[1], epsilon});
  if (kind == "radam") {
    return make_radam(p, {decay, betas[0], betas[1], epsilon, c.value("decoupled_weight_decay", false)});
  }
  if (kind == "nadam") return make_nadam(p, {decay, betas[0], betas[1], epsilon, number("momentum_decay", 4e-3)});
  if (kind == "lion") return make_lion(p, {decay, betas[0], betas[1]});
  if (kind == "schedule_free") return make_schedule_free(p, {decay, betas[0], betas[1], epsilon});
  if (kind == "adafactor") {
    AdafactorOptions o{
        .weight_decay = decay, .beta2_decay = number("beta2_decay", -0.8), .update_clip = number("d", 1.0)};
    const std::vector<double> both = c.value("eps", std::vector<double>{o.epsilon, o.smallest_scale});
    o.epsilon = both[0];
    o.smallest_scale = both[1];
    return make_adafactor(p, o);
  }
  if (kind == "muon") {
    return make_muon(p, {.weight_decay = decay,
                         .momentum = momentum,
                         .nesterov = nesterov,
                         .match_adamw = c.value("match", false),
                         .adamw_factor = number("adamw_factor", 1.0)});
  }
  EXPECT_EQ(kind, "adamw");
  return make_adamw(p, {decay, betas[0], betas[1], epsilon, amsgrad});
}

std::unique_ptr<Optimizer> make(const json& c, Parameters parameters) {
  auto optimizer = make_rule(c, std::move(parameters));
  optimizer->set_groups(groups_of(c));
  if (c.contains("ema")) optimizer->set_ema(c["ema"]);
  return optimizer;
}

int rows_of(const json& c) { return c.value("all_rows", false) ? kRows : kUsed; }

// FACTORS of the script.
double factor_of(const json& c, int t) {
  const std::string schedule = c.value("schedule", "constant");
  if (schedule == "cosine") return 0.5 * (1.0 + std::cos(std::numbers::pi * t / 1000));
  return schedule == "warmup" ? std::min(1.0, t / 20.0) : 1.0;
}

StepOptions step_options(const json& c, int t) {
  return {.learning_rate = c["lr"].get<double>() * factor_of(c, t),
          .gradient_divisor = static_cast<double>(rows_of(c)),
          .clip_norm = c.value("clip", 0.0),
          .clip_value = c.value("clip_value", 0.0),
          .penalty = {c.value("l1", 0.0), c.value("l2", 0.0), c.value("all", false)}};
}

double norm(const std::vector<double>& x) {
  double squares = 0.0;
  for (const double v : x) squares += v * v;
  return std::sqrt(squares);
}

double relative_error(const std::vector<double>& got, const std::vector<double>& expected) {
  std::vector<double> difference;
  for (size_t i = 0; i < expected.size(); ++i) difference.push_back(got.at(i) - expected[i]);
  return norm(difference) / norm(expected);
}

std::vector<double> average_values(Optimizer& optimizer) {
  std::vector<double> all;
  for (const Parameter& p : optimizer.averages()) {
    for (const double v : p.tensor.values<double>()) all.push_back(v);
  }
  return all;
}

// Up to the last stored step: from there on the problem's own rounding is too large (see the script).
void expect_equals_reference(const json& c, DType dtype, double (*tolerance)(int steps)) {
  Problem problem(dtype);
  const auto optimizer = make(c, problem.parameters());
  const size_t stored = c["after"].size();
  const int last = references()["steps"][stored - 1];
  size_t at = 0;
  for (int t = 0; t < last; ++t) {
    problem.set_gradients(t, rows_of(c));
    const StepReport report = optimizer->step(step_options(c, t));
    ASSERT_TRUE(report.finite);
    if (t + 1 != references()["steps"][at]) continue;
    const json& expected = c["after"][at++];
    const double limit = tolerance(t + 1), expected_norm = expected["norm"], expected_penalty = expected["penalty"];
    EXPECT_LE(relative_error(problem.values(), expected["parameters"]), limit) << "step " << t + 1;
    EXPECT_NEAR(report.gradient_norm, expected_norm, 10 * limit * (1 + expected_norm)) << "step " << t + 1;
    EXPECT_NEAR(report.penalty, expected_penalty, 10 * limit * expected_penalty) << "step " << t + 1;
    EXPECT_EQ(!optimizer->averages().empty(), expected.contains("average"));
    if (expected.contains("average")) {
      EXPECT_LE(relative_error(average_values(*optimizer), expected["average"]), limit) << "step " << t + 1;
    }
  }
  EXPECT_EQ(at, stored);
  EXPECT_EQ(optimizer->steps(), last);
}

TEST(Optimizer, EqualsTheReferencesInDoubleOverAThousandSteps) {
  for (const auto& [name, c] : references()["cases"].items()) {
    SCOPED_TRACE(name);
    expect_equals_reference(c, DType::kF64, [](int) { return 1e-9; });
  }
}

// A step rounds θ once, and its change, which is smaller, some four times, each by at most u = 2⁻²⁴ of it. On a convex
// problem at these rates a step does not push two points apart, so after n steps they are at most about n·4u apart,
// and the start was rounded too. (Momentum repeats a rounding of g 1/(1 − μ) times, but g is scaled by the rate.)
TEST(Optimizer, EqualsPyTorchInSinglePrecisionWithinItsRounding) {
  const std::set<std::string> kinds = {"sgd", "rprop", "adadelta", "adamw", "adamax", "radam"};
  for (const auto& [name, c] : references()["cases"].items()) {
    if (!kinds.contains(c["kind"])) continue;
    SCOPED_TRACE(name);
    expect_equals_reference(c, DType::kF32, [](int steps) { return (4 * steps + 4) * std::ldexp(1.0, -24); });
  }
}

// Rules that change each element by itself come first.
std::unique_ptr<Optimizer> make_kind(int kind, Parameters p) {
  switch (kind) {
    case 0:
      return make_sgd(p, {.weight_decay = 0.1});
    case 1:
      return make_sgd(p, {.weight_decay = 0.1, .momentum = 0.9});
    case 2:
      return make_sgd(p, {.momentum = 0.9, .nesterov = true});
    case 3:
      return make_adamw(p, {.weight_decay = 0.1});
    case 4:
      return make_adam(p, {.weight_decay = 0.1, .amsgrad = true});
    case 5:
      return make_nadam(p, {.weight_decay = 0.1});
    case 6:
      return make_adagrad(p, {.weight_decay = 0.1, .rate_decay = 0.1});
    case 7:
      return make_rmsprop(p, {.weight_decay = 0.1, .momentum = 0.5, .centered = true});
    case 8:
      return make_asgd(p, {.weight_decay = 0.1, .start = 1});
    case 9:
      return make_lion(p, {.weight_decay = 0.1});
    case 10:
      return make_schedule_free(p, {.weight_decay = 0.1});
    case 11:
      return make_rprop(p, {});
    case 12:
      return make_adadelta(p, {.weight_decay = 0.1});
    case 13:
      return make_adamax(p, {.weight_decay = 0.1});
    case 14:
      return make_radam(p, {.weight_decay = 0.1, .beta2 = 0.9, .decoupled_weight_decay = true});
    case 15:
      return make_sgd(p, {.momentum = 0.9, .dampening = 0.5});
    case 16:
      return make_adafactor(p, {.weight_decay = 0.1});
    default:
      return make_muon(p, {.weight_decay = 0.1});
  }
}
constexpr int kKinds = 18, kElementwiseKinds = 16;

Tensor waves(int64_t count, double speed, DType dtype) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(std::sin(0.5 + speed * static_cast<double>(i)));
  return tensor_of(values, {count}, dtype);
}

// Element i has the same bits in a vector, in what is left over, and alone.
TEST(Optimizer, EveryElementIsUpdatedAlikeWhereverItLies) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (int kind = 0; kind < kElementwiseKinds; ++kind) {
      for (const int64_t size : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 70}) {
        Tensor all = waves(size, 1.0, dtype), all_grad = waves(size, 2.0, dtype);
        std::vector<Tensor> single;
        Parameters alone;
        for (int64_t i = 0; i < size; ++i) single.push_back(all.view({1}, {1}, i).clone());
        for (Tensor& t : single) alone.push_back({"", t});
        const auto together = make_kind(kind, {{"", all}}), apart = make_kind(kind, alone);
        const StepOptions options{.learning_rate = 0.1, .penalty = {.l1 = 0.01, .l2 = 0.02, .all = true}};
        for (int step = 0; step < 8; ++step) {  // RAdam divides from the sixth on
          all.set_grad(all_grad);
          for (int64_t i = 0; i < size; ++i) single[i].set_grad(all_grad.view({1}, {1}, i));
          const StepReport a = together->step(options), b = apart->step(options);
          EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-13 * b.gradient_norm);
          EXPECT_NEAR(a.penalty, b.penalty, 1e-13 * b.penalty);
        }
        for (int64_t i = 0; i < size; ++i) {
          ASSERT_EQ(all.view({}, {}, i).item(), single[i].item()) << "kind " << kind << ", " << i << " of " << size;
        }
      }
    }
  }
}

TEST(Optimizer, ThreadsChangeNoBit) {
  constexpr int64_t kSize = 300'001;
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (int kind = 0; kind < kKinds; ++kind) {
      std::vector<double> first;
      for (const int count : {1, 2, 3}) {
        set_threads(count);
        Tensor x = waves(kSize, 1.0, dtype);
        const auto optimizer = make_kind(kind, {{"x", x}});
        std::vector<double> got;
        for (int step = 0; step < 2; ++step) {
          x.set_grad(waves(kSize, 2.0, dtype));
          const StepReport report =
              optimizer->step({.learning_rate = 0.1, .clip_norm = 1.0, .penalty = {.l1 = 0.1, .all = true}});
          got.push_back(report.gradient_norm);
          got.push_back(report.penalty);
        }
        for (const double v : x.values<double>()) got.push_back(v);
        if (first.empty()) first = got;
        EXPECT_TRUE(got == first) << count << " threads, kind " << kind;
      }
    }
  }
  set_threads(0);
}

std::vector<double> state_values(Optimizer& optimizer, size_t which) {
  return kernels::cast(optimizer.state()[which].tensor, DType::kF64).values<double>();
}

// Matrices of odd sizes, wide and tall, and more blocks of rows than one.
TEST(Optimizer, ThreadsChangeNoBitOfMatrices) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (int kind = kElementwiseKinds; kind < kKinds; ++kind) {
      for (const Shape& shape : {Shape{301, 517}, Shape{517, 301}, Shape{3, 70'001}}) {
        std::string first;
        for (const int count : {1, 2, 3}) {
          set_threads(count);
          Tensor x = waves(shape.numel(), 1.0, dtype).view(shape, {shape[1], 1}).clone();
          const auto optimizer = make_kind(kind, {{"x", x}});
          for (int step = 0; step < 2; ++step) {
            x.set_grad(waves(shape.numel(), 2.0, dtype).view(shape, {shape[1], 1}));
            optimizer->step({.learning_rate = 0.1});
          }
          const std::string bits = bits_of({{"x", x}}) + bits_of(optimizer->state());
          if (first.empty()) first = bits;
          EXPECT_TRUE(bits == first) << count << " threads, kind " << kind;
        }
      }
    }
  }
  set_threads(0);
}

// Means of squares by row and column are means of those of each matrix.
TEST(Adafactor, TakesMoreThanTwoDimensionsAsMatrices) {
  Tensor both = waves(24, 1.0, DType::kF64).view({2, 3, 4}, {12, 4, 1}).clone();
  Tensor one = both.view({3, 4}, {4, 1}, 12).clone();
  both.set_grad(waves(24, 2.0, DType::kF64).view({2, 3, 4}, {12, 4, 1}));
  one.set_grad(both.grad().view({3, 4}, {4, 1}, 12).clone());
  const auto a = make_adafactor({{"x", both}}, {}), b = make_adafactor({{"x", one}}, {});
  a->step({.learning_rate = 0.1});
  b->step({.learning_rate = 0.1});
  const std::vector<double> rows = state_values(*a, 0), own = state_values(*b, 0);
  EXPECT_EQ(std::vector<double>(rows.begin() + 3, rows.end()), own);
  EXPECT_EQ(state_values(*a, 1).size(), 8u);
}

// More blocks than are measured together; those after the first 256 hold another value.
TEST(Optimizer, MeasuresALargeGradientExactly) {
  constexpr int64_t kFirst = 256 * 32768, kRest = 32768 + 5;
  Tensor x = Tensor::zeros({kFirst + kRest}), g = Tensor::full({kFirst + kRest}, 3.0);
  std::fill_n(g.mutable_data<float>() + kFirst, kRest, 16.0F);
  x.set_grad(g);
  const StepReport report = make_sgd({{"x", x}}, {})->step({.gradient_divisor = 2.0});
  EXPECT_DOUBLE_EQ(report.gradient_norm, 0.5 * std::sqrt(9.0 * kFirst + 256.0 * kRest));
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The mean of squares moves by a thousandth of its distance to the new square, far below half a step of bf16: rounded
// to nearest it would stand still long before. Rounded at random, each of n elements is off by less than a step of
// 2⁻⁷ of itself an update, of which the last 1,000 or so still count: their mean by √1000·2⁻⁷/√n of it, at one
// deviation.
TEST(Optimizer, StateInBf16MovesAsThatInF32OnAverage) {
  constexpr int64_t kSize = 20'000, kSteps = 1'500;
  Tensor x = Tensor::zeros({kSize}), y = Tensor::zeros({kSize});
  const auto half = make_adamw({{"x", x}}, {.state = DType::kBF16}), full = make_adamw({{"y", y}}, {});
  for (int64_t step = 0; step < kSteps; ++step) {
    x.set_grad(Tensor::full({kSize}, 1.5));
    y.set_grad(Tensor::full({kSize}, 1.5));
    half->step({.learning_rate = 1e-3});
    full->step({.learning_rate = 1e-3});
  }
  EXPECT_EQ(half->state()[0].tensor.dtype(), DType::kBF16);
  EXPECT_EQ(half->state_bytes(), full->state_bytes() - 2 * 2 * kSize);
  const double square = state_values(*full, 1)[0];
  EXPECT_NEAR(square, 1.5 * 1.5 * (1 - std::pow(0.999, kSteps)), 1e-4);  // the closed form
  const double deviation = std::sqrt(1000.0) * std::ldexp(1.0, -7) / std::sqrt(1.0 * kSize);
  EXPECT_NEAR(mean_of(state_values(*half, 1)), square, 4 * deviation * square);
  EXPECT_NEAR(mean_of(state_values(*half, 0)), 1.5, 4 * deviation * 1.5);
  EXPECT_NEAR(mean_of(x.values<double>()), y.values<double>()[0], 0.005 * kSteps * 1e-3);
}

// The same for the rules whose state it is; each keeps to the f32 trajectory on average.
TEST(Optimizer, AllElementwiseStateInBf16StaysNearThatInF32) {
  constexpr int64_t kSize = 20'000, kSteps = 100;
  for (int kind = 0; kind < 10; ++kind) {
    const auto make_one = [&](const Tensor& x, DType state) -> std::unique_ptr<Optimizer> {
      const Parameters p = {{"x", x}};
      if (kind == 0) return make_adam(p, {.amsgrad = true, .state = state});
      if (kind == 1) return make_nadam(p, {.state = state});
      if (kind == 2) return make_adagrad(p, {.state = state});
      if (kind == 3) return make_rmsprop(p, {.momentum = 0.5, .state = state});
      if (kind == 4) return make_lion(p, {.state = state});
      if (kind == 5) return make_adadelta(p, {.state = state});
      if (kind == 6) return make_adamax(p, {.state = state});
      if (kind == 7) return make_radam(p, {.state = state});
      if (kind == 8) return make_rprop(p, {.largest_step = 0.01, .state = state});
      return make_muon(p, {.state = state});
    };
    Tensor x = Tensor::zeros({kSize}), y = Tensor::zeros({kSize});
    const auto half = make_one(x, DType::kBF16), full = make_one(y, DType::kF32);
    for (int64_t step = 0; step < kSteps; ++step) {
      x.set_grad(Tensor::full({kSize}, 1.5));
      y.set_grad(Tensor::full({kSize}, 1.5));
      half->step({.learning_rate = 1e-3});
      full->step({.learning_rate = 1e-3});
    }
    EXPECT_EQ(half->state()[0].tensor.dtype(), DType::kBF16);
    const double expected = y.values<double>()[0];
    // A step of bf16 is 2⁻⁷; AMSGrad's largest can lie one above.
    EXPECT_NEAR(mean_of(x.values<double>()), expected, 0.01 * std::abs(expected)) << "kind " << kind;
  }
}

TEST(Optimizer, MomentumInBf16IsTheClosedFormOnAverage) {
  constexpr int64_t kSize = 20'000;
  Tensor x = Tensor::zeros({kSize});
  const auto sgd = make_sgd({{"x", x}}, {.momentum = 0.9, .state = DType::kBF16});
  for (int64_t step = 0; step < 50; ++step) {
    x.set_grad(Tensor::full({kSize}, 0.7));
    sgd->step({.learning_rate = 1e-3});
  }
  const double velocity = 0.7 * (1 - std::pow(0.9, 50)) / (1 - 0.9);
  // Ten updates or so count; an element is off by a step of 2⁻⁷ at most in each.
  EXPECT_NEAR(mean_of(state_values(*sgd, 0)), velocity,
              4 * velocity * std::sqrt(10.0) * std::ldexp(1.0, -7) / std::sqrt(1.0 * kSize));
}

TEST(Optimizer, StateInBf16HasTheSameBitsForAnyThreadsAndIsDrawnAnew) {
  constexpr int64_t kSize = 100'003;
  std::string first;
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    Tensor x = waves(kSize, 1.0, DType::kF32), other = waves(kSize, 1.0, DType::kF32);
    const auto optimizer = make_adamw({{"x", x}, {"other", other}}, {.state = DType::kBF16});
    for (int step = 0; step < 2; ++step) {
      x.set_grad(waves(kSize, 2.0, DType::kF32));
      other.set_grad(waves(kSize, 2.0, DType::kF32));
      optimizer->step({.learning_rate = 0.1});
    }
    const std::string bits = bits_of(optimizer->state());
    if (first.empty()) first = bits;
    EXPECT_TRUE(bits == first) << count;
    EXPECT_NE(state_values(*optimizer, 0), state_values(*optimizer, 3));  // each parameter has noise of its own
  }
  set_threads(0);
}

TEST(Optimizer, StateInBf16IsForParametersOfF32) {
  EXPECT_EQ(usage_error_text([] {
              make_sgd({{"w", Tensor::zeros({2}, DType::kF64)}}, {.momentum = 0.5, .state = DType::kBF16});
            }),
            "[sgd] state is bf16 and parameter \"w\" is f64 (2,); bf16 is for parameters of f32");
  EXPECT_EQ(usage_error_text([] {
              make_adamw({{"w", Tensor::zeros({2})}}, {.state = DType::kF64});
            }),
            "[adamw] state is f64; expected f32 or bf16");
}

TEST(Optimizer, TheL1PenaltyHasNoSlopeAtZero) {
  Tensor x = Tensor::from(std::vector<double>{0.0, -0.0, 2.0, -2.0}, {2, 2});
  x.set_grad(Tensor::zeros({2, 2}, DType::kF64));
  const StepReport report = make_sgd({{"x", x}}, {})->step({.learning_rate = 1.0, .penalty = {.l1 = 0.5}});
  EXPECT_EQ(x.values<double>(), (std::vector<double>{0.0, 0.0, 1.5, -1.5}));
  EXPECT_DOUBLE_EQ(report.gradient_norm, std::sqrt(2 * 0.25));
  EXPECT_DOUBLE_EQ(report.penalty, 2.0);
}

// Squares of the largest floats do not overflow.
TEST(Optimizer, MeasuresHugeGradients) {
  Tensor x = Tensor::zeros({3});
  x.set_grad(Tensor::full({3}, 1e38));
  const StepReport report = make_sgd({{"x", x}}, {})->step({.learning_rate = 1.0, .clip_norm = 1.0});
  EXPECT_TRUE(report.finite);
  EXPECT_NEAR(report.gradient_norm / (std::sqrt(3.0) * 1e38), 1.0, 1e-7);
  EXPECT_NEAR(x.values<double>()[0], -1 / std::sqrt(3.0), 1e-6);
}

TEST(Optimizer, ChangesNothingWhenTheNormIsNotFinite) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (int kind = 0; kind < kKinds; ++kind) {
      Tensor w = Tensor::full({2, 3}, 0.5), b = Tensor::full({2}, 0.5);
      const auto optimizer = make_kind(kind, {{"w", w}, {"b", b}});
      const auto step = [&](double value) {
        w.set_grad(Tensor::full({2, 3}, 1.0));
        b.set_grad(Tensor::full({2}, value));
        return optimizer->step({.learning_rate = 0.1, .clip_norm = 1.0});
      };
      EXPECT_TRUE(step(1.0).finite);
      const auto all = [&] {
        std::vector<double> values = w.values<double>();
        for (const double v : b.values<double>()) values.push_back(v);
        for (const Parameter& p : optimizer->state()) {
          for (const double v : p.tensor.values<double>()) values.push_back(v);
        }
        return values;
      };
      const std::vector<double> before = all();
      EXPECT_FALSE(step(bad).finite);
      EXPECT_EQ(all(), before);
      EXPECT_EQ(optimizer->steps(), 1);
      EXPECT_FALSE(w.grad().defined() || b.grad().defined());
    }
  }
}

TEST(Optimizer, LeavesParametersWithoutAGradientAlone) {
  for (int kind = 0; kind < kKinds; ++kind) {
    Tensor used = Tensor::full({2}, 1.0, DType::kF64), late = Tensor::full({2}, 1.0, DType::kF64);
    const auto optimizer = make_kind(kind, {{"used", used}, {"late", late}});
    const auto step = [&] { optimizer->step({.learning_rate = 0.1}); };
    used.set_grad(Tensor::full({2}, 1.0, DType::kF64));
    step();
    EXPECT_EQ(late.values<double>(), (std::vector<double>{1.0, 1.0}));
    for (const Parameter& p : optimizer->state()) EXPECT_TRUE(p.name.starts_with("used."));
    const double first = used.values<double>()[0];
    late.set_grad(Tensor::full({2}, 1.0, DType::kF64));
    step();
    EXPECT_EQ(late.values<double>()[0], first) << "its first update is like that of the other";
    EXPECT_EQ(used.values<double>()[0], first);
    EXPECT_FALSE(late.grad().defined());
  }
}

TEST(Optimizer, NamesItsState) {
  const auto names = [](int kind) {
    Tensor w = Tensor::full({2, 3}, 1.0, DType::kF64);
    const auto optimizer = make_kind(kind, {{"h.0.w", w}});
    EXPECT_TRUE(optimizer->state().empty());
    w.set_grad(Tensor::full({2, 3}, 1.0, DType::kF64));
    optimizer->step({.learning_rate = 0.1});
    std::vector<std::string> all;
    for (const Parameter& p : optimizer->state()) all.push_back(p.name + " " + p.tensor.describe());
    return all;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(0), Names{});
  EXPECT_EQ(names(1), Names{"h.0.w.momentum f64 (2, 3)"});
  EXPECT_EQ(names(4), (Names{"h.0.w.moment1 f64 (2, 3)", "h.0.w.moment2 f64 (2, 3)", "h.0.w.largest f64 (2, 3)",
                             "h.0.w.steps i64 ()"}));
  EXPECT_EQ(names(5), (Names{"h.0.w.moment1 f64 (2, 3)", "h.0.w.moment2 f64 (2, 3)", "h.0.w.product f64 ()",
                             "h.0.w.steps i64 ()"}));
  EXPECT_EQ(names(6), (Names{"h.0.w.sum f64 (2, 3)", "h.0.w.steps i64 ()"}));
  EXPECT_EQ(names(7), (Names{"h.0.w.square f64 (2, 3)", "h.0.w.momentum f64 (2, 3)", "h.0.w.mean f64 (2, 3)"}));
  EXPECT_EQ(names(8), (Names{"h.0.w.average f64 (2, 3)", "h.0.w.rate f64 ()", "h.0.w.steps i64 ()"}));
  EXPECT_EQ(names(9), Names{"h.0.w.moment1 f64 (2, 3)"});
  EXPECT_EQ(names(10), (Names{"h.0.w.z f64 (2, 3)", "h.0.w.moment2 f64 (2, 3)", "h.0.w.largest_rate f64 ()",
                              "h.0.w.rates f64 ()", "h.0.w.steps i64 ()"}));
  EXPECT_EQ(names(11), (Names{"h.0.w.gradient f64 (2, 3)", "h.0.w.step_size f64 (2, 3)"}));
  EXPECT_EQ(names(12), (Names{"h.0.w.square f64 (2, 3)", "h.0.w.change f64 (2, 3)"}));
  EXPECT_EQ(names(13), (Names{"h.0.w.moment1 f64 (2, 3)", "h.0.w.largest f64 (2, 3)", "h.0.w.steps i64 ()"}));
  EXPECT_EQ(names(14), (Names{"h.0.w.moment1 f64 (2, 3)", "h.0.w.moment2 f64 (2, 3)", "h.0.w.steps i64 ()"}));
  EXPECT_EQ(names(16), (Names{"h.0.w.rows f64 (2,)", "h.0.w.columns f64 (3,)", "h.0.w.steps i64 ()"}));
  EXPECT_EQ(names(17), Names{"h.0.w.momentum f64 (2, 3)"});
  EXPECT_EQ(names(3), (Names{"h.0.w.moment1 f64 (2, 3)", "h.0.w.moment2 f64 (2, 3)", "h.0.w.steps i64 ()"}));
}

TEST(Optimizer, ASteadyStepAsksTheSystemForNoMemory) {
  for (int kind = 0; kind < kKinds; ++kind) {
    Problem problem(DType::kF32);
    const auto optimizer = make_kind(kind, problem.parameters());
    [[maybe_unused]] int64_t steady = 0;
    int64_t in_use = 0;
    for (int t = 0; t < 5; ++t) {
      problem.set_gradients(t);
      optimizer->step({.learning_rate = 0.01, .clip_norm = 1.0});
      if (t == 1) steady = memory_statistics().system_allocations, in_use = memory_statistics().in_use;
    }
    EXPECT_EQ(memory_statistics().in_use, in_use);
    // Where the pool keeps nothing, for sanitizers, every tensor is an allocation.
#if !GRADUS_POOL_PASSTHROUGH
    EXPECT_EQ(memory_statistics().system_allocations, steady);
#endif
  }
}

TEST(Optimizer, TakesViewsAsGradientsAndMarksTheParameterAsChanged) {
  Tensor w = Tensor::zeros({2, 2}, DType::kF64);
  const uint32_t version = w.version();
  w.set_grad(Tensor::from(std::vector<double>{1, 2, 3, 4}, {2, 2}).view({2, 2}, {1, 2}));
  make_sgd({{"w", w}}, {})->step({.learning_rate = 1.0});
  EXPECT_EQ(w.values<double>(), (std::vector<double>{-1, -3, -2, -4}));
  EXPECT_GT(w.version(), version);
}

// In f32 1e-50 is 0, and 0/0 would be NaN.
TEST(AdamW, AnElementThatNeverHadAGradientStaysWithATinyEpsilon) {
  Tensor w = Tensor::full({3}, 1.0);
  const auto optimizer = make_adamw({{"w", w}}, {.epsilon = 1e-50});
  w.set_grad(Tensor::from(std::vector<float>{0, 1, 0}, {3}));
  optimizer->step({.learning_rate = 0.5});
  EXPECT_EQ(w.values<double>(), (std::vector<double>{1.0, 0.5, 1.0}));
}

TEST(Optimizer, OptionsOutOfRangeAreUsageErrorsAndChangeNothing) {
  Tensor w = Tensor::full({2}, 1.0);
  const auto optimizer = make_sgd({{"w", w}}, {});
  const auto text = [&](const StepOptions& options) {
    w.set_grad(Tensor::full({2}, 1.0));
    return usage_error_text([&] { optimizer->step(options); });
  };
  EXPECT_EQ(text({.learning_rate = -1.0}), "[optimizer] learning_rate is -1; expected a finite number from 0");
  EXPECT_EQ(text({.learning_rate = std::nan("")}), "[optimizer] learning_rate is nan; expected a finite number from 0");
  EXPECT_EQ(
      text({.gradient_divisor = 0.0}),
      "[optimizer] gradient_divisor is 0; expected a finite number above 0: the total weight of the step's losses");
  EXPECT_EQ(text({.clip_norm = -0.5}), "[optimizer] clip_norm is -0.5; expected a finite number from 0");
  EXPECT_EQ(text({.penalty = {.l1 = -2.0}}), "[optimizer] l1 is -2; expected a finite number from 0");
  EXPECT_EQ(text({.penalty = {.l2 = -2.0}}), "[optimizer] l2 is -2; expected a finite number from 0");
  EXPECT_EQ(w.values<double>()[0], 1.0);
  EXPECT_EQ(optimizer->steps(), 0);
  w.set_grad({});
  EXPECT_EQ(usage_error_text([&] { optimizer->step({}); }),
            "[optimizer] none of the 1 parameters has a gradient; call backward before each step");

  EXPECT_EQ(usage_error_text([] { make_sgd({}, {.weight_decay = -1.0}); }),
            "[sgd] weight_decay is -1; expected a finite number from 0");
  EXPECT_EQ(usage_error_text([] { make_sgd({}, {.momentum = 1.0}); }),
            "[sgd] momentum is 1; expected a number from 0, below 1");
  EXPECT_EQ(usage_error_text([] { make_sgd({}, {.nesterov = true}); }),
            "[sgd] nesterov is true and momentum is 0; set momentum above 0, e.g. 0.9");
  EXPECT_EQ(usage_error_text([] { make_sgd({}, {.momentum = 0.9, .dampening = 1.0}); }),
            "[sgd] dampening is 1; expected a number from 0, below 1");
  EXPECT_EQ(usage_error_text([] { make_sgd({}, {.dampening = 0.5}); }),
            "[sgd] dampening is 0.5, but there is no momentum; set dampening to 0");
  EXPECT_EQ(usage_error_text([] { make_sgd({}, {.momentum = 0.9, .dampening = 0.5, .nesterov = true}); }),
            "[sgd] dampening is 0.5, but there is Nesterov's momentum, which is without; set dampening to 0");
  EXPECT_EQ(usage_error_text([] { make_adamw({}, {.beta1 = -0.1}); }),
            "[adamw] beta1 is -0.1; expected a number from 0, below 1");
  EXPECT_EQ(usage_error_text([] { make_adamw({}, {.beta2 = 1.0}); }),
            "[adamw] beta2 is 1; expected a number from 0, below 1");
  EXPECT_EQ(usage_error_text([] { make_adamw({}, {.epsilon = 0.0}); }),
            "[adamw] epsilon is 0; expected a finite number above 0, e.g. 1e-8");
}

TEST(Optimizer, RefusesParametersItCannotUpdate) {
  const Tensor w = Tensor::zeros({2, 3});
  EXPECT_EQ(error_text([&] {
              make_sgd({{"a", w}, {"b", w}}, {});
            }),
            "[optimizer] parameters \"a\" and \"b\" are one tensor; list it once");
  EXPECT_EQ(error_text([&] {
              make_sgd({{"a", w.view({3, 2}, {1, 3})}}, {});
            }),
            "[optimizer] parameter \"a\" is f32 (3, 2), not contiguous; expected contiguous f32 or f64");
  EXPECT_EQ(error_text([&] {
              make_sgd({{"a", Tensor::zeros({2}, DType::kI64)}}, {});
            }),
            "[optimizer] parameter \"a\" is i64 (2,); expected contiguous f32 or f64");
  EXPECT_EQ(error_text([&] { make_sgd({{"a", {}}}, {}); }), "[optimizer] parameter \"a\" is undefined");
}

}  // namespace optimizer_test
}  // namespace gradus
