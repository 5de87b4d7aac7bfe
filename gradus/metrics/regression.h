// How near predicted numbers are to the true ones.
#pragma once

#include <cstdint>
#include <span>

namespace gradus {

// Of one output a time. No weights stand for 1 each. All of these throw unless there is a prediction an example and all
// numbers are finite, weights 0 or more too. A mean of no weight is NaN.

/// The mean of (y − ŷ)², in squared units of the target.
double mean_squared_error(std::span<const double> truth, std::span<const double> predicted,
                          std::span<const double> weights = {});
/// Its root, in units of the target.
double root_mean_squared_error(std::span<const double> truth, std::span<const double> predicted,
                               std::span<const double> weights = {});
/// The mean of |y − ŷ|.
double mean_absolute_error(std::span<const double> truth, std::span<const double> predicted,
                           std::span<const double> weights = {});
/// The median of |y − ŷ|: where half of the weight lies below an error and half above it, the mean of it and the next.
double median_absolute_error(std::span<const double> truth, std::span<const double> predicted,
                             std::span<const double> weights = {});
/// The largest |y − ŷ|; NaN of no examples.
double max_error(std::span<const double> truth, std::span<const double> predicted);

/// R², the coefficient of determination: 1 − Σ (y − ŷ)² / Σ (y − mean)². Where all truths are equal it is 1 if the
/// predictions equal them, else 0. NaN of fewer than two examples.
double r2_score(std::span<const double> truth, std::span<const double> predicted, std::span<const double> weights = {});
/// 1 − variance of (y − ŷ) / variance of y: as R², but a constant error costs nothing. Where all truths are equal it is
/// 1 if the errors are too, else 0. NaN of no weight.
double explained_variance(std::span<const double> truth, std::span<const double> predicted,
                          std::span<const double> weights = {});

/// The mean of q·(y − ŷ) where y is at least ŷ, else of (1 − q)·(ŷ − y): least where ŷ is the q-quantile of y.
/// Throws a usage error unless `quantile` is from 0 to 1.
double pinball_loss(std::span<const double> truth, std::span<const double> predicted, double quantile,
                    std::span<const double> weights = {});

/// The mean deviance of Tweedie's distributions, whose variance goes with the mean's `power`: 0 is the normal
/// distribution (the squared error), 1 Poisson's, 2 the gamma distribution, 3 the inverse Gaussian; a usage error
/// between 0 and 1, where there is none. Throws where a number is out of the distribution's range: predictions are
/// above 0 unless the power is 0, truths 0 or more of a power from 1 to below 2 and above 0 of one from 2 on.
/// Source: Jørgensen, "Exponential dispersion models", Journal of the Royal Statistical Society B 49, 1987.
double tweedie_deviance(std::span<const double> truth, std::span<const double> predicted, double power,
                        std::span<const double> weights = {});
/// Of power 1: 2·(y·ln(y/ŷ) − y + ŷ).
double poisson_deviance(std::span<const double> truth, std::span<const double> predicted,
                        std::span<const double> weights = {});
/// Of power 2: 2·(ln(ŷ/y) + y/ŷ − 1).
double gamma_deviance(std::span<const double> truth, std::span<const double> predicted,
                      std::span<const double> weights = {});

}  // namespace gradus
