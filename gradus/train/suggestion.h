// What data looks like, and the parts of a configuration for it: one function for each kind, which writes its reasons
// as comments.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gradus/data/csv.h"
#include "gradus/data/text_documents.h"

namespace gradus::suggestion {

/// As TOML has it.
std::string quoted(const std::string& text);
/// A name, or an error, on the one line of a comment.
std::string in_comment(std::string text);
/// Files and patterns as `data.path` has them.
std::string path_value(const std::vector<std::string>& paths);

/// Files that are read as one.
struct Sources {
  struct File {
    std::string path, text;
  };
  std::vector<File> files;
  std::vector<std::string> named;  ///< Files and patterns, as `data.path` has them.
  std::string title;               ///< For people.
  bool is_table = false;           ///< By a name.
  bool is_numpy = false;

  std::string path() const { return path_value(named); }
};
/// Reads files, and refuses what nothing can be learned from as it is: errors say what a file is, and what to do.
Sources read_sources(const std::vector<std::string>& paths);

/// Refuses what is a table to whoever looks at it, and is read as none: numbers that blanks align, LIBSVM with qid.
void refuse_aligned(const Sources& sources);
/// Refuses files that name pictures or sounds, of which `text` in the column, or field, is one.
void refuse_list(const Sources& sources, const std::string& column, std::string_view text);

/// Rows from which on some are held out for validation.
constexpr int64_t kFewest = 10;
/// The lines of `[data]` that say which are; `counts` are those of each class, of which the same part should be.
std::string split_lines(const std::map<std::string, int64_t>& counts);

/// A table, and how it has to be read.
struct FoundTable {
  Table table;
  char separator = ',';
  bool has_header = false;                ///< Which the reader does not see by itself.
  std::vector<std::string> members = {};  ///< Of an archive of arrays, if not all.
};
/// By the separator that gives the most columns, of those with which the text is a table at all.
std::optional<FoundTable> find_table(const Sources& sources);
/// Of NumPy's arrays.
FoundTable read_arrays(const Sources& sources);
/// Whether a column holds a number at all.
bool has_number(const Table& table);
/// Says why it is no table.
[[noreturn]] void fail_no_table(const Sources& sources);
/// `target` is the column to learn; empty for the likeliest.
std::string table_config(const Sources& sources, const FoundTable& found, const std::string& target);

bool has_json_lines(const Sources& sources);
/// Texts of classes, if their JSON lines have such a field, or `label` names it; else texts for a GPT.
std::string json_lines_config(const Sources& sources, const std::string& label);
/// A GPT.
std::string text_config(const Sources& sources);
/// Texts of classes, in the columns `fields` of a table and the column `label`. `lines` are more of `[data]`.
std::string labelled_text_config(const Sources& sources, const std::vector<std::string>& fields,
                                 const std::string& label, const std::string& lines, const TextOptions& options);

/// Whether the first lines are `label index:value …`, with at least one such pair.
bool is_libsvm(std::string_view text);
std::string libsvm_config(const Sources& sources);

/// Pictures or sounds in folders.
std::string folder_config(const std::vector<std::string>& folders, const std::vector<std::string>& named);

}  // namespace gradus::suggestion
