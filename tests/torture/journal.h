// The journal that `gradus_faults` writes and power_loss.h reads: one record a call that succeeded, in that order.
#pragma once

#include <cstdint>

namespace journal {

enum class Op : uint32_t { kOpen, kWrite, kTruncate, kSync, kRename, kLink, kSymlink, kUnlink, kMkdir, kRmdir };

constexpr uint32_t kMagic = 0x6C6E726A;  // "jrnl"

/// What a record begins with; `path`, `other` and `data` follow without ends. Paths are relative to the folder.
struct Record {
  uint32_t magic = kMagic;
  Op op = Op::kOpen;
  uint64_t call = 0;    ///< Which mutating call it is, from 1; 0 for opening to read.
  uint64_t handle = 0;  ///< Of open, write, truncate, sync: which opening the descriptor comes from.
  int64_t number = 0;   ///< Open: its flags. Write: the offset. Truncate: the length. Rename: the flags of renameat2.
  uint32_t path_bytes = 0, other_bytes = 0;
  uint64_t data_bytes = 0;
};

}  // namespace journal
