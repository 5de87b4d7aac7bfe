#include "gradus/data/text_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/utf8.h"
#include "gradus/data/compression.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/text_lines.h"
#include "gradus/data/text_pieces.h"

namespace gradus {
namespace {

std::string scalar_text(const JsonValue& value) {
  if (const auto* text = value.get<std::string>()) return *text;
  const bool is_scalar =
      value.get<int64_t>() != nullptr || value.get<double>() != nullptr || value.get<bool>() != nullptr;
  return is_scalar ? value.shown() : "";
}

JsonValue json_of(std::string_view line, const std::string& place) {
  if (const auto invalid = first_invalid_utf8(line)) {
    fail(place, "is not valid UTF-8 at byte {} of the line: {}; JSON is UTF-8", *invalid,
         utf8_at(line, *invalid).error);
  }
  JsonValue json = parse_json(line, place);
  if (json.get<JsonValue::Object>() == nullptr) fail(place, "is {}; expected an object", json.shown());
  return json;
}

void add_json(TextDocuments& to, std::string_view line, int64_t number, const TextOptions& options) {
  const std::string place = fmt::format("{}:{}", to.source, number);
  const JsonValue json = json_of(line, place);
  std::string text;
  bool has_text = false;
  for (const std::string& name : options.fields) {
    const JsonValue* field = json.find(name);
    if (field == nullptr || field->get<std::nullptr_t>() != nullptr) continue;
    const auto* value = field->get<std::string>();
    if (value == nullptr) fail(place, "\"{}\" is {}; expected a text", name, field->shown());
    text += (has_text ? "\n" : "") + *value;
    has_text = true;
  }
  if (!has_text) {
    std::string names;
    for (const auto& [name, value] : *json.get<JsonValue::Object>()) names += (names.empty() ? "" : ", ") + name;
    fail(place, "has no field \"{}\"; it has: {} ({} names the fields that are the text)",
         fmt::join(options.fields, "\", \""), names, options.fields_key);
  }
  if (text.empty()) fail(place, "the text is empty; leave the line out");
  if (!options.label.empty()) {
    const JsonValue* label = json.find(options.label);
    if (label == nullptr) fail(place, "has no field \"{}\", the label", options.label);
    to.labels.push_back(scalar_text(*label));
    if (to.labels.back().empty()) {
      fail(place, "\"{}\" is {}; expected a text, a number or a boolean", options.label, label->shown());
    }
  }
  to.texts.push_back(std::move(text));
  to.lines.push_back(number);
}

// A value of a column of numbers or of text, as text.
std::string cell(const TableColumn& column, int64_t row) {
  return column.is_number ? fmt::format("{}", column.number(row)) : column.text(row);
}

void add_table(TextDocuments& to, const Table& table, const TextOptions& options) {
  std::vector<const TableColumn*> columns;
  for (const std::string& name : options.fields) {
    if (table.has_column(name)) columns.push_back(&table.columns[table.column(name)]);
  }
  if (columns.empty()) table.column(options.fields[0]);  // says which there are
  const TableColumn* const label = options.label.empty() ? nullptr : &table.columns[table.column(options.label)];
  for (int64_t row = 0; row < table.rows; ++row) {
    std::string text;
    for (const TableColumn* column : columns) {
      if (!column->is_missing(row)) text += (text.empty() ? "" : "\n") + cell(*column, row);
    }
    if (text.empty()) fail(table.place(row), "the text is missing; leave the row out");
    to.texts.push_back(std::move(text));
    to.lines.push_back(table.lines[static_cast<size_t>(row)]);
    if (label == nullptr) continue;
    if (label->is_missing(row))
      fail(table.place(row), "the value of column \"{}\", the label, is missing", label->name);
    to.labels.push_back(cell(*label, row));
  }
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

// Whole lines, of which the first is that of number `first`; returns the number behind the last.
int64_t add_lines(TextDocuments& to, std::string_view text, int64_t first, TextFormat format,
                  const TextOptions& options) {
  return for_each_line(
      text, to.source,
      [&](std::string_view line, int64_t number) {
        if (format == TextFormat::kJsonl) {
          if (!is_blank(line)) add_json(to, line, number, options);
        } else if (!line.empty()) {
          to.texts.emplace_back(line);
          to.lines.push_back(number);
        }
      },
      first);
}

// Not of what may be tokens as they are.
void check_byte_order_mark(std::string_view text, const std::string& source) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    fail(source, "begins with the byte order mark of UTF-16; convert it with `iconv -f UTF-16 -t UTF-8 FILE > NEW`");
  }
}

using Visit = std::function<void(TextDocuments& some)>;

void for_each_part_of_lines(const std::string& path, TextFormat format, const TextOptions& options,
                            const Visit& visit) {
  TextPieces pieces(path, {.most_bytes = kLongestLine});
  int64_t line = 1;
  for (size_t used = 0; pieces.next(used);) {
    std::string_view text = pieces.text();
    if (pieces.offset() == 0) check_byte_order_mark(text, path);
    // A piece may end behind a "\r", which is no end of a line here.
    if (!pieces.is_last()) text = text.substr(0, text.rfind('\n') + 1);
    used = text.size();
    TextDocuments some{.source = path};
    line = add_lines(some, text, line, format, options);
    if (!some.texts.empty()) visit(some);
  }
}

void for_each_part_of_table(const std::string& path, const TextOptions& options, const Visit& visit) {
  std::vector<std::string> wanted = options.fields;
  if (!options.label.empty()) wanted.push_back(options.label);
  // What is a number is known behind the last row.
  CsvStream first(path, options.csv);
  first.leave_out_all_but(wanted);
  Table table;
  while (first.next(table)) {
  }
  CsvStream stream(path, options.csv);
  stream.set_kinds(first.kinds());
  while (stream.next(table)) {
    TextDocuments some{.source = path};
    add_table(some, table, options);
    visit(some);
  }
}

}  // namespace

