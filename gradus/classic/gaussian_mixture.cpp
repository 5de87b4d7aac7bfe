#include "gradus/classic/gaussian_mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/classic/gaussian_density.h"
#include "gradus/classic/kmeans.h"
#include "gradus/classic/kmeans_start.h"
#include "gradus/classic/rows.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

using detail::GaussianDensities;
using detail::Moments;
using detail::RowBlocks;

constexpr const char* kGaussianMixture = "gaussian_mixture";

// The moments of all rows about `means` (K, D). `fill(first row, rows, to)` writes responsibilities (rows, K) and
// returns what is to be added up as the log-likelihood.
template <class Fill>
Moments moments_of(const Tensor& x, Covariance covariance, const Tensor& means, Fill&& fill) {
  const int64_t components = means.size(0), columns = means.size(1);
  const int64_t width = covariance == Covariance::kFull ? columns : 1;
  const RowBlocks blocks(x.size(0), 8 * components * (1 + columns * (1 + width)));
  std::vector<Moments> parts(static_cast<size_t>(blocks.count), Moments(covariance, 0, columns));
  parallel_for(x.size(0), blocks.length, [&](int64_t begin, int64_t end) {
    Moments part(covariance, components, columns);
    std::vector<double> responsibilities(static_cast<size_t>(kMixtureRowsTogether * components));
    for (int64_t row = begin; row < end; row += kMixtureRowsTogether) {
      const int64_t rows = std::min(kMixtureRowsTogether, end - row);
      part.log_likelihood += fill(row, rows, responsibilities.data());
      part.add(x.data<float>() + row * columns, rows, means.data<double>(), responsibilities.data());
    }
    parts[static_cast<size_t>(begin / blocks.length)] = std::move(part);
  });
  for (size_t b = 1; b < parts.size(); ++b) parts[0].add(parts[b]);
  return std::move(parts[0]);
}

// The mixture by responsibilities: first the means alone, then the covariances about them, so that these lose nothing
// where components are far apart.
template <class Fill>
GaussianMixture mixture_by(const Tensor& x, const std::vector<double>& mean, const GaussianMixtureOptions& o,
                           Fill&& fill) {
  const int64_t columns = x.size(1);
  Tensor means = Tensor::empty({o.components, columns}, DType::kF64);
  for (int64_t k = 0; k < o.components; ++k) {
    std::copy(mean.begin(), mean.end(), means.mutable_data<double>() + k * columns);
  }
  const Moments first = moments_of(x, Covariance::kDiagonal, means, fill);
  means = maximize(first, Covariance::kDiagonal, means, o.regularization).means;
  return maximize(moments_of(x, o.covariance, means, fill), o.covariance, means, o.regularization);
}

Tensor checked_responsibilities(const Tensor& given, int64_t rows, int64_t components) {
  if (!given.defined() || !is_float(given.dtype()) || !(given.shape() == Shape{rows, components})) {
    fail(kGaussianMixture, "the responsibilities are {}; expected f32 or f64 ({}, {})",
         given.defined() ? given.describe() : "undefined", rows, components);
  }
  Tensor result = kernels::contiguous(kernels::cast(given, DType::kF64));
  for (int64_t i = 0; i < rows; ++i) {
    const double* row = result.data<double>() + i * components;
    const double sum = std::accumulate(row, row + components, 0.0);
    const bool is_whole = std::abs(sum - 1.0) <= 1e-5;
    if (!is_whole || *std::min_element(row, row + components) < 0.0) {
      fail(kGaussianMixture, "the responsibilities of row {} have the sum {}; expected numbers from 0 with the sum 1",
           i, sum);
    }
  }
  return result;
}

