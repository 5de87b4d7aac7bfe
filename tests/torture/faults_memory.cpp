// Memory that is refused. operator new takes its memory from malloc, so it is seen too.
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/torture/faults.h"

// glibc's own, under names that need no dlsym, which allocates.
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
}

namespace {

// In the thread's first block, which needs no memory itself.
__attribute__((tls_model("initial-exec"))) thread_local bool t_inside = false;

bool refused(size_t bytes) {
  if (!faults::g_in_main.load(std::memory_order_relaxed) || t_inside) return false;
  const uint64_t number = faults::g_allocations.fetch_add(1) + 1;
  const faults::Settings& s = faults::g_settings;
  if (number != s.malloc_at && (s.malloc_from == 0 || number < s.malloc_from)) return false;
  t_inside = true;
  faults::note_refusal(number, bytes);
  t_inside = false;
  errno = ENOMEM;
  return true;
}

void* aligned(size_t alignment, size_t bytes) { return refused(bytes) ? nullptr : __libc_memalign(alignment, bytes); }

}  // namespace

extern "C" {

void* malloc(size_t bytes) noexcept { return refused(bytes) ? nullptr : __libc_malloc(bytes); }

void* calloc(size_t count, size_t bytes) noexcept {
  return refused(count * bytes) ? nullptr : __libc_calloc(count, bytes);
}

void* realloc(void* memory, size_t bytes) noexcept {
  const bool grows = memory == nullptr || bytes > malloc_usable_size(memory);
  return grows && refused(bytes) ? nullptr : __libc_realloc(memory, bytes);
}

void* memalign(size_t alignment, size_t bytes) noexcept { return aligned(alignment, bytes); }

void* aligned_alloc(size_t alignment, size_t bytes) noexcept { return aligned(alignment, bytes); }

int posix_memalign(void** memory, size_t alignment, size_t bytes) noexcept {
  const int kept = errno;  // its error is its result only
  void* result = aligned(alignment, bytes);
  errno = kept;
  if (result == nullptr) return ENOMEM;
  *memory = result;
  return 0;
}

// How the pool's arena grows.
int mprotect(void* address, size_t bytes, int protection) noexcept {
  if (protection == (PROT_READ | PROT_WRITE) && refused(bytes)) return -1;
  return static_cast<int>(syscall(SYS_mprotect, address, bytes, protection));
}
}
