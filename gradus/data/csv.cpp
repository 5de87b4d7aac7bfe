#include "gradus/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/number.h"
#include "gradus/base/utf8.h"
#include "gradus/data/compression.h"
#include "gradus/data/csv_blocks.h"
#include "gradus/data/csv_scanner.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/number_advice.h"
#include "gradus/data/text_blocks.h"

namespace gradus {
namespace {

using Names = std::vector<std::string>;

// What the first rows show.
struct FirstRows {
  std::vector<CsvField> first;
  int64_t first_line = 0, second_line = 0;
  size_t first_begin = 0, second_begin = 0;
  // Of each column, of the values from the second row on.
  enum class Value : uint8_t { kMissing, kNumber, kNearNumber, kText };
  std::vector<Value> values;  // the first that is not missing
  std::vector<bool> has_text;
};

bool is_number(const CsvField& field) { return !field.has_quotes && parse_number(field.raw).has_value(); }

bool is_near_number(const CsvField& field) { return is_number(field) || !advice_on_number(field.text()).empty(); }

// False if something is wrong with the row. Of one that is far too long it takes one field more than a table may have.
bool read_row(CsvScanner& scanner, std::vector<CsvField>& row) {
  row.clear();
  do {
    const size_t column = row.size();
    if (!scanner.field(column, row.emplace_back())) return false;
  } while (static_cast<int64_t>(row.size()) <= kMostColumns && scanner.take_separator());
  scanner.skip_line_end();
  return true;
}

void look_at(const std::vector<CsvField>& row, const MissingTexts& missing, FirstRows& rows) {
  for (size_t c = 0; c < row.size(); ++c) {
    if (!row[c].has_quotes && missing.contains(row[c].raw)) continue;
    const bool number = is_number(row[c]);
    if (!number) rows.has_text[c] = true;
    if (rows.values[c] == FirstRows::Value::kMissing) {
      rows.values[c] = number                   ? FirstRows::Value::kNumber
                       : is_near_number(row[c]) ? FirstRows::Value::kNearNumber
                                                : FirstRows::Value::kText;
    }
  }
}

// Of the row from `begin` to where the scanner is.
bool is_no_utf8(const CsvScanner& scanner, const CsvPlan& plan, size_t begin) {
  return plan.checks_utf8 && first_invalid_utf8(plan.text.substr(begin, scanner.offset() - begin)).has_value();
}

// The first row has to be right; what is wrong with others is found later.
FirstRows read_first_rows(CsvScanner& scanner, const CsvPlan& plan) {
  constexpr int kRows = 100;
  const size_t end = plan.text.size();
  FirstRows rows;
  if (!scanner.next_row(end)) fail(plan.source, "there is no row in it; expected a line of fields for each example");
  rows.first_line = 1 + scanner.line();
  rows.first_begin = scanner.offset();
  if (!read_row(scanner, rows.first)) scanner.problem().raise(plan.source, 1);
  if (is_no_utf8(scanner, plan, rows.first_begin)) {
    fail(fmt::format("{}:{}", plan.source, rows.first_line), "the first row is no UTF-8; convert the file with iconv");
  }
  if (static_cast<int64_t>(rows.first.size()) > kMostColumns) {
    fail(fmt::format("{}:{}", plan.source, rows.first_line), "more than {} fields; is it a table?", kMostColumns);
  }
  rows.second_begin = scanner.offset();
  rows.second_line = 1 + scanner.line();
  rows.values.resize(rows.first.size());
  rows.has_text.resize(rows.first.size());
  std::vector<CsvField> row;
  for (int i = 0; i < kRows && scanner.next_row(end); ++i) {
    const size_t begin = scanner.offset();
    if (!read_row(scanner, row) || static_cast<int64_t>(row.size()) > kMostColumns) {
      scanner.skip_line();
    } else if (row.size() == rows.first.size() && !is_no_utf8(scanner, plan, begin)) {
      look_at(row, plan.missing, rows);
    }
  }
  return rows;
}

bool has_header(const FirstRows& rows, CsvOptions::Header header) {
  if (header != CsvOptions::Header::kAuto) return header == CsvOptions::Header::kYes;
  using Value = FirstRows::Value;
  return std::none_of(rows.first.begin(), rows.first.end(), is_near_number) &&
         std::any_of(rows.values.begin(), rows.values.end(),
                     [](Value value) { return value == Value::kNumber || value == Value::kNearNumber; });
}

Names names_of_columns(const FirstRows& rows, bool header, const std::string& source) {
  Names names;
  std::unordered_map<std::string, size_t> places;
  for (size_t column = 0; column < rows.first.size(); ++column) {
    names.push_back(header ? rows.first[column].text() : std::to_string(column + 1));
    std::string& name = names.back();
    if (name.empty() && column == 0 && rows.first.size() > 1) name = kRowNumbers;
    const auto place = [&] { return fmt::format("{}:{}, column {}", source, rows.first_line, column + 1); };
    if (name.empty()) fail(place(), "the column has no name; expected one, which only the first may lack");
    const auto [other, is_new] = places.emplace(name, column + 1);
    if (!is_new) {
      fail(place(), "the name {} is that of column {} too; each needs its own", shown_field(name), other->second);
    }
  }
  return names;
}

void check_separator(char separator, std::optional<char> comment) {
  constexpr std::string_view kReserved = "\"\r\n";
  constexpr std::string_view kNumbers = "0123456789.+-eE";
  const auto has = [](std::string_view characters, char c) { return characters.find(c) != std::string_view::npos; };
  if (has(kReserved, separator) || has(kNumbers, separator)) {
    fail_usage("separator", "'{}' between fields can be in a number, or has a meaning of its own; expected another",
               separator);
  }
  if (comment && (has(kReserved, *comment) || *comment == separator)) {
    fail_usage("comment", "'{}' at the start of comments has another meaning; expected a character of its own",
               *comment);
  }
}

// What the options and the first rows of a text say of all. An error if its names are no good waits until `names` is
// asked.
struct Layout {
  CsvPlan plan;
  FirstRows rows;
  bool header = false;

