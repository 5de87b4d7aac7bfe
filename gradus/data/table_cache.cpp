#include "gradus/data/table_cache.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/number.h"
#include "gradus/data/table_fitter.h"
#include "gradus/data/table_numbers.h"

namespace gradus {
namespace {

using Kinds = std::vector<CsvKind>;

// Rows of a table, as one of their own.
Table rows_of(const Table& table, int64_t begin, int64_t end) {
  const auto part = [&](const auto& values) {
    using Values = std::decay_t<decltype(values)>;
    return values.empty() ? Values{} : Values(values.begin() + begin, values.begin() + end);
  };
  Table rows{.columns = {}, .rows = end - begin, .lines = part(table.lines), .parts = table.parts};
  for (const TableColumn& column : table.columns) {
    rows.columns.push_back({.name = column.name,
                            .is_number = column.is_number,
                            .numbers = part(column.numbers),
                            .floats = part(column.floats),
                            .codes = part(column.codes),
                            .dictionary = column.dictionary});
  }
  return rows;
}

// Whether a category can be the name of a number.
bool is_number_name(const std::string& name) {
  const std::optional<double> number = parse_number(name);
  return number && fmt::format("{}", *number) == name;
}

// Columns that are text for the encoder are text in all pieces of a file, whatever the first ones hold. `categories`
// are those that may be numbers.
void take_texts(CsvStream& stream, const TableEncoder& encoder, const std::vector<std::string>& categories) {
  Kinds kinds = stream.kinds();
  const auto set = [&](const std::string& name) {
    const auto at = std::find(stream.names().begin(), stream.names().end(), name);
    if (at != stream.names().end()) kinds[static_cast<size_t>(at - stream.names().begin())] = CsvKind::kTexts;
  };
  for (const Feature& f : encoder.features()) {
    if (f.kind == Feature::Kind::kNumber) continue;
    const bool may_be_number = std::find(categories.begin(), categories.end(), f.name) != categories.end();
    if (!may_be_number || !std::all_of(f.categories.begin(), f.categories.end(), is_number_name)) set(f.name);
  }
  const std::vector<std::string>& classes = encoder.classes();
  if (!std::all_of(classes.begin(), classes.end(), is_number_name)) set(encoder.target().name);
  stream.set_kinds(kinds);
}

class TableCacheWriter {
 public:
  TableCacheWriter(const CacheRequest& request, const TableCacheOptions& options)
      : request_(request), options_(options) {}

  void write() {
    const TableEncoder encoder = options_.known ? *options_.known : fit();
    RowCacheWriter writer(request_.path,
                          {.columns = encoder.width(), .has_weights = static_cast<bool>(options_.weights)},
                          request_.writer);
    RowCacheDescription description{
        .layout = {.columns = encoder.width()}, .options = request_.options, .encoder = encoder.to_json()};
    rows_ = 0;
    for (const std::string& path : request_.files) encode(path, false, encoder, writer, description);
    if (!options_.known) {
      check_ignored(options_.filter, description.left_out, request_.files[0], {encoder.target().name});
    }
    for (const std::string& path : request_.held_out_files) encode(path, true, encoder, writer, description);
    writer.finish(std::move(description));
  }

 private:
  // Which columns of a file are looked at.
  void leave_out(CsvStream& stream) const {
    const TableEncoderOptions& o = options_.encoder;
    std::vector<std::string> wanted = o.features;
    if (options_.known) {
      wanted.clear();
      for (const Feature& feature : options_.known->features()) wanted.push_back(feature.name);
      wanted.push_back(options_.known->target().name);
    } else if (wanted.empty()) {
      return;
    }
    wanted.push_back(o.target.empty() ? stream.names().back() : o.target);
    if (!o.weight.empty()) wanted.push_back(o.weight);
    stream.leave_out_all_but(wanted);
  }

  std::string target_name(const Table& table) const {
    if (options_.known) return options_.known->target().name;
    return options_.encoder.target.empty() ? table.columns.back().name : options_.encoder.target;
  }

