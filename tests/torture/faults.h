// The insides of `gradus_faults`, a library for LD_PRELOAD that does bad things to an unmodified program. It acts on
// environment variables. Files below FAULTS_FOLDER (absolute, without symbolic links) only:
//
//     FAULTS_FOLDER=path       without it no call on files is touched
//     FAULTS_KILL_AT=n         SIGKILL just before the n-th call that changes files, from 1
//     FAULTS_KILL_AFTER=n      SIGKILL right after it
//     FAULTS_ERROR=name        ENOSPC, EIO or EINTR: calls that can give it do, of those that can
//       FAULTS_AT=n              the n-th,
//       FAULTS_FROM=n            the n-th and all that follow,
//       FAULTS_EVERY=n           every n-th
//     FAULTS_SHORT=1           reads and writes move at most half of what was asked, and at least a byte
//     FAULTS_FREE=bytes        what is said to be free in its file system
//     FAULTS_JOURNAL=path      journal.h: all that is needed to do the same to the folder again
//
// Memory, counted from the beginning of main:
//
//     FAULTS_MALLOC_AT=n       the n-th allocation is refused
//     FAULTS_MALLOC_FROM=n     the n-th and all that follow
//     FAULTS_TRACE=path        the stack of the first refused allocation, as module(+offset) for addr2line
//
// And FAULTS_COUNT=path: at exit, or when it kills itself, how many calls there were and which faults, a line each.
//
// Not seen: descriptors that dup made, and files that stdio opened to read. Opening by stdio to write, and calls that
// change files in a way that the journal can not hold, end the program with a message.
#pragma once

#include <linux/limits.h>
#include <stddef.h>
#include <stdint.h>

#include <atomic>

#include "tests/torture/journal.h"

namespace faults {

enum class Call : uint8_t {
  kOpenToRead,
  kRead,
  kMap,
  kOpenToWrite,  // from here on, calls that change files
  kCreate,
  kWrite,
  kTruncate,
  kSync,
  kRename,
  kLink,
  kSymlink,
  kUnlink,
  kMkdir,
  kRmdir,
};
constexpr int kCalls = 14;

constexpr bool is_change(Call call) { return call >= Call::kOpenToWrite; }

struct Settings {
  bool ready = false;  // calls before this library's constructor are left alone
  char folder[PATH_MAX] = "";
  size_t folder_bytes = 0;
  uint64_t kill_at = 0, kill_after = 0;
  int error = 0;
  uint64_t at = 0, from = 0, every = 0;
  bool short_transfers = false;
  uint64_t free_bytes = 0;
  uint64_t malloc_at = 0, malloc_from = 0;
  char count_path[PATH_MAX] = "", trace_path[PATH_MAX] = "";
  int journal = -1;  // a descriptor
};
extern Settings g_settings;

extern std::atomic<uint64_t> g_allocations;
extern std::atomic<bool> g_in_main;

/// Its number among the calls that change files, or 0 for one that reads.
uint64_t count_call(Call call);

/// The error that this call has to give, or 0.
int injected_error(Call call, const char* path);

/// Writes the report and kills this process.
[[noreturn]] void kill_self();

/// Appends a record; the caller holds the lock on all changes.
void write_journal(journal::Record record, const char* path, const char* other, const void* data, size_t data_bytes);

/// Ends the program: the shim does not know this call on a file of the folder, so what it reports would be wrong.
[[noreturn]] void unsupported(const char* what, const char* path);

/// Writes the report to FAULTS_COUNT, once.
void write_report();

/// Remembers which allocation was refused, and writes its stack to FAULTS_TRACE; the first time only.
void note_refusal(uint64_t number, size_t bytes);

}  // namespace faults
