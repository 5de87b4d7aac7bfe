// Arbitrary bytes as a file that is read a piece at a time: what it is as a whole, or refused as that is.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <string>
#include <vector>

#include "gradus/data/csv.h"
#include "gradus/data/libsvm.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using gradus::fuzz::require;
using gradus::fuzz::unless_refused;

// The rows as text; what is missing, and whether a text was in quotes, shows.
std::vector<std::string> rows_of(const gradus::Table& table) {
  std::vector<std::string> rows;
  for (int64_t row = 0; row < table.rows; ++row) {
    std::string& text = rows.emplace_back(std::to_string(table.lines[static_cast<size_t>(row)]));
    for (const gradus::TableColumn& column : table.columns) {
      text += column.is_missing(row) ? "|"
              : column.is_number     ? fmt::format("|{}", column.number(row))
                                     : "|\"" + column.text(row) + "\"";
    }
  }
  return rows;
}

void check_csv(std::string_view text, const std::string& path, const gradus::CsvOptions& options,
               const gradus::TextPieceOptions& pieces) {
  const auto whole = unless_refused([&] { return gradus::parse_csv(text, "input", options); });
  std::vector<std::string> rows;
  int64_t skipped = 0;
  const auto streamed = unless_refused([&] {
    gradus::CsvStream first(path, options, pieces);
    for (gradus::Table table; first.next(table);) {
    }
    gradus::CsvStream again(path, options, pieces);
    again.set_kinds(first.kinds());
    for (gradus::Table table; again.next(table);) {
      for (std::string& row : rows_of(table)) rows.push_back(std::move(row));
    }
    skipped = again.skipped().count;
    return true;
  });
  require(whole.has_value() == streamed.has_value(), "pieces are refused as the whole is");
  if (whole) require(rows == rows_of(*whole) && skipped == whole->skipped.count, "pieces have the rows of the whole");
}

void check_libsvm(std::string_view text, const std::string& path, const gradus::LibsvmOptions& options,
                  const gradus::TextPieceOptions& pieces) {
  const auto whole = unless_refused([&] { return gradus::parse_libsvm(text, "input", options); });
  std::vector<int32_t> indices;
  std::vector<int64_t> lines;
  const auto columns = unless_refused([&] {
    gradus::LibsvmStream stream(path, options, pieces);
    for (gradus::SparseExamples rows; stream.next(rows);) {
      indices.insert(indices.end(), rows.features.indices.begin(), rows.features.indices.end());
      lines.insert(lines.end(), rows.lines.begin(), rows.lines.end());
    }
    for (int32_t& index : indices) index -= stream.base();
    return stream.columns();
  });
  require(whole.has_value() == columns.has_value(), "pieces are refused as the whole is");
  if (!whole) return;
  require(indices == whole->features.indices && lines == whole->lines && *columns == whole->features.columns,
          "pieces have the rows of the whole");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const std::string_view text = fuzz::as_text(data, size);
  // Compressed bytes are told by how they begin; tests/fuzz/compressed_fuzz.cpp is for them.
  if (compression_of(text) != Compression::kNone) return 0;
  const int file = ::memfd_create("text", 0);
  require(file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "memory");
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  const TextPieceOptions pieces{.piece_bytes = 1 + size / 7, .first_bytes = 1};
  using Header = CsvOptions::Header;
  for (const Header header : {Header::kYes, Header::kNo}) {
    CsvOptions options{.separator = ',', .header = header};
    if (size % 2 == 1) options.on_bad_row = CsvOptions::BadRow::kSkip;
    if (size % 3 == 1) options.comment = '#';
    check_csv(text, path, options, pieces);
  }
  check_libsvm(text, path, {}, pieces);
  check_libsvm(text, path, {.base = LibsvmOptions::Base::kOne, .columns = 9}, pieces);
  check_libsvm(text, path, {.columns = 9, .on_bad_row = LibsvmOptions::BadRow::kSkip}, pieces);
  ::close(file);
  return 0;
}
