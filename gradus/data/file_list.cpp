#include "gradus/data/file_list.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <unordered_map>

#include "gradus/base/error.h"
#include "gradus/base/folders.h"

namespace gradus {
namespace fs = std::filesystem;

NamePattern::NamePattern(std::string pattern, std::string_view key) : text_(std::move(pattern)) {
  const std::string_view text = text_;
  for (size_t at = 0; at < text.size();) {
    const bool is_wild = !pieces_.empty() && pieces_.back().kind != Piece::Kind::kLiteral;
    if (text[at] == '{') {
      const size_t end = text.find('}', at);
      if (end == std::string_view::npos) {
        fail_usage(key, "\"{}\": the brace at character {} does not end; expected a name and }}", text, at + 1);
      }
      const std::string name(text.substr(at + 1, end - at - 1));
      const std::vector<std::string> before = fields();
      if (name.empty() || name == kPathColumn || std::find(before.begin(), before.end(), name) != before.end()) {
        fail_usage(key, "\"{}\": a field is called \"{}\"; expected a name that stands once, and is not \"{}\"", text,
                   name, kPathColumn);
      }
      if (is_wild) {
        fail_usage(key, "\"{}\": nothing stands before {{{}}} to tell where it begins", text, name);
      }
      pieces_.push_back({Piece::Kind::kField, name});
      at = end + 1;
    } else if (text[at] == '*') {
      const bool is_double = text.substr(at, 2) == "**";
      if (is_wild) fail_usage(key, "\"{}\": nothing stands before the * at character {}", text, at + 1);
      pieces_.push_back({is_double ? Piece::Kind::kStars : Piece::Kind::kStar, ""});
      at += is_double ? 2 : 1;
    } else {
      const size_t end = std::min(text.find_first_of("{*", at), text.size());
      pieces_.push_back({Piece::Kind::kLiteral, std::string(text.substr(at, end - at))});
      at = end;
    }
  }
  if (pieces_.empty()) fail_usage(key, "is empty; expected a pattern such as \"{{label}}_*.wav\"");
}

std::vector<std::string> NamePattern::fields() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.kind == Piece::Kind::kField) names.push_back(piece.text);
  }
  return names;
}

bool NamePattern::match(size_t piece, std::string_view rest, std::vector<std::string>& values) const {
  if (piece == pieces_.size()) return rest.empty();
  const Piece& now = pieces_[piece];
  if (now.kind == Piece::Kind::kLiteral) {
    return rest.starts_with(now.text) && match(piece + 1, rest.substr(now.text.size()), values);
  }
  const bool is_field = now.kind == Piece::Kind::kField;
  for (size_t size = is_field ? 1 : 0; size <= rest.size(); ++size) {
    if (size > 0 && rest[size - 1] == '/' && now.kind != Piece::Kind::kStars) return false;
    if (is_field) values.emplace_back(rest.substr(0, size));
    if (match(piece + 1, rest.substr(size), values)) return true;
    if (is_field) values.pop_back();
  }
  return false;
}

std::vector<std::string> NamePattern::match(std::string_view name) const {
  std::vector<std::string> values;
  return match(0, name, values) ? values : std::vector<std::string>{};
}

namespace {

// A column of text that grows.
class TextColumn {
 public:
  explicit TextColumn(std::string name) : column_{.name = std::move(name), .is_number = false} {}
  void add(const std::string& text) {
    const auto [found, is_new] = codes_.emplace(text, static_cast<int32_t>(codes_.size()));
    if (is_new) column_.dictionary.push_back(text);
    column_.codes.push_back(found->second);
  }
  TableColumn take() { return std::move(column_); }

 private:
  TableColumn column_;
  std::unordered_map<std::string, int32_t> codes_;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return text;
}

bool has_ending(const fs::path& path, std::span<const std::string_view> endings) {
  const std::string name = lower(path.filename().string());
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

// Calls `visit` for each file below the folder, by name. Links to folders are followed, but to none that is above.
template <class Visit>
void visit_files(const fs::path& folder, int depth, const Visit& visit) {
  constexpr int kDeepest = 32;  // the system gives up after 40 links
  if (depth > kDeepest) fail(folder.string(), "folders are more than {} deep; is there a link to itself?", kDeepest);
  for (const fs::path& path : list_folder(folder)) {
    if (path.filename().string().starts_with('.')) continue;
    std::error_code error;
    if (fs::is_directory(path, error)) {
      visit_files(path, depth + 1, visit);
    } else {
      visit(path);
    }
  }
}

std::string joined(std::span<const std::string_view> endings) {
  std::string text;
  for (const std::string_view ending : endings) text += (text.empty() ? "" : ", ") + std::string(ending);
  return text;
}

// A folder that is named by a class but has no file is a class that cannot be learned.
void check_class_folders(const std::vector<std::string>& folders, const TableColumn& label,
                         const FileListOptions& options) {
  const std::set<std::string> known(label.dictionary.begin(), label.dictionary.end());
  for (const std::string& folder : folders) {
    for (const fs::path& path : list_folder(folder)) {
      const std::string name = path.filename().string();
      std::error_code error;
      if (name.starts_with('.') || !fs::is_directory(path, error) || known.contains(name)) continue;
      fail(path.string(),
           "is the folder of a class, by {}, and has no file that ends in {}; put some in it, or remove it",
           options.key, joined(options.endings));
    }
  }
}

}  // namespace

FileList list_files(const std::vector<std::string>& folders, const FileListOptions& options) {
  const NamePattern pattern(options.pattern, options.key);
  FileList list;
  TextColumn paths{std::string(kPathColumn)};
  std::vector<TextColumn> fields;
  for (const std::string& field : pattern.fields()) fields.emplace_back(field);
  for (const std::string& folder : folders) {
    std::error_code error;
    if (!fs::is_directory(folder, error))
      fail(folder, "there is no such folder; expected one with files to learn from");
    const int64_t before = list.table.rows;
    visit_files(folder, 0, [&](const fs::path& path) {
      if (!has_ending(path, options.endings)) {
        ++list.other_files;
        return;
      }
      const std::vector<std::string> values = pattern.match(path.lexically_relative(folder).generic_string());
      if (values.size() != fields.size() || (fields.empty() && pattern.text() != "**")) {
        fail(path.string(), "the name does not fit {} = \"{}\" below {}; rename or move it, or give another pattern",
             options.key, options.pattern, folder);
      }
      paths.add(path.string());
      for (size_t i = 0; i < fields.size(); ++i) fields[i].add(values[i]);
      ++list.table.rows;
    });
    if (list.table.rows == before) {
      fail(folder, "has no file that ends in {}, nor has a folder in it", joined(options.endings));
    }
    list.table.parts.push_back({.source = folder, .first_row = before});
  }
  list.table.columns.push_back(paths.take());
  for (TextColumn& field : fields) list.table.columns.push_back(field.take());
  if (options.pattern == "{label}/**") check_class_folders(folders, list.table.columns.back(), options);
  return list;
}

void resolve_paths(Table& table, std::string_view column, const std::string& source) {
  TableColumn& paths = table.columns[table.column(column)];
  if (const int64_t row = paths.first_missing(); row >= 0) {
    fail(table.place(row), "column \"{}\" is empty; expected the path of a file", column);
  }
  if (paths.is_number) fail(source, "column \"{}\" holds numbers; expected paths of files", column);
  const fs::path folder = fs::path(source).parent_path();
  for (std::string& path : paths.dictionary) {
    if (fs::path(path).is_relative()) path = (folder / path).string();
  }
  paths.name = kPathColumn;
}

}  // namespace gradus
