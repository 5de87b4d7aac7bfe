#include "gradus/tensor/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <new>
#include <thread>

#include "gradus/base/error.h"

namespace gradus {
namespace detail {
namespace {

constexpr int kStepsPerDoubling = 8;  // at most an eighth of a block is rounding
constexpr int kMinLog2 = 7;           // the smallest block: header and 64 bytes
constexpr int kMaxLog2 = 46;
constexpr int kClasses = (kMaxLog2 - kMinLog2) * kStepsPerDoubling + 1;
constexpr size_t kHugePage = size_t{2} << 20;

struct SizeClass {
  int index;
  size_t bytes;
};

// Classes are 2^e · (8 + s) / 8: the exponent and the next three bits of the size, rounded up.
SizeClass size_class_of(size_t bytes) {
#if GRADUS_POOL_PASSTHROUGH
  return {0, bytes};  // to the byte, so that AddressSanitizer sees the first one beyond
#else
  bytes = std::max(bytes, size_t{1} << kMinLog2);
  const int exponent = static_cast<int>(std::bit_width(bytes)) - 1;
  const size_t step = (size_t{1} << exponent) / kStepsPerDoubling;
  const size_t steps = (bytes - (size_t{1} << exponent) + step - 1) / step;
  return {(exponent - kMinLog2) * kStepsPerDoubling + static_cast<int>(steps), (size_t{1} << exponent) + steps * step};
#endif
}

class Lock {
 public:
  explicit Lock(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  ~Lock() { flag_.clear(std::memory_order_release); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  std::atomic_flag& flag_;
};

struct Pool {
  std::atomic_flag locked = ATOMIC_FLAG_INIT;
  std::array<Block*, kClasses> free{};
  MemoryStatistics statistics;

  // A kept block of the class, or nullptr.
  Block* take(const SizeClass& size) {
    Lock lock(locked);
    Block*& head = free[static_cast<size_t>(size.index)];
    if (head == nullptr) return nullptr;
    Block* block = head;
    head = block->next_free;
    count_use(size);
    return block;
  }

  void count_fresh(const SizeClass& size) {
    Lock lock(locked);
    statistics.reserved += static_cast<int64_t>(size.bytes);
    ++statistics.system_allocations;
    count_use(size);
  }

 private:
  void count_use(const SizeClass& size) {
    statistics.in_use += static_cast<int64_t>(size.bytes);
    statistics.peak = std::max(statistics.peak, statistics.in_use);
  }
};

Pool& pool() {
  // Never destroyed: tensors with static storage may outlive any order of destruction.
  alignas(Pool) static std::byte storage[sizeof(Pool)];
  static Pool* const instance = new (storage) Pool;
  return *instance;
}

Block* allocate_from_system(const SizeClass& size) {
  const bool huge = size.bytes >= kHugePage;
  const size_t alignment = huge ? kHugePage : 64;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, size.bytes) != 0) {
    fail("memory", "the system refused {} bytes ({} are in use); use a smaller batch_size or model", size.bytes,
         memory_statistics().in_use);
  }
  if (huge) madvise(memory, size.bytes, MADV_HUGEPAGE);  // a hint: without it everything works, slower
  return new (memory) Block{};
}

}  // namespace

Block* allocate_block(int64_t bytes) {
  if (bytes < 0 || bytes > int64_t{1} << (kMaxLog2 - 1)) fail("memory", "{} bytes asked for one tensor", bytes);
  const SizeClass size = size_class_of(static_cast<size_t>(bytes) + Block::kDataOffset);
  Pool& p = pool();
  Block* block = p.take(size);
  if (block == nullptr) {
    block = allocate_from_system(size);
    p.count_fresh(size);
  }
  block->references.store(1, std::memory_order_relaxed);
  block->version.store(0, std::memory_order_relaxed);
  block->size_class = size.index;
  block->bytes = static_cast<int64_t>(size.bytes);
  return block;
}

void free_block(Block* block) {
  Pool& p = pool();
  {
    Lock lock(p.locked);
    p.statistics.in_use -= block->bytes;
#if !GRADUS_POOL_PASSTHROUGH
    Block*& head = p.free[static_cast<size_t>(block->size_class)];
    block->next_free = head;
    head = block;
    return;
#else
    p.statistics.reserved -= block->bytes;  // AddressSanitizer sees each tensor's memory only if the pool keeps none
#endif
  }
  std::free(block);
}

}  // namespace detail

MemoryStatistics memory_statistics() {
  detail::Pool& p = detail::pool();
  detail::Lock lock(p.locked);
  return p.statistics;
}

void reset_memory_peak() {
  detail::Pool& p = detail::pool();
  detail::Lock lock(p.locked);
  p.statistics.peak = p.statistics.in_use;
}

void release_unused_memory() {
  detail::Pool& p = detail::pool();
  detail::Lock lock(p.locked);
  for (detail::Block*& head : p.free) {
    while (head != nullptr) {
      detail::Block* block = head;
      head = block->next_free;
      p.statistics.reserved -= block->bytes;
      std::free(block);
    }
  }
}

}  // namespace gradus
