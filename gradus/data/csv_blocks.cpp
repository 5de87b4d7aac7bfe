#include "gradus/data/csv_blocks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/memory.h"
#include "gradus/base/number.h"
#include "gradus/base/threads.h"
#include "gradus/base/utf8.h"
#include "gradus/data/csv_scanner.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/number_fields_simd.h"
#include "gradus/data/text_index.h"

namespace gradus {
namespace {

// A row that is no UTF-8.
std::optional<CsvProblem> utf8_problem(std::string_view text, size_t begin, size_t end, int64_t line) {
  const std::optional<size_t> at = first_invalid_utf8(text.substr(begin, end - begin));
  if (!at) return std::nullopt;
  return CsvProblem{.line = line,
                    .message = fmt::format("byte {} of the row, 0x{:02X}, is no UTF-8; expected text in UTF-8", *at,
                                           static_cast<unsigned char>(text[begin + *at]))};
}

// A block, and what was found in it. Its rows are written from `first_row` on, where there is place for `most_rows`.
struct Block {
  size_t begin = 0, end = 0;
  int64_t first_row = 0, most_rows = 0;
  size_t stop = 0;      // where the first row behind it begins
  bool is_cut = false;  // there, a row begins that goes on behind the text
  int64_t rows = 0, line_ends = 0, skipped = 0;
  std::optional<CsvProblem> error = {}, first_skipped = {};
  std::vector<int64_t> odd_texts = {};  // how many in each column taken for numbers; empty for none
  TextIndex texts = {};                 // codes are its entries
};

struct PendingField {
  size_t column = 0;
  CsvField field;
};

// Goes through one block.
class BlockReader {
 public:
  BlockReader(const CsvPlan& plan, const std::vector<CsvKind>& kinds, Table& table, Block& block)
      : plan_(plan),
        kinds_(kinds),
        table_(table),
        block_(block),
        scanner_(plan.text, block.begin, plan.separator, plan.comment),
        has_short_numbers_(!plan.missing.has_number()) {
    for (TableColumn& column : table.columns) {
      numbers_.push_back(column.numbers.empty() ? nullptr : column.numbers.data() + block.first_row);
    }
    numbers_in_turn_.resize(kinds.size());
    for (size_t c = kinds.size(), in_turn = 0; c-- > 0;) {
      in_turn = kinds[c] == CsvKind::kNumbers ? in_turn + 1 : 0;
      numbers_in_turn_[c] = in_turn;
    }
    rows_ = {.limit = plan.text.data() + block.end,
             .end = scanner_.end(),
             .separator = plan.separator,
             .comment = plan.comment,
             .columns = has_short_numbers_ && numbers_in_turn_[0] == kinds.size() ? kinds.size() : 0,
             .has_empty_fields = kinds.size() > 1 && plan.missing.contains("")};
  }

  void read() {
    while (!block_.error && scanner_.next_row(block_.end)) {
      size_t count = 0;
      const int64_t rows = block_.rows;
      const size_t begin = read_rows_of_numbers(count);
      if (block_.rows > rows && count == 0) continue;
      const int64_t line = scanner_.line();
      const std::optional<CsvProblem> problem = read_row(begin, count);
      if (problem && problem->is_unclosed && plan_.goes_on) {
        block_.is_cut = true;
        block_.stop = begin;
        block_.line_ends = line;
        return;
      }
      if (problem) note(*problem, begin);
      scanner_.skip_line_end();
    }
    block_.stop = scanner_.offset();
    block_.line_ends = scanner_.line();
  }

 private:
  // Whole rows of numbers, and `count` fields of the next, which begins at the place that is returned.
  size_t read_rows_of_numbers(size_t& count) {
    if (rows_.columns == 0) return scanner_.offset();
    const detail::NumberRows rows =
        detail::read_number_rows(rows_, scanner_.at(), numbers_.data(), static_cast<size_t>(block_.rows));
    for (size_t i = 0; i < rows.rows; ++i, ++block_.rows) {
      table_.lines[row()] = scanner_.line();
      scanner_.count_line();
    }
    scanner_.go_to(rows.at);
    count = rows.count;
    return scanner_.offset() - static_cast<size_t>(rows.at - rows.begin);
  }

