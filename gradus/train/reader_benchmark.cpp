#include "gradus/train/reader_benchmark.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/folders.h"
#include "gradus/base/random.h"
#include "gradus/data/csv.h"
#include "gradus/data/libsvm.h"
#include "gradus/train/memory.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMegabyte = 1'000'000;

// Numbers of sizes from 0.01 to 1000.
std::string csv_rows(int64_t rows, int64_t columns) {
  const RandomStream random(1);
  std::string text;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      const double size = std::pow(10.0, static_cast<double>(random.bits(1, static_cast<uint64_t>(j)) % 6) - 2.0);
      const double number = size * random.normal(static_cast<uint64_t>(i) + 2, static_cast<uint64_t>(j));
      fmt::format_to(std::back_inserter(text), "{}{:.6g}", j == 0 ? "" : ",", number);
    }
    text += '\n';
  }
  return text;
}

std::string libsvm_rows(int64_t rows) {
  constexpr uint64_t kColumns = 1000;
  constexpr double kStored = 0.03;
  const RandomStream random(1), values(2);
  std::string text;
  for (int64_t i = 0; i < rows; ++i) {
    const auto row = static_cast<uint64_t>(i);
    text += random.bits(row, kColumns) % 2 == 0 ? "0" : "1";
    for (uint64_t j = 0; j < kColumns; ++j) {
      if (random.uniform(row, j) >= kStored) continue;
      fmt::format_to(std::back_inserter(text), " {}:{:.6g}", j + 1, values.normal(row, j));
    }
    text += '\n';
  }
  return text;
}

// As many rows as the file has, or as make some megabytes.
std::string block_of(const ReaderBenchmarkOptions& o) {
  constexpr int64_t kBytesANumber = 9, kBytesASparseRow = 390, kMostNumbers = 1'000'000, kMostSparseRows = 20'000;
  const int64_t bytes = o.megabytes * kMegabyte;
  if (o.is_libsvm) return libsvm_rows(std::min(bytes / kBytesASparseRow, kMostSparseRows));
  return csv_rows(std::min(bytes / kBytesANumber, kMostNumbers) / o.columns, o.columns);
}

// A file of made-up rows, which repeat after some tens of thousands; gone with the object.
class MadeUpFile {
 public:
  explicit MadeUpFile(const ReaderBenchmarkOptions& o)
      : path_(fs::temp_directory_path() / fmt::format("gradus-bench-{}.{}", ::getpid(), o.is_libsvm ? "svm" : "csv")) {
    const int64_t bytes = o.megabytes * kMegabyte, free = free_bytes(path_.parent_path());
    if (bytes > free) {
      fail_usage("--megabytes", "{} for a file in {}, which has {} free; take fewer, or set TMPDIR", megabytes(bytes),
                 path_.parent_path().string(), megabytes(free));
    }
    const std::string block = block_of(o);
    std::string header;
    for (int64_t j = 0; j < o.columns && !o.is_libsvm; ++j) header += fmt::format("{}c{}", j == 0 ? "" : ",", j);
    OutputFile file(path_);
    if (!o.is_libsvm) file.write(header + "\n");
    const auto size = static_cast<int64_t>(block.size());
    for (int64_t written = 0; written + size / 2 < bytes || written == 0; written += size) file.write(block);
    file.finish();
  }
  ~MadeUpFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  MadeUpFile(const MadeUpFile&) = delete;
  MadeUpFile& operator=(const MadeUpFile&) = delete;

  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

void read(const std::string& path, ReaderBenchmark& result) {
  if (path.ends_with(".svm")) {
    const SparseExamples examples = read_libsvm(path);
    result.rows = examples.features.rows;
    result.columns = examples.features.columns;
    result.sum = std::accumulate(examples.targets.begin(), examples.targets.end(), 0.0);
    return;
  }
  const Table table = read_csv(path);
  const std::vector<double>& numbers = table.columns[0].numbers;
  result.rows = table.rows;
  result.columns = static_cast<int64_t>(table.columns.size());
  result.sum = std::accumulate(numbers.begin(), numbers.end(), 0.0);
}

ReaderBenchmark run_on(const std::string& path, int64_t repeats) {
  ReaderBenchmark result;
  result.timing = time_repeats(repeats, [&] { read(path, result); });
  result.bytes = static_cast<int64_t>(fs::file_size(path));
  return result;
}

}  // namespace

ReaderBenchmark run_reader_benchmark(const ReaderBenchmarkOptions& options) {
  if (!options.data.empty()) return run_on(options.data, options.repeats);
  const MadeUpFile file(options);
  return run_on(file.path(), options.repeats);
}

}  // namespace gradus
