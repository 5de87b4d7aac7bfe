#include "gradus/data/libsvm_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/number.h"
#include "gradus/base/threads.h"
#include "gradus/base/utf8.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/text_blocks.h"

namespace gradus::detail {
namespace {

// What messages show of a text: up to its end, or so far as one can see it at a glance.
std::string shown(const char* begin, const char* end) {
  constexpr ptrdiff_t kMost = 40;
  const bool is_long = end - begin > kMost;
  return fmt::format("\"{}{}\"", std::string_view(begin, static_cast<size_t>(is_long ? kMost : end - begin)),
                     is_long ? "…" : "");
}

class RowsReader {
 public:
  // `checks_utf8`: rows may be no UTF-8, and are bad ones then.
  RowsReader(std::string_view text, const TextBlock& block, const LibsvmOptions& options, bool checks_utf8,
             LibsvmBlock& rows)
      : at_(text.data() + block.begin),
        end_(text.data() + block.end),
        options_(options),
        checks_utf8_(checks_utf8),
        rows_(rows) {
    if (options.columns && options.on_bad_row == LibsvmOptions::BadRow::kSkip) {
      most_index_ = *options.columns - (options.base == LibsvmOptions::Base::kZero ? 1 : 0);
    }
    const auto pairs = static_cast<size_t>(std::count(at_, end_, ':'));
    rows_.indices.reserve(pairs);
    rows_.values.reserve(pairs);
  }

  void read() {
    while (at_ != end_) {
      skip_spaces();
      const size_t first = rows_.indices.size();
      if (!at_line_end() && !(is_utf8() && read_row())) {
        if (rows_.skipped == 0) rows_.error_line = rows_.line_ends;
        if (options_.on_bad_row != LibsvmOptions::BadRow::kSkip) return;
        ++rows_.skipped;
        rows_.indices.resize(first);
        rows_.values.resize(first);
      }
      while (at_ != end_ && *at_ != '\n' && *at_ != '\r') ++at_;  // a comment, or a row that is skipped
      if (at_ == end_) return;
      at_ += *at_ == '\r' && at_ + 1 != end_ && at_[1] == '\n' ? 2 : 1;
      ++rows_.line_ends;
    }
  }

 private:
  void skip_spaces() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
  }
  bool at_line_end() const { return at_ == end_ || *at_ == '\n' || *at_ == '\r' || *at_ == '#'; }
  bool ends_word(const char* place) const {
    return place == end_ || *place == ' ' || *place == '\t' || *place == '\n' || *place == '\r' || *place == '#';
  }
  const char* word_end() const {
    const char* stop = at_;
    while (!ends_word(stop)) ++stop;
    return stop;
  }
  bool wrong(std::string message) {
    if (rows_.skipped == 0) rows_.error = std::move(message);
    return false;
  }

  // Whether the line's rest is.
  bool is_utf8() {
    if (!checks_utf8_) return true;
    const char* const stop = std::find_if(at_, end_, [](char c) { return c == '\n' || c == '\r'; });
    const std::optional<size_t> wrong_at = first_invalid_utf8({at_, static_cast<size_t>(stop - at_)});
    if (!wrong_at) return true;
    return wrong(fmt::format("byte {} of the row, 0x{:02X}, is no UTF-8; expected text in UTF-8", *wrong_at,
                             static_cast<unsigned char>(at_[*wrong_at])));
  }

  // The number of the word's rest.
  bool read_number(double& number) {
    const char* const stop = read_short_number(at_, end_, number);
    if (stop != nullptr && ends_word(stop)) {
      at_ = stop;
      return true;
    }
    const char* const last = word_end();
    const std::optional<double> found = parse_number({at_, static_cast<size_t>(last - at_)});
    if (!found) return false;
    number = *found;
    at_ = last;
    return true;
  }