  // The row that begins there, of which `count` fields are read.
  std::optional<CsvProblem> read_row(size_t begin, size_t count) {
    const int64_t line = scanner_.line();
    pending_.clear();
    while (!read_numbers(count)) {
      if (!read_field(count++)) return scanner_.problem();
      if (!scanner_.take_separator()) break;
    }
    if (count != kinds_.size()) {
      const std::string_view row = plan_.text.substr(begin, scanner_.offset() - begin);
      return CsvProblem{
          .line = line,
          .message = fmt::format("{} fields; expected {}, as in line {}{}", count, kinds_.size(), plan_.width_line,
                                 kinds_.size() == 1 ? advice_on_separator(row, plan_.separator) : "")};
    }
    if (plan_.checks_utf8) {
      if (auto problem = utf8_problem(plan_.text, begin, scanner_.offset(), line)) return problem;
    }
    if (plan_.skips_bad_rows) {
      if (auto problem = text_problem(line)) return problem;
    }
    for (const PendingField& field : pending_) store(field);
    table_.lines[row()] = line;
    ++block_.rows;
    return std::nullopt;
  }

  size_t row() const { return static_cast<size_t>(block_.first_row + block_.rows); }

  // Reads short numbers in columns of numbers, from `count` on, up to another field, or the row's end: whether it came
  // to that. They are stored at once; those of a bad row are written over by the next. Its place stays in a register.
  bool read_numbers(size_t& count) {
    if (has_short_numbers_ && count < kinds_.size() && numbers_in_turn_[count] > 0) {
      const detail::NumberFields fields =
          detail::read_number_fields(scanner_.at(), scanner_.end(), plan_.separator, numbers_.data() + count,
                                     static_cast<size_t>(block_.rows), numbers_in_turn_[count]);
      count += fields.count;
      scanner_.go_to(fields.at);
      if (fields.ends_row) return true;
    }
    const char* at = scanner_.at();
    while (has_short_numbers_ && count < kinds_.size() && kinds_[count] == CsvKind::kNumbers) {
      const char* begin = at;
      while (begin != scanner_.end() && scanner_.is_space(begin)) ++begin;
      const char* const stop = read_short_number(begin, scanner_.end(), numbers_[count][block_.rows]);
      if (stop == nullptr || !scanner_.ends_field(stop)) break;
      ++count;
      if (!scanner_.is_separator(stop)) {
        scanner_.go_to(stop);
        return true;
      }
      at = stop + 1;
    }
    scanner_.go_to(at);
    return false;
  }

  bool is_missing(const CsvField& field) const { return !field.has_quotes && plan_.missing.contains(field.raw); }

  // Text of the row in a column that holds numbers alone.
  std::optional<CsvProblem> text_problem(int64_t line) const {
    for (const auto& [column, field] : pending_) {
      if (plan_.kinds[column] != CsvKind::kOnlyNumbers || is_missing(field) || parse_number(field.raw)) continue;
      return CsvProblem{.line = line,
                        .column = column + 1,
                        .message = fmt::format("{} is no number; expected one, as in the rest of the column",
                                               shown_field(field.raw))};
    }
    return std::nullopt;
  }

  bool read_field(size_t column) {
    CsvField field;
    if (!scanner_.field(column, field)) return false;
    // A column that must hold numbers is looked at in each pass, so that each leaves the same rows out.
    const bool is_wanted =
        column < kinds_.size() && (kinds_[column] != CsvKind::kLeft || plan_.kinds[column] == CsvKind::kOnlyNumbers);
    if (is_wanted) pending_.push_back({column, field});
    return true;
  }

  void store(const PendingField& pending) {
    const CsvField& field = pending.field;
    TableColumn& column = table_.columns[pending.column];
    const bool is_missing = this->is_missing(field);
    if (kinds_[pending.column] == CsvKind::kTexts) {
      column.codes[row()] = is_missing && !field.is_quoted ? -1
                            : field.has_quotes             ? block_.texts.find_or_add(pending.column, field.text())
                                                           : block_.texts.find_or_add(pending.column, field.raw);
    } else if (is_missing) {
      column.numbers[row()] = std::numeric_limits<double>::quiet_NaN();
    } else if (const std::optional<double> number = parse_number(field.raw)) {
      column.numbers[row()] = *number;
    } else {
      column.numbers[row()] = std::numeric_limits<double>::quiet_NaN();
      block_.odd_texts.resize(kinds_.size());
      ++block_.odd_texts[pending.column];
    }
  }

  void note(const CsvProblem& problem, size_t begin) {
    if (!plan_.skips_bad_rows || problem.is_unclosed) {
      block_.error = problem;
      if (plan_.skips_bad_rows) {
        block_.error->message += "; such a row cannot be left out, as nothing says where the next one begins";
      }
      return;
    }
    scanner_.skip_line();
    if (block_.skipped++ > 0) return;
    block_.first_skipped = problem;
    if (!plan_.checks_utf8) return;
    // Else a message might show bytes that are no text.
    if (auto other = utf8_problem(plan_.text, begin, scanner_.offset(), problem.line)) block_.first_skipped = other;
  }

