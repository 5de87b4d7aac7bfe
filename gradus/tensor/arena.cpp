#include "gradus/tensor/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <new>

#include "gradus/base/threads.h"

namespace gradus::detail {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

int SizeClasses::floor(size_t bytes) {
  const int exponent = static_cast<int>(std::bit_width(bytes)) - 1;
  const size_t step = (size_t{1} << exponent) / kStepsPerDoubling;
  const size_t steps = (bytes - (size_t{1} << exponent)) / step;
  return std::min(kCount - 1, (exponent - kMinLog2) * kStepsPerDoubling + static_cast<int>(steps));
}

size_t SizeClasses::bytes_of(int size_class) {
  const size_t doubling = size_t{1} << (kMinLog2 + size_class / kStepsPerDoubling);
  return doubling + doubling / kStepsPerDoubling * static_cast<size_t>(size_class % kStepsPerDoubling);
}

// Parts lie side by side from `begin_` to `end_`; no two free ones are neighbours, unless only one of them has pages.
struct Arena::Header {
  size_t bytes;             // with this header
  Header* before;           // the part in front; nullptr for the first
  Header *next, *previous;  // of the same bin, while free
  bool is_free;
  bool has_pages;  // of a free part: not given back to the system
};

Arena::Part Arena::allocate(size_t bytes) {
  static_assert(sizeof(Header) <= kHeaderBytes);
  const size_t needed = round_up(bytes + kHeaderBytes, kUnit);
  size_t from_system = 0;
  Header* part = take(needed);
  if (part == nullptr) part = grow(needed, from_system);
  if (part == nullptr) return {nullptr, 0, 0};
  const bool had_pages = part->has_pages;
  split(part, needed);
  if (!had_pages) from_system = part->bytes;
  part->is_free = false;
  return {reinterpret_cast<std::byte*>(part) + kHeaderBytes, part->bytes, from_system};
}

void Arena::free(std::byte* memory) {
  Header* part = reinterpret_cast<Header*>(memory - kHeaderBytes);
  part->is_free = true;
  part->has_pages = true;
  if (Header* next = after(part); next != nullptr && next->is_free && next->has_pages) {
    remove(next);
    join(part, next);
  }
  if (Header* before = part->before; before != nullptr && before->is_free && before->has_pages) {
    remove(before);
    join(before, part);
    part = before;
  }
  insert(part);
}

size_t Arena::release_unused() {
  size_t released = 0;
  for (Header* part = last_ == nullptr ? nullptr : reinterpret_cast<Header*>(begin_); part != nullptr;
       part = after(part)) {
    if (!part->is_free || !part->has_pages) continue;
    released += part->bytes;
    part->has_pages = false;
    // The page with the header stays.
    if (part->bytes > kUnit) ::madvise(reinterpret_cast<std::byte*>(part) + kUnit, part->bytes - kUnit, MADV_DONTNEED);
    if (Header* before = part->before; before != nullptr && before->is_free) {
      remove(before);
      remove(part);
      join(before, part);
      insert(part = before);
    }
  }
  shrink();
  return released;
}

// The smallest free part of at least `bytes`, out of its bin.
Arena::Header* Arena::take(size_t bytes) {
  for (int bin = SizeClasses::floor(bytes); bin < SizeClasses::kCount; ++bin) {
    Header* best = nullptr;
    for (Header* part = bins_[static_cast<size_t>(bin)]; part != nullptr; part = part->next) {
      if (part->bytes >= bytes && (best == nullptr || part->bytes < best->bytes)) best = part;
    }
    if (best == nullptr) continue;
    remove(best);
    return best;
  }
  return nullptr;
}

// Gives back the addresses of a free part at the end, so that they come again as if never used: with huge pages.
void Arena::shrink() {
  if (last_ == nullptr || !last_->is_free) return;
  auto* const start = reinterpret_cast<std::byte*>(last_);
  std::byte* const cut = begin_ + round_up(static_cast<size_t>(start - begin_), kHugePage);
  if (cut >= end_) return;
  remove(last_);
  if (cut == start) {
    last_ = last_->before;
  } else {
    last_->bytes = static_cast<size_t>(cut - start);
    insert(last_);
  }
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  // Where that is refused, the pages stay as they are.
  ::mmap(cut, static_cast<size_t>(end_ - cut), PROT_NONE, kFlags, -1, 0);
  end_ = cut;
}

// A part at the end, of new addresses; the last one, if it is free, becomes its beginning.
Arena::Header* Arena::grow(size_t bytes, size_t& from_system) {
  if (begin_ == nullptr && !reserve_addresses()) return nullptr;
  const bool extends = last_ != nullptr && last_->is_free && last_->has_pages;
  const size_t more = round_up(extends ? bytes - last_->bytes : bytes, kHugePage);
  if (more > static_cast<size_t>(limit_ - end_)) return nullptr;
  if (::mprotect(end_, more, PROT_READ | PROT_WRITE) != 0) return nullptr;
  // A hint: without it everything works, slower. In a dry run each part's header would take a huge page.
  if (!DryRun::is_on()) ::madvise(end_, more, MADV_HUGEPAGE);
  from_system = more;
  std::byte* const place = end_;
  end_ += more;
  if (extends) {
    remove(last_);
    last_->bytes += more;
    return last_;
  }
  last_ = new (place) Header{more, last_, nullptr, nullptr, true, true};
  return last_;
}

// Cuts what is beyond `bytes` off as a free part of its own, if it is worth one.
void Arena::split(Header* part, size_t bytes) {
  if (part->bytes - bytes < kUnit) return;
  Header* rest = new (reinterpret_cast<std::byte*>(part) + bytes)
      Header{part->bytes - bytes, part, nullptr, nullptr, true, part->has_pages};
  part->bytes = bytes;
  if (part == last_) {
    last_ = rest;
  } else {
    after(rest)->before = rest;
  }
  insert(rest);
}

void Arena::insert(Header* part) {
  Header*& head = bins_[static_cast<size_t>(SizeClasses::floor(part->bytes))];
  part->previous = nullptr;
  part->next = head;
  if (head != nullptr) head->previous = part;
  head = part;
}

void Arena::remove(Header* part) {
  if (part->previous != nullptr) {
    part->previous->next = part->next;
  } else {
    bins_[static_cast<size_t>(SizeClasses::floor(part->bytes))] = part->next;
  }
  if (part->next != nullptr) part->next->previous = part->previous;
}

// `next` becomes the end of `part`; both are out of their bins.
void Arena::join(Header* part, Header* next) {
  part->bytes += next->bytes;
  if (next == last_) {
    last_ = part;
  } else {
    after(part)->before = part;
  }
}

Arena::Header* Arena::after(Header* part) const {
  if (part == last_) return nullptr;
  return reinterpret_cast<Header*>(reinterpret_cast<std::byte*>(part) + part->bytes);
}

// Addresses cost nothing until they are used: half of what a process has, so that a run that does not fit on any
// machine can be gone through all the same; or what a limit leaves.
bool Arena::reserve_addresses() {
  for (size_t bytes = size_t{1} << 46; bytes >= 2 * kHugePage; bytes /= 2) {
    void* const place = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) continue;
    const auto address = reinterpret_cast<uintptr_t>(place);
    begin_ = end_ = static_cast<std::byte*>(place) + (round_up(address, kHugePage) - address);
    limit_ = static_cast<std::byte*>(place) + bytes;
    return true;
  }
  return false;
}

}  // namespace gradus::detail
