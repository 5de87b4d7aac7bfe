// Examples that are files each: pictures, sounds. What is known of them is a table, as that of any other rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/table.h"

namespace gradus {

/// Names of files by which something is known of them: "{label}_{speaker}_*.wav". A field in braces is one or more
/// characters, `*` any number, neither with a '/'; `**` is any number with one too. Each takes as few characters as it
/// can.
class NamePattern {
 public:
  /// Throws a usage error for a brace that does not end, a name that is empty or stands twice, or two fields without
  /// anything between them. `key` is what messages call it.
  NamePattern(std::string pattern, std::string_view key);

  /// The names of the fields, in their order.
  std::vector<std::string> fields() const;
  /// What each stands for in this name; empty if the name does not fit.
  std::vector<std::string> match(std::string_view name) const;
  const std::string& text() const { return text_; }

 private:
  struct Piece {
    enum class Kind : uint8_t { kLiteral, kField, kStar, kStars } kind;
    std::string text;  // of a literal; the name of a field
  };
  bool match(size_t piece, std::string_view rest, std::vector<std::string>& values) const;

  std::string text_;
  std::vector<Piece> pieces_;
};

/// The column of the files' paths.
inline constexpr std::string_view kPathColumn = "path";

struct FileListOptions {
  /// Of paths below the folder. By itself the first folder of the path is the label, as torchvision's ImageFolder has
  /// it.
  std::string pattern = "{label}/**";
  std::string key = "data.name_pattern";  ///< What messages call that.
  /// How names of files that are wanted end, in lower case: ".png".
  std::span<const std::string_view> endings = {};
};

struct FileList {
  Table table;              ///< Text columns: "path", and each field of the pattern.
  int64_t other_files = 0;  ///< Files with another ending; hidden ones are not counted.
};

/// The files in these folders and below, in each by the order of their paths. Errors: a folder that is none, or has no
/// such file; a file with such an ending whose path does not fit the pattern; by the pattern "{label}/**" a folder of a
/// class without such a file, of which nothing could be learned.
FileList list_files(const std::vector<std::string>& folders, const FileListOptions& options);

/// A table that has a column of paths, of files on from the folder that `source`, its own file, lies in: gives that
/// column the name "path", and the paths that folder in front where they are relative. Errors name a row without a
/// path.
void resolve_paths(Table& table, std::string_view column, const std::string& source);

}  // namespace gradus