  const CsvPlan& plan_;
  const std::vector<CsvKind>& kinds_;
  Table& table_;
  Block& block_;
  CsvScanner scanner_;
  bool has_short_numbers_;
  std::vector<double*> numbers_;         // of each column, from the block's first row on
  std::vector<size_t> numbers_in_turn_;  // how many columns of numbers begin with each
  std::vector<PendingField> pending_;
  detail::NumberRowsOptions rows_;  // of a table of nothing else; no columns if it is none
};

// All blocks of a text.
class Blocks {
 public:
  Blocks(const CsvPlan& plan, const std::vector<TextBlock>& cuts, Table& table)
      : plan_(plan), kinds_(plan.kinds), table_(table) {
    std::replace(kinds_.begin(), kinds_.end(), CsvKind::kOnlyNumbers, CsvKind::kNumbers);
    for (const TextBlock& cut : cuts) {
      // A row of n fields takes n bytes or more, so that many columns and empty lines do not take memory.
      const auto most = static_cast<int64_t>((cut.end - cut.begin) / kinds_.size() + 1);
      blocks_.push_back(
          {.begin = cut.begin, .end = cut.end, .first_row = places_, .most_rows = std::min(cut.most_lines, most)});
      places_ += blocks_.back().most_rows;
    }
  }

  void read() {
    table_.columns.resize(kinds_.size());
    resize_in_large_pages(table_.lines, static_cast<size_t>(places_));
    make_places();
    read_blocks();
    settle();
    code_texts();
    if (!plan_.counted.empty()) count_values();
    if (find_texts()) {
      for (Block& block : blocks_) block = unread(block, block.begin);
      make_places();
      read_blocks();
      code_texts();
    }
    close_gaps();
  }

  const CsvEnd& end() const { return end_; }

 private:
  void read_block(Block& block) {
    BlockReader(plan_, kinds_, table_, block).read();
    if (plan_.is_mapped) release_pages(plan_.text, block.begin, block.stop);
  }

  void read_blocks() {
    parallel_for(static_cast<int64_t>(blocks_.size()), 1,
                 [&](int64_t i, int64_t) { read_block(blocks_[static_cast<size_t>(i)]); });
  }

  // Memory for what is wanted. Big vectors are filled with zeros, which takes time.
  void make_places() {
    parallel_for(static_cast<int64_t>(kinds_.size()), 1, [&](int64_t i, int64_t) {
      const auto c = static_cast<size_t>(i);
      TableColumn& column = table_.columns[c];
      if (kinds_[c] == CsvKind::kNumbers) resize_in_large_pages(column.numbers, static_cast<size_t>(places_));
      if (kinds_[c] != CsvKind::kTexts) return;
      column.is_number = false;
      column.numbers = {};
      resize_in_large_pages(column.codes, static_cast<size_t>(places_));
    });
  }

  // Rows before a block say where it begins: reads it again if that was guessed wrong.
  void settle() {
    size_t begin = plan_.begin;
    int64_t line = plan_.line;
    bool is_cut = false;
    for (Block& block : blocks_) {
      if (block.begin != begin || is_cut) {
        block = unread(block, begin);
        if (is_cut) block.end = begin;
        read_block(block);
      }
      is_cut = is_cut || block.is_cut;
      if (block.error) block.error->raise(plan_.source, line);
      if (block.skipped > 0) table_.skipped.add({block.skipped, block.first_skipped->what(plan_.source, line)});
      table_.rows += block.rows;
      begin = block.stop;
      line += block.line_ends;
    }
    end_ = {.offset = begin, .line = line};
  }

  // From entries of each block's index to codes of the whole column's dictionary.
  void code_texts() {
    TextIndex all;
    std::vector<int32_t> codes;  // of its entries
    std::vector<std::vector<int32_t>> codes_of_blocks;
    for (const Block& block : blocks_) {
      std::vector<int32_t>& here = codes_of_blocks.emplace_back();
      for (const TextIndex::Entry& entry : block.texts.entries()) {
        const int32_t number = all.find_or_add(entry.column, entry.text);
        std::vector<std::string>& dictionary = table_.columns[entry.column].dictionary;
        if (static_cast<size_t>(number) == codes.size()) {
          if (number == std::numeric_limits<int32_t>::max()) {
            fail(plan_.source, "more than {} different texts in its columns; leave out those that are no category",
                 number);
          }
          codes.push_back(static_cast<int32_t>(dictionary.size()));
          dictionary.emplace_back(entry.text);
        }
        here.push_back(codes[static_cast<size_t>(number)]);
      }
    }
    parallel_for(static_cast<int64_t>(blocks_.size()), 1, [&](int64_t i, int64_t) {
      const Block& block = blocks_[static_cast<size_t>(i)];
      const std::vector<int32_t>& here = codes_of_blocks[static_cast<size_t>(i)];
      for (size_t c = 0; c < kinds_.size(); ++c) {
        if (kinds_[c] != CsvKind::kTexts) continue;
        int32_t* const to = table_.columns[c].codes.data() + block.first_row;
        for (int64_t row = 0; row < block.rows; ++row) to[row] = to[row] < 0 ? -1 : here[static_cast<size_t>(to[row])];
      }
    });
  }

