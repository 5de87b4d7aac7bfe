#include "gradus/data/numpy_array.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "gradus/base/error.h"

namespace gradus {
namespace {

// The header is a Python dictionary of three keys.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& source) : rest_(text), source_(source) {}

  void read(NumpyArray& array) {
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") {
        read_type(array);
      } else if (key == "fortran_order") {
        array.is_fortran = boolean();
      } else if (key == "shape") {
        array.shape = numbers();
      } else {
        damaged();
      }
      ++keys_;
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (keys_ != 3 || !rest_.empty()) damaged();
  }

 private:
  [[noreturn]] void damaged() const {
    fail(source_, "the header of the array is damaged; make or fetch it again, or save it with numpy.save");
  }

  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) damaged();
  }

  std::string_view quoted() {
    skip_spaces();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) damaged();
    const size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) damaged();
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool boolean() {
    skip_spaces();
    for (const auto& [name, value] : {std::pair<std::string_view, bool>("True", true), {"False", false}}) {
      if (!rest_.starts_with(name)) continue;
      rest_.remove_prefix(name.size());
      return value;
    }
    damaged();
  }

  std::vector<int64_t> numbers() {
    constexpr size_t kMost = 32;  // dimensions that NumPy has
    std::vector<int64_t> all;
    expect('(');
    while (!take(')')) {
      skip_spaces();
      int64_t number = -1;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
      if (error != std::errc() || number < 0 || all.size() == kMost) damaged();
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      if (rest_.starts_with('L')) rest_.remove_prefix(1);  // Python 2 writes long numbers so
      all.push_back(number);
      if (take(',')) continue;
      expect(')');
      break;
    }
    return all;
  }

  void read_type(NumpyArray& array) {
    skip_spaces();
    if (rest_.starts_with('[')) {
      fail(source_, "the array is one of records; save its fields as arrays of their own");
    }
    const std::string_view type = quoted();
    if (type == "|b1") {
      array.kind = NumpyKind::kBoolean;
      array.item_bytes = 1;
      return;
    }
    const bool is_known = type.size() == 3 && std::string_view("<>|").find(type[0]) != std::string_view::npos;
    const std::string_view name = is_known ? type.substr(1) : "";
    const bool is_float = name == "f4" || name == "f8";
    if (!is_float && name != "i1" && name != "i2" && name != "i4" && name != "i8" && name != "u1" && name != "u2" &&
        name != "u4" && name != "u8") {
      fail(source_,
           "numbers of NumPy's type \"{}\"; expected f4, f8, i1 to i8, u1 to u8 or bool: convert the array with "
           ".astype",
           type);
    }
    array.kind = is_float ? NumpyKind::kFloat : name[0] == 'i' ? NumpyKind::kSigned : NumpyKind::kUnsigned;
    array.item_bytes = static_cast<size_t>(name[1] - '0');
    array.is_big_endian = type[0] == '>';
  }

  std::string_view rest_;
  const std::string& source_;
  int keys_ = 0;
};

// How many bytes the header says; nothing if 64 bits do not hold the number.
std::optional<uint64_t> bytes_of(const NumpyArray& array) {
  uint64_t bytes = array.item_bytes;
  for (const int64_t size : array.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes)) return std::nullopt;
  }
  return bytes;
}

}  // namespace

NumpyArray parse_numpy_array(std::string_view bytes, const std::string& source) {
  constexpr std::string_view kMark = "\x93NUMPY";
  if (!bytes.starts_with(kMark)) fail(source, "is no array of NumPy's; expected a file that numpy.save wrote");
  const auto byte = [&](size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
  const size_t version = byte(kMark.size()), begin = kMark.size() + (version == 1 ? 4 : 6);
  if (version < 1 || version > 3) fail(source, "version {} of NumPy's format; expected 1, 2 or 3", version);
  const size_t length = byte(8) | byte(9) << 8 | (version == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (begin > bytes.size() || length > bytes.size() - begin) {
    fail(source, "the array ends inside its header; make or fetch it again");
  }
  NumpyArray array;
  HeaderReader(bytes.substr(begin, length), source).read(array);
  array.data = bytes.substr(begin + length);
  const std::optional<uint64_t> expected = bytes_of(array);
  if (expected != array.data.size()) {
    fail(source, "{} bytes of numbers; the shape ({}) of the array takes {}; make or fetch it again", array.data.size(),
         fmt::join(array.shape, ", "), expected ? std::to_string(*expected) : "more than 64 bits can count");
  }
  return array;
}

}  // namespace gradus
