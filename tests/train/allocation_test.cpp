// A steady step takes no memory from the heap. The C allocator is counted, beneath operator new, the pool of tensors
// and oneDNN alike; a sanitizer brings an allocator of its own, and without the pool every tensor is an allocation.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "gradus/base/threads.h"
#include "gradus/nn/models/gpt.h"
#include "tests/testing.h"
#include "tests/train/training.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define GRADUS_COUNTS_ALLOCATIONS 0
#else
#define GRADUS_COUNTS_ALLOCATIONS 1
#endif

#if GRADUS_COUNTS_ALLOCATIONS
namespace {
std::atomic<int64_t> g_allocations{0};
}

extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);

void* malloc(size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}
#endif

namespace gradus {
namespace allocation_test {

#if GRADUS_COUNTS_ALLOCATIONS

/// Allocations between the ends of two steps.
int64_t allocations_between(Trainer& trainer, int64_t first, int64_t last) {
  int64_t before = -1, after = -1;
  trainer.set_callback([&](const StepRecord& record) {
    if (record.step == first) before = g_allocations;
    if (record.step == last) after = g_allocations;
  });
  trainer.run();
  EXPECT_GE(before, 0);
  EXPECT_GE(after, before);
  return after - before;
}

constexpr int64_t kNever = 1 << 30;

TEST(Allocation, IsCounted) {
  const int64_t before = g_allocations;
  delete new int;
  EXPECT_GE(g_allocations, before);
  const std::vector<int>* volatile held = new std::vector<int>(100);
  delete held;
  EXPECT_GE(g_allocations - before, 2);
}

TEST(Allocation, ASteadyStepOfTheLineTakesNone) {
  Line line(make_line({}, 1));
  Trainer trainer = line.trainer({.steps = 501, .log_every = kNever});
  EXPECT_EQ(allocations_between(trainer, 10, 500), 0);
}

TEST(Allocation, ASteadyStepOfMiniBatchesTakesNone) {
  Line line(make_line({}, 1));
  Trainer trainer = line.trainer({.steps = 501, .batch_size = 8, .log_every = kNever});
  EXPECT_EQ(allocations_between(trainer, 20, 500), 0);
}

TEST(Allocation, ASteadyStepWithMomentumPenaltiesAndClippingTakesNone) {
  Line line(make_line({}, 1));
  line.optimizer = make_adamw(line.model.parameters(), {.weight_decay = 0.1});
  Trainer trainer = line.trainer(
      {.steps = 501, .stop_loss = -1.0, .clip_norm = 1.0, .penalty = {.l1 = 0.1, .l2 = 0.1}, .log_every = kNever});
  EXPECT_EQ(allocations_between(trainer, 10, 500), 0);
}

TEST(Allocation, ASteadyStepWithProximalStepsAndNoiseTakesNone) {
  Line line(make_line({}, 1));
  Trainer trainer = line.trainer({.steps = 501,
                                  .stop_loss = -1.0,
                                  .proximal = {.l1 = 0.01, .l2 = 0.1, .group_lasso = 0.01, .max_norm = 1.0},
                                  .gradient_noise = {.variance = 0.01},
                                  .log_every = kNever});
  EXPECT_EQ(allocations_between(trainer, 10, 500), 0);
}

#endif

// The pool asks the system for nothing once a step has been seen.
TEST(Allocation, TheMemoryOfAGptStandsStill) {
  set_threads(1);  // with more, how many scratch buffers are in use at once depends on chance
  std::vector<int32_t> tokens;
  for (int i = 0; i < 37 * 7 + 1; ++i) tokens.push_back((i * i) % 53);
  const TokenDataset data(tokens, 37);
  const Gpt model({.vocabulary = 53, .layers = 2, .width = 40, .heads = 5, .context = 37, .dropout = 0.1}, 3);
  const auto optimizer = make_adamw(model.parameters(), {});
  Trainer trainer({.steps = 12, .micro_batch_size = 3}, model.parameters(), loss_of(model), data, *optimizer,
                  ConstantSchedule{0.001});
  MemoryStatistics third, last;
  trainer.set_callback([&](const StepRecord& record) { (record.step < 3 ? third : last) = memory_statistics(); });
  trainer.run();
  set_threads(0);
  EXPECT_EQ(last.in_use, third.in_use);
#if GRADUS_COUNTS_ALLOCATIONS
  EXPECT_EQ(last.system_allocations, third.system_allocations);
  EXPECT_EQ(last.reserved, third.reserved);
#endif
}

}  // namespace allocation_test
}  // namespace gradus
