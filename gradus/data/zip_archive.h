// Archives in the zip format (PKWARE's APPNOTE 6.3), as far as NumPy writes it: stored and deflated members, zip64.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/compression.h"

namespace gradus {

/// The members of an archive, whose bytes have to outlive it.
class ZipArchive {
 public:
  struct Member {
    std::string name;
    bool is_deflated = false;
    uint32_t sum = 0;            ///< CRC-32 of what it holds.
    int64_t size = 0;            ///< Of what it holds.
    std::string_view data = {};  ///< As it stands in the archive.
  };

  /// Reads the list of members. Errors name `source`: what is no archive, is cut short, points outside of the file, is
  /// encrypted or compressed by another method, or lists a member twice.
  ZipArchive(std::string_view bytes, std::string source);

  const std::vector<Member>& members() const { return members_; }
  /// What a member holds, in the archive if it is stored there as it is; an error if its data or sum is damaged, or if
  /// it is more than `most_bytes`.
  struct Contents {
    GrownText own = {};
    std::string_view bytes = {};
  };
  Contents contents(const Member& member, int64_t most_bytes) const;

 private:
  std::string source_;
  std::vector<Member> members_;
};

}  // namespace gradus