  // Of the rows of a table that are learned: which are held out, and which are trained on. The others are counted.
  std::vector<int64_t> take_learned(Table& table, bool held_out, std::vector<int64_t>& training,
                                    LeftOutRows& left_out) {
    std::vector<int64_t> kept, held;
    const RowFilter filter(options_.filter, table, {target_name(table)});
    training.clear();
    for (int64_t row = 0; row < table.rows; ++row) {
      if (!filter.keeps(row, left_out)) continue;
      const bool is_held_out = held_out || request_.held_out.contains(rows_);
      if (!held_out) ++rows_;
      (is_held_out ? held : training).push_back(static_cast<int64_t>(kept.size()));
      kept.push_back(row);
    }
    if (static_cast<int64_t>(kept.size()) < table.rows) table.keep(kept);
    return held;
  }

  TableEncoder fit() {
    if (options_.encoder.feature.impute == Impute::kMedian) {
      fail_usage("data.impute",
                 "the median needs all numbers of a column at once, which data.rows = \"streamed\" does not keep; take "
                 "\"mean\" or "
                 "\"constant\"");
    }
    bool has_changed = false;
    TableEncoder encoder = fit_once(has_changed);
    return has_changed ? fit_once(has_changed) : encoder;
  }

  // A pass over all files. What it says is void if a column has turned out to be of text meanwhile.
  TableEncoder fit_once(bool& has_changed) {
    TableFitter fitter(options_.encoder);
    kinds_.resize(request_.files.size());
    is_empty_.resize(request_.files.size());
    has_changed = false;
    rows_ = 0;
    int64_t training_rows = 0;
    std::vector<int64_t> training;
    LeftOutRows left_out;
    for (size_t i = 0; i < request_.files.size(); ++i) {
      CsvOptions csv = options_.csv;
      csv.numbers = numbers_of(options_.encoder);
      CsvStream stream(request_.files[i], csv, request_.pieces);
      leave_out(stream);
      check_names(stream);
      if (!kinds_[i].empty()) stream.set_kinds(kinds_[i]);
      std::vector<bool> is_empty(stream.names().size(), true);
      for (Table table; stream.next(table);) {
        note_values(table, is_empty);
        take_learned(table, false, training, left_out);
        training_rows += static_cast<int64_t>(training.size());
        has_changed = has_changed || stream.has_changed();
        if (has_changed) continue;
        fitter.add(table, training);
        fitter.check_size();
      }
      kinds_[i] = stream.kinds();
      is_empty_[i] = is_empty;
    }
    check_kinds();
    if (training_rows == 0) {
      fail(request_.files[0], "no row is left to train on; give more rows, or a smaller data.validation_fraction");
    }
    return has_changed ? TableEncoder{} : fitter.finish();
  }

  void check_names(const CsvStream& stream) {
    if (names_.empty()) names_ = stream.names();
    if (names_ == stream.names()) return;
    const auto differs = std::mismatch(names_.begin(), names_.end(), stream.names().begin(), stream.names().end());
    const auto name = [](auto at, auto end) { return at == end ? std::string("none") : fmt::format("\"{}\"", *at); };
    fail(stream.text().source(), "column {} is {}; expected {}, as in {}", differs.first - names_.begin() + 1,
         name(differs.second, stream.names().end()), name(differs.first, names_.end()), request_.files[0]);
  }

  static void note_values(const Table& table, std::vector<bool>& is_empty) {
    for (size_t c = 0; c < is_empty.size(); ++c) {
      const TableColumn& column = table.columns[c];
      if (!is_empty[c]) continue;
      is_empty[c] = column.dictionary.empty() && std::all_of(column.numbers.begin(), column.numbers.end(),
                                                             [](double number) { return std::isnan(number); });
    }
  }

