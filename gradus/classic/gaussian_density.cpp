#include "gradus/classic/gaussian_density.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/product.h"

namespace gradus::detail {
namespace {

// The lower factor of a symmetric matrix (n, n) in its place, the upper half left as it was. False if a pivot is not
// above 0.
bool factor_cholesky(double* a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double rest = a[i * n + j];
      for (int64_t p = 0; p < j; ++p) rest -= a[i * n + p] * a[j * n + p];
      if (i > j) {
        a[i * n + j] = rest / a[j * n + j];
      } else if (rest > 0.0 && std::isfinite(rest)) {
        a[i * n + i] = std::sqrt(rest);
      } else {
        return false;
      }
    }
  }
  return true;
}

// The inverse of a lower factor, zeros above.
void invert_lower(const double* l, int64_t n, double* out) {
  std::fill_n(out, n * n, 0.0);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double rest = i == j ? 1.0 : 0.0;
      for (int64_t p = j; p < i; ++p) rest -= l[i * n + p] * out[p * n + j];
      out[i * n + j] = rest / l[i * n + i];
    }
  }
}

// to = x − mean, row by row.
void subtract_mean(const float* x, int64_t rows, int64_t columns, const double* mean, double* to) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t p = 0; p < columns; ++p) *to++ = static_cast<double>(*x++) - mean[p];
  }
}

}  // namespace

GaussianDensities::GaussianDensities(std::string_view subject, const GaussianMixture& mixture)
    : mixture_(mixture), components_(mixture.means.size(0)), columns_(mixture.means.size(1)) {
  const bool is_full = mixture.covariance == Covariance::kFull;
  const int64_t own = mixture.covariances.numel() / components_, stride = is_full ? columns_ + 1 : 1;
  whitening_.resize(static_cast<size_t>(mixture.covariances.numel()));
  for (int64_t k = 0; k < components_; ++k) {
    const double* covariance = mixture.covariances.data<double>() + k * own;
    std::vector<double> factor(covariance, covariance + own);
    bool is_positive = true;
    if (is_full) {
      is_positive = factor_cholesky(factor.data(), columns_);
    } else {
      for (double& value : factor) {
        is_positive = is_positive && value > 0.0 && std::isfinite(value);
        value = std::sqrt(value);
      }
    }
    if (!is_positive) {
      fail(subject,
           "the covariance of component {} is not positive definite, as few rows or dependent columns make it; use "
           "fewer "
           "components or a larger regularization",
           k);
    }
    double constant = std::log(mixture.weights.data<double>()[k]) -
                      0.5 * static_cast<double>(columns_) * std::log(2.0 * std::numbers::pi);
    double* whitening = whitening_.data() + k * own;
    for (int64_t p = 0; p < columns_; ++p) constant -= std::log(factor[static_cast<size_t>(p * stride)]);
    if (is_full) {
      invert_lower(factor.data(), columns_, whitening);
    } else {
      std::transform(factor.begin(), factor.end(), whitening, [](double deviation) { return 1.0 / deviation; });
    }
    constants_.push_back(constant);
  }
}

void GaussianDensities::joint_logs(const float* x, int64_t rows, double* out) const {
  const int64_t d = columns_;
  const bool is_full = mixture_.covariance == Covariance::kFull;
  std::vector<double> off(static_cast<size_t>(rows * d)), white(is_full ? off.size() : 0);
  for (int64_t k = 0; k < components_; ++k) {
    subtract_mean(x, rows, d, mixture_.means.data<double>() + k * d, off.data());
    const double* factors = whitening_.data() + k * (is_full ? d * d : d);
    if (is_full) {
      kernels::packed_product<double>(rows, d, d, {off.data(), d, 1}, {factors, 1, d}, white.data(), d, false);
    }
    const double* from = is_full ? white.data() : off.data();
    for (int64_t i = 0; i < rows; ++i) {
      double squares = 0.0;
      for (int64_t p = 0; p < d; ++p, ++from) {
        const double value = is_full ? *from : *from * factors[p];
        squares += value * value;
      }
      out[i * components_ + k] = constants_[static_cast<size_t>(k)] - 0.5 * squares;
    }
  }
}

