// Bytes as characters, as GPT-2's vocabularies write them.
#include <algorithm>
#include <array>
#include <numeric>

#include "gradus/base/utf8.h"
#include "gradus/data/bpe.h"

namespace gradus {
namespace {

constexpr uint32_t kFirstStandIn = 0x100;

bool is_printable(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

std::array<uint32_t, 256> make_codes() {
  std::array<uint32_t, 256> codes;
  uint32_t next = kFirstStandIn;
  for (uint32_t byte = 0; byte < 256; ++byte) codes[byte] = is_printable(byte) ? byte : next++;
  return codes;
}

const std::array<uint32_t, 256>& codes() {
  static const std::array<uint32_t, 256> all = make_codes();
  return all;
}

}  // namespace

std::vector<unsigned char> bytes_by_level() {
  std::vector<unsigned char> bytes(256);
  std::iota(bytes.begin(), bytes.end(), static_cast<unsigned char>(0));
  std::sort(bytes.begin(), bytes.end(), [](unsigned char a, unsigned char b) { return codes()[a] < codes()[b]; });
  return bytes;
}

std::string byte_level_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += to_utf8(codes()[static_cast<unsigned char>(byte)]);
  return text;
}

std::optional<std::string> bytes_of_level_text(std::string_view text) {
  static const std::vector<unsigned char> ordered = bytes_by_level();
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    const Utf8Piece piece = utf8_at(text, at);
    if (piece.length == 0) return std::nullopt;
    const auto found = std::lower_bound(ordered.begin(), ordered.end(), piece.code,
                                        [](unsigned char byte, uint32_t code) { return codes()[byte] < code; });
    if (found == ordered.end() || codes()[*found] != piece.code) return std::nullopt;
    bytes += static_cast<char>(*found);
    at += piece.length;
  }
  return bytes;
}

}  // namespace gradus
