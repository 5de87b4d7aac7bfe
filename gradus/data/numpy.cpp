#include "gradus/data/numpy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/memory.h"
#include "gradus/base/threads.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/numpy_array.h"
#include "gradus/data/zip_archive.h"

namespace gradus {
namespace {

template <class T>
T load(const char* from, bool is_swapped) {
  char bytes[sizeof(T)];
  std::copy(from, from + sizeof(T), bytes);
  if (is_swapped) std::reverse(bytes, bytes + sizeof(T));
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

// Where a column's numbers are: the first, and how far the next is from it.
struct Places {
  const char* first = nullptr;
  size_t step = 0;
  bool is_swapped = false;
};

// Where a column keeps numbers of this type: as f32 if that holds all of them.
template <class T>
auto& places_for(TableColumn& column) {
  if constexpr (std::is_same_v<T, float> || (std::is_integral_v<T> && sizeof(T) <= 2)) {
    return column.floats;
  } else {
    return column.numbers;
  }
}

template <class T>
void make_places(TableColumn& column, int64_t rows) {
  resize_in_large_pages(places_for<T>(column), static_cast<size_t>(rows));
}

// Fills rows of a column; the first row whose number it cannot hold, or −1.
template <class T>
int64_t convert_numbers(const Places& from, TableColumn& column, int64_t begin, int64_t end) {
  auto* const to = places_for<T>(column).data();
  for (int64_t row = begin; row < end; ++row) {
    const T value = load<T>(from.first + static_cast<size_t>(row) * from.step, from.is_swapped);
    to[row] = static_cast<std::remove_reference_t<decltype(*to)>>(value);
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isinf(value)) return row;
    } else if constexpr (sizeof(T) == 8) {
      constexpr T kMost = T{1} << 53;  // all up to here are doubles
      if (value > kMost || (std::is_signed_v<T> && value < -kMost)) return row;
    }
  }
  return -1;
}

struct Converter {
  void (*make_places)(TableColumn& column, int64_t rows);
  int64_t (*convert)(const Places& from, TableColumn& column, int64_t begin, int64_t end);
};

template <class T>
constexpr Converter kConverter = {make_places<T>, convert_numbers<T>};

Converter converter_of(const NumpyArray& array) {
  const size_t size = array.item_bytes;
  switch (array.kind) {
    case NumpyKind::kFloat:
      return size == 4 ? kConverter<float> : kConverter<double>;
    case NumpyKind::kSigned:
      return size == 1   ? kConverter<int8_t>
             : size == 2 ? kConverter<int16_t>
             : size == 4 ? kConverter<int32_t>
                         : kConverter<int64_t>;
    default:  // a boolean is a byte, 0 or 1
      return size == 1   ? kConverter<uint8_t>
             : size == 2 ? kConverter<uint16_t>
             : size == 4 ? kConverter<uint32_t>
                         : kConverter<uint64_t>;
  }
}

int64_t columns_of(const NumpyArray& array, const std::string& source) {
  if (array.shape.empty()) fail(source, "the array is a single number; expected rows");
  // Its product is at most the number of bytes, unless there are no rows.
  if (array.shape[0] == 0) fail(source, "the array has no row");
  const int64_t columns = std::accumulate(array.shape.begin() + 1, array.shape.end(), int64_t{1}, std::multiplies<>());
  if (columns == 0) fail(source, "the array has no column");
  if (columns > kMostColumns) fail(source, "the array has {} columns; expected at most {}", columns, kMostColumns);
  return columns;
}

// Of each column of an array, in bytes from its beginning; the last index of a column's place is the fastest.
std::vector<size_t> offsets_of_columns(const NumpyArray& array, size_t columns) {
  std::vector<size_t> offsets(columns);
  for (size_t column = 0; column < columns; ++column) {
    if (!array.is_fortran) {
      offsets[column] = column * array.item_bytes;
      continue;
    }
    size_t rest = column, stride = array.item_bytes;
    for (const int64_t size : array.shape) stride *= static_cast<size_t>(size);
    for (size_t d = array.shape.size(); d-- > 1;) {
      const auto size = static_cast<size_t>(array.shape[d]);
      stride /= size;
      offsets[column] += rest % size * stride;
      rest /= size;
    }
  }
  return offsets;
}

// A number that a table cannot hold.
struct Wrong {
  int64_t row = -1;
  size_t column = 0;
};

// Pages of a mapped file are given back as they were read.
void add_columns(Table& table, const NumpyArray& array, const std::string& member, const std::string& source,
                 bool is_mapped) {
  constexpr int64_t kGrain = 1 << 16;
  const auto columns = static_cast<size_t>(columns_of(array, source));
  const size_t first = table.columns.size();
  if (first + columns > static_cast<size_t>(kMostColumns)) {
    fail(source, "the arrays have {} columns and more; expected at most {}", first + columns, kMostColumns);
  }
  const int64_t rows = array.shape[0];
  const Converter converter = converter_of(array);
  if (first == 0) {
    table.rows = rows;
  } else if (rows != table.rows) {
    fail(source, "the array has {} rows; expected {}, as in those before it", rows, table.rows);
  }
  for (size_t i = 0; i < columns; ++i) {
    const std::string number = std::to_string(i + 1);
    table.columns.push_back({.name = member.empty()            ? number
                                     : array.shape.size() == 1 ? member
                                                               : member + "." + number});
    converter.make_places(table.columns.back(), rows);
  }
  const std::vector<size_t> offsets = offsets_of_columns(array, columns);
  const size_t step = array.item_bytes * (array.is_fortran ? 1 : columns);
  // Of some rows all columns, or of one column some rows: what lies together in the file.
  const size_t together = array.is_fortran ? 1 : columns;
  const int64_t grain = std::max<int64_t>(1, kGrain / static_cast<int64_t>(together));
  const int64_t cuts = (rows + grain - 1) / grain;
  std::vector<Wrong> wrong(static_cast<size_t>(cuts) * (columns / together));
  parallel_for(static_cast<int64_t>(wrong.size()), 1, [&](int64_t piece, int64_t) {
    Wrong& here = wrong[static_cast<size_t>(piece)];
    const size_t column = static_cast<size_t>(piece / cuts) * together;
    const int64_t begin = piece % cuts * grain, end = std::min(begin + grain, rows);
    for (size_t i = column; i < column + together; ++i) {
      const Places places{array.data.data() + offsets[i], step,
                          array.is_big_endian != (std::endian::native == std::endian::big)};
      const int64_t row = converter.convert(places, table.columns[first + i], begin, end);
      if (row >= 0 && (here.row < 0 || row < here.row)) here = {row, first + i};
    }
    if (!is_mapped) return;
    const size_t first_byte = offsets[column] + static_cast<size_t>(begin) * step;
    release_pages(array.data, first_byte, first_byte + static_cast<size_t>(end - begin) * step);
  });
  const auto found = std::min_element(wrong.begin(), wrong.end(), [](const Wrong& a, const Wrong& b) {
    return a.row >= 0 && (b.row < 0 || a.row < b.row);  // the first row, in the first of its columns
  });
  if (found->row < 0) return;
  const TableColumn& column = table.columns[found->column];
  fail(fmt::format("{}:{}", source, found->row + 1),
       "{} in column \"{}\"; expected finite numbers, whole ones up to 2^53", column.number(found->row), column.name);
}

void add_members(Table& table, std::string_view bytes, const std::string& source, const NumpyOptions& options) {
  constexpr std::string_view kEnding = ".npy";
  const ZipArchive archive(bytes, source);
  std::unordered_map<std::string, const ZipArchive::Member*> arrays;
  std::vector<std::string> names;
  for (const ZipArchive::Member& member : archive.members()) {
    if (!member.name.ends_with(kEnding)) continue;
    names.push_back(member.name.substr(0, member.name.size() - kEnding.size()));
    arrays.emplace(names.back(), &member);
  }
  const std::vector<std::string>& wanted = options.members.empty() ? names : options.members;
  if (wanted.empty()) fail(source, "the archive holds no array");
  int64_t most_bytes = options.most_bytes ? *options.most_bytes : most_contents_bytes();
  for (const std::string& name : wanted) {
    const auto found = arrays.find(name);
    if (found == arrays.end()) {
      fail_usage(source, "there is no array \"{}\"; there are: {}", name, fmt::join(names, ", "));
    }
    const ZipArchive::Contents contents = archive.contents(*found->second, most_bytes);
    most_bytes -= static_cast<int64_t>(contents.bytes.size());
    const std::string place = fmt::format("{}, {}", source, name);
    add_columns(table, parse_numpy_array(contents.bytes, place), name, place, false);
  }
  std::unordered_set<std::string> used;
  for (const TableColumn& column : table.columns) {
    if (!used.insert(column.name).second) {
      fail_usage(source, "two columns would be named \"{}\"; name other arrays", column.name);
    }
  }
}

}  // namespace

namespace {

Table parse(std::string_view bytes, const std::string& source, const NumpyOptions& options, bool is_mapped) {
  Table table;
  table.parts = {{source, 0}};
  if (bytes.starts_with("PK")) {
    add_members(table, bytes, source, options);
  } else {
    if (!options.members.empty()) fail_usage(source, "is a single array, and has no members to name");
    add_columns(table, parse_numpy_array(bytes, source), "", source, is_mapped);
  }
  table.lines.resize(static_cast<size_t>(table.rows));
  std::iota(table.lines.begin(), table.lines.end(), 1);
  return table;
}

}  // namespace

Table parse_numpy(std::string_view bytes, const std::string& source, const NumpyOptions& options) {
  return parse(bytes, source, options, false);
}

Table read_numpy(const std::string& path, const NumpyOptions& options) {
  const FileContents file(path);
  return parse(file.bytes(), path, options, file.is_mapped());
}

}  // namespace gradus
