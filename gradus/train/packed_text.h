// Texts as token ids in a folder, ready to be trained on: mapped, not read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "gradus/data/text_tokenizer.h"
#include "gradus/data/token_sequence.h"
#include "gradus/train/config.h"

namespace gradus {

/// Tokens, where the documents among them begin (none: it is one), and what made them.
struct PackedText {
  TextTokenizer tokenizer;
  TokenSequence tokens;
  std::vector<int64_t> documents;
};

struct PackSummary {
  int64_t tokens = 0, documents = 0, shards = 0, vocabulary = 0;
};

/// Writes the texts of `data.path` as docs/file_formats.md has it, whole or not at all; `folder` must not exist. The
/// tokenizer is that of `data.tokens`; one that is learned sees only what `data.validation_fraction` leaves, as when
/// the same configuration is trained without packing. Texts are read some at a time, and several times where a
/// tokenizer is learned, so that they may be larger than memory; of each document where it begins is kept.
PackSummary pack_text(const Config& config, const std::filesystem::path& folder);

/// Whether `path` is a folder that `pack_text` wrote.
bool is_packed_text(const std::filesystem::path& path);
/// Checks every sum, and that ids and documents are what they can be; an error names the file and what is wrong.
PackedText read_packed_text(const std::filesystem::path& folder);

}  // namespace gradus
