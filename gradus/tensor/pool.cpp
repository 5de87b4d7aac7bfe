#include "gradus/tensor/pool.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/arena.h"

namespace gradus {
namespace detail {
namespace {

constexpr int32_t kInArena = -1;  // in place of a size class

struct SizeClass {
  int index;
  size_t bytes;
};

// The smallest class that holds `bytes`: at most an eighth of a block is rounding.
SizeClass size_class_of(size_t bytes) {
#if GRADUS_POOL_PASSTHROUGH
  return {0, bytes};  // to the byte, so that AddressSanitizer sees the first one beyond
#else
  bytes = std::max(bytes, size_t{1} << SizeClasses::kMinLog2);
  int index = SizeClasses::floor(bytes);
  if (SizeClasses::bytes_of(index) < bytes) ++index;
  return {index, SizeClasses::bytes_of(index)};
#endif
}

// Large blocks come from the arena; smaller ones are kept by their class.
bool is_large([[maybe_unused]] size_t bytes) {
#if GRADUS_POOL_PASSTHROUGH
  return false;
#else
  constexpr size_t kLarge = size_t{64} << 10;
  return bytes >= kLarge;
#endif
}

[[noreturn]] void fail_refused(size_t bytes) {
  fail("memory", "the system refused {} bytes ({} are in use); use a smaller batch_size or model", bytes,
       memory_statistics().in_use);
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
  std::array<Block*, SizeClasses::kCount> free{};
  Arena arena;
  MemoryStatistics statistics;

  // A kept block of the class, or nullptr.
  Block* take(const SizeClass& size) {
    Lock lock(locked);
    Block*& head = free[static_cast<size_t>(size.index)];
    if (head == nullptr) return nullptr;
    Block* block = head;
    head = block->next_free;
    count_use(size.bytes);
    return block;
  }

  Arena::Part take_large(size_t bytes) {
    Lock lock(locked);
    const Arena::Part part = arena.allocate(bytes);
    if (part.memory == nullptr) return part;
    if (part.from_system > 0) count_system(part.from_system);
    count_use(part.bytes);
    return part;
  }

  void count_fresh(const SizeClass& size) {
    Lock lock(locked);
    count_system(size.bytes);
    count_use(size.bytes);
  }

 private:
  void count_system(size_t bytes) {
    statistics.reserved += static_cast<int64_t>(bytes);
    ++statistics.system_allocations;
  }
  void count_use(size_t bytes) {
    statistics.in_use += static_cast<int64_t>(bytes);
    statistics.peak = std::max(statistics.peak, statistics.in_use);
  }
};

Pool& pool() {
  // Never destroyed: tensors with static storage may outlive any order of destruction.
  alignas(Pool) static std::byte storage[sizeof(Pool)];
  static Pool* const instance = new (storage) Pool;
  return *instance;
}

Block* allocate_small(size_t bytes) {
  const SizeClass size = size_class_of(bytes);
  Block* block = pool().take(size);
  if (block == nullptr) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, size.bytes) != 0) fail_refused(size.bytes);
    block = new (memory) Block{};
    pool().count_fresh(size);
  }
  block->size_class = size.index;
  block->bytes = static_cast<int64_t>(size.bytes);
  return block;
}

Block* allocate_large(size_t bytes) {
  const Arena::Part part = pool().take_large(bytes);
  if (part.memory == nullptr) fail_refused(bytes);
  Block* block = new (part.memory) Block{};
  block->size_class = kInArena;
  block->bytes = static_cast<int64_t>(part.bytes);
  return block;
}

}  // namespace

Block* allocate_block(int64_t bytes) {
  if (bytes < 0 || bytes > int64_t{1} << (SizeClasses::kMaxLog2 - 1)) {
    fail("memory", "{} bytes asked for one tensor", bytes);
  }
  const size_t all = static_cast<size_t>(bytes) + Block::kDataOffset;
  Block* block = is_large(all) ? allocate_large(all) : allocate_small(all);
  block->references.store(1, std::memory_order_relaxed);
  block->version.store(0, std::memory_order_relaxed);
  return block;
}

void free_block(Block* block) {
  Pool& p = pool();
  {
    Lock lock(p.locked);
    p.statistics.in_use -= block->bytes;
    if (block->size_class == kInArena) return p.arena.free(reinterpret_cast<std::byte*>(block));
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

void note_scratch(int64_t bytes, int64_t pieces) {
  if (!DryRun::is_on()) return;
  std::vector<detail::Block*> blocks;
  for (int64_t i = 0; i < std::min<int64_t>(pieces, threads()); ++i) blocks.push_back(detail::allocate_block(bytes));
  for (detail::Block* block : blocks) detail::release(block);
}

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
  p.statistics.reserved -= static_cast<int64_t>(p.arena.release_unused());
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace gradus
