// Memory of this process and of the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace gradus {

/// What this process holds now.
int64_t resident_bytes();
/// The most that it held so far.
int64_t peak_resident_bytes();

/// What this process may hold in all: what it holds already, and what the system has free for it, or its control group
/// and those above it, or the limit on its addresses (`ulimit -v`), whichever is least.
int64_t memory_limit_bytes();

namespace detail {
/// What control groups leave: `root` is where their files are, `groups` what /proc/self/cgroup says; nothing without a
/// limit. Version 2's files, and version 1's.
std::optional<int64_t> control_group_free(const std::filesystem::path& root, std::string_view groups);
}  // namespace detail

/// Asks the system for large pages (2 MB) in the place of those small ones of `memory` that make up whole large ones.
/// What was not touched yet costs a fraction of the time then when it is.
void prefer_large_pages(void* memory, size_t bytes);

/// Gives the whole pages of `memory` back to the system. What was in them is lost; they can be written again.
void discard_pages(void* memory, size_t bytes);

/// `values.resize(size)`, of an empty vector that may become big.
template <class T>
void resize_in_large_pages(std::vector<T>& values, size_t size) {
  values.reserve(size);
  prefer_large_pages(values.data(), size * sizeof(T));
  values.resize(size);
}

}  // namespace gradus
