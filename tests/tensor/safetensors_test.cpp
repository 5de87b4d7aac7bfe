#include "gradus/tensor/safetensors.h"

#include <cstring>
#include <string>
#include <vector>

#include "tests/testing.h"

namespace gradus {
namespace safetensors_test {

using Doubles = std::vector<double>;

/// A file by hand: the header's length, the header, the data.
std::string file_of(const std::string& header, const std::string& data = "") {
  std::string text(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(text.data(), &length, 8);
  return text + header + data;
}

/// What reading a file of these bytes says, without the path.
std::string read_error(const std::string& bytes) {
  const TemporaryFolder folder;
  const std::string path = folder / "f.safetensors";
  spill(path, bytes);
  const std::string text = error_text([&] { read_safetensors(path); });
  const std::string prefix = "[" + path + "] ";
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::string write_error(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata = {}) {
  const TemporaryFolder folder;
  const std::string path = folder / "f.safetensors";
  const std::string text = error_text([&] { write_safetensors(path, tensors, metadata); });
  EXPECT_EQ(folder.count(), 0u);
  const std::string prefix = "[" + path + "] ";
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

// Byte for byte: 1 = 0x3F800000, −2 = 0xC0000000; the header of 130 bytes is padded to 136.
const std::string kExpected = file_of(
    R"({"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"U8","shape":[],)"
    R"("data_offsets":[8,9]}})"
    "      ",
    std::string("\x00\x00\x80\x3F\x00\x00\x00\xC0\x07", 9));

TEST(Safetensors, WritesTheseBytes) {
  const TemporaryFolder folder;
  write_safetensors(folder / "f",
                    {{"w", Tensor::from(std::vector<float>{1, -2}, {2})}, {"n", Tensor::scalar(7, DType::kU8)}},
                    {{"a", "b"}});
  EXPECT_EQ(slurp(folder / "f"), kExpected);
  EXPECT_EQ(kExpected[0], static_cast<char>(136));
}

TEST(Safetensors, ReadsTheseBytes) {
  const TemporaryFolder folder;
  spill(folder / "f", kExpected);
  const Safetensors file = read_safetensors(folder / "f");
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].first, "w");
  EXPECT_EQ(file.find("w").describe(), "f32 (2,)");
  EXPECT_EQ(file.find("w").values<double>(), (Doubles{1, -2}));
  EXPECT_EQ(file.find("n").describe(), "u8 ()");
  EXPECT_EQ(file.find("n").item(), 7);
  EXPECT_FALSE(file.find("x").defined());
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"a", "b"}}));
}

TEST(Safetensors, EveryTypeAndShapeComesBack) {
  const TemporaryFolder folder;
  NamedTensors tensors;
  for (const DType dtype :
       {DType::kU8, DType::kF64, DType::kBool, DType::kF32, DType::kBF16, DType::kI64, DType::kI32}) {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{0}, Shape{2, 0, 4}, Shape{1, 2, 1, 2, 1, 2, 1, 1}}) {
      tensors.emplace_back(fmt::format("{}{}", name_of(dtype), to_string(shape)), Tensor::full(shape, 1, dtype));
    }
  }
  write_safetensors(folder / "f", tensors);
  const Safetensors file = read_safetensors(folder / "f");
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(file.tensors[i].first, tensors[i].first);
    EXPECT_EQ(file.tensors[i].second.describe(), tensors[i].second.describe());
    EXPECT_EQ(file.tensors[i].second.values<double>(), tensors[i].second.values<double>());
  }
  EXPECT_TRUE(file.metadata.empty());
}

TEST(Safetensors, NoTensors) {
  const TemporaryFolder folder;
  write_safetensors(folder / "f", {});
  EXPECT_EQ(slurp(folder / "f"), file_of("{}      "));
  EXPECT_TRUE(read_safetensors(folder / "f").tensors.empty());
}

