// Times a reader of tabular data on a file, several times, and prints one JSON object: what bench/peers/readers takes.
//
//     bench_readers FILE [ROUNDS [THREADS]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/base/json.h"
#include "gradus/base/threads.h"
#include "gradus/data/csv.h"

namespace gradus {
namespace {

void bench_readers(const std::string& path, int rounds) {
  std::vector<double> times_s;
  int64_t rows = 0, columns = 0;
  double sum = 0.0;
  for (int i = 0; i < rounds; ++i) {
    const Clock::time_point start = Clock::now();
    const Table table = read_csv(path);
    times_s.push_back(seconds_since(start));
    rows = table.rows;
    columns = static_cast<int64_t>(table.columns.size());
    sum = 0.0;
    for (const double number : table.columns[0].numbers) sum += number;
  }
  std::sort(times_s.begin(), times_s.end());
  const JsonText json = JsonText()
                            .add("seconds_median", times_s[times_s.size() / 2])
                            .add("seconds_least", times_s[0])
                            .add("rows", rows)
                            .add("columns", columns)
                            .add("sum", sum);
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
