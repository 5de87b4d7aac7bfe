#include "gradus/train/network_benchmark.h"

#include <algorithm>
#include <iterator>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/nn/models/convolutional.h"
#include "gradus/nn/models/recurrent.h"
#include "gradus/nn/models/resnet.h"
#include "gradus/nn/models/transformer_encoder.h"
#include "gradus/tensor/kernels/random.h"

namespace gradus {
namespace {

constexpr int64_t kBatches = 4;            // of data
constexpr int64_t kMostNumbers = 1 << 28;  // of a batch
constexpr int64_t kTokens = 128, kVocabulary = 1000;
constexpr Objective kClasses{.kind = ObjectiveKind::kCrossEntropy};

struct Preset {
  const char* name;
  BenchmarkNetwork network;
  int64_t batch, steps;
};
constexpr Preset kPresets[] = {{"resnet18", BenchmarkNetwork::kResNet18, 32, 5},
                               {"resnet50", BenchmarkNetwork::kResNet50, 8, 3},
                               {"mnist_cnn", BenchmarkNetwork::kMnistCnn, 64, 40},
                               {"lstm", BenchmarkNetwork::kLstm, 32, 15},
                               {"encoder", BenchmarkNetwork::kEncoder, 32, 3}};

bool is_resnet(BenchmarkNetwork network) {
  return network == BenchmarkNetwork::kResNet18 || network == BenchmarkNetwork::kResNet50;
}

int64_t classes_of(BenchmarkNetwork network) { return network == BenchmarkNetwork::kResNet50 ? 1000 : 10; }

// Of a picture.
Shape shape_of(BenchmarkNetwork network) {
  if (network == BenchmarkNetwork::kMnistCnn) return {28, 28, 1};
  const int64_t side = network == BenchmarkNetwork::kResNet50 ? 224 : 32;
  return {side, side, 3};
}

std::unique_ptr<Model> make_network(BenchmarkNetwork network) {
  constexpr uint64_t kSeed = 1;
  const int64_t classes = classes_of(network);
  switch (network) {
    case BenchmarkNetwork::kMnistCnn:
      return std::make_unique<ConvolutionalModel>(
          ConvolutionalOptions{.example = shape_of(network), .outputs = classes, .objective = kClasses}, kSeed);
    case BenchmarkNetwork::kLstm:
      return std::make_unique<RecurrentModel>(
          RecurrentOptions{.width = 256, .outputs = classes, .vocabulary = kVocabulary, .objective = kClasses}, kSeed);
    case BenchmarkNetwork::kEncoder:
      return std::make_unique<TextEncoder>(
          EncoderOptions{.layers = 6, .width = 512, .heads = 8, .outputs = classes, .objective = kClasses}, kVocabulary,
          kTokens, kSeed);
    default: {
      const bool deep = network == BenchmarkNetwork::kResNet50;
      return std::make_unique<ResNet>(
          ResNetOptions{.example = shape_of(network),
                        .depth = deep ? 50 : 18,
                        .stem = deep ? ResNetOptions::Stem::kLarge : ResNetOptions::Stem::kSmall,
                        .outputs = classes,
                        .objective = kClasses},
          kSeed);
    }
  }
}

// i64 in [0, limit).
Tensor made_up_ids(const RandomStream& random, const Shape& shape, int64_t limit) {
  Tensor ids = Tensor::empty(shape, DType::kI64);
  int64_t* const to = ids.mutable_data<int64_t>();
  for (int64_t i = 0; i < ids.numel(); ++i) {
    to[i] = static_cast<int64_t>(random.bits(0, static_cast<uint64_t>(i)) % static_cast<uint64_t>(limit));
  }
  return ids;
}

TensorDataset made_up_data(BenchmarkNetwork network, int64_t batch) {
  const int64_t examples = kBatches * batch;
  Tensor classes = made_up_ids(RandomStream(1), {examples}, classes_of(network));
  if (tokens_of(network) > 1) {
    return {made_up_ids(RandomStream(2), {examples, kTokens}, kVocabulary), std::move(classes)};
  }
  Shape shape = shape_of(network);
  shape.insert(0, examples);
  return {kernels::random_normal(shape, 0.0, 1.0, 2), std::move(classes)};
}

}  // namespace

NetworkBenchmarkOptions network_preset(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kPresets), std::end(kPresets), [&](const Preset& p) { return p.name == name; });
  if (found == std::end(kPresets)) {
    fail_usage("preset", "\"{}\" is not known; expected resnet18, resnet50, mnist_cnn, lstm or encoder", name);
  }
  return {.network = found->network, .batch = found->batch, .steps = found->steps};
}

int64_t tokens_of(BenchmarkNetwork network) {
  return network == BenchmarkNetwork::kLstm || network == BenchmarkNetwork::kEncoder ? kTokens : 1;
}

TrainingBenchmark run_network_benchmark(const NetworkBenchmarkOptions& o) {
  const int64_t numbers = tokens_of(o.network) > 1 ? kTokens : shape_of(o.network).numel();
  if (o.batch < 1 || o.batch > kMostNumbers / numbers) {
    fail_usage("bench", "a batch of {}; expected 1 to {} examples of {} numbers", o.batch, kMostNumbers / numbers,
               numbers);
  }
  const TensorDataset data = made_up_data(o.network, o.batch);
  const bool by_sgd = is_resnet(o.network);
  return run_training_benchmark(
      {.make_model = [&o] { return make_network(o.network); },
       .make_optimizer =
           [by_sgd](const Parameters& p) { return by_sgd ? make_sgd(p, {.momentum = 0.9}) : make_adamw(p, {}); },
       .optimizer = by_sgd ? "SGD" : "AdamW",
       .update_bytes = by_sgd ? 24.0 : adamw_bytes(DType::kF32),
       .batch = o.batch,
       .steps = o.steps,
       .warm_up = o.warm_up,
       .work = {.rows = o.batch * tokens_of(o.network), .causal = false},
       .profile = o.profile},
      data);
}

}  // namespace gradus
