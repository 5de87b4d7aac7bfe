#include "gradus/classic/linear_quadratic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_descent_simd.h"
#include "gradus/classic/kernels/linear_rows_simd.h"

namespace gradus {
namespace {

// G is kept in T, which is what it was added up in.
template <class T>
class GramQuadratic : public Quadratic {
 public:
  GramQuadratic(const LeastSquares& problem, GramPrecision precision)
      : Quadratic(problem), gram_(Tensor::empty({size(), size()}, dtype_of<T>())) {
    const std::vector<double> lower =
        weighted_gram(*problem.inputs, problem.d.data(), means().data(), precision, sums());
    for (int64_t j = 0; j < size(); ++j) see_square(j, lower[j * (size() + 1) + j]);
    T* const gram = gram_.template mutable_data<T>();
    constexpr int64_t kRows = 64;
    parallel_for(size(), kRows, [&](int64_t begin, int64_t end) {
      for (int64_t j = 0; j < size(); ++j) {  // below the diagonal some of a row at a time
        for (int64_t i = begin; i < end; ++i) {
          gram[i * size() + j] = static_cast<T>(lower[std::max(i, j) * (size() + 1) + std::min(i, j)]);
        }
      }
    });
  }

  void slopes(const double* w, double* q) override {
    constexpr int64_t kColumns = 256;
    const T* const gram = gram_.template data<T>();
    parallel_for(size(), kColumns, [&](int64_t begin, int64_t end) {
      std::copy(c_.begin() + begin, c_.begin() + end, q + begin);
      for (int64_t j = 0; j < size(); ++j) {
        if (w[j] != 0.0) kernels::add_scaled(q + begin, -w[j], gram + j * size() + begin, end - begin);
      }
    });
  }

  void descend(std::span<const int32_t> active, bool begins, double l1, double l2, double tolerance, int64_t passes,
               double* w, double* q) override {
    const int64_t m = static_cast<int64_t>(active.size());
    if (begins) built_ = 0;
    if (active.empty()) return;
    build(active);
    for (int64_t k = 0; k < m; ++k) {
      own_w_[k] = w[active[k]];
      own_q_[k] = q[active[k]];
      moved_[k] = 0.0F;
    }
    // Most changes are far below the tolerance, and cost as much as those that matter.
    const kernels::GramSweep sweep{.m = m,
                                   .gram = own_gram_.data<float>(),
                                   .stride = stride_,
                                   .diagonal = diagonal_.data(),
                                   .l1 = l1,
                                   .l2 = l2,
                                   .least = 0.3 * tolerance,
                                   .q = own_q_.data(),
                                   .w = own_w_.data(),
                                   .moved = moved_.data()};
    for (int64_t i = 0; i < passes && kernels::gram_sweep(sweep) > tolerance; ++i) {
    }
    for (int64_t k = 0; k < m; ++k) {
      w[active[k]] = own_w_[k];
      q[active[k]] = own_q_[k] + double{moved_[k]};
    }
  }

 private:
  // The matrix of the active coordinates alone, in f32: what it is off by, later slopes see.
  void build(std::span<const int32_t> active) {
    const int64_t m = static_cast<int64_t>(active.size());
    if (m > stride_) {
      built_ = 0;
      stride_ = std::min(std::max<int64_t>(2 * m, 64), size());
      own_gram_ = Tensor::empty({stride_, stride_});
    }
    own_w_.resize(m);
    own_q_.resize(m);
    moved_.resize(m);
    diagonal_.resize(m);
    float* const own_gram = own_gram_.mutable_data<float>();
    for (int64_t k = 0; k < m && built_ < m; ++k) {
      const T* const row = gram_.template data<T>() + active[k] * size();
      for (int64_t j = k < built_ ? built_ : 0; j < m; ++j) {
        own_gram[k * stride_ + j] = static_cast<float>(row[active[j]]);
      }
      if (k >= built_) diagonal_[k] = curvature_of(active[k], double{row[active[k]]});
    }
    built_ = m;
  }