  void count_values() {
    end_.counts.resize(kinds_.size());
    parallel_for(static_cast<int64_t>(kinds_.size()), 1, [&](int64_t i, int64_t) {
      const auto c = static_cast<size_t>(i);
      if (!plan_.counted[c]) return;
      if (kinds_[c] == CsvKind::kNumbers) count_numbers(c);
      if (kinds_[c] == CsvKind::kTexts) count_texts(c);
    });
  }

  void count_numbers(size_t c) {
    CsvCounts& counts = end_.counts[c];
    for (const Block& block : blocks_) {
      const double* const numbers = table_.columns[c].numbers.data() + block.first_row;
      counts.numbers += std::count_if(numbers, numbers + block.rows, [](double number) { return !std::isnan(number); });
      if (!block.odd_texts.empty()) counts.texts += block.odd_texts[c];
    }
  }

  // As if it had been taken for one of numbers.
  void count_texts(size_t c) {
    CsvCounts& counts = end_.counts[c];
    const TableColumn& column = table_.columns[c];
    enum class Value : uint8_t { kMissing, kNumber, kText };
    std::vector<Value> values;
    for (const std::string& text : column.dictionary) {
      values.push_back(plan_.missing.contains(text) ? Value::kMissing
                       : parse_number(text)         ? Value::kNumber
                                                    : Value::kText);
    }
    for (const Block& block : blocks_) {
      const int32_t* const codes = column.codes.data() + block.first_row;
      for (int64_t row = 0; row < block.rows; ++row) {
        if (codes[row] < 0) continue;
        const Value value = values[static_cast<size_t>(codes[row])];
        if (value == Value::kNumber) ++counts.numbers;
        if (value == Value::kText) ++counts.texts;
      }
    }
  }

  // Wants those columns that were taken for numbers and hold text after all; whether there are any.
  bool find_texts() {
    std::fill(kinds_.begin(), kinds_.end(), CsvKind::kLeft);
    for (const Block& block : blocks_) {
      for (size_t c = 0; c < block.odd_texts.size(); ++c) {
        if (block.odd_texts[c] != 0) kinds_[c] = CsvKind::kTexts;
      }
    }
    return std::find(kinds_.begin(), kinds_.end(), CsvKind::kTexts) != kinds_.end();
  }

  static Block unread(const Block& block, size_t begin) {
    return {.begin = begin, .end = block.end, .first_row = block.first_row, .most_rows = block.most_rows};
  }

  // Moves the rows of all blocks together.
  void close_gaps() {
    parallel_for(static_cast<int64_t>(kinds_.size()), 1, [&](int64_t i, int64_t) {
      TableColumn& column = table_.columns[static_cast<size_t>(i)];
      close_gaps_of(column.numbers);
      close_gaps_of(column.codes);
    });
    int64_t line = plan_.line;
    for (const Block& block : blocks_) {
      const auto begin = table_.lines.begin() + block.first_row;
      for (auto at = begin; at != begin + block.rows; ++at) *at += line;
      line += block.line_ends;
    }
    close_gaps_of(table_.lines);
  }

  template <class T>
  void close_gaps_of(std::vector<T>& values) const {
    if (values.empty()) return;
    auto to = values.begin();
    for (const Block& block : blocks_) {
      const auto from = values.begin() + block.first_row;
      to = from == to ? to + block.rows : std::copy(from, from + block.rows, to);
    }
    values.resize(static_cast<size_t>(table_.rows));
    if (values.capacity() > values.size() + values.size() / 4) values.shrink_to_fit();
  }

  const CsvPlan& plan_;
  std::vector<CsvKind> kinds_;
  Table& table_;
  std::vector<Block> blocks_;
  int64_t places_ = 0;
  CsvEnd end_;
};

}  // namespace

MissingTexts::MissingTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {
  for (const std::string& text : texts_) {
    longest_ = std::max(longest_, text.size());
    has_number_ = has_number_ || parse_number(text).has_value();
  }
}

bool MissingTexts::contains(std::string_view text) const {
  return text.size() <= longest_ && std::find(texts_.begin(), texts_.end(), text) != texts_.end();
}

CsvEnd read_csv_blocks(const CsvPlan& plan, const std::vector<TextBlock>& cuts, Table& table) {
  Blocks blocks(plan, cuts, table);
  blocks.read();
  return blocks.end();
}

}  // namespace gradus
