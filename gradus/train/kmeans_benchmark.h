// The speed of Lloyd's rounds of k-means.
#pragma once

#include <cstdint>
#include <string>

#include "gradus/train/timing.h"

namespace gradus {

struct KMeansBenchmarkOptions {
  /// A safetensors file with "x" f32 (N, D) and the start "centers" f32 (k, D). Empty: made up.
  std::string data = {};
  int64_t rows = 200'000, columns = 64;  ///< Of made-up data: as many normal clouds as clusters.
  int64_t clusters = 256;
  int64_t rounds = 10;
  int64_t repeats = 3;
};

struct KMeansBenchmark {
  Timing timing;  ///< From the data in memory to the centres, labels and inertia after the rounds.
  int64_t rows = 0, columns = 0, clusters = 0, rounds = 0;
  double inertia = 0.0;

  /// As if every distance were computed, 2·N·D·k a round and once more for the labels at the end.
  double flops_per_s() const;
};

KMeansBenchmark run_kmeans_benchmark(const KMeansBenchmarkOptions& options);

}  // namespace gradus