  Names names() const { return names_of_columns(rows, header, plan.source); }
};

CsvPlan empty_plan(std::string_view text, const std::string& source, const CsvOptions& options) {
  CsvPlan plan{.text = text,
               .source = source,
               .separator = options.separator.value_or(usual_separator(source)),
               .comment = options.comment,
               .missing = MissingTexts(options.missing),
               .skips_bad_rows = options.on_bad_row == CsvOptions::BadRow::kSkip,
               .offers_skip = options.on_bad_row == CsvOptions::BadRow::kError};
  check_separator(plan.separator, options.comment);
  return plan;
}

// Whether the first row ends in the plan's text.
bool has_whole_row(const CsvPlan& plan, size_t begin) {
  CsvScanner scanner(plan.text, begin, plan.separator, plan.comment);
  std::vector<CsvField> row;
  return scanner.next_row(plan.text.size()) && (read_row(scanner, row) || !scanner.problem().is_unclosed);
}

// Where text among numbers may be a bad value.
void plan_numbers(CsvPlan& plan, const Names& names, const FirstRows& rows, const CsvNumbersOf& numbers) {
  for (size_t c = 0; c < names.size(); ++c) {
    const CsvNumbers own = numbers(names[c], c + 1 == names.size());
    plan.counted.push_back(own == CsvNumbers::kIfMost);
    if (own == CsvNumbers::kAlways) plan.kinds[c] = CsvKind::kOnlyNumbers;
    // So that not every number of it becomes a text first.
    if (own == CsvNumbers::kIfMost && rows.values[c] == FirstRows::Value::kNumber) plan.kinds[c] = CsvKind::kNumbers;
  }
}

// Whether the texts of such a column are bad values.
bool has_bad_values(const CsvCounts& counts) { return counts.texts > 0 && counts.numbers > counts.texts; }

// Whether there is such a column.
bool leave_out_texts(const std::vector<CsvCounts>& counts, std::vector<CsvKind>& kinds) {
  for (size_t c = 0; c < counts.size(); ++c) {
    if (has_bad_values(counts[c])) kinds[c] = CsvKind::kOnlyNumbers;
  }
  return std::any_of(counts.begin(), counts.end(), has_bad_values);
}

Layout layout_of(CsvPlan plan, size_t begin, const CsvOptions& options) {
  CsvScanner scanner(plan.text, begin, plan.separator, options.comment);
  FirstRows rows = read_first_rows(scanner, plan);
  const bool header = has_header(rows, options.header);
  if (!header) look_at(rows.first, plan.missing, rows);
  plan.begin = header ? rows.second_begin : rows.first_begin;
  plan.line = header ? rows.second_line : rows.first_line;
  plan.width_line = rows.first_line;
  for (const bool has_text : rows.has_text) plan.kinds.push_back(has_text ? CsvKind::kTexts : CsvKind::kNumbers);
  if (plan.skips_bad_rows && options.numbers) {
    plan_numbers(plan, names_of_columns(rows, header, plan.source), rows, options.numbers);
  }
  return {std::move(plan), std::move(rows), header};
}

// Looks at a text, which is at `place` in the plan's file. What is no UTF-8 is an error, or rows to leave out.
TextSurvey surveyed(CsvPlan& plan, size_t block_bytes, const TextPlace& place = {}) {
  TextSurvey survey = survey_text(plan.text, block_bytes, true, plan.is_mapped);
  if (!plan.skips_bad_rows) check_utf8(survey, plan.text, plan.source, place, plan.offers_skip);
  plan.checks_utf8 = survey.not_utf8.has_value();
  return survey;
}

// Reads the rows of the plan's text into columns that have no names yet.
CsvEnd read_rows(const CsvPlan& plan, const TextSurvey& survey, Table& table) {
  // What is noted of each column in a block must not outweigh it.
  const size_t pieces = 1 + 64 * plan.kinds.size() / survey.length;
  table = {};
  table.parts = {{plan.source, 0}};
  return read_csv_blocks(plan, cut_at_lines(plan.text, plan.begin, survey, pieces), table);
}

void set_names(Table& table, const Names& names) {
  for (size_t column = 0; column < names.size(); ++column) table.columns[column].name = names[column];
}

// The first row, if one that looked for a header might have taken it for one.
std::string possible_names(const FirstRows& rows, const CsvOptions& options) {
  constexpr size_t kMost = 5;
  if (options.header != CsvOptions::Header::kAuto) return {};
  if (std::any_of(rows.first.begin(), rows.first.end(), is_number)) return {};
  std::string text;
  for (size_t i = 0; i < std::min(kMost, rows.first.size()); ++i) {
    text += (i == 0 ? "" : ", ") + shown_field(rows.first[i].text());
  }
  return rows.first.size() > kMost ? text + ", …" : text;
}

[[noreturn]] void fail_empty(const std::string& source, const Names& names, const SkippedRows& skipped) {
  constexpr size_t kMost = 5;
  if (skipped.count > 0) fail(source, "there is no row in it but bad ones; the first: {}", skipped.first);
  const bool is_long = names.size() > kMost;
  fail(source, "there is a line of names, {}{}, and no row below it",
       fmt::join(names.begin(), names.begin() + static_cast<ptrdiff_t>(is_long ? kMost : names.size()), ", "),
       is_long ? ", …" : "");
}

}  // namespace

char usual_separator(std::string_view path) { return uncompressed_name(path).ends_with(".tsv") ? '\t' : ','; }

std::string advice_on_separator(std::string_view text, char separator) {
  for (const char character : {';', '\t', '|', ',', ' '}) {
    if (character == separator || text.find(character) == std::string_view::npos) continue;
    return detail::advice_on_separator(character);
  }
  return "";
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos && !text.empty()) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

namespace {

Table parse(std::string_view text, const std::string& source, const CsvOptions& options, bool is_mapped) {
  CsvPlan plan = empty_plan(text, source, options);
  plan.is_mapped = is_mapped;
  const TextSurvey survey = surveyed(plan, options.block_bytes);
  Layout layout = layout_of(std::move(plan), text.starts_with("\xEF\xBB\xBF") ? 3 : 0, options);
  Table table;
  const CsvEnd end = read_rows(layout.plan, survey, table);
  if (leave_out_texts(end.counts, layout.plan.kinds)) {
    layout.plan.counted.clear();
    read_rows(layout.plan, survey, table);
  }
  if (table.rows == 0) fail_empty(source, layout.names(), table.skipped);
  set_names(table, layout.names());
  if (!layout.header) table.first_row = possible_names(layout.rows, options);
  return table;
}

}  // namespace

Table parse_csv(std::string_view text, const std::string& source, const CsvOptions& options) {
  return parse(text, source, options, false);
}

namespace {

// Of compressed text nobody knows how much it is before it is there.
void check_room(const std::string& source, int64_t rows, size_t columns, int64_t most_bytes) {
  const int64_t numbers = rows * static_cast<int64_t>(1 + columns);
  if (numbers <= most_bytes / static_cast<int64_t>(sizeof(double))) return;
  fail(source,
       "its first {} rows take more than {} bytes as a table, which is half of the free memory; stream rows with "
       "data.rows = \"streamed\", take a part of it, or a larger machine",
       rows, most_bytes);
}

// The rows of all, which lose them: a column at a time, so that no more than that is there twice.
Table joined(std::vector<Table>& pieces, int64_t rows) {
  Table all;
  all.rows = rows;
  all.parts = pieces[0].parts;
  for (size_t c = 0; c < pieces[0].columns.size(); ++c) {
    Table column;
    for (Table& piece : pieces) {
      Table next;
      next.columns.push_back(std::move(piece.columns[c]));
      next.rows = piece.rows;
      if (!column.columns.empty()) {
        column.append(std::move(next));
        continue;
      }
      column = std::move(next);
      TableColumn& first = column.columns[0];
      first.is_number ? first.numbers.reserve(static_cast<size_t>(rows))
                      : first.codes.reserve(static_cast<size_t>(rows));
    }
    all.columns.push_back(std::move(column.columns[0]));
  }
  all.lines.reserve(static_cast<size_t>(rows));
  for (const Table& piece : pieces) all.lines.insert(all.lines.end(), piece.lines.begin(), piece.lines.end());
  return all;
}

// All rows; nothing if a column was taken for numbers at first, and the stream knows now that it is not.
std::optional<Table> read_all(CsvStream& stream, int64_t most_bytes) {
  std::vector<Table> pieces;
  int64_t rows = 0;
  for (Table piece; stream.next(piece);) {
    rows += piece.rows;
    check_room(stream.text().source(), rows, piece.columns.size(), most_bytes);
    if (stream.has_changed()) {
      pieces.clear();
    } else {
      pieces.push_back(std::move(piece));
    }
  }
  if (stream.has_changed()) return std::nullopt;
  Table all = joined(pieces, rows);
  all.skipped = stream.skipped();
  return all;
}

Table read_compressed(const std::string& path, const CsvOptions& options, const TextPieceOptions& pieces) {
  const int64_t most_bytes = most_contents_bytes();
  CsvStream stream(path, options, pieces);
  if (std::optional<Table> table = read_all(stream, most_bytes)) return *std::move(table);
  CsvStream again(path, options, pieces);
  again.set_kinds(stream.kinds());
  return read_all(again, most_bytes).value();
}

}  // namespace

Table read_csv(const std::string& path, const CsvOptions& options, const TextPieceOptions& pieces) {
  if (is_compressed_file(path)) return read_compressed(path, options, pieces);
  const FileContents file(path);
  return parse(file.bytes(), path, options, file.is_mapped());
}

struct CsvStream::Plan : CsvPlan {
  std::vector<CsvCounts> counts = {};  // so far