  bool read_row() {
    double target = 0.0;
    if (!read_number(target)) {
      return wrong(fmt::format("the label is {}; expected a number, and pairs of index:value behind it",
                               shown(at_, word_end())));
    }
    const size_t first = rows_.indices.size();
    bool ascends = true;
    for (skip_spaces(); !at_line_end(); skip_spaces()) {
      if (!read_pair()) return false;
      const size_t count = rows_.indices.size();
      ascends = ascends && (count == first + 1 || rows_.indices[count - 2] < rows_.indices[count - 1]);
    }
    if (!ascends && !sort_row(first)) return false;
    if (rows_.indices.size() > first) {
      rows_.lowest = std::min<int64_t>(rows_.lowest, rows_.indices[first]);
      rows_.highest = std::max<int64_t>(rows_.highest, rows_.indices.back());
    }
    rows_.targets.push_back(target);
    rows_.lines.push_back(rows_.line_ends);
    rows_.ends.push_back(static_cast<int64_t>(rows_.indices.size()));
    return true;
  }

  bool read_pair() {
    const char* const word = at_;
    uint64_t index = 0;
    const char* const colon = detail::read_digits(word, end_, index);
    if (colon == word || colon == end_ || *colon != ':') {
      const char* const stop = word_end();
      if (std::string_view(word, static_cast<size_t>(stop - word)).starts_with("qid:")) {
        return wrong(
            fmt::format("{} groups rows for ranking, which nothing here learns; take it out", shown(word, stop)));
      }
      return wrong(fmt::format("found {}; expected index:value, the index a whole number", shown(word, stop)));
    }
    constexpr ptrdiff_t kMostDigits = 10;
    if (colon - word > kMostDigits || index > static_cast<uint64_t>(kMostLibsvmIndex)) {
      return wrong(fmt::format("index {}; expected at most {}", shown(word, colon), kMostLibsvmIndex));
    }
    if (static_cast<int64_t>(index) > most_index_) {
      return wrong(fmt::format("index {}, and there are {} columns; expected at most {}", index, *options_.columns,
                               most_index_));
    }
    if (index == 0 && options_.base == LibsvmOptions::Base::kOne) {
      return wrong("index 0, where the first column is 1; expected indices from 1, or base 0");
    }
    at_ = colon + 1;
    double value = 0.0;
    if (!read_number(value)) {
      return wrong(fmt::format("the value of {} is no number; expected one, finite", shown(word, word_end())));
    }
    const auto number = static_cast<float>(value);
    if (!std::isfinite(number)) {
      return wrong(
          fmt::format("the value of {} is beyond what 32 bits hold; give it in another unit", shown(word, at_)));
    }
    rows_.indices.push_back(static_cast<int32_t>(index));
    rows_.values.push_back(number);
    return true;
  }

  // False if an index is there twice.
  bool sort_row(size_t first) {
    std::vector<std::pair<int32_t, float>> pairs;
    for (size_t i = first; i < rows_.indices.size(); ++i) pairs.emplace_back(rows_.indices[i], rows_.values[i]);
    std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (i > 0 && pairs[i].first == pairs[i - 1].first) {
        return wrong(fmt::format("index {} is there twice; expected each once in a row", pairs[i].first));
      }
      std::tie(rows_.indices[first + i], rows_.values[first + i]) = pairs[i];
    }
    return true;
  }

  const char *at_, *end_;
  const LibsvmOptions& options_;
  bool checks_utf8_;
  int64_t most_index_ = kMostLibsvmIndex;  // of a row that is not skipped
  LibsvmBlock& rows_;
};

// Where the rows and values of a block go.
struct Places {
  size_t row = 0, value = 0;
  int64_t line = 1;
};

}  // namespace

std::vector<LibsvmBlock> read_libsvm_blocks(std::string_view text, size_t begin, const std::string& source,
                                            const LibsvmOptions& options, const TextPlace& place, bool is_mapped) {
  const TextSurvey survey = survey_text(text, options.block_bytes, false, is_mapped);
  using BadRow = LibsvmOptions::BadRow;
  if (options.on_bad_row != BadRow::kSkip) {
    check_utf8(survey, text, source, place, options.on_bad_row == BadRow::kError);
  }
  const std::vector<TextBlock> cuts = cut_at_lines(text, begin, survey, 1);
  std::vector<LibsvmBlock> blocks(cuts.size());
  parallel_for(static_cast<int64_t>(cuts.size()), 1, [&](int64_t i, int64_t) {
    const auto block = static_cast<size_t>(i);
    RowsReader(text, cuts[block], options, survey.not_utf8.has_value(), blocks[block]).read();
    if (is_mapped) release_pages(text, cuts[block].begin, cuts[block].end);
  });
  return blocks;
}

