// WAV files in memory, made here byte by byte.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace gradus {

struct WavHeader {
  uint16_t format = 3, channels = 1;  ///< Format 1: whole numbers, 3: floating point.
  uint32_t rate = 8000;
  uint16_t bits = 32;
};

inline std::string little_endian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

inline std::string wav_bytes(const WavHeader& h, const std::string& data) {
  const uint32_t frame = uint32_t{h.channels} * h.bits / 8;
  const std::string format = little_endian(h.format, 2) + little_endian(h.channels, 2) + little_endian(h.rate, 4) +
                             little_endian(h.rate * frame, 4) + little_endian(frame, 2) + little_endian(h.bits, 2);
  const std::string chunks =
      "WAVEfmt " + little_endian(format.size(), 4) + format + "data" + little_endian(data.size(), 4) + data;
  return "RIFF" + little_endian(chunks.size(), 4) + chunks;
}

inline std::string float_wav(const std::vector<float>& samples, WavHeader header = {}) {
  std::string data(samples.size() * sizeof(float), '\0');
  std::memcpy(data.data(), samples.data(), data.size());
  return wav_bytes(header, data);
}

}  // namespace gradus
