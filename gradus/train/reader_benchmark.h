// The speed of reading tables from text.
#pragma once

#include <cstdint>
#include <string>

#include "gradus/train/timing.h"

namespace gradus {

struct ReaderBenchmarkOptions {
  /// A file: LIBSVM's format if its name ends in .svm, else CSV. Empty: one is made up, and removed afterwards.
  std::string data = {};
  bool is_libsvm = false;    ///< What is made up: numbers with six digits.
  int64_t megabytes = 1000;  ///< Of it, 10^6 bytes each.
  int64_t columns = 20;      ///< Of CSV; LIBSVM has some 30 of 1,000 in a row.
  int64_t repeats = 3;
};

struct ReaderBenchmark {
  Timing timing;
  int64_t bytes = 0, rows = 0, columns = 0;
  double sum = 0.0;  ///< Of the first column, or of the labels.
};

/// From memory, as the file was just written or read.
ReaderBenchmark run_reader_benchmark(const ReaderBenchmarkOptions& options);

}  // namespace gradus
