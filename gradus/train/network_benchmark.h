// The speed of training other networks than a GPT on made-up data.
#pragma once

#include <cstdint>
#include <string_view>

#include "gradus/train/training_benchmark.h"

namespace gradus {

/// A network and its data.
enum class BenchmarkNetwork : uint8_t {
  kResNet18,  ///< Pictures of 32 × 32 × 3, the small stem, 10 classes; SGD with momentum, as the next.
  kResNet50,  ///< Pictures of 224 × 224 × 3, 1,000 classes.
  kMnistCnn,  ///< Pictures of 28 × 28; convolutions of 32 and 64 channels, 128 units, 10 classes; AdamW, as the rest.
  kLstm,      ///< 256 units, over 128 tokens as vectors of 256.
  kEncoder,   ///< A transformer encoder of 6 blocks of width 512 with 8 heads, over 128 tokens.
};

struct NetworkBenchmarkOptions {
  BenchmarkNetwork network = BenchmarkNetwork::kResNet18;
  int64_t batch = 1;     ///< Examples a step.
  int64_t steps = 10;    ///< Timed ones.
  int64_t warm_up = 2;   ///< Steps before them, which take their memory from the system.
  bool profile = false;  ///< Some more steps, timed op by op.
};

/// "resnet18", "resnet50", "mnist_cnn", "lstm" or "encoder", each with its batch; a usage error for another name.
NetworkBenchmarkOptions network_preset(std::string_view name);
/// Of an example of a network; 1 where it has none.
int64_t tokens_of(BenchmarkNetwork network);

inline constexpr const char* kNetworkFlopsFormula =
    "3 * (what the products of a forward pass take): taps outside of a picture count, the first layer's gradient of "
    "its input too";

/// Weights and data depend on nothing but the options. A usage error where a batch is of more than 2^28 numbers.
TrainingBenchmark run_network_benchmark(const NetworkBenchmarkOptions& options);

}  // namespace gradus
