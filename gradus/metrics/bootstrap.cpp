#include "gradus/metrics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

void check(int64_t rows, const BootstrapOptions& options) {
  constexpr const char* kName = "bootstrap";
  constexpr int64_t kMost = 10'000'000;
  if (rows < 1) fail_usage(kName, "{} rows to draw from; expected 1 or more", rows);
  if (options.resamples < 1 || options.resamples > kMost) {
    fail_usage(kName, "resamples is {}; expected 1 to {}", options.resamples, kMost);
  }
  if (!(options.confidence > 0.0 && options.confidence < 1.0)) {
    fail_usage(kName, "confidence is {}; expected a number between 0 and 1", options.confidence);
  }
}

double quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1), below = std::floor(place);
  const auto i = static_cast<size_t>(below);
  const double next = sorted[std::min(i + 1, sorted.size() - 1)];
  return sorted[i] + (place - below) * (next - sorted[i]);
}

BootstrapInterval interval_of(std::vector<double> values, double confidence) {
  const auto undefined = std::erase_if(values, [](double value) { return std::isnan(value); });
  BootstrapInterval interval{.undefined = static_cast<int64_t>(undefined)};
  if (values.empty()) {
    interval.low = interval.high = std::numeric_limits<double>::quiet_NaN();
    return interval;
  }
  std::sort(values.begin(), values.end());
  interval.low = quantile(values, 0.5 * (1.0 - confidence));
  interval.high = quantile(values, 0.5 * (1.0 + confidence));
  return interval;
}

}  // namespace

void bootstrap_rows(uint64_t seed, int64_t resample, std::span<int64_t> drawn) {
  const RandomStream stream(mix(seed, hash_name("metrics.bootstrap")));
  uint64_t draw = 0;
  for (int64_t& row : drawn) {
    const uint64_t bits = stream.bits(static_cast<uint64_t>(resample), draw++);
    row = static_cast<int64_t>(static_cast<__uint128_t>(bits) * drawn.size() >> 64);
  }
}

std::vector<BootstrapInterval> bootstrap_intervals(int64_t rows, int64_t count, const RowMeasures& measures,
                                                   const BootstrapOptions& options) {
  check(rows, options);
  std::vector<double> values(static_cast<size_t>(options.resamples * count));  // of each resample
  parallel_for(options.resamples, 1, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> drawn(static_cast<size_t>(rows));
    for (int64_t i = begin; i < end; ++i) {
      bootstrap_rows(options.seed, i, drawn);
      measures(drawn, std::span(values).subspan(static_cast<size_t>(i * count), static_cast<size_t>(count)));
    }
  });
  std::vector<BootstrapInterval> intervals;
  for (int64_t k = 0; k < count; ++k) {
    std::vector<double> own;
    for (int64_t i = 0; i < options.resamples; ++i) own.push_back(values[static_cast<size_t>(i * count + k)]);
    intervals.push_back(interval_of(std::move(own), options.confidence));
  }
  return intervals;
}

BootstrapInterval bootstrap_interval(int64_t rows, const RowMeasure& measure, const BootstrapOptions& options) {
  const auto one = [&](std::span<const int64_t> drawn, std::span<double> value) { value[0] = measure(drawn); };
  return bootstrap_intervals(rows, 1, one, options)[0];
}

}  // namespace gradus