LibsvmSummary::LibsvmSummary(std::string source, const LibsvmOptions& options)
    : source_(std::move(source)), options_(options) {
  if (options.columns && (*options.columns < 0 || *options.columns > kMostLibsvmIndex + 1)) {
    fail_usage("columns", "{} columns; expected 0 to {}", *options.columns, kMostLibsvmIndex + 1);
  }
}

void LibsvmSummary::add(const std::vector<LibsvmBlock>& blocks) {
  for (const LibsvmBlock& block : blocks) {
    if (block.error_line >= 0) {
      const std::string place = fmt::format("{}:{}", source_, line_ + block.error_line);
      if (block.skipped == 0) fail(place, "{}", block.error);
      skipped_.add({block.skipped, fmt::format("[{}] {}", place, block.error)});
    }
    if (options_.columns && block.highest >= *options_.columns) look_for_beyond(block);
    rows_ += static_cast<int64_t>(block.targets.size());
    line_ += block.line_ends;
    lowest_ = std::min(lowest_, block.lowest);
    highest_ = std::max(highest_, block.highest);
  }
}

void LibsvmSummary::look_for_beyond(const LibsvmBlock& block) {
  for (const int32_t base : {0, 1}) {
    Beyond& beyond = beyond_[base];
    const auto at = std::find_if(block.indices.begin(), block.indices.end(),
                                 [&](int32_t index) { return index - base >= *options_.columns; });
    if (beyond.index >= 0 || at == block.indices.end()) continue;
    const auto row = std::upper_bound(block.ends.begin(), block.ends.end(), at - block.indices.begin());
    beyond = {*at, line_ + block.lines[static_cast<size_t>(row - block.ends.begin())]};
  }
}

void LibsvmSummary::finish() const {
  if (rows_ == 0 && skipped_.count > 0) {
    fail(source_, "there is no row in it but bad ones; the first: {}", skipped_.first);
  }
  if (rows_ == 0) fail(source_, "there is no row in it; expected lines of `label index:value …`");
  check_columns();
}

void LibsvmSummary::check_columns() const {
  const Beyond& beyond = beyond_[base()];
  if (beyond.index < 0) return;
  fail(fmt::format("{}:{}", source_, beyond.line), "index {}, and there are {} columns; expected at most {}",
       beyond.index, *options_.columns, *options_.columns + base() - 1);
}

int32_t LibsvmSummary::base() const {
  using Base = LibsvmOptions::Base;
  return options_.base == Base::kZero || (options_.base == Base::kAuto && lowest_ == 0) ? 0 : 1;
}

int64_t LibsvmSummary::columns() const { return options_.columns.value_or(highest_ < 0 ? 0 : highest_ + 1 - base()); }

SparseExamples join_libsvm_blocks(std::vector<LibsvmBlock>& blocks, int64_t line, int32_t base) {
  Places all{.line = line};
  std::vector<Places> places;
  for (const LibsvmBlock& block : blocks) {
    places.push_back(all);
    all = {all.row + block.targets.size(), all.value + block.values.size(), all.line + block.line_ends};
  }
  SparseExamples examples;
  SparseMatrix& x = examples.features;
  x.rows = static_cast<int64_t>(all.row);
  examples.targets.resize(all.row);
  examples.lines.resize(all.row);
  x.offsets.resize(all.row + 1);
  x.indices.resize(all.value);
  x.values.resize(all.value);
  parallel_for(static_cast<int64_t>(blocks.size()), 1, [&](int64_t i, int64_t) {
    const Places& to = places[static_cast<size_t>(i)];
    LibsvmBlock& block = blocks[static_cast<size_t>(i)];
    for (size_t row = 0; row < block.targets.size(); ++row) {
      examples.targets[to.row + row] = block.targets[row];
      examples.lines[to.row + row] = to.line + block.lines[row];
      x.offsets[to.row + row + 1] = static_cast<int64_t>(to.value) + block.ends[row];
    }
    for (size_t k = 0; k < block.values.size(); ++k) {
      x.indices[to.value + k] = block.indices[k] - base;
      x.values[to.value + k] = block.values[k];
    }
    block = {};
  });
  return examples;
}

}  // namespace gradus::detail