GaussianMixture mixture_at_start(const Tensor& x, const std::vector<double>& mean, const GaussianMixtureOptions& o) {
  const int64_t k = o.components;
  if (o.start == MixtureStart::kResponsibilities) {
    const Tensor given = checked_responsibilities(o.responsibilities, x.size(0), k);
    return mixture_by(x, mean, o, [&](int64_t row, int64_t rows, double* to) {
      std::copy_n(given.data<double>() + row * k, rows * k, to);
      return 0.0;
    });
  }
  Tensor labels;
  if (o.start == MixtureStart::kKMeans) {
    labels = fit_kmeans(x, {.clusters = k, .seed = o.seed}).labels;
  } else if (o.start != MixtureStart::kMeans) {
    const KMeansStart start = o.start == MixtureStart::kRandom ? KMeansStart::kRandom : KMeansStart::kPlusPlus;
    labels =
        nearest_centers(x, detail::start_centers(kGaussianMixture, x, {.clusters = k, .start = start, .seed = o.seed}));
  } else {
    labels = nearest_centers(x, o.means);
    if (o.means.size(0) != k) {
      fail_usage(kGaussianMixture, "{} means are given for {} components; expected as many", o.means.size(0), k);
    }
  }
  const int64_t* label = labels.data<int64_t>();
  return mixture_by(x, mean, o, [&](int64_t row, int64_t rows, double* to) {
    std::fill_n(to, rows * k, 0.0);
    for (int64_t i = 0; i < rows; ++i) to[i * k + label[row + i]] = 1.0;
    return 0.0;
  });
}

void check_options(const Tensor& x, const GaussianMixtureOptions& o) {
  if (o.components < 1 || o.components > x.size(0)) {
    fail_usage(kGaussianMixture, "{} components for {} rows; expected 1 or more, and no more than rows", o.components,
               x.size(0));
  }
  if (!(o.regularization >= 0.0 && std::isfinite(o.regularization))) {
    fail_usage(kGaussianMixture, "regularization is {}; expected a finite number from 0", o.regularization);
  }
  if (!(o.tolerance >= 0.0 && std::isfinite(o.tolerance))) {
    fail_usage(kGaussianMixture, "tolerance is {}; expected a finite number from 0", o.tolerance);
  }
}

// Calls `take(first row, rows, joint logarithms (rows, K))` for groups of the rows, on several threads.
template <class Take>
void for_joint_logs(const GaussianMixture& mixture, const Tensor& any, Take&& take) {
  const Tensor x = detail::checked_rows(kGaussianMixture, any);
  if (x.size(1) != mixture.means.size(1)) {
    fail(kGaussianMixture, "the data is {}; expected {} columns, as the mixture has", x.describe(),
         mixture.means.size(1));
  }
  const GaussianDensities densities(kGaussianMixture, mixture);
  parallel_for(x.size(0), kMixtureRowsTogether, [&](int64_t begin, int64_t end) {
    std::vector<double> joint(static_cast<size_t>((end - begin) * mixture.means.size(0)));
    densities.joint_logs(x.data<float>() + begin * x.size(1), end - begin, joint.data());
    take(begin, end - begin, joint.data());
  });
}

}  // namespace

Tensor GaussianMixture::log_likelihoods(const Tensor& x) const {
  Tensor result = Tensor::empty({x.size(0)}, DType::kF64);
  double* to = result.mutable_data<double>();
  for_joint_logs(*this, x, [&](int64_t row, int64_t rows, double* joint) {
    detail::normalize_logs(rows, means.size(0), joint, to + row);
  });
  return result;
}

double GaussianMixture::score(const Tensor& x) const {
  const Tensor logs = log_likelihoods(x);
  const double* log = logs.data<double>();
  return std::accumulate(log, log + logs.numel(), 0.0) / static_cast<double>(logs.numel());
}

Tensor GaussianMixture::probabilities(const Tensor& x) const {
  const int64_t components = means.size(0);
  Tensor result = Tensor::empty({x.size(0), components}, DType::kF64);
  double* to = result.mutable_data<double>();
  for_joint_logs(*this, x, [&](int64_t row, int64_t rows, double* joint) {
    detail::normalize_logs(rows, components, joint);
    std::copy_n(joint, rows * components, to + row * components);
  });
  return result;
}

Tensor GaussianMixture::predict(const Tensor& x) const {
  const int64_t components = means.size(0);
  Tensor result = Tensor::empty({x.size(0)}, DType::kI64);
  int64_t* to = result.mutable_data<int64_t>();
  for_joint_logs(*this, x, [&](int64_t row, int64_t rows, double* joint) {
    for (int64_t i = 0; i < rows; ++i, joint += components) {
      to[row + i] = std::max_element(joint, joint + components) - joint;
    }
  });
  return result;
}

