#include "gradus/data/idx.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "gradus/base/error.h"
#include "gradus/base/input_file.h"
#include "gradus/base/memory.h"
#include "gradus/base/threads.h"
#include "gradus/data/file_contents.h"

namespace gradus {
namespace {

enum class Type : uint8_t { kU8 = 0x08, kI8 = 0x09, kI16 = 0x0b, kI32 = 0x0c, kF32 = 0x0d, kF64 = 0x0e };

// An array whose numbers are bytes of a file.
struct Array {
  Type type = Type::kU8;
  Shape shape;
  std::string_view data;  // exactly as many bytes as the shape says
};

int64_t bytes_of(Type type) {
  switch (type) {
    case Type::kU8:
    case Type::kI8:
      return 1;
    case Type::kI16:
      return 2;
    case Type::kI32:
    case Type::kF32:
      return 4;
    case Type::kF64:
      return 8;
  }
  return 0;
}

template <class T>
T load(const char* from) {
  char bytes[sizeof(T)];
  std::copy(from, from + sizeof(T), bytes);
  if constexpr (std::endian::native == std::endian::little) std::reverse(bytes, bytes + sizeof(T));
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

Type type_of(std::string_view bytes, const std::string& source) {
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0) {
    std::string found;
    for (const char c : bytes.substr(0, 4)) found += fmt::format(" {:02x}", static_cast<unsigned char>(c));
    fail(source,
         "is no IDX file: it begins with{}; expected 00 00, the type of its numbers and the number of its "
         "dimensions, such as 00 00 08 03",
         found.empty() ? " nothing" : found);
  }
  const auto type = static_cast<Type>(bytes[2]);
  if (bytes_of(type) > 0) return type;
  fail(source,
       "byte 2, the type of the numbers, is {:02x}; expected 08 (u8), 09 (i8), 0b (i16), 0c (i32), 0d (f32) or "
       "0e (f64)",
       static_cast<unsigned char>(bytes[2]));
}

Shape shape_of(std::string_view bytes, const std::string& source) {
  const int rank = static_cast<unsigned char>(bytes[3]);
  if (rank < 1 || rank > Shape::kMaxRank) {
    fail(source, "byte 3, the number of dimensions, is {}; expected 1 to {}", rank, Shape::kMaxRank);
  }
  const size_t end = 4 + 4 * static_cast<size_t>(rank);
  if (bytes.size() < end) {
    fail(source,
         "ends at byte {}, inside the sizes of its {} dimensions, which take up to byte {}; make or fetch it "
         "again",
         bytes.size(), rank, end);
  }
  Shape shape;
  for (size_t at = 4; at < end; at += 4) {
    shape.push_back(load<uint32_t>(bytes.data() + at));
    if (shape.back() == 0) fail(source, "the size at byte {} is 0; expected one number at least", at);
  }
  return shape;
}

Array parse_array(std::string_view bytes, const std::string& source) {
  Array array;
  array.type = type_of(bytes, source);
  array.shape = shape_of(bytes, source);
  array.data = bytes.substr(4 + 4 * static_cast<size_t>(array.shape.rank()));
  int64_t expected = bytes_of(array.type);
  bool fits = true;
  for (const int64_t size : array.shape) fits = fits && !__builtin_mul_overflow(expected, size, &expected);
  if (!fits || expected != static_cast<int64_t>(array.data.size())) {
    fail(source, "{} bytes of numbers from byte {} on; the sizes {} take {}; make or fetch it again", array.data.size(),
         bytes.size() - array.data.size(), to_string(array.shape),
         fits ? std::to_string(expected) : "more than 64 bits can count");
  }
  return array;
}

// The place of the first number that is not finite as a `To`, or the array's size.
template <class From, class To>
int64_t convert(const Array& array, To* to) {
  constexpr int64_t kGrain = 1 << 16;
  const int64_t count = array.shape.numel();
  std::atomic<int64_t> first_bad{count};
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      to[i] = static_cast<To>(load<From>(array.data.data() + i * static_cast<int64_t>(sizeof(From))));
      if constexpr (std::is_floating_point_v<From>) {
        if (std::isfinite(to[i])) continue;
        int64_t seen = first_bad;
        while (i < seen && !first_bad.compare_exchange_weak(seen, i)) {
        }
        return;
      }
    }
  });
  return first_bad;
}

template <class To>
int64_t convert(const Array& array, Tensor& to) {
  To* const numbers = to.mutable_data<To>();
  switch (array.type) {
    case Type::kU8:
      return convert<uint8_t>(array, numbers);
    case Type::kI8:
      return convert<int8_t>(array, numbers);
    case Type::kI16:
      return convert<int16_t>(array, numbers);
    case Type::kI32:
      return convert<int32_t>(array, numbers);
    case Type::kF32:
      return convert<float>(array, numbers);
    case Type::kF64:
      return convert<double>(array, numbers);
  }
  return 0;
}

double number_at(const Array& array, int64_t i) {
  const char* const from = array.data.data() + i * bytes_of(array.type);
  return array.type == Type::kF32 ? static_cast<double>(load<float>(from)) : load<double>(from);
}

}  // namespace

Tensor parse_idx(std::string_view bytes, const std::string& source, const IdxOptions& options) {
  const Array array = parse_array(bytes, source);
  const int64_t count = array.shape.numel(), needed = count * size_of(options.dtype);
  const int64_t most = options.most_bytes.value_or(memory_limit_bytes() - resident_bytes());
  if (needed > most) {
    fail(source, "the {} numbers take {} bytes as {}, and there are {} of memory for them; take fewer examples", count,
         needed, name_of(options.dtype), most);
  }
  Tensor numbers = Tensor::empty(array.shape, options.dtype);
  const bool narrow = options.dtype == DType::kF32;
  const int64_t bad = narrow ? convert<float>(array, numbers) : convert<double>(array, numbers);
  if (bad == count) return numbers;
  const int64_t header = static_cast<int64_t>(bytes.size() - array.data.size()), example = count / array.shape[0];
  fail(source, "the number at byte {}, in example {}, is {}; expected finite numbers that {} holds",
       header + bad * bytes_of(array.type), bad / example, number_at(array, bad), name_of(options.dtype));
}

Tensor read_idx(const std::string& path, const IdxOptions& options) {
  return parse_idx(FileContents(path).bytes(), path, options);
}

Tensor parse_idx_labels(std::string_view bytes, const std::string& source) {
  const Array array = parse_array(bytes, source);
  if (array.shape.rank() != 1 || array.type == Type::kF32 || array.type == Type::kF64) {
    fail(source, "holds {} of sizes {}; labels are whole numbers in one dimension",
         array.type == Type::kF32 || array.type == Type::kF64 ? "real numbers" : "whole numbers",
         to_string(array.shape));
  }
  Tensor labels = Tensor::empty(array.shape, DType::kI64);
  convert<int64_t>(array, labels);
  return labels;
}

Tensor read_idx_labels(const std::string& path) { return parse_idx_labels(FileContents(path).bytes(), path); }

bool begins_like_idx(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  char first[4];
  if (InputFile(path).read(first, sizeof first) < sizeof first) return false;
  return first[0] == 0 && first[1] == 0 && bytes_of(static_cast<Type>(first[2])) > 0 && first[3] >= 1 &&
         first[3] <= Shape::kMaxRank;
}

}  // namespace gradus