TextFormat text_format(const std::string& path, const TextOptions& options) {
  if (options.format) return *options.format;
  const std::string_view name = uncompressed_name(path);
  if (name.ends_with(".jsonl")) return TextFormat::kJsonl;
  return name.ends_with(".csv") || name.ends_with(".tsv") ? TextFormat::kCsv : TextFormat::kPlain;
}

TextDocuments parse_documents(std::string_view text, const std::string& source, TextFormat format,
                              const TextOptions& options) {
  TextDocuments all{.source = source};
  if (text.empty()) fail(source, "the file is empty; expected text");
  if (format == TextFormat::kPlain) {
    all.texts.emplace_back(text);
    all.lines.push_back(1);
    return all;
  }
  check_byte_order_mark(text, source);
  if (format == TextFormat::kCsv) {
    add_table(all, parse_csv(text, source, options.csv), options);
  } else {
    add_lines(all, text, 1, format, options);
  }
  if (all.texts.empty()) fail(source, "the file has no text");
  return all;
}

TextDocuments read_documents(const std::string& path, const TextOptions& options) {
  const FileContents contents(path);
  return parse_documents(contents.bytes(), path, text_format(path, options), options);
}

std::vector<std::string> text_fields(std::string_view text, const std::string& source) {
  std::vector<std::string> found;
  std::set<std::string> others;  // that hold something else
  for_each_line(text, source, [&](std::string_view line, int64_t number) {
    if (is_blank(line)) return;
    const JsonValue json = json_of(line, fmt::format("{}:{}", source, number));
    for (const auto& [name, value] : *json.get<JsonValue::Object>()) {
      if (value.get<std::nullptr_t>() != nullptr) continue;
      if (value.get<std::string>() == nullptr) others.insert(name);
      if (std::ranges::find(found, name) == found.end()) found.push_back(name);
    }
  });
  std::erase_if(found, [&](const std::string& name) { return others.contains(name); });
  return found;
}

void for_each_documents(const std::string& path, const TextOptions& options, const Visit& visit) {
  const TextFormat format = text_format(path, options);
  if (format == TextFormat::kPlain) {
    TextDocuments whole = read_documents(path, options);
    return visit(whole);
  }
  bool is_empty = true;
  const auto note = [&](TextDocuments& some) {
    is_empty = false;
    visit(some);
  };
  if (format == TextFormat::kCsv) {
    for_each_part_of_table(path, options, note);
  } else {
    for_each_part_of_lines(path, format, options, note);
  }
  if (is_empty) fail(path, "the file has no text");
}

}  // namespace gradus