  Tensor gram_;      // T (F, F)
  Tensor own_gram_;  // f32 (active, active), rows stride_ apart
  std::vector<float> moved_;
  std::vector<double> own_w_, own_q_, diagonal_;
  int64_t stride_ = 0, built_ = 0;
};

// With r the residuals and m the means, q_j = Σᵢ dᵢ·rᵢ·(xᵢⱼ − mⱼ). The residuals are known as dᵢ·rᵢ = uᵢ + dᵢ·offset,
// so that a step touches only what a column has.
class ColumnQuadratic : public Quadratic {
 public:
  ColumnQuadratic(const LeastSquares& problem, const LinearInputs& columns)
      : Quadratic(problem), columns_(columns), d_(problem.d), t_(problem.t), u_(problem.d.size()) {
    const int64_t rows = static_cast<int64_t>(d_.size());
    is_uniform_ = std::all_of(d_.begin(), d_.end(), [&](double d) { return d == d_[0]; });
    diagonal_.resize(size());
    for (int64_t i = 0; i < rows; ++i) u_[i] = d_[i] * (t_[i] - target_mean());
    parallel_for(size(), 16, [&](int64_t begin, int64_t end) {
      std::vector<double> square(static_cast<size_t>(columns_.is_sparse() ? 0 : rows));
      for (int64_t j = begin; j < end; ++j) {
        diagonal_[j] = curvature_of(j, column_square(j, square) - total() * means()[j] * means()[j]);
        c_[j] = product(j, 0.0);
      }
    });
    for (int64_t j = 0; j < size(); ++j) see_square(j, diagonal_[j]);
  }

  void slopes(const double* w, double* q) override {
    offset_ = 0.0;
    for (int64_t j = 0; j < size(); ++j) offset_ += w[j] * means()[j];
    residuals(w);
    parallel_for(size(), 16, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) q[j] = product(j, offset_);
    });
  }

  void descend(std::span<const int32_t> active, bool /*begins*/, double l1, double l2, double tolerance, int64_t passes,
               double* w, double* q) override {
    for (int64_t pass = 0; pass < passes; ++pass) {
      double largest = 0.0;
      for (const int32_t j : active) {
        const double curvature = diagonal_[j];
        if (curvature == 0.0) continue;
        q[j] = product(j, offset_);
        const double pull = q[j] + curvature * w[j], size = std::abs(pull) - l1;
        const double to = size > 0.0 ? std::copysign(size, pull) / (curvature + l2) : 0.0;
        if (to == w[j]) continue;
        largest = std::max(largest, std::abs(to - w[j]) * (curvature + l2));
        step(j, to - w[j]);
        w[j] = to;
      }
      if (largest <= tolerance) break;
    }
    for (const int32_t j : active) q[j] = product(j, offset_);
  }

 private:
  // q_j.
  double product(int64_t j, double offset) const {
    double sum = 0.0;
    row_products(columns_, j, j + 1, u_.data(), 0.0, &sum);
    // Σ uᵢ is −offset·total, since the residuals' mean is 0.
    return sum + offset * total() * means()[j];
  }

  double column_square(int64_t j, std::vector<double>& memory) const {
    double sum = 0.0;
    if (columns_.is_sparse()) {
      const SparseMatrix& x = *columns_.sparse;
      for (int64_t at = x.offsets[j]; at < x.offsets[j + 1]; ++at) {
        sum += d_[x.indices[at]] * double{x.values[at]} * double{x.values[at]};
      }
      return sum;
    }
    const int64_t rows = static_cast<int64_t>(d_.size());
    const float* const x = columns_.dense.data<float>() + j * rows;
    for (int64_t i = 0; i < rows; ++i) memory[i] = d_[i] * double{x[i]};
    row_products(columns_, j, j + 1, memory.data(), 0.0, &sum);
    return sum;
  }

  // w_j changes: r loses change·(x_j − m_j).
  void step(int64_t j, double change) {
    offset_ += change * means()[j];
    if (columns_.is_sparse()) {
      const SparseMatrix& x = *columns_.sparse;
      for (int64_t at = x.offsets[j]; at < x.offsets[j + 1]; ++at) {
        u_[x.indices[at]] -= change * d_[x.indices[at]] * double{x.values[at]};
      }
      return;
    }
    const int64_t rows = static_cast<int64_t>(d_.size());
    const float* const x = columns_.dense.data<float>() + j * rows;
    if (is_uniform_) {
      kernels::add_scaled(u_.data(), -change * d_[0], x, rows);
    } else {
      kernels::add_weighted(u_.data(), -change, d_.data(), x, rows);
    }
  }

