#include "gradus/train/kmeans_benchmark.h"

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/classic/kmeans.h"

namespace gradus {
namespace {

// Rows of normal clouds, whose centres are normal too; the start is some rows.
void make_up(const KMeansBenchmarkOptions& o, Tensor& x, KMeansOptions& options) {
  if (o.clusters > o.rows)
    fail_usage("bench", "{} clusters of {} rows; expected no more than rows", o.clusters, o.rows);
  constexpr int64_t kRowsATask = 1024;
  check_benchmark_fits(4.0 * static_cast<double>(o.rows + o.clusters) * static_cast<double>(o.columns));
  const RandomStream random(1), clouds(2);
  x = Tensor::empty({o.rows, o.columns}, DType::kF32);
  float* const out = x.mutable_data<float>();
  parallel_for(o.rows, kRowsATask, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < o.columns; ++j) {
        const auto column = static_cast<uint64_t>(j);
        out[i * o.columns + j] = static_cast<float>(random.normal(static_cast<uint64_t>(i), column) +
                                                    clouds.normal(static_cast<uint64_t>(i % o.clusters), column));
      }
    }
  });
  options.start = KMeansStart::kRandom;
  options.clusters = o.clusters;
  options.seed = 1;
}

void read(const KMeansBenchmarkOptions& o, Tensor& x, KMeansOptions& options) {
  const Safetensors file = read_safetensors(o.data);
  x = file.find("x");
  options.centers = file.find("centers");
  if (!x.defined() || !options.centers.defined() || options.centers.rank() != 2) {
    fail_usage(o.data, "has not \"x\" (N, D) and \"centers\" (k, D), both f32");
  }
  options.start = KMeansStart::kGiven;
  options.clusters = options.centers.size(0);
}

}  // namespace

double KMeansBenchmark::flops_per_s() const {
  return 1e3 * 2.0 * static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(clusters) *
         static_cast<double>(rounds + 1) / median(timing.wall_ms);
}

KMeansBenchmark run_kmeans_benchmark(const KMeansBenchmarkOptions& o) {
  Tensor x;
  KMeansOptions options{.tolerance = 0.0, .max_rounds = o.rounds};
  if (o.data.empty()) {
    make_up(o, x, options);
  } else {
    read(o, x, options);
  }
  KMeansResult fitted;
  KMeansBenchmark result;
  result.timing = time_repeats(o.repeats, [&] { fitted = fit_kmeans(x, options); });
  result.rows = x.size(0);
  result.columns = x.size(1);
  result.clusters = options.clusters;
  result.rounds = fitted.rounds;
  result.inertia = fitted.inertia;
  return result;
}

}  // namespace gradus
