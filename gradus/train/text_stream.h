// The texts of a configuration, of which few are in memory at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/text_documents.h"
#include "gradus/data/text_tokenizer.h"
#include "gradus/train/config.h"

namespace gradus::internal {

/// Some texts: documents of a file, or consecutive pieces of one text, between which no token lies.
struct TextPart {
  std::vector<std::string_view> texts;
  std::string source;               ///< The file, or all files that are one text.
  std::vector<int64_t> lines = {};  ///< Where documents begin; empty for pieces.
  int64_t begin = 0;                ///< How many bytes of the text are before the first piece.

  /// What messages call a text: "file:line", or of a piece the files.
  std::string place(size_t text) const;
  /// How many bytes of the one text are before a piece; 0 for documents.
  int64_t bytes_before(size_t text) const;
};

/// Plain files are one text, one behind the other; with any other file, each is a document and so are the texts of the
/// others: as `read_text_files` has it.
class TextStream {
 public:
  TextStream(const Config& config, const std::vector<std::string>& paths);

  bool has_documents() const { return has_documents_; }
  const std::string& source() const { return source_; }
  /// Reads the files from their beginning. Ends early where `visit` returns false. Pieces are some KB where
  /// `may_be_cut`, else the text is one.
  void for_each(bool may_be_cut, const std::function<bool(const TextPart& part)>& visit) const;

 private:
  void for_each_piece(bool may_be_cut, const std::function<bool(const TextPart& part)>& visit) const;
  void for_each_document(const std::function<bool(const TextPart& part)>& visit) const;

  TextOptions options_;
  std::vector<std::string> files_;
  std::string source_;
  bool has_documents_ = false, are_bytes_ = false;
};

/// That of `data.tokens`: given by `data.tokenizer`, or learned. What is learned has seen the part of the texts that is
/// trained on, as without packing; characters and bytes are those of all.
TextTokenizer learn_tokenizer(const Config& config, const TextStream& texts);
/// Calls `visit` for the ids of each text, or of each piece of the one text. An error names the place.
void encode_stream(const TextTokenizer& tokenizer, const TextStream& texts,
                   const std::function<void(const std::vector<int32_t>& ids)>& visit);

}  // namespace gradus::internal
