// NumPy's arrays and archives, against files that NumPy wrote, and what is wrong with others.
#include "gradus/data/numpy.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "gradus/data/zip_archive.h"
#include "tests/testing.h"

namespace gradus {
namespace numpy_test {

using nlohmann::json;
using Doubles = std::vector<double>;

const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/numpy.json"));
  return all;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string reference(const char* title) {
  for (const json& one : references()["cases"]) {
    if (one["title"] == title) return from_hex(one["hex"]);
  }
  throw std::runtime_error(title);
}

// An array whose header is `dictionary`, with `data` behind it.
std::string array_of(const std::string& dictionary, const std::string& data, char version = 1) {
  std::string bytes = std::string("\x93NUMPY") + version + '\0';
  bytes += static_cast<char>(dictionary.size() % 256);
  bytes += static_cast<char>(dictionary.size() / 256);
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + dictionary + data;
}

std::string refused(const std::string& bytes, const NumpyOptions& options = {}) {
  return error_text([&] { parse_numpy(bytes, "a.npy", options); });
}

std::string refused_type(const std::string& type) {
  return refused(array_of("{'descr': " + type + ", 'fortran_order': False, 'shape': (1,), }\n", "12345678"));
}

std::string refused_shape(const std::string& shape, const std::string& data) {
  return refused(array_of("{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + ", }\n", data));
}

TEST(Numpy, ReadsWhatNumpyWrites) {
  for (const json& one : references()["cases"]) {
    const Table table = parse_numpy(from_hex(one["hex"]), "a.npy");
    ASSERT_EQ(table.columns.size(), one["columns"].size()) << one["title"];
    for (const TableColumn& column : table.columns) {
      ASSERT_TRUE(one["columns"].contains(column.name)) << one["title"] << column.name;
      const json& expected = one["columns"][column.name];
      ASSERT_EQ(column.rows(), static_cast<int64_t>(expected.size())) << one["title"];
      for (int64_t row = 0; row < table.rows; ++row) {
        const json& number = expected[static_cast<size_t>(row)];
        if (number.is_null()) {
          EXPECT_TRUE(column.is_missing(row)) << one["title"];
        } else {
          EXPECT_EQ(column.number(row), number.get<double>()) << one["title"];
        }
      }
    }
  }
}

TEST(Numpy, TakesArraysOfAnArchiveByName) {
  const std::string archive = reference("deflated");
  const Table table = parse_numpy(archive, "a.npz", {.members = {"y", "X"}});
  EXPECT_EQ(table.columns[0].name, "y");
  EXPECT_EQ(table.columns[2].name, "X.2");
  EXPECT_EQ(table.place(2), "a.npz:3");
  EXPECT_EQ(parse_numpy(archive, "a.npz", {.members = {"y"}}).columns.size(), 1u);
  const auto error = [&](const NumpyOptions& options) {
    return usage_error_text([&] { parse_numpy(archive, "a.npz", options); });
  };
  EXPECT_EQ(error({.members = {"z"}}), "[a.npz] there is no array \"z\"; there are: X, y");
  EXPECT_EQ(error({.members = {"y", "y"}}), "[a.npz] two columns would be named \"y\"; name other arrays");
  EXPECT_EQ(usage_error_text([&] { parse_numpy(reference("bool"), "a.npy", {.members = {"y"}}); }),
            "[a.npy] is a single array, and has no members to name");
}

// Twice as large as in the file, f4 would be, and u1 eight times.
TEST(Numpy, NumbersThatFloatsHoldAreKeptAsSuch) {
  for (const json& one : references()["cases"]) {
    const Table table = parse_numpy(from_hex(one["hex"]), "a.npy");
    const std::string title = one["title"];
    if (!title.starts_with("floats")) continue;
    const bool is_f4 = title.ends_with("f4");
    EXPECT_EQ(table.columns[0].floats.size(), is_f4 ? static_cast<size_t>(table.rows) : 0u) << title;
    EXPECT_EQ(table.columns[0].numbers.size(), is_f4 ? 0u : static_cast<size_t>(table.rows)) << title;
  }
  EXPECT_FALSE(parse_numpy(reference("bool"), "a.npy").columns[0].floats.empty());
}

TEST(Numpy, ReadsFiles) {
  const TemporaryFolder folder;
  spill(folder / "a.npz", reference("stored"));
  EXPECT_EQ(read_numpy((folder / "a.npz").string()).columns[1].floats, (std::vector<float>{1, 3, 5}));
}

TEST(Numpy, ChecksTheHeaderBeforeItTakesMemory) {
  EXPECT_EQ(refused("1,2\n"), "[a.npy] is no array of NumPy's; expected a file that numpy.save wrote");
  EXPECT_EQ(refused("\x93NUMPY"), "[a.npy] version 0 of NumPy's format; expected 1, 2 or 3");
  EXPECT_EQ(refused(array_of("{}", "", 4)), "[a.npy] version 4 of NumPy's format; expected 1, 2 or 3");
  const std::string good = reference("bool");
  EXPECT_EQ(refused(good.substr(0, 50)), "[a.npy] the array ends inside its header; make or fetch it again");
  EXPECT_EQ(refused(good.substr(0, 9)), "[a.npy] the array ends inside its header; make or fetch it again");
  const std::string ending = "of the array takes 4; make or fetch it again";
  EXPECT_EQ(refused(good.substr(0, good.size() - 1)), "[a.npy] 3 bytes of numbers; the shape (2, 2) " + ending);
  EXPECT_EQ(refused(good + "x"), "[a.npy] 5 bytes of numbers; the shape (2, 2) " + ending);
  EXPECT_EQ(
      refused_shape("(10000000000,)", "12"),
      "[a.npy] 2 bytes of numbers; the shape (10000000000) of the array takes 10000000000; make or fetch it again");
  EXPECT_EQ(refused_shape("(4294967296, 4294967296)", ""),
            "[a.npy] 0 bytes of numbers; the shape (4294967296, 4294967296) of the array takes more than 64 bits can "
            "count; make or fetch it again");
  EXPECT_EQ(refused_shape("()", "1"), "[a.npy] the array is a single number; expected rows");
  EXPECT_EQ(refused_shape("(0, 9000000000)", ""), "[a.npy] the array has no row");
  EXPECT_EQ(refused_shape("(9000000000, 0)", ""), "[a.npy] the array has no column");
  EXPECT_EQ(refused_shape("(1, 262145)", std::string(262145, '1')),
            "[a.npy] the array has 262145 columns; expected at most 262144");
}

TEST(Numpy, RefusesDamagedHeaders) {
  const std::string damaged =
      "[a.npy] the header of the array is damaged; make or fetch it again, or save it with numpy.save";
  const std::string start = "{'descr': '|u1', 'fortran_order': False, ";
  for (const std::string& header :
       {std::string(), std::string("{}"), std::string("{'descr'"), std::string("{descr: '|u1'}"),
        start + "'shape': (1,)", start + "'shape': (-1,)}", start + "'shape': (1 1)}", start + "'shape': (x,)}",
        start + "'shape': 1}", start + "'other': (1,)}", start + "}", start + "'shape': (1,)} x",
        start + "'shape': (99999999999999999999,)}", std::string("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}"),
        std::string("{'descr': '|u1"),
        start + "'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}"}) {
    EXPECT_EQ(refused(array_of(header, "1")), damaged) << header;
  }
  EXPECT_EQ(parse_numpy(array_of(start + "\"shape\":(1L,)}", "1"), "a.npy").rows, 1);  // Python 2
}

TEST(Numpy, RefusesNumbersThatATableDoesNotHold) {
  for (const char* type : {"<c16", "<f2", "|O", "<U3", "|S8", "<i3", "", "<M8[ns]", "f8"}) {
    EXPECT_EQ(
        refused_type(fmt::format("'{}'", type)),
        fmt::format("[a.npy] numbers of NumPy's type \"{}\"; expected f4, f8, i1 to i8, u1 to u8 or bool: convert "
                    "the array with .astype",
                    type));
  }
  EXPECT_EQ(refused_type("[('a', '<f8')]"),
            "[a.npy] the array is one of records; save its fields as arrays of their own");
  const std::string header = "', 'fortran_order': False, 'shape': (2, 1)}";
  const auto number = [](auto value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  EXPECT_EQ(
      refused(array_of("{'descr': '<f8" + header, number(1.0) + number(-std::numeric_limits<double>::infinity()))),
      "[a.npy:2] -inf in column \"1\"; expected finite numbers, whole ones up to 2^53");
  const int64_t large = (int64_t{1} << 53) + 2;
  EXPECT_EQ(refused(array_of("{'descr': '<i8" + header, number(-large) + number(large))),
            "[a.npy:1] -9007199254740994 in column \"1\"; expected finite numbers, whole ones up to 2^53");
}

TEST(Numpy, RefusesDamagedArchives) {
  const std::string archive = reference("deflated");
  const auto error = [](const std::string& bytes) { return error_text([&] { parse_numpy(bytes, "a.npz"); }); };
  const auto damaged = [](const char* what) {
    return fmt::format("[a.npz] damaged archive: {}; make or fetch it again", what);
  };
  EXPECT_EQ(error("PK"), damaged("it is shorter than an empty one"));
  EXPECT_EQ(error(archive.substr(0, archive.size() - 30)),
            damaged("there is no list of members at its end; was it cut short?"));
  const std::string end = archive.substr(archive.size() - 22);
  EXPECT_EQ(error("PK" + end), damaged("it points behind the file's end"));
  EXPECT_EQ(error("PK\5\6" + std::string(18, '\0')), "[a.npz] the archive holds no array");
  const size_t list = archive.find("PK\1\2");
  const auto changed = [&](size_t at, char to, const std::string& of) {
    std::string bytes = of;
    bytes[at] = to;
    return error(bytes);
  };
  EXPECT_EQ(changed(list, 'x', archive), damaged("its list of members ends too early"));
  EXPECT_EQ(changed(list + 42, 1, archive), damaged("a member is not where it should be"));
  const std::string method =
      "[a.npz] member \"X.npy\" is encrypted, or compressed by another method than deflate; save it again with "
      "numpy.savez or numpy.savez_compressed";
  EXPECT_EQ(changed(list + 8, 1, archive), method);
  EXPECT_EQ(changed(list + 10, 12, archive), method);
  for (const size_t at : {list + 16, list + 24, archive.find("PK\3\4") + 80}) {  // its sum, its size, its data
    EXPECT_EQ(changed(at, '\x7F', archive), "[a.npz] member \"X.npy\" is damaged; make or fetch it again") << at;
  }
  const std::string stored = reference("stored");
  EXPECT_EQ(changed(stored.find("PK\1\2") + 24, 1, stored), damaged("the sizes of a member differ"));
  // A size that needs zip64 and has it not; and one above all memory.
  std::string large = archive;
  large.replace(list + 24, 4, "\xFE\xFF\xFF\x7F");
  EXPECT_EQ(error(large), "[a.npz] member \"X.npy\" is damaged; make or fetch it again");
  std::string twice = archive;
  twice[twice.find("y.npy", list)] = 'X';
  EXPECT_EQ(error(twice), damaged("it has a member twice"));
}

TEST(Numpy, ArraysOfAnArchiveMakeOneTable) {
  const auto error = [](const char* title) {
    return error_text([&] { parse_numpy(from_hex(references()["odd"][title]), "a.npz"); });
  };
  EXPECT_EQ(error("rows differ"), "[a.npz, b] the array has 2 rows; expected 3, as in those before it");
  EXPECT_EQ(error("wide"), "[a.npz, b] the arrays have 400000 columns and more; expected at most 262144");
}

TEST(ZipArchive, HasALimit) {
  const std::string bytes = reference("deflated");
  const ZipArchive archive(bytes, "a.npz");
  const ZipArchive::Member& member = archive.members()[0];
  EXPECT_EQ(archive.contents(member, member.size).bytes.size(), static_cast<size_t>(member.size));
  EXPECT_EQ(error_text([&] { archive.contents(member, member.size - 1); }),
            fmt::format("[a.npz] member \"X.npy\" holds {} bytes; at most {} are read", member.size, member.size - 1));
}

}  // namespace numpy_test
}  // namespace gradus