  void add_counts(const std::vector<CsvCounts>& more) {
    counts.resize(more.size());
    for (size_t c = 0; c < more.size(); ++c) {
      counts[c].numbers += more[c].numbers;
      counts[c].texts += more[c].texts;
    }
  }
};

CsvStream::CsvStream(const std::string& path, const CsvOptions& options, const TextPieceOptions& pieces)
    : block_bytes_(options.block_bytes), pieces_(path, pieces) {
  pieces_.next(0);
  CsvPlan plan = empty_plan(pieces_.text(), path, options);
  while (!pieces_.is_last() && (pieces_.text().size() < pieces.first_bytes || !has_whole_row(plan, pieces_.begin()))) {
    pieces_.next(0);
    plan.text = pieces_.text();
  }
  surveyed(plan, block_bytes_);
  const Layout layout = layout_of(std::move(plan), pieces_.begin(), options);
  names_ = layout.names();
  if (!layout.header) first_row_ = possible_names(layout.rows, options);
  plan_ = std::make_unique<Plan>(Plan{layout.plan});
}

CsvStream::~CsvStream() = default;

bool CsvStream::next(Table& table) {
  do {
    if (is_started_ && !pieces_.next(used_)) {
      if (rows_ == 0) fail_empty(pieces_.source(), names_, skipped_);
      leave_out_texts(std::exchange(plan_->counts, {}), plan_->kinds);
      return false;
    }
    const bool is_first = !std::exchange(is_started_, true);
    if (!is_first) plan_->begin = 0;
    plan_->text = pieces_.text();
    plan_->goes_on = !pieces_.is_last();
    const TextSurvey survey = surveyed(*plan_, block_bytes_, {pieces_.offset(), is_first ? 1 : plan_->line});
    const CsvEnd end = read_rows(*plan_, survey, table);
    set_names(table, names_);
    table.first_row = first_row_;
    used_ = end.offset;
    plan_->line = end.line;
    plan_->add_counts(end.counts);
    // If only for a time: then nobody needs to hold what is text but for a few rows.
    has_changed_ = has_changed_ || std::any_of(plan_->counts.begin(), plan_->counts.end(), has_bad_values);
    note_kinds(table);
    rows_ += table.rows;
    skipped_.add(table.skipped);
  } while (table.rows == 0);
  return true;
}

void CsvStream::note_kinds(const Table& table) {
  for (size_t column = 0; column < names_.size(); ++column) {
    CsvKind& kind = plan_->kinds[column];
    if (kind != CsvKind::kNumbers || table.columns[column].is_number) continue;
    kind = CsvKind::kTexts;
    has_changed_ = has_changed_ || rows_ > 0;
  }
}

const std::vector<CsvKind>& CsvStream::kinds() const { return plan_->kinds; }

void CsvStream::set_kinds(const std::vector<CsvKind>& kinds) {
  plan_->kinds = kinds;
  plan_->counted.clear();
}

void CsvStream::leave_out_all_but(const std::vector<std::string>& wanted) {
  for (size_t column = 0; column < names_.size(); ++column) {
    if (std::find(wanted.begin(), wanted.end(), names_[column]) == wanted.end()) plan_->kinds[column] = CsvKind::kLeft;
  }
}

}  // namespace gradus
