// Settings, counters, the report, and the beginning of main.
#include "tests/torture/faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace faults {

constinit Settings g_settings;
constinit std::atomic<uint64_t> g_allocations{0};
constinit std::atomic<bool> g_in_main{false};

namespace {

constexpr const char* kNames[kCalls] = {"open to read", "read",     "map",   "open to write", "create",
                                        "write",        "truncate", "sync",  "rename",        "link",
                                        "symlink",      "unlink",   "mkdir", "rmdir"};

struct ErrorKind {
  const char* name;
  int number;
};
constexpr ErrorKind kErrors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EINTR", EINTR}};
constexpr int kErrorKinds = 3;

constinit std::atomic<uint64_t> g_changes{0}, g_reads{0}, g_eligible[kErrorKinds] = {};
constinit std::atomic<bool> g_fault_noted{false}, g_refusal_noted{false}, g_reported{false};
constinit char g_fault[PATH_MAX + 64] = "", g_refusal[64] = "";

// Whether the manual page of the call lists the error.
bool can_give(Call call, int error) {
  switch (error) {
    case ENOSPC:
      return call == Call::kCreate || call == Call::kWrite || call == Call::kSync || call == Call::kRename ||
             call == Call::kLink || call == Call::kSymlink || call == Call::kMkdir;
    case EIO:
      return call != Call::kMap;
    case EINTR:
      return call == Call::kOpenToRead || call == Call::kOpenToWrite || call == Call::kCreate || call == Call::kRead ||
             call == Call::kWrite || call == Call::kTruncate || call == Call::kSync;
    default:
      return false;
  }
}

int raw_open(const char* path, int flags) {
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666));
}

void raw_write(int descriptor, const char* text) { syscall(SYS_write, descriptor, text, strlen(text)); }

[[noreturn]] void die(const char* text, const char* detail) {
  for (const char* part : {"gradus_faults: ", text, ": ", detail, "\n"}) raw_write(STDERR_FILENO, part);
  syscall(SYS_exit_group, 99);
  abort();
}

uint64_t number_from(const char* name) {
  const char* text = getenv(name);
  if (text == nullptr) return 0;
  char* end = nullptr;
  const unsigned long long number = strtoull(text, &end, 10);
  if (end == text || *end != '\0' || number == 0) die("expected a number from 1", name);
  return number;
}

void copy_from(const char* name, char (&target)[PATH_MAX]) {
  const char* text = getenv(name);
  if (text == nullptr) return;
  if (text[0] != '/' || strlen(text) >= sizeof(target)) die("expected an absolute path", name);
  strcpy(target, text);
}

// At a number that the program will not use by itself, so that its own descriptors have the usual ones.
int open_journal(const char* path) {
  const int low = raw_open(path, O_WRONLY | O_CREAT | O_APPEND);
  const int high = low < 0 ? -1 : static_cast<int>(syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 512));
  if (high < 0) die("cannot open the journal", path);
  syscall(SYS_close, low);
  return high;
}

__attribute__((constructor)) void read_settings() {
  Settings& s = g_settings;
  copy_from("FAULTS_FOLDER", s.folder);
  s.folder_bytes = strlen(s.folder);
  while (s.folder_bytes > 0 && s.folder[s.folder_bytes - 1] == '/') s.folder[--s.folder_bytes] = '\0';
  s.kill_at = number_from("FAULTS_KILL_AT");
  s.kill_after = number_from("FAULTS_KILL_AFTER");
  s.at = number_from("FAULTS_AT");
  s.from = number_from("FAULTS_FROM");
  s.every = number_from("FAULTS_EVERY");
  s.short_transfers = number_from("FAULTS_SHORT") != 0;
  s.free_bytes = number_from("FAULTS_FREE");
  s.malloc_at = number_from("FAULTS_MALLOC_AT");
  s.malloc_from = number_from("FAULTS_MALLOC_FROM");
  copy_from("FAULTS_COUNT", s.count_path);
  copy_from("FAULTS_TRACE", s.trace_path);
  if (const char* error = getenv("FAULTS_ERROR")) {
    for (const ErrorKind& kind : kErrors) {
      if (strcmp(kind.name, error) == 0) s.error = kind.number;
    }
    if (s.error == 0) die("FAULTS_ERROR is not ENOSPC, EIO or EINTR", error);
  }
  char journal_path[PATH_MAX] = "";
  copy_from("FAULTS_JOURNAL", journal_path);
  if (journal_path[0] != '\0') s.journal = open_journal(journal_path);
  s.ready = s.folder_bytes > 0;
}

__attribute__((destructor)) void report_at_exit() { write_report(); }

using Main = int (*)(int, char**, char**);
constinit Main g_main = nullptr;

