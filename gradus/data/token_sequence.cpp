#include "gradus/data/token_sequence.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "gradus/base/hash.h"

namespace gradus {
namespace {

constexpr int64_t kAtOnce = 4096;

template <class Id>
void widen(const std::byte* from, int64_t count, int64_t* to) {
  for (int64_t i = 0; i < count; ++i) {
    Id id;
    std::memcpy(&id, from + i * static_cast<int64_t>(sizeof(Id)), sizeof(Id));
    to[i] = id;
  }
}

}  // namespace

TokenSequence::TokenSequence(std::vector<int32_t> tokens) {
  const auto owned = std::make_shared<const std::vector<int32_t>>(std::move(tokens));
  *this = TokenSequence({{std::as_bytes(std::span(*owned)), 4}}, owned);
}

TokenSequence::TokenSequence(std::vector<Piece> pieces, std::shared_ptr<const void> owner)
    : pieces_(std::move(pieces)), owner_(std::move(owner)) {
  for (const Piece& piece : pieces_) ends_.push_back(end_ += piece.size());
}

TokenSequence TokenSequence::part(int64_t begin, int64_t end) const {
  TokenSequence part = *this;
  part.begin_ = begin_ + begin;
  part.end_ = begin_ + end;
  return part;
}

void TokenSequence::copy(int64_t begin, int64_t count, int64_t* to) const {
  int64_t at = begin_ + begin;
  auto index = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin());
  while (count > 0) {
    const Piece& piece = pieces_[index];
    const int64_t offset = at - (ends_[index] - piece.size()), here = std::min(count, ends_[index] - at);
    const std::byte* const from = piece.bytes.data() + offset * piece.width;
    piece.width == 2 ? widen<uint16_t>(from, here, to) : widen<uint32_t>(from, here, to);
    to += here;
    at += here;
    count -= here;
    ++index;
  }
}

template <class Visit>
void TokenSequence::for_each(int64_t begin, int64_t end, Visit&& visit) const {
  std::array<int64_t, kAtOnce> ids;
  for (int64_t at = begin; at < end; at += kAtOnce) {
    const int64_t count = std::min(kAtOnce, end - at);
    copy(at, count, ids.data());
    visit(std::span(ids).first(static_cast<size_t>(count)));
  }
}

std::vector<int64_t> TokenSequence::counts(int64_t vocabulary) const {
  std::vector<int64_t> counts(static_cast<size_t>(vocabulary));
  for_each(0, size(), [&](std::span<const int64_t> ids) {
    for (const int64_t id : ids) ++counts[static_cast<size_t>(id)];
  });
  return counts;
}

uint64_t TokenSequence::hash() const {
  Xxh3 hash;
  std::array<int32_t, kAtOnce> narrow;
  for_each(0, size(), [&](std::span<const int64_t> ids) {
    std::transform(ids.begin(), ids.end(), narrow.begin(), [](int64_t id) { return static_cast<int32_t>(id); });
    hash.add(narrow.data(), ids.size() * sizeof(int32_t));
  });
  return hash.value();
}

}  // namespace gradus
