// Sums that tell whether bytes are what they were: XXH3 with 64 bits, which no one should take for a signature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gradus {

/// XXH3 with 64 bits (Collet, xxHash, seed 0) of some bytes.
uint64_t xxh3(const void* data, size_t bytes);
inline uint64_t xxh3(std::string_view text) { return xxh3(text.data(), text.size()); }

/// The same, of bytes that come in pieces; where they are cut does not matter.
class Xxh3 {
 public:
  Xxh3();
  ~Xxh3();
  Xxh3(const Xxh3&) = delete;
  Xxh3& operator=(const Xxh3&) = delete;

  void add(const void* data, size_t bytes);
  void add(std::string_view text) { add(text.data(), text.size()); }
  /// Of all that was added so far; more may follow.
  uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// 16 lower-case hexadecimal digits.
std::string hex(uint64_t sum);
/// What `hex` made; false for anything else.
bool from_hex(std::string_view text, uint64_t& sum);

}  // namespace gradus