int counted_main(int count, char** arguments, char** environment) {
  void* stack[1];
  backtrace(stack, 1);  // its first call allocates
  g_in_main.store(true);
  return g_main(count, arguments, environment);
}

}  // namespace

uint64_t count_call(Call call) {
  if (is_change(call)) return g_changes.fetch_add(1) + 1;
  g_reads.fetch_add(1);
  return 0;
}

int injected_error(Call call, const char* path) {
  uint64_t number = 0;
  for (int i = 0; i < kErrorKinds; ++i) {
    if (!can_give(call, kErrors[i].number)) continue;
    const uint64_t n = g_eligible[i].fetch_add(1) + 1;
    if (kErrors[i].number == g_settings.error) number = n;
  }
  const Settings& s = g_settings;
  if (number == 0) return 0;
  if (number != s.at && (s.from == 0 || number < s.from) && (s.every == 0 || number % s.every != 0)) return 0;
  if (!g_fault_noted.exchange(true)) {
    snprintf(g_fault, sizeof(g_fault), "%s: %s", kNames[static_cast<int>(call)], path);
  }
  return s.error;
}

void kill_self() {
  write_report();
  for (;;) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

void write_journal(journal::Record record, const char* path, const char* other, const void* data, size_t data_bytes) {
  if (g_settings.journal < 0) return;
  record.path_bytes = static_cast<uint32_t>(strlen(path));
  record.other_bytes = static_cast<uint32_t>(strlen(other));
  record.data_bytes = data_bytes;
  const iovec parts[] = {{&record, sizeof(record)},
                         {const_cast<char*>(path), record.path_bytes},
                         {const_cast<char*>(other), record.other_bytes},
                         {const_cast<void*>(data), data_bytes}};
  const long written = syscall(SYS_writev, g_settings.journal, parts, 4);
  if (written != static_cast<long>(sizeof(record) + record.path_bytes + record.other_bytes + data_bytes)) {
    die("cannot write the journal", path);
  }
}

void unsupported(const char* what, const char* path) { die(what, path); }

void write_report() {
  if (g_settings.count_path[0] == '\0' || g_reported.exchange(true)) return;
  char text[2 * PATH_MAX];
  int used = snprintf(text, sizeof(text), "changes %lu\nreads %lu\nallocations %lu\n", g_changes.load(), g_reads.load(),
                      g_allocations.load());
  for (int i = 0; i < kErrorKinds; ++i) {
    used += snprintf(text + used, sizeof(text) - static_cast<size_t>(used), "%s %lu\n", kErrors[i].name,
                     g_eligible[i].load());
  }
  if (g_fault[0] != '\0')
    used += snprintf(text + used, sizeof(text) - static_cast<size_t>(used), "fault %s\n", g_fault);
  if (g_refusal[0] != '\0') snprintf(text + used, sizeof(text) - static_cast<size_t>(used), "refused %s\n", g_refusal);
  const int file = raw_open(g_settings.count_path, O_WRONLY | O_CREAT | O_TRUNC);
  if (file < 0) die("cannot write the report", g_settings.count_path);
  raw_write(file, text);
  syscall(SYS_close, file);
}

void note_refusal(uint64_t number, size_t bytes) {
  // One thread at a time: where several are refused memory, each may be the one that does not survive it.
  static std::atomic_flag writing = ATOMIC_FLAG_INIT;
  while (writing.test_and_set(std::memory_order_acquire)) {
  }
  if (!g_refusal_noted) snprintf(g_refusal, sizeof(g_refusal), "%lu: %zu bytes", number, bytes);
  g_refusal_noted = true;
  if (g_settings.trace_path[0] != '\0') {
    const int file = raw_open(g_settings.trace_path, O_WRONLY | O_CREAT | O_APPEND);
    if (file < 0) die("cannot write the trace", g_settings.trace_path);
    void* stack[64];
    backtrace_symbols_fd(stack, backtrace(stack, 64), file);
    syscall(SYS_close, file);
  }
  writing.clear(std::memory_order_release);
}

}  // namespace faults

extern "C" {

// Where counting of memory begins: what loading and static objects take is not the program's doing.
int __libc_start_main(faults::Main main, int count, char** arguments, void (*initialise)(), void (*finish)(),
                      void (*finish_loader)(), void* stack_end) {
  using Start = int(faults::Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
  const auto start = reinterpret_cast<Start*>(dlsym(RTLD_NEXT, "__libc_start_main"));
  faults::g_main = main;
  return start(faults::counted_main, count, arguments, initialise, finish, finish_loader, stack_end);
}

void _exit(int code) {
  faults::write_report();
  for (;;) syscall(SYS_exit_group, code);
}

void _Exit(int code) noexcept { _exit(code); }
}