TEST(Safetensors, CopiesViewsInRowMajorOrder) {
  const TemporaryFolder folder;
  const Tensor t = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  write_safetensors(folder / "f", {{"t", t.view({3, 2}, {1, 3})}, {"tail", t.view({2}, {1}, 4)}});
  const Safetensors file = read_safetensors(folder / "f");
  EXPECT_EQ(file.find("t").values<double>(), (Doubles{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(file.find("tail").values<double>(), (Doubles{5, 6}));
}

TEST(Safetensors, ReadsACopy) {
  const TemporaryFolder folder;
  spill(folder / "f", kExpected);
  const Safetensors file = read_safetensors(folder / "f");
  spill(folder / "f", std::string(kExpected.size(), 'x'));
  EXPECT_EQ(file.find("w").values<double>(), (Doubles{1, -2}));
}

TEST(Safetensors, EscapesNames) {
  const TemporaryFolder folder;
  const std::string name = "\"\\\n\x01é😀";
  write_safetensors(folder / "f", {{name, Tensor::scalar(1)}, {"", Tensor::scalar(2)}}, {{name, name}});
  const Safetensors file = read_safetensors(folder / "f");
  EXPECT_EQ(file.find(name).item(), 1);
  EXPECT_EQ(file.find("").item(), 2);
  EXPECT_EQ(file.metadata.at(name), name);
}

TEST(Safetensors, OrdersByTheData) {
  const TemporaryFolder folder;
  spill(folder / "f", file_of(R"({"b":{"shape":[1],"data_offsets":[1,2],"dtype":"U8"},"e":{"dtype":"F32","shape":[0],)"
                              R"("data_offsets":[1,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                              "AB"));
  const Safetensors file = read_safetensors(folder / "f");
  ASSERT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.tensors[0].first, "a");
  EXPECT_EQ(file.tensors[1].first, "e");
  EXPECT_EQ(file.tensors[2].first, "b");
  EXPECT_EQ(file.find("b").item(), 'B');
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const Tensor t = Tensor::scalar(1);
  EXPECT_EQ(write_error({{"a", t}, {"a", t}}), "two tensors have the name \"a\"");
  EXPECT_EQ(write_error({{"a", {}}}), "tensor \"a\" is undefined and can not be written");
  EXPECT_EQ(write_error({{"__metadata__", t}}), "a tensor can not have the name \"__metadata__\"");
  EXPECT_EQ(write_error({{"a\xff", t}}), "the name or text \"a\xEF\xBF\xBD\" is not valid UTF-8");
  EXPECT_EQ(write_error({{"a", t}}, {{"k", "\xff"}}), "the name or text \"\xEF\xBF\xBD\" is not valid UTF-8");
}

TEST(Safetensors, ChecksTheHeadersLength) {
  EXPECT_EQ(read_error(""), "has 0 bytes; a safetensors file starts with the 8 bytes of its header's length");
  EXPECT_EQ(read_error("1234567"), "has 7 bytes; a safetensors file starts with the 8 bytes of its header's length");
  EXPECT_EQ(read_error(std::string(8, '\xff')), "a header of 18446744073709551615 bytes; at most 100000000 are read");
  EXPECT_EQ(read_error(file_of("{}").substr(0, 9)),
            "a header of 2 bytes in a file of 9; the file is cut short, or no safetensors file");
  EXPECT_EQ(read_error(file_of("")), "the header does not start with '{' at byte 8");
  EXPECT_EQ(read_error(file_of(" {}")), "the header does not start with '{' at byte 8");
}

std::string json_error(int byte) { return fmt::format("the header is not valid JSON at byte {} of the file: ", byte); }

TEST(Safetensors, SaysWhereTheJsonBreaks) {
  // The byte is the file's: 8 of the length, then the place in the header.
  EXPECT_TRUE(read_error(file_of(R"({"a":?})")).starts_with(json_error(13)));
  EXPECT_TRUE(read_error(file_of(R"({"a":{)")).starts_with(json_error(14)));
  EXPECT_TRUE(read_error(file_of("{}x")).starts_with(json_error(10)));
  EXPECT_TRUE(read_error(file_of("{\"\xff\":1}")).starts_with(json_error(10)));
}

TEST(Safetensors, ChecksTheHeadersStructure) {
  const auto error = [](const std::string& tensor) { return read_error(file_of("{\"a\":" + tensor + "}")); };
  EXPECT_EQ(error("1"), "\"a\" is 1; expected an object");
  EXPECT_EQ(error("[]"), "\"a\" is an array; expected an object");
  EXPECT_EQ(error("{}"), "tensor \"a\" has no dtype");
  EXPECT_EQ(error(R"({"dtype":"U8"})"), "tensor \"a\" has no shape");
  EXPECT_EQ(error(R"({"dtype":"U8","shape":[]})"), "tensor \"a\" has no data_offsets of two numbers");
  EXPECT_EQ(error(R"({"dtype":"U8","shape":[],"data_offsets":[0]})"),
            "tensor \"a\" has no data_offsets of two numbers");
  EXPECT_EQ(error(R"({"data_offsets":[0,1,2]})"), "tensor \"a\": data_offsets has more than 2 numbers");
  EXPECT_EQ(error(R"({"dtype":"F8_E4M3"})"),
            "tensor \"a\": dtype F8_E4M3 is not known; expected F32, F64, BF16, I64, I32, U8 or BOOL");
  EXPECT_EQ(error(R"({"dtype":null})"), "tensor \"a\": dtype is null; expected a string");
  EXPECT_EQ(error(R"({"dtype":["U8"]})"), "tensor \"a\": dtype is an array; expected a string");
  EXPECT_EQ(error(R"({"shape":"2"})"), "tensor \"a\": shape is \"2\"; expected an array of integers from 0");
  EXPECT_EQ(error(R"({"shape":[2,-1]})"), "tensor \"a\": shape holds -1; expected integers from 0");
  EXPECT_EQ(error(R"({"shape":[2.5]})"), "tensor \"a\": shape holds 2.5; expected integers from 0");
  EXPECT_EQ(error(R"({"shape":[[2]]})"), "tensor \"a\": shape holds an array; expected integers from 0");
  EXPECT_EQ(error(R"({"shape":[9223372036854775808]})"),
            "tensor \"a\": shape holds 9223372036854775808; expected integers from 0");
  EXPECT_EQ(error(R"({"shape":[1,1,1,1,1,1,1,1,1]})"), "tensor \"a\" has more than 8 dimensions");
  EXPECT_EQ(error(R"({"data_offsets":[true,1]})"), "tensor \"a\": data_offsets holds true; expected integers from 0");
  EXPECT_EQ(error(R"({"device":"cpu"})"),
            "tensor \"a\": unknown field \"device\"; expected dtype, shape and data_offsets");
  EXPECT_EQ(error(R"({"dtype":"U8","dtype":"F32"})"), "\"a\": the field \"dtype\" appears twice");
}

TEST(Safetensors, ChecksNamesAndMetadata) {
  const std::string entry = R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_EQ(read_error(file_of("{" + entry + "," + entry + "}")), "the name \"a\" appears twice in the header");
  EXPECT_EQ(read_error(file_of(R"({"__metadata__":{"k":1}})")), "__metadata__ \"k\" is 1; expected a string");
  EXPECT_EQ(read_error(file_of(R"({"__metadata__":{"k":{}}})")), "__metadata__ \"k\" is an object; expected a string");
  EXPECT_EQ(read_error(file_of(R"({"__metadata__":"x"})")), "\"__metadata__\" is \"x\"; expected an object");
  EXPECT_EQ(read_error(file_of(R"({"__metadata__":{"k":"1","k":"2"}})")),
            "\"__metadata__\": the field \"k\" appears twice");
}

std::string entry(const std::string& name, const std::string& shape, const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":"F32","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}";
}

TEST(Safetensors, ChecksRanges) {
  const std::string eight(8, 'x');
  EXPECT_EQ(read_error(file_of("{" + entry("a", "3", "0,8") + "}", eight)),
            "tensor \"a\": F32 (3,) needs 12 bytes, but data_offsets [0, 8] hold 8");
  EXPECT_EQ(read_error(file_of("{" + entry("a", "1", "8,4") + "}", eight)),
            "tensor \"a\": data_offsets [8, 4] end before they begin");
  EXPECT_EQ(read_error(file_of("{" + entry("a", "3", "0,12") + "}", eight)),
            "tensor \"a\": data_offsets [0, 12] end after the file's 8 bytes of data; the file is cut short");
  EXPECT_EQ(read_error(file_of("{" + entry("a", "1", "4,8") + "}", eight)),
            "tensor \"a\": data_offsets [4, 8] leave a gap; expected them to begin at 0");
  EXPECT_EQ(read_error(file_of("{" + entry("a", "2", "0,8") + "," + entry("b", "1", "4,8") + "}", eight)),
            "tensor \"b\": data_offsets [4, 8] overlap the tensor before; expected them to begin at 8");
  EXPECT_EQ(read_error(file_of("{" + entry("a", "1", "0,4") + "," + entry("b", "1", "0,4") + "}", eight)),
            "tensor \"b\": data_offsets [0, 4] overlap the tensor before; expected them to begin at 4");
  EXPECT_EQ(read_error(file_of("{" + entry("a", "1", "0,4") + "}", eight)), "4 bytes after the last tensor's end");
}

TEST(Safetensors, ProductsDoNotOverflow) {
  const std::string large = "4611686018427387904";  // 2^62: times 4 bytes is 0 modulo 2^64
  EXPECT_EQ(read_error(file_of("{" + entry("a", large, "0,0") + "}")),
            "tensor \"a\": shape (4611686018427387904,) is too large");
  EXPECT_EQ(read_error(file_of("{" + entry("a", "4294967296,4294967296", "0,0") + "}")),
            "tensor \"a\": shape (4294967296, 4294967296) is too large");
  EXPECT_EQ(
      read_error(file_of("{" + entry("a", "1099511627776", "0,4398046511104") + "}")),
      "tensor \"a\": data_offsets [0, 4398046511104] end after the file's 0 bytes of data; the file is cut short");
}

TEST(Safetensors, ABoolIsZeroOrOne) {
  EXPECT_EQ(read_error(file_of(R"({"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})", "\x01\x01\x02")),
            "tensor \"a\": element 2 is the byte 2; a BOOL is 0 or 1");
}

// Any one byte changed in the header is read or refused, never a crash; the sanitizers watch.
TEST(Safetensors, SurvivesAnyChangedByte) {
  for (size_t i = 0; i < kExpected.size(); ++i) {
    for (const int change : {1, 2, 16, 128}) {
      std::string bytes = kExpected;
      bytes[i] = static_cast<char>(bytes[i] ^ change);
      read_error(bytes);
    }
    read_error(kExpected.substr(0, i));
  }
}

}  // namespace safetensors_test
}  // namespace gradus
