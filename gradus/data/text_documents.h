// Files of texts: as a whole, a text a line, JSON lines, or a column of a table.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/csv.h"

namespace gradus {

enum class TextFormat : uint8_t {
  kPlain,  ///< The file is one text.
  kLines,  ///< Each line that is not empty is a text.
  kJsonl,  ///< Each line is a JSON object, which has texts in its fields.
  kCsv,    ///< Each row of a table is a text (data/csv.h).
};

struct TextOptions {
  /// Unset: by the file's name, kJsonl for .jsonl, kCsv for .csv and .tsv, else kPlain; .gz and .zst may follow.
  std::optional<TextFormat> format = {};
  /// The fields (kJsonl, kCsv) that are the text: those that a row has, joined by a line end. One at least it must
  /// have.
  std::vector<std::string> fields = {"text"};
  /// The field with the label of each text (kJsonl, kCsv): a text, a number or a boolean. Empty: there are none.
  std::string label = {};
  /// What names `fields`, an option or a key: for errors.
  std::string fields_key = "data.text";
  /// Of kCsv. The first line has the columns' names: where all columns hold text, nothing else would tell.
  CsvOptions csv = {.header = CsvOptions::Header::kYes};
};

/// Texts that stand for themselves, in their order.
struct TextDocuments {
  std::vector<std::string> texts = {};   ///< At least one; none is empty.
  std::vector<std::string> labels = {};  ///< One for each text, or none.
  std::vector<int64_t> lines = {};       ///< Where each begins, counted from 1.
  std::string source = {};

  std::vector<std::string_view> views() const { return {texts.begin(), texts.end()}; }
};

/// The format that `options` or the name of the file says.
TextFormat text_format(const std::string& path, const TextOptions& options);

/// Reads a file, which may be compressed (data/file_contents.h). Errors name the file and the line: no text at all, a
/// line longer than 128 MB, what is no JSON object or no UTF-8, a field that is missing or is no text. Of kPlain and
/// kLines any bytes are taken, but of the latter the byte order mark of UTF-16 is an error.
TextDocuments read_documents(const std::string& path, const TextOptions& options = {});
/// The same of a text that messages call `source`.
TextDocuments parse_documents(std::string_view text, const std::string& source, TextFormat format,
                              const TextOptions& options = {});

/// The fields that `fields` can name, of JSON lines: those that hold a text, or null, wherever they are there; in the
/// order in which they come. Errors name the line that is no JSON object.
std::vector<std::string> text_fields(std::string_view text, const std::string& source);

/// The texts of a file as `read_documents` gives them, some at a time: calls `visit`, which may move them away, for
/// those of some 16 MB of the file, so that no more are in memory. A file of kPlain is one text all the same.
void for_each_documents(const std::string& path, const TextOptions& options,
                        const std::function<void(TextDocuments& some)>& visit);

}  // namespace gradus
