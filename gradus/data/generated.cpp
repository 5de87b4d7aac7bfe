#include "gradus/data/generated.h"

#include <cmath>
#include <numbers>

#include "gradus/base/error.h"
#include "gradus/base/random.h"

namespace gradus {
namespace {

void check_finite(const char* what, std::initializer_list<double> values) {
  for (const double value : values) {
    if (!std::isfinite(value)) fail_usage(what, "an option is {}; expected finite numbers", value);
  }
}

template <class Function>
TensorDataset make_curve(const char* name, const CurveOptions& o, uint64_t seed, Function y_of) {
  if (o.points < 1) fail_usage(name, "points is {}; expected at least 1", o.points);
  check_finite(name, {o.x_min, o.x_max, o.noise});
  const Tensor x = Tensor::linspace(o.x_min, o.x_max, o.points).view({o.points, 1}, {1, 1});
  Tensor y = Tensor::empty({o.points, 1});
  const RandomStream stream(mix(seed, hash_name(std::string(name) + ".noise")));
  const float* from = x.data<float>();
  float* to = y.mutable_data<float>();
  for (int64_t i = 0; i < o.points; ++i) {
    const double exact = y_of(static_cast<double>(from[i]));
    to[i] = static_cast<float>(exact + o.noise * stream.normal(0, static_cast<uint64_t>(i)));
  }
  return TensorDataset(x, y);
}

// `place(i, class, coordinates)` gives the exact place of example i.
template <class Place>
TensorDataset make_classes(const char* name, const ClassOptions& o, int64_t classes, int64_t dimensions, uint64_t seed,
                           Place place) {
  if (o.points < classes || classes < 2) {
    fail_usage(name, "{} points of {} classes; expected 2 classes or more, and a point of each", o.points, classes);
  }
  check_finite(name, {o.noise});
  Tensor x = Tensor::empty({o.points, dimensions}), y = Tensor::empty({o.points}, DType::kI64);
  float* const to = x.mutable_data<float>();
  int64_t* const label = y.mutable_data<int64_t>();
  const RandomStream noise(mix(seed, hash_name(std::string(name) + ".noise")));
  std::vector<double> exact(static_cast<size_t>(dimensions));
  for (int64_t i = 0; i < o.points; ++i) {
    label[i] = place(i, i % classes, exact);
    for (int64_t d = 0; d < dimensions; ++d) {
      const double error = o.noise * noise.normal(static_cast<uint64_t>(i), static_cast<uint64_t>(d));
      to[i * dimensions + d] = static_cast<float>(exact[static_cast<size_t>(d)] + error);
    }
  }
  return TensorDataset(x, y);
}

// Where example i stands among those of its class, 0 … 1.
double part_of(const ClassOptions& o, int64_t classes, int64_t i) {
  const int64_t own = i % classes, count = (o.points - own + classes - 1) / classes;
  return count > 1 ? static_cast<double>(i / classes) / static_cast<double>(count - 1) : 0.5;
}

}  // namespace

TensorDataset make_line(const LineOptions& o, uint64_t seed) {
  check_finite("line", {o.slope, o.intercept});
  return make_curve("line", {o.points, o.x_min, o.x_max, o.noise}, seed,
                    [&](double x) { return o.slope * x + o.intercept; });
}

TensorDataset make_polynomial(const CurveOptions& options, const std::vector<double>& coefficients, uint64_t seed) {
  for (const double c : coefficients) check_finite("polynomial", {c});
  return make_curve("polynomial", options, seed, [&](double x) {
    double y = 0.0;
    for (size_t i = coefficients.size(); i-- > 0;) y = y * x + coefficients[i];
    return y;
  });
}

TensorDataset make_sine(const CurveOptions& options, double amplitude, double frequency, uint64_t seed) {
  check_finite("sine", {amplitude, frequency});
  return make_curve("sine", options, seed,
                    [=](double x) { return amplitude * std::sin(2.0 * std::numbers::pi * frequency * x); });
}

TensorDataset make_blobs(const ClassOptions& o, int64_t dimensions, uint64_t seed) {
  if (dimensions < 1) fail_usage("blobs", "dimensions is {}; expected at least 1", dimensions);
  const RandomStream centres(mix(seed, hash_name("blobs.centres")));
  return make_classes("blobs", o, o.classes, dimensions, seed, [&](int64_t, int64_t own, std::vector<double>& at) {
    for (size_t d = 0; d < at.size(); ++d) at[d] = 2.0 * centres.uniform(static_cast<uint64_t>(own), d) - 1.0;
    return own;
  });
}

TensorDataset make_moons(const ClassOptions& o, uint64_t seed) {
  return make_classes("moons", o, 2, 2, seed, [&](int64_t i, int64_t own, std::vector<double>& at) {
    const double t = std::numbers::pi * part_of(o, 2, i);
    at[0] = own == 0 ? std::cos(t) : 1.0 - std::cos(t);
    at[1] = own == 0 ? std::sin(t) : 0.5 - std::sin(t);
    return own;
  });
}

TensorDataset make_spirals(const ClassOptions& o, double turns, uint64_t seed) {
  check_finite("spirals", {turns});
  return make_classes("spirals", o, o.classes, 2, seed, [&](int64_t i, int64_t own, std::vector<double>& at) {
    const double r = part_of(o, o.classes, i);
    const double turn = r * turns + static_cast<double>(own) / static_cast<double>(o.classes);
    at[0] = r * std::cos(2.0 * std::numbers::pi * turn);
    at[1] = r * std::sin(2.0 * std::numbers::pi * turn);
    return own;
  });
}

TensorDataset make_xor(const ClassOptions& o, uint64_t seed) {
  const RandomStream places(mix(seed, hash_name("xor.places")));
  return make_classes("xor", o, 2, 2, seed, [&](int64_t i, int64_t own, std::vector<double>& at) {
    for (size_t d = 0; d < 2; ++d) at[d] = places.uniform(static_cast<uint64_t>(i), d);
    // Half of the points in each class: the first coordinate's sign is free, the second follows.
    const bool left = i / 2 % 2 == 1, below = left == (own == 0);
    if (left) at[0] = -at[0];
    if (below) at[1] = -at[1];
    return own;
  });
}

}  // namespace gradus