int64_t GaussianMixture::free_parameters() const {
  const int64_t k = means.size(0), d = means.size(1);
  const int64_t variances = covariance == Covariance::kFull ? d * (d + 1) / 2 : d;
  return k * (variances + d) + k - 1;
}

double GaussianMixture::bic(const Tensor& x) const {
  const double rows = static_cast<double>(x.size(0));
  return -2.0 * rows * score(x) + static_cast<double>(free_parameters()) * std::log(rows);
}

double GaussianMixture::aic(const Tensor& x) const {
  return -2.0 * static_cast<double>(x.size(0)) * score(x) + 2.0 * static_cast<double>(free_parameters());
}

ExpectationMaximization::ExpectationMaximization(const Tensor& x, const GaussianMixtureOptions& options)
    : regularization_(options.regularization),
      tolerance_(options.tolerance),
      lower_bound_(-std::numeric_limits<double>::infinity()) {
  detail::RowStatistics statistics;
  x_ = detail::checked_rows(kGaussianMixture, x, &statistics);
  check_options(x_, options);
  mixture_ = mixture_at_start(x_, statistics.means, options);
}

MixtureRound ExpectationMaximization::step() {
  const GaussianDensities densities(kGaussianMixture, mixture_);
  const auto expect = [&](int64_t row, int64_t rows, double* to) {
    densities.joint_logs(x_.data<float>() + row * x_.size(1), rows, to);
    return detail::normalize_logs(rows, mixture_.means.size(0), to);
  };
  const Moments moments = moments_of(x_, mixture_.covariance, mixture_.means, expect);
  MixtureRound round{++round_, moments.log_likelihood / static_cast<double>(x_.size(0))};
  round.converged = std::abs(round.lower_bound - lower_bound_) < tolerance_;
  lower_bound_ = round.lower_bound;
  mixture_ = maximize(moments, mixture_.covariance, mixture_.means, regularization_);
  return round;
}

GaussianMixture ExpectationMaximization::mixture() const { return mixture_; }

NamedTensors ExpectationMaximization::state() const {
  return {{"weights", mixture_.weights},
          {"means", mixture_.means},
          {"covariances", mixture_.covariances},
          {"lower_bound", Tensor::scalar(lower_bound_, DType::kF64)},
          {"round", Tensor::from(std::vector<int64_t>{round_}, {})}};
}

void ExpectationMaximization::restore(const NamedTensors& state) {
  GaussianMixture mixture{.covariance = mixture_.covariance};
  mixture.weights = detail::find_state(kGaussianMixture, state, "weights", mixture_.weights);
  mixture.means = detail::find_state(kGaussianMixture, state, "means", mixture_.means);
  mixture.covariances = detail::find_state(kGaussianMixture, state, "covariances", mixture_.covariances);
  const Tensor bound = detail::find_state(kGaussianMixture, state, "lower_bound", Tensor::scalar(0.0, DType::kF64));
  const Tensor round = detail::find_state(kGaussianMixture, state, "round", Tensor::scalar(0.0, DType::kI64));
  mixture_ = std::move(mixture);
  lower_bound_ = bound.item();
  round_ = round.values<int64_t>()[0];
}

GaussianMixtureResult fit_gaussian_mixture(const Tensor& x, const GaussianMixtureOptions& options) {
  if (options.max_rounds < 1) fail_usage(kGaussianMixture, "{} rounds at most; expected 1 or more", options.max_rounds);
  if (options.starts < 1) fail_usage(kGaussianMixture, "{} starts; expected 1 or more", options.starts);
  GaussianMixtureResult best{.lower_bound = -std::numeric_limits<double>::infinity()};
  for (int64_t i = 0; i < options.starts; ++i) {
    GaussianMixtureOptions own = options;
    if (i > 0) own.seed = mix(options.seed, static_cast<uint64_t>(i));
    ExpectationMaximization learner(x, own);
    MixtureRound round;
    while (round.round < options.max_rounds && !round.converged) round = learner.step();
    if (i == 0 || round.lower_bound > best.lower_bound) {
      best = {learner.mixture(), round.lower_bound, round.round, round.converged, own.seed};
    }
  }
  return best;
}

}  // namespace gradus