  // A column is text in all files that have values in it, or in none.
  void check_kinds() const {
    for (size_t c = 0; c < names_.size(); ++c) {
      size_t first = 0;
      while (first + 1 < kinds_.size() && is_empty_[first][c]) ++first;
      for (size_t i = first + 1; i < kinds_.size(); ++i) {
        const auto is_text = [&](size_t file) { return kinds_[file][c] == CsvKind::kTexts; };
        if (is_empty_[i][c] || is_text(i) == is_text(first)) continue;
        const auto kind = [](CsvKind of) { return of == CsvKind::kTexts ? "text" : "numbers"; };
        fail(request_.files[i], "column \"{}\" holds {}; in {} it holds {}", names_[c], kind(kinds_[i][c]),
             request_.files[first], kind(kinds_[first][c]));
      }
    }
  }

  void encode(const std::string& path, bool held_out, const TableEncoder& encoder, RowCacheWriter& writer,
              RowCacheDescription& description) {
    const bool is_fitted = !options_.known && !held_out;
    CsvOptions csv = options_.csv;
    csv.numbers = is_fitted ? CsvNumbersOf{} : numbers_of(encoder, options_.encoder.weight);
    CsvStream stream(path, csv, request_.pieces);
    leave_out(stream);
    if (is_fitted) {
      stream.set_kinds(kinds_[static_cast<size_t>(description.sources.size())]);
    } else {
      take_texts(stream, encoder, options_.encoder.categories);
    }
    std::vector<int64_t> training;
    for (Table table; stream.next(table);) {
      const std::vector<int64_t> held = take_learned(table, held_out, training, description.left_out);
      if (options_.check) options_.check(encoder, table);
      is_held_out_.assign(static_cast<size_t>(table.rows), 0);
      for (const int64_t row : held) is_held_out_[static_cast<size_t>(row)] = 1;
      add_rows(table, encoder, writer);
    }
    description.left_out.skipped.add(stream.skipped());
    description.sources.push_back(source_of(stream.text()));
  }

  void add_rows(const Table& table, const TableEncoder& encoder, RowCacheWriter& writer) {
    constexpr int64_t kMostBytes = int64_t{32} << 20;
    const int64_t width = encoder.width(), most = std::max<int64_t>(1, kMostBytes / (4 * width));
    for (int64_t begin = 0; begin < table.rows; begin += most) {
      const int64_t end = std::min(begin + most, table.rows);
      const bool is_whole = end - begin == table.rows;
      const Table part = is_whole ? Table{} : rows_of(table, begin, end);
      const Table& rows = is_whole ? table : part;
      const Tensor inputs = encoder.inputs(rows), weights = options_.weights ? options_.weights(rows) : Tensor{};
      const std::vector<double> targets = encoder.targets(rows).values<double>();
      for (int64_t row = 0; row < rows.rows; ++row) {
        writer.add(is_held_out_[static_cast<size_t>(begin + row)] != 0 ? RowPart::kHeldOut : RowPart::kTraining,
                   {inputs.data<float>() + row * width, static_cast<size_t>(width)},
                   {&targets[static_cast<size_t>(row)], 1}, weights.defined() ? weights.data<float>()[row] : 1.0F);
      }
    }
  }

  const CacheRequest& request_;
  const TableCacheOptions& options_;
  std::vector<Kinds> kinds_;                 // of the files' columns,
  std::vector<std::vector<bool>> is_empty_;  // and whether all values of one are missing
  std::vector<std::string> names_;
  std::vector<uint8_t> is_held_out_;
  int64_t rows_ = 0;  // of `files` so far, without those left out
};

}  // namespace

void write_table_cache(const CacheRequest& request, const TableCacheOptions& options) {
  TableCacheWriter(request, options).write();
}

SkippedRows for_each_table(const std::string& path, const CsvOptions& csv, const TextPieceOptions& pieces,
                           const TableEncoder& encoder, const std::vector<std::string>& categories,
                           const std::function<void(Table& table)>& visit) {
  CsvStream stream(path, csv, pieces);
  take_texts(stream, encoder, categories);
  for (Table table; stream.next(table);) visit(table);
  return stream.skipped();
}

}  // namespace gradus
