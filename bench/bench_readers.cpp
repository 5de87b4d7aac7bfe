// Times a reader of tabular data on a file (.svm: LIBSVM's format, else CSV), several times, and prints one JSON
// object: what bench/peers/readers takes.
//
//     bench_readers FILE [ROUNDS [THREADS]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/base/json.h"
#include "gradus/base/threads.h"
#include "gradus/data/csv.h"
#include "gradus/data/libsvm.h"

namespace gradus {
namespace {

// The number of rows, and a sum that depends on what was read.
std::pair<int64_t, double> read(const std::string& path) {
  if (path.ends_with(".svm")) {
    const SparseExamples examples = read_libsvm(path);
    return {examples.features.rows, std::accumulate(examples.targets.begin(), examples.targets.end(), 0.0)};
  }
  const Table table = read_csv(path);
  const std::vector<double>& numbers = table.columns[0].numbers;
  return {table.rows, std::accumulate(numbers.begin(), numbers.end(), 0.0)};
}

void bench_readers(const std::string& path, int rounds) {
  std::vector<double> times_s;
  std::pair<int64_t, double> result;
  for (int i = 0; i < rounds; ++i) {
    const Clock::time_point start = Clock::now();
    result = read(path);
    times_s.push_back(seconds_since(start));
  }
  std::sort(times_s.begin(), times_s.end());
  const double median = times_s[times_s.size() / 2];
  const JsonText json = JsonText().add("seconds_median", median).add("rows", result.first).add("sum", result.second);
  std::printf("%s\n", json.line().c_str());
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  try {
    if (argc < 2) throw std::runtime_error("usage: bench_readers FILE [ROUNDS [THREADS]]");
    if (argc > 3) gradus::set_threads(std::atoi(argv[3]));
    gradus::bench_readers(argv[1], argc > 2 ? std::max(1, std::atoi(argv[2])) : 5);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
