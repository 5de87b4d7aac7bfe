// Calls on files. Those that change files run one at a time, so that the journal has them in the order they completed.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/torture/faults.h"

namespace faults {
namespace {

using journal::Op;
using journal::Record;

pthread_mutex_t g_changing = PTHREAD_MUTEX_INITIALIZER;

class Lock {
 public:
  Lock() { pthread_mutex_lock(&g_changing); }
  ~Lock() { pthread_mutex_unlock(&g_changing); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
};

struct Descriptor {
  std::atomic<bool> inside{false};
  uint64_t handle = 0;
  char path[256] = "";  // for messages: cut if longer
};
constexpr int kDescriptors = 1024;
constinit Descriptor g_descriptors[kDescriptors];
constinit std::atomic<uint64_t> g_handles{0};

Descriptor* inside(int descriptor) {
  if (descriptor < 0 || descriptor >= kDescriptors) return nullptr;
  Descriptor& d = g_descriptors[descriptor];
  return d.inside.load(std::memory_order_acquire) ? &d : nullptr;
}

void forget(int descriptor) {
  if (Descriptor* d = inside(descriptor)) d->inside.store(false);
}

// A path relative to the folder.
struct Place {
  char text[PATH_MAX];
};

long link_target(const char* link, char* target) {
  const long bytes = syscall(SYS_readlink, link, target, PATH_MAX - 1);
  target[bytes < 0 ? 0 : bytes] = '\0';
  return bytes;
}

long descriptor_path(int descriptor, char* path) {
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  return link_target(link, path);
}

// Takes ".", ".." and doubled slashes out of an absolute path.
void normalise(char* path) {
  char* end = path;
  for (const char* next = path; *next != '\0';) {
    while (*next == '/') ++next;
    const size_t bytes = static_cast<size_t>(strchrnul(next, '/') - next);
    if (bytes == 2 && next[0] == '.' && next[1] == '.') {
      while (end > path && *--end != '/') {
      }
    } else if (bytes > 0 && !(bytes == 1 && next[0] == '.')) {
      *end++ = '/';
      memmove(end, next, bytes);
      end += bytes;
    }
    next += bytes;
  }
  *end = '\0';
}

// Whether an absolute, normalised path lies in the folder, and where.
bool place_in_folder(const char* path, Place& place) {
  const Settings& s = g_settings;
  if (strncmp(path, s.folder, s.folder_bytes) != 0) return false;
  const char* rest = path + s.folder_bytes;
  if (*rest != '/' && *rest != '\0') return false;
  strcpy(place.text, *rest == '/' ? rest + 1 : rest);
  return true;
}

bool locate(int folder, const char* path, Place& place) {
  if (!g_settings.ready) return false;
  const int error = errno;
  char text[2 * PATH_MAX] = "";
  if (path[0] != '/' && folder == AT_FDCWD) {
    if (syscall(SYS_getcwd, text, PATH_MAX) < 0) text[0] = '\0';
  } else if (path[0] != '/') {
    descriptor_path(folder, text);
  }
  errno = error;
  if (strlen(path) >= PATH_MAX) return false;  // the system refuses it
  strcat(text, "/");
  strcat(text, path);
  normalise(text);
  return strlen(text) < PATH_MAX && place_in_folder(text, place);
}

// What every call goes through. `journal` is told what came out and the number of the call.
template <class Do, class Write>
long perform(Call call, const char* path, const Do& carry_out, const Write& journal) {
  const uint64_t number = count_call(call);
  if (number != 0 && number == g_settings.kill_at) kill_self();
  long result = -1;
  if (const int error = injected_error(call, path)) {
    errno = error;
  } else {
    result = carry_out();
    const int kept = errno;
    if (result >= 0) journal(result, number);
    errno = kept;
  }
  if (number != 0 && number == g_settings.kill_after) kill_self();
  return result;
}

template <class Do>
long perform_read(Call call, const char* path, const Do& carry_out) {
  return perform(call, path, carry_out, [](long, uint64_t) {});
}

template <class Do, class Write>
long perform_change(Call call, const char* path, const Do& carry_out, const Write& journal) {
  const Lock lock;
  return perform(call, path, carry_out, journal);
}

size_t shortened(size_t bytes) { return g_settings.short_transfers && bytes > 1 ? bytes / 2 : bytes; }

// By its canonical path: the program may have gone through a symbolic link.
void track(int descriptor, const Place& place, int flags, uint64_t call) {
  if (descriptor >= kDescriptors) unsupported("more open files than it can follow", place.text);
  Descriptor& d = g_descriptors[descriptor];
  d.handle = g_handles.fetch_add(1) + 1;
  snprintf(d.path, sizeof(d.path), "%.255s", place.text);
  d.inside.store(true, std::memory_order_release);
  char path[PATH_MAX];
  Place canonical;
  descriptor_path(descriptor, path);
  if (!place_in_folder(path, canonical)) {
    if (call != 0) unsupported("a link leads out of the folder", place.text);
    canonical = place;
  }
  write_journal({.op = Op::kOpen, .call = call, .handle = d.handle, .number = flags}, canonical.text, "", nullptr, 0);
}

int open_file(int folder, const char* path, int flags, mode_t mode) {
  const auto carry_out = [&] { return syscall(SYS_openat, folder, path, flags, mode); };
  Place place;
  if ((flags & O_PATH) != 0 || !locate(folder, path, place)) {
    const long descriptor = carry_out();
    forget(static_cast<int>(descriptor));  // of a number that something else than close gave back
    return static_cast<int>(descriptor);
  }
  if ((flags & O_TMPFILE) == O_TMPFILE) unsupported("O_TMPFILE", place.text);
  const bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
  const Call call = !changes ? Call::kOpenToRead : (flags & O_CREAT) != 0 ? Call::kCreate : Call::kOpenToWrite;
  return static_cast<int>(perform_change(call, place.text, carry_out, [&](long descriptor, uint64_t number) {
    track(static_cast<int>(descriptor), place, flags, number);
  }));
}

long write_at(int descriptor, const void* data, size_t bytes, int64_t offset) {
  const auto carry_out = [&](size_t most) {
    return offset < 0 ? syscall(SYS_write, descriptor, data, most)
                      : syscall(SYS_pwrite64, descriptor, data, most, offset);
  };
  const Descriptor* d = inside(descriptor);
  if (d == nullptr) return carry_out(bytes);
  return perform_change(
      Call::kWrite, d->path, [&] { return carry_out(shortened(bytes)); },
      [&](long written, uint64_t call) {
        // After the call: a file that is appended to may have moved to its end.
        const long begin = offset < 0 ? syscall(SYS_lseek, descriptor, 0, SEEK_CUR) - written : offset;
        write_journal({.op = Op::kWrite, .call = call, .handle = d->handle, .number = begin}, "", "", data,
                      static_cast<size_t>(written));
      });
}

long read_at(int descriptor, void* data, size_t bytes, int64_t offset) {
  const auto carry_out = [&](size_t most) {
    return offset < 0 ? syscall(SYS_read, descriptor, data, most)
                      : syscall(SYS_pread64, descriptor, data, most, offset);
  };
  const Descriptor* d = inside(descriptor);
  if (d == nullptr) return carry_out(bytes);
  return perform_read(Call::kRead, d->path, [&] { return carry_out(shortened(bytes)); });
}

int flush(int descriptor, long system_call) {
  const auto carry_out = [&] { return syscall(system_call, descriptor); };
  const Descriptor* d = inside(descriptor);
  if (d == nullptr) return static_cast<int>(carry_out());
  return static_cast<int>(perform_change(Call::kSync, d->path, carry_out, [&](long, uint64_t call) {
    write_journal({.op = Op::kSync, .call = call, .handle = d->handle}, "", "", nullptr, 0);
  }));
}

int truncate_descriptor(int descriptor, off_t bytes) {
  const auto carry_out = [&] { return syscall(SYS_ftruncate, descriptor, bytes); };
  const Descriptor* d = inside(descriptor);
  if (d == nullptr) return static_cast<int>(carry_out());
  return static_cast<int>(perform_change(Call::kTruncate, d->path, carry_out, [&](long, uint64_t call) {
    write_journal({.op = Op::kTruncate, .call = call, .handle = d->handle, .number = bytes}, "", "", nullptr, 0);
  }));
}

// A call on one name.
template <class Do>
int change_name(Call call, Op op, int folder, const char* path, const char* other, const Do& carry_out) {
  Place place;
  if (!locate(folder, path, place)) return static_cast<int>(carry_out());
  return static_cast<int>(perform_change(call, place.text, carry_out, [&](long, uint64_t number) {
    write_journal({.op = op, .call = number}, place.text, other, nullptr, 0);
  }));
}

// A call on two names.
template <class Do>
int change_names(Call call, Op op, int from_folder, const char* from, int to_folder, const char* to, unsigned flags,
                 const Do& carry_out) {
  Place source, target;
  const bool source_inside = locate(from_folder, from, source), target_inside = locate(to_folder, to, target);
  if (!source_inside && !target_inside) return static_cast<int>(carry_out());
  if (source_inside != target_inside) unsupported("a rename or link across the folder's edge", to);
  return static_cast<int>(perform_change(call, target.text, carry_out, [&](long, uint64_t number) {
    write_journal({.op = op, .call = number, .number = flags}, source.text, target.text, nullptr, 0);
  }));
}

int rename_at(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  return change_names(Call::kRename, Op::kRename, from_folder, from, to_folder, to, flags,
                      [&] { return syscall(SYS_renameat2, from_folder, from, to_folder, to, flags); });
}

int link_at(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  return change_names(Call::kLink, Op::kLink, from_folder, from, to_folder, to, 0,
                      [&] { return syscall(SYS_linkat, from_folder, from, to_folder, to, flags); });
}

int symlink_at(const char* target, int folder, const char* path) {
  return change_name(Call::kSymlink, Op::kSymlink, folder, path, target,
                     [&] { return syscall(SYS_symlinkat, target, folder, path); });
}

int unlink_at(int folder, const char* path, int flags) {
  const bool is_folder = (flags & AT_REMOVEDIR) != 0;
  return change_name(is_folder ? Call::kRmdir : Call::kUnlink, is_folder ? Op::kRmdir : Op::kUnlink, folder, path, "",
                     [&] { return syscall(SYS_unlinkat, folder, path, flags); });
}

int mkdir_at(int folder, const char* path, mode_t mode) {
  return change_name(Call::kMkdir, Op::kMkdir, folder, path, "",
                     [&] { return syscall(SYS_mkdirat, folder, path, mode); });
}

void* map(void* address, size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  const auto carry_out = [&] { return syscall(SYS_mmap, address, bytes, protection, flags, descriptor, offset); };
  const Descriptor* d = inside(descriptor);
  if (d == nullptr) return reinterpret_cast<void*>(carry_out());
  if ((protection & PROT_WRITE) != 0 && (flags & MAP_PRIVATE) == 0) unsupported("a mapping to write", d->path);
  count_call(Call::kMap);
  return reinterpret_cast<void*>(carry_out());
}

// The shim can not see what the call does to the file.
void refuse(const char* call, int descriptor) {
  if (const Descriptor* d = inside(descriptor)) unsupported(call, d->path);
}

FILE* open_stream(const char* name, const char* path, const char* mode) {
  Place place;
  if (strpbrk(mode, "wa+") != nullptr && locate(AT_FDCWD, path, place)) unsupported("fopen to write", place.text);
  using Open = FILE*(const char*, const char*);
  return reinterpret_cast<Open*>(dlsym(RTLD_NEXT, name))(path, mode);
}

mode_t mode_in(int flags, va_list& arguments) {
  const bool given = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return given ? va_arg(arguments, mode_t) : 0;
}

}  // namespace
}  // namespace faults

// One name of a function that takes a mode where its flags create a file.
#define FAULTS_OPEN(name, folder, ...)                     \
  int name(__VA_ARGS__, int flags, ...) {                  \
    va_list arguments;                                     \
    va_start(arguments, flags);                            \
    const mode_t mode = faults::mode_in(flags, arguments); \
    va_end(arguments);                                     \
    return faults::open_file(folder, path, flags, mode);   \
  }

extern "C" {

FAULTS_OPEN(open, AT_FDCWD, const char* path)
FAULTS_OPEN(open64, AT_FDCWD, const char* path)
FAULTS_OPEN(openat, folder, int folder, const char* path)
FAULTS_OPEN(openat64, folder, int folder, const char* path)
int creat(const char* path, mode_t mode) {
  return faults::open_file(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) { return creat(path, mode); }
// Under _FORTIFY_SOURCE, the next two and __read_chk below.
int __open_2(const char* path, int flags) { return faults::open_file(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return faults::open_file(AT_FDCWD, path, flags, 0); }

int close(int descriptor) {
  faults::forget(descriptor);  // first: the number may be another thread's as soon as it is closed
  return static_cast<int>(syscall(SYS_close, descriptor));
}

ssize_t write(int descriptor, const void* data, size_t bytes) { return faults::write_at(descriptor, data, bytes, -1); }
ssize_t pwrite(int descriptor, const void* data, size_t bytes, off_t offset) {
  return faults::write_at(descriptor, data, bytes, offset);
}
ssize_t pwrite64(int descriptor, const void* data, size_t bytes, off64_t offset) {
  return faults::write_at(descriptor, data, bytes, offset);
}
// On a file of the folder only its first part that is not empty: a short write, which is allowed.
ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (faults::inside(descriptor) == nullptr) return syscall(SYS_writev, descriptor, parts, count);
  int first = 0;
  while (first + 1 < count && parts[first].iov_len == 0) ++first;
  return count <= 0 ? 0 : faults::write_at(descriptor, parts[first].iov_base, parts[first].iov_len, -1);
}

ssize_t read(int descriptor, void* data, size_t bytes) { return faults::read_at(descriptor, data, bytes, -1); }
ssize_t __read_chk(int descriptor, void* data, size_t bytes, size_t) {
  return faults::read_at(descriptor, data, bytes, -1);
}
ssize_t pread(int descriptor, void* data, size_t bytes, off_t offset) {
  return faults::read_at(descriptor, data, bytes, offset);
}
ssize_t pread64(int descriptor, void* data, size_t bytes, off64_t offset) {
  return faults::read_at(descriptor, data, bytes, offset);
}
void* mmap(void* address, size_t bytes, int protection, int flags, int descriptor, off_t offset) noexcept {
  return faults::map(address, bytes, protection, flags, descriptor, offset);
}
void* mmap64(void* address, size_t bytes, int protection, int flags, int descriptor, off64_t offset) noexcept {
  return faults::map(address, bytes, protection, flags, descriptor, offset);
}

int fsync(int descriptor) { return faults::flush(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return faults::flush(descriptor, SYS_fdatasync); }
int ftruncate(int descriptor, off_t bytes) noexcept { return faults::truncate_descriptor(descriptor, bytes); }
int ftruncate64(int descriptor, off64_t bytes) noexcept { return faults::truncate_descriptor(descriptor, bytes); }

int rename(const char* from, const char* to) noexcept { return faults::rename_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return faults::rename_at(from_folder, from, to_folder, to, 0);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  return faults::rename_at(from_folder, from, to_folder, to, flags);
}
int link(const char* from, const char* to) noexcept { return faults::link_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  return faults::link_at(from_folder, from, to_folder, to, flags);
}
int symlink(const char* target, const char* path) noexcept { return faults::symlink_at(target, AT_FDCWD, path); }
int symlinkat(const char* target, int folder, const char* path) noexcept {
  return faults::symlink_at(target, folder, path);
}
int unlink(const char* path) noexcept { return faults::unlink_at(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char* path, int flags) noexcept { return faults::unlink_at(folder, path, flags); }
int rmdir(const char* path) noexcept { return faults::unlink_at(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char* path) noexcept {
  const int result = unlink(path);
  return result != 0 && errno == EISDIR ? rmdir(path) : result;
}
int mkdir(const char* path, mode_t mode) noexcept { return faults::mkdir_at(AT_FDCWD, path, mode); }
int mkdirat(int folder, const char* path, mode_t mode) noexcept { return faults::mkdir_at(folder, path, mode); }

// Of any file system: the command asks for no other.
int statvfs(const char* path, struct statvfs* system) noexcept {
  using Call = int(const char*, struct statvfs*);
  const int result = reinterpret_cast<Call*>(dlsym(RTLD_NEXT, "statvfs"))(path, system);
  if (result == 0 && faults::g_settings.free_bytes > 0) {
    system->f_bavail = faults::g_settings.free_bytes / system->f_frsize;
  }
  return result;
}

// Calls that would change a file of the folder unseen.
FILE* fopen(const char* path, const char* mode) { return faults::open_stream("fopen", path, mode); }
FILE* fopen64(const char* path, const char* mode) { return faults::open_stream("fopen64", path, mode); }
int posix_fallocate(int descriptor, off_t offset, off_t bytes) {
  faults::refuse("posix_fallocate", descriptor);
  return syscall(SYS_fallocate, descriptor, 0, offset, bytes) == 0 ? 0 : errno;
}
int fallocate(int descriptor, int mode, off_t offset, off_t bytes) {
  faults::refuse("fallocate", descriptor);
  return static_cast<int>(syscall(SYS_fallocate, descriptor, mode, offset, bytes));
}
ssize_t copy_file_range(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t bytes, unsigned flags) {
  faults::refuse("copy_file_range", to);
  return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, bytes, flags);
}
ssize_t sendfile(int to, int from, off_t* offset, size_t bytes) noexcept {
  faults::refuse("sendfile", to);
  return syscall(SYS_sendfile, to, from, offset, bytes);
}
int truncate(const char* path, off_t bytes) noexcept {
  faults::Place place;
  if (faults::locate(AT_FDCWD, path, place)) faults::unsupported("truncate", place.text);
  return static_cast<int>(syscall(SYS_truncate, path, bytes));
}
}

#undef FAULTS_OPEN