double normalize_logs(int64_t rows, int64_t components, double* joint, double* logs) {
  double total = 0.0;
  for (int64_t i = 0; i < rows; ++i, joint += components) {
    const double largest = *std::max_element(joint, joint + components);
    double sum = 0.0;
    for (int64_t k = 0; k < components; ++k) sum += std::exp(joint[k] - largest);
    const double log = largest + std::log(sum);
    for (int64_t k = 0; k < components; ++k) joint[k] = std::exp(joint[k] - log);
    if (logs != nullptr) logs[i] = log;
    total += log;
  }
  return total;
}

Moments::Moments(Covariance covariance, int64_t components, int64_t columns)
    : counts(static_cast<size_t>(components)),
      firsts(static_cast<size_t>(components * columns)),
      seconds(static_cast<size_t>(components * columns * (covariance == Covariance::kFull ? columns : 1))) {}

void Moments::add(const float* x, int64_t rows, const double* means, const double* responsibilities) {
  const int64_t components = static_cast<int64_t>(counts.size()), d = static_cast<int64_t>(firsts.size()) / components;
  const bool is_full = seconds.size() != firsts.size() || d == 1;
  std::vector<double> off(static_cast<size_t>(rows * d)), weighted(off.size());
  for (int64_t k = 0; k < components; ++k) {
    subtract_mean(x, rows, d, means + k * d, off.data());
    double *first = firsts.data() + k * d, *second = seconds.data() + k * (is_full ? d * d : d);
    for (int64_t i = 0; i < rows; ++i) {
      const double r = responsibilities[i * components + k];
      counts[static_cast<size_t>(k)] += r;
      for (int64_t p = 0; p < d; ++p) {
        const double value = off[static_cast<size_t>(i * d + p)];
        weighted[static_cast<size_t>(i * d + p)] = r * value;
        first[p] += r * value;
        if (!is_full) second[p] += r * value * value;
      }
    }
    if (is_full) {
      kernels::packed_product<double>(d, d, rows, {weighted.data(), 1, d}, {off.data(), d, 1}, second, d, true);
    }
  }
}

void Moments::add(const Moments& other) {
  const auto add_all = [](std::vector<double>& to, const std::vector<double>& from) {
    for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  };
  add_all(counts, other.counts);
  add_all(firsts, other.firsts);
  add_all(seconds, other.seconds);
  log_likelihood += other.log_likelihood;
}

GaussianMixture maximize(const Moments& moments, Covariance covariance, const Tensor& old, double regularization) {
  const int64_t components = old.size(0), d = old.size(1);
  const bool is_full = covariance == Covariance::kFull;
  GaussianMixture next{covariance, Tensor::empty({components}, DType::kF64),
                       Tensor::empty({components, d}, DType::kF64),
                       Tensor::empty(is_full ? Shape{components, d, d} : Shape{components, d}, DType::kF64)};
  double *weights = next.weights.mutable_data<double>(), *means = next.means.mutable_data<double>(),
         *covariances = next.covariances.mutable_data<double>();
  const double *first = moments.firsts.data(), *second = moments.seconds.data();
  double total = 0.0;
  std::vector<double> shift(static_cast<size_t>(d));
  for (int64_t k = 0; k < components; ++k, first += d, means += d) {
    // The least that a component has, so that one without rows has a mean and a covariance.
    const double count = moments.counts[static_cast<size_t>(k)] + 10.0 * std::numeric_limits<double>::epsilon();
    total += weights[k] = count;
    for (int64_t p = 0; p < d; ++p) {
      shift[static_cast<size_t>(p)] = first[p] / count;
      means[p] = old.data<double>()[k * d + p] + shift[static_cast<size_t>(p)];
    }
    for (int64_t p = 0; p < d; ++p) {
      for (int64_t q = is_full ? 0 : p; q < (is_full ? d : p + 1); ++q) {
        const double product = shift[static_cast<size_t>(p)] * shift[static_cast<size_t>(q)];
        *covariances++ = *second++ / count - product + (p == q ? regularization : 0.0);
      }
    }
  }
  for (int64_t k = 0; k < components; ++k) weights[k] /= total;
  return next;
}

}  // namespace gradus::detail
