#include "gradus/base/hash.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

// As a header: nothing has to be linked or installed with the library.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace gradus {

uint64_t xxh3(const void* data, size_t bytes) { return XXH3_64bits(data, bytes); }

struct Xxh3::State {
  XXH3_state_t state;
};

Xxh3::Xxh3() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->state); }
Xxh3::~Xxh3() = default;
void Xxh3::add(const void* data, size_t bytes) { XXH3_64bits_update(&state_->state, data, bytes); }
uint64_t Xxh3::value() const { return XXH3_64bits_digest(&state_->state); }

std::string hex(uint64_t sum) { return fmt::format("{:016x}", sum); }

bool from_hex(std::string_view text, uint64_t& sum) {
  constexpr size_t kDigits = 16;
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != kDigits || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  return std::from_chars(text.data(), text.data() + text.size(), sum, 16).ec == std::errc();
}

}  // namespace gradus