  // u anew from w: in pieces of the rows for dense columns, all at once for sparse ones.
  void residuals(const double* w) {
    const int64_t rows = static_cast<int64_t>(d_.size());
    if (columns_.is_sparse()) {
      std::vector<double> z(static_cast<size_t>(rows));
      for (int64_t j = 0; j < size(); ++j) {
        if (w[j] != 0.0) add_rows(columns_, j, j + 1, &w[j], z.data());
      }
      for (int64_t i = 0; i < rows; ++i) u_[i] = d_[i] * (t_[i] - target_mean() - z[i]);
      return;
    }
    const float* const x = columns_.dense.data<float>();
    parallel_for(rows, 4096, [&](int64_t begin, int64_t end) {
      std::vector<double> z(static_cast<size_t>(end - begin));
      for (int64_t j = 0; j < size(); ++j) {
        if (w[j] != 0.0) kernels::add_scaled(z.data(), w[j], x + j * rows + begin, end - begin);
      }
      for (int64_t i = begin; i < end; ++i) u_[i] = d_[i] * (t_[i] - target_mean() - z[i - begin]);
    });
  }

  const LinearInputs& columns_;
  std::vector<double> d_, t_, u_, diagonal_;
  double offset_ = 0.0;
  bool is_uniform_ = false;
};

}  // namespace

Quadratic::Quadratic(const LeastSquares& problem)
    : intercept_(problem.intercept), rows_(static_cast<double>(problem.d.size())) {
  const LinearInputs& inputs = *problem.inputs;
  const int64_t rows = inputs.rows(), features = inputs.features();
  if (intercept_) {
    double total = 0.0;
    for (int64_t i = 0; i < rows; ++i) {
      target_mean_ += problem.d[i] * problem.t[i];
      total += problem.d[i];
    }
    target_mean_ /= total;
  }
  std::vector<double> u(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) {
    const double t = problem.t[i] - target_mean_;
    u[i] = problem.d[i] * t;
    target_squares_ += u[i] * t;
    raw_target_squares_ += problem.d[i] * problem.t[i] * problem.t[i];
  }
  std::vector<std::vector<double>> both = weighted_sums(inputs, std::array{problem.d.data(), std::as_const(u).data()});
  sums_ = std::move(both[0]);
  c_ = std::move(both[1]);
  means_.assign(sums_.begin(), sums_.end() - 1);
  for (double& mean : means_) mean = intercept_ ? mean / total() : 0.0;
  kernels::add_scaled(c_.data(), -c_.back(), means_.data(), features);
  c_.pop_back();
}

double Quadratic::curvature_of(int64_t j, double square) const {
  constexpr double kConstant = 1e-12;
  return square > kConstant * total() * means_[j] * means_[j] ? square : 0.0;
}

double Quadratic::bias(const double* w) const {
  return intercept_ ? target_mean_ - kernels::dot(means_.data(), w, size()) : 0.0;
}

std::unique_ptr<Quadratic> make_gram_quadratic(const LeastSquares& problem, GramPrecision precision) {
  if (precision == GramPrecision::kF32 && !problem.inputs->is_sparse()) {
    return std::make_unique<GramQuadratic<float>>(problem, precision);
  }
  return std::make_unique<GramQuadratic<double>>(problem, precision);
}

std::unique_ptr<Quadratic> make_column_quadratic(const LeastSquares& problem, const LinearInputs& columns) {
  return std::make_unique<ColumnQuadratic>(problem, columns);
}

bool prefers_gram(const LinearInputs& inputs) {
  constexpr int64_t kMostGramFeatures = 2048;
  return inputs.features() <= std::min(inputs.rows(), kMostGramFeatures);
}

ElasticNet::ElasticNet(std::unique_ptr<Quadratic> quadratic)
    : quadratic_(std::move(quadratic)),
      w_(quadratic_->c().size()),
      q_(quadratic_->c()),
      all_(w_.size()),
      is_active_(w_.size()) {
  std::iota(all_.begin(), all_.end(), 0);
}

void ElasticNet::start(std::span<const double> w) {
  w_.assign(w.begin(), w.end());
  quadratic_->slopes(w_.data(), q_.data());
}

void ElasticNet::extrapolate(std::span<const double> before, std::span<const double> slopes_before, double factor) {
  for (size_t j = 0; j < w_.size(); ++j) {
    w_[j] += factor * (w_[j] - before[j]);
    q_[j] += factor * (q_[j] - slopes_before[j]);  // slopes are linear in w
  }
}

