// Times rounds of k-means from a given start, the centres after them included in labels and inertia, and prints one
// JSON object: what bench/peers/kmeans takes.
//
//     bench_kmeans FILE [rounds [isa]]      FILE is safetensors with "x" (N, D) and "centers" (k, D), f32
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/threads.h"
#include "gradus/classic/kmeans.h"
#include "gradus/tensor/isa.h"
#include "gradus/tensor/safetensors.h"

namespace gradus {
namespace {

void bench_kmeans(const char* path, int64_t rounds) {
  constexpr int kTimes = 3;
  const Safetensors data = read_safetensors(path);
  const Tensor x = data.find("x");
  KMeansOptions options{.start = KMeansStart::kGiven, .centers = data.find("centers"), .tolerance = 0.0};
  options.clusters = options.centers.size(0);
  options.max_rounds = rounds;
  std::vector<double> times_ms, cpu_ms;
  KMeansResult result;
  for (int i = 0; i < kTimes; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu_begin = std::clock();
    result = fit_kmeans(x, options);
    times_ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    cpu_ms.push_back(1e3 * static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC);
  }
  std::sort(times_ms.begin(), times_ms.end());
  std::sort(cpu_ms.begin(), cpu_ms.end());
  const JsonText json = JsonText()
                            .add("ms", times_ms[kTimes / 2])
                            .add("cpu_ms", cpu_ms[kTimes / 2])
                            .add("rounds", result.rounds)
                            .add("inertia", result.inertia)
                            .add("threads", int64_t{threads()})
                            .add("isa", name_of(active_isa()));
  std::printf("%s\n", json.line().c_str());
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  try {
    if (argc < 2) gradus::fail_usage("bench_kmeans", "no file; expected one with \"x\" and \"centers\"");
    if (argc > 3) gradus::limit_isa(gradus::isa_from_name(argv[3]));
    gradus::bench_kmeans(argv[1], argc > 2 ? std::atoll(argv[2]) : 10);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
