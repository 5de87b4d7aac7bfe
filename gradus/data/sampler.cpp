#include "gradus/data/sampler.h"

#include <algorithm>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/random.h"

namespace gradus {
namespace {

constexpr int64_t kMaxExamples = int64_t{1} << 53;  // epochs are counted in doubles

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options) {
  const int64_t examples = options.examples, batch_size = options.batch_size;
  const Sampling sampling = options.sampling;
  if (examples < 1 || examples > kMaxExamples) fail_usage("sampler", "{} examples; expected 1 to 2^53", examples);
  const int64_t largest = sampling == Sampling::kReplacement ? kMaxExamples : examples;
  if (batch_size < 1 || batch_size > largest) {
    fail_usage("sampler", "batch_size is {}; expected 1 to {}{}", batch_size, largest,
               sampling == Sampling::kReplacement ? "" : ", the number of examples");
  }
  steps_per_epoch_ = (examples - 1) / batch_size + 1;
  key_ = mix(options.seed, hash_name(sampling == Sampling::kReplacement ? "sampler.replacement" : "sampler.shuffle"));
  pass_key_ = mix(options.seed, hash_name("sampler.pass"));
}

double Sampler::epoch(int64_t step) const {
  const auto examples = static_cast<double>(options_.examples), batch_size = static_cast<double>(options_.batch_size);
  if (options_.sampling == Sampling::kReplacement) return static_cast<double>(step) * batch_size / examples;
  const auto whole = static_cast<double>(step / steps_per_epoch_);
  return whole + static_cast<double>(step % steps_per_epoch_) * batch_size / examples;
}

int64_t Sampler::size_of(int64_t step) const {
  if (options_.sampling == Sampling::kReplacement) return options_.batch_size;
  return std::min(options_.batch_size, options_.examples - step % steps_per_epoch_ * options_.batch_size);
}

uint64_t Sampler::pass_key(int64_t step) const {
  return mix(pass_key_, static_cast<uint64_t>(epoch(step)));
}

void Sampler::batch(int64_t step, std::vector<int64_t>& ids) const {
  if (step < 0) fail_usage("sampler", "step is {}; expected 0 or more", step);
  const int64_t examples = options_.examples, batch_size = options_.batch_size;
  const Sampling sampling = options_.sampling;
  if (sampling == Sampling::kReplacement) {
    const RandomStream stream(key_);
    ids.resize(static_cast<size_t>(size_of(step)));
    uint64_t draw = 0;
    for (int64_t& id : ids) {
      // The upper half of bits × examples: uniform to examples / 2^64.
      const uint64_t bits = stream.bits(static_cast<uint64_t>(step), draw++);
      id = static_cast<int64_t>(static_cast<__uint128_t>(bits) * static_cast<uint64_t>(examples) >> 64);
    }
    return;
  }
  const int64_t first = step % steps_per_epoch_ * batch_size;
  ids.resize(static_cast<size_t>(size_of(step)));
  std::iota(ids.begin(), ids.end(), first);
  if (sampling == Sampling::kInOrder || batch_size == examples) return;
  const int64_t epoch = step / steps_per_epoch_;
  const uint64_t key = mix(key_, static_cast<uint64_t>(epoch));
  if (static_cast<int64_t>(options_.blocks.ends.size()) > options_.blocks.together) {
    if (epoch != epoch_of_order_) order_.emplace(options_.blocks, key);
    epoch_of_order_ = epoch;
    for (int64_t& id : ids) id = (*order_)(id);
    return;
  }
  for (int64_t& id : ids) {
    id = static_cast<int64_t>(permute_index(static_cast<uint64_t>(id), static_cast<uint64_t>(examples), key));
  }
}

}  // namespace gradus