void ElasticNet::enter(double l1, double l2, const Round& options) {
  if (!options.keeps_set) {
    active_.clear();
    std::fill(is_active_.begin(), is_active_.end(), false);
  }
  const auto slope = [&](int32_t j) { return std::abs(q_[j] - l2 * w_[j]); };
  std::vector<int32_t> entering, violating;
  for (const int32_t j : all_) {
    if (is_active_[j]) continue;
    if (w_[j] != 0.0 || (options.entry >= 0.0 && slope(j) >= options.entry)) {
      entering.push_back(j);
    } else if (slope(j) > l1) {
      violating.push_back(j);
    }
  }
  constexpr size_t kFewest = 64;
  const size_t most = std::max(active_.size() + entering.size(), kFewest);
  if (violating.size() > most) {  // those that violate most; equal ones go by their number
    const auto is_before = [&](int32_t a, int32_t b) { return slope(a) != slope(b) ? slope(a) > slope(b) : a < b; };
    std::nth_element(violating.begin(), violating.begin() + static_cast<int64_t>(most), violating.end(), is_before);
    violating.resize(most);
  }
  entering.insert(entering.end(), violating.begin(), violating.end());
  std::sort(entering.begin(), entering.end());
  for (const int32_t j : entering) is_active_[j] = true;
  active_.insert(active_.end(), entering.begin(), entering.end());
}

void ElasticNet::round(double l1, double l2, const Round& options) {
  constexpr int64_t kMostPasses = 1000;
  constexpr int kMostRefinements = 20;
  const bool begins = !options.keeps_set || active_.empty();
  enter(l1, l2, options);
  double tolerance = std::max(options.slope, 0.2 * slope_over(active_, l1, l2));
  for (int i = 0; i < kMostRefinements; ++i) {
    quadratic_->descend(active_, begins && i == 0, l1, l2, tolerance, kMostPasses, w_.data(), q_.data());
    if (gap_over(active_, l1, l2) <= 0.5 * options.gap || tolerance <= options.slope) break;
    tolerance = std::max(0.4 * tolerance, options.slope);
  }
  quadratic_->slopes(w_.data(), q_.data());
}

double ElasticNet::objective(double l1, double l2) const {
  double linear = 0.0, squares = 0.0, sizes = 0.0;
  for (size_t j = 0; j < w_.size(); ++j) {
    linear += w_[j] * (quadratic_->c()[j] + q_[j]);
    squares += w_[j] * w_[j];
    sizes += std::abs(w_[j]);
  }
  return 0.5 * (quadratic_->target_squares() - linear) + l1 * sizes + 0.5 * l2 * squares;
}

// The dual's point is the residuals, scaled until no slope is larger than l1.
double ElasticNet::gap_over(std::span<const int32_t> coordinates, double l1, double l2) const {
  const std::vector<double>& c = quadratic_->c();
  double linear = 0.0, fit = 0.0, squares = 0.0, sizes = 0.0, largest = 0.0;
  for (const int32_t j : coordinates) {
    largest = std::max(largest, std::abs(q_[j] - l2 * w_[j]));
    if (w_[j] == 0.0) continue;
    linear += w_[j] * c[j];
    fit += w_[j] * q_[j];
    squares += w_[j] * w_[j];
    sizes += std::abs(w_[j]);
  }
  if (l1 == 0.0) return std::numeric_limits<double>::infinity();
  const double targets = quadratic_->target_squares();
  const double residuals = std::max(0.0, targets - linear - fit);
  const double factor = largest > l1 ? l1 / largest : 1.0;
  const double gap = 0.5 * residuals * (1.0 + factor * factor) + l1 * sizes - factor * (targets - linear) +
                     0.5 * l2 * (1.0 + factor * factor) * squares;
  return std::max(gap, 0.0);
}

double ElasticNet::slope_over(std::span<const int32_t> coordinates, double l1, double l2) const {
  double largest = 0.0;
  for (const int32_t j : coordinates) {
    const double g = l2 * w_[j] - q_[j];
    largest = std::max(largest, w_[j] == 0.0 ? std::abs(g) - l1 : std::abs(g + std::copysign(l1, w_[j])));
  }
  return std::max(largest, 0.0);
}

}  // namespace gradus
